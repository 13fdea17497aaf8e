package imapd

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/mailbox"
)

// sharing gives anna the rights to office's mailbox Akten, and returns a session of office.
func (ts *testServer) sharing(letters string) *client {
	ts.Helper()
	ctx := context.Background()
	list, _, err := ts.dir.AddAccounts(ctx, []directory.NewAccount{{Address: "office@school.test", Name: "office", Role: directory.Staff, Password: testPassword}})
	ts.check(err)
	rights, err := mailbox.ParseRights(letters)
	ts.check(err)
	c := ts.login("office")
	c.want(c.do("c CREATE Akten"), "c OK")
	ts.check(ts.mail.AdministerRights(ctx, list[0].ID, "Akten", "anna", mailbox.GrantReplace, rights))
	return c
}

// told is what c has been told when the next command has ended, without that command's own answer.
func (c *client) told() []string {
	c.Helper()
	lines := c.do("told NOOP")
	c.want(lines, "told OK")
	return lines[:len(lines)-1]
}

// TestFiltersAndEvents: each kind of mailboxes with each kind of events is told what it asked for, and nothing else. RFC 5465 §5, §6.
func TestFiltersAndEvents(t *testing.T) {
	const count, flags = "(MessageNew MessageExpunge)", "(MessageNew MessageExpunge FlagChange)"
	happenings := []struct{ box, command, kind string }{
		{"INBOX", "APPEND INBOX {4+}\r\nA: b", "count"}, {"Klasse/7b", "APPEND Klasse/7b {4+}\r\nA: b", "count"}, {"Akten", "APPEND Akten {4+}\r\nA: b", "count"},
		{"INBOX", `UID STORE 1 +FLAGS (\Deleted)`, "flag"}, {"Klasse/7b", `UID STORE 1 +FLAGS (\Deleted)`, "flag"}, {"Akten", `UID STORE 1 +FLAGS (\Deleted)`, "flag"},
		{"INBOX", "EXPUNGE", "count"}, {"Klasse/7b", "EXPUNGE", "count"}, {"Akten", "EXPUNGE", "count"},
		{"Klasse/7b/neu", "CREATE Klasse/7b/neu", "name"}, {"Klasse/7b/neu", "DELETE Klasse/7b/neu", "name"},
		{"Klasse/7b", "SUBSCRIBE Klasse/7b", "subscription"}, {"Klasse/7b", "UNSUBSCRIBE Klasse/7b", "subscription"},
		{"Klasse/7b", `SETMETADATA Klasse/7b (/shared/comment "x")`, "metadata"}, {"Akten", `SETMETADATA Akten (/shared/comment "x")`, "metadata"},
		{"", `SETMETADATA "" (/private/comment "x")`, "server"},
	}
	tests := []struct{ groups, want string }{
		{"(personal " + count + ")", "count INBOX, count Klasse/7b, count INBOX, count Klasse/7b"},
		{"(inboxes " + flags + ")", "count INBOX, count Klasse/7b, flag INBOX, flag Klasse/7b, count INBOX, count Klasse/7b"},
		{"(subscribed " + flags + ")", "count INBOX, count Akten, flag INBOX, flag Akten, count INBOX, count Akten, subscription Klasse/7b"}, // its counts are news then
		{"(subtree Klasse " + flags + ")", "count Klasse/7b, flag Klasse/7b, count Klasse/7b"},
		{`(mailboxes (INBOX "Other Users/office/Akten") ` + count + ")", "count INBOX, count Akten, count INBOX, count Akten"},
		{`(subtree ("Other Users" INBOX) ` + flags + ")", "count INBOX, count Akten, flag INBOX, flag Akten, count INBOX, count Akten"},
		{"(personal (MailboxName))", "name Klasse/7b/neu, name Klasse/7b/neu"},
		{"(mailboxes Klasse/7b (MailboxName))", "name Klasse/7b/neu, name Klasse/7b/neu"}, // the level above is affected
		{"(subscribed (MailboxName))", ""},
		{"(personal (SubscriptionChange))", "subscription Klasse/7b, subscription Klasse/7b"},
		{"(subscribed (SubscriptionChange))", "subscription Klasse/7b, subscription Klasse/7b"},
		{"(mailboxes INBOX (SubscriptionChange))", ""},
		{"(personal (MailboxMetadataChange))", "metadata Klasse/7b"},
		{"(subscribed (MailboxMetadataChange ServerMetadataChange))", "metadata Akten, server "},
		{"(mailboxes INBOX (ServerMetadataChange))", "server "},
		{"(selected " + flags + ")", ""},
		{"(personal NONE)", ""},
	}
	ts := newTestServer(t)
	office := ts.sharing("lr")
	other := ts.login("anna")
	other.want(other.do("c CREATE Klasse/7b"), "c OK")
	other.want(other.do("c UNSUBSCRIBE Klasse/7b"), "c OK")
	other.want(other.do(`c SUBSCRIBE "Other Users/office/Akten"`), "c OK")
	sessions := make([]*client, len(tests))
	for i, tt := range tests {
		sessions[i] = ts.login("anna")
		sessions[i].want(sessions[i].do("n NOTIFY SET "+tt.groups), "n OK")
	}
	got := make([][]string, len(tests))
	for _, h := range happenings {
		who := other
		if h.box == "Akten" {
			who = office
		}
		command := h.command
		if h.kind == "flag" || command == "EXPUNGE" {
			who.want(who.do("s SELECT "+h.box), "s OK")
			command = strings.Replace(command, "UID STORE 1 ", "STORE * ", 1)
		}
		who.want(who.do("h "+command), "h OK")
		for i, c := range sessions {
			if len(c.told()) > 0 {
				got[i] = append(got[i], h.kind+" "+h.box)
			}
		}
	}
	for i, tt := range tests {
		if s := strings.Join(got[i], ", "); s != tt.want {
			t.Errorf("%s is told\n     %s\nwant %s", tt.groups, s, tt.want)
		}
	}
}

