package imapd

import (
	"context"
	"errors"
	"math"

	"schulhof/mailbox"
	"schulhof/store/fault"
)

// getMetadata reads what was noted about a mailbox, or with the name "" about the server. The options stand before the mailbox's name in the
// RFC's grammar and behind it in its examples; both are understood. RFC 5464 §4.2.
func (c *conn) getMetadata(ctx context.Context, p *parser) error {
	limit, depth := int64(math.MaxInt64), mailbox.DepthNone
	options := func() {
		if p.peek() == '(' {
			p.metadataOptions(&limit, &depth)
			p.sp()
		}
	}
	p.sp()
	options()
	name := p.mailbox()
	p.sp()
	if p.peek() == '(' && p.pos+1 < len(p.line) && p.line[p.pos+1] != '/' && p.line[p.pos+1] != '"' && p.line[p.pos+1] != '{' {
		options()
	}
	entries := p.entries()
	if err := p.end(); err != nil {
		return err
	}
	list, err := c.srv.mail.Metadata(ctx, c.who, name, entries, depth)
	if err != nil {
		return entryError(err)
	}
	long := c.writeMetadata(name, list, limit)
	if long > 0 {
		c.ok("METADATA LONGENTRIES "+decimal(long), "Some values are longer")
	}
	return nil
}

// metadataOptions reads (MAXSIZE n DEPTH 0|1|infinity).
func (p *parser) metadataOptions(limit *int64, depth *mailbox.MetadataDepth) {
	p.list(func() {
		word := p.keyword()
		p.sp()
		switch word {
		case "MAXSIZE":
			*limit = int64(p.number())
		case "DEPTH":
			switch value := p.keyword(); value {
			case "0":
				*depth = mailbox.DepthNone
			case "1":
				*depth = mailbox.DepthChildren
			case "INFINITY":
				*depth = mailbox.DepthAll
			default:
				p.fail("DEPTH is 0, 1 or infinity")
			}
		default:
			p.fail("unknown option %q", word)
		}
	})
}

// entries reads one entry's name, or several in parentheses.
func (p *parser) entries() (list []string) {
	one := func() {
		if list = append(list, p.astring()); len(list) > maxMetadataEntries {
			p.fail("at most %d entries", maxMetadataEntries)
		}
	}
	if p.peek() == '(' {
		if p.list(one); len(list) == 0 {
			p.fail("expected an entry")
		}
		return list
	}
	one()
	return list
}

// writeMetadata answers with entries whose values have at most limit bytes; long is the size of the largest that was left out.
func (c *conn) writeMetadata(name string, list []mailbox.MetadataEntry, limit int64) (long int64) {
	w := c.w
	start, n := len(w.buf), 0
	w.str("* METADATA ")
	w.metadataName(name)
	w.str(" (")
	for _, e := range list {
		if size := int64(len(e.Value)); size > limit {
			long = max(long, size)
			continue
		}
		if n++; n > 1 {
			w.sp()
		}
		w.entry(e.Name)
		w.sp()
		w.value(e.Value)
	}
	w.str(")\r\n")
	if n == 0 {
		w.buf = w.buf[:start]
	}
	return long
}

// metadataName writes a mailbox's name, or "" for the server.
func (w *encoder) metadataName(name string) {
	if name == "" {
		w.str(`""`)
		return
	}
	w.mailbox(name)
}

// entry writes an entry's name as an atom if it is one.
func (w *encoder) entry(name string) {
	for i := range len(name) {
		if !isAtom(name[i]) {
			w.string(name)
			return
		}
	}
	w.str(name)
}

// value writes NIL, a string, or a literal8 if it holds NUL: RFC 5464 §5.
func (w *encoder) value(b []byte) {
	if b == nil {
		w.str("NIL")
		return
	}
	if indexByte(b, 0) >= 0 {
		w.str("~")
		w.literal(int64(len(b)))
		w.bytes(b)
		return
	}
	w.string(string(b))
}

// setMetadata changes entries, all or none. RFC 5464 §4.3.
func (c *conn) setMetadata(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	p.sp()
	list := p.metadataList()
	if err := p.end(); err != nil {
		return err
	}
	return entryError(c.srv.mail.SetMetadata(ctx, c.who, name, list, c.serial))
}

// metadataList reads (entry value entry value …), which must not be empty.
func (p *parser) metadataList() (list []mailbox.MetadataEntry) {
	p.list(func() {
		e := mailbox.MetadataEntry{Name: p.astring()}
		p.sp()
		e.Value = p.metadataValue()
		if list = append(list, e); len(list) > maxMetadataEntries {
			p.fail("at most %d entries", maxMetadataEntries)
		}
	})
	if len(list) == 0 {
		p.fail("expected an entry and its value")
	}
	return list
}

// metadataValue reads NIL, a string, a literal or a literal8.
func (p *parser) metadataValue() []byte {
	if p.peek() == '~' {
		return append([]byte{}, p.astring()...)
	}
	s, some := p.nstring()
	if !some {
		return nil
	}
	return append([]byte{}, s...)
}

// entryError chooses the response codes of RFC 5464 §4.3; a name that is none is BAD.
func entryError(err error) error {
	switch {
	case errors.Is(err, mailbox.ErrMetadataTooLarge):
		return no("METADATA MAXSIZE "+decimal(mailbox.MaxMetadataValue), "A value is too large")
	case errors.Is(err, mailbox.ErrMetadataTooMany):
		return no("METADATA TOOMANY", "There are too many entries")
	case fault.Is(err, fault.Invalid):
		return bad(fault.TextOf(err))
	}
	return err
}

// syncMetadata tells a client that asked for it by ENABLE or NOTIFY which entries others have changed; their values it has to ask for.
// RFC 5464 §4.4.2.
func (c *conn) syncMetadata(ctx context.Context) error {
	if !c.hearsMetadata() {
		return nil
	}
	list, now, err := c.srv.mail.MetadataChanges(ctx, c.who, c.noted, c.serial)
	if err != nil {
		return err
	}
	c.noted = now
	for i := range list {
		if c.hears(&list[i]) {
			c.metadataLine(list[i])
		}
	}
	return nil
}

func (c *conn) metadataLine(change mailbox.MetadataChange) {
	c.w.str("* METADATA ")
	c.w.metadataName(change.Path)
	for _, name := range change.Names {
		c.w.sp()
		c.w.entry(name)
	}
	c.w.crlf()
}
