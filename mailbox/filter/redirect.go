package filter

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/mailbox/message"
	"schulhof/mailbox/sieve"
	"schulhof/store"
	"schulhof/store/fault"
)

// redirectedFrom is the field by which a message that comes back is known: unlike Delivered-To, other servers leave it alone.
const redirectedFrom = "X-Sieve-Redirected-From"

// redirect plans to send the message on. RFC 5228 §4.2, RFC 3834 for what must not go round in circles.
func (p *planner) redirect(i int, to Recipient, l *letter, a sieve.Redirect, depth int) (problem string, err error) {
	owner, err := p.dir.Account(p.ctx, to.Owner)
	if err != nil {
		return "", fmt.Errorf("owner of a filter: %w", err)
	}
	loop, err := l.passed(owner.Address)
	if err != nil {
		return "", err
	}
	if loop || depth >= maxDepth || p.n >= maxSent {
		p.log.Info("message not redirected: it goes round in circles", "account", owner.Login)
		p.keep(i, to.To, l, nil)
		return "", nil
	}
	used, err := p.sentToday(p.ctx, to.Owner)
	if err != nil {
		return "", err
	}
	if used.redirects+p.plan.sent[to.Owner].redirects >= p.opts.Redirects {
		return fmt.Sprintf("more than %d messages were sent on today", p.opts.Redirects), nil
	}
	list, err := p.dir.Resolve(p.ctx, a.Address, l.sender)
	outside := fault.Is(err, fault.Forbidden)
	if err != nil && !outside {
		return fmt.Sprintf("%s cannot get mail: %s", a.Address, fault.TextOf(err)), nil
	}
	if problem := p.mayRedirect(&owner, list, outside); problem != "" {
		return problem, nil
	}
	if outside {
		limit, err := p.sendingRoom(to.Owner)
		switch {
		case err != nil:
			return "", err
		case limit != nil:
			return fault.TextOf(limit), nil
		}
	}
	p.n++
	p.count(to.Owner, sent{redirects: 1})
	if outside {
		return "", p.sendOutside(i, &owner, l, a)
	}
	on, err := p.forwarded(&owner, l, a.Header, true)
	if err != nil {
		return "", err
	}
	for _, one := range list {
		next := Recipient{To: mailbox.To{Owner: one.Account, Mailbox: one.Detail, Via: one.Via}, Address: a.Address}
		if err := p.deliver(i, next, on, depth+1); err != nil {
			return "", err
		}
	}
	return "", nil
}

func (p *planner) count(owner directory.ID, s sent) {
	old := p.plan.sent[owner]
	p.plan.sent[owner] = sent{old.redirects + s.redirects, old.answers + s.answers}
}

// mayRedirect asks the rules: a filter reaches nobody whom its owner may not write to.
func (p *planner) mayRedirect(owner *directory.Account, list []directory.Recipient, outside bool) (problem string) {
	switch {
	case outside && !p.req.Outside:
		return "this server does not send mail to other servers"
	case outside && p.opts.Outside != nil && !p.opts.Outside[owner.Role]:
		return "your account may not send mail on to other servers"
	}
	ask := directory.Approach{From: owner.ID, Outside: outside, At: p.now()}
	for _, one := range list {
		ask.To = append(ask.To, one.Account)
	}
	if err := p.dir.MayContact(ask); err != nil {
		return fault.TextOf(err)
	}
	return ""
}

func (p *planner) sendOutside(i int, owner *directory.Account, l *letter, a sieve.Redirect) error {
	on, err := p.forwarded(owner, l, a.Header, false)
	if err != nil {
		return err
	}
	other := !message.IsASCII(owner.Address) // in the fields that tell of the way
	out := Outgoing{
		Message: on.message, Account: owner.ID, Sender: p.outsideSender(owner, l.sender), Recipient: a.Address, For: i, EightBit: other, UTF8: other,
	}
	_, out.Sealed, _ = message.CutAddress(owner.Address)
	if on.genuine {
		out.Signed = p.authorDomain(on)
	}
	p.plan.Outgoing = append(p.plan.Outgoing, out)
	return nil
}

// authorDomain is the domain of the one address in From, if it is ours.
func (p *planner) authorDomain(l *letter) string {
	from := l.index.Headers.From
	if len(from) != 1 {
		return ""
	}
	domain := strings.ToLower(from[0].Domain)
	if local, err := p.dir.IsLocalDomain(p.ctx, domain); err != nil || !local {
		return ""
	}
	return domain
}

// sendingRoom tells the limit of the owner that one message more to another server would pass; nil when there is room.
func (p *planner) sendingRoom(owner directory.ID) (limit *directory.SendingLimit, err error) {
	err = p.store.Read(p.ctx, func(tx *store.Tx) (err error) {
		limit, err = p.dir.SendingRoom(tx, owner, 0, p.plan.outside(owner)+1)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the owner's limits: %w", err)
	}
	return limit, nil
}

// outsideSender is MAIL FROM of a message that leaves again: a foreign one would fail the receiver's SPF check. So it becomes an address of
// ours that leads back, or the owner, who hears of it when the message cannot be delivered. A bounce stays a bounce.
func (p *planner) outsideSender(owner *directory.Account, sender string) string {
	_, domain, _ := message.CutAddress(sender)
	if local, err := p.dir.IsLocalDomain(p.ctx, domain); sender == "" || err == nil && local {
		return sender
	}
	if p.opts.Rewriter != nil {
		_, domain, _ := message.CutAddress(owner.Address)
		if address, ok := p.opts.Rewriter.Forward(sender, domain); ok {
			return address
		}
	}
	return owner.Address
}

// forwarded is the letter with its way written on top. local: it stays with us, so Return-Path stays too.
func (p *planner) forwarded(owner *directory.Account, l *letter, header []byte, local bool) (*letter, error) {
	var top bytes.Buffer
	if local {
		fmt.Fprintf(&top, "Return-Path: <%s>\r\n", l.sender)
	}
	fmt.Fprintf(&top, "Delivered-To: %s\r\n%s: %s\r\n", owner.Address, redirectedFrom, owner.Address)
	if header == nil {
		var err error
		if header, err = l.header(); err != nil {
			return nil, err
		}
	}
	for name, raw := range message.Fields(header) {
		if !strings.EqualFold(name, "Return-Path") {
			top.Write(raw)
		}
	}
	top.WriteString("\r\n")
	on, err := p.prepare(&top, l.content())
	if err != nil {
		return nil, err
	}
	on.insteadOf(l)
	return on, nil
}

// header is the whole header with its blank line.
func (l *letter) header() ([]byte, error) {
	b := make([]byte, l.index.Root.Body-l.index.Root.Header)
	if n, err := l.body.ReadAt(b, l.index.Root.Header); err != nil && (err != io.EOF || n < len(b)) {
		return nil, fmt.Errorf("read header: %w", err)
	}
	return b, nil
}

// passed reports whether the letter went through owner's filter before.
func (l *letter) passed(owner string) (bool, error) {
	header, err := l.header()
	if err != nil {
		return false, err
	}
	for name, raw := range message.Fields(header) {
		if !strings.EqualFold(name, redirectedFrom) {
			continue
		}
		_, v, _ := bytes.Cut(raw, []byte(":"))
		if strings.EqualFold(strings.TrimSpace(string(v)), owner) {
			return true, nil
		}
	}
	return false, nil
}
