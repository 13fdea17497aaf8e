package mailbox

import (
	"context"
	"fmt"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// sharedStatus is Status of one mailbox of somebody else. fault.NotFound, fault.Forbidden. RFC 4314 §4 (STATUS).
func (m *Mail) sharedStatus(tx *store.Tx, who directory.ID, name string) (s Status, err error) {
	owner, path, ok := m.resolve(who, name)
	if !ok {
		return s, fault.New(fault.NotFound, "no such mailbox")
	}
	s.Mailbox.Owner = owner
	err = tx.QueryRow(`SELECT `+statusColumns+` FROM mailbox WHERE owner_id = $1 AND name = $2`, int64(owner), path).Scan(s.columns()...)
	if isNoRows(err) {
		return s, fault.New(fault.NotFound, "no such mailbox")
	}
	if err != nil {
		return s, err
	}
	if err := m.allow(who, &s.Mailbox, RightRead); err != nil {
		return s, err
	}
	var read uint32
	err = tx.QueryRow(`SELECT COUNT(*) FROM message_seen s WHERE s.mailbox_id = $1 AND s.account_id = $2 AND s.seen = 1
		AND EXISTS (SELECT 1 FROM message m WHERE m.mailbox_id = s.mailbox_id AND m.uid = s.uid)`, int64(s.Mailbox.ID), int64(who)).Scan(&read)
	s.Unseen = s.Messages - read
	s.Mailbox = m.asSeenBy(who, s.Mailbox)
	return s, err
}

// createShared is createIn below a mailbox of somebody else, or of a group. fault.Refused: a name that nobody may have.
func (m *Mail) createShared(tx *store.Tx, who directory.ID, name, use string) (b Mailbox, err error) {
	if _, err := boxByName(tx, who, name); err == nil {
		return b, fault.New(fault.AlreadyExists, "the mailbox exists")
	}
	owner, path, ok := m.resolve(who, name)
	if !ok {
		return b, fault.New(fault.Refused, "that name is for what others share")
	}
	if use != "" {
		return b, fault.New(fault.Refused, "special uses are for one's own mailboxes")
	}
	if err := m.mayCreate(tx, who, owner, path); err != nil {
		return b, err
	}
	if b, err = m.createIn(tx, owner, path, ""); err != nil {
		return b, err
	}
	return m.asSeenBy(who, b), nil
}

// mayCreate asks for the right to create on the mailbox that governs path. The top of a person's own mailboxes is theirs alone: whoever made
// one there could not see it. fault.NotFound, fault.Forbidden. RFC 4314 §4 (CREATE, RENAME).
func (m *Mail) mayCreate(tx *store.Tx, who, owner directory.ID, path string) error {
	list, err := boxesOf(tx, owner)
	if err != nil {
		return err
	}
	if above := m.governing(owner, path, list); above != nil {
		return m.allow(who, above, RightCreate)
	}
	if top := nearest(inbox+delimiter, list); top == nil || fault.Is(m.allow(who, top, RightLookup), fault.NotFound) {
		return fault.New(fault.NotFound, "no such mailbox")
	}
	return fault.New(fault.Forbidden, "new mailboxes at the top are made by their owner")
}

// renameShared is renameIn within the mailboxes of somebody else. Nothing changes its owner. RFC 4314 §4 (RENAME).
func (m *Mail) renameShared(tx *store.Tx, who directory.ID, from, to string) error {
	b, err := m.locate(tx, who, from, RightDelete)
	if err != nil {
		return err
	}
	if b.Owner == who && !Reserved(to) {
		return m.renameIn(tx, who, from, to) // an own one from before the name was reserved
	}
	owner, path, ok := m.resolve(who, to)
	switch {
	case !ok || owner != b.Owner:
		return fault.New(fault.Refused, "a mailbox keeps its owner; copy the messages instead")
	case b.Name == inbox:
		return fault.New(fault.Refused, "INBOX cannot be renamed")
	case path == inbox:
		return fault.New(fault.AlreadyExists, "the mailbox exists")
	}
	if err := m.mayCreate(tx, who, owner, path); err != nil {
		return err
	}
	return m.renameIn(tx, owner, b.Name, path)
}

// sharedTransfer is a COPY or MOVE in which a mailbox of somebody else takes part, with what needs no transaction.
type sharedTransfer struct {
	box      *Box
	target   Mailbox
	own      bool            // the target belongs to who copies
	limit    int64           // of the target's owner
	may      Flags           // what is kept of the flags
	keywords map[Flags]Flags // the target's bit for each of the source's; nil: they are the same
	now      int64
}

// transferShared is transfer with a mailbox of somebody else: \Seen is what the person who copies has read, keywords keep their names, and each
// owner's quota counts. Flags that the rights on the target do not reach are dropped. RFC 4314 §4 (COPY).
func (b *Box) transferShared(ctx context.Context, uids []UID, target Mailbox, move bool) (done Copied, err error) {
	if err := b.may(RightRead); err != nil {
		return done, err
	}
	t := &sharedTransfer{box: b, target: target, own: target.Owner == b.who, now: b.mail.now().Unix()}
	t.may = b.mail.rights(b.who, target.ID, target.Owner).Flags()
	owner := b.view.info.Load().Owner
	if owner != target.Owner {
		if t.keywords, err = b.mail.translate(ctx, owner, target.Owner, b.flagsOf(uids)&t.may); err != nil {
			return done, err
		}
	}
	if t.limit, err = b.mail.quotaLimit(ctx, target.Owner); err != nil {
		return done, err
	}
	if move && owner == target.Owner {
		t.limit = 0
	}
	if uids == nil {
		uids = []UID{}
	}
	err = b.mail.store.Write(ctx, func(tx *store.Tx) error {
		done, err = t.run(tx, uids, move)
		return err
	})
	if err != nil {
		return Copied{}, err
	}
	return done, nil
}

// flagsOf is all flags that some of uids have.
func (b *Box) flagsOf(uids []UID) (f Flags) {
	s := b.Snapshot()
	s.indexes(uids, func(i int) { f |= s.at(i).flags })
	return f
}

// translate finds, or adds, to's keywords for those of f, which are from's.
func (m *Mail) translate(ctx context.Context, from, to directory.ID, f Flags) (map[Flags]Flags, error) {
	names, err := m.Keywords(ctx, from)
	if err != nil {
		return nil, err
	}
	bits := map[Flags]Flags{}
	for i, name := range names {
		bit := Flags(1) << (firstKeyword + i)
		if f&bit == 0 {
			continue
		}
		theirs, _, err := m.FlagBits(ctx, to, []string{name}, true)
		if fault.Is(err, fault.Limit) {
			continue // the message matters more than one more keyword
		}
		if err != nil {
			return nil, err
		}
		bits[bit] = theirs
	}
	return bits, nil
}

// flags are what a copy of a message gets.
func (t *sharedTransfer) flags(f Flags) Flags {
	f &= t.may
	if t.keywords == nil {
		return f
	}
	out := f & SystemFlags
	for bit, theirs := range t.keywords {
		if f&bit != 0 {
			out |= theirs
		}
	}
	return out
}

func (t *sharedTransfer) run(tx *store.Tx, uids []UID, move bool) (done Copied, err error) {
	m, b := t.box.mail, t.box
	base, err := m.current(tx, b.view)
	if err != nil {
		return done, err
	}
	mine := base
	if b.mine != nil {
		if mine, err = m.current(tx, b.mine); err != nil {
			return done, err
		}
	}
	var gone, placed counters // of the source, of the target
	var added []entry
	var seen []bool
	runs := runBuilder{base: base}
	done = Copied{UIDValidity: t.target.UIDValidity}
	base.indexes(uids, func(i int) {
		old, e := base.at(i), *mine.at(i)
		e.flags = t.flags(e.flags)
		seen = append(seen, e.flags&Seen != 0)
		if !t.own {
			e.flags &^= Seen
		}
		gone.add(old.flags, old.size)
		placed.add(e.flags, e.size)
		added = append(added, e)
		done.From = append(done.From, e.uid)
		runs.add(i)
	})
	if len(added) == 0 {
		return done, nil
	}
	if err := charge(tx, t.target.Owner, placed.size, placed.messages, t.limit); err != nil {
		return done, err
	}
	p, err := t.insert(tx, added, seen, placed)
	if err != nil {
		return done, err
	}
	done.UIDValidity, done.To = p.uidValidity, uidsFrom(p.first, len(added))
	if !move {
		return done, nil
	}
	owner := b.view.info.Load().Owner
	if err := charge(tx, owner, -gone.size, -gone.messages, 0); err != nil {
		return done, err
	}
	return done, m.remove(tx, b.view.id, owner, base, runs.runs, gone, done.From)
}

// insert places added in the target, and notes what the person who copies has read of it.
func (t *sharedTransfer) insert(tx *store.Tx, added []entry, seen []bool, d counters) (place, error) {
	m := t.box.mail
	p, err := m.place(tx, t.target.Owner, t.target.Name, len(added), d)
	if isNoRows(err) {
		return p, fault.New(fault.NotFound, "no such mailbox")
	}
	if err != nil {
		return p, err
	}
	args := make([]any, 0, 9*len(added))
	for i := range added {
		e := &added[i]
		e.uid, e.modseq = p.first+UID(i), p.modseq
		args = append(args, int64(p.id), int64(e.uid), int64(e.modseq), int64(e.flags), e.date, int64(e.size), int64(e.content), t.now, "")
	}
	if err := insertRows(tx, `INSERT INTO message (mailbox_id, uid, modseq, flags, internal_date, size, content_id, save_date, via)`, 9, args); err != nil {
		return p, fmt.Errorf("copy: %w", err)
	}
	c := &change{modseq: p.modseq, uidNext: p.first + UID(len(added)), added: added}
	if !t.own {
		if err := c.readBy(tx, p.id, t.box.who, seen); err != nil {
			return p, err
		}
	}
	m.stage(tx, p.id, t.target.Owner, c)
	return p, nil
}
