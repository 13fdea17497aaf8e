package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store/fault"

	"github.com/google/go-cmp/cmp"
)

func TestReadNewAccounts(t *testing.T) {
	tests := []struct {
		name, in string
		want     []directory.NewAccount
		err      string // part of the error text; empty: no error
	}{
		{"all fields", "anna;student;Anna;Groß;geheim-7b", []directory.NewAccount{{Address: "anna", Role: "student", Given: "Anna", Family: "Groß", Password: "geheim-7b"}}, ""},
		{"no password", "anna;student;Anna;Groß;\nben;parent;;\n", []directory.NewAccount{{Address: "anna", Role: "student", Given: "Anna", Family: "Groß"}, {Address: "ben", Role: "parent"}}, ""},
		{"a password with semicolons and spaces", "anna;student;A;G; a;b ", []directory.NewAccount{{Address: "anna", Role: "student", Given: "A", Family: "G", Password: " a;b "}}, ""},
		{"Windows line ends, a byte order mark, spaces, roles in capitals", "\ufeffanna ; Student ; Anna ; Groß ;x\r\n", []directory.NewAccount{{Address: "anna", Role: "student", Given: "Anna", Family: "Groß", Password: "x"}}, ""},
		{"comments and empty lines", "# class 7b\n\n  \nanna;student;A;G\n", []directory.NewAccount{{Address: "anna", Role: "student", Given: "A", Family: "G"}}, ""},
		{"nothing", "\n# only this\n", nil, "no account on standard input"},
		{"too few fields", "anna;student", nil, "line 1: want ADDRESS;ROLE"},
		{"every faulty line is named", "a;pope;A;A\nb;student;B;B\nc;king;C;C", nil, "line 1: \"pope\" is no role: student, teacher, parent, staff, admin\nline 3: \"king\""},
		{"another encoding", "anna;student;Anna;Gro\xdf;", nil, "line 1: not UTF-8"},
		{"a line without end", "anna;student;" + strings.Repeat("a", maxAccountLine), nil, "line 1 is longer than"},
		{"too many", strings.Repeat("a;student;A;A\n", maxNewAccounts+1), nil, "more than 100000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readNewAccounts(strings.NewReader(tt.in))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("error %v, differs (-want +got):\n%s", err, diff)
			}
		})
	}
	broken := errors.New("broken")
	if _, err := readNewAccounts(failing{broken}); !errors.Is(err, broken) {
		t.Errorf("a broken input: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestReadPassword(t *testing.T) {
	tests := []struct {
		name, in, want string
		ok             bool
	}{
		{"a line", "geheim-7b\n", "geheim-7b", true},
		{"without its end", "geheim-7b", "geheim-7b", true},
		{"from Windows", "geheim-7b\r\n", "geheim-7b", true},
		{"only the first line", "geheim-7b\nmore\n", "geheim-7b", true},
		{"spaces belong to it", " geheim 7b \n", " geheim 7b ", true},
		{"nothing", "", "", false},
		{"an empty line", "\ngeheim-7b", "", false},
		{"another encoding", "gehe\xefm", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readPassword(strings.NewReader(tt.in))
			if got != tt.want || (err == nil) != tt.ok || err != nil && !fault.Is(err, fault.Invalid) {
				t.Errorf("readPassword(%q) = %q, %v; want %q, ok %v", tt.in, got, err, tt.want, tt.ok)
			}
		})
	}
	if _, err := readPassword(failing{errors.New("broken")}); err == nil {
		t.Error("a broken input is no error")
	}
}

func TestAccountFlags(t *testing.T) {
	role := words(directory.Roles()...)
	if err := role.Set("teacher"); err != nil || role.String() != "teacher" || role.Set("pope") == nil || role.String() != "teacher" {
		t.Errorf("a role flag is %q", role)
	}
	for in, want := range map[string]int64{"2GiB": 2 << 30, "unlimited": 0, "0": 0, "default": -1, "Default": -1} {
		var q quotaFlag
		if err := q.Set(in); err != nil || *q.bytes != want {
			t.Errorf("--quota %s: %v, %v; want %d", in, q.bytes, err, want)
		}
		var again quotaFlag
		if err := again.Set(q.String()); err != nil || *again.bytes != want {
			t.Errorf("--quota %s is shown as %s", in, q.String())
		}
	}
	if q := (quotaFlag{}); q.Set("many") == nil || q.Set("-5") == nil || q.String() != "" {
		t.Error("a quota flag takes what is no size")
	}
	var s scopeFlag
	if err := s.Set("dav,mail"); err != nil || s.String() != "mail,dav" || s.Set("ldap") == nil {
		t.Errorf("a scope flag is %q, %v", s.String(), err)
	}
}

// A name that got into the data all the same (an import, another program) does not reach the terminal as it is.
func TestListsArePrintable(t *testing.T) {
	var out bytes.Buffer
	evil := []directory.Account{{Address: "a\x1b[31m@school.test"}}
	if err := writeAdded(&out, evil, []string{""}); err != nil || strings.ContainsAny(out.String(), "\x1b") {
		t.Errorf("wrote %q, %v", out.String(), err)
	}
	out.Reset()
	if err := say("%s added", "\u202ebad\x07")(&out); err != nil || strings.ContainsAny(out.String(), "\u202e\x07") {
		t.Errorf("wrote %q, %v", out.String(), err)
	}
	m := memberDoc{accountDoc: accountDoc{Address: "anna@school.test", Name: "Anna", State: "disabled"}, Owner: true}
	if got := m.describe(); got != "anna@school.test Anna (owner) (disabled)" {
		t.Errorf("described as %q", got)
	}
}
