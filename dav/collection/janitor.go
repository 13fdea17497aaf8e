package collection

import (
	"context"
	"time"

	"schulhof/directory"
	"schulhof/store"
)

// janitor does the work that nobody waits for, in slices that yield to people: rows of trees that are gone, expired locks, what was kept
// long enough.
func (c *Collections) janitor(ctx context.Context) {
	tick := time.NewTicker(janitorEvery)
	defer tick.Stop()
	for {
		if err := c.tidy(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("tidying DAV tables; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-c.kick:
		case <-tick.C:
		}
	}
}

// wakeJanitor tells that there may be something to do.
func (c *Collections) wakeJanitor() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// tidy does all that is due now.
func (c *Collections) tidy(ctx context.Context) error {
	for _, step := range []func(context.Context, int) (bool, error){
		c.sweepLocks, c.sweepVersions, c.sweepTrash, c.sweepExcess, c.sweepRemoved, c.reap,
	} {
		for more := true; more; {
			var err error
			if more, err = step(ctx, sliceRows); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}

// due looks first whether query has a row, so that a round that finds nothing writes nothing.
func (c *Collections) due(ctx context.Context, query string, args ...any) (found bool, err error) {
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		var one int64
		err := tx.QueryRow(query, args...).Scan(&one)
		found = err == nil
		if isNoRows(err) {
			return nil
		}
		return err
	})
	return found, err
}

func (c *Collections) sweepLocks(ctx context.Context, _ int) (more bool, err error) {
	now := c.now().Unix()
	if found, err := c.due(ctx, `SELECT 1 FROM dav_lock WHERE expires <= $1 LIMIT 1`, now); err != nil || !found {
		return false, err
	}
	return false, c.store.WriteBulk(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`DELETE FROM dav_lock WHERE expires <= $1`, now)
		return err
	})
}

func (c *Collections) sweepVersions(ctx context.Context, limit int) (more bool, err error) {
	until := c.now().Add(-c.opts.Keep).Unix()
	if found, err := c.due(ctx, `SELECT 1 FROM dav_version WHERE replaced <= $1 LIMIT 1`, until); err != nil || !found {
		return false, err
	}
	return true, c.store.WriteBulk(ctx, func(tx *store.Tx) error {
		return dropVersions(tx, `DELETE FROM dav_version WHERE id IN (SELECT id FROM dav_version WHERE replaced <= $1 ORDER BY replaced LIMIT $2)
			RETURNING blob_id, size, owner_id`, until, limit)
	})
}

func (c *Collections) sweepTrash(ctx context.Context, limit int) (more bool, err error) {
	until := c.now().Add(-c.opts.Keep).Unix()
	if found, err := c.due(ctx, `SELECT 1 FROM dav_trash WHERE deleted <= $1 LIMIT 1`, until); err != nil || !found {
		return false, err
	}
	return true, c.store.WriteBulk(ctx, func(tx *store.Tx) error {
		return emptyTrash(tx, `DELETE FROM dav_trash WHERE entry_id IN (SELECT entry_id FROM dav_trash WHERE deleted <= $1 ORDER BY deleted LIMIT $2)
			RETURNING entry_id, size, owner_id`, until, limit)
	})
}

// emptyTrash runs a DELETE that returns entry_id, size, owner_id of trashed trees and lets go of them.
func emptyTrash(tx *store.Tx, query string, args ...any) error {
	gone, err := triples(tx, query, args...)
	if err != nil {
		return err
	}
	for _, row := range gone {
		if _, err := tx.Exec(`INSERT INTO dav_gone (entry_id) VALUES ($1)`, row[0]); err != nil {
			return err
		}
		if err := keep(tx, directory.ID(row[2]), -row[1]); err != nil {
			return err
		}
	}
	return nil
}

// triples reads rows of three integers.
func triples(tx *store.Tx, query string, args ...any) (list [][3]int64, err error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var row [3]int64
		if err := rows.Int64s(row[:]); err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, rows.Err()
}

// sweepExcess drops the oldest of what an owner has in versions and the trash while that is more than the quota: nobody fills the disk by
// writing and deleting.
func (c *Collections) sweepExcess(ctx context.Context, limit int) (more bool, err error) {
	var owners [][3]int64
	err = c.store.Read(ctx, func(tx *store.Tx) (err error) {
		owners, err = triples(tx, `SELECT owner_id, kept_bytes, COALESCE(quota_bytes, -1) FROM dav_owner WHERE kept_bytes > 0 ORDER BY owner_id`)
		return err
	})
	if err != nil {
		return false, err
	}
	for _, o := range owners {
		quota := o[2]
		if quota < 0 {
			quota = c.quotaOf(ctx, directory.ID(o[0]))
		}
		if quota == 0 || o[1] <= quota {
			continue
		}
		err := c.store.WriteBulk(ctx, func(tx *store.Tx) error { return dropOldest(tx, o[0], quota, limit) })
		return true, err
	}
	return false, nil
}

