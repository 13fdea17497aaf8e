package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"schulhof/config"
	"schulhof/directory"
	"schulhof/mailbox"
)

// The demo school, whenever it is made: people and groups as told, everyone can log in, mail of the past weeks lies where it belongs.
func TestDemoSchool(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 1, 4, 7, 0, 0, 0, time.UTC) // the first Monday of a year
	dir := filepath.Join(t.TempDir(), "demo")
	if err := makeDemo(t.Context(), dir, 21000, now, cheapHash()); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(filepath.Join(dir, settingsFile))
	if err != nil {
		t.Fatal(err)
	}
	r := openSchool(t, c)
	accounts, err := r.Directory.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	roles := map[directory.Role]int{}
	for _, a := range accounts {
		roles[a.Role]++
		if !strings.HasSuffix(a.Address, "@"+demoDomain) || a.Name == "" {
			t.Errorf("account %+v", a)
		}
	}
	if len(accounts) < 38 || roles[directory.Student] < 20 || roles[directory.Teacher] < 5 || roles[directory.Parent] < 5 || roles[directory.Admin] != 1 {
		t.Errorf("%d accounts: %v", len(accounts), roles)
	}
	for _, login := range []string{"katharina.boehm", "jonas.mueller", "admin"} {
		_, err := r.Directory.Authenticate(t.Context(), directory.Attempt{Login: login + "@" + demoDomain, Secret: demoPassword, Need: directory.ScopeMail})
		if err != nil {
			t.Errorf("login of %s, which the greeting promises: %v", login, err)
		}
	}
	for _, name := range []string{"5a", "7b", "10c", "lehrerzimmer", "eltern-7b", "schach-ag", "alle"} {
		if list, err := r.Directory.Resolve(t.Context(), name+"@"+demoDomain, ""); err != nil || len(list) < 3 {
			t.Errorf("%s@ leads to %d people, %v", name, len(list), err)
		}
	}
	mails, sent, unread := 0, 0, 0
	for _, a := range accounts {
		for _, name := range []string{"INBOX", "Sent"} {
			box, err := r.Mail.Open(t.Context(), a.ID, name)
			if err != nil {
				t.Fatalf("%s of %s: %v", name, a.Login, err)
			}
			snapshot := box.Snapshot()
			for i := range snapshot.Len() {
				e := snapshot.At(i)
				mails++
				if name == "Sent" {
					sent++
				}
				if e.Flags&mailbox.Seen == 0 {
					unread++
				}
				if at := time.Unix(e.Date, 0); at.After(now) || now.Sub(at) > 70*24*time.Hour {
					t.Errorf("%s of %s has mail of %s", name, a.Login, at)
				}
			}
			box.Close()
		}
	}
	if mails < 300 || sent < 30 || unread == 0 || unread > mails/2 {
		t.Errorf("%d messages, %d of them sent, %d unread", mails, sent, unread)
	}
	if status, ids := problemsOf(t, r); status != 0 {
		t.Errorf("check: %q", ids)
	}
	if status, out, _ := command(t, r, "doctor"); strings.Contains(out, "admin-none") || strings.Contains(out, "domain-none") || strings.Contains(out, "dkim-missing") {
		t.Errorf("doctor = %d: %s", status, out)
	}
}

// What the demo prints fits on a small screen and is true: every port, the program as it was called.
func TestDemoGreeting(t *testing.T) {
	c := config.Default("/srv/demo")
	if err := c.SetListeners(demoAddress, 12000); err != nil {
		t.Fatal(err)
	}
	c.Path = "/srv/demo/schulhof.toml"
	var out strings.Builder
	if err := demoGreeting(&out, "./bin/schulhof", c); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if n := strings.Count(text, "\n"); n > 20 {
		t.Errorf("%d lines, want 20 at most:\n%s", n, text)
	}
	for _, line := range strings.Split(text, "\n") {
		if len([]rune(line)) > 150 {
			t.Errorf("a line of %d characters: %s", len([]rune(line)), line)
		}
	}
	for _, part := range []string{"ready", demoPassword, "katharina.boehm@school.test", "jonas.mueller@school.test", "admin@school.test", "./bin/schulhof user list --config /srv/demo/schulhof.toml", "tls/ca.pem"} {
		if !strings.Contains(text, part) {
			t.Errorf("the greeting lacks %q:\n%s", part, text)
		}
	}
	for _, port := range []int{12025, 12024, 12143, 12465, 12587, 12993, 12443, 21090} {
		if !strings.Contains(text, fmt.Sprint(port)) {
			t.Errorf("the greeting lacks port %d:\n%s", port, text)
		}
	}
}

// A demo whose ports are taken says what to do; a folder that holds other things is not filled.
func TestDemoRefusals(t *testing.T) {
	dir := t.TempDir()
	if err := writeIn(filepath.Join(dir, "full"), "letter.txt"); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args   []string
		status int
		reason string
	}{
		"a full folder":   {[]string{"demo", "--data", "full"}, exitRefused, "full is not empty"},
		"a port too high": {[]string{"demo", "--data", "new", "--port-base", "60000"}, exitUsage, "port base 60000"},
		"no number":       {[]string{"demo", "--port-base", "many"}, exitUsage, "many"},
		"an argument":     {[]string{"demo", "now"}, exitUsage, "now"},
	} {
		status, stdout, stderr := runHere(t, dir, tt.args...)
		if status != tt.status || stdout != "" || !strings.Contains(stderr, tt.reason) {
			t.Errorf("%s: demo = %d, %q %q, want %d with %q", name, status, stdout, stderr, tt.status, tt.reason)
		}
	}
}
