package collection

import "schulhof/store"

// below is a WITH clause: tree (id) is the entry $1 and all entries in it.
const below = `WITH RECURSIVE tree (id) AS (SELECT id FROM dav_entry WHERE id = $1
	UNION ALL SELECT m.id FROM dav_entry m JOIN tree t ON m.parent_id = t.id) `

// treeSize is how many bytes the objects of a tree have.
func treeSize(tx *store.Tx, id ID) (size int64, err error) {
	err = tx.QueryRow(below+`SELECT CAST(COALESCE(SUM(e.size), 0) AS BIGINT) FROM tree t JOIN dav_entry e ON e.id = t.id`, int64(id)).Scan(&size)
	return size, err
}
