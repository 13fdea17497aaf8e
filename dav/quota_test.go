package dav

import (
	"fmt"
	"strings"
	"testing"

	"schulhof/dav/collection"
	"schulhof/directory"
)

// quotaOf are DAV:quota-available-bytes and DAV:quota-used-bytes of a resource; "" when it has none.
func (w *school) quotaOf(who, path string) (available, used string) {
	w.Helper()
	a := w.want(207, who, "PROPFIND", path, `<propfind xmlns="DAV:"><prop><quota-available-bytes/><quota-used-bytes/></prop></propfind>`, "Depth", "0")
	return cutOut(a.body, "<D:quota-available-bytes>", "<"), cutOut(a.body, "<D:quota-used-bytes>", "<")
}

// TestQuotaProperties: every collection of a person tells what the person has left, those of a group what the group has; nothing else tells
// anything. RFC 4331 §3, §4.
func TestQuotaProperties(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	w.check(w.dav.SetGroup(t.Context(), w.ids["7b"], collection.GroupSettings{MembersWrite: true, QuotaBytes: 5000}))
	w.want(201, "anna", "MKCOL", "/webdav/Files/d/", "")
	w.want(201, "anna", "PUT", "/webdav/Files/d/a", strings.Repeat("x", 1000))
	w.want(201, "anna", "PUT", "/dav/calendars/anna/calendar/e.ics", event("e"))
	w.want(201, "anna", "PUT", "/dav/contacts/anna/contacts/c.vcf", card("c"))
	w.want(201, "anna", "PUT", "/webdav/Groups/7b/g", strings.Repeat("x", 700))
	mine := 1000 + len(event("e")) + len(card("c"))
	for _, tt := range []struct{ path, available, used string }{
		{"/webdav/Files/", fmt.Sprint(20<<20 - mine), fmt.Sprint(mine)}, {"/webdav/Files/d/", fmt.Sprint(20<<20 - mine), fmt.Sprint(mine)},
		{"/dav/calendars/anna/", fmt.Sprint(20<<20 - mine), fmt.Sprint(mine)}, {"/dav/calendars/anna/calendar/", fmt.Sprint(20<<20 - mine), fmt.Sprint(mine)},
		{"/dav/contacts/anna/contacts/", fmt.Sprint(20<<20 - mine), fmt.Sprint(mine)}, {"/webdav/Groups/7b/", "4300", "700"},
		{"/webdav/Groups/", "", ""}, {"/webdav/", "", ""}, {"/", "", ""}, {"/dav/principals/users/anna/", "", ""}, {"/webdav/Files/d/a", "", ""},
		{"/dav/calendars/anna/calendar/e.ics", "", ""}, {"/dav/contacts/anna/directory/", "", ""},
	} {
		if available, used := w.quotaOf("anna", tt.path); available != tt.available || used != tt.used {
			t.Errorf("%s: %q and %q, want %q and %q", tt.path, available, used, tt.available, tt.used)
		}
	}
	if a := w.want(207, "anna", "PROPFIND", "/webdav/Files/", "", "Depth", "0"); strings.Contains(a.body, "quota") {
		t.Errorf("allprop has the quota: %s", a.body) // RFC 4331 §3: only who asks for it
	}
	if a := w.want(207, "anna", "PROPFIND", "/webdav/Files/", `<propfind xmlns="DAV:"><propname/></propfind>`, "Depth", "0"); strings.Count(a.body, "quota") != 2 {
		t.Errorf("propname: %s", a.body)
	}
}

// TestQuotaIsCounted: what each change adds to what is used, and what takes it away. Earlier versions and the trash are not the person's worry.
func TestQuotaIsCounted(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	kb := strings.Repeat("x", 1000)
	to := func(path string) []string { return []string{"Destination", path} }
	for _, tt := range []struct {
		name, method, path, body string
		headers                  []string
		used                     int
	}{
		{"a file", "PUT", "/webdav/Files/a", kb, nil, 1000},
		{"the same again", "PUT", "/webdav/Files/a", kb, nil, 1000},
		{"a larger one in its place", "PUT", "/webdav/Files/a", kb + kb, nil, 2000},
		{"a smaller one in its place", "PUT", "/webdav/Files/a", kb, nil, 1000},
		{"a copy", "COPY", "/webdav/Files/a", "", to("/webdav/Files/b"), 2000},
		{"a copy over it", "COPY", "/webdav/Files/a", "", to("/webdav/Files/b"), 2000},
		{"a folder", "MKCOL", "/webdav/Files/d", "", nil, 2000},
		{"a move into it", "MOVE", "/webdav/Files/b", "", to("/webdav/Files/d/b"), 2000},
		{"a copy of the folder", "COPY", "/webdav/Files/d/", "", to("/webdav/Files/e/"), 3000},
		{"a move over something", "MOVE", "/webdav/Files/a", "", to("/webdav/Files/e/b"), 2000},
		{"a dead property", "PROPPATCH", "/webdav/Files/d/", patchBody(`<x xmlns="u">`+kb+`</x>`, ""), nil, 2000},
		{"a refusal", "PUT", "/webdav/Files/none/a", kb, nil, 2000},
		{"a condition that does not hold", "PUT", "/webdav/Files/d/b", kb + kb, []string{"If-Match", `"x"`}, 2000},
		{"a locked name", "LOCK", "/webdav/Files/l", lockBody("shared"), nil, 2000},
		{"a file less", "DELETE", "/webdav/Files/e/b", "", nil, 1000},
		{"a folder less", "DELETE", "/webdav/Files/d/", "", nil, 0},
		{"a move to the class", "PUT", "/webdav/Files/g", kb, nil, 1000},
		{"which pays for it then", "MOVE", "/webdav/Files/g", "", to("/webdav/Groups/7b/g"), 0},
	} {
		a := w.do("anna", tt.method, tt.path, tt.body, tt.headers...)
		if _, used := w.quotaOf("anna", "/webdav/Files/"); used != fmt.Sprint(tt.used) {
			t.Errorf("%s (%d): %s bytes are used, want %d", tt.name, a.status, used, tt.used)
		}
	}
	if _, used := w.quotaOf("anna", "/webdav/Groups/7b/"); used != "1000" {
		t.Errorf("the class uses %s", used)
	}
}

