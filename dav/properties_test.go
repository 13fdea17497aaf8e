package dav

import (
	"fmt"
	"strings"
	"testing"

	"schulhof/dav/collection"
)

// patchBody is a PROPPATCH that sets, then removes.
func patchBody(set, remove string) string {
	body := `<D:propertyupdate xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CR="urn:ietf:params:xml:ns:carddav" xmlns:I="http://apple.com/ns/ical/" xmlns:CS="http://calendarserver.org/ns/">`
	if set != "" {
		body += "<D:set><D:prop>" + set + "</D:prop></D:set>"
	}
	if remove != "" {
		body += "<D:remove><D:prop>" + remove + "</D:prop></D:remove>"
	}
	return body + "</D:propertyupdate>"
}

// TestEveryLivePropertyIsProtectedOrChecked goes through the whole table: on each kind of resource that can be patched, a property without
// a check refuses to be set and to be removed with the precondition of RFC 4918 §16, and nothing else of the request happens.
func TestEveryLivePropertyIsProtectedOrChecked(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	w.want(201, "anna", "PUT", "/webdav/Files/f", "x")
	places := map[string]kind{
		"/dav/calendars/anna/": kindCalendarHome, "/dav/contacts/anna/": kindContactsHome, "/dav/calendars/anna/calendar/": kindCalendar,
		"/dav/contacts/anna/contacts/": kindAddressBook, "/dav/calendars/anna/calendar/e.ics": kindEvent,
		"/dav/contacts/anna/contacts/c.vcf": kindCard, "/webdav/Files/": kindFolder, "/webdav/Files/f": kindFile,
	}
	tried := 0
	for path, k := range places {
		for i := range w.srv.live.all {
			p := &w.srv.live.all[i]
			if p.kinds&k == 0 || p.check != nil {
				continue
			}
			tried++
			element := fmt.Sprintf(`<p:%s xmlns:p="%s">x</p:%[1]s>`, p.name.Local, p.name.Space)
			const dead = `<dead xmlns="u">x</dead>`
			for _, body := range []string{patchBody(dead+element, ""), patchBody(dead, element)} {
				a := w.want(207, "anna", "PROPPATCH", path, body)
				if !strings.Contains(a.body, "HTTP/1.1 403 Forbidden</D:status><D:error><D:cannot-modify-protected-property/>") ||
					!strings.Contains(a.body, `<dead xmlns="u"/></D:prop><D:status>HTTP/1.1 424`) {
					t.Errorf("%s %s: %s", path, describe(p.name), a.body)
				}
			}
		}
		if a := w.want(207, "anna", "PROPFIND", path, `<propfind xmlns="DAV:"><prop><dead xmlns="u"/></prop></propfind>`, "Depth", "0"); strings.Contains(a.body, "200 OK") {
			t.Errorf("%s: a part of what was refused was done", path)
		}
	}
	if tried < 60 {
		t.Errorf("only %d properties were tried", tried)
	}
}

