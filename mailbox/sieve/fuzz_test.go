package sieve

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzScript checks any text, and runs what is a script: nothing panics, faults have a place in the text, the work stays
// within its bounds, and what comes out can be acted upon.
func FuzzScript(f *testing.F) {
	files, err := filepath.Glob("testdata/cases/*.sieve")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range strings.Split(string(b), "#### ")[1:] {
			_, script, _ := strings.Cut(part, "\n")
			f.Add(script)
		}
	}
	msg := loadMessage(f, "letter.eml")
	host := &testHost{mailboxes: []string{"A"}, uses: map[string]string{`\junk`: "A"}, lists: map[string][]string{"tag:friends": {"a@b.test"}},
		scripts: map[string]string{"a": `require ["include", "variables"]; global "a"; set "a" "b"; return;`}}
	f.Fuzz(func(t *testing.T, text string) {
		script, err := Compile([]byte(text), Options{Lists: true})
		if err != nil {
			faults, ok := err.(Errors)
			if !ok || len(faults) == 0 || len(faults) > maxErrors {
				t.Fatalf("Compile = %#v", err)
			}
			for _, e := range faults {
				if e.Line > strings.Count(text, "\n")+1 || e.Text == "" {
					t.Fatalf("fault %+v has no place in the script", e)
				}
			}
			return
		}
		result, err := script.Run(msg, Environment{Host: host, From: "otto@school.test", To: "anna@school.test", Now: time.Unix(1800000000, 0), Steps: 5000})
		if err != nil && !slices.Equal(describe(result), []string{"keep implicit"}) {
			t.Fatalf("Run = %v and %v, want to keep the message", describe(result), err)
		}
		checkResult(t, result)
	})
}

// checkResult demands what whoever acts upon it relies on.
func checkResult(t *testing.T, result Result) {
	t.Helper()
	redirects := 0
	for _, a := range result.Actions {
		var head []byte
		switch a := a.(type) {
		case Redirect:
			redirects++
			if strings.ContainsAny(a.Address, "\r\n <>,") || strings.Count(a.Address, "@") != 1 {
				t.Fatalf("redirect to %q", a.Address)
			}
			head = a.Header
		case Keep:
			head = a.Header
		case FileInto:
			head = a.Header
			if a.Mailbox == "" {
				t.Fatal("fileinto without a mailbox")
			}
		case Vacation:
			if strings.ContainsAny(a.Subject+a.From, "\r\n") {
				t.Fatalf("vacation with a line end: %q, %q", a.Subject, a.From)
			}
		}
		if head != nil && !strings.HasSuffix(string(head), "\r\n\r\n") && string(head) != "\r\n" {
			t.Fatalf("header ends with %q", head[max(0, len(head)-10):])
		}
	}
	if redirects > MaxRedirects || len(result.Actions) > maxActions+1 {
		t.Fatalf("%d actions, %d redirects", len(result.Actions), redirects)
	}
}
