package queue

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/smtpd/dsn"
	"schulhof/store"
)

// notice is a notification on its way into a mailbox.
type notice struct {
	kind     string
	id       string
	owner    directory.ID
	prepared *mailbox.Prepared
}

// noticeFor makes what the sender is told of o, nil when nothing: they did not ask, there is no sender, or nobody of whom we
// are certain that they sent it. Notices to forged senders are spam. It does the slow work before the transaction.
func (q *Queue) noticeFor(ctx context.Context, o *outcome) (*notice, error) {
	r := q.reportFor(o)
	if len(r.Recipients) == 0 || o.message.Sender == "" {
		return nil, nil
	}
	owner, ok := q.certainSender(ctx, &o.message)
	if !ok {
		q.log.Info("queue: nobody is told", "id", o.message.TraceID, "from", o.message.Sender)
		return nil, nil
	}
	if err := q.returned(ctx, o, r); err != nil {
		return nil, err
	}
	n := &notice{id: r.ID, owner: owner, kind: string(r.Recipients[0].Action)}
	var err error
	n.prepared, err = q.prepare(ctx, r.Write)
	return n, err
}

// reportFor lists who the sender wants to hear of.
func (q *Queue) reportFor(o *outcome) *dsn.Report {
	m := &o.message
	r := &dsn.Report{Host: q.o.Hostname, ID: rand.Text(), At: o.at, To: m.Sender, Arrived: m.Arrived, EnvelopeID: m.EnvID, UTF8: m.UTF8}
	if q.returnedTo(m.Kind) == nil { // else that room deals with its failures
		r.Recipients = appendTold(r.Recipients, o, o.failed, dsn.Failed, NotifyFailure)
	}
	r.Recipients = appendTold(r.Recipients, o, o.delay, dsn.Delayed, NotifyDelay)
	for _, p := range o.done {
		if p.Relayed && p.Notify&NotifySuccess != 0 {
			r.Recipients = appendTold(r.Recipients, o, []RecipientState{p}, dsn.Relayed, NotifySuccess)
		}
	}
	if len(o.delay) > 0 {
		r.RetryUntil = q.expires(&o.deliveryRow)
	}
	return r
}

func appendTold(list []dsn.Recipient, o *outcome, recipients []RecipientState, action dsn.Action, what Notify) []dsn.Recipient {
	for _, p := range recipients {
		if !p.Notify.wants(what) {
			continue
		}
		t := dsn.Recipient{Address: p.Address, Original: p.ORcpt, Action: action, Status: p.Enhanced, Code: p.Code, Enhanced: p.Enhanced, Text: p.Text, Host: p.Host}
		switch {
		case t.Status == "": // nobody has said anything yet
			t.Status = "4.4.7"
		case action == dsn.Failed:
			t.Status = "5" + t.Status[1:] // nobody tries again
		}
		if o.reason == "" && action != dsn.Delayed {
			t.Tried = o.at
		}
		list = append(list, t)
	}
	return list
}

// certainSender is the account that a notice goes to: the one that logged in, or whose address it is when the server itself
// sent the message for it.
func (q *Queue) certainSender(ctx context.Context, m *Waiting) (directory.ID, bool) {
	if m.Account != 0 {
		return m.Account, true
	}
	list, err := q.dir.Resolve(ctx, m.Sender, "")
	if err != nil || len(list) != 1 || list[0].Via != "" {
		return 0, false
	}
	return list[0].Account, true
}

// returned adds what goes back of the message: all of it when RET=FULL asks for a failed one that is small, else its header.
func (q *Queue) returned(ctx context.Context, o *outcome, r *dsn.Report) error {
	body, err := q.openBody(ctx, o.location, o.prefix)
	if errors.Is(err, store.ErrCorrupt) {
		return nil // the sender is told all the same
	}
	if err != nil {
		return err
	}
	defer body.Close()
	whole := o.message.Ret == "FULL" && len(o.failed) > 0
	b, err := io.ReadAll(io.LimitReader(body, maxReturned+1))
	if err != nil && !errors.Is(err, store.ErrCorrupt) {
		return fmt.Errorf("read message: %w", err)
	}
	if whole && len(b) <= maxReturned {
		r.Original = bytes.NewReader(b)
		return nil
	}
	r.Header = headerOf(b)
	return nil
}

// headerOf is the header of a message, at most maxHeader bytes of whole lines.
func headerOf(b []byte) []byte {
	if end := bytes.Index(b, []byte("\r\n\r\n")); end >= 0 {
		b = b[:end+2]
	}
	if len(b) > maxHeader {
		b = b[:bytes.LastIndexByte(b[:maxHeader], '\n')+1]
	}
	return b
}

