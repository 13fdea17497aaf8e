package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"schulhof/mailbox/message"
)

// mboxReader splits an mbox file into messages. It knows the variants mboxo and mboxrd (lines that begin with "From " are
// quoted with ">"), mboxcl (quoted, and a Content-Length) and mboxcl2 (a Content-Length alone). RFC 4155 appendix A,
// https://www.loc.gov/preservation/digital/formats/fdd/fdd000383.shtml
type mboxReader struct {
	file io.ReaderAt
	size int64
	off  int64 // where the next "From " line starts
}

// mboxMessage is one message: where it lies, and what stands around it.
type mboxMessage struct {
	from, to int64 // the message without its "From " line and the empty line behind it
	date     time.Time
	quoted   bool // ">From " lines lose a ">"
	exact    bool // its length was given by Content-Length
}

// errNoMbox says that a file does not begin as an mbox does.
var errNoMbox = errors.New(`it is no mbox: it does not begin with a "From " line`)

// next finds the next message; io.EOF after the last.
func (m *mboxReader) next() (msg mboxMessage, err error) {
	if err := m.skipEmpty(); err != nil {
		return msg, err
	}
	lines := m.lines(m.off)
	line, err := lines.next()
	if err != nil {
		return msg, err
	}
	date, ok := postmark(line)
	if !ok {
		return msg, errNoMbox
	}
	msg.date, msg.from, msg.quoted = date, lines.off, true
	length := int64(-1)
	for { // the header
		line, err := lines.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return msg, err
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if name, value, found := bytes.Cut(line, []byte(":")); found && strings.EqualFold(string(name), "Content-Length") {
			if n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err == nil && n >= 0 {
				length = n
			}
		}
	}
	body := lines.off
	if length >= 0 && m.boundary(body+length) {
		msg.to, m.off, msg.exact = body+length, body+length, true
		return msg, m.lookForBareFrom(&msg, body)
	}
	msg.to, err = m.untilPostmark(lines)
	m.off = msg.to
	if err == nil {
		msg.to, err = m.withoutEmptyLine(msg.to, msg.from)
	}
	return msg, err
}

// skipEmpty moves to the next line that is not empty.
func (m *mboxReader) skipEmpty() error {
	lines := m.lines(m.off)
	for {
		line, err := lines.next()
		if err != nil {
			return err
		}
		if len(bytes.TrimRight(line, "\r\n")) > 0 {
			return nil
		}
		m.off = lines.off
	}
}

// boundary reports whether a message may end at off: at the end of the file, or before an empty line and a "From " line.
func (m *mboxReader) boundary(off int64) bool {
	if off > m.size {
		return false
	}
	lines := m.lines(off)
	for {
		line, err := lines.next()
		if err == io.EOF {
			return true
		}
		if err != nil {
			return false
		}
		if len(bytes.TrimRight(line, "\r\n")) > 0 {
			_, ok := postmark(line)
			return ok
		}
	}
}

// lookForBareFrom: a body of known length with an unquoted "From " line is of the variant that never quotes.
func (m *mboxReader) lookForBareFrom(msg *mboxMessage, body int64) error {
	lines := m.lines(body)
	for lines.off < msg.to {
		line, err := lines.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if lines.off <= msg.to && bytes.HasPrefix(line, []byte("From ")) {
			msg.quoted = false
		}
	}
	return nil
}

// untilPostmark returns where the next "From " line behind an empty line starts, or the end of the file.
func (m *mboxReader) untilPostmark(lines *mboxLines) (int64, error) {
	empty := true // the one behind the header
	for {
		at := lines.off
		line, err := lines.next()
		if err == io.EOF {
			return m.size, nil
		}
		if err != nil {
			return 0, err
		}
		if empty {
			if _, ok := postmark(line); ok {
				return at, nil
			}
		}
		empty = len(bytes.TrimRight(line, "\r\n")) == 0
	}
}

