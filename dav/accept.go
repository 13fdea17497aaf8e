package dav

import (
	"mime"
	"strconv"
	"strings"

	"schulhof/dav/collection"
	"schulhof/dav/ical"
	"schulhof/dav/vcard"
)

// acceptedVersion returns the version of vCard in which a GET answers: the stored one, unless the Accept header prefers another one. Who accepts none
// gets what is stored; a refusal would help nobody. RFC 6352 §5.1.1, RFC 6350 §10.1 (the version parameter), RFC 9110 §12.5.1.
func acceptedVersion(accept, stored string) string {
	other := vcard.Version4
	if stored == vcard.Version4 {
		other = vcard.Version3
	}
	if qualityOf(accept, other) > qualityOf(accept, stored) {
		return other
	}
	return stored
}

// qualityOf returns how much a client wants a version, 0 to 1: the most exact range that covers it counts.
func qualityOf(accept, version string) float64 {
	best, exact := 0.0, 0
	for item := range strings.SplitSeq(accept, ",") {
		kind, params, err := mime.ParseMediaType(item)
		if err != nil {
			continue
		}
		quality := 1.0
		if q, err := strconv.ParseFloat(params["q"], 64); err == nil && q >= 0 && q <= 1 {
			quality = q
		}
		rank := 0
		asked, named := params["version"]
		switch {
		case kind == "*/*":
			rank = 1
		case kind == "text/*":
			rank = 2
		case kind == "text/vcard" && !named:
			rank = 3
		case kind == "text/vcard" && asked == version, kind == "text/x-vcard" && version == vcard.Version3:
			rank = 4
		}
		if rank > exact || rank > 0 && rank == exact && quality > best {
			best, exact = quality, rank
		}
	}
	return best
}

// forms are the kinds of objects that come in another form than they are stored in, and the header of a request that says in which.
var forms = map[kind]struct {
	header string
	of     func(value string, stored []byte) []byte
}{kindCard: {"Accept", cardFor}, kindEvent: {"CalDAV-Timezones", eventFor}}

// asWanted returns a stored card or calendar object as the client of a GET wants it; ok is false for what comes as it is stored.
func (x *exchange) asWanted(k kind, content collection.Reader) (wanted []byte, ok bool) {
	form, ok := forms[k]
	if !ok {
		return nil, false
	}
	x.w.Header().Add("Vary", form.header)
	stored, ok := content.Bytes()
	if !ok {
		return nil, false
	}
	return form.of(x.r.Header.Get(form.header), stored), true
}

// eventFor returns a stored calendar object with all of its time zones, or without those that everybody knows: what CalDAV-Timezones says
// (RFC 7809 §4.1). The entity tag stays that of the stored object, as with cards.
func eventFor(zones string, stored []byte) []byte {
	r := ical.DataRequest{Zones: zonesIn(zones)}
	if r.Whole() {
		return stored
	}
	c, err := ical.Parse(stored)
	if err != nil {
		return stored
	}
	event, err := c.Select(&r, nil, ical.NewBudget())
	if err != nil {
		return stored
	}
	return event
}

// zonesIn reads the header CalDAV-Timezones; whatever else is in it, an object comes as it is stored.
func zonesIn(header string) ical.ZoneRequest {
	switch header {
	case "T":
		return ical.ZonesIncluded
	case "F":
		return ical.ZonesByReference
	}
	return ical.ZonesAsStored
}

// cardFor returns a stored card as the client of a GET wants it. Both versions have the stored card's entity tag: a client that changes what it
// got writes it back under If-Match.
func cardFor(accept string, stored []byte) []byte {
	if !strings.Contains(accept, "vcard") {
		return stored // no version is named, and there is nothing to parse
	}
	c, err := vcard.Parse(stored)
	if err != nil {
		return stored
	}
	return c.Convert(acceptedVersion(accept, c.Version()))
}
