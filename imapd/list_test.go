package imapd

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// names are those that a LIST answer has, in order.
func names(lines []string) (out []string) {
	for _, line := range lines {
		if i := strings.Index(line, `"/" `); i >= 0 && (strings.HasPrefix(line, "* LIST") || strings.HasPrefix(line, "* LSUB")) {
			name, _, _ := strings.Cut(line[i+4:], ` ("`)
			out = append(out, strings.Trim(name, `"`))
		}
	}
	return out
}

// tree makes a few mailboxes and returns a session.
func (ts *testServer) tree() *client {
	c := ts.login("anna")
	for _, name := range []string{"Klasse/7a", "Klasse/7b/Ausflug", "Fach/Mathe"} {
		c.want(c.do("t CREATE "+name), "t OK")
	}
	for _, name := range []string{"Klasse/7b", "Fach/Mathe", "Fort/Dort"} {
		c.want(c.do("t SUBSCRIBE "+name), "t OK")
	}
	for _, name := range []string{"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"} {
		c.want(c.do("t UNSUBSCRIBE "+name), "t OK")
	}
	return c
}

// Which names each form of LIST and LSUB gives. RFC 9051 §6.3.9, RFC 5258 §3, RFC 3501 §6.3.9.
func TestListedNames(t *testing.T) {
	ts := newTestServer(t)
	c := ts.tree()
	tests := []struct {
		command string
		want    string
	}{
		{`LIST "" %`, "INBOX Archive Drafts Fach Junk Klasse Sent Trash"},
		{`LIST "" Klasse/%`, "Klasse/7a Klasse/7b"},
		{`LIST "" K*`, "Klasse Klasse/7a Klasse/7b Klasse/7b/Ausflug"},
		{`LIST Klasse/ %`, "Klasse/7a Klasse/7b"},
		{`LIST Klasse %`, "Klasse"},
		{`LIST Klasse *`, "Klasse Klasse/7a Klasse/7b Klasse/7b/Ausflug"},
		{`LIST "" %/%`, "Fach/Mathe Klasse/7a Klasse/7b"},
		{`LIST "" *7b*`, "Klasse/7b Klasse/7b/Ausflug"},
		{`LIST "" nichts`, ""},
		{`LIST "" (Fach Klasse/%)`, "Fach Klasse/7a Klasse/7b"},
		{`LIST "" (K* Klasse)`, "Klasse Klasse/7a Klasse/7b Klasse/7b/Ausflug"},
		{`LIST (SUBSCRIBED) "" *`, "Fach/Mathe Fort/Dort Klasse/7b"},
		{`LIST (SUBSCRIBED) "" %`, ""},
		{`LIST (SUBSCRIBED RECURSIVEMATCH) "" %`, "Fach Fort Klasse"},
		{`LIST (RECURSIVEMATCH SUBSCRIBED) "" Klasse/%`, "Klasse/7b"},
		{`LIST (SPECIAL-USE) "" *`, "Archive Drafts Junk Sent Trash"},
		{`LIST (SPECIAL-USE SUBSCRIBED) "" *`, ""},
		{`LIST (REMOTE) "" %`, "INBOX Archive Drafts Fach Junk Klasse Sent Trash"},
		{`LSUB "" *`, "Fach/Mathe Fort/Dort Klasse/7b"},
		{`LSUB "" %`, "Fach Fort Klasse"},
		{`LSUB Klasse/ %`, "Klasse/7b"},
		{`LSUB "" INBOX`, ""},
	}
	for _, tt := range tests {
		lines := c.do("a " + tt.command)
		c.want(lines, "a OK")
		if got := strings.Join(names(lines), " "); got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.command, got, tt.want)
		}
	}
}

// The attributes of names, asked for or not. RFC 5258 §4, RFC 3348, RFC 6154 §2.
func TestListAttributes(t *testing.T) {
	ts := newTestServer(t)
	c := ts.tree()
	tests := []struct{ command, want string }{
		{`LIST "" Klasse`, `* LIST (\HasChildren) "/" Klasse`},
		{`LIST "" Klasse/7a`, `* LIST (\HasNoChildren) "/" Klasse/7a`},
		{`LIST "" Klasse/7b RETURN (SUBSCRIBED)`, `* LIST (\HasChildren \Subscribed) "/" Klasse/7b`},
		{`LIST "" Sent`, `* LIST (\HasNoChildren \Sent) "/" Sent`},
		{`LIST (SUBSCRIBED) "" Fort/Dort`, `* LIST (\NonExistent \HasNoChildren \Subscribed) "/" Fort/Dort`},
		{`LIST (SUBSCRIBED RECURSIVEMATCH) "" Fort`, `* LIST (\NonExistent \HasNoChildren) "/" Fort ("CHILDINFO" ("SUBSCRIBED"))`},
		{`LIST (SUBSCRIBED RECURSIVEMATCH) "" Klasse`, `* LIST (\HasChildren) "/" Klasse ("CHILDINFO" ("SUBSCRIBED"))`},
		{`LSUB "" Klasse/7b`, `* LSUB () "/" Klasse/7b`},
		{`LSUB "" Fort/Dort`, `* LSUB () "/" Fort/Dort`},
	}
	for _, tt := range tests {
		c.expect("a "+tt.command, tt.want, "a OK Done")
	}
}