// withoutEmptyLine takes away the empty line that belongs to the mbox.
func (m *mboxReader) withoutEmptyLine(to, from int64) (int64, error) {
	tail := make([]byte, min(4, to-from))
	if _, err := m.file.ReadAt(tail, to-int64(len(tail))); err != nil && err != io.EOF {
		return 0, fmt.Errorf("read mbox: %w", err)
	}
	switch {
	case bytes.HasSuffix(tail, []byte("\r\n\r\n")):
		return to - 2, nil
	case bytes.HasSuffix(tail, []byte("\n\n")):
		return to - 1, nil
	}
	return to, nil
}

func (m *mboxReader) lines(off int64) *mboxLines {
	return &mboxLines{off: off, in: bufio.NewReaderSize(io.NewSectionReader(m.file, off, m.size-off), 32<<10)}
}

// mboxLines reads lines and counts where it is. Of a line longer than its buffer only the start is returned.
type mboxLines struct {
	in  *bufio.Reader
	off int64
	buf []byte
}

func (l *mboxLines) next() ([]byte, error) {
	line, err := l.in.ReadSlice('\n')
	l.off += int64(len(line))
	if err == nil {
		return line, nil
	}
	if err == io.EOF && len(line) > 0 {
		return line, nil
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	l.buf = append(l.buf[:0], line...)
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = l.in.ReadSlice('\n')
		l.off += int64(len(line))
	}
	if err != nil && err != io.EOF {
		return nil, err
	}
	return l.buf, nil
}

// postmark reads "From anna@school.test Mon Jan  2 15:04:05 2006", which also comes with zones and without an address.
func postmark(line []byte) (date time.Time, ok bool) {
	rest, found := strings.CutPrefix(strings.TrimRight(string(line[:min(len(line), 300)]), "\r\n"), "From ")
	if !found {
		return date, false
	}
	fields := strings.Fields(rest)
	for i := range min(len(fields), 4) {
		for _, form := range []string{
			"Mon Jan 2 15:04:05 2006 -0700", "Mon Jan 2 15:04:05 -0700 2006", "Mon Jan 2 15:04:05 MST 2006", "Mon Jan 2 15:04:05 2006 MST",
			"Mon Jan 2 15:04:05 2006", "Mon Jan 2 15:04 2006",
		} {
			words := len(strings.Fields(form))
			if len(fields)-i < words {
				continue
			}
			if date, err := time.Parse(form, strings.Join(fields[i:i+words], " ")); err == nil {
				return date, true
			}
		}
	}
	if date := message.ParseDate(strings.Join(fields[min(1, len(fields)):], " ")); !date.IsZero() {
		return date, true
	}
	return date, false
}

// open reads the message with CRLF at the ends of lines and without a level of quotes.
func (m *mboxReader) open(msg mboxMessage) io.Reader {
	in := bufio.NewReaderSize(io.NewSectionReader(m.file, msg.from, msg.to-msg.from), 32<<10)
	return &lineReader{in: in, unquote: msg.quoted}
}

// lineReader ends lines with CRLF, and with unquote takes a ">" from lines such as ">From " and ">>From ".
type lineReader struct {
	in      *bufio.Reader
	unquote bool
	within  bool // the last piece did not end its line
	cr      bool // it ended with CR
	out     []byte
	err     error
}

// Read implements io.Reader.
func (r *lineReader) Read(b []byte) (int, error) {
	for len(r.out) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(b, r.out)
	r.out = r.out[n:]
	return n, nil
}

func (r *lineReader) fill() {
	piece, err := r.in.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		r.err = err
	}
	if r.unquote && !r.within && bytes.HasPrefix(piece, []byte(">")) && bytes.HasPrefix(bytes.TrimLeft(piece, ">"), []byte("From ")) {
		piece = piece[1:]
	}
	ended := bytes.HasSuffix(piece, []byte("\n"))
	crlf := bytes.HasSuffix(piece, []byte("\r\n")) || len(piece) == 1 && r.cr
	r.cr = !ended && bytes.HasSuffix(piece, []byte("\r"))
	r.within = !ended && len(piece) > 0
	r.out = append(r.out[:0], piece...)
	if ended && !crlf {
		r.out = append(r.out[:len(r.out)-1], '\r', '\n')
	}
}
