package dav

import (
	"slices"
	"strings"
	"testing"
)

// membersOf are the last names of the hrefs of a multistatus, sorted, without their extension.
func membersOf(t *testing.T, body string) string {
	t.Helper()
	var list []string
	for _, href := range names(t, body) {
		_, name, _ := strings.Cut(strings.TrimPrefix(href, "/dav/"), "/")
		parts := strings.Split(name, "/")
		last, _, _ := strings.Cut(parts[len(parts)-1], ".")
		list = append(list, last)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// TestAddressbookQueries: the filters of RFC 6352 §8.6.3 to §8.6.5 and their like, each with what it must find.
func TestAddressbookQueries(t *testing.T) {
	w := newSchool(t)
	for name, lines := range map[string]string{
		"ada":  "FN:Ada Groß\r\nN:Groß;Ada;;;\r\nNICKNAME:me\r\nEMAIL;TYPE=HOME:ada@example.org\r\nTEL;TYPE=CELL:0170 1\r\n",
		"bert": "FN:Bert Klein\r\nN:Klein;Bert;;;\r\nNICKNAME:berti\r\nEMAIL;TYPE=WORK:bert@school.test\r\nEMAIL;TYPE=HOME:b@example.org\r\n",
		"cem":  "FN:Cem Öz\r\nN:Öz;Cem;;;\r\nNOTE:knows Ada\r\n",
	} {
		w.want(201, "anna", "PUT", "/dav/contacts/anna/contacts/"+name+".vcf", "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:"+name+"\r\n"+lines+"END:VCARD\r\n")
	}
	prop := func(name, inner string) string {
		return `<C:prop-filter name="` + name + `">` + inner + `</C:prop-filter>`
	}
	match := func(how, text string) string {
		return `<C:text-match match-type="` + how + `">` + text + `</C:text-match>`
	}
	for _, tt := range []struct{ name, test, inner, want string }{
		{"nothing is asked", "", "", "ada bert cem"},
		{"a nickname", "", prop("NICKNAME", match("equals", "ME")), "ada"},
		{"it is there", "", prop("NICKNAME", ""), "ada bert"},
		{"it is not there", "", prop("NICKNAME", "<C:is-not-defined/>"), "cem"},
		{"contains", "", prop("FN", match("contains", "ein")), "bert"},
		{"starts with", "", prop("FN", match("starts-with", "CEM")), "cem"},
		{"ends with", "", prop("EMAIL", match("ends-with", "@example.org")), "ada bert"},
		{"umlauts in the other case", "", prop("FN", match("contains", "öZ")), "cem"},
		{"ß is no ss for ASCII", "", prop("FN", `<C:text-match collation="i;ascii-casemap">gross</C:text-match>`), ""},
		{"byte for byte", "", prop("FN", `<C:text-match collation="i;octet">ada</C:text-match>`), ""},
		{"negated", "", prop("FN", `<C:text-match negate-condition="yes">a</C:text-match>`), "bert cem"},
		{"any of two", "anyof", prop("FN", match("contains", "Ada")) + prop("EMAIL", match("contains", "bert")), "ada bert"},
		{"any is the default", "", prop("FN", match("contains", "Ada")) + prop("EMAIL", match("contains", "bert")), "ada bert"},
		{"all of two", "allof", prop("FN", match("contains", "Bert")) + prop("EMAIL", match("contains", "school")), "bert"},
		{"all of two that never meet", "allof", prop("FN", match("contains", "Ada")) + prop("EMAIL", match("contains", "bert")), ""},
		{"a parameter", "", prop("EMAIL", `<C:param-filter name="TYPE"><C:text-match>work</C:text-match></C:param-filter>`), "bert"},
		{"no such parameter", "", prop("TEL", `<C:param-filter name="PREF"><C:is-not-defined/></C:param-filter>`), "ada"},
		{"a property that no card has", "", prop("X-UNKNOWN", match("contains", "x")), ""},
	} {
		test := ""
		if tt.test != "" {
			test = ` test="` + tt.test + `"`
		}
		body := `<C:addressbook-query xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:D="DAV:"><D:prop><D:getetag/></D:prop><C:filter` + test + `>` + tt.inner + `</C:filter></C:addressbook-query>`
		if got := membersOf(t, w.want(207, "anna", "REPORT", "/dav/contacts/anna/contacts/", body).body); got != tt.want {
			t.Errorf("%s: found %q, want %q", tt.name, got, tt.want)
		}
	}
	limit := func(n string) string {
		return `<C:addressbook-query xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:D="DAV:"><D:prop/><C:filter/><C:limit><C:nresults>` + n + `</C:nresults></C:limit></C:addressbook-query>`
	}
	w.asks(t, "anna", []asked{
		{"no number", "REPORT", "/dav/contacts/anna/contacts/", limit("many"), nil, 400, "nresults"},
		{"none at all", "REPORT", "/dav/contacts/anna/contacts/", limit("0"), nil, 400, "nresults"},
		{"of a home", "REPORT", "/dav/contacts/anna/", limit("1"), nil, 403, "<D:supported-report/>"},
	})
	for n, responses := range map[string]int{"1": 2, "2": 3, "3": 3, "4": 3} { // with fewer than there are, one says so
		if got := names(t, w.want(207, "anna", "REPORT", "/dav/contacts/anna/contacts/", limit(n)).body); len(got) != responses {
			t.Errorf("limit %s: %v, want %d responses", n, got, responses)
		}
	}
}
