package dav

import (
	"strings"
	"testing"
)

// TestLockRefusals: what LOCK and UNLOCK do not do, and how they say so. RFC 4918 §9.10.6, §9.11.1.
func TestLockRefusals(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	scope := func(inner string) string {
		return `<D:lockinfo xmlns:D="DAV:"><D:lockscope>` + inner + `</D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`
	}
	const file, unknown = "/webdav/Groups/7b/datei", "<urn:uuid:00000000-0000-4000-8000-000000000000>"
	w.asks(t, "anna", []asked{
		{"no scope", "LOCK", file, scope(""), nil, 400, "exclusive or shared"},
		{"both scopes", "LOCK", file, scope("<D:exclusive/><D:shared/>"), nil, 400, "exclusive or shared"},
		{"an unknown scope", "LOCK", file, scope("<D:private/>"), nil, 400, "exclusive or shared"},
		{"no type", "LOCK", file, `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope></D:lockinfo>`, nil, 400, "write locks"},
		{"a read lock", "LOCK", file, `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:read/></D:locktype></D:lockinfo>`, nil, 400, "write locks"},
		{"another element", "LOCK", file, `<propfind xmlns="DAV:"><allprop/></propfind>`, nil, 400, "lockinfo"},
		{"another namespace", "LOCK", file, strings.ReplaceAll(lockBody("shared"), "DAV:", "dav:"), nil, 400, "lockinfo"},
		{"no XML", "LOCK", file, "please", nil, 400, ""},
		{"one level", "LOCK", file, lockBody("exclusive"), []string{"Depth", "1"}, 400, "Depth"},
		{"no such depth", "LOCK", file, lockBody("exclusive"), []string{"Depth", "x"}, 400, "Depth"},
		{"an owner too large", "LOCK", file, strings.Replace(lockBody("exclusive"), ">me<", ">"+strings.Repeat("x", 5000)+"<", 1), nil, 413, ""},
		{"no parent", "LOCK", "/webdav/Groups/7b/none/x", lockBody("exclusive"), nil, 409, ""},
		{"an event", "LOCK", "/dav/calendars/anna/calendar/e.ics", lockBody("exclusive"), nil, 405, ""},
		{"a calendar", "LOCK", "/dav/calendars/anna/calendar/", lockBody("exclusive"), nil, 405, ""},
		{"a card", "LOCK", "/dav/contacts/anna/contacts/c.vcf", lockBody("exclusive"), nil, 405, ""},
		{"a principal", "LOCK", "/dav/principals/users/anna/", lockBody("exclusive"), nil, 405, ""},
		{"the list of groups", "LOCK", "/webdav/Groups/", lockBody("exclusive"), nil, 405, ""},
		{"a group of others", "LOCK", "/webdav/Groups/9z/", lockBody("exclusive"), nil, 404, ""},
		{"a refresh of nothing", "LOCK", file, "", nil, 400, "one lock"},
		{"a refresh of two", "LOCK", file, "", []string{"If", "(<a:b> <c:d>)"}, 400, "one lock"},
		{"a refresh of what is no lock", "LOCK", file, "", []string{"If", "(" + unknown + ")"}, 412, ""},
		{"an end of nothing", "UNLOCK", file, "", nil, 400, "Lock-Token"},
		{"an end of what is no URI", "UNLOCK", file, "", []string{"Lock-Token", "urn:uuid:1"}, 400, "Lock-Token"},
		{"an end of what is no lock", "UNLOCK", file, "", []string{"Lock-Token", unknown}, 409, "lock-token-matches-request-uri"},
		{"an end where nothing is", "UNLOCK", "/webdav/Groups/7b/none", "", []string{"Lock-Token", unknown}, 404, ""},
		{"none of this made a lock", "PROPFIND", file, `<propfind xmlns="DAV:"><prop><lockdiscovery/></prop></propfind>`, []string{"Depth", "0"}, 207, "<D:lockdiscovery></D:lockdiscovery>"},
	})
	token := w.lock("anna", file, "exclusive")
	other := w.lock("anna", "/webdav/Groups/7b/frei", "exclusive")
	w.asks(t, "ben", []asked{
		{"someone else's token does not write", "PUT", file, "x", []string{"If", "(" + token + ")"}, 423, "<D:href>" + file + "</D:href>"},
		{"nor refresh", "LOCK", file, "", []string{"If", "(" + token + ")"}, 412, ""},
		{"nor unlock", "UNLOCK", file, "", []string{"Lock-Token", token}, 403, ""},
		{"a shared lock beside an exclusive one", "LOCK", file, lockBody("shared"), nil, 423, "<D:no-conflicting-lock><D:href>" + file},
		{"a lock of the folder around it", "LOCK", "/webdav/Groups/7b/", lockBody("shared"), nil, 207, "<D:href>" + file + "</D:href><D:status>HTTP/1.1 423"},
		{"only the folder", "LOCK", "/webdav/Groups/7b/ordner/", lockBody("exclusive"), []string{"Depth", "0"}, 200, "<D:depth>0</D:depth>"},
		{"properties", "PROPPATCH", file, `<propertyupdate xmlns="DAV:"><set><prop><x xmlns="u"/></prop></set></propertyupdate>`, nil, 423, ""},
		{"reading is free", "GET", file, "", nil, 200, "x"},
		{"copying is reading", "COPY", file, "", []string{"Destination", "/webdav/Groups/7b/kopie"}, 201, ""},
		{"copying onto it is writing", "COPY", "/webdav/Groups/7b/kopie", "", []string{"Destination", file}, 423, ""},
		{"moving onto it, too", "MOVE", "/webdav/Groups/7b/kopie", "", []string{"Destination", file}, 423, ""},
		{"an empty locked file is a file", "GET", "/webdav/Groups/7b/frei", "", nil, 200, ""},
		{"and is locked", "PUT", "/webdav/Groups/7b/frei", "x", nil, 423, ""},
	})
	w.asks(t, "anna", []asked{
		{"the token of another resource", "UNLOCK", file, "", []string{"Lock-Token", other}, 409, ""},
		{"a second exclusive lock of one's own", "LOCK", file, lockBody("exclusive"), []string{"If", "(" + token + ")"}, 423, "no-conflicting-lock"},
		{"a MOVE takes no lock along", "MOVE", "/webdav/Groups/7b/frei", "", []string{"Destination", "/webdav/Groups/7b/moved", "If", "(" + other + ")"}, 201, ""},
		{"it ends at the old place", "PUT", "/webdav/Groups/7b/frei", "x", nil, 201, ""},
		{"and is not at the new one", "PUT", "/webdav/Groups/7b/moved", "x", nil, 204, ""},
		{"a DELETE ends the lock", "DELETE", file, "", []string{"If", "(" + token + ")"}, 204, ""},
		{"of what is made anew", "PUT", file, "x", nil, 201, ""},
		{"whose token is nothing any more", "UNLOCK", file, "", []string{"Lock-Token", token}, 409, ""},
	})
}

