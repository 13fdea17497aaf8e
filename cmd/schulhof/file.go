package main

import (
	"context"
	"io"
	"strconv"
	"strings"

	"schulhof/config"
	"schulhof/dav/collection"
	"schulhof/directory"
	"schulhof/store/fault"

	"github.com/spf13/cobra"
)

// versionDoc is an earlier content of a file in a command's JSON.
type versionDoc struct {
	ID         int64  `json:"id"`
	Size       int64  `json:"size"`
	Modified   string `json:"modified"`
	Replaced   string `json:"replaced"`
	ReplacedBy string `json:"replaced_by"` // login, "" for somebody who is gone
}

// trashedDoc is something deleted in a command's JSON.
type trashedDoc struct {
	ID        int64  `json:"id"`
	Path      string `json:"path"`
	Folder    bool   `json:"folder"`
	Size      int64  `json:"size"`
	Deleted   string `json:"deleted"`
	DeletedBy string `json:"deleted_by"`
}

func newFileCommand(a *app) *cobra.Command {
	family := &cobra.Command{
		Use: "file", Short: "Earlier contents of files, and what was deleted",
		Long: "Earlier contents and deleted files of a person (an address) or a group (its name). They are kept for a while; files.keep says how long.\n" +
			"What is in the files is not shown.",
	}
	family.AddCommand(
		&cobra.Command{
			Use: "versions OWNER PATH", Short: "List the earlier contents of a file, newest first", Args: cobra.ExactArgs(2),
			RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
				return listVersions(ctx, a, r, args[0], args[1])
			}),
		},
		&cobra.Command{
			Use: "trash OWNER", Short: "List what was deleted, newest first", Args: cobra.ExactArgs(1),
			RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error { return listTrash(ctx, a, r, args[0]) }),
		},
		newFileRestore(a))
	return family
}

func newFileRestore(a *app) *cobra.Command {
	var version int64
	var to string
	cmd := &cobra.Command{
		Use: "restore OWNER PATH", Short: "Bring back what was deleted at PATH, or with --version an earlier content", Args: cobra.ExactArgs(2),
		Long: "Bring back what was deleted at PATH (the newest, if there are several), to its place or with --to to another one. With --version, give the\n" +
			"file at PATH an earlier content again; what it has now becomes an earlier content.",
		RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
			s, err := shelfOf(ctx, r, args[0])
			if err != nil {
				return err
			}
			var n collection.Node
			switch {
			case version != 0 && to != "":
				return usage("--to goes with what was deleted, not with --version")
			case version != 0:
				n, err = r.DAV.RestoreVersion(ctx, s.who, s.at(args[1]), version, collection.Guard{})
			default:
				n, err = s.restore(ctx, r, args[1], to)
			}
			if err != nil {
				return err
			}
			path := s.text(n.Path)
			return a.result(map[string]any{"path": path, "size": n.Size}, say("%s restored", path))
		}),
	}
	cmd.Flags().Int64Var(&version, "version", 0, "the `ID` of an earlier content")
	cmd.Flags().StringVar(&to, "to", "", "another `PATH` to bring it back to")
	return cmd
}

// shelf is where an owner keeps files, and who may act there.
type shelf struct {
	who directory.ID
	top collection.Path
}

// shelfOf finds the files of an account or a group. In a group's folder one of its owners acts.
func shelfOf(ctx context.Context, r *rooms, owner string) (shelf, error) {
	group, err := r.Directory.Group(ctx, owner)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
		account, err := accountOf(ctx, r, owner)
		return shelf{account.ID, collection.Path{Space: collection.Files}}, err
	}
	if err != nil {
		return shelf{}, err
	}
	who, err := ownerOf(ctx, r, group)
	return shelf{who, collection.Path{Space: collection.Groups, Segments: []string{group.Name}}}, err
}

// at is the place of path, whose names have slashes between them.
func (s shelf) at(path string) collection.Path {
	p := s.top
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		p = p.Child(name)
	}
	return p
}

// text is p as people write it, below the shelf.
func (s shelf) text(p collection.Path) string {
	return strings.Join(p.Segments[len(s.top.Segments):], "/")
}

// restore brings back the newest thing that was deleted at path.
func (s shelf) restore(ctx context.Context, r *rooms, path, to string) (collection.Node, error) {
	list, err := r.DAV.Trash(ctx, s.who, s.top, collection.PageSize)
	if err != nil {
		return collection.Node{}, err
	}
	target := s.at(path)
	for _, t := range list {
		if s.text(t.Path) != s.text(target) {
			continue
		}
		if to != "" {
			target = s.at(to)
		}
		return r.DAV.Restore(ctx, s.who, t, target)
	}
	return collection.Node{}, fault.New(fault.NotFound, "nothing that was deleted at %s is kept (\"file trash\" lists what is)", path)
}

func listVersions(ctx context.Context, a *app, r *rooms, owner, path string) error {
	s, err := shelfOf(ctx, r, owner)
	if err != nil {
		return err
	}
	list, err := r.DAV.Versions(ctx, s.who, s.at(path))
	if err != nil {
		return err
	}
	docs := []versionDoc{}
	rows := [][]string{{"ID", "SIZE", "WRITTEN", "REPLACED", "BY"}}
	for _, v := range list {
		d := versionDoc{v.ID, v.Size, timestamp(v.Modified), timestamp(v.Replaced), loginOf(ctx, r, v.ReplacedBy)}
		docs = append(docs, d)
		rows = append(rows, []string{strconv.FormatInt(d.ID, 10), config.Size(d.Size).String(), d.Modified, d.Replaced, d.ReplacedBy})
	}
	return a.result(docs, func(w io.Writer) error { return table(w, rows...) })
}

func listTrash(ctx context.Context, a *app, r *rooms, owner string) error {
	s, err := shelfOf(ctx, r, owner)
	if err != nil {
		return err
	}
	list, err := r.DAV.Trash(ctx, s.who, s.top, collection.PageSize)
	if err != nil {
		return err
	}
	docs := []trashedDoc{}
	rows := [][]string{{"PATH", "SIZE", "DELETED", "BY"}}
	for _, t := range list {
		d := trashedDoc{int64(t.ID), s.text(t.Path), t.Kind == collection.Folder, t.Size, timestamp(t.Deleted), loginOf(ctx, r, t.DeletedBy)}
		docs = append(docs, d)
		name := d.Path
		if d.Folder {
			name += "/"
		}
		rows = append(rows, []string{name, config.Size(d.Size).String(), d.Deleted, d.DeletedBy})
	}
	return a.result(docs, func(w io.Writer) error { return table(w, rows...) })
}

// loginOf is the login of an account, "" when it is gone.
func loginOf(ctx context.Context, r *rooms, id directory.ID) string {
	account, err := r.Directory.Account(ctx, id)
	if err != nil {
		return ""
	}
	return account.Login
}
