package dav

import (
	"strings"
	"testing"

	"schulhof/dav/collection"
)

// TestRepresentations: who prefers it gets what a GET would answer next, with the headers that belong to it. RFC 8144 §3.1.
func TestRepresentations(t *testing.T) {
	w := newSchool(t)
	const prefer, wanted = "Prefer", "return=representation"
	const home, card = "/dav/contacts/anna/contacts/", "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:a\r\nFN:A\r\nN:A;;;;\r\nEND:VCARD\r\n"
	tests := []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		at, want                 string // at: where the representation is
	}{
		{"a new file", "PUT", "/webdav/Files/a", "one", nil, 201, "/webdav/Files/a", "one"},
		{"a new content", "PUT", "/webdav/Files/a", "two", nil, 200, "/webdav/Files/a", "two"},
		{"the same content", "PUT", "/webdav/Files/a", "two", nil, 200, "/webdav/Files/a", "two"},
		{"an empty file", "PUT", "/webdav/Files/empty", "", nil, 201, "/webdav/Files/empty", ""},
		{"an event", "PUT", "/dav/calendars/anna/calendar/e.ics", event("e"), nil, 201, "/dav/calendars/anna/calendar/e.ics", event("e")},
		{"a card", "PUT", home + "a.vcf", card, nil, 201, home + "a.vcf", card},
		{"a card in the version that is accepted", "PUT", home + "a.vcf", card, []string{"Accept", "text/vcard; version=4.0"}, 200, home + "a.vcf", "VERSION:4.0"},
		{"a copy", "COPY", "/webdav/Files/a", "", []string{"Destination", "/webdav/Files/c%20d"}, 201, "/webdav/Files/c%20d", "two"},
		{"a move over another", "MOVE", "/webdav/Files/c%20d", "", []string{"Destination", "/webdav/Files/empty"}, 200, "/webdav/Files/empty", "two"},
		{"a member whose name the server chooses", "POST", "/webdav/Files/?add-member", "three", nil, 201, "", "three"},
	}
	for _, tt := range tests {
		a := w.do("anna", tt.method, tt.path, tt.body, append(tt.headers, prefer, wanted)...)
		h := a.header
		if tt.at == "" {
			tt.at = h.Get("Location")
		}
		if a.status != tt.status || !strings.Contains(a.body, tt.want) || h.Get("Preference-Applied") != wanted || h.Get("Content-Location") != tt.at {
			t.Errorf("%s: %d %q %v", tt.name, a.status, a.body, h)
			continue
		}
		get := w.want(200, "anna", "GET", tt.at, "", tt.headers...)
		for _, name := range []string{"ETag", "Last-Modified", "Content-Type", "Content-Length"} {
			if h.Get(name) == "" || h.Get(name) != get.header.Get(name) {
				t.Errorf("%s: %s is %q, a GET says %q", tt.name, name, h.Get(name), get.header.Get(name))
			}
		}
		if a.body != get.body || !strings.Contains(strings.Join(h.Values("Vary"), ","), "Prefer") {
			t.Errorf("%s: %q, a GET says %q; Vary %q", tt.name, a.body, get.body, h.Values("Vary"))
		}
	}
	w.want(201, "anna", "MKCOL", "/webdav/Files/d/", "")
	a := w.want(201, "anna", "COPY", "/webdav/Files/d/", "", "Destination", "/webdav/Files/e/", prefer, wanted)
	large := w.want(201, "anna", "PUT", "/webdav/Files/large", strings.Repeat("x", collection.MaxObjectSize+1), prefer, wanted)
	for name, a := range map[string]answer{"a folder has none": a, "a large file is not sent back": large} {
		if a.body != "" || a.header.Get("Preference-Applied") != "" {
			t.Errorf("%s: %.40q %v", name, a.body, a.header)
		}
	}
}

