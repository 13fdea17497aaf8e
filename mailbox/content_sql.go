package mailbox

import (
	"fmt"
	"strings"

	"schulhof/mailbox/message"
	"schulhof/store"
)

// addContent finds or inserts the content of p and returns its id. A new one takes the reference to the blob.
func (m *Mail) addContent(tx *store.Tx, p *Prepared) (ContentID, error) {
	blob, err := tx.Reference(p.Blob)
	if err != nil {
		return 0, err
	}
	thread, err := findThread(tx, &p.row)
	if err != nil {
		return 0, err
	}
	r := &p.row
	var id ContentID
	err = tx.QueryRow(`INSERT INTO content (blob_id, format, size, thread_id, message_hash, sent_date, message_ref, references_, base_subject,
		is_reply, from_key, to_key, cc_key, preview, layout, envelope, envelope_utf8, structure, structure_utf8)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
		ON CONFLICT (blob_id) DO NOTHING RETURNING id`,
		int64(blob), message.FormatVersion, r.size, int64(thread), r.messageHash, r.sentDate, r.messageID, r.refs, r.baseSubject,
		r.isReply, r.from, r.to, r.cc, r.preview, r.layout, r.envelope, r.envelope8, r.structure, r.structure8).Scan(&id)
	if err == nil {
		return id, nil
	}
	if !isNoRows(err) {
		return 0, fmt.Errorf("insert content: %w", err)
	}
	if err := tx.QueryRow(`SELECT id FROM content WHERE blob_id = $1`, int64(blob)).Scan(&id); err != nil {
		return 0, fmt.Errorf("find content: %w", err)
	}
	return id, tx.Dereference(blob, 1)
}

// findThread returns the thread of the nearest ancestor that is known, else the one that the oldest ancestor begins.
func findThread(tx *store.Tx, r *contentRow) (ThreadID, error) {
	refs := r.references
	if len(refs) == 0 {
		return r.root, nil
	}
	size := 1
	for size < len(refs) {
		size *= 2
	}
	args := make([]any, size)
	for i := range args {
		args[i] = refs[min(i, len(refs)-1)]
	}
	rows, err := tx.Query(threadQuery(size), args...)
	if err != nil {
		return 0, fmt.Errorf("find thread: %w", err)
	}
	defer rows.Close()
	thread, nearest := r.root, len(refs)
	var row [2]int64
	for rows.Next() {
		if err := rows.Int64s(row[:]); err != nil {
			return 0, fmt.Errorf("find thread: %w", err)
		}
		for i, ref := range refs[:nearest] {
			if ref == row[0] {
				thread, nearest = ThreadID(row[1]), i
				break
			}
		}
	}
	return thread, rows.Err()
}

func threadQuery(size int) string {
	return `SELECT message_hash, MIN(thread_id) FROM content WHERE message_hash IN ` +
		strings.TrimPrefix(valuesText("", size, 1), " VALUES ") + ` GROUP BY message_hash`
}

// contentQuery selects what want asks for; the order of columns is that of Box.scanContent.
func contentQuery(want Want) string {
	columns, from := []string{"c.id"}, "content c"
	if want&WantEnvelope != 0 {
		columns = append(columns, "c.envelope", "c.envelope_utf8")
	}
	if want&WantStructure != 0 {
		columns = append(columns, "c.structure", "c.structure_utf8")
	}
	if want&WantLayout != 0 {
		columns = append(columns, "c.layout")
	}
	if want&WantPreview != 0 {
		columns = append(columns, "c.preview")
	}
	if want&WantBlob != 0 {
		columns = append(columns, "c.thread_id", "b.hash", store.LocationColumns)
		from += " JOIN blob b ON b.id = c.blob_id"
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + from + " WHERE {uids}"
}
