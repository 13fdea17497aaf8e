package main

import (
	"fmt"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
)

// The server is killed while another one has a message of ours and has not answered: it is sent again, once, and is the same. Killed
// before the last dot, it is sent once.
func TestKilledWhileAnotherServerAnswers(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	address := e.mailServer(t, e.certificate(t, "mx.there.example"))
	e.dns.Add(t, "there.example. MX 10 mx.there.example.", "mx.there.example. A "+address)
	l := newLive(t, filepath.Join(t.TempDir(), "data"), "anna")
	arriving := 0
	for _, tt := range []struct {
		step   string // at which it is killed
		copies int
	}{{"MAIL", 1}, {".", 2}} {
		reached, answer := make(chan struct{}), make(chan struct{})
		e.stopAt(func(step string) {
			if step == tt.step {
				e.stopAt(nil)
				close(reached)
				<-answer
			}
		})
		e.serve(t, l)
		subject := "killed-at-" + tt.step
		if err := l.submit("anna", []string{"oma@there.example"}, letterFrom("anna@school.test", subject)); err != nil {
			t.Fatal(err)
		}
		<-reached
		l.kill()
		close(answer)
		e.serve(t, l)
		arriving += tt.copies
		patiently(func() bool { return len(e.got()) >= arriving })
		if !patiently(func() bool { return len(l.waiting(t)) == 0 }) {
			t.Fatalf("killed at %s, it still waits: %v", tt.step, l.waiting(t))
		}
		l.stop(t)
		if told := strings.Contains(l.log.String(), "may arrive twice"); told != (tt.copies == 2) {
			t.Errorf("killed at %s, the log tells of two copies: %t\n%s", tt.step, told, l.log.String())
		}
		var copies []string
		for _, m := range e.got() {
			if strings.Contains(m.text, "\r\nSubject: "+subject+"\r\n") {
				_, unsigned, _ := strings.Cut(m.text, "\r\nReceived: ") // each try is signed anew
				copies = append(copies, unsigned)
			}
		}
		if len(copies) != tt.copies || copies[0] != copies[len(copies)-1] {
			t.Errorf("killed at %s, it arrived %d times, want %d times the same:\n%s", tt.step, len(copies), tt.copies, strings.Join(copies, "\n"))
		}
	}
}

// dot sends a message from another server up to the last dot; the reply is still to be read.
func (l *live) dot(t *testing.T, subject string) (c *textproto.Conn, port int) {
	t.Helper()
	nc, err := net.Dial("tcp", l.ports["smtp"])
	if err != nil {
		t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(storyPatience))
	c = textproto.NewConn(nc)
	_, _, err = c.ReadResponse(220)
	for _, step := range []struct {
		command string
		code    int
	}{{"EHLO test.example", 250}, {"MAIL FROM:<lena@outside.example>", 250}, {"RCPT TO:<anna@school.test>", 250}, {"DATA", 354}} {
		if err == nil {
			err = c.PrintfLine("%s", step.command)
		}
		if err == nil {
			_, _, err = c.ReadResponse(step.code)
		}
	}
	if err == nil {
		_, err = nc.Write([]byte(letter(subject, 100_000) + ".\r\n"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return c, nc.LocalAddr().(*net.TCPAddr).Port
}

// again sends the message once more, as a server does that has had no reply.
func (l *live) again(t *testing.T, subject string) {
	t.Helper()
	c, _ := l.dot(t, subject)
	defer c.Close()
	if _, _, err := c.ReadResponse(250); err != nil {
		t.Errorf("the second try of %q: %v", subject, err)
	}
}

// The server is killed between the last dot of a message and its own reply, before or after it has written the message down. The other
// server tries again, and the message is there once.
func TestKilledBeforeItAnswers(t *testing.T) {
	t.Parallel()
	l := newLive(t, filepath.Join(t.TempDir(), "data"), "anna")
	l.serve(t)
	c, _ := l.dot(t, "written")
	if !patiently(func() bool { return l.subjects(t, "anna", "INBOX")["written"] == 1 }) {
		t.Fatal("the message is never there")
	}
	l.kill()
	c.Close()
	l.serve(t)
	l.again(t, "written")

	unlock := lockDatabase(t, filepath.Join(l.dir, "schulhof.db"))
	c, port := l.dot(t, "not-written")
	if !patiently(func() bool { return unread(t, port) == 0 }) {
		t.Fatal("the message is never read")
	}
	l.kill()
	unlock()
	c.Close()
	l.serve(t)
	if found := l.subjects(t, "anna", "INBOX"); found["written"] != 1 || found["not-written"] != 0 {
		t.Errorf("after the kill: %v", found)
	}
	l.again(t, "not-written")
	if found := l.subjects(t, "anna", "INBOX"); found["written"] != 1 || found["not-written"] != 1 {
		t.Errorf("after the second tries: %v, want each once", found)
	}
	l.stop(t)
}

// unread is how many bytes wait in the system between a client at a port of 127.0.0.1 and the server. proc_net_tcp(5)
func unread(t *testing.T, port int) (bytes int64) {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	end := fmt.Sprintf("0100007F:%04X", port)
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line) // number, local and remote end, state, bytes to send and to read
		if len(fields) < 5 || fields[1] != end && fields[2] != end {
			continue
		}
		send, read, _ := strings.Cut(fields[4], ":")
		for _, n := range []string{send, read} {
			size, err := strconv.ParseInt(n, 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			bytes += size
		}
	}
	return bytes
}

// lockDatabase keeps everybody else from writing.
func lockDatabase(t *testing.T, file string) (unlock func()) {
	t.Helper()
	conn, err := (&sqlite3.SQLiteDriver{}).Open("file:" + file + "?_busy_timeout=10000")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.(*sqlite3.SQLiteConn).Exec("BEGIN IMMEDIATE", nil); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}
