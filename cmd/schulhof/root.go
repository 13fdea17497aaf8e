package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

// commands lists every command family; each has its file.
func commands() []func(*app) *cobra.Command {
	return []func(*app) *cobra.Command{
		newAliasCommand,
		newBackupCommand,
		newCheckCommand,
		newConfigCommand,
		newDKIMCommand,
		newDNSCommand,
		newDemoCommand,
		newDoctorCommand,
		newDomainCommand,
		newExportCommand,
		newFileCommand,
		newGroupCommand,
		newImportCommand,
		newInitCommand,
		newListCommand,
		newManCommand,
		newPolicyCommand,
		newQueueCommand,
		newReindexCommand,
		newReportsCommand,
		newResourceCommand,
		newRestoreCommand,
		newRouteCommand,
		newServeCommand,
		newMailboxCommand, newSieveCommand,
		newUserCommand,
		newVersionCommand,
	}
}

func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "schulhof",
		Short:         "Mail and groupware for a school, over open standards",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().StringVar(&a.configPath, "config", "", "settings `FILE` (default: $SCHULHOF_CONFIG, then "+defaultConfigPath+")")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "write one JSON document")
	for _, newCommand := range a.commands {
		root.AddCommand(newCommand(a))
	}
	prepare(a, root)
	return root
}

// prepare gives the whole tree what no command needs to say: a family without a verb is wrong usage, and the moment
// a command's own code begins is remembered, because errors before it are wrong usage.
func prepare(a *app, cmd *cobra.Command) {
	cmd.SuggestionsMinimumDistance = 2
	if cmd.RunE == nil && cmd.Run == nil && cmd.HasParent() {
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("unknown command %q%s", args[0], suggestion(cmd, args[0]))
			}
			return usage("a command is missing")
		}
	}
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			a.started = true
			return run(cmd, args)
		}
	}
	for _, child := range cmd.Commands() {
		prepare(a, child)
	}
}

func suggestion(cmd *cobra.Command, word string) string {
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		return fmt.Sprintf(", did you mean %s?", near[0])
	}
	return ""
}

// withRooms makes the RunE of a command that works on the server's data. It runs in the server when one is up,
// otherwise here with rooms opened for it.
func (a *app) withRooms(fn func(ctx context.Context, r *rooms, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if a.inServer != nil {
			return fn(cmd.Context(), a.inServer, args)
		}
		return a.inServerOrHere(cmd.Context(), func(ctx context.Context, r *rooms) error { return fn(ctx, r, args) })
	}
}
