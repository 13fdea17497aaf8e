package webmail

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/storetest"
)

// TestSignIn: the account's own password opens the pages, and every refusal reads the same.
func TestSignIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		_, app, err := w.dir.AddAppPassword(ctx, w.id["anna"], "phone", directory.ScopeAll)
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct{ name, login, password string }{
			{"a wrong password", "anna", "falsch-Pferd-9"}, {"nobody", "nobody", password}, {"a disabled account", "weg", password},
			{"the password of a device", "anna", app}, {"no password", "anna", ""}, {"no name", "", password},
			{"a name that is too long", strings.Repeat("a", 600), password},
		} {
			b := w.browser()
			a := b.post("/signin", "login", tt.login, "password", tt.password)
			a.want(t, tt.name, http.StatusForbidden, "The login name or the password is wrong.", `aria-describedby="problem"`)
			if len(b.cookies) > 0 || strings.Contains(a.body, "Pferd") {
				t.Errorf("%s: a cookie or the password came back: %s", tt.name, a.body)
			}
		}
		for _, login := range []string{"anna", "ANNA@school.test"} {
			b := w.browser()
			a := b.post("/signin", "login", login, "password", password)
			a.want(t, login, http.StatusSeeOther)
			c := b.cookies["__Host-schulhof"]
			if c == nil || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || !c.Expires.IsZero() || c.MaxAge != 0 {
				t.Fatalf("the cookie: %+v", c)
			}
			b.get(a.Header.Get("Location")).want(t, "the first page", http.StatusOK, "anna@school.test", `lang="en"`)
			b.get("/").want(t, "the front", http.StatusSeeOther)
			b.get("/signin").want(t, "the way in", http.StatusSeeOther)
		}
	})
}

// TestSignInIsBounded: too many wrong tries are answered as such, also for a name that nobody has.
func TestSignInIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	for _, login := range []string{"anna", "nobody"} {
		b, last := w.browser(), 0
		for i := 0; i < 40 && last != http.StatusTooManyRequests; i++ {
			last = b.post("/signin", "login", login, "password", fmt.Sprintf("falsch-Pferd-%d", i)).StatusCode
		}
		if last != http.StatusTooManyRequests {
			t.Errorf("%s: 40 wrong passwords end with %d, want 429", login, last)
		}
	}
}

// TestSessionEnds: what ends a session, and what does not.
func TestSessionEnds(t *testing.T) {
	other, off := "anderes-Pferd-9", directory.Disabled
	tests := []struct {
		name  string
		do    func(w *world, b *browser) error
		still bool
	}{
		{"nothing", func(*world, *browser) error { return nil }, true},
		{"another name", func(w *world, _ *browser) error {
			name := "Anna Maier"
			return w.dir.ChangeAccount(context.Background(), w.id["anna"], directory.AccountChange{Name: &name})
		}, true},
		{"another password", func(w *world, _ *browser) error {
			return w.dir.ChangeAccount(context.Background(), w.id["anna"], directory.AccountChange{Password: &other})
		}, false},
		{"disabled", func(w *world, _ *browser) error {
			return w.dir.ChangeAccount(context.Background(), w.id["anna"], directory.AccountChange{State: &off})
		}, false},
		{"purged", func(w *world, _ *browser) error {
			gone := directory.Deleted
			err := w.dir.ChangeAccount(context.Background(), w.id["anna"], directory.AccountChange{State: &gone})
			return errors.Join(err, w.dir.PurgeAccount(context.Background(), w.id["anna"]))
		}, false},
		{"used now and then for six days", func(w *world, b *browser) error {
			for range 14 {
				w.pass(10 * time.Hour)
				b.get("/settings")
			}
			return nil
		}, true},
		{"eight days", func(w *world, b *browser) error {
			for range 20 {
				w.pass(10 * time.Hour)
				b.get("/settings")
			}
			return nil
		}, false},
		{"idle for less than half a day", func(w *world, _ *browser) error { w.pass(sessionIdle - time.Minute); return nil }, true},
		{"idle for half a day", func(w *world, _ *browser) error { w.pass(sessionIdle + time.Second); return nil }, false},
	}
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		for i, tt := range tests {
			if i > 0 {
				w.again("anna")
			}
			b := w.signedIn("anna")
			if err := tt.do(w, b); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			want := http.StatusForbidden
			if tt.still {
				want = http.StatusOK
			}
			b.get("/settings").want(t, tt.name, want)
		}
	})
}

