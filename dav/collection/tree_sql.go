package collection

import "schulhof/store"

// below is a WITH clause: tree (id) is the entry $1 and all entries in it.
const below = `WITH RECURSIVE tree (id) AS (SELECT id FROM dav_entry WHERE id = $1
	UNION ALL SELECT m.id FROM dav_entry m JOIN tree t ON m.parent_id = t.id) `

// measureTree tells how many entries a tree has, with its top, and how many bytes their contents.
func measureTree(tx *store.Tx, id ID) (count, size int64, err error) {
	err = tx.QueryRow(below+`SELECT COUNT(*), CAST(COALESCE(SUM(e.size), 0) AS BIGINT) FROM tree t JOIN dav_entry e ON e.id = t.id`,
		int64(id)).Scan(&count, &size)
	return count, size, err
}
