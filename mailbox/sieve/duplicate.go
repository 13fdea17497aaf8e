package sieve

import (
	"strings"
	"time"
)

var duplicateTags = []tag{ //nolint:gochecknoglobals // RFC 7352 §3
	{name: ":handle", value: text},
	{name: ":header", value: text, group: "id"},
	{name: ":uniqueid", value: text, group: "id"},
	{name: ":seconds", value: number},
	{name: ":last"},
}

// duplicateTest is true for an id that was seen before. RFC 7352.
type duplicateTest struct {
	offset     int
	handle, id phrase
	header     phrase
	byID       bool
	interval   time.Duration
	last       bool
}

func newDuplicate(a *arguments) test {
	t := &duplicateTest{offset: a.node.offset, interval: DefaultDuplicate, last: a.has(":last"), header: phrase{fixed: "message-id"}}
	t.handle, _ = a.tagPhrase(":handle")
	t.id, t.byID = a.tagPhrase(":uniqueid")
	if header, ok := a.tagPhrase(":header"); ok {
		if header.parts == nil && !validName(header.fixed) {
			a.fail(header.offset, "%s is no name of a header field", quoteShort(header.fixed))
		}
		t.header = lower([]phrase{header})[0]
	}
	if n, ok := a.count(":seconds"); ok {
		t.interval = time.Duration(min(n, int64(MaxDuplicate/time.Second))) * time.Second
	}
	return t
}

func (t *duplicateTest) holds(r *run) (bool, error) {
	m := Mark{Handle: r.expand(&t.handle), For: t.interval}
	if t.byID {
		m.ID = r.expand(&t.id)
	} else if list := r.named(r.fieldName(&t.header), nil); len(list) > 0 {
		m.ID = strings.TrimSpace(list[0].body())
	}
	if m.ID == "" {
		return false, nil
	}
	if len(m.Handle) > maxHandle {
		return false, r.stopped(t.offset, "the handle is longer than %d bytes", maxHandle)
	}
	if err := r.spend(10); err != nil {
		return false, err
	}
	known, err := r.env.Host.Duplicate(m.Handle, m.ID)
	if err != nil {
		return false, hostError(err)
	}
	if !known || t.last {
		r.mark(m)
	}
	return known, nil
}

// mark notes an id once; it is remembered when the message was dealt with, so that a second test in the same run finds what
// the first one found.
func (r *run) mark(m Mark) {
	for _, before := range r.out.Marks {
		if before.Handle == m.Handle && before.ID == m.ID {
			return
		}
	}
	r.out.Marks = append(r.out.Marks, m)
}
