package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// probes are commands that show what a command can do from within the server.
func probes() []func(*app) *cobra.Command {
	leaf := func(use string, fn func(a *app, ctx context.Context, args []string) error) func(*app) *cobra.Command {
		return func(a *app) *cobra.Command {
			return &cobra.Command{Use: use, RunE: a.withRooms(func(ctx context.Context, r *rooms, args []string) error {
				if r.Log == nil {
					return fmt.Errorf("not in the server")
				}
				return fn(a, ctx, args)
			})}
		}
	}
	return []func(*app) *cobra.Command{
		leaf("echo", func(a *app, _ context.Context, args []string) error {
			_, err := io.Copy(a.stdout, a.stdin)
			fmt.Fprintln(a.stderr, strings.Join(args, "|"), filepath.Base(a.directory))
			return err
		}),
		leaf("cat", func(a *app, _ context.Context, args []string) error {
			f, err := a.files.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(a.stdout, f)
			return err
		}),
		leaf("steal", func(a *app, _ context.Context, args []string) error {
			_, err := a.files.Open("/etc/passwd")
			return err
		}),
		leaf("tree", func(a *app, _ context.Context, args []string) error {
			tree, err := a.files.Tree(args[0])
			if err != nil {
				return err
			}
			return fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
				fmt.Fprintln(a.stdout, path, d.IsDir())
				return err
			})
		}),
		leaf("make", func(a *app, _ context.Context, args []string) error {
			dir, done, err := a.files.NewDir(args[0])
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, "made"), []byte("x"), 0o600); err != nil {
				return err
			}
			return done()
		}),
		leaf("wait", func(a *app, ctx context.Context, _ []string) error {
			fmt.Fprintln(a.stdout, "waiting")
			<-ctx.Done()
			return ctx.Err()
		}),
		leaf("panic", func(*app, context.Context, []string) error { panic("a probe's panic") }),
		leaf("refuse", func(*app, context.Context, []string) error { return fmt.Errorf("the rule says no") }),
	}
}

// call runs args in the server behind socket, as a caller whose working directory is dir.
func call(t *testing.T, ctx context.Context, socket, dir, version, stdin string, args ...string) (status int, stdout, stderr string, err error) {
	t.Helper()
	file := func(name, content string) *os.File {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	in, out, errs := file("in", stdin), file("out", ""), file("err", "")
	a := &app{stdin: in, stdout: out, stderr: errs, directory: dir, files: localFiles{dir}, args: args, version: version, commands: probes()}
	handled, err := a.askServer(ctx, socket)
	if !handled && err == nil {
		t.Fatal("no server listens")
	}
	read := func(f *os.File) string {
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	return a.status, read(out), read(errs), err
}

// serveControl starts a control socket with the probes; its log goes to the returned reader's lines.
func serveControl(t *testing.T) (socket string) {
	t.Helper()
	// Deeper than the 107 bytes of a socket address.
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep", 20), strings.Repeat("deeper", 10))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	ln, err := listenControl(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := &control{rooms: &rooms{Log: slog.New(slog.DiscardHandler)}, version: "1", commands: probes(), slots: make(chan struct{}, controlCommands)}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- c.Serve(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
	return filepath.Join(dir, controlSocket)
}

func TestCommandsRunInTheServer(t *testing.T) {
	socket := serveControl(t)
	dir := t.TempDir()
	for name, text := range map[string]string{"file": "content of the file", "tree/a/b": "1", "tree/c": "2", "full/x": ""} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	base := filepath.Base(dir)
	long := strings.Repeat("x", 300_000) // more than a packet holds
	tests := []struct {
		name           string
		args           []string
		stdin          string
		status         int
		stdout, stderr string
	}{
		{"standard files, arguments and directory are the caller's", []string{"echo", "a", "b c"}, "hello", 0, "hello", "a|b c " + base + "\n"},
		{"a command line longer than a packet", []string{"echo", long}, "", 0, "", long + " " + base + "\n"},
		{"a file named relative to the caller's directory", []string{"cat", "file"}, "", 0, "content of the file", ""},
		{"standard input by name", []string{"cat", "-"}, "from stdin", 0, "from stdin", ""},
		{"a file that does not exist", []string{"cat", "none"}, "", 1, "", "schulhof cat: open none: no such file or directory\n"},
		{"a file that the command line does not name", []string{"steal"}, "", 1, "", "schulhof steal: /etc/passwd is not on the command line\n"},
		{"a folder", []string{"tree", "tree"}, "", 0, ". true\na true\na/b false\nc false\n", ""},
		{"a new folder", []string{"make", "fresh/new"}, "", 0, "", ""},
		{"a folder that is not empty", []string{"make", "full"}, "", 1, "", "schulhof make: new folder: " + dir + "/full is not empty\n"},
		{"a refusal", []string{"refuse"}, "", 1, "", "schulhof refuse: the rule says no\n"},
		{"wrong usage", []string{"refuse", "--flag"}, "", 2, "", "schulhof refuse: unknown flag: --flag\nUsage: schulhof refuse [flags]\n\"schulhof refuse --help\" says more.\n"},
		{"a mistake of the program", []string{"panic"}, "", 1, "", "schulhof: the command failed by a mistake of the program; the server's log says more\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr, err := call(t, t.Context(), socket, dir, "1", tt.stdin, tt.args...)
			if err != nil || status != tt.status || stdout != tt.stdout || stderr != tt.stderr {
				t.Errorf("%v = %d, stdout %q, stderr %q, %v; want %d, %q, %q", tt.args, status, stdout, stderr, err, tt.status, tt.stdout, tt.stderr)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "fresh/new/made")); err != nil {
		t.Errorf("the file made in the caller's new folder: %v", err)
	}
}

func TestControlRefusesAnotherVersion(t *testing.T) {
	socket := serveControl(t)
	_, _, _, err := call(t, t.Context(), socket, t.TempDir(), "2", "", "echo")
	if err == nil || !strings.Contains(err.Error(), "the running server is version 1, this program 2") {
		t.Errorf("a caller of version 2 = %v, want a refusal that names both versions", err)
	}
}

func TestCommandEndsWithItsCaller(t *testing.T) {
	socket := serveControl(t) // its Cleanup waits for every command
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		bufio.NewReader(out).ReadString('\n')
		leave()
	}()
	a := &app{stdin: in, stdout: in, stderr: in, directory: "/", args: []string{"wait"}, version: "1", commands: probes()}
	if _, err := a.askServer(ctx, socket); err != context.Canceled {
		t.Errorf("a caller that left got %v, want context.Canceled", err)
	}
	in.Close()
}

func TestNoServer(t *testing.T) {
	dir := t.TempDir()
	a := &app{version: "1"}
	for name, socket := range map[string]string{
		"no socket": filepath.Join(dir, controlSocket), "no folder": filepath.Join(dir, "none", controlSocket),
	} {
		if handled, err := a.askServer(t.Context(), socket); handled || err != nil {
			t.Errorf("%s: askServer = %v, %v, want false", name, handled, err)
		}
	}
	ln, err := listenControl(dir)
	if err != nil {
		t.Fatal(err)
	}
	ln.Close() // the socket of a server that crashed lies there still
	if handled, err := a.askServer(t.Context(), filepath.Join(dir, controlSocket)); handled || err != nil {
		t.Errorf("a socket that nobody listens on: askServer = %v, %v, want false", handled, err)
	}
	if info, err := os.Stat(filepath.Join(dir, controlSocket)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("control socket: mode %v, %v, want 0600", info.Mode(), err)
	}
}
