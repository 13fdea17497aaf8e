package imapd_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// client is a plain IMAP client of the tests: it reads any answer into tokens and judges nothing.
type client struct {
	t    testing.TB
	name string
	nc   net.Conn
	r    *bufio.Reader
	n    int
}

// answer is one response. An untagged or tagged status keeps its text; other data are tokens.
type answer struct {
	tag   string // "*", "+" or the command's tag
	num   uint32 // of "* 5 EXISTS"
	name  string // OK, NO, BAD, BYE, PREAUTH, FETCH, EXISTS, VANISHED …
	code  string // of a status: "COPYUID 1 2 3", without brackets
	text  string // of a status, or of "+"
	items []any  // tokens behind the name: atom, text, list
}

type (
	atom string // also numbers and NIL
	text string // a quoted string or a literal
	list []any
)

const clientTimeout = 30 * time.Second

// dialClient connects and reads the greeting.
func dialClient(t testing.TB, addr, name string) *client {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	c := &client{t: t, name: name, nc: nc, r: bufio.NewReaderSize(nc, 64<<10)}
	if a, err := c.read(); err != nil || a.name != "OK" {
		t.Fatalf("greeting %v, %v", a, err)
	}
	return c
}

// loginClient connects and logs in.
func loginClient(t testing.TB, addr, name, user, password string) *client {
	t.Helper()
	c := dialClient(t, addr, name)
	c.ok("LOGIN " + user + " " + password)
	return c
}

// send writes a command with literals already in their non-synchronising form and returns its tag.
func (c *client) send(command string) string {
	c.t.Helper()
	c.n++
	tag := c.name + strconv.Itoa(c.n)
	c.nc.SetDeadline(time.Now().Add(clientTimeout))
	if _, err := io.WriteString(c.nc, tag+" "+command+"\r\n"); err != nil {
		c.t.Fatalf("%s: write: %v", c.name, err)
	}
	return tag
}

// do sends a command and collects everything up to its tagged answer.
func (c *client) do(command string) (untagged []answer, tagged answer) {
	c.t.Helper()
	return c.until(c.send(command))
}

// until reads up to the answer tagged tag.
func (c *client) until(tag string) (untagged []answer, tagged answer) {
	c.t.Helper()
	for {
		a, err := c.read()
		if err != nil {
			c.t.Fatalf("%s: read the answer to %s: %v", c.name, tag, err)
		}
		if a.tag == tag {
			return untagged, a
		}
		untagged = append(untagged, a)
	}
}

// ok is do for a command that must succeed.
func (c *client) ok(command string) []answer {
	c.t.Helper()
	untagged, tagged := c.do(command)
	if tagged.name != "OK" {
		c.t.Fatalf("%s: %.200s: %s [%s] %s", c.name, command, tagged.name, tagged.code, tagged.text)
	}
	return untagged
}

// append stores a message and returns the tagged answer.
func (c *client) append(box, args string, messages ...string) (untagged []answer, tagged answer) {
	var b strings.Builder
	b.WriteString("APPEND " + box)
	for _, m := range messages {
		fmt.Fprintf(&b, " %s{%d+}\r\n%s", args, len(m), m)
	}
	return c.do(b.String())
}

// read reads one answer.
func (c *client) read() (answer, error) {
	var a answer
	c.nc.SetReadDeadline(time.Now().Add(clientTimeout))
	tag, err := c.r.ReadString(' ')
	if err != nil {
		return a, err
	}
	if a.tag = strings.TrimSuffix(tag, " "); a.tag == "+" {
		a.text, err = c.line()
		return a, err
	}
	word, err := c.word()
	if err != nil {
		return a, err
	}
	if n, err := strconv.ParseUint(word, 10, 32); err == nil {
		a.num = uint32(n)
		if err := c.expect(' '); err != nil {
			return a, err
		}
		if word, err = c.word(); err != nil {
			return a, err
		}
	}
	switch a.name = word; word {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		line, err := c.line()
		line = strings.TrimPrefix(line, " ")
		if strings.HasPrefix(line, "[") {
			a.code, a.text, _ = strings.Cut(line[1:], "]")
		} else {
			a.text = line
		}
		return a, err
	}
	a.items, err = c.tokens('\r')
	if err == nil {
		err = c.expect('\n')
	}
	return a, err
}

func (c *client) line() (string, error) {
	l, err := c.r.ReadString('\n')
	return strings.TrimRight(l, "\r\n"), err
}

func (c *client) expect(want byte) error {
	b, err := c.r.ReadByte()
	if err == nil && b != want {
		err = fmt.Errorf("got %q where %q belongs", b, want)
	}
	return err
}

