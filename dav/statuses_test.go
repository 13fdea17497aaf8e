package dav

import (
	"slices"
	"strings"
	"testing"
)

// methodsAsked are the columns of TestEveryMethodOnEveryKind.
var methodsAsked = []string{"OPTIONS", "GET", "HEAD", "PUT", "POST", "DELETE", "PROPFIND", "PROPPATCH", "MKCOL", "MKCALENDAR", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT"}

// TestEveryMethodOnEveryKind asks every method of every kind of resource. The If header never holds, so that what reaches its
// effect is answered with 412 and nothing changes, or with 403 when the empty body is no event or card; a method that needs a body or another header is answered with 400. It protects the
// statuses of RFC 4918 §9 and the Allow of RFC 9110 §15.5.6, which names exactly the methods that do something here.
func TestEveryMethodOnEveryKind(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	tests := []struct{ who, path, want string }{
		//                                          OPT GET HEA PUT POS DEL PFI PPA MKC MKA COP MOV LOC UNL REP
		{"anna", "/", "412 405 405 405 405 405 412 403 405 405 405 405 405 405 412"},
		{"anna", "/dav/", "412 405 405 405 405 405 412 403 405 405 405 405 405 405 412"},
		{"anna", "/dav/principals/groups/", "412 405 405 405 405 405 412 403 405 405 405 405 405 405 412"},
		{"anna", "/dav/principals/users/anna/", "412 405 405 405 405 405 412 403 405 405 405 405 405 405 412"},
		{"anna", "/dav/principals/resources/aula/", "412 405 405 405 405 405 412 403 405 405 405 405 405 405 412"},
		{"anna", "/dav/calendars/anna/", "412 405 405 405 405 403 412 400 405 405 405 405 405 405 412"},
		{"anna", "/dav/contacts/anna/", "412 405 405 405 405 403 412 400 405 405 405 405 405 405 412"},
		{"anna", "/dav/calendars/anna/calendar/", "412 405 405 405 400 412 412 400 405 405 400 400 405 405 412"},
		{"anna", "/dav/contacts/anna/contacts/", "412 405 405 405 400 412 412 400 405 405 400 400 405 405 412"},
		{"anna", "/dav/calendars/anna/group-7b/", "412 405 405 405 403 403 412 403 405 405 400 403 405 405 412"},
		{"anna", "/dav/calendars/anna/calendar/e.ics", "412 412 412 403 405 412 412 400 405 405 400 400 405 405 412"},
		{"anna", "/dav/contacts/anna/contacts/c.vcf", "412 412 412 403 405 412 412 400 405 405 400 400 405 405 412"},
		{"anna", "/webdav/Files/", "412 405 405 405 400 403 412 400 405 405 400 403 412 412 412"},
		{"anna", "/webdav/Groups/", "412 405 405 405 405 403 412 403 405 405 405 405 405 405 412"},
		{"klein", "/webdav/Groups/7b/", "412 405 405 405 400 403 412 400 405 405 400 403 412 412 412"},
		{"klein", "/webdav/Groups/7b/ordner/", "412 405 405 405 400 412 412 400 405 405 400 400 412 412 412"},
		{"klein", "/webdav/Groups/7b/datei", "412 412 412 412 405 412 412 400 405 405 400 400 412 412 412"},
		{"klein", "/webdav/Groups/7b/neu", "412 404 404 412 404 404 404 404 412 403 404 404 412 404 404"},
		{"klein", "/webdav/Groups/7b/nichts/neu", "412 404 404 409 404 404 404 404 409 409 404 404 409 404 404"},
		{"anna", "/dav/calendars/anna/neu", "412 404 404 404 404 404 404 404 403 412 404 404 404 404 404"},
		{"anna", "/dav/contacts/anna/neu", "412 404 404 404 404 404 404 404 403 403 404 404 404 404 404"},
		{"anna", "/dav/calendars/anna/calendar/neu.ics", "412 404 404 403 404 404 404 404 403 403 404 404 404 404 404"},
		{"anna", "/dav/contacts/anna/contacts/neu.vcf", "412 404 404 403 404 404 404 404 403 403 404 404 404 404 404"},
		{"anna", "/dav/calendars/anna/group-7b/neu.ics", "412 404 404 403 404 404 404 404 403 403 404 404 404 404 404"},
		{"otto", "/webdav/Groups/7b/datei", "404 404 404 404 404 404 404 404 404 404 404 404 404 404 404"},
	}
	for _, tt := range tests {
		want := strings.Fields(tt.want)
		var got, working []string
		for _, method := range methodsAsked {
			a := w.do(tt.who, method, tt.path, "", "Depth", "0", "If", "(<urn:uuid:none>)")
			if method == "DELETE" || method == "MOVE" {
				a = w.do(tt.who, method, tt.path, "", "If", "(<urn:uuid:none>)")
			}
			got = append(got, statusLine(a.status)[9:12])
			if a.status != 405 {
				working = append(working, method)
				continue
			}
			for _, allowed := range strings.Split(a.header.Get("Allow"), ", ") {
				if allowed == method {
					t.Errorf("%s %s is refused and allowed", method, tt.path)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s as %s\n%v\n got %v\nwant %v", tt.path, tt.who, methodsAsked, got, want)
		}
		if tt.who == "otto" {
			continue
		}
		for _, method := range strings.Split(w.do(tt.who, "OPTIONS", tt.path, "").header.Get("Allow"), ", ") {
			if !slices.Contains(working, method) {
				t.Errorf("%s: Allow has %s, which is answered with 405", tt.path, method)
			}
		}
	}
}

// Methods that nobody knows are not those that a resource does not take. RFC 9110 §15.6.2.
func TestUnknownMethods(t *testing.T) {
	w := newSchool(t)
	for _, method := range []string{"BREW", "PATCH", "ACL", "SEARCH", "get", "BIND", "TRACE", "propfind"} {
		if a := w.do("anna", method, "/webdav/Files/", ""); a.status != 501 || a.header.Get("Allow") != "" {
			t.Errorf("%s = %d", method, a.status)
		}
	}
}

// TestComplianceIsSaidPerSpace: clients choose what they try by the header DAV, and Office by MS-Author-Via.
func TestComplianceIsSaidPerSpace(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	for _, tt := range []struct {
		path           string
		has, hasNot    []string
		opensForOffice bool
	}{
		{"/", []string{"1", "2", "3", "access-control", "calendar-access", "addressbook", "extended-mkcol"}, nil, true},
		{"/dav/principals/users/anna/", []string{"1", "3", "calendar-access", "addressbook"}, nil, true},
		{"/dav/calendars/anna/", []string{"1", "3", "calendar-access", "extended-mkcol"}, []string{"2", "addressbook"}, false},
		{"/dav/calendars/anna/calendar/e.ics", []string{"1", "3", "calendar-access"}, []string{"2", "addressbook"}, false},
		{"/dav/contacts/anna/contacts/", []string{"1", "3", "addressbook"}, []string{"2", "calendar-access"}, false},
		{"/webdav/Files/", []string{"1", "2", "3", "access-control"}, []string{"calendar-access", "addressbook"}, true},
		{"/webdav/Groups/7b/datei", []string{"1", "2", "3"}, []string{"calendar-access"}, true},
		{"/webdav/Files/free", []string{"1", "2", "3"}, []string{"addressbook"}, true},
	} {
		a := w.want(200, "anna", "OPTIONS", tt.path, "")
		classes := strings.Split(a.header.Get("DAV"), ", ")
		for _, c := range tt.has {
			if !slices.Contains(classes, c) {
				t.Errorf("%s: DAV: %v lacks %s", tt.path, classes, c)
			}
		}
		for _, c := range tt.hasNot {
			if slices.Contains(classes, c) {
				t.Errorf("%s: DAV: %v has %s", tt.path, classes, c)
			}
		}
		if got := a.header.Get("MS-Author-Via") == "DAV"; got != tt.opensForOffice {
			t.Errorf("%s: MS-Author-Via is said: %v", tt.path, got)
		}
	}
}
