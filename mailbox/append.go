package mailbox

import (
	"context"
	"fmt"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Appended is one message of APPEND.
type Appended struct {
	Message *Prepared
	Flags   []string
	Date    time.Time // zero: now
}

// Append puts messages into who's mailbox in one commit (MULTIAPPEND: all or none). In a mailbox of somebody else flags that the rights do
// not reach are dropped. fault.NotFound (TRYCREATE), OverQuota, Limit. RFC 9051 §6.3.12, RFC 3502, RFC 4314 §4 (APPEND).
func (m *Mail) Append(ctx context.Context, who directory.ID, name string, list []Appended) (done Copied, err error) {
	a, err := m.newAppending(ctx, who, name, list)
	if err != nil {
		return done, err
	}
	err = m.store.Write(ctx, func(tx *store.Tx) error {
		done, err = a.run(tx)
		return err
	})
	if err != nil {
		return Copied{}, err
	}
	m.metrics.appended.Add(float64(len(list)))
	return done, nil
}

// appending is an APPEND with everything worked out that needs no transaction.
type appending struct {
	mail    *Mail
	target  Mailbox
	limit   int64
	list    []Appended
	entries []entry // without uid, modseq and content
	total   counters
	now     int64
	person  directory.ID // who appends, unless it is the owner
	seen    []bool       // what they have read, then
}

func (m *Mail) newAppending(ctx context.Context, who directory.ID, name string, list []Appended) (*appending, error) {
	target, err := m.lookup(ctx, who, name, RightInsert)
	if err != nil {
		return nil, err
	}
	a := &appending{mail: m, target: target, list: list, now: m.now().Unix(), entries: make([]entry, len(list))}
	if a.limit, err = m.quotaLimit(ctx, target.Owner); err != nil {
		return nil, err
	}
	may := m.rights(who, target.ID, target.Owner)
	if who != target.Owner {
		a.person, a.seen = who, make([]bool, len(list))
	}
	for i, msg := range list {
		e := &a.entries[i]
		if len(msg.Flags) > 0 {
			if e.flags, _, err = m.FlagBits(ctx, target.Owner, msg.Flags, may.Has(RightWrite)); err != nil {
				return nil, err
			}
		}
		e.size, e.date = uint32(msg.Message.Blob.Size), a.now
		if !msg.Date.IsZero() {
			e.date = msg.Date.Unix()
		}
		e.flags &= may.Flags()
		if a.person != 0 {
			a.seen[i], e.flags = e.flags&Seen != 0, e.flags&^Seen
		}
		a.total.add(e.flags, e.size)
	}
	return a, nil
}

// run appends in tx; it may run again.
func (a *appending) run(tx *store.Tx) (done Copied, err error) {
	n := len(a.list)
	done.UIDValidity = a.target.UIDValidity
	if n == 0 {
		return done, nil
	}
	if err := charge(tx, a.target.Owner, a.total.size, a.total.messages, a.limit); err != nil {
		return done, err
	}
	p, err := a.mail.place(tx, a.target.Owner, a.target.Name, n, a.total)
	if isNoRows(err) {
		return done, fault.New(fault.NotFound, "no such mailbox")
	}
	if err != nil {
		return done, err
	}
	messages := make([]*Prepared, n)
	for i := range a.list {
		messages[i] = a.list[i].Message
	}
	contents, err := a.mail.addContents(tx, messages)
	if err != nil {
		return done, err
	}
	added := make([]entry, n)
	args := make([]any, 0, 9*n)
	for i := range a.list {
		e := a.entries[i]
		e.content = contents[i]
		e.uid, e.modseq = p.first+UID(i), p.modseq
		added[i] = e
		args = append(args, int64(p.id), int64(e.uid), int64(e.modseq), int64(e.flags), e.date, int64(e.size), int64(e.content), a.now, "")
	}
	if n == 1 {
		_, err = tx.Exec(insertMessage, args...)
	} else {
		err = insertRows(tx, `INSERT INTO message (mailbox_id, uid, modseq, flags, internal_date, size, content_id, save_date, via)`, 9, args)
	}
	if err != nil {
		return done, fmt.Errorf("append: %w", err)
	}
	c := &change{modseq: p.modseq, uidNext: p.first + UID(n), added: added}
	if a.person != 0 {
		if err := c.readBy(tx, p.id, a.person, a.seen); err != nil {
			return done, err
		}
	}
	a.mail.stage(tx, p.id, a.target.Owner, c)
	return Copied{UIDValidity: p.uidValidity, To: uidsFrom(p.first, n)}, nil
}

// Replace is RFC 8508: append to name and expunge uid of b in one commit. fault.NotFound: no mailbox name (TRYCREATE).
// fault.Conflict: uid is gone.
func (b *Box) Replace(ctx context.Context, uid UID, name string, msg Appended) (done Copied, err error) {
	if err := b.may(RightTrash | RightExpunge); err != nil {
		return done, err
	}
	m := b.mail
	a, err := m.newAppending(ctx, b.who, name, []Appended{msg})
	if err != nil {
		return done, err
	}
	owner := b.view.info.Load().Owner
	err = m.store.Write(ctx, func(tx *store.Tx) error {
		base, err := m.current(tx, b.view)
		if err != nil {
			return err
		}
		i, ok := base.Find(uid)
		if !ok {
			return fault.New(fault.Conflict, "the message to replace is gone")
		}
		old := base.at(i)
		var d counters
		d.add(old.flags, old.size)
		if err := charge(tx, owner, -d.size, -1, 0); err != nil {
			return err
		}
		if err := m.remove(tx, b.view.id, owner, base, []uidRange{{uid, uid}}, d, []UID{uid}); err != nil {
			return err
		}
		if err := markIdle(tx, []ContentID{old.content}, a.now); err != nil {
			return err
		}
		done, err = a.run(tx)
		return err
	})
	if err != nil {
		return Copied{}, err
	}
	m.wakeJanitor()
	done.From = []UID{uid}
	return done, nil
}
