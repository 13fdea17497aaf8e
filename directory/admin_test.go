package directory

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

func TestDomains(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		d := open(t, s, Options{})
		tests := []struct {
			name, in string
			want     fault.Kind
			ok       bool
		}{
			{"a second one", "München.TEST", 0, true},
			{"the same in ASCII", "xn--mnchen-3ya.test", fault.AlreadyExists, false},
			{"the first again", "SCHOOL.test", fault.AlreadyExists, false},
			{"an address literal", "[192.0.2.1]", fault.Invalid, false},
			{"an underscore", "my_school.test", fault.Invalid, false},
			{"a space", "my school.test", fault.Invalid, false},
			{"nothing", "", fault.Invalid, false},
		}
		for _, tt := range tests {
			if err := d.AddDomain(ctx, tt.in); (err == nil) != tt.ok || err != nil && !fault.Is(err, tt.want) {
				t.Errorf("%s: AddDomain(%q) = %v", tt.name, tt.in, err)
			}
		}
		for domain, want := range map[string]bool{"school.test": true, "MÜNCHEN.test": true, "XN--MNCHEN-3YA.test": true, "elsewhere.test": false, "": false} {
			if got, err := d.IsLocalDomain(ctx, domain); got != want || err != nil {
				t.Errorf("IsLocalDomain(%q) = %v, %v", domain, got, err)
			}
		}
		add(t, d, "anna@münchen.test", Student)
		if err := d.RemoveDomain(ctx, "münchen.test"); !fault.Is(err, fault.InUse) {
			t.Errorf("remove a domain in use: %v", err)
		}
		must(t, d.RemoveDomain(ctx, "SCHOOL.test"))
		if err := d.RemoveDomain(ctx, "school.test"); !fault.Is(err, fault.NotFound) {
			t.Errorf("remove it again: %v", err)
		}
		if err := d.RemoveDomain(ctx, "not a domain"); !fault.Is(err, fault.Invalid) {
			t.Errorf("remove nonsense: %v", err)
		}
		if got, err := d.Domains(ctx); err != nil || !slices.Equal(got, []string{"xn--mnchen-3ya.test"}) {
			t.Errorf("Domains() = %q, %v", got, err)
		}
	})
}