// TestNotifyFollows: a client that only listens knows the counts of all its mailboxes, whatever other sessions do, and while it does something, too.
func TestNotifyFollows(t *testing.T) {
	rounds := 150
	if os.Getenv("SCHULHOF_E2E") != "" {
		rounds = 5000
	}
	r := rand.New(rand.NewPCG(5465, 1))
	ts := newTestServer(t)
	c, others := ts.login("anna"), []*client{ts.login("anna"), ts.login("anna")}
	known := map[string]string{}
	hear := func(lines []string) {
		for _, line := range lines {
			name, counts, ok := strings.Cut(strings.TrimPrefix(line, "* STATUS "), " ")
			switch {
			case strings.HasPrefix(line, "* STATUS ") && ok:
				known[name] = counts
			case strings.Contains(line, `\NonExistent`):
				delete(known, line[strings.LastIndex(line, " ")+1:])
			case strings.HasPrefix(line, "* LIST ") && strings.Contains(line, "OLDNAME"):
				_, names, _ := strings.Cut(line, `"/" `)
				now, old, _ := strings.Cut(names, ` ("OLDNAME" (`)
				old = strings.TrimSuffix(old, "))")
				known[now] = known[old]
				delete(known, old)
			}
		}
	}
	hear(c.do("n NOTIFY SET STATUS (personal (MessageNew MessageExpunge FlagChange MailboxName))"))
	boxes := []string{"INBOX", "Archive", "Sent", "a", "b"}
	pick := func() string { return boxes[r.IntN(len(boxes))] }
	for range rounds {
		o := others[r.IntN(len(others))]
		switch r.IntN(8) {
		case 0:
			o.do("x CREATE " + pick())
		case 1:
			o.do("x DELETE " + []string{"a", "b"}[r.IntN(2)])
		case 2:
			o.do("x RENAME a b")
		case 3:
			o.do("x SELECT " + pick())
			o.do(`x STORE 1 +FLAGS.SILENT (\Deleted)`)
			o.do("x CLOSE")
			o.do("x NOOP") // so that never too many commands in a row fail
		case 4:
			o.do("x SELECT " + pick())
			o.do(`x STORE * FLAGS.SILENT (\Seen)`)
			o.do("x UNSELECT")
			o.do("x NOOP")
		case 5: // the listener itself, which is told of others all the same
			o.send("x APPEND Sent {4+}\r\nA: b\r\n")
			hear(c.do("y APPEND Sent {4+}\r\nA: b"))
			o.until("x")
			hear(c.told())
			hear(c.do("y STATUS Sent (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)"))
		default:
			o.do("x APPEND " + pick() + " {4+}\r\nA: b")
		}
	}
	hear(c.told())
	for _, line := range others[0].do(`z LIST "" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ))`) {
		name, counts, ok := strings.Cut(strings.TrimPrefix(line, "* STATUS "), " ")
		if !ok || !strings.HasPrefix(line, "* STATUS ") {
			continue
		}
		if known[name] != counts && (known[name] != "" || !strings.Contains(counts, "UIDNEXT 1 ")) {
			t.Errorf("of %s it knows %s, there is %s", name, known[name], counts)
		}
		delete(known, name)
	}
	for name, counts := range known {
		if counts != "" {
			t.Errorf("it knows %s, which is not there", name)
		}
	}
}

