package dav

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// syncBody asks for what has changed since token.
func syncBody(token, more string) string {
	return `<D:sync-collection xmlns:D="DAV:"><D:sync-token>` + token + `</D:sync-token>` + more + `<D:prop><D:getetag/></D:prop></D:sync-collection>`
}

// TestSyncRequests: what a sync-collection may ask for, and what is refused. RFC 6578 §3.2, §3.3.
func TestSyncRequests(t *testing.T) {
	w := newSchool(t)
	w.want(201, "anna", "PUT", "/webdav/Files/a", "1")
	const url, one = "/webdav/Files/", "<D:sync-level>1</D:sync-level>"
	level := func(s string) string { return "<D:sync-level>" + s + "</D:sync-level>" }
	limit := func(s string) string { return one + "<D:limit><D:nresults>" + s + "</D:nresults></D:limit>" }
	row := func(name, body string, status int, says string, headers ...string) asked {
		return asked{name, "REPORT", url, body, headers, status, says}
	}
	for _, depth := range []string{"0", "1", "infinity"} { // the RFC wants 0, programs send all of them
		w.asks(t, "anna", []asked{row("Depth: "+depth, syncBody("", one), 207, "/webdav/Files/a", "Depth", depth)})
	}
	token := cutOut(w.want(207, "anna", "REPORT", url, syncBody("", one)).body, "<D:sync-token>", "<")
	body, counter := token[:strings.LastIndexAny(token, ":-/.")+1], token[strings.LastIndexAny(token, ":-/.")+1:]
	w.asks(t, "anna", []asked{
		row("without a level", syncBody("", ""), 207, "/webdav/Files/a"), row("with white space", syncBody("\n  "+token+"\n", one), 207, token),
		row("the whole tree", syncBody("", level("infinite")), 403, "<D:sync-traversal-supported/>"), row("another level", syncBody("", level("2")), 403, "sync-traversal"),
		row("a token of another server", syncBody("http://example.org/ns/sync/1", one), 403, "<D:valid-sync-token/>"),
		row("half a token", syncBody(body, one), 403, "<D:valid-sync-token/>"), row("a token with more behind it", syncBody(token+"x!", one), 403, "<D:valid-sync-token/>"),
		row("a token of the future", syncBody(body+counter+"9999", one), 403, "<D:valid-sync-token/>"),
		row("no number of answers", syncBody("", limit("x")), 400, "nresults"), row("none at all", syncBody("", limit("0")), 400, "nresults"),
		row("less than none", syncBody("", limit("-1")), 400, "nresults"), row("more than there can be", syncBody("", limit("99999999")), 207, "/webdav/Files/a"),
		{"of a file", "REPORT", "/webdav/Files/a", syncBody("", one), nil, 403, "<D:supported-report/>"},
		{"of a home", "REPORT", "/dav/calendars/anna/", syncBody("", one), nil, 403, "<D:supported-report/>"},
		{"of the list of groups", "REPORT", "/webdav/Groups/", syncBody("", one), nil, 403, "<D:supported-report/>"},
		{"with another collection's token", "REPORT", "/dav/calendars/anna/calendar/", syncBody(token, one), nil, 403, "<D:valid-sync-token/>"},
		{"of others", "REPORT", "/dav/calendars/klein/calendar/", syncBody("", one), nil, 404, ""},
	})
}

// syncedOf reads an answer: what is there (new or changed), what has gone, whether there is more, and the next token.
func syncedOf(t *testing.T, body string) (there, gone []string, more bool, token string) {
	t.Helper()
	for _, response := range strings.Split(body, "<D:response>")[1:] {
		href := cutOut(response, "<D:href>", "<")
		switch {
		case strings.Contains(response, "507 Insufficient Storage"):
			more = true
		case strings.Contains(response, "404 Not Found"):
			gone = append(gone, href)
		default:
			there = append(there, href)
		}
	}
	slices.Sort(there)
	slices.Sort(gone)
	return there, gone, more, cutOut(body, "<D:sync-token>", "<")
}

