package collection

import (
	"context"
	"fmt"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// CopyOptions are for Copy.
type CopyOptions struct {
	Guard
	Overwrite bool // the default of RFC 4918 §10.6 is true; the caller says
	Shallow   bool // Depth: 0, of a collection only itself
}

// Copy copies an object, or a tree with its properties, in one transaction; contents are shared, not copied. Versions and locks stay
// behind. fault.Limit: more than MaxTree entries; else as Move. RFC 4918 §9.8.
func (c *Collections) Copy(ctx context.Context, who directory.ID, from, to Path, o CopyOptions) (n Node, created bool, err error) {
	if r, err := c.route(ctx, who, from); err == nil && r.book {
		return c.copyCard(ctx, &r, who, to, o)
	}
	t := &transfer{c: c, who: who, guard: o.Guard, overwrite: o.Overwrite, shallow: o.Shallow}
	return t.run(ctx, from, to, t.copy)
}

// copyCard is Copy of a card of the directory, which is written where it is read: the copy is a card like any other.
func (c *Collections) copyCard(ctx context.Context, r *route, who directory.ID, to Path, o CopyOptions) (n Node, created bool, err error) {
	if len(r.names) == 0 {
		return n, false, errForbidden()
	}
	card, err := c.resolveBook(ctx, r)
	if err != nil {
		return n, false, err
	}
	switch to.Space {
	case Contacts:
	case Calendars:
		return n, false, errObjectLocation(Calendar)
	default:
		return n, false, errObjectLocation(Folder)
	}
	content := c.NewSpool()
	defer content.Close()
	if _, err := content.Write(card.card); err != nil {
		return n, false, err
	}
	guard := Guard{Tokens: o.Tokens, If: func(s *State) error {
		if o.If != nil {
			if err := o.If(s); err != nil {
				return err
			}
		}
		if o.Overwrite {
			return nil
		}
		at, err := s.At(to)
		if err == nil && at.Exists {
			err = errOccupied()
		}
		return err
	}}
	return c.Put(ctx, who, to, content, PutOptions{Guard: guard, ContentType: card.ContentType})
}

// errOccupied refuses to replace what is there.
func errOccupied() error {
	return fault.Wrap(fault.Conflict, ErrNotEmpty, "there is something of that name already")
}

func errTooMany() error {
	return fault.New(fault.Limit, "that are more than %d entries at once", int64(MaxTree))
}

func (t *transfer) copy(tx *store.Tx) error {
	e := *t.src.last()
	count, size := int64(1), e.size
	if e.kind.IsCollection() && !t.shallow {
		var err error
		if count, size, err = measureTree(tx, e.id); err != nil {
			return err
		}
	}
	if count > MaxTree {
		return errTooMany()
	}
	if t.replaces() {
		return t.copyOver(tx, &e)
	}
	if t.dst.found {
		if err := t.c.unbind(tx, &t.dst); err != nil {
			return err
		}
		t.dst.chain = t.dst.chain[:len(t.dst.chain)-1]
	}
	if err := t.c.charge(tx, &t.dst.access, size); err != nil {
		return err
	}
	k := copier{tx: tx, owner: t.dst.access.owner, now: t.c.now().Unix()}
	made := e
	made.name, made.owner, made.counter, made.logFrom = t.dst.name(), k.owner, 0, 0
	if err := t.c.bind(tx, t.dst.last(), &made); err != nil {
		return err
	}
	if err := k.properties(e.id, made.id); err != nil {
		return err
	}
	if e.kind == Object {
		if err := tx.ReferenceAgain(e.blob, 1); err != nil {
			return err
		}
	} else if !t.shallow {
		if err := k.members(e.id, &made); err != nil {
			return err
		}
		if err := k.references(made.id); err != nil {
			return err
		}
	}
	t.dst.chain, t.dst.found = append(t.dst.chain, made), true
	return nil
}

// copyOver makes the content and the properties of e those of the object at the destination.
func (t *transfer) copyOver(tx *store.Tx, e *entry) error {
	if err := tx.ReferenceAgain(e.blob, 1); err != nil {
		return err
	}
	if err := t.c.charge(tx, &t.dst.access, e.size-t.dst.last().size); err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM dav_property WHERE entry_id = $1`, int64(t.dst.last().id)); err != nil {
		return err
	}
	k := copier{tx: tx}
	if err := k.properties(e.id, t.dst.last().id); err != nil {
		return err
	}
	return t.c.setContent(tx, &t.dst, e)
}

// copier copies what is in a collection.
type copier struct {
	tx    *store.Tx
	owner directory.ID
	now   int64
}

// copiedColumns are what a copy has of its original.
const copiedColumns = `name, kind, properties, blob_id, etag, size, content_type, uid, component, first_, last_, recurring, components`

// members copies all that is in old into made, level by level, and leaves made's counter as it is in the row.
func (k *copier) members(old ID, made *entry) error {
	type pair struct {
		old  ID
		made *entry
	}
	for queue := []pair{{old, made}}; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		n, err := k.tx.Exec(`INSERT INTO dav_entry (owner_id, parent_id, modseq, created, modified, counter, members, log_from, `+copiedColumns+`)
			SELECT CAST($2 AS BIGINT), CAST($3 AS BIGINT), ROW_NUMBER() OVER (ORDER BY name), CAST($4 AS BIGINT), CAST($4 AS BIGINT), 0, 0, 0,
			`+copiedColumns+` FROM dav_entry WHERE parent_id = $1`, int64(p.old), int64(k.owner), int64(p.made.id), k.now)
		if err != nil {
			return fmt.Errorf("copy members: %w", err)
		}
		p.made.counter = uint64(n)
		if _, err := k.tx.Exec(`UPDATE dav_entry SET counter = $2, members = $2 WHERE id = $1`, int64(p.made.id), n); err != nil {
			return err
		}
		if err := k.memberProperties(p.old, p.made.id); err != nil {
			return err
		}
		rows, err := k.tx.Query(`SELECT o.id, n.id FROM dav_entry o JOIN dav_entry n ON n.parent_id = $2 AND n.name = o.name
			WHERE o.parent_id = $1 AND o.kind <> 0 ORDER BY o.name`, int64(p.old), int64(p.made.id))
		if err != nil {
			return err
		}
		var ids [2]int64
		for rows.Next() {
			if err := rows.Int64s(ids[:]); err != nil {
				return err
			}
			queue = append(queue, pair{ID(ids[0]), &entry{id: ID(ids[1])}})
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	return nil
}

// properties copies those of one entry.
func (k *copier) properties(old, made ID) error {
	_, err := k.tx.Exec(`INSERT INTO dav_property (entry_id, space, name, value)
		SELECT CAST($2 AS BIGINT), space, name, value FROM dav_property WHERE entry_id = $1`, int64(old), int64(made))
	if err != nil {
		return fmt.Errorf("copy properties: %w", err)
	}
	return nil
}

// memberProperties copies those of a collection's members.
func (k *copier) memberProperties(old, made ID) error {
	_, err := k.tx.Exec(`INSERT INTO dav_property (entry_id, space, name, value)
		SELECT n.id, p.space, p.name, p.value FROM dav_entry o JOIN dav_entry n ON n.parent_id = $2 AND n.name = o.name
		JOIN dav_property p ON p.entry_id = o.id WHERE o.parent_id = $1 AND o.properties > 0`, int64(old), int64(made))
	if err != nil {
		return fmt.Errorf("copy properties: %w", err)
	}
	return nil
}

// references counts the contents that a new tree shares.
func (k *copier) references(top ID) error {
	rows, err := k.tx.Query(below+`SELECT e.blob_id, COUNT(*) FROM tree t JOIN dav_entry e ON e.id = t.id
		WHERE e.blob_id IS NOT NULL GROUP BY e.blob_id`, int64(top))
	if err != nil {
		return err
	}
	defer rows.Close()
	var counts [][2]int64
	for rows.Next() {
		var row [2]int64
		if err := rows.Int64s(row[:]); err != nil {
			return err
		}
		counts = append(counts, row)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, row := range counts {
		if err := k.tx.ReferenceAgain(store.BlobID(row[0]), row[1]); err != nil {
			return err
		}
	}
	return nil
}
