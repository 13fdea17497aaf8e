// Package fault is the vocabulary of what the outside may know of an error:
// a kind, a sentence that is safe to show, and a cause for the log. Domain rooms
// return it, each protocol maps every kind once in its errors.go.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what went wrong in terms every protocol has an answer for.
type Kind uint8

// The kinds. A test of each protocol walks Kinds and demands an answer for every one.
const (
	Internal        Kind = iota // our bug or a broken machine; the cause is in the log
	NotFound                    // no such thing, or none that the caller may know of
	AlreadyExists               // the name or identifier is taken
	Forbidden                   // the caller lacks the right
	Refused                     // a rule says no; Text names the rule
	Unauthenticated             // wrong login, password or scope
	Throttled                   // too many tries or too much work; later it may succeed
	Invalid                     // the input is not of the form it must have
	TooLarge                    // a size limit
	Limit                       // a count limit (keywords, mailboxes, rules)
	OverQuota                   // the owner's storage is used up
	Conflict                    // a precondition no longer holds
	InUse                       // someone else holds it right now
	Unavailable                 // storage cannot take writes now (disk full, read-only after an I/O error)
	Expired                     // it was there, but too long ago (sync token, link)
)

var names = [...]string{
	"internal", "not found", "already exists", "forbidden", "refused", "unauthenticated", "throttled",
	"invalid", "too large", "limit", "over quota", "conflict", "in use", "unavailable", "expired",
}

// Kinds lists every kind.
func Kinds() []Kind {
	kinds := make([]Kind, len(names))
	for i := range kinds {
		kinds[i] = Kind(i)
	}
	return kinds
}

func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Error is what crosses a room's border.
type Error struct {
	Kind Kind
	Text string // one sentence, safe to show to the peer, no trailing full stop
	Err  error  // the cause, for the log only; may be nil
}

func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Text
	case e.Text == "":
		return e.Err.Error()
	}
	return e.Text + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of kind with a text that is safe to show.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// Wrap gives err a kind and a text that is safe to show.
func Wrap(kind Kind, err error, format string, args ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...), Err: err}
}

// KindOf returns the kind of the outermost fault in err's chain; Internal if it has none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// TextOf returns the sentence that may be shown; "" if err has none.
func TextOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Text
	}
	return ""
}

// Is reports whether err is of kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }
