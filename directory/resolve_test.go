package directory

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// school fills a directory with everything that an address can lead to.
func school(t testing.TB, s *store.Store) *Directory {
	t.Helper()
	ctx := context.Background()
	d := open(t, s, Options{})
	must(t, d.AddDomain(ctx, "münchen.test"))
	anna, bob := add(t, d, "anna@school.test", Student), add(t, d, "bob@school.test", Student)
	off, gone := add(t, d, "off@school.test", Student), add(t, d, "gone@school.test", Student)
	add(t, d, "carl@school.test", Student)
	add(t, d, "jürgen@school.test", Teacher)
	add(t, d, "head@münchen.test", Admin)
	must(t, d.ChangeAccount(ctx, off.ID, AccountChange{State: new(Disabled)}))
	must(t, d.ChangeAccount(ctx, gone.ID, AccountChange{State: new(Deleted)}))
	group := func(name string, toSender bool, members ...Account) {
		t.Helper()
		g, err := d.AddGroup(ctx, Group{Name: name, Kind: Class, ToSender: toSender})
		must(t, err)
		for _, m := range members {
			must(t, d.AddMembers(ctx, g.ID, []ID{m.ID}, m.ID == bob.ID)) // bob owns every group he is in
		}
	}
	group("7b", true, anna, bob, off, gone)
	group("club", false, anna, bob)
	group("alone", false, anna)
	group("empty", true)
	_, err := d.AddResource(ctx, Resource{Name: "aula", Kind: Place})
	must(t, err)
	for _, a := range []Alias{
		{"office", []string{"carl"}},
		{"secretary", []string{"office"}},
		{"everyone", []string{"7b", "club", "carl", "anna"}},
		{"math", []string{"anna+Math"}},
		{"spring+offer", []string{"carl"}},
		{"away", []string{"off", "gone"}},
		{"half", []string{"off", "carl"}},
	} {
		must(t, d.AddAlias(ctx, a))
	}
	must(t, d.AddAlias(ctx, Alias{"loop", []string{"office"}}))
	must(t, d.RemoveAlias(ctx, "office")) // what led there leads nowhere …
	must(t, d.AddAlias(ctx, Alias{"office", []string{"carl", "head@münchen.test"}}))
	return d
}

func TestResolve(t *testing.T) {
	tests := []struct {
		name, address, sender string
		want                  []string // "address detail via"
		fault                 fault.Kind
	}{
		{"an account", "anna@school.test", "", []string{"anna@school.test  "}, 0},
		{"in other letters", "ANNA@School.Test", "", []string{"anna@school.test  "}, 0},
		{"quoted", `"anna"@school.test`, "", []string{"anna@school.test  "}, 0},
		{"an umlaut, decomposed", "Ju\u0308rgen@school.test", "", []string{"jürgen@school.test  "}, 0},
		{"another form of the domain", "head@MÜNCHEN.test", "", []string{"head@xn--mnchen-3ya.test  "}, 0},
		{"plus-addressing", "anna+Math@school.test", "", []string{"anna@school.test Math "}, 0},
		{"an empty detail", "anna+@school.test", "", []string{"anna@school.test  "}, 0},
		{"a group", "7b@school.test", "anna@school.test", []string{"anna@school.test  7b@school.test", "bob@school.test  7b@school.test"}, 0},
		{"a group with a detail", "7b+math@school.test", "", []string{"anna@school.test math 7b@school.test", "bob@school.test math 7b@school.test"}, 0},
		{"a group not to its sender", "club@school.test", "bob@school.test", []string{"anna@school.test  club@school.test"}, 0},
		{"nor to the sender's plus-address", "club@school.test", "Bob+x@school.test", []string{"anna@school.test  club@school.test"}, 0},
		{"nor to the sender's alias", "club@school.test", "math@school.test", []string{"bob@school.test  club@school.test"}, 0},
		{"from someone else", "club@school.test", "x@elsewhere.test", []string{"anna@school.test  club@school.test", "bob@school.test  club@school.test"}, 0},
		{"an alias", "office@school.test", "", []string{"carl@school.test  office@school.test", "head@xn--mnchen-3ya.test  office@school.test"}, 0},
		{"an alias of an alias", "secretary@school.test", "", []string{"carl@school.test  secretary@school.test", "head@xn--mnchen-3ya.test  secretary@school.test"}, 0},
		{"each only once", "everyone@school.test", "", []string{"anna@school.test  everyone@school.test", "bob@school.test  everyone@school.test", "carl@school.test  everyone@school.test"}, 0},
		{"a target's own detail", "math+x@school.test", "", []string{"anna@school.test Math math@school.test"}, 0},
		{"an alias keeps the detail", "secretary+tax@school.test", "", []string{"carl@school.test tax secretary@school.test", "head@xn--mnchen-3ya.test tax secretary@school.test"}, 0},
		{"an alias with a plus", "spring+offer@school.test", "", []string{"carl@school.test  spring+offer@school.test"}, 0},
		{"an alias some of whose targets are gone", "half@school.test", "", []string{"carl@school.test  half@school.test"}, 0},
		{"postmaster", "PostMaster@school.test", "", []string{"head@xn--mnchen-3ya.test  postmaster@school.test"}, 0},
		{"abuse at the other domain", "abuse@münchen.test", "", []string{"head@xn--mnchen-3ya.test  abuse@xn--mnchen-3ya.test"}, 0},

		{"nobody", "nobody@school.test", "", nil, fault.NotFound},
		{"nobody with a plus", "nobody+anna@school.test", "", nil, fault.NotFound},
		{"right name, other domain", "anna@münchen.test", "", nil, fault.NotFound},
		{"a quoted @", `"anna@school.test"@school.test`, "", nil, fault.NotFound},
		{"a foreign domain", "anna@elsewhere.test", "anna@school.test", nil, fault.Forbidden},
		{"a subdomain of ours", "anna@sub.school.test", "", nil, fault.Forbidden},
		{"an address literal", "anna@[127.0.0.1]", "", nil, fault.Forbidden},
		{"percent relaying", "x%elsewhere.test@school.test", "", nil, fault.NotFound},
		{"bang relaying", "elsewhere.test!x@school.test", "", nil, fault.NotFound},
		{"disabled", "off@school.test", "", nil, fault.Refused},
		{"deleted", "gone@school.test", "", nil, fault.NotFound},
		{"an alias of a disabled and a deleted account", "away@school.test", "", nil, fault.NotFound},
		{"a group without members", "empty@school.test", "", nil, fault.Refused},
		{"a group of the sender alone", "alone@school.test", "anna@school.test", nil, fault.Refused},
		{"a resource", "aula@school.test", "", nil, fault.Refused},
		{"no address", "anna", "", nil, fault.Invalid},
		{"empty", "", "", nil, fault.Invalid},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		live := school(t, s)
		loaded := open(t, s, Options{})
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				for when, d := range map[string]*Directory{"live": live, "after a restart": loaded} {
					got, err := d.Resolve(context.Background(), tt.address, tt.sender)
					if tt.want == nil {
						if !fault.Is(err, tt.fault) {
							t.Errorf("%s: Resolve(%q) = %v, %v; want %v", when, tt.address, got, err, tt.fault)
						}
						continue
					}
					var lines []string
					for _, r := range got {
						if a, err := d.Account(context.Background(), r.Account); err != nil || a.Address != r.Address {
							t.Errorf("%s: %+v is not account %+v, %v", when, r, a, err)
						}
						lines = append(lines, fmt.Sprintf("%s %s %s", r.Address, r.Detail, r.Via))
					}
					if diff := cmp.Diff(tt.want, lines); err != nil || diff != "" {
						t.Errorf("%s: Resolve(%q) error %v, differs (-want +got):\n%s", when, tt.address, err, diff)
					}
				}
			})
		}
	})
}

