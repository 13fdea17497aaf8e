package imapd

import (
	"slices"
	"strings"
	"testing"
)

// samples has for each command one that is well formed.
var samples = map[string]string{
	"CAPABILITY": "", "NOOP": "", "LOGOUT": "", "ID": " NIL", "STARTTLS": "", "AUTHENTICATE": " PLAIN =", "LOGIN": " x y", "ENABLE": " X-NONE", "NAMESPACE": "", "UNAUTHENTICATE": "",
	"COMPRESS": " DEFLATE", "LIST": ` "" ""`, "LSUB": ` "" x`, "CREATE": " INBOX", "DELETE": " Fehlt", "RENAME": " Fehlt Fehlt2", "SUBSCRIBE": " INBOX", "UNSUBSCRIBE": " x",
	"STATUS": " INBOX (MESSAGES)", "SELECT": " INBOX", "EXAMINE": " INBOX", "IDLE": "\r\nDONE", "GETQUOTA": ` ""`, "GETQUOTAROOT": " INBOX", "SETQUOTA": ` "" ()`, "APPEND": " INBOX {4+}\r\nA: b",
	"FETCH": " 1 FLAGS", "STORE": " 1 FLAGS ()", "SEARCH": " ALL", "SORT": " (DATE) UTF-8 ALL", "THREAD": " REFERENCES UTF-8 ALL", "COPY": " 1 INBOX", "MOVE": " 1 Archive", "EXPUNGE": "",
	"REPLACE": " 1 INBOX {4+}\r\nA: b", "CHECK": "", "CLOSE": "", "UNSELECT": "",
	"SETACL": " INBOX ben lrs", "DELETEACL": " INBOX ben", "GETACL": " INBOX", "LISTRIGHTS": " INBOX ben", "MYRIGHTS": " INBOX",
	"NOTIFY": " NONE", "GETMETADATA": " INBOX /private/comment", "SETMETADATA": " INBOX (/private/comment NIL)",
}

// Each command is known in the states that the table says, and BAD in the others without doing anything. RFC 9051 §3, §6.
func TestCommandsInEveryState(t *testing.T) {
	ts := newTestServer(t)
	ts.login("anna").appends("INBOX", numbered(3)...)
	for name, row := range commands {
		sample, ok := samples[name]
		if !ok {
			t.Errorf("%s has no sample", name)
			continue
		}
		for _, in := range []state{notAuthenticated, authenticated, inMailbox} {
			script := ""
			if in != notAuthenticated {
				script += "l LOGIN anna \"" + testPassword + "\"\r\n"
			}
			if in == inMailbox {
				script += "s SELECT INBOX\r\n"
			}
			answers := ts.converse([]byte(script + "x " + name + sample + "\r\n"))
			i := strings.LastIndex(answers, "\r\nx ")
			if i < 0 && in == notAuthenticated && strings.Contains(sample, "+}") {
				if !strings.Contains(answers, "* BYE Literal too large") { // nobody who has not logged in makes us read data
					t.Errorf("%s before login: %q", name, answers)
				}
				continue
			}
			if i < 0 {
				t.Errorf("%s in state %d: %q", name, in, answers)
				continue
			}
			wrong := strings.HasPrefix(answers[i+2:], "x BAD log in first") || strings.HasPrefix(answers[i+2:], "x BAD already logged in") || strings.HasPrefix(answers[i+2:], "x BAD select a mailbox first")
			if wrong != (row.in&in == 0) {
				t.Errorf("%s in state %d: %q", name, in, answers[i+2:])
			}
		}
	}
	c := ts.login("anna")
	c.want(c.do("a SELECT INBOX"), "a OK")
	c.want(c.do("a STATUS INBOX (MESSAGES)"), "a OK")
}

