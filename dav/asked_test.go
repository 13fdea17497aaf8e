package dav

import (
	"strings"
	"testing"
)

// asked is one request of a table and what its answer must be. Rows of a table are asked one after the other, of one server.
type asked struct {
	name         string // what the row protects
	method, path string
	body         string
	headers      []string // pairs
	status       int
	says         string // text that the body has; "": not looked at
}

// asks plays rows as who.
func (w *school) asks(t *testing.T, who string, rows []asked) {
	t.Helper()
	for _, row := range rows {
		a := w.do(who, row.method, row.path, row.body, row.headers...)
		if a.status != row.status {
			t.Errorf("%s: %s %s %q = %d, want %d\n%s", row.name, row.method, row.path, row.headers, a.status, row.status, a.body)
		} else if !strings.Contains(a.body, row.says) {
			t.Errorf("%s: %s %s: %q is not in %s", row.name, row.method, row.path, row.says, a.body)
		}
	}
}

// cutOut returns what is between two texts in s; "" when they are not there.
func cutOut(s, before, after string) string {
	_, rest, ok := strings.Cut(s, before)
	if !ok {
		return ""
	}
	found, _, _ := strings.Cut(rest, after)
	return found
}

// lockBody asks for a lock of a scope: exclusive or shared.
func lockBody(scope string) string {
	return `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:` + scope + `/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>me</D:owner></D:lockinfo>`
}

// lock takes a lock and returns its token with angle brackets.
func (w *school) lock(who, path, scope string, headers ...string) string {
	w.Helper()
	a := w.do(who, "LOCK", path, lockBody(scope), headers...)
	if a.status != 200 && a.status != 201 {
		w.Fatalf("LOCK %s as %s = %d\n%s", path, who, a.status, a.body)
	}
	return a.header.Get("Lock-Token")
}
