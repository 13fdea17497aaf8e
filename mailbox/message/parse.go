package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// lookAhead is how many bytes of a line's beginning must be in the window to tell whether it is a boundary:
// "--", the boundary, "--", and the line end.
const lookAhead = maxBoundary + 8

// parser walks over a message once. Its stack holds the open parts from the root to the part that is being read.
type parser struct {
	r    io.ReaderAt
	size int64

	window     []byte // buf[start:end] is read but not used yet
	start, end int
	base       int64 // offset of window[0] in the message

	lineStart bool
	lines     int64 // line ends before the current offset
	ending    int64 // length of the line end just before the current offset: 0, 1 (LF) or 2 (CRLF)
	lastByte  byte  // the byte before window[start]

	stack  []frame
	depth  int // how many of stack have a boundary: 0 means that nothing ends before the message does
	parts  int
	kept   int64 // bytes of header values kept so far
	opaque bool  // too many parts: the rest of the message belongs to the last one
	header []byte
	values []byte
	index  *Index
}

type frame struct {
	part     *Part
	boundary string // "" : no multipart, or its closing delimiter was seen
	lines    int64  // line ends before the part's body
}

// parsers keeps windows and scratch memory between messages.
var parsers = sync.Pool{New: func() any { return &parser{window: make([]byte, windowSize)} }}

// Parse reads size bytes of a message in one linear pass: boundary stack, depth ≤ 20, parts ≤ 1,000, header ≤ 256 KiB, 1,000 fields.
// Beyond a limit the content becomes one opaque part and Flawed is set; it never fails on content, only on r's errors. Memory is bounded
// (independent of size). CRLF and bare LF both end lines.
func Parse(r io.ReaderAt, size int64) (*Index, error) {
	p := parsers.Get().(*parser)
	defer p.release()
	p.r, p.size, p.index = r, size, &Index{Size: size}
	p.lineStart = true
	root := newPart()
	p.index.Root = root
	p.push(root)
	if err := p.readEntity(); err != nil {
		return nil, fmt.Errorf("message: parse at offset %d: %w", p.offset(), err)
	}
	x := p.index
	x.Headers.summarize(root.mail)
	root.walk(func(part *Part) {
		if part.attachment() {
			x.Headers.Attachments++
		}
	})
	return x, nil
}

func (p *parser) release() {
	if cap(p.header) > windowSize {
		p.header = nil
	}
	if cap(p.values) > windowSize {
		p.values = nil
	}
	clear(p.stack[:cap(p.stack)])
	*p = parser{window: p.window, header: p.header[:0], values: p.values[:0], stack: p.stack[:0]}
	parsers.Put(p)
}

func (p *parser) offset() int64 { return p.base + int64(p.start) }

