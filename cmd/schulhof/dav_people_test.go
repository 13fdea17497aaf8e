package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPeopleAndRightsOverDAV changes accounts, passwords and memberships while the server runs, and asks over connections that
// stay open: what the administrator changes holds from the next request on.
func TestPeopleAndRightsOverDAV(t *testing.T) {
	t.Parallel()
	s := startSchool(t)
	t.Run("passwords", s.passwordsOverDAV)
	t.Run("a class's calendar", s.classCalendar)
	t.Run("a class's folder", s.classFolder)
	t.Run("the directory", s.directoryOverDAV)
}

// dav is a client for name.
func (s *school) dav(t *testing.T, name string) *davClient {
	return &davClient{base: "https://localhost:" + s.ports["https"], name: name, password: storyPassword, http: s.web(t)}
}

const whoAmI = `<propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>`

func (s *school) passwordsOverDAV(t *testing.T) {
	own := s.dav(t, "sync")
	own.want(t, http.StatusMultiStatus, "PROPFIND", "/dav/", whoAmI, "Depth", "0")
	devices := map[string]*davClient{}
	for scope, status := range map[string]int{"dav": http.StatusMultiStatus, "mail": http.StatusUnauthorized, "send": http.StatusUnauthorized, "mail,dav": http.StatusMultiStatus} {
		var made appPasswordDoc
		out := s.schulhof(t, "", "user", "app-password", "add", "sync", "--name", "Gerät "+scope, "--scope", scope, "--json")
		if err := json.Unmarshal([]byte(out), &made); err != nil {
			t.Fatal(err)
		}
		devices[scope] = &davClient{base: own.base, name: "sync@school.test", password: made.Password, http: own.http}
		answer := devices[scope].want(t, status, "PROPFIND", "/dav/", whoAmI, "Depth", "0")
		if told := answer.header.Get("WWW-Authenticate"); (status == http.StatusUnauthorized) != strings.HasPrefix(told, "Basic ") {
			t.Errorf("scope %s: status %d with the challenge %q", scope, status, told)
		}
		devices[scope].want(t, map[bool]int{true: http.StatusCreated, false: http.StatusUnauthorized}[status == http.StatusMultiStatus],
			"PUT", "/webdav/Files/"+strings.ReplaceAll(scope, ",", "-")+".txt", "x")
	}

	s.schulhof(t, "noch eine gute Idee\n", "user", "passwd", "sync", "--password-stdin")
	own.want(t, http.StatusUnauthorized, "PROPFIND", "/dav/", whoAmI, "Depth", "0")
	own.password = "noch eine gute Idee"
	own.want(t, http.StatusMultiStatus, "PROPFIND", "/dav/", whoAmI, "Depth", "0")

	devices["dav"].want(t, http.StatusMultiStatus, "PROPFIND", "/dav/", whoAmI, "Depth", "0")
	var list []appPasswordDoc
	if err := json.Unmarshal([]byte(s.schulhof(t, "", "user", "app-password", "list", "sync", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if p.Name == "Gerät dav" {
			s.schulhof(t, "", "user", "app-password", "revoke", "sync", strconv.FormatInt(p.ID, 10))
		}
	}
	devices["dav"].want(t, http.StatusUnauthorized, "PROPFIND", "/dav/", whoAmI, "Depth", "0")

	s.schulhof(t, "", "user", "disable", "sync")
	own.want(t, http.StatusUnauthorized, "PROPFIND", "/dav/", whoAmI, "Depth", "0")
	devices["mail,dav"].want(t, http.StatusUnauthorized, "GET", "/webdav/Files/dav.txt", "")
	s.schulhof(t, "", "user", "enable", "sync")
	if got := own.want(t, http.StatusOK, "GET", "/webdav/Files/dav.txt", "").text; got != "x" {
		t.Errorf("the file is %q", got)
	}
}

// privileges are what path says the person may do, sorted. RFC 3744 §5.4.
func (c *davClient) privileges(t *testing.T, path string) []string {
	t.Helper()
	body := `<propfind xmlns="DAV:"><prop><current-user-privilege-set/></prop></propfind>`
	text := c.want(t, http.StatusMultiStatus, "PROPFIND", path, body, "Depth", "0").text
	var all []string
	for _, m := range regexp.MustCompile(`<D:privilege><D:([a-z-]+)/></D:privilege>`).FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return all
}

// wantPrivileges wants path to give some privileges and not others.
func (c *davClient) wantPrivileges(t *testing.T, path string, some, none []string) {
	t.Helper()
	all := c.privileges(t, path)
	for _, p := range some {
		if !slices.Contains(all, p) {
			t.Errorf("%s at %s has %q, want %s", c.name, path, all, p)
		}
	}
	for _, p := range none {
		if slices.Contains(all, p) {
			t.Errorf("%s at %s has %q, want no %s", c.name, path, all, p)
		}
	}
}

const classTrip = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Beispiel//DE\r\nBEGIN:VEVENT\r\nUID:fahrt\r\nDTSTAMP:20260101T000000Z\r\n" +
	"DTSTART;VALUE=DATE:20260601\r\nSUMMARY:Klassenfahrt\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

func (s *school) classCalendar(t *testing.T) {
	anna, ben, tina, stranger := s.dav(t, "anna"), s.dav(t, "ben"), s.dav(t, "tina"), s.dav(t, "sync")
	stranger.password = "noch eine gute Idee"
	ics := []string{"Content-Type", "text/calendar; charset=utf-8"}
	put := tina.want(t, http.StatusCreated, "PUT", "/dav/calendars/tina/group-7b/fahrt.ics", classTrip, ics...)
	for _, c := range []*davClient{anna, ben} {
		path := "/dav/calendars/" + c.name + "/group-7b/"
		got := c.want(t, http.StatusOK, "GET", path+"fahrt.ics", "")
		if got.text != classTrip || got.header.Get("ETag") != put.header.Get("ETag") {
			t.Errorf("%s sees %q %s, want what was put with %s", c.name, got.text, got.header.Get("ETag"), put.header.Get("ETag"))
		}
		for method, name := range map[string]string{"PUT": "fahrt.ics", "DELETE": "fahrt.ics", "MKCALENDAR": "neu/", "MOVE": "fahrt.ics"} {
			answer := c.want(t, http.StatusForbidden, method, path+name, map[bool]string{true: classTrip}[method == "PUT"],
				append(ics, "Destination", "/dav/calendars/"+c.name+"/calendar/fahrt.ics")...)
			if method != "MKCALENDAR" && !strings.Contains(answer.text, "<D:need-privileges>") {
				t.Errorf("%s %s: %q, want need-privileges", c.name, method, answer.text)
			}
		}
		c.wantPrivileges(t, path, []string{"read", "read-current-user-privilege-set"}, []string{"write", "write-content", "bind", "unbind", "write-properties", "all"})
		c.wantPrivileges(t, path+"fahrt.ics", []string{"read"}, []string{"write", "write-content", "all"})
	}
	tina.wantPrivileges(t, "/dav/calendars/tina/group-7b/", []string{"read", "write-content", "bind", "unbind"}, nil)
	for _, path := range []string{"/dav/calendars/7b/", "/dav/calendars/sync/group-7b/", "/dav/calendars/sync/group-7b/fahrt.ics", "/dav/calendars/anna/", "/webdav/Groups/7b/"} {
		stranger.want(t, http.StatusNotFound, "PROPFIND", path, "", "Depth", "0")
	}

	seen := &replica{client: ben, path: "/dav/calendars/ben/group-7b/"}
	seen.sync(t)
	s.schulhof(t, "", "group", "member", "add", "7b", "ben", "--role", "owner")
	ben.want(t, http.StatusNoContent, "PUT", seen.path+"fahrt.ics", strings.Replace(classTrip, "Klassenfahrt", "Fahrt nach Rügen", 1), ics...)
	ben.wantPrivileges(t, seen.path, []string{"write-content", "bind"}, nil)
	if news := seen.sync(t); !slices.Equal(news, []string{seen.path + "fahrt.ics"}) {
		t.Errorf("news: %q", news)
	}
	seen.check(t)
	s.schulhof(t, "", "group", "member", "remove", "7b", "ben")
	ben.want(t, http.StatusNotFound, "GET", seen.path+"fahrt.ics", "")
	for href := range ben.list(t, "/dav/calendars/ben/") {
		if strings.Contains(href, "group-7b") {
			t.Errorf("who left the class still sees %s", href)
		}
	}
	s.schulhof(t, "", "group", "member", "add", "7b", "ben")
	ben.want(t, http.StatusOK, "GET", seen.path+"fahrt.ics", "")
	ben.want(t, http.StatusForbidden, "DELETE", seen.path+"fahrt.ics", "")
}

func (s *school) classFolder(t *testing.T) {
	anna, ben, tina := s.dav(t, "anna"), s.dav(t, "ben"), s.dav(t, "tina")
	const folder = "/webdav/Groups/7b/"
	tina.want(t, http.StatusCreated, "PUT", folder+"Arbeitsblatt.txt", "Aufgabe 1")
	if got := anna.want(t, http.StatusOK, "GET", folder+"Arbeitsblatt.txt", "").text; got != "Aufgabe 1" {
		t.Errorf("the sheet is %q", got)
	}
	s.schulhof(t, "", "group", "set", "7b", "--files", "write")
	anna.want(t, http.StatusCreated, "PUT", folder+"L%C3%B6sung.txt", "42")
	if got := ben.want(t, http.StatusOK, "GET", folder+"L%C3%B6sung.txt", "").text; got != "42" {
		t.Errorf("the solution is %q", got)
	}
	anna.wantPrivileges(t, folder, []string{"read", "bind", "unbind"}, nil)

	s.schulhof(t, "", "group", "set", "7b", "--files", "read")
	for method, path := range map[string]string{"PUT": "L%C3%B6sung.txt", "MKCOL": "Neu/", "DELETE": "Arbeitsblatt.txt"} {
		anna.want(t, http.StatusForbidden, method, folder+path, "")
	}
	anna.want(t, http.StatusForbidden, "LOCK", folder+"Arbeitsblatt.txt",
		`<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>`)
	anna.want(t, http.StatusOK, "GET", folder+"Arbeitsblatt.txt", "")
	anna.want(t, http.StatusCreated, "COPY", folder+"Arbeitsblatt.txt", "", "Destination", "/webdav/Files/meins.txt")
	anna.wantPrivileges(t, folder, []string{"read"}, []string{"write", "write-content", "bind", "unbind", "all"})
	tina.want(t, http.StatusNoContent, "PUT", folder+"Arbeitsblatt.txt", "Aufgabe 2")
	if list := anna.list(t, "/webdav/Groups/"); len(list) != 1 {
		t.Errorf("anna's groups: %v", list)
	}
}

// directoryOverDAV: who keeps the school's address book by its changes gets just these.
func (s *school) directoryOverDAV(t *testing.T) {
	book := &replica{client: s.dav(t, "anna"), path: "/dav/contacts/anna/directory/"}
	first := book.sync(t)
	book.check(t)
	if news := book.sync(t); len(news) != 0 {
		t.Errorf("news without a change: %q", news)
	}
	card := func(part string) string {
		t.Helper()
		for href := range book.members {
			if strings.Contains(book.client.want(t, http.StatusOK, "GET", href, "").text, part) {
				return href
			}
		}
		t.Fatalf("no card has %q", part)
		return ""
	}
	class := card("\r\nFN:Klasse 7b\r\n")

	s.schulhof(t, "neu@school.test;student;Nele;Neu;"+storyPassword+"\n", "user", "add", "--stdin")
	if news := book.sync(t); len(news) != 0 {
		t.Errorf("a pupil of no class of hers is news: %q", news)
	}
	s.schulhof(t, "", "group", "member", "add", "7b", "neu@school.test")
	news := book.sync(t)
	book.check(t)
	nele := card("\r\nFN:Nele Neu\r\n")
	if want := []string{class, nele}; !equalSets(news, want) {
		t.Errorf("a new pupil in the class: news %q, want %q", news, want)
	}
	s.schulhof(t, "", "user", "set", "neu", "--family", "Neumann", "--name", "Nele Neumann")
	if news := book.sync(t); !slices.Equal(news, []string{nele}) {
		t.Errorf("a new name: news %q, want %q", news, nele)
	}
	if got := book.client.want(t, http.StatusOK, "GET", nele, "").text; !strings.Contains(got, "\r\nFN:Nele Neumann\r\n") {
		t.Errorf("the card is %q", got)
	}
	s.schulhof(t, "", "group", "member", "remove", "7b", "neu")
	if news := book.sync(t); !equalSets(news, []string{class, nele}) || book.members[nele] != "" {
		t.Errorf("who left: news %q, still there: %q", news, book.members[nele])
	}
	book.check(t)
	if len(book.members) != len(first) {
		t.Errorf("%d cards at last, %d at first", len(book.members), len(first))
	}
	book.client.want(t, http.StatusForbidden, "DELETE", class, "")
	book.client.wantPrivileges(t, book.path, []string{"read"}, []string{"write", "bind", "unbind", "write-content", "all"})
}

// equalSets compares without order.
func equalSets(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}
