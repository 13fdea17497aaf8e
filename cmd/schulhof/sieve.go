package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"schulhof/directory"
	"schulhof/mailbox/filter"
	"schulhof/mailbox/sieve"
	"schulhof/store/fault"

	"github.com/spf13/cobra"
)

// scriptDoc is a filter script in a command's JSON.
type scriptDoc struct {
	Name    string    `json:"name"`
	Active  bool      `json:"active"`
	Size    int64     `json:"size"` // bytes
	Changed time.Time `json:"changed"`
}

func newSieveCommand(a *app) *cobra.Command {
	family := &cobra.Command{
		Use: "sieve", Short: "People's mail filters",
		Long: "People's mail filters: scripts in the language Sieve (RFC 5228). One of a person's scripts can be active; it decides about every\n" +
			"message that comes in. People change theirs with a program that speaks ManageSieve (RFC 5804).",
	}
	family.AddCommand(newSieveList(a), newSieveShow(a), newSievePut(a),
		&cobra.Command{
			Use: "activate ADDRESS NAME", Short: "Make a script the one that runs", Args: cobra.ExactArgs(2),
			RunE: a.withScripts(func(ctx context.Context, r *rooms, owner directory.ID, args []string) error {
				return r.Filters.Activate(ctx, owner, args[0])
			}),
		},
		&cobra.Command{
			Use: "deactivate ADDRESS", Short: "Let no script run", Args: cobra.ExactArgs(1),
			RunE: a.withScripts(func(ctx context.Context, r *rooms, owner directory.ID, _ []string) error {
				return r.Filters.Activate(ctx, owner, "")
			}),
		},
		&cobra.Command{
			Use: "delete ADDRESS NAME", Short: "Delete a script that is not active", Args: cobra.ExactArgs(2),
			RunE: a.withScripts(func(ctx context.Context, r *rooms, owner directory.ID, args []string) error {
				return r.Filters.Delete(ctx, owner, args[0])
			}),
		})
	return family
}

// withScripts makes the RunE of a command that changes the scripts of the account in its first argument and then lists them.
func (a *app) withScripts(fn func(ctx context.Context, r *rooms, owner directory.ID, args []string) error) func(*cobra.Command, []string) error {
	return a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
		owner, err := r.Directory.AccountByAddress(ctx, args[0])
		if err != nil {
			return err
		}
		if err := fn(ctx, r, owner.ID, args[1:]); err != nil {
			return err
		}
		return a.listScripts(ctx, r, owner.ID)
	})
}

func (a *app) listScripts(ctx context.Context, r *rooms, owner directory.ID) error {
	list, err := r.Filters.Scripts(ctx, owner)
	if err != nil {
		return err
	}
	docs := []scriptDoc{}
	rows := [][]string{{"NAME", "ACTIVE", "BYTES", "CHANGED"}}
	for _, s := range list {
		docs = append(docs, documentScript(s))
		active := ""
		if s.Active {
			active = "active"
		}
		rows = append(rows, []string{s.Name, active, strconv.FormatInt(s.Size, 10), s.Changed.Format(time.DateTime)})
	}
	return a.result(docs, func(w io.Writer) error { return table(w, rows...) })
}

func documentScript(s filter.Script) scriptDoc {
	return scriptDoc{Name: s.Name, Active: s.Active, Size: s.Size, Changed: s.Changed.UTC()}
}

func newSieveList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list ADDRESS", Short: "List a person's scripts", Args: cobra.ExactArgs(1),
		RunE: a.withScripts(func(context.Context, *rooms, directory.ID, []string) error { return nil }),
	}
}

func newSieveShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ADDRESS NAME", Short: "Print a script", Args: cobra.ExactArgs(2),
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			owner, err := r.Directory.AccountByAddress(ctx, args[0])
			if err != nil {
				return err
			}
			text, err := r.Filters.Script(ctx, owner.ID, args[1])
			if err != nil {
				return err
			}
			s, err := scriptCalled(ctx, r, owner.ID, args[1])
			if err != nil {
				return err
			}
			return a.result(struct {
				scriptDoc
				Text string `json:"text"`
			}{documentScript(s), string(text)}, func(w io.Writer) error {
				_, err := w.Write(text)
				return err
			})
		}),
	}
}

// scriptCalled finds one of a person's scripts. fault.NotFound: it was deleted meanwhile.
func scriptCalled(ctx context.Context, r *rooms, owner directory.ID, name string) (filter.Script, error) {
	list, err := r.Filters.Scripts(ctx, owner)
	if err != nil {
		return filter.Script{}, err
	}
	for _, s := range list {
		if s.Name == name {
			return s, nil
		}
	}
	return filter.Script{}, fault.New(fault.NotFound, "there is no script %q", name)
}

func newSievePut(a *app) *cobra.Command {
	var activate bool
	put := &cobra.Command{
		Use: "put ADDRESS NAME", Short: "Check the script on standard input and store it", Args: cobra.ExactArgs(2),
		Long:    "Check the script on standard input and store it, also over an older one of that name. A script with faults is refused, with each of them.",
		Example: "  schulhof sieve put anna holidays --activate < holidays.sieve",
	}
	put.RunE = a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
		owner, err := r.Directory.AccountByAddress(ctx, args[0])
		if err != nil {
			return err
		}
		text, err := io.ReadAll(io.LimitReader(a.stdin, sieve.MaxScript+1))
		if err != nil {
			return fmt.Errorf("read the script: %w", err)
		}
		warnings, err := r.Filters.Put(ctx, owner.ID, args[1], text)
		if err != nil {
			return err
		}
		if activate {
			if err := r.Filters.Activate(ctx, owner.ID, args[1]); err != nil {
				return err
			}
		}
		return a.storedScript(ctx, r, owner, args[1], warnings)
	})
	put.Flags().BoolVar(&activate, "activate", false, "make it the one that runs")
	return put
}

func (a *app) storedScript(ctx context.Context, r *rooms, owner directory.Account, name string, warnings []sieve.Error) error {
	s, err := scriptCalled(ctx, r, owner.ID, name)
	if err != nil {
		return err
	}
	texts := []string{}
	for _, w := range warnings {
		texts = append(texts, w.Error())
	}
	return a.result(struct {
		scriptDoc
		Warnings []string `json:"warnings"`
	}{documentScript(s), texts}, func(w io.Writer) error {
		for _, text := range texts {
			if _, err := fmt.Fprintln(w, "note:", text); err != nil {
				return err
			}
		}
		return say("script %q of %s stored", name, owner.Address)(w)
	})
}
