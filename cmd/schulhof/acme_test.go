package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"schulhof/config"
	"schulhof/smtpd/resolver/dnstest"

	"github.com/caddyserver/certmagic"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

// acmeAuthority is a real one, Let's Encrypt's own for tests. It looks names up at dns and asks at httpPort.
type acmeAuthority struct {
	directory string
	rootsFile string         // of its web server
	issued    *x509.CertPool // what its certificates lead to
}

func startAuthority(t *testing.T, dns *dnstest.Server, httpPort int, life time.Duration) *acmeAuthority {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	authority := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "all", ValidityPeriod: uint64(life / time.Second)}})
	front := wfe.New(quiet, store, va.New(quiet, httpPort, 1, true, dns.Address, store), authority, []string{"ca.test"}, true, false, 1, 1)
	web := httptest.NewUnstartedServer(front.Handler())
	web.Config.ErrorLog = quiet
	web.StartTLS()
	t.Cleanup(web.Close)
	a := &acmeAuthority{directory: web.URL + wfe.DirectoryPath, rootsFile: filepath.Join(t.TempDir(), "roots.pem"), issued: x509.NewCertPool()}
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	if err := os.WriteFile(a.rootsFile, root, 0o600); err != nil {
		t.Fatal(err)
	}
	a.issued.AddCert(authority.GetRootCert(0).Cert)
	return a
}

// serveUntil runs the server until done has seen what it waits for.
func serveUntil(t *testing.T, c *config.Config, log *slog.Logger, done func(certs *certificates) bool) {
	t.Helper()
	certs, err := newCertificates(c, log)
	if err != nil {
		t.Fatal(err)
	}
	r, err := openRooms(t.Context(), c, outside{log: log, hash: cheapHash()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, stop := context.WithCancel(t.Context())
	group, ctx := errgroup.WithContext(ctx)
	ready := make(chan struct{})
	group.Go(func() error {
		_, err := (&app{}).runServices(ctx, r, certs, prometheus.NewRegistry(), func(context.Context, *rooms) error { close(ready); return nil })
		return err
	})
	select {
	case <-ready:
	case <-ctx.Done():
	}
	if !patiently(func() bool { return ctx.Err() != nil || done(certs) }) {
		t.Error("what was to come never came")
	}
	stop()
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

// given is the certificate that the server shows for a name.
func given(t *testing.T, certs *certificates, name string) *tls.Certificate {
	t.Helper()
	cert, err := certs.tlsConfig().GetCertificate(&tls.ClientHelloInfo{ServerName: name})
	if err != nil {
		t.Fatal(err)
	}
	if cert.Leaf == nil {
		if cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
			t.Fatal(err)
		}
	}
	return cert
}

// trusted tells whether a certificate is the authority's, and for name.
func (a *acmeAuthority) trusted(cert *tls.Certificate, name string) bool {
	between := x509.NewCertPool()
	for _, der := range cert.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(c)
		}
	}
	_, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: a.issued, Intermediates: between, CurrentTime: cert.Leaf.NotBefore.Add(time.Second)})
	return err == nil
}

// syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestCertificatesFromAnAuthority: the server gets one for its name and one for each further name that leads to it, and keeps its key. After
// a restart it does not ask again, but renews what the authority wants renewed: it says so of certificates for a minute at once. RFC 9773.
func TestCertificatesFromAnAuthority(t *testing.T) {
	for name, tt := range map[string]struct {
		life    time.Duration
		renewed bool
	}{"for months": {90 * 24 * time.Hour, false}, "for a minute": {time.Minute, true}} {
		t.Run(name, func(t *testing.T) {
			c := newSchool(t)
			dns := dnstest.Start(t, "mail.school.test. A 127.0.0.1", "mta-sts.school.test. CNAME mail.school.test.", "autoconfig.school.test. A 127.0.0.9")
			c.DNS.Servers = []string{dns.Address}
			port := testPorts(t) + 80
			c.Server.Hostname, c.Listen.HTTP = "mail.school.test", []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
			a := startAuthority(t, dns, port, tt.life)
			c.ACME = config.ACME{Directory: a.directory, Contact: "it@school.test", Roots: a.rootsFile}
			before, err := loadCertificate(c.TLS.Certificate, c.TLS.Key)
			if err != nil {
				t.Fatal(err)
			}
			var lines syncBuffer
			logger := slog.New(slog.NewTextHandler(&lines, nil))
			var ours, other *tls.Certificate
			get := func(certs *certificates) bool {
				ours, other = given(t, certs, "mail.school.test"), given(t, certs, "mta-sts.school.test")
				return a.trusted(ours, "mail.school.test") && a.trusted(other, "mta-sts.school.test")
			}
			serveUntil(t, c, logger, get)
			if !bytes.Equal(ours.Leaf.RawSubjectPublicKeyInfo, before.Leaf.RawSubjectPublicKeyInfo) {
				t.Error("the key is another one: published TLSA records do not name it")
			}
			if strings.Contains(lines.String(), "autoconfig.school.test") {
				t.Errorf("a name that leads elsewhere was asked for:\n%s", lines.String())
			}
			onDisk, err := loadCertificate(c.TLS.Certificate, c.TLS.Key)
			if err != nil || !bytes.Equal(onDisk.Certificate[0], ours.Certificate[0]) {
				t.Errorf("tls.certificate holds another one: %v", err)
			}

			first, otherFirst := ours, other
			serveUntil(t, c, logger, func(certs *certificates) bool {
				return get(certs) && (!tt.renewed || !ours.Leaf.Equal(first.Leaf))
			})
			if !bytes.Equal(ours.Leaf.RawSubjectPublicKeyInfo, before.Leaf.RawSubjectPublicKeyInfo) {
				t.Error("after a restart the key is another one")
			}
			if !tt.renewed && (!ours.Leaf.Equal(first.Leaf) || !other.Leaf.Equal(otherFirst.Leaf)) {
				t.Error("after a restart the certificates are others")
			}
			if strings.Contains(lines.String(), "renewed=true") != tt.renewed || strings.Count(lines.String(), "renewed=false") != 2 {
				t.Errorf("want two new certificates, renewed %t:\n%s", tt.renewed, lines.String())
			}
			ownKeyStays(t, c, a, logger)
		})
	}
}

