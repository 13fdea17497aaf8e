package dav

import (
	"slices"
	"strings"
	"testing"

	"schulhof/directory"
)

// TestPrincipalSearchIsAnded: several conditions must all hold, and so must the one text in several properties, unless the client says that any
// will do; what cannot be searched by matches nobody. RFC 3744 §9.4.
func TestPrincipalSearchIsAnded(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	_, _, err := w.dir.AddAccounts(t.Context(), []directory.NewAccount{{Address: "jo@school.test", Name: "Johanna Klein", Role: directory.Student, Password: testPassword}})
	w.check(err)
	const name, address, kind = "<D:displayname/>", "<CS:email-address-set/>", "<C:calendar-user-type/>"
	by := func(text string, properties ...string) string {
		return `<D:property-search><D:prop>` + strings.Join(properties, "") + `</D:prop><D:match>` + text + `</D:match></D:property-search>`
	}
	how := func(how, text, property string) string {
		return `<D:property-search><D:prop>` + property + `</D:prop><D:match match-type="` + how + `">` + text + `</D:match></D:property-search>`
	}
	for _, tt := range []struct{ name, test, inner, want string }{
		{"a name", "", by("klein", name), "jo klein"},
		{"a name and an address", "", by("klein", name) + by("jo@", address), "jo"},
		{"one text in two properties", "", by("klein", name, address), "klein"},
		{"one text in either", "anyof", by("klein", name, address), "jo klein"},
		{"one of two texts", "anyof", by("anna", name) + by("klein@", address), "anna jo klein"},
		{"all of two texts, said so", "allof", by("anna", name) + by("klein@", address), ""},
		{"a property that none can be searched by", "", by("klein", name, "<D:getetag/>"), ""},
		{"the same, where any will do", "anyof", by("klein", name, "<D:getetag/>"), "jo klein"},
		{"no property at all", "", by("klein"), ""},
		{"the beginning", "", how("starts-with", "klein", name), "klein"},
		{"the end", "", how("ends-with", "klein", name), "jo klein"},
		{"all of it", "", how("equals", "johanna klein", name), "jo"},
		{"another word for it is contains", "", how("sounds-like", "anna", name), "anna jo"},
		{"a kind", "", by("room", kind), "aula"},
		{"a kind and a name", "", by("group", kind) + by("klasse", name), "7b"},
	} {
		test := ""
		if tt.test != "" {
			test = ` test="` + tt.test + `"`
		}
		body := `<D:principal-property-search xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/"` + test + `>` + tt.inner + `<D:prop><D:displayname/></D:prop></D:principal-property-search>`
		var found []string
		for _, href := range names(t, w.want(207, "root", "REPORT", "/dav/principals/", body).body) {
			parts := strings.Split(href, "/")
			found = append(found, parts[len(parts)-2])
		}
		slices.Sort(found)
		if got := strings.Join(found, " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestPrincipalMatch: oneself and one's groups, or what is one's own in a collection, a group's things not among it. RFC 3744 §9.3.
func TestPrincipalMatch(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	match := func(inner string) string {
		return `<D:principal-match xmlns:D="DAV:">` + inner + `<D:prop><D:displayname/></D:prop></D:principal-match>`
	}
	const self, owner = "<D:self/>", "<D:principal-property><D:owner/></D:principal-property>"
	w.fill("viele", childrenPage+2)
	for _, tt := range []struct{ who, path, inner, want string }{
		{"anna", "/dav/principals/", self, "/dav/principals/groups/7b/ /dav/principals/users/anna/"},
		{"anna", "/", self, "/dav/principals/groups/7b/ /dav/principals/users/anna/"},
		{"otto", "/dav/principals/users/", self, "/dav/principals/users/otto/"},
		{"anna", "/dav/calendars/anna/", owner, "/dav/calendars/anna/calendar/ /dav/calendars/anna/tasks/"},
		{"anna", "/dav/contacts/anna/", owner, "/dav/contacts/anna/contacts/"},
		{"anna", "/webdav/Files/", owner, "/webdav/Files/viele/"},
		{"anna", "/webdav/Groups/7b/", owner, ""},
	} {
		got := names(t, w.want(207, tt.who, "REPORT", tt.path, match(tt.inner)).body)
		slices.Sort(got)
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s as %s: %q, want %s", tt.path, tt.who, got, tt.want)
		}
	}
	if got := names(t, w.want(207, "anna", "REPORT", "/webdav/Files/viele/", match(owner)).body); len(got) != childrenPage+2 {
		t.Errorf("of several pages: %d, want %d", len(got), childrenPage+2)
	}
	w.asks(t, "anna", []asked{
		{"another property", "REPORT", "/dav/calendars/anna/", match("<D:principal-property><D:displayname/></D:principal-property>"), nil, 400, "principal-match"},
		{"of a principal", "REPORT", "/dav/principals/users/anna/", match(owner), nil, 400, "principal-match"},
		{"of a file", "REPORT", "/webdav/Files/viele/file%2000000%20&%20more.txt", match(self), nil, 403, "<D:supported-report/>"},
	})
}

// TestExpandProperty: each href of a property gives way to the properties of what it leads to, as deep as is asked. RFC 3253 §3.8.
func TestExpandProperty(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	w.want(207, "anna", "PROPPATCH", "/dav/calendars/anna/calendar/", patchBody(`<x xmlns="u">kept</x>`, ""))
	expand := func(inner string) string {
		return `<D:expand-property xmlns:D="DAV:">` + inner + `</D:expand-property>`
	}
	property := func(name, inner string) string { return `<D:property name="` + name + `">` + inner + `</D:property>` }
	const caldavNS = `" namespace="urn:ietf:params:xml:ns:caldav`
	for _, tt := range []struct{ name, who, path, body, want string }{
		{"nothing to expand", "anna", "/dav/principals/users/anna/", expand(property("displayname", "")), `<D:prop><D:displayname>Anna</D:displayname></D:prop><D:status>HTTP/1.1 200 OK`},
		{"an href that is not to be expanded", "anna", "/webdav/Files/", expand(property("owner", "")), `<D:owner><D:href>/dav/principals/users/anna/</D:href></D:owner>`},
		{"an owner", "anna", "/webdav/Files/", expand(property("owner", property("displayname", ""))), `<D:owner><D:response><D:href>/dav/principals/users/anna/</D:href><D:propstat><D:prop><D:displayname>Anna</D:displayname></D:prop>`},
		{"oneself", "ben", "/", expand(property("current-user-principal", property("displayname", ""))), `<D:current-user-principal><D:response><D:href>/dav/principals/users/ben/</D:href><D:propstat><D:prop><D:displayname>Ben`},
		{"the home, with what is stored of it", "anna", "/dav/principals/users/anna/", expand(property("calendar-home-set"+caldavNS, property("resourcetype", ""))),
			`<C:calendar-home-set><D:response><D:href>/dav/calendars/anna/</D:href><D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype>`},
		{"groups, and in them their members", "anna", "/dav/principals/users/anna/", expand(property("group-membership", property("displayname", "")+property("group-member-set", property("displayname", "")))),
			`<D:response><D:href>/dav/principals/groups/7b/</D:href><D:propstat><D:prop><D:displayname>Klasse 7b</D:displayname><D:group-member-set><D:response><D:href>/dav/principals/users/anna/</D:href>`},
		{"what is missing of what is expanded", "anna", "/webdav/Files/", expand(property("owner", property("getetag", ""))), `<D:getetag/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response></D:owner>`},
		{"what is missing itself", "anna", "/webdav/Files/", expand(property("none", property("displayname", ""))), `<D:none/></D:prop><D:status>HTTP/1.1 404`},
		{"who may do what, and who that is", "klein", "/dav/calendars/klein/group-7b/", expand(property("acl", property("displayname", ""))), `<D:principal><D:response><D:href>/dav/principals/groups/7b/</D:href>`},
		{"the same property twice", "anna", "/webdav/Files/", expand(property("owner", "") + property("owner", property("displayname", ""))), `<D:displayname>Anna`},
	} {
		if a := w.want(207, tt.who, "REPORT", tt.path, tt.body); !strings.Contains(a.body, tt.want) {
			t.Errorf("%s: %s is not in\n%s", tt.name, tt.want, a.body)
		}
	}
	w.asks(t, "anna", []asked{
		{"a name is missing", "REPORT", "/webdav/Files/", expand(`<D:property/>`), nil, 400, "name"},
		{"a name is missing within", "REPORT", "/webdav/Files/", expand(property("owner", "<D:property/>")), nil, 400, "name"},
		{"other elements say nothing", "REPORT", "/webdav/Files/", expand("<D:later/>" + property("owner", "")), nil, 207, "<D:owner>"},
		{"of nothing", "REPORT", "/webdav/Files/none", expand(""), nil, 404, ""},
	})
}

// TestPlacesOnTheWay: every fixed collection lists what is below it for the one who asks, each once, so that a client which walks down from
// the root finds everything that it may see and nothing else.
func TestPlacesOnTheWay(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	w.furnish()
	for _, tt := range []struct{ who, path, want string }{
		{"anna", "/", "/dav/ /webdav/"}, {"anna", "/dav/", "/dav/calendars/ /dav/contacts/ /dav/principals/"},
		{"anna", "/dav/principals/", "/dav/principals/groups/ /dav/principals/resources/ /dav/principals/users/"},
		{"anna", "/dav/principals/groups/", "/dav/principals/groups/7b/"}, {"otto", "/dav/principals/groups/", ""},
		{"otto", "/dav/principals/users/", "/dav/principals/users/otto/"}, {"otto", "/dav/principals/resources/", "/dav/principals/resources/aula/"},
		{"anna", "/dav/principals/users/anna/", ""}, {"anna", "/dav/calendars/", "/dav/calendars/anna/"}, {"otto", "/dav/contacts/", "/dav/contacts/otto/"},
		{"anna", "/webdav/", "/webdav/Files/ /webdav/Groups/"}, {"otto", "/webdav/Groups/", ""}, {"klein", "/webdav/Groups/", "/webdav/Groups/7b/"},
		{"root", "/webdav/Groups/", ""}, {"otto", "/dav/calendars/otto/", "/dav/calendars/otto/calendar/ /dav/calendars/otto/tasks/"},
	} {
		hrefs := names(t, w.want(207, tt.who, "PROPFIND", tt.path, "", "Depth", "1", "Prefer", "depth-noroot").body)
		slices.Sort(hrefs)
		if got := strings.Join(hrefs, " "); got != tt.want {
			t.Errorf("%s as %s: %q, want %q", tt.path, tt.who, got, tt.want)
		}
	}
	seen := map[string]int{}
	for queue := []string{"/"}; len(queue) > 0; queue = queue[1:] {
		for _, href := range names(t, w.want(207, "anna", "PROPFIND", queue[0], "", "Depth", "1", "Prefer", "depth-noroot").body) {
			if seen[href]++; seen[href] == 1 && strings.HasSuffix(href, "/") {
				queue = append(queue, href)
			}
		}
	}
	for _, href := range []string{"/dav/calendars/anna/calendar/e.ics", "/dav/calendars/anna/group-7b/e.ics", "/dav/contacts/anna/directory/ben.vcf", "/webdav/Groups/7b/datei"} {
		if seen[href] == 0 {
			t.Errorf("%s is not found from the root", href)
		}
	}
	for href, n := range seen {
		if n != 1 || strings.Contains(href, "otto") || strings.Contains(href, "klein/") && !strings.Contains(href, "principals") {
			t.Errorf("%s is found %d times", href, n)
		}
	}
}
