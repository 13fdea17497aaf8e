package smtpd

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
	"schulhof/store/fault"
)

// outcome is what became of a message.
type outcome struct {
	reply     reply
	each      []reply // LMTP: for each recipient
	delivered bool    // something is stored safely, so the peer must learn of it
	key       [32]byte
	err       error // for the log
}

// deliver makes the message durable, stores it for all recipients in one commit, and says how to answer.
// Nothing positive is answered before that. A peer that comes back because some recipients failed
// does not give the others a second copy.
func (s *session) deliver(ctx context.Context, t *transaction) outcome {
	out := outcome{key: dedupeKey(s.remote, t)}
	again := partialKey(s.remote, t)
	had := s.srv.partial.delivered(again)

	results, err := s.store(ctx, t, out.key, had)
	if err != nil {
		out.err = err
		out.reply = answer(err)
		out.each = slices.Repeat([]reply{out.reply}, len(t.recipients))
		return out
	}
	failed := 0
	for i, err := range results {
		if err != nil {
			failed++
			out.err = fmt.Errorf("mailbox of account %d: %w", t.to[i].Owner, err)
		}
	}
	for _, r := range t.recipients {
		out.each = append(out.each, recipientReply(r, results))
	}
	out.delivered = failed < len(results) || len(t.outside) > 0 || t.lists.takes()
	out.reply = s.together(out.each, t, out.delivered)
	switch {
	case failed > 0 && out.delivered && !s.door.submit:
		s.srv.partial.remember(again, t.to, results)
		out.delivered = false // the peer was told to come again
	case failed == 0 && had != nil:
		s.srv.partial.forget(again)
	}
	if out.reply.ok() || s.door.lmtp {
		s.notify(ctx, t, out.each)
	}
	return out
}

// store makes one commit of the message, its copies and its queue rows. had are accounts that have it already.
// The results are for t.to, in order.
func (s *session) store(ctx context.Context, t *transaction, key [32]byte, had map[directory.ID]bool) ([]error, error) {
	results := make([]error, len(t.to))
	to, at := t.to, []int(nil)
	if len(had) > 0 {
		to = nil
		for i, one := range t.to {
			if !had[one.Owner] {
				to, at = append(to, one), append(at, i)
			}
		}
		if len(to) == 0 && len(t.outside) == 0 {
			return results, nil
		}
	}
	if err := s.serveLists(ctx, t); err != nil {
		return nil, err
	}
	if t.lists.only(t) {
		return results, s.keepOnly(ctx, t)
	}
	if results, seen := s.srv.o.Mail.DeliveredBefore(key, len(to), t.body.id); seen && t.written == nil { // before filters see it again: they would take it for a duplicate
		return spread(results, at, len(t.to)), nil
	}
	p, err := s.prepare(ctx, t, to, at)
	if err != nil {
		return nil, err
	}
	defer p.release()
	d := mailbox.Delivery{
		Message: p.plain, Sender: t.envelope.Sender, Recipients: p.to, TraceID: t.body.id, Dedupe: &mailbox.Dedupe{Key: key},
		Also:    func(tx *store.Tx) error { return s.alsoCommit(tx, t, p) },
		Answers: func(copies []error) []error { return copies[:len(to)] }, // archives, and who is told of a held message, answer nobody
	}
	plan, err := s.filtered(ctx, t, p, &d)
	if err != nil {
		return nil, err
	}
	defer plan.Release()
	s.keepWritten(t, &d)
	got, err := s.srv.o.Mail.Deliver(ctx, d)
	if limit := new(directory.SendingLimit); errors.As(err, &limit) && s.srv.o.Lists != nil {
		return results, s.holdOverLimit(ctx, t, limit)
	}
	if err != nil {
		return nil, fmt.Errorf("deliver message: %w", err)
	}
	return spread(d.Answers(got), at, len(t.to)), nil
}

// spread puts the results of some recipients where these stand among all n; at nil: they are all.
func spread(got []error, at []int, n int) []error {
	if at == nil {
		return got
	}
	results := make([]error, n)
	for i, err := range got {
		results[at[i]] = err
	}
	return results
}

