package dav

import (
	"context"
	"crypto/rand"
	"mime"
	"net/http"
)

// addMember is the query that makes a collection's URL the one that takes new members. RFC 5995 §3.2.1.
const addMember = "add-member"

// post adds the body to the collection under a name that the server chooses. RFC 5995.
func (x *exchange) post(ctx context.Context) error {
	if x.r.URL.RawQuery != addMember {
		return refuse(http.StatusBadRequest, "POST is for the URL that DAV:add-member names")
	}
	if err := x.mayUpload(ctx); err != nil {
		return err
	}
	place := x.res.path.Child(rand.Text() + x.extension(x.r.Header.Get("Content-Type")))
	node, created, err := x.upload(ctx, place)
	if err != nil {
		return err
	}
	x.w.Header().Set("Location", hrefOfPath(place, false))
	x.w.Header().Set("ETag", `"`+node.ETag+`"`)
	return x.stored(ctx, node, created)
}

// extension is what the new name ends in.
func (x *exchange) extension(contentType string) string {
	switch x.res.kind {
	case kindCalendar:
		return ".ics"
	case kindAddressBook:
		return ".vcf"
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	known, err := mime.ExtensionsByType(media)
	if err != nil || len(known) == 0 {
		return ""
	}
	return known[0]
}
