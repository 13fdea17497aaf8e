package message

import (
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
		c := s[i]
		if c < utf8.RuneSelf && (i+1 == len(s) || s[i+1] < utf8.RuneSelf) {
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		from := i // this character, those beyond ASCII after it, so that their marks get the canonical order
		for i++; i < len(s) && s[i] >= utf8.RuneSelf; i++ {
		}
		var titled [128]byte
		t := titled[:0]
		for _, r := range s[from:i] {
			t = utf8.AppendRune(t, unicode.ToTitle(r))
		}
		dst = norm.NFKD.Append(dst, t...)
	}
	return dst
}
