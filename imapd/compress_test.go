package imapd

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever is written in whatever pieces is read by the standard library at once, piece by piece: each write ends on a byte
// boundary, or a client would wait for the rest. RFC 4978 §4.
func TestDeflatedWritesAreReadAtOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var wire bytes.Buffer
		d := &deflated{to: &wire}
		z := flate.NewReader(&wire)
		for range rapid.IntRange(1, 12).Draw(rt, "writes") {
			word := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(rt, "word")
			want := bytes.Repeat(word, rapid.SampledFrom([]int{1, 2, 50, 1500}).Draw(rt, "times"))
			n, err := d.Write(want)
			if err != nil || n != len(want) {
				rt.Fatalf("Write of %d bytes = %d, %v", len(want), n, err)
			}
			got := make([]byte, len(want))
			if _, err := io.ReadFull(z, got); err != nil || !bytes.Equal(got, want) {
				rt.Fatalf("a write of %d bytes cannot be read at once: %v", len(want), err)
			}
		}
	})
}

// What repeats what was said before takes little, across writes, too: the last 8 KiB are remembered.
func TestDeflatedRemembers(t *testing.T) {
	var wire bytes.Buffer
	d := &deflated{to: &wire}
	var text []byte
	for i := range 600 {
		text = append(text, byte(i*7919>>3), byte(i*104729>>5))
	}
	_, _ = d.Write(text) // a buffer takes everything
	first := wire.Len()
	_, _ = d.Write(text)
	if again := wire.Len() - first; again > first/4 {
		t.Errorf("%d bytes took %d the first time and %d the second", len(text), first, again)
	}
	if len(d.history) > historyKept {
		t.Errorf("%d bytes are remembered", len(d.history))
	}
}

// A write that fails says so, and does not claim to have sent anything.
func TestDeflatedReportsErrors(t *testing.T) {
	d := &deflated{to: brokenWriter{}}
	if n, err := d.Write([]byte("text")); err == nil || n != 0 {
		t.Errorf("Write = %d, %v", n, err)
	}
}

// A whole session over COMPRESS, sent in one piece behind the command that starts it and in single bytes. RFC 4978 §3.
func TestCompressedPipelines(t *testing.T) {
	ts := newTestServer(t)
	ts.opened(numbered(2)...)
	const plain = "a LOGIN anna \"" + testPassword + "\"\r\nb COMPRESS DEFLATE\r\n"
	const inside = "c SELECT INBOX\r\nd FETCH 1:2 (UID BODY.PEEK[])\r\ne SEARCH SUBJECT {6+}\r\nnumber\r\nf LOGOUT\r\n"
	var packed bytes.Buffer
	z, err := flate.NewWriter(&packed, 9)
	ts.check(err)
	_, _ = z.Write([]byte(inside)) // a buffer takes everything
	ts.check(z.Flush())
	pieces := map[string][][]byte{"behind its answer": {[]byte(plain), packed.Bytes()}, "in one piece": {append([]byte(plain), packed.Bytes()...)}}
	single := [][]byte{[]byte(plain)}
	for _, b := range packed.Bytes() {
		single = append(single, []byte{b})
	}
	pieces["byte by byte"] = single
	for name, in := range pieces {
		out := ts.converse(in...)
		head, rest, ok := strings.Cut(out, "b OK Compression active\r\n")
		if !ok {
			t.Fatalf("%s: %q", name, head)
		}
		text, _ := io.ReadAll(flate.NewReader(strings.NewReader(rest))) // the stream has no end
		for _, want := range []string{"c OK [READ-WRITE]", "* 2 FETCH (UID 2 BODY[]", "* SEARCH 1 2\r\n", "f OK Logged out\r\n"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: no %q in %q", name, want, text)
			}
		}
	}
}
