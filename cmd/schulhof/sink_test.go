package main

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/rogpeppe/go-internal/testscript"
)

// sink is a mail server elsewhere. It refuses never@…, has later@… come again until it is opened, and takes the rest.
type sink struct {
	mu   sync.Mutex
	open bool
	got  strings.Builder // every message that it took, with its envelope before it
}

// NewSession implements smtp.Backend.
func (s *sink) NewSession(*smtp.Conn) (smtp.Session, error) { return &sinkSession{sink: s}, nil }

// sinkSession is one connection.
type sinkSession struct {
	*sink
	envelope string
}

// Reset implements smtp.Session.
func (s *sinkSession) Reset() { s.envelope = "" }

// Logout implements smtp.Session.
func (s *sinkSession) Logout() error { return nil }

// Mail implements smtp.Session.
func (s *sinkSession) Mail(from string, _ *smtp.MailOptions) error {
	s.envelope = "MAIL FROM <" + from + ">\n"
	return nil
}

// Rcpt implements smtp.Session.
func (s *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case strings.HasPrefix(to, "never@"):
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "Nobody of that name here"}
	case strings.HasPrefix(to, "later@") && !s.open:
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Greylisted, come again"}
	}
	s.envelope += "RCPT TO <" + to + ">\n"
	return nil
}

// Data implements smtp.Session.
func (s *sinkSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got.WriteString(s.envelope + strings.ReplaceAll(string(b), "\r\n", "\n") + "\n")
	return nil
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

// cmdSink starts a sink, whose address is $SINK; "sink open" lets it take everything but never@….
func cmdSink(ts *testscript.TestScript, neg bool, args []string) {
	st := storyOf(ts)
	if len(args) > 0 {
		st.sink.mu.Lock()
		defer st.sink.mu.Unlock()
		st.sink.open = args[0] == "open"
		return
	}
	st.sink = &sink{}
	server := smtp.NewServer(st.sink)
	server.Domain, server.AllowInsecureAuth = "sink.example", true
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	go server.Serve(ln)
	ts.Defer(func() { server.Close() })
	ts.Setenv("SINK", ln.Addr().String())
}

// cmdBounce gives FILE back to the sender of what the sink got last.
func cmdBounce(ts *testscript.TestScript, neg bool, args []string) {
	senders := regexp.MustCompile("(?m)^MAIL FROM <(.+)>$").FindAllStringSubmatch(storyOf(ts).sink.String(), -1)
	if len(senders) == 0 {
		ts.Fatalf("the sink has nothing with a sender")
	}
	answered(ts, neg, send(ts, "PORT_SMTP", smtp.NewClient, nil, "", []string{senders[len(senders)-1][1], args[0]}))
}

// cmdArrived waits until the sink has something that a pattern fits, and shows all that it has.
func cmdArrived(ts *testscript.TestScript, neg bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[0])
	s := storyOf(ts).sink
	if !patiently(func() bool { return pattern.MatchString(s.String()) }) {
		ts.Fatalf("nothing that fits %s arrived:\n%s", args[0], s.String())
	}
	fmt.Fprint(ts.Stdout(), s.String())
}

// cmdEventually repeats a command of the program until a pattern fits what it writes.
func cmdEventually(ts *testscript.TestScript, neg bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[0])
	var out []byte
	if !patiently(func() bool {
		cmd := exec.Command("schulhof", args[1:]...)
		cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "SCHULHOF_CONFIG=" + ts.Getenv("SCHULHOF_CONFIG"), "HOME=" + ts.Getenv("HOME")}
		out, _ = cmd.CombinedOutput()
		return pattern.Match(out)
	}) {
		ts.Fatalf("%q never wrote what fits %s:\n%s", args[1:], args[0], out)
	}
	ts.Stdout().Write(out)
}

// patiently asks until the answer is yes, or for storyPatience.
func patiently(ask func() bool) bool {
	for end := time.Now().Add(storyPatience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ask() {
			return true
		}
	}
	return false
}

// cmdInbox waits until an INBOX has a number of messages, and shows the texts of all: inbox ADDRESS NUMBER.
func cmdInbox(ts *testscript.TestScript, neg bool, args []string) {
	want := "MESSAGES " + args[1] + ")"
	if !patiently(func() bool {
		var b strings.Builder
		return imapCommands(&b, ts.Getenv("PORT_IMAP"), args[0], "STATUS INBOX (MESSAGES)") == nil && strings.Contains(b.String(), want)
	}) {
		ts.Fatalf("%s never has %s messages", args[0], args[1])
	}
	answered(ts, neg, imapCommands(ts.Stdout(), ts.Getenv("PORT_IMAP"), args[0], "SELECT INBOX", "FETCH 1:* (BODY.PEEK[])"))
}

// cmdSorted delivers a message until it goes to a mailbox: sorted FROM TO MAILBOX KEY FILE.
func cmdSorted(ts *testscript.TestScript, neg bool, args []string) {
	found := regexp.MustCompile(`(?m)^\* SEARCH \d`)
	if !patiently(func() bool {
		ts.Check(send(ts, "PORT_SMTP", smtp.NewClient, nil, args[0], []string{args[1], args[4]}))
		var b strings.Builder
		ts.Check(imapCommands(&b, ts.Getenv("PORT_IMAP"), args[1], "SELECT "+args[2], "SEARCH "+args[3]))
		return found.MatchString(b.String())
	}) {
		ts.Fatalf("%s never comes to %s of %s", args[4], args[2], args[1])
	}
}
