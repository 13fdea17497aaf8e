package spam

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startDaemon runs a program from Debian until the test ends, and waits until it listens on a unix socket. Without the program the test is
// skipped.
func startDaemon(t *testing.T, socket, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/" + name); err != nil {
			t.Skipf("%s is not installed (Debian's packages clamav-daemon and rspamd have it)", name)
		}
	}
	var log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends its workers, too
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it was asked to end
	}()
	t.Cleanup(func() { <-ended })
	silent := time.After(time.Minute)
	for {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s ended: %s", name, &log)
		case <-silent:
			t.Fatalf("%s does not listen: %v", name, err) // its log is read when it has ended
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// folder is a short one: a unix socket's path has about 100 bytes.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "spam")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRealClamd: Debian's clamd with a signature of our own finds it wherever it lies in a message, and nothing else.
func TestRealClamd(t *testing.T) {
	t.Parallel()
	const pattern = "SCHULHOF-TEST-VIRUS"
	dir := folder(t)
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "db", "own.ndb"), fmt.Sprintf("Schulhof.Test.Virus:0:*:%s\n", hex.EncodeToString([]byte(pattern))))
	socket := filepath.Join(dir, "clamd")
	write(t, filepath.Join(dir, "clamd.conf"), fmt.Sprintf("LocalSocket %s\nDatabaseDirectory %s\nForeground yes\nStreamMaxLength 1M\n", socket, filepath.Join(dir, "db")))
	startDaemon(t, socket, "clamd", "-c", filepath.Join(dir, "clamd.conf"))
	w := newWorld(t, func(o *Options) { o.Clamd, o.ClamdError = "unix:"+socket, ComeLater })
	w.origin.tell()
	attached := "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
	for _, tt := range []struct {
		name string
		m    *Message
		want Action
		text string
	}{
		{"clean", from("198.51.100.7", good), Deliver, ""},
		{"in the body", whole("198.51.100.7", good, "x "+pattern+" y"), Refuse, "The message has a virus: Schulhof.Test.Virus"},
		{"in an attachment", whole("198.51.100.7", good+attached, "--b\r\n\r\nx\r\n--b\r\nContent-Type: application/x-a; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\nU0NIVUxIT0YtVEVTVC1WSVJVUw==\r\n--b--\r\n"),
			Refuse, "Schulhof.Test.Virus"},
		{"far behind", whole("198.51.100.7", good, strings.Repeat("0123456789abcdef\r\n", 20_000)+pattern), Refuse, "Schulhof.Test.Virus"},
		{"larger than clamd takes", whole("198.51.100.7", good, strings.Repeat("0123456789abcdef\r\n", 100_000)), Defer, "cannot be looked through"},
	} {
		if v := w.judge(tt.m); v.Action != tt.want || !strings.Contains(v.Reason, tt.text) {
			t.Errorf("%s: %s %q, want %s %q", tt.name, v.Action, v.Reason, tt.want, tt.text)
		}
	}
	m := whole("198.51.100.7", good, pattern)
	if m.Login = "anna"; w.checker.CheckSubmission(t.Context(), m).Action != Refuse {
		t.Error("a submission with a virus was taken")
	}
}

// TestRealRspamd: Debian's rspamd with a rule of our own, over its unix socket.
func TestRealRspamd(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	socket := filepath.Join(dir, "rspamd")
	write(t, filepath.Join(dir, "tld.dat"), "test\norg\n")
	write(t, filepath.Join(dir, "rspamd.conf"), fmt.Sprintf(`
options { pidfile = "%[1]s/pid"; tempdir = "%[1]s"; url_tld = "%[1]s/tld.dat"; filters = "regexp"; disable_hyperscan = true; dns { nameserver = ["127.0.0.1:9:10"]; } }
logging { type = "console"; level = "warning"; }
worker "normal" { bind_socket = "%[2]s mode=0600"; count = 1; }
actions { reject = 15; "add header" = 6; greylist = 4; }
regexp { OUR_LOTTERY = "/schulhof-lottery/P"; OUR_PRIZE = "/schulhof-prize/P"; }
group "own" { symbols = { "OUR_LOTTERY" { weight = 7.0; } "OUR_PRIZE" { weight = 4.5; } } }
`, dir, socket))
	startDaemon(t, socket, "rspamd", "-f", "-i", "-c", filepath.Join(dir, "rspamd.conf"))
	w := newWorld(t, func(o *Options) { o.Rspamd, o.RspamdError, o.RspamdSubmissions = "unix:"+socket, ComeLater, true })
	w.origin.tell()
	const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X" // https://spamassassin.apache.org/gtube/
	for _, tt := range []struct {
		name, body string
		want       Action
		text       string
	}{
		{"doubtful", "the schulhof-prize", Defer, "greylisting"},
		{"good", "Wir fahren ins Museum", Deliver, "No, score=0.0 required=6.0\r\n\ttests=none"},
		{"junk", "the schulhof-lottery", Junk, "Yes, score=7.0 required=6.0\r\n\ttests=OUR_LOTTERY=7.0"},
		{"refused", gtube, Refuse, "too many marks of unwanted mail (15.0)"},
	} {
		v := w.judge(whole("198.51.100.7", good, tt.body))
		if v.Action != tt.want || !strings.Contains(v.Reason+string(v.Fields), tt.text) {
			t.Errorf("%s: %s %q %q, want %s %q", tt.name, v.Action, v.Reason, v.Fields, tt.want, tt.text)
		}
	}
	for body, want := range map[string]Action{gtube: Refuse, "the schulhof-lottery": Deliver} {
		m := whole("198.51.100.7", good, body)
		m.Login = "anna"
		if v := w.checker.CheckSubmission(t.Context(), m); v.Action != want {
			t.Errorf("a submission of %q: %s, want %s", body, v.Action, want)
		}
	}
}
