package directory

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

func TestAddAccountsRefuses(t *testing.T) {
	good := NewAccount{Address: "new@school.test", Role: Student, Password: "secret-test-1"}
	change := func(fn func(*NewAccount)) []NewAccount {
		n := good
		fn(&n)
		return []NewAccount{{Address: "first@school.test", Role: Student, Password: "secret-test-1"}, n}
	}
	tests := []struct {
		name string
		list []NewAccount
		want fault.Kind
	}{
		{"an address twice in the list", change(func(n *NewAccount) { n.Address = "First@school.test" }), fault.AlreadyExists},
		{"an account's address", change(func(n *NewAccount) { n.Address = "anna@school.test" }), fault.AlreadyExists},
		{"a group's address", change(func(n *NewAccount) { n.Address = "7b@school.test" }), fault.AlreadyExists},
		{"a resource's address", change(func(n *NewAccount) { n.Address = "aula@school.test" }), fault.AlreadyExists},
		{"an alias's address", change(func(n *NewAccount) { n.Address = "office@school.test" }), fault.AlreadyExists},
		{"a deleted account's address", change(func(n *NewAccount) { n.Address = "gone@school.test" }), fault.AlreadyExists},
		{"a foreign domain", change(func(n *NewAccount) { n.Address = "new@elsewhere.test" }), fault.NotFound},
		{"no domain where there are several", change(func(n *NewAccount) { n.Address = "new" }), fault.Invalid},
		{"a plus", change(func(n *NewAccount) { n.Address = "new+x@school.test" }), fault.Invalid},
		{"a slash", change(func(n *NewAccount) { n.Address = "a/b@school.test" }), fault.Invalid},
		{"an empty address", change(func(n *NewAccount) { n.Address = "" }), fault.Invalid},
		{"no role", change(func(n *NewAccount) { n.Role = "" }), fault.Invalid},
		{"an unknown role", change(func(n *NewAccount) { n.Role = "pope" }), fault.Invalid},
		{"a short password", change(func(n *NewAccount) { n.Password = "short" }), fault.Invalid},
		{"a password and a hash", change(func(n *NewAccount) { n.PasswordHash = foreignHashes[0].hash }), fault.Invalid},
		{"an unknown hash", change(func(n *NewAccount) { n.Password, n.PasswordHash = "", "{MD5}x" }), fault.Invalid},
		{"a name with a line break", change(func(n *NewAccount) { n.Name = "A\r\nBcc: b" }), fault.Invalid},
		{"a negative quota", change(func(n *NewAccount) { n.QuotaBytes = new(int64(-1)) }), fault.Invalid},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		d := school(t, s)
		before, _ := d.Accounts(ctx)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				_, _, err := d.AddAccounts(ctx, tt.list)
				if !fault.Is(err, tt.want) {
					t.Errorf("%v, want %v", err, tt.want)
				}
				if after, _ := d.Accounts(ctx); len(after) != len(before) {
					t.Errorf("%d accounts afterwards, want %d: all or none", len(after), len(before))
				}
			})
		}
	})
}

