package collection

import (
	"errors"

	"schulhof/store/fault"
)

// What HTTP has codes of its own for. They are causes inside faults: ask with errors.Is.
var (
	// ErrNoParent: the collection that should hold the entry is not there, or is no collection (409).
	ErrNoParent = errors.New("no parent collection")
	// ErrIsCollection: a collection is where an object was meant (405).
	ErrIsCollection = errors.New("it is a collection")
	// ErrNotEmpty: the place is taken and the client did not ask to overwrite (412).
	ErrNotEmpty = errors.New("the destination exists")
)

// Precondition names the rule that a request broke, as RFC 4918 §16 and its companions name them. It is a cause inside a fault.
type Precondition struct {
	Name string // for example "no-uid-conflict"
	Href Path   // the entry that stands in the way, where the precondition tells it; Space 0: none
	// Collection tells whether that entry is one.
	Collection bool
	Err        error // the cause of the cause; may be nil
}

func (p *Precondition) Error() string {
	if p.Err != nil {
		return p.Name + ": " + p.Err.Error()
	}
	return p.Name
}

// Unwrap returns the cause.
func (p *Precondition) Unwrap() error { return p.Err }

// refuse makes a fault of a broken precondition.
func refuse(kind fault.Kind, name, format string, args ...any) error {
	return fault.Wrap(kind, &Precondition{Name: name}, format, args...)
}
