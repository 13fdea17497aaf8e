package message

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// WriteText writes the searchable text to w: decoded header values, one per line as "name: value", then the same of the parts' own headers
// with a tab before each, then an empty line, then the decoded text parts (text/*, incl. html without tags, message/rfc822 recursively, there with
// its header), UTF-8 without NUL; limit bytes at most (it says whether it was cut).
func WriteText(w io.Writer, r io.ReaderAt, x *Index, limit int64) (cut bool, err error) {
	lw := &limitWriter{w: w, left: limit}
	bw := bufio.NewWriterSize(lw, decodeBuffer)
	err = writeText(bw, r, x.Root)
	if err == nil {
		err = bw.Flush()
	}
	if errors.Is(err, errLimit) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("message: searchable text: %w", err)
	}
	return false, nil
}

var errLimit = errors.New("limit reached")

// limitWriter lets left bytes through, cutting at a character's border.
type limitWriter struct {
	w    io.Writer
	left int64
}

func (l *limitWriter) Write(b []byte) (int, error) {
	if int64(len(b)) <= l.left {
		l.left -= int64(len(b))
		return l.w.Write(b)
	}
	n := int(l.left)
	for n > 0 && !utf8.RuneStart(b[n]) {
		n--
	}
	l.left = 0
	if _, err := l.w.Write(b[:n]); err != nil {
		return 0, err
	}
	return n, errLimit
}

func writeText(w *bufio.Writer, r io.ReaderAt, root *Part) error {
	if err := writeHeader(w, r, root, ""); err != nil {
		return err
	}
	if err := writePartHeaders(w, r, root); err != nil {
		return err
	}
	if err := w.WriteByte('\n'); err != nil {
		return err
	}
	return writeBodies(w, r, root)
}

// writePartHeaders writes the MIME headers of all parts below p, but not the headers of embedded messages: those are text.
func writePartHeaders(w *bufio.Writer, r io.ReaderAt, p *Part) error {
	for _, c := range p.Children {
		if c.mail == nil && !p.Embedded() {
			if err := writeHeader(w, r, c, "\t"); err != nil {
				return err
			}
		}
		if err := writePartHeaders(w, r, c); err != nil {
			return err
		}
	}
	return nil
}

// writeHeader writes p's fields, decoded, one per line after indent.
func writeHeader(w *bufio.Writer, r io.ReaderAt, p *Part, indent string) error {
	size := min(p.Body-p.Header, MaxHeader)
	if size == 0 {
		return nil
	}
	header := make([]byte, size)
	if _, err := r.ReadAt(header, p.Header); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	var scratch []byte
	for n := 0; n < MaxFields && len(header) > 0 && blankLine(header) == 0; n++ {
		name, body, rest := nextField(header)
		header = rest
		scratch = appendUnfolded(scratch[:0], body)
		w.WriteString(indent)
		if len(name) > 0 {
			w.Write(name)
			w.WriteString(": ")
		}
		w.WriteString(decodeField(name, string(scratch)))
		if err := w.WriteByte('\n'); err != nil { // errors of a bufio.Writer stay
			return err
		}
	}
	return nil
}

// decodeField decodes a field's value for search: encoded words, and in parameters RFC 2231 as well.
func decodeField(name []byte, value string) string {
	decoded := DecodeHeader(value)
	switch fieldOf(name) {
	case fieldContentType, fieldDisposition:
		if !strings.Contains(value, "*") {
			break
		}
		i := strings.IndexByte(value, ';')
		if i < 0 {
			break
		}
		for _, p := range parseParams(nil, value[i:]) {
			if p.extended {
				decoded += "; " + p.name + "=" + p.decode()
			}
		}
	}
	if strings.ContainsAny(decoded, "\r\n\x00") {
		decoded = lineBreaks.Replace(decoded)
	}
	return decoded
}

var lineBreaks = strings.NewReplacer("\r", " ", "\n", " ", "\x00", "")

// writeBodies writes the text of p and of the parts below it.
func writeBodies(w *bufio.Writer, r io.ReaderAt, p *Part) error {
	if p.Embedded() {
		if err := writeHeader(w, r, p.Children[0], ""); err != nil {
			return err
		}
		if err := w.WriteByte('\n'); err != nil {
			return err
		}
	}
	for _, c := range p.Children {
		if err := writeBodies(w, r, c); err != nil {
			return err
		}
	}
	if len(p.Children) > 0 || !p.readable() {
		return nil
	}
	text, err := p.text(r)
	if err != nil {
		return err
	}
	if p.Subtype == "html" {
		err = htmlText(w, text)
	} else {
		_, err = io.Copy(w, text)
	}
	if err != nil {
		return err
	}
	return w.WriteByte('\n')
}

