package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"

	"schulhof/dav/collection"
)

// exportedSpaces are the folders of an export for what is synced by DAV.
var exportedSpaces = []struct {
	space  collection.Space
	folder string
}{{collection.Calendars, "calendars"}, {collection.Contacts, "contacts"}, {collection.Files, "files"}}

// collections writes the account's own calendars, task lists, address books and files, each object as it was stored. What belongs to its
// groups, and the school directory, is not its own.
func (e *export) collections(ctx context.Context) error {
	root, err := os.OpenRoot(e.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, s := range exportedSpaces {
		top, err := e.rooms.DAV.Resolve(ctx, e.account.ID, collection.Path{Space: s.space, Owner: e.account.Login})
		if err != nil {
			return fmt.Errorf("%s: %w", s.folder, err)
		}
		if err := e.folder(ctx, root, top, s.folder); err != nil {
			return fmt.Errorf("%s: %w", s.folder, err)
		}
	}
	return nil
}

// folder writes what is in a collection.
func (e *export) folder(ctx context.Context, root *os.Root, n collection.Node, to string) error {
	if err := root.Mkdir(to, 0o700); err != nil {
		return err
	}
	for after := ""; ; {
		list, err := e.rooms.DAV.Children(ctx, e.account.ID, n, after, collection.PageSize)
		if err != nil {
			return err
		}
		for _, child := range list {
			if child.Owner != e.account.ID {
				continue
			}
			place := path.Join(to, child.Name())
			if child.Kind.IsCollection() {
				err = e.folder(ctx, root, child, place)
			} else {
				err = e.object(ctx, root, child, place)
			}
			if err != nil {
				return err
			}
		}
		if len(list) < collection.PageSize {
			return nil
		}
		after = list[len(list)-1].Name()
	}
}

// object writes the bytes of an object, with the time when it was written.
func (e *export) object(ctx context.Context, root *os.Root, n collection.Node, to string) error {
	content, err := e.rooms.DAV.Open(ctx, n)
	if err != nil {
		return err
	}
	defer content.Close()
	f, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("%s: %w", to, err)
	}
	e.objects++
	return root.Chtimes(to, n.Modified, n.Modified)
}
