package imapd

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"schulhof/mailbox"
	"schulhof/store"
	"schulhof/store/fault"
)

func indexByte(b []byte, c byte) int { return bytes.IndexByte(b, c) }

// parser reads one command from left to right, asking for literals as it meets them. The first error sticks: everything
// after it returns zero values, and end returns it. RFC 9051 §9 is the grammar.
type parser struct {
	rd    *reader
	w     *encoder // for "+ " before a synchronising literal
	spool func() *store.Spool

	line     []byte // what is left of the current line's text; valid until the next read
	pos      int
	err      error // sticky: what the tagged answer will say
	fatal    error // the connection is unusable
	depth    int
	text     int // bytes of lines so far
	kept     int // bytes of literals kept in memory so far
	maxText  int
	maxKept  int
	nameUTF8 bool // mailbox names are UTF-8, not modified UTF-7
	waited   bool // "+ " was sent for the literal that comes next
}

// begin reads the first line of a command.
func (p *parser) begin() error {
	p.pos, p.err, p.fatal, p.depth, p.text, p.kept, p.waited = 0, nil, nil, 0, 0, 0, false
	p.line = nil
	return p.nextLine()
}

func (p *parser) nextLine() error {
	line, err := p.rd.line(p.maxText-p.text, stallTime)
	p.line, p.pos = line, 0
	p.text += len(line)
	return err
}

// fail records the first error; the answer will be BAD.
func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = &badError{text: fmt.Sprintf(format, args...)}
	}
}

// end checks that the command is over and returns the first error.
func (p *parser) end() error {
	if p.err == nil && p.pos != len(p.line) {
		p.fail("unexpected %s", p.here())
	}
	return p.err
}

// here describes what stands at the current position, for error texts.
func (p *parser) here() string {
	rest := p.line[min(p.pos, len(p.line)):]
	if len(rest) == 0 {
		return "end of the command"
	}
	if i := indexByte(rest, ' '); i > 0 {
		rest = rest[:i]
	}
	if len(rest) > 20 {
		rest = rest[:20]
	}
	return fmt.Sprintf("%q", rest)
}

// peek returns the next byte, 0 at the end of the line.
func (p *parser) peek() byte {
	if p.err != nil || p.pos >= len(p.line) {
		return 0
	}
	return p.line[p.pos]
}

