package mailbox

import (
	"fmt"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// counters are a mailbox row's, or a difference of them.
type counters struct {
	messages, unseen, deleted, deletedSize, size int64
}

func (d *counters) add(f Flags, size uint32) { d.count(f, int64(size), 1) }
func (d *counters) sub(f Flags, size uint32) { d.count(f, int64(size), -1) }

func (d *counters) count(f Flags, size, n int64) {
	d.messages += n
	d.size += n * size
	if f&Seen == 0 {
		d.unseen += n
	}
	if f&DeletedFlag != 0 {
		d.deleted += n
		d.deletedSize += n * size
	}
}

// count adds d to a mailbox's counters and returns the change's modseq, which the caller stages.
func (m *Mail) count(tx *store.Tx, id ID, d counters) (modseq ModSeq, err error) {
	err = tx.QueryRow(`UPDATE mailbox SET modseq = modseq + 1, messages = messages + $2, unseen = unseen + $3, deleted = deleted + $4,
		deleted_size = deleted_size + $5, size = size + $6 WHERE id = $1 RETURNING modseq`,
		int64(id), d.messages, d.unseen, d.deleted, d.deletedSize, d.size).Scan(&modseq)
	if isNoRows(err) {
		return 0, fault.New(fault.NotFound, "the mailbox was deleted")
	}
	return modseq, err
}

// countFrom is count if the mailbox's modseq is from; current tells whether it was. If not, nothing has changed.
func (m *Mail) countFrom(tx *store.Tx, id ID, from ModSeq, d counters) (modseq ModSeq, current bool, err error) {
	err = tx.QueryRow(`UPDATE mailbox SET modseq = modseq + 1, unseen = unseen + $2, deleted = deleted + $3, deleted_size = deleted_size + $4
		WHERE id = $1 AND modseq = $5 RETURNING modseq`, int64(id), d.unseen, d.deleted, d.deletedSize, int64(from)).Scan(&modseq)
	if isNoRows(err) {
		return 0, false, nil
	}
	return modseq, err == nil, err
}

// place is where messages were put.
type place struct {
	id          ID
	uidValidity uint32
	first       UID // of the n placed
	modseq      ModSeq
}

// place reserves n UIDs in owner's mailbox name and counts d. isNoRows: there is none.
func (m *Mail) place(tx *store.Tx, owner directory.ID, name string, n int, d counters) (p place, err error) {
	var next int64
	err = tx.QueryRow(`UPDATE mailbox SET modseq = modseq + 1, uidnext = uidnext + $3, messages = messages + $4, unseen = unseen + $5,
		deleted = deleted + $6, deleted_size = deleted_size + $7, size = size + $8
		WHERE owner_id = $1 AND name = $2 RETURNING id, uidvalidity, uidnext, modseq`,
		int64(owner), name, int64(n), d.messages, d.unseen, d.deleted, d.deletedSize, d.size).
		Scan(&p.id, &p.uidValidity, &next, &p.modseq)
	if err != nil {
		return p, err
	}
	if next > maxUID {
		return p, fault.New(fault.Limit, "the mailbox has no more UIDs")
	}
	p.first = UID(next - int64(n))
	return p, nil
}

// execRuns runs q on runs of base and insists that it meets exactly the messages that base has there: the rows and the view
// must never differ.
func execRuns(tx *store.Tx, q *byUIDs, base *Snapshot, runs []uidRange, lead []any) error {
	return q.each(base, runs, lead, func(query string, args []any, n int) error {
		got, err := tx.Exec(query, args...)
		if err != nil {
			return err
		}
		if got != int64(n) {
			return fmt.Errorf("mailbox: %d rows of %d messages", got, n)
		}
		return nil
	})
}
