package imapd

import (
	"context"
	"fmt"

	"schulhof/store/fault"
)

// replace appends a message and expunges the one whose place it takes, in one step. RFC 8508.
func (c *conn) replace(ctx context.Context, p *parser) error {
	p.sp()
	target := p.seqSet()
	p.sp()
	in := newIntake(c, p.mailbox())
	defer in.release()
	if c.sel.readOnly {
		in.refused, in.asked = no("READ-ONLY", "mailbox was opened read-only"), true
	}
	p.sp()
	in.message(ctx, p)
	if err := p.end(); err != nil {
		return err
	}
	if c.uidMode {
		if err := c.sync(true); err != nil {
			return err
		}
	}
	idx, err := c.resolve(target)
	if err != nil {
		return err
	}
	if len(idx) != 1 {
		return no("NONEXISTENT", "there is no such message to replace")
	}
	list, err := in.wait()
	if err != nil {
		return err
	}
	box := c.sel.box
	done, err := box.Replace(ctx, c.sel.snap.UIDAt(idx[0]), in.name, list[0])
	if fault.Is(err, fault.NotFound) && !box.Gone() {
		if _, found := box.Snapshot().Find(c.sel.snap.UIDAt(idx[0])); !found {
			return no("EXPUNGEISSUED", "the message was expunged meanwhile")
		}
		return tryCreate(err)
	}
	if err != nil {
		return err
	}
	c.arrived(in.name, done.To)
	c.acted = true
	c.untaggedOK(fmt.Sprintf("APPENDUID %d %s", done.UIDValidity, formatUIDs(done.To)), "Replacement stored")
	if err := c.sync(true); err != nil {
		return err
	}
	c.okHighestModSeq("REPLACE completed")
	return nil
}
