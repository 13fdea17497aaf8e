package collection

import (
	"context"
	"slices"
	"strings"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// transfer is one COPY or MOVE: where from, where to, and what both must allow.
type transfer struct {
	c         *Collections
	who       directory.ID
	from, to  route
	guard     Guard
	overwrite bool
	moves     bool
	shallow   bool

	src, dst spot
	content  *Content // of the source, if a policy wants to know
	etag     string   // of that content
	created  bool
}

// run runs the transfer in one transaction and returns what is at the destination then.
func (t *transfer) run(ctx context.Context, from, to Path, act func(tx *store.Tx) error) (n Node, created bool, err error) {
	if t.from, err = t.c.route(ctx, t.who, from); err != nil {
		return n, false, err
	}
	if t.to, err = t.c.route(ctx, t.who, to); fault.Is(err, fault.NotFound) {
		err = errNoParent()
	}
	if err != nil {
		return n, false, err
	}
	if t.from.list || t.to.list || len(t.from.names) == 0 || len(t.to.names) == 0 {
		return n, false, errForbidden()
	}
	if err := t.readContent(ctx); err != nil {
		return n, false, err
	}
	err = t.c.store.Write(ctx, func(tx *store.Tx) error {
		if err := t.allowed(ctx, tx); err != nil {
			return err
		}
		if err := act(tx); err != nil {
			return err
		}
		n = t.c.node(&t.dst)
		return nil
	})
	return n, t.created, err
}

// in is the collection at the destination.
func (t *transfer) in() *entry {
	if t.dst.found {
		return t.dst.parent()
	}
	return t.dst.last()
}

// allowed asks everything that may refuse the transfer.
func (t *transfer) allowed(ctx context.Context, tx *store.Tx) (err error) {
	if t.src, err = t.c.locate(tx, t.from); err != nil {
		return err
	}
	if !t.src.found {
		return errNotFound()
	}
	if t.dst, err = t.c.locate(tx, t.to); err != nil {
		return err
	}
	t.created = !t.dst.found
	if !t.dst.found && (t.dst.missing() > 1 || !t.dst.last().kind.IsCollection()) {
		return errNoParent()
	}
	if err := t.rights(); err != nil {
		return err
	}
	if err := t.fits(tx); err != nil {
		return err
	}
	if err := t.c.ask(ctx, tx, t.who, &t.guard); err != nil {
		return err
	}
	if t.dst.found && !t.overwrite {
		return errOccupied()
	}
	if err := t.unlocked(tx); err != nil {
		return err
	}
	if err := t.uidFree(tx); err != nil {
		return err
	}
	return t.policies(tx)
}

func (t *transfer) rights() error {
	if above := t.src.parent().kind; t.moves && (!t.src.access.privileges(t.src.path.Space, above, false).Unbind || t.src.access.provided(above, t.src.name())) {
		return errForbidden()
	}
	p := t.dst.access.privileges(t.dst.path.Space, t.in().kind, false)
	if !p.Bind || t.dst.found && (!p.Unbind || t.dst.access.provided(t.in().kind, t.dst.name())) {
		return errForbidden()
	}
	return nil
}

// fits refuses what has no place at the destination: into itself, another kind of collection, too deep. RFC 4918 §9.8.5, §9.9.4.
func (t *transfer) fits(tx *store.Tx) error {
	e, in := t.src.last(), t.in()
	within := func(s *spot, id ID) bool {
		return slices.ContainsFunc(s.chain, func(e entry) bool { return e.id == id })
	}
	if within(&t.dst, e.id) || t.dst.found && within(&t.src, t.dst.last().id) {
		return fault.New(fault.Forbidden, "that cannot be put into itself or in place of what it is in")
	}
	if !t.dst.found && reserved(&t.dst) {
		return errReserved()
	}
	if e.kind.IsCollection() {
		if holds(in.kind) != e.kind {
			return errLocation(e.kind)
		}
		return t.deep(tx, e)
	}
	if in.kind != t.src.parent().kind {
		return errObjectLocation(in.kind)
	}
	if in.kind == Calendar && !slices.Contains(strings.Split(in.components, ","), e.component) {
		return errComponent()
	}
	return nil
}

// deep refuses a tree that would reach too far down.
func (t *transfer) deep(tx *store.Tx, e *entry) error {
	if e.kind != Folder {
		return nil
	}
	var height int
	err := tx.QueryRow(`WITH RECURSIVE tree (id, depth) AS (SELECT CAST($1 AS BIGINT), 0
		UNION ALL SELECT m.id, t.depth + 1 FROM dav_entry m JOIN tree t ON m.parent_id = t.id WHERE m.kind <> 0 AND t.depth < $2)
		SELECT MAX(depth) FROM tree`, int64(e.id), MaxDepth).Scan(&height)
	if err == nil && len(t.to.path.Segments)+height >= MaxDepth {
		err = fault.New(fault.Limit, "the tree would have more than %d levels", MaxDepth)
	}
	return err
}

// errObjectLocation refuses an object in a collection that holds others. RFC 4791 §5.3.2.1, RFC 6352 §6.3.2.1.
func errObjectLocation(in Kind) error {
	const text = "an object of that kind has no place there"
	switch in {
	case Calendar:
		return refuse(fault.Refused, "supported-calendar-data", text)
	case AddressBook:
		return refuse(fault.Refused, "supported-address-data", text)
	}
	return fault.New(fault.Refused, text)
}

func (t *transfer) unlocked(tx *store.Tx) error {
	if t.moves {
		if err := t.c.unlocked(tx, &t.src, &t.guard, touchSelf|touchMembers|touchTree); err != nil {
			return err
		}
	}
	what := touchMembers
	if t.dst.found {
		what = touchSelf
		if !t.replaces() {
			what |= touchMembers | touchTree
		}
	}
	return t.c.unlocked(tx, &t.dst, &t.guard, what)
}

// replaces tells that one object takes the place of another: then the entry there stays, with its versions and locks, and gets the
// content. Programs save that way: they write a new file and move it over the old one.
func (t *transfer) replaces() bool {
	return t.dst.found && t.dst.last().kind == Object && t.src.last().kind == Object
}

// uidFree refuses an object whose UID another one has at the destination, and one in the place of another event or person, as Put does.
func (t *transfer) uidFree(tx *store.Tx) error {
	e, in := t.src.last(), t.in()
	if e.kind != Object || e.uid == nil {
		return nil
	}
	if !t.moves || e.parent != in.id {
		if err := uidFree(tx, in.id, e.uid, &t.dst); err != nil {
			return err
		}
	}
	if !t.replaces() {
		return nil
	}
	return sameUID(&t.dst, t.dst.last(), e.uid)
}

// readContent reads the source's bytes if the destination's kind of collection has a policy, which must not wait for them.
func (t *transfer) readContent(ctx context.Context) error {
	t.content = nil
	if t.c.policy(Calendar) == nil && t.c.policy(AddressBook) == nil || t.from.path.Space == Files || t.from.path.Space == Groups {
		return nil
	}
	var s spot
	err := t.c.store.Read(ctx, func(tx *store.Tx) (err error) {
		s, err = t.c.locate(tx, t.from)
		return err
	})
	if err != nil || !s.found || s.last().kind != Object {
		return err
	}
	b, err := t.c.appendContent(ctx, nil, s.last().at)
	if err != nil {
		return err
	}
	t.content, t.etag = contentOf(s.last(), b), etagText(s.last().etag)
	return nil
}

// policies asks the policies of both collections, as far as single objects are concerned.
func (t *transfer) policies(tx *store.Tx) error {
	e := t.src.last()
	if e.kind != Object {
		return nil
	}
	if t.moves {
		if err := t.c.allow(tx, &t.src, t.src.parent(), e, nil); err != nil {
			return err
		}
	}
	in := t.in()
	if t.c.policy(in.kind) == nil {
		return nil
	}
	if t.content == nil || t.etag != etagText(e.etag) {
		return fault.New(fault.Conflict, "it was changed just now")
	}
	var old *entry
	if t.dst.found {
		old = t.dst.last()
	}
	return t.c.allow(tx, &t.dst, in, old, t.content)
}
