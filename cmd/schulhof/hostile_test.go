package main

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTheProgramUnderAttack starts the program as an administrator does and tries at its ports what spammers, forgers and careless filters do:
// it relays nothing, takes one message for one message, begins TLS with nothing that came before, and ends every loop.
func TestTheProgramUnderAttack(t *testing.T) {
	t.Parallel()
	l := newLive(t, filepath.Join(t.TempDir(), "data"), "anna", "ben", "otto", "pia", "ring")
	l.serve(t)
	a := &attack{l}
	t.Run("nothing is relayed", a.relay)
	t.Run("nothing is smuggled in", a.smuggle)
	t.Run("nothing is injected before TLS", a.inject)
	t.Run("no header is injected", a.headers)
	t.Run("loops end", a.loops)
	t.Run("storms end", a.storms)
	l.stop(t)
	for line := range strings.Lines(l.log.String()) {
		if strings.Contains(line, "level=ERROR") || strings.Contains(line, "panic") {
			t.Errorf("the server says %s", line)
		}
	}
}

// attack is a running server with anna, ben, otto, pia and ring, who are teachers.
type attack struct{ *live }

// talk is a connection to one of its ports.
type talk struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// open connects and reads the greeting, a line that begins with want.
func (a *attack) open(t *testing.T, port, want string) *talk {
	t.Helper()
	conn, err := net.Dial("tcp", a.ports[port])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(storyPatience))
	c := &talk{t, conn, bufio.NewReader(conn)}
	c.until(want)
	return c
}

func (c *talk) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Logf("send: %v", err)
	}
}

// until reads lines up to one that begins with want.
func (c *talk) until(want string) {
	c.t.Helper()
	var all []string
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			c.t.Fatalf("%v after %q, want %q", err, all, want)
		}
		if all = append(all, line); strings.HasPrefix(line, want) {
			return
		}
	}
}

// reply is an SMTP reply, its last line; "" at the end of the connection.
func (c *talk) reply() string {
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return ""
		}
		if len(line) < 4 || line[3] != '-' {
			return strings.TrimRight(line, "\r\n")
		}
	}
}

// ask sends a command and wants a reply that begins so.
func (c *talk) ask(command, want string) string {
	c.t.Helper()
	c.send(command + "\r\n")
	got := c.reply()
	if !strings.HasPrefix(got, want) {
		c.t.Errorf("%.80q: %q, want %q", command, got, want)
	}
	return got
}

