package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestOtherPeoplesFileClients uses the files of a running school with programs that others wrote. SCHULHOF_E2E=1: rclone
// copies 2,000 files instead of 60.
func TestOtherPeoplesFileClients(t *testing.T) {
	t.Parallel()
	s := startSchool(t, "security.allow_plaintext_auth=loopback")
	t.Run("litmus passes every test of every group", s.litmus)
	t.Run("rclone copies a tree with odd names both ways", s.rclone)
	t.Run("cadaver", s.cadaver)
	t.Run("davfs2", s.davfs)
}

// litmus is WebDAV's own test program. Over TLS it leaves one test out, so it is run both ways.
func (s *school) litmus(t *testing.T) {
	if _, err := exec.LookPath("litmus"); err != nil {
		t.Skip("litmus is not installed")
	}
	s.litmusAt(t, "https://localhost:"+s.ports["https"], "FAIL", "WARNING")
	s.litmusAt(t, "http://localhost:"+s.ports["http"], "FAIL", "WARNING", "SKIPPED")
}

// litmusAt fails when litmus says one of the unwanted words, or did not run and pass every test.
func (s *school) litmusAt(t *testing.T, server string, unwanted ...string) {
	t.Helper()
	cmd := exec.Command("litmus", "-k", server+"/webdav/Files/", "anna", storyPassword)
	cmd.Dir = t.TempDir() // it writes debug.log
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+s.ca)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("litmus: %v\n%s", err, out)
	}
	groups := regexp.MustCompile("<- summary for `([a-z]+)': of ([0-9]+) tests run: ([0-9]+) passed, ([0-9]+) failed").FindAllSubmatch(out, -1)
	var names []string
	for _, g := range groups {
		names = append(names, string(g[1]))
		if !bytes.Equal(g[2], g[3]) || string(g[4]) != "0" {
			t.Errorf("%s: %s tests, %s passed, %s failed", g[1], g[2], g[3], g[4])
		}
	}
	if got, want := strings.Join(names, " "), "basic copymove props locks http"; got != want {
		t.Errorf("litmus ran %q, want %q", got, want)
	}
	for _, word := range unwanted {
		if bytes.Contains(out, []byte(word)) {
			t.Errorf("litmus says %s", word)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}

// rclone copies a tree to the server and back, and compares both with what was there.
func (s *school) rclone(t *testing.T) {
	if _, err := exec.LookPath("rclone"); err != nil {
		t.Skip("rclone is not installed")
	}
	here, back := filepath.Join(t.TempDir(), "here"), filepath.Join(t.TempDir(), "back")
	n := 60
	if os.Getenv(longVariable) != "" {
		n = 2000
	}
	oddTree(t, here, n)
	obscured := strings.TrimSpace(tool(t, "rclone", "obscure", storyPassword))
	settings := filepath.Join(t.TempDir(), "rclone.conf")
	write(t, settings, fmt.Sprintf("[school]\ntype = webdav\nurl = https://localhost:%s/webdav/Files/\nvendor = other\nuser = ben\npass = %s\n", s.ports["https"], obscured))
	run := func(args ...string) string {
		t.Helper()
		return tool(t, "rclone", append([]string{"--config", settings, "--ca-cert", s.ca, "--retries", "1", "--low-level-retries", "1", "--transfers", "8"}, args...)...)
	}
	run("copy", here, "school:tree", "--create-empty-src-dirs")
	run("check", "--download", here, "school:tree")
	run("copy", "school:tree", back, "--create-empty-src-dirs")
	run("check", "--download", here, back)
	if got, want := countFiles(t, back), countFiles(t, here); got != want || want < n {
		t.Errorf("%d files came back, want %d", got, want)
	}
	run("moveto", "school:tree", "school:moved")
	run("check", "--download", here, "school:moved")
	run("purge", "school:moved")
	if left := strings.TrimSpace(run("lsf", "school:")); left != "" {
		t.Errorf("after the purge there is %q", left)
	}
}

// oddTree makes n files in folders, with names that have hurt other servers.
func oddTree(t *testing.T, dir string, n int) {
	t.Helper()
	odd := []string{"Grüße", "ñ e\u0301", "日本語", "emoji 🎒", "a b", " leading", "trailing ", "dot.", "..x", "CON", "aux.txt", "100%", "%41", "a+b", "a&b", "a#b",
		"a?b", "a;b=c", "a'b\"c", "<tag>", "[x]{y}", "~tilde", "$HOME", "a,b", "a:b|c*d", "ß", "İı", strings.Repeat("l", 200), ".hidden", "._double", "-rf", "ﬁ"}
	for i := range n {
		folder := filepath.Join(dir, odd[(i/7)%len(odd)], fmt.Sprintf("%d", i%5))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(folder, fmt.Sprintf("%s %d", odd[i%len(odd)], i)), strings.Repeat(fmt.Sprintf("file %d\n", i), i%300))
	}
	for _, name := range []string{"leer/ganz leer", "Bilder", "bilder"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"A.txt", "a.txt", "Bilder/1", "bilder/1", "Straße", "STRASSE"} { // names that are one elsewhere
		write(t, filepath.Join(dir, name), name)
	}
}

func countFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// cadaver is the command-line client: it makes, locks, sets a property, copies, moves and removes.
func (s *school) cadaver(t *testing.T) {
	if _, err := exec.LookPath("cadaver"); err != nil {
		t.Skip("cadaver is not installed")
	}
	home := t.TempDir()
	write(t, filepath.Join(home, ".netrc"), "machine localhost\nlogin tina\npassword "+storyPassword+"\n")
	write(t, filepath.Join(home, "brief.txt"), "Liebe Eltern\n")
	commands := []string{
		"mkcol Briefe", "cd Briefe", "put brief.txt", "lock brief.txt", "discover brief.txt", "propset brief.txt stand fertig", "propget brief.txt stand",
		"unlock brief.txt", "copy brief.txt zwei.txt", "move zwei.txt drei.txt", "get drei.txt " + filepath.Join(home, "drei.txt"), "ls", "delete brief.txt",
		"cd ..", "rmcol Briefe", "quit",
	}
	cmd := exec.Command("cadaver", "http://localhost:"+s.ports["http"]+"/webdav/Files/") // Debian's takes no authority of one's own
	cmd.Dir = home
	cmd.Env = append(os.Environ(), "HOME="+home)
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("cadaver: %v\n%s", err, out)
	}
	for _, unwanted := range []string{"failed", "Failed", "error", "not supported", "Could not"} {
		if bytes.Contains(out, []byte(unwanted)) {
			t.Errorf("cadaver says %q\n%s", unwanted, out)
		}
	}
	if got := string(out); !strings.Contains(got, "fertig") {
		t.Errorf("the property did not come back\n%s", got)
	}
	if b, err := os.ReadFile(filepath.Join(home, "drei.txt")); err != nil || string(b) != "Liebe Eltern\n" {
		t.Errorf("the copy is %q, %v", b, err)
	}
}
