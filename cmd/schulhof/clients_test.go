package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"schulhof/config"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"
)

// TestOtherPeoplesPrograms makes a school and uses it with programs that others wrote: swaks, curl, mbsync, Python's imaplib,
// go-imap's client, and what Thunderbird sends. SCHULHOF_E2E=1: with 2,000 mails in the synchronised account instead of 200.
func TestOtherPeoplesPrograms(t *testing.T) {
	t.Parallel()
	s := startSchool(t)
	t.Run("swaks delivers at three ports", s.swaks)
	t.Run("curl delivers", s.curlDelivers)
	t.Run("a class mail reaches each member once", s.classMail)
	t.Run("three readers see the same bytes", s.readers)
	t.Run("mbsync", s.mbsync)
	t.Run("Thunderbird", s.thunderbird)
	t.Run("sieve-connect", s.sieveConnect)
}

// school is a running server with a few people: anna, ben, tina (who owns the class 7b of the two) and sync.
type school struct {
	dir   string
	ports map[string]string
	ca    string
}

func startSchool(t *testing.T, settings ...string) *school {
	t.Helper()
	s := &school{dir: filepath.Join(t.TempDir(), "data"), ports: map[string]string{}}
	base := testPorts(t)
	for _, service := range config.Default(".").Listen.Services() {
		s.ports[service.Name] = strconv.Itoa(service.Port + base)
	}
	s.ca = filepath.Join(s.dir, "tls", "ca.pem")
	args := []string{"init", "--data", s.dir, "--domain", "school.test", "--listen", "127.0.0.1", "--port-base", strconv.Itoa(base)}
	for _, setting := range settings {
		args = append(args, "--set", setting)
	}
	s.schulhof(t, "", args...)
	s.people(t)
	s.serve(t)
	return s
}

// people fills the directory.
func (s *school) people(t *testing.T) {
	t.Helper()
	var lines string
	for _, person := range []string{"anna;student;Anna;Schmidt", "ben;student;Ben;Yılmaz", "tina;teacher;Tina;Lehmann", "sync;staff;Sync;Konto"} {
		lines += strings.Replace(person, ";", "@school.test;", 1) + ";" + storyPassword + "\n"
	}
	s.schulhof(t, lines, "user", "add", "--stdin")
	s.schulhof(t, "", "group", "add", "7b", "--kind", "class", "--title", "Klasse 7b")
	s.schulhof(t, "", "group", "member", "add", "7b", "anna@school.test", "ben@school.test")
	s.schulhof(t, "", "group", "member", "add", "7b", "tina@school.test", "--role", "owner")
}

// schulhof runs one command of the program.
func (s *school) schulhof(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("schulhof", args...)
	cmd.Env = append(os.Environ(), "SCHULHOF_CONFIG="+filepath.Join(s.dir, "schulhof.toml"))
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("schulhof %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// serve runs the server until the test ends.
func (s *school) serve(t *testing.T) {
	t.Helper()
	var r running
	if err := r.start(exec.Command("schulhof", "serve", "--config", filepath.Join(s.dir, "schulhof.toml"))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.end(syscall.SIGTERM); err != nil {
			t.Errorf("the server ended badly: %v\n%s", err, r.log.String())
		}
	})
}

// tool runs a program of someone else's; without it the test is skipped, and says so.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Minute)
	defer stop()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if strings.Contains(string(out), "TLS not available") {
		t.Skipf("%s cannot speak TLS here (Debian: libnet-ssleay-perl)", name)
	}
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (s *school) swaks(t *testing.T) {
	tool(t, "swaks", "--server", "127.0.0.1", "--port", s.ports["smtp"], "--from", "lena@example.org", "--to", "anna@school.test",
		"--header", "Subject: swaks 25", "--pipeline")
	tls := []string{"--tls-verify", "--tls-ca-path", s.ca}
	login := []string{"--auth-user", "ben@school.test", "--auth-password", storyPassword, "--from", "ben@school.test", "--to", "anna@school.test"}
	for how, args := range map[string][]string{
		"25 with TLS": {"--server", "localhost", "--port", s.ports["smtp"], "--tls", "--from", "lena@example.org", "--to", "anna@school.test"},
		"465":         append([]string{"--server", "localhost", "--port", s.ports["submissions"], "--tls-on-connect", "--auth", "PLAIN"}, login...),
		"587":         append([]string{"--server", "localhost", "--port", s.ports["submission"], "--tls", "--auth", "LOGIN"}, login...),
	} {
		tool(t, "swaks", append(append(args, tls...), "--header", "Subject: swaks "+how)...)
	}
	s.wantCount(t, "anna", 4)
}

func (s *school) curlDelivers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mail.eml")
	write(t, file, "From: Ben <ben@school.test>\r\nTo: anna@school.test\r\nBcc: tina@school.test\r\nSubject: curl\r\n\r\n.a line\r\n..\r\n")
	tool(t, "curl", "--silent", "--show-error", "--cacert", s.ca, "--url", "smtps://localhost:"+s.ports["submissions"],
		"--user", "ben@school.test:"+storyPassword, "--mail-from", "ben@school.test", "--mail-rcpt", "anna@school.test", "--mail-rcpt", "tina@school.test",
		"--upload-file", file)
	got := s.curl(t, "anna", "INBOX;MAILINDEX=*", "")
	for part, want := range map[string]bool{"Subject: curl": true, "\r\n.a line\r\n..\r\n": true, "Message-ID: <": true, "Date: ": true, "Bcc": false, "127.0.0.1": false} {
		if strings.Contains(got, part) != want {
			t.Errorf("contains %q is %v in\n%s", part, !want, got)
		}
	}
}