// TestLocksOfFolders: a lock of infinite depth holds for what is in the folder and what comes into it, one of depth 0 for its members'
// names alone. RFC 4918 §7.4, §7.5, §9.10.3.
func TestLocksOfFolders(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	w.want(201, "klein", "PUT", "/webdav/Groups/7b/ordner/alt", "x")
	for _, tt := range []struct {
		depth            string
		content, members int // what ben gets for changing a member's content, and for the folder's names
	}{{"0", 204, 423}, {"infinity", 423, 423}} {
		token := w.lock("anna", "/webdav/Groups/7b/ordner/", "exclusive", "Depth", tt.depth)
		w.asks(t, "ben", []asked{
			{"content", "PUT", "/webdav/Groups/7b/ordner/alt", "y", nil, tt.content, ""},
			{"a new name", "PUT", "/webdav/Groups/7b/ordner/neu", "y", nil, tt.members, ""},
			{"a new folder", "MKCOL", "/webdav/Groups/7b/ordner/neu", "", nil, tt.members, ""},
			{"a new lock", "LOCK", "/webdav/Groups/7b/ordner/neu", lockBody("exclusive"), nil, tt.members, ""},
			{"a name less", "DELETE", "/webdav/Groups/7b/ordner/alt", "", nil, tt.members, ""},
			{"a name that goes away", "MOVE", "/webdav/Groups/7b/ordner/alt", "", []string{"Destination", "/webdav/Groups/7b/weg"}, tt.members, ""},
			{"a name that comes", "COPY", "/webdav/Groups/7b/datei", "", []string{"Destination", "/webdav/Groups/7b/ordner/neu"}, tt.members, ""},
			{"the folder's properties", "PROPPATCH", "/webdav/Groups/7b/ordner/", `<propertyupdate xmlns="DAV:"><set><prop><x xmlns="u"/></prop></set></propertyupdate>`, nil, 423, ""},
			{"the folder itself", "DELETE", "/webdav/Groups/7b/ordner/", "", nil, 423, ""},
			{"beside it", "PUT", "/webdav/Groups/7b/datei", "y", nil, 204, ""},
		})
		headers := []string{"If", "</webdav/Groups/7b/ordner/> (" + token + ")"}
		w.asks(t, "anna", []asked{
			{"the holder may", "PUT", "/webdav/Groups/7b/ordner/meins", "y", headers, 201, ""},
			{"the holder may", "DELETE", "/webdav/Groups/7b/ordner/meins", "", headers, 204, ""},
		})
		found := w.want(207, "ben", "PROPFIND", "/webdav/Groups/7b/ordner/alt", `<propfind xmlns="DAV:"><prop><lockdiscovery/></prop></propfind>`, "Depth", "0").body
		if inherited := strings.Contains(found, "<D:lockroot><D:href>/webdav/Groups/7b/ordner/</D:href>"); inherited != (tt.depth == "infinity") {
			t.Errorf("depth %s: the member shows the lock: %v\n%s", tt.depth, inherited, found)
		}
		w.want(204, "anna", "UNLOCK", "/webdav/Groups/7b/ordner/", "", "Lock-Token", token)
	}
}

