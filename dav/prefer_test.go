package dav

import (
	"strings"
	"testing"
)

// TestPreferMinimal: who wants short answers is spared what is not there, in every report that has properties, and nothing else: a resource
// without any of them is still named, and so is one that is gone. RFC 8144 §2.1, RFC 6578 §3.5.
func TestPreferMinimal(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	w.furnish()
	const calendar, book = "/dav/calendars/anna/calendar/", "/dav/contacts/anna/contacts/"
	const missing = `<D:prop><nothing xmlns="u"/></D:prop>`
	props := missing[:len(missing)-len("</D:prop>")] + `<D:getetag/></D:prop>`
	for _, tt := range []struct{ name, method, path, body, href string }{
		{"PROPFIND", "PROPFIND", calendar, `<D:propfind xmlns:D="DAV:">%</D:propfind>`, calendar + "e.ics"},
		{"sync-collection", "REPORT", calendar, `<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level>%</D:sync-collection>`, calendar + "e.ics"},
		{"calendar-query", "REPORT", calendar, `<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:">%<C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`, calendar + "e.ics"},
		{"calendar-multiget", "REPORT", calendar, `<C:calendar-multiget xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:">%<D:href>` + calendar + `e.ics</D:href></C:calendar-multiget>`, calendar + "e.ics"},
		{"addressbook-query", "REPORT", book, `<C:addressbook-query xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:D="DAV:">%<C:filter/></C:addressbook-query>`, book + "c.vcf"},
		{"addressbook-multiget", "REPORT", book, `<C:addressbook-multiget xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:D="DAV:">%<D:href>` + book + `c.vcf</D:href></C:addressbook-multiget>`, book + "c.vcf"},
		{"principal-match", "REPORT", "/dav/principals/", `<D:principal-match xmlns:D="DAV:"><D:self/>%</D:principal-match>`, "/dav/principals/users/anna/"},
	} {
		full := strings.Replace(tt.body, "%", props, 1)
		for _, header := range [][]string{{"Prefer", "return=minimal"}, {"Prefer", `return="minimal", wait=10`}, {"Brief", "t"}} {
			a := w.want(207, "anna", tt.method, tt.path, full, append(header, "Depth", "1")...)
			if strings.Contains(a.body, "nothing") || strings.Contains(a.body, "404") || !strings.Contains(a.body, "<D:href>"+tt.href+"</D:href>") {
				t.Errorf("%s with %q: %s", tt.name, header, a.body)
			}
			if tt.name != "principal-match" && !strings.Contains(a.body, "<D:getetag>") {
				t.Errorf("%s with %q lacks what is there: %s", tt.name, header, a.body)
			}
		}
		a := w.want(207, "anna", tt.method, tt.path, strings.Replace(tt.body, "%", missing, 1), "Prefer", "return=minimal", "Depth", "1")
		if !strings.Contains(a.body, "<D:href>"+tt.href+"</D:href><D:propstat><D:prop></D:prop><D:status>"+statusLine(200)) {
			t.Errorf("%s: what has nothing of it is not named: %s", tt.name, a.body)
		}
		for _, header := range [][]string{nil, {"Prefer", "return=representation"}, {"Brief", "f"}, {"Prefer", "return=least"}} {
			a := w.want(207, "anna", tt.method, tt.path, full, append(header, "Depth", "1")...)
			if said := cutOut(a.body, `<nothing xmlns="u"/>`, "</D:status>"); !strings.HasSuffix(said, statusLine(404)) {
				t.Errorf("%s with %q does not say what is missing: %s", tt.name, header, a.body)
			}
		}
	}
	token := cutOut(w.want(207, "anna", "REPORT", calendar, syncBody("", "")).body, "<D:sync-token>", "<")
	w.want(204, "anna", "DELETE", calendar+"e.ics", "")
	if a := w.want(207, "anna", "REPORT", calendar, syncBody(token, ""), "Prefer", "return=minimal"); !strings.Contains(a.body, "e.ics</D:href><D:status>"+statusLine(404)) {
		t.Errorf("what is gone must be told: %s", a.body)
	}
	multiget := `<C:calendar-multiget xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:">` + missing + `<D:href>` + calendar + `e.ics</D:href></C:calendar-multiget>`
	if a := w.want(207, "anna", "REPORT", calendar, multiget, "Prefer", "return=minimal"); !strings.Contains(a.body, "e.ics</D:href><D:status>"+statusLine(404)) {
		t.Errorf("what was asked for and is gone: %s", a.body)
	}
}

