package dav

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// oddNames are names that some file system, shell or browser cannot have, and that others have all the same. Each is a name here.
var oddNames = []string{
	"CON", "nul.txt", "AUX", "com1.log", "a:b", "x.", "y ", " z", `"quote"`, "a<b>c", "a|b", "a?b", "a*b", // Windows
	"._x", ".DS_Store", "Icon", "a : b", // macOS
	"desktop.ini", "Thumbs.db", "~$brief.docx", "brief.docx~", ".~lock.brief.odt#", "~WRL0001.tmp", // Office and its friends
	"#hash", "100%", "%2e%2e", "%2F", "a%00b", "a+b", "a&b=c;d,e", "a@b!$'()", "[a]{b}^`", "...", "..a", "a..", "-rf", "*", "?", "index.html",
	"Grüße", "Å", "ﬁn", "한글", "日本語", "مرحبا", "😀👨‍👩‍👧", "e\u0301 ist nicht é", strings.Repeat("ü", 127) + "x",
}

// TestOddNames: whatever name a client chooses, it can be written, listed, read, renamed, copied and removed under it, and the href of a listing
// leads to it. RFC 4918 §8.3, RFC 3986 §2.1.
func TestOddNames(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	const top = "/webdav/Files/odd/"
	w.want(201, "anna", "MKCOL", top, "")
	w.want(201, "anna", "MKCOL", "/webdav/Files/kept/", "")
	for _, name := range oddNames {
		w.want(201, "anna", "PUT", top+url.PathEscape(name), name)
	}
	hrefs := names(t, w.want(207, "anna", "PROPFIND", top, "", "Depth", "1", "Prefer", "depth-noroot").body)
	if len(hrefs) != len(oddNames) {
		t.Fatalf("%d names were written, %d are listed", len(oddNames), len(hrefs))
	}
	for i, href := range hrefs {
		name := w.want(200, "anna", "GET", href, "").body
		escaped := url.PathEscape(name)
		if at := slices.Index(oddNames, name); at < 0 || w.want(200, "anna", "GET", top+escaped, "").body != name {
			t.Errorf("%s leads to %q", href, name)
		}
		w.asks(t, "anna", []asked{
			{name, "MOVE", href, "", []string{"Destination", top + "plain"}, 201, ""},
			{name, "MOVE", top + "plain", "", []string{"Destination", w.http.URL + "/webdav/Files/kept/" + escaped, "Overwrite", "F"}, 201, ""},
		})
		if i%6 == 0 { // in the headers and bodies that name it
			kept := "/webdav/Files/kept/" + href[len(top):]
			token := w.lock("anna", kept, "exclusive")
			w.asks(t, "anna", []asked{
				{name, "PUT", kept, "x", nil, 423, "<D:lock-token-submitted><D:href>" + kept + "</D:href>"},
				{name, "MOVE", "/webdav/Files/kept/", "", []string{"Destination", top + "folder/"}, 207, "<D:href>" + kept + "</D:href>"},
				{name, "COPY", kept, "", []string{"Destination", top + "copy", "If", "<" + kept + "> (" + token + ")"}, 201, ""},
				{name, "UNLOCK", kept, "", []string{"Lock-Token", token}, 204, ""}, {name, "DELETE", top + "copy", "", nil, 204, ""},
			})
		}
	}
	if got := names(t, w.want(207, "anna", "PROPFIND", "/webdav/Files/kept/", "", "Depth", "1", "Prefer", "depth-noroot").body); len(got) != len(oddNames) {
		t.Errorf("%d names are kept, want %d: %q", len(got), len(oddNames), got)
	}
}

