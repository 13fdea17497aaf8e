package directory

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// try logs in from an address and tells how many hashes that cost.
func try(d *Directory, remote netip.Addr, name, secret string) (hashes uint64, err error) {
	before := d.hashes.Load()
	_, err = d.Authenticate(context.Background(), Attempt{Login: name, Secret: secret, Remote: remote, Need: ScopeMail, Door: "imap"})
	return d.hashes.Load() - before, err
}

// TestAThousandWrongTries: in each form of attack few of a thousand tries reach a hash, the rest cost nothing, and the owner
// gets in from where he always did.
func TestAThousandWrongTries(t *testing.T) {
	owner := address("203.0.113.200")
	tests := []struct {
		name   string
		remote func(i int) netip.Addr
		login  func(i int) string
		most   uint64 // hashes
	}{
		{"one account from one address", func(int) netip.Addr { return home }, func(int) string { return "anna" }, wrongPerLogin},
		{"an account that does not exist", func(int) netip.Addr { return home }, func(int) string { return "nobody" }, wrongPerLogin},
		{"under all its names", func(int) netip.Addr { return home }, func(i int) string {
			return []string{"anna", "ANNA", " anna ", "anna@school.test", "Anna@SCHOOL.test"}[i%5]
		}, wrongPerLogin},
		{"from a whole network", func(i int) netip.Addr { return address("192.0.2.%d", i%250+1) }, func(int) string { return "anna" }, wrongPerLogin},
		{"from an IPv6 network", func(i int) netip.Addr { return address("2001:db8::%x", i+1) }, func(int) string { return "anna" }, wrongPerLogin},
		{"many accounts from one address", func(int) netip.Addr { return home }, func(i int) string { return fmt.Sprint("user", i) }, wrongPerAddress},
		{"many accounts from an IPv6 network", func(i int) netip.Addr { return address("2001:db8::%x", i+1) },
			func(i int) string { return fmt.Sprint("user", i) }, wrongPerAddress},
		{"one account from everywhere", func(i int) netip.Addr { return address("10.%d.%d.1", i/250, i%250) },
			func(int) string { return "anna" }, wrongPerAccount},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			d := open(t, storetest.Open(t), Options{Now: c.now})
			add(t, d, "anna", Student)
			if _, err := try(d, owner, "anna", "secret-test-1"); err != nil {
				t.Fatal(err)
			}
			var hashes uint64
			for i := range 1000 {
				n, err := try(d, tt.remote(i), tt.login(i), fmt.Sprint("wrong-test-", i))
				hashes += n
				if !fault.Is(err, fault.Unauthenticated) && !fault.Is(err, fault.Throttled) {
					t.Fatalf("try %d: %v", i, err)
				}
				if fault.Is(err, fault.Throttled) && n > 0 {
					t.Fatalf("try %d was throttled and yet cost a hash", i)
				}
			}
			if hashes > tt.most || hashes == 0 {
				t.Errorf("%d of 1,000 tries reached a hash, want at most %d", hashes, tt.most)
			}
			if _, err := try(d, owner, "anna", "secret-test-1"); err != nil {
				t.Errorf("the owner from a network that is known: %v", err)
			}
		})
	}
}

// TestAPhoneWithAnOldPassword tries the same wrong password all day: it costs one hash an hour, locks out nobody, and the new
// password works from the same place at once.
func TestAPhoneWithAnOldPassword(t *testing.T) {
	c := newClock()
	d := open(t, storetest.Open(t), Options{Now: c.now})
	a := add(t, d, "anna", Student)
	must(t, d.ChangeAccount(context.Background(), a.ID, AccountChange{Password: new("secret-test-2")}))
	var hashes uint64
	for range 12 * 60 { // twelve hours
		n, err := try(d, home, "anna", "secret-test-1")
		hashes += n
		if !fault.Is(err, fault.Unauthenticated) {
			t.Fatal(err)
		}
		c.advance(time.Minute)
	}
	if hashes > 13 {
		t.Errorf("%d hashes in twelve hours, want one an hour", hashes)
	}
	if _, err := try(d, home, "anna", "secret-test-2"); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

// TestARestartDoesNotResetAnAttack: blocks and counts are there again after the process ended in good order.
func TestARestartDoesNotResetAnAttack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newClock()
		d := open(t, s, Options{Now: c.now})
		add(t, d, "anna", Student)
		var hashes uint64
		for i := range 60 {
			n, err := try(d, home, "anna", fmt.Sprint("wrong-test-", i))
			hashes += n
			if err == nil {
				t.Fatal("a wrong password was taken")
			}
			if i%5 == 4 {
				must(t, d.Close())
				d = open(t, s, Options{Now: c.now})
			}
		}
		if hashes > wrongPerLogin {
			t.Errorf("%d hashes over twelve restarts, want at most %d", hashes, wrongPerLogin)
		}
	})
}

