package dav

import (
	"strings"
	"testing"
)

// TestCopyAndMoveStatuses: each way in which COPY and MOVE end. RFC 4918 §9.8.5, §9.9.4.
func TestCopyAndMoveStatuses(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	w.want(201, "anna", "MKCOL", "/webdav/Files/d", "")
	w.want(201, "anna", "PUT", "/webdav/Files/d/in", "inside")
	w.want(201, "anna", "PUT", "/webdav/Files/taken", "old")
	for _, method := range []string{"COPY", "MOVE"} {
		w.do("anna", "PUT", "/webdav/Files/a", "A")
		to := func(destination string, more ...string) []string {
			return append([]string{"Destination", destination}, more...)
		}
		w.asks(t, "anna", []asked{
			{"without a destination", method, "/webdav/Files/a", "", nil, 400, "Destination"},
			{"an empty one", method, "/webdav/Files/a", "", to(""), 400, ""},
			{"no reference", method, "/webdav/Files/a", "", to("b c"), 400, ""},
			{"a relative one", method, "/webdav/Files/a", "", to("b"), 400, ""},
			{"another server", method, "/webdav/Files/a", "", to("http://example.org/webdav/Files/b"), 502, ""},
			{"another server with this one's name as its user", method, "/webdav/Files/a", "", to("http://mail.school.test@example.org/webdav/Files/b"), 502, ""},
			{"another server with this one's name in front", method, "/webdav/Files/a", "", to("http://mail.school.test.example.org/webdav/Files/b"), 502, ""},
			{"another scheme", method, "/webdav/Files/a", "", to("ftp://mail.school.test/webdav/Files/b"), 502, ""},
			{"no such space", method, "/webdav/Files/a", "", to("/elsewhere/b"), 404, ""},
			{"dots", method, "/webdav/Files/a", "", to("/webdav/Files/../b"), 404, ""},
			{"an encoded slash", method, "/webdav/Files/a", "", to("/webdav/Files/d%2Fb"), 404, ""},
			{"no parent", method, "/webdav/Files/a", "", to("/webdav/Files/none/b"), 409, ""},
			{"inside of a file", method, "/webdav/Files/a", "", to("/webdav/Files/taken/b"), 409, ""},
			{"someone else's", method, "/webdav/Files/a", "", to("/dav/calendars/klein/calendar/a.ics"), 404, ""},
			{"a group of others", method, "/webdav/Files/a", "", to("/webdav/Groups/9z/b"), 404, ""},
			{"a principal", method, "/webdav/Files/a", "", to("/dav/principals/users/anna/"), 403, ""},
			{"a fixed place", method, "/webdav/Files/a", "", to("/webdav/"), 403, ""},
			{"a home", method, "/webdav/Files/a", "", to("/dav/calendars/anna/"), 403, ""},
			{"a top", method, "/webdav/Files/a", "", to("/webdav/Files/"), 403, ""},
			{"a calendar that one only reads", method, "/dav/calendars/anna/calendar/e.ics", "", to("/dav/calendars/anna/group-7b/x.ics"), 403, "need-privileges"},
			{"itself", method, "/webdav/Files/a", "", to("/webdav/Files/a"), 403, ""},
			{"into itself", method, "/webdav/Files/d/", "", to("/webdav/Files/d/deeper"), 403, ""},
			{"a wrong Overwrite", method, "/webdav/Files/a", "", to("/webdav/Files/b", "Overwrite", "maybe"), 400, "Overwrite"},
			{"taken", method, "/webdav/Files/a", "", to("/webdav/Files/taken", "Overwrite", "F"), 412, ""},
			{"a condition that does not hold", method, "/webdav/Files/a", "", to("/webdav/Files/b", "If-Match", `"x"`), 412, "If-Match"},
			{"a list about the destination that does not hold", method, "/webdav/Files/a", "", to("/webdav/Files/b", "If", `</webdav/Files/taken> (["x"])`), 412, "If"},
			{"a depth that is none", method, "/webdav/Files/d/", "", to("/webdav/Files/e", "Depth", "7"), 400, "Depth"},
			{"one level only", method, "/webdav/Files/d/", "", to("/webdav/Files/e", "Depth", "1"), 400, ""},
			{"a file is no event", method, "/webdav/Files/a", "", to("/dav/calendars/anna/calendar/a.ics"), 403, "<C:supported-calendar-data/>"},
			{"nor a card", method, "/webdav/Files/a", "", to("/dav/contacts/anna/contacts/a.vcf"), 403, "<CR:supported-address-data/>"},
			{"an event is no file", method, "/dav/calendars/anna/calendar/e.ics", "", to("/webdav/Files/e.ics"), 403, "no place"},
			{"what is not there", method, "/webdav/Files/none", "", to("/webdav/Files/b"), 404, ""},
		})
		if a := w.want(200, "anna", "GET", "/webdav/Files/taken", ""); a.body != "old" {
			t.Errorf("%s: a refusal left %q", method, a.body)
		}
		w.want(404, "anna", "GET", "/webdav/Files/b", "")
		a := w.want(201, "anna", method, "/webdav/Files/a", "", "Destination", w.http.URL+"/webdav/Files/n%C3%BC")
		if a.header.Get("Location") != "/webdav/Files/n%C3%BC" {
			t.Errorf("Location: %q", a.header.Get("Location"))
		}
		w.do("anna", "PUT", "/webdav/Files/a", "A")
		w.want(204, "anna", method, "/webdav/Files/a", "", "Destination", "https://MAIL.school.test:8443/webdav/Files/n%C3%BC", "Overwrite", "T")
		w.want(204, "anna", "DELETE", "/webdav/Files/n%C3%BC", "")
	}
}

