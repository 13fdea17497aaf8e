package authenticate

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"strings"
)

var crlf = []byte("\r\n")

// form is a canonical form of header fields or of a body. RFC 6376 §3.4.
type form uint8

const (
	simple form = iota
	relaxed
)

// appendField writes a header field in form f. RFC 6376 §3.4.1, §3.4.2.
func (f form) appendField(dst, raw []byte) []byte {
	if f == simple {
		return append(dst, raw...)
	}
	name, value, _ := bytes.Cut(raw, []byte(":"))
	for _, c := range bytes.TrimRight(name, " \t\r\n") {
		dst = append(dst, lower(c))
	}
	dst = append(dst, ':')
	return append(appendWords(dst, value), crlf...)
}

// appendWords writes value unfolded, each run of white space as one space and none at the ends.
func appendWords(dst, value []byte) []byte {
	start := len(dst)
	space := false
	for _, c := range value {
		switch c {
		case ' ', '\t', '\r', '\n':
			space = true
		default:
			if space && len(dst) > start {
				dst = append(dst, ' ')
			}
			space = false
			dst = append(dst, c)
		}
	}
	return dst
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// bodyHash is the SHA-256 of a body in a canonical form, which is made while the body streams by. Empty lines are only counted until
// text follows, so that a body of nothing else costs no memory.
type bodyHash struct {
	form  form
	sum   hash.Hash
	out   []byte // collected for sum
	lines int    // line ends that count only if text follows
	space bool   // white space that counts only if text follows in its line (relaxed)
	cr    bool   // the last byte was CR
	text  bool   // there was any
}

func newBodyHash(f form) *bodyHash {
	return &bodyHash{form: f, sum: sha256.New(), out: make([]byte, 0, 8<<10)}
}

// Write takes the next bytes.
func (b *bodyHash) Write(p []byte) (int, error) {
	for i := 0; i < len(p); {
		c := p[i]
		switch {
		case b.cr && c == '\n':
			b.cr, b.space = false, false
			b.lines++
			i++
			continue
		case b.cr:
			b.cr = false
			b.take('\r') // not a line end: text like any other
		}
		switch {
		case c == '\r':
			b.cr = true
			i++
		case b.form == relaxed && (c == ' ' || c == '\t'):
			b.space = true
			i++
		default:
			n := b.run(p[i:])
			b.take(p[i : i+n]...)
			i += n
		}
	}
	return len(p), nil
}

// run is how many bytes at the beginning of p are plain text, at least one.
func (b *bodyHash) run(p []byte) int {
	if b.form == simple {
		if i := bytes.IndexByte(p[1:], '\r'); i >= 0 {
			return 1 + i
		}
		return len(p)
	}
	for i, c := range p {
		if i > 0 && (c == '\r' || c == ' ' || c == '\t') {
			return i
		}
	}
	return len(p)
}

// take puts out text, and before it what has waited for it.
func (b *bodyHash) take(text ...byte) {
	for ; b.lines > 0; b.lines-- {
		b.put(crlf...)
	}
	if b.space {
		b.space = false
		b.put(' ')
	}
	b.text = true
	b.put(text...)
}

func (b *bodyHash) put(p ...byte) {
	if len(b.out)+len(p) > cap(b.out) {
		b.sum.Write(b.out)
		b.out = b.out[:0]
	}
	if len(p) > cap(b.out) {
		b.sum.Write(p)
		return
	}
	b.out = append(b.out, p...)
}

// Sum ends the body and returns its hash. RFC 6376 §3.4.3 and §3.4.4: text ends with one CRLF, an empty body is one CRLF in the simple
// form and nothing in the relaxed one.
func (b *bodyHash) Sum() []byte {
	if b.cr {
		b.take('\r')
	}
	if b.text || b.form == simple {
		b.put(crlf...)
	}
	b.sum.Write(b.out)
	b.out = b.out[:0]
	return b.sum.Sum(nil)
}

// hashBody reads body once for all the forms in want.
func hashBody(body io.Reader, want map[form]bool) (map[form][]byte, error) {
	var hashes []*bodyHash
	var writers []io.Writer
	for _, f := range []form{simple, relaxed} {
		if want[f] {
			h := newBodyHash(f)
			hashes, writers = append(hashes, h), append(writers, h)
		}
	}
	if len(hashes) == 0 {
		return nil, nil
	}
	if _, err := io.Copy(io.MultiWriter(writers...), body); err != nil {
		return nil, err
	}
	sums := map[form][]byte{}
	for _, h := range hashes {
		sums[h.form] = h.Sum()
	}
	return sums, nil
}

// parseForms reads c=: the header's form and the body's, simple where it says nothing. RFC 6376 §3.5.
func parseForms(s string) (head, body form, ok bool) {
	names := map[string]form{"": simple, "simple": simple, "relaxed": relaxed}
	h, b, _ := strings.Cut(strings.ToLower(s), "/")
	head, ok1 := names[h]
	body, ok2 := names[b]
	return head, body, ok1 && ok2
}