// TestNoAnswerTellsWhoExists: text, kind and work are the same for every reason for which a login fails, so neither reading nor
// measuring the answers tells which accounts there are.
func TestNoAnswerTellsWhoExists(t *testing.T) {
	ctx := context.Background()
	d := open(t, storetest.Open(t), Options{})
	must(t, d.AddDomain(ctx, "other.test"))
	add(t, d, "anna@school.test", Student)
	add(t, d, "jürgen@school.test", Teacher)
	off := add(t, d, "off@other.test", Student)
	must(t, d.ChangeAccount(ctx, off.ID, AccountChange{State: new(Disabled)}))
	_, err := d.AddGroup(ctx, Group{Name: "7b", Kind: Class})
	must(t, err)
	must(t, d.AddAlias(ctx, Alias{"office@school.test", []string{"anna@school.test"}}))
	logins := []string{"anna", "anna@school.test", "anna@other.test", "nobody", "nobody@school.test", "nobody@foreign.test",
		"jürgen", "müller", "off", "off@other.test", "7b", "7b@school.test", "office", "office@school.test", "a b", "@", `"`, "\x00",
		strings.Repeat("x", MaxLoginBytes), strings.Repeat("ü", MaxLoginBytes/2)}
	for i, name := range logins {
		own := string(passwordAlphabet[i]) // no secret twice: the second time it would cost nothing
		for j, secret := range []string{"wrong" + own, own, own + strings.Repeat("x", MaxSecretBytes-1), own + "\x00", "ä" + own, "abcde-fghjk-mnpqr-stuvw-xyz2" + own} {
			n, err := try(d, address("198.51.%d.%d", i, j), name, secret)
			if !fault.Is(err, fault.Unauthenticated) || fault.TextOf(err) != fault.TextOf(errWrong()) || err.Error() != errWrong().Error() {
				t.Errorf("login as %.20q with %.20q: %v, want %v", name, secret, err, errWrong())
			}
			if n != 1 {
				t.Errorf("login as %.20q with %.20q costs %d hashes, want 1", name, secret, n)
			}
		}
	}
}

// TestACachedCredentialIsForItsUseOnly: what the cache knows of one scope, account or version opens nothing else.
func TestACachedCredentialIsForItsUseOnly(t *testing.T) {
	ctx := context.Background()
	d := open(t, storetest.Open(t), Options{})
	a, b := add(t, d, "anna", Student), add(t, d, "bob", Student)
	if n, err := try(d, home, "anna", "secret-test-1"); n != 1 || err != nil {
		t.Fatalf("the first login: %d hashes, %v", n, err)
	}
	if n, err := try(d, home, "anna", "secret-test-1"); n != 0 || err != nil {
		t.Errorf("the second login: %d hashes, %v, want none", n, err)
	}
	if n, err := try(d, home, "bob", "secret-test-1"); n != 1 || err != nil {
		t.Errorf("another account with the same password: %d hashes, %v, want 1", n, err)
	}
	steps := []struct {
		name   string
		change AccountChange
		ok     bool
	}{
		{"disabled", AccountChange{State: new(Disabled)}, false},
		{"active again", AccountChange{State: new(Active)}, true},
		{"another role", AccountChange{Role: new(Teacher)}, true},
		{"another password", AccountChange{Password: new("secret-test-3")}, false},
	}
	for _, tt := range steps {
		must(t, d.ChangeAccount(ctx, a.ID, tt.change))
		n, err := try(d, home, "anna", "secret-test-1")
		if (err == nil) != tt.ok || n != 1 {
			t.Errorf("%s: %d hashes, %v, want one and ok = %t: the cache must not answer for before", tt.name, n, err, tt.ok)
		}
		if n, err := try(d, home, "bob", "secret-test-1"); n != 0 || err != nil {
			t.Errorf("%s: the other account: %d hashes, %v, want the cache's answer", tt.name, n, err)
		}
	}
	must(t, d.ChangeAccount(ctx, b.ID, AccountChange{State: new(Deleted)}))
	must(t, d.PurgeAccount(ctx, b.ID))
	if _, err := try(d, home, "bob", "secret-test-1"); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a purged account: %v", err)
	}
}

