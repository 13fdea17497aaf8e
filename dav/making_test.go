package dav

import (
	"strings"
	"testing"
)

// mkcolBody is the body of an extended MKCOL. RFC 5689 §5.1.
func mkcolBody(properties string) string {
	return `<D:mkcol xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CR="urn:ietf:params:xml:ns:carddav" xmlns:I="http://apple.com/ns/ical/">` +
		`<D:set><D:prop>` + properties + `</D:prop></D:set></D:mkcol>`
}

// TestMakingFails: nothing is made when something about it is wrong, and the answer says what. RFC 4918 §9.3.1, RFC 4791 §5.3.1, RFC 5689 §3.
func TestMakingFails(t *testing.T) {
	w := newSchool(t)
	const calendar = `<D:resourcetype><D:collection/><C:calendar/></D:resourcetype>`
	const book = `<D:resourcetype><D:collection/><CR:addressbook/></D:resourcetype>`
	const home, books, xml = "/dav/calendars/anna/new/", "/dav/contacts/anna/new/", "application/xml"
	made := func(body string) string {
		return `<C:mkcalendar xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:set><D:prop>` + body + `</D:prop></D:set></C:mkcalendar>`
	}
	kind := []string{"Content-Type", xml}
	w.asks(t, "anna", []asked{
		{"no collection around it", "MKCOL", "/webdav/Files/none/new/", "", nil, 409, ""},
		{"a calendar's members are objects", "MKCALENDAR", "/dav/calendars/anna/calendar/new/", "", nil, 403, ""},
		{"a calendar among files", "MKCALENDAR", "/webdav/Files/new/", "", nil, 403, ""},
		{"a calendar among address books", "MKCALENDAR", books, "", nil, 403, ""},
		{"a plain folder among calendars", "MKCOL", home, "", nil, 403, ""},
		{"an address book among calendars", "MKCOL", home, mkcolBody(book), kind, 403, ""},
		{"a calendar among files, extended", "MKCOL", "/webdav/Files/new/", mkcolBody(calendar), kind, 403, ""},
		{"there already", "MKCOL", "/webdav/Files/", "", nil, 405, "resource-must-be-null"},
		{"there already, a calendar", "MKCALENDAR", "/dav/calendars/anna/calendar/", "", nil, 405, "resource-must-be-null"},
		{"a body that is no XML", "MKCOL", "/webdav/Files/new/", "hello", []string{"Content-Type", "text/plain"}, 415, ""},
		{"a body of no type that is no XML", "MKCOL", "/webdav/Files/new/", "hello", nil, 415, ""},
		{"XML that is broken", "MKCOL", "/webdav/Files/new/", "<a>", kind, 400, ""},
		{"another document", "MKCOL", "/webdav/Files/new/", `<propfind xmlns="DAV:"/>`, kind, 415, "mkcol"},
		{"another document for a calendar", "MKCALENDAR", home, mkcolBody(calendar), kind, 415, "mkcalendar"},
		{"a type that is none", "MKCOL", home, mkcolBody(`<D:resourcetype><D:collection/><D:principal/></D:resourcetype>`), kind, 403, "<D:valid-resourcetype/>"},
		{"no collection", "MKCOL", home, mkcolBody(`<D:resourcetype><C:calendar/></D:resourcetype>`), kind, 403, "<D:valid-resourcetype/>"},
		{"an empty type", "MKCOL", home, mkcolBody(`<D:resourcetype/>`), kind, 403, "<D:valid-resourcetype/>"},
		{"DAV:remove", "MKCOL", home, strings.ReplaceAll(mkcolBody(calendar), "D:set", "D:remove"), kind, 400, "DAV:set"},
		{"a protected property", "MKCOL", home, mkcolBody(calendar + `<D:displayname>N</D:displayname><D:getetag>x</D:getetag>`), kind, 424,
			`<D:mkcol-response`},
		{"the others depend on it", "MKCOL", home, mkcolBody(calendar + `<D:displayname>N</D:displayname><D:getetag>x</D:getetag>`), kind, 424,
			"<D:displayname/></D:prop><D:status>HTTP/1.1 424 Failed Dependency</D:status>"},
		{"its own answer", "MKCOL", home, mkcolBody(calendar + `<D:displayname>N</D:displayname><D:getetag>x</D:getetag>`), kind, 424,
			"<D:getetag/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status><D:error><D:cannot-modify-protected-property/></D:error>"},
		{"a time zone that is none", "MKCALENDAR", home, made(`<C:calendar-timezone>x</C:calendar-timezone>`), kind, 424, `<C:mkcalendar-response`},
		{"and its reason", "MKCALENDAR", home, made(`<C:calendar-timezone>x</C:calendar-timezone>`), kind, 424, "<C:valid-calendar-data/>"},
		{"an order that is no number", "MKCALENDAR", home, made(`<I:calendar-order xmlns:I="http://apple.com/ns/ical/">first</I:calendar-order>`), kind, 424, "409 Conflict"},
		{"a component that is none", "MKCALENDAR", home, made(`<D:displayname>N</D:displayname><C:supported-calendar-component-set><C:comp name="VALARM"/></C:supported-calendar-component-set>`), kind, 424,
			"<C:supported-calendar-component-set/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status><D:error><C:supported-calendar-component/>"},
		{"a condition that does not hold", "MKCALENDAR", home, "", []string{"If", `(["x"])`}, 412, "If"},
		{"nothing was made", "PROPFIND", home, "", []string{"Depth", "0"}, 404, ""},
		{"nothing was made", "PROPFIND", books, "", []string{"Depth", "0"}, 404, ""},
		{"nothing was made", "PROPFIND", "/webdav/Files/new/", "", []string{"Depth", "0"}, 404, ""},
		{"in the home of others", "MKCALENDAR", "/dav/calendars/klein/new/", "", nil, 404, ""},
		{"in a class's", "MKCOL", "/dav/calendars/anna/group-7b/new/", "", nil, 403, ""},
	})
}

