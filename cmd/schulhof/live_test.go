package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"schulhof/config"
	"schulhof/directory"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// live is a real server process that a test starts, kills and starts again.
type live struct {
	dir, settings string
	ports         map[string]string
	wrap          []string // a command before the server's, strace for example
	flags         []string // of serve
	running
}

// newLive makes a server for school.test in dir with accounts of the given names. Plaintext logins are allowed on loopback.
func newLive(t *testing.T, dir string, names ...string) *live {
	t.Helper()
	l := &live{dir: dir, settings: filepath.Join(dir, settingsFile), ports: map[string]string{}}
	base := testPorts(t)
	for _, service := range config.Default(".").Listen.Services() {
		l.ports[service.Name] = "127.0.0.1:" + strconv.Itoa(service.Port+base)
	}
	l.schulhof(t, "init", "--data", dir, "--domain", "school.test", "--listen", "127.0.0.1", "--port-base", strconv.Itoa(base),
		"--set", "security.allow_plaintext_auth=loopback")
	c, err := config.Load(l.settings)
	if err != nil {
		t.Fatal(err)
	}
	r := openSchool(t, c)
	defer r.Close()
	var list []directory.NewAccount
	for _, name := range names {
		list = append(list, directory.NewAccount{Address: name + "@school.test", Role: directory.Teacher, Password: storyPassword})
	}
	if _, _, err := r.Directory.AddAccounts(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.kill() })
	return l
}

// schulhof runs one command of the program and returns what it says.
func (l *live) schulhof(t *testing.T, args ...string) string {
	t.Helper()
	out, err := l.try(args...)
	if err != nil {
		t.Fatalf("schulhof %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// try is schulhof that may fail.
func (l *live) try(args ...string) (string, error) {
	cmd := exec.Command("schulhof", args...)
	cmd.Env = append(os.Environ(), "SCHULHOF_CONFIG="+l.settings)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// serve starts the server and waits until it is ready.
func (l *live) serve(t *testing.T) {
	t.Helper()
	program, err := exec.LookPath("schulhof")
	if err != nil {
		t.Fatal(err)
	}
	line := append(append([]string{}, l.wrap...), program, "serve", "--config", l.settings)
	line = append(line, l.flags...)
	server := exec.Command(line[0], line[1:]...)
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // strace and the server die together
	if err := l.start(server); err != nil {
		t.Fatal(err)
	}
}

// kill ends the server with SIGKILL.
func (l *live) kill() { l.end(syscall.SIGKILL) }

// stop ends the server with SIGTERM; it must end well.
func (l *live) stop(t *testing.T) {
	t.Helper()
	if err := l.end(syscall.SIGTERM); err != nil {
		t.Errorf("the server ended badly: %v\n%s", err, l.log.String())
	}
}

// running is a server process.
type running struct {
	process *exec.Cmd    // nil: it does not run
	log     bytes.Buffer // of the one that runs, or ran last; to be read when it has ended
	ended   chan error
}

// start starts the server and waits until it is ready.
func (r *running) start(server *exec.Cmd) error {
	r.log.Reset()
	server.Stderr = &r.log
	stdout, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		return err
	}
	ready, ended := make(chan struct{}), make(chan error, 1)
	r.process, r.ended = server, ended
	go func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if strings.Contains(lines.Text(), "ready") {
				close(ready)
				break
			}
		}
		io.Copy(io.Discard, stdout)
		ended <- server.Wait()
	}()
	select {
	case <-ready:
		return nil
	case err := <-ended:
		r.process = nil
		return fmt.Errorf("the server ended before it was ready: %v\n%s", err, r.log.String())
	case <-time.After(storyPatience):
		err := r.end(syscall.SIGKILL)
		return fmt.Errorf("the server is not ready after %s: %w\n%s", storyPatience, err, r.log.String())
	}
}

// end signals the server, with its process group if it has one of its own, and waits until it has ended.
func (r *running) end(signal syscall.Signal) error {
	if r.process == nil {
		return nil
	}
	p, group := r.process.Process, r.process.SysProcAttr != nil
	r.process = nil
	if group {
		return errors.Join(syscall.Kill(-p.Pid, signal), <-r.ended)
	}
	return errors.Join(p.Signal(signal), <-r.ended)
}

// deliver gives one message to the LMTP port; nil means that it was acknowledged.
func (l *live) deliver(to, text string) error {
	conn, err := net.Dial("tcp", l.ports["lmtp"])
	if err != nil {
		return err
	}
	client := smtp.NewClientLMTP(conn)
	defer client.Close()
	if err := client.Hello("test.example"); err != nil {
		return err
	}
	if err := client.Mail("sender@outside.example", nil); err != nil {
		return err
	}
	if err := client.Rcpt(to+"@school.test", nil); err != nil {
		return err
	}
	out, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := out.Write([]byte(text)); err != nil {
		return err
	}
	return out.Close()
}

// submit gives one message to the submission port, as a person's program does.
func (l *live) submit(name string, to []string, text string) error {
	client, err := smtp.Dial(l.ports["submission"])
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Auth(sasl.NewPlainClient("", name, storyPassword)); err != nil {
		return err
	}
	return client.SendMail(name+"@school.test", to, strings.NewReader(text))
}

// imapClient speaks to the IMAP port, one command at a time.
type imapClient struct {
	conn net.Conn
	in   *bufio.Reader
	tags int
}

func (l *live) login(name string) (*imapClient, error) {
	conn, err := net.Dial("tcp", l.ports["imap"])
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(storyPatience))
	c := &imapClient{conn: conn, in: bufio.NewReader(conn)}
	if _, err := c.in.ReadString('\n'); err != nil {
		conn.Close()
		return nil, err
	}
	if _, err := c.command("LOGIN %s@school.test %s", name, storyPassword); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// command returns the untagged lines; err is what a NO or BAD says.
func (c *imapClient) command(format string, args ...any) (lines []string, err error) {
	c.tags++
	tag := "t" + strconv.Itoa(c.tags)
	if _, err := fmt.Fprintf(c.conn, "%s %s\r\n", tag, fmt.Sprintf(format, args...)); err != nil {
		return nil, err
	}
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return lines, err
		}
		line = strings.TrimRight(line, "\r\n")
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			if !strings.HasPrefix(rest, "OK") {
				return lines, fmt.Errorf("%s", rest)
			}
			return lines, nil
		}
		lines = append(lines, line)
	}
}

// add appends a message with a non-synchronising literal.
func (c *imapClient) add(box, text string) error {
	_, err := c.command("APPEND %s {%d+}\r\n%s", box, len(text), text)
	return err
}

// subjects counts the messages of a mailbox by subject.
func (l *live) subjects(t *testing.T, name, box string) map[string]int {
	t.Helper()
	c, err := l.login(name)
	if err != nil {
		t.Fatal(err)
	}
	defer c.conn.Close()
	if _, err := c.command("SELECT %s", box); err != nil {
		t.Fatal(err)
	}
	lines, err := c.command("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
	if err != nil && !strings.Contains(err.Error(), "BAD") { // an empty mailbox has no message 1
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, line := range lines {
		if subject, ok := strings.CutPrefix(line, "Subject: "); ok {
			found[subject]++
		}
	}
	return found
}
