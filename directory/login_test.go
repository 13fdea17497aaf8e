package directory

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

func TestLoginNames(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := open(t, s, Options{})
		must(t, d.AddDomain(context.Background(), "münchen.test"))
		add(t, d, "anna@school.test", Student)
		second := add(t, d, "anna@münchen.test", Student)
		add(t, d, "jürgen@school.test", Teacher)
		must(t, d.AddAlias(context.Background(), Alias{"office@school.test", []string{"anna@school.test"}}))
		if second.Login != "anna2" {
			t.Fatalf("the second anna is called %q, want anna2", second.Login)
		}
		tests := []struct{ name, in, want string }{
			{"login", "anna", "anna"},
			{"login in capitals", "ANNA", "anna"},
			{"address", "anna@school.test", "anna"},
			{"address in capitals", "Anna@School.TEST", "anna"},
			{"spaces around, as phones add them", " anna ", "anna"},
			{"address at another domain", "anna@xn--mnchen-3ya.test", "anna2"},
			{"the same in Unicode", "anna@MÜNCHEN.test", "anna2"},
			{"a number after a clash", "anna2", "anna2"},
			{"umlaut", "JÜRGEN", "jürgen"},
			{"umlaut as letter and mark", "ju\u0308rgen", "jürgen"},
			{"an address that does not exist", "anna2@school.test", ""},
			{"an alias is no login", "office@school.test", ""},
			{"nor is a plus-address", "anna+x@school.test", ""},
			{"nobody", "nobody", ""},
			{"not an address", "@", ""},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				id, err := login(d, tt.in, "secret-test-1")
				if tt.want == "" && fault.Is(err, fault.Unauthenticated) {
					return
				}
				if err != nil || id.Account.Login != tt.want || id.AppID != 0 || id.Scope != ScopeAll {
					t.Errorf("login as %q: %+v, %v; want %q", tt.in, id, err, tt.want)
				}
			})
		}
	})
}

// Whatever is wrong with a try, it says the same and costs one hash; and the same again costs none and counts once.
func TestWrongTriesAreAlike(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		d := open(t, s, Options{})
		add(t, d, "anna", Student)
		disabled := add(t, d, "disabled", Student)
		must(t, d.ChangeAccount(ctx, disabled.ID, AccountChange{State: new(Disabled)}))
		deleted := add(t, d, "deleted", Student)
		must(t, d.ChangeAccount(ctx, deleted.ID, AccountChange{State: new(Deleted)}))
		dav := add(t, d, "dav", Student)
		_, davOnly, err := d.AddAppPassword(ctx, dav.ID, "calendar", ScopeDAV)
		must(t, err)
		tests := []struct{ name, login, secret string }{
			{"wrong password", "anna", "wrong-test-1"},
			{"unknown login", "nobody", "wrong-test-1"},
			{"unknown login at a foreign domain", "anna@elsewhere.test", "secret-test-1"},
			{"disabled account, right password", "disabled", "secret-test-1"},
			{"deleted account, right password", "deleted", "secret-test-1"},
			{"app password of another scope", "dav", davOnly},
			{"app password of another account", "anna", davOnly},
		}
		want := errWrong().Error()
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				remote := netip.MustParseAddr(fmt.Sprintf("198.51.%d.1", i))
				try := func() error {
					_, err := d.Authenticate(ctx, Attempt{Login: tt.login, Secret: tt.secret, Remote: remote, Need: ScopeMail})
					return err
				}
				before := d.hashes.Load()
				if err := try(); !fault.Is(err, fault.Unauthenticated) || err.Error() != want {
					t.Errorf("%v, want %q", err, want)
				}
				if n := d.hashes.Load() - before; n != 1 {
					t.Errorf("%d hashes, want 1", n)
				}
				for range 3 * wrongPerLogin {
					if err := try(); !fault.Is(err, fault.Unauthenticated) {
						t.Fatalf("the same again: %v", err)
					}
				}
				if n := d.hashes.Load() - before; n != 1 {
					t.Errorf("%d hashes after the same tries again, want 1", n)
				}
			})
		}
	})
}

