package imapd

import (
	"context"
	"strings"

	"schulhof/store/fault"
)

// create makes a mailbox, with a special use if the client names one. RFC 9051 §6.3.4, RFC 6154 §3; MAILBOXID is RFC 8474 §4.1.
func (c *conn) create(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	var uses []string
	if p.accept(' ') {
		p.list(func() {
			if word := p.keyword(); word != "USE" {
				p.fail("expected USE, found %q", word)
			}
			p.sp()
			uses = p.flags()
		})
	}
	if err := p.end(); err != nil {
		return err
	}
	use := ""
	if len(uses) > 1 {
		return no("USEATTR", "A mailbox has one special use at most")
	}
	if len(uses) == 1 {
		use = uses[0]
	}
	made, err := c.srv.mail.Create(ctx, c.who, name, use)
	if use != "" && fault.Is(err, fault.Refused) {
		return no("USEATTR", fault.TextOf(err))
	}
	if err != nil {
		return err
	}
	c.watched.made(&made)
	if asked := strings.TrimSuffix(name, "/"); c.enabled&rev2 != 0 && asked != made.Name {
		c.w.str(`* LIST () "/" `) // the name was normalised: RFC 9051 §6.3.9.7
		c.w.mailbox(made.Name)
		c.w.str(` ("OLDNAME" (`)
		c.w.mailbox(asked)
		c.w.str("))\r\n")
	}
	c.ok("MAILBOXID ("+made.ID.String()+")", "Created")
	return nil
}

// delete removes a mailbox. If it is the selected one, the session has none afterwards. RFC 9051 §6.3.5.
func (c *conn) delete(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	if err := p.end(); err != nil {
		return err
	}
	err := c.srv.mail.Delete(ctx, c.who, name)
	if fault.Is(err, fault.Refused) && name != "INBOX" {
		return no("HASCHILDREN", fault.TextOf(err))
	}
	if err != nil {
		return err
	}
	c.watched.deleted(name)
	if c.sel != nil && c.sel.box.Gone() {
		c.deselect()
		c.untaggedOK("CLOSED", "The selected mailbox is gone")
	}
	return nil
}

// rename moves a mailbox and those below it. RFC 9051 §6.3.6.
func (c *conn) rename(ctx context.Context, p *parser) error {
	p.sp()
	from := p.mailbox()
	p.sp()
	to := p.mailbox()
	if err := p.end(); err != nil {
		return err
	}
	if err := c.srv.mail.Rename(ctx, c.who, from, to); err != nil {
		return err
	}
	c.watched.renamed(from, to)
	return nil
}

// subscribe adds a name to those that LSUB and LIST (SUBSCRIBED) show. RFC 9051 §6.3.7.
func (c *conn) subscribe(ctx context.Context, p *parser) error { return c.setSubscribed(ctx, p, true) }

// unsubscribe takes it away. RFC 9051 §6.3.8.
func (c *conn) unsubscribe(ctx context.Context, p *parser) error {
	return c.setSubscribed(ctx, p, false)
}

func (c *conn) setSubscribed(ctx context.Context, p *parser, on bool) error {
	p.sp()
	name := p.mailbox()
	if err := p.end(); err != nil {
		return err
	}
	if err := c.srv.mail.Subscribe(ctx, c.who, name, on); err != nil {
		return err
	}
	c.watched.setSubscribed(name, on)
	return nil
}