func TestAddAccountsFillsIn(t *testing.T) {
	tests := []struct {
		name string
		in   NewAccount
		want Account
	}{
		{"a display name of both names", NewAccount{Given: "Anna", Family: "Groß"}, Account{Name: "Anna Groß", Given: "Anna", Family: "Groß"}},
		{"both names of a display name", NewAccount{Name: "Anna Maria Groß"}, Account{Name: "Anna Maria Groß", Given: "Anna Maria", Family: "Groß"}},
		{"a single name", NewAccount{Name: "Sekretariat"}, Account{Name: "Sekretariat", Family: "Sekretariat"}},
		{"no name", NewAccount{}, Account{}},
		{"a quota of its own", NewAccount{QuotaBytes: new(int64(7))}, Account{QuotaBytes: 7, OwnQuota: true}},
		{"no limit", NewAccount{QuotaBytes: new(int64(0))}, Account{OwnQuota: true}},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := open(t, s, Options{})
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				tt.in.Address, tt.in.Role = fmt.Sprintf("p%d", i), Teacher
				list, generated, err := d.AddAccounts(context.Background(), []NewAccount{tt.in})
				must(t, err)
				tt.want.ID, tt.want.Created = list[0].ID, list[0].Created
				tt.want.Login, tt.want.Address = tt.in.Address, tt.in.Address+"@school.test"
				tt.want.Role, tt.want.State, tt.want.Version = Teacher, Active, 1
				if !tt.want.OwnQuota {
					tt.want.QuotaBytes = DefaultRoleQuota()[Teacher]
				}
				if diff := cmp.Diff(tt.want, list[0]); diff != "" {
					t.Errorf("differs (-want +got):\n%s", diff)
				}
				if _, err := login(d, tt.in.Address, generated[0]); err != nil {
					t.Errorf("login with the generated password %q: %v", generated[0], err)
				}
			})
		}
	})
}

// A clash of logins gets a number, across accounts, groups and resources and across domains; an address is never shared.
func TestLoginsAreOneNameSpace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		d := open(t, s, Options{})
		must(t, d.AddDomain(ctx, "second.test"))
		must(t, d.AddDomain(ctx, "third.test"))
		var got []string
		got = append(got, add(t, d, "aula@school.test", Staff).Login)
		g, err := d.AddGroup(ctx, Group{Address: "Aula@second.test", Kind: Club})
		must(t, err)
		r, err := d.AddResource(ctx, Resource{Name: "aula@third.test", Kind: Place})
		must(t, err)
		got = append(got, g.Name, r.Name)
		if want := []string{"aula", "aula2", "aula3"}; !cmp.Equal(got, want) {
			t.Errorf("called %v, want %v", got, want)
		}
		if d.ResourceAddress(r.ID) != "aula@third.test" {
			t.Errorf("the resource's address is %q", d.ResourceAddress(r.ID))
		}
		if err := d.AddAlias(ctx, Alias{"aula@second.test", []string{"aula@school.test"}}); !fault.Is(err, fault.AlreadyExists) {
			t.Errorf("an alias over a group: %v", err)
		}
		if _, err := d.AddGroup(ctx, Group{Name: "aula", Kind: Club}); !fault.Is(err, fault.AlreadyExists) {
			t.Errorf("a bare name is at the main domain, and taken there: %v", err)
		}
	})
}

// A school of 5,000 comes in one call and one commit, in parallel, and the provisioners are called for each.
func TestAddManyAccounts(t *testing.T) {
	const n = 5000
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := open(t, s, Options{})
		calls := 0
		d.OnCreate(func(tx *store.Tx, id ID, isGroup bool) error {
			calls++
			return nil
		})
		list := make([]NewAccount, n)
		for i := range list {
			list[i] = NewAccount{Address: fmt.Sprintf("pupil%d", i), Role: Student, Given: "Pupil", Family: fmt.Sprint(i)}
		}
		made, generated, err := d.AddAccounts(context.Background(), list)
		must(t, err)
		if len(made) != n || calls < n || d.hashes.Load() != n {
			t.Errorf("%d accounts, %d provisioned, %d hashes; want %d of each", len(made), calls, d.hashes.Load(), n)
		}
		if _, err := login(d, made[n-1].Address, generated[n-1]); err != nil {
			t.Errorf("the last one's login: %v", err)
		}
	})
}

func TestProvisionersCanRefuse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		d := open(t, s, Options{})
		full := errors.New("no room")
		d.OnCreate(func(*store.Tx, ID, bool) error { return full })
		if _, _, err := d.AddAccounts(ctx, []NewAccount{{Address: "anna", Role: Student}}); !errors.Is(err, full) {
			t.Errorf("add account: %v, want %v", err, full)
		}
		if _, err := d.AddGroup(ctx, Group{Name: "7b", Kind: Class}); !errors.Is(err, full) {
			t.Errorf("add group: %v, want %v", err, full)
		}
		accounts, _ := d.Accounts(ctx)
		groups, _ := d.Groups(ctx)
		if len(accounts)+len(groups) != 0 {
			t.Errorf("%v and %v were made all the same", accounts, groups)
		}
	})
}

