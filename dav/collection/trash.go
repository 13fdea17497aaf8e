package collection

import (
	"context"
	"fmt"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Trashed is something that was deleted and can be restored.
type Trashed struct {
	ID        ID
	Path      Path // where it was
	Kind      Kind
	Size      int64 // bytes of the whole tree
	Deleted   time.Time
	DeletedBy directory.ID
}

// intoTrash keeps the entry of s, which was taken out of its collection and is not charged any more.
func (c *Collections) intoTrash(tx *store.Tx, s *spot, size int64) error {
	e := s.last()
	if _, err := tx.Exec(`UPDATE dav_entry SET parent_id = NULL WHERE id = $1`, int64(e.id)); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO dav_trash (entry_id, owner_id, root_id, path, size, deleted, deleted_by) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		int64(e.id), int64(s.access.owner), int64(s.root), strings.Join(s.names, "/"), size, c.now().Unix(), int64(s.access.who.ID))
	if err != nil {
		return fmt.Errorf("keep in the trash: %w", err)
	}
	return keep(tx, s.access.owner, size)
}

// Trash lists what was deleted below a top: an account's Files, a group's folder, a home; newest first, at most limit (PageSize at most).
// fault.NotFound, fault.Forbidden: who may not remove there does not see what was removed.
func (c *Collections) Trash(ctx context.Context, who directory.ID, top Path, limit int) (list []Trashed, err error) {
	if limit <= 0 || limit > PageSize {
		limit = PageSize
	}
	r, err := c.routeTop(ctx, who, top)
	if err != nil {
		return nil, err
	}
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		list = nil
		rows, err := tx.Query(`SELECT t.entry_id, t.path, e.kind, t.size, t.deleted, t.deleted_by FROM dav_trash t JOIN dav_entry e ON e.id = t.entry_id
			WHERE t.owner_id = $1 AND t.root_id = $2 ORDER BY t.deleted DESC, t.entry_id DESC LIMIT $3`, int64(r.access.owner), int64(r.root), limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			t := Trashed{Path: r.path}
			var path string
			var at int64
			if err := rows.Scan(&t.ID, &path, &t.Kind, &t.Size, &at, &t.DeletedBy); err != nil {
				return err
			}
			t.Path.Segments = append(append([]string{}, r.path.Segments...), strings.Split(path, "/")...)
			t.Deleted = time.Unix(at, 0)
			list = append(list, t)
		}
		return rows.Err()
	})
	return list, err
}

// routeTop is the route of a top whose trash who may look into.
func (c *Collections) routeTop(ctx context.Context, who directory.ID, top Path) (route, error) {
	r, err := c.route(ctx, who, top)
	if err != nil {
		return r, err
	}
	if r.list || len(r.names) > 0 {
		return r, fault.New(fault.Invalid, "that is no top of a tree")
	}
	if !r.access.privileges(top.Space, rootKind(top.Space), true).Unbind {
		return r, errForbidden()
	}
	return r, nil
}

// Restore brings something back from the trash: to the place where it was, or to another in the same tree. fault.Conflict with ErrNoParent:
// the collection it was in is gone too; with ErrNotEmpty: something else has the name; fault.OverQuota, fault.NotFound.
func (c *Collections) Restore(ctx context.Context, who directory.ID, t Trashed, to Path) (n Node, err error) {
	r, err := c.route(ctx, who, to)
	if err != nil {
		return n, err
	}
	if r.list || len(r.names) == 0 {
		return n, errForbidden()
	}
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		s, err := c.locate(tx, r)
		if err != nil {
			return err
		}
		if err := c.restore(tx, &s, t.ID); err != nil {
			return err
		}
		n = c.node(&s)
		return nil
	})
	return n, err
}

func (c *Collections) restore(tx *store.Tx, s *spot, id ID) error {
	var size int64
	err := tx.QueryRow(`DELETE FROM dav_trash WHERE entry_id = $1 AND owner_id = $2 RETURNING size`, int64(id), int64(s.access.owner)).Scan(&size)
	if isNoRows(err) {
		return errNotFound()
	}
	if err != nil {
		return err
	}
	e, err := entryByID(tx, id)
	if err != nil {
		return err
	}
	if err := mayRestore(s, &e); err != nil {
		return err
	}
	if err := c.charge(tx, &s.access, size); err != nil {
		return err
	}
	if err := keep(tx, s.access.owner, -size); err != nil {
		return err
	}
	in := s.last()
	e.parent, e.name = in.id, s.name()
	if e.modseq, err = join(tx, in); err != nil {
		return err
	}
	_, err = tx.Exec(`UPDATE dav_entry SET parent_id = $2, name = $3, modseq = $4 WHERE id = $1`, int64(id), int64(in.id), e.name, e.modseq)
	if err != nil {
		return err
	}
	s.chain, s.found = append(s.chain, e), true
	return forget(tx, in.id, e.name)
}

func mayRestore(s *spot, e *entry) error {
	in := s.last()
	switch {
	case s.found:
		return errOccupied()
	case s.missing() > 1 || !in.kind.IsCollection():
		return errNoParent()
	case !s.access.privileges(s.path.Space, in.kind, false).Bind:
		return errForbidden()
	case reserved(s):
		return errReserved()
	case e.kind == Object && in.kind != Folder, e.kind != Object && holds(in.kind) != e.kind:
		return errLocation(e.kind)
	}
	return nil
}
