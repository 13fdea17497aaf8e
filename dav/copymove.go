package dav

import (
	"context"
	"net/http"

	"schulhof/dav/collection"
)

// destinationRules says what COPY and MOVE take at their destination.
var destinationRules = map[kind]need{
	kindFreeInFolder | kindFreeInCalendar | kindFreeInAddressBook | kindFreeInCalendarHome | kindFreeInContactsHome: needBind,
	objects | kindFolder | kindCalendar | kindAddressBook:                                                           needDelete,
	kindNowhere: needRefused,
}

// copy makes a second one. RFC 4918 §9.8.
func (x *exchange) copy(ctx context.Context) error {
	d, err := parseDepth(x.r.Header, depthInfinity)
	if err != nil {
		return err
	}
	if d == depth1 {
		return refuse(http.StatusBadRequest, "COPY is with Depth: 0 or infinity")
	}
	to, overwrite, guard, err := x.destination(ctx)
	if err != nil {
		return err
	}
	node, created, err := x.srv.collections.Copy(ctx, x.who(), x.res.path, to, collection.CopyOptions{
		Guard: guard, Overwrite: overwrite, Shallow: d == depth0,
	})
	return x.placedAt(ctx, to, node, created, err)
}

// move gives it another name or place; a folder moves as quickly as a file. RFC 4918 §9.9.
func (x *exchange) move(ctx context.Context) error {
	d, err := parseDepth(x.r.Header, depthInfinity)
	if err != nil {
		return err
	}
	if d != depthInfinity && x.res.kind&collections != 0 {
		return refuse(http.StatusBadRequest, "a collection is moved with Depth: infinity")
	}
	to, overwrite, guard, err := x.destination(ctx)
	if err != nil {
		return err
	}
	node, created, err := x.srv.collections.Move(ctx, x.who(), x.res.path, to, collection.MoveOptions{Guard: guard, Overwrite: overwrite})
	return x.placedAt(ctx, to, node, created, err)
}

// destination reads the headers of COPY and MOVE, and authorises the place that they name.
func (x *exchange) destination(ctx context.Context) (to collection.Path, overwrite bool, guard collection.Guard, err error) {
	if overwrite, err = parseOverwrite(x.r.Header); err != nil {
		return to, overwrite, guard, err
	}
	if guard, err = x.guard(); err != nil {
		return to, overwrite, guard, err
	}
	header := x.r.Header.Get("Destination")
	if header == "" {
		return to, overwrite, guard, refuse(http.StatusBadRequest, "there is no Destination")
	}
	escaped, here, err := x.localPath(header)
	if err != nil {
		return to, overwrite, guard, err
	}
	if !here {
		return to, overwrite, guard, refuse(http.StatusBadGateway, "the destination is another server") // RFC 4918 §9.8.5
	}
	r, err := x.resolve(ctx, escaped)
	if err != nil {
		return to, overwrite, guard, err
	}
	for kinds, n := range destinationRules {
		switch {
		case kinds&r.kind == 0:
		case n == needRefused:
			return to, overwrite, guard, &problem{status: http.StatusConflict, text: "there is no collection at the destination"}
		default:
			return r.path, overwrite, guard, x.may(n, r)
		}
	}
	return to, overwrite, guard, refuse(http.StatusForbidden, "that is no place for it")
}

// placedAt answers COPY and MOVE.
func (x *exchange) placedAt(ctx context.Context, to collection.Path, node collection.Node, created bool, err error) error {
	if err != nil {
		return x.memberFailed(err, x.res.path, to)
	}
	if created {
		x.w.Header().Set("Location", hrefOfPath(to, x.res.kind&collections != 0))
	}
	return x.stored(ctx, node, created)
}
