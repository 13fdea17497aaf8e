package message

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// mutations are what happens to mail on its way, or is done to it on purpose.
var mutations = map[string]func(t *rapid.T, mail []byte) []byte{
	"a piece is missing": func(t *rapid.T, mail []byte) []byte {
		from := rapid.IntRange(0, len(mail)).Draw(t, "from")
		to := rapid.IntRange(from, len(mail)).Draw(t, "to")
		return append(append([]byte{}, mail[:from]...), mail[to:]...)
	},
	"it ends early": func(t *rapid.T, mail []byte) []byte {
		return mail[:rapid.IntRange(0, len(mail)).Draw(t, "end")]
	},
	"a piece is there twice": func(t *rapid.T, mail []byte) []byte {
		from := rapid.IntRange(0, len(mail)).Draw(t, "from")
		to := rapid.IntRange(from, len(mail)).Draw(t, "to")
		return append(append(append([]byte{}, mail[:to]...), mail[from:to]...), mail[to:]...)
	},
	"bytes are others": func(t *rapid.T, mail []byte) []byte {
		out := append([]byte{}, mail...)
		for range rapid.IntRange(1, 20).Draw(t, "count") {
			if len(out) > 0 {
				out[rapid.IntRange(0, len(out)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
			}
		}
		return out
	},
	"line ends are bare": func(_ *rapid.T, mail []byte) []byte { return bytes.ReplaceAll(mail, []byte("\r\n"), []byte("\n")) },
	"line ends are CR":   func(_ *rapid.T, mail []byte) []byte { return bytes.ReplaceAll(mail, []byte("\r\n"), []byte("\r")) },
	"line ends are doubled": func(_ *rapid.T, mail []byte) []byte {
		return bytes.ReplaceAll(mail, []byte("\r\n"), []byte("\r\r\n"))
	},
	"a line is inserted": func(t *rapid.T, mail []byte) []byte {
		lines := bytes.SplitAfter(mail, []byte("\n"))
		at := rapid.IntRange(0, len(lines)-1).Draw(t, "at")
		line := rapid.SampledFrom([]string{"\r\n", "--b\r\n", "--b--\r\n", "--b1\r\n", "--b1--\r\n", "Content-Type: message/rfc822\r\n",
			"Content-Type: multipart/mixed; boundary=b\r\n", " folded\r\n", "To: (((\r\n", "Subject: \"\r\n", "\x00\xff\r\n", "=?utf-8?b?\r\n"}).Draw(t, "line")
		return bytes.Join([][]byte{bytes.Join(lines[:at], nil), []byte(line), bytes.Join(lines[at:], nil)}, nil)
	},
}

// However a message is broken: its parts lie in order within each other, what IMAP says of it is well formed, and its text is UTF-8.
func TestBrokenMessagesStayInBounds(t *testing.T) {
	for name, mutate := range mutations {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				_, mail := drawMail(rt)
				for range rapid.IntRange(1, 3).Draw(rt, "times") {
					mail = mutate(rt, mail)
				}
				verify(t, mail)
			})
		})
	}
}

// A message that is cut at any byte is still understood, and up to the cut in the same way: no part begins elsewhere.
func TestEveryBeginningOfAMessage(t *testing.T) {
	mail := []byte(crlf("From: a@b\nContent-Type: multipart/mixed; boundary=b\n\npre\n--b\nContent-Type: message/rfc822\n\nSubject: in\n\ntext\n" +
		"--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\none\n--c\n\ntwo\n--c--\n--b--\npost\n"))
	starts := map[int64]bool{}
	verify(t, mail).Root.walk(func(p *Part) { starts[p.Header] = true })
	if len(starts) != 6 {
		t.Fatalf("%d parts begin in the whole message", len(starts))
	}
	for n := range mail {
		x := verify(t, mail[:n])
		x.Root.walk(func(p *Part) {
			if p.Header < int64(n) && p.Header != p.End && !starts[p.Header] {
				t.Errorf("cut at %d: a %s/%s begins at %d", n, p.Type, p.Subtype, p.Header)
			}
		})
	}
}

