package imapd

import (
	"regexp"
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	tests := []struct {
		name, pattern string
		yes, no       []string
	}{
		{"plain", "Klasse", []string{"Klasse"}, []string{"klasse", "Klasse/7b", "Klass"}},
		{"star", "*", []string{"a", "a/b", "INBOX"}, nil},
		{"percent stops at the delimiter", "%", []string{"a", "INBOX"}, []string{"a/b"}},
		{"percent twice", "%/%", []string{"a/b"}, []string{"a", "a/b/c"}},
		{"in the middle", "a*c%e", []string{"ace", "abcde", "a/b/cde"}, []string{"abcd/e", "ac"}},
		{"may match nothing", "a*%b", []string{"ab", "a/b"}, []string{"a"}},
		{"INBOX in any case", "inb%", []string{"INBOX"}, []string{"Inbound", "INBOX/x"}},
		{"below INBOX", "inbox/*", []string{"INBOX/x"}, []string{"INBOX", "inbox2"}},
		{"empty", "", []string{""}, []string{"a"}},
		{"stars in a row", "a***b", []string{"ab", "a/x/b"}, []string{"a"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPattern("", test.pattern)
			for _, name := range test.yes {
				if !p.matches(name) {
					t.Errorf("%q does not match %q", test.pattern, name)
				}
			}
			for _, name := range test.no {
				if p.matches(name) {
					t.Errorf("%q matches %q", test.pattern, name)
				}
			}
		})
	}
}

// The cost is the product of the lengths, whatever the pattern: this would take longer than the sun with a backtracking matcher.
func TestPatternIsLinear(t *testing.T) {
	p := newPattern("", strings.Repeat("*a%", 300)+"b")
	if p.matches(strings.Repeat("a", 1000)) {
		t.Error("it matches")
	}
}

// Patterns that end at a word's border, begin a word, and fill several: bits must be carried.
func TestPatternsOfSeveralWords(t *testing.T) {
	for n := 1; n < 200; n++ {
		plain, name := strings.Repeat("a", n), strings.Repeat("a", n)
		for pat, want := range map[string]bool{plain + "*": true, "*" + plain: true, "%" + plain + "%": true, plain + "b%": false, plain[1:] + "%": true, plain + "a*": false, "*" + plain[:n/2] + "%" + plain[n/2:]: true} {
			p := newPattern("", pat)
			if p.matches(name) != want {
				t.Errorf("%d bytes: %q matches: %v", n, pat, !want)
			}
			if words := len(p.glob.wild); words != len(p.text)/64+1 {
				t.Errorf("a pattern of %d bytes is kept in %d words", len(p.text), words)
			}
		}
	}
}

// The oracle is a regular expression.
func FuzzPattern(f *testing.F) {
	for _, seed := range [][2]string{{"*", "a/b"}, {"%", "a"}, {"a%/*b", "ax/yb"}, {"**%%", ""}, {"a.b", "a.b"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pat, name string) {
		if len(pat) > 50 || len(name) > 50 {
			return
		}
		quoted := regexp.QuoteMeta(pat)
		expr, err := regexp.Compile(`(?s)^` + strings.NewReplacer(`\*`, `.*`, `%`, `[^/]*`).Replace(quoted) + `$`)
		if err != nil {
			return
		}
		if got, want := newPattern("", pat).glob.match(name), expr.MatchString(name); got != want && strings.ToValidUTF8(pat+name, "") == pat+name {
			t.Fatalf("match(%q, %q) = %v, want %v", pat, name, got, want)
		}
	})
}
