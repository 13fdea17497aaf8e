package imapd

import (
	"io"
	"strconv"
	"sync"
	"unicode/utf8"

	"schulhof/mailbox"
)

// encoder collects answers in one pooled buffer. Handlers may append to buf directly and call flushIfFull now and then.
// The first write error sticks; flush returns it.
type encoder struct {
	buf      []byte
	out      io.Writer // the wire, or the compressor over it
	pool     *sync.Pool
	box      *[]byte
	err      error
	utf8     bool // UTF8=ACCEPT or IMAP4rev2 is enabled: quoted strings may hold UTF-8
	nameUTF8 bool // mailbox names are UTF-8
}

// ensure gets a buffer from the pool.
func (w *encoder) ensure() {
	if w.box == nil {
		w.box = w.pool.Get().(*[]byte)
		w.buf = append((*w.box)[:0], w.buf...)
	}
}

// release gives the buffer back; everything must have been flushed.
func (w *encoder) release() {
	if w.box == nil || len(w.buf) > 0 {
		return
	}
	if c := cap(w.buf); c >= largeRead && c <= keepBuffer {
		*w.box = w.buf[:0]
	}
	w.pool.Put(w.box)
	w.box, w.buf = nil, nil
}

// flush writes everything to the client, waiting for it as long as it reads.
func (w *encoder) flush() error {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.out.Write(w.buf)
	}
	w.buf = w.buf[:0]
	return w.err
}

// flushIfFull writes once enough has collected.
func (w *encoder) flushIfFull() error {
	if len(w.buf) < flushAt {
		return w.err
	}
	return w.flush()
}

// Write appends b, such as a part of a literal; a large b goes straight to the client.
func (w *encoder) Write(b []byte) (int, error) {
	if len(w.buf)+len(b) < flushAt {
		w.buf = append(w.buf, b...)
		return len(b), w.err
	}
	if len(b) < flushAt/2 {
		w.buf = append(w.buf, b...)
		return len(b), w.flush()
	}
	if err := w.flush(); err != nil {
		return 0, err
	}
	var n int
	n, w.err = w.out.Write(b)
	return n, w.err
}

func (w *encoder) str(s string)   { w.buf = append(w.buf, s...) }
func (w *encoder) bytes(b []byte) { w.buf = append(w.buf, b...) }
func (w *encoder) num(n int64)    { w.buf = strconv.AppendInt(w.buf, n, 10) }
func (w *encoder) sp()            { w.buf = append(w.buf, ' ') }
func (w *encoder) crlf()          { w.buf = append(w.buf, '\r', '\n') }

// literal announces n bytes, which Write then gets.
func (w *encoder) literal(n int64) {
	w.buf = append(w.buf, '{')
	w.num(n)
	w.buf = append(w.buf, '}', '\r', '\n')
}

// quoted writes s in quotes; s must not contain NUL, CR or LF.
func (w *encoder) quoted(s string) {
	w.buf = append(w.buf, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			w.buf = append(w.buf, '\\')
		}
		w.buf = append(w.buf, s[i])
	}
	w.buf = append(w.buf, '"')
}

// string writes s quoted if that can express it, otherwise as a literal.
func (w *encoder) string(s string) {
	if canQuote(s, w.utf8) {
		w.quoted(s)
		return
	}
	w.literal(int64(len(s)))
	w.str(s)
}

func canQuote(s string, utf8ok bool) bool {
	if len(s) > 1000 {
		return false
	}
	high := false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 0x80:
			high = true
		case c < ' ' && c != '\t', c == 0x7f:
			return false
		}
	}
	return !high || utf8ok && utf8.ValidString(s)
}

// mailbox writes a mailbox name in the form that this client has enabled.
func (w *encoder) mailbox(name string) {
	plain, ascii := name != "", true
	for i := range len(name) {
		c := name[i]
		plain = plain && isAtom(c)
		ascii = ascii && c >= ' ' && c < 0x7f && c != '&'
	}
	switch {
	case plain && ascii:
		w.str(name)
	case ascii || w.nameUTF8:
		w.quoted(name)
	default:
		w.buf = append(w.buf, '"')
		start := len(w.buf)
		w.buf = appendUTF7(w.buf, name)
		w.escapeFrom(start)
		w.buf = append(w.buf, '"')
	}
}

// escapeFrom puts backslashes before quotes and backslashes behind start; names have few of them.
func (w *encoder) escapeFrom(start int) {
	for i := start; i < len(w.buf); i++ {
		if c := w.buf[i]; c == '"' || c == '\\' {
			w.buf = append(w.buf, 0)
			copy(w.buf[i+1:], w.buf[i:])
			w.buf[i] = '\\'
			i++
		}
	}
}

// flags writes a flag list; keywords are the owner's, by bit.
func (w *encoder) flags(keywords []string, f mailbox.Flags) {
	w.buf = appendFlags(append(w.buf, '('), keywords, f)
	w.buf = append(w.buf, ')')
}

var systemFlagNames = [...]string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`}

func appendFlags(b []byte, keywords []string, f mailbox.Flags) []byte {
	start := len(b)
	for i, name := range systemFlagNames {
		if f&(1<<i) != 0 {
			if len(b) > start {
				b = append(b, ' ')
			}
			b = append(b, name...)
		}
	}
	f >>= len(systemFlagNames)
	for i := 0; f != 0 && i < len(keywords); i, f = i+1, f>>1 {
		if f&1 != 0 {
			if len(b) > start {
				b = append(b, ' ')
			}
			b = append(b, keywords[i]...)
		}
	}
	return b
}

// untagged starts "* n KEYWORD".
func (w *encoder) untagged(n int64, keyword string) {
	w.buf = append(w.buf, '*', ' ')
	w.num(n)
	w.buf = append(w.buf, ' ')
	w.str(keyword)
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func appendRange(b []byte, first, last uint32) []byte {
	b = strconv.AppendUint(b, uint64(first), 10)
	if last != first {
		b = append(b, ':')
		b = strconv.AppendUint(b, uint64(last), 10)
	}
	return b
}
