package smtpd

import (
	"context"
	"strings"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/mailbox/message"
	"schulhof/store/fault"
)

// transaction is what MAIL began. RFC 5321 §3.3.
type transaction struct {
	envelope   Envelope
	recipients []recipient
	outside    []EnvelopeRecipient  // not ours: for the queue
	lists      listing              // the groups among the recipients
	to         []mailbox.To         // our mailboxes, each once
	at         map[directory.ID]int // where an account stands in to
	signer     string               // the domain in whose name a submission leaves; "" for every other message
	visible    int                  // addresses elsewhere that it shows, when its author is to be told; 0: not
	shown      bool                 // and it has gone to somebody who sees them
	written    *written             // not nil: it comes from our own pages
	body       *incoming            // not nil while BDAT chunks come
	pace       *pace
}

// recipient is one accepted RCPT, and where in transaction.to its mailboxes stand.
type recipient struct {
	EnvelopeRecipient
	to []int
}

// mailFrom begins a transaction. RFC 5321 §4.1.1.2.
func (s *session) mailFrom(ctx context.Context, args string) reply {
	if s.mail != nil {
		return badSequence
	}
	if r := s.allowed(); !r.ok() {
		return r
	}
	if s.messages >= maxMessages && !s.srv.peers.trusted(s.remote) {
		return noMoreMail
	}
	path, ok := cutFold(args, "FROM:")
	if !ok {
		return badSyntax
	}
	sender, rest, ok := parsePath(path)
	if !ok || rest != "" && rest[0] != ' ' {
		return badSender
	}
	options, r := senderParameters(rest, s.srv.o.MaxSize, s.protects())
	switch {
	case !r.ok():
		return r
	case !options.UTF8 && !message.IsASCII(sender):
		return badUTF8
	case sender != "" && !strings.Contains(sender, "@"):
		return badSender // <postmaster> alone is a recipient only
	}
	if r := s.mayUse(ctx, sender); !r.ok() {
		return r
	}
	s.mail = &transaction{envelope: Envelope{Sender: sender, Options: options}, at: make(map[directory.ID]int)}
	return okSender
}

// mayUse asks whether the account may write as sender. The null sender is for read receipts (RFC 8098 §3).
func (s *session) mayUse(ctx context.Context, sender string) reply {
	if !s.door.submit || sender == "" {
		return okDone
	}
	owns, err := s.srv.o.Directory.OwnsAddress(ctx, s.who.Account.ID, sender)
	switch {
	case err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Forbidden):
		s.log.Error("ask for the sender's owner", "err", err)
		return answer(err)
	case owns:
		return okDone
	}
	switch may, err := s.srv.o.Mail.MayPost(ctx, s.who.Account.ID, sender); { // one of those who work with a shared mailbox
	case err != nil:
		s.log.Error("ask for the right to write as somebody else", "err", err)
		return answer(err)
	case !may:
		return notYourSender
	}
	return okDone
}

// rcptTo adds a recipient. RFC 5321 §4.1.1.3.
func (s *session) rcptTo(ctx context.Context, args string) reply {
	if s.mail == nil || s.mail.body != nil {
		return badSequence
	}
	path, ok := cutFold(args, "TO:")
	if !ok {
		return badSyntax
	}
	address, rest, ok := parsePath(path)
	if !ok || address == "" || rest != "" && rest[0] != ' ' {
		return badRecipient
	}
	options, r := recipientParameters(rest, s.mail.envelope.Options.UTF8)
	switch {
	case !r.ok():
		return r
	case !s.mail.envelope.Options.UTF8 && !message.IsASCII(address):
		return badUTF8
	case len(s.mail.recipients)+len(s.mail.outside) >= maxRecipients:
		return noTooMany
	case !s.srv.peers.trusted(s.remote) && s.srv.peers.guessing(s.remote):
		return noUnknownRate
	}
	r = s.addRecipient(ctx, EnvelopeRecipient{Address: address, Options: options})
	s.srv.metrics.recipient.WithLabelValues(s.door.name, r.enhanced).Inc()
	if !r.ok() {
		return s.rejectedRecipient(r)
	}
	return r
}

// rejectedRecipient counts towards the budgets against address harvesting.
func (s *session) rejectedRecipient(r reply) reply {
	if r.temporary() || s.srv.peers.trusted(s.remote) {
		return r
	}
	if r == noUser || r == noReturn {
		s.srv.peers.unknown(s.remote)
	}
	if s.rejected++; s.rejected >= maxRejectedRcpts {
		s.say(r)
		return noRcptBudget
	}
	return r
}

