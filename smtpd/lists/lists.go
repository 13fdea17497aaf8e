package lists

import (
	"context"
	"log/slog"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
)

// Options say what lists work with.
type Options struct {
	Hostname string // our name in notices
	Log      *slog.Logger
	Now      func() time.Time // nil: time.Now
	Queue    Queue            // nil: members elsewhere get nothing
	Policy   Policy           // nil: every author elsewhere is thought to have a strict one
	LeaveAt  string           // the https address that a token behind it makes the way out of a list; "": mail is the only one
}

// Queue takes what leaves for other servers.
type Queue interface {
	// Enqueue writes the queue's rows in the transaction that also delivers the message here. It does SQL only, and may run again.
	Enqueue(tx *store.Tx, m Outgoing) error
}

// Outgoing is one message for other servers.
type Outgoing struct {
	Message    *mailbox.Prepared
	Prefix     []byte // fields before the message
	Sender     string
	Recipients []string
	Account    directory.ID // who is told of failures; 0: this room is
	Tag        string       // the token of the member elsewhere, for CountFailure; "" if it is no list's
	TraceID    string
	RequireTLS bool // its sender demands proven TLS on its whole way; RFC 8689

	Signed string // the domain of ours in whose name it is signed as it leaves, DKIM; "" for none
	Sealed string // the domain of ours that vouches, as it leaves, for what was found when it came in: ARC, RFC 8617; "" for none
}

// Policy tells what the owner of a domain wants to be done with mail that claims to be from there and is not: RFC 7489 §6.3.
type Policy interface {
	// Strict reports whether such mail is refused or put aside, so that a list cannot send in the name of an author there.
	Strict(ctx context.Context, domain string) (bool, error)
}

// Lists is the room. Its methods may be called by many at once.
type Lists struct {
	store *store.Store
	mail  *mailbox.Mail
	dir   *directory.Directory
	o     Options
	log   *slog.Logger
	now   func() time.Time
}

// New makes the room, and has what it keeps go with the accounts and groups that it belongs to.
func New(s *store.Store, mail *mailbox.Mail, dir *directory.Directory, o Options) *Lists {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Lists{store: s, mail: mail, dir: dir, o: o, log: o.Log, now: o.Now}
	s.RegisterRefs("smtpd/lists", `SELECT blob_id, COUNT(*) FROM held_mail WHERE blob_id IS NOT NULL GROUP BY blob_id`)
	dir.OnPurge(l.purge)
	return l
}
