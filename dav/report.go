package dav

import (
	"context"
	"iter"
	"net/http"

	"schulhof/dav/collection"
	"schulhof/store/fault"
)

// report is one kind of question. A new one is a row in allReports.
type report struct {
	name  name
	kinds kind // the resources that it may be asked of
	run   func(x *exchange, ctx context.Context, body *element) error
}

// allReports is the table of reports. What a resource has of it is its DAV:supported-report-set (RFC 3253 §3.1.5).
func allReports() []report {
	return []report{
		{dav("expand-property"), existing, (*exchange).expandProperty},
		{dav("principal-match"), kindRoot | kindTop | kindPrincipal | kindFolder | homes, (*exchange).principalMatch},
		{dav("principal-property-search"), kindRoot | kindTop | kindPrincipal, (*exchange).principalPropertySearch},
		{dav("principal-search-property-set"), kindRoot | kindTop | kindPrincipal, (*exchange).principalSearchPropertySet},
		{dav("acl-principal-prop-set"), stored, (*exchange).aclPrincipalPropSet},
		{carddav("addressbook-query"), kindAddressBook | kindCard, (*exchange).addressbookQuery},
		{carddav("addressbook-multiget"), kindAddressBook | kindCard, (*exchange).addressbookMultiget},
		{caldav("calendar-query"), kindCalendar | kindEvent, (*exchange).calendarQuery},
		{caldav("calendar-multiget"), kindCalendar | kindEvent, (*exchange).calendarMultiget},
		{caldav("free-busy-query"), kindCalendar | kindEvent, (*exchange).freeBusyQuery},
		{dav("sync-collection"), kindCalendar | kindAddressBook | kindFolder, (*exchange).syncCollection},
	}
}

// report finds the handler of the report that the body asks for. RFC 3253 §3.6.
func (x *exchange) report(ctx context.Context) error {
	body, err := x.xmlBody()
	if err != nil {
		return err
	}
	if body == nil {
		return fault.New(fault.Invalid, "a REPORT needs a body")
	}
	for _, r := range x.srv.reports {
		if r.name == body.name && r.kinds&x.res.kind != 0 {
			return r.run(x, ctx, body)
		}
	}
	return violated(http.StatusForbidden, dav("supported-report"), "this resource does not have that report")
}

// around makes a report that is asked of an object one of the collection around it which looks at that object only; "" is a report on all of
// the collection. Objects have the reports that their collections have: RFC 4791 §2, RFC 6352 §3.
func (x *exchange) around(ctx context.Context) (only string, err error) {
	if x.res.kind&objects == 0 {
		return "", nil
	}
	parent, only, _ := x.res.path.Parent()
	node, err := x.srv.collections.Resolve(ctx, x.who(), parent)
	x.res = resource{kind: kindOf(node), path: parent, inside: true, node: node}
	return only, err
}

// objectsFor yields the objects that a report looks at. One that has gone meanwhile has no bytes, and so nothing that could be asked for.
func (x *exchange) objectsFor(ctx context.Context, only string, w collection.Window) iter.Seq2[collection.Found, error] {
	if only != "" {
		return x.srv.collections.Fetch(ctx, x.who(), x.res.node, []string{only}, w.Brief)
	}
	return x.srv.collections.Objects(ctx, x.who(), x.res.node, w)
}

// wantedBy reads the properties that a report asks for: a DAV:prop, or DAV:allprop and the like.
func wantedBy(body *element) (w wanted) {
	if p := body.child(dav("prop")); p != nil {
		w.add(p)
	}
	w.all = body.child(dav("allprop")) != nil
	w.onlyName = body.child(dav("propname")) != nil
	return w
}