// readable: text of any kind, and the reports that are text by another name (RFC 3464, RFC 3798).
func (p *Part) readable() bool {
	return p.Type == "text" || p.Type == "message"
}

// text reads the part as UTF-8 without NUL and CR. An unknown transfer encoding or charset is read as it is.
func (p *Part) text(r io.ReaderAt) (io.Reader, error) {
	raw, err := Decoded(r, p)
	if err != nil {
		raw = io.NewSectionReader(r, p.Body, p.End-p.Body)
	}
	e, _ := encodingOf(p.Charset)
	if e == nil {
		return transform.NewReader(raw, rawDecoder{}), nil
	}
	return transform.NewReader(transform.NewReader(raw, e.NewDecoder()), rawDecoder{}), nil
}

// WritePart writes the text of one part without children: transfer-decoded, UTF-8 without NUL and CR. markup: HTML keeps its
// tags; otherwise it is read as people see it. limit bytes at most.
func WritePart(w io.Writer, r io.ReaderAt, p *Part, markup bool, limit int64) error {
	text, err := p.text(r)
	if err != nil {
		return err
	}
	text = io.LimitReader(text, limit)
	if p.Subtype == "html" && !markup {
		return htmlText(w, text)
	}
	_, err = io.Copy(w, text)
	return err
}

// rawDecoder makes valid UTF-8 of UTF-8 with stray bytes, each of which is read as windows-1252. It drops NUL and CR.
type rawDecoder struct{ transform.NopResetter }

func (rawDecoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if nDst+utf8.UTFMax > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		c := src[nSrc]
		if c < utf8.RuneSelf {
			if c != 0 && c != '\r' {
				dst[nDst] = c
				nDst++
			}
			nSrc++
			continue
		}
		if !atEOF && !utf8.FullRune(src[nSrc:]) {
			return nDst, nSrc, transform.ErrShortSrc
		}
		if r, n := utf8.DecodeRune(src[nSrc:]); r != utf8.RuneError || n > 1 {
			nDst += copy(dst[nDst:], src[nSrc:nSrc+n])
			nSrc += n
			continue
		}
		nDst += copy(dst[nDst:], fromWindows1252(string(src[nSrc:nSrc+1])))
		nSrc++
	}
	return nDst, nSrc, nil
}

// Preview is at most 200 characters of readable text (RFC 8970 §3), from text/plain or else stripped text/html.
func Preview(r io.ReaderAt, x *Index) string {
	p := x.Root.previewPart("plain")
	if p == nil {
		p = x.Root.previewPart("html")
	}
	if p == nil {
		return ""
	}
	text, err := p.text(io.NewSectionReader(r, 0, x.Size))
	if err != nil {
		return ""
	}
	w := &previewWriter{out: make([]byte, 0, 2*maxPreview)}
	if p.Subtype == "html" {
		err = htmlText(w, text)
	} else {
		err = copySmall(w, text)
	}
	if err != nil && !errors.Is(err, errLimit) {
		return ""
	}
	return norm.NFC.String(string(w.out))
}

// copySmall is io.Copy for a reader that is not read to its end.
func copySmall(w io.Writer, r io.Reader) error {
	var buf [1 << 10]byte
	for {
		n, err := r.Read(buf[:])
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// previewWriter takes text until it has maxPreview characters: white space joined, control characters left out.
type previewWriter struct {
	out   []byte
	n     int
	space bool
	part  []byte // the beginning of a character whose rest comes with the next Write
}

func (p *previewWriter) Write(b []byte) (int, error) {
	size := len(b)
	if len(p.part) > 0 {
		b = append(p.part, b...)
		p.part = nil
	}
	for len(b) > 0 {
		r, n := rune(b[0]), 1
		if r >= utf8.RuneSelf {
			if !utf8.FullRune(b) {
				p.part = append([]byte(nil), b...)
				break
			}
			r, n = utf8.DecodeRune(b)
		}
		b = b[n:]
		switch {
		case unicode.IsSpace(r):
			p.space = p.n > 0
			continue
		case unicode.IsControl(r) || isBidiControl(r):
			continue
		}
		if p.space {
			if p.n >= maxPreview-1 {
				return size, errLimit // a space and nothing behind it
			}
			p.out = append(p.out, ' ')
			p.n++
		}
		p.space = false
		p.out = utf8.AppendRune(p.out, r)
		if p.n++; p.n >= maxPreview {
			return size, errLimit
		}
	}
	return size, nil
}

// previewPart finds the first text part of a subtype that is no attachment and not within an embedded message.
func (p *Part) previewPart(subtype string) *Part {
	if p.Type == "text" && p.Subtype == subtype && p.Disposition != "attachment" && p.End > p.Body {
		return p
	}
	if p.Multipart() {
		for _, c := range p.Children {
			if found := c.previewPart(subtype); found != nil {
				return found
			}
		}
	}
	return nil
}