// alsoCommit writes what a message has besides its copies for our own recipients: a submission counts, the queue and the lists get their rows.
func (s *session) alsoCommit(tx *store.Tx, t *transaction, p *prepared) error {
	if s.door.submit {
		if err := s.countSending(tx, t); err != nil {
			return err
		}
		tx.AfterCommit(func() { t.shown = t.visible > 0 && t.read() })
	}
	if err := p.write(tx); err != nil || len(t.outside) == 0 {
		return err
	}
	return s.srv.o.Outbound.Enqueue(tx, Outgoing{
		Message: p.plain, Account: s.account(), Envelope: t.envelope, Recipients: t.outside, TraceID: t.body.id, Signed: t.signer, AtOnce: t.written != nil,
	})
}

// read reports whether somebody reads the message now, not only once it is let through.
func (t *transaction) read() bool { return len(t.to)+len(t.outside)+len(t.lists.groups) > 0 }

// recipientReply is the answer for one RCPT. An address that leads to several mailboxes has succeeded when
// none of them can succeed later any more and one has.
func recipientReply(r recipient, results []error) reply {
	var failure reply
	done := false
	for _, i := range r.to {
		if results[i] == nil {
			done = true
			continue
		}
		if f := answer(results[i]); failure.code == 0 || f.temporary() && !failure.temporary() {
			failure = f
		}
	}
	if failure.code == 0 || done && !failure.temporary() {
		return okRecipient
	}
	return failure
}

// together is SMTP's one answer for all. People's programs show it to them: once somebody has the message it is
// accepted, and a notice says who has not. Another server tries again while anything may still succeed.
func (s *session) together(each []reply, t *transaction, delivered bool) reply {
	accepted := okDone
	accepted.text = "OK id=" + t.body.id + t.lists.remark
	if len(each) == 0 || delivered && s.door.submit {
		return accepted
	}
	failed, done := reply{}, false
	for _, r := range each {
		switch {
		case r.ok():
			done = true
		case failed.code == 0 || r.temporary() && !failed.temporary():
			failed = r
		}
	}
	switch {
	case failed.code == 0:
		return accepted
	case done && !failed.temporary():
		return noInternal // at the next try RCPT will say which one it is
	}
	return failed
}

// dedupeKey names a message for the case that our 250 gets lost: the client's network, the envelope and the
// content as it came, without our own fields.
func dedupeKey(remote netip.Addr, t *transaction) (key [32]byte) {
	owners := make([]directory.ID, 0, 16)
	for _, to := range t.to {
		owners = append(owners, to.Owner)
	}
	slices.Sort(owners)
	outside := make([]string, 0, 16)
	for _, o := range t.outside {
		outside = append(outside, o.Address)
	}
	slices.Sort(outside)
	b := partialBytes(remote, t)
	for _, id := range slices.Concat(owners, t.lists.groups, t.lists.moderated) {
		b = binary.BigEndian.AppendUint64(b, uint64(id))
	}
	for _, address := range outside {
		b = append(append(b, 0), address...)
	}
	return sha256.Sum256(b)
}

// partialKey names a message whatever recipients the peer sends it for.
func partialKey(remote netip.Addr, t *transaction) [32]byte {
	return sha256.Sum256(partialBytes(remote, t))
}

func partialBytes(remote netip.Addr, t *transaction) []byte {
	b := make([]byte, 0, 256)
	b = append(b, network(remote).AsSlice()...)
	b = append(append(append(b, 0), t.envelope.Sender...), 0)
	return t.body.content.appendTo(b)
}

// acknowledge sends the reply to a stored message and notices when it does not arrive: then the peer
// will send the message again, and must not deliver it twice.
func (s *session) acknowledge(ctx context.Context, key [32]byte) {
	gone := !s.wire.buffered() && s.wire.peerGone()
	if err := s.wire.flush(); err != nil || gone {
		s.log.Info("reply did not arrive", "err", err)
		s.acknowledgementLost(ctx, key)
		return
	}
	s.unsure = &key
}

// acknowledgementLost lets the next try within 10 minutes be answered without a second delivery.
func (s *session) acknowledgementLost(ctx context.Context, key [32]byte) {
	s.unsure = nil
	if err := s.srv.o.Mail.AcknowledgementLost(ctx, key); err != nil && fault.KindOf(err) != fault.NotFound {
		s.log.Warn("remember lost acknowledgement", "err", err)
	}
}
