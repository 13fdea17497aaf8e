package ical

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// TextMatch asks for a piece of text within a value. RFC 4791 §9.7.5.
type TextMatch struct {
	Text      string
	Collation string // "": i;ascii-casemap
	Negate    bool
}

// Collations that TextMatch knows. RFC 4791 §7.5 demands the first two; RFC 5051 has the third.
const (
	ASCIICasemap   = "i;ascii-casemap"
	Octet          = "i;octet"
	UnicodeCasemap = "i;unicode-casemap"
)

func (t *TextMatch) check() error {
	if t == nil {
		return nil
	}
	switch t.Collation {
	case "", "default", ASCIICasemap, Octet, UnicodeCasemap:
		return nil
	}
	return &FilterError{"supported-collation", fmt.Sprintf("the collation %.40q is unknown", t.Collation)}
}

func (t *TextMatch) match(s string) bool {
	found := false
	switch t.Collation {
	case Octet:
		found = strings.Contains(s, t.Text)
	case UnicodeCasemap:
		found = strings.Contains(foldUnicode(s), foldUnicode(t.Text))
	default:
		found = containsFold(s, t.Text)
	}
	return found != t.Negate
}

// foldUnicode makes strings equal that differ in case or composition only. RFC 5051 §2.
func foldUnicode(s string) string { return norm.NFKD.String(cases.Fold().String(s)) }

// containsFold is strings.Contains for i;ascii-casemap (RFC 4790 §9.2).
func containsFold(s, part string) bool {
	if strings.Contains(s, part) {
		return true
	}
	return bytes.Contains(foldASCII(s), foldASCII(part))
}

func foldASCII(s string) []byte {
	out := []byte(s)
	for i, c := range out {
		if c >= 'A' && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return out
}
