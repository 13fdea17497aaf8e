package dav

import (
	"context"
	"net/http"

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
		{carddav("addressbook-query"), kindAddressBook, (*exchange).addressbookQuery},
		{carddav("addressbook-multiget"), kindAddressBook, (*exchange).addressbookMultiget},
		{caldav("calendar-query"), kindCalendar, (*exchange).calendarQuery},
		{caldav("calendar-multiget"), kindCalendar, (*exchange).calendarMultiget},
		{caldav("free-busy-query"), kindCalendar, (*exchange).freeBusyQuery},
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

// wantedBy reads the properties that a report asks for: a DAV:prop, or DAV:allprop and the like.
func wantedBy(body *element) (w wanted) {
	if p := body.child(dav("prop")); p != nil {
		w.add(p)
	}
	w.all = body.child(dav("allprop")) != nil
	w.onlyName = body.child(dav("propname")) != nil
	return w
}
