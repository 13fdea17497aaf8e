package imapd

import (
	"context"
	"math"
	"strings"
	"unicode"

	"schulhof/mailbox"
)

// noop does nothing; what changed is told after every command. RFC 9051 §6.1.2.
func (c *conn) noop(_ context.Context, p *parser) error { return p.end() }

// check is NOOP: everything acknowledged is on disk already. RFC 3501 §6.4.1.
func (c *conn) check(_ context.Context, p *parser) error { return p.end() }

// logout says BYE and ends the connection. RFC 9051 §6.1.3.
func (c *conn) logout(_ context.Context, p *parser) error {
	if err := p.end(); err != nil {
		return err
	}
	c.deselect()
	c.w.str("* BYE Logging out\r\n")
	c.quit = true
	c.ok("", "Logged out")
	return nil
}

// ident exchanges names of client and server; the client's goes to the log. RFC 2971.
func (c *conn) ident(_ context.Context, p *parser) error {
	p.sp()
	fields, name, version := 0, "", ""
	if p.peek() == '(' {
		p.list(func() {
			key := p.string()
			p.sp()
			value, _ := p.nstring()
			if fields++; fields > maxIDFields {
				p.fail("at most %d fields", maxIDFields)
			}
			switch strings.ToLower(key) {
			case "name":
				name = value
			case "version":
				version = value
			}
		})
	} else if _, some := p.nstring(); some {
		p.fail("expected NIL or a list")
	}
	if err := p.end(); err != nil {
		return err
	}
	c.client = forLog(name + " " + version)
	c.w.str("* ID (\"name\" \"Schulhof\")\r\n")
	return nil
}

// forLog shortens what a client says and removes what could confuse a reader of logs.
func forLog(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.TrimSpace(s))
	const most = 60
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}

// enable switches on what changes our answers. Unknown names are ignored. RFC 5161, RFC 9051 §6.3.1.
func (c *conn) enable(ctx context.Context, p *parser) (err error) {
	var names []string
	for first := true; first || p.more(); first = false {
		p.sp()
		names = append(names, upper([]byte(p.atom())))
	}
	if err = p.end(); err != nil {
		return err
	}
	c.w.str("* ENABLED")
	now := c.enabled
	for _, name := range names {
		switch name {
		case "CONDSTORE":
			c.enableOne(&now, condstore, " CONDSTORE")
		case "QRESYNC":
			c.enableOne(&now, qresync, " QRESYNC")
		case "UTF8=ACCEPT":
			c.enableOne(&now, utf8accept, " UTF8=ACCEPT")
		case "METADATA":
			c.enableOne(&now, metadata, " METADATA")
		case "METADATA-SERVER":
			c.enableOne(&now, metadataServer, " METADATA-SERVER")
		case "IMAP4REV2":
			c.enableOne(&now, rev2, " IMAP4rev2")
		}
	}
	c.w.crlf()
	if now&(condstore|qresync) != 0 {
		c.enableCondstore()
	}
	if now&^c.enabled&(metadata|metadataServer) != 0 {
		if _, c.noted, err = c.srv.mail.MetadataChanges(ctx, c.who, math.MaxUint64, c.serial); err != nil {
			return err
		}
	}
	c.enabled |= now
	c.w.utf8 = c.enabled&(utf8accept|rev2) != 0
	c.w.nameUTF8 = c.w.utf8
	return nil
}

func (c *conn) enableOne(set *enabled, bit enabled, word string) {
	if *set&bit == 0 {
		*set |= bit
		c.w.str(word)
	}
}

// namespace tells where the person's own mailboxes are, those of other people, and those of groups. RFC 2342, RFC 9051 §6.3.10.
func (c *conn) namespace(_ context.Context, p *parser) error {
	if err := p.end(); err != nil {
		return err
	}
	c.w.str(`* NAMESPACE (("" "/")) (("` + mailbox.OtherUsers + `/" "/")) (("` + mailbox.SharedRoot + "/\" \"/\"))\r\n")
	return nil
}