// ownKeyStays: the administrator puts another key there; it stays, and gets a certificate too.
func ownKeyStays(t *testing.T, c *config.Config, a *acmeAuthority, logger *slog.Logger) {
	t.Helper()
	own, err := loadAuthority(filepath.Dir(c.TLS.Certificate))
	if err == nil {
		err = own.issue(c.TLS.Certificate, c.TLS.Key, []string{"mail.school.test"}, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	changed, err := loadCertificate(c.TLS.Certificate, c.TLS.Key)
	if err != nil {
		t.Fatal(err)
	}
	serveUntil(t, c, logger, func(certs *certificates) bool {
		cert := given(t, certs, "mail.school.test")
		if !bytes.Equal(cert.Leaf.RawSubjectPublicKeyInfo, changed.Leaf.RawSubjectPublicKeyInfo) {
			t.Error("the former key is back")
			return true
		}
		return a.trusted(cert, "mail.school.test")
	})
}

// idleACME is a new school with what would ask an authority for its certificates.
func idleACME(t *testing.T) (*config.Config, *acme) {
	t.Helper()
	c := newSchool(t)
	c.Server.Hostname, c.Listen.HTTP, c.ACME.Directory = "mail.school.test", []string{":80"}, "https://ca.test/directory"
	m, err := newACME(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.cache.Stop)
	return c, m
}

// TestACertificateForAnotherKey: a pair of files that does not match would keep the server from starting.
func TestACertificateForAnotherKey(t *testing.T) {
	t.Parallel()
	c, m := idleACME(t)
	own, err := loadAuthority(filepath.Dir(c.TLS.Certificate))
	if err != nil {
		t.Fatal(err)
	}
	cert, key := acmeFiles(c)
	err = errors.Join(os.MkdirAll(filepath.Dir(cert), 0o700), own.issue(cert, key, []string{"mail.school.test"}, time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	before, err := loadCertificate(c.TLS.Certificate, c.TLS.Key)
	if err != nil {
		t.Fatal(err)
	}
	if fresh, err := m.adopt(t.Context()); fresh || err == nil {
		t.Errorf("adopted: %t, %v", fresh, err)
	}
	after, err := loadCertificate(c.TLS.Certificate, c.TLS.Key)
	if err != nil || !bytes.Equal(after.Certificate[0], before.Certificate[0]) {
		t.Errorf("the files changed: %v", err)
	}
}

// TestAnAuthorityThatRefuses: the old certificate stays in force, and the log says why.
func TestAnAuthorityThatRefuses(t *testing.T) {
	c := newSchool(t)
	dns := dnstest.Start(t) // nothing is known of the name
	c.DNS.Servers = []string{dns.Address}
	c.Server.Hostname, c.Listen.HTTP = "mail.school.test", []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(testPorts(t)+80))}
	a := startAuthority(t, dns, 1, time.Hour)
	c.ACME = config.ACME{Directory: a.directory, Roots: a.rootsFile}
	var lines syncBuffer
	serveUntil(t, c, slog.New(slog.NewTextHandler(&lines, nil)), func(certs *certificates) bool {
		if a.trusted(given(t, certs, "mail.school.test"), "mail.school.test") {
			t.Error("a certificate for a name that is not in the DNS")
		}
		return strings.Contains(lines.String(), "the authority gave none")
	})
	if !strings.Contains(lines.String(), "name=mail.school.test") {
		t.Errorf("log:\n%s", lines.String())
	}
}

func TestAnAuthorityThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ hostname, roots, want string }{
		{"localhost", "", `no authority gives a certificate for server.hostname "localhost"`},
		{"mail.school.test", empty, "acme.roots: no certificate in"},
		{"mail.school.test", empty + ".none", "acme.roots: open"},
	} {
		c := config.Default(t.TempDir())
		c.Server.Hostname, c.ACME = tt.hostname, config.ACME{Directory: "https://ca.test/directory", Roots: tt.roots}
		if _, err := newACME(c, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

// TestAKeyWithMoreInItsFile: other programs write the curve before the key, which the library cannot read and says so to nobody. A
// certificate for the key is not asked for again each time that the file is looked at.
func TestAKeyWithMoreInItsFile(t *testing.T) {
	t.Parallel()
	c, m := idleACME(t)
	key, err := os.ReadFile(c.TLS.Key)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}) // P-256: RFC 5480 §2.1.1.1
	if err == nil {
		curve = pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: curve})
		err = errors.Join(os.WriteFile(c.TLS.Key, slices.Concat([]byte("Our key\n"), curve, key), 0o600), m.handOver(t.Context()))
	}
	if err != nil {
		t.Fatal(err)
	}
	kept, err := m.magic.Storage.Load(t.Context(), m.keyAt())
	if err == nil {
		_, err = certmagic.PEMDecodePrivateKey(kept)
	}
	if err != nil || !bytes.Equal(kept, key) {
		t.Errorf("the library has %q, %v", kept, err)
	}
	cert, _ := acmeFiles(c)
	if err := errors.Join(os.WriteFile(cert, []byte("for this key"), 0o600), m.handOver(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(cert); err != nil {
		t.Errorf("the certificate for this key: %v", err)
	}
	if err := os.WriteFile(c.TLS.Key, curve, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.handOver(t.Context()); err == nil {
		t.Error("a file without a key is handed over")
	}
}

// TestNamesThatAreAskedForAgain: the library gives a name up after a month, or at once if its folder cannot be written.
func TestNamesThatAreAskedForAgain(t *testing.T) {
	t.Parallel()
	m := &acme{log: slog.New(slog.DiscardHandler), asked: map[string]time.Time{}}
	names := []string{"mail.school.test", "mta-sts.school.test"}
	start := time.Now()
	if got := m.due(names, start.Add(-8*time.Hour)); !slices.Equal(got, names) {
		t.Errorf("new names: %q", got)
	}
	if err := m.event(t.Context(), "cert_obtaining", map[string]any{"identifier": names[0]}); err != nil {
		t.Fatal(err)
	}
	if got := m.due(names, start.Add(time.Minute)); !slices.Equal(got, names[1:]) {
		t.Errorf("one was tried just now, the other not for eight hours: %q", got)
	}
	if got := m.due(names, start.Add(6*time.Hour+time.Minute)); len(got) > 0 {
		t.Errorf("the library tries them itself: %q", got)
	}
	if got := m.due(names, start.Add(8*time.Hour)); !slices.Equal(got, names) {
		t.Errorf("after hours without a try: %q", got)
	}
}
