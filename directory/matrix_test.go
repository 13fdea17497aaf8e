package directory

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// TestRowsOfBothDatabases: what lives from its rows, with one database of each kind, because making one takes longer than all of it.
func TestRowsOfBothDatabases(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		t.Run("posting", func(t *testing.T) { postingAndItsDefault(t, s) })
		t.Run("members elsewhere", func(t *testing.T) { externals(t, s) })
		t.Run("bounces", func(t *testing.T) { bounces(t, s) })
		t.Run("addresses", func(t *testing.T) { oneAddressOneOwner(t, s) })
	})
}

// TestRolesInEveryState: what an account can do depends on its state alone, whatever its role; and a state can follow any other.
func TestRolesInEveryState(t *testing.T) {
	t.Parallel()
	mail := map[State]fault.Kind{Disabled: fault.Refused, Deleted: fault.NotFound} // what mail to it is answered with
	states := []State{Active, Disabled, Deleted}
	ctx := context.Background()
	d := open(t, storetest.Open(t), Options{Allowlist: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	for _, role := range Roles() {
		name := string(role)
		a := add(t, d, name, role)
		_, app, err := d.AddAppPassword(ctx, a.ID, "phone", ScopeMail)
		must(t, err)
		check := func(state State) {
			t.Helper()
			want := state == Active
			for what, secret := range map[string]string{"password": "secret-test-1", "app password": app} {
				if _, err := login(d, name, secret); (err == nil) != want || err != nil && !fault.Is(err, fault.Unauthenticated) {
					t.Errorf("%s, %s: login by %s: %v", role, state, what, err)
				}
			}
			list, err := d.Resolve(ctx, a.Address, "")
			if want && (err != nil || len(list) != 1) || !want && !fault.Is(err, mail[state]) {
				t.Errorf("%s, %s: mail to it: %v, %v", role, state, list, err)
			}
			if ok, err := d.OwnsAddress(ctx, a.ID, a.Address); ok != want || err != nil {
				t.Errorf("%s, %s: may write as itself: %t, %v", role, state, ok, err)
			}
			if got, err := d.Account(ctx, a.ID); err != nil || got.State != state || got.Role != role {
				t.Errorf("%s, %s: it is %+v, %v", role, state, got, err)
			}
			if state == Deleted {
				return
			}
			if err := d.PurgeAccount(ctx, a.ID); !fault.Is(err, fault.Refused) {
				t.Errorf("%s, %s: purged: %v", role, state, err)
			}
		}
		for _, from := range states {
			for _, to := range states {
				must(t, d.ChangeAccount(ctx, a.ID, AccountChange{State: &from}))
				old, _ := d.Account(ctx, a.ID)
				must(t, d.ChangeAccount(ctx, a.ID, AccountChange{State: &to}))
				if now, _ := d.Account(ctx, a.ID); (now.Version != old.Version) != (from != to) {
					t.Errorf("%s, from %s to %s: version %d, then %d", role, from, to, old.Version, now.Version)
				}
				check(to)
			}
		}
	}
}

// TestQuotasByRole: the role's quota is in force until the account has one of its own, follows a change of role, and a role that the settings
// leave out has no limit.
func TestQuotasByRole(t *testing.T) {
	t.Parallel()
	quotas := map[Role]int64{Student: 10, Teacher: 20, Parent: 30, Staff: 40} // Admin: unlimited
	s := storetest.Open(t)
	ctx := context.Background()
	d := open(t, s, Options{RoleQuota: quotas})
	list, _, err := d.AddAccounts(ctx, []NewAccount{
		{Address: "plain", Role: Student, Password: "secret-test-1"},
		{Address: "own", Role: Student, Password: "secret-test-1", QuotaBytes: new(int64(7))},
		{Address: "free", Role: Student, Password: "secret-test-1", QuotaBytes: new(int64(0))},
	})
	must(t, err)
	check := func(what string, d *Directory, plain int64) {
		t.Helper()
		for i, want := range []int64{plain, 7, 0} {
			if a, err := d.Account(ctx, list[i].ID); err != nil || a.QuotaBytes != want || a.OwnQuota != (i > 0) {
				t.Errorf("%s: %s has %d, its own %t, %v, want %d", what, a.Login, a.QuotaBytes, a.OwnQuota, err, want)
			}
		}
	}
	for _, role := range Roles() {
		for _, a := range list {
			must(t, d.ChangeAccount(ctx, a.ID, AccountChange{Role: &role}))
		}
		check("as "+string(role), d, quotas[role])
	}
	must(t, d.ChangeAccount(ctx, list[0].ID, AccountChange{Role: new(Teacher)}))
	d.SetQuotas(map[Role]int64{Teacher: 99})
	check("after the settings were read anew", d, 99)
	d.SetQuotas(nil)
	check("without settings", d, 0)
	check("after a restart", open(t, s, Options{RoleQuota: quotas}), 20)
	must(t, d.ChangeAccount(ctx, list[1].ID, AccountChange{QuotaBytes: new(int64(-1))}))
	if a, err := open(t, s, Options{RoleQuota: quotas}).Account(ctx, list[1].ID); err != nil || a.OwnQuota || a.QuotaBytes != 0 {
		t.Errorf("its own was taken back: %+v, %v", a, err)
	}
}

// TestScopesAtEveryDoor: which app password opens which service, and that none opens the webmail; the account's own password opens all of them.
func TestScopesAtEveryDoor(t *testing.T) {
	t.Parallel()
	doors := []struct {
		door string
		need Scope
	}{{"imap", ScopeMail}, {"managesieve", ScopeMail}, {"submission", ScopeMail | ScopeSend}, {"dav", ScopeDAV}, {"webmail", 0}}
	tests := []struct {
		scope Scope
		opens string // one letter per door
	}{
		{ScopeMail, "yyynn"}, {ScopeDAV, "nnnyn"}, {ScopeSend, "nnynn"}, {ScopeMail | ScopeDAV, "yyyyn"}, {ScopeMail | ScopeSend, "yyynn"},
		{ScopeDAV | ScopeSend, "nnyyn"}, {ScopeAll, "yyyyn"},
	}
	ctx := context.Background()
	d := open(t, storetest.Open(t), Options{})
	anna := add(t, d, "anna", Student)
	for i, tt := range tests {
		app, secret, err := d.AddAppPassword(ctx, anna.ID, "device", tt.scope)
		must(t, err)
		for j, door := range doors {
			at := Attempt{Login: "anna", Secret: secret, Remote: address("198.51.%d.%d", i, j), Need: door.need, Door: door.door}
			id, err := d.Authenticate(ctx, at)
			if want := tt.opens[j] == 'y'; (err == nil) != want || err != nil && !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("a password for %v at the door of %s: %v, want ok %t", tt.scope.Names(), door.door, err, want)
			}
			if err == nil && (id.AppID != app.ID || id.Scope != tt.scope) {
				t.Errorf("a password for %v at the door of %s: %+v", tt.scope.Names(), door.door, id)
			}
			at.Secret = "secret-test-1"
			if id, err := d.Authenticate(ctx, at); err != nil || id.AppID != 0 || id.Scope != ScopeAll {
				t.Errorf("the account's own password at the door of %s: %+v, %v", door.door, id, err)
			}
		}
		must(t, d.RevokeAppPassword(ctx, anna.ID, app.ID))
	}
}

// TestWhatACredentialOutlives: each change ends what it has to end and nothing else: the login by password, the one by app password, and
// what was remembered of wrong tries.
func TestWhatACredentialOutlives(t *testing.T) {
	t.Parallel()
	type alive struct{ session, appSession, password, app bool }
	ctx := context.Background()
	d := open(t, storetest.Open(t), Options{})
	var a Account
	var app AppPassword
	tests := []struct {
		name   string
		change func() error
		want   alive
	}{
		{"nothing", func() error { return nil }, alive{true, true, true, true}},
		{"a name", func() error { return d.ChangeAccount(ctx, a.ID, AccountChange{Name: new("A")}) }, alive{true, true, true, true}},
		{"a quota", func() error { return d.ChangeAccount(ctx, a.ID, AccountChange{QuotaBytes: new(int64(1))}) }, alive{true, true, true, true}},
		{"the same role", func() error { return d.ChangeAccount(ctx, a.ID, AccountChange{Role: new(Student)}) }, alive{true, true, true, true}},
		{"another app password", func() error { return second(second2(d.AddAppPassword(ctx, a.ID, "tablet", ScopeDAV))) }, alive{true, true, true, true}},
		{"the app password revoked", func() error { return d.RevokeAppPassword(ctx, a.ID, app.ID) }, alive{true, false, true, false}},
		{"a role", func() error { return d.ChangeAccount(ctx, a.ID, AccountChange{Role: new(Teacher)}) }, alive{false, false, true, true}},
		{"a password", func() error { return d.ChangeAccount(ctx, a.ID, AccountChange{Password: new("secret-test-2")}) }, alive{false, false, false, true}},
		{"disabled", func() error { return d.ChangeAccount(ctx, a.ID, AccountChange{State: new(Disabled)}) }, alive{}},
		{"deleted", func() error { return d.ChangeAccount(ctx, a.ID, AccountChange{State: new(Deleted)}) }, alive{}},
		{"purged", func() error {
			must(t, d.ChangeAccount(ctx, a.ID, AccountChange{State: new(Deleted)}))
			return d.PurgeAccount(ctx, a.ID)
		}, alive{}},
	}
	for i, tt := range tests {
		name := fmt.Sprint("person", i)
		a = add(t, d, name, Student)
		var secret string
		var err error
		app, secret, err = d.AddAppPassword(ctx, a.ID, "phone", ScopeMail)
		must(t, err)
		byPassword, err := login(d, name, "secret-test-1")
		must(t, err)
		byApp, err := login(d, name, secret)
		must(t, err)
		must(t, tt.change())
		got := alive{d.Valid(byPassword) == nil, d.Valid(byApp) == nil, false, false}
		hashes := d.Hashes()
		_, err = login(d, name, "secret-test-1")
		got.password = err == nil
		warm := d.Hashes() == hashes
		_, err = login(d, name, secret)
		got.app = err == nil
		if got != tt.want || warm != tt.want.session {
			t.Errorf("%s: %+v, from the cache %t, want %+v, and the cache to know what a session may go on with", tt.name, got, warm, tt.want)
		}
	}
	a = add(t, d, "early", Student)
	if _, err := login(d, "early", "secret-test-2"); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a password that will be: %v", err)
	}
	must(t, d.ChangeAccount(ctx, a.ID, AccountChange{Password: new("secret-test-2")}))
	if _, err := login(d, "early", "secret-test-2"); err != nil {
		t.Errorf("it was wrong before it was set: %v", err)
	}
}

