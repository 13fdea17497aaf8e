package imapd

import (
	"context"

	"schulhof/mailbox"
)

// The only quota root is the account's own; its name is empty. RFC 9208 §3.1.

// getQuota tells what the account uses. RFC 9208 §4.1.2.
func (c *conn) getQuota(ctx context.Context, p *parser) error {
	p.sp()
	root := p.astring()
	if err := p.end(); err != nil {
		return err
	}
	if root != "" {
		return no("NONEXISTENT", "No such quota root")
	}
	q, err := c.srv.mail.Quota(ctx, c.who)
	if err != nil {
		return err
	}
	c.quotaLine(q)
	return nil
}

// getQuotaRoot tells which root counts a mailbox, and its quota. RFC 9208 §4.1.3.
func (c *conn) getQuotaRoot(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	if err := p.end(); err != nil {
		return err
	}
	box, err := c.srv.mail.Lookup(ctx, c.who, name, mailbox.RightRead)
	if err != nil {
		return err
	}
	if box.Owner != c.who { // what counts it is the owner's, and nobody else's business
		c.w.str("* QUOTAROOT ")
		c.w.mailbox(name)
		c.w.crlf()
		return nil
	}
	q, err := c.srv.mail.Quota(ctx, c.who)
	if err != nil {
		return err
	}
	c.w.str("* QUOTAROOT ")
	c.w.mailbox(name)
	c.w.str(" \"\"\r\n")
	c.quotaLine(q)
	return nil
}

// setQuota: only the administrator's command line changes quotas. RFC 9208 §4.1.4.
func (c *conn) setQuota(_ context.Context, p *parser) error {
	p.sp()
	p.astring()
	p.sp()
	p.list(func() {
		p.atom()
		p.sp()
		p.number64()
	})
	if err := p.end(); err != nil {
		return err
	}
	return no("NOPERM", "Quotas are set by the administrator")
}

// quotaLine writes * QUOTA; STORAGE counts units of 1,024 bytes, a part counting whole. RFC 9208 §5.1.
func (c *conn) quotaLine(q mailbox.Quota) {
	const unit = 1024
	c.w.str(`* QUOTA "" (`)
	if q.LimitBytes > 0 {
		c.w.str("STORAGE ")
		c.w.num((q.UsedBytes + unit - 1) / unit)
		c.w.sp()
		c.w.num(q.LimitBytes / unit)
	}
	c.w.str(")\r\n")
}
