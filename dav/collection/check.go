package collection

import (
	"context"
	"fmt"

	"schulhof/store"
)

// Check verifies counters, sums and links of the DAV tables; found gets stable ids "dav-…". repair sets counters and sums right and puts
// entries that nobody can reach any more into their owner's trash, where they can be restored; what is missing is only reported.
func (c *Collections) Check(ctx context.Context, repair bool, found func(store.Problem)) error {
	for _, check := range checks {
		if err := c.runCheck(ctx, check, repair, found); err != nil {
			return fmt.Errorf("check %s: %w", check.id, err)
		}
	}
	return nil
}

// davCheck finds wrong rows and mends each: query selects a key and numbers that format shows; mend (may be empty) is run with the key, and
// with the time if it is dated.
type davCheck struct {
	id, query, format string
	columns           int
	mend              string
	dated             bool
}

// live are all entries that can be reached from the roots, with the owner of the root.
const live = `WITH RECURSIVE root (id, owner) AS (SELECT calendars, owner_id FROM dav_owner UNION ALL SELECT contacts, owner_id FROM dav_owner
	UNION ALL SELECT files, owner_id FROM dav_owner), live (id, owner) AS (SELECT id, owner FROM root
	UNION ALL SELECT m.id, l.owner FROM dav_entry m JOIN live l ON m.parent_id = l.id) `

// used are the owners with what their entries make.
const used = live + `, used (owner, size) AS (SELECT l.owner, CAST(SUM(e.size) AS BIGINT) FROM live l JOIN dav_entry e ON e.id = l.id GROUP BY l.owner) `

const keptSum = `(SELECT COALESCE(CAST(SUM(v.size) AS BIGINT), 0) FROM dav_version v WHERE v.owner_id = dav_owner.owner_id)
	+ (SELECT COALESCE(CAST(SUM(t.size) AS BIGINT), 0) FROM dav_trash t WHERE t.owner_id = dav_owner.owner_id)`

// intoTrashText puts the tree of $1 into the trash at the time $2, named after its number.
const intoTrashText = below + `INSERT INTO dav_trash (entry_id, owner_id, root_id, path, size, deleted, deleted_by)
	SELECT e.id, e.owner_id, o.files, 'found-' || CAST(e.id AS TEXT),
		(SELECT CAST(COALESCE(SUM(m.size), 0) AS BIGINT) FROM tree t JOIN dav_entry m ON m.id = t.id), CAST($2 AS BIGINT), 0
	FROM dav_entry e JOIN dav_owner o ON o.owner_id = e.owner_id WHERE e.id = $1`

