package smtpd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/mailbox/filter"
	"schulhof/store"
	"schulhof/store/storetest"
)

const password = "richtig-Pferd-9"

// world is a small school behind a real server: anna (a pupil), ben, tina (a teacher, who owns the class 7b of anna
// and ben), jürgen, voll (whose mailbox is full), weg (who is disabled), the club leer without members, the aliases info@ (anna) and beide@ (anna, ben).
type world struct {
	t     testing.TB
	s     *store.Store
	dir   *directory.Directory
	mail  *mailbox.Mail
	sieve *filter.Filters
	srv   *Server
	log   *lockedBuffer
	id    map[string]directory.ID
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newWorld(t testing.TB, change ...func(*Options)) *world {
	t.Helper()
	return newWorldOn(t, storetest.Open(t), change...)
}

func newWorldOn(t testing.TB, s *store.Store, change ...func(*Options)) *world {
	t.Helper()
	ctx := context.Background()
	w := &world{t: t, s: s, id: map[string]directory.ID{}, log: &lockedBuffer{}}
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if w.dir, err = directory.New(ctx, s, directory.Options{HashParams: directory.HashParams{MemoryKiB: 8, Time: 1, Threads: 1}}); err != nil {
		t.Fatal(err)
	}
	if w.mail, err = mailbox.New(ctx, s, w.dir, mailbox.Options{}); err != nil {
		t.Fatal(err)
	}
	w.sieve, err = filter.New(ctx, s, w.mail, w.dir, filter.Options{Log: log, Hostname: "mail.school.test", Redirects: 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.sieve.Close()
		w.mail.Close()
		w.dir.Close()
	})
	w.people()
	o := Options{Store: s, Directory: w.dir, Mail: w.mail, TLS: testTLS(), Hostname: "mail.school.test", Log: log, AllowPlaintextLoopback: true, Filters: w.sieve}
	for _, c := range change {
		c(&o)
	}
	if w.srv, err = New(o); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) people() {
	ctx := context.Background()
	must := func(err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	must(w.dir.AddDomain(ctx, "school.test"))
	one := int64(1)
	var list []directory.NewAccount
	for _, name := range []string{"anna", "ben", "tina", "jürgen", "voll", "weg"} {
		a := directory.NewAccount{Address: name + "@school.test", Name: strings.ToUpper(name[:1]) + name[1:] + " Test", Role: directory.Student, Password: password}
		if name == "voll" {
			a.QuotaBytes = &one
		}
		list = append(list, a)
	}
	accounts, _, err := w.dir.AddAccounts(ctx, list)
	must(err)
	for _, a := range accounts {
		w.id[a.Login] = a.ID
	}
	g, err := w.dir.AddGroup(ctx, directory.Group{Name: "7b", Title: "Klasse 7b", Kind: "class", ToSender: true})
	must(err)
	must(w.dir.AddMembers(ctx, g.ID, []directory.ID{w.id["anna"], w.id["ben"]}, false))
	must(w.dir.AddMembers(ctx, g.ID, []directory.ID{w.id["tina"]}, true))
	_, err = w.dir.AddGroup(ctx, directory.Group{Name: "leer", Title: "Ohne Mitglieder", Kind: "club", ToSender: true})
	must(err)
	off := directory.Disabled
	must(w.dir.ChangeAccount(ctx, w.id["weg"], directory.AccountChange{State: &off}))
	must(w.dir.AddAlias(ctx, directory.Alias{Address: "info@school.test", Targets: []string{"anna@school.test"}}))
	must(w.dir.AddAlias(ctx, directory.Alias{Address: "beide@school.test", Targets: []string{"anna@school.test", "ben@school.test"}}))
	must(w.dir.AddAlias(ctx, directory.Alias{Address: "alle@school.test", Targets: []string{"anna@school.test", "voll@school.test"}}))
}

// listen serves d on a loopback port until the test ends, and returns the address.
func (w *world) listen(d *door) string {
	w.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.srv.serve(ctx, ln, d) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			w.t.Errorf("serve: %v", err)
		}
	})
	return ln.Addr().String()
}

