package imapd_test

import (
	"fmt"
	"strings"
	"testing"
)

// A full account gets OVERQUOTA for what would add to it, can read and delete, and then store again.
func TestOverQuota(t *testing.T) {
	c := loginClient(t, startServerWithQuota(t, 10_000).addr, "c", testUser, testPassword)
	mail := "Subject: x\r\n\r\n" + strings.Repeat("x", 5_000)
	if _, tagged := c.append("INBOX", "", mail); tagged.name != "OK" {
		t.Fatalf("APPEND: %s [%s] %s", tagged.name, tagged.code, tagged.text)
	}
	c.ok("SELECT INBOX")
	c.ok("CREATE Ablage")
	if _, tagged := c.append("INBOX", "", mail); tagged.name != "NO" || tagged.code != "OVERQUOTA" {
		t.Errorf("APPEND above the quota: %s [%s] %s", tagged.name, tagged.code, tagged.text)
	}
	if _, tagged := c.append("INBOX", "", "Subject: a\r\n\r\n", mail); tagged.code != "OVERQUOTA" {
		t.Errorf("MULTIAPPEND above the quota: %s [%s] %s", tagged.name, tagged.code, tagged.text)
	}
	if _, tagged := c.do("COPY 1 Ablage"); tagged.name != "NO" || tagged.code != "OVERQUOTA" {
		t.Errorf("COPY above the quota: %s [%s] %s", tagged.name, tagged.code, tagged.text)
	}
	if _, tagged := c.do("MOVE 1 Ablage"); tagged.name != "OK" {
		t.Errorf("MOVE adds nothing, but: %s [%s] %s", tagged.name, tagged.code, tagged.text)
	}
	c.ok("SELECT Ablage")
	c.ok(`STORE 1 +FLAGS.SILENT (\Deleted)`)
	c.ok("EXPUNGE")
	if _, tagged := c.append("Ablage", "", mail); tagged.name != "OK" {
		t.Errorf("APPEND after deleting: %s [%s] %s", tagged.name, tagged.code, tagged.text)
	}
}

// More keywords than an owner may have are refused, and what was there stays usable.
func TestTooManyKeywords(t *testing.T) {
	c := loginClient(t, startServer(t).addr, "c", testUser, testPassword)
	c.append("INBOX", "", "Subject: x\r\n\r\n")
	c.ok("SELECT INBOX")
	stored := 0
	for i := range 80 {
		untagged, tagged := c.do(fmt.Sprintf("STORE 1 +FLAGS (k%d)", i))
		if tagged.name == "OK" {
			stored++
			last := untagged[len(untagged)-1]
			if flags := flagNames(last.fetched()["FLAGS"]); len(flags) != stored {
				t.Fatalf("after %d keywords: %v", stored, flags)
			}
			continue
		}
		if tagged.name != "NO" || tagged.code != "LIMIT" {
			t.Fatalf("keyword %d: %s [%s] %s", i, tagged.name, tagged.code, tagged.text)
		}
	}
	if stored != 58 {
		t.Errorf("%d keywords were stored, want 58", stored)
	}
	if _, tagged := c.append("INBOX", "(k1 onemore) ", "Subject: y\r\n\r\n"); tagged.code != "LIMIT" {
		t.Errorf("APPEND with one keyword too many: %s [%s]", tagged.name, tagged.code)
	}
	c.ok("STORE 1 -FLAGS (k1)")
}

// MULTIAPPEND is all or nothing. RFC 3502 §6.3.11
func TestMultiAppendIsAllOrNothing(t *testing.T) {
	c := loginClient(t, startServer(t).addr, "c", testUser, testPassword)
	if _, tagged := c.append("INBOX", "", "Subject: a\r\n\r\n", "Subject: b\r\n\r\n", ""); tagged.name != "NO" {
		t.Errorf("with an empty message at the end: %s %s", tagged.name, tagged.text)
	}
	if _, tagged := c.do("APPEND INBOX {14+}\r\nSubject: a\r\n\r\n nonsense"); tagged.name != "BAD" {
		t.Errorf("with nonsense at the end: %s %s", tagged.name, tagged.text)
	}
	for _, a := range c.ok("STATUS INBOX (MESSAGES)") {
		if l, _ := a.items[1].(list); number(l[1]) != 0 {
			t.Errorf("%v messages were stored", l[1])
		}
	}
	untagged, tagged := c.append("INBOX", `(\Seen) `, strings.Split(strings.Repeat("Subject: a\r\n\r\n|", 40), "|")[:40]...)
	if args, ok := tagged.codeArgs("APPENDUID"); !ok || args[1] != "1:40" {
		t.Errorf("40 at once: %v %s [%s]", untagged, tagged.name, tagged.code)
	}
}

// A synchronising literal is asked for only when it is wanted.
func TestLiteralIsAskedForOnlyWhenWanted(t *testing.T) {
	c := loginClient(t, startServer(t).addr, "c", testUser, testPassword)
	for command, code := range map[string]string{"APPEND Fehlt {100}": "TRYCREATE", "APPEND INBOX {999999999}": "TOOBIG", "APPEND INBOX (\\Seen) {0}": ""} {
		c.send(command)
		a, err := c.read()
		if err != nil || a.name != "NO" || a.code != code {
			t.Errorf("%s: %s %s [%s], %v", command, a.tag, a.name, a.code, err)
		}
	}
	tag := c.send("APPEND INBOX {14}")
	if a, err := c.read(); err != nil || a.tag != "+" {
		t.Fatalf("no continuation: %v %v", a, err)
	}
	if _, err := c.nc.Write([]byte("Subject: a\r\n\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, tagged := c.until(tag); tagged.name != "OK" {
		t.Errorf("APPEND: %s %s", tagged.name, tagged.text)
	}
}
