package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

// oneAddressOneOwner: accounts, groups, resources and aliases share their addresses. Whichever has one, nobody else gets it in any form,
// until it is gone for good.
func oneAddressOneOwner(t *testing.T, s *store.Store) {
	const address = "müller@school.test"
	forms := []string{address, "MÜLLER@School.Test", "mu\u0308ller@school.test", "MU\u0308LLER@SCHOOL.TEST"}
	ctx := context.Background()
	d := open(t, s, Options{})
	add(t, d, "target", Student)
	makers := []struct {
		kind   string
		make   func(address string) error
		remove func() error
	}{
		{"an account", func(address string) error {
			_, _, err := d.AddAccounts(ctx, []NewAccount{{Address: address, Role: Student, Password: "secret-test-1"}})
			return err
		}, func() error {
			a, err := d.AccountByAddress(ctx, address)
			must(t, err)
			must(t, d.ChangeAccount(ctx, a.ID, AccountChange{State: new(Deleted)}))
			if err := d.AddAlias(ctx, Alias{address, []string{"target"}}); !fault.Is(err, fault.AlreadyExists) {
				t.Errorf("an alias in place of an account that is deleted and kept: %v", err)
			}
			return d.PurgeAccount(ctx, a.ID)
		}},
		{"a group", func(address string) error { return second(d.AddGroup(ctx, Group{Address: address, Kind: Class})) }, func() error {
			g, err := d.Group(ctx, address)
			must(t, err)
			return d.DeleteGroup(ctx, g.ID)
		}},
		{"a resource", func(address string) error { return second(d.AddResource(ctx, Resource{Name: address, Kind: Place})) }, func() error {
			r, err := d.Resource(ctx, address)
			must(t, err)
			return d.DeleteResource(ctx, r.ID)
		}},
		{"an alias", func(address string) error { return d.AddAlias(ctx, Alias{address, []string{"target"}}) },
			func() error { return d.RemoveAlias(ctx, address) }},
	}
	for i, first := range makers {
		for j, next := range makers {
			must(t, first.make(forms[(i+j)%len(forms)]))
			for _, form := range forms {
				if err := next.make(form); !fault.Is(err, fault.AlreadyExists) {
					t.Errorf("%s is there, then %s as %+q: %v, want fault.AlreadyExists", first.kind, next.kind, form, err)
				}
			}
			must(t, first.remove())
		}
	}
	if got, err := d.Resolve(ctx, address, ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("after all of them: %v, %v", got, err)
	}
}

// TestLoginsInEveryForm: who types their name in other letters, in capitals, with the marks as characters of their own or with blanks around
// it is who they are.
func TestLoginsInEveryForm(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, storetest.Open(t), Options{})
	var accounts []Account
	for _, name := range []string{"anna", "jürgen", "größe", "élodie", "łukasz", "ångström", "οδυσσεύς", "иван", "ольга.йод", "nguyễn", "o'neill", "b_2-x"} {
		accounts = append(accounts, add(t, d, name, Student))
	}
	rapid.Check(t, func(rt *rapid.T) {
		a := rapid.SampledFrom(accounts).Draw(rt, "account")
		typed := strings.Map(func(r rune) rune {
			switch rapid.IntRange(0, 2).Draw(rt, "letter") {
			case 0:
				return unicode.ToUpper(r)
			case 1:
				return unicode.ToTitle(r)
			}
			return r
		}, a.Login)
		if rapid.Bool().Draw(rt, "decomposed") {
			typed = norm.NFD.String(typed)
		}
		typed += rapid.SampledFrom([]string{"", "@school.test", "@SCHOOL.test"}).Draw(rt, "domain")
		if got, err := d.AccountByAddress(ctx, " "+typed+"\t"); err != nil || got.ID != a.ID {
			rt.Fatalf("%+q is %q, %v, want %q", typed, got.Login, err, a.Login)
		}
		if strings.Contains(typed, "@") {
			if list, err := d.Resolve(ctx, typed, ""); err != nil || len(list) != 1 || list[0].Account != a.ID {
				rt.Fatalf("mail to %+q: %v, %v", typed, list, err)
			}
		}
	})
}

// TestNamesThatOnlyLookAlike: letters that are others stay others, and those that only look so are nobody's login.
func TestNamesThatOnlyLookAlike(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, storetest.Open(t), Options{})
	ids := map[ID]string{}
	for _, name := range []string{"strasse", "straße", "ali", "alı", "muller", "müller", "mueller", "oe", "ø", "o"} {
		a := add(t, d, name, Student)
		if a.Login != name {
			t.Errorf("%q is called %q", name, a.Login)
		}
		if other, ok := ids[a.ID]; ok {
			t.Errorf("%q and %q are one account", name, other)
		}
		ids[a.ID] = name
	}
	for _, name := range []string{"ａnna", "ﬁn", "x²", "a\u200bb", "a\u202eb", "\u0308a", "a b", "a\u00a0b", "💩", "a\ufffdb", "\xff"} {
		if _, _, err := d.AddAccounts(ctx, []NewAccount{{Address: name, Role: Student, Password: "secret-test-1"}}); !fault.Is(err, fault.Invalid) {
			t.Errorf("an account named %+q: %v", name, err)
		}
	}
}

