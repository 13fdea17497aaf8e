package imapd

import (
	"fmt"
	"strings"
	"testing"
)

// words are the space-separated values of the first untagged answer that begins with name, without parentheses.
func (c *client) words(command, name string) []string {
	c.Helper()
	lines := c.do("w " + command)
	c.want(lines, "w OK")
	words, ok := untagged(lines, name)
	if !ok {
		c.Fatalf("%s: no %s in %q", command, name, lines)
	}
	return strings.Fields(strings.NewReplacer("(", " ", ")", " ").Replace(strings.Join(words, " ")))
}

// Every item of STATUS, together with what changes it. RFC 9051 §6.3.11, RFC 8438, RFC 9208, RFC 7162, RFC 7889.
func TestStatusItems(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	c.appends("Archive", `(\Seen)|A: b`+"\r\n\r\n1", `(\Deleted)|A: b`+"\r\n\r\n22", "|A: b\r\n\r\n333")
	tests := []struct{ items, want string }{
		{"MESSAGES", "MESSAGES 3"}, {"RECENT", "RECENT 0"}, {"UIDNEXT", "UIDNEXT 4"}, {"UNSEEN", "UNSEEN 2"}, {"DELETED", "DELETED 1"}, {"SIZE", "SIZE 30"}, {"DELETED-STORAGE", "DELETED-STORAGE 10"},
		{"HIGHESTMODSEQ", "HIGHESTMODSEQ 2"}, {"APPENDLIMIT", "APPENDLIMIT 52428800"}, {"size messages", "SIZE 30 MESSAGES 3"}, {"MESSAGES MESSAGES", "MESSAGES 3"},
	}
	for _, tt := range tests {
		c.expect("a STATUS Archive ("+tt.items+")", "* STATUS Archive ("+tt.want+")", "a OK Done")
	}
	c.want(c.do("b SELECT Archive"), "b OK")
	c.want(c.do("b EXPUNGE"), "b OK")
	c.expect("b STATUS Archive (MESSAGES SIZE DELETED UIDNEXT)", "* STATUS Archive (MESSAGES 2 SIZE 20 DELETED 0 UIDNEXT 4)", "b OK Done") // of the selected one, too
	for _, bad := range []string{"STATUS", "STATUS Archive", "STATUS Archive ()", "STATUS Archive MESSAGES", "STATUS Archive (NONSENSE)", "STATUS Archive (MESSAGES", "STATUS (MESSAGES) Archive", "STATUS Archive (MESSAGES)x"} {
		c.want(c.do("d "+bad), "d BAD")
	}
	c.want(c.do("e STATUS Fehlt (MESSAGES)"), "e NO [NONEXISTENT]")
}

// The SIZE of STATUS is the sum of what RFC822.SIZE tells of the messages. RFC 8438 §2.
func TestStatusSizeIsTheSum(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(7)...)
	sum := 0
	for _, line := range c.do("a FETCH 1:* RFC822.SIZE") {
		var n, size int
		if _, err := fmt.Sscanf(line, "* %d FETCH (RFC822.SIZE %d)", &n, &size); err == nil {
			sum += size
		}
	}
	if got := c.words("STATUS INBOX (SIZE)", "STATUS INBOX"); sum == 0 || got[1] != fmt.Sprint(sum) {
		t.Errorf("SIZE %s, the messages have %d", got[1], sum)
	}
}

// MAILBOXID belongs to the mailbox, whatever it is called, and is never given to another. RFC 8474 §4.
func TestMailboxIDs(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	id := func(name string) string { return c.words("STATUS "+name+" (MAILBOXID)", "STATUS "+name)[1] }
	lines := c.do("a CREATE eins")
	if want := "a OK [MAILBOXID (" + id("eins") + ")]"; !strings.HasPrefix(lines[0], want) {
		t.Errorf("CREATE: %q, want %s", lines[0], want)
	}
	first := id("eins")
	c.want(c.do("b RENAME eins zwei"), "b OK")
	if id("zwei") != first {
		t.Errorf("renamed from %s to %s", first, id("zwei"))
	}
	c.want(c.do("c CREATE eins"), "c OK")
	second := id("eins")
	c.want(c.do("d DELETE eins"), "d OK")
	c.want(c.do("d CREATE eins"), "d OK")
	if third := id("eins"); first == second || second == third || first == third {
		t.Errorf("ids %s, %s, %s", first, second, third)
	}
	found := false
	for _, line := range c.do("e SELECT zwei") {
		found = found || strings.HasPrefix(line, "* OK [MAILBOXID ("+first+")]")
	}
	if !found {
		t.Error("SELECT does not tell it")
	}
}

