package contentline

import "unicode/utf8"

// AppendTo appends the component as text: lines end in CR LF and are folded at 75 bytes between characters. Parse makes the same
// component of it again, unless a line or a name was made of characters that it cannot have.
func (c *Component) AppendTo(dst []byte) []byte {
	dst = append(append(append(dst, "BEGIN:"...), c.Name...), "\r\n"...)
	for i := range c.Lines {
		dst = c.Lines[i].AppendTo(dst)
	}
	for _, child := range c.Children {
		dst = child.AppendTo(dst)
	}
	return append(append(append(dst, "END:"...), c.Name...), "\r\n"...)
}

// AppendTo appends the line, folded and with its CR LF. Whatever its value holds, it stays one line: line breaks are written as \n, other
// control characters are left out.
func (l *Line) AppendTo(dst []byte) []byte {
	f := folder{dst: dst, start: len(dst)}
	if l.Group != "" {
		f.text(l.Group)
		f.text(".")
	}
	f.text(l.Name)
	for i := range l.Params {
		f.param(&l.Params[i])
	}
	f.text(":")
	f.text(l.Value)
	return append(f.dst, '\r', '\n')
}

// folder writes one line and breaks it where 75 bytes are full.
type folder struct {
	dst   []byte
	start int // of the current physical line in dst
}

func (f *folder) param(p *Param) {
	f.text(";")
	f.text(p.Name)
	for i, v := range p.Values {
		if i == 0 {
			f.text("=")
		} else {
			f.text(",")
		}
		quote := mustQuote(v)
		if quote {
			f.text(`"`)
		}
		f.paramValue(v)
		if quote {
			f.text(`"`)
		}
	}
}

// mustQuote reports whether a parameter's value would end early without quotes. RFC 6350 §3.3 (SAFE-CHAR).
func mustQuote(value string) bool {
	for i := range len(value) {
		switch value[i] {
		case ',', ';', ':':
			return true
		}
	}
	return false
}

// paramValue writes a value with the escapes of RFC 6868 §3.1.
func (f *folder) paramValue(value string) {
	from := 0
	for i := range len(value) {
		escaped := ""
		switch value[i] {
		case '^':
			escaped = "^^"
		case '"':
			escaped = "^'"
		case '\n':
			escaped = "^n"
		default:
			continue
		}
		f.text(value[from:i])
		f.text(escaped)
		from = i + 1
	}
	f.text(value[from:])
}

// text writes s, which has no line break of its own in what comes out.
func (f *folder) text(s string) {
	for len(s) > 0 {
		n := plain(s, foldAt-(len(f.dst)-f.start))
		if n > 0 {
			f.dst = append(f.dst, s[:n]...)
			s = s[n:]
			continue
		}
		switch c := s[0]; {
		case c == '\n':
			f.text(`\n`)
			s = s[1:]
		case c < ' ' && c != '\t':
			s = s[1:]
		default:
			f.dst = append(f.dst, "\r\n "...)
			f.start = len(f.dst) - 1
		}
	}
}

// plain returns how many bytes of s fit into room as they are: whole characters, no control characters.
func plain(s string, room int) int {
	n := 0
	for n < len(s) && n < room && (s[n] >= ' ' || s[n] == '\t') {
		n++
	}
	if n < room || n == len(s) {
		return n
	}
	for back := n; back >= 0 && n-back < utf8.UTFMax; back-- { // not within a character, unless the bytes are none
		if utf8.RuneStart(s[back]) {
			return back
		}
	}
	return n
}
