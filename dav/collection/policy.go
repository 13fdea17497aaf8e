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