// prepare makes a message durable that write writes.
func (q *Queue) prepare(ctx context.Context, write func(io.Writer) error) (*mailbox.Prepared, error) {
	spool := q.mail.NewSpool()
	defer spool.Close()
	if err := write(spool); err != nil {
		return nil, fmt.Errorf("write notice: %w", err)
	}
	prepared, err := q.mail.Prepare(ctx, spool)
	if err != nil {
		return nil, fmt.Errorf("store notice: %w", err)
	}
	return prepared, nil
}

// deliverNotice puts a notice into its mailbox, in one commit with what it is about. A mailbox that does not take it (full,
// gone) does not keep the rest from happening.
func (q *Queue) deliverNotice(ctx context.Context, n *notice, also func(*store.Tx) error) error {
	results, err := q.mail.Deliver(ctx, mailbox.Delivery{
		Message: n.prepared, Recipients: []mailbox.To{{Owner: n.owner}}, TraceID: n.id, Also: also,
	})
	if err != nil {
		return fmt.Errorf("deliver notice: %w", err)
	}
	if results[0] != nil {
		q.log.Warn("queue: a notice could not be put into the mailbox", "notice", n.id, "account", int64(n.owner), "err", results[0])
		return nil
	}
	q.metrics.notice.WithLabelValues(n.kind).Inc()
	q.log.Info("notice delivered", "notice", n.id, "account", int64(n.owner), "kind", n.kind)
	return nil
}

// tell lets the accounts know that were named with held messages.
func (s *scheduler) tell(ctx context.Context) error {
	q := s.q
	for {
		var message ID
		var who directory.ID
		var d *delivery
		err := q.store.Read(ctx, func(tx *store.Tx) error {
			err := tx.QueryRow(`SELECT message_id, owner_id FROM queue_tell ORDER BY message_id LIMIT 1`).Scan(&message, &who)
			if err != nil {
				return err
			}
			ids, err := selectIDs(tx, `SELECT id FROM queue_delivery WHERE message_id = $1 AND phase = 2 ORDER BY id LIMIT 1`, int64(message))
			if err != nil || len(ids) == 0 {
				return err
			}
			d, err = selectDelivery(tx, ids[0])
			return err
		})
		if isNoRows(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("who is told: %w", err)
		}
		if err := q.tellHeld(ctx, message, who, d); err != nil {
			return err
		}
	}
}

// tellHeld puts the notice about a held message into a mailbox. d is nil when nothing of it is held any more.
func (q *Queue) tellHeld(ctx context.Context, message ID, who directory.ID, d *delivery) error {
	told := func(tx *store.Tx) error {
		_, err := tx.Exec(`DELETE FROM queue_tell WHERE message_id = $1 AND owner_id = $2`, int64(message), int64(who))
		return err
	}
	account, err := q.dir.Account(ctx, who)
	if d == nil || err != nil { // released meanwhile, or nobody is there any more
		return q.store.Write(ctx, told)
	}
	n := &notice{id: rand.Text(), owner: who, kind: "held"}
	n.prepared, err = q.prepare(ctx, func(w io.Writer) error { return q.writeHeld(w, n.id, account.Address, d) })
	if err != nil {
		return err
	}
	defer n.prepared.Release()
	return q.deliverNotice(ctx, n, told)
}

// writeHeld writes the notice about a held message. It does not show what is in it.
func (q *Queue) writeHeld(w io.Writer, id, to string, d *delivery) error {
	date := q.now().Format(dateFormat)
	b := new(strings.Builder)
	fmt.Fprintf(b, "Return-Path: <>\r\nReceived: by %s with LOCAL\r\n\tid %s;\r\n\t%s\r\n", q.o.Hostname, id, date)
	fmt.Fprintf(b, "From: Mail Delivery System <postmaster@%s>\r\nTo: <%s>\r\nSubject: Mail is held: Mail wird zurueckgehalten\r\n", q.o.Hostname, to)
	fmt.Fprintf(b, "Date: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n", date, id, q.o.Hostname)
	b.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
	fmt.Fprintf(b, "Eine Nachricht von <%s> wartet, bis jemand sie freigibt (%d Bytes).\r\nGrund: %s\r\n", d.message.Sender, d.message.Size, d.held)
	fmt.Fprintf(b, "Freigeben: schulhof queue release %d\r\nVerwerfen: schulhof queue drop %d\r\n\r\n--- English ---\r\n\r\n", d.message.ID, d.message.ID)
	fmt.Fprintf(b, "A message from <%s> waits until somebody releases it (%d bytes).\r\nReason: %s\r\n", d.message.Sender, d.message.Size, d.held)
	fmt.Fprintf(b, "To release it: schulhof queue release %d\r\nTo drop it: schulhof queue drop %d\r\n", d.message.ID, d.message.ID)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write notice: %w", err)
	}
	return nil
}

// dateFormat is RFC 5322 §3.3.
const dateFormat = "Mon, 02 Jan 2006 15:04:05 -0700"
