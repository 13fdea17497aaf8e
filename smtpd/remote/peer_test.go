package remote

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"schulhof/smtpd/resolver"
	"schulhof/smtpd/resolver/dnstest"
	"schulhof/store"
)

// peer is a mail server with a script.
type peer struct {
	extensions []string // behind the greeting line of EHLO; STARTTLS is added if cert is set
	afterTLS   []string // instead of extensions inside of TLS
	cert       *tls.Certificate
	first      bool // TLS from the first byte
	// say replaces what the server says to a verb ("greeting", "EHLO", "MAIL", "RCPT", "DATA", ".", …) or to a whole command
	// ("RCPT TO:<a@b>"). Lines are separated by "\n". "close" closes the connection, "hang" says nothing.
	say map[string]string
	// does replaces everything after the greeting is due.
	does func(nc net.Conn, r *bufio.Reader)

	mu    sync.Mutex
	heard []string // commands, "*" before those inside of TLS
	mails []string // as they came, with doubled dots
	clear int      // connections on which MAIL came without TLS
	conns int
}

func (p *peer) commands() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.heard...)
}

func (p *peer) messages() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.mails...)
}

// met returns how many connections there were, and how many mails came in the clear.
func (p *peer) met() (conns, clear int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns, p.clear
}

// serve plays the script on one connection.
func (p *peer) serve(nc net.Conn) {
	p.mu.Lock()
	p.conns++
	p.mu.Unlock()
	if p.first {
		nc = tls.Server(nc, &tls.Config{Certificates: []tls.Certificate{*p.cert}})
	}
	r := bufio.NewReader(nc)
	if p.does != nil {
		p.does(nc, r)
		return
	}
	if !p.answer(nc, "greeting", "220 peer ESMTP") {
		return
	}
	secure := p.first
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		p.note(verb, line, secure)
		switch verb {
		case "STARTTLS":
			if !p.answer(nc, line, "220 go ahead") {
				return
			}
			if p.say["STARTTLS"] == "" {
				nc = tls.Server(nc, &tls.Config{Certificates: []tls.Certificate{*p.cert}})
				r, secure = bufio.NewReader(nc), true
			}
		case "DATA":
			if !p.answer(nc, line, "354 go on") {
				return
			}
			if strings.HasPrefix(p.reply(line, "354"), "354") && !p.data(nc, r) {
				return
			}
		default:
			if !p.answer(nc, line, p.standard(verb, secure)) || verb == "QUIT" {
				return
			}
		}
	}
}

func (p *peer) note(verb, line string, secure bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if secure {
		line = "*" + line
	} else if verb == "MAIL" {
		p.clear++
	}
	p.heard = append(p.heard, line)
}

// standard is what a good server says.
func (p *peer) standard(verb string, secure bool) string {
	switch verb {
	case "EHLO":
		lines := append([]string{"peer at your service"}, p.extensions...)
		if secure && p.afterTLS != nil {
			lines = append(lines[:1], p.afterTLS...)
		}
		if p.cert != nil && !secure {
			lines = append(lines, "STARTTLS")
		}
		for i := range lines {
			sep := "-"
			if i == len(lines)-1 {
				sep = " "
			}
			lines[i] = "250" + sep + lines[i]
		}
		return strings.Join(lines, "\n")
	case "HELO", "MAIL", "RCPT", "RSET", "NOOP":
		return "250 2.1.0 fine"
	case "AUTH":
		return "235 2.7.0 welcome"
	case "QUIT":
		return "221 2.0.0 bye"
	}
	return "500 5.5.1 what"
}

// reply is what the script has for a command, or the standard one.
func (p *peer) reply(command, standard string) string {
	verb, _, _ := strings.Cut(strings.ToUpper(command), " ")
	for _, key := range []string{command, verb} {
		if text, ok := p.say[key]; ok && command != "" {
			return text
		}
	}
	if text, ok := p.say[command]; ok {
		return text
	}
	return standard
}

// answer says it; false: the connection is over.
func (p *peer) answer(nc net.Conn, command, standard string) bool {
	text := p.reply(command, standard)
	switch {
	case text == "close":
		return false
	case text == "hang":
		_, _ = io.Copy(io.Discard, nc)
		return false
	case strings.HasSuffix(text, "\nclose"):
		io.WriteString(nc, strings.ReplaceAll(strings.TrimSuffix(text, "close"), "\n", "\r\n"))
		return false
	}
	_, err := io.WriteString(nc, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n")
	return err == nil
}

// data reads a message up to the final dot.
func (p *peer) data(nc net.Conn, r *bufio.Reader) bool {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(line)
	}
	p.mu.Lock()
	p.mails = append(p.mails, b.String())
	p.mu.Unlock()
	return p.answer(nc, ".", "250 2.0.0 queued as 7")
}

