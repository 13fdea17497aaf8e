package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"schulhof/config"
	"schulhof/directory"

	"github.com/spf13/cobra"
)

// quotaFlag is a size, "unlimited", or "default" for the role's.
type quotaFlag struct{ bytes *int64 }

// String returns the value as it is written on the command line.
func (q *quotaFlag) String() string {
	switch {
	case q.bytes == nil:
		return ""
	case *q.bytes < 0:
		return "default"
	}
	return quotaText(*q.bytes)
}

// Set reads a value.
func (q *quotaFlag) Set(s string) error {
	var size config.Size
	switch strings.ToLower(s) {
	case "default":
		size = -1
	case "unlimited":
	default:
		if err := size.Set(s); err != nil {
			return err
		}
	}
	q.bytes = new(int64(size))
	return nil
}

// Type is what the help calls the value.
func (q *quotaFlag) Type() string { return "size|unlimited|default" }

func newUserSet(a *app) *cobra.Command {
	role := words(directory.Roles()...)
	var quota quotaFlag
	var name, given, family string
	cmd := &cobra.Command{
		Use: "set ADDRESS", Short: "Change an account's name, role or quota",
		Long: "Change an account's name, role or quota. A new role ends the account's open sessions.",
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage("want one address")
		}
		if cmd.Flags().NFlag() == countChanged(cmd, "config", "json") {
			return usage("nothing to change: --name, --given, --family, --role or --quota")
		}
		return nil
	}
	cmd.RunE = a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
		account, err := accountOf(ctx, r, args[0])
		if err != nil {
			return err
		}
		change := directory.AccountChange{
			Name: changed(cmd, "name", name), Given: changed(cmd, "given", given), Family: changed(cmd, "family", family),
			Role: changed(cmd, "role", directory.Role(role.value)), QuotaBytes: quota.bytes,
		}
		return a.changeAccount(ctx, r, account, change, "changed")
	})
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "display name")
	flags.StringVar(&given, "given", "", "given name")
	flags.StringVar(&family, "family", "", "family name")
	flags.Var(role, "role", "what the person is at school")
	flags.Var(&quota, "quota", "storage, such as 2GiB; default: the role's")
	return cmd
}

// changed is the value of a flag if it was given.
func changed[T any](cmd *cobra.Command, flag string, value T) *T {
	if !cmd.Flags().Changed(flag) {
		return nil
	}
	return &value
}

func countChanged(cmd *cobra.Command, flags ...string) (n int) {
	for _, flag := range flags {
		if cmd.Flags().Changed(flag) {
			n++
		}
	}
	return n
}

// changeAccount changes and shows an account; done says in one word what was done.
func (a *app) changeAccount(ctx context.Context, r *rooms, account directory.Account, change directory.AccountChange, done string) error {
	if err := r.Directory.ChangeAccount(ctx, account.ID, change); err != nil {
		return err
	}
	account, err := r.Directory.Account(ctx, account.ID)
	if err != nil {
		return err
	}
	return a.result(documentAccount(account), say("%s %s", account.Address, done))
}

func newUserPasswd(a *app) *cobra.Command {
	var passwordStdin bool
	cmd := &cobra.Command{
		Use: "passwd ADDRESS", Short: "Set a new password, read from standard input or generated", Args: cobra.ExactArgs(1),
		Long: "Set a new password. Without --password-stdin one is generated and printed. Sessions that are open under the old one end.",
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			account, err := accountOf(ctx, r, args[0])
			if err != nil {
				return err
			}
			password, generated := directory.GeneratePassword(), ""
			if generated = password; passwordStdin {
				generated = ""
				if password, err = readPassword(a.stdin); err != nil {
					return err
				}
			}
			if err := r.Directory.ChangeAccount(ctx, account.ID, directory.AccountChange{Password: &password}); err != nil {
				return err
			}
			doc := struct {
				Address  string `json:"address"`
				Login    string `json:"login"`
				Password string `json:"password,omitempty"`
			}{account.Address, account.Login, generated}
			return a.result(doc, func(w io.Writer) error {
				if generated == "" {
					return say("%s has a new password", account.Address)(w)
				}
				return table(w, []string{account.Address, "password: " + generated})
			})
		}),
	}
	cmd.Flags().BoolVar(&passwordStdin, "password-stdin", false, "read the password from the first line of standard input")
	return cmd
}

// newUserState makes disable and enable.
func newUserState(a *app, verb, short string, state directory.State) *cobra.Command {
	return &cobra.Command{
		Use: verb + " ADDRESS…", Short: short, Args: cobra.MinimumNArgs(1),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			return a.setState(ctx, r, args, state, verb+"d")
		}),
	}
}

func (a *app) setState(ctx context.Context, r *rooms, addresses []string, state directory.State, done string) error {
	accounts, err := accountsOf(ctx, r, addresses)
	if err != nil {
		return err
	}
	docs := []accountDoc{}
	for _, account := range accounts {
		if err := r.Directory.ChangeAccount(ctx, account.ID, directory.AccountChange{State: &state}); err != nil {
			return fmt.Errorf("%s: %w", account.Address, err)
		}
		account.State = state
		docs = append(docs, documentAccount(account))
	}
	return a.result(docs, sayEach(docs, done))
}

func sayEach(docs []accountDoc, done string) func(io.Writer) error {
	return func(w io.Writer) error {
		for _, d := range docs {
			if err := say("%s %s", d.Address, done)(w); err != nil {
				return err
			}
		}
		return nil
	}
}

func newUserDelete(a *app) *cobra.Command {
	var purge bool
	cmd := &cobra.Command{
		Use: "delete ADDRESS…", Short: "Delete accounts: hidden and restorable, or with --purge for good", Args: cobra.MinimumNArgs(1),
		Long: "Delete accounts. A deleted account cannot log in and gets no mail, its address stays taken and its data is kept: " +
			"\"user enable\" brings it back, \"user list --deleted\" shows it.\n\nWith --purge the account and all its data are removed for good.",
	}
	cmd.RunE = a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
		if !purge {
			return a.setState(ctx, r, args, directory.Deleted, "deleted")
		}
		accounts, err := accountsOf(ctx, r, args)
		if err != nil {
			return err
		}
		docs := []accountDoc{}
		for _, account := range accounts {
			state := directory.Deleted
			if err := r.Directory.ChangeAccount(ctx, account.ID, directory.AccountChange{State: &state}); err != nil {
				return fmt.Errorf("%s: %w", account.Address, err)
			}
			if err := r.Directory.PurgeAccount(ctx, account.ID); err != nil {
				return fmt.Errorf("%s: %w", account.Address, err)
			}
			account.State = state
			docs = append(docs, documentAccount(account))
		}
		return a.result(docs, sayEach(docs, "removed for good"))
	})
	cmd.Flags().BoolVar(&purge, "purge", false, "remove the account and its data for good")
	return cmd
}
