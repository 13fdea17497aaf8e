package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newManCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write the manual pages of all commands into a folder", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, done, err := a.files.NewDir(args[0])
			if err != nil {
				return err
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // the same program writes the same pages
			err = doc.GenManTree(root, &doc.GenManHeader{Section: "8", Source: "Schulhof", Manual: "Schulhof"}, dir)
			if err != nil {
				return fmt.Errorf("manual pages: %w", err)
			}
			return done()
		},
	}
}
