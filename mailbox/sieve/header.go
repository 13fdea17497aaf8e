package sieve

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"schulhof/mailbox/message"
)

// Message is what scripts look at. What they read of it is decoded once, so one Message serves the runs of all its
// recipients, one after the other.
type Message struct {
	head  *header
	body  io.ReaderAt
	index *message.Index
	parts bodyCache
}

// NewMessage prepares a message. r has its bytes, index is what message.Parse made of them.
func NewMessage(r io.ReaderAt, index *message.Index) (*Message, error) {
	block := make([]byte, min(index.Root.Body-index.Root.Header, message.MaxHeader))
	n, err := r.ReadAt(block, index.Root.Header)
	if err != nil && err != io.EOF {
		return nil, err
	}
	return &Message{head: newHeader(block[:n]), body: r, index: index}, nil
}

// header is a list of fields. Runs share it until they change it.
type header struct {
	fields  []*field
	changed bool
	built   []byte // all fields after the last change
}

// field is one header field; what was read of it is kept.
type field struct {
	name      string // lower case
	raw       []byte // with name and line ends
	decoded   *value
	addresses []address
	parsed    bool
}

func newHeader(block []byte) *header {
	h := &header{fields: make([]*field, 0, 32)}
	for name, raw := range message.Fields(block) {
		if name != "" {
			h.fields = append(h.fields, &field{name: strings.ToLower(name), raw: raw})
		}
	}
	return h
}

// header is the message's own, for a run that has not changed it.
func (m *Message) header() *header { return m.head }

// own makes the header one that this run may change.
func (r *run) own() *header {
	if !r.head.changed {
		r.head = &header{fields: slices.Clone(r.head.fields), changed: true}
	}
	r.head.built = nil
	return r.head
}

// changedHeader is the header with its blank line after changes; nil without any.
func (r *run) changedHeader() []byte {
	if !r.head.changed {
		return nil
	}
	if r.head.built == nil {
		var b bytes.Buffer
		for _, f := range r.head.fields {
			b.Write(f.raw)
			if !bytes.HasSuffix(f.raw, []byte("\n")) {
				b.WriteString("\r\n")
			}
		}
		b.WriteString("\r\n")
		r.head.built = b.Bytes()
	}
	return r.head.built
}

// named are the fields of a name (lower case), or the one that index asks for. RFC 5260 §6.
func (r *run) named(name string, x *index) []*field {
	var list []*field
	for _, f := range r.head.fields {
		if f.name == name {
			list = append(list, f)
		}
	}
	if x == nil {
		return list
	}
	i := int(x.number) - 1
	if x.last {
		i = len(list) - int(x.number)
	}
	if i < 0 || i >= len(list) {
		return nil
	}
	return list[i : i+1]
}

// has reports whether there is such a field.
func (r *run) has(name string) bool {
	return slices.ContainsFunc(r.head.fields, func(f *field) bool { return f.name == name })
}

// value is the field's body: unfolded, decoded to UTF-8, without white space around it. RFC 5228 §2.7.2.
func (f *field) value() *value {
	if f.decoded == nil {
		f.decoded = &value{text: strings.Trim(message.DecodeHeader(f.body()), " \t\r\n")}
	}
	return f.decoded
}

// body is what stands behind the colon, unfolded.
func (f *field) body() string {
	_, b, _ := bytes.Cut(f.raw, []byte(":"))
	if bytes.IndexByte(b, '\n') < 0 {
		return string(b)
	}
	return strings.NewReplacer("\r", "", "\n", "").Replace(string(b))
}

// index is :index with :last. RFC 5260 §6.
type index struct {
	number int64
	last   bool
}

var indexTags = []tag{ //nolint:gochecknoglobals // a constant table
	{name: ":index", needs: "index", value: number},
	{name: ":last", needs: "index"},
}

func (a *arguments) index() *index {
	n, ok := a.count(":index")
	switch {
	case !ok && a.has(":last"):
		a.fail(a.find(":last").offset, ":last stands beside :index only")
		return nil
	case !ok:
		return nil
	case n < 1 || n > 1<<30:
		a.fail(a.find(":index").offset, ":index counts from 1")
	}
	return &index{n, a.has(":last")}
}
