package directory

import (
	"context"
	"net/netip"
	"testing"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// cheap makes hashes that cost microseconds.
func cheap() HashParams { return HashParams{MemoryKiB: 8, Time: 1, Threads: 1} }

// open makes a directory with the domain school.test.
func open(t testing.TB, s *store.Store, o Options) *Directory {
	t.Helper()
	if o.HashParams == (HashParams{}) {
		o.HashParams = cheap()
	}
	d, err := New(context.Background(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.view.domains) == 0 {
		must(t, d.AddDomain(context.Background(), "school.test"))
	}
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// add makes an account with the password "secret-test-1".
func add(t testing.TB, d *Directory, address string, role Role) Account {
	t.Helper()
	list, _, err := d.AddAccounts(context.Background(), []NewAccount{{Address: address, Role: role, Password: "secret-test-1"}})
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

var home = netip.MustParseAddr("192.0.2.7")

func login(d *Directory, name, secret string) (Identity, error) {
	return d.Authenticate(context.Background(), Attempt{Login: name, Secret: secret, Remote: home, Need: ScopeMail, Door: "imap"})
}

func TestSmoke(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		d := open(t, s, Options{})
		anna := add(t, d, "Anna@School.Test", Student)
		if anna.Login != "anna" || anna.Address != "anna@school.test" {
			t.Errorf("added %+v", anna)
		}
		id, err := login(d, "ANNA", "secret-test-1")
		must(t, err)
		must(t, d.Valid(id))
		if _, err := login(d, "anna", "wrong-test-1"); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("wrong password: %v", err)
		}
		must(t, d.AddAlias(ctx, Alias{"office@school.test", []string{"anna"}}))
		got, err := d.Resolve(ctx, "Office+Math@school.test", "")
		must(t, err)
		if len(got) != 1 || got[0] != (Recipient{Account: anna.ID, Address: "anna@school.test", Detail: "Math", Via: "office@school.test"}) {
			t.Errorf("resolved to %+v", got)
		}
		must(t, d.Close())
		again := open(t, s, Options{})
		if got, err := again.AccountByAddress(ctx, "anna"); err != nil || got != anna {
			t.Errorf("after a restart %+v, %v; want %+v", got, err, anna)
		}
	})
}
