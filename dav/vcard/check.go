package vcard

import (
	"fmt"
	"strings"

	"schulhof/dav/contentline"
)

// Object is what an address book remembers of a card, to find it without reading it.
type Object struct {
	UID     string
	FN      string // the name to show: FN, or what comes nearest
	Version string // Version3 or Version4
	Kind    string // "individual", "group", "org", "location", …
	Group   bool   // Kind is "group"
}

// Violation says why an address book cannot keep a card, or a report cannot be answered.
type Violation struct {
	Precondition string // the DAV:error element, in CardDAV's namespace: RFC 6352 §6.3.2.1 and §8.6
	Reason       string
}

func (v *Violation) Error() string { return v.Precondition + ": " + v.Reason }

// Check returns what to index of a card, or a *Violation. It asks for what an address book needs (one version, one UID, a name), and is
// otherwise content with what programs really send: a card is kept as it is, and refusing it would lose it.
func (c *Card) Check() (Object, error) {
	if err := c.checkVersion(); err != nil {
		return Object{}, err
	}
	uid, err := c.checkUID()
	if err != nil {
		return Object{}, err
	}
	for i := range c.vcard.Lines {
		l := &c.vcard.Lines[i]
		if !l.Is("PHOTO") && !l.Is("LOGO") {
			continue
		}
		if size := binarySize(l); size > MaxPhoto {
			return Object{}, &Violation{"max-resource-size", fmt.Sprintf("line %d: %s of %d bytes, at most %d are kept", l.Number, strings.ToUpper(l.Name), size, MaxPhoto)}
		}
	}
	name := c.displayName()
	if name == "" && c.vcard.Get("FN") == nil {
		return Object{}, &Violation{"valid-address-data", "no FN, and nothing that could stand for it"}
	}
	kind := c.kind()
	return Object{UID: uid, FN: name, Version: c.version, Kind: kind, Group: kind == "group"}, nil
}

// checkVersion wants exactly one VERSION that is ours. RFC 6350 §6.7.9, RFC 2426 §3.6.9.
func (c *Card) checkVersion() error {
	n := 0
	for range c.vcard.All("VERSION") {
		n++
	}
	switch {
	case n == 0:
		return &Violation{"valid-address-data", "no VERSION"}
	case n > 1:
		return &Violation{"valid-address-data", "more than one VERSION"}
	case c.version != Version3 && c.version != Version4:
		return &Violation{"supported-address-data", fmt.Sprintf("vCard %.20q, want 3.0 or 4.0", c.version)}
	}
	return nil
}

// checkUID wants exactly one UID. RFC 6352 §5.1.
func (c *Card) checkUID() (string, error) {
	var first *contentline.Line
	for l := range c.vcard.All("UID") {
		if first != nil {
			return "", &Violation{"valid-address-data", fmt.Sprintf("line %d: a second UID", l.Number)}
		}
		first = l
	}
	if first == nil {
		return "", &Violation{"valid-address-data", "no UID"}
	}
	uid := strings.TrimSpace(text(first))
	switch {
	case uid == "":
		return "", &Violation{"valid-address-data", fmt.Sprintf("line %d: an empty UID", first.Number)}
	case len(uid) > MaxUID:
		return "", &Violation{"valid-address-data", fmt.Sprintf("line %d: a UID of %d bytes, at most %d are kept", first.Number, len(uid), MaxUID)}
	}
	return uid, nil
}

// displayName is FN or, since some programs leave it empty or out, what comes nearest.
func (c *Card) displayName() string {
	name := c.text("FN")
	if name == "" {
		name = c.nameOfParts()
	}
	for _, other := range [...]string{"NICKNAME", "EMAIL", "TEL"} {
		if name == "" {
			name = c.text(other)
		}
	}
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "")
	}
	return name
}

// nameOfParts joins prefix, given, additional and family name and suffix of N; without N, it is the organisation.
func (c *Card) nameOfParts() string {
	if l := c.vcard.Get("N"); l != nil {
		var parts [5]string
		i := 0
		for part := range contentline.Split(plainValue(l), ';') {
			if i < len(parts) {
				parts[i] = strings.TrimSpace(strings.Join(list(part), " "))
			}
			i++
		}
		if name := strings.Join(strings.Fields(strings.Join([]string{parts[3], parts[1], parts[2], parts[0], parts[4]}, " ")), " "); name != "" {
			return name
		}
	}
	if l := c.vcard.Get("ORG"); l != nil {
		for part := range contentline.Split(plainValue(l), ';') {
			if name := strings.TrimSpace(contentline.Unescape(part)); name != "" {
				return name
			}
		}
	}
	return ""
}

// list decodes the texts of a list with commas.
func list(value string) []string {
	var texts []string
	for piece := range contentline.Split(value, ',') {
		texts = append(texts, contentline.Unescape(piece))
	}
	return texts
}
