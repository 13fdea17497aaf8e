package sieve

import (
	"slices"
	"strings"

	"schulhof/mailbox/message"
)

var (
	addHeaderTags    = []tag{{name: ":last"}}                                  //nolint:gochecknoglobals // RFC 5293 §4
	deleteHeaderTags = []tag{{name: ":index", value: number}, {name: ":last"}} //nolint:gochecknoglobals // RFC 5293 §5
)

// protected are fields that scripts neither add nor delete: what the server writes and others rely on. RFC 5293 §6.
func protected(name string) bool {
	switch name {
	case "received", "auto-submitted", "return-path", "delivered-to", "authentication-results", "received-spf", "dkim-signature", "arc-seal",
		"arc-message-signature", "arc-authentication-results":
		return true
	}
	return false
}

// addHeader is RFC 5293 §4.
type addHeader struct {
	offset      int
	name, value phrase
	last        bool
}

func newAddHeader(a *arguments) command {
	c := &addHeader{a.node.offset, a.phrase(0), a.phrase(1), a.has(":last")}
	if c.name.parts == nil && !validName(c.name.fixed) {
		a.fail(c.name.offset, "%s is no name of a header field", quoteShort(c.name.fixed))
	}
	return c
}

func (c *addHeader) run(r *run) error {
	name, v := r.expand(&c.name), strings.Trim(r.expand(&c.value), " \t\r\n")
	switch {
	case !validName(name):
		return r.stopped(c.offset, "%s is no name of a header field", quoteShort(name))
	case len(name)+len(v) > maxField:
		return r.stopped(c.offset, "the header field is longer than %d bytes", maxField)
	case protected(strings.ToLower(name)):
		return nil
	}
	if r.edits++; r.edits > maxEdits {
		return r.stopped(c.offset, "more than %d header fields added", maxEdits)
	}
	f := &field{name: strings.ToLower(name), raw: message.AppendField(nil, name, v)}
	h := r.own()
	if c.last {
		h.fields = append(h.fields, f)
	} else {
		h.fields = slices.Insert(h.fields, 0, f)
	}
	return nil
}

// deleteHeader is RFC 5293 §5.
type deleteHeader struct {
	name     phrase
	index    *index
	patterns *matcher // nil: whatever they say
	offset   int
}

func newDeleteHeader(a *arguments) command {
	c := &deleteHeader{offset: a.node.offset, name: lower([]phrase{a.phrase(0)})[0], index: a.index()}
	if c.name.parts == nil && !validName(c.name.fixed) {
		a.fail(c.name.offset, "%s is no name of a header field", quoteShort(c.name.fixed))
	}
	switch {
	case a.at(1) != nil:
		c.patterns = a.matcher(1)
	case a.group("match") != nil:
		a.fail(c.offset, "%s needs patterns behind the name", a.group("match").tag.name)
	}
	return c
}

func (c *deleteHeader) run(r *run) error {
	name := r.fieldName(&c.name)
	if protected(name) {
		return nil
	}
	gone := r.named(name, c.index)
	if m := c.patterns; m != nil {
		var err error
		if gone, err = c.matching(r, gone); err != nil {
			return err
		}
	}
	if len(gone) == 0 {
		return nil
	}
	h := r.own()
	h.fields = slices.DeleteFunc(h.fields, func(f *field) bool { return slices.Contains(gone, f) })
	return nil
}

// matching are those of list that the patterns match.
func (c *deleteHeader) matching(r *run, list []*field) (found []*field, err error) {
	m := c.patterns
	if m.kind == byCount {
		ok, err := m.counted(r, len(list))
		if !ok || err != nil {
			return nil, err
		}
		return list, nil
	}
	for _, f := range list {
		ok, err := m.any(r, f.value())
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, f)
		}
	}
	return found, nil
}
