package mailbox

import (
	"context"
	"fmt"
	"slices"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// In a mailbox of somebody else \Seen is one's own: message_seen has it, and views.other the snapshots with it. All other flags are the
// owner's. A change of one person's \Seen counts the mailbox's modseq up like every change, but only that person's view shows it.

// find, keep, forget and each hold the views of a mailbox together; they need mu.
func (h *views) find(id ID, person directory.ID) *view {
	if person == 0 {
		return h.byID[id]
	}
	return h.other[id][person]
}

func (h *views) keep(v *view) {
	if v.person == 0 {
		h.byID[v.id] = v
		return
	}
	if h.other[v.id] == nil {
		h.other[v.id] = make(map[directory.ID]*view)
	}
	h.other[v.id][v.person] = v
}

func (h *views) forget(v *view) bool {
	if h.find(v.id, v.person) != v {
		return false
	}
	if v.person == 0 {
		delete(h.byID, v.id)
		return true
	}
	delete(h.other[v.id], v.person)
	if len(h.other[v.id]) == 0 {
		delete(h.other, v.id)
	}
	return true
}

func (h *views) each(id ID, fn func(*view)) {
	for _, v := range h.other[id] {
		fn(v)
	}
	if v := h.byID[id]; v != nil {
		fn(v)
	}
}

// applyFor is apply as person sees it; 0 is the owner.
func (s *Snapshot) applyFor(person directory.ID, c *change) *Snapshot {
	if person == 0 {
		return s.apply(c)
	}
	theirs := *c
	theirs.keep, theirs.set = c.keep|Seen, c.set&^Seen
	if slices.ContainsFunc(c.added, func(e entry) bool { return e.flags&Seen != 0 }) {
		theirs.added = slices.Clone(c.added)
		for i := range theirs.added {
			theirs.added[i].flags &^= Seen
		}
	}
	s = s.apply(&theirs)
	if c.person != person {
		return s
	}
	if len(c.read) > 0 {
		s = s.apply(&change{modseq: c.modseq, flagged: c.read, keep: allFlags, set: Seen})
	}
	if len(c.unread) > 0 {
		s = s.apply(&change{modseq: c.modseq, flagged: c.unread, keep: allFlags &^ Seen})
	}
	return s
}

// loadFor is load as person sees it.
func loadFor(tx *store.Tx, id ID, person directory.ID) (*Snapshot, error) {
	s, err := load(tx, id)
	if err != nil || person == 0 {
		return s, err
	}
	pages := make([]*page, len(s.pages))
	for i, p := range s.pages {
		entries := slices.Clone(p.entries)
		for j := range entries {
			entries[j].flags &^= Seen
		}
		pages[i] = &page{entries: entries}
	}
	rows, err := tx.Query(`SELECT uid, seen, modseq FROM message_seen WHERE mailbox_id = $1 AND account_id = $2`, int64(id), int64(person))
	if err != nil {
		return nil, fmt.Errorf("load what is read in mailbox %d: %w", id, err)
	}
	defer rows.Close()
	var row [3]int64
	for rows.Next() {
		if err := rows.Int64s(row[:]); err != nil {
			return nil, fmt.Errorf("load what is read in mailbox %d: %w", id, err)
		}
		i, ok := s.Find(UID(row[0]))
		if !ok {
			continue // removed since
		}
		p := s.pageOf(i)
		e := &pages[p].entries[i-int(s.start[p])]
		if row[1] != 0 {
			e.flags |= Seen
		}
		e.modseq = max(e.modseq, ModSeq(row[2]))
	}
	for i, p := range pages {
		pages[i] = newPage(p.entries)
	}
	return newSnapshot(pages, s.uidNext, s.modseq), rows.Err()
}

// readBy notes that person has read those of c's new messages for which seen says so.
func (c *change) readBy(tx *store.Tx, id ID, person directory.ID, seen []bool) error {
	var args []any
	for i, yes := range seen {
		if !yes {
			continue
		}
		uid := c.added[i].uid
		if n := len(c.read); n > 0 && c.read[n-1].last+1 == uid {
			c.read[n-1].last = uid
		} else {
			c.read = append(c.read, uidRange{uid, uid})
		}
		args = append(args, int64(id), int64(person), int64(uid), 1, int64(c.modseq))
	}
	if len(args) == 0 {
		return nil
	}
	c.person = person
	if err := insertRows(tx, `INSERT INTO message_seen (mailbox_id, account_id, uid, seen, modseq)`, 5, args); err != nil {
		return fmt.Errorf("note what is read: %w", err)
	}
	return nil
}

// sharedPlan is what a STORE by somebody who is not the owner does.
type sharedPlan struct {
	shared, read, unread runBuilder
	keep, set            Flags // of the owner's flags
	counts               counters
	failed               []UID
}

func (p *sharedPlan) empty() bool {
	return len(p.shared.runs) == 0 && len(p.read.runs) == 0 && len(p.unread.runs) == 0
}

// planShared works out on base, the owner's view, and mine, which is of the same state, what op does to uids as far as may allows. It leaves
// flags that may does not allow as they are.
func planShared(base, mine *Snapshot, uids []UID, op FlagOp, may Flags) *sharedPlan {
	keep, set := op.masks()
	keep, set = keep|^may&allFlags, set&may
	p := &sharedPlan{keep: keep | Seen, set: set &^ Seen}
	p.shared.base, p.read.base, p.unread.base = mine, mine, mine
	mine.indexes(uids, func(i int) {
		e := mine.at(i)
		if op.UnchangedSince != nil && e.modseq > *op.UnchangedSince {
			p.failed = append(p.failed, e.uid)
			return
		}
		flags := e.flags&keep | set
		switch changed := flags ^ e.flags; {
		case changed&Seen == 0:
		case flags&Seen != 0:
			p.read.add(i)
		default:
			p.unread.add(i)
		}
		if (flags^e.flags)&^Seen == 0 {
			return
		}
		p.shared.add(i)
		if base != nil {
			old := base.at(i)
			p.counts.sub(old.flags, old.size)
			p.counts.add(old.flags&p.keep|p.set, old.size)
		}
	})
	return p
}

// storeShared is StoreFlags for who is not the owner. Flags that their rights do not reach are left alone; fault.Forbidden if they reach none
// of those named. RFC 4314 §4 (STORE).
func (b *Box) storeShared(ctx context.Context, uids []UID, op FlagOp) (failed []UID, err error) {
	rights := b.Rights()
	may, named := rights.Flags(), op.Flags != 0 || op.Unknown && !rights.Has(RightWrite)
	if may == 0 || named && op.Flags&may == 0 {
		return nil, fault.New(fault.Forbidden, "the flags here are not yours to change")
	}
	if p := planShared(nil, b.Snapshot(), uids, op, may); p.empty() {
		return p.failed, nil
	}
	err = b.mail.store.Write(ctx, func(tx *store.Tx) error {
		base, err := b.mail.current(tx, b.view)
		if err != nil {
			return err
		}
		mine, err := b.mail.current(tx, b.mine)
		if err != nil {
			return err
		}
		p := planShared(base, mine, uids, op, may)
		failed = p.failed
		if p.empty() {
			return nil
		}
		c := &change{flagged: p.shared.runs, keep: p.keep, set: p.set, person: b.who, read: p.read.runs, unread: p.unread.runs}
		if c.modseq, err = b.mail.count(tx, b.view.id, p.counts); err != nil {
			return err
		}
		lead := []any{int64(b.view.id), int64(c.modseq), int64(c.keep), int64(c.set)}
		if err := execRuns(tx, &b.mail.sql.setFlags, base, c.flagged, lead); err != nil {
			return fmt.Errorf("store flags: %w", err)
		}
		for seen, runs := range [2][]uidRange{c.unread, c.read} {
			lead := []any{int64(b.view.id), int64(b.who), int64(seen), int64(c.modseq)}
			if err := execRuns(tx, &b.mail.sql.setSeen, base, runs, lead); err != nil {
				return fmt.Errorf("note what is read: %w", err)
			}
		}
		b.mail.stage(tx, b.view.id, b.view.info.Load().Owner, c)
		return nil
	})
	return failed, err
}

// dropSeen removes what one person has read in a deleted mailbox; again: there may be more.
func dropSeen(tx *store.Tx, id int64) (again bool, err error) {
	n, err := tx.Exec(`DELETE FROM message_seen WHERE mailbox_id = $1 AND account_id =
		(SELECT MIN(account_id) FROM message_seen WHERE mailbox_id = $1)`, id)
	if err != nil {
		return false, fmt.Errorf("remove what was read: %w", err)
	}
	return n > 0, nil
}
