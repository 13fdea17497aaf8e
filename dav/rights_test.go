package dav

import (
	"strings"
	"testing"

	"schulhof/directory"
)

// privilegesIn are the names in a DAV:current-user-privilege-set, in order.
func privilegesIn(body string) string {
	var list []string
	for _, p := range strings.Split(cutOut(body, "<D:current-user-privilege-set>", "</D:current-user-privilege-set>"), "<D:privilege>")[1:] {
		name := cutOut(p, "<", "/>")
		list = append(list, name[strings.Index(name, ":")+1:])
	}
	return strings.Join(list, " ")
}

// TestPrivilegesPerRole: what DAV:current-user-privilege-set says to each person about each kind of resource. RFC 3744 §5.4.
func TestPrivilegesPerRole(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	const read, own = "read read-acl read-current-user-privilege-set", "read read-acl read-current-user-privilege-set write write-content write-properties"
	tests := []struct{ who, path, want string }{
		{"anna", "/", read}, {"anna", "/dav/principals/users/anna/", read}, {"klein", "/dav/principals/users/anna/", read},
		{"anna", "/dav/calendars/anna/calendar/", own + " bind unbind unlock read-free-busy"},
		{"anna", "/dav/calendars/anna/calendar/e.ics", own + " unlock read-free-busy"},
		{"anna", "/dav/contacts/anna/contacts/", own + " bind unbind unlock"},
		{"anna", "/dav/calendars/anna/group-7b/", read + " read-free-busy"},
		{"klein", "/dav/calendars/klein/group-7b/", own + " bind unbind unlock read-free-busy"},
		{"ben", "/dav/contacts/ben/group-7b/", read},
		{"anna", "/webdav/Files/", own + " bind unbind unlock"},
		{"anna", "/webdav/Groups/7b/", own + " bind unbind"},
		{"klein", "/webdav/Groups/7b/", own + " bind unbind unlock"},
		{"anna", "/webdav/Groups/7b/datei", own},
	}
	for _, tt := range tests {
		a := w.want(207, tt.who, "PROPFIND", tt.path, `<propfind xmlns="DAV:"><prop><current-user-privilege-set/></prop></propfind>`, "Depth", "0")
		if got := privilegesIn(a.body); got != tt.want {
			t.Errorf("%s as %s: %q, want %q", tt.path, tt.who, got, tt.want)
		}
	}
}

// TestACLTellsWhoseItIs: DAV:owner and DAV:acl name the person or the group, and one's own rights; none can be changed. RFC 3744 §5.1, §5.5.
func TestACLTellsWhoseItIs(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	for _, tt := range []struct{ who, path, owner, me string }{
		{"anna", "/webdav/Files/", "/dav/principals/users/anna/", "/dav/principals/users/anna/"},
		{"anna", "/webdav/Groups/7b/datei", "/dav/principals/groups/7b/", "/dav/principals/users/anna/"},
		{"klein", "/dav/calendars/klein/group-7b/", "/dav/principals/groups/7b/", "/dav/principals/users/klein/"},
	} {
		a := w.want(207, tt.who, "PROPFIND", tt.path, `<propfind xmlns="DAV:"><prop><owner/><acl/></prop></propfind>`, "Depth", "0")
		acl := cutOut(a.body, "<D:acl>", "</D:acl>")
		if cutOut(a.body, "<D:owner><D:href>", "<") != tt.owner || !strings.Contains(acl, "<D:principal><D:href>"+tt.me+"</D:href>") {
			t.Errorf("%s as %s: %s", tt.path, tt.who, a.body)
		}
		if strings.Count(acl, "<D:ace>") != strings.Count(acl, "<D:protected/>") || strings.Contains(acl, "deny") {
			t.Errorf("%s: every entry is granted and protected: %s", tt.path, acl)
		}
	}
	w.want(501, "anna", "ACL", "/webdav/Files/", `<acl xmlns="DAV:"/>`)
}

