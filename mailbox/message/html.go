package message

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// htmlText writes the readable text of an HTML document (UTF-8) to w: no tags, no scripts and styles, blocks as lines, images by their alt text.
// Memory is bounded by maxToken: a longer text comes in pieces, the rest of a longer tag (a picture within it) is passed over.
func htmlText(w io.Writer, r io.Reader) error {
	h := htmlReader{out: textJoiner{w: w}}
	for {
		t := html.NewTokenizer(r)
		t.SetMaxBuf(maxToken)
		err := h.tokens(t)
		if !errors.Is(err, html.ErrBufferExceeded) {
			return err
		}
		rest := io.MultiReader(bytes.NewReader(bytes.Clone(t.Buffered())), r)
		if raw := t.Raw(); len(raw) > 0 && raw[0] == '<' {
			br := bufio.NewReaderSize(rest, decodeBuffer)
			for errFull := bufio.ErrBufferFull; errors.Is(errFull, bufio.ErrBufferFull); {
				_, errFull = br.ReadSlice('>')
			}
			rest = br
		}
		r = rest
	}
}

// htmlReader turns tokens into text.
type htmlReader struct {
	out    textJoiner
	hidden atom.Atom // the element whose content is left out
}

// tokens reads to the end of t (nil), or to its first error.
func (h *htmlReader) tokens(t *html.Tokenizer) error {
	for h.out.err == nil {
		switch t.Next() {
		case html.ErrorToken:
			if err := t.Err(); !errors.Is(err, io.EOF) {
				return err
			}
			return nil
		case html.TextToken:
			if h.hidden == 0 {
				h.out.text(t.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			h.start(t)
		case html.EndTagToken:
			name, _ := t.TagName()
			a := atom.Lookup(name)
			if h.hidden != 0 && a == h.hidden {
				h.hidden = 0
			} else if h.hidden == 0 && block(a) {
				h.out.newline()
			}
		}
	}
	return h.out.err
}

func (h *htmlReader) start(t *html.Tokenizer) {
	name, more := t.TagName()
	a := atom.Lookup(name)
	switch {
	case h.hidden != 0:
	case a == atom.Script || a == atom.Style || a == atom.Title:
		h.hidden = a
	case a == atom.Img && more:
		h.out.alt(t)
	case block(a):
		h.out.newline()
	}
}

// block reports whether an element begins a line of its own.
func block(a atom.Atom) bool {
	switch a {
	case atom.P, atom.Div, atom.Br, atom.Tr, atom.Table, atom.Li, atom.Ul, atom.Ol, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6,
		atom.Blockquote, atom.Pre, atom.Hr, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Dt, atom.Dd, atom.Body, atom.Form:
		return true
	case atom.Td, atom.Th:
		return true
	}
	return false
}

// textJoiner joins white space as a browser would and writes lines.
type textJoiner struct {
	w     io.Writer
	err   error
	buf   []byte
	space bool // white space is due before the next text
	line  bool // a line end is
	any   bool // something was written
}

func (j *textJoiner) newline() { j.line = true }

func (j *textJoiner) alt(t *html.Tokenizer) {
	for more := true; more; {
		var key, value []byte
		key, value, more = t.TagAttr()
		if string(key) == "alt" && len(value) > 0 {
			j.space = true
			j.text(value)
			j.space = true
		}
	}
}

func (j *textJoiner) text(b []byte) {
	j.buf = j.buf[:0]
	for len(b) > 0 {
		c := b[0]
		if c < utf8.RuneSelf {
			b = b[1:]
			if c == ' ' || (c >= '\t' && c <= '\r') {
				j.space = true
				continue
			}
			j.gap()
			j.buf = append(j.buf, c)
			continue
		}
		r, n := utf8.DecodeRune(b)
		if unicode.IsSpace(r) { // also the no-break space
			j.space = true
		} else if r != 0xad && r != 0x200b && r != 0x200c && r != 0xfeff { // fillers that hide words from a search
			j.gap()
			j.buf = append(j.buf, b[:n]...)
		}
		b = b[n:]
	}
	if len(j.buf) > 0 && j.err == nil {
		_, j.err = j.w.Write(j.buf)
	}
}

// gap writes the white space that is due.
func (j *textJoiner) gap() {
	if j.any && j.line {
		j.buf = append(j.buf, '\n')
	} else if j.any && j.space {
		j.buf = append(j.buf, ' ')
	}
	j.any, j.space, j.line = true, false, false
}

// joinSpace makes one line of s.
func joinSpace(s string) string { return strings.Join(strings.Fields(s), " ") }
