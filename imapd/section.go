package imapd

import (
	"bytes"
	"strconv"
	"strings"

	"schulhof/mailbox/message"
)

// sectionText is what of a part a section names. RFC 9051 §6.4.5.1.
type sectionText uint8

const (
	sectionWhole           sectionText = iota // [] or [1.2]: all of the message, or the body of the part
	sectionHeader                             // HEADER
	sectionHeaderFields                       // HEADER.FIELDS (…)
	sectionHeaderFieldsNot                    // HEADER.FIELDS.NOT (…)
	sectionBodyText                           // TEXT
	sectionMIME                               // MIME
)

// section is the parsed form of "[…]<…>" behind BODY, BODY.PEEK, BINARY, BINARY.PEEK and BINARY.SIZE.
type section struct {
	path    []int
	text    sectionText
	fields  []string // of HEADER.FIELDS and HEADER.FIELDS.NOT, as the client spelled them
	partial bool
	offset  int64
	count   int64  // only with partial
	label   string // how the answer names the item: "BODY[1.MIME]<0>"
}

// section reads "[" … "]" and, if partials are allowed, "<offset.count>"; name is what the answer
// writes before the bracket. binary: only numbers may stand inside (RFC 3516 §4.2).
func (p *parser) section(name string, binary, partials bool) section {
	var s section
	if !p.accept('[') {
		p.fail("%s wants a section in brackets", name)
		return s
	}
	for isDigit(p.peek()) {
		n := p.number()
		if n == 0 || n > maxParts {
			p.fail("no part has the number %d", n)
			return s
		}
		if s.path = append(s.path, int(n)); len(s.path) > maxSectionDepth {
			p.fail("section nested deeper than %d", maxSectionDepth)
			return s
		}
		if p.peek() == ']' {
			break
		}
		if !p.accept('.') {
			p.fail("a dot or a bracket must follow a part number")
			return s
		}
		if c := p.peek(); !isDigit(c) && (binary || !isLetter(c)) {
			p.fail("a section may not end with a dot")
			return s
		}
	}
	if p.peek() != ']' {
		if binary {
			p.fail("%s takes part numbers only", name)
			return s
		}
		p.sectionText(&s)
	}
	if !p.accept(']') {
		p.fail("a section must end with a bracket")
		return s
	}
	if partials && p.accept('<') {
		p.sectionPartial(&s)
	}
	s.label = s.name(name)
	return s
}

// sectionText reads section-msgtext or MIME.
func (p *parser) sectionText(s *section) {
	switch word := p.word(); word {
	case "HEADER":
		s.text = sectionHeader
	case "TEXT":
		s.text = sectionBodyText
	case "MIME":
		s.text = sectionMIME
		if len(s.path) == 0 {
			p.fail("MIME wants a part number before it")
		}
	case "HEADER.FIELDS", "HEADER.FIELDS.NOT":
		s.text = sectionHeaderFields
		if word == "HEADER.FIELDS.NOT" {
			s.text = sectionHeaderFieldsNot
		}
		p.sp()
		p.list(func() { s.fields = append(s.fields, p.fieldName()) })
		if len(s.fields) == 0 {
			p.fail("%s wants field names", word)
		}
	default:
		p.fail("unknown section %q", word)
	}
}

// fieldName reads a header field's name: printable ASCII without colon and space (RFC 5322 §2.2).
func (p *parser) fieldName() string {
	name := p.astring()
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || c == ':' {
			p.fail("bad header field name")
			return ""
		}
	}
	if name == "" {
		p.fail("empty header field name")
	}
	return name
}

// sectionPartial reads "offset.count>" (the "<" is read already).
func (p *parser) sectionPartial(s *section) {
	s.partial = true
	s.offset = p.number64()
	if !p.accept('.') {
		p.fail("a partial is <offset.count>")
		return
	}
	if s.count = p.number64(); s.count == 0 {
		p.fail("a partial of zero octets")
	}
	if !p.accept('>') {
		p.fail("a partial is <offset.count>")
	}
}