// A cycle cannot be made; one that is there all the same (an alias was removed and made anew) ends.
func TestAliasCycles(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		d := school(t, s)
		must(t, d.AddAlias(ctx, Alias{"a", []string{"anna"}}))
		must(t, d.AddAlias(ctx, Alias{"b", []string{"a"}}))
		must(t, d.AddAlias(ctx, Alias{"c", []string{"b", "carl"}}))
		must(t, d.RemoveAlias(ctx, "a"))
		for _, target := range []string{"a", "a+x", "b", "c", "c+x"} {
			if err := d.AddAlias(ctx, Alias{"a", []string{"anna", target}}); !fault.Is(err, fault.Conflict) {
				t.Errorf("a to %s: %v, want fault.Conflict", target, err)
			}
		}
		a, c := Address{Local: "a", Domain: "school.test"}, Address{Local: "c", Domain: "school.test"}
		d.view.putAlias("a@school.test", []Address{c, a})
		got, err := d.Resolve(ctx, "a@school.test", "")
		must(t, err)
		if len(got) != 1 || got[0].Address != "carl@school.test" {
			t.Errorf("a cycle leads to %+v", got)
		}
		if owns, _ := d.OwnsAddress(ctx, got[0].Account, "b@school.test"); !owns {
			t.Error("carl does not own an alias that leads to him through a cycle")
		}
		if owns, _ := d.OwnsAddress(ctx, 999, "a@school.test"); owns {
			t.Error("nobody owns it too")
		}
	})
}

func TestOwnsAddress(t *testing.T) {
	tests := []struct {
		name, who, address string
		want               bool
	}{
		{"own", "anna", "anna@school.test", true},
		{"own, in other letters", "anna", "ANNA@SCHOOL.TEST", true},
		{"own with a detail", "anna", "anna+math@school.test", true},
		{"another's", "anna", "bob@school.test", false},
		{"an alias", "carl", "office@school.test", true},
		{"an alias with a detail", "carl", "office+tax@school.test", true},
		{"an alias of an alias", "carl", "secretary@school.test", true},
		{"an alias for others", "bob", "office@school.test", false},
		{"a group one owns", "bob", "7b@school.test", true},
		{"a group one is a member of", "anna", "7b@school.test", false},
		{"an alias for a group one owns", "bob", "everyone@school.test", true},
		{"a disabled account's own", "off", "off@school.test", false},
		{"a resource", "anna", "aula@school.test", false},
		{"a foreign address", "anna", "anna@elsewhere.test", false},
		{"no address", "anna", "anna", false},
		{"nobody's", "anna", "nobody@school.test", false},
		{"the bare alias of one with a plus", "carl", "spring@school.test", false},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := school(t, s)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				who, err := d.AccountByAddress(context.Background(), tt.who)
				must(t, err)
				if got, err := d.OwnsAddress(context.Background(), who.ID, tt.address); got != tt.want || err != nil {
					t.Errorf("OwnsAddress(%s, %q) = %v, %v; want %v", tt.who, tt.address, got, err, tt.want)
				}
			})
		}
	})
}
