package imapd

import (
	"strings"
	"testing"
	"time"
)

func TestAstring(t *testing.T) {
	tests := []struct{ name, in, want, err string }{
		{"an atom", "INBOX", "INBOX", ""},
		{"with a bracket", "a]b", "a]b", ""},
		{"quoted", `"a b"`, "a b", ""},
		{"escaped", `"a\"b\\c"`, `a"b\c`, ""},
		{"empty", `""`, "", ""},
		{"UTF-8", `"ä"`, "ä", ""},
		{"a literal", "{3}\r\na b", "a b", ""},
		{"a literal that does not wait", "{3+}\r\na\r\n", "a\r\n", ""},
		{"an empty literal", "{0}\r\n", "", ""},
		{"a literal8", "~{2+}\r\na\x00", "a\x00", ""},
		{"NUL in a literal", "{2+}\r\na\x00", "", "NUL"},
		{"NUL in quotes", "\"a\x00\"", "", "NUL"},
		{"no end", `"a`, "", "no end"},
		{"a strange escape", `"\n"`, "", "escaped"},
		{"ends in an escape", `"a\`, "", "escaped"},
		{"nothing", "", "", "end of the command"},
		{"a parenthesis", "(", "", `"("`},
		{"8 bits in an atom", "ä", "", "expected a string"},
		{"a size that is none", "{}\r\n", "", "number"},
		{"text behind the size", "{3}x\r\n", "", "end of the line"},
		{"too large", "{65537}\r\n", "", "at most 65536"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := parserOf(t, test.in)
			got := p.astring()
			err := p.end()
			if test.err == "" && (err != nil || got != test.want) {
				t.Errorf("astring(%q) = %q, %v, want %q", test.in, got, err, test.want)
			}
			if test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("astring(%q) = %q, %v, want an error with %q", test.in, got, err, test.err)
			}
		})
	}
}

func TestNstring(t *testing.T) {
	for in, want := range map[string]bool{"NIL": false, "nil": false, `"NIL"`: true, "{3+}\r\nNIL": true} {
		p := parserOf(t, in)
		if _, ok := p.nstring(); ok != want || p.end() != nil {
			t.Errorf("nstring(%q): there %v, %v", in, ok, p.err)
		}
	}
}

func TestMailboxNames(t *testing.T) {
	for in, want := range map[string]string{"inbox": "INBOX", "InBoX": "INBOX", `"&ANw-"`: "Ü", "inboxes": "inboxes", "Inbox/x": "Inbox/x"} {
		p := parserOf(t, in)
		if got := p.mailbox(); got != want || p.end() != nil {
			t.Errorf("mailbox(%q) = %q, %v, want %q", in, got, p.err, want)
		}
	}
	p := parserOf(t, `"&ANw-"`)
	p.nameUTF8 = true
	if got := p.mailbox(); got != "&ANw-" {
		t.Errorf("with UTF-8 names &ANw- became %q", got)
	}
}

func TestFlagLists(t *testing.T) {
	for in, want := range map[string]string{`()`: "", `(\Seen $x)`: `\Seen $x`, `\Seen $x`: `\Seen $x`, `a`: "a"} {
		p := parserOf(t, in)
		if got := strings.Join(p.flags(), " "); got != want || p.end() != nil {
			t.Errorf("flags(%q) = %q, %v, want %q", in, got, p.err, want)
		}
	}
	for _, in := range []string{"(", "(\\", `(a`, `(a  b)`, `(a b) `, `("a")`, strings.Repeat("k", 300)} {
		p := parserOf(t, in)
		p.flags()
		if p.end() == nil {
			t.Errorf("flags(%q) is accepted", in)
		}
	}
}

func TestNumbers(t *testing.T) {
	p := parserOf(t, "4294967295 9223372036854775807 0")
	a, _ := p.number(), p.accept(' ')
	b, _ := p.number64(), p.accept(' ')
	if c := p.modseq(); a != 1<<32-1 || b != 1<<63-1 || c != 0 || p.end() != nil {
		t.Errorf("%d %d %d, %v", a, b, c, p.err)
	}
	for _, in := range []string{"", "x", "-1", "9223372036854775808", "99999999999999999999999"} {
		p := parserOf(t, in)
		p.number64()
		if p.end() == nil {
			t.Errorf("number64(%q) is accepted", in)
		}
	}
}

func TestDates(t *testing.T) {
	for in, want := range map[string]string{"1-Feb-2027": "2027-02-01", `"01-feb-2027"`: "2027-02-01", "29-Feb-2028": "2028-02-29"} {
		p := parserOf(t, in)
		if got := p.date().Format(time.DateOnly); got != want || p.end() != nil {
			t.Errorf("date(%q) = %s, %v, want %s", in, got, p.err, want)
		}
	}
	for _, in := range []string{"29-Feb-2027", "0-Jan-2027", "1-Foo-2027", "1-Jan-27", "1-Jan", "", `"1-Jan-2027`} {
		p := parserOf(t, in)
		p.date()
		if p.end() == nil {
			t.Errorf("date(%q) is accepted", in)
		}
	}
}

func TestDateTimes(t *testing.T) {
	for in, want := range map[string]string{
		`"17-Jul-1996 02:44:25 -0700"`: "1996-07-17T02:44:25-07:00",
		`" 1-Jan-2027 23:59:60 +0000"`: "2027-01-02T00:00:00Z",
		`"01-Jan-2027 00:00:00 +0530"`: "2027-01-01T00:00:00+05:30",
	} {
		p := parserOf(t, in)
		if got := p.dateTime().Format(time.RFC3339); got != want || p.end() != nil {
			t.Errorf("dateTime(%q) = %s, %v, want %s", in, got, p.err, want)
		}
	}
	for _, in := range []string{`""`, `"1-Jan-2027"`, `"17-Jul-1996 24:44:25 -0700"`, `"17-Jul-1996 02:44:25 0700"`, `"17-Jul-1996T02:44:25 -0700"`, "x", `"17-Jul-1996 02:44:25 -9999"`} {
		p := parserOf(t, in)
		p.dateTime()
		if p.end() == nil {
			t.Errorf("dateTime(%q) is accepted", in)
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	p := parserOf(t, strings.Repeat("(", 60)+strings.Repeat(")", 60))
	var item func()
	item = func() { p.list(item) }
	p.list(item)
	if err := p.end(); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("60 parentheses: %v", err)
	}
}

func TestPendingLiterals(t *testing.T) {
	tests := []struct {
		name, line string
		n          int64
		ok         bool
	}{
		{"announced", "x {12+}", 12, true},
		{"waits for us", "x {12}", 0, false},
		{"no number", "x {+}", 0, false},
		{"no brace", "12+}", 0, false},
		{"letters", "{1x+}", 0, false},
		{"enormous", "{9999999999999999999+}", 0, true},
	}
	for _, test := range tests {
		if n, ok := pendingLiteral([]byte(test.line)); n != test.n || ok != test.ok {
			t.Errorf("%s: pendingLiteral(%q) = %d, %v", test.name, test.line, n, ok)
		}
	}
}

// FuzzCommands runs whole connections; commands that need rooms are refused because nobody has logged in, or end in the parser.
func FuzzCommands(f *testing.F) {
	for _, seed := range []string{
		"a1 CAPABILITY\r\na2 NOOP\r\na3 LOGOUT\r\n", "a LOGIN {4+}\r\nanna {3+}\r\nabc\r\n", "a AUTHENTICATE PLAIN =\r\n", "a ID (\"x\" NIL)\r\n",
		"a STARTTLS\r\na NOOP\r\n", "a FETCH 1 {9999999999+}\r\n", "* BAD\r\n", "a NOTIFY SET STATUS (selected (MessageNew (UID) MessageExpunge))\r\n", "a ENABLE X\nb UID\n", "a SELECT (\r\n\x00\r\n", "a LOGIN \"\\\"\" x\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if strings.Contains(strings.ToUpper(in), "LOGIN") || strings.Contains(strings.ToUpper(in), "AUTH") {
			return // these need a directory
		}
		c := connOver(in)
		c.signedIn = false
		c.wire.until = time.Now().Add(time.Minute)
		if reason := serveOver(c); reason == "" {
			t.Error("no reason")
		}
	})
}

// FuzzParser reads a command's arguments in every way and demands progress and no more than the limits.
func FuzzParser(f *testing.F) {
	for _, seed := range []string{`"a" b {3+}` + "\r\nabc", "(a (b))", "1:*,3", `"17-Jul-1996 02:44:25 -0700"`, "NIL", `(\Seen)`, "{5}\r\n"} {
		f.Add(seed, uint8(0))
	}
	f.Fuzz(func(t *testing.T, in string, how uint8) {
		p := parserOf(t, in)
		for range 100 {
			switch how++; how % 9 {
			case 0:
				p.astring()
			case 1:
				p.list(func() { p.atom() })
			case 2:
				p.seqSet()
			case 3:
				p.dateTime()
			case 4:
				p.flags()
			case 5:
				p.mailbox()
			case 6:
				p.nstring()
			case 7:
				p.date()
			case 8:
				p.keyword()
			}
			if p.err != nil {
				break
			}
			p.accept(' ')
		}
		_ = p.end()
		if p.pos > len(p.line) || p.kept > maxLiterals {
			t.Fatalf("at %d of %d, %d bytes kept", p.pos, len(p.line), p.kept)
		}
	})
}
