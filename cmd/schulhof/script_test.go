package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"schulhof/config"
	"schulhof/directory"
	"schulhof/smtpd/resolver/dnstest"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/rogpeppe/go-internal/testscript"
)

// A program with the race detector sleeps for a second before it ends, so that other threads can report. That is most of what the tests
// would take, because each command that they give is a program: 20 milliseconds are enough. What the detector remembers lies in large pages, where
// the system has them: a third of the page faults of a short program are saved, and a fifth of its time.
func TestMain(m *testing.M) {
	os.Setenv(raceVariable, os.Getenv(raceVariable)+" atexit_sleep_ms=20 no_huge_pages_for_shadow=0")
	testscript.Main(m, map[string]func(){"schulhof": func() { os.Exit(run(cheapHash())) }})
}

// cheapHash is what hashing a password costs in tests: at the default it was most of what those in this process took.
func cheapHash() directory.HashParams {
	return directory.HashParams{MemoryKiB: 256, Time: 1, Threads: 1}
}

// TestScripts plays the stories in testdata/script against the real program. Besides testscript's own commands a story has:
//
//	school [FLAG…]              makes a server in $WORK/data: domain school.test, loopback, free ports; further flags of init.
//	                            $SCHULHOF_CONFIG names it, so that "exec schulhof user list" means it.
//	serve [FLAG…]               starts the server and waits until it is ready
//	stopserver                  ends it with SIGTERM; it must end well
//	killserver                  ends it with SIGKILL
//	person ADDRESS ROLE         adds an account with the password "sesam-oeffne-dich"
//	[!] smtp FROM TO… FILE      delivers FILE at port smtp; stderr has the refusal
//	[!] lmtp FROM TO… FILE      the same at port lmtp
//	[!] submit LOGIN TO… FILE   logs in at port submission and sends FILE; stderr has the refusal
//	imap ADDRESS COMMAND…       logs in at port imap and gives the commands one by one; stdout has all answers. It fails when one is not OK.
//	[!] web LOGIN PATH [FIELD=VALUE…]
//	                            opens a page with the browser of LOGIN, who signs in the first time; with fields (- for none) it posts a form
//	                            and follows where that leads. stdout has the status and the text of the page. It fails from 400 on.
//	inbox ADDRESS NUMBER        waits until INBOX has so many messages; stdout has them
//	sorted FROM TO MAILBOX KEY FILE
//	                            delivers FILE again and again until a search for KEY finds it in MAILBOX: what people teach is learned behind them
//	dns FILE…                   starts a DNS server with the records of zone files, at $DNS
//	sink [open|close]           starts a mail server elsewhere, at $SINK: it refuses never@…, and later@… until it is open
//	bounce FILE                 delivers FILE as returned mail to the sender of what the sink got last
//	arrived PATTERN             waits until the sink has what fits; stdout has all that it took
//	eventually PATTERN ARG…     repeats a command of the program until what it writes fits
//	ports                       only finds free ports, for other ways to make a server: $PORT_BASE
//
// $PORT_SMTP, $PORT_IMAP and so on are the ports.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ports": cmdPorts, "school": cmdSchool, "serve": cmdServe, "stopserver": cmdStopServer, "killserver": cmdKillServer, "person": cmdPerson,
			"smtp": deliver("PORT_SMTP", smtp.NewClient), "lmtp": deliver("PORT_LMTP", smtp.NewClientLMTP), "imap": cmdIMAP,
			"dav": cmdDAV, "web": cmdWeb, "dns": cmdDNS(t), "submit": cmdSubmit, "submitas": cmdSubmitAs, "inbox": cmdInbox, "sorted": cmdSorted, "sink": cmdSink, "bounce": cmdBounce, "arrived": cmdArrived, "eventually": cmdEventually,
		},
		Setup: func(env *testscript.Env) error {
			env.Values[storyKey{}] = &story{}
			for _, name := range []string{"SCHULHOF_TEST_POSTGRES", raceVariable} {
				env.Setenv(name, os.Getenv(name))
			}
			env.Setenv("IN_TWO_DAYS", time.Now().AddDate(0, 0, 2).Format("2006-01-02T15:04")) // as the forms of web pages have it
			return nil
		},
	})
}

