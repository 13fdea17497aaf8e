package directory

import (
	"errors"
	"fmt"

	"schulhof/store"
	"schulhof/store/fault"
)

func insertGroup(tx *store.Tx, g Group) error {
	_, err := tx.Exec(`INSERT INTO school_group (principal_id, kind, to_sender) VALUES ($1, $2, $3)`, int64(g.ID), string(g.Kind), g.ToSender)
	if err != nil {
		return fmt.Errorf("insert group: %w", err)
	}
	return nil
}

func updateGroup(tx *store.Tx, g Group) error {
	_, err := tx.Exec(`UPDATE principal SET name = $1 WHERE id = $2`, g.Title, int64(g.ID))
	if err == nil {
		_, err = tx.Exec(`UPDATE school_group SET kind = $1, to_sender = $2 WHERE principal_id = $3`, string(g.Kind), g.ToSender, int64(g.ID))
	}
	if err != nil {
		return fmt.Errorf("update group: %w", err)
	}
	return nil
}

// groupColumns is the select list that scanGroup reads.
const groupColumns = `p.id, p.login, p.address, p.name, p.created, g.kind, g.to_sender
	FROM principal p JOIN school_group g ON g.principal_id = p.id`

func scanGroup(scan func(...any) error) (g Group, created int64, err error) {
	var id int64
	var kind string
	err = scan(&id, &g.Name, &g.Address, &g.Title, &created, &kind, &g.ToSender)
	g.ID, g.Kind = ID(id), Kind(kind)
	return g, created, err
}

func selectGroup(tx *store.Tx, id ID) (Group, int64, error) {
	g, created, err := scanGroup(tx.QueryRow(`SELECT `+groupColumns+` WHERE p.id = $1`, int64(id)).Scan)
	if errors.Is(err, store.ErrNoRows) {
		return g, 0, fault.New(fault.NotFound, "no such group")
	}
	if err != nil {
		return g, 0, fmt.Errorf("read group %d: %w", id, err)
	}
	return g, created, nil
}

func upsertMember(tx *store.Tx, group, account ID, owner bool) error {
	_, err := tx.Exec(`INSERT INTO membership (group_id, account_id, owner) VALUES ($1, $2, $3)
		ON CONFLICT (group_id, account_id) DO UPDATE SET owner = excluded.owner`, int64(group), int64(account), owner)
	if err != nil {
		return fmt.Errorf("insert member: %w", err)
	}
	return nil
}
