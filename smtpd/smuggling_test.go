package smtpd

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"schulhof/mailbox/message"
)

// lineEnds are the ways to write an end of data that only careless servers take for one. CVE-2023-51764, -51765, -51766.
var lineEnds = []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\n.\r", "\r.\n"}

const hidden = "MAIL FROM:<head@school.test>\r\nRCPT TO:<ben@school.test>\r\nDATA\r\nFrom: head@school.test\r\nSubject: forged\r\n\r\nGo home.\r\n.\r\n"

// No form of line ends makes two messages out of one, whichever door and command it comes by.
func TestNothingIsSmuggledIn(t *testing.T) {
	w := newWorld(t)
	body := func(end string) string { return "From: anna@school.test\r\nSubject: lure\r\n\r\nText" + end + hidden }
	ways := []struct {
		name string
		dial func() *peerConn
		send func(p *peerConn, text string) string // returns the reply to the message
		kept bool                                  // it is stored, as one message with clean line ends
	}{
		{"MX, DATA", func() *peerConn { return greeted(w, doorMX, "EHLO") }, sendData, false},
		{"submission, DATA", func() *peerConn { return loggedIn(w, doorSubmission, "anna") }, sendData, false},
		{"submissions, DATA", func() *peerConn { return loggedIn(w, doorSubmissions, "anna") }, sendData, false},
		{"LMTP, DATA", func() *peerConn { return greeted(w, doorLMTP, "LHLO") }, sendData, true},
		{"MX, BDAT", func() *peerConn { return greeted(w, doorMX, "EHLO") }, sendChunk, true},
		{"LMTP, BDAT", func() *peerConn { return greeted(w, doorLMTP, "LHLO") }, sendChunk, true},
		{"submission, BDAT", func() *peerConn { return loggedIn(w, doorSubmission, "anna") }, sendChunk, true},
	}
	for _, way := range ways {
		for _, end := range lineEnds {
			before := len(w.inbox("anna"))
			p := way.dial()
			p.do("MAIL FROM:<anna@school.test>", "250")
			p.do("RCPT TO:<anna@school.test>", "250")
			got := way.send(p, body(end))
			mails := w.inbox("anna")
			switch {
			case !way.kept && (!strings.HasPrefix(got, "550 5.6.11 ") || p.reply() != "" || len(mails) != before):
				t.Errorf("%s, %q: %q with %d messages, want a refusal and the end", way.name, end, got, len(mails)-before)
			case way.kept && (!strings.HasPrefix(got, "250 2.") || len(mails) != before+1):
				t.Errorf("%s, %q: %q with %d messages, want one", way.name, end, got, len(mails)-before)
			case way.kept:
				text := mails[len(mails)-1]
				if strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\r") || strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\n") || !strings.Contains(text, "Go home.") {
					t.Errorf("%s, %q: stored with bare line ends, or cut: %q", way.name, end, text)
				}
			}
			p.nc.Close()
		}
	}
	if n := len(w.inbox("ben")); n != 0 {
		t.Errorf("ben has %d messages that nobody sent him", n)
	}
}

func sendData(p *peerConn, text string) string {
	p.do("DATA", "354")
	p.send(strings.TrimSuffix(text, ".\r\n"))
	p.send("\r\n.\r\n")
	return p.reply()
}

func sendChunk(p *peerConn, text string) string {
	p.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(text), text))
	return p.reply()
}

