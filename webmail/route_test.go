package webmail

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// TestEveryRoute: each path with each method, signed in and not. A row that is missing fails.
func TestEveryRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	type statuses struct{ get, post int }
	want := map[string]struct{ out, in statuses }{
		"/{$}":      {statuses{200, 405}, statuses{303, 405}},
		"/signin":   {statuses{200, 403}, statuses{303, 403}},
		"/signout":  {statuses{405, 303}, statuses{405, 303}},
		"/settings": {statuses{403, 403}, statuses{200, 400}},
		"/write":    {statuses{403, 403}, statuses{200, 400}},
		"/outbox":   {statuses{403, 405}, statuses{200, 405}},

		"/outbox/{id}/back": {statuses{405, 403}, statuses{405, 404}},
		"/outbox/{id}/now":  {statuses{405, 403}, statuses{405, 404}},
		"/outbox/{id}/at":   {statuses{405, 403}, statuses{405, 404}},

		stylePath: {statuses{200, 405}, statuses{200, 405}},
	}
	for _, rt := range routes() {
		expected, known := want[rt.path]
		if !known {
			t.Errorf("%s has no row", rt.path)
			continue
		}
		path := strings.NewReplacer("{$}", "", "{id}", "1").Replace(rt.path)
		for _, in := range []bool{false, true} {
			open := func() *browser {
				if in {
					return w.signedIn("anna")
				}
				return w.browser()
			}
			status := expected.out
			if in {
				status = expected.in
			}
			a := open().get(path)
			a.want(t, "GET "+path, status.get)
			if head := open().do("HEAD", path, nil); head.StatusCode != status.get {
				t.Errorf("HEAD %s = %d, want %d", path, head.StatusCode, status.get)
			}
			open().post(path).want(t, "POST "+path, status.post)
			for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS"} {
				if a := open().do(method, path, nil); a.StatusCode != 405 && a.StatusCode != 403 || a.StatusCode == 405 && a.Header.Get("Allow") != rt.allowed() {
					t.Errorf("%s %s = %d, Allow %q", method, path, a.StatusCode, a.Header.Get("Allow"))
				}
			}
			b := open()
			b.site = "cross-site"
			if a := b.post(path); a.StatusCode != 403 {
				t.Errorf("POST %s of another site = %d, want 403", path, a.StatusCode)
			}
			guards(t, a)
		}
	}
}

// guards looks at what every page has: headers, a language, a title, no script, no style of its own, and a label on every field.
func guards(t *testing.T, a answer) {
	t.Helper()
	h := a.Header
	csp := h.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") ||
		h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") != "same-origin" {
		t.Errorf("headers %v", h)
	}
	if strings.HasPrefix(h.Get("Content-Type"), "text/css") || a.StatusCode == 303 {
		return
	}
	if h.Get("Cache-Control") != "no-store" {
		t.Errorf("a page may be kept: %q", h.Get("Cache-Control"))
	}
	for _, bad := range []string{"<script", "<style", " style=", " onclick", "javascript:"} {
		if strings.Contains(a.body, bad) {
			t.Errorf("%q in %s", bad, a.body)
		}
	}
	for _, part := range []string{`<html lang="`, "<title>", `<main id="content"`, "<h1>"} {
		if !strings.Contains(a.body, part) {
			t.Errorf("%q is missing in %s", part, a.body)
		}
	}
	labels := map[string]bool{}
	for _, m := range regexp.MustCompile(`<label for="([^"]+)"`).FindAllStringSubmatch(a.body, -1) {
		labels[m[1]] = true
	}
	for _, field := range regexp.MustCompile(`<(?:input|textarea|select)\b[^>]*>`).FindAllString(a.body, -1) {
		if strings.Contains(field, `type="hidden"`) || strings.Contains(field, `type="radio"`) { // those stand inside of their labels
			continue
		}
		id := regexp.MustCompile(`\bid="([^"]+)"`).FindStringSubmatch(field)
		if id == nil || !labels[id[1]] {
			t.Errorf("no label for %s", field)
		}
	}
}

// TestForms: bounds of what is posted.
func TestForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	b := w.signedIn("anna")
	b.post("/settings", "undo", strings.Repeat("1", maxSmallBody)).want(t, "too much", http.StatusRequestEntityTooLarge)
	for _, undo := range []string{"", "-1", "31", "5s", "9999999999999999999"} {
		b.post("/settings", "undo", undo).want(t, "undo "+undo, http.StatusBadRequest)
	}
	b.post("/settings", "undo", "5").want(t, "undo", http.StatusSeeOther)
	b.get("/settings?saved").want(t, "saved", http.StatusOK, "Saved.", `value="5" checked`)
	if got := w.queue.UndoOf(w.id["anna"]).String(); got != "5s" {
		t.Errorf("undo %s, want 5s", got)
	}
	if err := w.queue.SetUndo(t.Context(), w.id["anna"], 7e9); err != nil {
		t.Fatal(err)
	}
	b.get("/settings").want(t, "what the command line set", http.StatusOK, `value="7" checked`)
}

// TestEveryFaultHasAnAnswer: a status of its class and a sentence in both languages.
func TestEveryFaultHasAnAnswer(t *testing.T) {
	t.Parallel()
	for _, kind := range fault.Kinds() {
		status, key := statusOf(kind)
		if (status >= 500) != (kind == fault.Internal || kind == fault.Unavailable || kind == fault.OverQuota) || catalogue[key][german] == "" {
			t.Errorf("%s: %d %q", kind, status, key)
		}
	}
}
