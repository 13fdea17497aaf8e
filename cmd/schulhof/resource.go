package main

import (
	"context"
	"io"

	"schulhof/directory"

	"github.com/spf13/cobra"
)

// resourceDoc is a resource in a command's JSON. Name is the title, or the login name where there is none.
type resourceDoc struct {
	ID      int64  `json:"id"`
	Address string `json:"address"`
	Login   string `json:"login"`
	Name    string `json:"name"`
	Title   string `json:"title"`
	Kind    string `json:"kind"`
}

func documentResource(r *rooms, x directory.Resource) resourceDoc {
	d := resourceDoc{ID: int64(x.ID), Address: r.Directory.ResourceAddress(x.ID), Login: x.Name, Name: x.Title, Title: x.Title, Kind: x.Kind}
	if d.Name == "" {
		d.Name = x.Name
	}
	return d
}

func newResourceCommand(a *app) *cobra.Command {
	family := &cobra.Command{Use: "resource", Short: "Places and devices that can be booked"}
	family.AddCommand(newResourceAdd(a),
		&cobra.Command{
			Use: "list", Short: "List resources", Args: cobra.NoArgs,
			RunE: a.withRooms(func(ctx context.Context, r *rooms, _ []string) error {
				resources, err := r.Directory.Resources(ctx)
				if err != nil {
					return err
				}
				docs := []resourceDoc{}
				rows := [][]string{{"NAME", "ADDRESS", "KIND", "TITLE"}}
				for _, x := range resources {
					d := documentResource(r, x)
					docs = append(docs, d)
					rows = append(rows, []string{d.Login, d.Address, d.Kind, d.Title})
				}
				return a.result(docs, func(w io.Writer) error { return table(w, rows...) })
			}),
		},
		&cobra.Command{
			Use: "delete NAME", Short: "Delete a resource for good", Args: cobra.ExactArgs(1),
			RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
				x, err := r.Directory.Resource(ctx, args[0])
				if err != nil {
					return err
				}
				doc := documentResource(r, x)
				if err := r.Directory.DeleteResource(ctx, x.ID); err != nil {
					return err
				}
				return a.result(doc, say("%s deleted", doc.Address))
			}),
		})
	return family
}

func newResourceAdd(a *app) *cobra.Command {
	kind := words(directory.Place, directory.Device)
	var title string
	cmd := &cobra.Command{
		Use: "add NAME --kind KIND", Short: "Add a resource", Args: cobra.ExactArgs(1),
		Example: "  schulhof resource add aula --kind place --title Aula",
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			made, err := r.Directory.AddResource(ctx, directory.Resource{Name: args[0], Title: title, Kind: kind.value})
			if err != nil {
				return err
			}
			doc := documentResource(r, made)
			return a.result(doc, say("%s added", doc.Address))
		}),
	}
	cmd.Flags().Var(kind, "kind", "what it is")
	cmd.Flags().StringVar(&title, "title", "", "what people read")
	_ = cmd.MarkFlagRequired("kind") // fails only for flags that do not exist
	return cmd
}
