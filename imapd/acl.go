package imapd

import (
	"context"

	"schulhof/mailbox"
	"schulhof/store/fault"
)

// changing are the rights of which one is needed to open a mailbox for writing. RFC 4314 §5.2 counts s only where \Seen is everybody's, and wants
// READ-ONLY for lrs here, where it is each person's own. Clients do not store \Seen in what is READ-ONLY (JavaMail and Python's imaplib do
// not even open it for writing), so this is READ-WRITE, and PERMANENTFLAGS says that nothing but \Seen is kept.
const changing = mailbox.RightInsert | mailbox.RightSeen | mailbox.RightWrite | mailbox.RightTrash | mailbox.RightExpunge

// setACL changes what an identifier may do with a mailbox. RFC 4314 §3.1.
func (c *conn) setACL(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	p.sp()
	identifier := p.identifier()
	p.sp()
	letters := p.astring()
	mode := mailbox.GrantReplace
	if letters != "" && letters[0] == '+' {
		mode, letters = mailbox.GrantAdd, letters[1:]
	} else if letters != "" && letters[0] == '-' {
		mode, letters = mailbox.GrantRemove, letters[1:]
	}
	rights, err := mailbox.ParseRights(letters)
	if err != nil {
		p.fail("%s", fault.TextOf(err)) // a right that is not known is BAD, not NO
	}
	if err := p.end(); err != nil {
		return err
	}
	return c.srv.mail.SetRights(ctx, c.who, name, identifier, mode, rights)
}

// deleteACL takes all from an identifier that was granted to it. RFC 4314 §3.2.
func (c *conn) deleteACL(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	p.sp()
	identifier := p.identifier()
	if err := p.end(); err != nil {
		return err
	}
	return c.srv.mail.SetRights(ctx, c.who, name, identifier, mailbox.GrantReplace, 0)
}

// identifier reads whom rights are about. RFC 4314 §3: one that is empty is BAD.
func (p *parser) identifier() string {
	s := p.astring()
	if s == "" {
		p.fail("an identifier must not be empty")
	}
	return s
}

// getACL tells who may do what with a mailbox. RFC 4314 §3.3.
func (c *conn) getACL(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	if err := p.end(); err != nil {
		return err
	}
	list, err := c.srv.mail.Access(ctx, c.who, name)
	if err != nil {
		return err
	}
	c.w.str("* ACL ")
	c.w.mailbox(name)
	for _, g := range list {
		c.w.sp()
		c.w.string(g.Identifier)
		c.w.sp()
		c.w.str(g.Rights.Compatible())
	}
	c.w.crlf()
	return nil
}

// listRights tells what an identifier can be granted, each right for itself. RFC 4314 §3.4.
func (c *conn) listRights(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	p.sp()
	identifier := p.identifier()
	if err := p.end(); err != nil {
		return err
	}
	always, optional, err := c.srv.mail.Grantable(ctx, c.who, name, identifier)
	if err != nil {
		return err
	}
	w := c.w
	w.str("* LISTRIGHTS ")
	w.mailbox(name)
	w.sp()
	w.string(identifier)
	w.sp()
	if always == 0 {
		w.str(`""`)
	} else {
		w.str(always.Compatible())
	}
	for _, letter := range optional.Compatible() {
		w.sp()
		w.str(string(letter))
	}
	w.crlf()
	return nil
}

// myRights tells what the person may do with a mailbox. RFC 4314 §3.5.
func (c *conn) myRights(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	if err := p.end(); err != nil {
		return err
	}
	rights, err := c.srv.mail.MyRights(ctx, c.who, name)
	if err != nil {
		return err
	}
	c.myRightsLine(name, rights)
	return nil
}

func (c *conn) myRightsLine(name string, rights mailbox.Rights) {
	c.w.str("* MYRIGHTS ")
	c.w.mailbox(name)
	c.w.sp()
	c.w.string(rights.Compatible())
	c.w.crlf()
}

// syncRights notices that the rights on the selected mailbox have changed. Without the right to read it the session ends: mail programs have no
// other way to leave a mailbox. RFC 4314 §5.1.1.
func (c *conn) syncRights() error {
	s := c.sel
	if !s.box.Shared() {
		return nil
	}
	now := s.box.Rights()
	if now == s.rights {
		return nil
	}
	if !now.Has(mailbox.RightRead) {
		return bye("", "The mailbox is no longer shared with you")
	}
	s.rights, s.readOnly = now, s.examined || now&changing == 0
	c.flagsList()
	return nil
}
