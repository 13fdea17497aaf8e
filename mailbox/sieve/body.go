package sieve

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"schulhof/mailbox/message"
)

var bodyTags = []tag{ //nolint:gochecknoglobals // RFC 5173 §5
	{name: ":raw", group: "transform"},
	{name: ":content", value: textList, group: "transform"},
	{name: ":text", group: "transform"},
}

// bodyTest looks into the body. RFC 5173.
type bodyTest struct {
	transform string
	types     []phrase // of :content
	*matcher
}

func newBodyTest(a *arguments) test {
	t := &bodyTest{transform: ":text", types: a.tagPhrases(":content"), matcher: a.matcher(0)}
	if g := a.group("transform"); g != nil {
		t.transform = g.tag.name
	}
	t.silent = true
	return t
}

func (t *bodyTest) holds(r *run) (bool, error) {
	var list []*value
	var err error
	switch t.transform {
	case ":raw":
		list, err = r.msg.raw()
	case ":text":
		list, err = r.msg.readable()
	default:
		types := r.expandAll(t.types)
		for i := range types {
			types[i] = strings.ToLower(types[i])
		}
		list, err = r.msg.ofTypes(types)
	}
	if err != nil {
		return false, hostError(err)
	}
	if t.kind == byCount {
		return t.counted(r, len(list))
	}
	for _, v := range list {
		if ok, err := t.any(r, v); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// bodyCache keeps what was read of a body, for the other tests and scripts.
type bodyCache struct {
	raw      *value
	readable []*value
	parts    map[*message.Part][]*value
	budget   int64 // bytes read so far
}

// raw is the body as it came. RFC 5173 §5.1.
func (m *Message) raw() ([]*value, error) {
	if m.parts.raw == nil {
		v, err := m.read(io.NewSectionReader(m.body, m.index.Root.Body, m.index.Root.End-m.index.Root.Body))
		if err != nil {
			return nil, err
		}
		m.parts.raw = v
	}
	return []*value{m.parts.raw}, nil
}

func (m *Message) read(r io.Reader) (*value, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxBodyText-m.parts.budget))
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	m.parts.budget += int64(len(b))
	return &value{text: string(b)}, nil
}

// readable is the text that people see. RFC 5173 §5.3.
func (m *Message) readable() ([]*value, error) {
	if m.parts.readable != nil {
		return m.parts.readable, nil
	}
	list := []*value{}
	err := m.walk(m.index.Root, func(p *message.Part) error {
		if p.Type != "text" || len(p.Children) > 0 {
			return nil
		}
		v, err := m.text(p, false)
		list = append(list, v)
		return err
	})
	if err == nil {
		m.parts.readable = list
	}
	return list, err
}

// ofTypes are the decoded parts of the types: "text" is all of text/*, "" is everything. RFC 5173 §5.2.
func (m *Message) ofTypes(types []string) (list []*value, err error) {
	err = m.walk(m.index.Root, func(p *message.Part) error {
		if !ofType(p, types) {
			return nil
		}
		values, known := m.parts.parts[p]
		if !known {
			var err error
			if values, err = m.content(p); err != nil {
				return err
			}
			if m.parts.parts == nil {
				m.parts.parts = map[*message.Part][]*value{}
			}
			m.parts.parts[p] = values
		}
		list = append(list, values...)
		return nil
	})
	return list, err
}

func (m *Message) walk(p *message.Part, visit func(*message.Part) error) error {
	if err := visit(p); err != nil {
		return err
	}
	for _, child := range p.Children {
		if err := m.walk(child, visit); err != nil {
			return err
		}
	}
	return nil
}

func ofType(p *message.Part, types []string) bool {
	return slices.ContainsFunc(types, func(want string) bool {
		kind, sub, slash := strings.Cut(want, "/")
		switch {
		case want == "":
			return true
		case strings.Count(want, "/") > 1 || strings.HasPrefix(want, "/") || strings.HasSuffix(want, "/"):
			return false // no content type; RFC 5173 §5.2
		case slash:
			return p.Type == kind && p.Subtype == sub
		}
		return p.Type == kind
	})
}

// content is what :content looks at: of a multipart what stands before and behind its parts, of an embedded message its
// header, of anything else its decoded content.
func (m *Message) content(p *message.Part) ([]*value, error) {
	section := func(from, to int64) (*value, error) {
		return m.read(io.NewSectionReader(m.body, from, max(0, to-from)))
	}
	switch {
	case p.Multipart() && len(p.Children) > 0:
		before, err := section(p.Body, p.Children[0].Header)
		if err != nil {
			return nil, err
		}
		after, err := section(p.Children[len(p.Children)-1].End, p.End)
		return []*value{before, after}, err
	case p.Embedded() && len(p.Children) > 0:
		head, err := section(p.Children[0].Header, p.Children[0].Body)
		return []*value{head}, err
	}
	if p.Type == "text" {
		v, err := m.text(p, true)
		return []*value{v}, err
	}
	decoded, err := message.Decoded(m.body, p)
	if err != nil { // an encoding that nobody knows
		raw, err := section(p.Body, p.End)
		return []*value{raw}, err
	}
	v, err := m.read(decoded)
	return []*value{v}, err
}

// text is a text part in UTF-8, its lines ending with CRLF as in a message.
func (m *Message) text(p *message.Part, markup bool) (*value, error) {
	var b strings.Builder
	if err := message.WritePart(&b, m.body, p, markup, maxBodyText-m.parts.budget); err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	m.parts.budget += int64(b.Len())
	return &value{text: strings.ReplaceAll(b.String(), "\n", "\r\n")}, nil
}
