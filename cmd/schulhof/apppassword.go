package main

import (
	"context"
	"io"
	"strconv"
	"strings"

	"schulhof/directory"

	"github.com/spf13/cobra"
)

// appPasswordDoc is an app password in a command's JSON. Password is there only when it was just made.
type appPasswordDoc struct {
	ID       int64    `json:"id"`
	Name     string   `json:"name"`
	Scope    []string `json:"scope"`
	Created  string   `json:"created"`
	LastUsed string   `json:"last_used"` // "": never
	Password string   `json:"password,omitempty"`
}

func documentAppPassword(p directory.AppPassword, secret string) appPasswordDoc {
	return appPasswordDoc{ID: p.ID, Name: p.Name, Scope: p.Scope.Names(), Created: timestamp(p.Created), LastUsed: timestamp(p.LastUsed), Password: secret}
}

// scopeFlag is a list such as "mail,dav".
type scopeFlag struct{ scope directory.Scope }

// String returns the scopes with commas between.
func (s *scopeFlag) String() string { return strings.Join(s.scope.Names(), ",") }

// Set reads scopes with commas between.
func (s *scopeFlag) Set(list string) error {
	scope, err := directory.ParseScope(strings.Split(list, ","))
	s.scope = scope
	return err
}

// Type is what the help calls the value.
func (s *scopeFlag) Type() string { return "mail,dav,send" }

func newAppPasswordCommand(a *app) *cobra.Command {
	family := &cobra.Command{Use: "app-password", Short: "Passwords for single devices and programs"}
	family.AddCommand(newAppPasswordAdd(a),
		&cobra.Command{
			Use: "list ADDRESS", Short: "List an account's app passwords", Args: cobra.ExactArgs(1),
			RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error { return listAppPasswords(ctx, a, r, args[0]) }),
		},
		&cobra.Command{
			Use: "revoke ADDRESS ID", Short: "End an app password, also in open sessions", Args: cobra.ExactArgs(2),
			RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
				id, err := strconv.ParseInt(args[1], 10, 64)
				if err != nil {
					return usage("%q is no ID of an app password (\"app-password list\" shows them)", args[1])
				}
				account, err := accountOf(ctx, r, args[0])
				if err != nil {
					return err
				}
				if err := r.Directory.RevokeAppPassword(ctx, account.ID, id); err != nil {
					return err
				}
				return a.result(map[string]any{"id": id, "address": account.Address}, say("app password %d of %s revoked", id, account.Address))
			}),
		})
	return family
}

func newAppPasswordAdd(a *app) *cobra.Command {
	var name string
	scope := scopeFlag{directory.ScopeAll}
	cmd := &cobra.Command{
		Use: "add ADDRESS --name NAME", Short: "Make an app password and print it, once", Args: cobra.ExactArgs(1),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			account, err := accountOf(ctx, r, args[0])
			if err != nil {
				return err
			}
			made, secret, err := r.Directory.AddAppPassword(ctx, account.ID, name, scope.scope)
			if err != nil {
				return err
			}
			doc := documentAppPassword(made, secret)
			return a.result(doc, func(w io.Writer) error {
				return table(w, []string{"id", strconv.FormatInt(doc.ID, 10)}, []string{"name", doc.Name},
					[]string{"scope", strings.Join(doc.Scope, ",")}, []string{"password", secret})
			})
		}),
	}
	cmd.Flags().StringVar(&name, "name", "", "what the password is for, such as \"Phone\"")
	cmd.Flags().Var(&scope, "scope", "what it opens: mail (reading and sending), dav (calendars, contacts, files), send (only sending)")
	_ = cmd.MarkFlagRequired("name") // fails only for flags that do not exist
	return cmd
}

func listAppPasswords(ctx context.Context, a *app, r *rooms, address string) error {
	account, err := accountOf(ctx, r, address)
	if err != nil {
		return err
	}
	list, err := r.Directory.AppPasswords(ctx, account.ID)
	if err != nil {
		return err
	}
	docs := []appPasswordDoc{}
	rows := [][]string{{"ID", "NAME", "SCOPE", "CREATED", "LAST USED"}}
	for _, p := range list {
		d := documentAppPassword(p, "")
		docs = append(docs, d)
		last := d.LastUsed
		if last == "" {
			last = "never"
		}
		rows = append(rows, []string{strconv.FormatInt(d.ID, 10), d.Name, strings.Join(d.Scope, ","), d.Created, last})
	}
	return a.result(docs, func(w io.Writer) error { return table(w, rows...) })
}
