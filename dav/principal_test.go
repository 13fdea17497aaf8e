package dav

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"schulhof/directory"
)

// A search that finds too many is refused, so that nobody reads the whole school out with one letter.
func TestSearchIsBounded(t *testing.T) {
	w := newSchool(t)
	var list []directory.NewAccount
	for i := range maxSearchResults {
		list = append(list, directory.NewAccount{Address: fmt.Sprintf("kind%03d@school.test", i), Name: fmt.Sprintf("Kind %03d", i),
			Role: directory.Student, Password: testPassword})
	}
	_, _, err := w.dir.AddAccounts(context.Background(), list)
	w.check(err)
	search := func(text string) string {
		return `<principal-property-search xmlns="DAV:"><property-search><prop><displayname/></prop><match>` + text +
			`</match></property-search><prop><displayname/></prop></principal-property-search>`
	}
	a := w.want(403, "klein", "REPORT", "/dav/principals/", search("k"))
	if !strings.Contains(a.body, "<D:number-of-matches-within-limits/>") {
		t.Errorf("%s", a.body)
	}
	if got := names(t, w.want(207, "klein", "REPORT", "/dav/principals/", search("kind 01")).body); len(got) != 10 {
		t.Errorf("found %q", got)
	}
}

func TestCriterion(t *testing.T) {
	p := principal{title: "Jürgen Groß", address: "jg@school.test"}
	name := func(p principal) string { return p.title }
	for _, tt := range []struct {
		text, how string
		want      bool
	}{
		{"jürgen", "", true}, {"groß", "contains", true}, {"jürg", "starts-with", true}, {"groß", "starts-with", false},
		{"groß", "ends-with", true}, {"jürgen", "ends-with", false}, {"jürgen groß", "equals", true}, {"jürgen", "equals", false},
	} {
		c := criterion{values: []func(principal) string{name}, text: directory.FoldName(tt.text), how: tt.how}
		if got := c.matches(p, false); got != tt.want {
			t.Errorf("%s %q: %v", tt.how, tt.text, got)
		}
	}
	if (&criterion{text: "x"}).matches(p, false) || (&criterion{text: "x"}).matches(p, true) {
		t.Error("a criterion without a known property matches")
	}
}

// Expansions in expansions multiply; there is an end to it.
func TestExpansionIsBounded(t *testing.T) {
	w := newSchool(t)
	x := w.exchange("anna", "REPORT", "/dav/principals/users/anna/")
	w.check(x.authenticate(context.Background()))
	asked, err := parseXML([]byte(`<property xmlns="DAV:" name="group-membership"><property name="displayname"/></property>`))
	w.check(err)
	x.expansions = maxExpanded - 1
	w.check(x.expanded(context.Background(), &xmlWriter{}, "/dav/principals/groups/7b/", asked))
	if err := x.expanded(context.Background(), &xmlWriter{}, "/dav/principals/groups/7b/", asked); err == nil {
		t.Error("one more was expanded")
	}
}

// A member that the one who asks may not see is named with 404, and nothing of it.
func TestExpansionKeepsTheRights(t *testing.T) {
	w := newSchool(t)
	x := w.exchange("otto", "REPORT", "/dav/principals/users/otto/")
	w.check(x.authenticate(context.Background()))
	asked, err := parseXML([]byte(`<property xmlns="DAV:" name="x"><property name="displayname"/></property>`))
	w.check(err)
	var out xmlWriter
	w.check(x.expanded(context.Background(), &out, "/dav/principals/users/anna/", asked))
	if got := string(out.buf); strings.Contains(got, "Anna") || !strings.Contains(got, "404") {
		t.Errorf("%s", got)
	}
}