// The limits speak alike for logins that exist and that do not, by name and by address.
func TestThrottledAlike(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := open(t, s, Options{Now: newClock().now})
		add(t, d, "anna", Student)
		for _, name := range []string{"anna", "nobody"} {
			for i := range wrongPerLogin {
				as := name
				if i%2 == 0 {
					as += "@school.test"
				}
				if _, err := login(d, as, fmt.Sprint("wrong-test-", i)); !fault.Is(err, fault.Unauthenticated) {
					t.Fatalf("%s, try %d: %v", as, i+1, err)
				}
			}
			before := d.hashes.Load()
			_, err := login(d, name, "wrong-test-x")
			if !fault.Is(err, fault.Throttled) || err.Error() != errThrottled().Error() {
				t.Errorf("%s: %v, want %v", name, err, errThrottled())
			}
			if d.hashes.Load() != before {
				t.Errorf("%s: a throttled try costs a hash", name)
			}
		}
	})
}

func TestAbsurdLogins(t *testing.T) {
	d := open(t, storetest.Open(t), Options{})
	long := string(make([]byte, 2000))
	for _, a := range []Attempt{{}, {Login: "anna"}, {Secret: "x"}, {Login: long, Secret: "x"}, {Login: "anna", Secret: long}} {
		if _, err := d.Authenticate(context.Background(), a); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("login of %d bytes, secret of %d: %v", len(a.Login), len(a.Secret), err)
		}
	}
}

// What is changed is changed at once: for new logins, for cached ones, and for open sessions.
func TestChangesAreEffectiveAtOnce(t *testing.T) {
	tests := []struct {
		name   string
		change AccountChange
		old    bool // whether the old password still opens
		fresh  bool // whether secret-test-2 does
		ends   bool // whether open sessions end
	}{
		{"password", AccountChange{Password: new("secret-test-2")}, false, true, true},
		{"disabled", AccountChange{State: new(Disabled)}, false, false, true},
		{"deleted", AccountChange{State: new(Deleted)}, false, false, true},
		{"role", AccountChange{Role: new(Teacher)}, true, false, true},
		{"name", AccountChange{Name: new("Anna Groß")}, true, false, false},
		{"quota", AccountChange{QuotaBytes: new(int64(5))}, true, false, false},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		d := open(t, s, Options{})
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				name := fmt.Sprint("person", i)
				a := add(t, d, name, Student)
				id, err := login(d, name, "secret-test-1")
				must(t, err)
				watch := s.Subscribe(AccountKey(a.ID))
				defer watch.Close()
				must(t, d.ChangeAccount(ctx, a.ID, tt.change))
				<-watch.C()
				if err := d.Valid(id); fault.Is(err, fault.Unauthenticated) != tt.ends {
					t.Errorf("Valid says %v, want ended %v", err, tt.ends)
				}
				if _, err := login(d, name, "secret-test-1"); (err == nil) != tt.old {
					t.Errorf("the old password: %v, want ok %v", err, tt.old)
				}
				if _, err := login(d, name, "secret-test-2"); (err == nil) != tt.fresh {
					t.Errorf("the new password: %v, want ok %v", err, tt.fresh)
				}
			})
		}
	})
}

func TestWarmLoginsCostNoHash(t *testing.T) {
	d := open(t, storetest.Open(t), Options{})
	add(t, d, "anna", Student)
	before := d.hashes.Load()
	for range 10 {
		if _, err := login(d, "anna", "secret-test-1"); err != nil {
			t.Fatal(err)
		}
	}
	if n := d.hashes.Load() - before; n != 1 {
		t.Errorf("%d hashes for ten logins, want 1", n)
	}
}

