package dav

import (
	"mime"
	"strconv"
	"strings"

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
