package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"schulhof/directory"
)

// TestLeavingByOneClick: a mail program's request ends a membership, and nothing else does.
func TestLeavingByOneClick(t *testing.T) {
	t.Parallel()
	c := newSchool(t)
	r := openSchool(t, c)
	ctx := t.Context()
	group, err := r.Directory.AddGroup(ctx, directory.Group{Name: "7b", Kind: directory.Class})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Directory.AddExternals(ctx, group.ID, []string{"oma@example.org"}); err != nil {
		t.Fatal(err)
	}
	members := func() []directory.External {
		list, err := r.Directory.Externals(group.ID)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	token := members()[0].Token
	handler := newWebHandler(&discovery{config: c}, leaver{r.Lists.Leave, slog.New(slog.DiscardHandler)}, testWebmail(t, r))
	const click, form, parts = "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
	const inParts = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n"
	for _, tt := range []struct {
		name, method, token, kind, body, want string
		status, left                          int
	}{
		{"a link is followed", "GET", token, "", "", "<form method=", 200, 1},
		{"a click that says nothing", "POST", token, form, "", "want List-Unsubscribe", 400, 1},
		{"another word", "POST", token, form, "List-Unsubscribe=yes", "want List-Unsubscribe", 400, 1},
		{"in the address only", "POST", token + "?" + click, form, "", "want List-Unsubscribe", 400, 1},
		{"as JSON", "POST", token, "application/json", `{"List-Unsubscribe":"One-Click"}`, "want List-Unsubscribe", 400, 1},
		{"in half parts", "POST", token, parts, inParts[:40], "want List-Unsubscribe", 400, 1},
		{"too much", "POST", token, form, click + "&x=" + strings.Repeat("x", maxLeave), "too large", 413, 1},
		{"somebody else's token", "POST", strings.Repeat("a", len(token)), form, click, "Abgemeldet", 200, 1},
		{"a click", "POST", token, form, click, "Abgemeldet", 200, 0},
		{"once more, in parts", "POST", token, parts, inParts, "Abgemeldet", 200, 0},
	} {
		req := httptest.NewRequest(tt.method, leavePath+tt.token, strings.NewReader(tt.body))
		req.Header.Set("Content-Type", tt.kind)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		if n := len(members()); w.Code != tt.status || n != tt.left || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s: %d, %d members left, want %d and %d: %s", tt.name, w.Code, n, tt.status, tt.left, w.Body)
		}
	}
	if err := r.Directory.AddExternals(ctx, group.ID, []string{"opa@example.org"}); err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest("POST", leavePath+strings.ToUpper(members()[0].Token), strings.NewReader(inParts))
	req.Header.Set("Content-Type", parts)
	handler.ServeHTTP(httptest.NewRecorder(), req)
	if n := len(members()); n != 0 {
		t.Errorf("in parts, and in capitals: %d members left", n)
	}
}

func TestLeavingWhenNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	leaver{func(context.Context, string) error { return errors.New("disk full") }, slog.New(slog.DiscardHandler)}.register(mux)
	req := httptest.NewRequest("POST", leavePath+"x", strings.NewReader("List-Unsubscribe=One-Click"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, req)
	if w.Code != 503 || strings.Contains(w.Body.String(), "disk") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
