package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"schulhof/config"
	"schulhof/directory"
	"schulhof/store"
)

// TestPurgingWithoutPages: an account that a command removes while no server runs leaves nothing of its visits to the pages.
func TestPurgingWithoutPages(t *testing.T) {
	t.Parallel()
	c := newSchool(t)
	c.Security.AllowPlaintextAuth = config.PlaintextLoopback
	r, err := openRooms(t.Context(), c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	made, _, err := r.Directory.AddAccounts(t.Context(), []directory.NewAccount{{Address: "anna@school.test", Role: directory.Student, Password: storyPassword}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	testWebmail(t, r).Register(mux)
	form := url.Values{"login": {"anna"}, "password": {storyPassword}}
	request := httptest.NewRequest("POST", "/signin", strings.NewReader(form.Encode()))
	request.RemoteAddr = "127.0.0.1:2000"
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	mux.ServeHTTP(httptest.NewRecorder(), request)
	if n := sessions(t, r); n != 1 {
		t.Fatalf("%d sessions after signing in", n)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}

	r = openSchool(t, c)
	gone := directory.Deleted
	err = r.Directory.ChangeAccount(t.Context(), made[0].ID, directory.AccountChange{State: &gone})
	if err = errors.Join(err, r.Directory.PurgeAccount(t.Context(), made[0].ID)); err != nil {
		t.Fatal(err)
	}
	if n := sessions(t, r); n != 0 {
		t.Errorf("%d sessions of nobody", n)
	}
}

func sessions(t *testing.T, r *rooms) (n int) {
	t.Helper()
	err := r.Store.Read(t.Context(), func(tx *store.Tx) error { return tx.QueryRow(`SELECT COUNT(*) FROM webmail_session`).Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}
