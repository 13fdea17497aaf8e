package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"schulhof/directory"

	"github.com/spf13/cobra"
)

// memberDoc is an account in a group, or a member elsewhere, who has no account: its role is "external", its state "active" or "paused".
type memberDoc struct {
	accountDoc
	Owner    bool `json:"owner"`
	External bool `json:"external"`
	Bounces  int  `json:"bounces"` // days in a row on which mail to a member elsewhere came back
}

func (m memberDoc) describe() string {
	marks := []string{m.Address}
	if m.Name != "" {
		marks = append(marks, m.Name)
	}
	if m.Owner {
		marks = append(marks, "(owner)")
	}
	if m.External {
		marks = append(marks, "(elsewhere)")
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
		docs[i] = memberDoc{accountDoc: documentAccount(m.Account), Owner: m.Owner}
	}
	elsewhere, err := r.Directory.Externals(g.ID)
	for _, x := range elsewhere {
		d := memberDoc{External: true, Bounces: x.Bounces}
		d.ID, d.Address, d.Role, d.State = x.ID, x.Address, "external", string(directory.Active)
		if x.Paused {
			d.State = "paused"
		}
		docs = append(docs, d)
	}
	return docs, err
}

func newMemberCommand(a *app) *cobra.Command {
	family := &cobra.Command{
		Use: "member", Short: "Who is in a group",
		Long: "Who is in a group: accounts, and addresses elsewhere, which get what is sent to the group. When mail to one of those comes back on\n" +
			"five days in a row it is paused: nothing more is sent there until \"group member resume\".",
	}
	role := words("member", "owner")
	role.value = "member"
	add := &cobra.Command{
		Use: "add GROUP ADDRESS…", Short: "Add accounts or addresses elsewhere to a group, or change what accounts are in it", Args: cobra.MinimumNArgs(2),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			if _, elsewhere := splitMembers(ctx, r, args[1:]); len(elsewhere) > 0 && role.value == "owner" {
				return usage("%s has no account here and cannot be an owner", elsewhere[0])
			}
			return changeMembers(ctx, a, r, args, "added to", func(g directory.ID, ids []directory.ID) error {
				return r.Directory.AddMembers(ctx, g, ids, role.value == "owner")
			}, r.Directory.AddExternals)
		}),
	}
	add.Flags().Var(role, "role", "an owner may write as the group")
	remove := &cobra.Command{
		Use: "remove GROUP ADDRESS…", Short: "Take accounts or addresses elsewhere out of a group", Args: cobra.MinimumNArgs(2),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			return changeMembers(ctx, a, r, args, "removed from", func(g directory.ID, ids []directory.ID) error {
				return r.Directory.RemoveMembers(ctx, g, ids)
			}, r.Directory.RemoveExternals)
		}),
	}
	family.AddCommand(add, remove, newMemberResume(a), newMemberList(a))
	return family
}

func newMemberResume(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "resume GROUP ADDRESS…", Short: "Send again to addresses elsewhere that were paused", Args: cobra.MinimumNArgs(2),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			g, err := r.Directory.Group(ctx, args[0])
			if err != nil {
				return err
			}
			if err := r.Directory.ResumeExternals(ctx, g.ID, args[1:]); err != nil {
				return err
			}
			docs, err := documentMembers(ctx, r, g)
			if err != nil {
				return err
			}
			return a.result(docs, say("mail to %s goes to %s again", g.Address, strings.Join(args[1:], " ")))
		}),
	}
}

func newMemberList(a *app) *cobra.Command {
	return &cobra.Command{
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
}

// splitMembers tells accounts of ours from addresses elsewhere.
func splitMembers(ctx context.Context, r *rooms, names []string) (ours, elsewhere []string) {
	for _, name := range names {
		address, err := directory.ParseAddress(name)
		if err == nil {
			if local, err := r.Directory.IsLocalDomain(ctx, address.Domain); err == nil && !local {
				elsewhere = append(elsewhere, address.String())
				continue
			}
		}
		ours = append(ours, name)
	}
	return ours, elsewhere
}

// changeMembers does act for the group and the accounts of args, all or none, then external for the addresses elsewhere, and shows who is in
// the group then.
func changeMembers(ctx context.Context, a *app, r *rooms, args []string, done string, act func(directory.ID, []directory.ID) error,
	external func(context.Context, directory.ID, []string) error) error {
	g, err := r.Directory.Group(ctx, args[0])
	if err != nil {
		return err
	}
	ours, elsewhere := splitMembers(ctx, r, args[1:])
	accounts, err := accountsOf(ctx, r, ours)
	if err != nil {
		return err
	}
	var ids []directory.ID
	var changed []string
	for _, account := range accounts {
		ids, changed = append(ids, account.ID), append(changed, account.Address)
	}
	if len(ids) > 0 {
		if err := act(g.ID, ids); err != nil {
			return err
		}
	}
	if len(elsewhere) > 0 {
		if err := external(ctx, g.ID, elsewhere); err != nil {
			return err
		}
	}
	docs, err := documentMembers(ctx, r, g)
	if err != nil {
		return err
	}
	return a.result(docs, func(w io.Writer) error {
		for _, address := range append(changed, elsewhere...) {
			if _, err := fmt.Fprintf(w, "%s %s %s\n", printable(address), done, printable(g.Address)); err != nil {
				return fmt.Errorf("write the result: %w", err)
			}
		}
		return nil
	})
}
