package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"schulhof/config"
	"schulhof/dav/collection"
	"schulhof/directory"

	"github.com/spf13/cobra"
)

// groupDoc is a group in a command's JSON. Name is the title, or the login name where there is none.
type groupDoc struct {
	ID       int64  `json:"id"`
	Address  string `json:"address"`
	Login    string `json:"login"`
	Name     string `json:"name"`
	Title    string `json:"title"`
	Kind     string `json:"kind"`
	ToSender bool   `json:"to_sender"`
}

func documentGroup(g directory.Group) groupDoc {
	d := groupDoc{ID: int64(g.ID), Address: g.Address, Login: g.Name, Name: g.Title, Title: g.Title, Kind: string(g.Kind), ToSender: g.ToSender}
	if d.Name == "" {
		d.Name = g.Name
	}
	return d
}

func newGroupCommand(a *app) *cobra.Command {
	family := &cobra.Command{
		Use: "group", Short: "Add, change and list groups and their members",
		Long: "Add, change and list groups and their members. A mail to a group's address reaches each member once.",
	}
	family.AddCommand(newGroupAdd(a), newGroupList(a), newGroupShow(a), newGroupSet(a), newGroupDelete(a), newMemberCommand(a))
	return family
}

func newGroupAdd(a *app) *cobra.Command {
	kind := words(directory.Kinds()...)
	g := directory.Group{}
	cmd := &cobra.Command{
		Use: "add NAME --kind KIND", Short: "Add a group", Args: cobra.ExactArgs(1),
		Long:    "Add a group. NAME becomes the part before the @ of its address; without a domain it is at the main one.",
		Example: "  schulhof group add 7b --kind class --title \"Klasse 7b\"",
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			g.Name, g.Kind = args[0], directory.Kind(kind.value)
			made, err := r.Directory.AddGroup(ctx, g)
			if err != nil {
				return err
			}
			return a.result(documentGroup(made), say("%s added", made.Address))
		}),
	}
	cmd.Flags().Var(kind, "kind", "what the group is at school")
	cmd.Flags().StringVar(&g.Title, "title", "", "what people read, such as \"Klasse 7b\"")
	cmd.Flags().BoolVar(&g.ToSender, "to-sender", true, "a mail to the group reaches its sender too, if a member")
	_ = cmd.MarkFlagRequired("kind") // fails only for flags that do not exist
	return cmd
}

func newGroupList(a *app) *cobra.Command {
	kind := words(directory.Kinds()...)
	cmd := &cobra.Command{
		Use: "list", Short: "List groups", Args: cobra.NoArgs,
		RunE: a.withRooms(func(ctx context.Context, r *rooms, _ []string) error {
			groups, err := r.Directory.Groups(ctx)
			if err != nil {
				return err
			}
			docs := []groupDoc{}
			rows := [][]string{{"NAME", "ADDRESS", "KIND", "TITLE"}}
			for _, g := range groups {
				if kind.value == "" || kind.value == string(g.Kind) {
					docs = append(docs, documentGroup(g))
					rows = append(rows, []string{g.Name, g.Address, string(g.Kind), g.Title})
				}
			}
			return a.result(docs, func(w io.Writer) error { return table(w, rows...) })
		}),
	}
	cmd.Flags().Var(kind, "kind", "only these")
	return cmd
}

// groupDetails is what "group show" tells.
type groupDetails struct {
	groupDoc
	Files   string      `json:"files"` // "read" or "write": what plain members may do in the group's folder
	Quota   int64       `json:"quota"` // bytes of files, calendars and contacts; 0: unlimited
	Used    int64       `json:"used"`
	Members []memberDoc `json:"members"`
}

func newGroupShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a group and its members", Args: cobra.ExactArgs(1),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			g, err := r.Directory.Group(ctx, args[0])
			if err != nil {
				return err
			}
			doc, err := detailGroup(ctx, r, g)
			if err != nil {
				return err
			}
			return a.result(doc, func(w io.Writer) error { return table(w, doc.rows()...) })
		}),
	}
}

