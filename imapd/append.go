package imapd

import (
	"context"
	"fmt"
	"sync"

	"schulhof/mailbox"
	"schulhof/store/fault"
)

// append stores one message or, with MULTIAPPEND, several at once. RFC 9051 §6.3.12, RFC 3502.
//
// Whatever can be refused is refused before the client sends the bytes: a mailbox that does not
// exist, a message above the limit.
func (c *conn) append(ctx context.Context, p *parser) error {
	p.sp()
	in := newIntake(c, p.mailbox())
	defer in.release()
	for first := true; p.err == nil && (first || p.peek() == ' '); first = false {
		p.sp()
		in.message(ctx, p)
	}
	if err := p.end(); err != nil {
		return err
	}
	list, err := in.wait()
	if err != nil {
		return err
	}
	done, err := c.srv.mail.Append(ctx, c.who, in.name, list)
	if err != nil {
		return tryCreate(err)
	}
	c.arrived(in.name, done.To)
	c.ok(fmt.Sprintf("APPENDUID %d %s", done.UIDValidity, formatUIDs(done.To)), "APPEND completed")
	return nil
}

// intake collects the messages of one APPEND or REPLACE. Each is made durable and indexed while the
// next is arriving, so that all of them share the disk's fsyncs.
type intake struct {
	c       *conn
	name    string // the mailbox they go to
	items   []*intakeItem
	work    sync.WaitGroup
	slots   chan struct{} // bounds what is prepared at once
	asked   bool          // the mailbox was looked up
	refused error         // and what that said
}

type intakeItem struct {
	mailbox.Appended
	err error
}

func newIntake(c *conn, name string) *intake {
	return &intake{c: c, name: name, slots: make(chan struct{}, maxPreparing)}
}

// message reads "[flags] [date-time] literal" and starts to store it.
func (in *intake) message(ctx context.Context, p *parser) {
	item := &intakeItem{}
	if p.peek() == '(' {
		item.Flags = p.flags()
		p.sp()
	}
	if p.peek() == '"' {
		item.Date = p.dateTime()
		p.sp()
	}
	spool := p.messageLiteral(func(size int64) error { return in.check(ctx, size) })
	if spool == nil {
		return
	}
	if p.err != nil {
		spool.Close()
		return
	}
	prepare := func() {
		item.Message, item.err = in.c.srv.mail.Prepare(ctx, spool)
		spool.Close()
	}
	in.items = append(in.items, item)
	if len(in.items) == 1 && p.peek() != ' ' {
		prepare() // there is nothing else to do meanwhile
		return
	}
	in.slots <- struct{}{}
	in.work.Go(func() {
		prepare()
		<-in.slots
	})
}

// check decides whether the bytes of the next message are wanted.
func (in *intake) check(ctx context.Context, size int64) error {
	if !in.asked {
		in.asked = true
		box, err := in.c.srv.mail.Lookup(ctx, in.c.who, in.name, mailbox.RightInsert)
		if err == nil && box.NoSelect {
			err = fault.New(fault.NotFound, "mailbox does not exist")
		}
		in.refused = tryCreate(err)
	}
	switch {
	case in.refused != nil:
		return in.refused
	case size == 0:
		return no("", "a message of no bytes is not stored") // RFC 3502 §6.3.11: a client's way to cancel
	case size > in.c.srv.maxSize:
		return no("TOOBIG", fmt.Sprintf("a message may have %d bytes at most", in.c.srv.maxSize))
	case len(in.items) >= maxMultiAppend:
		return no("LIMIT", fmt.Sprintf("one APPEND may have %d messages at most", maxMultiAppend))
	}
	return nil
}

// wait returns the messages once all are durable, or the first error.
func (in *intake) wait() ([]mailbox.Appended, error) {
	in.work.Wait()
	list := make([]mailbox.Appended, len(in.items))
	for i, item := range in.items {
		if item.err != nil {
			return nil, item.err
		}
		list[i] = item.Appended
	}
	return list, nil
}

// release lets go of what was prepared.
func (in *intake) release() {
	in.work.Wait()
	for _, item := range in.items {
		if item.Message != nil {
			item.Message.Release()
		}
	}
}

// tryCreate turns "no such mailbox" into the code that invites the client to create it. RFC 9051 §7.1.
func tryCreate(err error) error {
	if fault.Is(err, fault.NotFound) {
		return no("TRYCREATE", "mailbox does not exist")
	}
	return err
}
