package vcard

import (
	"fmt"
	"strings"

	"schulhof/dav/contentline"
)

// The versions that clients may store and ask for.
const (
	Version3 = "3.0" // RFC 2426
	Version4 = "4.0" // RFC 6350
)

// Card is one contact or group. It is only looked at, never changed.
type Card struct {
	raw     []byte
	vcard   *contentline.Component
	version string
}

// Parse reads one card. b is kept and must not change while the card is used. The error is a *contentline.SyntaxError with line and reason.
func Parse(b []byte) (*Card, error) {
	roots, err := contentline.Parse(b)
	if err != nil {
		return nil, err
	}
	root := roots[0]
	switch {
	case !root.Is("VCARD"):
		return nil, &contentline.SyntaxError{Line: root.Number, Reason: "BEGIN:" + root.Name + ", want VCARD"}
	case len(root.Children) > 0:
		return nil, &contentline.SyntaxError{Line: root.Children[0].Number, Reason: "a component within a card"}
	case len(roots) > 1:
		return nil, &contentline.SyntaxError{Line: roots[1].Number, Reason: fmt.Sprintf("a second card: an object holds one (RFC 6352 §5.1), here are %d", len(roots))}
	}
	c := &Card{raw: b, vcard: root}
	if l := root.Get("VERSION"); l != nil {
		c.version = strings.TrimSpace(l.Value)
	}
	return c, nil
}

// Bytes returns the card as it was given to Parse.
func (c *Card) Bytes() []byte { return c.raw }

// Version returns what the card says of itself; "" when it says nothing. Check tells whether it is one of ours.
func (c *Card) Version() string { return c.version }

// text returns the decoded value of the first line of that name that has one; "" without.
func (c *Card) text(name string) string {
	for l := range c.vcard.All(name) {
		if t := strings.TrimSpace(text(l)); t != "" {
			return t
		}
	}
	return ""
}

// text decodes a line's value as one text: a list or a compound value keeps its separators.
func text(l *contentline.Line) string { return contentline.Unescape(plainValue(l)) }

// kind returns the kind of thing that the card describes, in lower case; "individual" by default. RFC 6350 §6.1.4; Apple and others write
// X-ADDRESSBOOKSERVER-KIND in 3.0.
func (c *Card) kind() string {
	for _, name := range [...]string{"KIND", "X-ADDRESSBOOKSERVER-KIND"} {
		if k := c.text(name); k != "" {
			return strings.ToLower(k)
		}
	}
	return "individual"
}

// Members returns the UIDs of a group's members, in order. RFC 6350 §6.6.5; X-ADDRESSBOOKSERVER-MEMBER in 3.0. Members that are not named
// by UID (mailto:) are left out.
func (c *Card) Members() []string {
	var uids []string
	for i := range c.vcard.Lines {
		l := &c.vcard.Lines[i]
		if !l.Is("MEMBER") && !l.Is("X-ADDRESSBOOKSERVER-MEMBER") {
			continue
		}
		if uid, ok := uidOfURI(text(l)); ok {
			uids = append(uids, uid)
		}
	}
	return uids
}

// uidOfURI returns the UID that a MEMBER names, as the member's own card has it: without urn:uuid:, which clients write in one place and
// leave out in the other.
func uidOfURI(uri string) (string, bool) {
	uri = strings.TrimSpace(uri)
	if rest, ok := cutPrefixFold(uri, "urn:uuid:"); ok {
		return rest, rest != ""
	}
	if scheme, _, ok := strings.Cut(uri, ":"); uri == "" || ok && (contentline.EqualFold(scheme, "mailto") || contentline.EqualFold(scheme, "tel") ||
		contentline.EqualFold(scheme, "http") || contentline.EqualFold(scheme, "https") || contentline.EqualFold(scheme, "xmpp") || contentline.EqualFold(scheme, "sip")) {
		return "", false
	}
	return uri, true
}

// cutPrefixFold is strings.CutPrefix for an ASCII prefix in any case.
func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !contentline.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
