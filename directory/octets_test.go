package directory

import (
	"strings"
	"testing"
	"unicode"

	"schulhof/store/fault"
)

// TestLocalPartsAreMeasuredInOctets: 64 octets before the @, whatever letters they are, and no form of an address is longer than another
// may be: what was taken once is taken again from the tables.
func TestLocalPartsAreMeasuredInOctets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, local string
		ok          bool
	}{
		{"64 letters", strings.Repeat("a", 64), true}, {"65 letters", strings.Repeat("a", 65), false},
		{"32 umlauts", strings.Repeat("ä", 32), true}, {"32 umlauts and a letter", strings.Repeat("ä", 32) + "a", false},
		{"16 faces", strings.Repeat("😀", 16), true}, {"16 faces and a letter", strings.Repeat("😀", 16) + "a", false},
		{"quotes do not count", `"` + strings.Repeat(" ", 64) + `"`, true}, {"what is in them does", `"` + strings.Repeat(" ", 65) + `"`, false},
		{"letters that grow in lower case", strings.Repeat("Ⱥ", 32), false}, {"as many as fit then", strings.Repeat("Ⱥ", 21), true},
		{"letters that have no composed form", strings.Repeat("\u0958", 21), false}, {"as many as fit so", strings.Repeat("\u0958", 10), true},
	} {
		a, err := ParseAddress(tt.local + "@school.test")
		if (err == nil) != tt.ok || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want ok %t", tt.name, err, tt.ok)
		}
		if again, err := ParseAddress(a.String()); tt.ok && (err != nil || again.key() != a.key()) {
			t.Errorf("%s: its own form %q reads as %v, %v", tt.name, a, again, err)
		}
	}
	for r := rune(0x80); r < 0x20000; r++ { // every letter whose form is longer than it
		if !unicode.In(r, unicode.L, unicode.M) || len(FoldName(string(r))) <= len(string(r)) {
			continue
		}
		local := strings.Repeat(string(r), MaxLocalPart/len(string(r)))
		if a, err := ParseAddress(local + "@school.test"); err == nil && len(a.Local) > MaxLocalPart {
			t.Errorf("U+%04X: an address of %d octets before the @", r, len(a.Local))
		}
	}
}
