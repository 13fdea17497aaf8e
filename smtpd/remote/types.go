package remote

import (
	"context"
	"io"
)

// How a connection has to be protected, as Target.TLS says it.
const (
	TLSRequire       = "require"       // TLS and a certificate with the server's name
	TLSOpportunistic = "opportunistic" // TLS if it is offered, unless a policy of the domain asks for more; also ""
	TLSOff           = "off"           // no TLS; a password is never sent then
)

// Target is where mail is to go.
type Target struct {
	Domain         string // whose mail it is; may be empty if Host is set
	Host           string // a smart host, "": the mail servers of Domain
	Port           int    // 0: 25, of a smart host 587; on 465 TLS comes first (RFC 8314)
	TLS            string
	User, Password string // of a smart host that wants a login
	RequireTLS     bool   // only servers that take REQUIRETLS over a proven connection; RFC 8689
}

// Message is what is sent: CRLF line ends, no dots doubled.
type Message struct {
	Sender string // "" for <>
	Body   func(context.Context) (io.ReadCloser, error)
	Size   int64
	// Eight: bytes above 127 were declared (RFC 6152). UTF8: a header or an address is UTF-8 (RFC 6531). RequireTLS: RFC 8689.
	Eight, UTF8, RequireTLS bool
	Ret, EnvID              string // RFC 3461, EnvID decoded
}

// Recipient is one RCPT with its parameters of RFC 3461: ORcpt is type;address, decoded.
type Recipient struct {
	Address string
	Notify  []string
	ORcpt   string
}

// Result is what became of one recipient.
type Result struct {
	Code      int    // of the reply; 0: there was none, and Text says why in one sentence
	Enhanced  string // RFC 3463
	Text      string // clean and bounded
	Host      string // who replied, or was to
	TLS       string // how the connection was protected; "" for not at all
	Temporary bool   // trying again makes sense
	Relayed   bool   // the server knows no notifications (RFC 3461): they are the caller's to send
}

// Session is one connection to a server that is ready for mail.
type Session interface {
	// Deliver sends a message and returns what became of each recipient, in their order. beforeDot is called when all
	// that is left to say is the final dot; if it fails, nothing is sent and its error is in the chain of the one
	// returned. After any error the session is over and has to be closed; the results are nil then (it is not known
	// that anything was at stake: the message may be tried on a new connection) or complete.
	Deliver(ctx context.Context, m Message, to []Recipient, beforeDot func(context.Context) error) ([]Result, error)
	// Close takes leave.
	Close()
}

// Error is why there is no connection, or no more: a Result for all recipients, and the cause for the log.
type Error struct {
	Result
	Err error
}

func (e *Error) Error() string {
	text := e.Text
	if e.Host != "" {
		text = e.Host + ": " + text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// failure makes an Error without a reply.
func failure(host, enhanced, text string, cause error) *Error {
	return &Error{Result{Enhanced: enhanced, Text: text, Host: host, Temporary: enhanced[0] == '4'}, cause}
}