// What was sent in the clear behind STARTTLS is gone, and what was agreed before does not count. CVE-2011-0411, RFC 3207 §4.2.
func TestNothingIsInjectedBeforeTLS(t *testing.T) {
	login := base64.StdEncoding.EncodeToString([]byte("\x00anna\x00" + password))
	tests := []struct {
		name     string
		before   []string // commands in the clear, one by one
		injected string   // in the same packet as STARTTLS
		breaks   bool     // more than was read before: what is left cannot be a handshake
	}{
		{"nothing", nil, "", false},
		{"a command", nil, "NOOP\r\n", false},
		{"half a command", nil, "NOO", false},
		{"a greeting", nil, "EHLO evil.example\r\n", false},
		{"a login", nil, "EHLO evil.example\r\nAUTH PLAIN " + login + "\r\n", false},
		{"a whole message", []string{"EHLO x.example"}, "MAIL FROM:<evil@example.org>\r\nRCPT TO:<anna@school.test>\r\nDATA\r\nx\r\n.\r\n", false},
		{"a chunk", []string{"EHLO x.example"}, "BDAT 100000\r\n", false},
		{"more than a buffer", nil, strings.Repeat("NOOP\r\n", readBuffer/3), true},
		{"a transaction before", []string{"EHLO x.example", "AUTH PLAIN " + login, "MAIL FROM:<anna@school.test>", "RCPT TO:<anna@school.test>"}, "DATA\r\nx\r\n.\r\n", false},
		{"a login before", []string{"EHLO x.example", "AUTH PLAIN " + login}, "", false},
	}
	w := newWorld(t)
	address := w.listen(doorSubmission)
	for _, tt := range tests {
		p := dialTo(t, address, false)
		for _, c := range tt.before {
			p.do(c, "2")
		}
		p.send("STARTTLS\r\n" + tt.injected)
		p.want("220 2.0.0")
		encrypted := tls.Client(p.nc, &tls.Config{InsecureSkipVerify: true})
		if err := encrypted.Handshake(); (err != nil) != tt.breaks {
			t.Errorf("%s: handshake: %v", tt.name, err)
		} else if tt.breaks {
			continue
		}
		p.nc, p.r = encrypted, bufio.NewReader(encrypted)
		p.do("MAIL FROM:<anna@school.test>", "503 5.5.1") // no greeting
		if caps := p.do("EHLO x.example", "250"); !strings.Contains(caps, "AUTH PLAIN LOGIN") || strings.Contains(caps, "STARTTLS") {
			t.Errorf("%s: after TLS the server offers %q", tt.name, caps)
		}
		p.do("MAIL FROM:<anna@school.test>", "530 5.7.0") // no login
		p.do("NOOP", "250")
		p.do("QUIT", "221")
		p.closed()
	}
	if n := len(w.inbox("anna")); n != 0 {
		t.Errorf("anna has %d messages", n)
	}
}

// However a pipelined session is cut into packets, the replies are the same and the mail is delivered once. RFC 2920.
func TestPipeliningCutAtEveryByte(t *testing.T) {
	const all = "EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<nobody@school.test>\r\nRCPT TO:<anna@school.test>\r\nDATA\r\nA: 1\r\n\r\n..\r\n.x\r\n.\r\n" +
		"MAIL FROM:<>\r\nRCPT TO:<anna@school.test>\r\nBDAT 5\r\nA: 2\rBDAT 2 LAST\r\n\n\nVRFY x\r\nQUIT\r\n"
	w := newWorld(t)
	whole, _ := w.converse(t, all)
	if strings.Count(whole, "250 2.0.0 OK id=") != 2 || !strings.HasSuffix(whole, "221 2.0.0 Bye\r\n") {
		t.Fatalf("in one piece: %s", whole)
	}
	for cut := 1; cut < len(all); cut++ {
		if got, _ := w.converse(t, all[:cut], all[cut:]); got != whole {
			t.Fatalf("cut at %d, behind %q: %s, want %s", cut, all[max(0, cut-10):cut], got, whole)
		}
	}
	var bytewise []string
	for i := range all {
		bytewise = append(bytewise, all[i:i+1])
	}
	if got, _ := w.converse(t, bytewise...); got != whole {
		t.Errorf("byte by byte: %s", got)
	}
	if n := len(w.inbox("anna")); n != 2*(len(all)+1) {
		t.Errorf("anna has %d messages, want %d", n, 2*(len(all)+1))
	}
}

// converse sends pieces over a pipe, where the server reads each before the next, and returns all replies with their ids left out.
func (w *world) converse(t *testing.T, pieces ...string) (replies string, err error) {
	t.Helper()
	client, server := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.srv.handle(t.Context(), server, doorMX)
	}()
	go func() {
		for _, piece := range pieces {
			if _, err := io.WriteString(client, piece); err != nil {
				return // the server has ended
			}
		}
	}()
	in := bufio.NewReader(client)
	var out strings.Builder
	for err == nil && !strings.HasSuffix(out.String(), "221 2.0.0 Bye\r\n") {
		var line string
		line, err = in.ReadString('\n')
		if before, _, found := strings.Cut(line, "id="); found {
			line = before + "id=\r\n"
		}
		out.WriteString(line)
	}
	client.Close() // or the server would wait a second for what else may come
	<-done
	return out.String(), err
}

