package remote

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"schulhof/smtpd/remote/postfixtest"
)

// freePort finds a port that nobody has, below those that the system gives away by itself.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(20_000 + rand.IntN(10_000))
		if ln, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			ln.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return ""
}

// writePair writes a certificate with its chain, and its key.
func writePair(t *testing.T, dir string, cert *tls.Certificate) {
	t.Helper()
	var chain []byte
	for _, der := range cert.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.WriteFile(filepath.Join(dir, "cert.pem"), chain, 0o644),
		os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	if err != nil {
		t.Fatal(err)
	}
}

// TestPostfix: Debian's Postfix takes our mail over TLS with every extension, and refuses what it should.
func TestPostfix(t *testing.T) {
	t.Parallel()
	postfixtest.Skip(t)
	dir := t.TempDir()
	cert := authority().issue(false, "mx.there.example")
	writePair(t, dir, cert)
	address := "127.0.0.1:" + freePort(t)
	p := postfixtest.Start(t, postfixtest.Options{Address: address, Settings: []string{
		"myhostname = there.example", "message_size_limit = 100000",
		"default_transport = discard:", "relay_transport = discard:", "local_transport = discard:",
		"smtpd_tls_security_level = may", "smtpd_tls_cert_file = " + filepath.Join(dir, "cert.pem"), "smtpd_tls_key_file = " + filepath.Join(dir, "key.pem"),
		"smtpd_sender_restrictions = check_sender_access inline:{{forbidden@us.example = REJECT}}", "smtpd_recipient_restrictions = check_recipient_access inline:{{nobody@there.example = REJECT}}",
	}})
	w := newWorld(t, func(o *Options) { o.Timeouts = Timeouts{} }, "there.example. MX 10 mx.there.example.", "mx.there.example. A 192.0.2.1", tlsa("mx.there.example", 3, 1, 1, cert, 0))
	w.dns.Sign("example")
	w.mu.Lock()
	w.where[netip.MustParseAddrPort("192.0.2.1:25")] = address
	w.mu.Unlock()

	s, err := w.client.Dial(t.Context(), Target{Domain: "there.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	big := mail("Subject: big\r\n\r\n" + strings.Repeat(".line\r\n", 20_000))
	utf8 := mail("Subject: Grüße\r\n\r\nä\r\n")
	utf8.UTF8, utf8.Eight = true, true
	forbidden := mail(letter)
	forbidden.Sender = "forbidden@us.example"
	noted := mail(letter)
	noted.Ret, noted.EnvID = "HDRS", "x y"
	for _, tt := range []struct {
		name string
		m    Message
		to   []Recipient
		want string
	}{
		{"a letter", mail(letter), recipients("a@there.example"), "250 2.0.0"},
		{"to several", mail(letter), recipients("a@there.example", "b@there.example", "c@there.example"), "250 2.0.0, 250 2.0.0, 250 2.0.0"},
		{"with notifications", noted, []Recipient{{Address: "a@there.example", Notify: []string{"FAILURE", "DELAY"}, ORcpt: "rfc822;x+y@us.example"}}, "250 2.0.0"},
		{"in UTF-8", utf8, recipients("jürgen@there.example"), "250 2.0.0"},
		{"too large", big, recipients("a@there.example"), "0 5.3.4"},
		{"one that is not wanted", mail(letter), recipients("nobody@there.example", "a@there.example"), "554 5.7.1, 250 2.0.0"},
		{"after a refusal", mail(letter), recipients("a@there.example"), "250 2.0.0"},
		{"a sender that is not wanted", forbidden, recipients("a@there.example"), "554 5.7.1"},
	} {
		results, err := s.Deliver(t.Context(), tt.m, tt.to, noDot)
		if err != nil || short(results) != tt.want || results[0].Code == 250 && (results[0].TLS != "TLS 1.3, DANE" || results[0].Relayed) {
			t.Errorf("%s: %s, %v, %+v, want %s", tt.name, short(results), err, results, tt.want)
		}
	}
	if log := p.Log(t); strings.Contains(log, "improper command pipelining") || strings.Contains(log, "non-SMTP command") {
		t.Errorf("Postfix complains:\n%s", log)
	}
}
