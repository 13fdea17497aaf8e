package message

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// htmlText writes the readable text of an HTML document (UTF-8) to w: no tags, no scripts and styles, blocks as lines, images by their alt text.
// It stops without error at a token that is longer than any program writes; errors are w's and r's.
func htmlText(w io.Writer, r io.Reader) error {
	t := html.NewTokenizer(r)
	t.SetMaxBuf(maxToken)
	out := textJoiner{w: w}
	hidden := atom.Atom(0) // the element whose content is left out
	for out.err == nil {
		switch t.Next() {
		case html.ErrorToken:
			switch err := t.Err(); err { //nolint:errorlint // the tokenizer returns them bare
			case io.EOF, html.ErrBufferExceeded:
				return out.err
			default:
				return err
			}
		case html.TextToken:
			if hidden == 0 {
				out.text(t.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := t.TagName()
			a := atom.Lookup(name)
			switch {
			case hidden != 0:
			case a == atom.Script || a == atom.Style || a == atom.Title:
				hidden = a
			case a == atom.Img && more:
				out.alt(t)
			case block(a):
				out.newline()
			}
		case html.EndTagToken:
			name, _ := t.TagName()
			a := atom.Lookup(name)
			if hidden != 0 && a == hidden {
				hidden = 0
			} else if hidden == 0 && block(a) {
				out.newline()
			}
		}
	}
	return out.err
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
