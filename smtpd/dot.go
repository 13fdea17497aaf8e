package smtpd

import "bytes"

// sink takes a message's bytes as they arrive. b is valid during the call only.
type sink interface {
	write(b []byte) error
}

// lineStart is where the dot reader stands.
type lineStart uint8

const (
	afterCRLF lineStart = iota // also the message's beginning: only here can the end stand
	afterLF                    // only where bare LF is let through
	insideLine
)

// readData reads a message after DATA into to, takes the stuffed dots away and returns at CRLF.CRLF:
// no other sequence ends it. RFC 5321 §4.1.1.4, §4.5.2.
//
// strict refuses bare CR, bare LF and NUL with errBareLineEnd at once, because systems that disagree about
// line ends let mail be smuggled between them (CVE-2023-51764). Otherwise line ends are passed on as they
// are, for a normaliser behind to.
func (w *wire) readData(p *pace, strict bool, to sink) error {
	at := afterCRLF
	for {
		if w.r == w.w || undecided(w.in[w.r:w.w], at) {
			before := w.w - w.r
			if err := w.fill(p.deadline(), false); err != nil {
				return err
			}
			p.got += int64(w.w - w.r - before)
		}
		used, next, end, err := scanData(w.in[w.r:w.w], at, strict, to)
		w.r += used
		at = next
		if err != nil || end {
			return err
		}
	}
}

// undecided reports whether what is there may yet become the end, or a CRLF.
func undecided(b []byte, at lineStart) bool {
	return string(b) == "\r" || at != insideLine && (string(b) == "." || string(b) == ".\r")
}

// scanData passes on as much of b as can be judged. It looks at each line once and copies nothing.
func scanData(b []byte, at lineStart, strict bool, to sink) (used int, next lineStart, end bool, err error) {
	from, pos, lines := 0, 0, 0 // b[from:pos] is to be passed on
	emit := func(upTo int) error {
		if from == upTo {
			return nil
		}
		return to.write(b[from:upTo])
	}
	for {
		i := bytes.IndexByte(b[pos:], '\n')
		if i < 0 {
			break
		}
		line := b[pos : pos+i+1]
		crlf := len(line) > 1 && line[len(line)-2] == '\r'
		if strict && !crlf {
			return pos, at, false, errBareLineEnd
		}
		if stuffed(line, at) {
			if len(line) == 3 && crlf && at == afterCRLF {
				if strict && unclean(b[:pos], lines) {
					return pos, at, false, errBareLineEnd
				}
				return pos + 3, afterCRLF, true, emit(pos)
			}
			if err := emit(pos); err != nil {
				return pos, at, false, err
			}
			from = pos + 1
		}
		at = afterLF
		if crlf {
			at = afterCRLF
		}
		lines++
		pos += len(line)
	}
	// A line without its end yet: keep back what the next bytes decide.
	rest := b[pos:]
	keep := 0
	if len(rest) > 0 && rest[len(rest)-1] == '\r' {
		keep = 1
	}
	if at != insideLine && len(rest) > 0 {
		if string(rest) == "." || string(rest) == ".\r" {
			keep = len(rest)
		} else if stuffed(rest, at) {
			if err := emit(pos); err != nil {
				return pos, at, false, err
			}
			from = pos + 1
		}
	}
	if upTo := len(b) - keep; upTo > pos {
		pos, at = upTo, insideLine
	}
	if strict && unclean(b[:pos], lines) {
		return pos, at, false, errBareLineEnd
	}
	return pos, at, false, emit(pos)
}

// stuffed reports whether line begins with a dot that is not the message's. After a bare LF the sender
// may or may not have seen a line begin: there only a doubled dot is taken for a stuffed one.
func stuffed(line []byte, at lineStart) bool {
	switch at {
	case afterCRLF:
		return line[0] == '.'
	case afterLF:
		return len(line) > 1 && line[0] == '.' && line[1] == '.'
	}
	return false
}

// unclean reports a NUL, or a CR that is not the end of one of the lines counted.
func unclean(b []byte, lines int) bool {
	return bytes.Count(b, []byte{'\r'}) != lines || bytes.IndexByte(b, 0) >= 0
}

// readChunk reads the n bytes of one BDAT command into to. RFC 3030 §2.
func (w *wire) readChunk(p *pace, n int64, to sink) error {
	for n > 0 {
		if w.r == w.w {
			if err := w.fill(p.deadline(), false); err != nil {
				return err
			}
			p.got += int64(w.w - w.r)
		}
		b := w.in[w.r:w.w]
		if int64(len(b)) > n {
			b = b[:n]
		}
		w.r += len(b)
		n -= int64(len(b))
		if err := to.write(b); err != nil {
			return err
		}
	}
	return nil
}

// normaliser makes every line end CRLF on the way to the next sink: bare LF and bare CR both end lines.
type normaliser struct {
	to  sink
	cr  bool // the last byte was a CR, kept back
	buf []byte
}

// write passes b on; clean stretches without a copy.
func (n *normaliser) write(b []byte) error {
	if n.cr && len(b) > 0 {
		n.cr = false
		if b[0] == '\n' {
			b = b[1:]
		}
		if err := n.to.write(crlf); err != nil {
			return err
		}
	}
	if len(b) > 0 && b[len(b)-1] == '\r' {
		n.cr = true
		b = b[:len(b)-1]
	}
	if len(b) == 0 {
		return nil
	}
	if bytes.Count(b, []byte{'\n'}) == bytes.Count(b, crlf) && bytes.Count(b, []byte{'\r'}) == bytes.Count(b, crlf) {
		return n.to.write(b)
	}
	n.buf = n.buf[:0]
	for i, c := range b {
		switch {
		case c == '\r':
			n.buf = append(n.buf, crlf...)
		case c == '\n' && i > 0 && b[i-1] == '\r': // its CR was written as CRLF
		case c == '\n':
			n.buf = append(n.buf, crlf...)
		default:
			n.buf = append(n.buf, c)
		}
	}
	return n.to.write(n.buf)
}

// end writes what was kept back.
func (n *normaliser) end() error {
	if !n.cr {
		return nil
	}
	n.cr = false
	return n.to.write(crlf)
}

var crlf = []byte("\r\n")
