package mailbox

import (
	"context"
	"fmt"

	"schulhof/directory"
	"schulhof/store"
)

// provision gives a new account its mailboxes, in the transaction that creates it: INBOX and one for each special use, subscribed.
func (m *Mail) provision(tx *store.Tx, id directory.ID, isGroup bool) error {
	if isGroup {
		return nil
	}
	validity := m.now().Unix()
	names := []Mailbox{{Name: inbox}}
	for _, s := range specialUses {
		names = append(names, Mailbox{Name: s.name, SpecialUse: s.use})
	}
	_, err := tx.Exec(`INSERT INTO mail_owner (owner_id, modseq, uidvalidity, used_bytes, used_messages) VALUES ($1, 1, $2, 0, 0)`,
		int64(id), validity+int64(len(names))-1)
	if err != nil {
		return fmt.Errorf("provide mail: %w", err)
	}
	var boxes, subscriptions []any
	for i, b := range names {
		boxes = append(boxes, int64(id), b.Name, b.SpecialUse, validity+int64(i), 1, 1, 0, 0, 0, 0, 0, 0, 0)
		subscriptions = append(subscriptions, int64(id), b.Name)
	}
	_, err = tx.Exec(valuesText(`INSERT INTO mailbox (owner_id, name, special_use, uidvalidity, uidnext, modseq, messages, unseen, deleted,
		deleted_size, size, expunged_from, expunged_rows)`, 13, len(names)), boxes...)
	if err != nil {
		return fmt.Errorf("provide mailboxes: %w", err)
	}
	_, err = tx.Exec(valuesText(`INSERT INTO subscription (owner_id, name)`, 2, len(names)), subscriptions...)
	if err != nil {
		return fmt.Errorf("provide subscriptions: %w", err)
	}
	return nil
}

// ProvideGroup gives a group a mailbox of its own, INBOX, which keeps what is delivered to the group and which its members read; harmless when it
// has one. Nothing of a group's mail counts towards anybody's quota. fault.NotFound: no such group.
func (m *Mail) ProvideGroup(ctx context.Context, group directory.ID) error {
	if _, err := m.dir.GroupByID(group); err != nil {
		return err
	}
	err := m.store.Write(ctx, func(tx *store.Tx) error {
		validity := m.now().Unix()
		n, err := tx.Exec(`INSERT INTO mail_owner (owner_id, modseq, uidvalidity, used_bytes, used_messages) VALUES ($1, 1, $2, 0, 0)
			ON CONFLICT (owner_id) DO NOTHING`, int64(group), validity)
		if err != nil || n == 0 {
			return err
		}
		b := Mailbox{Owner: group, Name: inbox, UIDValidity: uint32(validity)}
		if err := insertBox(tx, &b); err != nil {
			return err
		}
		return m.grant(tx, b.ID, group, group, readers)
	})
	if err != nil {
		return fmt.Errorf("provide a group's mailbox: %w", err)
	}
	return nil
}

// purge removes the mail of an account that is removed, in the removing transaction: it vanishes at once, the rows of its messages go
// slice by slice.
func (m *Mail) purge(tx *store.Tx, id directory.ID, _ bool) error {
	list, err := boxesOf(tx, id)
	if err != nil {
		return err
	}
	if err := purgeMetadata(tx, id); err != nil {
		return err
	}
	for _, query := range []string{
		`DELETE FROM mailbox_right WHERE principal_id = $1 OR mailbox_id IN (SELECT id FROM mailbox WHERE owner_id = $1)`,
		`DELETE FROM message_seen WHERE account_id = $1`,
		`DELETE FROM mail_import WHERE owner_id = $1`,
		`INSERT INTO mailbox_gone (mailbox_id) SELECT id FROM mailbox WHERE owner_id = $1`,
		`DELETE FROM mailbox WHERE owner_id = $1`,
		`DELETE FROM subscription WHERE owner_id = $1`,
		`DELETE FROM keyword WHERE owner_id = $1`,
		`DELETE FROM lesson WHERE owner_id = $1`,
		`DELETE FROM mail_owner WHERE owner_id = $1`,
	} {
		if _, err := tx.Exec(query, int64(id)); err != nil {
			return fmt.Errorf("remove mail of account %d: %w", id, err)
		}
	}
	tx.AfterCommit(func() { m.known.forget(id); m.shares.forget(id) })
	for _, b := range list {
		tx.Changed(Key(b.ID), 0)
		tx.AfterCommit(func() { m.views.deleted(b.ID); m.shares.drop(b.ID) })
	}
	tx.AfterCommit(m.wakeJanitor)
	return nil
}
