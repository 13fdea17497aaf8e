package dav

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"schulhof/dav/collection"
)

// addressbookMultiget answers with the cards that are named, in that order. RFC 6352 §8.7.
func (x *exchange) addressbookMultiget(ctx context.Context, body *element) error {
	only, err := x.around(ctx)
	if err != nil {
		return err
	}
	l, err := x.newCardListing(body)
	if err != nil {
		return err
	}
	defer l.release()
	return x.multiget(ctx, body, only, l.listing, func(f collection.Found) error { return l.card(ctx, f, nil) })
}

// calendarMultiget answers with the objects that are named, in that order. RFC 4791 §7.9.
func (x *exchange) calendarMultiget(ctx context.Context, body *element) error {
	only, err := x.around(ctx)
	if err != nil {
		return err
	}
	l, err := x.newEventListing(body, nil)
	if err != nil {
		return err
	}
	defer l.release()
	if !l.data.Whole() { // what is given as it is stored has no need of a zone
		if l.floating, err = x.floating(ctx, body); err != nil {
			return err
		}
	}
	return x.multiget(ctx, body, only, l.listing, func(f collection.Found) error { return l.show(ctx, f) })
}

// multiget shows what the hrefs in body name, and says of the others that they are not there.
func (x *exchange) multiget(ctx context.Context, body *element, only string, l *listing, show func(collection.Found) error) error {
	names, err := x.membersNamed(body, only, l)
	if err != nil {
		return err
	}
	for f, err := range x.srv.collections.Fetch(ctx, x.who(), x.res.node, names, l.brief) {
		switch {
		case err != nil:
			return err
		case f.Missing:
			err = l.status(hrefOfPath(f.Node.Path, false), refuse(http.StatusNotFound, ""))
		default:
			err = show(f)
		}
		if err != nil {
			return err
		}
	}
	return l.finish()
}

// membersNamed returns the names of those hrefs of a multiget that lie in the collection which is asked, and answers for the others that
// they are not there. only: "" or the one object that the report is asked of.
func (x *exchange) membersNamed(body *element, only string, l *listing) (names []string, err error) {
	asked := x.res.href()
	for _, e := range body.children() {
		if e.name != dav("href") {
			continue
		}
		href := strings.TrimSpace(e.text())
		name, ok := plainMember(href, asked)
		if !ok {
			name, ok = x.memberNamed(href)
		}
		if ok && (only == "" || name == only) {
			names = append(names, name)
		} else if err := l.status(href, refuse(http.StatusNotFound, "")); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// plainMember is memberNamed for an href that is the collection's own with a name behind it in which nothing is escaped.
func plainMember(href, collection string) (name string, ok bool) {
	name, ok = strings.CutPrefix(href, collection)
	if !ok || name == "" || name[0] == '.' {
		return "", false
	}
	for i := range len(name) {
		if !plain[name[i]] {
			return "", false
		}
	}
	return name, true
}

// memberNamed returns the name that an href has in the collection which is asked; ok is false for what lies elsewhere.
func (x *exchange) memberNamed(href string) (name string, ok bool) {
	u, err := url.Parse(href)
	if err != nil || u.Host != "" && !strings.EqualFold(u.Host, x.r.Host) {
		return "", false
	}
	names, _, err := splitPath(u.EscapedPath())
	if err != nil {
		return "", false
	}
	path, ok := spacePath(names, x.id.Account.Login)
	if !ok {
		return "", false
	}
	parent, name, ok := path.Parent()
	if !ok || parent.Space != x.res.path.Space || parent.Owner != x.res.path.Owner || !slices.Equal(parent.Segments, x.res.path.Segments) {
		return "", false
	}
	return name, true
}
