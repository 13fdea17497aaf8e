package mailbox

import (
	"context"
	"fmt"
	"io"

	"schulhof/mailbox/message"
	"schulhof/store"
	"schulhof/store/fault"
)

// refresh makes the rows of those contents anew, in one commit, that an earlier version of the program indexed, and their Layout in list
// with them. Ids, blobs and threads stay, for clients know them. A message that cannot be read keeps its row: check says what is wrong.
func (m *Mail) refresh(ctx context.Context, list []indexable) error {
	rows := make(map[int]contentRow)
	for i := range list {
		if list[i].format >= message.FormatVersion {
			continue
		}
		row, err := m.indexAgain(ctx, list[i].Blob)
		switch {
		case err == nil:
			rows[i] = row
		case ctx.Err() != nil, fault.Is(err, fault.Unavailable): // later there may be room for it
			return err
		default:
			m.log.Warn("a message is not indexed anew", "content", list[i].ID, "error", err)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	err := m.store.WriteBulk(ctx, func(tx *store.Tx) error {
		for i, row := range rows {
			if err := updateContent(tx, list[i].ID, &row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("index contents anew: %w", err)
	}
	for i, row := range rows {
		list[i].format, list[i].Layout = message.FormatVersion, row.layout
	}
	return nil
}

// updateContent writes what the present version of the program knows of a content that has a row.
func updateContent(tx *store.Tx, id ContentID, r *contentRow) error {
	_, err := tx.Exec(`UPDATE content SET format = $2, message_hash = $3, sent_date = $4, message_ref = $5, references_ = $6, base_subject = $7,
		is_reply = $8, from_key = $9, to_key = $10, cc_key = $11, preview = $12, layout = $13, envelope = $14, envelope_utf8 = $15,
		structure = $16, structure_utf8 = $17 WHERE id = $1 AND format < $2`,
		int64(id), int64(message.FormatVersion), r.messageHash, r.sentDate, r.messageID, r.refs, r.baseSubject,
		r.isReply, r.from, r.to, r.cc, r.preview, r.layout, r.envelope, r.envelope8, r.structure, r.structure8)
	return err
}

// indexAgain parses a stored body.
func (m *Mail) indexAgain(ctx context.Context, l store.Location) (row contentRow, err error) {
	body, err := m.OpenBody(ctx, l)
	if err != nil {
		return row, err
	}
	defer body.Close()
	spool := m.NewSpool() // parsing jumps about; a large body goes to the disk
	defer spool.Close()
	if _, err := io.Copy(spool, body); err != nil {
		return row, fmt.Errorf("read body: %w", err)
	}
	x, err := message.Parse(spool, spool.Size())
	if err != nil {
		return row, fmt.Errorf("index message: %w", err)
	}
	return newContentRow(spool, x), nil
}
