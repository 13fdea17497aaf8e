package mailbox

import (
	"fmt"
	"strings"

	"schulhof/mailbox/message"
	"schulhof/store"
)

// contentsAtOnce is how many contents one statement inserts.
const contentsAtOnce = 16

const insertContent = `INSERT INTO content (blob_id, format, size, thread_id, message_hash, sent_date, message_ref, references_, base_subject,
	is_reply, from_key, to_key, cc_key, preview, layout, envelope, envelope_utf8, structure, structure_utf8)`

const contentWidth = 19

// insertContentsText is the statement for n contents; those whose blob has a content already are left out of its rows.
func insertContentsText(n int) string {
	return valuesText(insertContent, contentWidth, n) + ` ON CONFLICT (blob_id) DO NOTHING RETURNING id, blob_id`
}

// addContents finds or inserts the contents of list and returns their ids. A new one takes the reference to the blob.
func (m *Mail) addContents(tx *store.Tx, list []*Prepared) ([]ContentID, error) {
	blobs := make([]*store.Blob, len(list))
	for i, p := range list {
		blobs[i] = p.Blob
	}
	refs, err := tx.References(blobs)
	if err != nil {
		return nil, err
	}
	tx.AfterCommit(m.indexer.notify)
	ids := make([]ContentID, len(list))
	var batch map[int64]ThreadID // of the messages before in list
	if len(list) > 1 {
		batch = make(map[int64]ThreadID, len(list))
	}
	args := make([]any, 0, min(len(list), contentsAtOnce)*contentWidth)
	for at := 0; at < len(list); at += contentsAtOnce {
		end := min(at+contentsAtOnce, len(list))
		args = args[:0]
		for i := at; i < end; i++ {
			thread, err := findThread(tx, &list[i].row, batch)
			if err != nil {
				return nil, err
			}
			args = list[i].row.appendArgs(args, refs[i], thread)
		}
		if err := m.insertContents(tx, args, refs[at:end], ids[at:end]); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// insertContents inserts the rows of args, whose blobs are refs, and fills in ids. A reference to a blob whose content was there is given back.
func (m *Mail) insertContents(tx *store.Tx, args []any, refs []store.BlobID, ids []ContentID) error {
	query := m.sql.insertContents[0]
	if n := len(refs); n > 1 {
		if query = m.sql.insertContents[1]; n < contentsAtOnce {
			query = insertContentsText(n)
		}
	}
	rows, err := tx.Query(query, args...)
	if err != nil {
		return fmt.Errorf("insert content: %w", err)
	}
	defer rows.Close()
	var row [2]int64
	for rows.Next() {
		if err := rows.Int64s(row[:]); err != nil {
			return fmt.Errorf("insert content: %w", err)
		}
		for i, ref := range refs {
			if int64(ref) == row[1] {
				ids[i] = ContentID(row[0])
				break // a second one with the same blob owes its reference
			}
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("insert content: %w", err)
	}
	for i, ref := range refs {
		if ids[i] != 0 {
			continue
		}
		if err := tx.QueryRow(`SELECT id FROM content WHERE blob_id = $1`, int64(ref)).Scan(&ids[i]); err != nil {
			return fmt.Errorf("find content: %w", err)
		}
		if err := tx.Dereference(ref, 1); err != nil {
			return err
		}
	}
	return nil
}

func (r *contentRow) appendArgs(args []any, blob store.BlobID, thread ThreadID) []any {
	return append(args, int64(blob), int64(message.FormatVersion), r.size, int64(thread), r.messageHash, r.sentDate, r.messageID, r.refs, r.baseSubject,
		r.isReply, r.from, r.to, r.cc, r.preview, r.layout, r.envelope, r.envelope8, r.structure, r.structure8)
}

// findThread returns the thread of the nearest ancestor that is known, else the one that the oldest ancestor begins. batch, if not nil,
// has the messages that are inserted together with r but may not be there yet; r joins them.
func findThread(tx *store.Tx, r *contentRow, batch map[int64]ThreadID) (thread ThreadID, err error) {
	thread = r.root
	if len(r.references) > 0 {
		if thread, err = knownThread(tx, r, batch); err != nil {
			return 0, err
		}
	}
	if hash, ok := r.messageHash.(int64); ok && batch != nil {
		if _, known := batch[hash]; !known {
			batch[hash] = thread
		}
	}
	return thread, nil
}

func knownThread(tx *store.Tx, r *contentRow, batch map[int64]ThreadID) (ThreadID, error) {
	refs := r.references
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
	for i, ref := range refs {
		if t, ok := batch[ref]; ok {
			thread, nearest = t, i
			break
		}
	}
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
