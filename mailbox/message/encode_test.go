package message

import (
	"mime"
	"net/mail"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestAppendField(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"plain", "Hello there", "Subject: Hello there\r\n"},
		{"nothing", "", "Subject: \r\n"},
		{"blanks around", " \t x  y \r\n", "Subject: x  y\r\n"},
		{"another field", "a\r\nBcc: b@c", "Subject: a  Bcc: b@c\r\n"},
		{"letters", "Grüße", "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"},
		{"what reads like an encoded word", "=?utf-8?q?x?=", "Subject: =?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=\r\n"},
		{"folded at blanks", strings.Repeat("word ", 20), "Subject:" + strings.Repeat(" word", 13) + "\r\n" + strings.Repeat(" word", 7) + "\r\n"},
		{"a long word", strings.Repeat("x", 100), "Subject: " + strings.Repeat("x", 100) + "\r\n"},
		{"a long word behind another", "a " + strings.Repeat("x", 100), "Subject: a\r\n " + strings.Repeat("x", 100) + "\r\n"},
		{"a character is not split", strings.Repeat("x", 45) + "ü", "Subject: =?utf-8?q?" + strings.Repeat("x", 45) + "?=\r\n =?utf-8?q?=C3=BC?=\r\n"},
	}
	for _, tt := range tests {
		if got := string(AppendField(nil, "Subject", tt.in)); got != tt.want {
			t.Errorf("%s: AppendField(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

// Whatever a value is, its field is ASCII, in lines that RFC 5322 §2.1.1 allows, is one field, and says the same when it is read.
func TestAppendFieldIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	word := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z]{0,60}`), rapid.SampledFrom([]string{"=?utf-8?q?x?=", "\r\nBcc: x", "?=", "Grüße", " ", "_"}),
		rapid.Map(rapid.IntRange(0, 3000), func(n int) string { return strings.Repeat("x", n) }))
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOfN(word, 0, 12).Draw(t, "words"), rapid.SampledFrom([]string{"", " "}).Draw(t, "between"))
		field := string(AppendField(nil, "Subject", in))
		for line := range strings.SplitSeq(strings.TrimSuffix(field, "\r\n"), "\r\n") {
			if len(line) > 998 || strings.TrimSpace(line) == "" || strings.ContainsAny(line, "\r\n\x00") {
				t.Fatalf("%q has the line %q", in, line)
			}
		}
		if i := strings.IndexFunc(field, func(c rune) bool { return c >= utf8.RuneSelf }); i >= 0 {
			t.Fatalf("%q becomes %q, which is not ASCII", in, field)
		}
		m, err := mail.ReadMessage(strings.NewReader(field + "\r\n"))
		if err != nil || len(m.Header) != 1 {
			t.Fatalf("%q becomes the header %q: %v", in, field, err)
		}
		read, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		words := func(s string) string { // lines are folded at blanks
			return strings.Join(strings.FieldsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f || c == utf8.RuneError }), " ")
		}
		if err != nil || words(read) != words(in) {
			t.Fatalf("%q becomes %q, which reads %q, %v", in, field, read, err)
		}
		if ours := DecodeHeader(strings.NewReplacer("\r\n", "").Replace(strings.TrimPrefix(field, "Subject:"))); words(ours) != words(in) {
			t.Fatalf("%q becomes %q, which we read %q", in, field, ours)
		}
	})
}

func TestIsASCII(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{"": true, "anna@school.test": true, "\x00\r\n\x7f": true, "grüße": false, "a\x80": false, "\xff": false} {
		if got := IsASCII(s); got != want {
			t.Errorf("IsASCII(%q) = %t", s, got)
		}
	}
}
