package imapd

import (
	"context"
	"slices"
	"strings"

	"schulhof/mailbox"
	"schulhof/store/fault"
)

// listing is one LIST or LSUB command. RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 8440.
type listing struct {
	patterns []*pattern
	bytes    int  // of all patterns together
	extended bool // uses LIST-EXTENDED's syntax

	onlySubscribed, onlySpecial, recursive, remote bool // selection options
	subscribed, special                            bool // return options
	status                                         []string
	myRights                                       bool // RFC 8440

	parents map[string]bool // names that have something below them
}

// listed is one line of the answer.
type listed struct {
	mailbox.Mailbox
	missing   bool // there is no such mailbox
	childInfo bool // something below it is subscribed
}

// list names mailboxes. RFC 9051 §6.3.9.
func (c *conn) list(ctx context.Context, p *parser) error {
	p.sp()
	var l listing
	if p.peek() == '(' {
		l.extended = true
		p.selectionOptions(&l)
		p.sp()
	}
	reference := p.mailbox()
	p.sp()
	p.listPatterns(&l, reference)
	if p.accept(' ') {
		l.extended = true
		p.returnOptions(&l)
	}
	if err := p.end(); err != nil {
		return err
	}
	if !l.extended && len(l.patterns) == 1 && l.patterns[0].text == reference {
		if reference == "" || strings.HasSuffix(reference, "/") {
			c.w.str("* LIST (\\Noselect) \"/\" \"\"\r\n") // asks for the delimiter only
			return nil
		}
	}
	found, err := c.find(ctx, &l)
	if err != nil {
		return err
	}
	return c.writeList(ctx, &l, found)
}

// lsub names subscribed mailboxes, for IMAP4rev1. RFC 3501 §6.3.9.
func (c *conn) lsub(ctx context.Context, p *parser) error {
	p.sp()
	reference := p.mailbox()
	p.sp()
	l := listing{}
	p.listPatterns(&l, reference)
	if err := p.end(); err != nil {
		return err
	}
	names, err := c.srv.mail.Subscriptions(ctx, c.who)
	if err != nil {
		return err
	}
	said := map[string]bool{}
	for _, name := range names {
		if l.matches(name) {
			c.lsubLine(name, "")
			continue
		}
		for i := len(name) - 1; i > 0; i-- { // a parent that % stops at
			if name[i] == '/' && !said[name[:i]] && l.matches(name[:i]) && !slices.Contains(names, name[:i]) {
				said[name[:i]] = true
				c.lsubLine(name[:i], `\Noselect`)
			}
		}
	}
	return nil
}

func (c *conn) lsubLine(name, attr string) {
	c.w.str("* LSUB (")
	c.w.str(attr)
	c.w.str(`) "/" `)
	c.w.mailbox(name)
	c.w.crlf()
}

func (p *parser) selectionOptions(l *listing) {
	p.list(func() {
		switch word := p.keyword(); word {
		case "SUBSCRIBED":
			l.onlySubscribed, l.subscribed = true, true
		case "SPECIAL-USE":
			l.onlySpecial, l.special = true, true
		case "RECURSIVEMATCH":
			l.recursive = true
		case "REMOTE":
			l.remote = true // there are none
		default:
			p.fail("unknown selection option %q", word)
		}
	})
	if l.recursive && !l.onlySubscribed && !l.onlySpecial {
		p.fail("RECURSIVEMATCH needs another selection option")
	}
}

func (p *parser) returnOptions(l *listing) {
	if word := p.keyword(); word != "RETURN" {
		p.fail("expected RETURN, found %q", word)
	}
	p.sp()
	p.list(func() {
		switch word := p.keyword(); word {
		case "SUBSCRIBED":
			l.subscribed = true
		case "CHILDREN": // always said
		case "SPECIAL-USE":
			l.special = true
		case "MYRIGHTS":
			l.myRights = true
		case "STATUS":
			p.sp()
			l.status = p.statusItems()
		default:
			p.fail("unknown return option %q", word)
		}
	})
}

func (p *parser) listPatterns(l *listing, reference string) {
	one := func() {
		text := p.listMailbox()
		if len(l.patterns) == maxListPatterns || len(reference)+len(text) > maxListPattern {
			p.fail("at most %d patterns of %d bytes", maxListPatterns, maxListPattern)
			return
		}
		if l.bytes += len(reference) + len(text); l.bytes > maxListBytes {
			p.fail("patterns have at most %d bytes together", maxListBytes)
			return
		}
		l.patterns = append(l.patterns, newPattern(reference, text))
	}
	if p.peek() == '(' {
		l.extended = true
		p.list(one)
		return
	}
	one()
}

// listMailbox reads a pattern: an atom that may have wildcards, or a string.
func (p *parser) listMailbox() string {
	var text string
	switch p.peek() {
	case '"', '{':
		text = p.string()
	default:
		b := p.run(isList)
		if len(b) == 0 && p.err == nil {
			p.fail("expected a mailbox pattern, found %s", p.here())
		}
		text = string(b)
	}
	if p.err != nil {
		return ""
	}
	return p.mailboxName(text)
}

func (l *listing) matches(name string) bool {
	for _, p := range l.patterns {
		if p.matches(name) {
			return true
		}
	}
	return false
}

