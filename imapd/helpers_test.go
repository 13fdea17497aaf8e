package imapd

import (
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"schulhof/directory"
)

func (ts *testServer) disable(login string) {
	ts.Helper()
	a, err := ts.dir.AccountByAddress(context.Background(), login)
	ts.check(err)
	state := directory.Disabled
	ts.check(ts.dir.ChangeAccount(context.Background(), a.ID, directory.AccountChange{State: &state}))
}

// syncBuffer is a buffer that several goroutines may write to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// damage changes every byte of the packs behind their first ones, as a bad disk would.
func (ts *testServer) damage() {
	ts.Helper()
	files, err := filepath.Glob(filepath.Join(ts.store.Dir(), "packs", "*", "*"))
	ts.check(err)
	damaged := 0
	for _, name := range files {
		b, err := os.ReadFile(name)
		ts.check(err)
		for i := 64; i < len(b); i++ {
			b[i] ^= 0x55
		}
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		ts.check(err)
		_, err = f.WriteAt(b, 0)
		ts.check(err)
		ts.check(f.Close())
		damaged++
	}
	if damaged == 0 {
		ts.Fatal("there is no pack to damage")
	}
}

// deflated is the client after COMPRESS DEFLATE, with the standard library's implementation.
func (c *client) deflated() *client {
	c.Helper()
	z, err := flate.NewWriter(c.nc, flate.DefaultCompression)
	if err != nil {
		c.Fatal(err)
	}
	d := newClient(c.TB, deflatedConn{c.nc, z})
	d.r.Reset(flate.NewReader(c.r))
	return d
}

// deflatedConn compresses what is written to it; its reader is made by deflated.
type deflatedConn struct {
	net.Conn
	z *flate.Writer
}

func (d deflatedConn) Write(b []byte) (int, error) {
	n, err := d.z.Write(b)
	if err != nil {
		return n, err
	}
	return n, d.z.Flush()
}

// expect runs a command and compares every line of its answer; … stands for any characters.
func (c *client) expect(command string, want ...string) {
	c.Helper()
	got := c.do(command)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !like(want[i], got[i]) {
			c.Fatalf("%.200s: line %d of\n%s\nwant\n%s", command, i+1, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// appends stores messages in one APPEND; each argument is "flags and date|message".
func (c *client) appends(box string, messages ...string) {
	c.Helper()
	var b strings.Builder
	b.WriteString("append APPEND " + box)
	for _, m := range messages {
		args, body, _ := strings.Cut(m, "|")
		if args != "" {
			args += " "
		}
		fmt.Fprintf(&b, " %s{%d+}\r\n%s", args, len(body), body)
	}
	c.want(c.do(b.String()), "append OK")
}

// opened is a connection that has logged in as anna and selected INBOX, in which messages were appended before.
func (ts *testServer) opened(messages ...string) *client {
	ts.Helper()
	return ts.openedBox("INBOX", messages...)
}

// openedBox is opened for another mailbox, which is made if there are messages.
func (ts *testServer) openedBox(box string, messages ...string) *client {
	ts.Helper()
	c := ts.login("anna")
	if len(messages) > 0 {
		c.do("create CREATE " + box)
		c.appends(box, messages...)
	}
	c.want(c.do("select SELECT "+box), "select OK")
	return c
}

// numbered makes n small messages whose subjects count from 1.
func numbered(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("|Subject: number %d\r\n\r\ntext %d\r\n", i+1, i+1)
	}
	return list
}

// untagged finds the line that begins with "* " and name, and returns the words behind it.
func untagged(lines []string, name string) (words []string, ok bool) {
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, "* "+name); ok && (rest == "" || rest[0] == ' ') {
			return strings.Fields(rest), true
		}
	}
	return nil, false
}
