package mailbox

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"schulhof/store"
)

// SortKey is one key of SORT. RFC 5256 §3.
type SortKey uint8

// The keys.
const (
	SortArrival SortKey = iota
	SortCc
	SortDate
	SortFrom
	SortSize
	SortSubject
	SortTo
)

// SortBy is a key with its direction.
type SortBy struct {
	Key     SortKey
	Reverse bool
}

// sortRow is what sorting and threading need of a message.
type sortRow struct {
	content            ContentID
	thread             ThreadID
	sent               int64 // the Date field, else the internal date (RFC 5256 §2.2)
	reply              bool
	subject            []byte // base subject, as sort key
	from, to, cc       []byte
	messageID, parents []byte // parents: message ids separated by LF, oldest first
}

// Sort orders hits (indexes in snap) by RFC 5256 §3: by each key in turn, at last by sequence number.
func (b *Box) Sort(ctx context.Context, snap *Snapshot, hits []int, by []SortBy) ([]int, error) {
	if err := b.may(RightRead); err != nil {
		return nil, err
	}
	var rows []sortRow
	for _, k := range by {
		if k.Key != SortArrival && k.Key != SortSize && rows == nil {
			var err error
			if rows, err = b.sortRows(ctx, snap, hits); err != nil {
				return nil, fmt.Errorf("sort: %w", err)
			}
		}
	}
	order := make([]int, len(hits))
	entries := make([]Entry, len(hits))
	for k, i := range hits {
		order[k] = k
		entries[k] = snap.At(i)
	}
	slices.SortStableFunc(order, func(x, y int) int {
		for _, k := range by {
			c := 0
			switch k.Key {
			case SortArrival:
				c = cmp.Compare(entries[x].Date, entries[y].Date)
			case SortSize:
				c = cmp.Compare(entries[x].Size, entries[y].Size)
			default:
				c = compareRows(&rows[x], &rows[y], k.Key)
			}
			if k.Reverse {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return cmp.Compare(hits[x], hits[y])
	})
	for k, x := range order {
		order[k] = hits[x]
	}
	return order, nil
}

func compareRows(a, b *sortRow, key SortKey) int {
	switch key {
	case SortCc:
		return bytes.Compare(a.cc, b.cc)
	case SortDate:
		return cmp.Compare(a.sent, b.sent)
	case SortFrom:
		return bytes.Compare(a.from, b.from)
	case SortSubject:
		return bytes.Compare(a.subject, b.subject)
	case SortTo:
		return bytes.Compare(a.to, b.to)
	}
	return 0
}

var sortQuery = forUIDs(`SELECT c.id, c.thread_id, c.sent_date, c.is_reply, c.base_subject, c.from_key, c.to_key, c.cc_key, c.message_ref, c.references_
	FROM content c WHERE {uids}`, "c.id", 1) //nolint:gochecknoglobals // constant texts

// sortRows reads the rows of hits, in their order. One whose content is gone has content 0.
func (b *Box) sortRows(ctx context.Context, snap *Snapshot, hits []int) ([]sortRow, error) {
	ids := make([]ContentID, len(hits))
	for k, i := range hits {
		ids[k] = snap.At(i).Content
	}
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	found := make([]sortRow, len(sorted))
	for at := 0; at < len(sorted); {
		page := sorted[at:min(at+sortPage, len(sorted))]
		err := b.mail.store.Read(ctx, func(tx *store.Tx) error { return readSortRows(tx, page, found[at:at+len(page)]) })
		if err != nil {
			return nil, fmt.Errorf("sort keys: %w", err)
		}
		at += len(page)
	}
	rows := make([]sortRow, len(hits))
	for k, id := range ids {
		at, _ := slices.BinarySearch(sorted, id)
		rows[k] = found[at]
		if rows[k].sent == noSentDate || rows[k].content == 0 {
			rows[k].sent = snap.At(hits[k]).Date
		}
	}
	return rows, nil
}

// sortPage is how many rows one read snapshot covers.
const sortPage = 4096

// noSentDate stands for a message without a usable Date field.
const noSentDate = -1 << 63

// readSortRows reads ids (ascending) into found.
func readSortRows(tx *store.Tx, ids []ContentID, found []sortRow) error {
	all := ids
	for len(ids) > 0 {
		n := 1
		for n < len(ids) && int64(ids[n]-ids[0]) < 2*int64(n)+8 {
			n++
		}
		shape := shapeRun
		args := []any{int64(ids[0]), int64(ids[n-1])}
		if n < minRun {
			shape, n = inShape(len(ids))
			args = args[:0]
			for i := range inSizes[shape] {
				args = append(args, int64(ids[min(i, n-1)]))
			}
		}
		if err := scanSortRows(tx, sortQuery[shape], args, all, found); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

func scanSortRows(tx *store.Tx, query string, args []any, ids []ContentID, found []sortRow) error {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var r sortRow
	var sent *int64
	dest := []any{&r.content, &r.thread, &sent, &r.reply, &r.subject, &r.from, &r.to, &r.cc, &r.messageID, &r.parents}
	for rows.Next() {
		r, sent = sortRow{}, nil
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if r.sent = noSentDate; sent != nil {
			r.sent = *sent
		}
		if at, ok := slices.BinarySearch(ids, r.content); ok {
			found[at] = r
		}
	}
	return rows.Err()
}