func TestCanonical(t *testing.T) {
	ctx := context.Background()
	empty, err := New(ctx, storetest.Open(t), Options{HashParams: cheap()})
	must(t, err)
	if _, err := empty.Canonical(ctx, "anna"); !fault.Is(err, fault.NotFound) {
		t.Errorf("without any domain: %v", err)
	}
	d := open(t, storetest.Open(t), Options{})
	for in, want := range map[string]string{
		"Anna": "anna@school.test", " anna@School.Test ": "anna@school.test", "anna@elsewhere.test": "anna@elsewhere.test", "ju\u0308rgen": "jürgen@school.test",
	} {
		if got, err := d.Canonical(ctx, in); got != want || err != nil {
			t.Errorf("Canonical(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	must(t, d.AddDomain(ctx, "second.test"))
	for _, in := range []string{"anna", "", "anna@", "a b@school.test"} {
		if got, err := d.Canonical(ctx, in); !fault.Is(err, fault.Invalid) {
			t.Errorf("Canonical(%q) = %q, %v; want fault.Invalid", in, got, err)
		}
	}
}

func TestGroups(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		d := open(t, s, Options{})
		anna, bob := add(t, d, "anna", Student), add(t, d, "bob", Teacher)
		g, err := d.AddGroup(ctx, Group{Name: "7B", Title: "Klasse 7b", Kind: Class, ToSender: true})
		must(t, err)
		if want := (Group{g.ID, "7b", "7b@school.test", "Klasse 7b", Class, true, "", false}); g != want {
			t.Errorf("made %+v, want %+v", g, want)
		}
		must(t, d.AddMembers(ctx, g.ID, []ID{bob.ID, anna.ID}, false))
		must(t, d.AddMembers(ctx, g.ID, []ID{bob.ID}, true)) // promoted, not doubled
		members, err := d.Members(ctx, g.ID)
		must(t, err)
		if want := []Member{{anna, false}, {bob, true}}; !cmp.Equal(members, want) {
			t.Errorf("members %+v, want %+v", members, want)
		}
		must(t, d.ChangeGroup(ctx, g.ID, new("Klasse 7 b"), new(Course), new(false)))
		for _, name := range []string{"7b", "7B", "7b@school.test", "7B@School.test"} {
			got, err := d.Group(ctx, name)
			if want := (Group{g.ID, "7b", "7b@school.test", "Klasse 7 b", Course, false, "", false}); got != want || err != nil {
				t.Errorf("Group(%q) = %+v, %v; want %+v", name, got, err, want)
			}
		}
		if groups, err := d.GroupsOf(ctx, anna.ID); err != nil || len(groups) != 1 || groups[0].ID != g.ID {
			t.Errorf("anna is in %+v, %v", groups, err)
		}
		if err := d.RemoveMembers(ctx, g.ID, []ID{anna.ID, 999}); !fault.Is(err, fault.NotFound) {
			t.Errorf("remove one who is not in it: %v", err)
		}
		if members, _ := d.Members(ctx, g.ID); len(members) != 2 {
			t.Errorf("%d members, want 2: all or none are removed", len(members))
		}
		must(t, d.RemoveMembers(ctx, g.ID, []ID{anna.ID}))
		must(t, d.DeleteGroup(ctx, g.ID))
		if groups, _ := d.GroupsOf(ctx, bob.ID); len(groups) != 0 {
			t.Errorf("bob is still in %+v", groups)
		}
		if groups, err := d.Groups(ctx); err != nil || len(groups) != 0 {
			t.Errorf("groups %+v, %v", groups, err)
		}
		for what, err := range map[string]error{
			"delete":          d.DeleteGroup(ctx, g.ID),
			"change":          d.ChangeGroup(ctx, g.ID, new("x"), nil, nil),
			"add members":     d.AddMembers(ctx, g.ID, []ID{anna.ID}, false),
			"remove members":  d.RemoveMembers(ctx, g.ID, []ID{anna.ID}),
			"list members":    second(d.Members(ctx, g.ID)),
			"find":            second(d.Group(ctx, "7b")),
			"groups of noone": second(d.GroupsOf(ctx, 999)),
		} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s a group that is gone: %v", what, err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestGroupsRefused(t *testing.T) {
	ctx := context.Background()
	d := school(t, storetest.Open(t))
	g, err := d.Group(ctx, "7b")
	must(t, err)
	for name, err := range map[string]error{
		"an unknown kind":      second(d.AddGroup(ctx, Group{Name: "new", Kind: "gang"})),
		"a title with a break": second(d.AddGroup(ctx, Group{Name: "new", Kind: Class, Title: "a\nb"})),
		"a name with a space":  second(d.AddGroup(ctx, Group{Name: "new one", Kind: Class})),
		"an unknown new kind":  d.ChangeGroup(ctx, g.ID, nil, new(Kind("gang")), nil),
		"a new title":          d.ChangeGroup(ctx, g.ID, new("\x1b"), nil, nil),
	} {
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want fault.Invalid", name, err)
		}
	}
	if err := d.AddMembers(ctx, g.ID, []ID{999}, false); !fault.Is(err, fault.NotFound) {
		t.Errorf("a member who does not exist: %v", err)
	}
	if got := len(Kinds()) + len(Roles()); got != 12 {
		t.Errorf("%d kinds and roles, want 12", got)
	}
}

func TestAliases(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		d := school(t, s)
		tests := []struct {
			name string
			in   Alias
			want fault.Kind
		}{
			{"an account's address", Alias{"anna", []string{"bob"}}, fault.AlreadyExists},
			{"an alias again", Alias{"Office", []string{"bob"}}, fault.AlreadyExists},
			{"a target that does not exist", Alias{"new", []string{"anna", "nobody"}}, fault.NotFound},
			{"a target elsewhere", Alias{"new", []string{"x@elsewhere.test"}}, fault.Refused},
			{"no target", Alias{"new", nil}, fault.Limit},
			{"too many targets", Alias{"new", make([]string, MaxTargets+1)}, fault.Limit},
			{"a target that is no address", Alias{"new", []string{"a b"}}, fault.Invalid},
			{"a foreign domain", Alias{"new@elsewhere.test", []string{"anna"}}, fault.NotFound},
			{"a name that is none", Alias{"a/b", []string{"anna"}}, fault.Invalid},
			{"itself", Alias{"new", []string{"new"}}, fault.Conflict},
		}
		for _, tt := range tests {
			if err := d.AddAlias(ctx, tt.in); !fault.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			}
		}
		must(t, d.AddAlias(ctx, Alias{"New+One", []string{"Anna+Math", "bob", "ANNA+math"}}))
		list, err := d.Aliases(ctx)
		must(t, err)
		i := slices.IndexFunc(list, func(a Alias) bool { return a.Address == "new+one@school.test" })
		if want := []string{"anna+Math@school.test", "bob@school.test"}; i < 0 || !slices.Equal(list[i].Targets, want) {
			t.Errorf("listed %+v", list)
		}
		if got, err := d.Alias(ctx, "NEW+one"); err != nil || !cmp.Equal(got, list[i]) {
			t.Errorf("found %+v, %v; want %+v", got, err, list[i])
		}
		must(t, d.RemoveAlias(ctx, "NEW+one"))
		if _, err := d.Alias(ctx, "new+one"); !fault.Is(err, fault.NotFound) {
			t.Errorf("find what was removed: %v", err)
		}
		for _, name := range []string{"new+one", "anna", "nobody"} {
			if err := d.RemoveAlias(ctx, name); !fault.Is(err, fault.NotFound) {
				t.Errorf("remove alias %s: %v", name, err)
			}
		}
		if err := d.RemoveAlias(ctx, "a b"); !fault.Is(err, fault.Invalid) {
			t.Errorf("remove nonsense: %v", err)
		}
	})
}

