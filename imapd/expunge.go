package imapd

import (
	"context"
	"strconv"

	"schulhof/mailbox"
)

// expunge removes the messages that have \Deleted; as UID EXPUNGE only those of a set.
// RFC 9051 §6.4.3 and §6.4.9, RFC 4315 §2.1.
func (c *conn) expunge(ctx context.Context, p *parser) error {
	var uids []mailbox.UID // nil: all
	var set seqSet
	if c.uidMode {
		p.sp()
		set = p.seqSet()
	}
	if err := p.end(); err != nil {
		return err
	}
	if c.sel.readOnly {
		return no("READ-ONLY", "mailbox was opened read-only")
	}
	if c.uidMode {
		if err := c.sync(true); err != nil {
			return err
		}
		idx, err := c.resolve(set)
		if err != nil {
			return err
		}
		if len(idx) == 0 {
			return nil
		}
		uids = make([]mailbox.UID, len(idx))
		for n, i := range idx {
			uids[n] = c.sel.snap.UIDAt(i)
		}
	}
	if _, err := c.sel.box.Expunge(ctx, uids); err != nil {
		return err
	}
	c.acted = true
	if err := c.sync(true); err != nil {
		return err
	}
	c.okHighestModSeq("EXPUNGE completed")
	return nil
}

// okHighestModSeq ends a command that expunged: a QRESYNC client learns up to where its view is
// complete. RFC 7162 §3.2.7.
func (c *conn) okHighestModSeq(text string) {
	if c.enabled&qresync != 0 {
		c.ok("HIGHESTMODSEQ "+strconv.FormatUint(uint64(c.sel.snap.HighestModSeq()), 10), text)
	}
}
