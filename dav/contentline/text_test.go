package contentline

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestUnescape(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing to do", "Klasse 7b", "Klasse 7b"},
		{"the four of the RFCs", `a\\b\;c\,d\ne\Nf`, "a\\b;c,d\ne\nf"},
		{"colons and quotes of real programs", `http\://x \"y\"`, `http://x "y"`},
		{"an unknown escape stays", `C:\Users`, `C:\Users`},
		{"a backslash at the end stays", `a\`, `a\`},
		{"an escaped backslash before n", `\\n`, `\n`},
	}
	for _, tt := range tests {
		if got := Unescape(tt.in); got != tt.want {
			t.Errorf("%s: Unescape(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestEscape(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing to do", "Klasse 7b: \"Wir\"", "Klasse 7b: \"Wir\""},
		{"separators", `a\b;c,d`, `a\\b\;c\,d`},
		{"line breaks of all kinds", "a\nb\r\nc\rd", `a\nb\nc\nd`},
		{"a tab may stay", "a\tb", "a\tb"},
		{"other control characters go", "a\x00b\x1bc\x7f", "abc\x7f"},
	}
	for _, tt := range tests {
		if got := Escape(tt.in); got != tt.want {
			t.Errorf("%s: Escape(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

// Every text without control characters survives escaping, and every list survives escaping and joining.
func TestEscapeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.StringOf(rapid.RuneFrom([]rune("ab\\;,:\n\"ünN\t😀"))), 1, 5).Draw(t, "texts")
		escaped := make([]string, len(texts))
		for i, text := range texts {
			escaped[i] = Escape(text)
			if got := Unescape(escaped[i]); got != text {
				t.Fatalf("Unescape(%q) = %q, want %q", escaped[i], got, text)
			}
		}
		for _, separator := range []byte(",;") {
			var got []string
			for piece := range Split(strings.Join(escaped, string(separator)), separator) {
				got = append(got, Unescape(piece))
			}
			if !slices.Equal(got, texts) {
				t.Fatalf("split at %q: %q, want %q", separator, got, texts)
			}
		}
	})
}

func TestSplit(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
	}{
		{"empty", "", []string{""}},
		{"the pieces of a name", `Doe;John;Richter\, James;;`, []string{"Doe", "John", `Richter\, James`, "", ""}},
		{"an escaped separator", `a\;b;c`, []string{`a\;b`, "c"}},
		{"an escaped backslash before a separator", `a\\;b`, []string{`a\\`, "b"}},
		{"a backslash at the end", `a;b\`, []string{"a", `b\`}},
	}
	for _, tt := range tests {
		if got := slices.Collect(Split(tt.in, ';')); !slices.Equal(got, tt.want) {
			t.Errorf("%s: Split(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
	for range Split("a;b;c", ';') {
		break // an early end is allowed
	}
}

func TestEqualFold(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{{"Begin", "BEGIN", true}, {"X-a", "x-A", true}, {"FN", "FM", false}, {"FN", "FNX", false}, {"K", "\u212a", false}, {"@", "`", false}} {
		if got := EqualFold(tt.a, tt.b); got != tt.want {
			t.Errorf("EqualFold(%q, %q) = %v", tt.a, tt.b, got)
		}
	}
}
