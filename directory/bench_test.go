package directory

import (
	"context"
	"fmt"
	"testing"

	"schulhof/store/storetest"
)

// big is a school of 2,000 with a class of 30.
func big(b *testing.B) (*Directory, Account) {
	b.Helper()
	ctx := context.Background()
	d := open(b, storetest.Open(b), Options{})
	list := make([]NewAccount, 2000)
	for i := range list {
		list[i] = NewAccount{Address: fmt.Sprintf("user%04d", i), Role: Student, Given: "Given", Family: "Family", Password: "secret-test-1"}
	}
	made, _, err := d.AddAccounts(ctx, list)
	must(b, err)
	g, err := d.AddGroup(ctx, Group{Name: "7b", Kind: Class, ToSender: true})
	must(b, err)
	for _, a := range made[:30] {
		must(b, d.AddMembers(ctx, g.ID, []ID{a.ID}, false))
	}
	must(b, d.AddAlias(ctx, Alias{"office", []string{"user0001"}}))
	return d, made[0]
}

func BenchmarkAuthenticateWarm(b *testing.B) {
	d, a := big(b)
	app, secret, err := d.AddAppPassword(context.Background(), a.ID, "Phone", ScopeAll)
	must(b, err)
	for name, s := range map[string]string{"password": "secret-test-1", fmt.Sprintf("app%d", app.ID): secret} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := login(d, a.Address, s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAuthenticateCold(b *testing.B) {
	d, a := big(b)
	d.params = DefaultHashParams()
	must(b, d.ChangeAccount(context.Background(), a.ID, AccountChange{Password: new("secret-test-2")}))
	b.ReportAllocs()
	for b.Loop() {
		d.proven = newProofCache(cacheEntries, cacheIdle, cacheAge)
		if _, err := login(d, a.Address, "secret-test-2"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	d, _ := big(b)
	for _, address := range []string{"user0999@school.test", "User0999+Math@School.Test", "office@school.test", "7b@school.test", "nobody@school.test"} {
		b.Run(address, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = d.Resolve(context.Background(), address, "user0001@school.test")
			}
		})
	}
}

func BenchmarkValid(b *testing.B) {
	d, a := big(b)
	id, err := login(d, a.Address, "secret-test-1")
	must(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Valid(id); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOwnsAddress(b *testing.B) {
	d, a := big(b)
	b.ReportAllocs()
	for b.Loop() {
		if owns, err := d.OwnsAddress(context.Background(), a.ID, a.Address); !owns || err != nil {
			b.Fatal(owns, err)
		}
	}
}

// BenchmarkStart loads a school of 2,000, as each start of the server does.
func BenchmarkStart(b *testing.B) {
	d, _ := big(b)
	for b.Loop() {
		again, err := New(b.Context(), d.store, Options{HashParams: cheap()})
		must(b, err)
		if len(again.view.accounts) != 2000 {
			b.Fatalf("%d accounts", len(again.view.accounts))
		}
	}
}

// BenchmarkAddMembers puts a class of 30 into a group, as an import does for each class.
func BenchmarkAddMembers(b *testing.B) {
	d, _ := big(b)
	all, err := d.Accounts(b.Context())
	must(b, err)
	class := make([]ID, 30)
	for i := range class {
		class[i] = all[i].ID
	}
	for n := 0; b.Loop(); n++ {
		g, err := d.AddGroup(b.Context(), Group{Name: fmt.Sprint("class", n), Kind: Class})
		must(b, err)
		must(b, d.AddMembers(b.Context(), g.ID, class, false))
	}
}