// Asking for the delimiter only. RFC 9051 §6.3.9: a pattern of "" and what the reference makes of it.
func TestListOfTheDelimiter(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	c.expect(`a LIST "" ""`, `* LIST (\Noselect) "/" ""`, "a OK Done")
	c.expect(`b LIST Klasse/ ""`, `* LIST (\Noselect) "/" ""`, "b OK Done")
	c.expect(`c LSUB "" ""`, "c OK Done")
	c.expect(`d LIST "" ("")`, "d OK Done")
}

// What is not a LIST. RFC 5258 §6.
func TestListSyntax(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	for _, bad := range []string{
		"LIST", `LIST ""`, `LIST "" "`, `LIST "" (x`, `LIST (X) "" *`, `LIST (RECURSIVEMATCH) "" *`, `LIST (SUBSCRIBED "" *`, `LIST SUBSCRIBED "" *`, `LIST "" * RETURN`, `LIST "" * RETURN ALL`,
		`LIST "" * RETURN (X)`, `LIST "" * RETURN (STATUS)`, `LIST "" * RETURN (STATUS ())`, `LIST "" * RETURN (STATUS (X))`, `LIST "" * (SUBSCRIBED)`, `LIST "" * RETURN (SUBSCRIBED) x`, `LIST "" {1}x`,
		`LSUB`, `LSUB ""`, `LSUB "" * RETURN ()`, `LSUB () "" *`, `LIST (( "" *`,
	} {
		c.want(c.do("a "+bad), "a BAD")
		c.want(c.do("z NOOP"), "z OK")
	}
	c.want(c.do(`b LIST "" "&broken"`), "b NO [CANNOT]")
}

// Names in the form that the client has enabled, in each place that has one. RFC 9051 §5.1, RFC 6855 §3, RFC 3501 §5.1.3.
func TestNamesInBothForms(t *testing.T) {
	ts := newTestServer(t)
	old, now := ts.login("anna"), ts.login("anna")
	now.want(now.do("a ENABLE UTF8=ACCEPT"), "a OK")
	old.want(old.do(`a CREATE "&ANw-ben &- &AOQ-ndern"`), "a OK")
	now.expect(`b LIST "" "Üben*"`, `* LIST (\HasNoChildren) "/" "Üben & ändern"`, "b OK Done")
	old.expect(`b LIST "" "&ANw-*"`, `* LIST (\HasNoChildren) "/" "&ANw-ben &- &AOQ-ndern"`, "b OK Done")
	now.expect(`c STATUS "Üben & ändern" (MESSAGES)`, `* STATUS "Üben & ändern" (MESSAGES 0)`, "c OK Done")
	old.expect(`c STATUS "Üben &- ändern" (MESSAGES)`, `* STATUS "&ANw-ben &- &AOQ-ndern" (MESSAGES 0)`, "c OK Done") // UTF-8 is understood before ENABLE, too
	now.expect(`d GETQUOTAROOT "Üben & ändern"`, `* QUOTAROOT "Üben & ändern" ""`, "* QUOTA …", "d OK Done")
	now.want(now.do(`e CREATE "&ANw-"`), "e OK") // that is now a name of five ASCII characters
	old.expect(`e LIST "" "&-ANw-"`, `* LIST (\HasNoChildren) "/" "&-ANw-"`, "e OK Done")
	now.want(now.do("f CREATE \"\xff\""), "f NO [CANNOT]")
	for i, wrong := range []string{"&AN-", "&", "&ANw", "&AGE-", "&2D0-", "\xff"} {
		old.want(old.do(fmt.Sprintf(`g%d CREATE "%s"`, i, wrong)), fmt.Sprintf("g%d NO [CANNOT]", i))
	}
}

// LIST names every mailbox once and in the same order, whichever way it is asked.
func TestListOrder(t *testing.T) {
	ts := newTestServer(t)
	c := ts.tree()
	all := names(c.do(`a LIST "" *`))
	if all[0] != "INBOX" || !slices.IsSorted(all[1:]) || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Errorf("LIST: %q", all)
	}
	if got := names(c.do(`b LIST () "" (* % INBOX) RETURN (SUBSCRIBED STATUS (MESSAGES))`)); !slices.Equal(got, all) {
		t.Errorf("LIST in the extended form: %q, want %q", got, all)
	}
	c.want(c.do("c ENABLE IMAP4rev2"), "c OK")
	if got := names(c.do(`d LIST "" *`)); !slices.Equal(got, all) {
		t.Errorf("LIST after ENABLE IMAP4rev2: %q, want %q", got, all)
	}
}