// TestSpellingsOfAName: a name composed and decomposed is one, in every header and body that may name it.
func TestSpellingsOfAName(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	const composed, decomposed = "/webdav/Files/%C3%9Cbung.txt", "/webdav/Files/U%CC%88bung.txt"
	w.want(201, "anna", "PUT", decomposed, "1")
	tag := w.want(200, "anna", "GET", composed, "").header.Get("ETag")
	w.asks(t, "anna", []asked{
		{"it is there", "PUT", composed, "2", []string{"If-None-Match", "*"}, 412, ""},
		{"it is itself", "MOVE", composed, "", []string{"Destination", decomposed}, 403, ""},
		{"a list about it", "PUT", composed, "1", []string{"If", "<" + decomposed + "> ([" + tag + "])"}, 204, ""},
		{"a capital letter", "PUT", "/webdav/Files/%C3%BCbung.txt", "3", []string{"If-None-Match", "*"}, 201, ""},
		{"another letter that looks like it", "PUT", "/webdav/Files/%C3%9Cbung.txt%20", "4", []string{"If-None-Match", "*"}, 201, ""},
		{"an Angstrom sign is an Å", "PUT", "/webdav/Files/%E2%84%AB", "5", nil, 201, ""},
		{"an Å is there", "GET", "/webdav/Files/%C3%85", "", nil, 200, "5"},
		{"Hangul in its parts", "PUT", "/webdav/Files/%E1%84%92%E1%85%A1%E1%86%AB", "6", nil, 201, ""},
		{"Hangul as a whole", "GET", "/webdav/Files/%ED%95%9C", "", nil, 200, "6"},
	})
	hrefs := names(t, w.want(207, "anna", "PROPFIND", "/webdav/Files/", "", "Depth", "1", "Prefer", "depth-noroot").body)
	slices.Sort(hrefs)
	if want := []string{"/webdav/Files/%C3%85", composed, composed + "%20", "/webdav/Files/%C3%BCbung.txt", "/webdav/Files/%ED%95%9C"}; !slices.Equal(hrefs, want) {
		t.Errorf("listed are %q, want %q", hrefs, want)
	}
	for name, collection := range map[string]string{"f%C3%BCr.ics": "/dav/calendars/anna/calendar/", "fu%CC%88r.ics": "/dav/calendars/anna/calendar/"} {
		w.do("anna", "PUT", collection+name, event("u"))
		body := `<C:calendar-multiget xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><D:getetag/></D:prop><D:href>` + collection + name + `</D:href></C:calendar-multiget>`
		if a := w.want(207, "anna", "REPORT", collection, body); !strings.Contains(a.body, statusLine(200)) {
			t.Errorf("%s: %s", name, a.body)
		}
	}
}

// TestNamesThatDifferInCase: they are two, for every method, and nothing that is done to one happens to the other; a rename that changes only the
// case is a rename like any other, also where nothing may be overwritten.
func TestNamesThatDifferInCase(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	const top = "/webdav/Files/"
	to := func(name string) []string { return []string{"Destination", top + name, "Overwrite", "F"} }
	twice := []string{"A.txt", "a.txt", "%C3%9Cbung", "%C3%BCbung", "Stra%C3%9Fe", "STRASSE", "%C4%B0", "i", "I", "%C4%B1", "%CF%83", "%CF%82", "%CE%A3", "%EF%AC%81n", "fin", "_%C5%BF", "_s"}
	for _, name := range twice {
		w.want(201, "anna", "PUT", top+name, name, "If-None-Match", "*")
	}
	for _, name := range twice {
		if a := w.want(200, "anna", "GET", top+name, ""); a.body != name {
			t.Errorf("%s is %q", name, a.body)
		}
	}
	if n := len(names(t, w.want(207, "anna", "PROPFIND", top, "", "Depth", "1", "Prefer", "depth-noroot").body)); n != len(twice) {
		t.Errorf("%d names are listed, want %d", n, len(twice))
	}
	token := w.lock("anna", top+"A.txt", "exclusive")
	w.asks(t, "anna", []asked{
		{"the other one is not locked", "PUT", top + "a.txt", "small", nil, 204, ""},
		{"the one is", "PUT", top + "A.txt", "x", nil, 423, "A.txt"},
		{"not over the other one", "MOVE", top + "a.txt", "", to("A.txt"), 412, ""},
		{"unlocked", "UNLOCK", top + "A.txt", "", []string{"Lock-Token", token}, 204, ""},
		{"one goes", "DELETE", top + "A.txt", "", nil, 204, ""},
		{"the other one stays", "GET", top + "a.txt", "", nil, 200, "small"},
		{"a capital letter for a file", "MOVE", top + "a.txt", "", to("A.txt"), 201, ""},
		{"its old name", "GET", top + "a.txt", "", nil, 404, ""},
		{"its new name", "GET", top + "A.txt", "", nil, 200, "small"},
		{"a folder", "MKCOL", top + "bilder/", "", nil, 201, ""},
		{"a file in it", "PUT", top + "bilder/1.jpg", "1", nil, 201, ""},
		{"a capital letter for a folder", "MOVE", top + "bilder/", "", to("Bilder/"), 201, ""},
		{"what is in it", "GET", top + "Bilder/1.jpg", "", nil, 200, "1"},
		{"a second folder", "MKCOL", top + "bilder/", "", nil, 201, ""},
		{"which is empty", "GET", top + "bilder/1.jpg", "", nil, 404, ""},
		{"a copy beside it", "COPY", top + "A.txt", "", to("a.TXT"), 201, ""},
		{"an event", "PUT", "/dav/calendars/anna/calendar/E.ics", event("1"), nil, 201, ""},
		{"another event", "PUT", "/dav/calendars/anna/calendar/e.ics", event("2"), nil, 201, ""},
	})
}

