package main

import (
	"context"
	"io"
	"strings"

	"schulhof/directory"

	"github.com/spf13/cobra"
)

// aliasDoc is an alias in a command's JSON.
type aliasDoc struct {
	Address string   `json:"address"`
	Targets []string `json:"targets"`
}

func newAliasCommand(a *app) *cobra.Command {
	family := &cobra.Command{Use: "alias", Short: "Further addresses that lead to accounts, groups or other aliases"}
	family.AddCommand(
		&cobra.Command{
			Use: "add ADDRESS TARGET…", Short: "Add an alias", Args: cobra.MinimumNArgs(2),
			Long:    "Add an alias. Its targets are addresses of this server and must exist; a target may have a detail: anna+office goes to anna's mailbox office.",
			Example: "  schulhof alias add office anna otto",
			RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
				if err := r.Directory.AddAlias(ctx, directory.Alias{Address: args[0], Targets: args[1:]}); err != nil {
					return err
				}
				made, err := r.Directory.Alias(ctx, args[0])
				if err != nil {
					return err
				}
				return a.result(aliasDoc(made), say("%s added, to %s", made.Address, strings.Join(made.Targets, " ")))
			}),
		},
		&cobra.Command{
			Use: "list", Short: "List aliases", Args: cobra.NoArgs,
			RunE: a.withRooms(func(ctx context.Context, r *rooms, _ []string) error {
				aliases, err := r.Directory.Aliases(ctx)
				if err != nil {
					return err
				}
				docs := []aliasDoc{}
				rows := [][]string{{"ADDRESS", "TARGETS"}}
				for _, alias := range aliases {
					docs = append(docs, aliasDoc(alias))
					rows = append(rows, []string{alias.Address, strings.Join(alias.Targets, " ")})
				}
				return a.result(docs, func(w io.Writer) error { return table(w, rows...) })
			}),
		},
		&cobra.Command{
			Use: "remove ADDRESS", Short: "Remove an alias", Args: cobra.ExactArgs(1),
			RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error { return removeAlias(ctx, a, r, args[0]) }),
		})
	return family
}

func removeAlias(ctx context.Context, a *app, r *rooms, address string) error {
	alias, err := r.Directory.Alias(ctx, address)
	if err != nil {
		return err
	}
	if err := r.Directory.RemoveAlias(ctx, alias.Address); err != nil {
		return err
	}
	return a.result(aliasDoc(alias), say("%s removed", alias.Address))
}