func (s *school) classMail(t *testing.T) {
	before := map[string]int{}
	for _, name := range []string{"anna", "ben", "tina"} {
		before[name] = s.count(t, name)
	}
	tool(t, "swaks", "--server", "localhost", "--port", s.ports["submission"], "--tls", "--auth", "PLAIN", "--auth-user", "tina@school.test",
		"--auth-password", storyPassword, "--from", "tina@school.test", "--to", "7b@school.test,anna@school.test", "--header", "Subject: Ausflug")
	for name, n := range before {
		s.wantCount(t, name, n+1)
	}
}

// readers compares what curl, imaplib and go-imap's client read of one nasty mail with what was sent.
func (s *school) readers(t *testing.T) {
	sent := "From: =?utf-8?q?J=C3=BCrgen?= <lena@example.org>\r\nSubject: raw \xff\xfe 8-bit\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe \t \r\n.\r\n..\r\nA) NIL {3}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\n\r\n--b--\r\n"
	conn, err := net.Dial("tcp", "127.0.0.1:"+s.ports["lmtp"])
	if err != nil {
		t.Fatal(err)
	}
	c := smtp.NewClientLMTP(conn)
	defer c.Close()
	if err := c.SendMail("lena@example.org", []string{"ben@school.test"}, strings.NewReader(sent)); err != nil {
		t.Fatal(err)
	}
	want := s.newest(t, "ben")
	if !strings.HasSuffix(want, sent) || !strings.HasPrefix(want, "Return-Path: <lena@example.org>\r\nReceived: ") {
		t.Errorf("go-imap read %q, want it to end with what was sent", want)
	}
	if got := s.curl(t, "ben", "INBOX;MAILINDEX=*", ""); got != want {
		t.Errorf("curl read %q, want %q", got, want)
	}
	program := filepath.Join(t.TempDir(), "read.py")
	write(t, program, `import imaplib, ssl, sys
c = imaplib.IMAP4_SSL("localhost", int(sys.argv[1]), ssl_context=ssl.create_default_context(cafile=sys.argv[2]))
c.login("ben@school.test", sys.argv[3])
c.select("INBOX", readonly=True)
kind, data = c.fetch("*", "(RFC822)")
assert kind == "OK", kind
sys.stdout.buffer.write(data[0][1])
c.logout()
`)
	if got := tool(t, "python3", program, s.ports["imaps"], s.ca, storyPassword); got != want {
		t.Errorf("imaplib read %q, want %q", got, want)
	}
}

