package webmail

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"schulhof/mailbox/message"
	"schulhof/smtpd/queue"
	"schulhof/store"
	"schulhof/store/fault"
)

// outboxPage is what the outbox shows.
type outboxPage struct {
	Done  string // the key of a sentence about what has just happened; "" for none
	Draft string // the draft that a message became; "" for none
	Zone  string
	Mails []waitingMail
	More  bool // there are others
}

// waitingMail is one message in the outbox.
type waitingMail struct {
	ID         queue.ID
	Subject    string
	Recipients []string
	Leaves     time.Time // zero: nobody knows
	Seconds    int       // until then, when these are few; 0: not
	When       string    // as the form has it
	Why        string    // the queue's own sentence
	Back       bool      // it can be taken back
	Whole      bool      // nobody has it yet
	Plan       bool      // it can be sent at another time
	Problem    string    // of the form for that
}

// done has the sentences about what has just happened.
var done = map[string]string{
	"sent": "done.sent", "waits": "done.waits", "later": "done.later", "held": "done.held", "already": "done.already", "back": "done.back", "part": "done.part", "now": "done.now", "at": "done.at",
}

func (x *exchange) showOutbox() error { return x.outbox(http.StatusOK, 0, "") }

// outbox shows what waits. problem stands with the message of that id.
func (x *exchange) outbox(status int, id queue.ID, problem string) error {
	query := x.r.URL.Query()
	p := outboxPage{Done: done[query.Get("done")], Zone: x.srv.o.Zone.String()}
	if p.Done == "done.back" || p.Done == "done.part" {
		p.Draft = query.Get("draft")
	}
	ids, err := x.findWaiting()
	if err != nil {
		return err
	}
	if len(ids) > maxShown {
		ids, p.More = ids[len(ids)-maxShown:], true
	}
	slices.Reverse(ids) // the newest first
	entries, err := x.srv.o.Queue.Entries(x.r.Context(), ids...)
	if err != nil {
		return err
	}
	for i := range entries {
		m := x.waiting(&entries[i])
		m.Subject, err = x.subjectOf(m.ID)
		if fault.Is(err, fault.NotFound) { // it has left meanwhile
			continue
		}
		if err != nil && !errors.Is(err, store.ErrCorrupt) { // what is damaged does not hide the others
			return err
		}
		if m.ID == id {
			m.Problem = problem
		}
		p.Mails = append(p.Mails, m)
	}
	x.page(status, "outbox", p)
	return nil
}

// findWaiting finds all that waits of who asks, the oldest first.
func (x *exchange) findWaiting() (ids []queue.ID, err error) {
	f := queue.Filter{Account: x.who.Account.ID}
	for after := queue.ID(0); ; after = ids[len(ids)-1] {
		page, err := x.srv.o.Queue.Find(x.r.Context(), f, after)
		if err != nil {
			return nil, err
		}
		if ids = append(ids, page...); len(page) < queue.PageSize {
			return ids, nil
		}
	}
}

// waiting makes of an entry what people are shown, but for its subject.
func (x *exchange) waiting(e *queue.Entry) waitingMail {
	m := waitingMail{ID: e.ID, Back: true, Whole: true, Plan: true}
	for _, d := range e.Deliveries {
		for _, r := range d.Recipients {
			m.Recipients = append(m.Recipients, r.Address)
		}
		if m.Leaves.IsZero() || !d.Due.IsZero() && d.Due.Before(m.Leaves) {
			m.Leaves = d.Due
		}
		if m.Why == "" || d.State == e.State() {
			m.Why = d.Why
		}
		whole, untried := d.Destination == queue.Here && e.Tag == "", d.Tries == 0 && d.State != queue.StateSending
		m.Whole = m.Whole && whole
		m.Back = m.Back && untried && (whole || d.State == queue.StateScheduled)
		m.Plan = m.Plan && untried && d.State == queue.StateScheduled
	}
	now := x.srv.now()
	if left := m.Leaves.Sub(now); left > 0 && left <= countdown {
		m.Seconds = int((left + time.Second - 1) / time.Second)
	}
	m.Leaves = m.Leaves.In(x.srv.o.Zone)
	m.When = max(m.Leaves.Format(whenFormat), now.Add(time.Hour).In(x.srv.o.Zone).Format(whenFormat))
	return m
}

// subjectOf reads the subject of a message that waits.
func (x *exchange) subjectOf(id queue.ID) (string, error) {
	body, err := x.srv.o.Queue.Open(x.r.Context(), x.who.Account.ID, id)
	if err != nil {
		return "", err
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, maxHeader))
	if err != nil {
		return "", fmt.Errorf("read a message that waits: %w", err)
	}
	if end := bytes.Index(b, []byte("\r\n\r\n")); end >= 0 {
		b = b[:end+2]
	}
	parsed, err := message.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return "", fmt.Errorf("read a message that waits: %w", err)
	}
	return parsed.Headers.Subject, nil
}

