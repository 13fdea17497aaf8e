package collection

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"schulhof/directory"
	"schulhof/store"
)

// DeleteOptions are for Delete.
type DeleteOptions struct{ Guard }

// Delete removes an object, or a collection with all that is in it, in one transaction. Files, folders and whole collections can be
// restored from the trash for a time. fault.NotFound, fault.Forbidden, fault.InUse (a lock on it, in it or above it whose token was not
// submitted). RFC 4918 §9.6.
func (c *Collections) Delete(ctx context.Context, who directory.ID, p Path, o DeleteOptions) error {
	r, err := c.route(ctx, who, p)
	if err != nil {
		return err
	}
	if r.list {
		return errForbidden()
	}
	return c.store.Write(ctx, func(tx *store.Tx) error {
		s, err := c.locate(tx, r)
		if err != nil {
			return err
		}
		if !s.found {
			return errNotFound()
		}
		in := s.parent()
		if in == nil || !s.access.privileges(s.path.Space, in.kind, false).Unbind || s.access.provided(in.kind, s.name()) {
			return errForbidden()
		}
		if err := c.ask(ctx, tx, who, &o.Guard); err != nil {
			return err
		}
		if err := c.unlocked(tx, &s, &o.Guard, touchSelf|touchMembers|touchTree); err != nil {
			return err
		}
		if s.last().kind == Object {
			if err := c.allow(tx, &s, in, s.last(), nil); err != nil {
				return err
			}
		}
		return c.unbind(tx, &s)
	})
}

// takeOut takes the entry of s, with all that is in it, out of its collection: the name is gone, the locks too, the rows stay.
func (c *Collections) takeOut(tx *store.Tx, s *spot) error {
	e, in := s.last(), s.parent()
	seq, err := leave(tx, in.id)
	if err != nil {
		return err
	}
	if err := remember(tx, in.id, e.name, seq, c.now().Unix()); err != nil {
		return err
	}
	return c.dropLocks(tx, s)
}

// dropLocks removes the locks on the entry of s and in it. RFC 4918 §7.5, §9.6.1.
func (c *Collections) dropLocks(tx *store.Tx, s *spot) error {
	locks, err := locksOf(tx, s.access.owner, 0) // also expired ones
	if err != nil {
		return err
	}
	for _, l := range locks {
		above, err := parents(tx, l.entry)
		if err != nil {
			return err
		}
		if !slices.Contains(above, s.last().id) {
			continue
		}
		if _, err := tx.Exec(`DELETE FROM dav_lock WHERE token = $1`, l.token); err != nil {
			return err
		}
	}
	return nil
}

// unbind removes the entry of s: into the trash what people made and may want back, the rest for good.
func (c *Collections) unbind(tx *store.Tx, s *spot) error {
	if err := c.takeOut(tx, s); err != nil {
		return err
	}
	e := s.last()
	size := e.size
	if e.kind.IsCollection() {
		var err error
		if _, size, err = measureTree(tx, e.id); err != nil {
			return err
		}
	}
	if err := c.charge(tx, &s.access, -size); err != nil {
		return err
	}
	worth, err := worthKeeping(tx, s)
	if err != nil {
		return err
	}
	if worth {
		return c.intoTrash(tx, s, size)
	}
	return erase(tx, e)
}

// worthKeeping tells whether something is to be kept in the trash: no single calendar objects and cards, nothing empty, no notes that
// systems make for themselves.
func worthKeeping(tx *store.Tx, s *spot) (bool, error) {
	e := s.last()
	query := `SELECT 1 FROM dav_entry WHERE parent_id = $1 LIMIT 1`
	switch {
	case e.kind.IsCollection():
	case s.parent().kind != Folder || fleeting(e.name):
		return false, nil
	case e.size > 0:
		return true, nil
	default:
		query = `SELECT 1 FROM dav_version WHERE entry_id = $1 LIMIT 1`
	}
	var one int
	err := tx.QueryRow(query, int64(e.id)).Scan(&one)
	if isNoRows(err) {
		return false, nil
	}
	return err == nil, err
}

// fleeting tells names of files that Finder and Office make and delete by the dozen.
func fleeting(name string) bool {
	return name == ".DS_Store" || strings.HasPrefix(name, "._") || strings.HasPrefix(name, "~$") || strings.HasPrefix(name, ".~lock.")
}

// erase removes an entry without members for good: its rows and its references. It is not charged any more.
func erase(tx *store.Tx, e *entry) error {
	if err := eraseVersions(tx, e.id, 0); err != nil {
		return err
	}
	for _, query := range []string{
		`DELETE FROM dav_property WHERE entry_id = $1`,
		`DELETE FROM dav_removed WHERE collection_id = $1`,
		`DELETE FROM dav_entry WHERE id = $1`,
	} {
		if _, err := tx.Exec(query, int64(e.id)); err != nil {
			return fmt.Errorf("remove entry: %w", err)
		}
	}
	if e.blob == 0 {
		return nil
	}
	return tx.Dereference(e.blob, 1)
}
