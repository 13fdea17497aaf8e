package imapd

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// pieces is a connection on which the client's bytes come in given pieces; what the server says is kept.
type pieces struct {
	net.Conn
	in  [][]byte
	out bytes.Buffer
}

func (p *pieces) Read(b []byte) (int, error) {
	for len(p.in) > 0 && len(p.in[0]) == 0 {
		p.in = p.in[1:]
	}
	if len(p.in) == 0 {
		return 0, net.ErrClosed
	}
	n := copy(b, p.in[0])
	p.in[0] = p.in[0][n:]
	return n, nil
}

func (p *pieces) Write(b []byte) (int, error)      { return p.out.Write(b) }
func (p *pieces) SetDeadline(time.Time) error      { return nil }
func (p *pieces) SetReadDeadline(time.Time) error  { return nil }
func (p *pieces) SetWriteDeadline(time.Time) error { return nil }
func (p *pieces) Close() error                     { return nil }

// converse runs one connection of a real server over bytes that come in pieces, to its end.
func (ts *testServer) converse(in ...[]byte) string {
	nc := &pieces{in: in}
	c := ts.srv.newConn(&wire{raw: nc, nc: nc})
	c.log, c.remote = ts.srv.log, netip.MustParseAddr("127.0.0.1")
	c.parser.spool = ts.mail.NewSpool
	c.wire.until = ts.srv.loginEnd(c)
	c.serve(context.Background())
	return nc.out.String()
}

// dialogue has literals of both kinds, in quotes, lines that end in LF, empty lines' worth of data, and what is refused.
const dialogue = "a1 LOGIN {4+}\r\nanna {21}\r\ncorrect horse battery\r\n" +
	"a2 SELECT \"INBOX\"\r\na3 FETCH 1:2 (UID BODY.PEEK[])\r\na4 UID SEARCH SUBJECT {8+}\r\nnumber 1 BODY \"text\"\n" +
	"a5 NOOP {3+}\r\nabc\r\na6 STATUS {5}\r\nINBOX (MESSAGES)\r\na7 LIST \"\" {1+}\r\n*\r\na8 ID (\"name\" {2+}\r\n\r\n)\r\n" +
	"a9 IDLE\r\nDONE\r\nb1 CREATE {12+}\r\n{5+}\r\nb2 NOO\r\nb3 FETCH 1 BODY.PEEK[HEADER.FIELDS ({7+}\r\nSubject)]\r\nb4 LOGOUT\r\n"

// However a client's bytes are cut into packets, the answers are the same.
func TestEveryCutOfADialogue(t *testing.T) {
	ts := newTestServer(t)
	setup := ts.login("anna")
	setup.appends("INBOX", numbered(2)...)
	want := ts.converse([]byte(dialogue))
	for _, line := range []string{"a1 OK", "a2 OK", "a3 OK", "* SEARCH 1", "a4 OK", "a5 BAD", "a6 OK", "a7 OK", "a8 OK", "a9 OK", "b1 NO", "b3 OK", "b4 OK"} {
		if !strings.Contains(want, "\n"+line) && !strings.HasPrefix(want, line) {
			t.Fatalf("no %q in\n%s", line, want)
		}
	}
	for cut := 1; cut < len(dialogue); cut++ {
		if got := ts.converse([]byte(dialogue[:cut]), []byte(dialogue[cut:])); got != want {
			t.Fatalf("cut behind %q:\n%s\nwant\n%s", dialogue[max(0, cut-20):cut], got, want)
		}
	}
	var single [][]byte
	for i := range len(dialogue) {
		single = append(single, []byte(dialogue[i:i+1]))
	}
	if got := ts.converse(single...); got != want {
		t.Fatalf("byte by byte:\n%s\nwant\n%s", got, want)
	}
}

// A client that goes away in the middle of anything leaves nothing behind: no message, no mailbox, no open state.
func TestEveryEndOfADialogue(t *testing.T) {
	ts := newTestServer(t)
	const login = "a1 LOGIN anna \"correct horse battery\"\r\n"
	const rest = "a2 APPEND INBOX (\\Seen) {23+}\r\nSubject: m1\r\n\r\nText 1\r\n {14+}\r\nSubject: b\r\n\r\n\r\n"
	for end := range len(rest) { // without its last line end the command is not complete
		ts.converse([]byte(login + rest[:end]))
	}
	c := ts.login("anna")
	c.expect("s STATUS INBOX (MESSAGES UIDNEXT)", "* STATUS INBOX (MESSAGES 0 UIDNEXT 1)", "s OK Done")
	ts.converse([]byte(login + rest))
	c.expect("s STATUS INBOX (MESSAGES UIDNEXT)", "* STATUS INBOX (MESSAGES 2 UIDNEXT 3)", "s OK Done")
}

