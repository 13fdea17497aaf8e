package main

import (
	"fmt"
	"io"

	"schulhof/config"

	"github.com/spf13/cobra"
)

func newConfigCommand(a *app) *cobra.Command {
	family := &cobra.Command{Use: "config", Short: "Show or check the settings file"}
	family.AddCommand(
		&cobra.Command{
			Use: "show", Short: "Print all settings in force, defaults included", Args: cobra.NoArgs,
			Long: "Print all settings in force, defaults included. With --json: one object for each section of the file; sizes and durations are texts. " +
				"The password in server.database is left out.",
			RunE: func(*cobra.Command, []string) error {
				c, err := a.loadConfig()
				if err != nil {
					return err
				}
				c.HideSecrets()
				return a.result(c.Map(), func(w io.Writer) error {
					text, err := config.Sample(c)
					if err != nil {
						return err
					}
					_, err = io.WriteString(w, text)
					return err
				})
			},
		},
		&cobra.Command{
			Use: "check", Short: "Report every fault of the settings file", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				c, err := a.loadConfig()
				if err != nil {
					return err
				}
				return a.result(map[string]any{"file": c.Path, "ok": true}, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "%s: no faults\n", c.Path)
					return err
				})
			},
		},
		&cobra.Command{
			Use: "reference", Short: "Print the description of every setting as Markdown", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				text, err := config.Reference()
				if err != nil {
					return err
				}
				_, err = io.WriteString(a.stdout, text)
				return err
			},
		},
	)
	return family
}
