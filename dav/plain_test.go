package dav

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// escapedSlowly is appendEscaped, rune by rune.
func escapedSlowly(s string, quoted bool) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '&':
			b.WriteString("&amp;")
		case c == '<':
			b.WriteString("&lt;")
		case c == '>':
			b.WriteString("&gt;")
		case c == '\r':
			b.WriteString("&#13;")
		case c == '"' && quoted:
			b.WriteString("&quot;")
		case c == '\n' && quoted:
			b.WriteString("&#10;")
		case c == '\t' && quoted:
			b.WriteString("&#9;")
		case c < ' ' && c != '\n' && c != '\t', c == 0xfffe, c == 0xffff:
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(c) // of bytes that are no UTF-8 too
		}
	}
	return b.String()
}

func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"", "SUMMARY:Klausur Mathe\r\n", "a<b>&\"c\"\t\n\r\x00\x7f", "\u00e4\U0001f3eb\ufffe\uffff\ufffd", "\xff\xe2\x82", "\xed\xa0\x80\xf4\x90\x80\x80"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for _, quoted := range []bool{false, true} {
			want := "x" + escapedSlowly(in, quoted)
			if got := string(appendEscaped([]byte("x"), in, quoted)); got != want {
				t.Fatalf("%q became %q, want %q", in, got, want)
			}
			if got := string(appendEscaped([]byte("x"), []byte(in), quoted)); got != want {
				t.Fatalf("the bytes %q became %q, want %q", in, got, want)
			}
		}
	})
}

// TestPlainMembers: an href in which nothing is escaped is read as every other is, or left to what reads those.
func TestPlainMembers(t *testing.T) {
	w := newSchool(t)
	x := w.exchange("anna", "REPORT", "/dav/calendars/anna/calendar/")
	w.check(x.authenticate(t.Context()))
	var err error
	x.res, err = x.resolve(t.Context(), "/dav/calendars/anna/calendar/")
	w.check(err)
	own := x.res.href()
	plainOnes := 0
	for _, name := range []string{"e.ics", "a-b_c~d@e", "..ics", ".", "..", "...", ".x", "", "a/b", "a/", "/a", "a%20b", "a b", "a?b", "a#b", "\u00e4", "e\u0308", "a;b", "a\x00b",
		strings.Repeat("x", 255), strings.Repeat("x", 256), "\xff"} {
		for _, base := range []string{own, "/dav/calendars/anna/calendar", "http://example.com" + own, "/dav/calendars/klein/calendar/", "/dav/calendars/anna/", "/dav//calendars/anna/calendar/"} {
			got, ok := plainMember(base+name, own)
			if !ok {
				continue
			}
			plainOnes++
			want, wanted := x.memberNamed(base + name)
			if len(name) > 255 { // nothing is called that, whoever says so
				continue
			}
			if got != want || !wanted {
				t.Errorf("%q is %q, want %q, %t", base+name, got, want, wanted)
			}
		}
	}
	if plainOnes != 5 {
		t.Errorf("%d hrefs were plain, want 5", plainOnes)
	}
}
