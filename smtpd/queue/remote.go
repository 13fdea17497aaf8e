package queue

import (
	"context"
	"errors"
	"io"
)

// Dialer reaches destinations; smtpd/remote has the real one.
type Dialer interface {
	// Dial connects to a target, ready for mail. An error that has an [Unreachable] in its chain says whether trying again
	// makes sense; any other one is taken to be temporary.
	Dial(ctx context.Context, to Target) (Session, error)
}

// Session is one open connection. The queue uses it for one message after the other.
type Session interface {
	// Deliver sends a message and returns what became of each recipient, in order. beforeDot is called when all that is
	// left to say is the final dot; when it fails, nothing is sent and its error is returned. After any error the session
	// is closed by the queue; results may then be nil, and an [Unreachable] in its chain says what is to be told.
	Deliver(ctx context.Context, m Letter, to []Recipient, beforeDot func(context.Context) error) (results []Result, err error)
	Close()
}

// Target is where to connect to.
type Target struct {
	Domain         string // "" when Host is a smart host for several
	Host           string // a smart host, "": the MX of Domain
	Port           int
	TLS            string // of a smart host: TLSRequire, TLSOpportunistic or TLSOff
	User, Password string // of a smart host that wants a login
	RequireTLS     bool   // RFC 8689
}

// Letter is a message as it is sent: CRLF line ends, no dots doubled.
type Letter struct {
	Sender                     string
	Body                       func(context.Context) (io.ReadCloser, error)
	Size                       int64
	EightBit, UTF8, RequireTLS bool
	Ret, EnvID                 string
}

// Result is what became of one recipient.
type Result struct {
	Code      int    // of the reply, 0: there was none
	Enhanced  string // RFC 3463, "" when the server knows none
	Text      string // the reply's, or one sentence of our own
	Host      string // who replied
	TLS       string // how the connection was encrypted, "" for not at all
	Temporary bool   // trying again makes sense
	Relayed   bool   // the server knows no notifications: we send them
}

// taken reports whether the recipient's server has the message now.
func (r *Result) taken() bool { return r.Code/100 == 2 }

// Unreachable is a Dial that led nowhere.
type Unreachable struct {
	Result
	Err error // the cause, for the log; may be nil
}

func (e *Unreachable) Error() string {
	if e.Err == nil {
		return e.Text
	}
	return e.Text + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Unreachable) Unwrap() error { return e.Err }

// resultOf is the result that err carries, or else one that is temporary.
func resultOf(err error, enhanced, text string) Result {
	var u *Unreachable
	if errors.As(err, &u) {
		return u.Result
	}
	return Result{Temporary: true, Enhanced: enhanced, Text: text}
}
