package mailbox

import (
	"context"
	"fmt"

	"schulhof/store"
)

// Check verifies the mail tables' counters (uidnext, modseq, sizes, quota, refs of contents); found gets stable ids "mail-…". repair sets
// counters right and removes rows that lead nowhere to no message; a message without its content is only reported.
func (m *Mail) Check(ctx context.Context, repair bool, found func(store.Problem)) error {
	for _, check := range checks {
		if err := m.runCheck(ctx, check, repair, found); err != nil {
			return fmt.Errorf("check %s: %w", check.id, err)
		}
	}
	return nil
}

// mailCheck finds wrong rows and mends each: query selects a key and numbers that format shows; mend (may be empty) is run with the key.
type mailCheck struct {
	id, query, format string
	columns           int
	mend              []string
}

const (
	isUnseen  = `(1 - (flags & 1))`
	isDeleted = `((flags >> 3) & 1)`
	sumsOf    = `COALESCE(COUNT(*), 0) AS n, CAST(COALESCE(SUM(` + isUnseen + `), 0) AS BIGINT) AS unseen,
		CAST(COALESCE(SUM(` + isDeleted + `), 0) AS BIGINT) AS deleted, CAST(COALESCE(SUM(size * ` + isDeleted + `), 0) AS BIGINT) AS deleted_size,
		CAST(COALESCE(SUM(size), 0) AS BIGINT) AS size, COALESCE(MAX(uid), 0) AS uid, COALESCE(MAX(modseq), 0) AS modseq`
)

