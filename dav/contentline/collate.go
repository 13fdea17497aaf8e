package contentline

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The collations by which CalDAV and CardDAV compare texts. RFC 4790 §9, RFC 5051, RFC 4791 §7.5, RFC 6352 §8.3.
const (
	ASCIICasemap   = "i;ascii-casemap"
	UnicodeCasemap = "i;unicode-casemap"
	Octet          = "i;octet"
)

// MatchType says where in a value a text must stand. RFC 6352 §10.5.4; CalDAV has Contains only (RFC 4791 §9.7.5).
type MatchType uint8

// The match types. The zero value is the default of both RFCs.
const (
	Contains MatchType = iota
	Equals
	StartsWith
	EndsWith
)

// Matcher finds one text in many values. It allocates nothing per value and therefore serves one goroutine at a time.
type Matcher struct {
	fold    func(dst []byte, s string) []byte
	how     MatchType
	text    []byte // folded
	scratch []byte
}

// NewMatcher prepares a search for text. It reports false for a collation that is not known.
func NewMatcher(collation, text string, how MatchType) (*Matcher, bool) {
	m := &Matcher{how: how}
	switch collation {
	case ASCIICasemap:
		m.fold = appendASCII
	case UnicodeCasemap:
		m.fold = appendUnicode
	case Octet:
		m.fold = func(dst []byte, s string) []byte { return append(dst, s...) }
	default:
		return nil, false
	}
	m.text = m.fold(nil, text)
	return m, true
}

// Match reports whether the text stands in value, which is decoded: without escapes.
func (m *Matcher) Match(value string) bool {
	m.scratch = m.fold(m.scratch[:0], value)
	switch m.how {
	case Equals:
		return bytes.Equal(m.scratch, m.text)
	case StartsWith:
		return bytes.HasPrefix(m.scratch, m.text)
	case EndsWith:
		return bytes.HasSuffix(m.scratch, m.text)
	}
	return bytes.Contains(m.scratch, m.text)
}

// appendASCII folds the letters of ASCII. RFC 4790 §9.2.1.
func appendASCII(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = append(dst, lower(s[i]))
	}
	return dst
}

// appendUnicode folds by title case and decomposition, without putting marks in order. RFC 5051 §2.
func appendUnicode(dst []byte, s string) []byte {
	var one [utf8.UTFMax]byte
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			dst = append(dst, lower(s[i]))
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if r >= hangulFirst && r <= hangulLast { // decomposed by arithmetic, which Properties does not do
			dst = norm.NFKD.AppendString(dst, string(r))
			continue
		}
		n := utf8.EncodeRune(one[:], unicode.ToTitle(r))
		folded := one[:n]
		if d := norm.NFKD.Properties(folded).Decomposition(); d != nil {
			folded = d
		}
		for _, c := range folded {
			dst = append(dst, lower(c)) // a decomposed Ä holds an ASCII letter
		}
	}
	return dst
}

// Syllables of Hangul. The Unicode Standard §3.12.
const (
	hangulFirst = 0xac00
	hangulLast  = 0xd7a3
)
