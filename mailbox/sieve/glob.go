package sieve

import (
	"strings"
	"unicode/utf8"

	"schulhof/mailbox/message"
)

// glob is a pattern of :matches: text, "?" for one character, "*" for any number of them. RFC 5228 §2.7.1.
type glob []globPart

// globPart is folded text, or a wildcard.
type globPart struct {
	wild    byte // '*', '?' or 0
	literal string
}

// span is what a wildcard stood for, in the unfolded text.
type span struct{ from, to int }

// newGlob reads a pattern; a backslash makes the next character literal.
func newGlob(text string, c comparator) glob {
	var g glob
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			g = append(g, globPart{literal: c.fold(literal.String())})
			literal.Reset()
		}
	}
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '*', '?':
			flush()
			g = append(g, globPart{wild: text[i]})
		case '\\':
			if i+1 < len(text) {
				i++
			}
			literal.WriteByte(text[i])
		default:
			literal.WriteByte(text[i])
		}
	}
	flush()
	return g
}

// match finds the shortest text for each "*", from the left. It goes back to the last "*" only, so that the work is bounded by
// the product of the two lengths; tries is how much it was. RFC 5229 §3.2.
func (g glob) match(v *value, c comparator) (spans []span, tries int, ok bool) {
	s, origin := v.fold(c), identity
	if c == unicodeCasemap {
		s, origin = foldWithOrigin(v.text)
	}
	star, starAt, kept := -1, 0, 0 // the last "*": its part, where it may end, how many spans come before it
	at := 0
	for i := 0; ; tries++ {
		if i == len(g) && at == len(s) {
			break
		}
		if i < len(g) {
			switch p := &g[i]; {
			case p.wild == '*':
				star, starAt, kept = i, at, len(spans)
				spans = append(spans, span{at, at})
				i++
				continue
			case p.wild == '?' && at < len(s):
				_, size := utf8.DecodeRuneInString(s[at:])
				spans = append(spans, span{at, at + size})
				at += size
				i++
				continue
			case p.wild == 0 && strings.HasPrefix(s[at:], p.literal):
				at += len(p.literal)
				i++
				continue
			}
		}
		if star < 0 || starAt >= len(s) {
			return nil, tries, false
		}
		// The "*" takes more: one character, or everything before the text that follows it.
		_, size := utf8.DecodeRuneInString(s[starAt:])
		starAt += size
		if next := star + 1; next < len(g) && g[next].wild == 0 {
			skip := strings.Index(s[starAt:], g[next].literal)
			if skip < 0 {
				return nil, tries, false
			}
			tries += skip / 64
			starAt += skip
		} else if next == len(g) {
			starAt = len(s)
		}
		spans = spans[:kept+1]
		spans[kept].to = starAt
		at, i = starAt, star+1
	}
	for i := range spans {
		spans[i] = span{origin(spans[i].from), origin(spans[i].to)}
	}
	return spans, tries, true
}

func identity(i int) int { return i }

// foldWithOrigin folds character by character, and tells where each byte came from.
func foldWithOrigin(text string) (folded string, origin func(int) int) {
	var b strings.Builder
	from := make([]int, 0, len(text)+1)
	for i, c := range text {
		b.WriteString(message.SortKey(string(c)))
		for len(from) < b.Len() {
			from = append(from, i)
		}
	}
	from = append(from, len(text))
	return b.String(), func(i int) int { return from[i] }
}
