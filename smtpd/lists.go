package smtpd

import (
	"context"
	"fmt"
	"slices"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/smtpd/lists"
	"schulhof/store"
	"schulhof/store/fault"
)

// listing is what a transaction has of lists. The zero value is none.
type listing struct {
	of        []directory.ID // for each of transaction.to: the group that brought it; 0: none
	groups    []directory.ID // that the message goes to, each once
	moderated []directory.ID // that hold it
	rules     []string       // why, for people; like moderated
	services  []listService
	overLimit bool   // an administrator has to let it through
	remark    string // behind our 250, when it is not simply delivered
}

// listService is a recipient that is no reader: an address of a list for a purpose.
type listService struct {
	purpose lists.Purpose
	token   string
}

// takes reports whether lists have taken the message, whoever reads it here.
func (l *listing) takes() bool { return len(l.groups)+len(l.moderated)+len(l.services) > 0 }

// only reports whether the message is for services alone.
func (l *listing) only(t *transaction) bool {
	return len(l.services) > 0 && len(l.services) == len(t.recipients) && len(t.outside) == 0
}

// listService takes a recipient that is an address of a list for a purpose; false: it is none.
func (s *session) listService(ctx context.Context, rcpt EnvelopeRecipient) (reply, bool) {
	if s.srv.o.Lists == nil {
		return reply{}, false
	}
	purpose, token, ok := s.srv.o.Lists.ParseAddress(ctx, rcpt.Address)
	switch {
	case !ok:
		return reply{}, false
	case purpose == lists.PurposeBounce && s.mail.envelope.Sender != "":
		return withText(noRight, "This address only takes returned mail"), true
	case purpose == lists.PurposeDecide && s.writer(ctx) == 0:
		return withText(noRight, "Log in to decide about a message / Zum Entscheiden bitte anmelden"), true
	}
	s.mail.lists.services = append(s.mail.lists.services, listService{purpose, token})
	s.mail.recipients = append(s.mail.recipients, recipient{EnvelopeRecipient: rcpt})
	return okRecipient, true
}

// groupsAt are the groups that an address leads to.
func (s *session) groupsAt(address string) []directory.Group {
	if s.srv.o.Lists == nil {
		return nil
	}
	return s.srv.o.Directory.ListsAt(address)
}

// readElsewhere reports whether one of the groups has a member elsewhere.
func (s *session) readElsewhere(groups []directory.Group) bool {
	return slices.ContainsFunc(groups, func(g directory.Group) bool {
		members, err := s.srv.o.Directory.Externals(g.ID)
		return err == nil && slices.ContainsFunc(members, func(x directory.External) bool { return !x.Paused })
	})
}

// mayReach asks who may write to the groups, then the contact policy about everyone whom the address reaches. It returns those who read the
// message now: the members of a moderated group read it when it is let through.
func (s *session) mayReach(ctx context.Context, list []directory.Recipient, groups []directory.Group) ([]directory.Recipient, reply) {
	if len(groups) > 0 && s.mail.envelope.Sender == "" {
		return nil, withText(noRight, "A list takes no notices / Eine Liste nimmt keine Benachrichtigungen")
	}
	var moderated []directory.Group
	for _, g := range groups {
		held, err := s.srv.o.Directory.MayPost(g.ID, s.writer(ctx), s.mail.envelope.Sender)
		if err != nil {
			return nil, answer(err)
		}
		if held {
			moderated = append(moderated, g)
		}
	}
	if r := s.mayWriteTo(ctx, list, s.readElsewhere(groups)); !r.ok() {
		return nil, r
	}
	l := &s.mail.lists
	for _, g := range groups {
		isHeld := slices.ContainsFunc(moderated, func(m directory.Group) bool { return m.ID == g.ID })
		switch {
		case isHeld && !slices.Contains(l.moderated, g.ID):
			l.moderated = append(l.moderated, g.ID)
			l.rules = append(l.rules, g.Address+" is moderated / wird moderiert")
			l.remark = " held until an owner lets it through / wartet auf Freigabe"
		case !isHeld && !slices.Contains(l.groups, g.ID):
			l.groups = append(l.groups, g.ID)
		}
	}
	return slices.DeleteFunc(list, func(one directory.Recipient) bool {
		return slices.ContainsFunc(moderated, func(g directory.Group) bool { return g.ID == one.List })
	}), okDone
}

// prepared is a message that is durable in each of its forms, and not yet in any mailbox.
type prepared struct {
	plain  *mailbox.Prepared // as it came; nil if nobody gets that
	to     []mailbox.To      // readers, then who is told of a held message
	told   int               // how many those are
	copies *lists.Copies     // nil: no lists
	held   []*lists.Holding
}

func (p *prepared) release() {
	p.plain.Release()
	if p.copies != nil {
		p.copies.Release()
	}
	for _, h := range p.held {
		h.Release()
	}
}

