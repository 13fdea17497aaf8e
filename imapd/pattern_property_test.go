package imapd

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// plainMatch is the definition of RFC 9051 §6.3.9 word for word, in exponential time.
func plainMatch(pat, name string) bool {
	switch {
	case pat == "":
		return name == ""
	case pat[0] == '*' || pat[0] == '%':
		if plainMatch(pat[1:], name) {
			return true
		}
		return name != "" && (pat[0] == '*' || name[0] != '/') && plainMatch(pat, name[1:])
	}
	return name != "" && pat[0] == name[0] && plainMatch(pat[1:], name[1:])
}

func TestPatternsAgainstTheDefinition(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		for range 50 {
			pat := rapid.StringOfN(rapid.SampledFrom([]rune("ab/*%*%")), 0, 8, -1).Draw(rt, "pattern")
			name := rapid.StringOfN(rapid.SampledFrom([]rune("ab//")), 1, 8, -1).Draw(rt, "name")
			if got, want := newPattern("", pat).matches(name), plainMatch(pat, name); got != want {
				rt.Fatalf("%q matches %q: %v, want %v", pat, name, got, want)
			}
			at := rapid.IntRange(0, len(pat)).Draw(rt, "reference")
			if newPattern(pat[:at], pat[at:]).matches(name) != plainMatch(pat, name) {
				rt.Fatalf("%q behind the reference %q is another pattern for %q", pat[at:], pat[:at], name)
			}
		}
	})
}

// INBOX is INBOX in any case, alone and as a parent; nothing else is. RFC 9051 §5.1.
func TestInboxPatterns(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"inbox", "INBOX", true}, {"InBox", "INBOX", true}, {"inb*", "INBOX", true}, {"%box", "INBOX", true}, {"inbox/*", "INBOX/a", true}, {"inbox/A", "INBOX/a", false},
		{"inbox*", "INBOX/a", false}, {"INBOX*", "INBOX/a", true}, {"in%", "INBOX/a", false}, {"inboxes", "INBOX", false}, {"inbox", "inboxes", false}, {"KLASSE", "Klasse", false}, {"klasse/inbox", "klasse/INBOX", false},
	}
	for _, tt := range tests {
		if got := newPattern("", tt.pattern).matches(tt.name); got != tt.want {
			t.Errorf("%q matches %q: %v, want %v", tt.pattern, tt.name, got, tt.want)
		}
	}
}

// A pattern that is made to take exponential time takes none, and matches what it should.
func TestHostilePatterns(t *testing.T) {
	name := strings.Repeat("a", 900) + "b"
	for _, pat := range []string{strings.Repeat("*a", 450), strings.Repeat("%a", 450), strings.Repeat("*%", 400), strings.Repeat("a*", 450)} {
		p := newPattern("", pat)
		if p.matches(name) != strings.ContainsAny(pat[len(pat)-1:], "*%") {
			t.Errorf("%.20q… matches: %v", pat, p.matches(name))
		}
		if !p.matches(name[:900]) {
			t.Errorf("%.20q… does not match 900 times a", pat)
		}
	}
}

// LIST over a real tree of mailboxes finds what the definition finds among all names, in one order.
func TestListAgainstTheDefinition(t *testing.T) {
	ts := newTestServer(t)
	c := ts.login("anna")
	for _, name := range []string{"a", "a/b", "a/b/c", "ab", "b/a", "a/bb", "Ab"} {
		c.want(c.do("a CREATE "+name), "a OK")
	}
	var all []string
	for _, line := range c.do(`b LIST "" *`) {
		if i := strings.LastIndex(line, `"/" `); i >= 0 {
			all = append(all, line[i+4:])
		}
	}
	if len(all) != 6+8 { // those of every account, and "b"
		t.Fatalf("%d names: %q", len(all), all)
	}
	rapid.Check(t, func(rt *rapid.T) {
		pat := rapid.StringOfN(rapid.SampledFrom([]rune("abA/*%")), 1, 6, -1).Draw(rt, "pattern")
		var want []string
		for _, name := range all {
			if plainMatch(pat, name) || name == "INBOX" && plainMatch(strings.ToUpper(pat), name) {
				want = append(want, name)
			}
		}
		var got []string
		for _, line := range c.do(`c LIST "" "` + pat + `"`) {
			if i := strings.LastIndex(line, `"/" `); i >= 0 {
				got = append(got, line[i+4:])
			}
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			rt.Fatalf("LIST %s: %q, want %q", pat, got, want)
		}
	})
}
