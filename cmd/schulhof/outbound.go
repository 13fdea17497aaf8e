package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"schulhof/mailbox/message"
	"schulhof/smtpd"
	"schulhof/smtpd/lists"
	"schulhof/smtpd/queue"
	"schulhof/smtpd/remote"
	"schulhof/store"

	"github.com/emersion/go-smtp"
)

// openQueue opens the queue of mail to other servers. It sends nothing until somebody runs it.
func (r *rooms) openQueue(ctx context.Context, o outside) (err error) {
	c := r.Config.Queue
	delay := c.DelayNotice
	if delay == 0 {
		delay = -1
	}
	r.Queue, err = queue.New(ctx, r.Store, r.Mail, r.Directory, queue.Options{
		Hostname: r.Config.Server.Hostname, Log: r.Log.With("room", "queue"), Metrics: o.metrics, Now: o.now,
		Lifetime: c.Lifetime, DelayNotice: delay, Undo: c.Undo, Connections: c.Connections, PerHost: c.PerDestination,
		Voucher: r.voucher(),
	})
	return err
}

// outbound hands what people submit for other servers to the queue.
type outbound struct{ queue *queue.Queue }

// Enqueue implements smtpd.Outbound.
func (o outbound) Enqueue(tx *store.Tx, out smtpd.Outgoing) error {
	options := out.Envelope.Options
	m := queue.Message{
		Body: out.Message.Blob, Sender: out.Envelope.Sender, Account: out.Account, TraceID: out.TraceID,
		EightBit: options.Body == smtp.Body8BitMIME, UTF8: options.UTF8, RequireTLS: options.RequireTLS,
		Ret: string(options.Return), EnvID: options.EnvelopeID, NotBefore: out.Later, Whole: !out.Later.IsZero(),
		Signed: out.Signed, Sealed: out.Sealed,
	}
	if !m.Whole && !out.AtOnce {
		m.NotBefore = o.queue.TakeBackUntil(out.Account)
	}
	for _, r := range out.Recipients {
		m.Recipients = append(m.Recipients, queueRecipient(r))
	}
	if _, err := o.queue.Enqueue(tx, m); err != nil {
		return fmt.Errorf("enqueue message: %w", err)
	}
	return nil
}

func queueRecipient(r smtpd.EnvelopeRecipient) queue.Recipient {
	words := make([]string, len(r.Options.Notify))
	for i, n := range r.Options.Notify {
		words[i] = string(n)
	}
	q := queue.Recipient{Address: r.Address, Notify: queue.ParseNotify(words)}
	if r.Options.OriginalRecipient != "" {
		q.ORcpt = strings.ToLower(string(r.Options.OriginalRecipientType)) + ";" + r.Options.OriginalRecipient
	}
	return q
}

// kindList is the kind of messages that a list sends to its members elsewhere.
const kindList = "list"

// listOutbound hands what lists send to other servers to the queue.
type listOutbound struct{ queue *queue.Queue }

// Enqueue implements lists.Queue.
func (o listOutbound) Enqueue(tx *store.Tx, out lists.Outgoing) error {
	m := queue.Message{
		Body: out.Message.Blob, Prefix: out.Prefix, Sender: out.Sender, Account: out.Account, Tag: out.Tag, TraceID: out.TraceID,
		Signed: out.Signed, Sealed: out.Sealed, RequireTLS: out.RequireTLS,
		EightBit: true, UTF8: !message.IsASCII(out.Sender) || slices.ContainsFunc(out.Recipients, func(a string) bool { return !message.IsASCII(a) }),
	}
	if out.Account == 0 {
		m.Kind = kindList
	}
	for _, address := range out.Recipients {
		m.Recipients = append(m.Recipients, queue.Recipient{Address: address})
	}
	if _, err := o.queue.Enqueue(tx, m); err != nil {
		return fmt.Errorf("enqueue a list's message: %w", err)
	}
	return nil
}

// countListFailure tells the lists that members elsewhere could not be reached.
func (r *rooms) countListFailure(tx *store.Tx, f queue.Failure) error {
	for range f.Recipients {
		if err := r.Lists.CountFailure(tx, f.Message.Tag); err != nil {
			return err
		}
	}
	return nil
}

// runQueue sends what waits until ctx ends.
func (r *rooms) runQueue(ctx context.Context) error { return r.Queue.Run(ctx, dialer{r.Remote}) }

// dialer lets the queue use the client for other mail servers; the two rooms do not know each other.
type dialer struct{ client *remote.Client }

// Dial implements queue.Dialer.
func (d dialer) Dial(ctx context.Context, to queue.Target) (queue.Session, error) {
	session, err := d.client.Dial(ctx, remote.Target(to))
	if err != nil {
		return nil, toldByRemote(err)
	}
	return remoteSession{session}, nil
}

// remoteSession is a connection of remote as the queue uses it.
type remoteSession struct{ session remote.Session }

// Deliver implements queue.Session.
func (s remoteSession) Deliver(ctx context.Context, m queue.Letter, to []queue.Recipient, beforeDot func(context.Context) error) ([]queue.Result, error) {
	recipients := make([]remote.Recipient, len(to))
	for i, r := range to {
		recipients[i] = remote.Recipient{Address: r.Address, Notify: r.Notify.Words(), ORcpt: r.ORcpt}
	}
	got, err := s.session.Deliver(ctx, remote.Message{
		Sender: m.Sender, Body: m.Body, Size: m.Size, Eight: m.EightBit, UTF8: m.UTF8, RequireTLS: m.RequireTLS, Ret: m.Ret, EnvID: m.EnvID,
	}, recipients, beforeDot)
	var results []queue.Result
	for _, r := range got {
		results = append(results, queue.Result(r))
	}
	return results, toldByRemote(err)
}

// Close implements queue.Session.
func (s remoteSession) Close() { s.session.Close() }

// toldByRemote is err with what it says of recipients as the queue understands it.
func toldByRemote(err error) error {
	var e *remote.Error
	if errors.As(err, &e) {
		return &queue.Unreachable{Result: queue.Result(e.Result), Err: err}
	}
	return err
}
