package main

import (
	"context"
	"fmt"
	"io"

	"schulhof/store"
	"schulhof/store/fault"

	"github.com/spf13/cobra"
)

// problem is one finding of check, as --json shows it.
type problem struct {
	ID     string `json:"id"`
	Detail string `json:"detail"`
	Mended bool   `json:"mended"`
}

func newCheckCommand(a *app) *cobra.Command {
	var repair bool
	cmd := &cobra.Command{
		Use: "check", Short: "Verify every stored byte and every count", Args: cobra.NoArgs,
		Long: "Verify the database, the checksum of every stored message and file, every reference and every counter. It reads all\n" +
			"data and may run while the server serves. --repair sets right what can be set right without loss and copies damaged data\n" +
			"to the folder aside; it deletes nothing. The exit status is 1 while problems are left. With --json: problems (id, detail, mended).",
		RunE: a.withRooms(func(ctx context.Context, r *rooms, _ []string) error {
			doc := struct {
				Problems []problem `json:"problems"`
			}{[]problem{}}
			left := 0
			found := func(p store.Problem) {
				doc.Problems = append(doc.Problems, problem(p))
				if !p.Mended {
					left++
				}
			}
			if err := r.Mail.Check(ctx, repair, found); err != nil {
				return err
			}
			if err := r.DAV.Check(ctx, repair, found); err != nil {
				return err
			}
			if err := r.Store.Check(ctx, repair, found); err != nil { // after the others: it counts references
				return err
			}
			err := a.result(doc, func(w io.Writer) error { return writeProblems(w, doc.Problems) })
			if err == nil && left > 0 {
				err = fault.New(fault.Refused, "%d problems are left", left)
			}
			return err
		}),
	}
	cmd.Flags().BoolVar(&repair, "repair", false, "set right what can be set right without loss")
	return cmd
}

func writeProblems(w io.Writer, problems []problem) error {
	if len(problems) == 0 {
		_, err := fmt.Fprintln(w, "No problems.")
		return err
	}
	rows := [][]string{{"PROBLEM", "STATE", "DETAIL"}}
	for _, p := range problems {
		state := "found"
		if p.Mended {
			state = "mended"
		}
		rows = append(rows, []string{p.ID, state, p.Detail})
	}
	return table(w, rows...)
}

func newReindexCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "reindex", Short: "Rebuild the indexes of mail and calendars", Args: cobra.NoArgs,
		Long: "Rebuild the search index (search.db) from the stored mail. Searching works meanwhile, only slower. What an earlier version\n" +
			"of the program noted of each message (structure, envelope, preview, sort keys) is made anew as well, which a newer server\n" +
			"otherwise does by itself in the background; so is what it noted of each calendar object (component, first and last time).\n" +
			"With --json: done.",
		RunE: a.withRooms(func(ctx context.Context, r *rooms, _ []string) error {
			if err := r.Mail.Reindex(ctx); err != nil {
				return err
			}
			if err := r.DAV.Reindex(ctx); err != nil {
				return err
			}
			return a.result(map[string]bool{"done": true}, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, "The indexes are rebuilt.")
				return err
			})
		}),
	}
}
