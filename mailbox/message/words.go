package message

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// DecodeHeader decodes RFC 2047 encoded words and raw 8-bit (UTF-8, else windows-1252) to valid UTF-8.
// Broken encoded words stay as they are. Bytes of adjacent words in one character set are joined before they are decoded,
// because programs split multi-byte characters over words.
func DecodeHeader(value string) string {
	if !strings.Contains(value, "=?") {
		return rawText(value)
	}
	var buf [256]byte
	out := buf[:0]
	words := -1 // where in out the bytes of words begin that may go on in the next one; -1: nowhere
	charset := ""
	flush := func() {
		if words >= 0 {
			out = convert(out, words, charset)
			words = -1
		}
	}
	for value != "" {
		i := strings.Index(value, "=?")
		if i < 0 {
			break
		}
		word, ok := cutWord(value[i:])
		if !ok {
			flush()
			out = append(out, rawText(value[:i+2])...)
			value = value[i+2:]
			continue
		}
		gap := value[:i]
		if words < 0 || strings.Trim(gap, " \t\r\n") != "" {
			flush()
			out = append(out, rawText(gap)...)
		} else if !strings.EqualFold(charset, word.charset) {
			flush()
		}
		charset = word.charset
		if words < 0 {
			words = len(out)
		}
		out = word.appendBytes(out)
		value = value[i+word.length:]
	}
	flush()
	return string(append(out, rawText(value)...))
}

// convert makes UTF-8 of out[from:], which is in charset.
func convert(out []byte, from int, charset string) []byte {
	if e, _ := encodingOf(charset); e == nil && utf8.Valid(out[from:]) {
		return out
	}
	return append(out[:from], toUTF8(charset, out[from:])...)
}

// encodedWord is "=?charset?encoding?text?=".
type encodedWord struct {
	charset, text string
	base64        bool
	length        int
}

// cutWord reads the encoded word that s begins with. RFC 2047 §2; the length limit of 75 is not enforced, and spaces within the text are
// let pass in Q, since programs send both.
func cutWord(s string) (w encodedWord, ok bool) {
	rest := s[2:]
	i := strings.IndexByte(rest[:min(len(rest), 64)], '?')
	if i <= 0 || i+2 >= len(rest) || rest[i+2] != '?' {
		return w, false
	}
	w.charset = rest[:i]
	if j := strings.IndexByte(w.charset, '*'); j >= 0 {
		w.charset = w.charset[:j] // the language of RFC 2231 §5
	}
	switch rest[i+1] {
	case 'B', 'b':
		w.base64 = true
	case 'Q', 'q':
	default:
		return w, false
	}
	rest = rest[i+3:]
	end := strings.IndexByte(rest, '?')
	for end >= 0 && (end+1 >= len(rest) || rest[end+1] != '=') && !w.base64 { // a bare ? within Q
		next := strings.IndexByte(rest[end+1:], '?')
		if next < 0 || strings.HasPrefix(rest[end:], "?=?") {
			return w, false
		}
		end += 1 + next
		if end > 1<<10 {
			return w, false
		}
	}
	if end < 0 || end+1 >= len(rest) || rest[end+1] != '=' {
		return w, false
	}
	w.text = rest[:end]
	w.length = len(s) - len(rest) + end + 2
	if w.base64 && !base64Text(w.text) {
		return w, false
	}
	return w, knownCharset(w.charset)
}

// base64Text reports whether s is base64 that can be decoded, padding optional.
func base64Text(s string) bool {
	s = strings.TrimRight(s, "=")
	for i := range len(s) {
		if base64Values[s[i]] == noBase64 && s[i] != ' ' {
			return false
		}
	}
	return true
}

// appendBytes appends the word's decoded bytes.
func (w encodedWord) appendBytes(dst []byte) []byte {
	if w.base64 {
		return w.appendBase64(dst)
	}
	for i := 0; i < len(w.text); i++ {
		c := w.text[i]
		switch {
		case c == '_':
			c = ' '
		case c == '=' && i+2 < len(w.text):
			if hi, lo := unhex(w.text[i+1]), unhex(w.text[i+2]); hi >= 0 && lo >= 0 {
				c = byte(hi<<4 | lo)
				i += 2
			}
		}
		dst = append(dst, c)
	}
	return dst
}

func (w encodedWord) appendBase64(dst []byte) []byte {
	var bits uint32
	n := 0
	for i := range len(w.text) {
		v := base64Values[w.text[i]]
		if v == noBase64 {
			continue
		}
		bits = bits<<6 | uint32(v)
		if n += 6; n >= 8 {
			n -= 8
			dst = append(dst, byte(bits>>n))
		}
	}
	return dst
}

// rawText makes valid UTF-8 of header bytes that carry no charset.
func rawText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return fromWindows1252(s)
}

// clean drops control characters and those that reverse the reading direction, joins white space, and composes (NFC).
func clean(s string) string {
	plain := true
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f || (s[i] == ' ' && (i == 0 || i == len(s)-1 || s[i+1] == ' ')) {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case unicode.IsControl(r) || isBidiControl(r):
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return norm.NFC.String(b.String())
}

// isBidiControl: embeddings, overrides, isolates and marks, with which a name can be made to look like another.
func isBidiControl(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0x061c
}

// truncate shortens s to at most n bytes, at a character's border.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
