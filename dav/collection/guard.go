package collection

import (
	"context"
	"slices"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Guard is what must hold when a write happens.
type Guard struct {
	If     Condition // nil: nothing
	Tokens []string  // the lock tokens that the client submitted
}

// Condition is asked inside the writing transaction, after the rights, before the locks and before anything changes: what it sees is what
// the commit replaces. Its error refuses the write and comes back as it is. It may be asked again, and must change nothing outside of it.
type Condition func(*State) error

// State lets a Condition look at entries as they are in the transaction.
type State struct {
	c   *Collections
	ctx context.Context //nolint:containedctx // it lives as long as one call of a Condition
	tx  *store.Tx
	who directory.ID
}

// Resource is what a condition may know of a path.
type Resource struct {
	Exists     bool
	Collection bool
	ETag       string // without quotes; "" for collections
	Token      Token  // of a collection that keeps a log of changes: up to which change it is
	Locks      []Lock // that cover the path
}

// At looks at a path. Where nothing is, or nothing that the client may know of, Exists is false.
func (s *State) At(p Path) (res Resource, err error) {
	r, err := s.c.route(s.ctx, s.who, p)
	if hidden(err) {
		return res, nil
	}
	if err != nil || r.list {
		return Resource{Exists: err == nil, Collection: true}, err
	}
	if r.book {
		n, err := s.c.resolveBook(s.ctx, &r)
		if hidden(err) {
			return res, nil
		}
		return Resource{Exists: err == nil, Collection: n.Kind.IsCollection(), ETag: n.ETag, Token: n.Token}, err
	}
	at, err := s.c.locate(s.tx, r)
	if hidden(err) {
		return res, nil
	}
	if err != nil {
		return res, err
	}
	if res.Locks, err = s.c.covering(s.tx, &at); err != nil || !at.found {
		return res, err
	}
	e := at.last()
	res.Exists, res.Collection, res.Token = true, e.kind.IsCollection(), e.token()
	if !res.Collection {
		res.ETag = etagText(e.etag)
	}
	return res, nil
}

// hidden reports an error that means: there is nothing, as far as the client may know.
func hidden(err error) bool {
	return fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) || fault.Is(err, fault.Limit)
}

// Ask asks a condition about entries as they are now, for requests that change nothing.
func (c *Collections) Ask(ctx context.Context, who directory.ID, condition Condition) error {
	return c.store.Read(ctx, func(tx *store.Tx) error { return c.ask(ctx, tx, who, &Guard{If: condition}) })
}

// ask asks the condition of g.
func (c *Collections) ask(ctx context.Context, tx *store.Tx, who directory.ID, g *Guard) error {
	if g.If == nil {
		return nil
	}
	return g.If(&State{c: c, ctx: ctx, tx: tx, who: who})
}

// touch is what a write does to an entry, as far as locks protect it.
type touch uint8

const (
	touchSelf    touch = 1 << iota // its content or properties
	touchMembers                   // its name in its collection: made, removed or moved
	touchTree                      // everything in it
)

// unlocked refuses what a lock protects whose token its holder did not submit. RFC 4918 §7: every exclusive lock that covers the entry,
// one of the shared ones; those on the collection when its members change; those in the tree when that goes. fault.InUse.
func (c *Collections) unlocked(tx *store.Tx, s *spot, g *Guard, what touch) error {
	locks, err := locksOf(tx, s.access.owner, c.now().Unix())
	if err != nil || len(locks) == 0 {
		return err
	}
	k := keeper{who: s.access.who.ID, tokens: g.Tokens}
	last := len(s.chain) - 1
	if !s.found {
		last = len(s.chain) // what is not there yet has no locks of its own
	}
	for i := range locks {
		l := &locks[i]
		at := slices.IndexFunc(s.chain, func(e entry) bool { return e.id == l.entry })
		switch {
		case at == last && what&(touchSelf|touchTree) != 0, at >= 0 && at < last && l.infinite,
			at == last-1 && at >= 0 && what&touchMembers != 0:
			k.need(l, 0, &Precondition{Href: rootOf(s, at), Collection: s.chain[at].kind.IsCollection()}) // the shared locks on the way down count as one
		case at < 0 && what&touchTree != 0 && s.found:
			place, below, err := memberOf(tx, s, l.entry)
			if err != nil {
				return err
			}
			if below {
				k.need(l, l.entry, place)
			}
		}
	}
	return k.verdict()
}

// memberOf is where an entry is in the tree at s; below is false when it is elsewhere.
func memberOf(tx *store.Tx, s *spot, id ID) (place *Precondition, below bool, err error) {
	place = &Precondition{Href: s.path}
	var names []string
	for first := true; id != s.last().id; first = false {
		if id == 0 || len(names) > MaxDepth {
			return nil, false, nil
		}
		e, err := entryByID(tx, id)
		if isNoRows(err) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		if first {
			place.Collection = e.kind.IsCollection()
		}
		names, id = append(names, e.name), e.parent
	}
	slices.Reverse(names)
	place.Href.Segments = slices.Concat(s.path.Segments, names)
	return place, true, nil
}

// keeper collects which locks are in the way.
type keeper struct {
	who    directory.ID
	tokens []string
	held   *Precondition // where the first exclusive lock is that is in the way
	shared []sharedLocks
}

// sharedLocks are locks of which one token is enough.
type sharedLocks struct {
	group     ID
	submitted bool
	place     *Precondition
}

func (k *keeper) need(l *heldLock, group ID, place *Precondition) {
	has := l.holder == k.who && slices.Contains(k.tokens, l.token)
	if !l.shared {
		if !has && k.held == nil {
			k.held = place
		}
		return
	}
	i := slices.IndexFunc(k.shared, func(s sharedLocks) bool { return s.group == group })
	if i < 0 {
		i, k.shared = len(k.shared), append(k.shared, sharedLocks{group: group, place: place})
	}
	k.shared[i].submitted = k.shared[i].submitted || has
}

func (k *keeper) verdict() error {
	for _, s := range k.shared {
		if !s.submitted && k.held == nil {
			k.held = s.place
		}
	}
	if k.held == nil {
		return nil
	}
	k.held.Name = "lock-token-submitted"
	return fault.Wrap(fault.InUse, k.held, "it is locked by someone who works on it")
}
