package contentline

import (
	"iter"
	"strings"
)

// Unescape decodes a TEXT value: \\, \; \, and \n; also \: and \", which some programs write. A backslash before anything else stays.
// RFC 5545 §3.3.11, RFC 6350 §3.4.
func Unescape(value string) string {
	i := strings.IndexByte(value, '\\')
	if i < 0 {
		return value
	}
	var b strings.Builder
	b.Grow(len(value))
	b.WriteString(value[:i])
	for ; i < len(value); i++ {
		c := value[i]
		if c == '\\' && i+1 < len(value) {
			switch next := value[i+1]; next {
			case 'n', 'N':
				c, i = '\n', i+1
			case '\\', ';', ',', ':', '"':
				c, i = next, i+1
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// Escape encodes text as a TEXT value, of which Unescape makes the same text again; line breaks become \n, and other control characters,
// which no line can carry, are left out.
func Escape(text string) string {
	i := 0
	for i < len(text) && !special(text[i]) {
		i++
	}
	if i == len(text) {
		return text
	}
	b := make([]byte, 0, len(text)+len(text)/8+8)
	b = append(b, text[:i]...)
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n' || c == '\r':
			if c == '\r' && i+1 < len(text) && text[i+1] == '\n' {
				i++
			}
			b = append(b, '\\', 'n')
		case !special(c):
			b = append(b, c)
		case c >= ' ':
			b = append(b, '\\', c)
		}
	}
	return string(b)
}

// special reports whether c cannot stand for itself in a TEXT value.
func special(c byte) bool { return c < ' ' && c != '\t' || c == '\\' || c == ';' || c == ',' }

// Split goes through the pieces of value between separators that no backslash escapes. The pieces are still escaped. An empty value has
// one empty piece. RFC 5545 §3.1.1 (COMMA), RFC 6350 §3.3 (COMMA and SEMICOLON of compound values).
func Split(value string, separator byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		from := 0
		for i := 0; i < len(value); i++ {
			switch value[i] {
			case '\\':
				i++
			case separator:
				if !yield(value[from:i]) {
					return
				}
				from = i + 1
			}
		}
		yield(value[from:])
	}
}