// TestNetworksAreCountedAsOne: what is one line of an attacker is one network, in whatever form its addresses come; the next one is another.
func TestNetworksAreCountedAsOne(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		from        func(i int) netip.Addr
		same, other string
	}{
		{"an IPv4 network", func(i int) netip.Addr { return address("192.0.2.%d", i+1) }, "192.0.2.255", "192.0.3.1"},
		{"the same, mapped into IPv6", func(i int) netip.Addr { return address("::ffff:192.0.2.%d", i+1) }, "192.0.2.255", "::ffff:192.0.3.1"},
		{"an IPv6 network", func(i int) netip.Addr { return address("2001:db8:0:7:%x::1", i+1) }, "2001:db8:0:7:ffff:ffff:ffff:ffff", "2001:db8:0:8::1"},
		{"a link with zones", func(i int) netip.Addr { return address("fe80::%x%%eth%d", i+1, i) }, "fe80::ffff%eth99", "fe80:0:0:1::1%eth0"},
	}
	d := open(t, storetest.Open(t), Options{Now: newClock().now})
	for i, tt := range tests {
		name, wrong := fmt.Sprint("person", i), 0
		add(t, d, name, Student)
		again := func(n int) {
			t.Helper()
			for range n {
				wrong++
				if hashes, err := try(d, tt.from(wrong), name, fmt.Sprint("wrong-test-", wrong)); !fault.Is(err, fault.Unauthenticated) || hashes != 1 {
					t.Fatalf("%s: wrong try %d: %d hashes, %v", tt.name, wrong, hashes, err)
				}
			}
		}
		again(wrongPerLogin - 1)
		if _, err := try(d, tt.from(0), name, "secret-test-1"); err != nil { // the owner mistyped it: forgotten
			t.Errorf("%s: the right one after %d: %v", tt.name, wrong, err)
		}
		again(wrongPerLogin)
		if hashes, err := try(d, netip.MustParseAddr(tt.same), name, "secret-test-1"); !fault.Is(err, fault.Throttled) || hashes != 0 {
			t.Errorf("%s: from %s: %d hashes, %v, want fault.Throttled", tt.name, tt.same, hashes, err)
		}
		if _, err := try(d, netip.MustParseAddr(tt.other), name, "secret-test-1"); err != nil {
			t.Errorf("%s: from %s: %v", tt.name, tt.other, err)
		}
	}
}

