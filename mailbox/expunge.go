package mailbox

import (
	"context"
	"fmt"
	"slices"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Expunge removes messages that have \Deleted, of uids only if uids != nil; it returns those removed, ascending.
// RFC 9051 §6.4.3, RFC 4315 §2.1.
func (b *Box) Expunge(ctx context.Context, uids []UID) (removed []UID, err error) {
	if err := b.may(RightExpunge); err != nil {
		return nil, err
	}
	if runs, _, _, _ := planExpunge(b.Snapshot(), uids); len(runs) == 0 {
		return nil, nil
	}
	m := b.mail
	owner := b.view.info.Load().Owner
	now := m.now().Unix()
	err = m.store.Write(ctx, func(tx *store.Tx) error {
		base, err := m.current(tx, b.view)
		if err != nil {
			return err
		}
		runs, d, gone, contents := planExpunge(base, uids)
		removed = gone
		if len(runs) == 0 {
			return nil
		}
		if err := charge(tx, owner, -d.size, -d.messages, 0); err != nil {
			return err
		}
		if err := m.remove(tx, b.view.id, owner, base, runs, d, gone); err != nil {
			return err
		}
		return markIdle(tx, contents, now)
	})
	if err == nil && len(removed) > 0 {
		m.wakeJanitor()
	}
	return removed, err
}

// planExpunge finds the messages with \Deleted among uids; nil means all.
func planExpunge(base *Snapshot, uids []UID) (runs []uidRange, d counters, gone []UID, contents []ContentID) {
	if base.deleted == 0 {
		return nil, d, nil, nil
	}
	b := runBuilder{base: base}
	take := func(i int) {
		e := base.at(i)
		if e.flags&DeletedFlag == 0 {
			return
		}
		d.add(e.flags, e.size)
		gone = append(gone, e.uid)
		contents = append(contents, e.content)
		b.add(i)
	}
	if uids != nil {
		base.indexes(uids, take)
		return b.runs, d, gone, contents
	}
	for p, page := range base.pages {
		if page.deleted > 0 {
			for i := range page.entries {
				take(int(base.start[p]) + i)
			}
		}
	}
	return b.runs, d, gone, contents
}

// remove takes the messages of runs, which are uids and count d, out of a mailbox of owner and logs them.
func (m *Mail) remove(tx *store.Tx, id ID, owner directory.ID, base *Snapshot, runs []uidRange, d counters, uids []UID) error {
	modseq, err := m.count(tx, id, counters{-d.messages, -d.unseen, -d.deleted, -d.deletedSize, -d.size})
	if err != nil {
		return err
	}
	if err := execRuns(tx, &m.sql.expunge, base, runs, []any{int64(id)}); err != nil {
		return fmt.Errorf("expunge: %w", err)
	}
	err = m.sql.dropSeen.each(base, runs, []any{int64(id)}, func(query string, args []any, _ int) error {
		_, err := tx.Exec(query, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("remove what was read: %w", err)
	}
	if err := logExpunged(tx, id, modseq, uids); err != nil {
		return fmt.Errorf("log of expunged messages: %w", err)
	}
	m.stage(tx, id, owner, &change{modseq: modseq, removed: runs})
	return nil
}

// logExpunged remembers uids, ascending. When the log is full, its older half goes, and with it the claim to know all since then.
func logExpunged(tx *store.Tx, id ID, modseq ModSeq, uids []UID) error {
	var args []any
	rows := 0
	for i := 0; i < len(uids); rows++ {
		j := i + 1
		for j < len(uids) && uids[j] == uids[j-1]+1 {
			j++
		}
		args = append(args, int64(id), int64(modseq), int64(uids[i]), int64(uids[j-1]))
		i = j
	}
	if err := insertRows(tx, `INSERT INTO expunged (mailbox_id, modseq, first_uid, last_uid)`, 4, args); err != nil {
		return err
	}
	var total int64
	err := tx.QueryRow(`UPDATE mailbox SET expunged_rows = expunged_rows + $2 WHERE id = $1 RETURNING expunged_rows`,
		int64(id), int64(rows)).Scan(&total)
	if err != nil || total <= expungeRuns {
		return err
	}
	var from int64
	err = tx.QueryRow(`SELECT modseq FROM expunged WHERE mailbox_id = $1 ORDER BY modseq DESC LIMIT 1 OFFSET $2`,
		int64(id), int64(expungeRuns/2)).Scan(&from)
	switch {
	case err == nil:
		if _, err := tx.Exec(`DELETE FROM expunged WHERE mailbox_id = $1 AND modseq <= $2`, int64(id), from); err != nil {
			return err
		}
	case !isNoRows(err):
		return err
	}
	_, err = tx.Exec(`UPDATE mailbox SET expunged_rows = (SELECT COUNT(*) FROM expunged WHERE mailbox_id = $1),
		expunged_from = CASE WHEN expunged_from < $2 THEN CAST($2 AS BIGINT) ELSE expunged_from END WHERE id = $1`, int64(id), from)
	return err
}

// Expunged lists UIDs removed after since, ascending (QRESYNC). all is false when the log no longer reaches that far back (then every
// UID below UIDNext that is absent counts as vanished: the caller computes it from the snapshot). RFC 7162 §3.2.5.
func (b *Box) Expunged(ctx context.Context, since ModSeq) (uids []UID, all bool, err error) {
	if err := b.may(RightRead); err != nil {
		return nil, false, err
	}
	err = b.mail.store.Read(ctx, func(tx *store.Tx) error {
		uids = nil
		var from ModSeq
		err := tx.QueryRow(`SELECT expunged_from FROM mailbox WHERE id = $1`, int64(b.view.id)).Scan(&from)
		if isNoRows(err) {
			return fault.New(fault.NotFound, "the mailbox was deleted")
		}
		if err != nil {
			return err
		}
		if all = since >= from; !all {
			return nil
		}
		rows, err := tx.Query(`SELECT first_uid, last_uid FROM expunged WHERE mailbox_id = $1 AND modseq > $2`,
			int64(b.view.id), int64(min(since, ModSeq(allFlags))))
		if err != nil {
			return err
		}
		defer rows.Close()
		var run [2]int64
		for rows.Next() {
			if err := rows.Int64s(run[:]); err != nil {
				return err
			}
			for uid := run[0]; uid <= run[1]; uid++ {
				uids = append(uids, UID(uid))
			}
		}
		return rows.Err()
	})
	slices.Sort(uids)
	return uids, all, err
}

// markIdle notes contents that may have lost their last message.
func markIdle(tx *store.Tx, contents []ContentID, now int64) error {
	slices.Sort(contents)
	var args []any
	for i := 0; i < len(contents); {
		j := i + 1
		for j < len(contents) && contents[j] <= contents[j-1]+1 {
			j++
		}
		args = append(args, int64(contents[i]), int64(contents[j-1]), now)
		i = j
	}
	return insertRows(tx, `INSERT INTO content_idle (first_content, last_content, since)`, 3, args)
}