// EMAILID belongs to the bytes of a message: copies share it, others do not. THREADID belongs to a conversation. RFC 8474 §5.
func TestEmailAndThreadIDs(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened("|Message-ID: <a@x>\r\nSubject: x\r\n\r\n1", "|Message-ID: <b@x>\r\nReferences: <a@x>\r\nSubject: Re: x\r\n\r\n2", "|Message-ID: <c@x>\r\nSubject: y\r\n\r\n3", "|Message-ID: <a@x>\r\nSubject: x\r\n\r\n1")
	ids := map[int][]string{}
	for n := range 4 {
		w := c.words(fmt.Sprintf("FETCH %d (EMAILID THREADID)", n+1), fmt.Sprintf("%d FETCH", n+1))
		ids[n+1] = []string{w[1], w[3]}
	}
	if ids[1][0] == ids[2][0] || ids[1][0] == ids[3][0] || ids[2][0] == ids[3][0] {
		t.Errorf("different messages share an id: %v", ids)
	}
	if ids[1][1] != ids[2][1] || ids[1][1] == ids[3][1] {
		t.Errorf("threads: %v", ids)
	}
	if ids[1][0] != ids[4][0] {
		t.Errorf("the same bytes have two ids: %v", ids)
	}
	c.want(c.do("a COPY 1:3 Archive"), "a OK")
	c.want(c.do("a MOVE 2 Trash"), "a OK")
	c.want(c.do("a SELECT Archive"), "a OK")
	for n := 1; n <= 3; n++ {
		if w := c.words(fmt.Sprintf("FETCH %d (EMAILID THREADID)", n), fmt.Sprintf("%d FETCH", n)); w[1] != ids[n][0] || w[3] != ids[n][1] {
			t.Errorf("the copy of %d has %v, want %v", n, w, ids[n])
		}
	}
	c.expect("b UID SEARCH EMAILID "+ids[2][0], "* SEARCH 2", "b OK Done")
	c.expect("b UID SEARCH THREADID "+ids[1][1], "* SEARCH 1 2", "b OK Done")
	c.expect("b UID SEARCH EMAILID Mffffffff", "* SEARCH", "b OK Done")
	c.expect("b UID SEARCH EMAILID "+ids[1][1], "* SEARCH", "b OK Done") // an id of another kind
}

// SAVEDATE is when a message came into its mailbox: a copy has a later one, a STORE changes nothing. RFC 8514.
func TestSaveDate(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(`"01-Feb-2020 10:00:00 +0000"|A: b` + "\r\n\r\n")
	saved := c.words("FETCH 1 SAVEDATE", "1 FETCH")
	if strings.Contains(strings.Join(saved, " "), "2020") || saved[0] != "SAVEDATE" {
		t.Errorf("SAVEDATE is the internal date: %v", saved)
	}
	c.want(c.do(`a STORE 1 +FLAGS.SILENT (\Seen)`), "a OK")
	if again := c.words("FETCH 1 SAVEDATE", "1 FETCH"); strings.Join(again, " ") != strings.Join(saved, " ") {
		t.Errorf("a STORE changed it from %v to %v", saved, again)
	}
	c.expect("b SEARCH SAVEDBEFORE 1-Jan-2021", "* SEARCH", "b OK Done")
	c.expect("b SEARCH SAVEDSINCE 1-Jan-2021 BEFORE 1-Jan-2021", "* SEARCH 1", "b OK Done")
	c.expect("b SEARCH SAVEDATESUPPORTED", "* SEARCH 1", "b OK Done")
}

// PREVIEW is text of at most 200 characters, never a literal that breaks a line, and there for each message. RFC 8970 §3.
func TestPreviewItem(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened("|A: b\r\n\r\nHallo \"Welt\"\r\nzweite Zeile\r\n", "|A: b\r\n\r\n", "|Content-Type: text/html\r\n\r\n<p>Gr&uuml;&szlig;e</p>", "|Content-Type: image/png\r\n\r\nxx", "|A: b\r\n\r\n"+strings.Repeat("x", 1000))
	c.expect("a FETCH 1 PREVIEW", `* 1 FETCH (PREVIEW "Hallo \"Welt\" zweite Zeile")`, "a OK Done")
	c.expect("a FETCH 2 PREVIEW", `* 2 FETCH (PREVIEW "")`, "a OK Done")
	c.expect("a FETCH 3 PREVIEW", "* 3 FETCH (PREVIEW {7}", "Grüße)", "a OK Done")
	c.expect("a FETCH 4 PREVIEW", `* 4 FETCH (PREVIEW "")`, "a OK Done")
	c.expect("a FETCH 5 (PREVIEW (LAZY) UID)", `* 5 FETCH (PREVIEW "`+strings.Repeat("x", 200)+`" UID 5)`, "a OK Done")
	c.want(c.do("b ENABLE UTF8=ACCEPT"), "b OK")
	c.expect("b FETCH 3 PREVIEW", `* 3 FETCH (PREVIEW "Grüße")`, "b OK Done")
	c.expect("c FETCH 1:* FLAGS (CHANGEDSINCE 99)", "* OK [HIGHESTMODSEQ …", "c OK Done") // and none of it has set \Seen
	c.expect("d SEARCH SEEN", "* SEARCH", "d OK Done")
	for _, bad := range []string{"PREVIEW (SLOW)", "(PREVIEW ())x", "PREVIEW LAZY", "(PREVIEW (LAZY LAZY)"} {
		c.want(c.do("e FETCH 1 "+bad), "e BAD")
	}
}

