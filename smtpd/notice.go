package smtpd

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/smtpd/dsn"
	"schulhof/store"

	"github.com/emersion/go-smtp"
)

// notify puts a delivery status notification into the sender's own mailbox, for recipients whose copy failed
// after the message was accepted, and for those that NOTIFY=SUCCESS asks about. RFC 3461 §5.2, RFC 3464.
// Only senders that are certain get one, because a notice to a forged address is spam: the account that
// logged in, and over LMTP (from an MTA that we trust) an account of ours. each goes with t.recipients.
func (s *session) notify(ctx context.Context, t *transaction, each []reply) {
	var told []status
	for i, r := range t.recipients {
		if st := (status{recipient: r, reply: each[i], answered: s.door.lmtp}); st.wanted() {
			told = append(told, st)
		}
	}
	if len(told) == 0 || t.envelope.Sender == "" {
		return
	}
	owner, ok := s.certainSender(ctx, t.envelope.Sender)
	if !ok {
		return
	}
	id := newTraceID()
	spool := s.srv.o.Mail.NewSpool()
	defer spool.Close()
	if err := s.deliverNotice(ctx, spool, s.report(t, told, id), owner); err != nil {
		s.log.Error("deliver notice", "id", t.body.id, "notice", id, "err", err)
		return
	}
	s.log.Info("notice delivered", "id", t.body.id, "notice", id, "recipients", len(told))
}

// certainSender is the account that a notice to sender goes to.
func (s *session) certainSender(ctx context.Context, sender string) (directory.ID, bool) {
	switch {
	case s.door.submit:
		return s.who.Account.ID, true
	case !s.door.lmtp:
		return 0, false
	}
	list, err := s.srv.o.Directory.Resolve(ctx, sender, "")
	if err != nil || len(list) != 1 || list[0].Via != "" {
		return 0, false
	}
	return list[0].Account, true
}

func (s *session) deliverNotice(ctx context.Context, spool *store.Spool, r *dsn.Report, owner directory.ID) error {
	if err := r.Write(spool); err != nil {
		return err
	}
	return s.deliverSpool(ctx, spool, mailbox.To{Owner: owner}, r.ID)
}

// deliverSpool puts a notice into one mailbox.
func (s *session) deliverSpool(ctx context.Context, spool *store.Spool, to mailbox.To, id string) error {
	prepared, err := s.srv.o.Mail.Prepare(ctx, spool)
	if err != nil {
		return fmt.Errorf("store notice: %w", err)
	}
	defer prepared.Release()
	results, err := s.srv.o.Mail.Deliver(ctx, mailbox.Delivery{
		Message: prepared, Recipients: []mailbox.To{to}, TraceID: id,
	})
	if err == nil && len(results) == 1 {
		err = results[0]
	}
	if err != nil {
		return fmt.Errorf("deliver notice: %w", err)
	}
	return nil
}

// status is what became of one recipient.
type status struct {
	recipient
	reply    reply
	answered bool // the peer was told of the failure itself (LMTP)
}

// wanted reports whether the sender hears of it: of failures unless NOTIFY leaves them out, of success when asked.
func (st status) wanted() bool {
	n := st.Options.Notify
	if st.reply.ok() {
		return slices.Contains(n, smtp.DSNNotifySuccess)
	}
	if st.answered {
		return false
	}
	return len(n) == 0 || slices.Contains(n, smtp.DSNNotifyFailure)
}

// report is what the sender is told.
func (s *session) report(t *transaction, told []status, id string) *dsn.Report {
	at := s.srv.o.Now()
	r := &dsn.Report{
		Host: s.srv.o.Hostname, ID: id, At: at, Arrived: at, To: t.envelope.Sender,
		EnvelopeID: t.envelope.Options.EnvelopeID, UTF8: t.envelope.Options.UTF8,
	}
	failed := false
	for _, st := range told {
		p := dsn.Recipient{Address: st.Address, Action: dsn.Delivered, Status: st.reply.enhanced}
		if o := st.Options.OriginalRecipient; o != "" {
			p.Original = string(st.Options.OriginalRecipientType) + ";" + o
		}
		if !st.reply.ok() {
			failed = true
			p.Action, p.Status = dsn.Failed, "5"+st.reply.enhanced[1:] // nobody tries again
			p.Code, p.Enhanced, p.Text = st.reply.code, st.reply.enhanced, st.reply.text
		}
		r.Recipients = append(r.Recipients, p)
	}
	if whole, inMemory := t.body.spool.Bytes(); failed && inMemory && t.envelope.Options.Return == smtp.DSNReturnFull {
		r.Original = bytes.NewReader(whole)
		return r
	}
	r.Header = headerOf(t.body.spool)
	return r
}

// headerOf is what is returned of a message: its header, nil when it cannot be read.
func headerOf(spool *store.Spool) []byte {
	head := make([]byte, min(maxHeader, spool.Size()))
	got, err := spool.ReadAt(head, 0)
	if err != nil && got == 0 {
		return nil
	}
	head = head[:got]
	if end, _, found := headerEnd(head, 0); found {
		head = head[:end]
	}
	return head
}