const (
	raceVariable  = "GORACE" // options of the race detector, https://go.dev/doc/articles/race_detector
	storyPassword = "sesam-oeffne-dich"
	storyPatience = 30 * time.Second // until the server must be ready, on the slowest machine
)

// story is what one script has started.
type story struct {
	running
	sink *sink
	jars map[string]http.CookieJar // of browsers, by login
}

type storyKey struct{}

func storyOf(ts *testscript.TestScript) *story { return ts.Value(storyKey{}).(*story) }

// reservePorts finds a base at which every service's port is free, and keeps it from other stories, also of other test
// programs, until release: the port base+0 belongs to no service, and whoever holds it has the base. Bases lie below
// the ports that the system hands out by itself, and so that no two services of two bases meet.
func reservePorts() (base int, release func(), err error) {
	for range 1000 {
		base := 11000 + 1000*rand.IntN(13) + 2*rand.IntN(5)
		hold, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(base))
		if err != nil {
			continue
		}
		if portsFree(base) {
			return base, func() { hold.Close() }, nil
		}
		hold.Close()
	}
	return 0, nil, errors.New("no free ports")
}

// testPorts is reservePorts for a Go test.
func testPorts(t *testing.T) (base int) {
	t.Helper()
	base, release, err := reservePorts()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return base
}

func portsFree(base int) bool {
	for _, s := range config.Default(".").Listen.Services() {
		ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(s.Port+base))
		if err != nil {
			return false
		}
		ln.Close()
	}
	return true
}

func cmdPorts(ts *testscript.TestScript, neg bool, args []string) {
	base, release, err := reservePorts()
	ts.Check(err)
	ts.Defer(release)
	ts.Setenv("PORT_BASE", strconv.Itoa(base))
	for _, s := range config.Default(".").Listen.Services() {
		ts.Setenv("PORT_"+strings.ToUpper(s.Name), strconv.Itoa(s.Port+base))
	}
}

// cmdDNS runs a DNS server with the records of zone files until the test ends; its address is in $DNS.
func cmdDNS(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		var records []string
		for _, file := range args {
			for line := range strings.Lines(ts.ReadFile(file)) {
				if line = strings.TrimSpace(line); line != "" {
					records = append(records, line)
				}
			}
		}
		ts.Setenv("DNS", dnstest.Start(t, records...).Address)
	}
}

func cmdSchool(ts *testscript.TestScript, neg bool, args []string) {
	cmdPorts(ts, neg, nil)
	dir := ts.MkAbs("data")
	arguments := append([]string{"init", "--data", dir, "--domain", "school.test", "--listen", "127.0.0.1", "--port-base", ts.Getenv("PORT_BASE")}, args...)
	ts.Check(ts.Exec("schulhof", arguments...))
	ts.Setenv("SCHULHOF_CONFIG", dir+"/schulhof.toml")
}

func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	s := storyOf(ts)
	program, err := exec.LookPath("schulhof")
	ts.Check(err)
	server := exec.Command(program, append([]string{"serve"}, args...)...)
	server.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "PATH", "SCHULHOF_CONFIG", "TMPDIR", "GOCOVERDIR", raceVariable} {
		server.Env = append(server.Env, name+"="+ts.Getenv(name))
	}
	ts.Defer(func() { s.end(syscall.SIGKILL) })
	ts.Check(s.start(server))
}

func cmdStopServer(ts *testscript.TestScript, neg bool, args []string) {
	s := storyOf(ts)
	if err := s.end(syscall.SIGTERM); err != nil {
		ts.Fatalf("the server ended badly: %v\n%s", err, s.log.String())
	}
	ts.Logf("[server log]\n%s", s.log.String())
}

func cmdKillServer(ts *testscript.TestScript, neg bool, args []string) {
	storyOf(ts).end(syscall.SIGKILL)
}

func cmdPerson(ts *testscript.TestScript, neg bool, args []string) {
	cmd := exec.Command("schulhof", "user", "add", args[0], "--role", args[1], "--password-stdin")
	cmd.Env = append(os.Environ(), "SCHULHOF_CONFIG="+ts.Getenv("SCHULHOF_CONFIG"))
	cmd.Stdin = strings.NewReader(storyPassword + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("user add: %v\n%s", err, out)
	}
}