// TestNotifyEndsWithTheSession: nothing that NOTIFY started outlives its session, however that ends.
func TestNotifyEndsWithTheSession(t *testing.T) {
	ts := newTestServer(t)
	var waiting []*client
	for i := range 12 {
		c := ts.login("anna")
		c.want(c.do("a SELECT INBOX"), "a OK")
		c.want(c.do("b NOTIFY SET (selected (MessageNew (UID) MessageExpunge)) (subscribed (MessageNew MessageExpunge MailboxName))"), "b OK")
		switch i % 4 {
		case 0:
			c.nc.Close()
		case 1:
			c.want(c.do("c LOGOUT"), "c OK")
		case 2:
			c.send("c IDLE\r\n")
			c.until("+")
			waiting = append(waiting, c)
		default:
			waiting = append(waiting, c)
		}
	}
	ts.deliver("Eins")
	for _, c := range waiting {
		for !strings.HasPrefix(c.line(), "* 1 FETCH (UID 1)") {
		}
	}
	ts.check(ts.stop())
	for _, c := range waiting {
		if line := c.line(); !strings.HasPrefix(line, "* BYE [UNAVAILABLE]") {
			t.Errorf("got %q", line)
		}
	}
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	if strings.Contains(string(stacks), "imapd.(*conn)") {
		t.Errorf("goroutines are left:\n%s", stacks)
	}
}

// TestNotifiedSessionEnds: an account that changes ends a session that only listens, at once.
func TestNotifiedSessionEnds(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	c.want(c.do("a NOTIFY SET (personal (MailboxName))"), "a OK")
	ts.disable("anna")
	if line := c.line(); !strings.HasPrefix(line, "* BYE Logged out") {
		t.Errorf("got %q", line)
	}
}

// TestNotifyCompressed: what is told between commands is compressed like everything else. RFC 4978.
func TestNotifyCompressed(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	c.want(c.do("a COMPRESS DEFLATE"), "a OK")
	c = c.deflated()
	c.want(c.do("b NOTIFY SET (mailboxes INBOX (MessageNew MessageExpunge))"), "b OK")
	for i := range 3 {
		ts.deliver(fmt.Sprint(i))
		if want := fmt.Sprintf("* STATUS INBOX (MESSAGES %d UIDNEXT %d UIDVALIDITY ", i+1, i+2); !strings.HasPrefix(c.line(), want) {
			t.Errorf("delivery %d is not told", i)
		}
	}
}

// TestOldSharesStayQuiet: whose mailboxes are not among the groups wakes nobody up, and changes nothing.
func TestOldSharesStayQuiet(t *testing.T) {
	ts := newTestServer(t)
	office := ts.sharing("lr")
	c := ts.login("anna")
	c.want(c.do("a NOTIFY SET STATUS (personal (MessageNew MessageExpunge FlagChange MailboxName))"), "a OK")
	office.want(office.do("x APPEND Akten {4+}\r\nA: b"), "x OK")
	office.want(office.do("x RENAME Akten Alt"), "x OK")
	if lines := c.told(); !slices.Equal(lines, []string{}) {
		t.Errorf("told %q", lines)
	}
}
