package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// postfix is Debian's Postfix in a folder of its own, listening on one port of 127.0.0.1 and delivering into a file.
type postfix struct {
	dir, port string
}

// startPostfix starts it with more settings, or skips the test and says why.
func startPostfix(t *testing.T, settings ...string) *postfix {
	t.Helper()
	for _, file := range []string{"/usr/sbin/postfix", "/usr/lib/postfix/sbin/smtpd"} {
		if _, err := os.Stat(file); err != nil {
			t.Skipf("Debian's Postfix is not installed (apt-get install postfix): %v", err)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("Postfix starts as root only")
	}
	p := &postfix{dir: t.TempDir(), port: freePort(t)}
	for dir := p.dir; dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil { // Postfix's own user goes through them
			t.Fatal(err)
		}
	}
	etc, queue, data := filepath.Join(p.dir, "etc"), filepath.Join(p.dir, "queue"), filepath.Join(p.dir, "data")
	if err := errors.Join(os.Mkdir(etc, 0o755), os.Mkdir(queue, 0o755), os.Mkdir(data, 0o755)); err != nil {
		t.Fatal(err)
	}
	p.run(t, "chown", "postfix", data)
	main := append([]string{
		"compatibility_level = 3.6", "queue_directory = " + queue, "data_directory = " + data, "command_directory = /usr/sbin",
		"daemon_directory = /usr/lib/postfix/sbin", "myhostname = there.example", "mydestination =", "inet_interfaces = 127.0.0.1", "inet_protocols = ipv4",
		"mynetworks = 127.0.0.0/8", "smtpd_relay_restrictions = permit_mynetworks, reject", "local_recipient_maps =",
		"default_transport = discard:", "relay_transport = discard:", "local_transport = discard:", "maillog_file = " + filepath.Join(p.dir, "mail.log"),
		"maillog_file_prefixes = " + filepath.Dir(p.dir), "alias_maps =", "alias_database =", "smtputf8_enable = yes", "message_size_limit = 100000",
	}, settings...)
	master := p.port + " inet n - n - - smtpd\npickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n" +
		"rewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\n" +
		"discard unix - - n - - discard\nerror unix - - n - - error\ntlsmgr unix - - n 1000? 1 tlsmgr\nanvil unix - - n - 1 anvil\npostlog unix-dgram n - n - 1 postlogd\nproxymap unix - - n - - proxymap\n"
	if err := errors.Join(os.WriteFile(filepath.Join(etc, "main.cf"), []byte(strings.Join(main, "\n")+"\n"), 0o644),
		os.WriteFile(filepath.Join(etc, "master.cf"), []byte(master), 0o644)); err != nil {
		t.Fatal(err)
	}
	p.run(t, "/usr/sbin/postfix", "-c", etc, "start")
	t.Cleanup(func() { p.run(t, "/usr/sbin/postfix", "-c", etc, "abort") })
	return p
}

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

func (p *postfix) run(t *testing.T, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		log, _ := os.ReadFile(filepath.Join(p.dir, "mail.log"))
		t.Fatalf("%s %s: %v\n%s\n%s", name, args, err, out, log)
	}
}

// TestPostfix: Debian's Postfix takes our mail over TLS with every extension, and refuses what it should.
func TestPostfix(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert := authority().issue(false, "mx.there.example")
	writePair(t, dir, cert)
	p := startPostfix(t, "smtpd_tls_security_level = may", "smtpd_tls_cert_file = "+filepath.Join(dir, "cert.pem"), "smtpd_tls_key_file = "+filepath.Join(dir, "key.pem"),
		"smtpd_sender_restrictions = check_sender_access inline:{{forbidden@us.example = REJECT}}", "smtpd_recipient_restrictions = check_recipient_access inline:{{nobody@there.example = REJECT}}")
	w := newWorld(t, func(o *Options) { o.Timeouts = Timeouts{} }, "there.example. MX 10 mx.there.example.", "mx.there.example. A 192.0.2.1", tlsa("mx.there.example", 3, 1, 1, cert, 0))
	w.dns.Sign("example")
	w.mu.Lock()
	w.where[netip.MustParseAddrPort("192.0.2.1:25")] = "127.0.0.1:" + p.port
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
	log, err := os.ReadFile(filepath.Join(p.dir, "mail.log"))
	if err != nil || strings.Contains(string(log), "improper command pipelining") || strings.Contains(string(log), "non-SMTP command") {
		t.Errorf("Postfix complains: %v\n%s", err, log)
	}
}
