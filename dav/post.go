package dav

import (
	"context"
	"mime"
	"net/http"

	"schulhof/dav/collection"

	"crypto/rand"
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
	guard, err := x.guard()
	if err != nil {
		return err
	}
	content, err := x.receive()
	if err != nil {
		return err
	}
	defer content.Close()
	kind := x.r.Header.Get("Content-Type")
	place := x.res.path.Child(rand.Text() + x.extension(kind))
	node, _, err := x.srv.collections.Put(ctx, x.who(), place, content, collection.PutOptions{Guard: guard, ContentType: kind})
	if err != nil {
		return err
	}
	x.w.Header().Set("Location", hrefOfPath(place, false))
	x.w.Header().Set("ETag", `"`+node.ETag+`"`)
	return x.done(http.StatusCreated)
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
