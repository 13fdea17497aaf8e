package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"schulhof/config"
	"schulhof/store"
	"schulhof/store/fault"
)

var errReady = errors.New("it was ready")

// serveUntilReady starts a server in this process and stops it as soon as it is ready: errReady.
func serveUntilReady(t *testing.T, c *config.Config) error {
	t.Helper()
	return (&app{version: "1", commands: commands(), hash: cheapHash()}).serve(t.Context(), c, slog.New(slog.DiscardHandler), func(context.Context, *rooms) error { return errReady })
}

// What keeps a server from starting is told, and leaves the data free for the next try.
func TestServeRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		harm func(t *testing.T, c *config.Config) (mend func() error)
		kind fault.Kind
		text string
	}{
		{"another server has the data", func(t *testing.T, c *config.Config) func() error {
			return openSchool(t, c).Close
		}, fault.InUse, "another process"},
		{"a database of a newer program", func(t *testing.T, c *config.Config) func() error {
			edit := func(query string) error {
				r, err := openRooms(t.Context(), c, quiet())
				if err != nil {
					return err
				}
				return errors.Join(r.Store.Write(t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(query); return err }), r.Close())
			}
			if err := edit(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`); err != nil {
				t.Fatal(err)
			}
			return nil
		}, fault.Refused, "use a newer program"},
		{"no data folder", func(t *testing.T, c *config.Config) func() error {
			old := c.Server.Data
			c.Server.Data = filepath.Join(old, "none")
			return func() error { c.Server.Data = old; return nil }
		}, fault.Internal, "no such file or directory"},
		{"a folder where the control socket belongs", func(t *testing.T, c *config.Config) func() error {
			path := filepath.Join(c.Server.Data, controlSocket)
			if err := os.MkdirAll(filepath.Join(path, "full"), 0o700); err != nil {
				t.Fatal(err)
			}
			return func() error { return os.RemoveAll(path) }
		}, fault.Internal, "control socket"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newSchool(t)
			mend := tt.harm(t, c)
			if err := serveUntilReady(t, c); err == nil || errors.Is(err, errReady) || fault.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("serve = %v, want %v with %q", err, tt.kind, tt.text)
			}
			if mend == nil {
				return
			}
			if err := mend(); err != nil {
				t.Fatal(err)
			}
			if err := serveUntilReady(t, c); !errors.Is(err, errReady) {
				t.Errorf("when that was mended, serve = %v", err)
			}
		})
	}
}

// While a server runs, commands go to it; when it has gone, they find the data free. Its socket stays behind and does not matter.
func TestCommandsFindTheServer(t *testing.T) {
	k := newConsole(t, false)
	c, err := config.Load(k.c.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Listen.Services() {
		*s.Addresses = nil
	}
	for round := range 2 {
		ctx, stop := context.WithCancel(t.Context())
		ready, ended := make(chan *rooms, 1), make(chan error, 1)
		go func() {
			a := &app{version: "1", commands: commands(), hash: cheapHash()}
			ended <- a.serve(ctx, c, slog.New(slog.DiscardHandler), func(_ context.Context, r *rooms) error { ready <- r; return nil })
		}()
		r := <-ready
		name := fmt.Sprintf("anna%d", round)
		if status, _, stderr := k.run(t, "", "user", "add", name, "--role", "student"); status != 0 {
			t.Fatal(stderr)
		}
		if _, err := r.Directory.AccountByAddress(t.Context(), name); err != nil { // the server's memory has it at once
			t.Errorf("the running server does not know %s: %v", name, err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Fatalf("serve = %v", err)
		}
		if status, stdout, stderr := k.run(t, "", "user", "show", name, "--json"); status != 0 || !strings.Contains(stdout, name) {
			t.Errorf("after the server's end: %d, %s%s", status, stdout, stderr)
		}
		if _, err := os.Stat(filepath.Join(k.c.Server.Data, controlSocket)); err != nil {
			t.Errorf("the next round should find a left-over socket: %v", err)
		}
	}
}

// leavingFiles are those of a caller that goes away when one is opened.
type leavingFiles struct {
	localFiles
	leave context.CancelFunc
}

// Open implements files.
func (l *leavingFiles) Open(path string) (*os.File, error) {
	f, err := l.localFiles.Open(path)
	l.leave()
	return f, err
}

// A caller that goes away during a long import ends it within the server; started again, it goes on, and nothing comes twice.
func TestImportEndsWithItsCaller(t *testing.T) {
	const letters = 40 * importBatch
	k := newConsole(t, true)
	if status, _, stderr := k.run(t, "", "user", "add", "anna", "--role", "student"); status != 0 {
		t.Fatal(stderr)
	}
	var box strings.Builder
	for n := range letters {
		fmt.Fprintf(&box, "From x Mon Jan  5 08:00:00 2026\nSubject: %d\n\n%s\n\n", n, strings.Repeat("text ", 200))
	}
	if err := os.WriteFile(filepath.Join(k.dir, "box.mbox"), []byte(box.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	watched := &leavingFiles{localFiles{k.dir}, leave} // the caller goes when the server asks for the file
	a := &app{
		stdin: null, stdout: null, stderr: null, directory: k.dir, files: watched, program: "schulhof",
		args: []string{"import", "mail", "--user", "anna", "box.mbox", "--config", k.c.Path}, version: "1", commands: commands(),
	}
	if status := a.execute(ctx); status != exitRefused {
		t.Errorf("the import of a caller that left = %d", status)
	}
	status, stdout, stderr := k.run(t, "", "import", "mail", "--user", "anna", "box.mbox", "--json")
	var imported, present int
	for _, line := range strings.Split(stdout, "\n") {
		fmt.Sscanf(strings.TrimSpace(line), `"imported": %d`, &imported)
		fmt.Sscanf(strings.TrimSpace(line), `"present": %d`, &present)
	}
	if status != 0 || imported+present != letters {
		t.Errorf("the second import = %d: %d imported, %d present of %d; %s", status, imported, present, letters, stderr)
	}
	if status, stdout, _ := k.run(t, "", "user", "show", "anna", "--json"); status != 0 || !strings.Contains(stdout, fmt.Sprintf(`"used_messages": %d`, letters)) {
		t.Errorf("anna has not %d messages: %s", letters, stdout)
	}
}
