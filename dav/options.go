package dav

import (
	"context"
	"net/http"

	"schulhof/dav/collection"
)

// options tells what can be done with the resource. RFC 9110 §9.3.7, RFC 4918 §10.1.
func (x *exchange) options(context.Context) error {
	return x.sendOptions(x.res.kind, x.res.node)
}

// optionsForAnyone answers a client that has not logged in, as Office and Explorer do not: by the form of the URL alone,
// so that nothing is said about what is there.
func (x *exchange) optionsForAnyone() error {
	names, _, err := splitPath(x.r.URL.EscapedPath())
	if err != nil {
		return err
	}
	k := fixed
	if p, ok := spacePath(names, ""); ok {
		switch p.Space {
		case collection.Calendars:
			k = kindCalendarHome | kindCalendar | kindEvent | kindFreeInCalendar | kindFreeInCalendarHome
		case collection.Contacts:
			k = kindContactsHome | kindAddressBook | kindCard | kindFreeInAddressBook | kindFreeInContactsHome
		default:
			k = kindFile | kindFolder | kindFreeInFolder
		}
	}
	return x.sendOptions(k, collection.Node{})
}

func (x *exchange) sendOptions(k kind, n collection.Node) error {
	h := x.w.Header()
	h.Set("Allow", allowFor(k, n))
	h.Set("DAV", compliance(k))
	if k&(kindFile|kindFolder|kindGroupList|kindFreeInFolder|fixed) != 0 {
		h.Set("MS-Author-Via", "DAV") // Office opens files for writing only where it sees this
	}
	return x.done(http.StatusOK)
}

// compliance is the header DAV: the classes of RFC 4918 §18 and the extensions that mean something for the kind. Class 2
// is said only where LOCK works.
func compliance(k kind) string {
	const common = ", access-control, extended-mkcol"
	switch {
	case k&fixed != 0:
		return "1, 2, 3" + common + ", calendar-access, addressbook"
	case k&(kindCalendarHome|kindCalendar|kindEvent|kindFreeInCalendar|kindFreeInCalendarHome) != 0:
		return "1, 3" + common + ", calendar-access"
	case k&(kindContactsHome|kindAddressBook|kindCard|kindFreeInAddressBook|kindFreeInContactsHome) != 0:
		return "1, 3" + common + ", addressbook"
	}
	return "1, 2, 3" + common
}
