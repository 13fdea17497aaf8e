package main

import (
	"context"
	"io"

	"schulhof/directory"

	"github.com/spf13/cobra"
)

// domainDoc is a domain in a command's JSON: its ASCII form, the form people read, and whether bare names are at it.
type domainDoc struct {
	Name    string `json:"name"`
	Unicode string `json:"unicode"`
	Main    bool   `json:"main"`
}

func newDomainCommand(a *app) *cobra.Command {
	family := &cobra.Command{Use: "domain", Short: "Domains that this server takes mail for"}
	family.AddCommand(
		&cobra.Command{
			Use: "add DOMAIN", Short: "Add a domain; the first is the main one", Args: cobra.ExactArgs(1),
			RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
				if err := r.Directory.AddDomain(ctx, args[0]); err != nil {
					return err
				}
				if err := signFirst(r, args[0]); err != nil {
					return err
				}
				return showDomain(ctx, a, r, args[0], "added")
			}),
		},
		&cobra.Command{
			Use: "list", Short: "List domains, the main one first", Args: cobra.NoArgs,
			RunE: a.withRooms(func(ctx context.Context, r *rooms, _ []string) error {
				docs, err := documentDomains(ctx, r)
				if err != nil {
					return err
				}
				return a.result(docs, func(w io.Writer) error {
					rows := [][]string{{"DOMAIN", "ASCII FORM", ""}}
					for _, d := range docs {
						note := ""
						if d.Main {
							note = "main"
						}
						rows = append(rows, []string{d.Unicode, d.Name, note})
					}
					return table(w, rows...)
				})
			}),
		},
		&cobra.Command{
			Use: "remove DOMAIN", Short: "Remove a domain that no address uses", Args: cobra.ExactArgs(1),
			RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
				if err := r.Directory.RemoveDomain(ctx, args[0]); err != nil {
					return err
				}
				return showDomain(ctx, a, r, args[0], "removed")
			}),
		})
	return family
}

func documentDomains(ctx context.Context, r *rooms) ([]domainDoc, error) {
	names, err := r.Directory.Domains(ctx)
	if err != nil {
		return nil, err
	}
	docs := make([]domainDoc, len(names))
	for i, name := range names {
		docs[i] = domainDoc{name, directory.DisplayDomain(name), i == 0}
	}
	return docs, nil
}

// showDomain says what was done to the domain name.
func showDomain(ctx context.Context, a *app, r *rooms, name, done string) error {
	canonical, err := directory.CanonicalDomain(name)
	if err != nil {
		return err
	}
	doc := domainDoc{Name: canonical, Unicode: directory.DisplayDomain(canonical)}
	docs, err := documentDomains(ctx, r)
	if err != nil {
		return err
	}
	doc.Main = len(docs) > 0 && docs[0].Name == canonical
	return a.result(doc, say("%s %s", doc.Unicode, done))
}

// signFirst makes the first keys of a domain; one that was here before has its own still.
func signFirst(r *rooms, domain string) error {
	keys, err := r.Keys.Keys(domain)
	if err != nil || len(keys) > 0 {
		return err
	}
	_, err = r.Keys.Rotate(domain)
	return err
}