// own finds the message that the path names. fault.NotFound: there is none, it is another one's, or it has left.
func (x *exchange) own() (queue.Entry, error) {
	n, err := strconv.ParseInt(x.r.PathValue("id"), 10, 64)
	if err != nil || n <= 0 {
		return queue.Entry{}, fault.New(fault.NotFound, "no such message")
	}
	e, err := x.srv.o.Queue.Entry(x.r.Context(), queue.ID(n))
	if err == nil && e.Account != x.who.Account.ID {
		return queue.Entry{}, fault.New(fault.NotFound, "no such message")
	}
	return e, err
}

// late says that a message is not there any more, or on its way.
func (x *exchange) late(err error) error {
	switch {
	case fault.Is(err, fault.NotFound):
		x.page(http.StatusNotFound, "error", x.lang.text("outbox.gone"))
	case fault.Is(err, fault.Conflict):
		x.page(http.StatusConflict, "error", x.lang.text("outbox.late"))
	default:
		return err
	}
	return nil
}

// takeBack makes a draft of a message that waits: it leaves the queue in the commit that stores the draft.
func (x *exchange) takeBack() error {
	e, err := x.own()
	if err != nil {
		return x.late(err)
	}
	m := x.waiting(&e)
	if !m.Back {
		return x.late(fault.New(fault.Conflict, "the message is on its way"))
	}
	ctx, who := x.r.Context(), x.who.Account.ID
	spool := x.srv.o.Mail.NewSpool()
	defer spool.Close()
	if err := x.copyWaiting(ctx, e.ID, spool); err != nil {
		return x.late(err)
	}
	ref, err := x.srv.keepDraft(ctx, who, spool, func(tx *store.Tx) error { return x.srv.o.Queue.WithdrawIn(tx, who, e.ID) })
	if err != nil {
		return x.late(err)
	}
	x.srv.log.Info("message taken back", "id", e.TraceID, "account", x.who.Account.Login)
	what := "back"
	if !m.Whole {
		what = "part"
	}
	return x.seeOther("/outbox?done=" + what + "&draft=" + ref)
}

// copyWaiting writes a message that waits, without what our server has put on top of it.
func (x *exchange) copyWaiting(ctx context.Context, id queue.ID, to io.Writer) error {
	body, err := x.srv.o.Queue.Open(ctx, x.who.Account.ID, id)
	if err != nil {
		return err
	}
	defer body.Close()
	r := bufio.NewReader(body)
	if err := skipReceived(r); err != nil {
		return fmt.Errorf("read a message that waits: %w", err)
	}
	if _, err := io.Copy(to, r); err != nil {
		return fmt.Errorf("copy a message that waits: %w", err)
	}
	return nil
}

// skipReceived skips a Received field at the very beginning.
func skipReceived(r *bufio.Reader) error {
	const name = "Received:"
	begin, err := r.Peek(len(name))
	if err != nil || !bytes.EqualFold(begin, []byte(name)) {
		return nil // shorter than that, or without one; io.Copy meets what is wrong
	}
	for {
		if _, err := r.ReadSlice('\n'); err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		next, err := r.Peek(1)
		if err != nil || next[0] != ' ' && next[0] != '\t' {
			return nil
		}
	}
}

// sendNow ends the waiting of a message.
func (x *exchange) sendNow() error {
	return x.replan("now", func(ctx context.Context, id queue.ID) error {
		_, err := x.srv.o.Queue.Retry(ctx, id)
		return err
	})
}

// sendAt lets a message wait until another time.
func (x *exchange) sendAt() error {
	if err := x.form(); err != nil {
		return err
	}
	p := &writePage{When: x.r.PostForm.Get(fieldWhen), Problems: map[string]string{}}
	at := x.later(p)
	if problem := p.Problems[fieldWhen]; problem != "" {
		e, err := x.own()
		if err != nil {
			return x.late(err)
		}
		return x.outbox(http.StatusUnprocessableEntity, e.ID, problem)
	}
	return x.replan("at", func(ctx context.Context, id queue.ID) error {
		_, err := x.srv.o.Queue.Postpone(ctx, at, id)
		return err
	})
}

// replan does something to a message whose time has not come.
func (x *exchange) replan(what string, do func(ctx context.Context, id queue.ID) error) error {
	e, err := x.own()
	if err != nil {
		return x.late(err)
	}
	if !x.waiting(&e).Plan {
		return x.late(fault.New(fault.Conflict, "the message is on its way, or held"))
	}
	err = do(x.r.Context(), e.ID)
	if fault.Is(err, fault.Refused) { // its time came meanwhile
		err = fault.Wrap(fault.Conflict, err, "the message is on its way")
	}
	if err != nil {
		return x.late(err)
	}
	return x.seeOther("/outbox?done=" + what)
}