// again makes anna anew, under the same login, for the next case.
func (w *world) again(login string) {
	w.t.Helper()
	ctx := context.Background()
	on, secret := directory.Active, password
	if _, err := w.dir.Account(ctx, w.id[login]); err == nil {
		if err := w.dir.ChangeAccount(ctx, w.id[login], directory.AccountChange{State: &on, Password: &secret}); err != nil {
			w.t.Fatal(err)
		}
		return
	}
	list, _, err := w.dir.AddAccounts(ctx, []directory.NewAccount{{Address: login + "@school.test", Role: directory.Student, Password: password}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.id[login] = list[0].ID
}

// TestSignOut: the session ends on the server too, not only in the browser.
func TestSignOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b, other := w.signedIn("anna"), w.signedIn("anna")
		stolen := *b.cookies["__Host-schulhof"]
		b.post("/signout").want(t, "sign out", http.StatusSeeOther)
		if len(b.cookies) > 0 {
			t.Error("the cookie stays in the browser")
		}
		b.cookies[stolen.Name] = &stolen
		b.get("/settings").want(t, "with the old cookie", http.StatusForbidden, "Please sign in first.")
		other.get("/settings").want(t, "another browser", http.StatusOK)
	})
}

// TestSessionsAreBounded: the oldest session ends when an account has too many; another account's stay.
func TestSessionsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	ben := w.signedIn("ben")
	var list []*browser
	for range maxSessions + 2 {
		w.pass(time.Second)
		list = append(list, w.signedIn("anna"))
	}
	for i, b := range list {
		want := http.StatusOK
		if i < 2 {
			want = http.StatusForbidden
		}
		b.get("/settings").want(t, fmt.Sprintf("session %d", i), want)
	}
	ben.get("/settings").want(t, "ben", http.StatusOK)
}

// TestTokensAreNotKept: the database cannot be used to sign in.
func TestTokensAreNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	b := w.signedIn("anna")
	value := b.cookies["__Host-schulhof"].Value
	err := w.store.Read(context.Background(), func(tx *store.Tx) error {
		var hash []byte
		if err := tx.QueryRow(`SELECT token FROM webmail_session`).Scan(&hash); err != nil {
			return err
		}
		if len(hash) != 32 || strings.Contains(string(hash), value) {
			t.Errorf("the row has %q", hash)
		}
		b.cookies["__Host-schulhof"].Value = hex.EncodeToString(hash)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.get("/settings").want(t, "what the database has", http.StatusForbidden)
}

// TestWithoutTLS: only a browser on this machine may do so, where that is allowed, and its cookie has another name.
func TestWithoutTLS(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	w := newWorld(t, s)
	b := w.browser()
	b.plain = true
	b.get("/").want(t, "from elsewhere", http.StatusForbidden)
	b.peer = "127.0.0.1:5000"
	b.post("/signin", "login", "anna", "password", password).want(t, "on this machine", http.StatusSeeOther)
	if c := b.cookies["schulhof"]; c == nil || c.Secure || !c.HttpOnly {
		t.Errorf("cookies %+v", b.cookies)
	}
	b.get("/settings").want(t, "on this machine", http.StatusOK)
	b.plain = false
	b.get("/settings").want(t, "over TLS that cookie says nothing", http.StatusForbidden)
	w.srv.o.AllowPlaintextLoopback = false
	b.plain = true
	b.get("/").want(t, "where it is not allowed", http.StatusForbidden)
}
