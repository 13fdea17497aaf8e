package remote

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestReply reads replies of every form.
func TestReply(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		want     string // code, enhanced code, text
		err      error
	}{
		{"one line", "250 2.1.5 fine\r\n", "250 2.1.5 fine", nil},
		{"several lines", "550-5.7.1 no\r\n550-5.7.1 mail\r\n550 5.7.1 today\r\n", "550 5.7.1 no mail today", nil},
		{"no text", "250\r\n", "250 2.0.0 250", nil},
		{"no text behind the blank", "250 \r\n", "250 2.0.0 250", nil},
		{"bare LF", "250-a\n250 b\n", "250 2.0.0 a b", nil},
		{"an enhanced code of another class", "550 2.1.1 x\r\n", "550 5.0.0 2.1.1 x", nil},
		{"an enhanced code that is too long", "550 5.1111.1 x\r\n", "550 5.0.0 5.1111.1 x", nil},
		{"what looks like one", "550 5.1.1.1 x\r\n", "550 5.0.0 5.1.1.1 x", nil},
		{"an enhanced code alone", "550 5.1.1\r\n", "550 5.1.1 550", nil},
		{"3 is no class", "451 3.1.1 x\r\n", "451 4.0.0 3.1.1 x", nil},
		{"control characters, tabs and other letters", "451 a\tb\x07\xc3\xa4\r\n", "451 4.0.0 a b???", nil},
		{"no code", "hello\r\n", "", errNoReply},
		{"a code that is none", "199 x\r\n", "", errNoReply},
		{"another code that is none", "650 x\r\n", "", errNoReply},
		{"no blank behind the code", "250x\r\n", "", errNoReply},
		{"an empty line", "\r\n", "", errNoReply},
		{"two codes", "250-a\r\n251 b\r\n", "", errNoReply},
		{"too many lines", strings.Repeat("250-x\r\n", maxReplyLines+1), "", errLongReply},
		{"too long a line", "250 " + strings.Repeat("x", maxReplyLine) + "\r\n", "", errLongReply},
		{"the end inside", "250-a\r\n", "", io.EOF},
		{"the end inside of a line", "250 a", "", io.EOF},
	}
	for _, tt := range tests {
		p, err := readReply(bufio.NewReaderSize(strings.NewReader(tt.in), maxReplyLine))
		got := ""
		if err == nil {
			r := p.result()
			got = strings.Join([]string{tt.in[:3], r.Enhanced, r.Text}, " ")
		}
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %q, %v, want %q, %v", tt.name, got, err, tt.want, tt.err)
		}
	}
}

// FuzzReply: whatever a server says, what is kept of it is clean and bounded, and never a success out of place.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{"220 x\r\n", "250-a\r\n250 b\r\n", "354 2.0.0\n", "550 5.1.1 \xff\x00\r\n", "421", "2500\r\n", "250-\r\n250-\r\n250\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := readReply(bufio.NewReaderSize(strings.NewReader(string(in)), maxReplyLine))
		if err != nil {
			return
		}
		for _, r := range []Result{p.result(), p.failed()} {
			if len(r.Text) > maxText || !utf8.ValidString(r.Text) || strings.ContainsAny(r.Text, "\r\n\x00\x1b") || r.Text == "" {
				t.Errorf("text %q", r.Text)
			}
			if code, _ := cutEnhanced(r.Enhanced); code != r.Enhanced && r.Enhanced != "3.0.0" {
				t.Errorf("enhanced code %q", r.Enhanced)
			}
		}
		if r := p.failed(); r.Code != 0 && r.Code/100 < 4 || r.Temporary != (r.Code/100 != 5) {
			t.Errorf("failed reply %+v", r)
		}
	})
}