// dropOldest drops up to limit of the oldest kept things of an owner until at most quota bytes are left.
func dropOldest(tx *store.Tx, owner, quota int64, limit int) error {
	for range limit {
		var kept int64
		err := tx.QueryRow(`SELECT kept_bytes FROM dav_owner WHERE owner_id = $1`, owner).Scan(&kept)
		if isNoRows(err) || err == nil && kept <= quota {
			return nil
		}
		if err != nil {
			return err
		}
		var version, trash *int64
		err = tx.QueryRow(`SELECT (SELECT MIN(replaced) FROM dav_version WHERE owner_id = $1), (SELECT MIN(deleted) FROM dav_trash WHERE owner_id = $1)`,
			owner).Scan(&version, &trash)
		switch {
		case err != nil:
			return err
		case version == nil && trash == nil:
			return nil // the count is wrong; Check sets it right
		case trash == nil || version != nil && *version <= *trash:
			err = dropVersions(tx, `DELETE FROM dav_version WHERE id = (SELECT id FROM dav_version WHERE owner_id = $1 ORDER BY replaced, id LIMIT 1)
				RETURNING blob_id, size, owner_id`, owner)
		default:
			err = emptyTrash(tx, `DELETE FROM dav_trash WHERE entry_id = (SELECT entry_id FROM dav_trash WHERE owner_id = $1
				ORDER BY deleted, entry_id LIMIT 1) RETURNING entry_id, size, owner_id`, owner)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sweepRemoved forgets names that were removed long ago; tokens from before are refused from then on.
func (c *Collections) sweepRemoved(ctx context.Context, limit int) (more bool, err error) {
	until := c.now().Add(-SyncRetention).Unix()
	if found, err := c.due(ctx, `SELECT 1 FROM dav_removed WHERE at <= $1 LIMIT 1`, until); err != nil || !found {
		return false, err
	}
	return true, c.store.WriteBulk(ctx, func(tx *store.Tx) error {
		var id, seq int64
		err := tx.QueryRow(`SELECT collection_id FROM dav_removed WHERE at <= $1 ORDER BY at LIMIT 1`, until).Scan(&id)
		if isNoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		err = tx.QueryRow(`SELECT MAX(modseq) FROM (SELECT modseq FROM dav_removed WHERE collection_id = $1 AND at <= $2 ORDER BY modseq LIMIT $3) r`,
			id, until, limit).Scan(&seq)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM dav_removed WHERE collection_id = $1 AND modseq <= $2`, id, seq); err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE dav_entry SET log_from = $2 WHERE id = $1 AND log_from < $2`, id, seq)
		return err
	})
}

// reap removes up to limit rows of a tree that is gone: first the objects of its top, then the top itself, while the collections in it
// become tops of their own.
func (c *Collections) reap(ctx context.Context, limit int) (more bool, err error) {
	var id int64
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		err := tx.QueryRow(`SELECT entry_id FROM dav_gone ORDER BY entry_id LIMIT 1`).Scan(&id)
		if isNoRows(err) {
			return nil
		}
		return err
	})
	if err != nil || id == 0 {
		return false, err
	}
	return true, c.store.WriteBulk(ctx, func(tx *store.Tx) error { return reapTop(tx, id, limit) })
}

func reapTop(tx *store.Tx, id int64, limit int) error {
	objects, err := triples(tx, `SELECT id, COALESCE(blob_id, 0), kind FROM dav_entry WHERE parent_id = $1 AND kind = 0 LIMIT $2`, id, limit)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if err := erase(tx, &entry{id: ID(o[0]), blob: store.BlobID(o[1])}); err != nil {
			return err
		}
	}
	if len(objects) == limit {
		return nil
	}
	collections, err := triples(tx, `SELECT id, kind, size FROM dav_entry WHERE parent_id = $1 AND kind <> 0 LIMIT $2`, id, limit)
	if err != nil {
		return err
	}
	for _, o := range collections {
		if _, err := tx.Exec(`UPDATE dav_entry SET parent_id = NULL WHERE id = $1`, o[0]); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO dav_gone (entry_id) VALUES ($1)`, o[0]); err != nil {
			return err
		}
	}
	if len(collections) == limit {
		return nil
	}
	top, err := entryByID(tx, ID(id))
	if err == nil {
		err = erase(tx, &top)
	}
	if err != nil && !isNoRows(err) {
		return err
	}
	_, err = tx.Exec(`DELETE FROM dav_gone WHERE entry_id = $1`, id)
	return err
}
