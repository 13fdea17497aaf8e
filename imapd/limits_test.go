package imapd

import (
	"fmt"
	"strings"
	"testing"
)

// Each limit of a command, at its value and one beyond: the first is understood, the second is refused in IMAP's terms, and the connection goes on.
func TestEachLimitOfACommand(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(1)...)
	many := func(n int, one, sep string) string { return strings.TrimSuffix(strings.Repeat(one+sep, n), sep) }
	nestedKeys := func(n int) string { return strings.Repeat("(", n-1) + "ALL" + strings.Repeat(")", n-1) }
	tests := []struct {
		name  string
		limit int
		make  func(n int) string
		over  string // the refusal
	}{
		{"maxSetRanges", maxSetRanges, func(n int) string { return "UID FETCH " + many(n, "1", ",") + " UID" }, "BAD a set has at most 10000 ranges"},
		{"maxListPatterns", maxListPatterns, func(n int) string { return `LIST "" (` + many(n, "x", " ") + ")" }, "BAD at most"},
		{"maxListPattern", maxListPattern, func(n int) string { return `LIST "" ` + many(n, "x", "") }, "BAD at most"},
		{"maxListPattern with its reference", maxListPattern, func(n int) string { return `LIST "abc" ` + many(n-3, "x", "") }, "BAD at most"},
		{"maxListBytes", maxListBytes, func(n int) string {
			return `LIST "" (` + many(n/256-1, many(256, "x", ""), " ") + " " + many(256+n%256, "x", "") + ")"
		}, "BAD patterns have at most"},
		{"maxTag", maxTag, nil, ""},
		{"maxIDFields", maxIDFields, func(n int) string { return "ID (" + many(n, `"k" "v"`, " ") + ")" }, "BAD at most"},
		{"maxFetchItems", maxFetchItems, func(n int) string { return "FETCH 1 (" + many(n, "UID", " ") + ")" }, "BAD more than"},
		{"maxSectionDepth", maxSectionDepth, func(n int) string { return "FETCH 1 BODY.PEEK[" + many(n, "1", ".") + "]" }, "BAD section nested deeper"},
		{"maxParts", maxParts, func(n int) string { return fmt.Sprintf("FETCH 1 BODY.PEEK[%d]", n) }, "BAD no part has the number"},
		{"maxSearchKeys", maxSearchKeys, func(n int) string { return "SEARCH " + many(n, "ALL", " ") }, "BAD more than"},
		{"maxSearchDepth", maxSearchDepth, func(n int) string { return "SEARCH " + nestedKeys(n) }, "BAD search keys nested deeper"},
		{"maxSearchDepth of NOT", maxSearchDepth, func(n int) string { return "SEARCH " + many(n-1, "NOT", " ") + " ALL" }, "BAD search keys nested deeper"},
		{"maxSortKeys", maxSortKeys, func(n int) string { return "SORT (" + many(n, "DATE", " ") + ") UTF-8 ALL" }, "BAD unknown sort criterion"},
		{"maxLine", maxLine, func(n int) string { return `LIST "" "` + many(n-len(`a LIST "" ""`), " ", "") + `"` }, "BAD"},
		{"maxLiterals", maxLiterals, func(n int) string { return fmt.Sprintf("SEARCH SUBJECT {%d+}\r\n%s", n, many(n, "x", "")) }, "BAD literals of this command are too large"},
	}
	for _, tt := range tests {
		if tt.make == nil {
			continue // TestTags has it
		}
		for _, n := range []int{tt.limit - 1, tt.limit, tt.limit + 1} {
			c.send("a " + tt.make(n) + "\r\n")
			got := c.line()
			for strings.HasPrefix(got, "* ") && !strings.HasPrefix(got, "* BAD") {
				got = c.line()
			}
			switch within := n <= tt.limit; {
			case tt.name == "maxLine" && within:
				if !strings.HasPrefix(got, "a BAD at most 100 patterns of 1000 bytes") { // the line was read to its end
					t.Errorf("a line of %d bytes: %.100q", n, got)
				}
			case tt.name == "maxLine":
				if !strings.HasPrefix(got, "* BAD command line too long") {
					t.Errorf("a line of %d bytes: %.100q", n, got)
				}
			case within && !strings.HasPrefix(got, "a OK"):
				t.Errorf("%s: %d of at most %d: %.100q", tt.name, n, tt.limit, got)
			case !within && !strings.HasPrefix(got, "a "+tt.over):
				t.Errorf("%s: %d of at most %d: %.100q, want %s", tt.name, n, tt.limit, got, tt.over)
			}
			c.want(c.do("z NOOP"), "z OK")
		}
	}
}

// MULTIAPPEND has a limit of its own, which stores nothing when it is passed.
func TestMultiAppendLimit(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	messages := func(n int) string { return "a APPEND INBOX" + strings.Repeat(" {6+}\r\nA: b\r\n", n) }
	c.want(c.do(messages(maxMultiAppend+1)), "a NO [LIMIT]")
	c.expect("s STATUS INBOX (MESSAGES)", "* STATUS INBOX (MESSAGES 0)", "s OK Done")
	c.want(c.do(messages(maxMultiAppend)), "a OK [APPENDUID")
	c.expect("s STATUS INBOX (MESSAGES)", fmt.Sprintf("* STATUS INBOX (MESSAGES %d)", maxMultiAppend), "s OK Done")
}