func detailGroup(ctx context.Context, r *rooms, g directory.Group) (d groupDetails, err error) {
	d.groupDoc, d.Files = documentGroup(g), filesRead
	if d.Members, err = documentMembers(ctx, r, g); err != nil {
		return d, err
	}
	settings, err := r.DAV.GroupSettings(ctx, g.ID)
	if err != nil {
		return d, err
	}
	if settings.MembersWrite {
		d.Files = filesWrite
	}
	usage, err := r.DAV.Usage(ctx, collection.Node{Owner: g.ID})
	d.Quota, d.Used = usage.Limit, usage.Used
	return d, err
}

func (d groupDetails) rows() [][]string {
	sender := "yes"
	if !d.ToSender {
		sender = "no"
	}
	rows := [][]string{
		{"name", d.Login}, {"address", d.Address}, {"title", d.Title}, {"kind", d.Kind}, {"mail to its sender", sender},
		{"files", "members " + d.Files}, {"quota", quotaText(d.Quota)}, {"used", config.Size(d.Used).String()},
	}
	for i, m := range d.Members {
		head := ""
		if i == 0 {
			head = "members"
		}
		rows = append(rows, []string{head, m.describe()})
	}
	return rows
}

// What plain members may do in a group's folder.
const (
	filesRead  = "read"
	filesWrite = "write"
)

// groupChange is what "group set" is told.
type groupChange struct {
	title    string
	kind     *oneOf
	toSender bool
	files    *oneOf
	quota    quotaFlag
}

func newGroupSet(a *app) *cobra.Command {
	c := groupChange{kind: words(directory.Kinds()...), files: words(filesRead, filesWrite)}
	cmd := &cobra.Command{Use: "set NAME", Short: "Change a group: its title, kind, mail and folder"}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage("want the name of one group")
		}
		if countChanged(cmd, "title", "kind", "to-sender", "files", "quota") == 0 {
			return usage("nothing to change: --title, --kind, --to-sender, --files or --quota")
		}
		return nil
	}
	cmd.RunE = a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
		g, err := c.apply(ctx, r, cmd, args[0])
		if err != nil {
			return err
		}
		return a.result(documentGroup(g), say("%s changed", g.Address))
	})
	cmd.Flags().StringVar(&c.title, "title", "", "what people read")
	cmd.Flags().Var(c.kind, "kind", "what the group is at school")
	cmd.Flags().BoolVar(&c.toSender, "to-sender", true, "a mail to the group reaches its sender too, if a member")
	cmd.Flags().Var(c.files, "files", "what plain members may do in the group's folder; owners, teachers and staff always write")
	cmd.Flags().Var(&c.quota, "quota", "room for files, calendars and contacts, such as 2GiB")
	return cmd
}

// apply changes what the command line names.
func (c *groupChange) apply(ctx context.Context, r *rooms, cmd *cobra.Command, name string) (directory.Group, error) {
	g, err := r.Directory.Group(ctx, name)
	if err != nil {
		return g, err
	}
	if countChanged(cmd, "title", "kind", "to-sender") > 0 {
		err = r.Directory.ChangeGroup(ctx, g.ID, changed(cmd, "title", c.title), changed(cmd, "kind", directory.Kind(c.kind.value)), changed(cmd, "to-sender", c.toSender))
		if err != nil {
			return g, err
		}
	}
	if countChanged(cmd, "files", "quota") > 0 {
		settings, err := r.DAV.GroupSettings(ctx, g.ID)
		if err != nil {
			return g, err
		}
		if cmd.Flags().Changed("files") {
			settings.MembersWrite = c.files.value == filesWrite
		}
		if cmd.Flags().Changed("quota") {
			settings.QuotaBytes = *c.quota.bytes
		}
		if err := r.DAV.SetGroup(ctx, g.ID, settings); err != nil {
			return g, err
		}
	}
	return r.Directory.Group(ctx, g.Address)
}

