package vcard

import (
	"strings"

	"schulhof/dav/contentline"
)

// Property asks for a property in a report's answer.
type Property struct {
	Name    string // as in PropFilter
	NoValue bool   // only that it is there, and its parameters
}

// Select returns the card in a version, with the properties asked for only: CARDDAV:address-data with CARDDAV:prop. VERSION is always there, so
// that what comes out can be read. RFC 6352 §10.4.
func (c *Card) Select(version string, props []Property) []byte {
	in := c.in(version)
	out := contentline.Component{Name: "VCARD"}
	names := make([]propName, len(props))
	for i, p := range props {
		names[i] = parseName(p.Name)
	}
	for i := range in.Lines {
		l := &in.Lines[i]
		wanted, value := l.Is("VERSION"), true
		for j := range names {
			if names[j].names(l) {
				wanted, value = true, !props[j].NoValue
				break
			}
		}
		if !wanted {
			continue
		}
		line := *l
		if !value {
			line.Value = ""
		}
		out.Lines = append(out.Lines, line)
	}
	return out.AppendTo(make([]byte, 0, min(len(c.raw), 4<<10)))
}

// propName is a property's name in a filter or a selection: "TEL" means all of that name, "item1.TEL" those of one group. RFC 6352 §10.5.1.
type propName struct{ group, name, other string }

func parseName(s string) propName {
	group, name, ok := strings.Cut(s, ".")
	if !ok {
		group, name = "", s
	}
	n := propName{group: group, name: name}
	for _, pair := range twoNames { // groups are the same thing under two names, whichever a client stored and another one asks for
		if contentline.EqualFold(name, pair[0]) {
			n.other = pair[1]
		}
		if contentline.EqualFold(name, pair[1]) {
			n.other = pair[0]
		}
	}
	return n
}

var twoNames = [...][2]string{{"KIND", "X-ADDRESSBOOKSERVER-KIND"}, {"MEMBER", "X-ADDRESSBOOKSERVER-MEMBER"}}

func (n *propName) names(l *contentline.Line) bool {
	return (l.Is(n.name) || n.other != "" && l.Is(n.other)) && (n.group == "" || contentline.EqualFold(l.Group, n.group))
}