// TestNoRoomLeft: whatever would pass the quota is refused with 507 and its name, changes nothing, and what takes no more room goes on.
// RFC 4331 §6, RFC 4918 §11.5.
func TestNoRoomLeft(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	kb := strings.Repeat("x", 1000)
	w.want(201, "anna", "PUT", "/webdav/Files/a", kb)
	w.want(201, "anna", "MKCOL", "/webdav/Files/d", "")
	w.want(201, "anna", "PUT", "/webdav/Groups/7b/large", kb+kb)
	small := int64(1500)
	w.check(w.dir.ChangeAccount(t.Context(), w.ids["anna"], directory.AccountChange{QuotaBytes: &small}))
	w.check(w.dav.SetGroup(t.Context(), w.ids["7b"], collection.GroupSettings{MembersWrite: true, QuotaBytes: 2500}))
	const full = "<D:quota-not-exceeded/>"
	to := func(path string) []string { return []string{"Destination", path} }
	w.asks(t, "anna", []asked{
		{"a file", "PUT", "/webdav/Files/b", kb, nil, 507, full}, {"a new member", "POST", "/webdav/Files/?add-member", kb, nil, 507, full},
		{"a larger file", "PUT", "/webdav/Files/a", kb + kb, nil, 507, full}, {"a copy", "COPY", "/webdav/Files/a", "", to("/webdav/Files/d/a"), 507, full},
		{"a copy from the class", "COPY", "/webdav/Groups/7b/large", "", to("/webdav/Files/d/large"), 507, full},
		{"a move to the class", "MOVE", "/webdav/Files/a", "", to("/webdav/Groups/7b/a"), 507, full},
		{"an event", "PUT", "/dav/calendars/anna/calendar/e.ics", strings.Replace(event("e"), "SUMMARY:", "SUMMARY:"+kb, 1), nil, 507, full},
		{"a card", "PUT", "/dav/contacts/anna/contacts/c.vcf", strings.Replace(card("c"), "FN:", "NOTE:"+kb+"\r\nFN:", 1), nil, 507, full},
		{"nothing of it is there", "GET", "/webdav/Files/b", "", nil, 404, ""}, {"the old one is", "GET", "/webdav/Files/a", "", nil, 200, kb},
		{"nothing was moved", "GET", "/webdav/Groups/7b/a", "", nil, 404, ""},
		{"as much as there is", "PUT", "/webdav/Files/c", kb[:500], nil, 201, ""}, {"an empty file", "PUT", "/webdav/Files/empty", "", nil, 201, ""},
		{"one byte more", "PUT", "/webdav/Files/more", "x", nil, 507, full}, {"a folder", "MKCOL", "/webdav/Files/d/f", "", nil, 201, ""},
		{"another name", "MOVE", "/webdav/Files/a", "", to("/webdav/Files/d/a"), 201, ""}, {"the same size", "PUT", "/webdav/Files/d/a", strings.ToUpper(kb), nil, 204, ""},
		{"less", "PUT", "/webdav/Files/d/a", kb[:100], nil, 204, ""}, {"what has become free", "PUT", "/webdav/Files/more", kb[:900], nil, 201, ""},
	})
	less := int64(100)
	w.check(w.dir.ChangeAccount(t.Context(), w.ids["anna"], directory.AccountChange{QuotaBytes: &less}))
	if available, used := w.quotaOf("anna", "/webdav/Files/"); available != "0" || used != "1500" {
		t.Errorf("beyond the quota there are %s left, %s used", available, used)
	}
	w.want(204, "anna", "PUT", "/webdav/Files/c", "less")
	unlimited := int64(0)
	w.check(w.dir.ChangeAccount(t.Context(), w.ids["anna"], directory.AccountChange{QuotaBytes: &unlimited}))
	if available, _ := w.quotaOf("anna", "/webdav/Files/"); len(available) < len("1000000000000") {
		t.Errorf("without a quota there are %s left", available)
	}
	w.want(201, "anna", "PUT", "/webdav/Files/b", strings.Repeat(kb, 3000))
}
