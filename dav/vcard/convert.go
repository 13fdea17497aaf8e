package vcard

import (
	"strconv"
	"strings"

	"schulhof/dav/contentline"
)

// Convert returns the card in the version that a client asks for: the stored bytes when that is the card's own version (or none of ours), and
// otherwise a translation in which every property has the form that clients of that version know. What the other version has no form for
// stays under its own name, which clients ignore, rather than to be lost when a client sends the card back. RFC 6350 appendix A names the
// differences; what Apple and Google write in 3.0 for what only 4.0 has is in labels.go.
func (c *Card) Convert(version string) []byte {
	if in := c.in(version); in != c.vcard {
		return in.AppendTo(make([]byte, 0, len(c.raw)+len(c.raw)/8+64))
	}
	return c.raw
}

// in returns the card's component in another version; it is c.vcard itself when nothing is to be translated.
func (c *Card) in(version string) *contentline.Component {
	switch {
	case version == Version4 && c.version == Version3:
		return c.to4()
	case version == Version3 && c.version == Version4:
		return c.to3()
	}
	return c.vcard
}

// conversion collects the lines of the translated card.
type conversion struct {
	card   *Card
	out    []contentline.Line
	labels map[string]string // Apple's label of each group, by the group's name in lower case
	spent  map[string]bool   // groups whose label has become something else
	items  int               // the highest N of the groups itemN
}

func (c *Card) conversion() *conversion {
	v := &conversion{card: c, out: make([]contentline.Line, 0, len(c.vcard.Lines)+4)}
	v.readLabels()
	return v
}

func (v *conversion) component() *contentline.Component {
	return &contentline.Component{Name: "VCARD", Lines: v.out}
}

func (v *conversion) add(l contentline.Line) { v.out = append(v.out, l) }

// readLabels finds the labels and the names of groups. The first label of a group counts.
func (v *conversion) readLabels() {
	for i := range v.card.vcard.Lines {
		l := &v.card.vcard.Lines[i]
		if l.Group == "" {
			continue
		}
		group := strings.ToLower(l.Group)
		if digits, ok := strings.CutPrefix(group, "item"); ok {
			if n, err := strconv.Atoi(digits); err == nil && n < 1<<20 {
				v.items = max(v.items, n)
			}
		}
		if !l.Is("X-ABLABEL") {
			continue
		}
		if v.labels == nil {
			v.labels, v.spent = map[string]string{}, map[string]bool{}
		}
		if _, ok := v.labels[group]; !ok {
			v.labels[group] = text(l)
		}
	}
}

// addLabelled adds a line of Apple's with its label, in a new group.
func (v *conversion) addLabelled(l contentline.Line, label string) {
	v.items++
	l.Group = "item" + strconv.Itoa(v.items)
	v.add(l)
	v.add(contentline.Line{Group: l.Group, Name: "X-ABLabel", Value: contentline.Escape(label)})
}

// typesOf goes through the types of a line: all spellings of TYPE=a,b;TYPE="c,d" and vCard 2.1's bare parameters.
func typesOf(l *contentline.Line, yield func(string) bool) {
	for i := range l.Params {
		p := &l.Params[i]
		if p.Values == nil && !isEncoding(p.Name) && !yield(p.Name) {
			return
		}
		if !contentline.EqualFold(p.Name, "TYPE") {
			continue
		}
		for _, value := range p.Values {
			for t := range strings.SplitSeq(value, ",") {
				if t != "" && !yield(t) {
					return
				}
			}
		}
	}
}

// isEncoding reports whether a bare parameter is an encoding and not a type. vCard 2.1 §2.1.3.
func isEncoding(name string) bool {
	for _, e := range [...]string{"BASE64", "QUOTED-PRINTABLE", "8BIT", "7BIT"} {
		if contentline.EqualFold(name, e) {
			return true
		}
	}
	return false
}

func param(name, value string) contentline.Param {
	return contentline.Param{Name: name, Values: []string{value}}
}

// without returns the parameters other than those named.
func without(params []contentline.Param, names ...string) []contentline.Param {
	var kept []contentline.Param
next:
	for _, p := range params {
		for _, name := range names {
			if contentline.EqualFold(p.Name, name) {
				continue next
			}
		}
		kept = append(kept, p)
	}
	return kept
}
