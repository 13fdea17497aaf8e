package imapd

import (
	"context"
	"errors"

	"schulhof/store"
	"schulhof/store/fault"
)

// badError is BAD: the command was not understood, nothing was done. RFC 9051 §7.1.3.
type badError struct{ text string }

func (e *badError) Error() string { return e.text }

// noError is NO: the command was understood and refused. RFC 9051 §7.1.2.
type noError struct {
	code string // response code without brackets; may be ""
	text string
	err  error // the cause, for the log; may be nil
}

func (e *noError) Error() string {
	if e.err != nil {
		return e.text + ": " + e.err.Error()
	}
	return e.text
}

func (e *noError) Unwrap() error { return e.err }

// byeError ends the connection with * BYE.
type byeError struct{ code, text string }

func (e *byeError) Error() string { return e.text }

// no makes a tagged NO with a response code.
func no(code, text string) error { return &noError{code: code, text: text} }

// bad makes a tagged BAD.
func bad(text string) error { return &badError{text: text} }

// bye makes an error that ends the connection.
func bye(code, text string) error { return &byeError{code: code, text: text} }

// codes names each fault kind's response code. RFC 9051 §7.1, RFC 5530; TOOBIG is RFC 4469 and RFC 7889.
func codeOf(kind fault.Kind) (code, text string) {
	switch kind {
	case fault.NotFound:
		return "NONEXISTENT", "No such mailbox"
	case fault.AlreadyExists:
		return "ALREADYEXISTS", "It exists already"
	case fault.Forbidden:
		return "NOPERM", "Not permitted"
	case fault.Refused:
		return "CANNOT", "Not allowed here"
	case fault.Unauthenticated:
		return "AUTHENTICATIONFAILED", "Wrong login or password"
	case fault.Throttled:
		return "UNAVAILABLE", "Too many tries, please wait"
	case fault.Invalid:
		return "CANNOT", "Not possible"
	case fault.TooLarge:
		return "TOOBIG", "Message is too large"
	case fault.Limit:
		return "LIMIT", "A limit is reached"
	case fault.OverQuota:
		return "OVERQUOTA", "Quota exceeded"
	case fault.Conflict:
		return "EXPUNGEISSUED", "It changed meanwhile"
	case fault.InUse:
		return "INUSE", "In use"
	case fault.Unavailable:
		return "SERVERBUG", "Storage cannot take changes now"
	case fault.Expired:
		return "NONEXISTENT", "No longer there"
	}
	return "SERVERBUG", "Internal error, it has been logged"
}

// outcome turns a handler's error into the words of the tagged answer; bug: it belongs into the log.
func outcome(err error) (status, code, text string, bug bool) {
	var (
		b *badError
		n *noError
		f *fault.Error
	)
	switch {
	case errors.As(err, &b):
		return "BAD", "", b.text, false
	case errors.As(err, &n):
		return "NO", n.code, n.text, n.err != nil
	case errors.As(err, &f):
		code, text = codeOf(f.Kind)
		if f.Text != "" && f.Kind != fault.Internal {
			text = f.Text
		}
		return "NO", code, text, f.Kind == fault.Internal || f.Kind == fault.Unavailable
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "NO", "UNAVAILABLE", "Interrupted", false
	case errors.Is(err, store.ErrCorrupt):
		return "NO", "CORRUPTION", "Stored data are damaged, it has been logged", true
	}
	code, text = codeOf(fault.Internal)
	return "NO", code, text, true
}