// deliver makes the commands smtp and lmtp.
func deliver(port string, newClient func(net.Conn) *smtp.Client) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		answered(ts, neg, send(ts, port, newClient, nil, args[0], args[1:]))
	}
}

// cmdSubmit sends as a person's program does.
func cmdSubmit(ts *testscript.TestScript, neg bool, args []string) {
	login := sasl.NewPlainClient("", args[0], storyPassword)
	answered(ts, neg, send(ts, "PORT_SUBMISSION", smtp.NewClient, login, args[0]+"@school.test", args[1:]))
}

// cmdSubmitAs is cmdSubmit in the name of another address, the second of args.
func cmdSubmitAs(ts *testscript.TestScript, neg bool, args []string) {
	login := sasl.NewPlainClient("", args[0], storyPassword)
	answered(ts, neg, send(ts, "PORT_SUBMISSION", smtp.NewClient, login, args[1], args[2:]))
}

// send gives one message to a port; the last of args is its file, the others are recipients.
func send(ts *testscript.TestScript, port string, newClient func(net.Conn) *smtp.Client, login sasl.Client, from string, args []string) error {
	to, body := args[:len(args)-1], ts.ReadFile(args[len(args)-1])
	conn, err := net.Dial("tcp", "127.0.0.1:"+ts.Getenv(port))
	if err != nil {
		return err
	}
	client := newClient(conn)
	defer client.Close()
	if err := client.Hello("story.example"); err != nil {
		return err
	}
	if login != nil {
		if err := client.Auth(login); err != nil {
			return err
		}
	}
	if err := client.SendMail(from, to, strings.NewReader(strings.ReplaceAll(body, "\n", "\r\n"))); err != nil {
		return err
	}
	return client.Quit()
}

// answered compares err with what the script expects.
func answered(ts *testscript.TestScript, neg bool, err error) {
	if err != nil {
		fmt.Fprintln(ts.Stderr(), err)
	}
	if (err != nil) != neg {
		ts.Fatalf("unexpected result: %v", err)
	}
}

func cmdIMAP(ts *testscript.TestScript, neg bool, args []string) {
	answered(ts, neg, imapCommands(ts.Stdout(), ts.Getenv("PORT_IMAP"), args[0], args[1:]...))
}

// imapCommands logs in, gives the commands one by one and copies all answers to w.
func imapCommands(w io.Writer, port, address string, commands ...string) error {
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(storyPatience))
	in := bufio.NewReader(conn)
	err = imapAnswers(w, in, "*")
	for i, command := range append([]string{fmt.Sprintf("LOGIN %s %s", address, storyPassword)}, commands...) {
		if err != nil {
			return err
		}
		tag := "a" + strconv.Itoa(i)
		fmt.Fprintf(conn, "%s %s\r\n", tag, command)
		err = imapAnswers(w, in, tag)
	}
	return err
}

// cmdDAV sends one request: dav LOGIN METHOD PATH [BODY]. An answer from 400 on is an error.
func cmdDAV(ts *testscript.TestScript, neg bool, args []string) {
	err := func() error {
		body := ""
		if len(args) > 3 {
			body = args[3]
		}
		request, err := http.NewRequest(args[1], "http://127.0.0.1:"+ts.Getenv("PORT_HTTP")+args[2], strings.NewReader(body))
		if err != nil {
			return err
		}
		request.SetBasicAuth(args[0], storyPassword)
		client := http.Client{Timeout: storyPatience}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err == nil && response.StatusCode >= 400 {
			err = fmt.Errorf("%s %s: %s\n%s", args[1], args[2], response.Status, text)
		}
		fmt.Fprintf(ts.Stdout(), "%s\n", text)
		return err
	}()
	answered(ts, neg, err)
}

// imapAnswers copies lines to w until the one with tag, which must be OK.
func imapAnswers(w io.Writer, in *bufio.Reader, tag string) error {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		fmt.Fprintln(w, strings.TrimRight(line, "\r\n"))
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			if !strings.HasPrefix(rest, "OK") && !strings.HasPrefix(rest, "PREAUTH") {
				return errors.New(strings.TrimSpace(rest))
			}
			return nil
		}
	}
}
