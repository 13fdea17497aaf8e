package main

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/config"
	"schulhof/smtpd/authenticate"
	"schulhof/store/fault"

	"golang.org/x/sync/errgroup"
)

// runHere runs args in this process, with what stands in the table of commands.
func runHere(t *testing.T, dir string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	a := &app{
		stdin: strings.NewReader(""), stdout: &out, stderr: &errs, directory: dir, files: localFiles{dir},
		program: "schulhof", args: args, version: "1", commands: commands(),
	}
	status = a.execute(t.Context())
	return status, out.String(), errs.String()
}

func TestExitStatus(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(configVariable, "")
	tests := []struct {
		name           string
		args           []string
		status         int
		stdout, stderr string // parts
	}{
		{"help", []string{"--help"}, exitDone, "Available Commands", ""},
		{"nothing", []string{}, exitDone, "Available Commands", ""},
		{"a command", []string{"version"}, exitDone, "schulhof 1 (go", ""},
		{"as JSON", []string{"version", "--json"}, exitDone, `"version": "1"`, ""},
		{"an unknown command", []string{"versoin"}, exitUsage, "", `unknown command "versoin"`},
		{"a family without a verb", []string{"config"}, exitUsage, "", "a command is missing"},
		{"an unknown verb", []string{"config", "shwo"}, exitUsage, "", "did you mean show?"},
		{"an unknown flag", []string{"version", "--loud"}, exitUsage, "", "unknown flag: --loud"},
		{"too many arguments", []string{"version", "now"}, exitUsage, "", `unknown command "now"`},
		{"a missing flag", []string{"init"}, exitUsage, "", `required flag(s) "data", "domain" not set`},
		{"a bad domain", []string{"init", "--data", "d", "--domain", "a b"}, exitUsage, "", "no domain name"},
		{"a bad address", []string{"init", "--data", "d", "--domain", "school.test", "--listen", "here"}, exitUsage, "", "want an IP address"},
		{"a bad port base", []string{"init", "--data", "d", "--domain", "school.test", "--port-base", "60000"}, exitUsage, "", "port base 60000"},
		{"a bad setting", []string{"init", "--data", "d", "--domain", "school.test", "--set", "log.level=loud"}, exitUsage, "", "log.level"},
		{"a bad host name", []string{"init", "--data", "d", "--domain", "school.test", "--hostname", "a_b.test"}, exitUsage, "", "hostname"},
		{"no settings file", []string{"config", "check", "--config", "none.toml"}, exitRefused, "", "no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := runHere(t, dir, tt.args...)
			if status != tt.status || !strings.Contains(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) {
				t.Errorf("%q = %d, stdout %q, stderr %q; want %d, %q, %q", tt.args, status, stdout, stderr, tt.status, tt.stdout, tt.stderr)
			}
			if tt.status == exitUsage && !strings.Contains(stderr, "Usage: ") {
				t.Errorf("wrong usage without a hint: %q", stderr)
			}
		})
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("wrong usage left %v behind, %v", entries, err)
	}
}

func TestEveryCommandIsDescribed(t *testing.T) {
	a := &app{commands: commands()}
	families := map[string]bool{}
	for _, cmd := range newRootCommand(a).Commands() {
		if cmd.Short == "" || families[cmd.Name()] {
			t.Errorf("%s has no description, or exists twice", cmd.Name())
		}
		families[cmd.Name()] = true
		for _, child := range cmd.Commands() {
			if child.Short == "" && child.Runnable() {
				t.Errorf("%s has no description", child.CommandPath())
			}
		}
	}
	for _, name := range strings.Fields("init serve demo user group resource domain alias import export backup restore check reindex doctor config version") {
		if !families[name] {
			t.Errorf("the command %s does not exist", name)
		}
	}
}

func TestSettingsFileIsFound(t *testing.T) {
	c := newSchool(t)
	dir := filepath.Dir(c.Path)
	tests := []struct {
		name, flag, variable string
		found                bool
	}{
		{"by the flag, absolute", c.Path, "", true},
		{"by the flag, from the caller's folder", "schulhof.toml", "", true},
		{"by the variable", "", c.Path, true},
		{"the flag before the variable", c.Path, "/none.toml", true},
		{"nowhere", "", "/none.toml", false},
	}
	for _, tt := range tests {
		t.Setenv(configVariable, tt.variable)
		got, err := (&app{configPath: tt.flag, directory: dir}).loadConfig()
		if (err == nil) != tt.found || tt.found && got.Path != c.Path {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
		if !tt.found && !strings.Contains(err.Error(), "--config") {
			t.Errorf("%s: %v does not say how to name one", tt.name, err)
		}
	}
}

func TestCommandsWaitForEachOther(t *testing.T) {
	c := newSchool(t)
	first, err := openRooms(t.Context(), c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openRooms(t.Context(), c, quiet()); !fault.Is(err, fault.InUse) {
		t.Fatalf("a second opening = %v, want fault.InUse", err)
	}
	a := &app{configPath: c.Path, stderr: io.Discard, version: "1"}
	did := make(chan error)
	began := make(chan bool, 1)
	go func() {
		began <- true
		did <- a.inServerOrHere(t.Context(), func(context.Context, *rooms) error { return nil })
	}()
	<-began
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-did; err != nil {
		t.Errorf("the second command = %v, want it to have waited", err)
	}

	openSchool(t, c) // and stays open
	ctx, leave := context.WithCancel(t.Context())
	leave()
	err = a.inServerOrHere(ctx, func(context.Context, *rooms) error { return errors.New("it ran") })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a waiting command whose caller left = %v, want context.Canceled", err)
	}
}

func TestStopIsNotWaitedForEver(t *testing.T) {
	tests := []struct {
		name    string
		takes   time.Duration
		drained bool
	}{
		{"connections end at once", 0, true},
		{"connections end in time", stopPatience - time.Second, true},
		{"connections do not end", time.Hour, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				group, ctx := errgroup.WithContext(ctx)
				group.Go(func() error {
					<-ctx.Done()
					time.Sleep(tt.takes)
					return nil
				})
				start := time.Now()
				stop()
				drained, err := waitDrained(ctx, group, slog.New(slog.DiscardHandler))
				if took := time.Since(start); drained != tt.drained || (err == nil) != tt.drained || took > 10*time.Second {
					t.Errorf("waitDrained = %t, %v after %s", drained, err, took)
				}
				group.Wait()
			})
		})
	}
}