// world has mail servers at addresses of the internet, and the DNS that leads to them.
type world struct {
	dns    *dnstest.Server
	client *Client

	mu    sync.Mutex
	where map[netip.AddrPort]string // real address of who answers there
}

// newWorld starts with these records. change may be nil.
func newWorld(t *testing.T, change func(*Options), records ...string) *world {
	t.Helper()
	w := &world{dns: dnstest.Start(t, records...), where: map[netip.AddrPort]string{}}
	var leaps atomic.Int64 // a clock that leaps makes the resolver forget at once
	leap := func() time.Time { return time.Unix(leaps.Add(1)*7*86400, 0) }
	r, err := resolver.New(resolver.Options{Servers: []string{w.dns.Address}, Timeout: 2 * time.Second, Now: leap})
	if err != nil {
		t.Fatal(err)
	}
	short := 2 * time.Second // long enough for a peer on a busy machine
	o := Options{Resolver: r, Hostname: "us.example", Roots: authority().pool, Timeouts: Timeouts{Connect: time.Second, Greeting: short, TLS: 5 * time.Second,
		Command: short, Data: short, Block: short, Final: short, Envelope: 5 * time.Second, Quit: short}}
	if change != nil {
		change(&o)
	}
	if w.client, err = New(o); err != nil {
		t.Fatal(err)
	}
	w.client.dial = w.dial
	return w
}

var errRefused = errors.New("connection refused")

func (w *world) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	w.mu.Lock()
	address, ok := w.where[to]
	w.mu.Unlock()
	if !ok {
		return nil, errRefused
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address)
}

// put makes a peer answer at an address such as 192.0.2.1:25, until the test ends.
func (w *world) put(t *testing.T, at string, p *peer) *peer {
	t.Helper()
	w.listen(t, at, p.serve)
	return p
}

func (w *world) listen(t *testing.T, at string, serve func(net.Conn)) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	running.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, nc)
			mu.Unlock()
			running.Go(func() { defer nc.Close(); serve(nc) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for _, nc := range open {
			nc.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.where[netip.MustParseAddrPort(at)] = ln.Addr().String()
}

const letter = "From: anna@us.example\r\nSubject: x\r\n\r\nHello\r\n.dot\r\n"

// mail makes a message of text.
func mail(text string) Message {
	return Message{Sender: "anna@us.example", Size: int64(len(text)),
		Body: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func recipients(addresses ...string) (list []Recipient) {
	for _, a := range addresses {
		list = append(list, Recipient{Address: a})
	}
	return list
}

func noDot(context.Context) error { return nil }

// send dials and delivers, as the queue does: the results of all recipients, and whether the final dot was reached.
func (w *world) send(t *testing.T, target Target, m Message, to ...string) (results []Result, dot bool) {
	t.Helper()
	s, err := w.client.Dial(t.Context(), target)
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("Dial = %v, which is no *Error", err)
		}
		for range to {
			results = append(results, e.Result)
		}
		return results, false
	}
	defer s.Close()
	results, err = s.Deliver(t.Context(), m, recipients(to...), func(context.Context) error { dot = true; return nil })
	if results == nil {
		t.Fatalf("Deliver gives no results: %v", err)
	}
	return results, dot
}

// short writes results as "250 2.0.0", with "later" behind temporary ones.
func short(results []Result) string {
	var texts []string
	for _, r := range results {
		text := fmt.Sprint(r.Code, " ", r.Enhanced)
		if r.Temporary {
			text += " later"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

// ---- certificates

type testAuthority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

var authority = sync.OnceValue(func() *testAuthority { return makeAuthority("Test CA") })

func makeAuthority(name string) *testAuthority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-24 * time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	a := &testAuthority{cert: cert, key: key, pool: x509.NewCertPool()}
	a.pool.AddCert(cert)
	return a
}

// issue makes a certificate for names that has expired if expired says so. The chain ends with the authority.
func (a *testAuthority) issue(expired bool, names ...string) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	from, until := time.Now().Add(-12*time.Hour), time.Now().Add(12*time.Hour)
	if expired {
		until = time.Now().Add(-time.Hour)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "peer"}, NotBefore: from, NotAfter: until, DNSNames: names}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: leaf}
}

// openStore opens an empty store.
func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
