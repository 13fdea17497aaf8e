package mailbox

import (
	"strings"
	"testing"
)

// FuzzCleanName: a name that is taken is stored in one form, which is taken again unchanged, and never has what ends a line or a
// level; what is refused says why.
func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"INBOX", "inbox/a", "Entwu\u0308rfe", "a//b", "/", "", "a\x00", "\xff", "日本語/メール", "Inboxes", "a\u2028", strings.Repeat("x/", 40)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		clean, err := CleanName(name)
		if err != nil {
			return
		}
		again, err := CleanName(clean)
		if err != nil || again != clean {
			t.Errorf("%q is stored as %q, and that as %q, %v", name, clean, again, err)
		}
		if len(clean) > MaxNameBytes || strings.ContainsAny(clean, "\r\n\x00") || strings.Contains(clean, "//") || strings.HasPrefix(clean, "/") {
			t.Errorf("%q is stored as %q", name, clean)
		}
		if got := strings.Join(append(parents(clean), clean), " "); strings.Count(clean, "/") != len(parents(clean)) {
			t.Errorf("the names on the way to %q are %q", clean, got)
		}
	})
}