// find selects the mailboxes to name, in order.
func (c *conn) find(ctx context.Context, l *listing) ([]listed, error) {
	all, err := c.srv.mail.Visible(ctx, c.who)
	if err != nil {
		return nil, err
	}
	var names []string
	if l.onlySubscribed {
		if names, err = c.srv.mail.Subscriptions(ctx, c.who); err != nil {
			return nil, err
		}
	}
	l.parents = map[string]bool{}
	list := make([]listed, 0, len(all))
	for _, b := range all {
		for i := range len(b.Name) {
			if b.Name[i] == '/' {
				l.parents[b.Name[:i]] = true
			}
		}
		list = append(list, listed{Mailbox: b, missing: b.NoSelect})
	}
	if l.onlySubscribed {
		list = addMissing(list, names, l.recursive)
	}
	wanted := func(b *listed) bool {
		return (!l.onlySubscribed || b.Subscribed) && (!l.onlySpecial || b.SpecialUse != "")
	}
	if l.recursive {
		markParents(list, wanted)
	}
	return slices.DeleteFunc(list, func(b listed) bool {
		return !wanted(&b) && !b.childInfo || !l.matches(b.Name)
	}), nil
}

// addMissing adds subscribed names that are no mailboxes, and with parents what stands above them.
func addMissing(list []listed, names []string, parents bool) []listed {
	have := make(map[string]bool, len(list))
	for i := range list {
		have[list[i].Name] = true
	}
	add := func(name string, subscribed bool) {
		if !have[name] {
			have[name] = true
			list = append(list, listed{Mailbox: mailbox.Mailbox{Name: name, NoSelect: true, Subscribed: subscribed}, missing: true})
		}
	}
	for _, name := range names {
		add(name, true)
	}
	if parents {
		for _, name := range names {
			for i := range len(name) {
				if name[i] == '/' {
					add(name[:i], false)
				}
			}
		}
	}
	slices.SortStableFunc(list, func(a, b listed) int { return mailbox.CompareNames(a.Name, b.Name) })
	return list
}

// markParents sets childInfo on everything above what is wanted.
func markParents(list []listed, wanted func(*listed) bool) {
	above := map[string]bool{}
	for i := range list {
		if name := list[i].Name; wanted(&list[i]) {
			for j := range len(name) {
				if name[j] == '/' {
					above[name[:j]] = true
				}
			}
		}
	}
	for i := range list {
		list[i].childInfo = above[list[i].Name]
	}
}

// writeList answers with LIST, and STATUS behind each if asked for. RFC 5819 §2.
func (c *conn) writeList(ctx context.Context, l *listing, found []listed) error {
	var counts map[string]*mailbox.Status
	if len(l.status) > 0 {
		var err error
		if counts, err = c.statusOf(ctx, found); err != nil {
			return err
		}
		if slices.Contains(l.status, "HIGHESTMODSEQ") {
			c.enableCondstore()
		}
	}
	for i := range found {
		b := &found[i]
		c.listLine(l, b, l.parents[b.Name])
		if s := counts[b.Name]; s != nil {
			c.statusLine(s, l.status)
		}
		if l.myRights && !b.NoSelect {
			c.myRightsLine(b.Name, c.srv.mail.RightsOn(c.who, &b.Mailbox))
		}
		if err := c.w.flushIfFull(); err != nil {
			return err
		}
	}
	return nil
}

// statusOf asks for the counts of those that may be read. The others have no STATUS line: RFC 5819 §2.
func (c *conn) statusOf(ctx context.Context, found []listed) (map[string]*mailbox.Status, error) {
	var names []string
	for _, b := range found {
		if !b.NoSelect {
			names = append(names, b.Name)
		}
	}
	return c.countsOf(ctx, names)
}

// countsOf are the counts of mailboxes by name, without those that may not be read.
func (c *conn) countsOf(ctx context.Context, names []string) (map[string]*mailbox.Status, error) {
	if len(names) == 0 {
		return nil, nil
	}
	list, err := c.srv.mail.Status(ctx, c.who, names...)
	if len(names) == 1 && (fault.Is(err, fault.NotFound) || fault.Is(err, fault.Forbidden)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	counts := make(map[string]*mailbox.Status, len(list))
	for i := range list {
		counts[list[i].Mailbox.Name] = &list[i]
	}
	return counts, nil
}

// listLine writes * LIST. Special uses and children are always said: it costs nothing and some clients only look there.
func (c *conn) listLine(l *listing, b *listed, parent bool) {
	w := c.w
	w.str("* LIST (")
	switch {
	case b.missing && (l.extended || c.enabled&rev2 != 0):
		w.str(`\NonExistent `)
	case b.NoSelect:
		w.str(`\Noselect `)
	}
	if parent {
		w.str(`\HasChildren`)
	} else {
		w.str(`\HasNoChildren`)
	}
	if l.subscribed && b.Subscribed {
		w.str(` \Subscribed`)
	}
	if b.SpecialUse != "" {
		w.sp()
		w.str(b.SpecialUse)
	}
	w.str(`) "/" `)
	w.mailbox(b.Name)
	if b.childInfo && l.onlySubscribed {
		w.str(` ("CHILDINFO" ("SUBSCRIBED"))`)
	}
	w.crlf()
}
