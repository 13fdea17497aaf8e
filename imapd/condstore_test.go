package imapd

import (
	"fmt"
	"strings"
	"testing"
)

// What makes a client one that knows CONDSTORE: from then on each FETCH of flags has MODSEQ. RFC 7162 §3.1.
func TestCondstoreEnablingCommands(t *testing.T) {
	ts := newTestServer(t)
	for name, command := range map[string]string{
		"SELECT with CONDSTORE": "SELECT INBOX (CONDSTORE)", "EXAMINE with CONDSTORE": "EXAMINE INBOX (CONDSTORE)", "STATUS": "STATUS INBOX (HIGHESTMODSEQ)", "FETCH MODSEQ": "FETCH 1 MODSEQ",
		"FETCH CHANGEDSINCE": "FETCH 1 FLAGS (CHANGEDSINCE 99)", "STORE UNCHANGEDSINCE": "STORE 1 (UNCHANGEDSINCE 99) +FLAGS.SILENT (x)", "SEARCH MODSEQ": "SEARCH MODSEQ 1", "SORT MODSEQ": "SORT (DATE) UTF-8 MODSEQ 1",
		"ENABLE CONDSTORE": "ENABLE CONDSTORE", "ENABLE QRESYNC": "ENABLE QRESYNC", "LIST with STATUS": `LIST "" INBOX RETURN (STATUS (HIGHESTMODSEQ))`,
	} {
		t.Run(name, func(t *testing.T) {
			box := "box-" + strings.ReplaceAll(name, " ", "-")
			command = strings.ReplaceAll(command, "INBOX", box)
			c, other := ts.openedBox(box, numbered(2)...), ts.openedBox(box)
			c.TB, other.TB = t, t
			other.want(other.do(`x STORE 2 +FLAGS.SILENT (\Seen)`), "x OK")
			if got := strings.Join(c.do("a NOOP"), "\n"); strings.Contains(got, "MODSEQ") {
				t.Fatalf("before: %s", got)
			}
			lines := c.do("b " + command)
			c.want(lines, "b OK")
			if got := strings.Join(lines, "\n"); !strings.Contains(got, "HIGHESTMODSEQ") {
				t.Errorf("where it stands is not told: %s", got)
			}
			other.want(other.do(`x STORE 2 +FLAGS.SILENT (\Flagged)`), "x OK")
			if got := strings.Join(c.do("c NOOP"), "\n"); !strings.Contains(got, "* 2 FETCH (UID 2 MODSEQ (") {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
}

// UNCHANGEDSINCE: what changed later is left alone and named by MODIFIED, the rest is done. RFC 7162 §3.1.3.
func TestConditionalStore(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(4)...)
	c.want(c.do("a ENABLE CONDSTORE"), "a OK")
	c.expect(`b STORE 2,4 +FLAGS (\Flagged)`, `* 2 FETCH (UID 2 MODSEQ (3) FLAGS (\Flagged))`, `* 4 FETCH (UID 4 MODSEQ (3) FLAGS (\Flagged))`, "b OK Done")
	c.expect(`c STORE 1:4 (UNCHANGEDSINCE 2) +FLAGS (\Seen)`, `* 1 FETCH (UID 1 MODSEQ (4) FLAGS (\Seen))`, `* 3 FETCH (UID 3 MODSEQ (4) FLAGS (\Seen))`,
		"c OK [MODIFIED 2,4] Conditional STORE failed for some")
	c.expect(`d UID STORE 2:3 (UNCHANGEDSINCE 3) +FLAGS.SILENT (\Seen)`, `* 2 FETCH (UID 2 MODSEQ (5))`, "d OK [MODIFIED 3] …")
	c.expect(`e STORE 1:4 (UNCHANGEDSINCE 0) +FLAGS (x)`, `* FLAGS (\Seen \Answered \Flagged \Deleted \Draft x)`, "* OK [PERMANENTFLAGS …", "e OK [MODIFIED 1:4] …")
	c.expect("f FETCH 1:4 MODSEQ", "* 1 FETCH (MODSEQ (4))", "* 2 FETCH (MODSEQ (5))", "* 3 FETCH (MODSEQ (4))", "* 4 FETCH (MODSEQ (3))", "f OK Done")
	c.expect(`g UID STORE 99 (UNCHANGEDSINCE 1) +FLAGS (x)`, "g OK Done")
	c.expect(`h STORE 1 (UNCHANGEDSINCE 9223372036854775807) FLAGS.SILENT ()`, "* 1 FETCH (UID 1 MODSEQ (6))", "h OK Done")
	for _, bad := range []string{
		"STORE 1 (UNCHANGEDSINCE) FLAGS ()", "STORE 1 (UNCHANGEDSINCE x) FLAGS ()", "STORE 1 (UNCHANGEDSINCE -1) FLAGS ()", "STORE 1 (UNCHANGEDSINCE 9223372036854775808) FLAGS ()", "STORE 1 (SINCE 1) FLAGS ()",
		"STORE 1 (UNCHANGEDSINCE 1)FLAGS ()", "STORE 1 UNCHANGEDSINCE 1 FLAGS ()", "STORE 1 FLAGS () (UNCHANGEDSINCE 1)",
	} {
		c.want(c.do("i "+bad), "i BAD")
	}
}

// A STORE that changes nothing leaves the modseq: whoever waits for changes has none to read. RFC 7162 §3.1.
func TestModSeqOnlyRisesWithAChange(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(`(\Seen)|A: b`+"\r\n\r\n", `|A: b`+"\r\n\r\n")
	c.want(c.do("a ENABLE CONDSTORE"), "a OK")
	highest := func() string {
		words, _ := untagged(c.do("h STATUS INBOX (HIGHESTMODSEQ)"), "STATUS INBOX")
		return strings.Join(words, " ")
	}
	before := highest()
	for _, same := range []string{`STORE 1 +FLAGS (\Seen)`, `STORE 1 -FLAGS (\Flagged)`, `STORE 1 FLAGS (\Seen)`, `STORE 2 FLAGS ()`, `STORE 1:2 -FLAGS (nie)`, `UID STORE 99 FLAGS (\Seen)`, "EXPUNGE", "FETCH 1 BODY[]", "UNSELECT", "SELECT INBOX"} {
		c.want(c.do("b "+same), "b OK")
		if got := highest(); got != before {
			t.Errorf("%s: %s became %s", same, before, got)
		}
	}
	for _, change := range []string{`STORE 1 -FLAGS (\Seen)`, "FETCH 2 BODY[]", "APPEND INBOX {4+}\r\nA: b", "COPY 1 INBOX", `STORE 1 +FLAGS (\Deleted)`, "EXPUNGE"} {
		c.want(c.do("c "+change), "c OK")
		now := highest()
		if now == before {
			t.Errorf("%s: it is still %s", change, now)
		}
		before = now
	}
}

// CHANGEDSINCE leaves out what a client knows already, and adds MODSEQ once. RFC 7162 §3.1.4.1.
func TestChangedSince(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(4)...)
	c.want(c.do(`a STORE 2 +FLAGS.SILENT (\Seen)`), "a OK")
	c.want(c.do(`a STORE 3 +FLAGS.SILENT (\Seen)`), "a OK")
	c.expect("b FETCH 1:* FLAGS (CHANGEDSINCE 2)", "* OK [HIGHESTMODSEQ 4] …", `* 2 FETCH (FLAGS (\Seen) MODSEQ (3))`, `* 3 FETCH (FLAGS (\Seen) MODSEQ (4))`, "b OK Done")
	c.expect("c FETCH 1:* (MODSEQ UID) (CHANGEDSINCE 3)", `* 3 FETCH (MODSEQ (4) UID 3)`, "c OK Done")
	c.expect("d UID FETCH 1:2 FLAGS (CHANGEDSINCE 0)", "* 1 FETCH (UID 1 FLAGS () MODSEQ (2))", `* 2 FETCH (UID 2 FLAGS (\Seen) MODSEQ (3))`, "d OK Done")
	c.expect("e FETCH 1:* FLAGS (CHANGEDSINCE 4)", "e OK Done")
	c.expect("f FETCH 1:* FLAGS (CHANGEDSINCE 9223372036854775807)", "f OK Done")
	for _, bad := range []string{"FETCH 1 FLAGS (CHANGEDSINCE)", "FETCH 1 FLAGS (CHANGEDSINCE x)", "FETCH 1 FLAGS (SINCE 1)", "FETCH 1 FLAGS CHANGEDSINCE 1", "FETCH 1 (FLAGS (CHANGEDSINCE 1))", "FETCH 1 FLAGS (CHANGEDSINCE 9223372036854775808)"} {
		c.want(c.do("g "+bad), "g BAD")
	}
}

// SEARCH tells the highest modseq of what it found, of those it names: RFC 7162 §3.1.5, RFC 4731 §3.2.
func TestSearchModSeq(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(3)...)
	for i := range 3 {
		c.want(c.do(fmt.Sprintf(`a STORE %d +FLAGS.SILENT (\Seen)`, 3-i)), "a OK") // 3 has 3, 2 has 4, 1 has 5
	}
	tests := []struct{ command, want string }{
		{"SEARCH MODSEQ 4", "* SEARCH 1 2 (MODSEQ 5)"},
		{"SEARCH MODSEQ 4 NOT 1", "* SEARCH 2 (MODSEQ 4)"},
		{"SEARCH MODSEQ 6", "* SEARCH"},
		{`SEARCH MODSEQ "/flags/\\Seen" all 5`, "* SEARCH 1 (MODSEQ 5)"},
		{`SEARCH MODSEQ "/flags/Klasse" priv 5 ALL`, "* SEARCH 1 (MODSEQ 5)"},
		{"SEARCH NOT MODSEQ 5", "* SEARCH 2 3 (MODSEQ 4)"},
		{"UID SEARCH RETURN (ALL) MODSEQ 1", `* ESEARCH (TAG "b") UID ALL 1:3 MODSEQ 5`},
		{"SEARCH RETURN (MIN) MODSEQ 1", `* ESEARCH (TAG "b") MIN 1 MODSEQ 5`},
		{"SEARCH RETURN (MAX) MODSEQ 1", `* ESEARCH (TAG "b") MAX 3 MODSEQ 3`},
		{"SEARCH RETURN (MIN MAX) MODSEQ 1 NOT 1", `* ESEARCH (TAG "b") MIN 2 MAX 3 MODSEQ 4`},
		{"SEARCH RETURN (COUNT) MODSEQ 1", `* ESEARCH (TAG "b") COUNT 3 MODSEQ 5`},
		{"SEARCH RETURN (MAX COUNT) MODSEQ 1", `* ESEARCH (TAG "b") MAX 3 COUNT 3 MODSEQ 5`},
		{"SEARCH RETURN (COUNT) MODSEQ 9", `* ESEARCH (TAG "b") COUNT 0`},
		{"SEARCH RETURN (ALL) ALL", `* ESEARCH (TAG "b") ALL 1:3`},
	}
	c.want(c.do("a ENABLE CONDSTORE"), "a OK")
	for _, tt := range tests {
		c.expect("b "+tt.command, tt.want, "b OK Done")
	}
	for _, bad := range []string{"SEARCH MODSEQ", "SEARCH MODSEQ x", `SEARCH MODSEQ "/flags/x" 5`, `SEARCH MODSEQ "/flags/x" none 5`, `SEARCH MODSEQ /flags/x all 5`} {
		c.want(c.do("d "+bad), "d BAD")
	}
}
