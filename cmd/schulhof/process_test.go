package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"schulhof/config"
)

// ask gets a page of the live server's metrics port.
func (l *live) ask(t *testing.T, path string) (int, string) {
	t.Helper()
	response, err := http.Get("http://" + l.ports["metrics"] + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// certificate is what the service at port shows to a client that trusts the school's authority.
func (l *live) certificate(t *testing.T, port, name string) (*x509.Certificate, error) {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join(l.dir, "tls", authorityCert))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	conn, err := tls.Dial("tcp", l.ports[port], &tls.Config{RootCAs: pool, ServerName: name})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

// A certificate that is exchanged is shown to new connections after SIGHUP, at every port; old connections live on, and a broken file
// changes nothing.
func TestCertificateIsExchangedWhileServing(t *testing.T) {
	t.Parallel()
	l := newLive(t, filepath.Join(t.TempDir(), "data"), "anna")
	l.serve(t)
	defer l.stop(t)
	ports := []string{"imaps", "submissions", "https"}
	for _, port := range ports {
		for name, good := range map[string]bool{"mail.school.test": true, "localhost": true, "127.0.0.1": true, "school.test": false, "192.0.2.1": false} {
			if _, err := l.certificate(t, port, name); (err == nil) != good {
				t.Errorf("%s as %s: %v, want good = %t", port, name, err, good)
			}
		}
	}
	old, err := l.certificate(t, "imaps", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	session, err := l.login("anna")
	if err != nil {
		t.Fatal(err)
	}
	defer session.conn.Close()
	c, err := config.Load(l.settings)
	if err != nil {
		t.Fatal(err)
	}
	a, err := loadAuthority(filepath.Dir(c.TLS.Certificate))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.issue(c.TLS.Certificate, c.TLS.Key, []string{"mail.school.test", "localhost", "neu.school.test"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := l.process.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if !patiently(func() bool {
		now, err := l.certificate(t, "imaps", "neu.school.test")
		return err == nil && !now.Equal(old)
	}) {
		t.Fatal("the new certificate is never shown")
	}
	for _, port := range ports {
		if _, err := l.certificate(t, port, "neu.school.test"); err != nil {
			t.Errorf("%s: %v", port, err)
		}
	}
	if err := os.WriteFile(c.TLS.Certificate, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.process.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if _, err := session.command("NOOP"); err != nil {
		t.Errorf("a session from before: %v", err)
	}
	if _, err := l.certificate(t, "https", "neu.school.test"); err != nil {
		t.Errorf("after a broken file: %v, want the last good certificate", err)
	}
}

// systemd is told of readiness, of life while the database answers, and of the stop. sd_notify(3)
func TestServerReportsToSystemd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(storyPatience))
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "20000")
	t.Setenv("WATCHDOG_PID", "")
	l := newLive(t, filepath.Join(t.TempDir(), "data"), "anna")
	l.serve(t)
	next := func() string {
		b := make([]byte, 200)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	said := map[string]int{}
	for said["READY=1"] == 0 || said["WATCHDOG=1"] < 3 {
		said[next()]++
	}
	if said["READY=1"] != 1 || len(said) != 2 {
		t.Errorf("systemd was told %v", said)
	}
	l.stop(t)
	for said["STOPPING=1"] == 0 {
		said[next()]++
	}
	if said["STOPPING=1"] != 1 || said["READY=1"] != 1 {
		t.Errorf("systemd was told %v", said)
	}
}

// Health and metrics of a real server: what Prometheus finds, and what a full disk changes.
func TestLiveHealthAndMetrics(t *testing.T) {
	t.Parallel()
	l := newLive(t, filepath.Join(t.TempDir(), "data"), "anna")
	l.serve(t)
	if err := l.deliver("anna", letter("hello", 100)); err != nil {
		t.Fatal(err)
	}
	if n := l.subjects(t, "anna", "INBOX")["hello"]; n != 1 {
		t.Errorf("%d messages", n)
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 200, "/": 404, "/debug/pprof/": 404} {
		if code, body := l.ask(t, path); code != want {
			t.Errorf("%s = %d %.100q, want %d", path, code, body, want)
		}
	}
	_, text := l.ask(t, "/metrics")
	for _, family := range []string{
		`schulhof_smtpd_messages_total{code="250",door="lmtp"} 1`, "schulhof_smtpd_delivery_seconds_bucket", "schulhof_imap_logins_total", "schulhof_store_commit_seconds", "schulhof_logins_total",
		"go_goroutines", "process_open_fds", "process_resident_memory_bytes",
	} {
		if !strings.Contains(text, family) {
			t.Errorf("no %s among the metrics", family)
		}
	}
	for _, secret := range []string{"anna", "hello", "school.test", storyPassword} {
		if strings.Contains(text, secret) {
			t.Errorf("the metrics tell %q", secret)
		}
	}
	response, err := http.Post("http://"+l.ports["metrics"]+"/healthz", "text/plain", nil)
	if err != nil || response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST /healthz = %v, %v", response, err)
	}
	l.stop(t)
	for _, secret := range []string{"hello", storyPassword} {
		if strings.Contains(l.log.String(), secret) {
			t.Errorf("the log has %q:\n%s", secret, l.log.String())
		}
	}
}

// A stopping server says goodbye to whoever is connected, lets a message end, and is gone within ten seconds; nothing acknowledged is lost.
func TestStopUnderLoad(t *testing.T) {
	l := newLive(t, filepath.Join(t.TempDir(), "data"), "anna", "ben")
	l.serve(t)
	idle, err := l.login("anna")
	if err != nil {
		t.Fatal(err)
	}
	defer idle.conn.Close()
	mail := &sent{acknowledged: map[string]bool{}, unknown: map[string]string{}, want: 40, enough: make(chan struct{})}
	added := &sent{acknowledged: map[string]bool{}, unknown: map[string]string{}, want: 1 << 30, enough: make(chan struct{})}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() { l.load(0, 0, mail, added, stop); close(ended) }()
	<-mail.enough
	begun := time.Now()
	l.stop(t)
	if took := time.Since(begun); took > stopPatience+time.Second {
		t.Errorf("the stop took %s", took)
	}
	close(stop)
	<-ended
	farewell, err := io.ReadAll(idle.in)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) || !strings.Contains(string(farewell), "* BYE") {
		t.Errorf("an idle IMAP client was told %q, %v", farewell, err)
	}
	l.serve(t)
	verifySent(t, 0, "mail", mail, l.subjects(t, "anna", "INBOX"))
	l.stop(t)
}
