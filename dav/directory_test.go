package dav

import (
	"slices"
	"strings"
	"testing"

	"schulhof/directory"
)

// cardNames are the names of the cards that a report or listing has, in order.
func cardNames(t *testing.T, body string) string {
	t.Helper()
	var list []string
	for _, href := range names(t, body) {
		if name := href[strings.LastIndexByte(href, '/')+1:]; name != "" {
			list = append(list, strings.TrimSuffix(name, ".vcf"))
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// TestDirectoryBook: each person has the school directory as an address book with whom that person may know, by every way of asking; who is
// disabled is in nobody's. Nobody writes in it.
func TestDirectoryBook(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	everything := `<C:addressbook-query xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:D="DAV:"><D:prop><D:getetag/></D:prop><C:filter/></C:addressbook-query>`
	for who, want := range map[string]string{"anna": "7b anna ben klein", "ben": "7b anna ben klein", "otto": "otto", "klein": "7b anna ben klein otto root", "root": "7b anna ben klein otto root"} {
		url := "/dav/contacts/" + who + "/directory/"
		for how, body := range map[string]string{
			"PROPFIND": w.want(207, who, "PROPFIND", url, "", "Depth", "1").body, "addressbook-query": w.want(207, who, "REPORT", url, everything).body,
			"sync-collection": w.want(207, who, "REPORT", url, syncBody("", "")).body,
		} {
			if got := cardNames(t, body); got != want {
				t.Errorf("%s by %s: %q, want %q", who, how, got, want)
			}
		}
		for _, other := range []string{"anna", "ben", "klein", "otto", "root", "disabled", "7b"} {
			status := 404
			if slices.Contains(strings.Fields(want), other) {
				status = 200
			}
			w.want(status, who, "GET", url+other+".vcf", "")
		}
	}
	const book = "/dav/contacts/anna/directory/"
	to := func(path string) []string { return []string{"Destination", path} }
	w.asks(t, "anna", []asked{
		{"a new card", "PUT", book + "neu.vcf", card("neu"), nil, 403, "need-privileges"}, {"another content", "PUT", book + "ben.vcf", card("ben"), nil, 403, ""},
		{"a new member", "POST", book + "?add-member", card("neu"), nil, 403, ""}, {"removing", "DELETE", book + "ben.vcf", "", nil, 403, ""},
		{"removing all of it", "DELETE", book, "", nil, 403, ""}, {"another name", "MOVE", book, "", to("/dav/contacts/anna/x/"), 403, ""},
		{"a property", "PROPPATCH", book, patchBody("<D:displayname>x</D:displayname>", ""), nil, 403, ""},
		{"a place of that name", "MKCOL", "/dav/contacts/anna/directory/", mkcolBody(`<D:resourcetype><D:collection/><CR:addressbook/></D:resourcetype>`), []string{"Content-Type", "text/xml"}, 405, ""},
		{"one finds a teacher", "REPORT", book, `<C:addressbook-query xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:D="DAV:"><D:prop><C:address-data/></D:prop><C:filter><C:prop-filter name="EMAIL">` +
			`<C:text-match>KLEIN@school</C:text-match></C:prop-filter></C:filter></C:addressbook-query>`, nil, 207, "EMAIL"},
		{"the class as a group", "REPORT", book, `<C:addressbook-query xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:D="DAV:"><D:prop><C:address-data version="4.0"/></D:prop><C:filter><C:prop-filter name="KIND">` +
			`<C:text-match match-type="equals">group</C:text-match></C:prop-filter></C:filter></C:addressbook-query>`, nil, 207, "MEMBER:"},
		{"the class as Apple knows groups", "REPORT", book, `<C:addressbook-multiget xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:D="DAV:"><D:prop><C:address-data version="3.0"/></D:prop>` +
			`<D:href>` + book + `7b.vcf</D:href></C:addressbook-multiget>`, nil, 207, "X-ADDRESSBOOKSERVER-MEMBER:"},
	})
}

// TestDirectoryBookSyncs: what changes in the school is a change of the books of those who may see it, told once, with a new ETag where a card
// is another one, and with a 404 where it is seen no longer.
func TestDirectoryBookSyncs(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	tokens := map[string]string{}
	told := func(who string) string {
		url := "/dav/contacts/" + who + "/directory/"
		there, gone, _, next := syncedOf(t, w.want(207, who, "REPORT", url, syncBody(tokens[who], "")).body)
		if tokens[who] == "" {
			there = nil // all of it, the first time
		}
		tokens[who] = next
		var list []string
		for _, href := range there {
			list = append(list, strings.TrimSuffix(strings.TrimPrefix(href, url), ".vcf"))
		}
		for _, href := range gone {
			list = append(list, "-"+strings.TrimSuffix(strings.TrimPrefix(href, url), ".vcf"))
		}
		slices.Sort(list)
		return strings.Join(list, " ")
	}
	people := []string{"anna", "ben", "klein", "otto"}
	for _, who := range people {
		told(who)
	}
	name := "Ottokar"
	disabled, active := directory.Disabled, directory.Active
	ids := func(who ...string) (list []directory.ID) {
		for _, one := range who {
			list = append(list, w.ids[one])
		}
		return list
	}
	for _, step := range []struct {
		name string
		do   func() error
		want map[string]string
	}{
		{"nothing", func() error { return nil }, nil},
		{"somebody comes into the class", func() error { return w.dir.AddMembers(t.Context(), w.ids["7b"], ids("otto"), false) },
			map[string]string{"anna": "7b otto", "ben": "7b otto", "klein": "7b", "otto": "7b anna ben klein"}},
		{"and has another name", func() error {
			return w.dir.ChangeAccount(t.Context(), w.ids["otto"], directory.AccountChange{Name: &name})
		},
			map[string]string{"anna": "otto", "ben": "otto", "klein": "otto", "otto": "otto"}},
		{"and leaves it", func() error { return w.dir.RemoveMembers(t.Context(), w.ids["7b"], ids("otto")) },
			map[string]string{"anna": "-otto 7b", "ben": "-otto 7b", "klein": "7b", "otto": "-7b -anna -ben -klein"}},
		{"somebody is disabled", func() error {
			return w.dir.ChangeAccount(t.Context(), w.ids["ben"], directory.AccountChange{State: &disabled})
		},
			map[string]string{"anna": "-ben 7b", "klein": "-ben 7b", "otto": ""}},
		{"and is back", func() error {
			return w.dir.ChangeAccount(t.Context(), w.ids["ben"], directory.AccountChange{State: &active})
		},
			map[string]string{"anna": "7b ben", "klein": "7b ben", "otto": ""}},
	} {
		w.check(step.do())
		for _, who := range people {
			if who == "ben" && step.want["ben"] == "" && step.want["anna"] != "" {
				continue // who is disabled asks nothing
			}
			if got := told(who); got != step.want[who] {
				t.Errorf("%s: %s is told %q, want %q", step.name, who, got, step.want[who])
			}
			if got := told(who); got != "" {
				t.Errorf("%s: %s is told again: %q", step.name, who, got)
			}
		}
	}
	// The tag of a card changes with the card, and the group's with its members.
	tag := func(who, of string) string {
		return w.want(200, who, "GET", "/dav/contacts/"+who+"/directory/"+of+".vcf", "").header.Get("ETag")
	}
	class, anna, klein := tag("ben", "7b"), tag("ben", "anna"), tag("ben", "klein")
	w.check(w.dir.RemoveMembers(t.Context(), w.ids["7b"], ids("anna")))
	if tag("ben", "7b") == class || tag("ben", "klein") != klein || tag("klein", "anna") != anna {
		t.Error("one leaves the class: its card is another one, and no one else's")
	}
}
