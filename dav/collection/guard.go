package collection

import (
	"context"
	"schulhof/store/fault"

	"schulhof/directory"
	"schulhof/store"
)

// Guard is what must hold when a write happens.
type Guard struct {
	If     Condition // nil: nothing
	Tokens []string  // the lock tokens that the client submitted
}

// Condition is asked inside the writing transaction, after rights and locks and before anything changes: what it sees is what the
// commit replaces. Its error refuses the write and comes back as it is. It may be asked again, and must change nothing outside of it.
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
}

// At looks at a path. Where nothing is, or nothing that the client may know of, Exists is false.
func (s *State) At(p Path) (Resource, error) {
	r, err := s.c.route(s.ctx, s.who, p)
	if hidden(err) {
		return Resource{}, nil
	}
	if err != nil || r.list {
		return Resource{Exists: err == nil, Collection: true}, err
	}
	at, err := s.c.locate(s.tx, r)
	if hidden(err) {
		return Resource{}, nil
	}
	if err != nil || !at.found {
		return Resource{}, err
	}
	e := at.last()
	return Resource{Exists: true, Collection: e.kind.IsCollection(), ETag: etagText(e.etag)}, nil
}

// ask asks the condition of g.
func (c *Collections) ask(ctx context.Context, tx *store.Tx, who directory.ID, g *Guard) error {
	if g.If == nil {
		return nil
	}
	return g.If(&State{c: c, ctx: ctx, tx: tx, who: who})
}

// hidden reports an error that means: there is nothing, as far as the client may know.
func hidden(err error) bool {
	return fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) || fault.Is(err, fault.Limit)
}
