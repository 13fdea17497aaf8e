package dav

import (
	"context"
	"net/http"
)

// calendarMultiget answers with the objects that are named, in that order. RFC 4791 §7.9.
func (x *exchange) calendarMultiget(ctx context.Context, body *element) error {
	floating, err := x.floating(ctx, body)
	if err != nil {
		return err
	}
	l, err := x.newEventListing(body, floating)
	if err != nil {
		return err
	}
	defer l.release()
	names, err := x.membersNamed(body, l.listing)
	if err != nil {
		return err
	}
	for f, err := range x.srv.collections.Fetch(ctx, x.who(), x.res.node, names) {
		switch {
		case err != nil:
			return err
		case f.Missing:
			err = l.status(hrefOfPath(f.Node.Path, false), refuse(http.StatusNotFound, ""))
		default:
			err = l.show(ctx, f)
		}
		if err != nil {
			return err
		}
	}
	return l.finish()
}
