package collection

import (
	"fmt"
	"time"

	"schulhof/directory"
	"schulhof/store"
)

// heldLock is a row of dav_lock.
type heldLock struct {
	token            string
	entry            ID
	holder           directory.ID
	shared, infinite bool
	note             []byte
	expires          int64
}

func (h *heldLock) lock(root Path) Lock {
	return Lock{Token: h.token, Root: root, Entry: h.entry, Holder: h.holder, Shared: h.shared, Infinite: h.infinite, Note: h.note,
		Expires: time.Unix(h.expires, 0)}
}

// locksOf are all locks in force in the trees of an owner: nearly always none.
func locksOf(tx *store.Tx, owner directory.ID, now int64) (list []heldLock, err error) {
	rows, err := tx.Query(`SELECT token, entry_id, holder, shared, infinite, note, expires FROM dav_lock
		WHERE owner_id = $1 AND expires > $2 ORDER BY entry_id, token`, int64(owner), now)
	if err != nil {
		return nil, fmt.Errorf("read locks: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var h heldLock
		if err := rows.Scan(&h.token, &h.entry, &h.holder, &h.shared, &h.infinite, &h.note, &h.expires); err != nil {
			return nil, fmt.Errorf("read locks: %w", err)
		}
		list = append(list, h)
	}
	return list, rows.Err()
}

func insertLock(tx *store.Tx, owner directory.ID, h *heldLock) error {
	_, err := tx.Exec(`INSERT INTO dav_lock (token, entry_id, owner_id, holder, shared, infinite, note, expires)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		h.token, int64(h.entry), int64(owner), int64(h.holder), h.shared, h.infinite, h.note, h.expires)
	if err != nil {
		return fmt.Errorf("insert lock: %w", err)
	}
	return nil
}

// parents finds what is above an entry, from itself to the top.
func parents(tx *store.Tx, id ID) (list []ID, err error) {
	for id != 0 && len(list) <= MaxDepth+1 {
		list = append(list, id)
		var parent *int64
		err := tx.QueryRow(`SELECT parent_id FROM dav_entry WHERE id = $1`, int64(id)).Scan(&parent)
		if isNoRows(err) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		id = ID(value(parent))
	}
	return list, nil
}
