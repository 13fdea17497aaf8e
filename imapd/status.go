package imapd

import (
	"context"
	"slices"

	"schulhof/mailbox"
)

// statusItems are what STATUS can tell, in the order in which it is answered. RFC 9051 §6.3.11; RFC 7162 §3.1.7;
// RFC 8438; RFC 8474 §4.3; RFC 7889 §4; RFC 9208 §4.1.4 (DELETED-STORAGE).
var statusItems = [...]string{
	"MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "SIZE", "HIGHESTMODSEQ", "MAILBOXID", "APPENDLIMIT",
	"DELETED-STORAGE",
}

// status tells counts of a mailbox without selecting it. RFC 9051 §6.3.11.
func (c *conn) status(ctx context.Context, p *parser) error {
	p.sp()
	name := p.mailbox()
	p.sp()
	items := p.statusItems()
	if err := p.end(); err != nil {
		return err
	}
	list, err := c.srv.mail.Status(ctx, c.who, name)
	if err != nil {
		return err
	}
	if slices.Contains(items, "HIGHESTMODSEQ") {
		c.enableCondstore()
	}
	c.statusLine(&list[0], items)
	return nil
}

// statusItems reads the list of items, which must not be empty.
func (p *parser) statusItems() []string {
	var items []string
	p.list(func() {
		word := p.keyword()
		i := slices.Index(statusItems[:], word)
		if i < 0 {
			p.fail("unknown STATUS item %q", word)
			return
		}
		if !slices.Contains(items, statusItems[i]) {
			items = append(items, statusItems[i])
		}
	})
	if len(items) == 0 {
		p.fail("expected at least one STATUS item")
	}
	return items
}

func (c *conn) statusLine(s *mailbox.Status, items []string) {
	w := c.w
	w.str("* STATUS ")
	w.mailbox(s.Mailbox.Name)
	for i, item := range items {
		if i == 0 {
			w.str(" (")
		} else {
			w.sp()
		}
		w.str(item)
		w.sp()
		switch item {
		case "MESSAGES":
			w.num(int64(s.Messages))
		case "RECENT":
			w.num(0)
		case "UIDNEXT":
			w.num(int64(s.UIDNext))
		case "UIDVALIDITY":
			w.num(int64(s.Mailbox.UIDValidity))
		case "UNSEEN":
			w.num(int64(s.Unseen))
		case "DELETED":
			w.num(int64(s.Deleted))
		case "SIZE":
			w.num(s.Size)
		case "HIGHESTMODSEQ":
			w.num(int64(s.HighestModSeq))
		case "MAILBOXID":
			w.str("(" + s.Mailbox.ID.String() + ")")
		case "APPENDLIMIT":
			w.num(c.srv.maxSize)
		case "DELETED-STORAGE":
			w.num(s.DeletedSize)
		}
	}
	w.str(")\r\n")
}
