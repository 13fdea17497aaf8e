package collection

import (
	"fmt"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// entry is a row of dav_entry.
type entry struct {
	id                ID
	owner             directory.ID
	parent            ID // 0: none
	name              string
	kind              Kind
	modseq            uint64
	created, modified int64
	properties        int

	blob        store.BlobID // 0: none
	etag        []byte
	size        int64
	contentType string
	indexed

	counter, logFrom uint64
	components       string

	at store.Location // if it was asked for
}

// token is how far a collection is; the zero Token for homes and for what is no collection: they keep no log.
func (e *entry) token() Token {
	if !e.kind.IsCollection() || e.kind == CalendarHome || e.kind == ContactsHome {
		return Token{}
	}
	return Token{e.id, e.counter}
}

// indexed is what is known of a calendar object or card.
type indexed struct {
	uid         []byte // nil: none
	component   string // "": none
	first, last int64
	nature      nature
}

// nature says how far first and last tell when a calendar object is. The bits are stored.
type nature int64

const (
	recurs nature = 1 << iota // instances lie between the two
	floats                    // the reader's zone decides: the two are those of every zone
	begins                    // of what recurs: an instance is known to begin at first
)

const (
	entryColumns = `e.id, e.owner_id, COALESCE(e.parent_id, 0), e.name, e.kind, e.modseq, e.created, e.modified, e.properties,
		COALESCE(e.blob_id, 0), e.etag, e.size, e.content_type, e.uid, COALESCE(e.component, ''), COALESCE(e.first_, 0), COALESCE(e.last_, 0),
		e.recurring, e.counter, e.log_from, e.components`
	locatedColumns = entryColumns + `, COALESCE(b.pack, 0), COALESCE(b.offset_, 0), COALESCE(b.length, 0), COALESCE(b.size, 0)`
	locatedFrom    = ` FROM dav_entry e LEFT JOIN blob b ON b.id = e.blob_id `

	// objectColumns are those of locatedColumns that matter for an object: a row of 25 costs a third more than one of 19.
	objectColumns = `e.id, e.owner_id, e.name, e.created, e.modified, e.properties, COALESCE(e.blob_id, 0), e.etag, e.size, e.content_type, e.uid,
		COALESCE(e.component, ''), COALESCE(e.first_, 0), COALESCE(e.last_, 0), e.recurring, COALESCE(b.pack, 0), COALESCE(b.offset_, 0), COALESCE(b.length, 0), COALESCE(b.size, 0)`

	// briefColumns are those without which an object cannot be shown at all.
	briefColumns = `e.name, COALESCE(e.blob_id, 0), e.etag, COALESCE(e.component, ''), COALESCE(b.pack, 0), COALESCE(b.offset_, 0), COALESCE(b.length, 0), COALESCE(b.size, 0)`
)

// entryRow is where rows of entryColumns, locatedColumns, objectColumns or briefColumns are read to, one after the other.
type entryRow struct {
	entry
	kind int64
	dest []any
}

// newEntryRow prepares for rows of entryColumns or of locatedColumns.
func newEntryRow(located bool) *entryRow {
	r := new(entryRow)
	e, at := &r.entry, &r.entry.at
	r.dest = []any{(*int64)(&e.id), (*int64)(&e.owner), (*int64)(&e.parent), &e.name, &r.kind, &e.modseq, &e.created, &e.modified, &e.properties,
		&e.blob, &e.etag, &e.size, &e.contentType, &e.uid, &e.component, &e.first, &e.last, (*int64)(&e.nature), &e.counter, &e.logFrom, &e.components,
		&at.Pack, &at.Offset, &at.Length, &at.Size}
	if !located {
		r.dest = r.dest[:21]
	}
	return r
}

// newRow prepares for rows of objectColumns, or of briefColumns.
func newRow(brief bool) *entryRow {
	r := new(entryRow)
	e, at := &r.entry, &r.entry.at
	if brief {
		r.dest = []any{&e.name, &e.blob, &e.etag, &e.component, &at.Pack, &at.Offset, &at.Length, &at.Size}
		return r
	}
	r.dest = []any{(*int64)(&e.id), (*int64)(&e.owner), &e.name, &e.created, &e.modified, &e.properties, &e.blob, &e.etag, &e.size, &e.contentType, &e.uid,
		&e.component, &e.first, &e.last, (*int64)(&e.nature), &at.Pack, &at.Offset, &at.Length, &at.Size}
	return r
}

// scan reads a row. The bytes are those of this row alone.
func (r *entryRow) scan(scan func(...any) error) (*entry, error) {
	r.etag, r.uid = nil, nil
	if err := scan(r.dest...); err != nil {
		return nil, err
	}
	r.entry.kind = Kind(r.kind)
	return &r.entry, nil
}

// scan reads one row of entryColumns, or of locatedColumns.
func (e *entry) scan(scan func(...any) error, located bool) error {
	read, err := newEntryRow(located).scan(scan)
	if err == nil {
		*e = *read
	}
	return err
}

// value is 0 for NULL.
func value(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// orNull is NULL for 0.
func orNull[N ~int64](n N) any {
	if n == 0 {
		return nil
	}
	return int64(n)
}

// textOrNull is NULL for "".
func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// moments are first and last, NULL for what is no calendar object.
func (i *indexed) moments() (first, last any) {
	if i.component == "" {
		return nil, nil
	}
	return i.first, i.last
}

// entryNamed finds the member name of parent; isNoRows: there is none.
func entryNamed(tx *store.Tx, parent ID, name string) (e entry, err error) {
	err = e.scan(tx.QueryRow(`SELECT `+locatedColumns+locatedFrom+`WHERE e.parent_id = $1 AND e.name = $2`, int64(parent), name).Scan, true)
	return e, err
}

// entryByID finds an entry; isNoRows: there is none.
func entryByID(tx *store.Tx, id ID) (e entry, err error) {
	err = e.scan(tx.QueryRow(`SELECT `+locatedColumns+locatedFrom+`WHERE e.id = $1`, int64(id)).Scan, true)
	return e, err
}

// insertEntry adds e's row and sets its id.
func insertEntry(tx *store.Tx, e *entry) error {
	first, last := e.moments()
	err := tx.QueryRow(`INSERT INTO dav_entry (owner_id, parent_id, name, kind, modseq, created, modified, properties, blob_id, etag, size,
		content_type, uid, component, first_, last_, recurring, counter, members, log_from, components)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 0, $19, $20) RETURNING id`,
		int64(e.owner), orNull(e.parent), e.name, int64(e.kind), e.modseq, e.created, e.modified, e.properties, orNull(e.blob), e.etag, e.size,
		e.contentType, e.uid, textOrNull(e.component), first, last, int64(e.nature), e.counter, e.logFrom, e.components).Scan(&e.id)
	if err != nil {
		return fmt.Errorf("insert entry: %w", err)
	}
	return nil
}

// updateContent writes what a new content changes.
func updateContent(tx *store.Tx, e *entry) error {
	first, last := e.moments()
	_, err := tx.Exec(`UPDATE dav_entry SET modseq = $2, modified = $3, blob_id = $4, etag = $5, size = $6, content_type = $7, uid = $8,
		component = $9, first_ = $10, last_ = $11, recurring = $12 WHERE id = $1`,
		int64(e.id), e.modseq, e.modified, orNull(e.blob), e.etag, e.size, e.contentType, e.uid, textOrNull(e.component), first, last, int64(e.nature))
	if err != nil {
		return fmt.Errorf("update entry: %w", err)
	}
	return nil
}

// nextModSeq counts a change of a collection's members and marks it as changed: after the commit the feed wakes who watches it.
func nextModSeq(tx *store.Tx, id ID) (seq uint64, err error) {
	seq, _, err = countChange(tx, id, 0)
	return seq, err
}

// join is nextModSeq for one more member. fault.Limit: there are too many.
func join(tx *store.Tx, in *entry) (seq uint64, err error) {
	seq, members, err := countChange(tx, in.id, 1)
	limit := int64(MaxMembers)
	if in.kind == CalendarHome || in.kind == ContactsHome {
		limit = MaxCollections
	}
	if err == nil && members > limit {
		err = fault.New(fault.Limit, "a collection has at most %d members", limit)
	}
	return seq, err
}

// leave is nextModSeq for one member less.
func leave(tx *store.Tx, id ID) (seq uint64, err error) {
	seq, _, err = countChange(tx, id, -1)
	return seq, err
}

func countChange(tx *store.Tx, id ID, more int) (seq uint64, members int64, err error) {
	err = tx.QueryRow(`UPDATE dav_entry SET counter = counter + 1, members = members + $2 WHERE id = $1 RETURNING counter, members`, int64(id), more).
		Scan(&seq, &members)
	if err != nil {
		return 0, 0, fmt.Errorf("count a change: %w", err)
	}
	tx.Changed(Key(id), seq)
	return seq, members, nil
}

// remember notes that name was removed from a collection.
func remember(tx *store.Tx, collection ID, name string, seq uint64, at int64) error {
	_, err := tx.Exec(`INSERT INTO dav_removed (collection_id, name, modseq, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (collection_id, name) DO UPDATE SET modseq = excluded.modseq, at = excluded.at`, int64(collection), name, seq, at)
	if err != nil {
		return fmt.Errorf("remember a removed name: %w", err)
	}
	return nil
}

// forget takes back remember: name is there again.
func forget(tx *store.Tx, collection ID, name string) error {
	if _, err := tx.Exec(`DELETE FROM dav_removed WHERE collection_id = $1 AND name = $2`, int64(collection), name); err != nil {
		return fmt.Errorf("forget a removed name: %w", err)
	}
	return nil
}
