package smtpd

import (
	"context"

	"schulhof/directory"
	"schulhof/mailbox/message"
)

// Returns reads addresses of ours that lead back to the sender of a message that was sent on to another server: SRS.
type Returns interface {
	// Reverse is that sender. is is false when address is none of that kind; err says why one that is leads nowhere.
	Reverse(address string) (sender string, is bool, err error)
}

// returned takes a recipient that leads back to another server, as the only one of its transaction, and of returned mail only: whoever has
// seen such an address must not write through us. A sender who is ours by now becomes the recipient. taken is false for every other address.
func (s *session) returned(ctx context.Context, rcpt *EnvelopeRecipient) (r reply, taken bool) {
	if s.srv.o.Returns == nil || s.srv.o.Outbound == nil || s.door != doorMX {
		return reply{}, false
	}
	if len(s.mail.outside) > 0 {
		return noTooMany, true
	}
	sender, is, err := s.srv.o.Returns.Reverse(rcpt.Address)
	_, domain, _ := message.CutAddress(rcpt.Address)
	if local, localErr := s.srv.o.Directory.IsLocalDomain(ctx, domain); !is || localErr == nil && !local {
		return reply{}, false // Resolve says what is wrong
	}
	switch {
	case err != nil:
		s.log.Info("address that leads back not taken", "to", rcpt.Address, "err", err)
		return noReturn, true
	case s.mail.envelope.Sender != "":
		return withText(noRight, "This address only takes returned mail"), true
	case len(s.mail.recipients) > 0:
		return noTooMany, true
	}
	_, domain, _ = message.CutAddress(sender)
	if local, err := s.srv.o.Directory.IsLocalDomain(ctx, domain); err != nil || local {
		rcpt.Address = sender
		return reply{}, false
	}
	s.mail.outside = append(s.mail.outside, EnvelopeRecipient{Address: sender})
	return okRecipient, true
}

// account is who is told of what becomes of a message: whoever logged in; 0: nobody of ours.
func (s *session) account() directory.ID {
	if s.who == nil {
		return 0
	}
	return s.who.Account.ID
}