// TestPropertiesThatCanBeSet: what each takes and refuses, that it comes back, and that removing it gives the default back.
func TestPropertiesThatCanBeSet(t *testing.T) {
	w := newSchool(t)
	const calendar, book, folder = "/dav/calendars/anna/calendar/", "/dav/contacts/anna/contacts/", "/webdav/Files/"
	zone := "BEGIN:VCALENDAR&#13;\nVERSION:2.0&#13;\nPRODID:x&#13;\nBEGIN:VTIMEZONE&#13;\nTZID:X&#13;\nBEGIN:STANDARD&#13;\nDTSTART:19700101T000000&#13;\nTZOFFSETFROM:+0100&#13;\nTZOFFSETTO:+0100&#13;\nEND:STANDARD&#13;\nEND:VTIMEZONE&#13;\nEND:VCALENDAR&#13;\n"
	tests := []struct {
		name, path, element string
		status              int // of the property
	}{
		{"a name", calendar, `<D:displayname>Schule &lt;1&gt;</D:displayname>`, 200},
		{"a name in a language", book, `<D:displayname xml:lang="de">Leute</D:displayname>`, 200},
		{"a name of a folder", folder, `<D:displayname>Meine</D:displayname>`, 200},
		{"a name with elements", calendar, `<D:displayname><D:b/></D:displayname>`, 409},
		{"a description", calendar, `<C:calendar-description>Was ist</C:calendar-description>`, 200},
		{"a description with elements", calendar, `<C:calendar-description><D:b/></C:calendar-description>`, 409},
		{"a book's description", book, `<CR:addressbook-description>Wer ist</CR:addressbook-description>`, 200},
		{"a time zone", calendar, `<C:calendar-timezone>` + zone + `</C:calendar-timezone>`, 200},
		{"no time zone", calendar, `<C:calendar-timezone>Europe/Berlin</C:calendar-timezone>`, 403},
		{"a zone's name", calendar, `<C:calendar-timezone-id>Europe/Berlin</C:calendar-timezone-id>`, 200},
		{"an unknown zone's name", calendar, `<C:calendar-timezone-id>Mars/Base</C:calendar-timezone-id>`, 403},
		{"not for busy times", calendar, `<C:schedule-calendar-transp><C:transparent/></C:schedule-calendar-transp>`, 200},
		{"a colour", calendar, `<I:calendar-color symbolic-color="custom">#1D9BF6FF</I:calendar-color>`, 200},
		{"a colour too long", calendar, `<I:calendar-color>` + strings.Repeat("f", maxShortValue+1) + `</I:calendar-color>`, 409},
		{"a colour with elements", calendar, `<I:calendar-color><D:b/></I:calendar-color>`, 409},
		{"an order", calendar, `<I:calendar-order>12</I:calendar-order>`, 200},
		{"an order that is negative", calendar, `<I:calendar-order>-1</I:calendar-order>`, 409},
		{"an empty order", book, `<I:calendar-order/>`, 409},
		{"a dead one", calendar, `<x xmlns="urn:x">y</x>`, 200},
		{"one of another server", calendar, `<CS:source>y</CS:source>`, 200},
		{"a dead one as large as may be", folder, `<x xmlns="u">` + strings.Repeat("y", collection.MaxPropertyValue-len(`<x xmlns="u"></x>`)) + `</x>`, 200},
		{"a larger one", folder, `<x xmlns="u">` + strings.Repeat("y", collection.MaxPropertyValue) + `</x>`, 507},
		{"the longest name", folder, "<" + strings.Repeat("n", collection.MaxPropertyName) + ` xmlns="u">y</` + strings.Repeat("n", collection.MaxPropertyName) + ">", 200},
		{"a longer name", folder, "<" + strings.Repeat("n", collection.MaxPropertyName+1) + ` xmlns="u"/>`, 507},
		{"a longer name space", folder, `<n xmlns="` + strings.Repeat("u", collection.MaxPropertyName+1) + `"/>`, 507},
		{"a size for a folder", folder, `<D:getcontentlength>1</D:getcontentlength>`, 403},
		{"a lock for a calendar", calendar, `<D:lockdiscovery/>`, 403},
	}
	for _, tt := range tests {
		a := w.want(207, "anna", "PROPPATCH", tt.path, patchBody(tt.element, ""))
		if !strings.Contains(a.body, "<D:status>"+statusLine(tt.status)+"</D:status>") {
			t.Errorf("%s: %s, want %d", tt.name, a.body, tt.status)
			continue
		}
		e, err := parseXML([]byte(patchBody(tt.element, "")))
		w.check(err)
		e = e.child(dav("set")).child(dav("prop")).children()[0]
		ask := xmlWriter{}
		ask.raw(`<D:propfind xmlns:D="DAV:"><D:prop>` + fmt.Sprintf(`<p:%s xmlns:p="%s"/>`, e.name.Local, e.name.Space) + `</D:prop></D:propfind>`)
		stored := string(e.appendXML(nil))
		found := w.want(207, "anna", "PROPFIND", tt.path, string(ask.buf), "Depth", "0").body
		if strings.Contains(found, stored) != (tt.status == 200) && tt.status != 507 {
			t.Errorf("%s: %q in %s", tt.name, stored, found)
		}
		if tt.status != 200 {
			continue
		}
		removed := w.want(207, "anna", "PROPPATCH", tt.path, patchBody("", fmt.Sprintf(`<p:%s xmlns:p="%s"/>`, e.name.Local, e.name.Space)))
		if !strings.Contains(removed.body, statusLine(200)) {
			t.Errorf("%s: removing: %s", tt.name, removed.body)
		}
		if found := w.want(207, "anna", "PROPFIND", tt.path, string(ask.buf), "Depth", "0").body; strings.Contains(found, stored) {
			t.Errorf("%s is still there: %s", tt.name, found)
		}
	}
}

