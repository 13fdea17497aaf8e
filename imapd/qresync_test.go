package imapd

import (
	"fmt"
	"strings"
	"testing"
)

// resyncLines are what SELECT with QRESYNC says besides what it always says.
func (c *client) resyncLines(params string) []string {
	c.Helper()
	lines := c.do("q SELECT INBOX (QRESYNC (" + params + "))")
	c.want(lines, "q OK [READ-WRITE]")
	var news []string
	for _, line := range lines {
		if strings.Contains(line, " FETCH (") || strings.Contains(line, "VANISHED") {
			news = append(news, line)
		}
	}
	return news
}

// A client that was away is told what vanished and what changed, of what it knows. RFC 7162 §3.2.5.
func TestResyncAfterBeingAway(t *testing.T) {
	ts := newTestServer(t)
	other := ts.opened(numbered(8)...)
	validity := uidValidityOf(t, other)
	c := ts.login("anna")
	c.want(c.do("a ENABLE QRESYNC"), "a OK")
	other.want(other.do(`x STORE 2,4 +FLAGS.SILENT (\Deleted)`), "x OK") // modseq 3
	other.want(other.do("x EXPUNGE"), "x OK")                            // 4
	other.want(other.do(`x UID STORE 6 +FLAGS.SILENT (\Seen)`), "x OK")  // 5
	other.appends("INBOX", numbered(1)...)                               // 6: UID 9
	tests := []struct {
		name, params string
		want         []string
	}{
		{"all that happened", fmt.Sprintf("%d 2", validity), []string{"* VANISHED (EARLIER) 2,4", `* 4 FETCH (UID 6 MODSEQ (5) FLAGS (\Seen))`, "* 7 FETCH (UID 9 MODSEQ (6) FLAGS ())"}},
		{"of what it knows", fmt.Sprintf("%d 2 1:3", validity), []string{"* VANISHED (EARLIER) 2"}},
		{"the expunge is known", fmt.Sprintf("%d 4", validity), []string{`* 4 FETCH (UID 6 MODSEQ (5) FLAGS (\Seen))`, "* 7 FETCH (UID 9 MODSEQ (6) FLAGS ())"}},
		{"everything is known", fmt.Sprintf("%d 6", validity), nil},
		{"more than there is", fmt.Sprintf("%d 9223372036854775807", validity), nil},
		{"another mailbox of that name", fmt.Sprintf("%d 2", validity+1), nil},
		{"match data", fmt.Sprintf("%d 2 1:8 (1,3,6 1,3,8)", validity), []string{"* VANISHED (EARLIER) 2,4", `* 4 FETCH (UID 6 MODSEQ (5) FLAGS (\Seen))`}},
		{"match data without known UIDs", fmt.Sprintf("%d 5 (1 1)", validity), []string{"* 7 FETCH (UID 9 MODSEQ (6) FLAGS ())"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c.TB = t
			got := c.resyncLines(tt.params)
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("SELECT INBOX (QRESYNC (%s)):\n%s\nwant\n%s", tt.params, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func uidValidityOf(t *testing.T, c *client) (validity int) {
	t.Helper()
	words, _ := untagged(c.do("v STATUS INBOX (UIDVALIDITY)"), "STATUS INBOX")
	if _, err := fmt.Sscanf(strings.Join(words, " "), "(UIDVALIDITY %d)", &validity); err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	return validity
}

// The parameters of QRESYNC. RFC 7162 §3.2.5, §7: the UIDVALIDITY and the modseq are not 0, sets have no *, numbers pair with UIDs.
func TestResyncSyntax(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	c.want(c.do("a SELECT INBOX (QRESYNC (1 1))"), "a BAD ENABLE QRESYNC first")
	c.want(c.do("a ENABLE QRESYNC"), "a OK")
	for _, good := range []string{"(QRESYNC (1 1))", "(QRESYNC (1 1 1:5))", "(QRESYNC (1 1 1:5 (1 1)))", "(QRESYNC (1 1 (1:3 5:7)))", "(CONDSTORE QRESYNC (1 1))", "(QRESYNC (1 1) CONDSTORE)", "()", "(qresync (1 1))"} {
		c.want(c.do("b SELECT INBOX "+good), "b OK")
	}
	for _, bad := range []string{
		"(QRESYNC)", "(QRESYNC ())", "(QRESYNC (1))", "(QRESYNC 1 1)", "(QRESYNC (0 1))", "(QRESYNC (1 1 ))", "(QRESYNC (1 1 1:*))", "(QRESYNC (1 1 $))", "(QRESYNC (1 1 1:5 6:7))", "(QRESYNC (1 1 1:5 (1)))",
		"(QRESYNC (1 1 1:5 (1:2 1)))", "(QRESYNC (1 1 1:5 (1 *)))", "(QRESYNC (1 1 1:5 () ))", "(QRESYNC (1 1 x))", "(QRESYNC (4294967296 1))", "(QRESYNC (1 9223372036854775808))", "(QRESYNC (1 1 1:5 (1:20000 1:20000)))",
		"(QRESYNC (1 1) QRESYNC", "(UNKNOWN)", "QRESYNC (1 1)", "(QRESYNC (1 1)", "(QRESYNC (-1 1))",
	} {
		c.want(c.do("d SELECT INBOX "+bad), "d BAD")
		c.want(c.do("z NOOP"), "z OK")
	}
}

// With QRESYNC enabled every expunge is told as VANISHED with UIDs, and the commands that expunge tell up to where the view is
// complete. RFC 7162 §3.2.7 to §3.2.10.
func TestVanishedInsteadOfExpunge(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	c.appends("INBOX", numbered(9)...)
	c.want(c.do("a ENABLE QRESYNC"), "a OK")
	c.want(c.do("a SELECT INBOX"), "a OK")
	c.want(c.do(`b STORE 1:2,5 +FLAGS.SILENT (\Deleted)`), "b OK")
	c.expect("c EXPUNGE", "* VANISHED 1:2,5", "c OK [HIGHESTMODSEQ 4] EXPUNGE completed")
	c.want(c.do(`d UID STORE 3,4 +FLAGS.SILENT (\Deleted)`), "d OK")
	c.expect("e UID EXPUNGE 1:3", "* VANISHED 3", "e OK [HIGHESTMODSEQ 6] EXPUNGE completed")
	c.expect("f EXPUNGE", "* VANISHED 4", "f OK [HIGHESTMODSEQ 7] …")
	c.expect("g EXPUNGE", "g OK [HIGHESTMODSEQ 7] …")
	c.expect("h UID MOVE 6:7 Archive", "* OK [COPYUID … 6:7 1:2] Moved", "* VANISHED 6:7", "h OK [HIGHESTMODSEQ 8] MOVE completed")
	other := ts.opened()
	other.want(other.do(`x STORE 1 +FLAGS.SILENT (\Deleted)`), "x OK")
	other.expect("x EXPUNGE", "* 1 EXPUNGE", "x OK Done")
	c.expect("i NOOP", "* VANISHED 8", "i OK Done")
	// CLOSE tells nothing; the next SELECT with QRESYNC does
	validity := uidValidityOf(t, c)
	c.want(c.do(`j STORE 1 +FLAGS.SILENT (\Deleted)`), "j OK")
	c.want(c.do("j CLOSE"), "j OK")
	if got := c.resyncLines(fmt.Sprintf("%d 11", validity)); strings.Join(got, "\n") != "* VANISHED (EARLIER) 9" {
		t.Errorf("after CLOSE: %q", got)
	}
}

// UID FETCH with VANISHED tells what is gone of the set, once, before what changed. RFC 7162 §3.2.6.
func TestFetchVanished(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	c.appends("INBOX", numbered(6)...)
	c.want(c.do("a SELECT INBOX"), "a OK")
	c.want(c.do("b UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)"), "b BAD VANISHED wants")
	c.want(c.do("c ENABLE QRESYNC"), "c OK")
	c.want(c.do(`d STORE 2:3,6 +FLAGS.SILENT (\Deleted)`), "d OK")
	c.want(c.do("d EXPUNGE"), "d OK")
	c.want(c.do(`d UID STORE 4 +FLAGS.SILENT (\Seen)`), "d OK")
	c.expect("e UID FETCH 1:* UID (CHANGEDSINCE 2 VANISHED)", "* VANISHED (EARLIER) 2:3,6", "* 2 FETCH (UID 4 MODSEQ (5))", "e OK Done")
	c.expect("f UID FETCH 3:5 UID (VANISHED CHANGEDSINCE 2)", "* VANISHED (EARLIER) 3", "* 2 FETCH (UID 4 MODSEQ (5))", "f OK Done")
	c.expect("g UID FETCH 1:* UID (CHANGEDSINCE 4 VANISHED)", "* 2 FETCH (UID 4 MODSEQ (5))", "g OK Done")
	c.expect("h UID FETCH 100:200 UID (CHANGEDSINCE 1 VANISHED)", "h OK Done")
	for _, bad := range []string{"FETCH 1:* UID (CHANGEDSINCE 2 VANISHED)", "UID FETCH 1:* UID (VANISHED)", "UID FETCH 1:* UID (CHANGEDSINCE VANISHED)"} {
		c.want(c.do("i "+bad), "i BAD")
	}
}

// Enabling is told once for each name, unknown ones are passed over, and it holds until UNAUTHENTICATE. RFC 5161, RFC 8437.
func TestEnable(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	c.expect("a ENABLE X-NONE CONDSTORE condstore", "* ENABLED CONDSTORE", "a OK Done")
	c.expect("b ENABLE CONDSTORE QRESYNC", "* ENABLED QRESYNC", "b OK Done")
	c.expect("c ENABLE IMAP4rev2 UTF8=ACCEPT IDLE", "* ENABLED IMAP4rev2 UTF8=ACCEPT", "c OK Done")
	c.expect("d ENABLE X-NONE", "* ENABLED", "d OK Done")
	c.want(c.do("e ENABLE"), "e BAD")
	c.want(c.do("e ENABLE "), "e BAD")
	c.want(c.do("f UNAUTHENTICATE"), "f OK")
	c.want(c.do("g ENABLE CONDSTORE"), "g BAD log in first")
	c.want(c.do(`h LOGIN anna "`+testPassword+`"`), "h OK")
	c.expect("i ENABLE CONDSTORE", "* ENABLED CONDSTORE", "i OK Done")
}
