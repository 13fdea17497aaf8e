package collection

import (
	"context"
	"errors"
	"io"
	"iter"
	"math"
	"slices"

	"schulhof/dav/ical"
	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Window says which calendar objects may matter to a query: those of a component with an instance between two moments. The zero Window
// is every object.
type Window struct {
	Component string // "": any
	From, To  int64  // unix seconds; both 0: any time

	// Decide, where it is set, tells what the index of an object says about it; sure false: its bytes have to be looked at. Of those that are
	// surely no match nothing is yielded.
	Decide func(*ical.Object) (match, sure bool)
	// NamesOnly: the bytes of what is surely a match are not asked for.
	NamesOnly bool
	// Brief: of the nodes only Path, Kind, In, Privileges, ETag and Component are needed. A window that has to look at the index takes no notice.
	Brief bool
}

func (w *Window) brief() bool { return w.Brief && w.Component == "" && w.Decide == nil }

// Found is an object with its bytes, or the name of one that is not there.
type Found struct {
	Node    Node
	Bytes   []byte // verbatim; valid until the next one
	Missing bool   // only Node.Path is set
	Sure    bool   // Window.Decide said that it is a match
}

// Objects yields the objects of a collection that may be within w, with their bytes: a superset of those that are, because the index knows
// only when the first instance starts and the last ends. An error ends it. It reads page by page: of what is changed meanwhile, either state
// may come, or both.
func (c *Collections) Objects(ctx context.Context, who directory.ID, n Node, w Window) iter.Seq2[Found, error] {
	if w.Component == "" {
		columns := objectColumns
		if w.brief() {
			columns = briefColumns
		}
		return c.each(ctx, who, n, w, func(tx *store.Tx, after *entry) (*store.Rows, error) {
			return tx.Query(`SELECT `+columns+locatedFrom+`WHERE e.parent_id = $1 AND e.kind = 0 AND e.name > $2 ORDER BY e.name LIMIT $3`,
				int64(n.ID), after.name, PageSize)
		})
	}
	if w.From == 0 && w.To == 0 {
		w.From, w.To = math.MinInt64, math.MaxInt64
	}
	return c.each(ctx, who, n, w, func(tx *store.Tx, after *entry) (*store.Rows, error) {
		from := w.From
		if after.id != 0 {
			from = after.last
		}
		return tx.Query(`SELECT `+objectColumns+locatedFrom+`WHERE e.parent_id = $1 AND e.component = $2 AND (e.last_, e.id) > ($3, $4) AND e.first_ <= $5
			ORDER BY e.last_, e.id LIMIT $6`, int64(n.ID), w.Component, from, int64(after.id), w.To, PageSize)
	})
}

// each yields what pages of query find, each page one snapshot; query goes on after the entry it is told, the zero entry at first.
func (c *Collections) each(ctx context.Context, who directory.ID, n Node, w Window, query func(*store.Tx, *entry) (*store.Rows, error)) iter.Seq2[Found, error] {
	return func(yield func(Found, error) bool) {
		r, err := c.route(ctx, who, n.Path)
		if err == nil {
			err = holdsObjects(n.Kind)
		}
		var list []Node
		if err == nil && r.book {
			list, err = c.bookCards(ctx, &r)
		}
		if err != nil {
			yield(Found{}, err)
			return
		}
		if r.book {
			eachCard(list, yield)
			return
		}
		row := newRow(w.brief())
		var last entry
		page, release := c.room()
		defer func() { release(page) }()
		for more := true; more; {
			page, err = c.page(ctx, page, row, func(tx *store.Tx) (*store.Rows, error) { return query(tx, &last) })
			if err != nil {
				yield(Found{}, err)
				return
			}
			if !c.yieldPage(ctx, &r, n, w, page, yield) {
				return
			}
			if more = len(page) == PageSize; more {
				last = page[PageSize-1]
			}
		}
	}
}

// yieldPage yields the entries of a page as w asks for them; false: the caller has enough.
func (c *Collections) yieldPage(ctx context.Context, r *route, n Node, w Window, page []entry, yield func(Found, error) bool) bool {
	var buf []byte
	for i := range page {
		match, sure := w.decide(&page[i].indexed)
		if sure && !match {
			continue
		}
		f := Found{Node: c.nodeOf(&r.access, n.Path.Child(page[i].name), &page[i], n.Kind), Sure: sure}
		if !sure || !w.NamesOnly {
			var err error
			if buf, err = c.appendContent(ctx, buf[:0], page[i].at); err != nil {
				yield(Found{}, err)
				return false
			}
			f.Bytes = buf
		}
		if !yield(f, nil) {
			return false
		}
	}
	return true
}

// decide asks Decide about an entry.
func (w *Window) decide(x *indexed) (match, sure bool) {
	if w.Decide == nil || x.component == "" {
		return false, false
	}
	return w.Decide(x.object())
}

// room is an empty page, from what earlier queries needed; release takes it back when nobody needs its entries any more.
func (c *Collections) room() (page []entry, release func([]entry)) {
	pooled := c.pages.Get().(*[]entry)
	return *pooled, func(page []entry) {
		clear(page)
		*pooled = page[:0]
		c.pages.Put(pooled)
	}
}

// page reads what query finds in one snapshot, row by row, into the room of list, whose entries nobody needs any more.
func (c *Collections) page(ctx context.Context, list []entry, row *entryRow, query func(*store.Tx) (*store.Rows, error)) ([]entry, error) {
	err := c.store.Read(ctx, func(tx *store.Tx) error {
		clear(list)
		list = list[:0]
		rows, err := query(tx)
		if err != nil {
			return err
		}
		defer rows.Close()
		scan := rows.Scan
		for rows.Next() {
			e, err := row.scan(scan)
			if err != nil {
				return err
			}
			list = append(list, *e)
		}
		return rows.Err()
	})
	return list, err
}

// fetchAtOnce is how many names one statement asks for.
const fetchAtOnce = 100

// Fetch yields the objects of a collection that have the given names, in that order, with their bytes; a name that leads to nothing comes
// as Missing. An error ends it. brief is Window.Brief. RFC 4791 §7.9.
func (c *Collections) Fetch(ctx context.Context, who directory.ID, n Node, names []string, brief bool) iter.Seq2[Found, error] {
	return func(yield func(Found, error) bool) {
		r, err := c.route(ctx, who, n.Path)
		if err == nil {
			err = holdsObjects(n.Kind)
		}
		if err != nil {
			yield(Found{}, err)
			return
		}
		if r.book {
			c.fetchCards(ctx, &r, names, yield)
			return
		}
		var buf []byte
		row := newRow(brief)
		page, release := c.room()
		defer func() { release(page) }()
		places := make(map[string]int, min(fetchAtOnce, len(names)))
		for at := 0; at < len(names); at += fetchAtOnce {
			slice := names[at:min(at+fetchAtOnce, len(names))]
			text, args := fetchQuery(n.ID, slice, brief)
			page, err = c.page(ctx, page, row, func(tx *store.Tx) (*store.Rows, error) { return tx.Query(text, args...) })
			if err != nil {
				yield(Found{}, err)
				return
			}
			clear(places)
			for i := range page {
				places[page[i].name] = i
			}
			for _, name := range slice {
				f := c.found(&r, n, page, places, name)
				if !f.Missing {
					if buf, err = c.appendContent(ctx, buf[:0], f.Node.at); err != nil {
						yield(Found{}, err)
						return
					}
					f.Bytes = buf
				}
				if !yield(f, nil) {
					return
				}
			}
		}
	}
}

// found looks for name among a page; places are its entries' by name.
func (c *Collections) found(r *route, n Node, page []entry, places map[string]int, name string) Found {
	if clean, err := CleanName(name); err == nil {
		if i, ok := places[clean]; ok {
			return Found{Node: c.nodeOf(&r.access, n.Path.Child(clean), &page[i], n.Kind)}
		}
	}
	return Found{Node: Node{Path: n.Path.Child(name)}, Missing: true}
}

// holdsObjects refuses what has no calendar objects or cards in it: files may be too large for anyone's memory.
func holdsObjects(k Kind) error {
	switch k {
	case Calendar, AddressBook, DirectoryBook:
		return nil
	}
	return fault.New(fault.Invalid, "that is no calendar and no address book")
}

// appendContent appends the bytes of a calendar object or card to dst.
func (c *Collections) appendContent(ctx context.Context, dst []byte, at store.Location) ([]byte, error) {
	if at.Size <= store.SmallBlob {
		return c.store.AppendBlob(dst, at)
	}
	r, err := c.store.OpenBlob(ctx, at)
	if err != nil {
		return dst, err
	}
	start := len(dst)
	dst = slices.Grow(dst, int(at.Size))[:start+int(at.Size)]
	_, err = io.ReadFull(r, dst[start:])
	return dst, errors.Join(err, r.Close())
}
