package mailbox

import (
	"context"
	"time"

	"schulhof/store"
)

// janitor does the work that nobody waits for, in slices that yield to people: rows of deleted mailboxes, contents without messages,
// old notes of deliveries.
func (m *Mail) janitor(ctx context.Context) {
	tick := time.NewTicker(janitorEvery)
	defer tick.Stop()
	for {
		if err := m.tidy(ctx); err != nil && ctx.Err() == nil {
			m.log.Warn("tidying mail tables; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-m.kick:
		case <-tick.C:
		}
	}
}

// wakeJanitor tells that there may be something to do.
func (m *Mail) wakeJanitor() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

// tidy does all that is due now.
func (m *Mail) tidy(ctx context.Context) error {
	for _, step := range []func(context.Context, int) (bool, error){m.reapMailbox, m.sweepContents, m.forgetOld} {
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

// firstInt returns the first value of a query, ok false if it has no row.
func (m *Mail) firstInt(ctx context.Context, query string, args ...any) (n int64, ok bool, err error) {
	err = m.store.Read(ctx, func(tx *store.Tx) error {
		err := tx.QueryRow(query, args...).Scan(&n)
		ok = err == nil
		if isNoRows(err) {
			return nil
		}
		return err
	})
	return n, ok, err
}

// reapMailbox removes up to limit messages of a deleted mailbox.
func (m *Mail) reapMailbox(ctx context.Context, limit int) (more bool, err error) {
	id, ok, err := m.firstInt(ctx, `SELECT mailbox_id FROM mailbox_gone ORDER BY mailbox_id LIMIT 1`)
	if err != nil || !ok {
		return false, err
	}
	now := m.now().Unix()
	err = m.store.WriteBulk(ctx, func(tx *store.Tx) error {
		last, err := lastInt(tx, `SELECT uid FROM message WHERE mailbox_id = $1 ORDER BY uid LIMIT $2`, id, int64(limit))
		if err != nil {
			return err
		}
		if last == 0 {
			if again, err := dropSeen(tx, id); again || err != nil {
				return err
			}
			return dropMailbox(tx, id)
		}
		rows, err := tx.Query(`DELETE FROM message WHERE mailbox_id = $1 AND uid <= $2 RETURNING content_id`, id, last)
		if err != nil {
			return err
		}
		contents, err := ids(rows)
		if err != nil {
			return err
		}
		return markIdle(tx, contents, now)
	})
	return true, err
}

func dropMailbox(tx *store.Tx, id int64) error {
	for _, query := range []string{`DELETE FROM expunged WHERE mailbox_id = $1`, `DELETE FROM mailbox_gone WHERE mailbox_id = $1`} {
		if _, err := tx.Exec(query, id); err != nil {
			return err
		}
	}
	return nil
}

// lastInt returns the last row's value, 0 for none.
func lastInt(tx *store.Tx, query string, args ...any) (last int64, err error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var row [1]int64
	for rows.Next() {
		if err := rows.Int64s(row[:]); err != nil {
			return 0, err
		}
		last = row[0]
	}
	return last, rows.Err()
}

func ids(rows *store.Rows) (list []ContentID, err error) {
	defer rows.Close()
	var row [1]int64
	for rows.Next() {
		if err := rows.Int64s(row[:]); err != nil {
			return nil, err
		}
		list = append(list, ContentID(row[0]))
	}
	return list, rows.Err()
}

// sweepContents removes up to limit contents of the oldest idle run whose grace time is over, unless a message has them. A run
// of a time that is far from having come was noted while the clock was wrong: it does not wait for that time.
func (m *Mail) sweepContents(ctx context.Context, limit int) (more bool, err error) {
	due, wrong := m.now().Add(-contentGrace).Unix(), m.now().Add(contentGrace).Unix()
	id, ok, err := m.firstInt(ctx, `SELECT id FROM content_idle WHERE since <= $1 OR since > $2 ORDER BY id LIMIT 1`, due, wrong)
	if err != nil || !ok {
		return false, err
	}
	err = m.store.WriteBulk(ctx, func(tx *store.Tx) error { return sweepRun(tx, id, limit) })
	return true, err
}

func sweepRun(tx *store.Tx, id int64, limit int) error {
	var first, last int64
	err := tx.QueryRow(`SELECT first_content, last_content FROM content_idle WHERE id = $1`, id).Scan(&first, &last)
	if isNoRows(err) {
		return nil
	}
	if err != nil {
		return err
	}
	until := min(last, first+int64(limit)-1)
	rows, err := tx.Query(`DELETE FROM content WHERE id BETWEEN $1 AND $2
		AND NOT EXISTS (SELECT 1 FROM message WHERE message.content_id = content.id) RETURNING blob_id`, first, until)
	if err != nil {
		return err
	}
	blobs, err := ids(rows)
	if err != nil {
		return err
	}
	for _, blob := range blobs {
		if err := tx.Dereference(store.BlobID(blob), 1); err != nil {
			return err
		}
	}
	if until == last {
		_, err = tx.Exec(`DELETE FROM content_idle WHERE id = $1`, id)
	} else {
		_, err = tx.Exec(`UPDATE content_idle SET first_content = $2 WHERE id = $1`, id, until+1)
	}
	return err
}
