package filter

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"schulhof/mailbox"
	"schulhof/mailbox/message"
	"schulhof/mailbox/sieve"
	"schulhof/store"
	"schulhof/store/fault"
)

const inbox = "INBOX"

// act plans what a script decided. problem is a sentence for the owner: then the message is kept instead.
func (p *planner) act(i int, to Recipient, l *letter, result sieve.Result, depth int) (problem string, err error) {
	for _, m := range result.Marks {
		p.remember(to.Owner, seen, hashOf(m.Handle, m.ID), m.For)
	}
	for _, a := range result.Actions {
		switch a := a.(type) {
		case sieve.Keep:
			err = p.file(i, to.To, l, a.Flags, a.Header)
		case sieve.FileInto:
			problem, err = p.fileInto(i, to.To, l, a)
		case sieve.Redirect:
			problem, err = p.redirect(i, to, l, a, depth)
		case sieve.Reject:
			err = p.reject(i, to, l, a, depth)
		case sieve.Vacation:
			err = p.vacation(to, l, a, depth)
		}
		if err != nil || problem != "" {
			return problem, err
		}
	}
	return "", nil
}

// keep plans a copy for the recipient's own mailbox.
func (p *planner) keep(i int, to mailbox.To, l *letter, add *mailbox.Flags) {
	if l.message != nil {
		to.Message = l.message
	}
	if add != nil {
		to.Flags |= *add
	}
	p.add(Copy{to, i})
}

// add plans a copy; of two that are the same, one is enough. RFC 5228 §2.10.3.
func (p *planner) add(c Copy) {
	if strings.EqualFold(c.Mailbox, inbox) {
		c.Mailbox, c.Exact = "", false
	}
	for i := range p.plan.Copies {
		old := &p.plan.Copies[i]
		if old.Owner == c.Owner && old.Mailbox == c.Mailbox && old.Message == c.Message && old.For == c.For {
			old.Flags |= c.Flags
			return
		}
	}
	p.plan.Copies = append(p.plan.Copies, c)
}

// file plans a copy with flags, and with another header if the script changed it.
func (p *planner) file(i int, to mailbox.To, l *letter, flags []string, header []byte) error {
	bits, err := p.flags(to, flags)
	if err != nil {
		return err
	}
	if l, err = p.edited(l, header); err != nil {
		return err
	}
	p.keep(i, to, l, &bits)
	return nil
}

// flags translates them; new keywords are added to the owner's, as long as there is room.
func (p *planner) flags(to mailbox.To, names []string) (mailbox.Flags, error) {
	if len(names) == 0 {
		return 0, nil
	}
	bits, _, err := p.mail.FlagBits(p.ctx, to.Owner, names, true)
	if fault.Is(err, fault.Limit) {
		bits, _, err = p.mail.FlagBits(p.ctx, to.Owner, names, false)
	}
	if err != nil {
		return 0, fmt.Errorf("flags of a filter: %w", err)
	}
	return bits, nil
}

// edited is the letter with another header, in a blob of its own. RFC 5293.
func (p *planner) edited(l *letter, header []byte) (*letter, error) {
	if header == nil {
		return l, nil
	}
	made, err := p.prepare(bytes.NewReader(header), l.content())
	if err != nil {
		return nil, err
	}
	made.insteadOf(l)
	return made, nil
}

// insteadOf notes of which letter l is made. A script that changes who wrote it writes in nobody's name but its owner's.
func (l *letter) insteadOf(old *letter) {
	l.sender = old.sender
	l.genuine = old.genuine && slices.Equal(l.index.Headers.From, old.index.Headers.From)
}

// content is what stands behind the header.
func (l *letter) content() io.Reader {
	return io.NewSectionReader(l.body, l.index.Root.Body, l.index.Size-l.index.Root.Body)
}

// letters reports whether a message, and whether its header, has others than ASCII.
func (l *letter) letters() (body, header bool, err error) {
	head, err := l.header()
	if err != nil {
		return false, false, err
	}
	content, err := io.ReadAll(l.content())
	if err != nil {
		return false, false, fmt.Errorf("read message: %w", err)
	}
	header = !message.IsASCII(string(head))
	return header || !message.IsASCII(string(content)), header, nil
}

// fileInto plans a copy for another mailbox. RFC 5228 §4.1, RFC 5490 §3.2, RFC 8579 §4.
func (p *planner) fileInto(i int, to mailbox.To, l *letter, a sieve.FileInto) (problem string, err error) {
	name, problem, err := p.target(to, a)
	if err != nil || problem != "" {
		return problem, err
	}
	to.Mailbox, to.Exact, to.Use = name, true, "" // also for what would go to Junk: the owner knows better
	return "", p.file(i, to, l, a.Flags, a.Header)
}

// target is the mailbox that fileinto means.
func (p *planner) target(to mailbox.To, a sieve.FileInto) (name, problem string, err error) {
	if a.SpecialUse != "" {
		found, err := p.withUse(to.Owner, a.SpecialUse)
		if err != nil || found != "" {
			return found, "", err
		}
	}
	name = a.Mailbox
	if strings.EqualFold(name, inbox) {
		return inbox, "", nil
	}
	box, err := p.mail.Lookup(p.ctx, to.Owner, name, mailbox.RightInsert)
	switch {
	case err == nil && box.Owner != to.Owner:
		return "", fmt.Sprintf("%q is somebody else's: nothing is delivered there", name), nil
	case err == nil:
		return name, "", nil
	case fault.Is(err, fault.NotFound) && a.Create:
		return name, "", nil
	case fault.Is(err, fault.NotFound):
		return "", fmt.Sprintf("there is no mailbox %q, and fileinto does not say :create", name), nil
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.Forbidden):
		return "", fmt.Sprintf("%q is no name for a mailbox", name), nil
	}
	return "", "", fmt.Errorf("find mailbox of a filter: %w", err)
}

// spoolBytes gives what a spool has, for reading after it is closed.
func spoolBytes(s *store.Spool) (io.ReaderAt, error) {
	b, err := io.ReadAll(s.Reader())
	if err != nil {
		return nil, fmt.Errorf("read message of a filter: %w", err)
	}
	return bytes.NewReader(b), nil
}
