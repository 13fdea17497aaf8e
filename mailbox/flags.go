package mailbox

import (
	"context"
	"fmt"

	"schulhof/store"
)

// FlagMode says how FlagOp changes flags.
type FlagMode uint8

// The modes of STORE: FLAGS, +FLAGS, -FLAGS.
const (
	FlagsReplace FlagMode = iota
	FlagsAdd
	FlagsRemove
)

// FlagOp changes flags.
type FlagOp struct {
	Mode           FlagMode
	Flags          Flags
	Unknown        bool    // keywords were named, too, that the owner does not have
	UnchangedSince *ModSeq // RFC 7162 §3.1.3
}

// masks returns what the operation keeps of the old flags and what it sets.
func (op FlagOp) masks() (keep, set Flags) {
	switch op.Mode {
	case FlagsAdd:
		return allFlags, op.Flags & allFlags
	case FlagsRemove:
		return allFlags &^ op.Flags, 0
	}
	return 0, op.Flags & allFlags
}

// plan works out on base what op does to uids.
func (op FlagOp) plan(base *Snapshot, uids []UID) (c *change, d counters, failed []UID) {
	keep, set := op.masks()
	runs := runBuilder{base: base}
	base.indexes(uids, func(i int) {
		e := base.at(i)
		if op.UnchangedSince != nil && e.modseq > *op.UnchangedSince {
			failed = append(failed, e.uid)
			return
		}
		flags := e.flags&keep | set
		if flags == e.flags {
			return
		}
		d.sub(e.flags, e.size)
		d.add(flags, e.size)
		runs.add(i)
	})
	return &change{flagged: runs.runs, keep: keep, set: set}, d, failed
}

// StoreFlags applies op to uids (ascending; unknown ones are ignored) in one commit with one modseq; failed: those that UnchangedSince
// held back. Messages whose flags did not change keep their modseq; when none changes, nothing is written. RFC 9051 §6.4.6, RFC 7162 §3.1.
func (b *Box) StoreFlags(ctx context.Context, uids []UID, op FlagOp) (failed []UID, err error) {
	if uids == nil {
		uids = []UID{}
	}
	if b.mine != nil {
		return b.storeShared(ctx, uids, op)
	}
	if c, _, failed := op.plan(b.Snapshot(), uids); len(c.flagged) == 0 {
		return failed, nil
	}
	err = b.mail.store.Write(ctx, func(tx *store.Tx) error {
		base, c, err := b.planFlags(tx, uids, op, &failed)
		if err != nil || len(c.flagged) == 0 {
			return err
		}
		lead := []any{int64(b.view.id), int64(c.modseq), int64(c.keep), int64(c.set)}
		if err := execRuns(tx, &b.mail.sql.setFlags, base, c.flagged, lead); err != nil {
			return fmt.Errorf("store flags: %w", err)
		}
		if err := b.teachFlags(tx, base, uids, op); err != nil {
			return err
		}
		b.mail.stage(tx, b.view.id, b.view.info.Load().Owner, c)
		return nil
	})
	return failed, err
}

// planFlags works out what op does and counts the change. Mostly the state at hand is the one that the rows have, and one statement finds that
// out and counts; otherwise the rows are asked first.
func (b *Box) planFlags(tx *store.Tx, uids []UID, op FlagOp, failed *[]UID) (base *Snapshot, c *change, err error) {
	var d counters
	if base = b.mail.views.latest(b.view); base != nil {
		if c, d, *failed = op.plan(base, uids); len(c.flagged) > 0 {
			var current bool
			if c.modseq, current, err = b.mail.countFrom(tx, b.view.id, base.modseq, d); current || err != nil {
				return base, c, err
			}
		}
	}
	if base, err = b.mail.current(tx, b.view); err != nil {
		return nil, nil, err
	}
	if c, d, *failed = op.plan(base, uids); len(c.flagged) > 0 {
		c.modseq, err = b.mail.count(tx, b.view.id, d)
	}
	return base, c, err
}