// readEntity alternates between headers and bodies until the message ends.
func (p *parser) readEntity() error {
	for {
		again, err := p.readHeader()
		if err != nil {
			return err
		}
		for !again {
			again, err = p.readBody()
			if errors.Is(err, io.EOF) {
				p.closeTo(0, p.size)
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
}

// fill makes at least want bytes available unless the message ends before. It returns what is there.
func (p *parser) fill(want int) ([]byte, error) {
	if have := p.end - p.start; have >= want || p.base+int64(p.end) >= p.size {
		return p.window[p.start:p.end], nil
	}
	copy(p.window, p.window[p.start:p.end])
	p.base += int64(p.start)
	p.end -= p.start
	p.start = 0
	for p.end < want && p.base+int64(p.end) < p.size {
		free := p.window[p.end:]
		if left := p.size - p.base - int64(p.end); left < int64(len(free)) {
			free = free[:left]
		}
		n, err := p.r.ReadAt(free, p.base+int64(p.end))
		p.end += n
		if n == 0 {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return p.window[p.start:p.end], nil
}

// advance consumes n bytes. Its caller keeps lines, ending and lineStart.
func (p *parser) advance(n int) {
	if n > 0 {
		p.start += n
		p.lastByte = p.window[p.start-1]
	}
}

// readHeader reads the header of the innermost part, up to and with its blank line. again: another header follows at once
// (a boundary came before the blank line, or the body is itself a message).
func (p *parser) readHeader() (again bool, err error) {
	p.header = p.header[:0]
	for {
		w, err := p.fill(lookAhead)
		if err != nil {
			return false, err
		}
		if len(w) == 0 || (p.lineStart && blankLine(w) > 0) {
			p.headerLine(w[:blankLine(w)], true)
			return p.endHeader(), nil
		}
		if p.lineStart && p.depth > 0 && w[0] == '-' {
			if k, closing := p.matchBoundary(w); k >= 0 {
				p.endHeaderEarly()
				return p.boundary(k, closing, w)
			}
		}
		i := bytes.IndexByte(w, '\n')
		if i < 0 {
			p.headerLine(w, false)
			continue
		}
		p.headerLine(w[:i+1], true)
	}
}

// blankLine is the length of the empty line that w begins with, or 0.
func blankLine(w []byte) int {
	switch {
	case len(w) > 0 && w[0] == '\n':
		return 1
	case len(w) > 1 && w[0] == '\r' && w[1] == '\n':
		return 2
	}
	return 0
}

// headerLine takes a line, or a piece of one (ended false), into the header.
func (p *parser) headerLine(line []byte, ended bool) {
	room := MaxHeader - len(p.header)
	if len(line) > room {
		p.index.Flawed = true
	}
	p.header = append(p.header, line[:min(room, len(line))]...)
	p.consumeLine(line, ended)
}

// consumeLine advances over a line or a piece of one.
func (p *parser) consumeLine(line []byte, ended bool) {
	if len(line) == 0 {
		return
	}
	if ended {
		p.lineEnd(line)
	}
	p.lineStart = ended
	p.advance(len(line))
}

// lineEnd counts the line end that line closes with.
func (p *parser) lineEnd(line []byte) {
	p.lines++
	p.ending = 1
	before := p.lastByte
	if len(line) > 1 {
		before = line[len(line)-2]
	}
	if before == '\r' {
		p.ending = 2
	}
}

// endHeader interprets the header just read and enters the body.
func (p *parser) endHeader() (again bool) {
	f := &p.stack[len(p.stack)-1]
	f.part.Body = p.offset()
	f.lines = p.lines
	p.ending = 0 // the blank line belongs to the header, not to a boundary that follows at once
	boundary := p.readFields(f.part, p.digest())
	if (f.part.Multipart() || f.part.holdsMessage()) && (len(p.stack) >= MaxDepth || p.parts >= MaxParts) {
		p.index.Flawed = true
		f.part.toOpaque()
	}
	switch {
	case f.part.Multipart():
		f.boundary = boundary
		p.depth++
	case f.part.holdsMessage():
		child := newPart()
		f.part.Children = []*Part{child}
		p.push(child)
		return true
	}
	return false
}

// endHeaderEarly is endHeader for a header without blank line, just before a boundary.
func (p *parser) endHeaderEarly() {
	f := &p.stack[len(p.stack)-1]
	f.part.Body = p.offset()
	f.lines = p.lines
	p.readFields(f.part, p.digest())
	if f.part.Multipart() || f.part.holdsMessage() {
		f.part.toOpaque()
	}
}

// digest reports whether the innermost part's default type is message/rfc822. RFC 2046 §5.1.5.
func (p *parser) digest() bool {
	if len(p.stack) < 2 {
		return false
	}
	parent := p.stack[len(p.stack)-2].part
	return parent.Multipart() && parent.Subtype == "digest"
}

func (p *parser) push(part *Part) {
	part.Header = p.offset()
	if len(p.stack) == 0 || !p.stack[len(p.stack)-1].part.Multipart() {
		part.mail = &values{}
	}
	p.parts++
	p.stack = append(p.stack, frame{part: part})
}

// readBody reads on in the body, preamble or epilogue of the innermost part. again: a header follows. io.EOF: the message has ended.
func (p *parser) readBody() (again bool, err error) {
	w, err := p.fill(lookAhead)
	if err != nil {
		return false, err
	}
	if len(w) == 0 {
		return false, io.EOF
	}
	if p.depth == 0 || p.opaque {
		p.lines += int64(bytes.Count(w, newline))
		p.advance(len(w))
		return false, nil
	}
	if p.lineStart && w[0] == '-' {
		if k, closing := p.matchBoundary(w); k >= 0 {
			return p.boundary(k, closing, w)
		}
	}
	p.skipLines(w)
	return false, nil
}

var newline = []byte{'\n'}

// skipLines advances to the next line that begins with a hyphen, or to where the window must be filled again.
func (p *parser) skipLines(w []byte) {
	last := p.base+int64(p.end) >= p.size // the window reaches the message's end
	i := 0
	for {
		j := bytes.IndexByte(w[i:], '\n')
		if j < 0 {
			p.lineStart = false
			p.advance(len(w))
			return
		}
		from := i
		i += j + 1
		if i == len(w) || w[i] == '-' || (!last && len(w)-i < lookAhead) {
			if from > 0 {
				p.lastByte = '\n'
			}
			p.lineEnd(w[from:i])
			p.lineStart = true
			p.advance(i)
			return
		}
		p.lines++
	}
}

// matchBoundary finds which open multipart the line at w's beginning delimits (its index in the stack, else -1). RFC 2046 §5.1.1.
func (p *parser) matchBoundary(w []byte) (k int, closing bool) {
	if p.opaque || len(w) < 3 || w[1] != '-' {
		return -1, false
	}
	line := w[2:min(len(w), lookAhead)]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	line = bytes.TrimRight(line, " \t\r")
	for k = len(p.stack) - 1; k >= 0; k-- {
		b := p.stack[k].boundary
		if b == "" || len(line) < len(b) || string(line[:len(b)]) != b {
			continue
		}
		switch rest := line[len(b):]; {
		case len(rest) == 0:
			return k, false
		case len(rest) == 2 && rest[0] == '-' && rest[1] == '-':
			return k, true
		}
	}
	return -1, false
}

// boundary ends every part above stack[k] and, unless it closes the multipart, begins its next part. The delimiter line is consumed.
func (p *parser) boundary(k int, closing bool, w []byte) (again bool, err error) {
	p.closeTo(k+1, p.offset())
	multipart := &p.stack[k]
	if closing {
		multipart.boundary = ""
		p.depth--
	}
	for { // the delimiter's own line, however long its padding is
		if i := bytes.IndexByte(w, '\n'); i >= 0 {
			p.consumeLine(w[:i+1], true)
			break
		}
		p.consumeLine(w, false)
		if w, err = p.fill(1); err != nil {
			return false, err
		}
		if len(w) == 0 {
			break
		}
	}
	if closing {
		return false, nil
	}
	p.ending = 0
	child := newPart()
	if multipart.part.Children == nil {
		multipart.part.Children = make([]*Part, 0, 2)
	}
	multipart.part.Children = append(multipart.part.Children, child)
	p.push(child)
	if p.parts >= MaxParts {
		p.index.Flawed = true
		p.opaque = true
		child.toOpaque()
		child.Body = child.Header
		p.stack[len(p.stack)-1].lines = p.lines
		return false, nil
	}
	return true, nil
}

// closeTo ends the parts above the first n of the stack. at is where the delimiter's line begins, or the message's end.
func (p *parser) closeTo(n int, at int64) {
	end, lines := at, p.lines
	if at < p.size || n > 0 {
		end -= p.ending
		if p.ending > 0 {
			lines--
		}
	}
	for k := len(p.stack) - 1; k >= n; k-- {
		f := &p.stack[k]
		if f.part.Body > end { // the header ended at the delimiter, whose line end is not its own
			f.part.Body = max(end, f.part.Header)
		}
		f.part.End = max(end, f.part.Body)
		f.part.Lines = max(lines-f.lines, 0)
		if f.part.Multipart() && len(f.part.Children) == 0 {
			f.part.Children = []*Part{emptyPart(f.part.End)}
		}
		if f.boundary != "" {
			p.depth--
		}
	}
	p.stack = p.stack[:n]
}

// emptyPart stands in a multipart that has no part, which IMAP cannot express.
func emptyPart(at int64) *Part {
	part := &Part{Header: at, Body: at, End: at}
	part.toPlain()
	return part
}

// toOpaque makes p a part that is not looked into.
func (p *Part) toOpaque() {
	p.Type, p.Subtype, p.Charset = "application", "octet-stream", ""
	if p.Encoding == "" {
		p.Encoding = "8bit"
	}
	if p.mime != nil {
		p.mime.params = nil
	}
}

// toPlain makes p what a part without a usable Content-Type is. RFC 2045 §5.2.
func (p *Part) toPlain() {
	p.Type, p.Subtype, p.Charset = "text", "plain", "us-ascii"
	if p.Encoding == "" {
		p.Encoding = "7bit"
	}
	if p.mime != nil {
		p.mime.params = nil
	}
}

// holdsMessage reports whether p's type says that its body is a message.
func (p *Part) holdsMessage() bool {
	return p.Type == "message" && (p.Subtype == "rfc822" || p.Subtype == "global")
}

func (p *Part) attachment() bool {
	if p.Multipart() {
		return false
	}
	return p.Disposition == "attachment" || (p.Filename != "" && p.Disposition != "inline")
}
