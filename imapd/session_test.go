package imapd

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"schulhof/store/fault"

	"github.com/prometheus/client_golang/prometheus"
)

// RFC 9051 §6.2.1: before TLS no login, after it no STARTTLS.
func TestStartTLS(t *testing.T) {
	serverTLS, clientTLS := testTLS(t)
	ts := newTestServer(t, func(o *Options) { o.TLS, o.AllowPlaintextLoopback = serverTLS, false })
	c := ts.dial()
	if greeting := c.line(); !strings.Contains(greeting, "STARTTLS LOGINDISABLED") || strings.Contains(greeting, "AUTH=") {
		t.Fatalf("greeting %q", greeting)
	}
	c.want(c.do(`a1 LOGIN anna "`+testPassword+`"`), "a1 NO [PRIVACYREQUIRED]")
	c.want(c.do("a2 AUTHENTICATE PLAIN AGEAYg=="), "a2 NO [PRIVACYREQUIRED]")
	c.want(c.do("a3 STARTTLS"), "a3 OK")
	c = newClient(t, tls.Client(c.nc, clientTLS))
	lines := c.do("b1 CAPABILITY")
	if strings.Contains(lines[0], "STARTTLS") || !strings.Contains(lines[0], "AUTH=PLAIN") {
		t.Errorf("over TLS: %q", lines[0])
	}
	c.want(c.do(`b2 LOGIN anna "`+testPassword+`"`), "b2 OK [CAPABILITY")
	c.want(c.do("b3 SELECT INBOX"), "b3 OK")
	c.want(c.do("b4 STARTTLS"), "b4 BAD")
}

// RFC 9051 §11.1: what stands behind STARTTLS in the same packet would otherwise be run under TLS.
func TestStartTLSInjection(t *testing.T) {
	serverTLS, _ := testTLS(t)
	ts := newTestServer(t, func(o *Options) { o.TLS = serverTLS })
	c := ts.dial()
	c.line()
	c.send("a1 STARTTLS\r\na2 NOOP\r\n")
	if got := c.line(); !strings.HasPrefix(got, "* BYE") {
		t.Errorf("got %q, want BYE", got)
	}
}

func TestImplicitTLS(t *testing.T) {
	serverTLS, clientTLS := testTLS(t)
	ts := newTestServer(t, func(o *Options) { o.TLS, o.AllowPlaintextLoopback = serverTLS, false })
	addr, _ := ts.listen(ts.srv.ServeTLS)
	nc, err := tls.Dial("tcp", addr, clientTLS)
	ts.check(err)
	defer nc.Close()
	c := newClient(t, nc)
	if got := c.line(); strings.Contains(got, "LOGINDISABLED") {
		t.Errorf("greeting %q", got)
	}
	c.want(c.do(`a1 LOGIN anna "`+testPassword+`"`), "a1 OK")
	c.want(c.do("a2 LOGOUT"), "a2 OK")
}

// RFC 4978, with the standard library's implementation on the other side.
func TestCompress(t *testing.T) {
	ts := newTestServer(t)
	ts.deliver("One")
	c := ts.login("anna")
	c.want(c.do("a1 COMPRESS DEFLATE"), "a1 OK")
	z, err := flate.NewWriter(c.nc, 6)
	ts.check(err)
	plain := newClient(t, c.nc)
	plain.r.Reset(flate.NewReader(c.r))
	do := func(command string) []string {
		_, err := io.WriteString(z, command+"\r\n")
		ts.check(err)
		ts.check(z.Flush())
		return plain.until(strings.Fields(command)[0])
	}
	plain.want(do("b1 SELECT INBOX"), "b1 OK")
	plain.want(do("b2 COMPRESS DEFLATE"), "b2 NO [COMPRESSIONACTIVE]")
	plain.want(do("b3 UNAUTHENTICATE"), "b3 NO [CANNOT]")
	for range 50 {
		plain.want(do("b4 FETCH 1 (ENVELOPE BODY.PEEK[])"), "b4 OK")
	}
	_, err = io.WriteString(z, "b5 IDLE\r\n")
	ts.check(err)
	ts.check(z.Flush())
	plain.until("+")
	ts.deliver("Two")
	if got := plain.line(); got != "* 2 EXISTS" {
		t.Errorf("while idling: %q", got)
	}
}

