package mailbox

import (
	"fmt"
	"slices"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

const mailboxColumns = `id, name, special_use, uidvalidity`

// boxesOf lists owner's mailboxes as they are stored, without levels that were never created.
func boxesOf(tx *store.Tx, owner directory.ID) ([]Mailbox, error) {
	rows, err := tx.Query(`SELECT `+mailboxColumns+` FROM mailbox WHERE owner_id = $1`, int64(owner))
	if err != nil {
		return nil, fmt.Errorf("list mailboxes: %w", err)
	}
	defer rows.Close()
	var list []Mailbox
	for rows.Next() {
		b := Mailbox{Owner: owner}
		if err := rows.Scan(&b.ID, &b.Name, &b.SpecialUse, &b.UIDValidity); err != nil {
			return nil, fmt.Errorf("list mailboxes: %w", err)
		}
		list = append(list, b)
	}
	return list, rows.Err()
}

// boxByName finds one mailbox; isNoRows: there is none.
func boxByName(tx *store.Tx, owner directory.ID, name string) (Mailbox, error) {
	b := Mailbox{Owner: owner}
	err := tx.QueryRow(`SELECT `+mailboxColumns+` FROM mailbox WHERE owner_id = $1 AND name = $2`, int64(owner), name).
		Scan(&b.ID, &b.Name, &b.SpecialUse, &b.UIDValidity)
	return b, err
}

func subscribedNames(tx *store.Tx, owner directory.ID) ([]string, error) {
	rows, err := tx.Query(`SELECT name FROM subscription WHERE owner_id = $1`, int64(owner))
	if err != nil {
		return nil, fmt.Errorf("list subscriptions: %w", err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list subscriptions: %w", err)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, rows.Err()
}

// listChanged counts a change of owner's list and hands out n new UIDVALIDITYs, of which it returns the first. They rise with the
// clock, so that they stay unique when an older backup is restored. fault.NotFound: owner has no mail.
func (m *Mail) listChanged(tx *store.Tx, owner directory.ID, n int) (uidValidity uint32, err error) {
	now := m.now().Unix()
	var modseq uint64
	var last int64
	err = tx.QueryRow(`UPDATE mail_owner SET modseq = modseq + 1,
		uidvalidity = CASE WHEN uidvalidity < $2 THEN CAST($2 AS BIGINT) ELSE uidvalidity END + $3
		WHERE owner_id = $1 RETURNING modseq, uidvalidity`, int64(owner), now, int64(n)).Scan(&modseq, &last)
	if isNoRows(err) {
		return 0, fault.New(fault.NotFound, "no such mailbox owner")
	}
	if err != nil {
		return 0, err
	}
	if last > maxUID {
		return 0, fault.New(fault.Limit, "no more UIDVALIDITY values")
	}
	tx.Changed(ListKey(owner), modseq)
	tx.AfterCommit(func() { m.known.forget(owner) })
	return uint32(last - int64(n) + 1), nil
}

// insertBox makes an empty mailbox.
func insertBox(tx *store.Tx, b *Mailbox) error {
	return tx.QueryRow(`INSERT INTO mailbox (owner_id, name, special_use, uidvalidity, uidnext, modseq, messages, unseen, deleted,
		deleted_size, size, expunged_from, expunged_rows) VALUES ($1, $2, $3, $4, 1, 1, 0, 0, 0, 0, 0, 0, 0) RETURNING id`,
		int64(b.Owner), b.Name, b.SpecialUse, int64(b.UIDValidity)).Scan(&b.ID)
}