// smtp connects to an SMTP or LMTP port and greets; who "" is nobody.
func (a *attack) smtp(t *testing.T, port, who string) *talk {
	t.Helper()
	c := a.open(t, port, "220 ")
	c.ask(map[bool]string{true: "LHLO", false: "EHLO"}[port == "lmtp"]+" attacker.example", "250")
	if who != "" {
		c.ask("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+who+"\x00"+storyPassword)), "235")
	}
	return c
}

// mail sends one message with DATA and returns what is said to it.
func (c *talk) mail(from, to, text string) string {
	c.t.Helper()
	c.ask("MAIL FROM:<"+from+">", "250")
	c.ask("RCPT TO:<"+to+">", "250")
	c.ask("DATA", "354")
	c.send(text + "\r\n.\r\n")
	return c.reply()
}

func lure(from, to, subject string, lines ...string) string {
	return strings.Join(append([]string{"From: " + from, "To: " + to, "Subject: " + subject, "Message-ID: <" + strings.ReplaceAll(subject, " ", ".") + "@x.example>"}, lines...), "\r\n") +
		"\r\n\r\ntext"
}

func (a *attack) relay(t *testing.T) {
	foreign := []string{"<lena@example.org>", "<anna@sub.school.test>", "<anna@school.test.example.org>", "<anna@notschool.test>", "<@school.test:lena@example.org>",
		"<lena%example.org@school.test>", `<"lena@example.org"@school.test>`, "<lena@example.org@school.test>", "<anna@school.test@example.org>",
		"<example.org!lena@school.test>", "<example.org!lena>", "<anna@[127.0.0.1]>", "<anna@127.0.0.1>", "<lena>", "<>", "<anna@school.test,lena@example.org>", "<nobody@school.test>"}
	for _, port := range []string{"smtp", "lmtp", "submission"} {
		c := a.smtp(t, port, "")
		for _, sender := range []string{"<>", "<lena@example.org>", "<anna@school.test>"} {
			for _, to := range foreign {
				c.ask("RSET", "250")
				c.send("MAIL FROM:" + sender + "\r\nRCPT TO:" + to + "\r\n")
				c.reply()
				if got := c.reply(); !strings.HasPrefix(got, "5") {
					t.Errorf("%s, from %s to %s: %q, want a refusal for good", port, sender, to, got)
				}
			}
		}
		c.ask("RSET", "250")
	}
	c := a.smtp(t, "submission", "anna") // who logs in may send elsewhere, in her own name only
	c.ask("MAIL FROM:<ben@school.test>", "553 5.7.1")
	c.ask("MAIL FROM:<lena@example.org>", "553 5.7.1")
	c.ask("MAIL FROM:<anna@school.test>", "250")
	c.ask("RCPT TO:<lena%example.org@school.test>", "5")
	c.ask("RCPT TO:<ben@school.test>", "250")
	c.ask("DATA", "354")
	c.send(lure("ben@school.test", "ben@school.test", "forged") + "\r\n.\r\n")
	if got := c.reply(); !strings.HasPrefix(got, "553 5.7.1") {
		t.Errorf("a From of somebody else: %q", got)
	}
	if got := a.schulhof(t, "queue", "list"); strings.Contains(got, "example.org") {
		t.Errorf("the queue has %s", got)
	}
}

func (a *attack) smuggle(t *testing.T) {
	const hidden = "MAIL FROM:<head@school.test>\r\nRCPT TO:<pia@school.test>\r\nDATA\r\nFrom: head@school.test\r\nSubject: smuggled\r\n\r\nGo home."
	ends := []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\n.\r", "\r.\n"}
	for n, end := range ends {
		body := lure("anna@school.test", "ben@school.test", fmt.Sprint("lure ", n)) + end + hidden
		for port, who := range map[string]string{"smtp": "", "submission": "anna", "lmtp": ""} {
			c := a.smtp(t, port, who)
			if got := c.mail("anna@school.test", "ben@school.test", body); port != "lmtp" && !strings.HasPrefix(got, "550 5.6.11") || port == "lmtp" && !strings.HasPrefix(got, "250") {
				t.Errorf("%s, %q: %q", port, end, got)
			}
			c.conn.Close()
			c = a.smtp(t, port, who)
			c.ask("MAIL FROM:<anna@school.test>", "250")
			c.ask("RCPT TO:<ben@school.test>", "250")
			c.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(body), body))
			if got := c.reply(); !strings.HasPrefix(got, "250") {
				t.Errorf("%s, BDAT, %q: %q", port, end, got)
			}
			c.ask("QUIT", "221")
		}
	}
	if got := a.subjects(t, "pia", "INBOX"); len(got) != 0 {
		t.Errorf("pia has %v, which nobody sent her", got)
	}
	got := a.subjects(t, "ben", "INBOX")
	for n := range ends {
		if subject := fmt.Sprint("lure ", n); got[subject] != 4 {
			t.Errorf("ben has %q %d times, want 4: by LMTP, and in chunks at three ports", subject, got[subject])
		}
	}
	if len(got) != len(ends) {
		t.Errorf("ben has %v", got)
	}
}

