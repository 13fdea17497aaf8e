package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sieveConnect keeps scripts with Debian's sieve-connect, which believes the local authority: it checks, uploads, lists, activates, downloads
// and deletes. RFC 5804.
func (s *school) sieveConnect(t *testing.T) {
	program, err := exec.LookPath("sieve-connect")
	if err != nil {
		t.Skip("sieve-connect is not installed (Debian: sieve-connect)")
	}
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	// run gives orders in one session, because the program takes a second to start.
	run := func(works bool, orders ...string) string {
		t.Helper()
		write(t, path("orders"), strings.Join(orders, "\n")+"\n")
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		cmd := exec.CommandContext(ctx, program, "--nosrv", "--server", "localhost", "--port", s.ports["managesieve"], "--tlscafile", s.ca,
			"--noclearchan", "--user", "anna@school.test", "--passwordfd", "0", "--exec", path("orders"))
		cmd.Stdin = strings.NewReader(storyPassword + "\n")
		out, err := cmd.CombinedOutput()
		if (err == nil) != works {
			t.Fatalf("sieve-connect %q: %v\n%s", orders, err, out)
		}
		return string(out)
	}
	const text = "require [\"fileinto\", \"mailbox\"];\n# Grüße\nif header :contains \"subject\" \"trip\" { fileinto :create \"Trips\"; }\n"
	write(t, path("good.sieve"), text)
	write(t, path("bad.sieve"), "fly;\n")
	got := run(true, "checkscript "+path("good.sieve"), "put "+path("good.sieve")+" main", "echo uploaded", "list", "activate main", "echo activated", "list",
		"get main "+path("back.sieve"))
	_, lists, _ := strings.Cut(got, "uploaded")
	first, second, _ := strings.Cut(lists, "activated")
	if !strings.Contains(first, "\"main\"") || strings.Contains(first, "ACTIVE") || !strings.Contains(second, "\"main\" ACTIVE") {
		t.Errorf("the lists are %q, then %q; want main, then main, which is active", first, second)
	}
	if got, err := os.ReadFile(path("back.sieve")); err != nil || string(got) != text {
		t.Errorf("downloaded %q, %v, want %q", got, err, text)
	}
	if got := s.schulhof(t, "", "sieve", "show", "anna", "main"); got != text {
		t.Errorf("the program shows %q, want %q", got, text)
	}
	if got := run(false, "put "+path("bad.sieve")+" other"); !strings.Contains(got, "there is no command") {
		t.Errorf("what is wrong is told as %q", got)
	}
	if got := run(true, "deactivate", "delete main", "echo deleted", "list"); strings.Contains(got[strings.Index(got, "deleted"):], "main") {
		t.Errorf("list after deleting: %q", got)
	}
}