// word reads up to a space or the line's end.
func (c *client) word() (string, error) {
	var b []byte
	for {
		x, err := c.r.ReadByte()
		if err != nil {
			return "", err
		}
		if x == ' ' || x == '\r' {
			return string(b), c.r.UnreadByte()
		}
		b = append(b, x)
	}
}

// tokens reads tokens up to end, which is consumed.
func (c *client) tokens(end byte) ([]any, error) {
	var out []any
	for {
		x, err := c.r.ReadByte()
		if err != nil {
			return nil, err
		}
		switch {
		case x == end:
			return out, nil
		case x == ' ':
		case x == '\r' || x == '\n' || x == ')':
			return nil, fmt.Errorf("unexpected %q in an answer", x)
		case x == '(':
			inner, err := c.tokens(')')
			if err != nil {
				return nil, err
			}
			out = append(out, list(inner))
		case x == '"':
			s, err := c.quoted()
			if err != nil {
				return nil, err
			}
			out = append(out, text(s))
		case x == '{' || x == '~':
			s, err := c.literal(x)
			if err != nil {
				return nil, err
			}
			out = append(out, text(s))
		default:
			s, err := c.atomFrom(x)
			if err != nil {
				return nil, err
			}
			out = append(out, atom(s))
		}
	}
}

func (c *client) quoted() (string, error) {
	var b []byte
	for {
		x, err := c.r.ReadByte()
		switch {
		case err != nil:
			return "", err
		case x == '"':
			return string(b), nil
		case x == '\\':
			if x, err = c.r.ReadByte(); err != nil {
				return "", err
			}
		case x == '\r' || x == '\n':
			return "", fmt.Errorf("line end in a quoted string")
		}
		b = append(b, x)
	}
}

func (c *client) literal(first byte) (string, error) {
	if first == '~' {
		if err := c.expect('{'); err != nil {
			return "", err
		}
	}
	n, err := c.r.ReadString('\n')
	if err != nil {
		return "", err
	}
	size, err := strconv.Atoi(strings.TrimSuffix(n, "}\r\n"))
	if err != nil {
		return "", fmt.Errorf("literal size %q: %w", n, err)
	}
	b := make([]byte, size)
	_, err = io.ReadFull(c.r, b)
	return string(b), err
}

// atomFrom reads an atom; brackets keep what is between them together, as in BODY[HEADER.FIELDS (TO)]<0>.
func (c *client) atomFrom(first byte) (string, error) {
	b := []byte{first}
	depth := 0
	for {
		x, err := c.r.ReadByte()
		if err != nil {
			return "", err
		}
		if depth == 0 && (x == ' ' || x == '(' || x == ')' || x == '\r') {
			return string(b), c.r.UnreadByte()
		}
		switch x {
		case '[':
			depth++
		case ']':
			depth--
		case '\r', '\n':
			return "", fmt.Errorf("line end in brackets")
		}
		b = append(b, x)
	}
}

// fetched is the data of a FETCH answer by item name.
func (a answer) fetched() map[string]any {
	m := map[string]any{}
	if len(a.items) != 1 {
		return m
	}
	l, _ := a.items[0].(list)
	for i := 0; i+1 < len(l); i += 2 {
		name, _ := l[i].(atom)
		m[string(name)] = l[i+1]
	}
	return m
}

// number is a token's value as a number; 0 if it is none.
func number(v any) uint64 {
	switch v := v.(type) {
	case atom:
		n, _ := strconv.ParseUint(string(v), 10, 64)
		return n
	case list:
		if len(v) == 1 {
			return number(v[0])
		}
	}
	return 0
}

// numbers expands a set such as "3:5,9".
func numbers(set string) []uint32 {
	var out []uint32
	for part := range strings.SplitSeq(set, ",") {
		from, to, isRange := strings.Cut(part, ":")
		a, _ := strconv.ParseUint(from, 10, 32)
		b := a
		if isRange {
			b, _ = strconv.ParseUint(to, 10, 32)
		}
		for n := min(a, b); n <= max(a, b) && n > 0; n++ {
			out = append(out, uint32(n))
		}
	}
	return out
}

// flagNames is a FLAGS token, sorted, without \Recent.
func flagNames(v any) []string {
	l, _ := v.(list)
	out := make([]string, 0, len(l))
	for _, f := range l {
		if s, _ := f.(atom); s != `\Recent` {
			out = append(out, string(s))
		}
	}
	slices.Sort(out)
	return out
}

// codeArgs returns the words of a response code with that name.
func (a answer) codeArgs(name string) ([]string, bool) {
	words := strings.Fields(a.code)
	if len(words) == 0 || words[0] != name {
		return nil, false
	}
	return words[1:], true
}
