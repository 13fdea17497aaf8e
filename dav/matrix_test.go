package dav

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"schulhof/dav/collection"
)

// TestEveryRouteHasARule: a method without a handler or without rules cannot be reached, and a kind that two rules of a
// method name would be decided by chance.
func TestEveryRouteHasARule(t *testing.T) {
	for method := range handlers {
		if len(rules[method]) == 0 {
			t.Errorf("%s has a handler and no rules", method)
		}
	}
	for method, r := range rules {
		if handlers[method] == nil {
			t.Errorf("%s has rules and no handler", method)
		}
		var seen kind
		for kinds, n := range r {
			if n < needNothing || n > needRefused {
				t.Errorf("%s: %v needs %d, which is no need", method, kinds, n)
			}
			if seen&kinds != 0 {
				t.Errorf("%s has two rules for %v", method, seen&kinds)
			}
			seen |= kinds
			if kinds&^(existing|free) != 0 {
				t.Errorf("%s has a rule for an unknown kind", method)
			}
		}
	}
	for i, name := range kindNames {
		if k := kind(1 << i); k&(existing|free) == 0 || k.String() != name {
			t.Errorf("the kind %q is in no set", name)
		}
	}
}

// standing is how someone stands to a resource; what it lets them do is written down here a second time, on purpose.
type standing uint8

const (
	stranger standing = iota // must not even learn that it is there
	reader
	writer // of what is in it, and of its content
	holder // may remove it too
)

// matrixPlace is a resource of the matrix with everybody's standing.
type matrixPlace struct {
	url   string
	kind  kind
	stand map[string]standing
}

var everyone = []string{"anna", "ben", "klein", "otto", "root"}

func only(s standing, who ...string) map[string]standing {
	m := map[string]standing{}
	for _, w := range who {
		m[w] = s
	}
	return m
}

// inClass is 7b's: its owner klein leads, anna and ben are members.
func inClass(leader, member standing) map[string]standing {
	return map[string]standing{"klein": leader, "anna": member, "ben": member}
}

// matrixPlaces has a resource of every kind; a test fails when one is missing.
var matrixPlaces = []matrixPlace{
	{"/", kindRoot, only(reader, everyone...)},
	{"/dav/", kindTop, only(reader, everyone...)},
	{"/dav/principals/users/", kindTop, only(reader, everyone...)},
	{"/dav/principals/users/anna/", kindPrincipal, only(reader, "anna", "ben", "klein", "root")},
	{"/dav/principals/groups/7b/", kindPrincipal, only(reader, "anna", "ben", "klein", "root")},
	{"/dav/principals/resources/aula/", kindPrincipal, only(reader, everyone...)},
	{"/dav/calendars/anna/", kindCalendarHome, only(writer, "anna")},
	{"/dav/contacts/anna/", kindContactsHome, only(writer, "anna")},
	{"/dav/calendars/anna/calendar/", kindCalendar, only(holder, "anna")},
	{"/dav/calendars/anna/group-7b/", kindCalendar, only(reader, "anna")},
	{"/dav/calendars/klein/group-7b/", kindCalendar, only(writer, "klein")},
	{"/dav/contacts/anna/contacts/", kindAddressBook, only(holder, "anna")},
	{"/dav/contacts/ben/group-7b/", kindAddressBook, only(reader, "ben")},
	{"/webdav/Groups/", kindGroupList, only(reader, everyone...)},
	{"/webdav/Groups/7b/", kindFolder, inClass(writer, writer)},
	{"/webdav/Groups/7b/ordner/", kindFolder, inClass(holder, holder)},
	{"/webdav/Groups/7b/datei", kindFile, inClass(holder, holder)},
	{"/webdav/Groups/7b/neu", kindFreeInFolder, inClass(writer, writer)},
	{"/webdav/Groups/7b/nichts/neu", kindNowhere, inClass(writer, writer)},
	{"/dav/calendars/anna/calendar/e.ics", kindEvent, only(holder, "anna")},
	{"/dav/calendars/anna/group-7b/e.ics", kindEvent, only(reader, "anna")},
	{"/dav/contacts/anna/contacts/c.vcf", kindCard, only(holder, "anna")},
	{"/dav/calendars/anna/neu", kindFreeInCalendarHome, only(writer, "anna")},
	{"/dav/contacts/anna/neu", kindFreeInContactsHome, only(writer, "anna")},
	{"/dav/calendars/anna/calendar/neu.ics", kindFreeInCalendar, only(writer, "anna")},
	{"/dav/calendars/anna/group-7b/neu.ics", kindFreeInCalendar, only(reader, "anna")},
	{"/dav/contacts/anna/contacts/neu.vcf", kindFreeInAddressBook, only(writer, "anna")},
}

// expect is the class of the answer that a rule gives to someone.
func (s standing) expect(n need, k kind) string {
	if s == stranger {
		return "hidden"
	}
	if n == 0 {
		if k&free != 0 {
			return "hidden"
		}
		return "not allowed"
	}
	switch {
	case n == needNothing || n == needRefused || n == needRead, n == needDelete && s >= holder,
		(n == needWrite || n == needWriteProperties || n == needBind) && s >= writer:
		return "passes"
	}
	return "forbidden"
}