var checks = [...]davCheck{ //nolint:gochecknoglobals // a constant table
	{
		id: "dav-root", columns: 1, format: "owner %d lacks one of the roots",
		query: `SELECT owner_id FROM dav_owner o WHERE 3 <> (SELECT COUNT(*) FROM dav_entry e WHERE e.id IN (o.calendars, o.contacts, o.files)) ORDER BY owner_id`,
	},
	{
		id: "dav-orphan", columns: 2, format: "entry %d is in collection %d, which is missing", dated: true,
		query: `SELECT e.id, e.parent_id FROM dav_entry e WHERE e.parent_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM dav_entry p WHERE p.id = e.parent_id) ORDER BY e.id`,
		mend:  intoTrashText,
	},
	{
		id: "dav-lost", columns: 1, format: "entry %d is in no collection, no root, not in the trash and not being removed", dated: true,
		query: `SELECT e.id FROM dav_entry e WHERE e.parent_id IS NULL AND NOT EXISTS (SELECT 1 FROM dav_trash t WHERE t.entry_id = e.id)
			AND NOT EXISTS (SELECT 1 FROM dav_gone g WHERE g.entry_id = e.id)
			AND NOT EXISTS (SELECT 1 FROM dav_owner o WHERE e.id IN (o.calendars, o.contacts, o.files)) ORDER BY e.id`,
		mend: intoTrashText,
	},
	{
		id: "dav-trash", columns: 1, format: "the trash has entry %d, which is missing or in a collection",
		query: `SELECT t.entry_id FROM dav_trash t WHERE NOT EXISTS (SELECT 1 FROM dav_entry e WHERE e.id = t.entry_id AND e.parent_id IS NULL) ORDER BY t.entry_id`,
		mend:  `DELETE FROM dav_trash WHERE entry_id = $1`,
	},
	{
		id: "dav-owner", columns: 3, format: "entry %d belongs to %d but is in the tree of %d",
		query: live + `SELECT e.id, e.owner_id, l.owner FROM live l JOIN dav_entry e ON e.id = l.id WHERE e.owner_id <> l.owner ORDER BY e.id`,
		mend:  live + `UPDATE dav_entry SET owner_id = (SELECT owner FROM live WHERE id = $1) WHERE id = $1`,
	},
	{
		id: "dav-modseq", columns: 3, format: "collection %d counts %d changes, one has the number %d",
		query: `SELECT c.id, c.counter, s.modseq FROM dav_entry c JOIN (SELECT id, MAX(modseq) AS modseq FROM (
				SELECT parent_id AS id, modseq FROM dav_entry UNION ALL SELECT collection_id, modseq FROM dav_removed) u GROUP BY id) s ON s.id = c.id
			WHERE c.counter < s.modseq ORDER BY c.id`,
		mend: `UPDATE dav_entry SET counter = 1 + (SELECT MAX(modseq) FROM (SELECT modseq FROM dav_entry WHERE parent_id = $1
			UNION ALL SELECT modseq FROM dav_removed WHERE collection_id = $1) u) WHERE id = $1`,
	},
	{
		id: "dav-members", columns: 3, format: "collection %d counts %d members and has %d",
		query: `SELECT c.id, c.members, COALESCE(s.n, 0) FROM dav_entry c LEFT JOIN (SELECT parent_id AS id, COUNT(*) AS n FROM dav_entry
				WHERE parent_id IS NOT NULL GROUP BY parent_id) s ON s.id = c.id
			WHERE c.members <> COALESCE(s.n, 0) AND NOT EXISTS (SELECT 1 FROM dav_gone g WHERE g.entry_id = c.id) ORDER BY c.id`,
		mend: `UPDATE dav_entry SET members = (SELECT COUNT(*) FROM dav_entry m WHERE m.parent_id = $1) WHERE id = $1`,
	},
	{
		id: "dav-removed", columns: 2, format: "collection %d remembers a removed name that entry %d has",
		query: `SELECT r.collection_id, e.id FROM dav_removed r JOIN dav_entry e ON e.parent_id = r.collection_id AND e.name = r.name ORDER BY r.collection_id, e.id`,
		mend: `DELETE FROM dav_removed WHERE collection_id = $1 AND EXISTS
			(SELECT 1 FROM dav_entry e WHERE e.parent_id = dav_removed.collection_id AND e.name = dav_removed.name)`,
	},
	{
		id: "dav-properties", columns: 2, format: "entry %d counts %d properties and has another number",
		query: `SELECT id, properties FROM dav_entry WHERE properties <> (SELECT COUNT(*) FROM dav_property p WHERE p.entry_id = dav_entry.id) ORDER BY id`,
		mend:  `UPDATE dav_entry SET properties = (SELECT COUNT(*) FROM dav_property p WHERE p.entry_id = dav_entry.id) WHERE id = $1`,
	},
	{
		id: "dav-quota", columns: 3, format: "owner %d is charged %d bytes, the entries have %d",
		query: used + `SELECT o.owner_id, o.used_bytes, COALESCE(u.size, 0) FROM dav_owner o LEFT JOIN used u ON u.owner = o.owner_id
			WHERE o.used_bytes <> COALESCE(u.size, 0) ORDER BY o.owner_id`,
		mend: used + `UPDATE dav_owner SET used_bytes = COALESCE((SELECT size FROM used WHERE owner = $1), 0) WHERE owner_id = $1`,
	},
	{
		id: "dav-kept", columns: 3, format: "owner %d is said to keep %d bytes, versions and the trash have %d",
		query: `SELECT owner_id, kept_bytes, ` + keptSum + ` FROM dav_owner WHERE kept_bytes <> ` + keptSum + ` ORDER BY owner_id`,
		mend:  `UPDATE dav_owner SET kept_bytes = ` + keptSum + ` WHERE owner_id = $1`,
	},
	{
		id: "dav-blob-missing", columns: 2, format: "entry %d refers to blob %d, which is missing",
		query: `SELECT e.id, e.blob_id FROM dav_entry e WHERE e.blob_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM blob b WHERE b.id = e.blob_id) ORDER BY e.id`,
	},
}

func (c *Collections) runCheck(ctx context.Context, check davCheck, repair bool, found func(store.Problem)) error {
	var wrong [][]int64
	err := c.store.Read(ctx, func(tx *store.Tx) error {
		wrong = nil
		rows, err := tx.Query(check.query)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			row := make([]int64, check.columns)
			if err := rows.Int64s(row); err != nil {
				return err
			}
			wrong = append(wrong, row)
		}
		return rows.Err()
	})
	if err != nil {
		return err
	}
	for _, row := range wrong {
		args := make([]any, len(row))
		for i, n := range row {
			args[i] = n
		}
		p := store.Problem{ID: check.id, Detail: fmt.Sprintf(check.format, args...)}
		if repair && check.mend != "" {
			if err := c.mend(ctx, check, row[0]); err != nil {
				return err
			}
			p.Mended = true
		}
		found(p)
	}
	return nil
}

func (c *Collections) mend(ctx context.Context, check davCheck, key int64) error {
	now := c.now().Unix()
	return c.store.WriteBulk(ctx, func(tx *store.Tx) error {
		if !check.dated {
			_, err := tx.Exec(check.mend, key)
			return err
		}
		if _, err := tx.Exec(check.mend, key, now); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE dav_entry SET parent_id = NULL WHERE id = $1`, key)
		return err
	})
}
