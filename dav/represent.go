package dav

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"schulhof/dav/collection"
)

// stored answers a write that left node: 201 or 204, or what a GET would answer if the client prefers that. RFC 8144 §3.1.
func (x *exchange) stored(ctx context.Context, node collection.Node, created bool) error {
	status, short := http.StatusOK, http.StatusNoContent
	if created {
		status, short = http.StatusCreated, http.StatusCreated
	}
	if x.prefer.representation {
		if shown, err := x.represent(ctx, status, node); shown {
			return err
		}
	}
	return x.done(short)
}

// orRepresentation answers a write whose condition failed with what is there now, for clients that would ask for it next.
// RFC 8144 §3.2.
func (x *exchange) orRepresentation(ctx context.Context, failed error) error {
	var p *problem
	if !x.prefer.representation || !errors.As(failed, &p) || p.status != http.StatusPreconditionFailed {
		return failed
	}
	node, err := x.srv.collections.Resolve(ctx, x.who(), x.res.path)
	if err != nil {
		return failed //nolint:nilerr // then there is nothing to show
	}
	if shown, err := x.represent(ctx, p.status, node); shown {
		return err
	}
	return failed
}

// represent answers with the content of an object. shown is false when nothing was answered: it is no object, a file so large that
// nobody waits for it here, or one that has been replaced meanwhile.
func (x *exchange) represent(ctx context.Context, status int, node collection.Node) (shown bool, err error) {
	if node.Kind != collection.Object || node.Size > collection.MaxObjectSize {
		return false, nil
	}
	content, err := x.srv.collections.Open(ctx, node)
	if err != nil {
		return false, nil //nolint:nilerr // what was asked for is done all the same
	}
	defer content.Close()
	h, size := x.w.Header(), node.Size
	var body io.Reader = content
	if wanted, ok := x.asWanted(kindOf(node), content); ok {
		body, size = bytes.NewReader(wanted), int64(len(wanted))
	}
	h.Set("Content-Type", contentType(node))
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	h.Set("Content-Location", hrefOfPath(node.Path, false))
	h.Set("ETag", `"`+node.ETag+`"`)
	h.Set("Last-Modified", node.Modified.UTC().Format(http.TimeFormat))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Preference-Applied", "return=representation")
	h.Add("Vary", "Prefer")
	x.begin(status)
	_, err = io.Copy(x, body)
	return true, err
}
