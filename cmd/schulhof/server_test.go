package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"schulhof/config"
	"schulhof/directory"
	"schulhof/smtpd/resolver/dnstest"

	"github.com/prometheus/client_golang/prometheus"
)

// newSchool makes a server in a temporary folder on ports that nobody needs to be free.
func newSchool(t *testing.T) *config.Config {
	t.Helper()
	n := newServer{dir: filepath.Join(t.TempDir(), "data"), domain: "school.test", listen: "127.0.0.1", hash: cheapHash(),
		sets: []string{"dns.servers=" + dnstest.Start(t).Address}}
	c, err := n.make(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Listen.Services() {
		*s.Addresses = nil
	}
	return c
}

func openSchool(t *testing.T, c *config.Config) *rooms {
	t.Helper()
	r, err := openRooms(t.Context(), c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// silentAddress is one at which nobody listens, nor can while the test runs: its port is taken, but refuses connections.
func silentAddress(t *testing.T) string {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(socket) })
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	return "127.0.0.1:" + strconv.Itoa(at.(*syscall.SockaddrInet4).Port)
}

func TestDoctorFindsEachFault(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	silent := silentAddress(t)
	reissue := func(c *config.Config, at time.Time, names ...string) error {
		a, err := loadAuthority(filepath.Dir(c.TLS.Certificate))
		if err != nil {
			return err
		}
		return a.issue(c.TLS.Certificate, c.TLS.Key, names, at)
	}
	tests := []struct {
		name string
		harm func(e *examination, c *config.Config) error
		want []string
	}{
		{"nothing is wrong", func(*examination, *config.Config) error { return nil }, nil},
		{"a port is taken", func(_ *examination, c *config.Config) error {
			c.Listen.IMAP = []string{taken.Addr().String()}
			return nil
		}, []string{"port-taken"}},
		{"an address is not ours", func(_ *examination, c *config.Config) error {
			c.Listen.IMAP = []string{"192.0.2.1:10143"}
			return nil
		}, []string{"port-address"}},
		{"a running server does not answer", func(e *examination, c *config.Config) error {
			e.serving, c.Listen.IMAP = true, []string{silent}
			return nil
		}, []string{"port-silent"}},
		{"a running server answers", func(e *examination, c *config.Config) error {
			e.serving, c.Listen.IMAP = true, []string{taken.Addr().String()}
			return nil
		}, nil},
		{"the certificate is gone", func(_ *examination, c *config.Config) error { return os.Remove(c.TLS.Certificate) }, []string{"certificate-unusable"}},
		{"the key is another one", func(_ *examination, c *config.Config) error {
			return os.Rename(filepath.Join(filepath.Dir(c.TLS.Key), authorityKey), c.TLS.Key)
		}, []string{"certificate-unusable"}},
		{"the certificate names another host", func(_ *examination, c *config.Config) error {
			return reissue(c, time.Now(), "other.test")
		}, []string{"certificate-name"}},
		{"the certificate is over", func(e *examination, c *config.Config) error {
			return reissue(c, time.Now().Add(-certificateLife-time.Hour), c.Server.Hostname)
		}, []string{"certificate-expired"}},
		{"the certificate is nearly over", func(e *examination, c *config.Config) error {
			return reissue(c, time.Now().Add(-certificateLife+48*time.Hour), c.Server.Hostname)
		}, []string{"certificate-expires"}},
		{"the certificate is not yet valid", func(e *examination, c *config.Config) error {
			return reissue(c, time.Now().Add(48*time.Hour), c.Server.Hostname)
		}, []string{"certificate-early"}},
		{"clients have another authority", func(_ *examination, c *config.Config) error {
			_, err := newAuthority(filepath.Dir(c.TLS.Certificate), c.Server.Hostname, time.Now())
			return err
		}, []string{"authority-other"}},
		{"the data folder is open to others", func(_ *examination, c *config.Config) error { return os.Chmod(c.Server.Data, 0o755) }, []string{"data-open"}},
		{"the key is open to others", func(_ *examination, c *config.Config) error { return os.Chmod(c.TLS.Key, 0o644) }, []string{"file-open"}},
		{"the disk is full", func(_ *examination, c *config.Config) error {
			c.Store.MinFree = 1 << 50
			return nil
		}, []string{"disk-full"}},
		{"the clock stands in the past", func(e *examination, c *config.Config) error {
			e.now = e.now.Add(-30 * time.Minute)
			return nil
		}, []string{"clock-behind"}},
		{"the DKIM keys are gone", func(_ *examination, c *config.Config) error {
			return os.RemoveAll(filepath.Join(c.Server.Data, "dkim"))
		}, []string{"dkim-missing"}},
		{"nobody administers", func(e *examination, _ *config.Config) error {
			state := directory.Disabled
			a, err := e.rooms.Directory.AccountByAddress(t.Context(), "head@school.test")
			return errors.Join(err, e.rooms.Directory.ChangeAccount(t.Context(), a.ID, directory.AccountChange{State: &state}))
		}, []string{"admin-none"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newSchool(t)
			e := &examination{config: c, rooms: openSchool(t, c), now: time.Now()}
			_, _, err := e.rooms.Directory.AddAccounts(t.Context(), []directory.NewAccount{{Address: "head@school.test", Role: directory.Admin, Password: "sesam-oeffne-dich"}})
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.harm(e, c); err != nil {
				t.Fatal(err)
			}
			for _, f := range e.examine(t.Context()).findings {
				if f.Detail == "" || f.Fix == "" {
					t.Errorf("%s has no detail or fix", f.ID)
				}
			}
			if got := idsOf(e.findings); !slices.Equal(got, tt.want) {
				t.Errorf("doctor found %q, want %q", got, tt.want)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	c := newSchool(t)
	r := openSchool(t, c)
	certs, err := newCertificates(c, r.Log)
	if err != nil {
		t.Fatal(err)
	}
	h := &health{config: c, store: r.Store, certs: certs, metrics: prometheus.NewRegistry()}
	ask := func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w.Code, w.Body.String()
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, body := ask(path); code != 200 || body != "ok\n" {
			t.Errorf("%s of a good server = %d %q", path, code, body)
		}
	}
	c.Store.MinFree = 1 << 50
	if code, body := ask("/readyz"); code != 503 || !strings.HasPrefix(body, "disk: ") {
		t.Errorf("/readyz with a full disk = %d %q, want 503", code, body)
	}
	if code, _ := ask("/healthz"); code != 200 {
		t.Errorf("/healthz with a full disk = %d, want 200: a restart would not help", code)
	}
}

func TestCertificateIsTakenUpWithoutRestart(t *testing.T) {
	c := newSchool(t)
	certs, err := newCertificates(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	first := certs.current.Load()
	certs.look(false)
	if certs.current.Load() != first {
		t.Error("unchanged files were loaded again")
	}
	a, err := loadAuthority(filepath.Dir(c.TLS.Certificate))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.issue(c.TLS.Certificate, c.TLS.Key, []string{"new.test"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	certs.look(false)
	if got := certs.current.Load().Leaf.DNSNames; !slices.Equal(got, []string{"new.test"}) {
		t.Errorf("after the file changed the certificate names %q", got)
	}
	if err := os.WriteFile(c.TLS.Certificate, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	certs.look(false)
	if got := certs.current.Load().Leaf.DNSNames; !slices.Equal(got, []string{"new.test"}) {
		t.Errorf("a broken file put %q in force, want the old certificate", got)
	}
}

func TestOwnCertificateIsRenewedInTime(t *testing.T) {
	c := newSchool(t)
	a, err := loadAuthority(filepath.Dir(c.TLS.Certificate))
	if err != nil {
		t.Fatal(err)
	}
	names := certificateNames(c, "")
	if err := a.issue(c.TLS.Certificate, c.TLS.Key, names, time.Now().Add(-certificateLife*3/4)); err != nil {
		t.Fatal(err)
	}
	before, err := loadCertificate(c.TLS.Certificate, c.TLS.Key)
	if err != nil {
		t.Fatal(err)
	}
	certs, err := newCertificates(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	leaf := certs.current.Load().Leaf
	if !bytes.Equal(leaf.RawSubjectPublicKeyInfo, before.Leaf.RawSubjectPublicKeyInfo) {
		t.Error("it has another key, which published TLSA records do not name")
	}
	if left := time.Until(leaf.NotAfter); left < certificateLife/2 {
		t.Errorf("the certificate is valid for %s more, want a new one", left)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	for _, name := range names {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: pool}); err != nil {
			t.Errorf("the new certificate for %s: %v", name, err)
		}
	}
}

func TestPlainHTTP(t *testing.T) {
	c := newSchool(t)
	c.Server.Hostname, c.Security.AllowPlaintextAuth = "mail.school.test", config.PlaintextLoopback
	pages := testWebmail(t, openSchool(t, c))
	tests := []struct {
		name, allow, https, peer, host, path string
		code                                 int
		location                             string
	}{
		{"a redirect to the standard port", "never", ":443", "192.0.2.1:5", "mail.school.test", "/a?b=c", 308, "https://mail.school.test/a?b=c"},
		{"another port", "never", ":10443", "127.0.0.1:5", "localhost:10080", "/", 308, "https://localhost:10443/"},
		{"an address", "never", ":443", "192.0.2.1:5", "192.0.2.9", "/", 308, "https://192.0.2.9/"},
		{"an IPv6 address", "never", ":443", "[2001:db8::1]:5", "[2001:db8::9]:80", "/", 308, "https://[2001:db8::9]/"},
		{"a name that is not ours", "never", ":443", "192.0.2.1:5", "evil.example", "/", 308, "https://mail.school.test/"},
		{"loopback may do without TLS", "loopback", ":443", "127.0.0.1:5", "localhost", "/", 200, ""},
		{"loopback over IPv6 too", "loopback", ":443", "[::1]:5", "localhost", "/", 200, ""},
		{"others may not", "loopback", ":443", "192.0.2.1:5", "localhost", "/", 308, "https://localhost/"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c.Security.AllowPlaintextAuth, c.Listen.HTTPS = tt.allow, []string{tt.https}
			r := httptest.NewRequest("GET", tt.path, nil)
			r.Host, r.RemoteAddr = tt.host, tt.peer
			w := httptest.NewRecorder()
			newPlainHandler(c, newWebHandler(&discovery{config: c}, leaver{}, pages)).ServeHTTP(w, r)
			if w.Code != tt.code || w.Header().Get("Location") != tt.location {
				t.Errorf("%s %s = %d %q, want %d %q", tt.host, tt.path, w.Code, w.Header().Get("Location"), tt.code, tt.location)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Error("the answer lacks the guarding headers")
			}
		})
	}
}

func TestServeHTTPFinishesRequestsUnderWay(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		stop() // the server is asked to stop while it answers
		io.WriteString(w, "answered")
	})
	served := make(chan error)
	go func() { served <- serveHTTP(ctx, ln, nil, slow, slog.New(slog.DiscardHandler)) }()
	response, err := http.Get("http://" + ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "answered" {
		t.Errorf("a request under way got %q, %v", body, err)
	}
	if err := <-served; err != nil {
		t.Errorf("serveHTTP = %v, want nil when asked to stop", err)
	}
}

func TestSystemdIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "2000")
	t.Setenv("WATCHDOG_PID", "")
	if got := watchdogInterval(); got != time.Millisecond {
		t.Errorf("watchdogInterval = %s, want half of what systemd waits", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	looks := 0
	go func() {
		ended <- feedWatchdog(ctx, slog.New(slog.DiscardHandler), watchdogInterval(), func(context.Context) error {
			if looks++; looks == 1 {
				return errors.New("a database that does not answer")
			}
			return nil
		})
	}()
	buffer := make([]byte, 100)
	n, err := conn.Read(buffer)
	stop()
	if err := errors.Join(err, <-ended); err != nil || string(buffer[:n]) != "WATCHDOG=1" || looks < 2 {
		t.Errorf("systemd got %q after %d looks, %v", buffer[:n], looks, err)
	}
	t.Setenv("WATCHDOG_PID", "1")
	if got := watchdogInterval(); got != 0 {
		t.Errorf("watchdogInterval for another process = %s, want 0", got)
	}
	t.Setenv("NOTIFY_SOCKET", "")
	if err := notifySystemd("READY=1"); err != nil {
		t.Errorf("notifySystemd without systemd = %v", err)
	}
}

func TestGroupMemory(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		limit int64
		ok    bool
	}{
		{"no control groups", nil, 0, false},
		{"no limit", map[string]string{"/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/memory.max": "max\n"}, 0, false},
		{"a limit", map[string]string{"/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/memory.max": "1000\n"}, 1000, true},
		{"a lower limit above", map[string]string{"/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/b/memory.max": "1000\n", "/sys/fs/cgroup/a/memory.max": "500\n"}, 500, true},
		{"the root of a container", map[string]string{"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "700\n"}, 700, true},
		{"version 1 only", map[string]string{"/proc/self/cgroup": "4:memory:/a\n"}, 0, false},
	}
	for _, tt := range tests {
		limit, ok := groupMemory(func(path string) ([]byte, error) {
			text, ok := tt.files[path]
			if !ok {
				return nil, os.ErrNotExist
			}
			return []byte(text), nil
		})
		if limit != tt.limit || ok != tt.ok {
			t.Errorf("%s: groupMemory = %d, %t, want %d, %t", tt.name, limit, ok, tt.limit, tt.ok)
		}
	}
}

func TestServeReportsEveryPortThatIsTaken(t *testing.T) {
	c := newSchool(t)
	var taken []string
	for range 2 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		taken = append(taken, ln.Addr().String())
	}
	c.Listen.IMAP, c.Listen.HTTP = taken[:1], taken[1:]
	a := &app{version: "1"}
	err := a.serve(t.Context(), c, slog.New(slog.DiscardHandler), func(context.Context, *rooms) error { return errors.New("it was ready") })
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "listen.imap") || !strings.Contains(err.Error(), "listen.http") {
		t.Errorf("serve on taken ports = %v, want both named", err)
	}
	openSchool(t, c) // the data are free again
}

func TestInitLeavesNothingBehindWhenItFails(t *testing.T) {
	dir := t.TempDir()
	n := newServer{dir: dir, domain: "school.test", sets: []string{"tls.certificate=/none.pem"}}
	if _, err := n.make(t.Context(), time.Now()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("init with a certificate that does not exist = %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

func TestOwnDataOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder to another user")
	}
	dir := t.TempDir()
	if err := os.Chown(dir, 65534, -1); err != nil {
		t.Fatal(err)
	}
	if err := ownData(dir); err == nil || !strings.Contains(err.Error(), "belongs to user 65534") {
		t.Errorf("root on another user's data = %v, want a refusal", err)
	}
}

func TestResultForms(t *testing.T) {
	var out strings.Builder
	a := &app{stdout: &out, json: true}
	if err := a.result(map[string]any{"name": "<Jürgen>"}, nil); err != nil {
		t.Fatal(err)
	}
	var doc map[string]string
	if err := json.Unmarshal([]byte(out.String()), &doc); err != nil || doc["name"] != "<Jürgen>" || strings.Contains(out.String(), `\u`) {
		t.Errorf("--json wrote %q, %v", out.String(), err)
	}
	out.Reset()
	err := table(&out, []string{"NAME", "ROLE"}, []string{"Jürgen\x1b[31m", "teacher"}, []string{"M\u202eia", "student"})
	want := "NAME         ROLE\nJürgen\uFFFD[31m  teacher\nM\uFFFDia         student\n"
	if err != nil || out.String() != want {
		t.Errorf("table wrote %q, %v, want %q", out.String(), err, want)
	}
}

func TestTLSVersions(t *testing.T) {
	c := newSchool(t)
	for version, want := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		c.TLS.MinVersion = version
		certs, err := newCertificates(c, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if got := certs.tlsConfig().MinVersion; got != want {
			t.Errorf("min_version %s gives %x, want %x", version, got, want)
		}
	}
}