// addRecipient resolves an address and puts its mailboxes into the transaction.
func (s *session) addRecipient(ctx context.Context, rcpt EnvelopeRecipient) reply {
	if r, taken := s.returned(ctx, &rcpt); taken {
		return r
	}
	address := rcpt.Address
	if !strings.Contains(address, "@") { // <postmaster>, the parser lets nothing else pass
		domains, err := s.srv.o.Directory.Domains(ctx)
		if err != nil || len(domains) == 0 {
			s.log.Error("list domains", "err", err)
			return noInternal
		}
		address += "@" + domains[0]
	}
	if r, is := s.listService(ctx, rcpt); is {
		return r
	}
	list, err := s.srv.o.Directory.Resolve(ctx, address, s.mail.envelope.Sender)
	groups := s.groupsAt(address)
	if err != nil && !(fault.Is(err, fault.Refused) && s.readElsewhere(groups)) {
		return s.unresolved(rcpt, err)
	}
	if len(list) == 0 && len(groups) == 0 {
		return noMembers
	}
	if len(s.mail.to)+len(list) > maxExpanded {
		return noTooMany
	}
	if len(list) == 1 && list[0].Via == "" && !s.door.lmtp {
		if r := s.room(ctx, list[0].Account); !r.ok() {
			return r
		}
	}
	list, r := s.mayReach(ctx, list, groups)
	if !r.ok() {
		return r
	}
	to := make([]int, 0, len(list))
	for _, one := range list {
		to = append(to, s.mail.add(one))
	}
	s.mail.recipients = append(s.mail.recipients, recipient{EnvelopeRecipient: rcpt, to: to})
	return okRecipient
}

// add puts a mailbox owner into the transaction, once however many addresses lead there. Being addressed
// directly, or with a detail, says more than being a member.
func (t *transaction) add(one directory.Recipient) int {
	i, known := t.at[one.Account]
	if !known {
		i = len(t.to)
		t.at[one.Account] = i
		t.to = append(t.to, mailbox.To{Owner: one.Account, Mailbox: one.Detail, Via: one.Via})
		t.lists.of = append(t.lists.of, one.List)
		return i
	}
	if t.to[i].Via != "" && one.Via == "" {
		t.to[i].Via, t.to[i].Mailbox, t.lists.of[i] = "", one.Detail, 0
	}
	return i
}

// unresolved answers an address that leads to none of our mailboxes.
func (s *session) unresolved(rcpt EnvelopeRecipient, err error) reply {
	switch fault.KindOf(err) {
	case fault.Forbidden: // not our domain
		switch {
		case !s.door.submit:
			return noRelay
		case s.srv.o.Outbound == nil:
			return noOutside
		}
		if r := s.mayWriteOutside(); !r.ok() {
			return r
		}
		s.mail.outside = append(s.mail.outside, rcpt)
		return okRecipient
	case fault.Invalid:
		return badRecipient
	case fault.NotFound, fault.Refused, fault.Throttled, fault.Limit:
		return answer(err)
	}
	s.log.Error("resolve recipient", "err", err)
	return answer(err)
}

// room refuses a recipient whose mailbox is full before the message comes, so that the others of the
// transaction get it. Delivery counts again, inside the transaction.
func (s *session) room(ctx context.Context, owner directory.ID) reply {
	if a, err := s.srv.o.Directory.Account(ctx, owner); err == nil && a.QuotaBytes == 0 {
		return okDone // nothing to ask the store for
	}
	q, err := s.srv.o.Mail.Quota(ctx, owner)
	if err != nil {
		s.log.Error("read quota", "err", err)
		return answer(err)
	}
	if q.LimitBytes > 0 && q.UsedBytes+max(s.mail.envelope.Options.Size, 1) > q.LimitBytes ||
		q.LimitMessages > 0 && q.UsedMessages >= q.LimitMessages {
		return noQuota
	}
	return okDone
}

// via is the alias or group that all recipients come from: only such an address may stand in a header
// that all of them see, because it tells nobody more than they know. "" if there is none.
func (t *transaction) via() string {
	if len(t.to) == 0 || len(t.outside) > 0 {
		return ""
	}
	for _, to := range t.to[1:] {
		if to.Via != t.to[0].Via {
			return ""
		}
	}
	return t.to[0].Via
}

// cutFold is strings.CutPrefix without regard to case.
func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
