package mailbox

import (
	"cmp"
	"context"
	"slices"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Rename moves a mailbox and its inferiors, making missing parents; renaming INBOX moves its messages into a new mailbox and leaves it empty.
// fault: NotFound, AlreadyExists, Refused (into itself), Invalid, Limit. RFC 9051 §6.3.6.
func (m *Mail) Rename(ctx context.Context, who directory.ID, from, to string) error {
	from, err := CleanName(from)
	if err != nil {
		return err
	}
	if to, err = CleanName(to); err != nil {
		return err
	}
	switch {
	case from == to:
		return fault.New(fault.AlreadyExists, "the mailbox exists")
	case isBelow(to, from) && from != inbox:
		return fault.New(fault.Refused, "a mailbox cannot be moved below itself")
	case from == inbox && Reserved(to):
		return fault.New(fault.Refused, "a mailbox keeps its owner; copy the messages instead")
	case from == inbox:
		return m.renameInbox(ctx, who, to)
	}
	return m.store.Write(ctx, func(tx *store.Tx) error {
		if Reserved(to) || Reserved(from) {
			return m.renameShared(tx, who, from, to)
		}
		return m.renameIn(tx, who, from, to)
	})
}

func (m *Mail) renameIn(tx *store.Tx, who directory.ID, from, to string) error {
	list, err := boxesOf(tx, who)
	if err != nil {
		return err
	}
	var moving, rest []Mailbox
	staying := make(map[string]bool, len(list))
	for _, b := range list {
		if b.Name == from || isBelow(b.Name, from) {
			moving = append(moving, b)
		} else {
			rest, staying[b.Name] = append(rest, b), true
		}
	}
	if len(moving) == 0 {
		return fault.New(fault.NotFound, "no such mailbox")
	}
	slices.SortFunc(moving, func(a, b Mailbox) int { return cmp.Compare(len(a.Name), len(b.Name)) })
	moved := make(map[string]bool, len(moving))
	for i := range moving {
		name, err := CleanName(to + moving[i].Name[len(from):])
		if err != nil {
			return err
		}
		if staying[name] {
			return fault.New(fault.AlreadyExists, "the mailbox exists")
		}
		moving[i].Name = name
		moved[name] = true
	}
	missing := slices.DeleteFunc(parents(to), func(n string) bool { return staying[n] || moved[n] })
	if len(list)+len(missing) > m.opts.MaxBoxes {
		return fault.New(fault.Limit, "no more than %d mailboxes", m.opts.MaxBoxes)
	}
	grants, err := m.inherited(tx, who, missing, rest)
	if err != nil {
		return err
	}
	validity, err := m.listChanged(tx, who, len(missing))
	if err != nil {
		return err
	}
	for _, b := range moving {
		if _, err := tx.Exec(`UPDATE mailbox SET name = $2 WHERE id = $1`, int64(b.ID), b.Name); err != nil {
			return err
		}
		tx.Changed(Key(b.ID), 0) // no message changed, but who has it open wants to know its name
		tx.AfterCommit(func() { m.views.renamed(b.ID, b.Name) })
	}
	for i, n := range missing {
		if err := m.insertShared(tx, &Mailbox{Owner: who, Name: n, UIDValidity: validity + uint32(i)}, grants[i]); err != nil {
			return err
		}
	}
	return nil
}

// renameInbox creates to, with what is noted about INBOX, and moves what INBOX holds now, slice by slice: mail that arrives meanwhile stays.
func (m *Mail) renameInbox(ctx context.Context, who directory.ID, to string) error {
	err := m.store.Write(ctx, func(tx *store.Tx) error {
		from, err := m.locate(tx, who, inbox, 0)
		if err != nil {
			return err
		}
		made, err := m.createIn(tx, who, to, "")
		if err != nil {
			return err
		}
		return copyMetadata(tx, who, from.ID, made.ID)
	})
	if err != nil {
		return err
	}
	b, err := m.Open(ctx, who, inbox)
	if err != nil {
		return err
	}
	defer b.Close()
	all := b.Snapshot()
	for i := 0; i < all.Len(); i += sliceRows {
		var uids []UID
		for j := i; j < min(i+sliceRows, all.Len()); j++ {
			uids = append(uids, all.UIDAt(j))
		}
		if _, err := b.Move(ctx, uids, to); err != nil {
			return err
		}
	}
	return nil
}
