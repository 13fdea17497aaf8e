package smtpd

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"schulhof/directory"

	"github.com/prometheus/client_golang/prometheus"
)

func TestLoginNeedsTLS(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.AllowPlaintextLoopback = false })
	p := w.dial(doorSubmission)
	if caps := p.do("EHLO x.example", "250"); strings.Contains(caps, "AUTH") || !strings.Contains(caps, "STARTTLS") {
		t.Errorf("in the clear: %q", caps)
	}
	p.do("AUTH PLAIN AGFubmEAeA==", "538 5.7.11")
	p.do("MAIL FROM:<anna@school.test>", "530 5.7.0 Must issue a STARTTLS")
	s := w.dial(doorSubmissions)
	if caps := s.do("EHLO x.example", "250"); !strings.Contains(caps, "AUTH PLAIN LOGIN") || strings.Contains(caps, "STARTTLS") {
		t.Errorf("over TLS: %q", caps)
	}
}

func TestASessionEndsWithItsLogin(t *testing.T) {
	w := newWorld(t)
	p := loggedIn(w, doorSubmission, "anna")
	p.do("MAIL FROM:<anna@school.test>", "250")
	p.do("RCPT TO:<ben@school.test>", "250")
	off := directory.Disabled
	if err := w.dir.ChangeAccount(context.Background(), w.id["anna"], directory.AccountChange{State: &off}); err != nil {
		t.Fatal(err)
	}
	p.do("DATA", "421 4.7.0 Login is no longer valid")
	p.closed()
}

func TestBudgetsOfAConnection(t *testing.T) {
	w := newWorld(t)
	w.srv.peers.untrusted = true
	p := greeted(w, doorMX, "EHLO")
	p.do("MAIL FROM:<a@example.org>", "250")
	for range maxRejectedRcpts {
		p.do("RCPT TO:<nobody@school.test>", "550")
	}
	p.want("421 4.7.0 Too many unknown")
	p.closed()

	p = greeted(w, doorMX, "EHLO")
	for i := range maxMessages {
		p.message("a@example.org", []string{"anna@school.test"}, fmt.Sprintf("Subject: %d\r\n\r\n", i), "250")
	}
	p.do("MAIL FROM:<a@example.org>", "421 4.7.0 Too many messages")
	p.closed()

	p = greeted(w, doorMX, "EHLO")
	p.do("MAIL FROM:<a@example.org>", "250")
	for range maxRecipients {
		p.send("RCPT TO:<anna@school.test>\r\n")
		p.want("250")
	}
	p.do("RCPT TO:<anna@school.test>", "452 4.5.3")
	p.do("DATA", "354")
	p.send("Subject: all\r\n\r\n.\r\n")
	p.want("250")
	if n := len(w.inbox("anna")); n != maxMessages+1 {
		t.Errorf("anna has %d, want %d", n, maxMessages+1)
	}
}

func TestLoopbackHasNoBudgets(t *testing.T) {
	w := newWorld(t)
	p := greeted(w, doorMX, "EHLO")
	p.do("MAIL FROM:<a@example.org>", "250")
	for range 3 * maxRejectedRcpts {
		p.do("RCPT TO:<nobody@school.test>", "550")
	}
	for range 3 * maxBadCommands {
		p.do("XYZZY", "500")
	}
	for i := range maxMessages + 5 {
		p.do("RSET", "250")
		p.message("a@example.org", []string{"anna@school.test"}, fmt.Sprintf("Subject: %d\r\n\r\n", i), "250")
	}
}

func TestTooManyConnections(t *testing.T) {
	w := newWorld(t)
	w.srv.peers.untrusted = true
	address := w.listen(doorMX)
	var first *peerConn
	for range maxConnectionsPerPeer {
		first = dialTo(t, address, false)
	}
	p := dialRaw(t, address, false)
	p.want("421 4.7.0 Too many connections")
	p.closed()
	first.do("QUIT", "221")
	first.closed()
	waitFor(t, "a place for another connection", func() bool {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		b := make([]byte, 3)
		io.ReadFull(nc, b)
		return string(b) == "220"
	})
}

