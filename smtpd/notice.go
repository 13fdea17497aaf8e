package smtpd

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
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
	n := notice{session: s, t: t, told: told, id: newTraceID(), at: s.srv.o.Now()}
	spool := s.srv.o.Mail.NewSpool()
	defer spool.Close()
	if err := s.deliverNotice(ctx, spool, n.appendTo(nil), owner, n.id); err != nil {
		s.log.Error("deliver notice", "id", t.body.id, "notice", n.id, "err", err)
		return
	}
	s.log.Info("notice delivered", "id", t.body.id, "notice", n.id, "recipients", len(told))
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

func (s *session) deliverNotice(ctx context.Context, spool *store.Spool, b []byte, owner directory.ID, id string) error {
	if _, err := spool.Write(b); err != nil {
		return fmt.Errorf("write notice: %w", err)
	}
	prepared, err := s.srv.o.Mail.Prepare(ctx, spool)
	if err != nil {
		return fmt.Errorf("store notice: %w", err)
	}
	defer prepared.Release()
	results, err := s.srv.o.Mail.Deliver(ctx, mailbox.Delivery{
		Message: prepared, Recipients: []mailbox.To{{Owner: owner}}, TraceID: id,
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

// notice is one multipart/report.
type notice struct {
	session *session
	t       *transaction
	told    []status
	id      string
	at      time.Time
}

// appendTo writes the whole message.
func (n *notice) appendTo(b []byte) []byte {
	host := n.session.srv.o.Hostname
	failed := slices.ContainsFunc(n.told, func(st status) bool { return !st.reply.ok() })
	subject, lead := "Delivered: Zugestellt", "Your message was delivered to:\r\nIhre Nachricht wurde zugestellt an:\r\n"
	if failed {
		subject, lead = "Not delivered: Nicht zugestellt", "Your message could not be delivered to everyone:\r\nIhre Nachricht konnte nicht allen zugestellt werden:\r\n"
	}
	boundary := "report-" + n.id
	w := bytes.NewBuffer(b)
	fmt.Fprintf(w, "Return-Path: <>\r\nReceived: by %s with LOCAL\r\n\tid %s;\r\n\t%s\r\n", host, n.id, n.at.Format(dateFormat))
	fmt.Fprintf(w, "From: Mail Delivery System <postmaster@%s>\r\nTo: <%s>\r\nSubject: %s\r\n", host, n.t.envelope.Sender, subject)
	fmt.Fprintf(w, "Date: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n", n.at.Format(dateFormat), n.id, host)
	fmt.Fprintf(w, "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"%s\"\r\n\r\n", boundary)
	fmt.Fprintf(w, "--%s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%s\r\n", boundary, lead)
	for _, st := range n.told {
		fmt.Fprintf(w, "  %s: %d %s %s\r\n", st.Address, st.reply.code, st.reply.enhanced, st.reply.text)
	}
	fmt.Fprintf(w, "\r\n--%s\r\nContent-Type: message/delivery-status\r\n\r\n", boundary)
	n.deliveryStatus(w)
	n.original(w, boundary, failed)
	fmt.Fprintf(w, "\r\n--%s--\r\n", boundary)
	return w.Bytes()
}

// deliveryStatus writes the part that programs read. RFC 3464 §2.
func (n *notice) deliveryStatus(w *bytes.Buffer) {
	if id := n.t.envelope.Options.EnvelopeID; id != "" {
		fmt.Fprintf(w, "Original-Envelope-Id: %s\r\n", id)
	}
	fmt.Fprintf(w, "Reporting-MTA: dns; %s\r\nArrival-Date: %s\r\n", n.session.srv.o.Hostname, n.at.Format(dateFormat))
	for _, st := range n.told {
		w.WriteString("\r\n")
		if o := st.Options.OriginalRecipient; o != "" {
			fmt.Fprintf(w, "Original-Recipient: %s; %s\r\n", strings.ToLower(string(st.Options.OriginalRecipientType)), o)
		}
		kind := "rfc822"
		if !isASCII(st.Address) {
			kind = "utf-8" // RFC 6533 §3
		}
		action, enhanced := "delivered", st.reply.enhanced
		if !st.reply.ok() {
			action, enhanced = "failed", "5"+enhanced[1:] // nobody tries again
		}
		fmt.Fprintf(w, "Final-Recipient: %s; %s\r\nAction: %s\r\nStatus: %s\r\n", kind, st.Address, action, enhanced)
		if !st.reply.ok() {
			fmt.Fprintf(w, "Diagnostic-Code: smtp; %d %s %s\r\n", st.reply.code, st.reply.enhanced, st.reply.text)
		}
	}
}

// original writes what is returned of the message: all of it when RET=FULL asks for a failed one that is small, else its header.
func (n *notice) original(w *bytes.Buffer, boundary string, failed bool) {
	whole, inMemory := n.t.body.spool.Bytes()
	if failed && inMemory && n.t.envelope.Options.Return == smtp.DSNReturnFull {
		fmt.Fprintf(w, "\r\n--%s\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", boundary)
		w.Write(whole)
		return
	}
	fmt.Fprintf(w, "\r\n--%s\r\nContent-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", boundary)
	head := make([]byte, min(maxHeader, n.t.body.spool.Size()))
	got, err := n.t.body.spool.ReadAt(head, 0)
	if err != nil && got == 0 {
		return
	}
	head = head[:got]
	if end, _, found := headerEnd(head, 0); found {
		head = head[:end]
	}
	w.Write(head)
}
