package mailbox

import (
	"context"
	"fmt"
	"io"

	"schulhof/directory"
	"schulhof/mailbox/message"
	"schulhof/store"
	"schulhof/store/fault"
)

// Lesson is what an owner said about a message: they moved or copied it to Junk or out of there, gave it the keyword $Junk or $NotJunk
// (RFC 9051 §2.3.2), or filed it in a mailbox of their own.
type Lesson struct {
	ID      int64
	Owner   directory.ID
	Content ContentID
	Spam    bool
}

// LessonsKey is the feed key that wakes when there are new lessons.
func LessonsKey() store.Key { return store.Key{Kind: "lessons"} }

// Lessons lists those that nobody has learned from yet, the oldest first.
func (m *Mail) Lessons(ctx context.Context, limit int) (list []Lesson, err error) {
	err = m.store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT id, owner_id, content_id, spam FROM lesson ORDER BY id LIMIT $1`, int64(limit))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var row [4]int64
			if err := rows.Int64s(row[:]); err != nil {
				return err
			}
			list = append(list, Lesson{row[0], directory.ID(row[1]), ContentID(row[2]), row[3] != 0})
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("lessons: %w", err)
	}
	return list, nil
}

// Learned removes a lesson, in the transaction that writes what was learned from it. there is false if it was gone, with its owner perhaps:
// then nothing may be written.
func (m *Mail) Learned(tx *store.Tx, id int64) (there bool, err error) {
	n, err := tx.Exec(`DELETE FROM lesson WHERE id = $1`, id)
	if err != nil {
		return false, fmt.Errorf("end a lesson: %w", err)
	}
	return n > 0, nil
}

// WriteText writes the searchable text of a content to w, limit bytes at most: see message.WriteText. fault.NotFound: it is gone.
func (m *Mail) WriteText(ctx context.Context, id ContentID, w io.Writer, limit int64) error {
	var layout []byte
	var l store.Location
	err := m.store.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT c.layout, `+store.LocationColumns+` FROM content c JOIN blob b ON b.id = c.blob_id WHERE c.id = $1`, int64(id)).
			Scan(&layout, &l.Pack, &l.Offset, &l.Length, &l.Size)
	})
	if isNoRows(err) {
		return fault.New(fault.NotFound, "the message is gone")
	}
	if err != nil {
		return fmt.Errorf("read content %s: %w", id, err)
	}
	root, err := message.ParseLayout(layout)
	if err != nil {
		return fmt.Errorf("layout of content %s: %w", id, err)
	}
	body, err := m.OpenBody(ctx, l)
	if err != nil {
		return fmt.Errorf("open content %s: %w", id, err)
	}
	defer body.Close()
	_, err = message.WriteText(w, body, &message.Index{Size: l.Size, Root: root}, limit)
	return err
}

// lesson is what a transfer between two mailboxes of one owner says about the messages; ok is false if it is nothing. Junk that is thrown away
// is still junk.
func lesson(from, to *Mailbox, move bool) (spam, ok bool) {
	const junk, trash, archive = `\Junk`, `\Trash`, `\Archive`
	switch {
	case to.SpecialUse == junk:
		return true, from.SpecialUse != junk
	case from.SpecialUse == junk:
		return false, to.SpecialUse != trash
	case move && from.Name == inbox: // filed
		return false, to.SpecialUse == "" || to.SpecialUse == archive
	}
	return false, false
}

// teach notes a lesson about messages, in the transaction of what said so; of very many the last ones are enough.
func (m *Mail) teach(tx *store.Tx, owner directory.ID, spam bool, messages []entry) error {
	if !m.opts.Lessons || len(messages) == 0 {
		return nil
	}
	messages = messages[max(0, len(messages)-maxLessons):]
	verdict := int64(0)
	if spam {
		verdict = 1
	}
	args := make([]any, 0, 3*len(messages))
	for i := range messages {
		args = append(args, int64(owner), int64(messages[i].content), verdict)
	}
	if err := insertRows(tx, `INSERT INTO lesson (owner_id, content_id, spam)`, 3, args); err != nil {
		return fmt.Errorf("note lessons: %w", err)
	}
	tx.Changed(LessonsKey(), 0)
	return nil
}

// teachFlags notes what new keywords say.
func (b *Box) teachFlags(tx *store.Tx, base *Snapshot, uids []UID, op FlagOp) error {
	if !b.mail.opts.Lessons || op.Mode == FlagsRemove || op.Flags < 1<<firstKeyword {
		return nil
	}
	owner := b.view.info.Load().Owner
	names, _ := b.mail.keywords.get(owner) // whoever names a keyword has asked for its bit
	for i, keyword := range [...]string{"$NotJunk", "$Junk"} {
		bit, _ := keywordBits(names, []string{keyword})
		if op.Flags&bit == 0 {
			continue
		}
		var said []entry
		base.indexes(uids, func(i int) {
			e := base.at(i)
			if e.flags&bit == 0 && (op.UnchangedSince == nil || e.modseq <= *op.UnchangedSince) {
				said = append(said, *e)
			}
		})
		if err := b.mail.teach(tx, owner, i == 1, said); err != nil {
			return err
		}
	}
	return nil
}