func (a *attack) inject(t *testing.T) {
	login := base64.StdEncoding.EncodeToString([]byte("\x00anna\x00" + storyPassword))
	tests := []struct{ port, greeting, start, injected, goes, after, want string }{
		{"smtp", "220 ", "STARTTLS", "MAIL FROM:<evil@x.example>\r\nRCPT TO:<pia@school.test>\r\nDATA\r\nSubject: injected\r\n\r\n.\r\n", "220 ", "MAIL FROM:<a@x.example>", "503 5.5.1"},
		{"submission", "220 ", "STARTTLS", "EHLO x.example\r\nAUTH PLAIN " + login + "\r\nMAIL FROM:<anna@school.test>\r\n", "220 ", "MAIL FROM:<anna@school.test>", "503 5.5.1"},
		{"imap", "* OK", "a STARTTLS", "b LOGIN anna " + storyPassword + "\r\nc SELECT INBOX\r\n", "* BYE", "", ""},
		{"managesieve", "OK ", "STARTTLS", "AUTHENTICATE \"PLAIN\" \"" + login + "\"\r\nPUTSCRIPT \"injected\" \"discard;\"\r\n", "OK ", "LISTSCRIPTS", "NO"},
	}
	for _, tt := range tests {
		c := a.open(t, tt.port, tt.greeting)
		if tt.greeting == "220 " {
			c.ask("EHLO x.example", "250")
		}
		c.send(tt.start + "\r\n" + tt.injected)
		c.until(tt.goes)
		if tt.after == "" {
			if rest, err := io.ReadAll(c.in); err != nil || len(rest) > 0 {
				t.Errorf("%s: behind BYE: %q, %v", tt.port, rest, err)
			}
			continue
		}
		encrypted := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
		if err := encrypted.Handshake(); err != nil {
			t.Errorf("%s: %v", tt.port, err)
			continue
		}
		c.conn, c.in = encrypted, bufio.NewReader(encrypted)
		if tt.port == "managesieve" {
			c.until("OK ") // the capabilities, which come by themselves
		}
		c.send(tt.after + "\r\n")
		line, err := c.in.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, tt.want) {
			t.Errorf("%s: after TLS %q is answered %q, %v, want %q", tt.port, tt.after, line, err, tt.want)
		}
	}
	if got := a.subjects(t, "pia", "INBOX"); len(got) != 0 {
		t.Errorf("pia has %v, which was injected", got)
	}
	if got := a.schulhof(t, "sieve", "list", "anna"); strings.Contains(got, "injected") {
		t.Errorf("anna has the scripts %s", got)
	}
}

// headers: neither the envelope, nor encoded words, nor variables of a filter begin a field of their own.
func (a *attack) headers(t *testing.T) {
	c := a.smtp(t, "smtp", "")
	for _, command := range []string{"EHLO x.example\rX-Forged: yes", "MAIL FROM:<a@x.example>\rX-Forged: yes", "MAIL FROM:<a\x00@x.example>"} {
		c.send(command + "\r\n")
		if got := c.reply(); !strings.HasPrefix(got, "5") {
			t.Errorf("%q: %q", command, got)
		}
		c = a.smtp(t, "smtp", "")
	}
	c.ask("MAIL FROM:<\"a\\\rX-Forged: yes\"@x.example>", "5")
	c = a.smtp(t, "smtp", "")
	c.ask(`MAIL FROM:<"a> b"@x.example>`, "250")
	c.ask("RSET", "250")
	a.script(t, "otto", `require ["variables", "editheader", "vacation", "vacation-seconds"];
		if header :matches "subject" "*" { addheader "X-Subject" "${1}"; vacation :seconds 0 :subject "Re: ${1}" "away"; }`)
	const subject = "=?utf-8?q?x=0D=0ABcc:_pia@school.test=0D=0A=0D=0Abody?="
	if got := c.mail("ben@school.test", "otto@school.test", lure("ben@school.test", "otto@school.test", subject)); !strings.HasPrefix(got, "250") {
		t.Fatalf("%q", got)
	}
	for who, box := range map[string]string{"otto": "INBOX", "ben": "INBOX"} {
		header := strings.Join(a.newestHeader(t, who, box), "\n")
		if strings.Contains(header, "\nBcc:") || strings.Contains(header, "\nX-Forged:") || !strings.Contains(header, "Bcc:_pia") && !strings.Contains(header, "Bcc: pia") {
			t.Errorf("the newest message of %s has the header\n%s", who, header)
		}
	}
	if got := a.subjects(t, "pia", "INBOX"); len(got) != 0 {
		t.Errorf("pia has %v", got)
	}
}

