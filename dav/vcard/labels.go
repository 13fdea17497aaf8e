package vcard

import (
	"strings"

	"schulhof/dav/contentline"
)

// Apple's and Google's programs write dates and relatives in 3.0 as a pair of lines: item1.X-ABDATE:2011-01-13 with item1.X-ABLabel:Hochzeit, or
// a label that the program translates, _$!<Anniversary>!$_.

const anniversary = "Anniversary"

// relations are the words for relatives: Apple's, and RFC 6350's TYPE of RELATED (§6.6.6). The first of several Apple words is written.
var relations = [...]struct{ label, kind string }{
	{"Spouse", "spouse"}, {"Partner", "sweetheart"}, {"Child", "child"}, {"Son", "child"}, {"Daughter", "child"},
	{"Parent", "parent"}, {"Mother", "parent"}, {"Father", "parent"}, {"Sibling", "sibling"}, {"Brother", "sibling"}, {"Sister", "sibling"},
	{"Friend", "friend"}, {"Assistant", "co-worker"}, {"Manager", "colleague"},
}

// builtIn wraps a word that programs translate.
func builtIn(word string) string { return "_$!<" + word + ">!$_" }

// wordOfLabel is the reverse; a label that a person wrote is returned as it is.
func wordOfLabel(label string) string {
	if word, ok := strings.CutPrefix(label, "_$!<"); ok {
		return strings.TrimSuffix(word, ">!$_")
	}
	return label
}

// relationOf returns the TYPE of RELATED for a label; "" when there is none that says the same.
func relationOf(label string) string {
	word := wordOfLabel(label)
	for _, r := range relations {
		if contentline.EqualFold(r.label, word) || contentline.EqualFold(r.kind, word) {
			return r.kind
		}
	}
	return ""
}

// labelOf returns the label for a TYPE of RELATED.
func labelOf(kind string) string {
	for _, r := range relations {
		if contentline.EqualFold(r.kind, kind) {
			return builtIn(r.label)
		}
	}
	return kind
}
