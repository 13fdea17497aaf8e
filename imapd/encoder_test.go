package imapd

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"

	"schulhof/mailbox"
)

func newTestEncoder(out *bytes.Buffer) *encoder {
	pool := &sync.Pool{New: func() any { b := make([]byte, 0, largeRead); return &b }}
	w := &encoder{out: out, pool: pool}
	w.ensure()
	return w
}

func TestEncodeString(t *testing.T) {
	tests := []struct {
		name, in string
		utf8     bool
		want     string
	}{
		{"plain", "a b", false, `"a b"`},
		{"empty", "", false, `""`},
		{"quotes and backslashes", `a"b\c`, false, `"a\"b\\c"`},
		{"a line end needs a literal", "a\r\nb", false, "{4}\r\na\r\nb"},
		{"8 bits need a literal", "ä", false, "{2}\r\nä"},
		{"unless UTF-8 is enabled", "ä", true, `"ä"`},
		{"invalid UTF-8 needs it always", "\xff", true, "{1}\r\n\xff"},
		{"long strings too", strings.Repeat("a", 2000), false, "{2000}\r\n" + strings.Repeat("a", 2000)},
	}
	for _, test := range tests {
		w := newTestEncoder(nil)
		w.utf8 = test.utf8
		w.string(test.in)
		if got := string(w.buf); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestEncodeMailbox(t *testing.T) {
	tests := []struct {
		in   string
		utf8 bool
		want string
	}{
		{"INBOX", false, "INBOX"}, {"Klasse/7b", false, "Klasse/7b"}, {"a b", false, `"a b"`}, {"", false, `""`}, {"R&D", false, `"R&-D"`},
		{"R&D", true, `"R&D"`}, {"Übung", false, `"&ANw-bung"`}, {"Übung", true, `"Übung"`}, {`ü"\`, false, `"&APw-\"\\"`}, {"50%", false, `"50%"`},
	}
	for _, test := range tests {
		w := newTestEncoder(nil)
		w.nameUTF8 = test.utf8
		w.mailbox(test.in)
		if got := string(w.buf); got != test.want {
			t.Errorf("mailbox(%q) with UTF-8 %v: %s, want %s", test.in, test.utf8, got, test.want)
		}
		c := connOver(test.want + "\r\n")
		c.parser.maxText, c.parser.nameUTF8 = maxLine, test.utf8
		if err := c.parser.begin(); err != nil {
			t.Fatal(err)
		}
		if back := c.parser.mailbox(); back != test.in {
			t.Errorf("%s is read as %q, %v", test.want, back, c.parser.err)
		}
	}
}

func TestEncodeFlags(t *testing.T) {
	w := newTestEncoder(nil)
	w.flags([]string{"$a", "$b"}, mailbox.Seen|mailbox.Draft|1<<6|1<<40)
	if got, want := string(w.buf), `(\Seen \Draft $b)`; got != want {
		t.Errorf("flags = %s, want %s", got, want)
	}
}

// What was written in any mixture of ways comes out in order.
func TestEncoderKeepsOrder(t *testing.T) {
	var out, want bytes.Buffer
	w := newTestEncoder(&out)
	for i := range 300 {
		piece := bytes.Repeat([]byte{byte('a' + i%26)}, i*i)
		want.Write(piece)
		if i%2 == 0 {
			if _, err := w.Write(piece); err != nil {
				t.Fatal(err)
			}
			continue
		}
		w.bytes(piece)
		if err := w.flushIfFull(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.flush(); err != nil {
		t.Fatal(err)
	}
	w.release()
	if !bytes.Equal(out.Bytes(), want.Bytes()) || w.buf != nil {
		t.Error("bytes are missing or out of order")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestEncoderErrorSticks(t *testing.T) {
	w := newTestEncoder(nil)
	w.out = brokenWriter{}
	w.str("x")
	if w.flush() == nil || w.flushIfFull() == nil {
		t.Error("the error is lost")
	}
	if _, err := w.Write(make([]byte, flushAt)); err == nil {
		t.Error("Write after an error succeeds")
	}
}