// TestNoWayUp: names that lead upwards or across are no names, in whatever encoding and wherever they stand: in the URL, in Destination, in
// If, in a multiget. Nothing outside is read, written or even told apart from what is not there.
func TestNoWayUp(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	w.want(201, "klein", "PUT", "/webdav/Groups/7b/ziel", "secret")
	w.want(201, "anna", "MKCOL", "/webdav/Files/d", "")
	w.want(201, "anna", "PUT", "/webdav/Files/a", "mine")
	for _, evil := range []string{
		"..%2f..%2fGroups/7b/ziel", "..%2F..%2FGroups%2F7b%2Fziel", "%2e%2e%2f%2e%2e%2fGroups%2f7b%2fziel", "%2e%2e/%2e%2e/Groups/7b/ziel", ".%2e/.%2e/Groups/7b/ziel",
		"%2e./%2e./Groups/7b/ziel", "..%5c..%5cGroups%5c7b%5cziel", "..%c0%af..%c0%afGroups%c0%af7b%c0%afziel", "%c0%ae%c0%ae/%c0%ae%c0%ae/Groups/7b/ziel",
		"..%00/..%00/Groups/7b/ziel", "a%00.txt", "a%0d%0aX: y", "%ef%bc%8f..%00", "d/%2e", "d/%2e%2e", "d/%2E%2E/a", "%e0%80%ae%e0%80%ae/x", "a%ff", "%c3", "a%7f%2f",
	} {
		path := "/webdav/Files/" + evil
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "POST", "REPORT"} {
			a := w.do("anna", method, path, "", "Depth", "0", "Destination", "/webdav/Files/copied")
			if a.status != 404 || strings.Contains(a.body, "secret") {
				t.Errorf("%s %s = %d %s", method, path, a.status, a.body)
			}
		}
		for _, method := range []string{"COPY", "MOVE"} {
			if a := w.do("anna", method, "/webdav/Files/a", "", "Destination", path); a.status != 404 {
				t.Errorf("%s to %s = %d %s", method, path, a.status, a.body)
			}
		}
		if a := w.do("anna", "PUT", "/webdav/Files/a", "mine", "If", "<"+strings.ReplaceAll(path, " ", "%20")+`> (["x"])`); a.status < 400 {
			t.Errorf("If about %s = %d", path, a.status)
		}
	}
	multiget := `<C:calendar-multiget xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><C:calendar-data/></D:prop>` +
		`<D:href>/dav/calendars/anna/calendar/../../klein/calendar/e.ics</D:href><D:href>/dav/calendars/anna/calendar/..%2f..%2fklein%2fcalendar%2fe.ics</D:href></C:calendar-multiget>`
	w.want(201, "klein", "PUT", "/dav/calendars/klein/calendar/e.ics", event("e"))
	if a := w.want(207, "anna", "REPORT", "/dav/calendars/anna/calendar/", multiget); strings.Count(a.body, statusLine(404)) != 2 || strings.Contains(a.body, "VEVENT") {
		t.Errorf("a multiget went up: %s", a.body)
	}
	if got := names(t, w.want(207, "anna", "PROPFIND", "/webdav/Files/", "", "Depth", "1", "Prefer", "depth-noroot").body); !slices.Equal(got, []string{"/webdav/Files/a", "/webdav/Files/d/"}) {
		t.Errorf("left is %q", got)
	}
	if a := w.want(200, "klein", "GET", "/webdav/Groups/7b/ziel", ""); a.body != "secret" {
		t.Errorf("the group's file is %q", a.body)
	}
}
