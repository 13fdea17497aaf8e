package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"schulhof/directory"

	"github.com/spf13/pflag"
)

// The program's own kinds of flags: what they take, what they are afterwards, and what the help calls them.
func TestFlagValues(t *testing.T) {
	role := func() pflag.Value { return words(directory.Roles()...) }
	quota := func() pflag.Value { return &quotaFlag{} }
	scope := func() pflag.Value { return &scopeFlag{directory.ScopeAll} }
	tests := []struct {
		name string
		flag func() pflag.Value
		in   string
		want string // what the flag says then
		err  string
	}{
		{"a role", role, "teacher", "teacher", ""},
		{"a role in capitals", role, "Teacher", "", "want one of student, teacher, parent, staff, admin"},
		{"no role", role, "", "", "want one of"},
		{"a quota", quota, "2GiB", "2GiB", ""},
		{"a quota in decimal", quota, "1500MB", "1500000000B", ""},
		{"no limit", quota, "Unlimited", "unlimited", ""},
		{"zero is no limit", quota, "0B", "unlimited", ""},
		{"the role's quota", quota, "default", "default", ""},
		{"a negative quota", quota, "-1GiB", "", "-1GiB"},
		{"a quota without a unit that is known", quota, "3 apples", "", "3 apples"},
		{"one scope", scope, "mail", "mail", ""},
		{"several scopes", scope, "dav,send", "dav,send", ""},
		{"a scope that we do not have", scope, "mail,ftp", "", "ftp"},
		{"no scope", scope, "", "", ""},
	}
	for _, tt := range tests {
		f := tt.flag()
		err := f.Set(tt.in)
		if refused := tt.err != "" || tt.want == ""; refused != (err != nil) || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: Set(%q) = %v, want %q", tt.name, tt.in, err, tt.err)
		}
		if err == nil && f.String() != tt.want {
			t.Errorf("%s: %q became %q, want %q", tt.name, tt.in, f.String(), tt.want)
		}
		if f.Type() == "" {
			t.Errorf("%s: the help has no word for it", tt.name)
		}
	}
}

// What reaches a terminal has no control characters and no overrides of direction; a reason's first line stands for it in a usage error.
func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"Jürgen Ö. 漢字 😀": "Jürgen Ö. 漢字 😀", "a\x1b[31mb": "a\uFFFD[31mb", "a\x7fb\u0085c": "a\uFFFDb\uFFFDc", "a\u202eb\u2066c\u200fd": "a\uFFFDb\uFFFDc\uFFFDd",
		"two\nlines\tand a tab": "two\nlines\tand a tab", "\r\x00": "\uFFFD\uFFFD", "": "",
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
	if got := oneLine("first\x07\nsecond"); got != "first\uFFFD" {
		t.Errorf("oneLine = %q", got)
	}
}

// Wrong usage is told from refusals by its type, also when it was wrapped on the way.
func TestUsageErrors(t *testing.T) {
	err := fmt.Errorf("outer: %w", usage("want %d of %s", 2, "them"))
	if found := new(usageError); !errors.As(err, &found) || found.Error() != "want 2 of them" {
		t.Errorf("errors.As found %v in %v", found, err)
	}
}
