package smtpd

import (
	"context"
	"fmt"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// writer is the account that is certain to have written the message under way; 0: nobody of ours, or nobody is certain. What a program on
// this machine says is believed, as LMTP's is: there is no login for it.
func (s *session) writer(ctx context.Context) directory.ID {
	switch {
	case s.door.submit:
		return s.who.Account.ID
	case s.mail.envelope.Sender == "" || !s.door.lmtp && !s.remote.IsLoopback():
		return 0
	}
	list, err := s.srv.o.Directory.Resolve(ctx, s.mail.envelope.Sender, "")
	if err != nil || len(list) != 1 || list[0].Via != "" {
		return 0
	}
	return list[0].Account
}

// mayWriteTo asks the school's contact policy about our own recipients, whatever address led to them, and whoever reads elsewhere with them.
func (s *session) mayWriteTo(ctx context.Context, list []directory.Recipient, elsewhere bool) reply {
	to := make([]directory.ID, len(list))
	for i, one := range list {
		to[i] = one.Account
	}
	return s.contact(directory.Approach{From: s.writer(ctx), To: to, Outside: elsewhere})
}

// mayWriteOutside asks it about somebody elsewhere.
func (s *session) mayWriteOutside() reply {
	return s.contact(directory.Approach{From: s.who.Account.ID, Outside: true})
}

// contact answers with the rule that says no. Quiet hours end: another server tries again, what has waited waits on, a person is told at once.
func (s *session) contact(c directory.Approach) reply {
	c.At = s.leaves
	err := s.srv.o.Directory.MayContact(c)
	switch {
	case err == nil:
		return okDone
	case fault.Is(err, fault.Throttled) && (!s.door.submit || s.waited):
		return withText(noThrottled, fault.TextOf(err))
	}
	return withText(noRight, fault.TextOf(err))
}

// countSending counts the message towards the limits of who submits it: every RCPT is one, a group too.
func (s *session) countSending(tx *store.Tx, t *transaction) error {
	if err := s.srv.o.Directory.CountSending(tx, s.who.Account.ID, len(t.recipients)-len(t.lists.services), len(t.outside)); err != nil {
		return fmt.Errorf("count recipients: %w", err)
	}
	return nil
}