func newGroupDelete(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Short: "Delete a group for good; its members keep their accounts", Args: cobra.ExactArgs(1),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			g, err := r.Directory.Group(ctx, args[0])
			if err != nil {
				return err
			}
			if err := r.Directory.DeleteGroup(ctx, g.ID); err != nil {
				return err
			}
			return a.result(documentGroup(g), say("%s deleted", g.Address))
		}),
	}
}

// memberDoc is an account in a group.
type memberDoc struct {
	accountDoc
	Owner bool `json:"owner"`
}

func (m memberDoc) describe() string {
	marks := []string{m.Address}
	if m.Name != "" {
		marks = append(marks, m.Name)
	}
	if m.Owner {
		marks = append(marks, "(owner)")
	}
	if m.State != string(directory.Active) {
		marks = append(marks, "("+m.State+")")
	}
	return strings.Join(marks, " ")
}

func documentMembers(ctx context.Context, r *rooms, g directory.Group) ([]memberDoc, error) {
	members, err := r.Directory.Members(ctx, g.ID)
	if err != nil {
		return nil, err
	}
	docs := make([]memberDoc, len(members))
	for i, m := range members {
		docs[i] = memberDoc{documentAccount(m.Account), m.Owner}
	}
	return docs, nil
}

func newMemberCommand(a *app) *cobra.Command {
	family := &cobra.Command{Use: "member", Short: "Who is in a group"}
	role := words("member", "owner")
	role.value = "member"
	add := &cobra.Command{
		Use: "add GROUP ADDRESS…", Short: "Add accounts to a group, or change what they are in it", Args: cobra.MinimumNArgs(2),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			return changeMembers(ctx, a, r, args, "added to", func(g directory.ID, ids []directory.ID) error {
				return r.Directory.AddMembers(ctx, g, ids, role.value == "owner")
			})
		}),
	}
	add.Flags().Var(role, "role", "an owner may write as the group")
	remove := &cobra.Command{
		Use: "remove GROUP ADDRESS…", Short: "Take accounts out of a group", Args: cobra.MinimumNArgs(2),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			return changeMembers(ctx, a, r, args, "removed from", func(g directory.ID, ids []directory.ID) error {
				return r.Directory.RemoveMembers(ctx, g, ids)
			})
		}),
	}
	list := &cobra.Command{
		Use: "list GROUP", Short: "List a group's members", Args: cobra.ExactArgs(1),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			g, err := r.Directory.Group(ctx, args[0])
			if err != nil {
				return err
			}
			docs, err := documentMembers(ctx, r, g)
			if err != nil {
				return err
			}
			return a.result(docs, func(w io.Writer) error {
				rows := [][]string{{"ADDRESS", "NAME", "ROLE", "STATE", "IN THE GROUP"}}
				for _, m := range docs {
					in := "member"
					if m.Owner {
						in = "owner"
					}
					rows = append(rows, []string{m.Address, m.Name, m.Role, m.State, in})
				}
				return table(w, rows...)
			})
		}),
	}
	family.AddCommand(add, remove, list)
	return family
}

// changeMembers does act for the group and the accounts of args, all or none, and shows who is in the group then.
func changeMembers(ctx context.Context, a *app, r *rooms, args []string, done string, act func(directory.ID, []directory.ID) error) error {
	g, err := r.Directory.Group(ctx, args[0])
	if err != nil {
		return err
	}
	accounts, err := accountsOf(ctx, r, args[1:])
	if err != nil {
		return err
	}
	ids := make([]directory.ID, len(accounts))
	for i, account := range accounts {
		ids[i] = account.ID
	}
	if err := act(g.ID, ids); err != nil {
		return err
	}
	docs, err := documentMembers(ctx, r, g)
	if err != nil {
		return err
	}
	return a.result(docs, func(w io.Writer) error {
		for _, account := range accounts {
			if _, err := fmt.Fprintf(w, "%s %s %s\n", printable(account.Address), done, printable(g.Address)); err != nil {
				return fmt.Errorf("write the result: %w", err)
			}
		}
		return nil
	})
}
