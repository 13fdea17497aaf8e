package main

import (
	"context"
	"io"

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
	Post     string `json:"post"`    // who may write to it: members, staff, anyone, moderated
	Archive  bool   `json:"archive"` // its own mailbox keeps what is sent to it
}

func documentGroup(g directory.Group) groupDoc {
	d := groupDoc{ID: int64(g.ID), Address: g.Address, Login: g.Name, Name: g.Title, Title: g.Title, Kind: string(g.Kind), ToSender: g.ToSender,
		Post: string(g.Posting()), Archive: g.Archive}
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
		{"name", d.Login}, {"address", d.Address}, {"title", d.Title}, {"kind", d.Kind}, {"who may write", d.Post}, {"mail to its sender", sender},
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
	post     *oneOf
	archive  *oneOf
	files    *oneOf
	quota    quotaFlag
}

func newGroupSet(a *app) *cobra.Command {
	c := groupChange{kind: words(directory.Kinds()...), files: words(filesRead, filesWrite), post: words(append(directory.Postings(), postDefault)...), archive: words("on", "off")}
	cmd := &cobra.Command{Use: "set NAME", Short: "Change a group: its title, kind, mail and folder"}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage("want the name of one group")
		}
		if countChanged(cmd, "title", "kind", "to-sender", "post", "archive", "files", "quota") == 0 {
			return usage("nothing to change: --title, --kind, --to-sender, --post, --archive, --files or --quota")
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
	cmd.Flags().Var(c.post, "post", "who may write to its address; owners and administrators always may, with members also teachers and staff")
	cmd.Flags().Var(c.archive, "archive", "whether its own mailbox keeps what is sent to it")
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
	if countChanged(cmd, "post", "archive") > 0 {
		if c.archive.value == "on" {
			if err := r.Mail.ProvideGroup(ctx, g.ID); err != nil {
				return g, err
			}
		}
		if err := r.Directory.ChangeList(ctx, g.ID, c.list(cmd)); err != nil {
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

// postDefault leaves it to the group's kind who may write to it.
const postDefault directory.Posting = "default"

// list is what the command line says of the group as a list.
func (c *groupChange) list(cmd *cobra.Command) directory.ListChange {
	post := directory.Posting(c.post.value)
	if post == postDefault {
		post = ""
	}
	return directory.ListChange{Post: changed(cmd, "post", post), Archive: changed(cmd, "archive", c.archive.value == "on")}
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