// newestHeader are the lines of the header of the newest message.
func (a *attack) newestHeader(t *testing.T, name, box string) []string {
	t.Helper()
	c, err := a.login(name)
	if err != nil {
		t.Fatal(err)
	}
	defer c.conn.Close()
	if _, err := c.command("EXAMINE %s", box); err != nil {
		t.Fatal(err)
	}
	lines, err := c.command("FETCH * BODY.PEEK[HEADER]")
	if err != nil || len(lines) == 0 {
		t.Fatalf("FETCH: %q, %v", lines, err)
	}
	return lines
}

// script gives name an active script by the command line.
func (a *attack) script(t *testing.T, name, text string) {
	t.Helper()
	cmd := exec.Command("schulhof", "sieve", "put", name, "main", "--activate")
	cmd.Env = append(os.Environ(), "SCHULHOF_CONFIG="+a.settings)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("script of %s: %v\n%s", name, err, out)
	}
}

func (a *attack) loops(t *testing.T) {
	a.script(t, "ring", `redirect "pia@school.test";`)
	a.script(t, "pia", `redirect "ring@school.test";`)
	c := a.smtp(t, "smtp", "")
	if got := c.mail("lena@example.org", "ring@school.test", lure("lena@example.org", "ring@school.test", "round")); !strings.HasPrefix(got, "250") {
		t.Errorf("a message that goes round: %q", got)
	}
	if ring, pia := a.subjects(t, "ring", "INBOX"), a.subjects(t, "pia", "INBOX"); ring["round"] != 1 || len(pia) != 0 {
		t.Errorf("ring has %v, pia %v, want the message once, where it came in", ring, pia)
	}
	var hops []string
	for range 31 {
		hops = append(hops, "Received: from a by b; Mon, 23 Nov 2026 08:00:00 +0100")
	}
	if got := c.mail("lena@example.org", "ben@school.test", lure("lena@example.org", "ben@school.test", "hops", hops...)); !strings.HasPrefix(got, "554 5.4.6") {
		t.Errorf("a message of many hops: %q", got)
	}
}

// storms: two who are away and answer everything, each other too.
func (a *attack) storms(t *testing.T) {
	const away = `require ["vacation", "vacation-seconds"]; vacation :seconds 0 "away";`
	a.script(t, "ring", away)
	a.script(t, "pia", away)
	const each = 5
	c := a.smtp(t, "smtp", "")
	for n := range each {
		for _, way := range [][2]string{{"ring", "pia"}, {"pia", "ring"}} {
			from, to := way[0]+"@school.test", way[1]+"@school.test"
			if got := c.mail(from, to, lure(from, to, fmt.Sprint("storm ", n))); !strings.HasPrefix(got, "250") {
				t.Fatalf("%s to %s: %q", from, to, got)
			}
		}
	}
	quiet := []struct {
		sender, subject string
		fields          []string
	}{
		{"", "a bounce", nil},
		{"ring@school.test", "a list", []string{"List-Id: <x.example>"}},
		{"ring@school.test", "a program", []string{"Auto-Submitted: auto-generated"}},
	}
	for _, q := range quiet {
		if got := c.mail(q.sender, "pia@school.test", lure("ring@school.test", "pia@school.test", q.subject, q.fields...)); !strings.HasPrefix(got, "250") {
			t.Fatalf("%s: %q", q.subject, got)
		}
	}
	for _, name := range []string{"ring", "pia"} {
		got := a.subjects(t, name, "INBOX")
		for n := range each {
			if got[fmt.Sprint("storm ", n)] != 1 || got[fmt.Sprint("Auto: storm ", n)] != 1 {
				t.Errorf("%s has %v, want each message once and one answer to each of her own", name, got)
			}
		}
		for _, q := range quiet {
			if name == "pia" && got[q.subject] != 1 {
				t.Errorf("pia has %d times %q", got[q.subject], q.subject)
			}
		}
		for _, silent := range []string{"Auto: a bounce", "Auto: a list", "Auto: a program", "Auto: Auto: storm 0"} {
			if got[silent] != 0 {
				t.Errorf("%s has %d times %q", name, got[silent], silent)
			}
		}
	}
}