func TestWaitDrainedTellsWhatFailed(t *testing.T) {
	group, ctx := errgroup.WithContext(t.Context())
	broken := errors.New("a service broke")
	group.Go(func() error { return broken })
	if drained, err := waitDrained(ctx, group, slog.New(slog.DiscardHandler)); !drained || !errors.Is(err, broken) {
		t.Errorf("waitDrained = %t, %v, want the service's error", drained, err)
	}
}

func TestAuthority(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	a, err := newAuthority(dir, "mail.school.test", now)
	if err != nil {
		t.Fatal(err)
	}
	again, err := loadAuthority(dir)
	if err != nil || !again.cert.Equal(a.cert) || !again.key.Equal(a.key) {
		t.Fatalf("loadAuthority = %v, want what was made", err)
	}
	certFile, keyFile := filepath.Join(dir, serverCert), filepath.Join(dir, serverKey)
	if err := again.issue(certFile, keyFile, []string{"mail.school.test", "localhost", "127.0.0.1", "::1"}, now); err != nil {
		t.Fatal(err)
	}
	cert, err := loadCertificate(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	for name, good := range map[string]bool{"mail.school.test": true, "localhost": true, "127.0.0.1": true, "::1": true, "school.test": false, "127.0.0.2": false} {
		_, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: pool, CurrentTime: now})
		if (err == nil) != good {
			t.Errorf("the certificate for %s: %v, want good = %t", name, err, good)
		}
	}
	if days := cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore).Hours() / 24; days > 825 {
		t.Errorf("the certificate lives %.0f days: Apple's systems take 825", days)
	}
	if len(cert.Certificate) != 2 {
		t.Errorf("the chain has %d certificates, want the authority's too", len(cert.Certificate))
	}
	for _, name := range []string{authorityKey, serverKey} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want mode 0600", name, info, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestFaultyAuthorityFiles(t *testing.T) {
	tests := []struct {
		name, file, text, err string
	}{
		{"no certificate", authorityCert, "", "no PEM block"},
		{"a key in its place", authorityCert, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", `no PEM block "CERTIFICATE"`},
		{"a broken certificate", authorityCert, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "authority certificate"},
		{"a broken key", authorityKey, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "authority key"},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		if _, err := newAuthority(dir, "mail.school.test", time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, tt.file), []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadAuthority(dir); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: loadAuthority = %v, want %q", tt.name, err, tt.err)
		}
	}
	if _, err := loadAuthority(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("loadAuthority of nothing = %v, want os.ErrNotExist", err)
	}
}

func TestInitForAnInternationalDomain(t *testing.T) {
	n := newServer{dir: filepath.Join(t.TempDir(), "d"), domain: "grundschule-münchen.test", listen: "192.0.2.5"}
	c, err := n.make(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if c.Server.Hostname != "mail.xn--grundschule-mnchen-y6b.test" {
		t.Errorf("hostname %q", c.Server.Hostname)
	}
	if _, err := os.Stat(filepath.Join(n.dir, "dkim/xn--grundschule-mnchen-y6b.test")); err != nil {
		t.Error(err)
	}
	cert, err := loadCertificate(c.TLS.Certificate, c.TLS.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{c.Server.Hostname, "192.0.2.5", "localhost"} {
		if err := cert.Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if c.Listen.SMTP[0] != "192.0.2.5:25" || c.Listen.LMTP[0] != "127.0.0.1:24" || c.Listen.Metrics[0] != "127.0.0.1:9090" {
		t.Errorf("listeners %+v", c.Listen)
	}
	r := openSchool(t, c)
	for _, form := range []string{"grundschule-münchen.test", "xn--grundschule-mnchen-y6b.test"} {
		if ours, err := r.Directory.IsLocalDomain(t.Context(), form); err != nil || !ours {
			t.Errorf("%s is ours = %t, %v", form, ours, err)
		}
	}
}

func TestReplaceFileKeepsTheOldOneWhenItFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(path, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := authenticate.ReplaceFile(path, []byte("x")); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if err := authenticate.ReplaceFile(filepath.Join(dir, "none", "file"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("replaceFile in no folder = %v", err)
	}
}

func TestLoggerFollowsTheSettings(t *testing.T) {
	tests := []struct {
		settings config.Log
		want     string // part of the output
		debug    bool
	}{
		{config.Log{Level: "debug", Format: "text"}, "level=WARN msg=hello", true},
		{config.Log{Level: "warn", Format: "text"}, "level=WARN msg=hello", false},
		{config.Log{Level: "error", Format: "text"}, "", false},
		{config.Log{Level: "info", Format: "json"}, `"msg":"hello"`, false},
	}
	for _, tt := range tests {
		var out strings.Builder
		log := newLogger(&out, tt.settings)
		log.Debug("detail")
		log.Warn("hello")
		if !strings.Contains(out.String(), tt.want) || strings.Contains(out.String(), "detail") != tt.debug {
			t.Errorf("%+v writes %q", tt.settings, out.String())
		}
	}
}