// TestProppatchOrder: instructions work in the order of the document, removing what is not there is fine, and a request has a limit.
// RFC 4918 §9.2, §14.23.
func TestProppatchOrder(t *testing.T) {
	w := newSchool(t)
	w.want(201, "anna", "PUT", "/webdav/Files/f", "x")
	value := func() string {
		return cutOut(w.want(207, "anna", "PROPFIND", "/webdav/Files/f", `<propfind xmlns="DAV:"><prop><x xmlns="u"/></prop></propfind>`, "Depth", "0").body, `<x xmlns="u">`, "<")
	}
	open, end := `<D:propertyupdate xmlns:D="DAV:">`, `</D:propertyupdate>`
	set := func(s string) string { return `<D:set><D:prop><x xmlns="u">` + s + `</x></D:prop></D:set>` }
	remove := `<D:remove><D:prop><x xmlns="u"/></D:prop></D:remove>`
	for _, tt := range []struct{ name, body, want string }{
		{"set", set("1"), "1"}, {"set twice", set("2") + set("3"), "3"}, {"set and removed", set("4") + remove, ""},
		{"removed and set", remove + set("5"), "5"}, {"removed", remove, ""}, {"removed again", remove, ""},
		{"something unknown in between", set("6") + `<D:other><D:prop><x xmlns="u">7</x></D:prop></D:other>`, "6"},
	} {
		w.want(207, "anna", "PROPPATCH", "/webdav/Files/f", open+tt.body+end)
		if got := value(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `<m%d xmlns="u">x</m%[1]d>`, i)
		}
		return open + `<D:set><D:prop>` + b.String() + `</D:prop></D:set>` + end
	}
	w.asks(t, "anna", []asked{
		{"nothing in it", "PROPPATCH", "/webdav/Files/f", open + end, nil, 400, "no property"},
		{"an empty prop", "PROPPATCH", "/webdav/Files/f", open + `<D:set><D:prop/></D:set>` + end, nil, 400, "no property"},
		{"no body", "PROPPATCH", "/webdav/Files/f", "", nil, 400, "propertyupdate"},
		{"too many", "PROPPATCH", "/webdav/Files/f", many(collection.MaxProperties + 1), nil, 403, "properties"},
		{"beside one that is there, as many again are too many", "PROPPATCH", "/webdav/Files/f", many(collection.MaxProperties), nil, 403, ""},
		{"as many as may be", "PROPPATCH", "/webdav/Files/f", open + remove + strings.TrimPrefix(many(collection.MaxProperties-1), open), nil, 207, "200 OK"},
		{"short, for who wants that", "PROPPATCH", "/webdav/Files/f", open + set("8") + end, []string{"Prefer", "return=minimal"}, 204, ""},
		{"in Microsoft's words", "PROPPATCH", "/webdav/Files/f", open + remove + end, []string{"Brief", "t"}, 204, ""},
	})
}