// TestDetailsWithOddSeparators: only a plus behind something divides; what stands behind the first one is the detail, as it was written.
func TestDetailsWithOddSeparators(t *testing.T) {
	t.Parallel()
	tests := []struct{ local, detail string }{ // "!": nobody
		{"anna+math", "math"}, {"ANNA+Math", "Math"}, {"anna+a+b", "a+b"}, {"anna++", "+"}, {"anna++math", "+math"}, {"anna+", ""}, {`"anna+math"`, "math"},
		{`"anna+a b"`, "a b"}, {`"anna+a@b"`, "a@b"}, {`"anna+\"x\""`, `"x"`}, {"anna+a/b", "a/b"}, {"anna+a.b", "a.b"}, {"anna+%2e", "%2e"}, {"anna+=?x?=", "=?x?="},
		{"anna+u\u0308", "ü"}, {"anna+Ü", "Ü"}, {"anna+anna", "anna"}, {"anna+😀", "😀"},
		{"+anna", "!"}, {"+", "!"}, {"+anna+math", "!"}, {"anna-math", "!"}, {"anna.math", "!"}, {"anna_math", "!"}, {"anna=math", "!"}, {"anna#math", "!"}, {"anna＋math", "!"},
		{`"anna +math"`, "!"}, {`" anna"`, "!"}, {"an+na", "!"},
	}
	ctx := context.Background()
	d := open(t, storetest.Open(t), Options{})
	anna := add(t, d, "anna", Student)
	for _, tt := range tests {
		list, err := d.Resolve(ctx, tt.local+"@school.test", "")
		if tt.detail == "!" {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %+v, %v, want nobody", tt.local, list, err)
			}
			continue
		}
		if err != nil || len(list) != 1 || list[0] != (Recipient{Account: anna.ID, Address: anna.Address, Detail: tt.detail}) {
			t.Errorf("%s: %+v, %v, want the detail %q", tt.local, list, err, tt.detail)
		}
		if ok, err := d.OwnsAddress(ctx, anna.ID, tt.local+"@school.test"); !ok || err != nil {
			t.Errorf("%s is not anna's: %v", tt.local, err)
		}
	}
	for _, bad := range []string{"anna+a..b", "anna+.", "anna+a.", "anna+a b", "anna+(x)", "anna+<x>", "anna+\x00", "anna+\u202e"} {
		if _, err := d.Resolve(ctx, bad+"@school.test", ""); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v, want fault.Invalid", bad, err)
		}
	}
}

// TestChainsAreCutNowhere: an alias of an alias, a hundred deep, leads to the group at its end; who would close the ring is refused by whatever
// form; and what nobody owns is nobody's to write as.
func TestChainsAreCutNowhere(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, storetest.Open(t), Options{})
	anna, ben := add(t, d, "anna", Student), add(t, d, "ben", Teacher)
	g, err := d.AddGroup(ctx, Group{Name: "7b", Kind: Class, ToSender: true})
	must(t, err)
	must(t, d.AddMembers(ctx, g.ID, []ID{anna.ID}, false))
	must(t, d.AddMembers(ctx, g.ID, []ID{ben.ID}, true))
	before := "7b"
	for i := range 100 {
		name := fmt.Sprint("chain", i)
		must(t, d.AddAlias(ctx, Alias{name, []string{before, "anna"}}))
		before = name
	}
	list, err := d.Resolve(ctx, before+"@school.test", "")
	must(t, err)
	var who []ID
	for _, r := range list {
		who = append(who, r.Account)
		if r.Via != before+"@school.test" || r.List != g.ID {
			t.Errorf("by %+v, want by %s and the group", r, before)
		}
	}
	if !slices.Equal(who, []ID{anna.ID, ben.ID}) {
		t.Errorf("led to %v, want each of the group once", who)
	}
	for id, want := range map[ID]bool{anna.ID: true, ben.ID: true, 4711: false} { // anna is a target herself, ben owns the group
		if ok, err := d.OwnsAddress(ctx, id, before+"@school.test"); ok != want || err != nil {
			t.Errorf("%d may write as the alias: %t, %v, want %t", id, ok, err, want)
		}
	}
	must(t, d.RemoveAlias(ctx, "chain0"))
	for _, target := range []string{before, strings.ToUpper(before), before + "+x", before + "@SCHOOL.test"} {
		if err := d.AddAlias(ctx, Alias{"chain0", []string{"anna", target}}); !fault.Is(err, fault.Conflict) {
			t.Errorf("a ring by %s: %v", target, err)
		}
	}
	for _, target := range []string{"chain0", "Chain0@school.test", "chain0+x"} {
		if err := d.AddAlias(ctx, Alias{"chain0", []string{target}}); !fault.Is(err, fault.Conflict) {
			t.Errorf("an alias of itself by %s: %v", target, err)
		}
	}
}
