package collection

import (
	"context"
	"errors"
	"fmt"

	"schulhof/dav/ical"
	"schulhof/store"
)

// reindexSlice is how many objects are read, and at most written, at once.
const reindexSlice = 200

// Reindex reads every calendar object again and writes what queries by component and time look up: for an index that an earlier
// version made, or that was damaged. It works in slices while the server serves. An object that cannot be read any more keeps what was
// known of it; UIDs are no part of the index, since they decide what may be stored.
func (c *Collections) Reindex(ctx context.Context) error {
	for last := ID(0); ; {
		page, err := c.page(ctx, nil, newRow(false), func(tx *store.Tx) (*store.Rows, error) {
			return tx.Query(`SELECT `+objectColumns+locatedFrom+`WHERE e.id > $1 AND e.component IS NOT NULL ORDER BY e.id LIMIT $2`, int64(last), reindexSlice)
		})
		if err != nil {
			return fmt.Errorf("read the index: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		last = page[len(page)-1].id
		changed, err := c.indexAnew(ctx, page)
		if err != nil {
			return err
		}
		if err := c.writeIndex(ctx, changed); err != nil {
			return err
		}
	}
}

// indexAnew returns those of a page whose index is not what their bytes say.
func (c *Collections) indexAnew(ctx context.Context, page []entry) (changed []entry, err error) {
	var buf []byte
	for _, e := range page {
		buf, err = c.appendContent(ctx, buf[:0], e.at)
		if errors.Is(err, store.ErrCorrupt) {
			c.log.Warn("an object cannot be read; its index stays as it is", "object", int64(e.id), "error", err)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read object %d: %w", e.id, err)
		}
		cal, err := ical.Parse(buf)
		if err != nil {
			continue
		}
		o, err := cal.Check(nil)
		if err != nil {
			continue
		}
		fresh := indexOf(o)
		fresh.uid = e.uid
		if fresh.component != e.component || fresh.first != e.first || fresh.last != e.last || fresh.nature != e.nature {
			e.indexed = fresh
			changed = append(changed, e)
		}
	}
	return changed, nil
}

// writeIndex writes the index of objects that still have the content which was read. Clients see no change: the bytes are the same.
func (c *Collections) writeIndex(ctx context.Context, list []entry) error {
	if len(list) == 0 {
		return nil
	}
	return c.store.WriteBulk(ctx, func(tx *store.Tx) error {
		for i := range list {
			e := &list[i]
			_, err := tx.Exec(`UPDATE dav_entry SET component = $3, first_ = $4, last_ = $5, recurring = $6 WHERE id = $1 AND blob_id = $2`,
				int64(e.id), int64(e.blob), e.component, e.first, e.last, int64(e.nature))
			if err != nil {
				return fmt.Errorf("write the index: %w", err)
			}
		}
		return nil
	})
}