// TestAppPasswordsNeedNoHash: every request of a calendar program carries its password; none may cost a hash, right or wrong
// scope apart.
func TestAppPasswordsNeedNoHash(t *testing.T) {
	ctx := context.Background()
	d := open(t, storetest.Open(t), Options{})
	a := add(t, d, "anna", Student)
	app, secret, err := d.AddAppPassword(ctx, a.ID, "Phone", ScopeMail)
	must(t, err)
	forms := []string{secret, strings.ToUpper(secret), strings.ReplaceAll(secret, "-", ""), strings.ReplaceAll(secret, "-", " ")}
	for _, form := range forms {
		if n, err := try(d, home, "anna", form); n != 0 || err != nil {
			t.Errorf("app password %q: %d hashes, %v, want none", form, n, err)
		}
	}
	must(t, d.RevokeAppPassword(ctx, a.ID, app.ID))
	for _, form := range forms {
		if _, err := try(d, home, "anna", form); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("after it was revoked: %v", err)
		}
	}
}

// TestWarmLoginsAllocateLittle guards the path that every request of every program takes.
func TestWarmLoginsAllocateLittle(t *testing.T) {
	d := open(t, storetest.Open(t), Options{})
	a := add(t, d, "anna", Student)
	_, secret, err := d.AddAppPassword(context.Background(), a.ID, "Phone", ScopeMail)
	must(t, err)
	for name, secret := range map[string]string{"a password": "secret-test-1", "an app password": secret} {
		id, err := login(d, "anna@school.test", secret)
		must(t, err)
		least := 1e9
		for range 5 {
			least = min(least, testing.AllocsPerRun(50, func() { _, _ = login(d, "anna@school.test", secret) }))
		}
		if least > 12 {
			t.Errorf("%s: %.0f allocations per login, want at most 12", name, least)
		}
		if n := testing.AllocsPerRun(50, func() { _ = d.Valid(id) }); n > 0 {
			t.Errorf("%s: %.0f allocations per Valid, want none", name, n)
		}
	}
}

// TestAliasesOfManyPaths: aliases that lead to the same places by very many ways are followed once each. Without that, these
// few would mean more steps than there are atoms in the world, and the test would not end.
func TestAliasesOfManyPaths(t *testing.T) {
	ctx := context.Background()
	d := open(t, storetest.Open(t), Options{})
	a, b := add(t, d, "anna", Student), add(t, d, "bob", Student)
	const levels = 60
	below := []string{"anna", "anna+x"}
	for i := range levels {
		var here []string
		for side := range 2 {
			name := fmt.Sprintf("level%d-%d", i, side)
			must(t, d.AddAlias(ctx, Alias{name, below}))
			here = append(here, name)
		}
		below = here
	}
	top := below[0] + "@school.test"
	got, err := d.Resolve(ctx, top, "")
	if err != nil || len(got) != 1 || got[0].Account != a.ID || got[0].Via != top {
		t.Errorf("resolved to %+v, %v, want anna once", got, err)
	}
	if owns, err := d.OwnsAddress(ctx, a.ID, top); err != nil || !owns {
		t.Errorf("OwnsAddress = %t, %v: every way leads to anna", owns, err)
	}
	if owns, _ := d.OwnsAddress(ctx, b.ID, top); owns {
		t.Error("somebody else owns it")
	}
	must(t, d.RemoveAlias(ctx, "level0-0"))
	if err := d.AddAlias(ctx, Alias{"level0-0", []string{below[1]}}); !fault.Is(err, fault.Conflict) {
		t.Errorf("a circle over %d levels: %v, want Conflict", levels, err)
	}
}
