package imapd

import (
	"bytes"
	"context"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
)

// idle tells changes as they happen until the client says DONE, the account changes or the server stops. The connection
// has no buffers while it waits. RFC 2177, RFC 9051 §6.3.13.
func (c *conn) idle(ctx context.Context, p *parser) error {
	if err := p.end(); err != nil {
		return err
	}
	keys := []store.Key{directory.AccountKey(c.id.Account.ID)}
	if c.sel != nil {
		keys = append(keys, mailbox.Key(c.sel.box.Mailbox().ID))
		if c.sel.box.Shared() {
			keys = append(keys, directory.ListKey()) // who leaves a group reads its mail no more
		}
	}
	if c.enabled&(metadata|metadataServer) != 0 {
		keys = append(keys, mailbox.MetadataKey())
	}
	sub := c.srv.store.Subscribe(keys...)
	defer sub.Close()
	c.w.str("+ idling\r\n")
	if err := c.tellNow(ctx, true); err != nil {
		return err
	}
	if err := c.waitForDone(ctx, p, sub); err != nil {
		return err
	}
	if !bytes.EqualFold(p.line, []byte("DONE")) {
		p.line, p.pos = nil, 0
		return bad("expected DONE")
	}
	p.pos = len(p.line)
	return nil
}

// waitForDone reads the line that ends IDLE. What sub wakes for is told meanwhile, and what NOTIFY asked for. RFC 5465 §4.
func (c *conn) waitForDone(ctx context.Context, p *parser, sub *store.Subscription) error {
	for c.rd.buffered() == 0 {
		if err := c.pause(); err != nil {
			p.broken(err)
			return err
		}
		stop := c.wakeOn(sub)
		err := c.rd.fill(idleTime, true)
		stop()
		if err == nil {
			break
		}
		if err != errWoken {
			p.broken(err)
			return err
		}
		c.w.ensure()
		if err := c.interrupted(); err != nil {
			return err
		}
		if err := c.tellNow(ctx, true); err != nil {
			return err
		}
	}
	c.w.ensure()
	p.text = 0
	if err := p.nextLine(); err != nil {
		p.lineError(err)
		return p.err
	}
	return nil
}

// wakeOn wakes the connection when sub does (it may be nil) or what NOTIFY waits for, until stop is called.
func (c *conn) wakeOn(sub *store.Subscription) (stop func()) {
	var here, around <-chan struct{}
	if sub != nil {
		here = sub.C()
	}
	w, wire := c.watched, c.wire
	if w.live() {
		around = w.sub.C()
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-here:
			case <-around:
				w.stale.Store(true)
			case <-quit:
				return
			}
			wire.wake()
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}