// TestPropfindBodies: what a PROPFIND may ask for, and what is none. RFC 4918 §9.1, §14.20.
func TestPropfindBodies(t *testing.T) {
	w := newSchool(t)
	w.want(201, "anna", "PUT", "/webdav/Files/f", "x")
	w.want(207, "anna", "PROPPATCH", "/webdav/Files/f", `<propertyupdate xmlns="DAV:"><set><prop><own xmlns="u">mine</own></prop></set></propertyupdate>`)
	find := func(inner string) string { return `<D:propfind xmlns:D="DAV:">` + inner + `</D:propfind>` }
	row := func(name, body string, status int, says string) asked {
		return asked{name, "PROPFIND", "/webdav/Files/f", body, []string{"Depth", "0"}, status, says}
	}
	w.asks(t, "anna", []asked{
		row("all", find(`<D:allprop/>`), 207, "mine"), row("names", find(`<D:propname/>`), 207, `<own xmlns="u"/>`),
		row("all and more", find(`<D:allprop/><D:include><D:owner/></D:include>`), 207, "<D:owner><D:href>/dav/principals/users/anna/"),
		row("the include first", find(`<D:include><D:owner/></D:include><D:allprop/>`), 207, "<D:owner>"),
		row("what all has, included again", find(`<D:allprop/><D:include><D:acl-restrictions/><D:nothing/></D:include>`), 207, "<D:acl-restrictions>"),
		row("unknown, in no namespace", find(`<D:prop><x xmlns=""/></D:prop>`), 207, `<x xmlns=""/></D:prop><D:status>HTTP/1.1 404`),
		row("twice the same", find(`<D:prop><D:getetag/><D:getetag/></D:prop>`), 207, "</D:getetag></D:prop>"),
		row("an empty prop", find(`<D:prop/>`), 207, "<D:prop></D:prop><D:status>HTTP/1.1 200 OK"),
		row("elements of a later time are no harm", find(`<D:prop><D:getetag/></D:prop><D:later/>`), 207, "getetag"),
		row("nothing", find(``), 400, "one of"), row("two of them", find(`<D:allprop/><D:propname/>`), 400, "one of"),
		row("prop and all", find(`<D:allprop/><D:prop/>`), 400, "one of"), row("two props", find(`<D:prop/><D:prop/>`), 400, "one of"),
		row("names and include", find(`<D:propname/><D:include><D:owner/></D:include>`), 400, "one of"),
		row("another document", `<D:propertyupdate xmlns:D="DAV:"/>`, 400, "propfind"), row("no namespace", `<propfind><allprop/></propfind>`, 400, "propfind"),
		{"infinity", "PROPFIND", "/webdav/Files/", "", []string{"Depth", "infinity"}, 403, "<D:propfind-finite-depth/>"},
		{"without a depth it is infinity", "PROPFIND", "/webdav/Files/", "", nil, 403, "<D:propfind-finite-depth/>"},
		{"a depth that is none", "PROPFIND", "/webdav/Files/", "", []string{"Depth", "2"}, 400, "Depth"},
	})
	if a := w.want(207, "anna", "PROPFIND", "/webdav/Files/f", find(`<D:prop><D:getetag/><D:getetag/></D:prop>`), "Depth", "0"); strings.Count(a.body, "<D:getetag>") != 1 {
		t.Errorf("asked twice, answered not once: %s", a.body)
	}
	if got := names(t, w.want(207, "anna", "PROPFIND", "/webdav/Files/f", "", "Depth", "1").body); len(got) != 1 {
		t.Errorf("a file has members: %v", got)
	}
	if got := names(t, w.want(207, "anna", "PROPFIND", "/webdav/Files/", "", "Depth", "1", "Prefer", "depth-noroot").body); len(got) != 1 || got[0] != "/webdav/Files/f" {
		t.Errorf("without the root: %v", got)
	}
}

// TestLanguageOfProperties: xml:lang is that of the element or of what was around it, in each of the shapes in which clients send it.
// RFC 4918 §4.3.
func TestLanguageOfProperties(t *testing.T) {
	w := newSchool(t)
	w.want(201, "anna", "PUT", "/webdav/Files/f", "x")
	for _, tt := range []struct{ name, body, want string }{
		{"on the property", `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><t xmlns="u" xml:lang="fr">x</t></D:prop></D:set></D:propertyupdate>`, `<t xmlns="u" xml:lang="fr">x</t>`},
		{"on the prop", `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop xml:lang="de"><t xmlns="u">x</t></D:prop></D:set></D:propertyupdate>`, `xml:lang="de">x</t>`},
		{"on the document", `<D:propertyupdate xmlns:D="DAV:" xml:lang="tr"><D:set><D:prop><t xmlns="u">x</t></D:prop></D:set></D:propertyupdate>`, `xml:lang="tr">x</t>`},
		{"taken back", `<D:propertyupdate xmlns:D="DAV:" xml:lang="tr"><D:set><D:prop><t xmlns="u" xml:lang="">x</t></D:prop></D:set></D:propertyupdate>`, `xml:lang="">x</t>`},
		{"none", `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><t xmlns="u">x</t></D:prop></D:set></D:propertyupdate>`, `<t xmlns="u">x</t>`},
	} {
		w.want(207, "anna", "PROPPATCH", "/webdav/Files/f", tt.body)
		if a := w.want(207, "anna", "PROPFIND", "/webdav/Files/f", `<propfind xmlns="DAV:"><prop><t xmlns="u"/></prop></propfind>`, "Depth", "0"); !strings.Contains(a.body, tt.want) {
			t.Errorf("%s: %s is not in %s", tt.name, tt.want, a.body)
		}
	}
}