// Whatever a peer says in its greeting and as its sender, our fields on top of the message are two, well formed, and in ASCII.
func TestNoHeaderIsInjectedByTheEnvelope(t *testing.T) {
	hellos := []string{
		"x.example", "[192.0.2.1]", "(comment)", "a\tb", "x;y", `"quoted"`, "<x>", "x:y", `back\slash`, "jürgen", "a(b", "for<anna@school.test>;id", strings.Repeat("x", maxHello),
	}
	senders := []string{`"a b"@example.org`, `"a\"b"@example.org`, `"a:b"@example.org`, `"Received: x"@example.org`, "", "a@[192.0.2.1]"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		var b strings.Builder
		for range 1 + r.IntN(20) {
			b.WriteByte(byte(' ' + 1 + r.IntN(94)))
		}
		hellos = append(hellos, b.String())
	}
	w := newWorld(t)
	p := w.dial(doorMX)
	for i, hello := range hellos {
		p.do("EHLO "+hello, "250")
		p.message(senders[i%len(senders)], []string{"anna@school.test"}, "Subject: x\r\n\r\nx\r\n", "250")
	}
	mails := w.inbox("anna")
	if len(mails) != len(hellos) {
		t.Fatalf("%d messages of %d", len(mails), len(hellos))
	}
	for i, text := range mails {
		head, _, _ := strings.Cut(text, "\r\n\r\n")
		var names []string
		for f := range fields([]byte(head + "\r\n")) {
			names = append(names, string(f.name))
		}
		if got := strings.Join(names, " "); got != "Return-Path Received Subject" {
			t.Errorf("EHLO %q: the header has %s:\n%s", hellos[i], got, head)
		}
		if !message.IsASCII(head) || strings.Count(head, "(") != strings.Count(head, ")") || strings.Contains(head, "for ") {
			t.Errorf("EHLO %q: %q", hellos[i], head)
		}
	}
}

// Fields that only the receiving server writes do not come in from elsewhere, nor from people; an MTA that we trust may have written them.
func TestForgedTraceFields(t *testing.T) {
	const forged = "Return-Path: <head@school.test>\r\nDelivered-To: anna@school.test\r\nAuthentication-Results: mail.school.test; dmarc=pass\r\n"
	const own = "From: anna@school.test\r\nAuthentication-Results: other.example; spf=fail\r\nDelivered-To: x@other.example\r\n\r\nText\r\n"
	w := newWorld(t)
	mx := greeted(w, doorMX, "EHLO")
	mx.message("lena@example.org", []string{"anna@school.test"}, forged+own, "250")
	sub := loggedIn(w, doorSubmission, "anna")
	sub.message("anna@school.test", []string{"anna@school.test"}, forged+own, "250")
	lmtp := greeted(w, doorLMTP, "LHLO")
	lmtp.message("lena@example.org", []string{"anna@school.test"}, forged+own, "250")
	for i, name := range []string{"MX", "submission", "LMTP"} {
		text := w.inbox("anna")[i]
		if strings.Contains(text, "dmarc=pass") != (name == "LMTP") || strings.Contains(text, "head@school.test") != (name == "LMTP") {
			t.Errorf("%s: forged fields: %s", name, text)
		}
		if strings.Contains(text, "x@other.example") != (name != "submission") || !strings.Contains(text, "spf=fail") {
			t.Errorf("%s: others' fields: %s", name, text)
		}
		if !strings.HasPrefix(text, "Return-Path: <") || strings.Count(text, "\r\nReceived: ") != 1 {
			t.Errorf("%s: our own fields: %s", name, text)
		}
	}
}

// A message that goes round in circles ends at 30 hops, at every door that counts, and not before.
func TestReceivedLoops(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name string
		hops int
		want string
	}{{"at the limit", maxHops, "250 2.0.0"}, {"beyond", maxHops + 1, "554 5.4.6"}, {"far beyond", 500, "554 5.4.6"}} {
		p := greeted(w, doorMX, "EHLO")
		p.message("a@example.org", []string{"anna@school.test"}, strings.Repeat("Received: from a by b;\r\n\tMon, 23 Nov 2026 08:00:00 +0100\r\n", tt.hops)+"Subject: x\r\n\r\nReceived: not a field\r\n", tt.want)
		p.do("NOOP", "250") // the connection lives on
	}
	if n := len(w.inbox("anna")); n != 1 {
		t.Errorf("anna has %d messages, want 1", n)
	}
}