// TestBulkChangesAreAllOrNone: a list with one fault, wherever it stands, changes nothing, neither now nor after a restart.
func TestBulkChangesAreAllOrNone(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	ctx := context.Background()
	d := school(t, s)
	g, err := d.Group(ctx, "empty")
	must(t, err)
	full, err := d.Group(ctx, "7b")
	must(t, err)
	anna, err := d.AccountByAddress(ctx, "anna")
	must(t, err)
	carl, err := d.AccountByAddress(ctx, "carl")
	must(t, err)
	person := func(address string) NewAccount {
		return NewAccount{Address: address, Role: Student, Password: "secret-test-1"}
	}
	many := make([]NewAccount, 130) // as one bulk
	for i := range many {
		many[i] = person(fmt.Sprintf("pupil%d@school.test", i))
	}
	many[129].Address = "Pupil0@school.test"
	before := picture(t, d)
	for name, err := range map[string]error{
		"members, the last unknown":      d.AddMembers(ctx, g.ID, []ID{anna.ID, carl.ID, 4711}, true),
		"members, the first unknown":     d.AddMembers(ctx, g.ID, []ID{4711, anna.ID}, false),
		"members who leave":              d.RemoveMembers(ctx, full.ID, []ID{anna.ID, carl.ID}),
		"accounts, the last is taken":    second(second2(d.AddAccounts(ctx, []NewAccount{person("x1@school.test"), person("x2@school.test"), person("office@school.test")}))),
		"accounts, the first is no name": second(second2(d.AddAccounts(ctx, []NewAccount{person("x 1@school.test"), person("x2@school.test")}))),
		"many accounts, one twice":       second(second2(d.AddAccounts(ctx, many))),
		"an alias, one target unknown":   d.AddAlias(ctx, Alias{"new", []string{"anna", "carl", "nobody"}}),
		"elsewhere, one of ours":         d.AddExternals(ctx, g.ID, []string{"lena@example.org", "anna@school.test"}),
	} {
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for when, d := range map[string]*Directory{"now": d, "after a restart": open(t, s, Options{})} {
		if after := picture(t, d); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("%s:\n%v\nwant\n%v", when, after, before)
		}
	}
}
