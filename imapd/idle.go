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
func (c *conn) idle(_ context.Context, p *parser) error {
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
	stop := c.watch(keys)
	defer stop()
	c.w.str("+ idling\r\n")
	if err := c.sync(true); err != nil {
		return err
	}
	if err := c.waitForDone(p); err != nil {
		return err
	}
	if !bytes.EqualFold(p.line, []byte("DONE")) {
		p.line, p.pos = nil, 0
		return bad("expected DONE")
	}
	p.pos = len(p.line)
	return nil
}

// waitForDone reads the line that ends IDLE.
func (c *conn) waitForDone(p *parser) error {
	for c.rd.buffered() == 0 {
		if err := c.pause(); err != nil {
			p.broken(err)
			return err
		}
		err := c.rd.fill(idleTime, true)
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
		if err := c.syncMetadata(context.Background()); err != nil {
			return err
		}
		if err := c.sync(true); err != nil {
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

// watch wakes the connection when one of keys changes, until stop is called.
func (c *conn) watch(keys []store.Key) (stop func()) {
	sub := c.srv.store.Subscribe(keys...)
	quit, done := make(chan struct{}), make(chan struct{})
	w := c.wire
	go func() {
		defer close(done)
		for {
			select {
			case <-sub.C():
				w.wake()
			case <-quit:
				return
			}
		}
	}()
	return func() {
		sub.Close()
		close(quit)
		<-done
	}
}
