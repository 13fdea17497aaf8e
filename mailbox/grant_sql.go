package mailbox

import (
	"fmt"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// stillThere asks again, in tx, for a mailbox that was found before: others may have deleted it in the same commit. fault.NotFound.
func stillThere(tx *store.Tx, id ID) error {
	var one int64
	err := tx.QueryRow(`SELECT 1 FROM mailbox WHERE id = $1`, int64(id)).Scan(&one)
	if isNoRows(err) {
		return fault.New(fault.NotFound, "no such mailbox")
	}
	return err
}

// stillKnown asks again, in tx, for whom rights are about to be given to: what a purge in the same commit does not find stays. fault.Refused.
func (m *Mail) stillKnown(tx *store.Tx, principal directory.ID) error {
	if principal == Anyone {
		return nil
	}
	err := m.dir.StillThere(tx, principal)
	if fault.Is(err, fault.NotFound) {
		return errNobody
	}
	return err
}

// grantsOf are a mailbox's grants, without identifiers.
func grantsOf(tx *store.Tx, id ID) (list []Grant, err error) {
	rows, err := tx.Query(`SELECT principal_id, rights FROM mailbox_right WHERE mailbox_id = $1 ORDER BY principal_id`, int64(id))
	if err != nil {
		return nil, fmt.Errorf("read rights: %w", err)
	}
	defer rows.Close()
	var row [2]int64
	for rows.Next() {
		if err := rows.Int64s(row[:]); err != nil {
			return nil, fmt.Errorf("read rights: %w", err)
		}
		list = append(list, Grant{Principal: directory.ID(row[0]), Rights: Rights(row[1])})
	}
	return list, rows.Err()
}

// roomForGrants asks whether owner's mailboxes may have more grants together. fault.Limit.
func roomForGrants(tx *store.Tx, owner directory.ID, more int) error {
	var n int
	err := tx.QueryRow(`SELECT COUNT(*) FROM mailbox_right r JOIN mailbox b ON b.id = r.mailbox_id WHERE b.owner_id = $1`, int64(owner)).Scan(&n)
	if err != nil {
		return fmt.Errorf("count rights: %w", err)
	}
	if n+more > MaxGrants {
		return fault.New(fault.Limit, "no more than %d rights on all mailboxes together", MaxGrants)
	}
	return nil
}

// dropRights takes away all that was granted on a mailbox that is deleted. RFC 4314 §4 (DELETE).
func (m *Mail) dropRights(tx *store.Tx, id ID) error {
	n, err := tx.Exec(`DELETE FROM mailbox_right WHERE mailbox_id = $1`, int64(id))
	if err != nil {
		return fmt.Errorf("remove rights: %w", err)
	}
	if n > 0 {
		tx.AfterCommit(func() { m.shares.drop(id) })
	}
	return nil
}
