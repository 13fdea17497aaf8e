package message

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// grammar checks what this package writes against RFC 9051 §9, strictly: one space where one is demanded, quoted strings without
// CR, LF, NUL, and 8-bit only where the client said that it understands UTF-8.
type grammar struct {
	in   string
	i    int
	utf8 bool
	rev1 bool // message/global is a basic part
	ext  bool // BODYSTRUCTURE, not BODY
}

type grammarError string

func checkEnvelope(in []byte, utf8OK bool) (err error) {
	g := &grammar{in: string(in), utf8: utf8OK}
	defer g.recover(&err)
	g.envelope()
	g.end()
	return nil
}

func checkStructure(in []byte, utf8OK, ext bool) (err error) {
	g := &grammar{in: string(in), utf8: utf8OK, rev1: !utf8OK, ext: ext}
	defer g.recover(&err)
	g.body()
	g.end()
	return nil
}

func (g *grammar) recover(err *error) {
	switch r := recover().(type) {
	case nil:
	case grammarError:
		*err = fmt.Errorf("%s at %d of %.300q", string(r), g.i, g.in)
	default:
		panic(r)
	}
}

func (g *grammar) fail(format string, a ...any) { panic(grammarError(fmt.Sprintf(format, a...))) }

func (g *grammar) end() {
	if g.i != len(g.in) {
		g.fail("%d bytes too many", len(g.in)-g.i)
	}
}

func (g *grammar) peek() byte {
	if g.i < len(g.in) {
		return g.in[g.i]
	}
	return 0
}

func (g *grammar) want(s string) {
	if !strings.HasPrefix(g.in[g.i:], s) {
		g.fail("want %q", s)
	}
	g.i += len(s)
}

func (g *grammar) accept(s string) bool {
	if strings.HasPrefix(g.in[g.i:], s) {
		g.i += len(s)
		return true
	}
	return false
}

func (g *grammar) str() string {
	g.want(`"`)
	start := g.i
	var b strings.Builder
	for ; ; g.i++ {
		switch c := g.peek(); {
		case g.i >= len(g.in) || c == 0 || c == '\r' || c == '\n':
			g.fail("a quoted string must not hold %q", c)
		case c == '"':
			g.i++
			s := g.in[start : g.i-1]
			if g.utf8 && !utf8.ValidString(s) {
				g.fail("invalid UTF-8")
			}
			return b.String()
		case c == '\\':
			g.i++
			if c := g.peek(); c != '"' && c != '\\' {
				g.fail("escaped %q", c)
			}
		case c >= 0x80 && !g.utf8:
			g.fail("8-bit")
		}
		b.WriteByte(g.peek())
	}
}

func (g *grammar) nstring() {
	if !g.accept("NIL") {
		g.str()
	}
}

func (g *grammar) number() {
	start := g.i
	for c := g.peek(); c >= '0' && c <= '9'; c = g.peek() {
		g.i++
	}
	if g.i == start || (g.i-start > 1 && g.in[start] == '0') {
		g.fail("want a number")
	}
}

func (g *grammar) envelope() {
	g.want("(")
	g.nstring()
	g.want(" ")
	g.nstring()
	for range 6 {
		g.want(" ")
		if g.accept("NIL") {
			continue
		}
		g.want("(")
		group := false
		for n := 0; n == 0 || g.peek() == '('; n++ {
			group = g.address(group)
		}
		if group {
			g.fail("a group without end")
		}
		g.want(")")
	}
	g.want(" ")
	g.nstring()
	g.want(" ")
	g.nstring()
	g.want(")")
}

// address follows the group markers: it returns whether a group is open.
func (g *grammar) address(group bool) bool {
	g.want("(")
	start := g.i
	g.nstring()
	g.want(" ")
	g.nstring()
	g.want(" ")
	noMailbox := g.peek() == 'N'
	g.nstring()
	g.want(" ")
	noHost := g.peek() == 'N'
	g.nstring()
	g.want(")")
	switch {
	case !noHost && noMailbox:
		g.fail("a host without mailbox: %s", g.in[start:g.i])
	case noHost && noMailbox && !group:
		g.fail("the end of no group")
	case noHost && !noMailbox && group:
		g.fail("a group within a group")
	case noHost:
		return !noMailbox
	}
	return group
}

func (g *grammar) body() {
	g.want("(")
	if g.peek() == '(' {
		for g.peek() == '(' {
			g.body()
		}
		g.want(" ")
		g.str()
		if g.ext {
			g.want(" ")
			g.params()
			g.extension()
		}
		g.want(")")
		return
	}
	major := g.str()
	g.want(" ")
	minor := g.str()
	g.want(" ")
	g.params()
	g.want(" ")
	g.nstring()
	g.want(" ")
	g.nstring()
	g.want(" ")
	g.str()
	g.want(" ")
	g.number()
	switch {
	case strings.EqualFold(major, "text"):
		g.want(" ")
		g.number()
	case strings.EqualFold(major, "message") && (strings.EqualFold(minor, "rfc822") || (strings.EqualFold(minor, "global") && !g.rev1)):
		g.want(" ")
		g.envelope()
		g.want(" ")
		g.body()
		g.want(" ")
		g.number()
	case strings.EqualFold(major, "multipart"):
		g.fail("a multipart without parts")
	}
	if g.ext {
		g.want(" ")
		g.nstring() // md5
		g.extension()
	}
	g.want(")")
}

func (g *grammar) extension() {
	g.want(" ")
	if !g.accept("NIL") {
		g.want("(")
		g.str()
		g.want(" ")
		g.params()
		g.want(")")
	}
	g.want(" ")
	if g.accept("(") {
		g.str()
		for g.accept(" ") {
			g.str()
		}
		g.want(")")
	} else {
		g.nstring()
	}
	g.want(" ")
	g.nstring()
}

func (g *grammar) params() {
	if g.accept("NIL") {
		return
	}
	g.want("(")
	for n := 0; n == 0 || g.accept(" "); n++ {
		g.str()
		g.want(" ")
		g.str()
	}
	g.want(")")
}
