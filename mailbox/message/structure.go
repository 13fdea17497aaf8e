package message

import "strconv"

// BodyStructure is the message's BODYSTRUCTURE, complete and well formed: "(…)"; utf8OK and the rules are those of Envelope. RFC 9051 §7.5.2.
func (x *Index) BodyStructure(utf8OK bool) []byte {
	return x.Root.appendStructure(make([]byte, 0, 512), utf8OK)
}

func (p *Part) appendStructure(dst []byte, utf8OK bool) []byte {
	dst = append(dst, '(')
	if p.Multipart() {
		for _, c := range p.Children {
			dst = c.appendStructure(dst, utf8OK)
		}
		dst = appendString(append(dst, ' '), p.Subtype, utf8OK)
		dst = appendParams(append(dst, ' '), p.fields().params, utf8OK)
	} else {
		dst = p.appendSingle(dst, utf8OK)
		dst = appendNString(append(dst, ' '), p.fields().md5, utf8OK)
	}
	return append(p.appendExtension(dst, utf8OK), ')')
}

// appendSingle appends the basic fields of a part that is no multipart.
func (p *Part) appendSingle(dst []byte, utf8OK bool) []byte {
	m := p.fields()
	dst = appendString(dst, p.Type, utf8OK)
	dst = appendString(append(dst, ' '), p.Subtype, utf8OK)
	dst = append(dst, ' ')
	if p.Type == "text" && len(m.params) == 0 {
		dst = append(dst, `("charset" "us-ascii")`...) // RFC 2046 §4.1.2
	} else {
		dst = appendParams(dst, m.params, utf8OK)
	}
	dst = appendNString(append(dst, ' '), p.ID, utf8OK)
	dst = appendNString(append(dst, ' '), m.description, utf8OK)
	dst = appendString(append(dst, ' '), p.Encoding, utf8OK)
	dst = strconv.AppendInt(append(dst, ' '), p.End-p.Body, 10)
	switch {
	case p.Type == "text":
		dst = strconv.AppendInt(append(dst, ' '), p.Lines, 10)
	case p.Embedded() && (utf8OK || p.Subtype == "rfc822"): // IMAP4rev1 knows no message/global: there it is a basic part
		child := p.Children[0]
		dst = child.mail.appendEnvelope(append(dst, ' '), utf8OK)
		dst = child.appendStructure(append(dst, ' '), utf8OK)
		dst = strconv.AppendInt(append(dst, ' '), p.Lines, 10)
	}
	return dst
}

// appendExtension appends disposition, language and location, each after a space.
func (p *Part) appendExtension(dst []byte, utf8OK bool) []byte {
	m := p.fields()
	if p.Disposition == "" {
		dst = append(dst, " NIL"...)
	} else {
		dst = appendString(append(dst, " ("...), p.Disposition, utf8OK)
		dst = appendParams(append(dst, ' '), m.dispositionParams, utf8OK)
		dst = append(dst, ')')
	}
	switch len(m.language) {
	case 0:
		dst = append(dst, " NIL"...)
	case 1:
		dst = appendString(append(dst, ' '), m.language[0], utf8OK)
	default:
		for i, tag := range m.language {
			sep := byte(' ')
			if i == 0 {
				dst = append(dst, ' ')
				sep = '('
			}
			dst = appendString(append(dst, sep), tag, utf8OK)
		}
		dst = append(dst, ')')
	}
	return appendNString(append(dst, ' '), m.location, utf8OK)
}

var noFields mimeFields

func (p *Part) fields() *mimeFields {
	if p.mime == nil {
		return &noFields
	}
	return p.mime
}

// appendParams appends a parameter list, or NIL. Continuations are joined (RFC 2231 §6), character sets stay: "name*" "utf-8”…".
func appendParams(dst []byte, list []param, utf8OK bool) []byte {
	if len(list) == 0 {
		return append(dst, "NIL"...)
	}
	sep := byte('(')
	for _, p := range list {
		name, value := p.name, p.value
		switch {
		case p.extended:
			name += "*"
			if !IsASCII(value) {
				value = asciiExtended(value)
			}
		case !IsASCII(value) && !utf8OK:
			name, value = name+"*", "utf-8''"+percentEncode(rawText(value))
		}
		dst = appendString(append(dst, sep), name, utf8OK)
		dst = appendString(append(dst, ' '), value, utf8OK)
		sep = ' '
	}
	return append(dst, ')')
}

// asciiExtended percent-encodes stray 8-bit bytes in an extended value.
func asciiExtended(s string) string {
	b := make([]byte, 0, len(s)+16)
	for i := range len(s) {
		if c := s[i]; c < 0x80 {
			b = append(b, c)
		} else {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(b)
}

// BasicStructure turns what BodyStructure returned into the non-extensible BODY form.
func BasicStructure(structure []byte) []byte {
	c := structureCutter{in: structure, out: make([]byte, 0, len(structure))}
	c.part()
	return c.out
}

// structureCutter copies a body structure without its extension data. It relies on the input being what BodyStructure wrote, but ends on any.
type structureCutter struct {
	in  []byte
	i   int
	out []byte
}

func (c *structureCutter) peek() byte {
	if c.i < len(c.in) {
		return c.in[c.i]
	}
	return ')'
}

// part copies one "(…)".
func (c *structureCutter) part() {
	c.copyByte()
	if c.peek() == '(' {
		for c.peek() == '(' {
			c.part()
		}
		c.items(1) // subtype
	} else {
		c.single()
	}
	for depth := 0; c.i < len(c.in); { // the extension data
		if c.peek() == ')' && depth == 0 {
			break
		}
		depth += c.skipItem()
	}
	c.copyByte()
}

// single copies the fields of a part that is no multipart: type to size, then what its type demands.
func (c *structureCutter) single() {
	start := c.i
	c.item() // type
	kind := string(c.in[start:c.i])
	start = c.i
	c.items(1)
	subtype := string(c.in[start:c.i])
	c.items(5) // parameters, id, description, encoding, size
	switch {
	case kind == `"text"`:
		c.items(1)
	case kind == `"message"` && (subtype == ` "rfc822"` || subtype == ` "global"`) && c.i+1 < len(c.in) && c.in[c.i+1] == '(':
		c.items(1) // envelope
		c.copyByte()
		c.part()
		c.items(1)
	}
}

// items copies n times a space and an item.
func (c *structureCutter) items(n int) {
	for range n {
		if c.peek() == ' ' {
			c.copyByte()
		}
		c.item()
	}
}

// item copies one item: a list, a string, NIL or a number.
func (c *structureCutter) item() {
	start := c.i
	for depth := 0; c.i < len(c.in); {
		depth += c.skipItem()
		if depth <= 0 {
			break
		}
	}
	c.out = append(c.out, c.in[start:c.i]...)
}

// skipItem passes over a parenthesis, a string, a space or an atom, and returns how the depth changes.
func (c *structureCutter) skipItem() int {
	switch c.in[c.i] {
	case '(':
		c.i++
		return 1
	case ')':
		c.i++
		return -1
	case '"':
		for c.i++; c.i < len(c.in) && c.in[c.i] != '"'; c.i++ {
			if c.in[c.i] == '\\' {
				c.i++
			}
		}
		c.i = min(c.i+1, len(c.in))
	case ' ':
		c.i++
	default:
		for c.i < len(c.in) && c.in[c.i] != ' ' && c.in[c.i] != ')' {
			c.i++
		}
	}
	return 0
}

func (c *structureCutter) copyByte() {
	if c.i < len(c.in) {
		c.out = append(c.out, c.in[c.i])
		c.i++
	}
}
