package main

import (
	"context"
	"fmt"
	"io"

	"schulhof/store"

	"github.com/spf13/cobra"
)

func newBackupCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "backup DIR", Short: "Write a consistent copy of everything, while the server serves", Args: cobra.ExactArgs(1),
		Long: "Write a consistent copy of the database, mail, files, keys and settings into a new folder, with a manifest of SHA-256 sums.\n" +
			"The search index is left out; it is rebuilt. With --json: backup.",
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			local, done, err := a.files.NewDir(args[0])
			if err != nil {
				return err
			}
			defer done()
			if err := r.Store.Backup(ctx, local); err != nil {
				return err
			}
			return a.result(map[string]string{"backup": args[0]}, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "Saved to %s. \"schulhof restore\" checks and lays it out as a new data folder.\n", args[0])
				return err
			})
		}),
	}
}

func newRestoreCommand(a *app) *cobra.Command {
	var data, database string
	cmd := &cobra.Command{
		Use: "restore DIR --data NEWDIR", Short: "Check a backup and lay it out as a new data folder", Args: cobra.ExactArgs(1),
		Long: "Check every file of a backup against its manifest and lay it out as a new data folder. The backup stays as it is.\n" +
			"A backup of a PostgreSQL server goes into the empty database that --database names. With --json: data.",
		RunE: func(cmd *cobra.Command, args []string) error {
			here := localFiles{a.directory}
			if err := store.RestoreTo(cmd.Context(), here.abs(args[0]), store.Options{Dir: here.abs(data), Database: database}); err != nil {
				return err
			}
			return a.result(map[string]string{"data": data}, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "Restored to %s.\n\nNext:\n  schulhof check --config %s/%s\n  schulhof serve --config %s/%s\n",
					data, data, settingsFile, data, settingsFile)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "empty or new folder for the data")
	cmd.Flags().StringVar(&database, "database", "", "`URL` of an empty PostgreSQL database")
	cmd.MarkFlagRequired("data")
	return cmd
}