// Every argument may be an atom, a quoted string, or a literal of either kind: the answer is the same. RFC 9051 §4.3, RFC 7888.
func TestLiteralsInEveryPlace(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(3)...)
	c.want(c.do("s CREATE Ablage"), "s OK")
	forms := []func(arg string) string{
		func(arg string) string { return `"` + arg + `"` },
		func(arg string) string { return fmt.Sprintf("{%d+}\r\n%s", len(arg), arg) },
		func(arg string) string { return fmt.Sprintf("{%d}\r\n%s", len(arg), arg) },
	}
	commands := []struct {
		command string // <…> is an argument that may be written in every form
		want    string // the tagged answer's beginning
	}{
		{"STATUS <Ablage> (MESSAGES)", "OK"}, {"LIST <> <Abl*>", "OK"}, {"LIST (SUBSCRIBED) <> (<INBOX> <Abl*>)", "OK"}, {"LSUB <> <%>", "OK"}, {"SUBSCRIBE <Ablage>", "OK"},
		{"UNSUBSCRIBE <Ablage>", "OK"}, {"GETQUOTAROOT <INBOX>", "OK"}, {"GETQUOTA <>", "OK"}, {"SETQUOTA <> (STORAGE 5)", "NO [NOPERM]"}, {"COPY 1 <Ablage>", "OK [COPYUID"},
		{"UID COPY 1 <Fehlt>", "NO [TRYCREATE]"}, {"SEARCH SUBJECT <number>", "OK"}, {"SEARCH OR TEXT <a> BODY <b>", "OK"}, {"SEARCH HEADER <Subject> <number>", "OK"},
		{"SEARCH CHARSET <UTF-8> FROM <x>", "OK"}, {"SORT (DATE) <UTF-8> TO <x>", "OK"}, {"FETCH 1 BODY.PEEK[HEADER.FIELDS (<Subject> <To>)]", "OK"}, {"DELETE <Fehlt>", "NO [NONEXISTENT]"},
		{"RENAME <Fehlt> <Fehlt2>", "NO [NONEXISTENT]"}, {"SELECT <Fehlt>", "NO [NONEXISTENT]"}, {"CREATE <INBOX>", "NO [ALREADYEXISTS]"},
	}
	for _, tt := range commands {
		for _, form := range forms {
			text, pending := tt.command, ""
			for strings.Contains(text, "<") {
				before, rest, _ := strings.Cut(text, "<")
				arg, after, _ := strings.Cut(rest, ">")
				pending += before + form(arg)
				text = after
			}
			got := c.say("t " + pending + text)
			if !strings.HasPrefix(got, "t "+tt.want) {
				t.Errorf("%q: %q, want %s", pending+text, got, tt.want)
			}
			if strings.HasPrefix(tt.command, "SELECT") {
				c.want(c.do("s SELECT INBOX"), "s OK")
			}
		}
	}
}

// say sends a command with its synchronising literals, waiting for each continuation, and returns the tagged line.
func (c *client) say(command string) string {
	c.Helper()
	tag, _, _ := strings.Cut(command, " ")
	for {
		i := strings.Index(command, "}\r\n")
		if i < 0 {
			break
		}
		c.send(command[:i+3])
		if command[i-1] != '+' {
			if line := c.line(); !strings.HasPrefix(line, "+ ") {
				return line
			}
		}
		command = command[i+3:]
	}
	c.send(command + "\r\n")
	lines := c.until(tag)
	return lines[len(lines)-1]
}

// A tag is any astring without plus, and comes back as it was. RFC 9051 §2.2.1.
func TestTags(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	for _, tag := range []string{"a", "1", "A.1-2_3", "]", "[x]", "~", strings.Repeat("t", maxTag), "NOOP"} {
		c.want(c.do(tag+" NOOP"), tag+" OK")
	}
	for _, tag := range []string{"+", "a+b", "(", `"a"`, "a*b", "a%", "{1}", strings.Repeat("t", maxTag+1), "\xc3\xbc"} {
		c.send(tag + " NOOP\r\n")
		if got := c.line(); !strings.HasPrefix(got, "* BAD") && !strings.HasPrefix(got, "a BAD") {
			t.Errorf("the tag %q: %q", tag, got)
		}
		c.want(c.do("z NOOP"), "z OK") // and wrong ones in a row do not add up
	}
}