// TestWritesAsPreferred: what each method answers by its preference; a failure is told in full. RFC 8144 §2.2, §2.3, §3.
func TestWritesAsPreferred(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	const minimal, representation = "return=minimal", "return=representation"
	patch := patchBody(`<x xmlns="u">1</x>`, "")
	broken := patchBody(`<x xmlns="u">1</x><D:getetag>y</D:getetag>`, "")
	for _, tt := range []struct {
		name, method, path, body, prefer string
		status                           int
		says, applied                    string
	}{
		{"a file", "PUT", "/webdav/Files/a", "1", "", 201, "", ""}, {"a file, short", "PUT", "/webdav/Files/a", "2", minimal, 204, "", ""},
		{"a file, shown", "PUT", "/webdav/Files/a", "3", representation, 200, "3", representation},
		{"properties", "PROPPATCH", "/webdav/Files/a", patch, "", 207, "200 OK", ""}, {"properties, short", "PROPPATCH", "/webdav/Files/a", patch, minimal, 204, "", minimal},
		{"properties that fail", "PROPPATCH", "/webdav/Files/a", broken, minimal, 207, "cannot-modify-protected-property", ""},
		{"a folder", "MKCOL", "/webdav/Files/d1", mkcolBody(`<x xmlns="u"/>`), "", 201, "", ""}, {"a folder, short", "MKCOL", "/webdav/Files/d2", mkcolBody(`<x xmlns="u"/>`), minimal, 201, "", minimal},
		{"a folder that fails", "MKCOL", "/webdav/Files/d3", mkcolBody(`<D:getetag/>`), minimal, 424, "cannot-modify-protected-property", ""},
		{"two wishes: the first one", "PUT", "/webdav/Files/a", "4", representation + ", " + minimal, 200, "4", representation},
		{"an unknown wish", "PUT", "/webdav/Files/a", "5", "return=all", 204, "", ""},
	} {
		headers := []string{"Content-Type", "text/xml"}
		if tt.prefer != "" {
			headers = append(headers, "Prefer", tt.prefer)
		}
		a := w.do("anna", tt.method, tt.path, tt.body, headers...)
		if a.status != tt.status || !strings.Contains(a.body, tt.says) || tt.says == "" && a.body != "" {
			t.Errorf("%s: %d %q, want %d %q", tt.name, a.status, a.body, tt.status, tt.says)
		}
		if got := a.header.Get("Preference-Applied"); tt.applied != "" && got != tt.applied {
			t.Errorf("%s: applied is %q, want %q", tt.name, got, tt.applied)
		}
	}
}

// TestDepths: what each method takes for a depth, and what it takes none for. RFC 4918 §9, §10.2.
func TestDepths(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	w.want(201, "anna", "PUT", "/webdav/Files/f", "x")
	rows := func(method, body string, statuses string, makes bool, headers ...string) {
		for i, depth := range []string{"", "0", "1", "infinity", "1,noroot", "Infinity", "2", "-1", "0, 1"} {
			want := strings.Fields(statuses)[i]
			path := "/webdav/Files/d/"
			if makes {
				path = "/webdav/Files/new/"
			} else {
				w.do("anna", "MKCOL", path, "")
			}
			list := headers
			if depth != "" {
				list = append([]string{"Depth", depth}, headers...)
			}
			a := w.do("anna", method, path, body, list...)
			if got := statusLine(a.status)[9:12]; got != want {
				t.Errorf("%s with Depth %q = %s, want %s\n%s", method, depth, got, want, a.body)
			}
			if token := a.header.Get("Lock-Token"); token != "" {
				w.want(204, "anna", "UNLOCK", path, "", "Lock-Token", token)
			}
			for _, made := range []string{"/webdav/Files/new/", "/webdav/Files/copy/"} {
				w.do("anna", "DELETE", made, "")
			}
		}
	}
	//                                                    ""  0   1   inf nor Inf 2   -1  0,1
	rows("PROPFIND", "", "403 207 207 403 207 403 400 400 400", false)
	rows("REPORT", syncBody("", ""), "207 207 207 207 207 207 207 207 207", false) // RFC 6578 §3.3: whatever programs send
	rows("COPY", "", "201 201 400 201 400 201 400 400 400", false, "Destination", "/webdav/Files/copy/")
	rows("MOVE", "", "201 400 400 201 400 201 400 400 400", false, "Destination", "/webdav/Files/copy/")
	rows("DELETE", "", "204 400 400 204 400 204 400 400 400", false)
	rows("LOCK", lockBody("exclusive"), "200 200 400 200 400 200 400 400 400", false)
	rows("MKCOL", "", "201 201 201 201 201 201 201 201 201", true)
	rows("PROPPATCH", patchBody(`<x xmlns="u"/>`, ""), "207 207 207 207 207 207 207 207 207", false)
}
