package smtpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/mailbox/message"
	"schulhof/store"
	"schulhof/store/fault"

	"github.com/emersion/go-smtp"
)

// Submission is a message that somebody wrote on our own pages. It goes the way of what mail programs submit; besides, its author gets a
// copy into Sent, and it may wait as a whole.
type Submission struct {
	Identity   directory.Identity // who signed in
	Remote     netip.Addr         // from where
	Sender     string             // MAIL FROM
	Recipients []string
	Message    io.Reader                // composed, with CRLF; Bcc stays in Sent and leaves with nobody
	Size       int64                    // bytes of it, as SIZE declares them; 0: not known (RFC 1870)
	NotBefore  time.Time                // it waits until then, also for recipients of ours; zero: at once
	Also       func(tx *store.Tx) error // further rows of the commit that takes it; may be nil
}

// Refused says why a submission was not taken. Nothing of it is stored.
type Refused struct {
	Address  string // the recipient that it is about; "" for the whole message
	Code     int
	Enhanced string
	Text     string
	Err      error // the cause, for the log; may be nil
}

func (r *Refused) Error() string {
	text := fmt.Sprintf("%d %s %s", r.Code, r.Enhanced, r.Text)
	if r.Address != "" {
		text = r.Address + ": " + text
	}
	if r.Err != nil {
		text += ": " + r.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (r *Refused) Unwrap() error { return r.Err }

// Refusals are all reasons why one submission was not taken.
type Refusals []*Refused

func (list Refusals) Error() string {
	texts := make([]string, len(list))
	for i, r := range list {
		texts[i] = r.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns them.
func (list Refusals) Unwrap() []error {
	errs := make([]error, len(list))
	for i, r := range list {
		errs[i] = r
	}
	return errs
}

// Receipt is what became of a submission that was taken.
type Receipt struct {
	Held  bool      // an owner of a list, or an administrator, has to let it through
	Waits time.Time // until then it waits as a whole; zero: it has gone
}

// written is what a transaction has more that comes from our own pages.
type written struct {
	composed *mailbox.Prepared        // for its author's Sent; nil: it is there already
	also     func(tx *store.Tx) error // further rows; may be nil
}

// sent is the special use of mailboxes for what one has sent. RFC 6154 §2.
const sent = `\Sent`

// Submit takes a message for all its recipients or for none. Refusals: what stands against it.
func (s *Server) Submit(ctx context.Context, m Submission) (Receipt, error) {
	x := s.pageSession(m)
	defer x.reset()
	if r := x.envelope(ctx, m); !r.ok() {
		return Receipt{}, Refusals{r.refused("", nil)}
	}
	var refusals Refusals
	for i, r := range x.address(ctx, m.Recipients) {
		if !r.ok() {
			refusals = append(refusals, r.refused(m.Recipients[i], nil))
		}
	}
	if len(refusals) > 0 {
		return Receipt{}, refusals
	}
	composed, err := x.take(ctx, m.Message)
	if err != nil {
		return Receipt{}, err
	}
	defer composed.Release()
	if in := x.mail.body; in.refusal.code != 0 {
		return Receipt{}, Refusals{in.refusal.refused("", in.err)}
	}
	if m.NotBefore.After(s.o.Now()) {
		waits, err := x.wait(ctx, composed, m)
		switch {
		case err != nil:
			return Receipt{}, err
		case waits:
			return Receipt{Waits: m.NotBefore}, nil
		}
	}
	x.mail.written = &written{composed: composed, also: m.Also}
	out := x.hand(ctx, time.Now())
	if !out.reply.ok() {
		return Receipt{}, Refusals{out.reply.refused("", out.err)}
	}
	return Receipt{Held: len(x.mail.lists.moderated) > 0 || x.mail.lists.overLimit}, nil
}

// Answer is what became of one recipient, as a server would have said it.
type Answer struct {
	Code           int
	Enhanced, Text string
}

// Release delivers a submission that has waited. What stands against a recipient now stands against them alone. taken is called in the
// commit that gives the message to others, with their places in m.Recipients; its error is returned. begun: the author's Sent has it.
func (s *Server) Release(ctx context.Context, m Submission, begun bool, taken func(tx *store.Tx, who []int) error) ([]Answer, error) {
	x := s.pageSession(m)
	x.waited = true
	defer x.reset()
	each := slices.Repeat([]reply{x.envelope(ctx, m)}, len(m.Recipients))
	if len(each) == 0 || !each[0].ok() {
		return answers(each), nil
	}
	var who []int
	each = x.address(ctx, m.Recipients)
	for i, r := range each {
		if r.ok() {
			who = append(who, i)
		}
	}
	if len(who) == 0 {
		return answers(each), nil
	}
	composed, err := x.take(ctx, m.Message)
	if err != nil {
		return nil, err
	}
	defer composed.Release()
	out := outcome{reply: x.mail.body.refusal}
	if out.reply.code == 0 {
		x.mail.written = &written{composed: composed, also: func(tx *store.Tx) error { return taken(tx, who) }}
		if begun {
			x.mail.written.composed = nil
		}
		if out = x.hand(ctx, time.Now()); !out.reply.ok() && out.err != nil && fault.KindOf(out.err) == fault.Internal {
			return nil, out.err
		}
	}
	for _, i := range who {
		each[i] = out.reply
	}
	return answers(each), nil
}

func answers(list []reply) []Answer {
	out := make([]Answer, len(list))
	for i, r := range list {
		out[i] = Answer{Code: r.code, Enhanced: r.enhanced, Text: r.text}
	}
	return out
}

func (r reply) refused(address string, cause error) *Refused {
	return &Refused{Address: address, Code: r.code, Enhanced: r.enhanced, Text: r.text, Err: cause}
}

// pageSession is a session without a connection.
func (s *Server) pageSession(m Submission) *session {
	log := s.log.With("conn", s.nextID.Add(1), "door", doorPages.name, "remote", m.Remote.String(), "account", m.Identity.Account.Login)
	return &session{srv: s, door: doorPages, remote: m.Remote, log: log, began: time.Now(), extended: true, who: &m.Identity, leaves: m.NotBefore}
}

// envelope begins a transaction as MAIL does.
func (s *session) envelope(ctx context.Context, m Submission) reply {
	if r := s.allowed(); !r.ok() {
		return withText(noRight, "This account may not send mail / Dieses Konto darf keine Mail senden")
	}
	if r := s.mayUse(ctx, m.Sender); !r.ok() {
		return r
	}
	options := smtp.MailOptions{Size: m.Size, UTF8: !message.IsASCII(m.Sender) || slices.ContainsFunc(m.Recipients, func(a string) bool { return !message.IsASCII(a) })}
	s.mail = &transaction{envelope: Envelope{Sender: m.Sender, Options: options}, at: make(map[directory.ID]int)}
	return okDone
}

// address adds recipients as RCPT does, and says what stands against each.
func (s *session) address(ctx context.Context, recipients []string) []reply {
	each := make([]reply, len(recipients))
	for i, address := range recipients {
		if len(s.mail.recipients)+len(s.mail.outside) >= maxRecipients {
			each[i] = noTooMany
			continue
		}
		path, rest, ok := parsePath("<" + address + ">")
		if !ok || rest != "" || path == "" {
			each[i] = badRecipient
			continue
		}
		each[i] = s.addRecipient(ctx, EnvelopeRecipient{Address: path})
		s.srv.metrics.recipient.WithLabelValues(s.door.name, each[i].enhanced).Inc()
	}
	return each
}

// take reads the message as DATA does: what others get goes to the transaction's body, what its author keeps is returned. What stands
// against the message is the body's refusal.
func (s *session) take(ctx context.Context, from io.Reader) (*mailbox.Prepared, error) {
	s.begin(ctx)
	in := s.mail.body
	spool := s.srv.o.Mail.NewSpool()
	defer spool.Close()
	buf := make([]byte, readBuffer)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if in.write(buf[:n]) != nil { // far too large: it is refused already
				break
			}
			if _, err := spool.Write(buf[:n]); err != nil {
				return nil, fmt.Errorf("take a message: %w", err)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("take a message: %w", err)
		}
	}
	in.end()
	s.check(ctx)
	if in.refusal.code != 0 {
		s.logRefusal(in.refusal, in)
		s.srv.metrics.messageDone(s.door, metricCode(in.refusal), in.size, 0)
		return nil, nil
	}
	composed, err := s.srv.o.Mail.Prepare(ctx, spool)
	if err != nil {
		return nil, fmt.Errorf("store message: %w", err)
	}
	return composed, nil
}

// errHeldNow is that a message need not wait, because an administrator has to let it through anyhow.
var errHeldNow = errors.New("over a sending limit")

// wait puts the message into the queue as a whole. waits is false for one beyond a sending limit that would leave soon: nobody of its
// recipients gets that now, so there is nothing to take back.
func (s *session) wait(ctx context.Context, composed *mailbox.Prepared, m Submission) (waits bool, err error) {
	t := s.mail
	if s.srv.o.Outbound == nil {
		return false, Refusals{noOutside.refused("", nil)}
	}
	out := Outgoing{Message: composed, Account: s.account(), Envelope: t.envelope, TraceID: t.body.id, Later: m.NotBefore}
	for _, address := range m.Recipients {
		out.Recipients = append(out.Recipients, EnvelopeRecipient{Address: address})
	}
	soon := m.NotBefore.Sub(s.srv.o.Now()) <= undoWorth
	err = s.srv.o.Store.Write(ctx, func(tx *store.Tx) error {
		if soon {
			limit, err := s.srv.o.Directory.SendingRoom(tx, s.account(), len(t.recipients)-len(t.lists.services), len(t.outside))
			if err != nil {
				return err
			}
			if limit != nil {
				return errHeldNow
			}
		}
		if err := s.srv.o.Outbound.Enqueue(tx, out); err != nil || m.Also == nil {
			return err
		}
		return m.Also(tx)
	})
	switch {
	case errors.Is(err, errHeldNow):
		return false, nil
	case fault.Is(err, fault.Limit):
		return false, Refusals{withText(noMoreNow, fault.TextOf(err)).refused("", err)}
	case err != nil:
		return false, fmt.Errorf("keep a submission: %w", err)
	}
	s.log.Info("message waits", "id", t.body.id, "from", t.envelope.Sender, "rcpts", len(m.Recipients), "until", m.NotBefore.UTC().Format(time.RFC3339))
	s.srv.metrics.messageDone(s.door, metricCode(okDone), t.body.size, time.Since(s.began))
	return true, nil
}

// copiesOf are the copies that the author of a message from our own pages keeps.
func (s *session) copiesOf(t *transaction) []mailbox.To {
	if t.written == nil || t.written.composed == nil {
		return nil
	}
	return []mailbox.To{{Owner: s.who.Account.ID, Use: sent, Flags: mailbox.Seen, Message: t.written.composed}}
}

// settled are the further rows of a message from our own pages; nil: none.
func (t *transaction) settled() func(tx *store.Tx) error {
	if t.written == nil {
		return nil
	}
	return t.written.also
}

// keepWritten adds to a delivery what a message from our own pages has more. When nobody got it, nothing is stored: its author is told now.
func (s *session) keepWritten(t *transaction, d *mailbox.Delivery) {
	if t.written == nil {
		return
	}
	n, answers, also := len(d.Recipients), d.Answers, t.settled()
	d.Recipients = append(slices.Clip(d.Recipients), s.copiesOf(t)...)
	d.Answers = func(copies []error) []error { return answers(copies[:n]) }
	d.Dedupe = nil // no reply gets lost here
	d.Settled = func(tx *store.Tx, results []error) error {
		for _, err := range results[n:] {
			if err != nil {
				tx.AfterCommit(func() { s.log.Info("no copy in Sent", "id", t.body.id, "err", err) })
			}
		}
		got := d.Answers(results)
		if len(t.outside) == 0 && !t.lists.takes() && len(got) > 0 && !slices.Contains(got, nil) {
			return got[0]
		}
		if also == nil {
			return nil
		}
		return also(tx)
	}
}

// keepOnly does the same for a message that only addresses of lists for a purpose got.
func (s *session) keepOnly(ctx context.Context, t *transaction) error {
	if t.written == nil {
		return nil
	}
	_, err := s.srv.o.Mail.Deliver(ctx, mailbox.Delivery{Recipients: s.copiesOf(t), TraceID: t.body.id, Also: t.settled()})
	if err != nil {
		return fmt.Errorf("keep a message that was sent: %w", err)
	}
	return nil
}
