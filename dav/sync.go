package dav

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"schulhof/dav/collection"
	"schulhof/store/fault"
)

// syncCollection tells what has changed since a token. RFC 6578. Depth may be anything: Thunderbird sends 1 where the RFC
// has 0, and the element sync-level says what is meant.
func (x *exchange) syncCollection(ctx context.Context, body *element) error {
	since, limit, err := syncRequest(body)
	if err != nil {
		return err
	}
	l := x.newListing(wantedBy(body), nil)
	defer l.release()
	for told := 0; ; {
		changes, err := x.srv.collections.Changes(ctx, x.who(), x.res.node, since, min(limit-told, childrenPage))
		if err != nil {
			return err
		}
		if err := l.changes(ctx, changes); err != nil {
			return err
		}
		since, told = changes.Next, told+len(changes.Changed)+len(changes.Removed)
		if !changes.More {
			break
		}
		if told >= limit { // RFC 6578 §3.6: the client asks again with the new token
			if err := l.status(x.res.href(), violated(http.StatusInsufficientStorage, dav("number-of-matches-within-limits"), "")); err != nil {
				return err
			}
			break
		}
	}
	l.begin()
	l.element(dav("sync-token"), syncTokenPrefix+since.String())
	return l.finish()
}

// changes writes one page of them.
func (l *listing) changes(ctx context.Context, c collection.Changes) error {
	list := make([]resource, len(c.Changed))
	for i, n := range c.Changed {
		list[i] = resource{kind: kindOf(n), path: n.Path, inside: true, node: n}
	}
	if err := l.page(ctx, list, nil); err != nil {
		return err
	}
	for _, name := range c.Removed {
		if err := l.status(hrefOfPath(l.x.res.path.Child(name), false), refuse(http.StatusNotFound, "")); err != nil {
			return err
		}
	}
	return nil
}

// syncRequest reads the body: the token (zero: everything is new) and how many answers the client wants at most.
func syncRequest(body *element) (since collection.Token, limit int, err error) {
	switch level := strings.TrimSpace(body.child(dav("sync-level")).text()); level {
	case "", "1": // some leave it out
	default:
		return since, 0, violated(http.StatusForbidden, dav("sync-traversal-supported"), "only members are reported, not what is in them")
	}
	limit = maxSyncAnswers
	if n := body.child(dav("limit")).child(dav("nresults")); n != nil {
		if limit, err = strconv.Atoi(strings.TrimSpace(n.text())); err != nil || limit < 1 {
			return since, 0, fault.New(fault.Invalid, "DAV:nresults is not a number")
		}
		limit = min(limit, maxSyncAnswers)
	}
	token := strings.TrimSpace(body.child(dav("sync-token")).text())
	if token == "" {
		return since, limit, nil
	}
	since, ok := parseSyncToken(token)
	if !ok {
		return since, 0, violated(http.StatusForbidden, dav("valid-sync-token"), "the sync token is none of this server")
	}
	return since, limit, nil
}
