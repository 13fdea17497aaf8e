package imapd

import (
	"cmp"
	"context"
	"slices"

	"schulhof/mailbox"
)

// selectMailbox opens a mailbox for reading and writing. RFC 9051 §6.3.2.
func (c *conn) selectMailbox(ctx context.Context, p *parser) error { return c.open(ctx, p, false) }

// examine opens it for reading only. RFC 9051 §6.3.3.
func (c *conn) examine(ctx context.Context, p *parser) error { return c.open(ctx, p, true) }

// selectOptions are the parameters in parentheses. RFC 4466 §2.1.
type selectOptions struct {
	condstore bool
	qresync   *resync
}

// resync is what a client knows of the mailbox from an earlier session. RFC 7162 §3.2.5.
type resync struct {
	uidValidity uint32
	modseq      mailbox.ModSeq
	known       []seqRange // UIDs; nil: all
	seqs, uids  []uint32   // seq-match-data, ascending
}

func (c *conn) open(ctx context.Context, p *parser, readOnly bool) error {
	p.sp()
	name := p.mailbox()
	var opts selectOptions
	if p.accept(' ') {
		c.selectOptions(p, &opts)
	}
	if err := p.end(); err != nil {
		return err
	}
	if c.sel != nil {
		c.deselect()
		c.untaggedOK("CLOSED", "The previous mailbox is closed")
	}
	box, err := c.srv.mail.Open(ctx, c.who, name)
	if err != nil {
		return err
	}
	c.keywords, err = c.srv.mail.Keywords(ctx, box.Mailbox().Owner)
	if err != nil {
		box.Close()
		return err
	}
	if opts.condstore {
		c.enabled |= condstore
	}
	c.sel = &selected{box: box, name: name, snap: box.Snapshot(), rights: box.Rights(), examined: readOnly}
	c.sel.readOnly = readOnly || c.sel.rights&changing == 0
	readOnly = c.sel.readOnly
	c.describe()
	if opts.qresync != nil {
		if err := c.resync(ctx, opts.qresync); err != nil {
			c.deselect()
			return err
		}
	}
	if readOnly {
		c.ok("READ-ONLY", "Opened")
	} else {
		c.ok("READ-WRITE", "Opened")
	}
	return nil
}

func (c *conn) selectOptions(p *parser, o *selectOptions) {
	p.list(func() {
		switch word := p.keyword(); word {
		case "CONDSTORE":
			o.condstore = true
		case "QRESYNC":
			if c.enabled&qresync == 0 {
				p.fail("ENABLE QRESYNC first")
			}
			p.sp()
			o.qresync = p.resync()
		default:
			p.fail("unknown parameter %q", word)
		}
	})
}

// resync reads (uidvalidity modseq [known-uids] [(sequence-set uid-set)]).
func (p *parser) resync() *resync {
	r := &resync{}
	p.expect('(')
	if r.uidValidity = p.number(); r.uidValidity == 0 {
		p.fail("0 is no UIDVALIDITY")
	}
	p.sp()
	r.modseq = p.modseq()
	if p.accept(' ') && p.peek() != '(' {
		r.known = p.uidSet().merged(0)
		if p.accept(' ') && p.peek() != '(' {
			p.fail("expected sequence match data, found %s", p.here())
		}
	}
	if p.accept('(') {
		seqs := p.uidSet()
		p.sp()
		uids := p.uidSet()
		p.expect(')')
		r.seqs, r.uids = p.expand(seqs), p.expand(uids)
		if len(r.seqs) != len(r.uids) {
			p.fail("as many sequence numbers as UIDs are needed")
		}
	}
	p.expect(')')
	return r
}

// expand lists the numbers of a set, at most maxSetRanges of them: match data is a sample.
func (p *parser) expand(s seqSet) []uint32 {
	var list []uint32
	for _, r := range s.merged(0) {
		if uint64(r.last)-uint64(r.first)+uint64(len(list)) >= maxSetRanges {
			p.fail("at most %d numbers of sequence match data", maxSetRanges)
			return nil
		}
		for n := uint64(r.first); n <= uint64(r.last); n++ {
			list = append(list, uint32(n))
		}
	}
	return list
}

// describe writes the untagged answers of SELECT.
func (c *conn) describe() {
	w, s := c.w, c.sel
	info := s.box.Mailbox()
	c.flagsList()
	w.untagged(int64(s.snap.Len()), "EXISTS")
	w.crlf()
	if c.enabled&rev2 == 0 {
		w.str("* 0 RECENT\r\n")
		if first := s.snap.FirstUnseen(); first >= 0 {
			c.untaggedOK("UNSEEN "+decimal(int64(first)+1), "The first unseen message")
		}
	} else {
		w.str(`* LIST () "/" `)
		w.mailbox(info.Name)
		w.crlf()
	}
	c.untaggedOK("UIDVALIDITY "+decimal(int64(info.UIDValidity)), "UIDs are valid")
	c.untaggedOK("UIDNEXT "+decimal(int64(s.snap.UIDNext())), "The next UID")
	c.untaggedOK("HIGHESTMODSEQ "+decimal(int64(s.snap.HighestModSeq())), "The last change")
	c.untaggedOK("MAILBOXID ("+info.ID.String()+")", "The mailbox itself")
}

