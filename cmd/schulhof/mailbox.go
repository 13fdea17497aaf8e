package main

import (
	"context"
	"fmt"
	"io"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store/fault"

	"github.com/spf13/cobra"
)

// grantDoc is who may do what with one mailbox, in a command's JSON.
type grantDoc struct {
	Mailbox    string `json:"mailbox"`
	Identifier string `json:"identifier"` // a login name of an account or group, or anyone
	Rights     string `json:"rights"`     // letters of RFC 4314
}

func newMailboxCommand(a *app) *cobra.Command {
	family := &cobra.Command{Use: "mailbox", Short: "Mailboxes that several people use"}
	acl := &cobra.Command{
		Use: "acl", Short: "Who may use an account's or a group's mailboxes",
		Long: "Who may use an account's or a group's mailboxes, such as those of office@. Rights are letters: l see it, r read it, s keep one's own\n" +
			"marks of what is read, w set other flags, i put messages into it, t mark as deleted, e remove, k create mailboxes below it, x delete it,\n" +
			"a change these rights, p write mail in the name of its address (granted on INBOX). read is lrs, work is lrswite, all is every right.",
	}
	acl.AddCommand(newACLList(a), newACLSet(a), newACLDelete(a))
	family.AddCommand(acl)
	return family
}

// mailboxOwner is the account or group that has mailboxes.
func mailboxOwner(ctx context.Context, r *rooms, name string) (directory.ID, error) {
	if g, err := r.Directory.Group(ctx, name); err == nil {
		return g.ID, nil
	}
	account, err := r.Directory.AccountByAddress(ctx, name)
	return account.ID, err
}

// mailboxesNamed are an owner's mailboxes: box alone, or all of them.
func mailboxesNamed(ctx context.Context, r *rooms, owner directory.ID, box string) ([]string, error) {
	if box != "" {
		found, err := r.Mail.Lookup(ctx, owner, box, mailbox.RightAdmin)
		return []string{found.Name}, err
	}
	list, err := r.Mail.Mailboxes(ctx, owner)
	var names []string
	for _, b := range list {
		if !b.NoSelect {
			names = append(names, b.Name)
		}
	}
	return names, err
}

func newACLList(a *app) *cobra.Command {
	var box string
	cmd := &cobra.Command{
		Use: "list ADDRESS", Short: "List who may do what", Args: cobra.ExactArgs(1),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error { return a.listRights(ctx, r, args[0], box) }),
	}
	cmd.Flags().StringVar(&box, "mailbox", "", "only this `MAILBOX`")
	return cmd
}

func (a *app) listRights(ctx context.Context, r *rooms, address, box string) error {
	owner, err := mailboxOwner(ctx, r, address)
	if err != nil {
		return err
	}
	names, err := mailboxesNamed(ctx, r, owner, box)
	if err != nil {
		return err
	}
	docs := []grantDoc{}
	rows := [][]string{{"MAILBOX", "WHO", "RIGHTS"}}
	for _, name := range names {
		grants, err := r.Mail.Access(ctx, owner, name)
		if err != nil {
			return err
		}
		for _, g := range grants {
			docs = append(docs, grantDoc{name, g.Identifier, g.Rights.String()})
			rows = append(rows, []string{name, g.Identifier, g.Rights.String()})
		}
	}
	return a.result(docs, func(w io.Writer) error { return table(w, rows...) })
}

func newACLSet(a *app) *cobra.Command {
	var box string
	cmd := &cobra.Command{
		Use: "set ADDRESS WHO RIGHTS", Short: "Let an account, a group or anyone use mailboxes", Args: cobra.ExactArgs(3),
		Long: "Let WHO (an account, a group or anyone) use all mailboxes of ADDRESS, or the one that --mailbox names. RIGHTS are letters, or read, work\n" +
			"or all; they replace what WHO had. A group gets a mailbox if it has none.",
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			rights, err := parseRights(args[2])
			if err != nil {
				return err
			}
			return a.changeRights(ctx, r, args[0], args[1], box, rights)
		}),
	}
	cmd.Flags().StringVar(&box, "mailbox", "", "only this `MAILBOX`")
	return cmd
}

func parseRights(word string) (mailbox.Rights, error) {
	switch word {
	case "read":
		word = "lrs"
	case "work":
		word = "lrswite"
	case "all":
		return mailbox.AllRights, nil
	}
	rights, err := mailbox.ParseRights(word)
	if err == nil && rights == 0 {
		err = fault.New(fault.Invalid, "no rights: take them away with mailbox acl delete")
	}
	return rights, err
}

func newACLDelete(a *app) *cobra.Command {
	var box string
	cmd := &cobra.Command{
		Use: "delete ADDRESS WHO", Short: "Take all rights away that somebody was given", Args: cobra.ExactArgs(2),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			return a.changeRights(ctx, r, args[0], args[1], box, 0)
		}),
	}
	cmd.Flags().StringVar(&box, "mailbox", "", "only this `MAILBOX`")
	return cmd
}

func (a *app) changeRights(ctx context.Context, r *rooms, address, who, box string, rights mailbox.Rights) error {
	owner, err := mailboxOwner(ctx, r, address)
	if err != nil {
		return err
	}
	if _, err := r.Directory.GroupByID(owner); err == nil && rights != 0 {
		if err := r.Mail.ProvideGroup(ctx, owner); err != nil {
			return err
		}
	}
	names, err := mailboxesNamed(ctx, r, owner, box)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := r.Mail.AdministerRights(ctx, owner, name, who, mailbox.GrantReplace, rights); err != nil {
			return fmt.Errorf("mailbox %s: %w", name, err)
		}
	}
	return a.listRights(ctx, r, address, box)
}
