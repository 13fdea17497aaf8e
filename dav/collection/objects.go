package collection

import (
	"context"
	"iter"
	"math"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Window says which calendar objects may matter to a query: those of a component with an instance between two moments. The zero Window
// is every object.
type Window struct {
	Component string // "": any
	From, To  int64  // unix seconds; both 0: any time
}

// Found is an object with its bytes, or the name of one that is not there.
type Found struct {
	Node    Node
	Bytes   []byte // verbatim; valid until the next one
	Missing bool   // only Node.Path is set
}

// Objects yields the objects of a collection that may be within w, with their bytes: a superset of those that are, because the index knows
// only when the first instance starts and the last ends. An error ends it. What is deleted meanwhile may be missing.
func (c *Collections) Objects(ctx context.Context, who directory.ID, n Node, w Window) iter.Seq2[Found, error] {
	return c.each(ctx, who, n, func(tx *store.Tx, after ID) (*store.Rows, error) {
		from, to := w.From, w.To
		if from == 0 && to == 0 {
			from, to = math.MinInt64, math.MaxInt64
		}
		switch {
		case w.Component == "":
			return tx.Query(`SELECT `+locatedColumns+locatedFrom+`WHERE e.parent_id = $1 AND e.kind = 0 AND e.id > $2 ORDER BY e.id LIMIT $3`,
				int64(n.ID), int64(after), PageSize)
		default:
			return tx.Query(`SELECT `+locatedColumns+locatedFrom+`WHERE e.parent_id = $1 AND e.component = $2 AND e.last_ >= $3 AND e.first_ <= $4
				AND e.id > $5 ORDER BY e.id LIMIT $6`, int64(n.ID), w.Component, from, to, int64(after), PageSize)
		}
	})
}

// each yields what pages of query find, each page one snapshot; query goes on after the entry it is told.
func (c *Collections) each(ctx context.Context, who directory.ID, n Node, query func(*store.Tx, ID) (*store.Rows, error)) iter.Seq2[Found, error] {
	return func(yield func(Found, error) bool) {
		r, err := c.route(ctx, who, n.Path)
		if err == nil && !n.Kind.IsCollection() {
			err = fault.New(fault.Invalid, "that is no collection")
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
		var buf []byte
		for after := ID(0); ; {
			page, err := c.page(ctx, func(tx *store.Tx) (*store.Rows, error) { return query(tx, after) })
			if err != nil {
				yield(Found{}, err)
				return
			}
			for i := range page {
				f := Found{Node: c.nodeOf(&r.access, n.Path.Child(page[i].name), &page[i], n.Kind)}
				if buf, err = c.store.AppendBlob(buf[:0], page[i].at); err != nil {
					yield(Found{}, err)
					return
				}
				f.Bytes = buf
				if !yield(f, nil) {
					return
				}
			}
			if len(page) < PageSize {
				return
			}
			after = page[len(page)-1].id
		}
	}
}

// page reads what query finds in one snapshot.
func (c *Collections) page(ctx context.Context, query func(*store.Tx) (*store.Rows, error)) (list []entry, err error) {
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		list = list[:0]
		rows, err := query(tx)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e entry
			if err := e.scan(rows.Scan, true); err != nil {
				return err
			}
			list = append(list, e)
		}
		return rows.Err()
	})
	return list, err
}

// fetchAtOnce is how many names one statement asks for.
const fetchAtOnce = 32

// Fetch yields the objects of a collection that have the given names, in that order, with their bytes; a name that leads to nothing comes
// as Missing. An error ends it. RFC 4791 §7.9.
func (c *Collections) Fetch(ctx context.Context, who directory.ID, n Node, names []string) iter.Seq2[Found, error] {
	return func(yield func(Found, error) bool) {
		r, err := c.route(ctx, who, n.Path)
		if err == nil && !n.Kind.IsCollection() {
			err = fault.New(fault.Invalid, "that is no collection")
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
		for at := 0; at < len(names); at += fetchAtOnce {
			slice := names[at:min(at+fetchAtOnce, len(names))]
			page, err := c.page(ctx, func(tx *store.Tx) (*store.Rows, error) { return tx.Query(fetchText, fetchArgs(n.ID, slice)...) })
			if err != nil {
				yield(Found{}, err)
				return
			}
			for _, name := range slice {
				f := c.found(&r, n, page, name)
				if !f.Missing {
					if buf, err = c.store.AppendBlob(buf[:0], f.Node.at); err != nil {
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

// found looks for name among a page.
func (c *Collections) found(r *route, n Node, page []entry, name string) Found {
	clean, err := CleanName(name)
	for i := range page {
		if err == nil && page[i].name == clean {
			return Found{Node: c.nodeOf(&r.access, n.Path.Child(clean), &page[i], n.Kind)}
		}
	}
	return Found{Node: Node{Path: n.Path.Child(name)}, Missing: true}
}
