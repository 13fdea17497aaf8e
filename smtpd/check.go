package smtpd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"

	"schulhof/directory"
	"schulhof/store"
)

// Checker judges messages before anything of them is stored.
type Checker interface {
	// Check says what should become of m. An error means that nobody knows now: the peer is asked to come again.
	Check(ctx context.Context, m Arrived) (Judgement, error)
}

// Arrived is a message that has come whole.
type Arrived struct {
	Client     netip.Addr
	Hello      string // the name in HELO or EHLO
	Sender     string // MAIL FROM, "" for <>
	Recipients []string
	Login      string // who of our own people sends it; "": it comes from another server
	TraceID    string
	Message    *io.SectionReader // as it came, but for the fields that only we may write; several may read it at once, each by a reader of its own
}

// Judgement is what a Checker says.
type Judgement struct {
	Action Action
	Reason string // one sentence for the peer, in ASCII; "" with ActionDeliver
	Fields []byte // header fields to put above the message, each with its line end
	// Personal tells for each of these accounts whether the message goes to their mailbox for unwanted mail, whatever Action says of that;
	// it, or what it returns, may be nil: Action holds for all.
	Personal func(ctx context.Context, to []directory.ID) []bool
}

// Action is what should become of a message.
type Action uint8

// The actions.
const (
	ActionDeliver Action = iota
	ActionJunk           // deliver it to the mailboxes for unwanted mail
	ActionDefer          // 451: the peer should come again
	ActionRefuse         // 550
)

// junk is the special use of mailboxes for unwanted mail. RFC 6154 §2.
const junk = `\Junk`

// check has a message judged: one from elsewhere by Checker, unless its peer is trusted, and one of our people by SubmissionChecker. A program that
// speaks LMTP has done so itself.
func (s *session) check(ctx context.Context) {
	t, in := s.mail, s.mail.body
	checker, login := s.srv.o.Checker, ""
	switch {
	case s.door.submit:
		checker, login = s.srv.o.SubmissionChecker, s.who.Account.Login
	case s.door != doorMX || s.exempt():
		return
	}
	if checker == nil || in.refusal.code != 0 {
		return
	}
	from := int64(len(in.trace))
	j, err := checker.Check(ctx, Arrived{
		Client: s.remote, Hello: s.hello, Sender: t.envelope.Sender, Recipients: t.addresses(), Login: login, TraceID: in.id,
		Message: io.NewSectionReader(in.spool, from, in.spool.Size()-from),
	})
	switch {
	case err != nil:
		in.refuse(noInternal, fmt.Errorf("check message: %w", err))
	case j.Action == ActionRefuse:
		in.refuse(withText(badOrigin, j.Reason), nil)
	case j.Action == ActionDefer:
		in.refuse(withText(noOrigin, j.Reason), nil)
	default:
		t.sort(ctx, &j)
		if err := in.insert(s.srv.o.Mail.NewSpool(), j.Fields); err != nil {
			in.refuse(answer(err), err)
		}
	}
}

// sort puts the copies into mailboxes for unwanted mail that belong there.
func (t *transaction) sort(ctx context.Context, j *Judgement) {
	var personal []bool
	if j.Personal != nil {
		to := make([]directory.ID, len(t.to))
		for i := range t.to {
			to[i] = t.to[i].Owner
		}
		personal = j.Personal(ctx, to)
	}
	for i := range t.to {
		if personal == nil && j.Action == ActionJunk || personal != nil && personal[i] {
			t.to[i].Mailbox, t.to[i].Use = "", junk
		}
	}
}

// addresses are all that RCPT named, in order.
func (t *transaction) addresses() []string {
	list := make([]string, 0, len(t.recipients)+len(t.outside))
	for _, r := range t.recipients {
		list = append(list, r.Address)
	}
	for _, r := range t.outside {
		list = append(list, r.Address)
	}
	return list
}

// exempt reports whether the peer's mail is taken as it comes.
func (s *session) exempt() bool {
	if s.remote.IsLoopback() && s.srv.o.CheckLoopback {
		return false
	}
	return s.srv.peers.trusted(s.remote)
}

// insert puts fields between Return-Path and the Received field that we wrote: the message moves to another spool.
func (in *incoming) insert(to *store.Spool, fields []byte) error {
	if len(fields) == 0 {
		return to.Close()
	}
	at := int64(bytes.Index(in.trace, []byte("\r\nReceived: ")) + 2)
	for _, part := range []io.Reader{
		io.NewSectionReader(in.spool, 0, at), bytes.NewReader(fields), io.NewSectionReader(in.spool, at, in.spool.Size()-at),
	} {
		if _, err := io.Copy(to, part); err != nil {
			to.Close()
			return err
		}
	}
	in.spool.Close()
	in.spool = to
	return nil
}
