package mailbox

import (
	"strings"
	"testing"
)

// FuzzParseRights: what is taken is written with the same meaning, in one order, whether or not the reader knows RFC 4314.
func FuzzParseRights(f *testing.F) {
	for _, s := range []string{"", "lrs", "lrswipkxtea", "cd", "aa", "lrq", "L", "ä", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, letters string) {
		r, err := ParseRights(letters)
		if err != nil {
			return
		}
		for _, form := range []string{r.String(), r.Compatible()} {
			again, err := ParseRights(form)
			if err != nil || form == r.String() && again != r || !again.Has(r) {
				t.Errorf("%q is %b, written as %q, which is %b, %v", letters, r, form, again, err)
			}
		}
		if r&^AllRights != 0 || strings.Trim(letters, rightLetters+"cd") != "" {
			t.Errorf("%q was taken as %b", letters, r)
		}
	})
}

// FuzzMetadataName: a name that is taken is stored in one form, which is taken again unchanged, and is an atom or a quoted string on the wire.
func FuzzMetadataName(f *testing.F) {
	for _, s := range []string{"/private/comment", "/SHARED/Vendor/x", "/private/", "/private//a", "/shared/a*", "/private/ä", "/private/a b", "private/x", "/shared/\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		clean, err := CheckMetadataName(name)
		if err != nil {
			return
		}
		again, err := CheckMetadataName(clean)
		if err != nil || again != clean || len(clean) > MaxMetadataName || strings.ContainsAny(clean, "\r\n\x00*%") || strings.Contains(clean, "//") {
			t.Errorf("%q is stored as %q, and that as %q, %v", name, clean, again, err)
		}
	})
}
