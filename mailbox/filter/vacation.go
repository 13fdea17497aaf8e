package filter

import (
	"fmt"
	"slices"
	"strings"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/mailbox/message"
	"schulhof/mailbox/sieve"
)

// vacation plans an answer to the sender, if there shall be one. RFC 5230 §4.5 and §4.6, RFC 3834 §2.
func (p *planner) vacation(to Recipient, l *letter, v sieve.Vacation, depth int) error {
	owner, err := p.dir.Account(p.ctx, to.Owner)
	if err != nil {
		return fmt.Errorf("owner of a filter: %w", err)
	}
	if ok, err := p.answerable(&owner, l, v); !ok || err != nil {
		return err
	}
	hash := hashOf(v.Handle, strings.ToLower(l.sender))
	if v.Interval > 0 {
		if before, err := p.knows(to.Owner, answered, hash); before || err != nil {
			return err
		}
	}
	used, err := p.sentToday(p.ctx, to.Owner)
	if err != nil {
		return err
	}
	if used.answers+p.plan.sent[to.Owner].answers >= p.opts.Answers || p.n >= maxSent {
		p.log.Info("vacation: too many answers today", "account", owner.Login)
		return nil
	}
	reply, err := p.prepare(p.answer(&owner, l, v))
	if err != nil {
		return err
	}
	if sentTo, err := p.send(&owner, reply, l.sender, depth); !sentTo || err != nil {
		return err
	}
	if v.Interval > 0 {
		p.remember(to.Owner, answered, hash, v.Interval)
	}
	return p.fileAnswer(to, reply, v.FCC)
}

// fileAnswer keeps a copy of the answer. RFC 8580.
func (p *planner) fileAnswer(to Recipient, reply *letter, f *sieve.FileInto) error {
	if f == nil {
		return nil
	}
	name, problem, err := p.target(to.To, *f)
	if err != nil {
		return err
	}
	if problem != "" {
		name = inbox // the answer is on its way; its copy is not lost either
	}
	return p.file(-1, mailbox.To{Owner: to.Owner, Mailbox: name, Exact: true}, reply, f.Flags, nil)
}

// send plans a message of a filter for an address here or elsewhere, from <>. sent is false when nobody may or can get it.
func (p *planner) send(owner *directory.Account, m *letter, address string, depth int) (ok bool, err error) {
	list, outside := p.reach(address)
	if len(list) == 0 && !outside || p.mayAnswer(owner, list, outside) != nil {
		return false, nil
	}
	if outside {
		if limit, err := p.sendingRoom(owner.ID); limit != nil || err != nil {
			return false, err
		}
	}
	p.n++
	p.count(owner.ID, sent{answers: 1})
	m.genuine = true
	if outside {
		eight, utf8, err := m.letters()
		p.plan.Outgoing = append(p.plan.Outgoing, Outgoing{
			Message: m.message, Account: owner.ID, Recipient: address, For: -1, EightBit: eight, UTF8: utf8, Signed: p.authorDomain(m),
		})
		return true, err
	}
	for _, one := range list {
		to := Recipient{To: mailbox.To{Owner: one.Account, Mailbox: one.Detail, Via: one.Via}, Address: address}
		if err := p.deliver(-1, to, m, depth+1); err != nil {
			return false, err
		}
	}
	return true, nil
}

// answerable reports whether the sender wants and may get an answer.
func (p *planner) answerable(owner *directory.Account, l *letter, v sieve.Vacation) (bool, error) {
	if l.sender == "" || robot(l.sender) {
		return false, nil
	}
	own, err := p.dir.OwnsAddress(p.ctx, owner.ID, l.sender)
	if err != nil {
		return false, fmt.Errorf("owner of a filter: %w", err)
	}
	header, err := l.header()
	if own || err != nil || automatic(header) {
		return false, err
	}
	return p.addressed(owner, header, v.Addresses)
}

// robot: addresses that no person reads. RFC 5230 §4.6.
func robot(address string) bool {
	local, _, _ := message.CutAddress(strings.ToLower(address))
	switch local {
	case "mailer-daemon", "listserv", "majordomo", "postmaster", "noreply", "no-reply", "donotreply", "do-not-reply", "bounce", "bounces":
		return true
	}
	return strings.HasPrefix(local, "owner-") || strings.HasSuffix(local, "-request") || strings.HasSuffix(local, "-bounces") ||
		strings.HasPrefix(local, "bounce-") || strings.HasPrefix(local, "bounces+") || strings.HasPrefix(local, "prvs=")
}

// automatic reports whether the message was written by a program or sent by a list. RFC 3834 §2, RFC 5230 §4.6.
func automatic(header []byte) bool {
	for name, raw := range message.Fields(header) {
		_, v, _ := strings.Cut(string(raw), ":")
		v = strings.ToLower(strings.TrimSpace(v))
		switch name = strings.ToLower(name); name {
		case "auto-submitted":
			if word, _, _ := strings.Cut(v, ";"); strings.TrimSpace(word) != "no" {
				return true
			}
		case "precedence":
			if v == "bulk" || v == "list" || v == "junk" {
				return true
			}
		case "x-auto-response-suppress":
			if strings.Contains(v, "all") || strings.Contains(v, "oof") || strings.Contains(v, "autoreply") {
				return true
			}
		case "return-path":
			if v == "<>" {
				return true
			}
		case "x-loop", "feedback-id", "x-autoreply":
			return true
		}
		if strings.HasPrefix(name, "list-") {
			return true
		}
	}
	return false
}

// addressed reports whether the owner is named in the message: copies without the name are often mass mail. RFC 5230 §4.5.
func (p *planner) addressed(owner *directory.Account, header []byte, others []string) (bool, error) {
	n := 0
	for name, raw := range message.Fields(header) {
		switch strings.ToLower(name) {
		case "to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc":
		default:
			continue
		}
		_, v, _ := strings.Cut(string(raw), ":")
		for _, a := range message.ParseAddresses(v) {
			if n++; n > maxAddresses {
				return false, nil
			}
			address := a.Local + "@" + a.Domain
			if slices.ContainsFunc(others, func(o string) bool { return strings.EqualFold(strings.TrimSpace(o), address) }) {
				return true, nil
			}
			own, err := p.dir.OwnsAddress(p.ctx, owner.ID, address)
			if err != nil {
				return false, fmt.Errorf("owner of a filter: %w", err)
			}
			if own {
				return true, nil
			}
		}
	}
	return false, nil
}
