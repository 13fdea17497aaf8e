package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// dialRaw connects to a control socket without saying anything.
func dialRaw(t *testing.T, socket string) *net.UnixConn {
	t.Helper()
	conn, err := dialControl(socket)
	if conn == nil || err != nil {
		t.Fatalf("dialControl = %v, %v", conn, err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// orderFile is what a caller attaches as its command line.
func orderFile(t *testing.T, text string) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "order")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Callers that do not keep to the protocol get a refusal or nothing, and the next one is served.
func TestHandshake(t *testing.T) {
	socket := serveControl(t)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	line, err := json.Marshal(order{Args: []string{"echo"}, Directory: "/"})
	if err != nil {
		t.Fatal(err)
	}
	good := greeting{controlProtocol, "1"}
	tests := []struct {
		name  string
		greet func(conn *net.UnixConn) error
		exit  int
		text  string // part of the refusal
		ends  bool   // the server hangs up without a word
	}{
		{"a good one", func(c *net.UnixConn) error { return sendPacket(c, good, null, null, null, orderFile(t, string(line))) }, exitDone, "", false},
		{"a later protocol", func(c *net.UnixConn) error {
			return sendPacket(c, greeting{controlProtocol + 1, "1"}, null, null, null, orderFile(t, string(line)))
		}, exitRefused, "this program 1: use the server's program", false},
		{"another version", func(c *net.UnixConn) error {
			return sendPacket(c, greeting{controlProtocol, "0.9"}, null, null, null, orderFile(t, string(line)))
		}, exitRefused, "version 1, this program 0.9", false},
		{"no files", func(c *net.UnixConn) error { return sendPacket(c, good) }, exitRefused, "version", false},
		{"too few files", func(c *net.UnixConn) error { return sendPacket(c, good, null, null, null) }, exitRefused, "version", false},
		{"too many files", func(c *net.UnixConn) error { return sendPacket(c, good, null, null, null, null, null, null) }, 0, "", true},
		{"no JSON", func(c *net.UnixConn) error { _, err := c.Write([]byte("user list\n")); return err }, 0, "", true},
		{"a packet beyond the limit", func(c *net.UnixConn) error {
			_, err := c.Write([]byte(`{"version":"` + strings.Repeat("x", packetLimit) + `"}`))
			return err
		}, 0, "", true},
		{"nothing, and away", func(c *net.UnixConn) error { return c.CloseWrite() }, 0, "", true},
		{"a command line that is no JSON", func(c *net.UnixConn) error {
			return sendPacket(c, good, null, null, null, orderFile(t, "user list"))
		}, 0, "", true},
		{"an endless command line", func(c *net.UnixConn) error {
			return sendPacket(c, good, null, null, null, orderFile(t, `{"args":["`+strings.Repeat("x", orderLimit)+`"]}`))
		}, 0, "", true},
		{"no command", func(c *net.UnixConn) error { return sendPacket(c, good, null, null, null, orderFile(t, `{}`)) }, exitDone, "", false},
		{"a command that does not exist", func(c *net.UnixConn) error {
			return sendPacket(c, good, null, null, null, orderFile(t, `{"args":["serve"]}`))
		}, exitUsage, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn := dialRaw(t, socket)
			if err := tt.greet(conn); err != nil {
				t.Fatal(err)
			}
			var q question
			files, err := receivePacket(conn, &q)
			closeAll(files)
			switch {
			case tt.ends && err == nil:
				t.Errorf("the server answered %+v, want it to hang up", q)
			case !tt.ends && (err != nil || q.Ask != "" || q.Exit != tt.exit || !strings.Contains(q.Text, tt.text) || (tt.text == "") != (q.Text == "")):
				t.Errorf("the server answered %+v, %v, want exit %d with %q", q, err, tt.exit, tt.text)
			}
		})
	}
	if status, _, stderr, err := call(t, t.Context(), socket, t.TempDir(), "1", "", "echo", "still there"); status != 0 || err != nil || !strings.HasPrefix(stderr, "still there") {
		t.Errorf("the next caller: %d %q, %v", status, stderr, err)
	}
}

// openFiles counts the descriptors of this process, sockets that are just being closed left out of account by the caller.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(entries)
}

