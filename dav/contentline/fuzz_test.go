package contentline

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzParse: no input makes Parse panic or changes between writing and reading.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		card("FN:Anna"), card(`TEL;TYPE="a,b",c;HOME;X=^n^^^':1`), card("item1.A:b\r\n c\n\td"), card("A;B=\"c\"d\"e\":f"),
		"BEGIN:A\nX:1\nBEGIN:B\nEND:B\nY:2\nEND:A\nBEGIN:C\nEND:C", card("A;B=c"), card("A;B=\""), "BEGIN:A", "END:A", "\ufeffBEGIN:A\r\r\n\r\n \nEND:A \n ",
		card("N\xc3\n \xbc:\xff"),
	} {
		f.Add([]byte(s))
	}
	if dir := os.Getenv("SCHULHOF_CORPUS"); dir != "" {
		names, _ := filepath.Glob(filepath.Join(dir, "[iv]c*", "*"))
		for _, name := range names {
			if b, err := os.ReadFile(name); err == nil && len(b) < 8<<10 {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := verify(b); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzEscape: text comes back from escaping, up to line breaks and control characters; a list keeps its pieces.
func FuzzEscape(f *testing.F) {
	f.Add("a;b", `\n\\`)
	f.Add("\r\n", "\x00")
	f.Fuzz(func(t *testing.T, a, b string) {
		ea, eb := Escape(a), Escape(b)
		if Escape(Unescape(ea)) != ea {
			t.Fatalf("Escape(%q) = %q is not stable", a, ea)
		}
		pieces := 0
		for range Split(ea+";"+eb, ';') {
			pieces++
		}
		if pieces != 2 {
			t.Fatalf("%q and %q are %d pieces", a, b, pieces)
		}
	})
}
