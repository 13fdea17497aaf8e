package imapd

import (
	"context"

	"schulhof/mailbox"
)

var sortKeys = map[string]mailbox.SortKey{
	"ARRIVAL": mailbox.SortArrival, "CC": mailbox.SortCc, "DATE": mailbox.SortDate, "FROM": mailbox.SortFrom,
	"SIZE": mailbox.SortSize, "SUBJECT": mailbox.SortSubject, "TO": mailbox.SortTo,
}

// sort finds messages and tells them in order. RFC 5256 §3; RETURN: RFC 5267 §3 (ESORT).
func (c *conn) sort(ctx context.Context, p *parser) error {
	s := searchCommand{c: c, name: "SORT"}
	p.sp()
	s.returnOptions(p)
	by := p.sortCriteria()
	p.sp()
	s.charsetName(p)
	p.sp()
	s.program(p)
	if err := p.end(); err != nil {
		return err
	}
	hits, err := s.findLatest(ctx)
	if err == nil {
		hits, err = c.sel.box.Sort(ctx, s.latest, hits, by)
	}
	if err != nil {
		return s.failed(err)
	}
	s.answer(s.known(hits))
	return nil
}

// sortCriteria reads "(REVERSE SUBJECT DATE)".
func (p *parser) sortCriteria() []mailbox.SortBy {
	var by []mailbox.SortBy
	reverse := false
	p.list(func() {
		word := p.word()
		key, ok := sortKeys[word]
		switch {
		case word == "REVERSE" && !reverse:
			reverse = true
		case !ok || len(by) == maxSortKeys:
			p.fail("unknown sort criterion %q", word)
		default:
			by = append(by, mailbox.SortBy{Key: key, Reverse: reverse})
			reverse = false
		}
	})
	if len(by) == 0 || reverse {
		p.fail("a sort criterion is missing")
	}
	return by
}