// A line of a few compressed bytes that becomes endless meets the same limit as an uncompressed one.
func TestCompressBomb(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	c.want(c.do("a1 COMPRESS DEFLATE"), "a1 OK")
	var bomb bytes.Buffer
	z, err := flate.NewWriter(&bomb, 9)
	ts.check(err)
	_, _ = z.Write(bytes.Repeat([]byte("a"), maxSwallow+1<<20)) // a buffer takes everything
	ts.check(z.Flush())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	go func() { _, _ = c.nc.Write(bomb.Bytes()) }() // the server may close before the end
	plain := newClient(t, c.nc)
	plain.r.Reset(flate.NewReader(c.r))
	if got := plain.line(); !strings.HasPrefix(got, "* BYE") {
		t.Errorf("got %q, want BYE", got)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 32<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// Before login everything is small. RELIABILITY of anyone who can connect.
func TestLimitsBeforeLogin(t *testing.T) {
	ts := newTestServer(t)
	tests := []struct{ name, send, want string }{
		{"an endless line", strings.Repeat("a", maxLineBefore+2) + "\r\n", "* BYE"},
		{"a large literal", "a LOGIN {9000}\r\n", "a BAD"},
		{"a large literal that does not wait", "a LOGIN {900000+}\r\n", "* BYE"},
		{"wrong commands", strings.Repeat("a X\r\n", maxBadBefore), "* BYE"},
		{"wrong passwords", strings.Repeat("a LOGIN anna wrong\r\n", maxLoginTries), "* BYE"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := ts.dial()
			c.line()
			c.send(test.send)
			for {
				got := c.line()
				if strings.HasPrefix(got, test.want) {
					break
				}
				if got == "<closed>" {
					t.Fatalf("closed without %q", test.want)
				}
			}
		})
	}
}

func TestLimitsAfterLogin(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	c.send("a1 NOOP " + strings.Repeat("x", maxLine) + "\r\n")
	if got := c.line(); !strings.HasPrefix(got, "* BAD command line too long") {
		t.Errorf("a long line: %q", got)
	}
	c.want(c.do("a2 NOOP"), "a2 OK")
	c.send(strings.Repeat("b X\r\n", maxBadCommands))
	lines := c.until("*")
	c.want(lines, "* BYE")
}

// RFC 9051 §5.5: commands may be sent without waiting; answers come in order.
func TestPipelining(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	c.send("a1 SELECT INBOX\r\na2 NOOP\r\na3 STATUS INBOX (MESSAGES)\r\na4 LOGIN {4+}\r\nanna {1+}\r\nx\r\na5 LOGOUT\r\n")
	for _, tag := range []string{"a1", "a2", "a3", "a4", "a5"} {
		c.until(tag)
	}
}

// fromAfar makes loopback connections look as if they came from elsewhere.
type fromAfar struct{ net.Listener }

type afarConn struct{ net.Conn }

func (l fromAfar) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return afarConn{nc}, nil
}

func (afarConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 5} }

func TestConnectionsPerAccount(t *testing.T) {
	serverTLS, clientTLS := testTLS(t)
	ts := newTestServer(t, func(o *Options) { o.TLS = serverTLS })
	addr, _ := ts.listen(func(ctx context.Context, ln net.Listener) error { return ts.srv.ServeTLS(ctx, fromAfar{ln}) })
	dial := func() *client {
		nc, err := tls.Dial("tcp", addr, clientTLS)
		ts.check(err)
		t.Cleanup(func() { nc.Close() })
		c := newClient(t, nc)
		c.line()
		return c
	}
	var last *client
	for range maxConnections {
		last = dial()
		last.want(last.do(`a LOGIN anna "`+testPassword+`"`), "a OK")
	}
	c := dial()
	c.want(c.do(`a LOGIN anna "`+testPassword+`"`), "a NO [LIMIT]")
	last.want(last.do("b UNAUTHENTICATE"), "b OK")
	c.want(c.do(`a LOGIN anna "`+testPassword+`"`), "a OK")
}

