package contentline

import (
	"strings"
	"testing"
)

func TestMatcher(t *testing.T) {
	tests := []struct {
		name, collation, text, value string
		how                          MatchType
		want                         bool
	}{
		{"octets are compared as they are", Octet, "Anna", "Hanna Anna", Contains, true},
		{"octets do not ignore case", Octet, "anna", "Anna", Contains, false},
		{"ASCII ignores the case of ASCII", ASCIICasemap, "aNNa", "HANNA", Contains, true},
		{"ASCII does not fold umlauts", ASCIICasemap, "mÜller", "Müller", Contains, false},
		{"Unicode folds umlauts", UnicodeCasemap, "mÜLLER", "Müller", Equals, true},
		{"Unicode sees through composition", UnicodeCasemap, "u\u0308ber", "ÜBER", Equals, true},
		{"Unicode folds ligatures", UnicodeCasemap, "fi", "\ufb01nger", StartsWith, true},
		{"Unicode folds Greek and Cyrillic", UnicodeCasemap, "ΜΆΘΗΜΑ анна", "μάθημα АННА", Equals, true},
		{"Unicode takes Hangul apart", UnicodeCasemap, "\u1112\u1161\u11ab", "한", Equals, true},
		{"equal is equal", UnicodeCasemap, "anna", "Annas", Equals, false},
		{"the start", ASCIICasemap, "an", "Anna", StartsWith, true},
		{"not the start", ASCIICasemap, "na", "Anna", StartsWith, false},
		{"the end", ASCIICasemap, "NA", "Anna", EndsWith, true},
		{"not the end", ASCIICasemap, "an", "Anna", EndsWith, false},
		{"nothing is in everything", UnicodeCasemap, "", "", Contains, true},
		{"longer than the value", Octet, "Annas", "Anna", EndsWith, false},
		{"a long run that is not ASCII", UnicodeCasemap, strings.Repeat("ä", 100), "x" + strings.Repeat("Ä", 100), EndsWith, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, ok := NewMatcher(tt.collation, tt.text, tt.how)
			if !ok {
				t.Fatalf("NewMatcher does not know %s", tt.collation)
			}
			for range 2 { // a matcher is used again and again
				if got := m.Match(tt.value); got != tt.want {
					t.Errorf("Match(%q) in %q = %v, want %v", tt.text, tt.value, got, tt.want)
				}
			}
		})
	}
	if m, ok := NewMatcher("i;basic", "x", Contains); ok || m != nil {
		t.Error("NewMatcher knows a collation that nobody defined")
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, value := range []string{"anna.schmidt@school.test", "Jürgen Müller-Lüdenscheidt"} {
		b.Run(value, func(b *testing.B) {
			m, _ := NewMatcher(UnicodeCasemap, "schmidT", Contains)
			b.ReportAllocs()
			for b.Loop() {
				m.Match(value)
			}
		})
	}
}