// inbox returns the bodies in name's mailbox box, oldest first.
func (w *world) box(name, box string) (bodies []string) {
	w.t.Helper()
	ctx := context.Background()
	b, err := w.mail.Open(ctx, w.id[name], box)
	if err != nil {
		w.t.Fatalf("open %s of %s: %v", box, name, err)
	}
	defer b.Close()
	snap := b.Snapshot()
	var entries []mailbox.Entry
	for i := range snap.Len() {
		entries = append(entries, snap.At(i))
	}
	var buf mailbox.ContentBuf
	contents, err := b.Contents(ctx, entries, mailbox.WantBlob, &buf)
	if err != nil {
		w.t.Fatalf("contents: %v", err)
	}
	for _, c := range contents {
		r, err := w.mail.OpenBody(ctx, c.Blob)
		if err != nil {
			w.t.Fatalf("open body: %v", err)
		}
		var body bytes.Buffer
		if _, err := body.ReadFrom(r); err != nil {
			w.t.Fatalf("read body: %v", err)
		}
		r.Close()
		bodies = append(bodies, body.String())
	}
	return bodies
}

func (w *world) inbox(name string) []string { return w.box(name, "INBOX") }

// peer is a raw client.
type peerConn struct {
	t     testing.TB
	nc    net.Conn
	r     *bufio.Reader
	sieve bool // it speaks ManageSieve
}

// dial connects and reads the greeting; behind implicit TLS it speaks TLS.
func (w *world) dial(d *door) *peerConn {
	w.t.Helper()
	return dialTo(w.t, w.listen(d), d.implicit)
}

func dialTo(t testing.TB, address string, implicit bool) *peerConn {
	t.Helper()
	p := dialRaw(t, address, implicit)
	p.want("220")
	return p
}

// dialRaw leaves the greeting unread.
func dialRaw(t testing.TB, address string, implicit bool) *peerConn {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(30 * time.Second)) // a hung test must end
	if implicit {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	t.Cleanup(func() { nc.Close() })
	return &peerConn{t: t, nc: nc, r: bufio.NewReader(nc)}
}

func (p *peerConn) send(text string) {
	p.t.Helper()
	if _, err := p.nc.Write([]byte(text)); err != nil {
		p.t.Logf("send: %v", err)
	}
}

// reply reads one reply with all its lines; "" at the connection's end.
func (p *peerConn) reply() string {
	var all []string
	for {
		l, err := p.r.ReadString('\n')
		if err != nil {
			return strings.Join(all, "\n")
		}
		all = append(all, strings.TrimRight(l, "\r\n"))
		if len(l) < 4 || l[3] != '-' {
			return strings.Join(all, "\n")
		}
	}
}

// want reads a reply and checks how it begins.
func (p *peerConn) want(prefix string) string {
	p.t.Helper()
	got := p.reply()
	if !strings.HasPrefix(got, prefix) {
		p.t.Fatalf("reply %q, want %q", got, prefix)
	}
	return got
}

// do sends a command and checks the reply.
func (p *peerConn) do(command, prefix string) string {
	p.t.Helper()
	p.send(command + "\r\n")
	return p.want(prefix)
}

// closed checks that the server has closed.
func (p *peerConn) closed() {
	p.t.Helper()
	if got := p.reply(); got != "" {
		p.t.Errorf("connection still open: %q", got)
	}
}

// message sends one message to recipients and checks the reply to its end.
func (p *peerConn) message(from string, to []string, body, prefix string) string {
	p.t.Helper()
	p.do("MAIL FROM:<"+from+">", "250")
	for _, r := range to {
		p.do("RCPT TO:<"+r+">", "250")
	}
	p.do("DATA", "354")
	p.send(body + ".\r\n")
	return p.want(prefix)
}

var testTLS = sync.OnceValue(func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.school.test"},
		DNSNames: []string{"mail.school.test"}, NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
})
