package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// told is a connection on which everything has been said already: it keeps what we say.
type told struct {
	net.Conn
	in  io.Reader
	out bytes.Buffer
}

func (c *told) Read(b []byte) (int, error)       { return c.in.Read(b) }
func (c *told) Write(b []byte) (int, error)      { return c.out.Write(b) }
func (c *told) Close() error                     { return nil }
func (c *told) SetDeadline(time.Time) error      { return nil }
func (c *told) SetReadDeadline(time.Time) error  { return nil }
func (c *told) SetWriteDeadline(time.Time) error { return nil }

// talk is a session with a server that says this; lines are separated by "\n".
func (w *world) talk(text string) (*session, *told) {
	c := &told{in: strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n"))}
	return &session{c: w.client, wire: newWire(c, Timeouts{}.withDefaults()), host: "mx.there.example", extensions: map[string]string{}}, c
}

// TestHello: what servers say to EHLO, and what is taken from it. RFC 5321 §4.1.1.1.
func TestHello(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, tt := range []struct{ name, text, want, says string }{
		{"one line", "250 mx\n", "", "EHLO"}, {"no text", "250\n", "", "EHLO"},
		{"extensions", "250-mx\n250-SIZE 1000\n250-8bitmime\n250 Pipelining\n", "8BITMIME PIPELINING SIZE=1000", "EHLO"},
		{"the first line is a greeting", "250-PIPELINING\n250 SIZE\n", "SIZE", "EHLO"},
		{"AUTH in two forms", "250-mx\n250-AUTH=LOGIN\n250 AUTH PLAIN CRAM-MD5\n", "AUTH=LOGIN PLAIN CRAM-MD5", "EHLO"},
		{"blanks around", "250-mx\n250-  SIZE   5 \n250 DSN\n", "DSN SIZE=5", "EHLO"},
		{"twice the same", "250-mx\n250-DSN\n250 DSN\n", "DSN", "EHLO"},
		{"unknown", "250 mx\n500 what\n", "", "EHLO"},
		{"only HELO", "500 what\n250 mx\n", "", "EHLO HELO"}, {"only HELO, with lines", "502 5.5.1 what\n250-mx\n250 SIZE 5\n", "", "EHLO HELO"},
		{"neither", "502 what\n502 5.5.1 what\n", "502 5.5.1", "EHLO HELO"}, {"not now", "421 4.3.2 busy\n", "421 4.3.2 later", "EHLO"},
		{"HELO, not now", "500 what\n421 busy\n", "421 4.0.0 later", "EHLO HELO"},
		{"another 2xx", "251 mx\n", "0 4.5.0 later", "EHLO"}, {"the greeting again", "220 mx\n", "0 4.5.0 later", "EHLO"}, {"a question", "334 x\n", "0 4.5.0 later", "EHLO"},
		{"another 2xx to HELO", "500 what\n252 mx\n", "0 4.5.0 later", "EHLO HELO"},
		{"nothing", "", "0 4.4.2 later", "EHLO"}, {"half a reply", "250-mx\n", "0 4.4.2 later", "EHLO"}, {"no SMTP", "hello\n", "0 4.4.2 later", "EHLO"},
	} {
		s, c := w.talk(tt.text)
		err := s.hello()
		var got []string
		for _, key := range slices.Sorted(maps.Keys(s.extensions)) {
			got = append(got, strings.TrimSuffix(key+"="+s.extensions[key], "="))
		}
		var e *Error
		if errors.As(err, &e) {
			got = []string{short([]Result{e.Result})}
		}
		says := strings.Join(strings.Fields(strings.ReplaceAll(c.out.String(), " us.example\r\n", " ")), " ")
		if strings.Join(got, " ") != tt.want || says != tt.says {
			t.Errorf("%s: %q after %q, want %q after %q", tt.name, got, says, tt.want, tt.says)
		}
	}
}

// TestGreeting: a server is ready after 220 only. RFC 5321 §4.3.1.
func TestGreeting(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for greeting, want := range map[string]string{
		"220 mx": "", "220": "", "220-mx\n220-welcome\n220 ESMTP": "", "221 bye": "0 4.5.0 later", "250 mx": "0 4.5.0 later", "354 go on": "0 4.5.0 later",
		"421 4.7.0 slow down": "421 4.7.0 later", "450 x": "450 4.0.0 later", "521 5.3.2 no mail here": "521 5.3.2", "554 5.7.1 blocked": "554 5.7.1", "554-x\n554 y": "554 5.0.0",
		"220-mx\n250 mx": "0 4.4.2 later", "* OK IMAP4rev1": "0 4.4.2 later", "+OK POP3": "0 4.4.2 later", "HTTP/1.1 400 Bad Request": "0 4.4.2 later", "2200 mx": "0 4.4.2 later",
	} {
		s, _ := w.talk(greeting + "\n250 mx\n")
		err := s.prepare(t.Context(), Target{Domain: "there.example"}, host{name: "mx.there.example"}, &plan{none: true}, false)
		got := ""
		var e *Error
		if errors.As(err, &e) {
			got = short([]Result{e.Result})
		}
		if got != want {
			t.Errorf("%q: %q, want %q", greeting, got, want)
		}
	}
}

// TestOutOfShape: servers whose replies do not fit what was said, with pipelining and without. Nobody's mail is taken for delivered,
// or for refused for ever, by a reply that was meant for something else.
func TestOutOfShape(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, tt := range []struct {
		name, text, want string // of two recipients
		dot, over        bool   // the final dot was reached; the connection is over
	}{
		{"as it should be", "250 m\n250 a\n250 b\n354 go\n250 2.6.0 ok\n", "250 2.6.0, 250 2.6.0", true, false},
		{"lines everywhere", "250-m\n250 m\n250-a\n250 a\n250 b\n354-go\n354 on\n250-2.6.0 o\n250 2.6.0 k\n", "250 2.6.0, 250 2.6.0", true, false},
		{"forwarded, and not known", "250 m\n251 a\n252 b\n354 go\n250 ok\n", "250 2.0.0, 250 2.0.0", true, false},
		{"another success", "250 m\n250 a\n250 b\n354 go\n252 2.5.0 perhaps\n", "252 2.5.0, 252 2.5.0", true, false},
		{"nobody is taken", "250 m\n550 5.1.1 a\n450 4.2.0 b\n", "550 5.1.1, 450 4.2.0 later", false, false},
		{"one is taken", "250 m\n550 5.1.1 a\n250 b\n354 go\n250 ok\n", "550 5.1.1, 250 2.0.0", true, false},
		{"a question instead of a reply", "250 m\n354 a\n334 b\n", "0 4.5.0 later, 0 4.5.0 later", false, false},
		{"too large, after the message", "250 m\n250 a\n250 b\n354 go\n552 5.3.4 large\n", "552 5.3.4, 552 5.3.4", true, false},
		{"two questions", "250 m\n250 a\n250 b\n354 go\n354 go\n", "0 4.5.0 later, 0 4.5.0 later", true, false},
		{"one reply too many", "250 m\n250 m\n550 5.1.1 a\n250 b\n354 go\n250 ok\n", "0 4.5.0 later, 550 5.1.1", false, false},
		{"one reply too few", "250 m\n250 a\n354 go\n250 ok\n", "0 4.5.0 later, 0 4.5.0 later", false, false},
		{"the end after the first", "250 m\n250 a\n", "0 4.4.2 later, 0 4.4.2 later", false, true},
		{"the end after a refusal", "250 m\n550 5.1.1 a\n", "550 5.1.1, 0 4.4.2 later", false, true},
		{"the end inside of a reply", "250 m\n550 5.1.1 a\n250-b\n", "550 5.1.1, 0 4.4.2 later", false, true},
		{"two codes in one reply", "250 m\n550-5.1.1 a\n250 b\n", "0 4.4.2 later, 0 4.4.2 later", false, true},
		{"no SMTP any more", "250 m\n250 a\n<html>\n", "0 4.4.2 later, 0 4.4.2 later", false, true},
		{"going down at MAIL", "421 4.3.2 m\n", "421 4.3.2 later, 421 4.3.2 later", false, true},
		{"going down at RCPT", "250 m\n550 5.1.1 a\n421 4.3.2 b\n", "550 5.1.1, 421 4.3.2 later", false, true},
		{"going down at DATA", "250 m\n550 5.1.1 a\n250 b\n421 4.3.2 d\n", "550 5.1.1, 421 4.3.2 later", false, true},
		{"going down at the end", "250 m\n250 a\n250 b\n354 go\n421 4.3.2 d\n", "421 4.3.2 later, 421 4.3.2 later", true, true},
		{"the end at DATA", "250 m\n250 a\n250 b\n", "0 4.4.2 later, 0 4.4.2 later", false, true},
		{"the end at the end", "250 m\n250 a\n550 5.1.1 b\n354 go\n", "0 4.4.2 later, 550 5.1.1", true, true},
	} {
		for _, extensions := range []map[string]string{{}, {"PIPELINING": "", "DSN": ""}} {
			s, c := w.talk(tt.text)
			s.extensions = extensions
			dot := false
			results, err := s.Deliver(t.Context(), mail(letter), recipients("a@there.example", "b@there.example"), func(context.Context) error { dot = true; return nil })
			if short(results) != tt.want || dot != tt.dot || (err != nil) != tt.over {
				t.Errorf("%s, %d extensions: %s, dot %t, %v; want %s, %t", tt.name, len(extensions), short(results), dot, err, tt.want, tt.dot)
			}
			if got := c.out.String(); strings.Contains(got, "Subject: x") != tt.dot || strings.HasSuffix(got, "\r\n.\r\n") != tt.dot {
				t.Errorf("%s, %d extensions: said %q", tt.name, len(extensions), got)
			}
			for _, r := range results {
				if r.Relayed != (r.Code/100 == 2 && !s.has("DSN")) {
					t.Errorf("%s, %d extensions: %+v", tt.name, len(extensions), r)
				}
			}
		}
	}
}

// TestReset: after a transaction that did not end, only a server that takes RSET gets the next message on the same connection: one that is
// out of step would take our commands for a message, or refuse MAIL for ever.
func TestReset(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const refused = "250 m\n550 5.1.1 a\n"
	for name, tt := range map[string]struct {
		text string
		want string // of the second message; "": a new connection is needed
	}{
		"taken":             {refused + "250 reset\n250 m\n250 a\n354 go\n250 ok\n", "250 2.0.0"},
		"unknown":           {refused + "502 5.5.1 what\n503 5.5.1 nested MAIL\n", ""},
		"not now":           {refused + "451 4.3.0 trouble\n250 m\n250 a\n354 go\n250 ok\n", ""},
		"going down":        {refused + "421 4.4.2 idle\n", ""},
		"the end":           {refused, ""},
		"still in the last": {refused + "354 go\n250 ok\n250 m\n250 a\n354 go\n250 ok\n", ""},
	} {
		s, c := w.talk(tt.text)
		if results, err := s.Deliver(t.Context(), mail(letter), recipients("a@there.example"), noDot); short(results) != "550 5.1.1" || err != nil {
			t.Errorf("%s: the first %s, %v", name, short(results), err)
		}
		results, err := s.Deliver(t.Context(), mail(letter), recipients("a@there.example"), noDot)
		if got := short(results); got != tt.want || errors.Is(err, ErrIdle) != (tt.want == "") {
			t.Errorf("%s: the second %q, %v, want %q", name, got, err, tt.want)
		}
		if n := strings.Count(c.out.String(), "MAIL FROM"); n != map[bool]int{true: 1, false: 2}[tt.want == ""] {
			t.Errorf("%s: said %q", name, c.out.String())
		}
	}
}

// TestClasses: what a reply means that is no success. RFC 5321 §4.2.1, RFC 3463 §2.
func TestClasses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"200 x": "0 4.5.0 later", "220 x": "0 4.5.0 later", "250 2.1.5 x": "0 4.5.0 later", "334 x": "0 4.5.0 later", "354 x": "0 4.5.0 later",
		"400 x": "400 4.0.0 later", "421 x": "421 4.0.0 later", "450 4.2.1 x": "450 4.2.1 later", "451 5.1.1 x": "451 4.0.0 later", "499 4.999.999 x": "499 4.999.999 later",
		"500 x": "500 5.0.0", "521 5.3.2 x": "521 5.3.2", "550 5.1.1": "550 5.1.1", "550 5.1.1: x": "550 5.0.0", "550 #5.1.1 x": "550 5.0.0", "550 5.1 x": "550 5.0.0",
		"550 4.2.2 x": "550 5.0.0", "556 5.1.10 x": "556 5.1.10", "599 5.7.1234 x": "599 5.0.0", "550 5..1 x": "550 5.0.0", "550 5.1.-1 x": "550 5.0.0",
	} {
		code, line, _, err := parseLine([]byte(text + "\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := short([]Result{reply{code, []string{line}}.failed()}); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestImpossible: what a server cannot take is known before it is asked; each limit from both sides. RFC 1870 §6.1, RFC 6531 §3.2, RFC 8689 §4.2.1.
func TestImpossible(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, knows string
		proven      bool
		m           Message
		want        string
	}{
		{"nothing known, nothing needed", "", false, Message{Size: 1 << 40}, ""},
		{"as large as it may be", "SIZE=1000", false, Message{Size: 1000}, ""}, {"a byte more", "SIZE=1000", false, Message{Size: 1001}, "5.3.4"},
		{"no limit", "SIZE", false, Message{Size: 1 << 40}, ""}, {"no limit, in a number", "SIZE=0", false, Message{Size: 1 << 40}, ""},
		{"a limit that is none", "SIZE=-5", false, Message{Size: 1 << 40}, ""}, {"a limit in words", "SIZE=5 MB", false, Message{Size: 1 << 40}, ""},
		{"a limit beyond numbers", "SIZE=99999999999999999999", false, Message{Size: 1 << 40}, ""},
		{"8 bits", "8BITMIME", false, Message{Eight: true}, ""}, {"8 bits to a server of 7", "SIZE", false, Message{Eight: true}, "5.6.3"},
		{"UTF-8", "SMTPUTF8", false, Message{UTF8: true}, ""}, {"UTF-8 to a server without", "8BITMIME", false, Message{UTF8: true}, "5.6.7"},
		{"a sender in UTF-8", "8BITMIME", false, Message{Sender: "jürgen@us.example"}, "5.6.7"}, {"only his domain", "", false, Message{Sender: "a@jürgen.example"}, ""},
		{"UTF-8 before 8 bits", "", false, Message{UTF8: true, Eight: true}, "5.6.7"}, {"8 bits before the size", "SIZE=1", false, Message{Eight: true, Size: 2}, "5.6.3"},
		{"protected", "REQUIRETLS", true, Message{RequireTLS: true}, ""}, {"protected, not promised", "", true, Message{RequireTLS: true}, "5.7.30"},
		{"promised, not protected", "REQUIRETLS", false, Message{RequireTLS: true}, "5.7.30"}, {"a sender that is none", "", false, Message{Sender: "a@us.example> X"}, "5.1.7"},
	} {
		s := &session{extensions: map[string]string{}, proven: tt.proven}
		if key, value, _ := strings.Cut(tt.knows, "="); key != "" {
			s.extensions[key] = value
		}
		tr := &transaction{session: s, m: tt.m, to: recipients("a@there.example", "b@there.example"), results: make([]Result, 2)}
		_, ask := tr.mayAsk()
		if got := tr.results[0].Enhanced; got != tt.want || len(ask) != map[bool]int{true: 2}[tt.want == ""] || tr.results[0] != tr.results[1] {
			t.Errorf("%s: %q, %d are asked for, want %q", tt.name, got, len(ask), tt.want)
		}
	}
}

// TestInTurn: the kinds of address alternate, IPv6 first, each in its order.
func TestInTurn(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "[]", "192.0.2.1": "[192.0.2.1]", "2001:db8::1": "[2001:db8::1]", "192.0.2.1 192.0.2.2 2001:db8::1": "[2001:db8::1 192.0.2.1 192.0.2.2]",
		"2001:db8::1 2001:db8::2 2001:db8::3 192.0.2.1": "[2001:db8::1 192.0.2.1 2001:db8::2 2001:db8::3]", "::ffff:192.0.2.1 2001:db8::1": "[2001:db8::1 192.0.2.1]",
	} {
		var list []netip.Addr
		for _, text := range strings.Fields(in) {
			list = append(list, netip.MustParseAddr(text))
		}
		if got := fmt.Sprint(inTurn(list)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
