package main

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"schulhof/smtpd/resolver/dnstest"

	"github.com/emersion/go-smtp"
)

// elsewhere is the mail servers of others: each at a loopback address of its own, all at one port, with certificates of one authority and
// names in a DNS. It keeps what they get.
type elsewhere struct {
	dns       *dnstest.Server
	port      string
	dir       string // of the authority
	authority *authority

	mu      sync.Mutex
	letters []foreignLetter
	at      func(step string) // called at MAIL, and at "." before the reply; nil: nothing happens
}

// foreignLetter is a message that arrived elsewhere.
type foreignLetter struct {
	from, text string
	to         []string
	tls        bool
}

func newElsewhere(t *testing.T) *elsewhere {
	t.Helper()
	e := &elsewhere{dns: dnstest.Start(t), dir: t.TempDir()}
	var err error
	if e.authority, err = newAuthority(e.dir, "everybody.example", time.Now()); err != nil {
		t.Fatal(err)
	}
	e.port = strconv.Itoa(26_000 + rand.IntN(6000)) // below the ports that the system gives away by itself; addresses do the rest
	return e
}

// serve starts live's server so that it finds and trusts them.
func (e *elsewhere) serve(t *testing.T, l *live, flags ...string) {
	t.Helper()
	l.wrap = []string{"env", "SSL_CERT_FILE=" + filepath.Join(e.dir, authorityCert)}
	l.flags = append([]string{"--set", "dns.servers=" + e.dns.Address, "--set", "outgoing.port=" + e.port, "--set", "outgoing.networks=127.0.0.0/8"}, flags...)
	l.serve(t)
}

// loopback is one of the many loopback addresses, which hardly anybody else has just now.
func loopback() string {
	return fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
}

// listen listens at a port of some loopback address until the test ends.
func listen(t *testing.T, port string) (net.Listener, error) {
	t.Helper()
	var last error
	for range 20 {
		ln, err := net.Listen("tcp", net.JoinHostPort(loopback(), port))
		if err == nil {
			t.Cleanup(func() { ln.Close() })
			return ln, nil
		}
		last = err
	}
	return nil, last
}

// hostOfListener is the address without the port.
func hostOfListener(ln net.Listener) string { return ln.Addr().(*net.TCPAddr).IP.String() }

// certificateFiles makes a certificate for names, and its key.
func (e *elsewhere) certificateFiles(t *testing.T, names ...string) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, serverCert), filepath.Join(dir, serverKey)
	if err := e.authority.issue(cert, key, names, time.Now()); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// certificate makes one for names.
func (e *elsewhere) certificate(t *testing.T, names ...string) tls.Certificate {
	t.Helper()
	pair, err := loadCertificate(e.certificateFiles(t, names...))
	if err != nil {
		t.Fatal(err)
	}
	return *pair
}

// tlsa is the TLSA record of a host with this certificate: 3 1 1, the hash of its key. RFC 6698 §2.1.
func (e *elsewhere) tlsa(host string, cert tls.Certificate) string {
	sum := sha256.Sum256(cert.Leaf.RawSubjectPublicKeyInfo)
	return fmt.Sprintf("_%s._tcp.%s. TLSA 3 1 1 %s", e.port, host, hex.EncodeToString(sum[:]))
}

// mailServer starts a server with a certificate and returns its address.
func (e *elsewhere) mailServer(t *testing.T, cert tls.Certificate) (address string) {
	t.Helper()
	ln, err := listen(t, e.port)
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &foreignSession{elsewhere: e, conn: c}, nil }))
	server.Domain, server.TLSConfig, server.ErrorLog = "mx.example", &tls.Config{Certificates: []tls.Certificate{cert}}, noLog{}
	ended := make(chan struct{})
	go func() { server.Serve(ln); close(ended) }()
	t.Cleanup(func() { server.Close(); <-ended })
	return hostOfListener(ln)
}

// noLog is for a server of connections that break, which is what some tests are about.
type noLog struct{}

// Printf implements smtp.Logger.
func (noLog) Printf(string, ...any) {}

// Println implements smtp.Logger.
func (noLog) Println(...any) {}

// got is what arrived so far.
func (e *elsewhere) got() []foreignLetter {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.letters)
}

// stopAt sets what happens at a step.
func (e *elsewhere) stopAt(at func(step string)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at = at
}

func (e *elsewhere) reached(step string) {
	e.mu.Lock()
	at := e.at
	e.mu.Unlock()
	if at != nil {
		at(step)
	}
}

// foreignSession is one connection.
type foreignSession struct {
	*elsewhere
	conn   *smtp.Conn
	letter foreignLetter
}

// Reset implements smtp.Session.
func (s *foreignSession) Reset() { s.letter = foreignLetter{} }

// Logout implements smtp.Session.
func (s *foreignSession) Logout() error { return nil }

// Mail implements smtp.Session.
func (s *foreignSession) Mail(from string, _ *smtp.MailOptions) error {
	s.letter.from = from
	s.reached("MAIL")
	return nil
}

// Rcpt implements smtp.Session.
func (s *foreignSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.letter.to = append(s.letter.to, to)
	return nil
}