// A program that opens eight connections at once costs one hash.
func TestConcurrentLoginsShareAHash(t *testing.T) {
	d := open(t, storetest.Open(t), Options{HashParams: HashParams{MemoryKiB: 4096, Time: 2, Threads: 1}})
	add(t, d, "anna", Student)
	before := d.hashes.Load()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := login(d, "anna", "secret-test-1"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := d.hashes.Load() - before; n > 2 { // one, or two if a goroutine was late to ask and early to miss the cache
		t.Errorf("%d hashes, want 1", n)
	}
}

func TestFlightsGoOnWithoutTheirLeader(t *testing.T) {
	var f flights
	ctx, cancel := context.WithCancel(context.Background())
	started, second := make(chan struct{}), make(chan struct{})
	go func() {
		_, _ = f.do(ctx, proof{}, func() (bool, error) {
			close(started)
			<-second
			return false, ctx.Err()
		})
	}()
	<-started
	cancel()
	done := make(chan bool)
	go func() {
		right, err := f.do(context.Background(), proof{}, func() (bool, error) { return true, nil })
		done <- right && err == nil
	}()
	close(second)
	if !<-done {
		t.Error("the follower got its leader's end")
	}
}

// Imported hashes open, and are replaced by our own at the first login.
func TestImportedHashes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		d := open(t, s, Options{})
		for i, tt := range foreignHashes {
			t.Run(tt.name, func(t *testing.T) {
				name := fmt.Sprint("import", i)
				list, generated, err := d.AddAccounts(ctx, []NewAccount{{Address: name, Role: Student, PasswordHash: tt.hash}})
				must(t, err)
				if generated[0] != "" {
					t.Errorf("a password was made too: %q", generated[0])
				}
				id, err := login(d, name, tt.secret)
				must(t, err)
				must(t, d.Valid(id))
				var now string
				must(t, s.Read(ctx, func(tx *store.Tx) (err error) {
					now, _, err = selectPassword(tx, list[0].ID)
					return err
				}))
				if h, err := parseHash(now); err != nil || h.kind != argon2idHash || !h.verify(tt.secret) {
					t.Errorf("after the login the hash is %q", now)
				}
				if _, err := login(open(t, s, Options{}), name, tt.secret); err != nil {
					t.Errorf("the next login: %v", err)
				}
			})
		}
	})
}

func TestAppPasswords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		c := newClock()
		d := open(t, s, Options{Now: c.now})
		anna, bob := add(t, d, "anna", Student), add(t, d, "bob", Student)
		before := d.hashes.Load()
		phone, secret, err := d.AddAppPassword(ctx, anna.ID, "Phone", ScopeMail|ScopeDAV)
		must(t, err)
		printer, sending, err := d.AddAppPassword(ctx, anna.ID, "Printer", ScopeSend)
		must(t, err)
		open1 := func(secret string, need Scope) (Identity, error) {
			return d.Authenticate(ctx, Attempt{Login: "anna", Secret: secret, Remote: home, Need: need})
		}
		id, err := open1(secret, ScopeMail)
		must(t, err)
		if id.AppID != phone.ID || id.Scope != ScopeMail|ScopeDAV || id.Account.ID != anna.ID {
			t.Errorf("logged in as %+v", id)
		}
		if _, err := open1(secret, ScopeSend); err != nil {
			t.Errorf("mail includes sending: %v", err)
		}
		sender, err := open1(sending, ScopeMail|ScopeSend)
		must(t, err)
		if n := d.hashes.Load() - before; n != 0 {
			t.Errorf("app passwords cost %d hashes, want 0", n)
		}
		if _, err := open1(sending, ScopeMail); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("reading with a password for sending: %v", err)
		}
		list, err := d.AppPasswords(ctx, anna.ID)
		must(t, err)
		if len(list) != 2 || list[0].Name != "Phone" || !list[0].LastUsed.Equal(c.now()) || list[1].ID != printer.ID {
			t.Errorf("listed %+v", list)
		}
		if err := d.RevokeAppPassword(ctx, bob.ID, phone.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("revoked through another account: %v", err)
		}
		must(t, d.RevokeAppPassword(ctx, anna.ID, phone.ID))
		if err := d.Valid(id); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("the session of a revoked password goes on: %v", err)
		}
		must(t, d.Valid(sender))
		if _, err := open1(secret, ScopeMail); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("a revoked password: %v", err)
		}
		must(t, d.Close())
		d = open(t, s, Options{Now: c.now})
		list, err = d.AppPasswords(ctx, anna.ID)
		if err != nil || len(list) != 1 || !list[0].LastUsed.Equal(c.now()) {
			t.Errorf("after a restart %+v, %v", list, err)
		}
		if _, err := open1(sending, ScopeSend); err != nil {
			t.Errorf("after a restart: %v", err)
		}
	})
}