// TestSharedLocks: any number of people, one token each is enough, and nobody without. RFC 4918 §6.2, §7.
func TestSharedLocks(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	const file = "/webdav/Groups/7b/datei"
	held := map[string]string{}
	for _, who := range []string{"anna", "ben"} {
		held[who] = w.lock(who, file, "shared")
	}
	found := w.want(207, "klein", "PROPFIND", file, `<propfind xmlns="DAV:"><prop><lockdiscovery/></prop></propfind>`, "Depth", "0").body
	if strings.Count(found, "<D:activelock>") != 2 || strings.Contains(found, "locktoken") {
		t.Errorf("two locks, and no token of others: %s", found)
	}
	w.want(423, "klein", "PUT", file, "x")
	w.want(423, "klein", "LOCK", file, lockBody("exclusive"))
	for who, token := range held {
		w.want(423, who, "PUT", file, "x")
		w.want(204, who, "PUT", file, "x", "If", "("+token+")")
	}
	w.want(204, "anna", "UNLOCK", file, "", "Lock-Token", held["anna"])
	w.want(423, "anna", "PUT", file, "x")
	w.want(204, "ben", "UNLOCK", file, "", "Lock-Token", held["ben"])
	w.want(204, "anna", "PUT", file, "x")
}

// TestLockTimes: the time that was asked for, at most an hour, counts down, is set anew by a refresh, and ends the lock. RFC 4918 §6.6, §10.7.
func TestLockTimes(t *testing.T) {
	w := newSchool(t)
	w.want(201, "anna", "PUT", "/webdav/Files/a", "x")
	for header, want := range map[string]string{"": "3600", "Second-90": "90", "Infinite": "3600", "Second-99999": "3600", "Extended-1, Second-7": "7", "Second-0": "3600"} {
		var headers []string
		if header != "" {
			headers = []string{"Timeout", header}
		}
		a := w.want(200, "anna", "LOCK", "/webdav/Files/a", lockBody("exclusive"), headers...)
		if got := cutOut(a.body, "<D:timeout>Second-", "<"); got != want {
			t.Errorf("Timeout %q gives %s, want %s", header, got, want)
		}
		w.want(204, "anna", "UNLOCK", "/webdav/Files/a", "", "Lock-Token", a.header.Get("Lock-Token"))
	}
	token := w.lock("anna", "/webdav/Files/a", "exclusive", "Timeout", "Second-100")
	left := func() string {
		return cutOut(w.want(207, "anna", "PROPFIND", "/webdav/Files/a", `<propfind xmlns="DAV:"><prop><lockdiscovery/></prop></propfind>`, "Depth", "0").body, "Second-", "<")
	}
	w.clock.Add(40)
	if left() != "60" {
		t.Errorf("after 40 of 100 seconds %s are left", left())
	}
	refreshed := w.want(200, "anna", "LOCK", "/webdav/Files/a", "", "If", "("+token+")", "Timeout", "Second-200")
	if cutOut(refreshed.body, "Second-", "<") != "200" || refreshed.header.Get("Lock-Token") != "" {
		t.Errorf("a refresh: %v %s", refreshed.header, refreshed.body)
	}
	w.clock.Add(199)
	w.want(423, "anna", "PUT", "/webdav/Files/a", "y")
	w.clock.Add(2)
	w.want(204, "anna", "PUT", "/webdav/Files/a", "y")
	w.want(412, "anna", "LOCK", "/webdav/Files/a", "", "If", "("+token+")")
}
