package dav

import (
	"context"
	"net/http"

	"schulhof/dav/collection"
)

// delete removes an object, or a collection with everything in it, or nothing. RFC 4918 §9.6.
func (x *exchange) delete(ctx context.Context) error {
	if d, err := parseDepth(x.r.Header, depthInfinity); err != nil {
		return err
	} else if d != depthInfinity && x.res.kind&collections != 0 {
		return refuse(http.StatusBadRequest, "a collection is deleted with Depth: infinity")
	}
	guard, err := x.guard()
	if err != nil {
		return err
	}
	if err := x.srv.collections.Delete(ctx, x.who(), x.res.path, collection.DeleteOptions{Guard: guard}); err != nil {
		return x.memberFailed(x.orRepresentation(ctx, err), x.res.path)
	}
	return x.done(http.StatusNoContent)
}
