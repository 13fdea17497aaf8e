package collection

import (
	"schulhof/directory"
	"schulhof/store"
)

// Policy is a rule of the school for one kind of collection, for example that a class has at most two exams in a week.
type Policy interface {
	// Allow is asked inside the writing transaction, before anything has changed there. It may read tx, does no I/O, and may be asked
	// again when the transaction is. Its error refuses the change: fault.Refused with a text for the person.
	Allow(tx *store.Tx, change Change) error
}

// Change is what is about to happen to a member of a collection.
type Change struct {
	Who        directory.ID
	Owner      directory.ID // of the collection
	Collection ID
	Name       string
	Old        *Content // nil: the member is new
	New        *Content // nil: it is removed
}

// Content is what a policy may know of an object.
type Content struct {
	UID, Component string
	First, Last    int64 // unix seconds; 0 without a component
	Recurring      bool
	Bytes          []byte // of calendar objects and cards; nil for old contents and files
}

// SetPolicy registers the rule for collections of kind; nil takes it away.
func (c *Collections) SetPolicy(kind Kind, p Policy) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.policies[kind] = p
}

func (c *Collections) policy(kind Kind) Policy {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.policies[kind]
}

// allow asks the policy of the collection in about its member at s: old is what is there (nil: nothing), fresh what will be (nil: nothing).
func (c *Collections) allow(tx *store.Tx, s *spot, in *entry, old *entry, fresh *Content) error {
	p := c.policy(in.kind)
	if p == nil {
		return nil
	}
	change := Change{Who: s.access.who.ID, Owner: s.access.owner, Collection: in.id, Name: s.name(), New: fresh}
	if old != nil {
		change.Old = contentOf(old, nil)
	}
	return p.Allow(tx, change)
}

func contentOf(e *entry, b []byte) *Content {
	return &Content{UID: string(e.uid), Component: e.component, First: e.first, Last: e.last, Recurring: e.nature&recurs != 0, Bytes: b}
}
