package dav

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"schulhof/directory"
)

// from sends a PROPFIND of anna's files from an address over TLS, with an Authorization header.
func (w *school) from(peer, authorization string) *httptest.ResponseRecorder {
	w.Helper()
	r := httptest.NewRequest("PROPFIND", "https://mail.school.test/webdav/Files/", nil)
	r.Header.Set("Depth", "0")
	r.RemoteAddr = peer
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	answer := httptest.NewRecorder()
	w.srv.Handler().ServeHTTP(answer, r)
	return answer
}

// basic is the header of RFC 7617.
func basic(login, secret string) string {
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth(login, secret)
	return r.Header.Get("Authorization")
}

// TestAuthorizationHeaders: whatever is in it, a request without a valid login is answered with one challenge and the same words.
// RFC 9110 §11.6, RFC 7617.
func TestAuthorizationHeaders(t *testing.T) {
	w := newSchool(t)
	var refusal string
	for i, tt := range []struct {
		name, header string
		status       int
	}{
		{"none", "", 401}, {"right", basic("anna", testPassword), 207}, {"by address", basic("anna@school.test", testPassword), 207},
		{"the scheme in small letters", "basic" + strings.TrimPrefix(basic("anna", testPassword), "Basic"), 207},
		{"another scheme", "Digest username=anna", 401}, {"no such scheme", "Magic x", 401}, {"only the scheme", "Basic", 401}, {"no base64", "Basic !!!", 401},
		{"no colon", "Basic YW5uYQ==", 401}, {"a wrong password", basic("anna", "x"), 401}, {"an empty one", basic("anna", ""), 401},
		{"nobody of that name", basic("nobody", testPassword), 401}, {"no name", basic("", testPassword), 401}, {"disabled", basic("disabled", testPassword), 401},
		{"a NUL in the name", basic("anna\x00", testPassword), 401}, {"a token where nobody knows tokens", "Bearer x", 401},
	} {
		a := w.from(fmt.Sprintf("192.0.2.%d:5", i+1), tt.header) // each from elsewhere, so that none is throttled
		if a.Code != tt.status {
			t.Errorf("%s: %d, want %d", tt.name, a.Code, tt.status)
		}
		challenges := a.Header().Values("WWW-Authenticate")
		if (tt.status == 401) != (len(challenges) == 1 && strings.HasPrefix(challenges[0], `Basic realm="`)) {
			t.Errorf("%s: challenges %q", tt.name, challenges)
		}
		if tt.header == basic("anna", "x") {
			refusal = a.Body.String()
		}
		if strings.HasPrefix(tt.name, "nobody") || tt.name == "disabled" {
			if a.Body.String() != refusal {
				t.Errorf("%s is told apart from a wrong password: %s", tt.name, a.Body)
			}
		}
	}
}

// TestGuessingIsThrottled: after many wrong passwords from an address it is told to wait (RFC 6585 §4); others are not.
func TestGuessingIsThrottled(t *testing.T) {
	w := newSchool(t)
	const guesser = "198.51.100.9:5"
	throttled := false
	for i := range 200 { // each another one: a program that repeats a wrong one guesses nothing
		a := w.from(guesser, basic("anna", fmt.Sprint("wrong", i)))
		if throttled = a.Code == 429; throttled {
			if a.Header().Get("Retry-After") == "" || a.Header().Get("WWW-Authenticate") != "" {
				t.Errorf("%v", a.Header())
			}
			break
		}
		if a.Code != 401 {
			t.Fatalf("a wrong password: %d", a.Code)
		}
	}
	if !throttled {
		t.Fatal("200 wrong passwords were tried")
	}
	if a := w.from("203.0.113.7:5", basic("ben", testPassword)); a.Code != 207 {
		t.Errorf("someone else, elsewhere: %d", a.Code)
	}
}

// TestLoginEndsWithTheAccount: DAV has no session, so what ends a login ends it with the next request of the same connection: another
// password, an app password taken back, a disabled account.
func TestLoginEndsWithTheAccount(t *testing.T) {
	w := newSchool(t)
	ctx := t.Context()
	app, secret, err := w.dir.AddAppPassword(ctx, w.ids["anna"], "phone", directory.ScopeDAV)
	w.check(err)
	const peer = "192.0.2.1:5"
	status := func(secret string, want int) {
		t.Helper()
		if a := w.from(peer, basic("anna", secret)); a.Code != want {
			t.Errorf("%d, want %d", a.Code, want)
		}
	}
	status(secret, 207)
	status(testPassword, 207)
	w.check(w.dir.RevokeAppPassword(ctx, w.ids["anna"], app.ID))
	status(secret, 401)
	status(testPassword, 207)
	other := "ganz-anders-9x"
	w.check(w.dir.ChangeAccount(ctx, w.ids["anna"], directory.AccountChange{Password: &other}))
	status(testPassword, 401)
	status(other, 207)
	disabled, active := directory.Disabled, directory.Active
	w.check(w.dir.ChangeAccount(ctx, w.ids["anna"], directory.AccountChange{State: &disabled}))
	status(other, 401)
	w.check(w.dir.ChangeAccount(ctx, w.ids["anna"], directory.AccountChange{State: &active}))
	status(other, 207)
}

// TestRequestsWithoutLogin: only OPTIONS and the well-known names answer anyone, and they say nothing of what is there.
func TestRequestsWithoutLogin(t *testing.T) {
	w := newSchool(t)
	w.furnish()
	for method := range rules {
		if method == "OPTIONS" {
			continue
		}
		for _, path := range []string{"/", "/dav/", "/webdav/Groups/7b/datei", "/webdav/Files/none", "/dav/%2e%2e/x"} {
			if a := w.do("", method, path, ""); a.status != 401 {
				t.Errorf("%s %s = %d", method, path, a.status)
			}
		}
	}
	for _, path := range []string{"/.well-known/caldav", "/.well-known/carddav", "/.well-known/caldav/"} {
		for method, status := range map[string]int{"GET": 301, "HEAD": 301, "PROPFIND": 307, "OPTIONS": 307, "REPORT": 307, "POST": 307} {
			if a := w.do("", method, path, ""); a.status != status || a.header.Get("Location") != "/dav/" {
				t.Errorf("%s %s = %d %v", method, path, a.status, a.header)
			}
		}
	}
}
