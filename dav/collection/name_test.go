package collection

import (
	"strings"
	"testing"
	"unicode/utf8"

	"schulhof/store/fault"

	"golang.org/x/text/unicode/norm"
)

func TestCleanName(t *testing.T) {
	tests := []struct {
		name, in, want string // want "": refused
	}{
		{"plain", "a.txt", "a.txt"},
		{"composed and decomposed are the same", "Mu\u0308ll", "Müll"},
		{"case is kept", "ReadMe", "ReadMe"},
		{"a device of Windows", "CON", "CON"},
		{"a trailing dot", "a.", "a."},
		{"a trailing blank", "a ", "a "},
		{"three dots", "...", "..."},
		{"what macOS makes", "._a", "._a"},
		{"characters that Windows forbids", `a:b*?"<>|`, `a:b*?"<>|`},
		{"an escape", "%2e%2e%2f", "%2e%2e%2f"},
		{"as long as may be", strings.Repeat("ü", 127) + "x", strings.Repeat("ü", 127) + "x"},
		{"too long", strings.Repeat("ü", 128), ""},
		{"empty", "", ""},
		{"here", ".", ""},
		{"above", "..", ""},
		{"a slash", "a/b", ""},
		{"a backslash", `a\b`, ""},
		{"NUL", "a\x00", ""},
		{"a line feed", "a\n", ""},
		{"DEL", "a\x7f", ""},
		{"a C1 control character", "a\u0085", ""},
		{"no UTF-8", "a\xff", ""},
	}
	for _, tt := range tests {
		got, err := CleanName(tt.in)
		if got != tt.want || (err == nil) != (tt.want != "") || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: CleanName(%q) = %q, %v, want %q", tt.name, tt.in, got, err, tt.want)
		}
	}
}

// What is stored is a single name of bounded length that both databases and every client's path can hold, and is stored the same again.
func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"a", "..", "Mu\u0308ll", "a/b", "\xff", "a\x00b", strings.Repeat("\u1e9b\u0323", 50)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := CleanName(in)
		if err != nil {
			return
		}
		if got == "" || got == "." || got == ".." || len(got) > MaxNameBytes || strings.ContainsAny(got, "/\\\x00\r\n") || !utf8.ValidString(got) ||
			!norm.NFC.IsNormalString(got) {
			t.Errorf("CleanName(%q) = %q", in, got)
		}
		if again, err := CleanName(got); again != got || err != nil {
			t.Errorf("CleanName(%q) = %q, %v", got, again, err)
		}
	})
}

// Names with odd characters come back as they are, on both databases.
func TestOddNamesAreStored(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		names := []string{"%41", "CON", "Straße", "a b", "a'b", "b;c", "c$1", "d?1", "e\u202e", "f\U0001F600", "g."}
		for _, name := range names {
			w.put(w.anna, "files:/"+name, name)
		}
		if got, want := w.list(w.anna, "files:/"), strings.Join(names, " "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		w.put(w.anna, "files:/Mu\u0308ll", "1")
		if got := w.read(w.anna, "files:/Müll"); got != "1" {
			t.Error(got)
		}
		w.put(w.anna, "files:/STRASSE", "other")
		if got := w.read(w.anna, "files:/Straße"); got != "Straße" {
			t.Error(got)
		}
	})
}