func TestAddAccountsEndsWithItsCaller(t *testing.T) {
	d := open(t, storetest.Open(t), Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := d.AddAccounts(ctx, []NewAccount{{Address: "anna", Role: Student}, {Address: "bob", Role: Student}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

func TestQuotas(t *testing.T) {
	ctx := context.Background()
	d := open(t, storetest.Open(t), Options{RoleQuota: map[Role]int64{Student: 100}})
	anna, head := add(t, d, "anna", Student), add(t, d, "head", Admin)
	if anna.QuotaBytes != 100 || head.QuotaBytes != 0 {
		t.Errorf("quotas %d and %d, want 100 and unlimited", anna.QuotaBytes, head.QuotaBytes)
	}
	check := func(what string, want int64) {
		t.Helper()
		if a, err := d.Account(ctx, anna.ID); err != nil || a.QuotaBytes != want {
			t.Errorf("%s: quota %d, %v; want %d", what, a.QuotaBytes, err, want)
		}
	}
	d.SetQuotas(map[Role]int64{Student: 200})
	check("the role's was changed", 200)
	must(t, d.ChangeAccount(ctx, anna.ID, AccountChange{QuotaBytes: new(int64(50))}))
	check("its own", 50)
	must(t, d.ChangeAccount(ctx, anna.ID, AccountChange{QuotaBytes: new(int64(0))}))
	check("unlimited", 0)
	must(t, d.ChangeAccount(ctx, anna.ID, AccountChange{QuotaBytes: new(int64(-1))}))
	check("the role's again", 200)
	if err := d.ChangeAccount(ctx, anna.ID, AccountChange{QuotaBytes: new(int64(-2))}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a negative quota: %v", err)
	}
}

// TestNamesFollow: a display name made of the given and family name goes with them, and these with it; one that was set apart stays.
func TestNamesFollow(t *testing.T) {
	type names struct{ name, given, family string }
	for i, tt := range []struct {
		was    NewAccount
		change AccountChange
		want   names
	}{
		{NewAccount{Given: "Anna", Family: "Ott"}, AccountChange{Family: new("Groß")}, names{"Anna Groß", "Anna", "Groß"}},
		{NewAccount{Given: "Anna", Family: "Ott"}, AccountChange{Given: new("Änne"), Family: new("Groß")}, names{"Änne Groß", "Änne", "Groß"}},
		{NewAccount{Given: "Anna", Family: "Ott"}, AccountChange{Name: new("Anna Maria Groß")}, names{"Anna Maria Groß", "Anna Maria", "Groß"}},
		{NewAccount{Given: "Anna", Family: "Ott"}, AccountChange{Name: new("A. Ott"), Family: new("Groß")}, names{"A. Ott", "Anna", "Groß"}},
		{NewAccount{Name: "Frau Ott", Given: "Anna", Family: "Ott"}, AccountChange{Family: new("Groß")}, names{"Frau Ott", "Anna", "Groß"}},
		{NewAccount{Name: "Frau Ott", Given: "Anna", Family: "Ott"}, AccountChange{Name: new("Frau Groß")}, names{"Frau Groß", "Anna", "Ott"}},
		{NewAccount{Name: "Anna Ott"}, AccountChange{Given: new("Änne")}, names{"Änne Ott", "Änne", "Ott"}},
		{NewAccount{}, AccountChange{Name: new("Anna")}, names{"Anna", "", "Anna"}},
		{NewAccount{Name: "Anna"}, AccountChange{Role: new(Teacher)}, names{"Anna", "", "Anna"}},
	} {
		var was Account
		var err error
		was.Name, was.Given, was.Family, err = checkNames(tt.was.Name, tt.was.Given, tt.was.Family)
		must(t, err)
		a, err := tt.change.apply(was)
		must(t, err)
		if got := (names{a.Name, a.Given, a.Family}); got != tt.want {
			t.Errorf("%d: %+v, want %+v", i, got, tt.want)
		}
	}
}

func TestChangeAccountRefuses(t *testing.T) {
	d := open(t, storetest.Open(t), Options{})
	anna := add(t, d, "anna", Student)
	tests := []struct {
		name   string
		id     ID
		change AccountChange
		want   fault.Kind
	}{
		{"nobody", 999, AccountChange{}, fault.NotFound},
		{"an unknown role", anna.ID, AccountChange{Role: new(Role("pope"))}, fault.Invalid},
		{"an unknown state", anna.ID, AccountChange{State: new(State("asleep"))}, fault.Invalid},
		{"a name that does not print", anna.ID, AccountChange{Family: new("\x00")}, fault.Invalid},
		{"a short password", anna.ID, AccountChange{Password: new("short")}, fault.Invalid},
	}
	for _, tt := range tests {
		if err := d.ChangeAccount(context.Background(), tt.id, tt.change); !fault.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if a, _ := d.Account(context.Background(), anna.ID); a != anna {
		t.Errorf("changed to %+v", a)
	}
}

// Deletion has two stages: hidden and restorable, then gone, and only then the address is free.
func TestDeletion(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		c := newClock()
		d := open(t, s, Options{Now: c.now})
		anna := add(t, d, "anna", Student)
		g, err := d.AddGroup(ctx, Group{Name: "7b", Kind: Class})
		must(t, err)
		must(t, d.AddMembers(ctx, g.ID, []ID{anna.ID}, false))
		if err := d.PurgeAccount(ctx, anna.ID); !fault.Is(err, fault.Refused) {
			t.Errorf("purge without deletion: %v", err)
		}
		must(t, d.ChangeAccount(ctx, anna.ID, AccountChange{State: new(Deleted)}))
		if members, err := d.Members(ctx, g.ID); err != nil || len(members) != 0 {
			t.Errorf("members are %+v, %v", members, err)
		}
		must(t, d.ChangeAccount(ctx, anna.ID, AccountChange{State: new(Active)}))
		if members, err := d.Members(ctx, g.ID); err != nil || len(members) != 1 {
			t.Errorf("restored, members are %+v, %v", members, err)
		}
		must(t, d.ChangeAccount(ctx, anna.ID, AccountChange{State: new(Deleted)}))
		c.advance(time.Hour)
		if list := d.DeletedBefore(c.now().Add(-2 * time.Hour)); len(list) != 0 {
			t.Errorf("deleted two hours ago: %+v", list)
		}
		if list := d.DeletedBefore(c.now()); len(list) != 1 || list[0].ID != anna.ID {
			t.Errorf("deleted before now: %+v", list)
		}
		var purged []ID
		d.OnPurge(func(_ *store.Tx, id ID, isGroup bool) error {
			purged = append(purged, id)
			return nil
		})
		must(t, d.PurgeAccount(ctx, anna.ID))
		if len(purged) == 0 || purged[0] != anna.ID {
			t.Errorf("purge hooks saw %v", purged)
		}
		if _, err := d.Account(ctx, anna.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("after the purge: %v", err)
		}
		again := add(t, d, "anna", Student)
		if again.ID == anna.ID || again.Login != "anna" {
			t.Errorf("the new anna is %+v: her number must be new, her login free", again)
		}
		if groups, err := d.GroupsOf(ctx, again.ID); err != nil || len(groups) != 0 {
			t.Errorf("the new anna is in %+v, %v", groups, err)
		}
		if err := d.PurgeAccount(ctx, 999); !fault.Is(err, fault.NotFound) {
			t.Errorf("purge of nobody: %v", err)
		}
	})
}
