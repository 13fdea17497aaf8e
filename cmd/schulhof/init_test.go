package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"schulhof/config"
)

// initIn runs init in a new folder and returns it with what happened.
func initIn(t *testing.T, flags ...string) (dir string, status int, stdout, stderr string) {
	t.Helper()
	dir = t.TempDir()
	status, stdout, stderr = runHere(t, dir, append([]string{"init", "--data", "data"}, flags...)...)
	return filepath.Join(dir, "data"), status, stdout, stderr
}

// A new server is whole and closed to others: what lies there, with which rights, and what is told.
func TestInitMakesAWholeServer(t *testing.T) {
	dir, status, stdout, stderr := initIn(t, "--domain", "school.test", "--json")
	if status != 0 || stderr != "" || jsonKeys(t, stdout) != "ca config data domain hostname" {
		t.Fatalf("init = %d, %s%s", status, stdout, stderr)
	}
	var doc map[string]string
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil || doc["hostname"] != "mail.school.test" || doc["data"] != dir {
		t.Errorf("init told %v, %v", doc, err)
	}
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if name, _ := filepath.Rel(dir, path); !d.IsDir() {
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{settingsFile, "schulhof.db", "tls/ca.pem", "tls/ca.key", "tls/server.pem", "tls/server.key"} {
		if !slices.Contains(files, want) {
			t.Errorf("no %s among %q", want, files)
		}
	}
	keys, err := filepath.Glob(filepath.Join(dir, "dkim", "school.test", "*.key"))
	if err != nil || len(keys) != 2 {
		t.Errorf("DKIM keys %q, %v, want two", keys, err)
	}
	if stray, err := filepath.Glob(filepath.Join(dir, "*", ".*-*")); err != nil || len(stray) != 0 {
		t.Errorf("left behind: %q, %v", stray, err)
	}
	c, err := config.Load(filepath.Join(dir, settingsFile))
	if err != nil {
		t.Fatal(err)
	}
	if _, out, _ := runHere(t, dir, "init", "--data", "x", "--domain", "school.test"); !strings.Contains(out, "schulhof serve --config ") || !strings.Contains(out, "ca.pem") {
		t.Errorf("init does not say what comes next: %s", out)
	}
	r := openSchool(t, c)
	if domains, err := r.Directory.Domains(t.Context()); err != nil || !slices.Equal(domains, []string{"school.test"}) {
		t.Errorf("domains %q, %v", domains, err)
	}
}

// The settings file has every listener and path, each with its description above it, and means what was asked for.
func TestInitWritesTheSettings(t *testing.T) {
	tests := []struct {
		name  string
		flags []string
		check func(c *config.Config) bool
	}{
		{"standard ports on all addresses", nil, func(c *config.Config) bool {
			return c.Listen.SMTP[0] == ":25" && c.Listen.IMAPS[0] == ":993" && c.Listen.LMTP[0] == "127.0.0.1:24" && c.Listen.Metrics[0] == "127.0.0.1:9090"
		}},
		{"a port base", []string{"--port-base", "20000"}, func(c *config.Config) bool {
			return c.Listen.SMTP[0] == ":20025" && c.Listen.HTTPS[0] == ":20443" && c.Listen.Metrics[0] == "127.0.0.1:29090"
		}},
		{"one address", []string{"--listen", "192.0.2.1"}, func(c *config.Config) bool {
			return c.Listen.IMAP[0] == "192.0.2.1:143" && c.Listen.LMTP[0] == "127.0.0.1:24"
		}},
		{"an IPv6 address", []string{"--listen", "::1"}, func(c *config.Config) bool {
			return c.Listen.IMAP[0] == "[::1]:143" && c.Listen.LMTP[0] == "[::1]:24"
		}},
		{"a host name", []string{"--hostname", "post.school.test"}, func(c *config.Config) bool { return c.Server.Hostname == "post.school.test" }},
		{"an international host name", []string{"--hostname", "post.grundschule-münchen.test"}, func(c *config.Config) bool {
			return c.Server.Hostname == "post.xn--grundschule-mnchen-y6b.test"
		}},
		{"settings", []string{"--set", "mail.max_size=10MiB", "--set", "quota.student=2GiB", "--set", "log.format=json", "--set", "retention.deleted_accounts=720h"}, func(c *config.Config) bool {
			return c.Mail.MaxSize == 10<<20 && c.Quota.Student == 2<<30 && c.Log.Format == "json" && c.Retention.DeletedAccounts.Hours() == 720
		}},
		{"a list", []string{"--set", "listen.imap=127.0.0.1:1143,[::1]:1143", "--set", "security.allowlist=192.0.2.0/24"}, func(c *config.Config) bool {
			return slices.Equal(c.Listen.IMAP, []string{"127.0.0.1:1143", "[::1]:1143"}) && len(c.Security.Networks()) == 1
		}},
		{"a service turned off", []string{"--set", "listen.http="}, func(c *config.Config) bool { return len(c.Listen.HTTP) == 0 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir, status, _, stderr := initIn(t, append([]string{"--domain", "school.test"}, tt.flags...)...)
			if status != 0 {
				t.Fatalf("init = %d, %s", status, stderr)
			}
			path := filepath.Join(dir, settingsFile)
			c, err := config.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if !tt.check(c) || c.Server.Data != dir {
				t.Errorf("the settings mean %+v", c)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for section, keys := range c.Map() {
				if !strings.Contains(string(text), "\n["+section+"]\n") {
					t.Errorf("no section %s", section)
				}
				for key := range keys {
					_, before, found := strings.Cut(string(text), "\n"+key+" = ")
					if !found || before == "" {
						t.Errorf("no key %s.%s", section, key)
					}
				}
			}
			lines := strings.Split(string(text), "\n")
			for i, line := range lines {
				if strings.Contains(line, " = ") && !strings.HasPrefix(line, "#") && !strings.HasPrefix(lines[i-1], "#") {
					t.Errorf("%q has no description above it", line)
				}
			}
		})
	}
}

// init never touches what is there already.
func TestInitRefusesWhatIsThere(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(path string) error
		reason  string
	}{
		{"a file in the folder", func(path string) error { return writeIn(path, "letter.txt") }, "data is not empty"},
		{"a hidden file", func(path string) error { return writeIn(path, ".keep") }, "data is not empty"},
		{"a folder in it", func(path string) error { return os.MkdirAll(filepath.Join(path, "lost+found"), 0o700) }, "data is not empty"},
		{"a file of that name", func(path string) error { return os.WriteFile(path, []byte("mine"), 0o600) }, "not a directory"},
		{"a link to a full folder", func(path string) error {
			other := path + "-other"
			if err := writeIn(other, "letter.txt"); err != nil {
				return err
			}
			return os.Symlink(other, path)
		}, "data is not empty"},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		if err := tt.prepare(filepath.Join(dir, "data")); err != nil {
			t.Fatal(err)
		}
		before := everythingIn(t, dir)
		status, stdout, stderr := runHere(t, dir, "init", "--data", "data", "--domain", "school.test")
		if status != exitRefused || stdout != "" || !strings.Contains(stderr, tt.reason) {
			t.Errorf("%s: init = %d, %q, want %q", tt.name, status, stderr, tt.reason)
		}
		if after := everythingIn(t, dir); after != before {
			t.Errorf("%s: before\n%s\nafter\n%s", tt.name, before, after)
		}
	}
	empty := t.TempDir()
	if err := os.Mkdir(filepath.Join(empty, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := runHere(t, empty, "init", "--data", "data", "--domain", "school.test"); status != 0 {
		t.Errorf("an empty folder: init = %d, %s", status, stderr)
	}
	if info, err := os.Stat(filepath.Join(empty, "data")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("a folder that was open to others: %v, %v", info.Mode(), err)
	}
}

func writeIn(dir, name string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o600)
}

// everythingIn is all that lies beneath dir, with sizes and modes.
func everythingIn(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			b.WriteString(strings.Join([]string{path, info.Mode().String(), info.ModTime().String()}, " ") + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Faults of a settings file are all told at once, with their lines, by every command that reads it.
func TestFaultySettingsAreToldByEveryCommand(t *testing.T) {
	dir := t.TempDir()
	const text = "[server]\nhostnam = \"x\"\n[mail]\nmax_size = \"1B\"\n[listen]\nlmtp = [\":24\"]\n[retention]\ndeleted_accounts = \"1m\"\n"
	if err := os.WriteFile(filepath.Join(dir, "s.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"config check", "config show", "serve", "user list", "check", "doctor", "backup x", "export --user anna x", "import mail --user anna x"} {
		status, stdout, stderr := runHere(t, dir, append(strings.Fields(args), "--config", "s.toml")...)
		all := stdout + stderr // doctor has them as a finding
		for _, fault := range []string{"line 2: unknown key server.hostnam, did you mean hostname?", "mail.max_size: 1B", "only loopback addresses", "retention.deleted_accounts: 1m0s"} {
			if status != exitRefused || !strings.Contains(all, fault) {
				t.Errorf("%s = %d, %q, want %q", args, status, all, fault)
			}
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Manual pages: one for each command that can be run, the same every time, each with its flags.
func TestManualPages(t *testing.T) {
	dir := t.TempDir()
	for _, to := range []string{"a", "b"} {
		if status, _, stderr := runHere(t, dir, "man", to); status != 0 {
			t.Fatalf("man = %d, %s", status, stderr)
		}
	}
	a, b := tree(t, filepath.Join(dir, "a")), tree(t, filepath.Join(dir, "b"))
	for _, s := range theContract {
		words := strings.Fields(s.args)
		name := "schulhof-" + words[0] + ".8"
		page, found := a[name]
		if !found || !strings.Contains(page, "schulhof") || page != b[name] {
			t.Errorf("%s: found %t, or it differs from the second time", name, found)
		}
	}
	if page := a["schulhof-user-add.8"]; !strings.Contains(page, "--password-stdin") || !strings.Contains(page, "--role") {
		t.Errorf("the page of user add lacks its flags: %.500s", page)
	}
	if status, _, stderr := runHere(t, dir, "man", "a"); status != exitRefused || !strings.Contains(stderr, "not empty") {
		t.Errorf("man into a full folder = %d, %q", status, stderr)
	}
}