// TestNewCollectionsAsPreferred: what a new collection has been made with is told to who wants to know it. RFC 5689 §3, RFC 8144 §2.3.
func TestNewCollectionsAsPreferred(t *testing.T) {
	w := newSchool(t)
	mkcol := `<mkcol xmlns="DAV:"><set><prop><resourcetype><collection/></resourcetype><displayname>Heft</displayname></prop></set></mkcol>`
	mkcalendar := `<C:mkcalendar xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop><displayname>Heft</displayname></prop></set></C:mkcalendar>`
	for i, tt := range []struct{ method, path, body, prefer, want string }{
		{"MKCOL", "/webdav/Files/1/", mkcol, "", ""}, {"MKCOL", "/webdav/Files/2/", mkcol, "return=minimal", ""},
		{"MKCOL", "/webdav/Files/3/", mkcol, "return=representation", "<D:mkcol-response"},
		{"MKCALENDAR", "/dav/calendars/anna/4/", mkcalendar, "return=representation", "<C:mkcalendar-response"},
		{"MKCOL", "/webdav/Files/5/", "", "return=representation", ""},
	} {
		a := w.want(201, "anna", tt.method, tt.path, tt.body, "Content-Type", "application/xml", "Prefer", tt.prefer)
		if a.header.Get("Preference-Applied") != tt.prefer || !strings.Contains(a.body, tt.want) || tt.want == "" && a.body != "" {
			t.Errorf("%d: %q %q", i, a.header.Get("Preference-Applied"), a.body)
		}
		if tt.want != "" && (!strings.Contains(a.body, "<D:displayname/>") || !strings.Contains(a.body, "200 OK")) {
			t.Errorf("%d: %s", i, a.body)
		}
	}
}

// TestCardsOfTheDirectoryAreCopied: a card of the school directory may be read, so it may be copied into one's own book; nothing is moved out.
func TestCardsOfTheDirectoryAreCopied(t *testing.T) {
	w := newSchool(t)
	const directory, own = "/dav/contacts/anna/directory/", "/dav/contacts/anna/contacts/"
	card := w.want(200, "anna", "GET", directory+"ben.vcf", "")
	to := func(path string, more ...string) []string { return append([]string{"Destination", path}, more...) }
	w.asks(t, "anna", []asked{
		{"a copy", "COPY", directory + "ben.vcf", "", to(own + "ben.vcf"), 201, ""},
		{"over it", "COPY", directory + "ben.vcf", "", to(own + "ben.vcf"), 204, ""},
		{"not over it", "COPY", directory + "ben.vcf", "", to(own+"ben.vcf", "Overwrite", "F"), 412, ""},
		{"another name for the same person", "COPY", directory + "ben.vcf", "", to(own + "other.vcf"), 409, "no-uid-conflict"},
		{"under a condition that does not hold", "COPY", directory + "klein.vcf", "", to(own+"k.vcf", "If-Match", `"x"`), 412, "If-Match"},
		{"under one that does", "COPY", directory + "klein.vcf", "", to(own+"k.vcf", "Overwrite", "F"), 201, ""},
		{"whom one does not see", "COPY", directory + "otto.vcf", "", to(own + "o.vcf"), 404, ""},
		{"into the directory", "COPY", own + "ben.vcf", "", to(directory + "x.vcf"), 403, ""},
		{"into a calendar", "COPY", directory + "ben.vcf", "", to("/dav/calendars/anna/calendar/b.ics"), 403, "supported-calendar-data"},
		{"among the files", "COPY", directory + "ben.vcf", "", to("/webdav/Files/b.vcf"), 403, "no place"},
		{"into nothing", "COPY", directory + "ben.vcf", "", to("/dav/contacts/anna/none/b.vcf"), 409, ""},
		{"the whole book", "COPY", directory, "", to("/dav/contacts/anna/all/"), 403, ""},
		{"a move", "MOVE", directory + "ben.vcf", "", to(own + "b.vcf"), 403, "need-privileges"},
	})
	if got := w.want(200, "anna", "GET", own+"ben.vcf", ""); got.body != card.body {
		t.Errorf("the copy is\n%s\nthe card\n%s", got.body, card.body)
	}
	w.want(204, "anna", "PUT", own+"ben.vcf", strings.Replace(card.body, "END:VCARD", "NOTE:neben mir\r\nEND:VCARD", 1))
}

// TestGivenCollectionsStay: the calendars and the address book that come with a group go with it; its teacher fills and names them, but no
// program removes them for the whole class.
func TestGivenCollectionsStay(t *testing.T) {
	w := newSchool(t)
	for _, path := range []string{"/dav/calendars/klein/group-7b/", "/dav/calendars/klein/group-7b~tasks/", "/dav/calendars/7b/calendar/", "/dav/contacts/klein/group-7b/"} {
		a := w.want(403, "klein", "DELETE", path, "")
		if !strings.Contains(a.body, "need-privileges") {
			t.Errorf("DELETE %s: %s", path, a.body)
		}
		w.want(403, "klein", "MOVE", path, "", "Destination", "/dav/calendars/klein/mine/")
		w.want(207, "klein", "PROPPATCH", path, `<propertyupdate xmlns="DAV:"><set><prop><displayname>Unsere</displayname></prop></set></propertyupdate>`)
	}
	w.want(201, "klein", "MKCALENDAR", "/dav/calendars/7b/exams/", "")
	w.want(204, "klein", "DELETE", "/dav/calendars/klein/group-7b~exams/", "")
}
