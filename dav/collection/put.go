package collection

import (
	"bytes"
	"context"
	"strings"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// PutOptions say more about a new content.
type PutOptions struct {
	Guard
	ContentType string // as the client sent it

	// What Find showed of the collection around it a moment ago, which saves looking for it before the content is checked. Object: not known.
	In         Kind
	Components []string
}

// Put stores an object: a new one, or a new content of one that is there. The bytes are durable and visible when it returns. The same
// bytes again change nothing.
//
// fault.Conflict with ErrNoParent or ErrIsCollection, or with the precondition of RFC 4791 §5.3.2.1 and RFC 6352 §6.3.2.1 that the content
// breaks; fault.TooLarge (max-resource-size), fault.OverQuota (quota-not-exceeded), fault.InUse (a lock), fault.Forbidden, fault.NotFound.
func (c *Collections) Put(ctx context.Context, who directory.ID, p Path, content *store.Spool, o PutOptions) (n Node, created bool, err error) {
	r, err := c.route(ctx, who, p)
	if err != nil {
		return n, false, err
	}
	if r.list || len(r.names) == 0 {
		return n, false, errIsCollection()
	}
	w := &putting{c: c, route: r, who: who, o: o}
	blob, err := w.prepare(ctx, content)
	if err != nil {
		return n, false, err
	}
	defer blob.Release()
	w.blob = blob
	if len(w.o.ContentType) > MaxContentType {
		w.o.ContentType = w.o.ContentType[:MaxContentType]
	}
	err = c.store.Write(ctx, func(tx *store.Tx) error { return w.write(ctx, tx) })
	return w.node, w.created, err
}

func errIsCollection() error {
	return fault.Wrap(fault.Conflict, ErrIsCollection, "that is a collection")
}

// putting is one Put.
type putting struct {
	c     *Collections
	route route
	who   directory.ID
	o     PutOptions

	in      Kind // what the collection was when the content was checked
	index   indexed
	content *Content // what a policy may know
	blob    *store.Blob

	node    Node
	created bool
}

// prepare checks the content as the collection around it demands, and stores its bytes: small ones meanwhile, so that the time of their fsync is
// used. If they are refused then, nothing refers to them. Larger ones are stored when they are known to be right.
func (w *putting) prepare(ctx context.Context, content *store.Spool) (*store.Blob, error) {
	if w.o.In == Object {
		if err := w.lookAround(ctx); err != nil {
			return nil, err
		}
	}
	w.in = w.o.In
	if !w.route.access.privileges(w.route.path.Space, w.in, false).Write {
		return nil, errForbidden() // before the content is looked at
	}
	if content.Size() > storedMeanwhile {
		if err := w.inspect(content); err != nil {
			return nil, err
		}
		return w.c.store.Put(ctx, content)
	}
	storing := w.c.store.Begin(ctx, content)
	refused := w.inspect(content)
	blob, err := storing.Wait()
	if err == nil && refused != nil {
		blob.Release()
	}
	if refused != nil {
		return nil, refused
	}
	return blob, err
}

// inspect asks whether the content is what may be in the collection.
func (w *putting) inspect(content *store.Spool) error {
	index, b, err := w.c.inspect(w.in, w.o.Components, content)
	w.index, w.content = index, contentOf(&entry{indexed: index}, b)
	return err
}

// lookAround finds the collection that the object is to be in.
func (w *putting) lookAround(ctx context.Context) error {
	above := w.route
	above.names = above.names[:len(above.names)-1]
	return w.c.store.Read(ctx, func(tx *store.Tx) error {
		s, err := w.c.locate(tx, above)
		if err != nil {
			return err
		}
		if !s.found || !s.last().kind.IsCollection() {
			return errNoParent()
		}
		w.o.In, w.o.Components = s.last().kind, strings.Split(s.last().components, ",")
		return nil
	})
}

// write is Put's transaction.
func (w *putting) write(ctx context.Context, tx *store.Tx) error {
	s, err := w.c.locate(tx, w.route)
	if err != nil {
		return err
	}
	if err := w.allowed(ctx, tx, &s); err != nil {
		return err
	}
	if w.created = !s.found; w.created {
		err = w.insert(tx, &s)
	} else {
		err = w.replace(tx, &s)
	}
	if err != nil {
		return err
	}
	w.node = w.c.node(&s)
	return nil
}

// allowed asks everything that may refuse the write.
func (w *putting) allowed(ctx context.Context, tx *store.Tx, s *spot) error {
	in := s.last()
	if s.found {
		if in = s.parent(); s.last().kind.IsCollection() {
			return errIsCollection()
		}
	} else if s.missing() > 1 || !in.kind.IsCollection() {
		return errNoParent()
	}
	p := s.access.privileges(s.path.Space, in.kind, false)
	switch {
	case in.kind != w.in:
		return fault.Wrap(fault.Conflict, ErrNoParent, "the collection was replaced")
	case s.found && !p.Write, !s.found && !p.Bind:
		return errForbidden()
	}
	if err := w.c.ask(ctx, tx, w.who, &w.o.Guard); err != nil {
		return err
	}
	what := touchSelf
	if !s.found {
		what = touchMembers
	}
	if err := w.c.unlocked(tx, s, &w.o.Guard, what); err != nil {
		return err
	}
	if err := uidFree(tx, in.id, w.index.uid, s); err != nil {
		return err
	}
	var old *entry
	if s.found {
		old = s.last()
		if err := sameUID(s, old, w.index.uid); err != nil {
			return err
		}
	}
	return w.c.allow(tx, s, in, old, w.content)
}

// sameUID refuses to put another event or person in the place of one: clients that know the old one would take them for the same.
// RFC 4791 §5.3.2.1, RFC 6352 §6.3.2.1.
func sameUID(s *spot, old *entry, uid []byte) error {
	if uid == nil || old.uid == nil || bytes.Equal(old.uid, uid) {
		return nil
	}
	return fault.Wrap(fault.Conflict, &Precondition{Name: "no-uid-conflict", Href: s.path}, "an object keeps its UID")
}

// uidFree refuses a UID that another member of a collection has than the one s leads to. RFC 4791 §5.3.2.1, RFC 6352 §6.3.2.1.
func uidFree(tx *store.Tx, in ID, uid []byte, s *spot) error {
	if uid == nil {
		return nil
	}
	var name string
	err := tx.QueryRow(`SELECT name FROM dav_entry WHERE parent_id = $1 AND uid = $2`, int64(in), uid).Scan(&name)
	if isNoRows(err) || err == nil && name == s.name() {
		return nil
	}
	if err != nil {
		return err
	}
	parent, _, _ := s.path.Parent()
	return fault.Wrap(fault.Conflict, &Precondition{Name: "no-uid-conflict", Href: parent.Child(name)}, "another object has the same UID")
}

// fill sets what the content says.
func (w *putting) fill(tx *store.Tx, e *entry) (err error) {
	if e.blob, err = tx.Reference(w.blob); err != nil {
		return err
	}
	e.etag, e.size, e.contentType, e.indexed = etagOf(w.blob.Hash), w.blob.Size, w.o.ContentType, w.index
	e.at = store.Location{} // asked for when it is opened
	return nil
}

func (w *putting) insert(tx *store.Tx, s *spot) error {
	e := entry{owner: s.access.owner, kind: Object, name: s.name()}
	if err := w.fill(tx, &e); err != nil {
		return err
	}
	if err := w.c.charge(tx, &s.access, e.size); err != nil {
		return err
	}
	if err := w.c.bind(tx, s.last(), &e); err != nil {
		return err
	}
	s.chain = append(s.chain, e)
	return nil
}

func (w *putting) replace(tx *store.Tx, s *spot) error {
	e := s.last()
	if bytes.Equal(e.etag, w.blob.Hash[:etagBytes]) && e.contentType == w.o.ContentType {
		return nil
	}
	var from entry
	if err := w.fill(tx, &from); err != nil {
		return err
	}
	if err := w.c.charge(tx, &s.access, from.size-e.size); err != nil {
		return err
	}
	return w.c.setContent(tx, s, &from)
}