// A command that takes no arguments takes none, and one that does wants a space before them. RFC 9051 §9.
func TestArgumentsWhereNoneBelong(t *testing.T) {
	ts := newTestServer(t)
	for name := range commands {
		if slices.Contains([]string{"APPEND", "REPLACE", "IDLE", "LOGOUT", "COMPRESS", "STARTTLS"}, name) {
			continue // these read on, or change the connection
		}
		script := "l LOGIN anna \"" + testPassword + "\"\r\ns SELECT INBOX\r\n"
		if commands[name].in == notAuthenticated {
			script = ""
		}
		for _, tail := range []string{samples[name] + " ", samples[name] + ")", strings.Replace(samples[name], " ", "  ", 1) + " x", strings.Replace(samples[name], " ", "", 1) + "\x00"} {
			answers := ts.converse([]byte(script + "x " + name + tail + "\r\n"))
			if !strings.Contains(answers, "x BAD") && !strings.Contains(answers, "x NO") {
				t.Errorf("%s%q: %q", name, tail, answers[strings.LastIndex(answers, "x "):])
			}
		}
	}
}

// Failing to open another mailbox leaves none selected. RFC 9051 §6.3.2: the mailbox that was selected before is closed.
func TestFailedSelectLeavesNoMailbox(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(1)...)
	c.expect("a SELECT Fehlt", "* OK [CLOSED] The previous mailbox is closed", "a NO [NONEXISTENT] …")
	c.want(c.do("b FETCH 1 FLAGS"), "b BAD select a mailbox first")
	c.want(c.do("c EXAMINE INBOX"), "c OK [READ-ONLY]")
	c.want(c.do("d SELECT ("), "d BAD") // not understood: nothing was done
	c.expect("e FETCH 1 UID", "* 1 FETCH (UID 1)", "e OK Done")
	c.want(c.do("f CLOSE"), "f OK")
	c.want(c.do("g CLOSE"), "g BAD")
}

// A mailbox that was opened by EXAMINE is not changed by anything. RFC 9051 §6.3.3.
func TestExamineChangesNothing(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(2)...)
	c.want(c.do(`a STORE 1 +FLAGS.SILENT (\Deleted)`), "a OK")
	c.want(c.do("a EXAMINE INBOX"), "a OK [READ-ONLY]")
	for _, command := range []string{`STORE 1 FLAGS ()`, `UID STORE 1 -FLAGS (\Deleted)`, "EXPUNGE", "UID EXPUNGE 1", "MOVE 1 Archive", "UID MOVE 1 Archive", "REPLACE 1 INBOX {4+}\r\nA: b"} {
		c.want(c.do("b "+command), "b NO [READ-ONLY]")
	}
	c.expect("c FETCH 1 BODY[TEXT]", "* 1 FETCH (BODY[TEXT] {8}", "text 1", ")", "c OK Done") // not seen by that
	c.want(c.do("d COPY 1 Archive"), "d OK [COPYUID")
	c.want(c.do("e CLOSE"), "e OK")
	c.want(c.do("f SELECT INBOX"), "f OK")
	c.expect("g FETCH 1:* FLAGS", `* 1 FETCH (FLAGS (\Deleted))`, "* 2 FETCH (FLAGS ())", "g OK Done")
}

// The names of commands and of everything that is a word are the same in any case. RFC 9051 §9, note 1.
func TestAnyCase(t *testing.T) {
	ts := newTestServer(t)
	c := ts.opened(numbered(1)...)
	for _, command := range []string{
		"noop", "NoOp", "uid Fetch 1 (flags Uid body.peek[Header.fields (SUBJECT)])", "Store 1 +Flags.Silent (\\SEEN)", "search charset utf-8 Not seen or From x tO y", "status inbox (Messages uidNext)",
		`list (Subscribed) "" * return (Children status (messages))`, "sort return (min) (reverse Date) utf-8 all", "thread References us-ascii all", "enable condstore", "examine InBox (condstore)",
	} {
		c.want(c.do("a "+command), "a OK")
	}
}