// TestSyncTellsEachChangeOnce: for each change, in each kind of collection, what a client with the token from before learns; and that it
// learns nothing with the token of the answer. RFC 6578 §3.5.
func TestSyncTellsEachChangeOnce(t *testing.T) {
	w := newSchool(t)
	for _, c := range []struct{ collection, extension, mime string }{
		{"/webdav/Files/", "", "text/plain"}, {"/dav/calendars/anna/calendar/", ".ics", "text/calendar"}, {"/dav/contacts/anna/contacts/", ".vcf", "text/vcard"},
	} {
		content := func(name, version string) string {
			switch c.extension {
			case ".ics":
				return strings.Replace(event(name), "Mathe", version, 1)
			case ".vcf":
				return strings.Replace(card(name), "Otto", version, 1)
			}
			return name + version
		}
		at := func(name string) string { return c.collection + name + c.extension }
		put := func(name, version string) func() {
			return func() { w.do("anna", "PUT", at(name), content(name, version), "Content-Type", c.mime) }
		}
		remove := func(name string) func() { return func() { w.want(204, "anna", "DELETE", at(name), "") } }
		move := func(from, to string) func() {
			return func() { w.do("anna", "MOVE", at(from), "", "Destination", at(to)) }
		}
		for _, step := range []struct {
			name  string
			do    []func()
			there string
			gone  string
		}{
			{"one is new", []func(){put("a", "1")}, "a", ""},
			{"it is changed twice", []func(){put("a", "2"), put("a", "3")}, "a", ""},
			{"the same bytes again", []func(){put("a", "3")}, "", ""},
			{"one is new and changed", []func(){put("b", "1"), put("b", "2")}, "b", ""},
			{"one comes and goes", []func(){put("c", "1"), remove("c")}, "", "c"},
			{"one goes", []func(){remove("b")}, "", "b"},
			{"and comes back", []func(){put("b", "4")}, "b", ""},
			{"one goes and comes back", []func(){remove("b"), put("b", "5")}, "b", ""},
			{"one gets another name", []func(){move("b", "d")}, "d", "b"},
			{"and its own again", []func(){move("d", "b")}, "b", "d"},
			{"nothing", nil, "", ""},
		} {
			token := cutOut(w.want(207, "anna", "PROPFIND", c.collection, `<propfind xmlns="DAV:"><prop><sync-token/></prop></propfind>`, "Depth", "0").body, "<D:sync-token>", "<")
			for _, do := range step.do {
				do()
			}
			there, gone, more, next := syncedOf(t, w.want(207, "anna", "REPORT", c.collection, syncBody(token, "")).body)
			if fmt.Sprint(there) != fmt.Sprint(hrefsOf(step.there, at)) || more {
				t.Errorf("%s: %s: there is %v, want %q", c.collection, step.name, there, step.there)
			}
			// What came and went may be told as gone: the client takes that as it is (RFC 6578 §3.5.2).
			if fmt.Sprint(gone) != fmt.Sprint(hrefsOf(step.gone, at)) && !(step.name == "one comes and goes" && len(gone) == 0) {
				t.Errorf("%s: %s: gone is %v, want %q", c.collection, step.name, gone, step.gone)
			}
			if len(step.do) == 0 && next != token {
				t.Errorf("%s: nothing has changed, but %s became %s", c.collection, token, next)
			}
			if there, gone, _, again := syncedOf(t, w.want(207, "anna", "REPORT", c.collection, syncBody(next, "")).body); len(there)+len(gone) != 0 || again != next {
				t.Errorf("%s: %s: told again: %v %v", c.collection, step.name, there, gone)
			}
		}
	}
}

func hrefsOf(name string, at func(string) string) (list []string) {
	if name != "" {
		list = append(list, at(name))
	}
	return list
}

// TestSyncInPages: a client that takes two answers at a time comes to the same end, and no answer has more. RFC 6578 §3.6.
func TestSyncInPages(t *testing.T) {
	w := newSchool(t)
	w.fill("viele", 7)
	const url = "/webdav/Files/viele/"
	all, _, _, before := syncedOf(t, w.want(207, "anna", "REPORT", url, syncBody("", "")).body)
	collect := func(token string) (there, gone []string) {
		for rounds := 0; ; rounds++ {
			a, b, more, next := syncedOf(t, w.want(207, "anna", "REPORT", url, syncBody(token, "<D:sync-level>1</D:sync-level><D:limit><D:nresults>2</D:nresults></D:limit>")).body)
			if len(a)+len(b) > 2 {
				t.Fatalf("two answers were wanted: %v %v", a, b)
			}
			if there, gone, token = append(there, a...), append(gone, b...), next; !more {
				slices.Sort(there)
				slices.Sort(gone)
				return there, gone
			}
			if rounds > 20 {
				t.Fatal("there is no end")
			}
		}
	}
	if there, gone := collect(""); fmt.Sprint(there) != fmt.Sprint(all) || len(gone) != 0 {
		t.Errorf("in pages %v %v, at once %v", there, gone, all)
	}
	for _, href := range all[:3] {
		w.want(204, "anna", "DELETE", href, "")
	}
	w.want(204, "anna", "PUT", all[5], "changed")
	if there, gone := collect(before); fmt.Sprint(there) != fmt.Sprint(all[5:6]) || fmt.Sprint(gone) != fmt.Sprint(all[:3]) {
		t.Errorf("there %v, gone %v", there, gone)
	}
}