// TestMatrixOfRights asks the authoriser about every role × resource × method of the routes. What it lets pass reaches the
// handler, which is not part of this test; everything else is answered here.
func TestMatrixOfRights(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	var seen kind
	cells := 0
	for _, place := range matrixPlaces {
		seen |= place.kind
		for _, who := range append([]string{"", "disabled"}, everyone...) {
			for method, route := range routes {
				cells++
				want := place.stand[who].expect(needFor(method, place.kind), place.kind)
				if who == "" || who == "disabled" {
					want = "no login"
				}
				if method == http.MethodOptions && who == "" {
					continue // answered by the form of the URL: TestOptionsForAnyoneTellNothing
				}
				if got := w.decide(who, method, place.url, route, place.kind); got != want {
					t.Errorf("%s %s as %q (%v): %s, want %s", method, place.url, who, place.kind, got, want)
				}
			}
		}
	}
	if missing := (existing | free) &^ seen; missing != 0 {
		t.Errorf("the matrix has no resource of the kinds %v", missing)
	}
	if cells < len(matrixPlaces)*len(rules)*7 {
		t.Errorf("only %d cells", cells)
	}
}

// furnish makes what the matrix looks at.
func (w *school) furnish() {
	w.Helper()
	w.want(http.StatusCreated, "klein", "PUT", "/webdav/Groups/7b/datei", "x")
	w.want(http.StatusCreated, "klein", "MKCOL", "/webdav/Groups/7b/ordner", "")
	w.want(http.StatusCreated, "anna", "PUT", "/dav/calendars/anna/calendar/e.ics", event("e"))
	w.want(http.StatusCreated, "klein", "PUT", "/dav/calendars/klein/group-7b/e.ics", event("e"))
	w.want(http.StatusCreated, "anna", "PUT", "/dav/contacts/anna/contacts/c.vcf", card("c"))
}

func event(uid string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:" + uid +
		"\r\nDTSTAMP:20261124T080000Z\r\nDTSTART:20261201T080000Z\r\nDTEND:20261201T090000Z\r\nSUMMARY:Mathe\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

func card(uid string) string {
	return "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:" + uid + "\r\nFN:Otto Berg\r\nN:Berg;Otto;;;\r\nEND:VCARD\r\n"
}

// decide runs what comes before a handler: login, resolution, authoriser.
func (w *school) decide(who, method, url string, route route, k kind) string {
	w.Helper()
	x := w.exchange(who, method, url)
	err := x.authenticate(w.Context())
	if err == nil {
		x.res, err = x.resolve(w.Context(), url)
	}
	if err == nil {
		if x.res.kind != k {
			return fmt.Sprintf("it is a %v", x.res.kind)
		}
		err = x.authorise(route, x.res)
	}
	if err == nil {
		return "passes"
	}
	switch p := problemOf(err, collection.Files); p.status {
	case http.StatusUnauthorized:
		return "no login"
	case http.StatusNotFound:
		return "hidden"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusMethodNotAllowed:
		return "not allowed"
	default:
		return p.Error()
	}
}

// What is someone else's answers as what is not there, word for word, whatever is asked.
func TestForeignLooksLikeMissing(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	for method := range rules {
		if method == http.MethodOptions {
			continue
		}
		for foreign, missing := range map[string]string{
			"/dav/calendars/anna/calendar/e.ics": "/dav/calendars/nobody/calendar/e.ics",
			"/dav/calendars/anna/":               "/dav/calendars/nobody/",
			"/webdav/Groups/7b/datei":            "/webdav/Groups/9z/datei",
			"/dav/principals/users/anna/":        "/dav/principals/users/nobody/",
		} {
			headers := []string{"Depth", "0", "Destination", "/webdav/Files/x"}
			a, b := w.do("otto", method, foreign, "", headers...), w.do("otto", method, missing, "", headers...)
			if a.status != b.status || a.body != b.body || a.status < 400 {
				t.Errorf("%s: someone else's %d %s, missing %d %s", method, a.status, a.body, b.status, b.body)
			}
		}
	}
}

// Without a login OPTIONS says the same of what is there and of what is not.
func TestOptionsForAnyoneTellNothing(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	a, b := w.want(http.StatusOK, "", "OPTIONS", "/webdav/Groups/7b/datei", ""), w.want(http.StatusOK, "", "OPTIONS", "/webdav/Groups/9z/x", "")
	if a.header.Get("Allow") != b.header.Get("Allow") || a.header.Get("DAV") != b.header.Get("DAV") {
		t.Errorf("%v and %v differ", a.header, b.header)
	}
	methods := strings.Split(a.header.Get("Allow"), ", ")
	if !slices.IsSorted(methods) || !slices.Contains(methods, "LOCK") {
		t.Errorf("Allow: %v", methods)
	}
}