func TestResources(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		d := open(t, s, Options{})
		r, err := d.AddResource(ctx, Resource{Name: "Beamer-1", Title: "Beamer", Kind: Device})
		must(t, err)
		if _, err := d.AddResource(ctx, Resource{Name: "aula", Kind: "house"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("an unknown kind: %v", err)
		}
		if _, err := d.AddResource(ctx, Resource{Name: "aula", Kind: Place, Title: "\x00"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a title that does not print: %v", err)
		}
		want := Resource{r.ID, "beamer-1", "Beamer", Device}
		for when, d := range map[string]*Directory{"live": d, "after a restart": open(t, s, Options{})} {
			if got, err := d.Resource(ctx, "BEAMER-1@school.test"); got != want || err != nil {
				t.Errorf("%s: %+v, %v; want %+v", when, got, err, want)
			}
			if list, err := d.Resources(ctx); err != nil || !slices.Equal(list, []Resource{want}) {
				t.Errorf("%s: listed %+v, %v", when, list, err)
			}
		}
		must(t, d.DeleteResource(ctx, r.ID))
		if err := d.DeleteResource(ctx, r.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("delete it again: %v", err)
		}
		if _, err := d.Resource(ctx, "beamer-1"); !fault.Is(err, fault.NotFound) || d.ResourceAddress(r.ID) != "" {
			t.Errorf("find it: %v", err)
		}
	})
}

// After any sequence of changes, what is in memory is what a restart would load.
func TestViewIsWhatIsStored(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		d := school(t, s)
		r := rand.New(rand.NewPCG(1, 2))
		pick := func() ID {
			list, _ := d.Accounts(ctx)
			return list[r.IntN(len(list))].ID
		}
		group := func() ID {
			list, _ := d.Groups(ctx)
			return list[r.IntN(len(list))].ID
		}
		for i := range 300 {
			switch id := pick(); r.IntN(12) {
			case 0:
				add(t, d, fmt.Sprintf("new%d@school.test", i), Student)
			case 1:
				must(t, d.ChangeAccount(ctx, id, AccountChange{State: &[]State{Active, Disabled, Deleted}[r.IntN(3)]}))
			case 2:
				must(t, d.ChangeAccount(ctx, id, AccountChange{Name: new(fmt.Sprint("Name ", i)), QuotaBytes: new(int64(i - 1))}))
			case 3:
				_ = d.PurgeAccount(ctx, id) // refused unless deleted
			case 4, 5:
				must(t, d.AddMembers(ctx, group(), []ID{id, pick()}, r.IntN(2) == 0))
			case 6:
				_ = d.RemoveMembers(ctx, group(), []ID{id})
			case 7:
				_, err := d.AddGroup(ctx, Group{Name: fmt.Sprint("group", i), Kind: Club})
				must(t, err)
			case 8:
				if list, _ := d.Groups(ctx); len(list) > 2 {
					must(t, d.DeleteGroup(ctx, group()))
				}
			case 9:
				_, _, err := d.AddAppPassword(ctx, id, "Phone", ScopeMail)
				must(t, err)
			case 10:
				if list, _ := d.AppPasswords(ctx, id); len(list) > 0 {
					must(t, d.RevokeAppPassword(ctx, id, list[0].ID))
				}
			case 11:
				must(t, d.AddAlias(ctx, Alias{fmt.Sprintf("alias%d@school.test", i), []string{"carl@school.test", "everyone@school.test"}}))
				if r.IntN(2) == 0 {
					must(t, d.RemoveAlias(ctx, fmt.Sprintf("alias%d@school.test", i)))
				}
			}
		}
		if diff := cmp.Diff(picture(t, open(t, s, Options{})), picture(t, d)); diff != "" {
			t.Errorf("differs (-stored +in memory):\n%s", diff)
		}
	})
}

// picture is all that a directory tells.
func picture(t *testing.T, d *Directory) map[string]any {
	ctx := context.Background()
	accounts, _ := d.Accounts(ctx)
	groups, _ := d.Groups(ctx)
	resources, _ := d.Resources(ctx)
	aliases, _ := d.Aliases(ctx)
	domains, _ := d.Domains(ctx)
	p := map[string]any{
		"accounts": accounts, "groups": groups, "resources": resources, "aliases": aliases, "domains": domains,
		"logins": d.view.logins, "addresses": len(d.view.addresses),
	}
	for _, a := range accounts {
		apps, err := d.AppPasswords(ctx, a.ID)
		must(t, err)
		in, err := d.GroupsOf(ctx, a.ID)
		must(t, err)
		slices.SortFunc(in, func(a, b Group) int { return int(a.ID - b.ID) }) // the order of joining is not stored
		p["apps of "+a.Login], p["groups of "+a.Login] = apps, in
	}
	for _, g := range groups {
		members, err := d.Members(ctx, g.ID)
		must(t, err)
		p["members of "+g.Name] = members
	}
	return p
}
