package imapd

import (
	"context"
	"strings"

	"schulhof/mailbox"
)

// search finds messages. RFC 9051 §6.4.4; RETURN: RFC 4731, RFC 5182.
func (c *conn) search(ctx context.Context, p *parser) error {
	s := searchCommand{c: c, name: "SEARCH"}
	p.sp()
	s.returnOptions(p)
	s.charset(p)
	s.program(p)
	if err := p.end(); err != nil {
		return err
	}
	hits, err := s.find(ctx)
	if err != nil {
		return s.failed(err)
	}
	s.answer(hits)
	return nil
}

// searchCommand is what SEARCH, SORT and THREAD share.
type searchCommand struct {
	c        *conn
	name     string
	keys     searchKeys
	criteria *mailbox.Criteria
	ret      returns
	extended bool // RETURN was given: answer ESEARCH
	latest   *mailbox.Snapshot
	badSet   string // a CHARSET that we do not know
}

// returns is the set of RETURN options.
type returns uint8

const (
	returnMin returns = 1 << iota
	returnMax
	returnAll
	returnCount
	returnSave
)

// returnOptions reads the optional "RETURN (…) ". RFC 4731 §3.1: none named means ALL.
func (s *searchCommand) returnOptions(p *parser) {
	if !p.acceptWord("RETURN") {
		return
	}
	s.extended = true
	p.sp()
	p.list(func() {
		switch word := p.word(); word {
		case "MIN":
			s.ret |= returnMin
		case "MAX":
			s.ret |= returnMax
		case "ALL":
			s.ret |= returnAll
		case "COUNT":
			s.ret |= returnCount
		case "SAVE":
			s.ret |= returnSave
		default:
			p.fail("unknown RETURN option %q", word)
		}
	})
	p.sp()
	if s.ret == 0 {
		s.ret = returnAll
	}
}

// charset reads the optional "CHARSET name " of SEARCH.
func (s *searchCommand) charset(p *parser) {
	if !p.acceptWord("CHARSET") {
		return
	}
	if s.c.enabled&utf8accept != 0 {
		p.fail("CHARSET is not allowed after ENABLE UTF8=ACCEPT") // RFC 6855 §3
		return
	}
	p.sp()
	s.charsetName(p)
	p.sp()
}

// charsetName reads a character set. One that we do not know is answered after the command has been parsed.
func (s *searchCommand) charsetName(p *parser) {
	switch name := p.astring(); strings.ToUpper(name) {
	case "US-ASCII", "UTF-8":
	default:
		s.badSet = name
	}
}

// program reads the search keys.
func (s *searchCommand) program(p *parser) {
	s.keys = searchKeys{c: s.c, p: p}
	s.criteria = s.keys.program()
}

// find returns the hits as indexes in what the client knows, ascending. Messages that are new to
// the client are left out: they have no number yet.
func (s *searchCommand) find(ctx context.Context) ([]int, error) {
	hits, err := s.findLatest(ctx)
	if err != nil {
		return nil, err
	}
	return s.known(hits), nil
}

// findLatest runs the search on the newest state, s.latest, and returns indexes in that.
func (s *searchCommand) findLatest(ctx context.Context) ([]int, error) {
	c := s.c
	if s.badSet != "" {
		return nil, no("BADCHARSET (US-ASCII UTF-8)", "unknown character set")
	}
	if s.keys.modseq {
		c.enableCondstore()
	}
	if err := c.sync(c.uidMode); err != nil {
		return nil, err
	}
	if err := s.resolve(ctx); err != nil {
		return nil, err
	}
	s.latest = c.sel.box.Snapshot()
	return c.sel.box.Search(ctx, s.latest, s.criteria)
}

// resolve fills in the sets and the keywords of the search program.
func (s *searchCommand) resolve(ctx context.Context) error {
	c := s.c
	for _, w := range s.keys.sets {
		idx, err := c.resolveAs(w.set, w.uid)
		if err != nil {
			return err
		}
		w.node.UIDs = rangesOf(c.sel.snap, idx).has
	}
	for _, w := range s.keys.flags {
		f, missing, err := c.srv.mail.FlagBits(ctx, c.sel.box.Mailbox().Owner, []string{w.name}, false)
		if err != nil {
			return err
		}
		if missing {
			*w.node = *matchNone()
		} else {
			w.node.Flags = f
		}
	}
	return nil
}

// known turns indexes in s.latest into indexes in the client's snapshot, in place.
func (s *searchCommand) known(hits []int) []int {
	snap := s.c.sel.snap
	if snap == s.latest {
		return hits
	}
	kept := hits[:0]
	for _, i := range hits {
		if j, ok := snap.Find(s.latest.UIDAt(i)); ok {
			kept = append(kept, j)
		}
	}
	return kept
}

// failed empties the saved result when a search that should save one fails. RFC 5182 §2.1.
func (s *searchCommand) failed(err error) error {
	if s.ret&returnSave != 0 {
		s.c.sel.saved = nil
	}
	return err
}

// resolveAs is resolve for a set of UIDs or of sequence numbers, whatever the command is.
func (c *conn) resolveAs(set seqSet, uid bool) ([]int, error) {
	mode := c.uidMode
	defer func() { c.uidMode = mode }()
	c.uidMode = uid
	return c.resolve(set)
}