// name is the section as a FETCH answer names it: the partial keeps its offset only.
func (s *section) name(item string) string {
	b := append(make([]byte, 0, 64), item...)
	b = append(b, '[')
	for i, n := range s.path {
		if i > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	if s.text != sectionWhole && len(s.path) > 0 {
		b = append(b, '.')
	}
	switch s.text {
	case sectionHeader:
		b = append(b, "HEADER"...)
	case sectionBodyText:
		b = append(b, "TEXT"...)
	case sectionMIME:
		b = append(b, "MIME"...)
	case sectionHeaderFields, sectionHeaderFieldsNot:
		b = append(b, "HEADER.FIELDS"...)
		if s.text == sectionHeaderFieldsNot {
			b = append(b, ".NOT"...)
		}
		b = append(b, " ("...)
		for i, f := range s.fields {
			if i > 0 {
				b = append(b, ' ')
			}
			b = appendFieldName(b, f)
		}
		b = append(b, ')')
	}
	b = append(b, ']')
	if s.partial {
		b = append(b, '<')
		b = strconv.AppendInt(b, s.offset, 10)
		b = append(b, '>')
	}
	return string(b)
}

// appendFieldName writes a field name as an astring.
func appendFieldName(b []byte, name string) []byte {
	if !strings.ContainsAny(name, "(){%*\"\\]") {
		return append(b, name...)
	}
	b = append(b, '"')
	for i := range len(name) {
		if name[i] == '"' || name[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, name[i])
	}
	return append(b, '"')
}

// needsLayout tells whether the message's parts must be known to answer s.
func (s *section) needsLayout() bool { return s.text != sectionWhole || len(s.path) > 0 }

// isFields tells whether s selects fields of a header.
func (s *section) isFields() bool {
	return s.text == sectionHeaderFields || s.text == sectionHeaderFieldsNot
}

// span tells which bytes of a message of size bytes s names, before the partial and before fields
// are selected. root may be nil if s.needsLayout is false. ok is false when there is no such part.
func (s *section) span(root *message.Part, size int64) (from, to int64, ok bool) {
	if !s.needsLayout() {
		return 0, size, true
	}
	part := findPart(root, s.path)
	if part == nil {
		return 0, 0, false
	}
	switch s.text {
	case sectionWhole:
		return part.Body, part.End, true
	case sectionMIME:
		return part.Header, part.Body, true
	}
	if len(s.path) > 0 { // HEADER and TEXT of a part are those of the message embedded in it
		if part.Type != "message" || len(part.Children) != 1 {
			return 0, 0, false
		}
		part = part.Children[0]
	}
	if s.text == sectionBodyText {
		return part.Body, part.End, true
	}
	return part.Header, part.Body, true
}

// clip narrows from..to to the partial.
func (s *section) clip(from, to int64) (int64, int64) {
	if !s.partial {
		return from, to
	}
	if s.offset >= to-from {
		return to, to
	}
	from += s.offset
	if s.count < to-from {
		to = from + s.count
	}
	return from, to
}

// findPart is message.Index.Find for a layout that was read back.
func findPart(root *message.Part, path []int) *message.Part {
	if root == nil {
		return nil
	}
	x := message.Index{Root: root}
	return x.Find(path)
}

// appendFields appends those fields of header that s selects, in their order and with their line
// ends, then the empty line that always ends the answer. RFC 9051 §6.4.5.1.
func (s *section) appendFields(dst, header []byte) []byte {
	not := s.text == sectionHeaderFieldsNot
	for name, raw := range message.Fields(header) {
		if s.selects(name) != not {
			dst = append(dst, raw...)
			if !bytes.HasSuffix(raw, []byte("\n")) {
				dst = append(dst, "\r\n"...)
			}
		}
	}
	return append(dst, "\r\n"...)
}

// selects tells whether name is one of s's field names, in any case.
func (s *section) selects(name string) bool {
	for _, f := range s.fields {
		if len(f) == len(name) && strings.EqualFold(f, name) {
			return true
		}
	}
	return false
}

// word reads letters, digits and dots and returns them in upper case: the names of FETCH items and sections.
func (p *parser) word() string {
	var buf [32]byte
	b := buf[:0]
	for {
		c := p.peek()
		if !isLetter(c) && !isDigit(c) && c != '.' || len(b) == cap(b) {
			return string(b)
		}
		p.accept(c)
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		b = append(b, c)
	}
}

// follows tells whether s, in any case, comes next.
func (p *parser) follows(s string) bool {
	return p.err == nil && len(p.line)-p.pos >= len(s) && strings.EqualFold(string(p.line[p.pos:p.pos+len(s)]), s)
}

// acceptWord consumes word, in any case, if it comes next and ends there.
func (p *parser) acceptWord(word string) bool {
	if !p.follows(word) {
		return false
	}
	if end := p.pos + len(word); end < len(p.line) && isAtom(p.line[end]) {
		return false
	}
	p.pos += len(word)
	return true
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