// TestCopyDepth: Depth: 0 copies the folder without its members, infinity with them; dead properties go along. RFC 4918 §9.8.2, §9.8.3.
func TestCopyDepth(t *testing.T) {
	w := newSchool(t)
	w.want(201, "anna", "MKCOL", "/webdav/Files/d", "")
	w.want(201, "anna", "PUT", "/webdav/Files/d/in", "inside")
	w.want(207, "anna", "PROPPATCH", "/webdav/Files/d/", `<propertyupdate xmlns="DAV:"><set><prop><x xmlns="u">kept</x></prop></set></propertyupdate>`)
	w.want(201, "anna", "COPY", "/webdav/Files/d/", "", "Destination", "/webdav/Files/shallow/", "Depth", "0")
	w.want(404, "anna", "GET", "/webdav/Files/shallow/in", "")
	w.want(201, "anna", "COPY", "/webdav/Files/d", "", "Destination", "/webdav/Files/deep", "Depth", "infinity")
	w.want(200, "anna", "GET", "/webdav/Files/deep/in", "")
	for _, copied := range []string{"shallow", "deep"} {
		a := w.want(207, "anna", "PROPFIND", "/webdav/Files/"+copied, `<propfind xmlns="DAV:"><prop><x xmlns="u"/></prop></propfind>`, "Depth", "0")
		if !strings.Contains(a.body, "kept") {
			t.Errorf("%s lost its property: %s", copied, a.body)
		}
	}
	// What is copied over goes with everything in it. RFC 4918 §9.8.4.
	w.want(201, "anna", "PUT", "/webdav/Files/shallow/other", "x")
	w.want(204, "anna", "COPY", "/webdav/Files/d/", "", "Destination", "/webdav/Files/shallow/")
	w.want(404, "anna", "GET", "/webdav/Files/shallow/other", "")
}

// TestTreeWithALockedMember: a lock inside of a tree holds up all of it, nothing changes, and the answer names the member.
// RFC 4918 §9.6.1, §9.8.3, §9.9.2, §9.10.3.
func TestTreeWithALockedMember(t *testing.T) {
	w := newSchool(t)
	w.want(201, "klein", "MKCOL", "/webdav/Groups/7b/t", "")
	w.want(201, "klein", "MKCOL", "/webdav/Groups/7b/t/u%20v", "")
	w.want(201, "klein", "PUT", "/webdav/Groups/7b/t/u%20v/leaf", "x")
	w.want(201, "klein", "PUT", "/webdav/Groups/7b/t/free", "x")
	w.want(201, "anna", "MKCOL", "/webdav/Groups/7b/other", "")
	for _, tt := range []struct{ locked, depth string }{{"/webdav/Groups/7b/t/u%20v/leaf", "0"}, {"/webdav/Groups/7b/t/u%20v/", "0"}, {"/webdav/Groups/7b/t/u%20v/", "infinity"}} {
		token := w.lock("anna", tt.locked, "exclusive", "Depth", tt.depth)
		member := "<D:response><D:href>" + tt.locked + "</D:href><D:status>HTTP/1.1 423 Locked</D:status>"
		named := "<D:href>" + tt.locked + "</D:href>"
		w.asks(t, "klein", []asked{
			{"DELETE", "DELETE", "/webdav/Groups/7b/t/", "", nil, 207, member},
			{"MOVE away", "MOVE", "/webdav/Groups/7b/t/", "", []string{"Destination", "/webdav/Groups/7b/away"}, 207, member},
			{"MOVE onto it", "MOVE", "/webdav/Groups/7b/other/", "", []string{"Destination", "/webdav/Groups/7b/t"}, 207, member},
			{"COPY onto it", "COPY", "/webdav/Groups/7b/other/", "", []string{"Destination", "/webdav/Groups/7b/t/"}, 207, member},
			{"LOCK around it", "LOCK", "/webdav/Groups/7b/t/", lockBody("exclusive"), nil, 207, member},
			{"the locked one itself", "DELETE", tt.locked, "", nil, 423, "<D:lock-token-submitted>" + named},
			{"a COPY of it changes nothing there", "COPY", "/webdav/Groups/7b/t/", "", []string{"Destination", "/webdav/Groups/7b/copy", "Overwrite", "T"}, 201, ""},
			{"the lock is not copied", "DELETE", "/webdav/Groups/7b/copy/", "", nil, 204, ""},
			{"nothing has gone", "GET", "/webdav/Groups/7b/t/free", "", nil, 200, ""},
			{"nothing has gone", "PROPFIND", "/webdav/Groups/7b/other/", "", []string{"Depth", "0"}, 207, ""},
		})
		w.want(204, "anna", "UNLOCK", tt.locked, "", "Lock-Token", token)
	}
	w.lock("anna", "/webdav/Groups/7b/t/", "exclusive")
	a := w.want(423, "klein", "DELETE", "/webdav/Groups/7b/t/u%20v/leaf", "")
	if !strings.Contains(a.body, "<D:href>/webdav/Groups/7b/t/</D:href>") {
		t.Errorf("a lock from above is named where it was taken: %s", a.body)
	}
}