// A stopping server says so and is gone soon.
func TestShutdown(t *testing.T) {
	ts := newTestServer(t)
	idle, quiet, before := ts.login("anna"), ts.login("anna"), ts.dial()
	before.line()
	idle.send("a IDLE\r\n")
	idle.until("+")
	if err := ts.stop(); err != nil {
		t.Errorf("Serve = %v", err)
	}
	for _, c := range []*client{idle, quiet, before} {
		if got := c.line(); !strings.HasPrefix(got, "* BYE [UNAVAILABLE]") {
			t.Errorf("got %q, want BYE", got)
		}
	}
}

// Every fault kind has a code of RFC 9051 §7.1 or RFC 5530.
func TestEveryFaultHasAnAnswer(t *testing.T) {
	known := "NONEXISTENT ALREADYEXISTS NOPERM CANNOT AUTHENTICATIONFAILED UNAVAILABLE TOOBIG LIMIT OVERQUOTA EXPUNGEISSUED INUSE SERVERBUG"
	for _, kind := range fault.Kinds() {
		status, code, text, _ := outcome(fault.New(kind, ""))
		if status != "NO" || !strings.Contains(known, code) || text == "" {
			t.Errorf("%v: %s [%s] %s", kind, status, code, text)
		}
	}
	if _, code, text, bug := outcome(errors.New("secret detail")); code != "SERVERBUG" || strings.Contains(text, "secret") || !bug {
		t.Errorf("an unknown error: [%s] %s", code, text)
	}
	if status, _, _, _ := outcome(context.Canceled); status != "NO" {
		t.Errorf("cancelled: %s", status)
	}
}

// The session's line in the log names who and how, and no password.
func TestSessionLog(t *testing.T) {
	var log syncBuffer
	registry := prometheus.NewRegistry()
	ts := newTestServer(t, func(o *Options) { o.Log, o.Metrics = slog.New(slog.NewTextHandler(&log, nil)), registry })
	c := ts.login("anna")
	c.do("a1 ID (\"name\" \"Tester\x1b\")")
	c.do("a2 LOGOUT")
	ts.check(ts.stop())
	text := log.String()
	if !strings.Contains(text, "login=anna client=Tester") || strings.Contains(text, "horse") {
		t.Errorf("log: %s", text)
	}
	families, err := registry.Gather()
	if err != nil || len(families) < 4 {
		t.Errorf("metrics: %d, %v", len(families), err)
	}
}

// A bug in a handler ends its connection and no other.
func TestPanicEndsOneConnection(t *testing.T) {
	ts := newTestServer(t)
	other := ts.login("anna")
	nc, theirs := net.Pipe()
	defer theirs.Close()
	c := ts.srv.newConn(&wire{raw: nc, nc: nc})
	c.log, c.parser.spool = ts.srv.log, nil
	c.signedIn, c.srv = true, &Server{} // nothing in it: the first command that needs a room panics
	done := make(chan string, 1)
	go func() { done <- c.serveSafely(context.Background()) }()
	peer := newClient(t, theirs)
	peer.line()
	go func() { _, _ = theirs.Write([]byte("a LIST \"\" *\r\n")) }()
	if got := peer.line(); !strings.HasPrefix(got, "* BYE [SERVERBUG]") || <-done != "panic" {
		t.Errorf("got %q", got)
	}
	other.want(other.do("a NOOP"), "a OK")
}

// A reader that does not read is not waited for without end: the write has a deadline, and the wait holds nothing else up.
func TestBackPressure(t *testing.T) {
	ts := newTestServer(t)
	ts.deliverTo(ts.anna, "Subject: large\r\n\r\n"+strings.Repeat(strings.Repeat("x", 70)+"\r\n", 100000))
	slow, quick := ts.login("anna"), ts.login("anna")
	slow.do("a SELECT INBOX")
	for range 8 {
		slow.send("b FETCH 1 BODY.PEEK[]\r\n")
	}
	quick.want(quick.do("c SELECT INBOX"), "c OK")
	_ = slow.nc.SetReadDeadline(time.Now().Add(lineTimeout))
	if n, err := io.CopyN(io.Discard, slow.r, 7<<20); err != nil {
		t.Errorf("read %d bytes, then %v", n, err)
	}
}
