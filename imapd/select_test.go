package imapd

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"schulhof/mailbox"
)

// fill appends n copies of one small message to anna's INBOX.
func (ts *testServer) fill(n int) {
	ts.Helper()
	spool := ts.mail.NewSpool()
	defer spool.Close()
	_, err := spool.Write([]byte("Subject: many\r\n\r\n"))
	ts.check(err)
	p, err := ts.mail.Prepare(context.Background(), spool)
	ts.check(err)
	defer p.Release()
	list := make([]mailbox.Appended, n)
	for i := range list {
		list[i].Message = p
	}
	_, err = ts.mail.Append(context.Background(), ts.anna, "INBOX", list)
	ts.check(err)
}

// When the log of expunged messages no longer reaches back to what the client knows, every UID that does not exist is
// told, as far as the client knows it. RFC 7162 §3.2.5.2.
func TestResyncBeyondTheLog(t *testing.T) {
	const pairs = 4200 // each leaves a run of its own in the log, which keeps fewer
	ts := newTestServer(t)
	ts.fill(2 * pairs)
	box, err := ts.mail.Open(t.Context(), ts.anna, "INBOX")
	ts.check(err)
	defer box.Close()
	odd := make([]mailbox.UID, 0, pairs)
	for i := range pairs {
		odd = append(odd, mailbox.UID(2*i+1))
	}
	_, err = box.StoreFlags(t.Context(), odd, mailbox.FlagOp{Mode: mailbox.FlagsAdd, Flags: mailbox.DeletedFlag})
	ts.check(err)
	_, err = box.Expunge(t.Context(), nil)
	ts.check(err)
	_, complete, err := box.Expunged(t.Context(), 1)
	ts.check(err)
	if complete {
		t.Fatal("the log still reaches back: the test shows nothing")
	}
	validity := box.Mailbox().UIDValidity
	tests := []struct{ name, known, want string }{
		{"all that is missing", "", "1,3,5,7,"},
		{"what the client knows", " 6:9,8399", "7,9,8399"},
		{"nothing that it knows", " 2,4", ""},
		{"match data that holds from the first", " 1:10 (1:2 2,4)", "5,7,9"},
		{"match data that holds nowhere", " 1:10 (3:4 2,4)", "1,3,5,7,9"},
	}
	c := ts.login("anna")
	c.do("a ENABLE QRESYNC")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := ""
			for _, line := range c.do(fmt.Sprintf("b SELECT INBOX (QRESYNC (%d 1%s))", validity, test.known)) {
				if uids, ok := strings.CutPrefix(line, "* VANISHED (EARLIER) "); ok {
					got = uids
				}
			}
			if got != test.want && !(strings.HasSuffix(test.want, ",") && strings.HasPrefix(got, test.want)) {
				t.Errorf("vanished %.60q, want %q", got, test.want)
			}
		})
	}
}

// A set of numbers beyond the mailbox is an error, of UIDs it is not. RFC 9051 §6.4.9, §9 seq-number.
func TestResolve(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	c.do("a SELECT INBOX")
	c.want(c.do("b FETCH 1:* FLAGS"), "b OK")
	c.want(c.do("b FETCH 1 FLAGS"), "b BAD")
	c.want(c.do("b UID FETCH 1:* FLAGS"), "b OK")
	ts.fill(5)
	c.want(c.do("a SELECT INBOX"), "a OK")
	tests := []struct {
		set     string
		answers int // -1: BAD
		byUID   int
	}{
		{"1:*", 5, 5}, {"*", 1, 1}, {"5:1", 5, 5}, {"2,4,2:3", 3, 3}, {"6", -1, 0}, {"4:6", -1, 2}, {"6:*", 1, 1}, {"1:4294967295", 5, 5},
		{"$", 0, 0}, {"7:9", -1, 0},
	}
	for _, test := range tests {
		for prefix, want := range map[string]int{"": test.answers, "UID ": test.byUID} {
			lines := c.do("c " + prefix + "FETCH " + test.set + " FLAGS")
			got := len(lines) - 1
			if strings.HasPrefix(lines[got], "c BAD") {
				got = -1
			}
			if got != want {
				t.Errorf("%sFETCH %s: %d answers, want %d (%q)", prefix, test.set, got, want, lines)
			}
		}
	}
}

// Many sessions on one mailbox: after NOOP all say the same.
func TestManySessions(t *testing.T) {
	ts := newTestServer(t)
	ts.fill(20)
	sessions := make([]*client, 10)
	for i := range sessions {
		sessions[i] = ts.login("anna")
		sessions[i].do("a SELECT INBOX")
	}
	for i, c := range sessions {
		c.send(fmt.Sprintf("b UID STORE %d +FLAGS.SILENT (\\Deleted k%d)\r\nc EXPUNGE\r\n", i+1, i))
	}
	for _, c := range sessions {
		c.until("c")
	}
	want := ""
	for i, c := range sessions {
		c.do("d NOOP")
		got := strings.Join(c.do("e FETCH 1:* (UID FLAGS)"), "\n")
		if i == 0 {
			want = got
		}
		if got != want || strings.Count(got, "UID") != 10 {
			t.Errorf("session %d sees\n%s\nthe first\n%s", i, got, want)
		}
	}
}