func TestPeers(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := newPeers([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, func() time.Time { return now })
	a, b, school := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("10.1.2.3")
	for i := range maxUnknownPerHour {
		if p.guessing(a) {
			t.Fatalf("guessing after %d", i)
		}
		p.unknown([]netip.Addr{a, b, school}[i%2])
		p.unknown(school)
	}
	if !p.guessing(a) || !p.guessing(b) || p.guessing(school) {
		t.Errorf("guessing: %v %v %v, want true for both of one /64, false for the allowlist", p.guessing(a), p.guessing(b), p.guessing(school))
	}
	now = now.Add(unknownWindow + time.Second)
	if p.guessing(a) {
		t.Error("guessing for ever")
	}
	for range maxConnectionsPerPeer + 1 {
		if !p.enter(school) {
			t.Fatal("the allowlisted school was sent away")
		}
	}
	for range maxConnectionsPerPeer {
		p.enter(a)
	}
	if p.enter(b) {
		t.Error("one connection too many of a /64")
	}
	for range maxConnectionsPerPeer {
		p.leave(a)
	}
	if len(p.by) != 0 {
		t.Errorf("%d records are left of peers that have gone", len(p.by))
	}
}

func TestLMTPIsForThisMachine(t *testing.T) {
	w := newWorld(t)
	w.srv.peers.untrusted = true
	p := dialRaw(t, w.listen(doorLMTP), false)
	p.want("421 4.7.1 Not for your network")
	p.closed()
}

func TestStoppingEndsIdleConnectionsAndLetsAMessageEnd(t *testing.T) {
	w := newWorld(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.srv.ServeMX(ctx, ln) }()
	idle := dialTo(t, ln.Addr().String(), false)
	busy := dialTo(t, ln.Addr().String(), false)
	busy.do("EHLO x.example", "250")
	busy.do("MAIL FROM:<a@example.org>", "250")
	busy.do("RCPT TO:<anna@school.test>", "250")
	busy.do("DATA", "354")
	busy.send("Subject: x\r\n")
	stop()
	idle.want("421 4.3.2 Server is stopping")
	idle.closed()
	busy.send("\r\nx\r\n.\r\n")
	busy.want("250 2.0.0")
	busy.want("421 4.3.2")
	busy.closed()
	if err := <-done; err != nil {
		t.Errorf("ServeMX: %v", err)
	}
	if n := len(w.inbox("anna")); n != 1 {
		t.Errorf("anna has %d messages, want 1", n)
	}
	if c, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		c.Close()
		t.Error("still listening")
	}
}

func TestSizeLimit(t *testing.T) {
	const limit = 1 << 20
	w := newWorld(t, func(o *Options) { o.MaxSize = limit })
	line := strings.Repeat("x", 62) + "\r\n"
	exact := "Subject: x\r\n\r\n" + strings.Repeat(line, limit/64)
	exact = exact[:limit-2] + "\r\n"
	for _, d := range []*door{doorMX, doorLMTP} {
		verb := map[bool]string{true: "LHLO", false: "EHLO"}[d.lmtp]
		p := greeted(w, d, verb)
		p.message("a@example.org", []string{"anna@school.test"}, exact, "250")
		p.message("a@example.org", []string{"anna@school.test"}, "X"+exact, "552 5.3.4")
		p.closed()
		p = greeted(w, d, verb)
		p.do("MAIL FROM:<a@example.org>", "250")
		p.do("RCPT TO:<anna@school.test>", "250")
		p.send(fmt.Sprintf("BDAT %d\r\n%s", limit, exact))
		p.want("250")
		p.send("BDAT 1\r\nx")
		p.want("552 5.3.4")
		p.closed()
		p = greeted(w, d, verb)
		p.do("MAIL FROM:<a@example.org>", "250")
		p.do("RCPT TO:<anna@school.test>", "250")
		p.do("DATA", "354")
		p.send("Subject: x\r\n\r\n")
		for range 3 * limit / len(line) {
			p.send(line) // never ends: the server does not wait for the end
		}
		p.want("552 5.3.4")
		p.closed()
	}
	if n := len(w.inbox("anna")); n != 2 {
		t.Errorf("anna has %d messages, want 2", n)
	}
}

func TestHeaderLimits(t *testing.T) {
	w := newWorld(t)
	p := greeted(w, doorMX, "EHLO")
	p.message("a@example.org", []string{"anna@school.test"}, strings.Repeat("X: y\r\n", 100_000)+"\r\n", "552 5.3.4 Message header too large")
	p.message("a@example.org", []string{"anna@school.test"}, "X: "+strings.Repeat("y", 1<<20)+"\r\n\r\n", "552 5.3.4 Message header too large")
	l := greeted(w, doorLMTP, "LHLO")
	l.message("a@example.org", []string{"anna@school.test"}, strings.Repeat("X: y\r\n", 100_000)+"\r\n", "250")
	l.message("a@example.org", []string{"anna@school.test"}, "X: "+strings.Repeat("y", 1<<20)+"\r\n\r\n", "250")
	if n := len(w.inbox("anna")); n != 2 {
		t.Errorf("anna has %d messages, want 2", n)
	}
}

func TestALargeMessageNeedsLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("50 MiB of mail")
	}
	w := newWorld(t)
	p := greeted(w, doorMX, "EHLO")
	p.message("a@example.org", []string{"anna@school.test"}, "Subject: warm\r\n\r\nx\r\n", "250")
	p.do("MAIL FROM:<a@example.org>", "250")
	p.do("RCPT TO:<anna@school.test>", "250")
	p.do("DATA", "354")
	p.send("Subject: large\r\n\r\n")
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	line := strings.Repeat("MIME", 19) + "\r\n"
	block := []byte(strings.Repeat(line, 1<<20/len(line)))
	most := uint64(0)
	for range 49 {
		if _, err := p.nc.Write(block); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapInuse)
	}
	p.send(".\r\n")
	p.want("250")
	runtime.ReadMemStats(&now)
	most = max(most, now.HeapInuse)
	if grown := int64(most) - int64(before.HeapInuse); grown > 8<<20 {
		t.Errorf("a message of 49 MiB raised the heap by %d KiB, want at most 8 MiB", grown>>10)
	}
}

// TestCorpus sends real and nasty mails through LMTP: they come back with CRLF line ends behind our trace fields.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("SCHULHOF_CORPUS")
	if dir == "" {
		t.Skip("SCHULHOF_CORPUS names no folder with test mails")
	}
	files, err := filepath.Glob(filepath.Join(dir, "mail", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no mails in %s: %v", dir, err)
	}
	w := newWorld(t)
	p := greeted(w, doorLMTP, "LHLO")
	var want []string
	for i, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n", "\r\n")
		p.do("MAIL FROM:<a@example.org>", "250")
		p.do("RCPT TO:<anna@school.test>", "250")
		if i%2 == 0 {
			p.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(raw), raw))
			p.want("250")
		} else {
			if !strings.HasSuffix(text, "\r\n") {
				text += "\r\n"
			}
			p.do("DATA", "354")
			p.send(strings.ReplaceAll("\r\n"+text, "\r\n.", "\r\n..")[2:] + ".\r\n")
			p.want("250")
		}
		want = append(want, text)
	}
	got := w.inbox("anna")
	if len(got) != len(want) {
		t.Fatalf("%d mails came back of %d", len(got), len(want))
	}
	for i := range want {
		_, body, _ := strings.Cut(got[i], "\tid ")
		_, body, _ = strings.Cut(body, "\r\n")
		_, body, _ = strings.Cut(body, "\r\n")
		if body != want[i] {
			t.Errorf("%s came back changed", filepath.Base(files[i]))
		}
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	w := newWorld(t, func(o *Options) { o.Metrics = reg })
	p := greeted(w, doorMX, "EHLO")
	p.message("a@example.org", []string{"anna@school.test"}, letter, "250")
	list, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range list {
		found[f.GetName()] = true
	}
	for _, name := range []string{"open_connections", "connections_total", "messages_total", "accepted_bytes_total", "recipients_total", "delivery_seconds"} {
		if !found["schulhof_smtpd_"+name] {
			t.Errorf("no metric %s", name)
		}
	}
	if _, err := New(Options{Store: w.s, Directory: w.dir, Mail: w.mail, Hostname: "not a host"}); err == nil {
		t.Error("a bad hostname was accepted")
	}
	if _, err := New(Options{Hostname: "a.test"}); err == nil {
		t.Error("no rooms were accepted")
	}
}

func TestPasswordsStayOutOfTheLog(t *testing.T) {
	w := newWorld(t)
	p := loggedIn(w, doorSubmission, "anna")
	p.do("QUIT", "221")
	p = greeted(w, doorSubmission, "EHLO")
	p.do("AUTH LOGIN", "334")
	p.do(base64.StdEncoding.EncodeToString([]byte("anna")), "334")
	p.do(base64.StdEncoding.EncodeToString([]byte(password)), "235")
	for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte(password)), base64.StdEncoding.EncodeToString([]byte("\x00anna\x00" + password))} {
		if strings.Contains(w.log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}
