package collection

import (
	"context"
	"fmt"

	"schulhof/directory"
	"schulhof/store"
)

// MoveOptions are for Move.
type MoveOptions struct {
	Guard
	Overwrite bool // the default of RFC 4918 §10.6 is true; the caller says
}

// Move renames an entry or moves it to another collection, whole trees at once. Within one owner that writes two or three rows, however
// large the tree is. An object that is moved over another keeps that one's versions and locks. fault.Conflict with ErrNoParent, with ErrNotEmpty
// without Overwrite, or with no-uid-conflict as Put; fault.Forbidden, fault.InUse, fault.OverQuota, fault.Limit. RFC 4918 §9.9.
func (c *Collections) Move(ctx context.Context, who directory.ID, from, to Path, o MoveOptions) (n Node, created bool, err error) {
	t := &transfer{c: c, who: who, guard: o.Guard, overwrite: o.Overwrite, moves: true}
	return t.run(ctx, from, to, t.move)
}

func (t *transfer) move(tx *store.Tx) error {
	e, in := *t.src.last(), *t.in()
	if err := t.adopt(tx, &e); err != nil {
		return err
	}
	if err := t.c.takeOut(tx, &t.src); err != nil {
		return err
	}
	if t.replaces() {
		return t.moveOver(tx, &e)
	}
	if t.dst.found {
		if err := t.c.unbind(tx, &t.dst); err != nil {
			return err
		}
		t.dst.chain = t.dst.chain[:len(t.dst.chain)-1]
	}
	seq, err := join(tx, &in)
	if err != nil {
		return err
	}
	e.parent, e.name, e.modseq, e.owner = in.id, t.dst.name(), seq, t.dst.access.owner
	_, err = tx.Exec(`UPDATE dav_entry SET parent_id = $2, name = $3, modseq = $4 WHERE id = $1`, int64(e.id), int64(in.id), e.name, e.modseq)
	if err != nil {
		return fmt.Errorf("move entry: %w", err)
	}
	t.dst.chain, t.dst.found = append(t.dst.chain, e), true
	return forget(tx, in.id, e.name)
}

// moveOver makes e, which was taken out of its collection, the content of the object at the destination.
func (t *transfer) moveOver(tx *store.Tx, e *entry) error {
	into := t.dst.last().id
	if _, err := tx.Exec(`DELETE FROM dav_property WHERE entry_id = $1`, int64(into)); err != nil {
		return err
	}
	for _, query := range []string{
		`UPDATE dav_version SET entry_id = $2 WHERE entry_id = $1`,
		`UPDATE dav_property SET entry_id = $2 WHERE entry_id = $1`,
	} {
		if _, err := tx.Exec(query, int64(e.id), int64(into)); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(`DELETE FROM dav_entry WHERE id = $1`, int64(e.id)); err != nil {
		return err
	}
	if err := t.c.charge(tx, &t.dst.access, -t.dst.last().size); err != nil {
		return err
	}
	return t.c.setContent(tx, &t.dst, e)
}

// adopt gives a tree to the owner of the destination, with what it uses.
func (t *transfer) adopt(tx *store.Tx, e *entry) error {
	from, to := &t.src.access, &t.dst.access
	if from.owner == to.owner {
		return nil
	}
	count, size, err := measureTree(tx, e.id)
	if err != nil {
		return err
	}
	if count > MaxTree {
		return errTooMany()
	}
	if err := t.c.charge(tx, to, size); err != nil {
		return err
	}
	if err := t.c.charge(tx, from, -size); err != nil {
		return err
	}
	var kept int64
	err = tx.QueryRow(below+`SELECT CAST(COALESCE(SUM(v.size), 0) AS BIGINT) FROM tree t JOIN dav_version v ON v.entry_id = t.id`, int64(e.id)).Scan(&kept)
	if err != nil {
		return err
	}
	if kept > 0 {
		if err := keep(tx, from.owner, -kept); err != nil {
			return err
		}
		if err := keep(tx, to.owner, kept); err != nil {
			return err
		}
	}
	for _, query := range []string{
		below + `UPDATE dav_version SET owner_id = $2 WHERE entry_id IN (SELECT id FROM tree)`,
		below + `UPDATE dav_entry SET owner_id = $2 WHERE id IN (SELECT id FROM tree)`,
	} {
		if _, err := tx.Exec(query, int64(e.id), int64(to.owner)); err != nil {
			return fmt.Errorf("give a tree away: %w", err)
		}
	}
	return nil
}
