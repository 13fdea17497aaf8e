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

// upsertList writes what g is as a list.
func upsertList(tx *store.Tx, g Group) error {
	_, err := tx.Exec(`INSERT INTO group_list (group_id, post, archive) VALUES ($1, $2, $3)
		ON CONFLICT (group_id) DO UPDATE SET post = excluded.post, archive = excluded.archive`, int64(g.ID), string(g.Post), g.Archive)
	if err != nil {
		return fmt.Errorf("write list: %w", err)
	}
	return nil
}

// groupColumns is the select list that scanGroup reads.
const groupColumns = `p.id, p.login, p.address, p.name, p.created, g.kind, g.to_sender, COALESCE(l.post, ''), COALESCE(l.archive, 0)
	FROM principal p JOIN school_group g ON g.principal_id = p.id LEFT JOIN group_list l ON l.group_id = p.id`

func scanGroup(scan func(...any) error) (g Group, created int64, err error) {
	var id int64
	var kind, post string
	err = scan(&id, &g.Name, &g.Address, &g.Title, &created, &kind, &g.ToSender, &post, &g.Archive)
	g.ID, g.Kind, g.Post = ID(id), Kind(kind), Posting(post)
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

// upsertMember makes account a member or changes what it is; fresh: it was none.
func upsertMember(tx *store.Tx, group, account ID, owner bool) (fresh bool, err error) {
	n, err := tx.Exec(`UPDATE membership SET owner = $3 WHERE group_id = $1 AND account_id = $2`, int64(group), int64(account), owner)
	if err == nil && n == 1 {
		return false, nil
	}
	if err == nil {
		_, err = tx.Exec(`INSERT INTO membership (group_id, account_id, owner) VALUES ($1, $2, $3)`, int64(group), int64(account), owner)
	}
	if err != nil {
		return false, fmt.Errorf("insert member: %w", err)
	}
	return true, nil
}

// memberRows are the log's rows for memberships that end: query selects them for the principal id.
func memberRows(tx *store.Tx, query string, id ID) (rows []logRow, err error) {
	err = each(tx, query, func(scan func(...any) error) error {
		r := memberRow(0, 0, wasMember)
		err := scan(&r.principal, &r.member)
		rows = append(rows, r)
		return err
	}, int64(id))
	return rows, err
}
