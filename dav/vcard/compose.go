package vcard

import (
	"strings"
	"time"

	"schulhof/dav/contentline"
)

// productID names who made a card. RFC 6350 §6.7.3.
const productID = "-//Schulhof//Directory//EN"

// Person is what a directory knows of somebody. Empty fields are left out; UID and FN are needed.
type Person struct {
	UID    string // a UUID, or any other text that never changes
	FN     string // the name to show
	Family string
	Given  string
	Prefix string // Dr.
	Org    string // the school
	Unit   string // within the school
	Title  string // position: Klassenlehrerin
	Role   string // function: teacher
	Note   string

	Emails, Phones, Categories []string

	Revised time.Time // of the last change; zero: not said
}

// Group is a class or another group as a card: a distribution list to programs that know them.
type Group struct {
	UID     string
	FN      string
	Email   string // of the group itself
	Note    string
	Members []string // UIDs of the members' cards

	Revised time.Time
}

// Card writes the person as a card of that version. The same person is always the same bytes.
func (p *Person) Card(version string) []byte {
	w := newComposer(version, p.UID)
	w.text("FN", p.FN)
	w.list("N", ';', p.Family, p.Given, "", p.Prefix, "")
	if p.Org != "" && p.Unit != "" {
		w.list("ORG", ';', p.Org, p.Unit)
	} else {
		w.text("ORG", p.Org+p.Unit)
	}
	w.text("TITLE", p.Title)
	w.text("ROLE", p.Role)
	for i, email := range p.Emails {
		w.email(email, i == 0 && len(p.Emails) > 1)
	}
	for _, phone := range p.Phones {
		w.text("TEL", phone)
	}
	if len(p.Categories) > 0 {
		w.list("CATEGORIES", ',', p.Categories...)
	}
	w.text("NOTE", p.Note)
	return w.end(p.Revised)
}

// Card writes the group as a card of that version: KIND and MEMBER in 4.0, and the names that Apple and many others know in 3.0.
func (g *Group) Card(version string) []byte {
	w := newComposer(version, g.UID)
	w.text("FN", g.FN)
	w.list("N", ';', g.FN, "", "", "", "")
	kind, member := "X-ADDRESSBOOKSERVER-KIND", "X-ADDRESSBOOKSERVER-MEMBER"
	if w.version == Version4 {
		kind, member = "KIND", "MEMBER"
	}
	w.line(contentline.Line{Name: kind, Value: "group"})
	if g.Email != "" {
		w.email(g.Email, false)
	}
	w.text("NOTE", g.Note)
	for _, uid := range g.Members {
		w.line(contentline.Line{Name: member, Value: memberURI(uid)})
	}
	return w.end(g.Revised)
}

// memberURI names a card by its UID, as a URI, which MEMBER must be. RFC 6350 §6.6.5.
func memberURI(uid string) string {
	if strings.Contains(uid, ":") {
		return uid
	}
	return "urn:uuid:" + uid
}

// composer writes a card.
type composer struct {
	version string
	out     []byte
}

func newComposer(version, uid string) *composer {
	if version != Version3 {
		version = Version4
	}
	w := &composer{version: version, out: append(make([]byte, 0, 512), "BEGIN:VCARD\r\n"...)}
	w.line(contentline.Line{Name: "VERSION", Value: version})
	w.line(contentline.Line{Name: "PRODID", Value: productID})
	w.text("UID", uid)
	return w
}

func (w *composer) line(l contentline.Line) { w.out = l.AppendTo(w.out) }

// text writes a property unless it is empty.
func (w *composer) text(name, value string) {
	if value != "" {
		w.line(contentline.Line{Name: name, Value: contentline.Escape(value)})
	}
}

func (w *composer) list(name string, separator byte, values ...string) {
	escaped := make([]string, len(values))
	for i, value := range values {
		escaped[i] = contentline.Escape(value)
	}
	w.line(contentline.Line{Name: name, Value: strings.Join(escaped, string(separator))})
}

func (w *composer) email(address string, preferred bool) {
	l := contentline.Line{Name: "EMAIL", Value: contentline.Escape(address)}
	if w.version == Version3 {
		l.Params = append(l.Params, param("TYPE", "INTERNET"))
	}
	switch {
	case preferred && w.version == Version3:
		l.Params = append(l.Params, param("TYPE", "pref"))
	case preferred:
		l.Params = append(l.Params, param("PREF", "1"))
	}
	w.line(l)
}

// end writes REV and closes the card.
func (w *composer) end(revised time.Time) []byte {
	if !revised.IsZero() {
		format := "20060102T150405Z"
		if w.version == Version3 {
			format = "2006-01-02T15:04:05Z"
		}
		w.line(contentline.Line{Name: "REV", Value: revised.UTC().Format(format)})
	}
	return append(w.out, "END:VCARD\r\n"...)
}