// APPENDLIMIT is the limit: at it a message is stored, a byte more is refused before it is sent. RFC 7889.
func TestAppendLimit(t *testing.T) {
	const most = 1000
	ts := newTestServer(t, func(o *Options) { o.MaxSize = most })
	c := ts.login("anna")
	if caps := strings.Join(c.do("a CAPABILITY"), " "); !strings.Contains(caps, "APPENDLIMIT=1000") {
		t.Errorf("capabilities %s", caps)
	}
	c.expect("b STATUS INBOX (APPENDLIMIT)", "* STATUS INBOX (APPENDLIMIT 1000)", "b OK Done")
	body := func(n int) string { return "A: b\r\n\r\n" + strings.Repeat("x", n-8) }
	for _, n := range []int{most - 1, most} {
		c.want(c.do(fmt.Sprintf("c APPEND INBOX {%d+}\r\n%s", n, body(n))), "c OK")
	}
	c.send(fmt.Sprintf("d APPEND INBOX {%d}\r\n", most+1))
	if got := c.line(); !strings.HasPrefix(got, "d NO [TOOBIG]") {
		t.Errorf("asked before: %q", got)
	}
	c.want(c.do(fmt.Sprintf("e APPEND INBOX {%d+}\r\n%s", most+1, body(most+1))), "e NO [TOOBIG]") // dropped as it comes
	c.want(c.do(fmt.Sprintf("f APPEND INBOX {%d+}\r\n%s {%d+}\r\n%s", most, body(most), most+1, body(most+1))), "f NO [TOOBIG]")
	c.expect("g STATUS INBOX (MESSAGES)", "* STATUS INBOX (MESSAGES 2)", "g OK Done")
}

// Literals that nobody can mean are refused without being waited for; what comes all the same is dropped up to a limit.
func TestHostileLiterals(t *testing.T) {
	ts := newTestServer(t)
	for _, literal := range []string{"{99999999999999999999}", "{-1}", "{}", "{+}", "{1 }", "{ 1}", "{1+1}", "{1-}", "{0x10}", "{1}x", "{"} {
		c := ts.login("anna")
		c.want(c.do("a SELECT "+literal), "a BAD")
		c.want(c.do("b NOOP"), "b OK")
	}
	c := ts.login("anna")
	c.send(fmt.Sprintf("a SELECT {%d+}\r\n", maxSwallow+1))
	if got := c.line(); !strings.HasPrefix(got, "* BYE") {
		t.Errorf("more than is dropped: %q", got)
	}
	c = ts.login("anna")
	c.send("a APPEND INBOX {5}\r\n")
	if got := c.line(); got != "+ OK" {
		t.Fatalf("got %q", got)
	}
	c.send("A: b\r\n") // a byte too many: the line end is what is left
	c.until("a")
	c.want(c.do("b NOOP"), "b OK")
	c.expect("c SELECT {4+}\r\na\x00bc", "c BAD a literal must not contain NUL")
	c.expect("d LOGIN {1+}\r\nx {1+}\r\ny", "d BAD already logged in")
}

// Wrong commands in a row end the connection; a right one in between starts the count anew, before login and after it.
func TestWrongCommandsInARow(t *testing.T) {
	ts := newTestServer(t)
	for name, tt := range map[string]struct {
		login bool
		most  int
	}{"before login": {false, maxBadBefore}, "after login": {true, maxBadCommands}} {
		c := ts.dial()
		c.line()
		if tt.login {
			c.want(c.do(`l LOGIN anna "`+testPassword+`"`), "l OK")
		}
		for range 3 {
			for range tt.most - 1 {
				c.want(c.do("a NONSENSE"), "a BAD")
			}
			c.want(c.do("b NOOP"), "b OK")
		}
		for range tt.most {
			c.want(c.do("a NONSENSE"), "a BAD")
		}
		if got := c.line(); !strings.HasPrefix(got, "* BYE Too many wrong commands") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Logins that fail end the connection too, and each answer is the same whether there is such a person.
func TestWrongLoginsInARow(t *testing.T) {
	ts := newTestServer(t)
	c := ts.dial()
	c.line()
	var answers []string
	for i := range maxLoginTries {
		lines := c.do(fmt.Sprintf("a LOGIN %s wrong", []string{"anna", "nobody"}[i%2]))
		answers = append(answers, lines[len(lines)-1])
	}
	for _, a := range answers {
		if a != answers[0] || !strings.HasPrefix(a, "a NO [AUTHENTICATIONFAILED]") {
			t.Errorf("answers differ: %q", answers)
		}
	}
	if got := c.line(); !strings.HasPrefix(got, "* BYE Too many failed logins") {
		t.Errorf("after them: %q", got)
	}
}
