package message

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// SortKey is the i;unicode-casemap form (RFC 5051) used for SORT and SEARCH: title case folding, decomposed.
func SortKey(s string) string { return Fold(s) }

// Fold is the form in which search compares: case-folded, compatibility-decomposed per i;unicode-casemap; Contains(Fold(a), Fold(b)).
func Fold(s string) string {
	for i := range len(s) {
		if c := s[i]; 'a' <= c && c <= 'z' || c >= utf8.RuneSelf {
			return string(AppendFold(make([]byte, 0, len(s)+len(s)/8), s))
		}
	}
	return s
}

// AppendFold appends Fold(s) to dst. Text may be folded in pieces that are cut where an ASCII character begins.
func AppendFold(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		from := i
		for i++; i < len(s) && s[i] >= utf8.RuneSelf; i++ {
		}
		dst = appendFoldRun(dst, s[from:i])
	}
	return dst
}

// appendFoldRun folds characters beyond ASCII. Each is decomposed by table, which allocates nothing; where marks follow a character or Hangul
// must be taken apart, the whole run goes through the normaliser, which also puts the marks in their canonical order.
func appendFoldRun(dst []byte, run string) []byte {
	mark := len(dst)
	var one [utf8.UTFMax]byte
	for _, r := range run {
		n := utf8.EncodeRune(one[:], unicode.ToTitle(r))
		p := norm.NFKD.Properties(one[:n])
		if p.CCC() != 0 || (r >= 0xac00 && r <= 0xd7a3) {
			return norm.NFKD.AppendString(dst[:mark], strings.Map(unicode.ToTitle, run))
		}
		if d := p.Decomposition(); d != nil {
			dst = append(dst, d...)
		} else {
			dst = append(dst, one[:n]...)
		}
	}
	return dst
}