// Data implements smtp.Session.
func (s *foreignSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, s.letter.tls = s.conn.TLSConnectionState()
	s.letter.text = string(text)
	s.mu.Lock()
	s.letters = append(s.letters, s.letter)
	s.mu.Unlock()
	s.reached(".")
	return nil
}

// middleman sits between us and a mail server and hides that it offers TLS, until he is told to be honest.
type middleman struct {
	server string

	mu      sync.Mutex
	honest  bool
	clear   []string // the recipients that he could read
	running sync.WaitGroup
}

// middleman starts one before the mail server at an address.
func (e *elsewhere) middleman(t *testing.T, server string) (m *middleman, address string) {
	t.Helper()
	ln, err := listen(t, e.port)
	if err != nil {
		t.Fatal(err)
	}
	m = &middleman{server: net.JoinHostPort(server, e.port)}
	m.running.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			m.running.Go(func() { m.relay(nc) })
		}
	})
	t.Cleanup(func() { ln.Close(); m.running.Wait() })
	return m, hostOfListener(ln)
}

// relay passes on what both sides say.
func (m *middleman) relay(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", m.server)
	if err != nil {
		return
	}
	defer server.Close()
	m.mu.Lock()
	honest := m.honest
	m.mu.Unlock()
	var answers sync.WaitGroup
	defer answers.Wait()
	answers.Go(func() {
		defer client.Close()
		if honest {
			io.Copy(client, server)
			return
		}
		for r := bufio.NewReader(server); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(client, strings.ReplaceAll(line, "STARTTLS", "XXXXXXXX"))
		}
	})
	defer server.Close()
	if honest {
		io.Copy(server, client)
		return
	}
	for r := bufio.NewReader(client); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if to, ok := strings.CutPrefix(line, "RCPT TO:<"); ok {
			m.mu.Lock()
			m.clear = append(m.clear, to[:strings.IndexByte(to, '>')])
			m.mu.Unlock()
		}
		io.WriteString(server, line)
	}
}

// becomeHonest ends the attack.
func (m *middleman) becomeHonest() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.honest = true
}

// read is the recipients of mail that he could read.
func (m *middleman) read() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(slices.Values(m.clear))
}

// passage is mail to a domain, and what becomes of it at first: "sent" and how the connection was protected, or "waits" and a part of the
// sentence that says why.
type passage struct {
	name, domain, want string
}

// waiting is what is in the queue, by domain: why it waits. What was not tried yet is "".
func (l *live) waiting(t *testing.T) map[string]string {
	t.Helper()
	var list []queuedDoc
	if err := json.Unmarshal([]byte(l.schulhof(t, "queue", "list", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, m := range list {
		text, err := l.try("queue", "show", strconv.FormatInt(m.ID, 10), "--json")
		if err != nil && strings.Contains(text, "there is no message") {
			continue // it has left meanwhile
		}
		var doc struct{ Deliveries []deliveryDoc }
		if err := errors.Join(err, json.Unmarshal([]byte(text), &doc)); err != nil {
			t.Fatalf("queue show: %v\n%s", err, text)
		}
		for _, d := range doc.Deliveries {
			found[d.Destination] = ""
			if strings.Contains(d.Why, "did not work") || strings.Contains(d.Why, "The last try") {
				found[d.Destination] = d.Why
			}
		}
	}
	return found
}

// send submits a message to one person in each domain and waits until each was tried.
func (e *elsewhere) send(t *testing.T, l *live, passages []passage) (waits map[string]string) {
	t.Helper()
	var to []string
	arriving := len(e.got())
	for _, p := range passages {
		to = append(to, "oma@"+p.domain)
		if strings.HasPrefix(p.want, "sent") {
			arriving++
		}
	}
	if err := l.submit("anna", to, letterFrom("anna@school.test", "Wandertag")); err != nil {
		t.Fatal(err)
	}
	arrived := patiently(func() bool { return len(e.got()) >= arriving })
	if !arrived || !patiently(func() bool {
		waits = l.waiting(t)
		for _, why := range waits {
			if why == "" {
				return false
			}
		}
		return true
	}) {
		t.Fatalf("%d arrived, these wait: %v", len(e.got()), l.waiting(t))
	}
	return waits
}

// verifyPassages compares what waits, and the log of a server that has ended, with what was to become of each.
func verifyPassages(t *testing.T, passages []passage, waits map[string]string, log string) {
	t.Helper()
	for _, p := range passages {
		got := "waits: " + waits[p.domain]
		sent := regexp.MustCompile(`message sent.* to=oma@` + regexp.QuoteMeta(p.domain) + ` .*tls=("[^"]*"|\S+)`).FindStringSubmatch(log)
		if sent != nil {
			got = "sent: " + strings.Trim(sent[1], `"`)
		}
		if what, part, _ := strings.Cut(p.want, ": "); !strings.HasPrefix(got, what+": ") || !strings.Contains(got, part) || part == "" && got != "sent: " {
			t.Errorf("%s: %s, want %s", p.name, got, p.want)
		}
	}
}

// letterFrom is a short message.
func letterFrom(from, subject string) string {
	return "From: <" + from + ">\r\nTo: oma@there.example\r\nSubject: " + subject + "\r\nMessage-ID: <" + subject + "@trip>\r\n" +
		"Date: Mon, 23 Nov 2026 08:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
		"Grüße aus der Schule.\r\n"
}