// QUOTA counts what is stored, in units of 1,024 bytes, and is none without a limit. RFC 9208 §4.1, §5.1.
func TestQuotaCounts(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened()
	used := func() string { return strings.Join(c.words(`GETQUOTA ""`, `QUOTA ""`), " ") }
	if got := used(); got != "STORAGE 0 102400" {
		t.Errorf("an empty account: %s", got)
	}
	c.appends("INBOX", "|A: b\r\n\r\n"+strings.Repeat("x", 3*1024-8))
	if got := used(); got != "STORAGE 3 102400" {
		t.Errorf("after 3 KiB: %s", got)
	}
	c.appends("INBOX", "|A: b\r\n\r\n")
	if got := used(); got != "STORAGE 4 102400" {
		t.Errorf("and a few bytes: %s", got)
	}
	c.want(c.do("a COPY 1 Archive"), "a OK")
	if got := used(); got != "STORAGE 7 102400" {
		t.Errorf("a copy counts: %s", got)
	}
	c.want(c.do("b SELECT INBOX"), "b OK")
	c.want(c.do(`b STORE 1:* +FLAGS.SILENT (\Deleted)`), "b OK")
	if got := c.words("STATUS INBOX (DELETED DELETED-STORAGE)", "STATUS INBOX"); strings.Join(got, " ") != "DELETED 2 DELETED-STORAGE 3080" {
		t.Errorf("marked: %v", got)
	}
	c.want(c.do("b EXPUNGE"), "b OK")
	if got := used(); got != "STORAGE 3 102400" {
		t.Errorf("after EXPUNGE: %s", got)
	}
	for _, bad := range []string{"GETQUOTA", "GETQUOTAROOT", `GETQUOTA "" x`, "SETQUOTA x", `SETQUOTA "" STORAGE 5`, `SETQUOTA "" (STORAGE)`, `SETQUOTA "" (STORAGE x)`} {
		c.want(c.do("d "+bad), "d BAD")
	}
}

// REPLACE is one step: the new message is there, the old one gone, and a client sees both in an order it can follow. RFC 8508 §3.
func TestReplaceInOneStep(t *testing.T) {
	ts := newTestServer(t)
	c, other := ts.opened(numbered(3)...), ts.opened()
	c.expect("a REPLACE 2 INBOX (\\Draft $Work) \"01-Feb-2026 10:00:00 +0000\" {6+}\r\nA: new", "* OK [APPENDUID … 4] Replacement stored", "* 2 EXPUNGE", "* 3 EXISTS", "* 0 RECENT", "a OK Done")
	c.expect("b UID FETCH 4 (FLAGS INTERNALDATE BODY.PEEK[])", "* FLAGS …", "* OK [PERMANENTFLAGS …", `* 3 FETCH (UID 4 FLAGS (\Draft $Work) INTERNALDATE " 1-Feb-2026 10:00:00 +0000" BODY[] {6}`, "A: new)", "b OK Done")
	other.expect("c NOOP", "* 2 EXPUNGE", "* 3 EXISTS", "* 0 RECENT", "c OK Done")
	// into another mailbox: here it is gone, there it is new
	c.expect("d UID REPLACE 1 Archive {4+}\r\nA: b", "* OK [APPENDUID … 1] Replacement stored", "* 1 EXPUNGE", "d OK Done")
	c.expect("d STATUS Archive (MESSAGES)", "* STATUS Archive (MESSAGES 1)", "d OK Done")
	// what fails changes nothing
	for command, want := range map[string]string{
		"REPLACE 1:2 INBOX {4+}\r\nA: b": "NO [NONEXISTENT]", "REPLACE 9 INBOX {4+}\r\nA: b": "BAD", "UID REPLACE 99 INBOX {4+}\r\nA: b": "NO [NONEXISTENT]", "REPLACE 1 Fehlt {4+}\r\nA: b": "NO [TRYCREATE]",
		"REPLACE 1 INBOX": "BAD", "REPLACE 1 INBOX {0+}\r\n": "NO", "REPLACE 1 INBOX {4+}\r\nA: b {4+}\r\nA: b": "BAD", "REPLACE INBOX {4+}\r\nA: b": "BAD", "REPLACE 1 INBOX (\\Seen {4+}\r\nA: b": "BAD",
	} {
		c.want(c.do("e "+command), "e "+want)
	}
	c.expect("f UID SEARCH ALL", "* SEARCH 3 4", "f OK Done")
	// one that others expunged meanwhile
	other.want(other.do(`x UID STORE 3 +FLAGS.SILENT (\Deleted)`), "x OK")
	other.want(other.do("x EXPUNGE"), "x OK")
	c.want(c.do("g REPLACE 1 INBOX {4+}\r\nA: b"), "g NO [EXPUNGEISSUED]")
	c.expect("h UID SEARCH ALL", "* SEARCH 4", "h OK Done")
}
