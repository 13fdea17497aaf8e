package sieve

import (
	"strings"

	"schulhof/mailbox/message"
)

var (
	copyTags       = []tag{{name: ":copy", needs: "copy"}}                           //nolint:gochecknoglobals // RFC 3894
	listTags       = []tag{{name: ":list", needs: "extlists"}}                       //nolint:gochecknoglobals // RFC 6134 §2.5
	createTags     = []tag{{name: ":create", needs: "mailbox"}}                      //nolint:gochecknoglobals // RFC 5490 §3.2
	specialUseTags = []tag{{name: ":specialuse", needs: "special-use", value: text}} //nolint:gochecknoglobals // RFC 8579 §4
)

// keepCommand is RFC 5228 §4.3.
type keepCommand struct {
	offset int
	flags  *flagsArgument
}

func newKeep(a *arguments) command { return &keepCommand{a.node.offset, a.flags()} }

func (c *keepCommand) run(r *run) error {
	return r.act(c.offset, Keep{Flags: r.flagsFor(c.flags), Header: r.changedHeader()}, true)
}

// discardCommand is RFC 5228 §4.4.
type discardCommand struct{ offset int }

func newDiscard(a *arguments) command { return discardCommand{a.node.offset} }

func (c discardCommand) run(r *run) error {
	r.keep = false
	return nil
}

// fileIntoCommand is RFC 5228 §4.1 with what RFC 3894, RFC 5232, RFC 5490 and RFC 8579 add.
type fileIntoCommand struct {
	offset       int
	mailbox, use phrase
	create, copy bool
	flags        *flagsArgument
}

func newFileInto(a *arguments) command {
	c := &fileIntoCommand{offset: a.node.offset, mailbox: a.phrase(0), create: a.has(":create"), copy: a.has(":copy"), flags: a.flags()}
	c.use, _ = a.tagPhrase(":specialuse")
	a.checkMailbox(&c.mailbox)
	a.checkUse(&c.use)
	return c
}

func (a *arguments) checkMailbox(p *phrase) {
	if p.parts == nil && p.fixed == "" {
		a.fail(p.offset, "a mailbox has a name")
	}
}

// checkUse demands the form of RFC 6154 §6: a backslash and an atom.
func (a *arguments) checkUse(p *phrase) {
	if p.parts == nil && p.fixed != "" && !validUse(p.fixed) {
		a.fail(p.offset, "%s is no special use: they are written like \"\\\\Junk\"", quoteShort(p.fixed))
	}
}

func validUse(use string) bool { return len(use) > 1 && use[0] == '\\' && validFlag(use) }

func (c *fileIntoCommand) run(r *run) error {
	f, err := c.target(r)
	if err != nil {
		return err
	}
	f.Flags = r.flagsFor(c.flags)
	f.Header = r.changedHeader()
	return r.act(c.offset, f, !c.copy)
}

func (c *fileIntoCommand) target(r *run) (FileInto, error) {
	f := FileInto{Mailbox: r.expand(&c.mailbox), SpecialUse: r.expand(&c.use), Create: c.create}
	switch {
	case f.Mailbox == "":
		return f, r.stopped(c.offset, "the name of the mailbox is empty")
	case f.SpecialUse != "" && !validUse(f.SpecialUse):
		return f, r.stopped(c.offset, "%s is no special use", quoteShort(f.SpecialUse))
	}
	return f, nil
}

// redirectCommand is RFC 5228 §4.2.
type redirectCommand struct {
	offset     int
	to         phrase
	copy, list bool
}

func newRedirect(a *arguments) command {
	c := &redirectCommand{a.node.offset, a.phrase(0), a.has(":copy"), a.has(":list")}
	if c.to.parts == nil && !c.list {
		if _, ok := plainAddress(c.to.fixed); !ok {
			a.fail(c.to.offset, "%s is no mail address", quoteShort(c.to.fixed))
		}
	}
	return c
}

func (c *redirectCommand) run(r *run) error {
	to := []string{r.expand(&c.to)}
	if c.list {
		name := to[0]
		var known bool
		var err error
		if to, known, err = r.env.Host.Members(name); err != nil {
			return hostError(err)
		}
		if !known {
			return r.stopped(c.offset, "there is no list %s", quoteShort(name))
		}
	}
	for _, one := range to {
		address, ok := plainAddress(one)
		if !ok {
			return r.stopped(c.offset, "%s is no mail address", quoteShort(one))
		}
		if r.redirects++; r.redirects > MaxRedirects {
			return r.stopped(c.offset, "more than %d redirects", MaxRedirects)
		}
		if err := r.act(c.offset, Redirect{Address: address, Copy: c.copy, Header: r.changedHeader()}, !c.copy); err != nil {
			return err
		}
	}
	return nil
}

// plainAddress reads exactly one address, with a name or without; the name is dropped.
func plainAddress(s string) (string, bool) {
	if strings.ContainsAny(s, "\r\n\x00") || len(s) > 1000 {
		return "", false
	}
	list := message.ParseAddresses(s)
	if len(list) != 1 || list[0].Local == "" || list[0].Domain == "" || strings.ContainsAny(list[0].Local+list[0].Domain, " \t<>()[],;:@\\\"") {
		return "", false
	}
	a := list[0].Local + "@" + list[0].Domain
	return a, strings.HasSuffix(strings.TrimRight(strings.TrimSpace(s), ">"), list[0].Domain)
}

// rejectCommand is reject and ereject. RFC 5429.
type rejectCommand struct {
	offset   int
	reason   phrase
	extended bool
}

func newReject(a *arguments) command {
	return &rejectCommand{a.node.offset, a.phrase(0), a.node.name == "ereject"}
}

func (c *rejectCommand) run(r *run) error {
	return r.act(c.offset, Reject{Reason: r.expand(&c.reason), Extended: c.extended}, true)
}