// selected logs in with go-imap's client and opens name's INBOX read-only.
func (s *school) selected(t *testing.T, name string) (*imapclient.Client, *imap.SelectData) {
	t.Helper()
	c, err := imapclient.DialTLS("localhost:"+s.ports["imaps"], &imapclient.Options{TLSConfig: s.trust(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Login(name+"@school.test", storyPassword).Wait(); err != nil {
		t.Fatal(err)
	}
	box, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		t.Fatal(err)
	}
	return c, box
}

// trust believes the school's own authority.
func (s *school) trust(t *testing.T) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(s.ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

// newest reads the last message in name's INBOX.
func (s *school) newest(t *testing.T, name string) string {
	t.Helper()
	c, box := s.selected(t, name)
	section := &imap.FetchItemBodySection{Peek: true}
	list, err := c.Fetch(imap.SeqSetNum(box.NumMessages), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil || len(list) != 1 {
		t.Fatalf("fetch: %d messages, %v", len(list), err)
	}
	return string(list[0].FindBodySection(section))
}

// flagged counts the flagged mails of the account that is synchronised.
func (s *school) flagged(t *testing.T) (n int) {
	t.Helper()
	c, box := s.selected(t, "sync")
	var all imap.SeqSet
	all.AddRange(1, box.NumMessages)
	list, err := c.Fetch(all, &imap.FetchOptions{Flags: true}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		if slices.Contains(m.Flags, imap.FlagFlagged) {
			n++
		}
	}
	return n
}

// curl asks for what url names in name's mail, or gives a command.
func (s *school) curl(t *testing.T, name, url, command string) string {
	t.Helper()
	args := []string{"--silent", "--show-error", "--cacert", s.ca, "--user", name + "@school.test:" + storyPassword, "imaps://localhost:" + s.ports["imaps"] + "/" + url}
	if command != "" {
		args = append(args, "--request", command)
	}
	return tool(t, "curl", args...)
}

// count is how many messages name's INBOX has.
func (s *school) count(t *testing.T, name string) int {
	t.Helper()
	answer := s.curl(t, name, "", "STATUS INBOX (MESSAGES)")
	_, number, _ := strings.Cut(answer, "MESSAGES ")
	n, err := strconv.Atoi(strings.Trim(number, ")\r\n "))
	if err != nil {
		t.Fatalf("STATUS: %q", answer)
	}
	return n
}

func (s *school) wantCount(t *testing.T, name string, want int) {
	t.Helper()
	if got := s.count(t, name); got != want {
		t.Errorf("%s has %d messages, want %d", name, got, want)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// mbsync synchronises an account both ways: half of the mails come from the server, half from a Maildir.
func (s *school) mbsync(t *testing.T) {
	n := 200
	if os.Getenv(longVariable) != "" {
		n = 2000
	}
	s.fill(t, n/2)
	maildir := filepath.Join(t.TempDir(), "mail")
	inbox := filepath.Join(maildir, "INBOX")
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(inbox, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n / 2 {
		write(t, filepath.Join(inbox, "cur", fmt.Sprintf("%d.%d.here:2,S", time.Now().Unix(), i)),
			fmt.Sprintf("From: anna@school.test\nSubject: lokal %d\nMessage-ID: <local-%d@here>\n\nText %d\n", i, i, i))
	}
	settings := filepath.Join(maildir, "mbsyncrc")
	write(t, settings, fmt.Sprintf(`IMAPAccount school
Host localhost
Port %s
User sync@school.test
Pass %s
SSLType IMAPS
CertificateFile %s

IMAPStore far
Account school

MaildirStore near
Path %s/
Inbox %s
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
`, s.ports["imaps"], storyPassword, s.ca, maildir, inbox))

	run := func() string { return tool(t, "mbsync", "-c", settings, "-V", "-a") }
	run()
	here := listing(t, inbox)
	there := s.curl(t, "sync", "", "STATUS INBOX (MESSAGES UIDNEXT HIGHESTMODSEQ)")
	if len(here) != n || !strings.Contains(there, fmt.Sprintf("MESSAGES %d ", n)) {
		t.Fatalf("after the first run %d mails here, there %q, want %d on both sides", len(here), there, n)
	}
	unchanged(t, run())
	if again := listing(t, inbox); !equal(here, again) {
		t.Error("the second run changed the Maildir")
	}
	if again := s.curl(t, "sync", "", "STATUS INBOX (MESSAGES UIDNEXT HIGHESTMODSEQ)"); again != there {
		t.Errorf("the second run changed the server from %q to %q", there, again)
	}

	// A flag on each side, a mail deleted on each side.
	for name := range here {
		if strings.HasSuffix(name, ",S") {
			rename(t, inbox, name, strings.TrimSuffix(name, "S")+"FS")
			break
		}
	}
	s.curl(t, "sync", "INBOX", "UID STORE 1 +FLAGS (\\Answered \\Seen)")
	s.curl(t, "sync", "INBOX", "UID STORE 2 +FLAGS (\\Deleted)")
	s.curl(t, "sync", "INBOX", "EXPUNGE")
	run()
	if flagged := s.flagged(t); flagged != 1 {
		t.Errorf("the server has %d flagged mails, want 1", flagged)
	}
	here = listing(t, inbox)
	answered := 0
	for name := range here {
		if strings.Contains(name, ",RS") {
			answered++
		}
	}
	if len(here) != n-1 || answered != 1 {
		t.Errorf("%d mails here, %d answered, want %d and 1", len(here), answered, n-1)
	}
	unchanged(t, run())
}

// unchanged checks mbsync's own count of what it did.
func unchanged(t *testing.T, said string) {
	t.Helper()
	for _, number := range regexp.MustCompile(`[+*#](\d+)`).FindAllStringSubmatch(said, -1) {
		if number[1] != "0" {
			t.Errorf("a run without news was not without changes:\n%s", said)
			return
		}
	}
}

// fill delivers n mails to the account that is synchronised.
func (s *school) fill(t *testing.T, n int) {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+s.ports["lmtp"])
	if err != nil {
		t.Fatal(err)
	}
	c := smtp.NewClientLMTP(conn)
	defer c.Close()
	for i := range n {
		body := fmt.Sprintf("From: lena@example.org\r\nSubject: fern %d\r\nMessage-ID: <far-%d@there>\r\n\r\nText %d\r\n", i, i, i)
		if err := c.SendMail("lena@example.org", []string{"sync@school.test"}, strings.NewReader(body)); err != nil {
			t.Fatal(err)
		}
	}
}

// listing is the names of a Maildir's mails with their sizes.
func listing(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	all := map[string]int64{}
	for _, sub := range []string{"cur", "new"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			info, err := e.Info()
			if err != nil {
				t.Fatal(err)
			}
			all[filepath.Join(sub, e.Name())] = info.Size()
		}
	}
	return all
}

func rename(t *testing.T, dir, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
		t.Fatal(err)
	}
}

func equal(a, b map[string]int64) bool {
	for name, size := range a {
		if b[name] != size {
			return false
		}
	}
	return len(a) == len(b)
}

// thunderbird plays what Thunderbird sends, command by command: testdata/thunderbird-*.txt, lines as in smtpd's transcripts.
func (s *school) thunderbird(t *testing.T) {
	files, err := filepath.Glob("testdata/thunderbird/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { s.play(t, string(text)) })
	}
}

// play: "port: NAME" connects (over TLS where the port wants it), "C: " sends a line, "S: " is the next line with ... for anything,
// "S* " is a line that comes after any others. PLAIN(name) stands for the credentials in base64.
func (s *school) play(t *testing.T, text string) {
	var conn net.Conn
	var in *bufio.Reader
	read := func() string {
		l, err := in.ReadString('\n')
		if err != nil && l == "" {
			t.Fatalf("the server ended: %v", err)
		}
		return strings.TrimRight(l, "\r\n")
	}
	credentials := regexp.MustCompile(`PLAIN\((\w+)\)`)
	for i, l := range strings.Split(text, "\n") {
		key, arg, _ := strings.Cut(l, " ")
		arg = credentials.ReplaceAllStringFunc(arg, func(s string) string {
			name := credentials.FindStringSubmatch(s)[1]
			return base64.StdEncoding.EncodeToString([]byte("\x00" + name + "@school.test\x00" + storyPassword))
		})
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(arg), `\.\.\.`, ".*") + "$")
		switch {
		case l == "" || strings.HasPrefix(l, "#"):
		case key == "port:":
			var err error
			conn, err = net.Dial("tcp", "127.0.0.1:"+s.ports[arg])
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(storyPatience))
			if strings.HasSuffix(arg, "s") {
				conn = tls.Client(conn, s.trust(t))
			}
			in = bufio.NewReader(conn)
		case key == "C:":
			io.WriteString(conn, arg+"\r\n")
		case key == "S:":
			if got := read(); !pattern.MatchString(got) {
				t.Fatalf("line %d: got %q, want %q", i+1, got, arg)
			}
		case key == "S*":
			var seen []string
			for got := read(); !pattern.MatchString(got); got = read() {
				if seen = append(seen, got); strings.Contains(got, " BAD ") || strings.Contains(got, " NO ") {
					t.Fatalf("line %d: want %q, got %q", i+1, arg, seen)
				}
			}
		default:
			t.Fatalf("line %d: %q is no transcript line", i+1, l)
		}
	}
}
