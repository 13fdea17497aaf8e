package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"
)

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say which version this program is", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			doc := struct {
				Version  string `json:"version"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{a.version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			return a.result(doc, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "schulhof %s (%s, %s)\n", doc.Version, doc.Go, doc.Platform)
				return err
			})
		},
	}
}