// resync tells what happened since the client was last here. RFC 7162 §3.2.5.1.
func (c *conn) resync(ctx context.Context, r *resync) error {
	snap := c.sel.snap
	if r.uidValidity != c.sel.box.Mailbox().UIDValidity || r.modseq >= snap.HighestModSeq() {
		return nil
	}
	uids, complete, err := c.sel.box.Expunged(ctx, r.modseq)
	if err != nil {
		return err
	}
	w := c.w
	start := len(w.buf)
	w.str("* VANISHED (EARLIER) ")
	from := len(w.buf)
	if complete {
		w.buf = appendUIDs(w.buf, r.vanished(snap, uids))
	} else {
		w.buf = r.appendGaps(w.buf, snap)
	}
	if len(w.buf) == from {
		w.buf = w.buf[:start]
	} else {
		w.crlf()
	}
	for i, e := range snap.ChangedSince(r.modseq) {
		if !r.knows(uint32(e.UID)) {
			continue
		}
		c.flagsLine(i, e)
		if err := w.flushIfFull(); err != nil {
			return err
		}
	}
	return nil
}

// knows reports whether the client has uid.
func (r *resync) knows(uid uint32) bool {
	if r.known == nil {
		return true
	}
	i, ok := slices.BinarySearchFunc(r.known, uid, func(k seqRange, uid uint32) int {
		switch {
		case k.last < uid:
			return -1
		case k.first > uid:
			return 1
		}
		return 0
	})
	return ok && r.known[i].first <= uid
}

// vanished drops from uids what the client does not know, and what a commit after snap removed: that is told later.
func (r *resync) vanished(snap *mailbox.Snapshot, uids []mailbox.UID) []mailbox.UID {
	return slices.DeleteFunc(uids, func(uid mailbox.UID) bool {
		_, there := snap.Find(uid)
		return there || uid >= snap.UIDNext() || !r.knows(uint32(uid))
	})
}

// appendGaps writes the UIDs below UIDNEXT that do not exist, as far as the client knows them: what must be said when the
// log of expunged messages does not reach back far enough. Match data shortens it: up to the highest number that still
// has its UID nothing can have vanished. RFC 7162 §3.2.5.2.
func (r *resync) appendGaps(b []byte, snap *mailbox.Snapshot) []byte {
	at, next := r.unchanged(snap)
	first := true
	gap := func(lo, hi uint32) {
		known := r.known
		if known == nil {
			known = []seqRange{{lo, hi}}
		}
		i, _ := slices.BinarySearchFunc(known, lo, func(k seqRange, lo uint32) int { return cmp.Compare(k.last, lo) })
		for ; i < len(known) && known[i].first <= hi; i++ {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = appendRange(b, max(lo, known[i].first), min(hi, known[i].last))
		}
	}
	for ; at < snap.Len(); at++ {
		uid := uint32(snap.UIDAt(at))
		if uid > next {
			gap(next, uid-1)
		}
		next = uid + 1
	}
	if end := uint32(snap.UIDNext()); end > next {
		gap(next, end-1)
	}
	return b
}

// unchanged returns the index and UID from which on messages may have vanished.
func (r *resync) unchanged(snap *mailbox.Snapshot) (at int, next uint32) {
	at, next = 0, 1
	for i, seq := range r.seqs {
		if int(seq) > snap.Len() || uint32(snap.UIDAt(int(seq)-1)) != r.uids[i] {
			break
		}
		at, next = int(seq), r.uids[i]+1
	}
	return at, next
}

// close removes what is marked \Deleted, unless the mailbox was opened by EXAMINE, and leaves it. RFC 9051 §6.4.1.
func (c *conn) close(ctx context.Context, p *parser) error {
	if err := p.end(); err != nil {
		return err
	}
	if !c.sel.readOnly && c.sel.box.Rights().Has(mailbox.RightExpunge) {
		if _, err := c.sel.box.Expunge(ctx, nil); err != nil {
			return err
		}
		if now := c.sel.box.Snapshot(); now.HighestModSeq() == c.sel.snap.HighestModSeq()+1 {
			c.sel.snap = now // nothing else has happened: NOTIFY has nothing to tell of it
		}
	}
	c.deselect()
	return nil
}

// unselect leaves the mailbox as it is. RFC 9051 §6.4.2, RFC 3691.
func (c *conn) unselect(_ context.Context, p *parser) error {
	if err := p.end(); err != nil {
		return err
	}
	c.deselect()
	return nil
}

// deselect forgets the selected mailbox, if there is one.
func (c *conn) deselect() {
	if c.sel != nil {
		c.watched.left(c.sel)
		c.sel.box.Close()
		c.sel, c.keywords = nil, nil
	}
}
