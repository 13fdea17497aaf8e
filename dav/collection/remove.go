package collection

import (
	"context"

	"schulhof/directory"
	"schulhof/store"
)

// DeleteOptions are for Delete.
type DeleteOptions struct{ Guard }

// Delete removes an object, or a collection with all that is in it, in one transaction. fault.NotFound, fault.Forbidden, fault.InUse (a
// lock on it, in it or above it whose token was not submitted). RFC 4918 §9.6.
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
		if in == nil || !s.access.privileges(s.path.Space, in.kind, false).Unbind {
			return errForbidden()
		}
		if err := c.ask(ctx, tx, who, &o.Guard); err != nil {
			return err
		}
		return c.unbind(tx, &s)
	})
}

// unbind takes the entry of s out of its collection.
func (c *Collections) unbind(tx *store.Tx, s *spot) error {
	e, in := s.last(), s.parent()
	seq, err := nextModSeq(tx, in.id)
	if err != nil {
		return err
	}
	if err := remember(tx, in.id, e.name, seq, c.now().Unix()); err != nil {
		return err
	}
	if e.kind.IsCollection() {
		return c.drop(tx, s, e)
	}
	if err := c.charge(tx, &s.access, -e.size); err != nil {
		return err
	}
	for _, query := range []string{`DELETE FROM dav_property WHERE entry_id = $1`, `DELETE FROM dav_entry WHERE id = $1`} {
		if _, err := tx.Exec(query, int64(e.id)); err != nil {
			return err
		}
	}
	return tx.Dereference(e.blob, 1)
}

// drop takes a whole tree away at once; its rows go slice by slice.
func (c *Collections) drop(tx *store.Tx, s *spot, e *entry) error {
	size, err := treeSize(tx, e.id)
	if err != nil {
		return err
	}
	if err := c.charge(tx, &s.access, -size); err != nil {
		return err
	}
	if _, err := tx.Exec(`UPDATE dav_entry SET parent_id = NULL WHERE id = $1`, int64(e.id)); err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO dav_gone (entry_id) VALUES ($1)`, int64(e.id))
	return err
}
