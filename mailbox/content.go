package mailbox

import (
	"context"
	"fmt"
	"slices"

	"schulhof/store"
)

// Content is what is stored once per message body.
type Content struct {
	ID                                     ContentID
	Blob                                   store.Location
	Hash                                   store.Hash
	Thread                                 ThreadID
	Envelope                               []byte // complete IMAP form; EnvelopeUTF8 differs only where not nil
	EnvelopeUTF8, Structure, StructureUTF8 []byte
	Layout                                 []byte
	Preview                                string
}

// Want says what Contents reads.
type Want uint8

// What can be wanted; combine them.
const (
	WantEnvelope Want = 1 << iota
	WantStructure
	WantLayout
	WantPreview
	WantBlob // Blob, Hash, Thread
)

// ContentBuf is reusable memory of Contents. The zero value is ready; it is for one user at a time.
type ContentBuf struct {
	list  []Content
	order []int32 // indexes of the entries by content id
	args  []any
}

// Contents reads what want asks for, for entries in one snapshot read, in the order given; use pages of ≤ 500. The result and its
// byte slices are valid until the next call with that buf. A missing one (expunged and swept) has ID 0.
func (b *Box) Contents(ctx context.Context, entries []Entry, want Want, buf *ContentBuf) ([]Content, error) {
	if err := b.may(RightRead); err != nil {
		return nil, err
	}
	if buf == nil {
		buf = new(ContentBuf)
	}
	err := b.mail.store.Read(ctx, func(tx *store.Tx) error {
		return b.mail.readContents(tx, entries, want&(1<<5-1), buf)
	})
	if err != nil {
		return nil, fmt.Errorf("contents: %w", err)
	}
	return buf.list, nil
}

func (m *Mail) readContents(tx *store.Tx, entries []Entry, want Want, buf *ContentBuf) error {
	buf.list = slices.Grow(buf.list[:0], len(entries))[:len(entries)]
	clear(buf.list)
	buf.order = buf.order[:0]
	sorted := true
	for i := range entries {
		buf.order = append(buf.order, int32(i))
		sorted = sorted && (i == 0 || entries[i-1].Content <= entries[i].Content)
	}
	if !sorted {
		slices.SortFunc(buf.order, func(a, b int32) int { return int(entries[a].Content - entries[b].Content) })
	}
	for at := 0; at < len(buf.order); {
		shape, n := contentShape(entries, buf.order[at:])
		group := buf.order[at : at+n]
		at += n
		if err := m.readGroup(tx, entries, group, shape, want, buf); err != nil {
			return err
		}
	}
	return nil
}

// contentShape decides how the first entries of order, which are sorted by content, are asked for: as a range when they lie
// close together, else as a list.
func contentShape(entries []Entry, order []int32) (uidShape, int) {
	first := entries[order[0]].Content
	n := 1
	for n < len(order) && int64(entries[order[n]].Content-first) < 2*int64(n)+8 {
		n++
	}
	if n >= minRun || n == len(order) && n > 1 {
		return shapeRun, n
	}
	return inShape(len(order))
}

func (m *Mail) readGroup(tx *store.Tx, entries []Entry, group []int32, shape uidShape, want Want, buf *ContentBuf) error {
	buf.args = buf.args[:0]
	if shape == shapeRun {
		buf.args = append(buf.args, int64(entries[group[0]].Content), int64(entries[group[len(group)-1]].Content))
	} else {
		for i := range inSizes[shape] {
			buf.args = append(buf.args, int64(entries[group[min(i, len(group)-1)]].Content))
		}
	}
	rows, err := tx.Query(m.sql.contents[want][shape], buf.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var c Content
	dest := scanTargets(&c, want)
	for rows.Next() {
		c = Content{}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		i, ok := slices.BinarySearchFunc(group, c.ID, func(at int32, id ContentID) int { return int(entries[at].Content - id) })
		for ; ok && i < len(group) && entries[group[i]].Content == c.ID; i++ {
			buf.list[group[i]] = c
		}
	}
	return rows.Err()
}

// scanTargets are the targets of contentQuery's columns.
func scanTargets(c *Content, want Want) []any {
	dest := append(make([]any, 0, 13), &c.ID)
	if want&WantEnvelope != 0 {
		dest = append(dest, &c.Envelope, &c.EnvelopeUTF8)
	}
	if want&WantStructure != 0 {
		dest = append(dest, &c.Structure, &c.StructureUTF8)
	}
	if want&WantLayout != 0 {
		dest = append(dest, &c.Layout)
	}
	if want&WantPreview != 0 {
		dest = append(dest, &c.Preview)
	}
	if want&WantBlob != 0 {
		dest = append(dest, &c.Thread, &c.Hash, &c.Blob.Pack, &c.Blob.Offset, &c.Blob.Length, &c.Blob.Size)
	}
	return dest
}

// SaveDates (RFC 8514), unix seconds, for uids (ascending) in order; 0 for those that are gone.
func (b *Box) SaveDates(ctx context.Context, uids []UID) (dates []int64, err error) {
	dates = make([]int64, len(uids))
	var row [2]int64
	err = b.eachRow(ctx, uids, &b.mail.sql.saveDates, func(rows *store.Rows) error {
		if err := rows.Int64s(row[:]); err != nil {
			return err
		}
		if i, ok := slices.BinarySearch(uids, UID(row[0])); ok {
			dates[i] = row[1]
		}
		return nil
	})
	return dates, err
}

// Vias tells by which alias or group address uids (ascending) came, "" for none, in order.
func (b *Box) Vias(ctx context.Context, uids []UID) (vias []string, err error) {
	vias = make([]string, len(uids))
	err = b.eachRow(ctx, uids, &b.mail.sql.vias, func(rows *store.Rows) error {
		var uid UID
		var via string
		if err := rows.Scan(&uid, &via); err != nil {
			return err
		}
		if i, ok := slices.BinarySearch(uids, uid); ok {
			vias[i] = via
		}
		return nil
	})
	return vias, err
}

// eachRow calls row for what q finds of uids.
func (b *Box) eachRow(ctx context.Context, uids []UID, q *byUIDs, row func(*store.Rows) error) error {
	if err := b.may(RightRead); err != nil {
		return err
	}
	snap := b.Snapshot()
	runs := runBuilder{base: snap}
	if uids == nil {
		uids = []UID{}
	}
	snap.indexes(uids, runs.add)
	return b.mail.store.Read(ctx, func(tx *store.Tx) error {
		return q.each(snap, runs.runs, []any{int64(b.view.id)}, func(query string, args []any, _ int) error {
			rows, err := tx.Query(query, args...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				if err := row(rows); err != nil {
					return err
				}
			}
			return rows.Err()
		})
	})
}

// OpenBody opens the verbatim bytes.
func (m *Mail) OpenBody(ctx context.Context, l store.Location) (*store.BlobReader, error) {
	return m.store.OpenBlob(ctx, l)
}

// AppendBody appends the verbatim bytes of a small (≤ 256 KiB) body to dst.
func (m *Mail) AppendBody(dst []byte, l store.Location) ([]byte, error) {
	return m.store.AppendBlob(dst, l)
}