var checks = [...]mailCheck{ //nolint:gochecknoglobals // a constant table
	{
		id: "mail-counters", columns: 3, format: "mailbox %d counts %d messages, its rows are %d, or another counter differs",
		query: `SELECT b.id, b.messages, COALESCE(s.n, 0) FROM mailbox b
			LEFT JOIN (SELECT mailbox_id, ` + sumsOf + ` FROM message GROUP BY mailbox_id) s ON s.mailbox_id = b.id
			WHERE b.messages <> COALESCE(s.n, 0) OR b.unseen <> COALESCE(s.unseen, 0) OR b.deleted <> COALESCE(s.deleted, 0)
				OR b.deleted_size <> COALESCE(s.deleted_size, 0) OR b.size <> COALESCE(s.size, 0) ORDER BY b.id`,
		mend: []string{`UPDATE mailbox SET modseq = modseq + 1,
			messages = (SELECT COUNT(*) FROM message WHERE mailbox_id = $1),
			unseen = (SELECT COALESCE(CAST(SUM(` + isUnseen + `) AS BIGINT), 0) FROM message WHERE mailbox_id = $1),
			deleted = (SELECT COALESCE(CAST(SUM(` + isDeleted + `) AS BIGINT), 0) FROM message WHERE mailbox_id = $1),
			deleted_size = (SELECT COALESCE(CAST(SUM(m.size * ((m.flags >> 3) & 1)) AS BIGINT), 0) FROM message m WHERE m.mailbox_id = $1),
			size = (SELECT COALESCE(CAST(SUM(m.size) AS BIGINT), 0) FROM message m WHERE m.mailbox_id = $1) WHERE id = $1`},
	},
	{
		id: "mail-uidnext", columns: 3, format: "mailbox %d has UIDNEXT %d but knows the UID %d",
		query: `SELECT b.id, b.uidnext, s.uid FROM mailbox b JOIN (
				SELECT mailbox_id, MAX(uid) AS uid FROM (SELECT mailbox_id, uid FROM message UNION ALL SELECT mailbox_id, last_uid FROM expunged) u
				GROUP BY mailbox_id) s ON s.mailbox_id = b.id WHERE b.uidnext <= s.uid ORDER BY b.id`,
		mend: []string{`UPDATE mailbox SET modseq = modseq + 1, uidnext = 1 + (SELECT MAX(uid) FROM
			(SELECT uid FROM message WHERE mailbox_id = $1 UNION ALL SELECT last_uid FROM expunged WHERE mailbox_id = $1) u) WHERE id = $1`},
	},
	{
		id: "mail-modseq", columns: 3, format: "mailbox %d has the modseq %d but a change has %d",
		query: `SELECT b.id, b.modseq, s.modseq FROM mailbox b JOIN (
				SELECT mailbox_id, MAX(modseq) AS modseq FROM (SELECT mailbox_id, modseq FROM message UNION ALL SELECT mailbox_id, modseq FROM expunged) u
				GROUP BY mailbox_id) s ON s.mailbox_id = b.id WHERE b.modseq < s.modseq ORDER BY b.id`,
		mend: []string{`UPDATE mailbox SET modseq = 1 + (SELECT MAX(modseq) FROM
			(SELECT modseq FROM message WHERE mailbox_id = $1 UNION ALL SELECT modseq FROM expunged WHERE mailbox_id = $1) u) WHERE id = $1`},
	},
	{
		id: "mail-quota", columns: 3, format: "owner %d is charged %d bytes, their mailboxes have %d, or the messages differ",
		query: `SELECT o.owner_id, o.used_bytes, COALESCE(s.size, 0) FROM mail_owner o
			LEFT JOIN (SELECT owner_id, CAST(SUM(size) AS BIGINT) AS size, CAST(SUM(messages) AS BIGINT) AS n FROM mailbox GROUP BY owner_id) s
			ON s.owner_id = o.owner_id
			WHERE o.used_bytes <> COALESCE(s.size, 0) OR o.used_messages <> COALESCE(s.n, 0) ORDER BY o.owner_id`,
		mend: []string{`UPDATE mail_owner SET
			used_bytes = (SELECT COALESCE(CAST(SUM(size) AS BIGINT), 0) FROM mailbox WHERE owner_id = $1),
			used_messages = (SELECT COALESCE(CAST(SUM(messages) AS BIGINT), 0) FROM mailbox WHERE owner_id = $1) WHERE owner_id = $1`},
	},
	{
		id: "mail-content-missing", columns: 3, format: "content %d is missing; mailbox %d message %d has it",
		query: `SELECT content_id, mailbox_id, uid FROM message m WHERE NOT EXISTS (SELECT 1 FROM content c WHERE c.id = m.content_id)
			ORDER BY mailbox_id, uid`,
	},
	{
		id: "mail-blob-missing", columns: 2, format: "content %d refers to blob %d, which is missing",
		query: `SELECT c.id, c.blob_id FROM content c WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.id = c.blob_id) ORDER BY c.id`,
	},
	{
		id: "mail-orphans", columns: 2, format: "mailbox %d does not exist but has %d messages",
		query: `SELECT mailbox_id, COUNT(*) FROM message m WHERE NOT EXISTS (SELECT 1 FROM mailbox b WHERE b.id = m.mailbox_id)
			AND NOT EXISTS (SELECT 1 FROM mailbox_gone g WHERE g.mailbox_id = m.mailbox_id) GROUP BY mailbox_id ORDER BY mailbox_id`,
		mend: []string{`INSERT INTO mailbox_gone (mailbox_id) VALUES ($1)`},
	},
	{
		id: "mail-content-idle", columns: 2, format: "content %d of blob %d has no message and is not marked for removal",
		query: `SELECT c.id, c.blob_id FROM content c WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.content_id = c.id)
			AND NOT EXISTS (SELECT 1 FROM content_idle i WHERE c.id BETWEEN i.first_content AND i.last_content) ORDER BY c.id`,
		mend: []string{`INSERT INTO content_idle (first_content, last_content, since) VALUES ($1, $1, 0)`},
	},
}

func (m *Mail) runCheck(ctx context.Context, c mailCheck, repair bool, found func(store.Problem)) error {
	var wrong [][]int64
	err := m.store.Read(ctx, func(tx *store.Tx) error {
		wrong = nil
		rows, err := tx.Query(c.query)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			row := make([]int64, c.columns)
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
		p := store.Problem{ID: c.id, Detail: fmt.Sprintf(c.format, args...)}
		if repair && len(c.mend) > 0 {
			if err := m.mend(ctx, c, row[0]); err != nil {
				return err
			}
			p.Mended = true
		}
		found(p)
	}
	return nil
}

func (m *Mail) mend(ctx context.Context, c mailCheck, key int64) error {
	return m.store.WriteBulk(ctx, func(tx *store.Tx) error {
		for _, query := range c.mend {
			if _, err := tx.Exec(query, key); err != nil {
				return err
			}
		}
		return nil
	})
}
