package dav

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"schulhof/dav/collection"
	"schulhof/store"
	"schulhof/store/fault"
)

// put stores the body under the name. RFC 9110 §9.3.4, RFC 4918 §9.7, RFC 4791 §5.3.2, RFC 6352 §6.3.2.
func (x *exchange) put(ctx context.Context) error {
	if err := x.mayPut(ctx); err != nil {
		return err
	}
	node, created, err := x.upload(ctx, x.res.path)
	if err != nil {
		return x.orRepresentation(ctx, err)
	}
	// The bytes are kept as they are, so the tag is that of what was sent (RFC 4791 §5.3.4).
	x.w.Header().Set("ETag", `"`+node.ETag+`"`)
	return x.stored(ctx, node, created)
}

// upload puts the body at a place, under the request's conditions.
func (x *exchange) upload(ctx context.Context, at collection.Path) (node collection.Node, created bool, err error) {
	guard, err := x.guard()
	if err != nil {
		return node, false, err
	}
	content, err := x.receive()
	if err != nil {
		return node, false, err
	}
	defer content.Close()
	o := collection.PutOptions{Guard: guard, ContentType: x.r.Header.Get("Content-Type")}
	if n := &x.res.node; n.Kind.IsCollection() {
		o.In, o.Components = n.Kind, n.Components
	} else if n.In == collection.Folder {
		o.In = n.In
	}
	return x.srv.collections.Put(ctx, x.who(), at, content, o)
}

// mayPut refuses what need not be uploaded to be refused.
func (x *exchange) mayPut(ctx context.Context) error {
	switch {
	case x.r.Header.Get("Content-Range") != "":
		return refuse(http.StatusBadRequest, "a part of a file cannot be put (Content-Range)") // RFC 9110 §14.5
	case x.res.kind == kindNowhere:
		return &problem{status: http.StatusConflict, text: "there is no collection of that name"}
	case x.res.slash:
		return refuse(http.StatusMethodNotAllowed, "a name that ends in a slash is a collection's")
	}
	return x.mayUpload(ctx)
}

// mayUpload compares the announced length with what is allowed and what is left. The collections ask again when the bytes
// are there.
func (x *exchange) mayUpload(ctx context.Context) error {
	length := x.announced()
	if length > x.largest() {
		return x.tooLarge()
	}
	if length <= store.SmallBlob {
		return nil // it is here as soon as it could be refused
	}
	usage, err := x.srv.collections.Usage(ctx, x.res.node)
	if err != nil {
		return err
	}
	if usage.Limit > 0 && usage.Used+length-x.res.node.Size > usage.Limit {
		return violated(http.StatusInsufficientStorage, dav("quota-not-exceeded"), "there is no room left")
	}
	return nil
}

// announced is how much is going to come, as far as the client says: Finder sends no Content-Length, but a header of its own.
func (x *exchange) announced() int64 {
	if x.r.ContentLength >= 0 {
		return x.r.ContentLength
	}
	length, err := strconv.ParseInt(x.r.Header.Get("X-Expected-Entity-Length"), 10, 64)
	if err != nil {
		return 0
	}
	return length
}

func (x *exchange) largest() int64 {
	if x.res.path.Space == collection.Calendars || x.res.path.Space == collection.Contacts {
		return collection.MaxObjectSize
	}
	return x.srv.collections.MaxFileSize()
}

func (x *exchange) tooLarge() error {
	return fault.Wrap(fault.TooLarge, &collection.Precondition{Name: "max-resource-size"}, "more than %d bytes", x.largest())
}

// receive takes the body into a spool: small ones stay in memory, large ones go to the disk while they arrive.
func (x *exchange) receive() (*store.Spool, error) {
	spool := x.srv.collections.NewSpool()
	largest := x.largest()
	var from io.Reader = &x.body
	if x.r.ContentLength < 0 || x.r.ContentLength > largest {
		from = io.LimitReader(from, largest+1)
	}
	n, err := spool.ReadFrom(from)
	var f *fault.Error
	switch {
	case err == nil && n > largest:
		err = x.tooLarge()
	case errors.As(err, &f): // the spool's: no room on the disk
	case err != nil:
		err = readError(err)
	}
	if err != nil {
		return nil, errors.Join(err, spool.Close())
	}
	return spool, nil
}