// Every descriptor that comes with a call goes with it, also when the call is refused.
func TestCallsLeaveNoDescriptors(t *testing.T) {
	calls := func(t *testing.T, rounds int) {
		socket := serveControl(t) // its Cleanup waits until every call is over
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "tree/a"), 0o700); err != nil {
			t.Fatal(err)
		}
		for range rounds {
			for _, args := range [][]string{{"echo"}, {"refuse"}, {"panic"}, {"cat", "none"}, {"tree", "tree"}, {"steal"}} {
				t.Run(args[0], func(t *testing.T) { call(t, t.Context(), socket, dir, "1", "", args...) })
			}
			t.Run("version", func(t *testing.T) { call(t, t.Context(), socket, dir, "2", "", "echo") })
			conn := dialRaw(t, socket)
			if err := sendPacket(conn, "garbage", os.Stdout); err != nil {
				t.Fatal(err)
			}
			if _, err := receivePacket(conn, new(question)); err == nil {
				t.Error("garbage was answered")
			}
			conn.Close()
		}
	}
	t.Run("the first ones", func(t *testing.T) { calls(t, 1) }) // what the runtime opens once stays open
	before := openFiles(t)
	const rounds = 20
	t.Run("calls", func(t *testing.T) { calls(t, rounds) })
	if after := openFiles(t); after >= before+rounds/2 {
		t.Errorf("%d descriptors before, %d after %d rounds of calls", before, after, rounds)
	}
}

// Sixteen commands run at once; the next waits for a place, and leaves the queue with its caller.
func TestCommandsQueueForAPlace(t *testing.T) {
	socket := serveControl(t)
	var released atomic.Bool
	leave := make([]context.CancelFunc, controlCommands)
	for i := range leave {
		out, in, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		defer in.Close()
		ctx, cancel := context.WithCancel(t.Context())
		leave[i] = cancel
		gone := make(chan error)
		defer func() { cancel(); <-gone }()
		go func() {
			a := &app{stdin: in, stdout: in, stderr: in, directory: "/", args: []string{"wait"}, version: "1", commands: probes()}
			_, err := a.askServer(ctx, socket)
			gone <- err
		}()
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "waiting\n" {
			t.Fatalf("command %d: %q, %v", i, line, err)
		}
	}
	impatient, goAway := context.WithCancel(t.Context())
	goAway()
	for range 20 { // wherever the cancellation finds it: on the way into the queue, or there
		if _, _, _, err := call(t, impatient, socket, t.TempDir(), "1", "", "echo", "never"); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller that left the queue got %v", err)
		}
	}
	ended := make(chan bool)
	go func() {
		status, _, stderr, err := call(t, t.Context(), socket, t.TempDir(), "1", "", "echo", "at last")
		if status != 0 || err != nil || !strings.HasPrefix(stderr, "at last") {
			t.Errorf("the waiting command: %d %q, %v", status, stderr, err)
		}
		ended <- released.Load()
	}()
	released.Store(true)
	leave[3]()
	if !<-ended {
		t.Error("a command ran although every place was taken")
	}
}

// Whoever starts the program with closed standard files is served all the same.
func TestClosedStandardFiles(t *testing.T) {
	socket := serveControl(t)
	closed, err := os.CreateTemp(t.TempDir(), "closed")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	a := &app{stdin: closed, stdout: closed, stderr: closed, directory: "/", args: []string{"echo", "x"}, version: "1", commands: probes()}
	if handled, err := a.askServer(t.Context(), socket); !handled || err != nil || a.status != exitDone {
		t.Errorf("askServer = %t, %v, status %d", handled, err, a.status)
	}
}

// The order is passed as a file in memory that nobody else can open.
func TestOrderIsAMemoryFile(t *testing.T) {
	a, b := socketPair(t)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	caller := &app{stdin: null, stdout: null, stderr: null, args: []string{"user", "passwd", "Jürgen"}, directory: "/tmp", version: "7"}
	if err := caller.sendOrder(a); err != nil {
		t.Fatal(err)
	}
	var hello greeting
	files, err := receivePacket(b, &hello)
	if err != nil || len(files) != packetFiles || hello != (greeting{controlProtocol, "7"}) {
		t.Fatalf("%+v with %d files, %v", hello, len(files), err)
	}
	defer closeAll(files)
	var what order
	if err := json.NewDecoder(files[3]).Decode(&what); err != nil || strings.Join(what.Args, " ") != "user passwd Jürgen" || what.Directory != "/tmp" {
		t.Errorf("order %+v, %v", what, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(files[3].Fd()), &st); err != nil || st.Nlink != 0 {
		t.Errorf("the order has %d names in a file system, %v", st.Nlink, err)
	}
}