// TestMakingTakesProperties: what is set is there at once, and the components are kept. RFC 4791 §5.2.3, RFC 5689 §3.1.
func TestMakingTakesProperties(t *testing.T) {
	w := newSchool(t)
	xml := []string{"Content-Type", "text/xml; charset=utf-8"}
	w.asks(t, "anna", []asked{
		{"a calendar", "MKCOL", "/dav/calendars/anna/k/", mkcolBody(`<D:resourcetype><D:collection/><C:calendar/></D:resourcetype><D:displayname>Fußball &amp; mehr</D:displayname>` +
			`<I:calendar-color>#FF0000FF</I:calendar-color><I:calendar-order>7</I:calendar-order><C:supported-calendar-component-set><C:comp name="vtodo"/></C:supported-calendar-component-set>`), xml, 201, ""},
		{"its name", "PROPFIND", "/dav/calendars/anna/k/", "", []string{"Depth", "0"}, 207, "Fußball &amp; mehr"},
		{"its colour", "PROPFIND", "/dav/calendars/anna/k/", `<propfind xmlns="DAV:"><prop><calendar-color xmlns="http://apple.com/ns/ical/"/></prop></propfind>`, []string{"Depth", "0"}, 207, "#FF0000FF"},
		{"what it takes", "PROPFIND", "/dav/calendars/anna/k/", `<propfind xmlns="DAV:"><prop><supported-calendar-component-set xmlns="urn:ietf:params:xml:ns:caldav"/></prop></propfind>`,
			[]string{"Depth", "0"}, 207, `<C:supported-calendar-component-set><C:comp name="VTODO"/></C:supported-calendar-component-set>`},
		{"what it does not take", "PUT", "/dav/calendars/anna/k/e.ics", event("e"), nil, 403, "<C:supported-calendar-component/>"},
		{"an address book", "MKCOL", "/dav/contacts/anna/k", mkcolBody(`<D:resourcetype><D:collection/><CR:addressbook/></D:resourcetype><CR:addressbook-description>Verein</CR:addressbook-description>`), xml, 201, ""},
		{"its description", "PROPFIND", "/dav/contacts/anna/k/", `<propfind xmlns="DAV:"><prop><addressbook-description xmlns="urn:ietf:params:xml:ns:carddav"/></prop></propfind>`, []string{"Depth", "0"}, 207, "Verein"},
		{"a folder with a dead property", "MKCOL", "/webdav/Files/k", mkcolBody(`<x xmlns="u">dead</x>`), xml, 201, ""},
		{"its property", "PROPFIND", "/webdav/Files/k/", "", []string{"Depth", "0"}, 207, `<x xmlns="u">dead</x>`},
		{"an empty body", "MKCALENDAR", "/dav/calendars/anna/leer/", `<C:mkcalendar xmlns:C="urn:ietf:params:xml:ns:caldav"/>`, xml, 201, ""},
		{"all components", "PROPFIND", "/dav/calendars/anna/leer/", `<propfind xmlns="DAV:"><prop><supported-calendar-component-set xmlns="urn:ietf:params:xml:ns:caldav"/></prop></propfind>`, []string{"Depth", "0"}, 207, `name="VEVENT"`},
	})
}
