package imapd

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// While sequence numbers are in use none may shift: no EXPUNGE during FETCH, STORE, SEARCH, SORT and THREAD by number, and none
// outside of a command; every other command tells it. RFC 9051 §7.5.1, RFC 2180 §4.1.
func TestWhenExpungeIsTold(t *testing.T) {
	tests := []struct {
		command string
		told    bool
	}{
		{"FETCH 1 FLAGS", false}, {"FETCH 3 BODY.PEEK[]", false}, {"STORE 1 +FLAGS (a)", false}, {`STORE 1 FLAGS.SILENT (\Seen)`, false}, {"SEARCH ALL", false}, {"SEARCH UID 1:*", false},
		{"SORT (DATE) UTF-8 ALL", false}, {"THREAD REFERENCES UTF-8 ALL", false}, {"SEARCH RETURN (COUNT) ALL", false},
		{"UID FETCH 1 FLAGS", true}, {"UID STORE 1 +FLAGS (a)", true}, {"UID SEARCH ALL", true}, {"UID SORT (DATE) UTF-8 ALL", true}, {"UID THREAD REFERENCES UTF-8 ALL", true},
		{"NOOP", true}, {"CHECK", true}, {"CAPABILITY", true}, {`LIST "" *`, true}, {"STATUS Archive (MESSAGES)", true}, {"COPY 1 Archive", true}, {"UID COPY 1 Archive", true}, {"EXPUNGE", true},
		{"UID EXPUNGE 99", true}, {"APPEND Archive {4+}\r\nA: b", true}, {"NAMESPACE", true}, {"SUBSCRIBE Archive", true}, {"CREATE neu", true}, {"GETQUOTA \"\"", true}, {"IDLE\r\nDONE", true},
	}
	ts := newTestServer(t)
	for i, tt := range tests {
		t.Run(strings.ReplaceAll(tt.command, "\r\n", " "), func(t *testing.T) {
			box := fmt.Sprint("box", i)
			c := ts.openedBox(box, numbered(3)...)
			other := ts.openedBox(box)
			c.TB, other.TB = t, t
			other.want(other.do(`x STORE 2 +FLAGS.SILENT (\Deleted)`), "x OK")
			other.want(other.do("x EXPUNGE"), "x OK")
			lines := c.do("a " + tt.command)
			c.want(lines, "a OK")
			if told := slices.Contains(lines, "* 2 EXPUNGE"); told != tt.told {
				t.Errorf("EXPUNGE told: %v, want %v\n%s", told, tt.told, strings.Join(lines, "\n"))
			}
			rest := c.do("b NOOP")
			if told := slices.Contains(rest, "* 2 EXPUNGE"); told == tt.told {
				t.Errorf("afterwards told: %v\n%s", told, strings.Join(rest, "\n"))
			}
			c.expect("c UID SEARCH ALL", "* SEARCH 1 3", "c OK Done")
		})
	}
}

// What others add and change is told after every command, with the size before the flags, and once. RFC 9051 §5.2, §7.5.
func TestChangesOfOthers(t *testing.T) {
	ts := newTestServer(t)
	c, other := ts.opened(numbered(2)...), ts.opened()
	other.want(other.do(`x STORE 1 +FLAGS.SILENT (\Seen)`), "x OK")
	other.appends("INBOX", numbered(1)...)
	c.expect("a NOOP", "* 3 EXISTS", "* 0 RECENT", `* 1 FETCH (UID 1 FLAGS (\Seen))`, "a OK Done")
	c.expect("a NOOP", "a OK Done")
	// a flag that nobody had: its name first
	other.want(other.do(`x STORE 2 +FLAGS.SILENT (Klasse7b)`), "x OK")
	c.expect("b NOOP", `* FLAGS (\Seen \Answered \Flagged \Deleted \Draft Klasse7b)`, "* OK [PERMANENTFLAGS …", "* 2 FETCH (UID 2 FLAGS (Klasse7b))", "b OK Done")
	// there and back: nothing has changed but the modseq
	other.want(other.do(`x STORE 2 -FLAGS.SILENT (Klasse7b)`), "x OK")
	other.want(other.do(`x STORE 2 +FLAGS.SILENT (Klasse7b)`), "x OK")
	c.expect("c NOOP", "* 2 FETCH (UID 2 FLAGS (Klasse7b))", "c OK Done")
	// added and expunged before anybody saw it
	other.appends("INBOX", numbered(1)...)
	other.want(other.do(`x STORE 4 +FLAGS.SILENT (\Deleted)`), "x OK")
	other.want(other.do("x EXPUNGE"), "x OK")
	c.expect("d NOOP", "d OK Done")
	c.expect("d STATUS INBOX (UIDNEXT)", "* STATUS INBOX (UIDNEXT 5)", "d OK Done")
}

// Expunged messages are told from the last, so that each number is right when it is said. RFC 9051 §7.5.1.
func TestExpungeNumbers(t *testing.T) {
	ts := newTestServer(t)
	c, other := ts.opened(numbered(9)...), ts.opened()
	view := []int{1, 2, 3, 4, 5, 6, 7, 8, 9}
	other.want(other.do(`x STORE 1,3:5,9 +FLAGS.SILENT (\Deleted)`), "x OK")
	other.want(other.do("x EXPUNGE"), "x OK")
	for _, line := range c.do("a NOOP") {
		var n int
		if _, err := fmt.Sscanf(line, "* %d EXPUNGE", &n); err == nil {
			view = slices.Delete(view, n-1, n)
		}
	}
	if !slices.Equal(view, []int{2, 6, 7, 8}) {
		t.Errorf("a client that counts along has %v", view)
	}
	c.expect("b UID SEARCH ALL", "* SEARCH 2 6 7 8", "b OK Done")
}

