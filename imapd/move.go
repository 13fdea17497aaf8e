package imapd

import (
	"context"
)

// move moves messages into another mailbox: first the untagged COPYUID, then EXPUNGE or VANISHED.
// RFC 9051 §6.4.8, RFC 6851 §3.3.
func (c *conn) move(ctx context.Context, p *parser) error {
	uids, name, err := c.transferArgs(p)
	if err != nil {
		return err
	}
	if c.sel.readOnly {
		return no("READ-ONLY", "mailbox was opened read-only")
	}
	if len(uids) == 0 {
		return nil
	}
	done, err := c.sel.box.Move(ctx, uids, name)
	if err != nil {
		return c.transferError(err)
	}
	c.arrived(name, done.To)
	c.acted = true
	if len(done.To) > 0 {
		c.untaggedOK(copyUID(done), "Moved")
	}
	if err := c.sync(true); err != nil {
		return err
	}
	c.okHighestModSeq("MOVE completed")
	return nil
}
