package imapd

import (
	"context"
	"strconv"

	"schulhof/mailbox"
)

// sync tells the client what changed in its mailbox since it was last told. expunge: sequence numbers may change now.
// RFC 9051 §5.2, §7.5.1; RFC 7162 §3.2.
func (c *conn) sync(expunge bool) error { return c.syncTold(expunge, nil) }

// syncTold is sync that leaves out the FETCH of messages that told says the client knows about in their newest state.
// If messages are gone and that may not be said now, nothing is said and the client's view stays as it is. So it does if the client has not
// asked NOTIFY to be told.
func (c *conn) syncTold(expunge bool, told func(e mailbox.Entry) bool) error {
	s := c.sel
	if s == nil {
		return nil
	}
	if s.box.Gone() {
		return bye("", "The mailbox was deleted")
	}
	if err := c.syncRights(); err != nil {
		return err
	}
	now, heard := s.box.Snapshot(), c.heard()
	if now == s.snap || heard&messageNew == 0 {
		return nil
	}
	gone, changed, added := now.Diff(s.snap)
	if len(gone) > 0 && !expunge {
		return nil
	}
	c.tellGone(s.snap, gone)
	s.snap = now
	if added < now.Len() {
		c.w.untagged(int64(now.Len()), "EXISTS")
		c.w.crlf()
		if c.enabled&rev2 == 0 {
			c.w.str("* 0 RECENT\r\n")
		}
	}
	if len(changed) > 0 && heard&flagChange != 0 {
		if err := c.tellChanged(changed, told); err != nil {
			return err
		}
	}
	if added < now.Len() {
		if err := c.tellNew(added); err != nil {
			return err
		}
	}
	return c.w.flushIfFull()
}

// tellGone says VANISHED to those who know QRESYNC, else EXPUNGE from the end, so that no number shifts before it is said.
func (c *conn) tellGone(old *mailbox.Snapshot, gone []int) {
	if len(gone) == 0 {
		return
	}
	if c.enabled&qresync != 0 {
		uids := make([]mailbox.UID, len(gone))
		for i, at := range gone {
			uids[i] = old.UIDAt(at)
		}
		c.w.str("* VANISHED ")
		c.w.buf = appendUIDs(c.w.buf, uids)
		c.w.crlf()
		return
	}
	for i := len(gone) - 1; i >= 0; i-- {
		c.w.untagged(int64(gone[i]+1), "EXPUNGE")
		c.w.crlf()
	}
}

// tellChanged writes FETCH for messages whose flags changed.
func (c *conn) tellChanged(changed []int, told func(mailbox.Entry) bool) error {
	var set mailbox.Flags
	for _, i := range changed {
		set |= c.sel.snap.At(i).Flags
	}
	if err := c.tellKeywords(context.Background(), set); err != nil {
		return err
	}
	for _, i := range changed {
		e := c.sel.snap.At(i)
		if told != nil && told(e) {
			continue
		}
		c.flagsLine(i, e)
		if err := c.w.flushIfFull(); err != nil {
			return err
		}
	}
	return nil
}

// flagsLine writes * n FETCH (UID … FLAGS (…)), with MODSEQ for those who know CONDSTORE.
func (c *conn) flagsLine(i int, e mailbox.Entry) {
	w := c.w
	w.untagged(int64(i)+1, "FETCH (UID ")
	w.buf = strconv.AppendUint(w.buf, uint64(e.UID), 10)
	if c.enabled&condstore != 0 {
		w.str(" MODSEQ (")
		w.buf = strconv.AppendUint(w.buf, uint64(e.ModSeq), 10)
		w.str(")")
	}
	w.str(" FLAGS ")
	w.flags(c.keywords, e.Flags)
	w.str(")\r\n")
}

// tellKeywords makes sure that c.keywords has a name for every bit in set; new names are told as FLAGS. RFC 9051 §7.3.5.
func (c *conn) tellKeywords(ctx context.Context, set mailbox.Flags) error {
	if set>>(len(systemFlagNames)+len(c.keywords)) == 0 {
		return nil
	}
	keywords, err := c.srv.mail.Keywords(ctx, c.sel.box.Mailbox().Owner)
	if err != nil {
		return err
	}
	if len(keywords) != len(c.keywords) {
		c.keywords = keywords
		c.flagsList()
	}
	return nil
}

// flagsList writes * FLAGS, and PERMANENTFLAGS with it.
func (c *conn) flagsList() {
	const every = mailbox.Flags(1<<63 - 1)
	w := c.w
	w.str("* FLAGS ")
	w.flags(c.keywords, every)
	w.crlf()
	may := mailbox.AllRights
	if c.sel != nil {
		may = c.sel.rights
	}
	if c.sel != nil && c.sel.readOnly {
		w.str("* OK [PERMANENTFLAGS ()] Nothing can be changed\r\n")
		return
	}
	w.str("* OK [PERMANENTFLAGS (")
	w.buf = appendFlags(w.buf, c.keywords, may.Flags())
	if len(c.keywords) < mailbox.MaxKeywords && may.Has(mailbox.RightWrite) {
		w.str(` \*`)
	}
	w.str(")] Flags are kept\r\n")
}

// enableCondstore notes that the client knows MODSEQ. With a mailbox selected it is told where it stands. RFC 7162 §3.1.
func (c *conn) enableCondstore() {
	if c.enabled&condstore != 0 {
		return
	}
	c.enabled |= condstore
	if c.sel != nil {
		c.untaggedOK("HIGHESTMODSEQ "+decimal(int64(c.sel.snap.HighestModSeq())), "CONDSTORE is enabled")
	}
}
