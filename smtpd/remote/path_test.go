package remote

import (
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// An address that would end the path or the command is never sent. RFC 5321 §4.1.2.
func TestValidPath(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"": true, "a@example.org": true, "a+b@example.org": true, "j\u00fcrgen@example.org": true, `"a b"@example.org`: true, `"a>b"@example.org`: true,
		`"a\"b"@example.org`: true, `"a\\"@example.org`: true, strings.Repeat("x", maxCommand/2): true,
		"a b@example.org": false, "a>@example.org": false, "a@example.org> SIZE=1": false, "<a@example.org": false, "a@example.org\r\nRCPT TO:<b@example.org": false,
		"a\x00@example.org": false, "a\x7f@example.org": false, "a\t@example.org": false, `"a@example.org`: false, `"a\"@example.org`: false, `"a\`: false,
		"\"a\\\r\"@example.org": false, "\"a\n\"@example.org": false, strings.Repeat("x", maxCommand/2+1): false,
	} {
		if got := validPath(address); got != want {
			t.Errorf("validPath(%.60q) = %v, want %v", address, got, want)
		}
	}
}

// Whatever the addresses, the commands that are sent are lines of one path each: what a server reads between the brackets is the address.
func TestCommandsKeepTheirPath(t *testing.T) {
	t.Parallel()
	part := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{`"`, `\`, "<", ">", " ", "\r\n", "@", "a", "example.org", "> NOTIFY=NEVER", "\u00fc"}))
	rapid.Check(t, func(t *rapid.T) {
		address := strings.Join(rapid.SliceOfN(part, 0, 8).Draw(t, "parts"), "")
		tr := &transaction{session: &session{}, m: Message{Sender: address, EnvID: address, Ret: "HDRS"}, to: []Recipient{{Address: address, ORcpt: "rfc822;" + address}}, results: make([]Result, 1)}
		mail, ask := tr.mayAsk()
		if len(ask) == 0 {
			if tr.results[0].Text == "" {
				t.Fatalf("%q is refused without a reason", address)
			}
			return
		}
		for _, command := range []string{mail, tr.rcpt(tr.to[0])} {
			if strings.ContainsAny(command, "\r\n\x00") {
				t.Fatalf("%q makes the command %q", address, command)
			}
			_, path, _ := strings.Cut(command, ":<")
			end, quoted := -1, false
			for i := 0; i < len(path) && end < 0; i++ {
				switch c := path[i]; {
				case quoted && c == '\\':
					i++
				case c == '"':
					quoted = !quoted
				case c == '>' && !quoted:
					end = i
				}
			}
			if want, _ := asciiAddress(address); end < 0 || path[:end] != want {
				t.Fatalf("%q makes the command %q", address, command)
			}
		}
	})
}

// What is encoded is ASCII without blanks and says the same when it is read. RFC 3461 §4, RFC 6533 §3.
func TestXText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.String().Draw(t, "text")
		got := xtext(in)
		var back []byte
		for i := 0; i < len(got); i++ {
			c := got[i]
			if c < '!' || c > '~' || c == '=' {
				t.Fatalf("xtext(%q) = %q", in, got)
			}
			if c == '+' {
				const digits = "0123456789ABCDEF"
				c = byte(strings.IndexByte(digits, got[i+1])<<4 | strings.IndexByte(digits, got[i+2]))
				i += 2
			}
			back = append(back, c)
		}
		if string(back) != in {
			t.Fatalf("xtext(%q) = %q, which reads %q", in, got, back)
		}
		if global := utf8xtext(in); utf8.ValidString(in) && strings.ContainsFunc(global, func(c rune) bool { return c < '!' || c > '~' || c == '+' || c == '=' }) {
			t.Fatalf("utf8xtext(%q) = %q", in, global)
		}
	})
}

// A client does not send to its own ports, however they are named. RFC 5321 §5.1.
func TestOwnAddresses(t *testing.T) {
	t.Parallel()
	c := &Client{o: Options{Own: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:25"), netip.MustParseAddrPort("0.0.0.0:2525"), netip.MustParseAddrPort("[::]:2626")}}}
	for address, want := range map[string]bool{
		"192.0.2.1:25": true, "[::ffff:192.0.2.1]:25": true, "192.0.2.1:26": false, "192.0.2.2:25": false,
		"127.0.0.1:2525": true, "127.0.0.9:2525": true, "192.0.2.1:2525": false, "127.0.0.1:2626": true, "[::1]:2626": true, "[2001:db8::1]:2626": false,
	} {
		if got := c.isOwn(netip.MustParseAddrPort(address)); got != want {
			t.Errorf("isOwn(%s) = %v, want %v", address, got, want)
		}
	}
}