// write writes the lists' rows of the commit.
func (p *prepared) write(tx *store.Tx) error {
	if p.copies != nil {
		if err := p.copies.Enqueue(tx); err != nil {
			return err
		}
	}
	for _, h := range p.held {
		if err := h.Write(tx); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes a message durable in the forms that it needs. to are its readers, at where they stand in t.to if they are not all of them:
// then it was delivered to the others before, and lists have done their part.
func (s *session) prepare(ctx context.Context, t *transaction, to []mailbox.To, at []int) (p *prepared, err error) {
	p = &prepared{to: slices.Clone(to)}
	defer func() {
		if err != nil {
			p.release()
		}
	}()
	of := t.lists.of
	if at != nil {
		of = make([]directory.ID, len(at))
		for i, j := range at {
			of[i] = t.lists.of[j]
		}
	}
	spool := t.body.spool
	if s.srv.o.Lists != nil && t.lists.takes() {
		if err := s.srv.o.Lists.Check(spool, spool.Size(), slices.Concat(t.lists.groups, t.lists.moderated)); err != nil {
			return p, err
		}
	}
	if len(t.lists.groups) == 0 || len(t.lists.moderated)+len(t.outside) > 0 || slices.Contains(of, 0) {
		if p.plain, err = s.srv.o.Mail.Prepare(ctx, spool); err != nil {
			return p, fmt.Errorf("store message: %w", err)
		}
	}
	if s.srv.o.Lists == nil {
		return p, nil
	}
	m := lists.Mailing{Message: spool, Size: spool.Size(), To: p.to, Lists: of, Groups: t.lists.groups, TraceID: t.body.id, Certain: s.writer(ctx) != 0,
		RequireTLS: t.envelope.Options.RequireTLS}
	if p.copies, err = s.srv.o.Lists.Prepare(ctx, &m); err != nil || at != nil {
		if at != nil && p.copies != nil {
			p.copies.Stay()
		}
		return p, err
	}
	p.to = append(p.to, p.copies.Archive()...)
	return p, s.hold(ctx, t, p)
}

// hold prepares to hold the message for each moderated group.
func (s *session) hold(ctx context.Context, t *transaction, p *prepared) error {
	for i, group := range t.lists.moderated {
		g, err := s.srv.o.Directory.GroupByID(group)
		if err != nil {
			return err
		}
		h, err := s.srv.o.Lists.Hold(ctx, lists.NewHeld{
			Reason: lists.ReasonModeration, Group: group, Account: s.writer(ctx), Sender: t.envelope.Sender, Recipients: []string{g.Address},
			Rule: t.lists.rules[i], TraceID: t.body.id, Message: p.plain, RequireTLS: t.envelope.Options.RequireTLS,
		})
		if err != nil {
			return err
		}
		p.held = append(p.held, h)
		p.to = append(p.to, h.To...)
		p.told += len(h.To)
	}
	return nil
}

// holdOverLimit holds a whole message of an account that has used up a limit. Nobody of its recipients gets it before an administrator
// lets it through.
func (s *session) holdOverLimit(ctx context.Context, t *transaction, limit *directory.SendingLimit) error {
	plain, err := s.srv.o.Mail.Prepare(ctx, t.body.spool)
	if err != nil {
		return fmt.Errorf("store message: %w", err)
	}
	defer plain.Release()
	err = s.srv.o.Lists.HoldAll(ctx, lists.NewHeld{
		Reason: lists.ReasonLimit, Account: s.who.Account.ID, Sender: t.envelope.Sender, Recipients: t.addresses(), Rule: fault.TextOf(limit),
		TraceID: t.body.id, Message: plain, RequireTLS: t.envelope.Options.RequireTLS, Copies: s.copiesOf(t), Also: t.settled(),
	})
	switch {
	case fault.Is(err, fault.Refused), fault.Is(err, fault.Limit):
		return limit // nobody can let it through
	case err != nil:
		return fmt.Errorf("hold message: %w", err)
	}
	t.lists.overLimit, t.lists.remark = true, " held, "+fault.TextOf(limit)
	return nil
}

// serveLists does what recipients that are no readers are for.
func (s *session) serveLists(ctx context.Context, t *transaction) error {
	if len(t.lists.services) == 0 {
		return nil
	}
	spool := t.body.spool
	for _, service := range t.lists.services {
		var err error
		switch service.purpose {
		case lists.PurposeBounce:
			err = s.srv.o.Lists.Returned(ctx, service.token, spool, spool.Size())
		case lists.PurposeLeave:
			err = s.srv.o.Lists.Leave(ctx, service.token)
		case lists.PurposeDecide:
			err = s.decide(ctx, t, service.token)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// decide reads an owner's answer about a held message and does what it says. What cannot be done is told at once.
func (s *session) decide(ctx context.Context, t *transaction, token string) error {
	approve, ok := lists.Answer(t.body.spool, t.body.spool.Size())
	if !ok {
		return fault.New(fault.Refused, "write yes or no on the first line / Bitte ja oder nein in die erste Zeile schreiben")
	}
	h, err := s.srv.o.Lists.DecideByMail(ctx, token, approve, s.writer(ctx))
	switch fault.KindOf(err) {
	case fault.Conflict, fault.Expired, fault.NotFound, fault.Forbidden:
		return fault.Wrap(fault.Refused, err, "%s", fault.TextOf(err))
	}
	if err != nil {
		return fmt.Errorf("decide about a held message: %w", err)
	}
	t.lists.remark = " " + string(h.State)
	return nil
}
