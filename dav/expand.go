package dav

import (
	"context"
	"net/http"

	"schulhof/store/fault"
)

// propertyName is what a DAV:property names: in DAV: unless it says otherwise.
func propertyName(e *element) (n name, ok bool) {
	local, ok := e.attr("name")
	space, has := e.attr("namespace")
	if !has {
		space = nsDAV
	}
	return name{Space: space, Local: local}, ok
}

// wantedProperties reads the DAV:property elements of expand-property.
func wantedProperties(e *element) (w wanted, expand map[name]*element, err error) {
	expand = map[name]*element{}
	for _, p := range e.children() {
		if p.name != dav("property") {
			continue
		}
		n, ok := propertyName(p)
		if !ok {
			return w, nil, fault.New(fault.Invalid, "a DAV:property has no name")
		}
		if expand[n] == nil {
			w.names, w.elements = append(w.names, n), append(w.elements, p)
		}
		if expand[n] = p; len(p.children()) == 0 {
			delete(expand, n)
		}
	}
	return w, expand, nil
}

// expandProperty answers properties, and in the place of their hrefs the properties of what they lead to. RFC 3253 §3.8.
func (x *exchange) expandProperty(ctx context.Context, body *element) error {
	want, expand, err := wantedProperties(body)
	if err != nil {
		return err
	}
	l := x.newListing(want, nil)
	defer l.release()
	l.expand = expand
	if err := l.add(ctx, &x.res); err != nil {
		return err
	}
	return l.finish()
}

// expanded writes a DAV:response for href in the place of a DAV:href. maxExpanded bounds how many there are in an answer:
// nested expansions of groups and their members multiply.
func (x *exchange) expanded(ctx context.Context, w *xmlWriter, href string, asked *element) error {
	if x.expansions++; x.expansions > maxExpanded {
		return violated(http.StatusForbidden, dav("number-of-matches-within-limits"), "the expansion is too large")
	}
	want, expand, err := wantedProperties(asked)
	if err != nil {
		return err
	}
	r, err := x.resolve(ctx, href)
	if fault.Is(err, fault.NotFound) {
		w.raw("<D:response>")
		w.href(href)
		w.raw("<D:status>" + statusLine(http.StatusNotFound) + "</D:status></D:response>")
		return nil
	}
	if err != nil {
		return err
	}
	l := x.newListing(want, nil)
	defer l.release()
	l.expand, l.begun = expand, true
	d := described{x: x, r: &r, usage: l.usage}
	if l.needStored {
		stored, err := x.srv.collections.Properties(ctx, r.node)
		if err != nil {
			return err
		}
		d.stored = stored[r.node.ID]
	}
	l.raw("<D:response>")
	l.href(r.href())
	if err := l.propstats(ctx, &d); err != nil {
		return err
	}
	l.raw("</D:response>")
	w.bytes(l.buf)
	return nil
}
