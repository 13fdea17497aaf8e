package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A server asks for files by name; a caller with more rights than the server must not become its tool.
func TestNamed(t *testing.T) {
	tests := []struct {
		name string
		args []string
		path string
		want bool
	}{
		{"an argument", []string{"import", "mail", "box.mbox"}, "box.mbox", true},
		{"the value of a flag behind =", []string{"import", "--file=box.mbox"}, "box.mbox", true},
		{"the value of a flag as its own argument", []string{"import", "--file", "box.mbox"}, "box.mbox", true},
		{"not written there", []string{"import", "box.mbox"}, "/etc/shadow", false},
		{"beneath an argument is asked for as a tree", []string{"import", "dir"}, "dir/file", false},
		{"a part of an argument", []string{"import", "a=b"}, "b", false},
		{"the same file by another name", []string{"import", "box.mbox"}, "./box.mbox", false},
		{"no name", []string{"import", "--file="}, "", false},
		{"nothing at all", nil, "x", false},
	}
	for _, tt := range tests {
		a := &app{args: tt.args}
		if got := a.named(tt.path); got != tt.want {
			t.Errorf("%s: %q named by %q = %t, want %t", tt.name, tt.path, tt.args, got, tt.want)
		}
	}
}

func TestCallerAnswers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"secret", "tree/inside"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"tree/out": "../secret", "tree/in": "inside"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	a := &app{args: []string{"x", "tree", "new", "secret", "none"}, directory: dir, files: localFiles{dir}}
	tests := []struct {
		name     string
		question question
		want     string // the content of the file; "" when there is none to read
		err      string
	}{
		{"a file", question{Ask: "open", Path: "secret"}, "secret", ""},
		{"a file beneath a folder", question{Ask: "tree", Path: "tree", Name: "inside"}, "tree/inside", ""},
		{"a link that stays inside", question{Ask: "tree", Path: "tree", Name: "in"}, "tree/inside", ""},
		{"a link that leads out", question{Ask: "tree", Path: "tree", Name: "out"}, "", "escapes"},
		{"a name that leads out", question{Ask: "tree", Path: "tree", Name: "../secret"}, "", "invalid"},
		{"a tree that is a file", question{Ask: "tree", Path: "secret", Name: "."}, "", "not a directory"},
		{"no such file", question{Ask: "open", Path: "none"}, "", "no such file"},
		{"a new file", question{Ask: "create", Path: "new"}, "", ""},
		{"a new file that exists", question{Ask: "create", Path: "secret"}, "", "file exists"},
		{"a new folder where a file is", question{Ask: "newdir", Path: "secret"}, "", "not a directory"},
		{"a folder that is not empty", question{Ask: "newdir", Path: "tree"}, "", "is not empty"},
		{"a question of a later version", question{Ask: "remove", Path: "secret"}, "", `unknown question "remove"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := a.answer(tt.question, os.Geteuid())
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("answer = %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if content, err := io.ReadAll(f); tt.want != "" && (err != nil || string(content) != tt.want) {
				t.Errorf("the file holds %q, %v, want %q", content, err, tt.want)
			}
		})
	}
	if info, err := os.Stat(filepath.Join(dir, "new")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a created file: %v, %v, want mode 0600", info, err)
	}
}

// socketPair is both ends of a control connection.
func socketPair(t *testing.T) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ends := make([]*net.UnixConn, 2)
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socket")
		conn, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = conn.(*net.UnixConn)
		t.Cleanup(func() { conn.Close() })
	}
	return ends[0], ends[1]
}

func TestPackets(t *testing.T) {
	a, b := socketPair(t)
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("attached"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := sendPacket(a, question{Ask: "open", Path: "Übung"}, f); err != nil {
		t.Fatal(err)
	}
	var q question
	attached, err := receivePacket(b, &q)
	if err != nil || q.Ask != "open" || q.Path != "Übung" || len(attached) != 1 {
		t.Fatalf("received %+v with %d files, %v", q, len(attached), err)
	}
	defer closeAll(attached)
	if content, err := io.ReadAll(attached[0]); err != nil || string(content) != "attached" {
		t.Errorf("the attached file holds %q, %v", content, err)
	}
	if uid, err := peer(b); err != nil || uid != os.Geteuid() {
		t.Errorf("peer = %d, %v, want %d", uid, err, os.Geteuid())
	}

	if _, err := a.Write([]byte("no JSON")); err != nil {
		t.Fatal(err)
	}
	if _, err := receivePacket(b, &q); err == nil {
		t.Error("a packet that is no JSON was taken")
	}
	if _, err := a.Write(bytes.Repeat([]byte(" "), packetLimit+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := receivePacket(b, &q); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("a packet beyond the limit = %v, want an error", err)
	}
	if err := sendPacket(a, question{}, f, f, f, f, f, f); err != nil {
		t.Fatal(err)
	}
	if _, err := receivePacket(b, &q); err == nil {
		t.Error("a packet with too many files was taken")
	}
	a.Close()
	if _, err := receivePacket(b, &q); err == nil {
		t.Error("a closed connection gave a packet")
	}
}

func TestErrorsKeepTheirMeaningOnTheWay(t *testing.T) {
	_, notExist := os.Open("/none/at/all")
	tests := []struct {
		err  error
		is   error
		text string
	}{
		{notExist, fs.ErrNotExist, "open box: no such file or directory"},
		{fmt.Errorf("outer: %w", &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}), fs.ErrPermission, "open box: permission denied"},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EEXIST}, fs.ErrExist, "open box: file exists"},
		{errors.New("it is not empty"), nil, "it is not empty"},
	}
	for _, tt := range tests {
		got := answerError(tt.err).err("open", "box")
		if got == nil || got.Error() != tt.text || tt.is != nil && !errors.Is(got, tt.is) {
			t.Errorf("%v arrives as %v, want %q (%v)", tt.err, got, tt.text, tt.is)
		}
	}
	if err := (answer{}).err("open", "box"); err != nil {
		t.Errorf("no error arrives as %v", err)
	}
}

// What a server reads from a terminal that stays silent, or writes into a pipe that nobody reads, must not outlive the caller.
func TestCallerStreamsEndWithTheCaller(t *testing.T) {
	silent, keep, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	defer keep.Close()
	ctx, leave := context.WithCancel(t.Context())
	in := &callerStream{silent, ctx.Done()}
	ended := make(chan error)
	go func() {
		_, err := in.Read(make([]byte, 1))
		ended <- err
	}()
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Read from a silent caller who left = %v", err)
	}

	full, unread, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	defer unread.Close()
	ctx, leave = context.WithCancel(t.Context())
	out := &callerStream{unread, ctx.Done()}
	go func() {
		_, err := out.Write(make([]byte, 1<<20)) // more than a pipe holds
		ended <- err
	}()
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Write to a full pipe of a caller who left = %v", err)
	}
}

func TestCallerStreamCarriesMuch(t *testing.T) {
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	want := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	written := make(chan error)
	go func() {
		_, err := (&callerStream{in, nil}).Write(want)
		written <- errors.Join(err, in.Close())
	}()
	got, err := io.ReadAll(&callerStream{out, nil})
	if err := errors.Join(err, <-written); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes came through, %v", len(got), len(want), err)
	}
	if _, err := (&callerStream{out, nil}).Stat(); err != nil {
		t.Errorf("Stat = %v", err)
	}
}

func TestLocalFiles(t *testing.T) {
	dir := t.TempDir()
	l := localFiles{dir}
	f, err := l.Create("new")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("text"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := l.Create(filepath.Join(dir, "new")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create of a file that exists = %v, want fs.ErrExist", err)
	}
	f, err = l.Open("new")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if text, err := io.ReadAll(f); err != nil || string(text) != "text" {
		t.Errorf("Open reads %q, %v", text, err)
	}
	if f, err := l.Open("-"); err != nil || f != os.Stdin {
		t.Errorf(`Open("-") = %v, %v, want standard input`, f, err)
	}
	for range 2 { // the second time it exists and is empty
		local, done, err := l.NewDir("a/b")
		if err != nil || local != filepath.Join(dir, "a/b") || done() != nil {
			t.Errorf("NewDir = %q, %v", local, err)
		}
	}
	tree, err := l.Tree(".")
	if err != nil {
		t.Fatal(err)
	}
	if matches, err := fs.Glob(tree, "*"); err != nil || len(matches) != 2 {
		t.Errorf("Tree holds %q, %v, want a and new", matches, err)
	}
	if _, err := l.Tree("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Tree of no folder = %v, want fs.ErrNotExist", err)
	}
}
