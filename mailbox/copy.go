package mailbox

import (
	"context"
	"fmt"

	"schulhof/store"
	"schulhof/store/fault"
)

// Copied is COPYUID (RFC 4315): From[i] became To[i].
type Copied struct {
	UIDValidity uint32
	From, To    []UID
}

// Copy puts copies of uids (ascending; unknown ones are ignored) into mailbox to, with their flags and dates, in one commit.
// fault.NotFound: no mailbox to (TRYCREATE). fault.OverQuota. RFC 9051 §6.4.7.
func (b *Box) Copy(ctx context.Context, uids []UID, to string) (Copied, error) {
	return b.transfer(ctx, uids, to, false)
}

// Move is Copy and expunging the originals in one commit. RFC 6851.
func (b *Box) Move(ctx context.Context, uids []UID, to string) (Copied, error) {
	if err := b.may(RightTrash | RightExpunge); err != nil {
		return Copied{}, err
	}
	return b.transfer(ctx, uids, to, true)
}

func (b *Box) transfer(ctx context.Context, uids []UID, to string, move bool) (done Copied, err error) {
	m := b.mail
	to, err = CleanName(to)
	if err != nil {
		return done, err
	}
	target, err := m.lookup(ctx, b.who, to, RightInsert)
	if err != nil {
		return done, err
	}
	if b.mine != nil || b.who != target.Owner {
		return b.transferShared(ctx, uids, target, move)
	}
	limit := int64(0)
	if !move {
		if limit, err = m.quotaLimit(ctx, target.Owner); err != nil {
			return done, err
		}
	}
	if uids == nil {
		uids = []UID{}
	}
	now := m.now().Unix()
	err = m.store.Write(ctx, func(tx *store.Tx) error {
		base, err := m.current(tx, b.view)
		if err != nil {
			return err
		}
		var d counters
		runs := runBuilder{base: base}
		done = Copied{UIDValidity: target.UIDValidity}
		var added []entry
		base.indexes(uids, func(i int) {
			e := base.at(i)
			d.add(e.flags, e.size)
			runs.add(i)
			added = append(added, *e)
			done.From = append(done.From, e.uid)
		})
		if len(added) == 0 {
			return nil
		}
		if !move {
			if err := charge(tx, target.Owner, d.size, d.messages, limit); err != nil {
				return err
			}
		}
		p, err := m.copyRuns(tx, b.view.id, base, runs.runs, target, added, d, now)
		if err != nil {
			return err
		}
		done.UIDValidity, done.To = p.uidValidity, uidsFrom(p.first, len(added))
		if spam, ok := lesson(b.view.info.Load(), &target, move); ok {
			if err := m.teach(tx, target.Owner, spam, added); err != nil {
				return err
			}
		}
		if move {
			return m.remove(tx, b.view.id, target.Owner, base, runs.runs, d, done.From)
		}
		return nil
	})
	if err != nil {
		return Copied{}, err
	}
	return done, nil
}

// copyRuns places added, which are the messages of runs, into target.
func (m *Mail) copyRuns(tx *store.Tx, from ID, base *Snapshot, runs []uidRange, target Mailbox, added []entry, d counters, now int64) (place, error) {
	p, err := m.place(tx, target.Owner, target.Name, len(added), d)
	if isNoRows(err) {
		return p, fault.New(fault.NotFound, "no such mailbox")
	}
	if err != nil {
		return p, err
	}
	next := int64(p.first) - 1 // ROW_NUMBER counts from 1
	lead := []any{int64(from), int64(p.id), next, int64(p.modseq), now}
	err = m.sql.copyTo.each(base, runs, lead, func(query string, args []any, n int) error {
		args[2] = next
		got, err := tx.Exec(query, args...)
		if err == nil && got != int64(n) {
			err = fmt.Errorf("mailbox: copied %d rows of %d messages", got, n)
		}
		next += got
		return err
	})
	if err != nil {
		return p, err
	}
	for i := range added {
		added[i].uid, added[i].modseq = p.first+UID(i), p.modseq
	}
	m.stage(tx, p.id, target.Owner, &change{modseq: p.modseq, uidNext: p.first + UID(len(added)), added: added})
	return p, nil
}

func uidsFrom(first UID, n int) []UID {
	uids := make([]UID, n)
	for i := range uids {
		uids[i] = first + UID(i)
	}
	return uids
}
