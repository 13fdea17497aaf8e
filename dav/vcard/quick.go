package vcard

import (
	"bytes"

	"schulhof/dav/contentline"
)

// The lines around those of a card that are looked at alone.
var (
	cardBegin = []byte("BEGIN:VCARD\n")
	cardEnd   = []byte("END:VCARD\n")
)

// MatchStored is Match for the bytes of a card that Parse reads. It parses only the lines that the filter asks for, which few cards have more
// than two of. Of bytes that are no card it may say either.
func (m *Matcher) MatchStored(b []byte) bool {
	if len(m.props) == 0 {
		return true
	}
	m.part = append(m.part[:0], cardBegin...)
	m.part = m.appendAsked(m.part, b)
	m.part = append(m.part, cardEnd...)
	c, err := Parse(m.part)
	if err != nil {
		c, err = Parse(b)
	}
	return err == nil && m.Match(c)
}

// appendAsked appends the lines of b, with their folds, whose names the filter asks for, or may: of a name that is folded only the begin is seen.
func (m *Matcher) appendAsked(dst, b []byte) []byte {
	asked := false
	for line := range bytes.Lines(b) {
		if line[0] < ' ' && len(bytes.TrimRight(line, "\r\n")) == 0 {
			continue // blank: what follows may still be a fold
		}
		if line[0] != ' ' && line[0] != '\t' {
			asked = m.asks(line)
		}
		if asked {
			dst = append(dst, line...)
		}
	}
	if n := len(dst); dst[n-1] != '\n' {
		dst = append(dst, '\n')
	}
	return dst
}

// asks reports whether a filter on a property may concern the line that begins so.
func (m *Matcher) asks(line []byte) bool {
	end := 0
	for end < len(line) && line[end] != ':' && line[end] != ';' {
		end++
	}
	if end == len(line) {
		return true
	}
	for i := range m.props {
		if p := &m.props[i].name; named(line[:end], p.name) || p.other != "" && named(line[:end], p.other) {
			return true
		}
	}
	return false
}

// named reports whether full is name, with a group before it or not.
func named(full []byte, name string) bool {
	group := len(full) - len(name)
	return group >= 0 && (group == 0 || full[group-1] == '.') && contentline.EqualFold(string(full[group:]), name)
}
