package smtpd

import (
	"context"
	"fmt"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/mailbox/filter"
	"schulhof/store"

	"github.com/emersion/go-smtp"
)

// filtered lets the recipients' filters decide, and puts what they decided into d. The plan is nil when none of them has a filter.
func (s *session) filtered(ctx context.Context, t *transaction, p *prepared, d *mailbox.Delivery) (*filter.Plan, error) {
	f := s.srv.o.Filters
	if f == nil || !f.Concerns(d.Recipients) {
		return nil, nil
	}
	req := &filter.Request{
		Message: d.Message, Body: t.body.spool, Sender: t.envelope.Sender, To: s.addressed(t, p),
		Certain: s.writer(ctx) != 0, Outside: s.srv.o.Outbound != nil,
	}
	if !s.door.submit {
		req.Remote = s.remote.String()
	}
	plan, err := f.Decide(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("filter message: %w", err)
	}
	also, answers := d.Also, d.Answers
	d.Recipients, d.Answers = plan.Recipients(), func(copies []error) []error { return answers(plan.Results(copies)) }
	d.Also = func(tx *store.Tx) error {
		if also != nil {
			if err := also(tx); err != nil {
				return err
			}
		}
		return s.planned(tx, plan, t)
	}
	return plan, nil
}

// planned writes the rows of a plan: what filters remember, and what the queue gets of them.
func (s *session) planned(tx *store.Tx, plan *filter.Plan, t *transaction) error {
	if err := plan.Write(tx); err != nil {
		return err
	}
	declared := t.envelope.Options // of what is sent on; RET and ENVID were for our notices, not for those of another server
	for _, o := range plan.Outgoing {
		envelope := Envelope{Sender: o.Sender, Options: smtp.MailOptions{Body: declared.Body, UTF8: declared.UTF8 || o.UTF8, RequireTLS: declared.RequireTLS}}
		if o.EightBit {
			envelope.Options.Body = smtp.Body8BitMIME
		}
		err := s.srv.o.Outbound.Enqueue(tx, Outgoing{
			Message: o.Message, Account: o.Account, Envelope: envelope, Recipients: []EnvelopeRecipient{{Address: o.Recipient}}, TraceID: t.body.id,
			Signed: o.Signed, Sealed: o.Sealed,
		})
		if err != nil {
			return fmt.Errorf("queue message of a filter: %w", err)
		}
	}
	return nil
}

// addressed adds to each mailbox which address led to it, and whether it alone can still be refused: SMTP has one answer for all
// recipients, LMTP one for each; who submits is told by a notice.
func (s *session) addressed(t *transaction, p *prepared) []filter.Recipient {
	address := make(map[directory.ID]string, len(t.to))
	for _, r := range t.recipients {
		for _, i := range r.to {
			if owner := t.to[i].Owner; address[owner] == "" {
				address[owner] = r.Address
			}
		}
	}
	alone := s.door.lmtp || s.door.submit || len(t.to)+len(t.outside) == 1
	out := make([]filter.Recipient, len(p.to))
	for i, to := range p.to {
		notice := i >= len(p.to)-p.told
		out[i] = filter.Recipient{To: to, Address: address[to.Owner], MayRefuse: alone && to.Via == "" && !notice, Notice: notice}
	}
	return out
}