// With bare LF the same parts are found, with the same contents. RFC 5322 §2.3 forbids it; files have it.
func TestLineEndsDoNotChangeTheParts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		_, mail := drawMail(rt)
		bare := bytes.ReplaceAll(mail, []byte("\r\n"), []byte("\n"))
		a, b := verify(t, mail), verify(t, bare)
		sameParts(rt, a.Root, b.Root, mail, bare)
		if a.Headers.Subject != b.Headers.Subject || len(a.Headers.To) != len(b.Headers.To) || !a.Headers.Date.Equal(b.Headers.Date) {
			rt.Fatalf("headers differ: %+v and %+v", a.Headers, b.Headers)
		}
	})
}

func sameParts(t *rapid.T, a, b *Part, mailA, mailB []byte) {
	if a.Type != b.Type || a.Subtype != b.Subtype || a.Lines != b.Lines || len(a.Children) != len(b.Children) {
		t.Fatalf("%s/%s with %d lines and %d parts became %s/%s with %d and %d", a.Type, a.Subtype, a.Lines, len(a.Children), b.Type, b.Subtype, b.Lines, len(b.Children))
	}
	if got := bytes.ReplaceAll(mailA[a.Body:a.End], []byte("\r\n"), []byte("\n")); !bytes.Equal(got, mailB[b.Body:b.End]) {
		t.Fatalf("%s/%s is %q and %q", a.Type, a.Subtype, got, mailB[b.Body:b.End])
	}
	for i := range a.Children {
		sameParts(t, a.Children[i], b.Children[i], mailA, mailB)
	}
}

// stingyReader gives as little as it may, as a disk or a network can.
type stingyReader struct {
	r    io.ReaderAt
	most int
}

func (s stingyReader) ReadAt(b []byte, off int64) (int, error) {
	return s.r.ReadAt(b[:min(len(b), s.most)], off)
}

// How much each read gives makes no difference.
func TestShortReadsChangeNothing(t *testing.T) {
	long := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\nContent-Type: text/html\r\n\r\n"+strings.Repeat("text ", 500)+"\r\n", 60) + "--b--\r\n"
	for name, mail := range map[string]string{"typical": string(typicalMail()), "nested": nested(15), "longer than the window": long} {
		want := parse(t, mail)
		for _, most := range []int{1, 3, 77, lookAhead - 1, lookAhead, lookAhead + 1, windowSize - 1} {
			if most < 10 && len(mail) > windowSize {
				continue // tested with the short ones
			}
			x, err := Parse(stingyReader{strings.NewReader(mail), most}, int64(len(mail)))
			if err != nil {
				t.Fatalf("%s, %d bytes at once: %v", name, most, err)
			}
			if !bytes.Equal(x.Layout(), want.Layout()) || !bytes.Equal(x.BodyStructure(true), want.BodyStructure(true)) || !bytes.Equal(x.Envelope(true), want.Envelope(true)) {
				t.Errorf("%s, %d bytes at once: another index", name, most)
			}
		}
	}
}

// Delimiters are found wherever they lie in relation to the window that is read at once.
func TestDelimitersAtEveryPlaceOfTheWindow(t *testing.T) {
	const head = "Content-Type: multipart/mixed; boundary=boundary\r\n\r\n--boundary\r\n\r\n"
	for shift := -lookAhead - 20; shift <= 20; shift++ {
		first := strings.Repeat("x", windowSize-len(head)+shift)
		mail := head + first + "\r\n--boundary  \r\nContent-Type: text/html\r\n\r\nsecond\r\n--boundary--\r\n"
		x := parse(t, mail)
		if len(x.Root.Children) != 2 || x.Root.Children[0].End-x.Root.Children[0].Body != int64(len(first)) || x.Root.Children[1].Subtype != "html" {
			t.Fatalf("a delimiter %d bytes from the window's end: %d parts", shift, len(x.Root.Children))
		}
	}
}