// accept consumes c if it is next.
func (p *parser) accept(c byte) bool {
	if p.err == nil && p.pos < len(p.line) && p.line[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// expect consumes c.
func (p *parser) expect(c byte) {
	if !p.accept(c) && p.err == nil {
		p.fail("expected %q, found %s", c, p.here())
	}
}

// sp consumes one space.
func (p *parser) sp() {
	if !p.accept(' ') && p.err == nil {
		p.fail("expected a space, found %s", p.here())
	}
}

// more reports whether anything is left.
func (p *parser) more() bool { return p.err == nil && p.pos < len(p.line) }

// isAtom: ATOM-CHAR of RFC 9051 §9.
func isAtom(c byte) bool {
	if c <= ' ' || c >= 0x7f {
		return false
	}
	switch c {
	case '(', ')', '{', '%', '*', '"', '\\', ']':
		return false
	}
	return true
}

func isAstring(c byte) bool { return c == ']' || isAtom(c) }

func isList(c byte) bool { return c == '%' || c == '*' || isAstring(c) }

func isTag(c byte) bool { return c != '+' && isAstring(c) }

// run returns the longest run of bytes that ok accepts.
func (p *parser) run(ok func(byte) bool) []byte {
	if p.err != nil {
		return nil
	}
	i := p.pos
	for i < len(p.line) && ok(p.line[i]) {
		i++
	}
	b := p.line[p.pos:i]
	p.pos = i
	return b
}

// atom reads an atom.
func (p *parser) atom() string {
	b := p.run(isAtom)
	if len(b) == 0 && p.err == nil {
		p.fail("expected a word, found %s", p.here())
	}
	return string(b)
}

// keyword reads letters, digits and - = . _ and returns them in capitals. It stops before [ and (, as in BODY[TEXT].
func (p *parser) keyword() string {
	b := p.run(func(c byte) bool { return isAtom(c) && c != '[' && c != '<' })
	if len(b) == 0 {
		if p.err == nil {
			p.fail("expected a word, found %s", p.here())
		}
		return ""
	}
	return upper(b)
}

// upper is ASCII ToUpper with one allocation at most.
func upper(b []byte) string {
	for _, c := range b {
		if 'a' <= c && c <= 'z' {
			return strings.ToUpper(string(b))
		}
	}
	return string(b)
}

// tag reads the tag of a command.
func (p *parser) tag() string {
	b := p.run(isTag)
	if p.err == nil && (len(b) == 0 || len(b) > maxTag) {
		p.fail("expected a tag, found %s", p.here())
		return ""
	}
	return string(b)
}

// astring reads an atom, a quoted string or a literal.
func (p *parser) astring() string {
	switch p.peek() {
	case '"':
		return p.quoted()
	case '{':
		return string(p.literal(false))
	case '~':
		if p.pos+1 < len(p.line) && p.line[p.pos+1] == '{' {
			return string(p.literal(true))
		}
	}
	b := p.run(isAstring)
	if len(b) == 0 && p.err == nil {
		p.fail("expected a string, found %s", p.here())
	}
	return string(b)
}

// string reads a quoted string or a literal.
func (p *parser) string() string {
	switch p.peek() {
	case '"':
		return p.quoted()
	case '{':
		return string(p.literal(false))
	}
	if p.err == nil {
		p.fail("expected a quoted string or literal, found %s", p.here())
	}
	return ""
}

// nstring reads a string or NIL; ok is false for NIL.
func (p *parser) nstring() (s string, ok bool) {
	if c := p.peek(); c == 'n' || c == 'N' {
		if word := p.atom(); !strings.EqualFold(word, "NIL") {
			p.fail("expected a string or NIL, found %q", word)
		}
		return "", false
	}
	s = p.string()
	return s, p.err == nil
}

// quoted reads a quoted string. 8-bit bytes are taken as they come (RFC 6855, RFC 9051 §4.3); what is meant as text is checked for UTF-8 by its reader.
func (p *parser) quoted() string {
	p.expect('"')
	if p.err != nil {
		return ""
	}
	rest := p.line[p.pos:]
	for i, c := range rest {
		switch {
		case c == '"':
			p.pos += i + 1
			return string(rest[:i])
		case c == '\\':
			return p.quotedEscaped(i)
		case c == 0 || c == '\r':
			p.fail("a quoted string must not contain NUL or CR")
			return ""
		}
	}
	p.fail("quoted string has no end")
	return ""
}

// quotedEscaped is quoted once a backslash was met at offset i.
func (p *parser) quotedEscaped(i int) string {
	rest := p.line[p.pos:]
	b := append(make([]byte, 0, i+64), rest[:i]...)
	for ; i < len(rest); i++ {
		c := rest[i]
		switch c {
		case '"':
			p.pos += i + 1
			return string(b)
		case '\\':
			i++
			if i >= len(rest) || rest[i] != '"' && rest[i] != '\\' {
				p.fail(`only \" and \\ may be escaped in a quoted string`)
				return ""
			}
			c = rest[i]
		case 0, '\r':
			p.fail("a quoted string must not contain NUL or CR")
			return ""
		}
		b = append(b, c)
	}
	p.fail("quoted string has no end")
	return ""
}

// mailbox reads a mailbox name and returns it in UTF-8, INBOX in capitals. RFC 9051 §5.1; before ENABLE of UTF8=ACCEPT or
// IMAP4rev2 the wire has modified UTF-7 (RFC 3501 §5.1.3), but UTF-8 is understood too.
func (p *parser) mailbox() string {
	name := p.astring()
	if p.err != nil {
		return ""
	}
	return p.mailboxName(name)
}

func (p *parser) mailboxName(name string) string {
	decoded := name
	if !p.nameUTF8 {
		var ok bool
		if decoded, ok = decodeUTF7(name); !ok {
			p.err = no("CANNOT", "Mailbox name is not valid modified UTF-7")
			return ""
		}
	} else if !utf8.ValidString(name) {
		p.err = no("CANNOT", "Mailbox name is not valid UTF-8")
		return ""
	}
	if len(decoded) == 5 && strings.EqualFold(decoded, "INBOX") {
		return "INBOX"
	}
	return decoded
}

// list reads ( item item … ), which may be empty; item reads one element.
func (p *parser) list(item func()) {
	p.expect('(')
	if p.depth++; p.depth > maxDepth {
		p.fail("parentheses are nested more than %d deep", maxDepth)
	}
	for first := true; p.err == nil && !p.accept(')'); first = false {
		if !first {
			p.sp()
		}
		item()
	}
	p.depth--
}

// flags reads flags in parentheses, or without them up to the end of the line (STORE allows both). RFC 9051 §9 flag.
func (p *parser) flags() []string {
	var list []string
	if p.peek() == '(' {
		p.list(func() { list = append(list, p.flag()) })
		return list
	}
	for {
		list = append(list, p.flag())
		if !p.accept(' ') || p.err != nil {
			return list
		}
	}
}

// flag reads one flag or keyword.
func (p *parser) flag() string {
	start := p.pos
	p.accept('\\')
	b := p.run(isAtom)
	if p.err != nil {
		return ""
	}
	if len(b) == 0 {
		p.fail("expected a flag, found %s", p.here())
		return ""
	}
	if len(b) > mailbox.MaxKeywordBytes {
		p.err = fault.New(fault.Limit, "a keyword has at most %d bytes", mailbox.MaxKeywordBytes)
		return ""
	}
	return string(p.line[start:p.pos])
}