// A session that has not been told of an expunge goes on with its own numbers: they mean what it knows. RFC 2180 §4.1, §4.2.
func TestNumbersOfWhatIsGone(t *testing.T) {
	ts := newTestServer(t)
	c, other := ts.opened(numbered(3)...), ts.opened()
	other.want(other.do(`x STORE 1 +FLAGS.SILENT (\Deleted)`), "x OK")
	other.want(other.do("x EXPUNGE"), "x OK")
	c.expect("a FETCH 2:3 UID", "* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)", "a OK Done")
	c.expect(`b STORE 2 +FLAGS (\Flagged)`, `* 2 FETCH (FLAGS (\Flagged))`, "b OK Done")
	c.expect("c SEARCH ALL", "* SEARCH 2 3", "c OK Done")
	c.expect("d SEARCH 1", "* SEARCH", "d OK Done")
	c.expect(`e STORE 1:2 +FLAGS (\Seen)`, `* 2 FETCH (FLAGS (\Seen \Flagged))`, "e NO [EXPUNGEISSUED] …")
	c.want(c.do("f COPY 1:2 Archive"), "f NO [EXPUNGEISSUED]") // all or nothing; and now it is told
	c.expect("g FETCH 1:* UID", "* 1 FETCH (UID 2)", "* 2 FETCH (UID 3)", "g OK Done")
	c.expect("h STATUS Archive (MESSAGES)", "* STATUS Archive (MESSAGES 0)", "h OK Done")
}

// A mailbox that is deleted under a session ends that session, and no other.
func TestDeletedUnderASession(t *testing.T) {
	ts := newTestServer(t)
	c, other, idle := ts.login("anna"), ts.login("anna"), ts.login("anna")
	other.want(other.do("x CREATE weg"), "x OK")
	c.want(c.do("a SELECT weg"), "a OK")
	idle.want(idle.do("a SELECT weg"), "a OK")
	idle.send("b IDLE\r\n")
	idle.until("+")
	other.want(other.do("x DELETE weg"), "x OK")
	for _, s := range []*client{c, idle} {
		if s == c {
			s.send("b NOOP\r\n")
		}
		if got := s.line(); !strings.HasPrefix(got, "* BYE") {
			t.Errorf("got %q, want BYE", got)
		}
		if got := s.line(); got != "<closed>" {
			t.Errorf("after BYE: %q", got)
		}
	}
	other.want(other.do("y NOOP"), "y OK")
}

// Renaming the mailbox that others have open keeps their sessions: it is the same mailbox. RFC 9051 §6.3.6.
func TestRenamedUnderASession(t *testing.T) {
	ts := newTestServer(t)
	c, other := ts.login("anna"), ts.login("anna")
	other.want(other.do("x CREATE alt"), "x OK")
	other.appends("alt", numbered(1)...)
	c.want(c.do("a SELECT alt"), "a OK")
	other.want(other.do("x RENAME alt neu"), "x OK")
	c.expect("b FETCH 1 UID", "* 1 FETCH (UID 1)", "b OK Done")
	other.appends("neu", numbered(1)...)
	c.expect("c NOOP", "* 2 EXISTS", "* 0 RECENT", "c OK Done")
	c.want(c.do(`d STORE 1 +FLAGS.SILENT (\Seen)`), "d OK")
}

// Many sessions change one mailbox at once; a client that only counts along ends with what a fresh one sees.
func TestCountingAlong(t *testing.T) {
	ts := newTestServer(t)
	const sessions, rounds = 6, 12
	setup := ts.login("anna")
	setup.appends("INBOX", numbered(30)...)
	clients := make([]*client, sessions)
	for i := range clients {
		clients[i] = ts.opened()
	}
	watcher := ts.opened()
	count := 30
	listen := func(lines []string) {
		for _, line := range lines {
			var n int
			if _, err := fmt.Sscanf(line, "* %d EXISTS", &n); err == nil && strings.HasSuffix(line, "EXISTS") {
				if n < count {
					t.Errorf("%d messages after %d, without an EXPUNGE", n, count)
				}
				count = n
			} else if strings.HasSuffix(line, "EXPUNGE") {
				if _, err := fmt.Sscanf(line, "* %d EXPUNGE", &n); err != nil || n < 1 || n > count {
					t.Errorf("%q of %d messages", line, count)
				}
				count--
			}
		}
	}
	for round := range rounds {
		for i, c := range clients {
			c.send(fmt.Sprintf("r STORE %d +FLAGS.SILENT (\\Deleted k%d)\r\n", 1+(round+i)%3, i))
			if (round+i)%4 == 0 {
				c.send("e EXPUNGE\r\n")
			}
			c.send("p APPEND INBOX {4+}\r\nA: b\r\n")
		}
		listen(watcher.do("w NOOP"))
		for _, c := range clients {
			c.until("p")
		}
	}
	listen(watcher.do("w NOOP"))
	fresh := ts.opened()
	words, _ := untagged(fresh.do("f STATUS INBOX (MESSAGES)"), "STATUS INBOX")
	if want := fmt.Sprintf("(MESSAGES %d)", count); strings.Join(words, " ") != want {
		t.Errorf("the mailbox has %v, counting along gives %s", words, want)
	}
	a := strings.Join(watcher.do("g FETCH 1:* (UID FLAGS)"), "\n")
	if b := strings.Join(fresh.do("g FETCH 1:* (UID FLAGS)"), "\n"); a != b {
		t.Errorf("a session that was there all the time sees\n%s\na fresh one\n%s", a, b)
	}
}
