package imapd

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
	"schulhof/store/storetest"
)

const testPassword = "correct horse battery"

const lineTimeout = 30 * time.Second // until the server must have answered, on the slowest machine

// testServer is a server over a real store with the accounts anna and ben.
type testServer struct {
	testing.TB
	store *store.Store
	dir   *directory.Directory
	mail  *mailbox.Mail
	srv   *Server
	addr  string
	stop  func() error // ends Serve and waits for it
	anna  directory.ID
	ben   directory.ID
}

// newTestServer starts a server on loopback; change alters its options.
func newTestServer(t testing.TB, change ...func(*Options)) *testServer {
	t.Helper()
	s := storetest.Open(t)
	ts := &testServer{TB: t, store: s}
	var err error
	ts.dir, err = directory.New(t.Context(), s, directory.Options{HashParams: directory.HashParams{MemoryKiB: 8, Time: 1, Threads: 1}})
	ts.check(err)
	ts.mail, err = mailbox.New(t.Context(), s, ts.dir, mailbox.Options{})
	ts.check(err)
	ts.check(ts.dir.AddDomain(t.Context(), "school.test"))
	ts.anna, ts.ben = ts.account("anna"), ts.account("ben")
	o := Options{Store: s, Directory: ts.dir, Mail: ts.mail, Hostname: "mail.school.test", AllowPlaintextLoopback: true}
	for _, f := range change {
		f(&o)
	}
	ts.srv, err = New(o)
	ts.check(err)
	t.Cleanup(func() { ts.mail.Close() })
	ts.addr, ts.stop = ts.listen(ts.srv.Serve)
	return ts
}

// listen runs serve on a fresh port until the test ends or stop is called.
func (ts *testServer) listen(serve func(context.Context, net.Listener) error) (addr string, stop func() error) {
	ts.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.check(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, ln) }()
	stopped := false
	stop = func() error {
		cancel()
		if stopped {
			return nil
		}
		stopped = true
		return <-done
	}
	ts.Cleanup(func() { _ = stop() })
	return ln.Addr().String(), stop
}

func (ts *testServer) check(err error) {
	if err != nil {
		ts.Helper()
		ts.Fatal(err)
	}
}

func (ts *testServer) account(login string) directory.ID {
	ts.Helper()
	quota := int64(100 << 20)
	list, _, err := ts.dir.AddAccounts(context.Background(), []directory.NewAccount{{
		Address: login + "@school.test", Name: login, Role: directory.Student, Password: testPassword, QuotaBytes: &quota}})
	ts.check(err)
	return list[0].ID
}

// deliver puts a small message into anna's INBOX, as LMTP would.
func (ts *testServer) deliver(subject string) {
	ts.Helper()
	ts.deliverTo(ts.anna, "From: Ben <ben@school.test>\r\nTo: anna@school.test\r\nSubject: "+subject+"\r\n\r\nHallo\r\n")
}

// deliverLarge delivers a message that no memory keeps: reading it reads the disk.
func (ts *testServer) deliverLarge(subject string) {
	ts.Helper()
	ts.deliverTo(ts.anna, "From: Ben <ben@school.test>\r\nTo: anna@school.test\r\nSubject: "+subject+"\r\n\r\n"+strings.Repeat("Hallo\r\n", 3000))
}

func (ts *testServer) deliverTo(who directory.ID, body string) {
	ts.Helper()
	spool := ts.mail.NewSpool()
	defer spool.Close()
	_, err := spool.Write([]byte(body))
	ts.check(err)
	p, err := ts.mail.Prepare(context.Background(), spool)
	ts.check(err)
	defer p.Release()
	results, err := ts.mail.Deliver(context.Background(), mailbox.Delivery{Message: p, Recipients: []mailbox.To{{Owner: who}}})
	ts.check(err)
	ts.check(results[0])
}

// client is one raw connection.
type client struct {
	testing.TB
	nc net.Conn
	r  *bufio.Reader
}

func (ts *testServer) dial() *client {
	ts.Helper()
	nc, err := net.Dial("tcp", ts.addr)
	ts.check(err)
	ts.Cleanup(func() { nc.Close() })
	return newClient(ts.TB, nc)
}

func newClient(t testing.TB, nc net.Conn) *client {
	return &client{TB: t, nc: nc, r: bufio.NewReader(nc)}
}

// login returns a connection that has logged in.
func (ts *testServer) login(name string) *client {
	ts.Helper()
	c := ts.dial()
	c.line()
	c.do(`login LOGIN ` + name + ` "` + testPassword + `"`)
	return c
}

func (c *client) send(s string) {
	c.Helper()
	if _, err := c.nc.Write([]byte(s)); err != nil {
		c.Fatalf("send: %v", err)
	}
}

// line reads one line without its end; "<closed>" when the server has closed the connection.
func (c *client) line() string {
	c.Helper()
	_ = c.nc.SetReadDeadline(time.Now().Add(lineTimeout))
	s, err := c.r.ReadString('\n')
	if err != nil {
		if e, ok := err.(net.Error); ok && e.Timeout() {
			c.Fatalf("no answer within %s (read %q)", lineTimeout, s)
		}
		return "<closed>"
	}
	return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
}

// do sends a command and returns all lines up to the tagged one.
func (c *client) do(command string) []string {
	c.Helper()
	c.send(command + "\r\n")
	tag, _, _ := strings.Cut(command, " ")
	return c.until(tag)
}

// until reads to the line that begins with tag.
func (c *client) until(tag string) []string {
	c.Helper()
	var lines []string
	for {
		line := c.line()
		lines = append(lines, line)
		if strings.HasPrefix(line, tag+" ") || line == "<closed>" {
			return lines
		}
	}
}

// want fails unless the last of lines begins with prefix.
func (c *client) want(lines []string, prefix string) {
	c.Helper()
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, prefix) {
		c.Fatalf("got %q, want a line that begins with %q", lines, prefix)
	}
}

// testTLS makes a certificate for localhost and what trusts it.
func testTLS(t testing.TB) (server, clientSide *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: pool, ServerName: "localhost"}
}