// TestMissingPrivilegeIsNamed: 403 tells the resource and the privilege that is missing. RFC 3744 §7.1.1.
func TestMissingPrivilegeIsNamed(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	missing := func(path, privilege string) string {
		return "<D:need-privileges><D:resource><D:href>" + path + "</D:href><D:privilege><D:" + privilege + "/></D:privilege></D:resource></D:need-privileges>"
	}
	const group = "/dav/calendars/anna/group-7b/"
	patch := `<propertyupdate xmlns="DAV:"><set><prop><displayname>x</displayname></prop></set></propertyupdate>`
	w.asks(t, "anna", []asked{
		{"a new event", "PUT", group + "x.ics", event("x"), nil, 403, "<D:bind/>"},
		{"a change of one", "PUT", group + "e.ics", event("e"), nil, 403, missing(group+"e.ics", "write-content")},
		{"removing one", "DELETE", group + "e.ics", "", nil, 403, missing(group+"e.ics", "unbind")},
		{"removing all", "DELETE", group, "", nil, 403, missing(group, "unbind")},
		{"moving one away", "MOVE", group + "e.ics", "", []string{"Destination", "/dav/calendars/anna/calendar/m.ics"}, 403, missing(group+"e.ics", "unbind")},
		{"its properties", "PROPPATCH", group, patch, nil, 403, missing(group, "write-properties")},
		{"a new member of a server's choice", "POST", group + "?add-member", event("x"), nil, 403, missing(group, "bind")},
		{"copying out is reading, but its UID is there already", "COPY", group + "e.ics", "", []string{"Destination", "/dav/calendars/anna/calendar/copy.ics"}, 409, "no-uid-conflict"},
		{"the top of a group", "DELETE", "/webdav/Groups/7b/", "", nil, 403, missing("/webdav/Groups/7b/", "unbind")},
		{"one's own top", "DELETE", "/webdav/Files/", "", nil, 403, missing("/webdav/Files/", "unbind")},
		{"the home", "DELETE", "/dav/calendars/anna/", "", nil, 403, missing("/dav/calendars/anna/", "unbind")},
	})
}

// TestRightsFollowTheDirectory: who leaves a group loses what is the group's with the next request, and who joins has it.
func TestRightsFollowTheDirectory(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	const file = "/webdav/Groups/7b/datei"
	w.want(200, "ben", "GET", file, "")
	w.want(404, "otto", "GET", file, "")
	w.check(w.dir.RemoveMembers(t.Context(), w.ids["7b"], []directory.ID{w.ids["ben"]}))
	w.want(404, "ben", "GET", file, "")
	w.want(404, "ben", "PROPFIND", "/dav/principals/groups/7b/", "", "Depth", "0")
	w.want(404, "ben", "PUT", file, "x")
	if a := w.want(207, "ben", "PROPFIND", "/webdav/Groups/", "", "Depth", "1"); strings.Contains(a.body, "7b") {
		t.Errorf("the group is still listed: %s", a.body)
	}
}