func TestScopeNames(t *testing.T) {
	for in, want := range map[string]Scope{"mail": ScopeMail, "mail,dav,send": ScopeAll, "send, dav": ScopeSend | ScopeDAV} {
		got, err := ParseScope(strings.Split(in, ","))
		if got != want || err != nil {
			t.Errorf("ParseScope(%q) = %v, %v; want %v", in, got, err, want)
		}
		if again, err := ParseScope(got.Names()); again != got || err != nil {
			t.Errorf("the names of %v are %v", got, got.Names())
		}
	}
	for _, in := range []string{"", "ldap", "mail,"} {
		if got, err := ParseScope(strings.Split(in, ",")); !fault.Is(err, fault.Invalid) {
			t.Errorf("ParseScope(%q) = %v, %v; want fault.Invalid", in, got, err)
		}
	}
}

func TestAppPasswordsRefused(t *testing.T) {
	ctx := context.Background()
	d := open(t, storetest.Open(t), Options{})
	anna := add(t, d, "anna", Student)
	for _, tt := range []struct {
		name  string
		id    ID
		label string
		scope Scope
		want  fault.Kind
	}{
		{"no name", anna.ID, "", ScopeMail, fault.Invalid},
		{"a control character in the name", anna.ID, "a\x1bb", ScopeMail, fault.Invalid},
		{"no scope", anna.ID, "Phone", 0, fault.Invalid},
		{"an unknown scope", anna.ID, "Phone", 128, fault.Invalid},
		{"nobody", 999, "Phone", ScopeMail, fault.NotFound},
	} {
		if _, _, err := d.AddAppPassword(ctx, tt.id, tt.label, tt.scope); !fault.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	for range MaxAppPasswords {
		_, _, err := d.AddAppPassword(ctx, anna.ID, "Phone", ScopeMail)
		must(t, err)
	}
	if _, _, err := d.AddAppPassword(ctx, anna.ID, "Phone", ScopeMail); !fault.Is(err, fault.Limit) {
		t.Errorf("one too many: %v, want fault.Limit", err)
	}
	if _, err := d.AppPasswords(ctx, 999); !fault.Is(err, fault.NotFound) {
		t.Errorf("nobody's: %v", err)
	}
}

// Uses are written at most once an hour for each app password, not per login.
func TestLastUseIsWrittenRarely(t *testing.T) {
	var u usedApps
	now := newClock().now()
	if !u.note(1, now) {
		t.Error("the first use is not due")
	}
	if got := u.take(); len(got) != 1 {
		t.Errorf("took %v", got)
	}
	if u.note(1, now.Add(usedRefresh-time.Second)) {
		t.Error("due within the hour")
	}
	if !u.note(1, now.Add(usedRefresh)) {
		t.Error("not due after an hour")
	}
}

func TestMetrics(t *testing.T) {
	r := prometheus.NewRegistry()
	d := open(t, storetest.Open(t), Options{Metrics: r})
	add(t, d, "anna", Student)
	_, err := login(d, "anna", "secret-test-1")
	must(t, err)
	_, _ = login(d, "anna", "wrong-test-1")
	families, err := r.Gather()
	must(t, err)
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	want := map[string]float64{
		"schulhof_logins_total imap ok": 1, "schulhof_logins_total imap wrong": 1, "schulhof_password_hashes_total": 3,
		"schulhof_credential_cache_entries": 1, "schulhof_accounts": 1,
	}
	if !maps.Equal(got, want) {
		t.Errorf("metrics are %v, want %v", got, want)
	}
}
