package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

const (
	controlCommands = 16               // commands that run at once in the server; more wait
	controlGreeting = 10 * time.Second // until the caller has said what it wants
	orderLimit      = 8 << 20          // bytes of a command line
	pollInterval    = 250              // milliseconds between two looks whether the caller is still there
	pipeChunk       = 4096             // bytes that a pipe which polls as writable takes without waiting (PIPE_BUF)
)

// control runs commands for callers at the data folder's socket.
type control struct {
	rooms    *rooms
	version  string
	commands []func(*app) *cobra.Command
	slots    chan struct{} // capacity: controlCommands
}

// listenControl opens the socket in the data folder; what lies there is left over, for the folder's lock is ours.
func listenControl(dir string) (*net.UnixListener, error) {
	if err := os.Remove(filepath.Join(dir, controlSocket)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	address, folder, err := socketAddress(dir, controlSocket)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	defer folder.Close()
	ln, err := net.ListenUnix("unixpacket", address)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	ln.SetUnlinkOnClose(false) // its address is only valid now; the next start removes it
	if err := os.Chmod(filepath.Join(dir, controlSocket), 0o600); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

// Serve runs callers' commands until ctx ends, then ends them and waits.
func (c *control) Serve(ctx context.Context, ln *net.UnixListener) error {
	var calls sync.WaitGroup
	defer calls.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	context.AfterFunc(ctx, func() { ln.Close() })
	for {
		conn, err := ln.AcceptUnix()
		if err != nil && ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("control socket: %w", err)
		}
		calls.Go(func() {
			defer conn.Close()
			if err := c.call(ctx, conn); err != nil {
				c.rooms.Log.Warn("control: a caller was not served", "err", err)
			}
		})
	}
}

// call serves one caller.
func (c *control) call(ctx context.Context, conn *net.UnixConn) error {
	uid, err := peer(conn)
	if err != nil {
		return err
	}
	if uid != 0 && uid != os.Geteuid() {
		return fmt.Errorf("user %d may not give commands", uid)
	}
	conn.SetReadDeadline(time.Now().Add(controlGreeting))
	var hello greeting
	attached, err := receivePacket(conn, &hello)
	if err != nil {
		return err
	}
	defer closeAll(attached)
	if hello.Protocol != controlProtocol || hello.Version != c.version || len(attached) != packetFiles {
		return sendPacket(conn, question{Exit: exitRefused, Text: fmt.Sprintf(
			"the running server is version %s, this program %s: use the server's program, or restart the server", c.version, hello.Version)})
	}
	var what order
	if err := json.NewDecoder(io.LimitReader(attached[3], orderLimit)).Decode(&what); err != nil {
		return fmt.Errorf("command line: %w", err)
	}
	conn.SetReadDeadline(time.Time{})
	return sendPacket(conn, question{Exit: c.run(ctx, conn, what, attached)})
}

// run runs the command line of what in this process and returns its exit status. It ends early when the caller goes away.
func (c *control) run(ctx context.Context, conn *net.UnixConn, what order, streams []*os.File) (status int) {
	ctx, stop := context.WithCancel(ctx)
	var reader sync.WaitGroup
	defer reader.Wait()
	defer conn.CloseRead()
	defer stop()
	remote := &callerFiles{conn: conn, stdin: streams[0], answers: make(chan received), gone: ctx.Done()}
	reader.Go(func() { defer stop(); remote.read() })

	a := &app{
		stdin: &callerStream{streams[0], ctx.Done()}, stdout: &callerStream{streams[1], ctx.Done()}, stderr: &callerStream{streams[2], ctx.Done()},
		directory: what.Directory, files: remote, args: append([]string{}, what.Args...), version: c.version, commands: c.commands, inServer: c.rooms,
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return exitRefused
	}
	defer func() {
		if p := recover(); p != nil { // our bug, but no reason to take the mail away from everyone
			c.rooms.Log.Error("control: a command panicked", "panic", p, "stack", string(debug.Stack()))
			fmt.Fprintln(a.stderr, "schulhof: the command failed by a mistake of the program; the server's log says more")
			status = exitRefused
		}
	}()
	return a.execute(ctx)
}

// callerStream is a standard file of the caller. Reading and writing end when the caller is gone, though the file
// itself (a terminal, a pipe that nobody reads) would wait.
type callerStream struct {
	file *os.File
	gone <-chan struct{}
}

func (s *callerStream) wait(events int16) error {
	for {
		fds := []unix.PollFd{{Fd: int32(s.file.Fd()), Events: events}}
		n, err := unix.Poll(fds, pollInterval)
		select {
		case <-s.gone:
			return context.Canceled
		default:
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for the caller: %w", err)
		}
		if n > 0 {
			return nil
		}
	}
}

// Read implements io.Reader.
func (s *callerStream) Read(b []byte) (int, error) {
	if err := s.wait(unix.POLLIN); err != nil {
		return 0, err
	}
	return s.file.Read(b)
}

// Write implements io.Writer.
func (s *callerStream) Write(b []byte) (written int, err error) {
	for len(b) > 0 {
		if err := s.wait(unix.POLLOUT); err != nil {
			return written, err
		}
		n, err := s.file.Write(b[:min(len(b), pipeChunk)])
		written += n
		if err != nil {
			return written, err
		}
		b = b[n:]
	}
	return written, nil
}

// Stat tells what kind of file it is.
func (s *callerStream) Stat() (os.FileInfo, error) { return s.file.Stat() }

// callerFiles asks the caller for its files.
type callerFiles struct {
	conn    *net.UnixConn
	stdin   *os.File
	answers chan received
	gone    <-chan struct{}
	mu      sync.Mutex // one question at a time
}

type received struct {
	answer answer
	files  []*os.File
}

// read takes the caller's packets until it goes away.
func (c *callerFiles) read() {
	for {
		var r received
		var err error
		if r.files, err = receivePacket(c.conn, &r.answer); err != nil {
			return
		}
		select {
		case c.answers <- r:
		case <-c.gone:
			closeAll(r.files)
			return
		}
	}
}

func (c *callerFiles) ask(q question) (*os.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := sendPacket(c.conn, q); err != nil {
		return nil, err
	}
	select {
	case r := <-c.answers:
		if err := r.answer.err(q.Ask, filepath.Join(q.Path, q.Name)); err != nil || len(r.files) != 1 {
			closeAll(r.files)
			return nil, errors.Join(err)
		}
		return r.files[0], nil
	case <-c.gone:
		return nil, context.Canceled
	}
}

// Open implements files.
func (c *callerFiles) Open(path string) (*os.File, error) {
	if path == "-" {
		return c.stdin, nil
	}
	return c.ask(question{Ask: "open", Path: path})
}

// Create implements files.
func (c *callerFiles) Create(path string) (*os.File, error) {
	return c.ask(question{Ask: "create", Path: path})
}

// Tree implements files.
func (c *callerFiles) Tree(path string) (fs.FS, error) {
	f, err := c.ask(question{Ask: "tree", Path: path, Name: "."})
	if err != nil {
		return nil, err
	}
	return callerTree{c, path}, f.Close()
}

type callerTree struct {
	files *callerFiles
	path  string
}

// Open implements fs.FS.
func (t callerTree) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	f, err := t.files.ask(question{Ask: "tree", Path: t.path, Name: name})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// NewDir implements files.
func (c *callerFiles) NewDir(path string) (string, func() error, error) {
	dir, err := c.ask(question{Ask: "newdir", Path: path})
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d", dir.Fd()), dir.Close, nil
}