// TestPrincipalReports: search, match, expansion and the principals of an ACL, with what is refused. RFC 3744 §9, RFC 3253 §3.8.
func TestPrincipalReports(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	search := func(inner string) string {
		return `<D:principal-property-search xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">` + inner + `<D:prop><D:displayname/></D:prop></D:principal-property-search>`
	}
	by := func(property, text string) string {
		return `<D:property-search><D:prop><` + property + `/></D:prop><D:match>` + text + `</D:match></D:property-search>`
	}
	const top = "/dav/principals/"
	w.asks(t, "klein", []asked{
		{"by name", "REPORT", top, search(by("D:displayname", "ann")), nil, 207, "<D:displayname>Anna</D:displayname>"},
		{"in other letters", "REPORT", top, search(by("D:displayname", "ANNA")), nil, 207, "Anna"},
		{"by address", "REPORT", top, search(by("C:calendar-user-address-set", "ben@school")), nil, 207, "Ben"},
		{"by kind", "REPORT", top, search(by("C:calendar-user-type", "ROOM")), nil, 207, "Aula"},
		{"by class", "REPORT", "/dav/principals/groups/", search(by("D:displayname", "klasse")), nil, 207, "Klasse 7b"},
		{"everywhere from there", "REPORT", "/dav/principals/groups/", search(by("D:displayname", "anna") + "<D:apply-to-principal-collection-set/>"), nil, 207, "Anna"},
		{"two conditions that one fulfils", "REPORT", top, search(by("D:displayname", "anna") + by("C:calendar-user-address-set", "anna@")), nil, 207, "Anna"},
		{"nothing to search for", "REPORT", top, search(""), nil, 400, "property-search"},
		{"an empty word", "REPORT", top, search(by("D:displayname", " ")), nil, 400, "empty"},
		{"what can be searched by", "REPORT", top, `<principal-search-property-set xmlns="DAV:"/>`, nil, 200, "<D:displayname/></D:prop><D:description"},
		{"who am I", "REPORT", top, `<principal-match xmlns="DAV:"><self/><prop><displayname/></prop></principal-match>`, nil, 207, "Klasse 7b"},
		{"what is mine", "REPORT", "/dav/calendars/klein/", `<principal-match xmlns="DAV:"><principal-property><owner/></principal-property></principal-match>`, nil, 207, "/dav/calendars/klein/calendar/"},
		{"neither", "REPORT", top, `<principal-match xmlns="DAV:"/>`, nil, 400, "principal-match"},
		{"who may", "REPORT", "/webdav/Groups/7b/datei", `<acl-principal-prop-set xmlns="DAV:"><prop><displayname/></prop></acl-principal-prop-set>`, nil, 207, "Klasse 7b"},
		{"members, expanded", "REPORT", "/dav/principals/groups/7b/",
			`<expand-property xmlns="DAV:"><property name="group-member-set"><property name="displayname"/></property></expand-property>`, nil, 207,
			"<D:group-member-set><D:response><D:href>/dav/principals/users/"},
		{"a property without a name", "REPORT", "/dav/principals/groups/7b/", `<expand-property xmlns="DAV:"><property/></expand-property>`, nil, 400, "name"},
		{"a search of a calendar", "REPORT", "/dav/calendars/klein/calendar/", search(by("D:displayname", "a")), nil, 403, "<D:supported-report/>"},
		{"no report", "REPORT", top, `<version-tree xmlns="DAV:"/>`, nil, 403, "<D:supported-report/>"},
		{"no body", "REPORT", top, "", nil, 400, "body"},
	})
	for _, tt := range []struct{ name, body string }{
		{"two conditions that no one fulfils", search(by("D:displayname", "anna") + by("D:displayname", "ben"))},
		{"a property that is none to search by", search(by("D:getetag", "anna"))},
	} {
		if got := names(t, w.want(207, "klein", "REPORT", top, tt.body).body); len(got) != 0 {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	if got := names(t, w.want(207, "otto", "REPORT", top, search(by("D:displayname", "anna"))).body); len(got) != 0 {
		t.Errorf("who may not know of her finds %v", got)
	}
	either := strings.Replace(search(by("D:displayname", "anna")+by("D:displayname", "ben")), `xmlns:D="DAV:"`, `xmlns:D="DAV:" test="anyof"`, 1)
	if got := names(t, w.want(207, "klein", "REPORT", top, either).body); len(got) != 2 {
		t.Errorf("any of two: %v", got)
	}
	// Each report that a resource says it has is not refused with supported-report, and each other one is.
	for _, path := range []string{"/", top, "/dav/calendars/klein/", "/dav/calendars/klein/calendar/", "/dav/contacts/klein/contacts/", "/webdav/Files/", "/webdav/Groups/7b/datei"} {
		said := w.want(207, "klein", "PROPFIND", path, `<propfind xmlns="DAV:"><prop><supported-report-set/></prop></propfind>`, "Depth", "0").body
		for _, r := range w.srv.reports {
			var element xmlWriter
			element.empty(r.name)
			a := w.do("klein", "REPORT", path, `<x:`+r.name.Local+` xmlns:x="`+r.name.Space+`"/>`)
			if has := strings.Contains(said, string(element.buf)); has == strings.Contains(a.body, "<D:supported-report/>") {
				t.Errorf("%s: %s is said to be there: %v; answered %d %s", path, r.name.Local, has, a.status, a.body)
			}
		}
	}
}
