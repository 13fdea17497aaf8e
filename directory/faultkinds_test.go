package directory

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// TestEveryRefusalHasItsKind walks the calls and what each may refuse, with a text for whoever asked; a refusal changes nothing.
func TestEveryRefusalHasItsKind(t *testing.T) {
	const nobody = ID(999_999)
	long := strings.Repeat("x", MaxNameBytes+1)
	tests := []struct {
		name string
		want fault.Kind
		call func(ctx context.Context, d *Directory) error
	}{
		{"AddDomain of nothing", fault.Invalid, func(ctx context.Context, d *Directory) error { return d.AddDomain(ctx, "") }},
		{"AddDomain of an address literal", fault.Invalid, func(ctx context.Context, d *Directory) error { return d.AddDomain(ctx, "[192.0.2.1]") }},
		{"AddDomain with an underscore", fault.Invalid, func(ctx context.Context, d *Directory) error { return d.AddDomain(ctx, "a_b.test") }},
		{"AddDomain that is too long", fault.Invalid, func(ctx context.Context, d *Directory) error {
			return d.AddDomain(ctx, strings.Repeat("abcdefg.", 40)+"test")
		}},
		{"AddDomain of ours in another form", fault.AlreadyExists, func(ctx context.Context, d *Directory) error { return d.AddDomain(ctx, "MÜNCHEN.test") }},
		{"RemoveDomain in use", fault.InUse, func(ctx context.Context, d *Directory) error { return d.RemoveDomain(ctx, "school.test") }},
		{"RemoveDomain of another's", fault.NotFound, func(ctx context.Context, d *Directory) error { return d.RemoveDomain(ctx, "elsewhere.test") }},
		{"RemoveDomain that ends like ours", fault.NotFound, func(ctx context.Context, d *Directory) error { return d.RemoveDomain(ctx, "ool.test") }},
		{"RemoveDomain of no domain", fault.Invalid, func(ctx context.Context, d *Directory) error { return d.RemoveDomain(ctx, "a b") }},
		{"Canonical of a bare name where there are several domains", fault.Invalid, func(ctx context.Context, d *Directory) error { return second(d.Canonical(ctx, "anna")) }},
		{"Canonical of no address", fault.Invalid, func(ctx context.Context, d *Directory) error { return second(d.Canonical(ctx, "a@b@c")) }},
		{"Account of nobody", fault.NotFound, func(ctx context.Context, d *Directory) error { return second(d.Account(ctx, nobody)) }},
		{"Account of a group", fault.NotFound, func(ctx context.Context, d *Directory) error {
			g, err := d.Group(ctx, "7b")
			if err != nil {
				return err
			}
			return second(d.Account(ctx, g.ID))
		}},
		{"AccountByAddress of nobody", fault.NotFound, func(ctx context.Context, d *Directory) error { return second(d.AccountByAddress(ctx, "nobody")) }},
		{"AccountByAddress of a group", fault.NotFound, func(ctx context.Context, d *Directory) error {
			return second(d.AccountByAddress(ctx, "7b@school.test"))
		}},
		{"AccountByAddress of an alias", fault.NotFound, func(ctx context.Context, d *Directory) error {
			return second(d.AccountByAddress(ctx, "office@school.test"))
		}},
		{"AccountByAddress of very much", fault.NotFound, func(ctx context.Context, d *Directory) error {
			return second(d.AccountByAddress(ctx, strings.Repeat("x", 1<<20)))
		}},
		{"ChangeAccount of nobody", fault.NotFound, func(ctx context.Context, d *Directory) error { return d.ChangeAccount(ctx, nobody, AccountChange{}) }},
		{"ChangeAccount to a negative quota", fault.Invalid, func(ctx context.Context, d *Directory) error {
			return d.ChangeAccount(ctx, 1, AccountChange{QuotaBytes: new(int64(-2))})
		}},
		{"ChangeAccount to a long name", fault.Invalid, func(ctx context.Context, d *Directory) error {
			return d.ChangeAccount(ctx, 1, AccountChange{Name: &long})
		}},
		{"PurgeAccount that is active", fault.Refused, func(ctx context.Context, d *Directory) error { return d.PurgeAccount(ctx, 1) }},
		{"PurgeAccount of nobody", fault.NotFound, func(ctx context.Context, d *Directory) error { return d.PurgeAccount(ctx, nobody) }},
		{"Group of no name", fault.NotFound, func(ctx context.Context, d *Directory) error { return second(d.Group(ctx, "9z")) }},
		{"Group of an account", fault.NotFound, func(ctx context.Context, d *Directory) error { return second(d.Group(ctx, "anna")) }},
		{"Group of very much", fault.NotFound, func(ctx context.Context, d *Directory) error { return second(d.Group(ctx, strings.Repeat("x", 1<<20))) }},
		{"AddGroup of a taken name", fault.AlreadyExists, func(ctx context.Context, d *Directory) error {
			return second(d.AddGroup(ctx, Group{Name: "anna@school.test", Kind: Class}))
		}},
		{"AddGroup at a foreign domain", fault.NotFound, func(ctx context.Context, d *Directory) error {
			return second(d.AddGroup(ctx, Group{Name: "a@elsewhere.test", Kind: Class}))
		}},
		{"AddGroup with a long title", fault.Invalid, func(ctx context.Context, d *Directory) error {
			return second(d.AddGroup(ctx, Group{Name: "new", Kind: Class, Title: long}))
		}},
		{"AddGroup of no kind", fault.Invalid, func(ctx context.Context, d *Directory) error { return second(d.AddGroup(ctx, Group{Name: "new"})) }},
		{"ChangeGroup of nothing", fault.NotFound, func(ctx context.Context, d *Directory) error { return d.ChangeGroup(ctx, nobody, nil, nil, new(true)) }},
		{"DeleteGroup of nothing", fault.NotFound, func(ctx context.Context, d *Directory) error { return d.DeleteGroup(ctx, nobody) }},
		{"DeleteGroup of an account", fault.NotFound, func(ctx context.Context, d *Directory) error { return d.DeleteGroup(ctx, 1) }},
		{"Members of nothing", fault.NotFound, func(ctx context.Context, d *Directory) error { return second(d.Members(ctx, nobody)) }},
		{"GroupsOf nobody", fault.NotFound, func(ctx context.Context, d *Directory) error { return second(d.GroupsOf(ctx, nobody)) }},
		{"AddMembers to nothing", fault.NotFound, func(ctx context.Context, d *Directory) error { return d.AddMembers(ctx, nobody, []ID{1}, false) }},
		{"AddMembers of a group", fault.NotFound, func(ctx context.Context, d *Directory) error {
			g, err := d.Group(ctx, "7b")
			if err != nil {
				return err
			}
			return d.AddMembers(ctx, g.ID, []ID{1, g.ID}, false)
		}},
		{"RemoveMembers who are none", fault.NotFound, func(ctx context.Context, d *Directory) error {
			g, err := d.Group(ctx, "alone")
			if err != nil {
				return err
			}
			a, err := d.AccountByAddress(ctx, "anna")
			if err != nil {
				return err
			}
			return d.RemoveMembers(ctx, g.ID, []ID{a.ID, nobody})
		}},
		{"AddAlias without targets", fault.Limit, func(ctx context.Context, d *Directory) error { return d.AddAlias(ctx, Alias{Address: "new"}) }},
		{"AddAlias with too many targets", fault.Limit, func(ctx context.Context, d *Directory) error {
			return d.AddAlias(ctx, Alias{"new", make([]string, MaxTargets+1)})
		}},
		{"AddAlias to another server", fault.Refused, func(ctx context.Context, d *Directory) error {
			return d.AddAlias(ctx, Alias{"new", []string{"a@elsewhere.test"}})
		}},
		{"AddAlias to nobody", fault.NotFound, func(ctx context.Context, d *Directory) error {
			return d.AddAlias(ctx, Alias{"new", []string{"nobody"}})
		}},
		{"AddAlias to itself", fault.Conflict, func(ctx context.Context, d *Directory) error { return d.AddAlias(ctx, Alias{"new", []string{"new"}}) }},
		{"AddAlias to itself with a detail", fault.Conflict, func(ctx context.Context, d *Directory) error { return d.AddAlias(ctx, Alias{"new", []string{"new+x"}}) }},
		{"AddAlias of a taken name", fault.AlreadyExists, func(ctx context.Context, d *Directory) error { return d.AddAlias(ctx, Alias{"math", []string{"carl"}}) }},
		{"AddAlias at a foreign domain", fault.NotFound, func(ctx context.Context, d *Directory) error {
			return d.AddAlias(ctx, Alias{"a@elsewhere.test", []string{"carl"}})
		}},
		{"Alias of no alias", fault.NotFound, func(ctx context.Context, d *Directory) error { return second(d.Alias(ctx, "anna")) }},
		{"RemoveAlias of an account", fault.NotFound, func(ctx context.Context, d *Directory) error { return d.RemoveAlias(ctx, "anna") }},
		{"AddResource of no kind", fault.Invalid, func(ctx context.Context, d *Directory) error {
			return second(d.AddResource(ctx, Resource{Name: "new", Kind: "person"}))
		}},
		{"AddResource of a taken name", fault.AlreadyExists, func(ctx context.Context, d *Directory) error {
			return second(d.AddResource(ctx, Resource{Name: "7b", Kind: Place}))
		}},
		{"AddResource with a title that does not print", fault.Invalid, func(ctx context.Context, d *Directory) error {
			return second(d.AddResource(ctx, Resource{Name: "new", Kind: Place, Title: "a\u202eb"}))
		}},
		{"Resource of no name", fault.NotFound, func(ctx context.Context, d *Directory) error { return second(d.Resource(ctx, "nothing")) }},
		{"DeleteResource of an account", fault.NotFound, func(ctx context.Context, d *Directory) error { return d.DeleteResource(ctx, 1) }},
		{"AddAppPassword for nobody", fault.NotFound, func(ctx context.Context, d *Directory) error {
			_, _, err := d.AddAppPassword(ctx, nobody, "Phone", ScopeMail)
			return err
		}},
		{"AddAppPassword without a scope", fault.Invalid, func(ctx context.Context, d *Directory) error {
			_, _, err := d.AddAppPassword(ctx, 1, "Phone", 0)
			return err
		}},
		{"AddAppPassword with an unknown scope", fault.Invalid, func(ctx context.Context, d *Directory) error {
			_, _, err := d.AddAppPassword(ctx, 1, "Phone", 1<<7)
			return err
		}},
		{"RevokeAppPassword of another", fault.NotFound, func(ctx context.Context, d *Directory) error { return d.RevokeAppPassword(ctx, 1, 999) }},
		{"Resolve of no address", fault.Invalid, func(ctx context.Context, d *Directory) error { return second(d.Resolve(ctx, "anna", "")) }},
		{"Resolve at another server", fault.Forbidden, func(ctx context.Context, d *Directory) error {
			return second(d.Resolve(ctx, "anna@elsewhere.test", ""))
		}},
		{"Resolve of nobody", fault.NotFound, func(ctx context.Context, d *Directory) error { return second(d.Resolve(ctx, "nobody@school.test", "")) }},
		{"Resolve of who is disabled", fault.Refused, func(ctx context.Context, d *Directory) error { return second(d.Resolve(ctx, "off@school.test", "")) }},
		{"Resolve of who is deleted", fault.NotFound, func(ctx context.Context, d *Directory) error { return second(d.Resolve(ctx, "gone@school.test", "")) }},
		{"Resolve of a place", fault.Refused, func(ctx context.Context, d *Directory) error { return second(d.Resolve(ctx, "aula@school.test", "")) }},
		{"Resolve of an empty group", fault.Refused, func(ctx context.Context, d *Directory) error { return second(d.Resolve(ctx, "empty@school.test", "")) }},
		{"ParseScope of nonsense", fault.Invalid, func(context.Context, *Directory) error { return second(ParseScope([]string{"mail", "everything"})) }},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		d := school(t, s)
		before := picture(t, d)
		for _, tt := range tests {
			err := tt.call(ctx, d)
			if !fault.Is(err, tt.want) || fault.TextOf(err) == "" || strings.Contains(fault.TextOf(err), "\n") || len(fault.TextOf(err)) > 500 {
				t.Errorf("%s: %v (%s), want %s with a short text", tt.name, err, fault.KindOf(err), tt.want)
			}
		}
		if diff := cmp.Diff(before, picture(t, d)); diff != "" {
			t.Errorf("a refusal changed something (-before +after):\n%s", diff)
		}
		if diff := cmp.Diff(before, picture(t, open(t, s, Options{}))); diff != "" {
			t.Errorf("a refusal changed what is stored (-before +after):\n%s", diff)
		}
	})
}

// TestDamagedRows: a row that makes no sense is an error of the start that tells where, or costs only its own account, and never
// opens a door.
func TestDamagedRows(t *testing.T) {
	tests := []struct {
		name, query string
		starts      bool // the directory, without anna's login
	}{
		{"a hash that is none", "UPDATE account SET password = 'rubbish'", true},
		{"an empty hash", "UPDATE account SET password = ''", true},
		{"a hash with absurd costs", "UPDATE account SET password = '$argon2id$v=19$m=99999999,t=99,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'", true},
		{"a state that is none", "UPDATE account SET state = 'asleep'", true},
		{"an alias to no address", "INSERT INTO address (address) VALUES ('x@school.test'); INSERT INTO alias_target (address, position, target) VALUES ('x@school.test', 0, 'no address')", false},
		{"a limit that cannot be read", "INSERT INTO login_limit (key_, level, at_micros, until_micros, strikes) VALUES ('pair of shoes', 1, 1, 1, 1)", true},
		{"a network that is none", "INSERT INTO login_network (account_id, network, seen) SELECT principal_id, 'school', 1 FROM account", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := context.Background()
			s := storetest.Open(t)
			d := open(t, s, Options{})
			add(t, d, "anna", Student)
			for query := range strings.SplitSeq(tt.query, "; ") {
				must(t, s.Write(ctx, func(tx *store.Tx) error { _, err := tx.Exec(query); return err }))
			}
			again, err := New(ctx, s, Options{HashParams: cheap()})
			if (err == nil) != tt.starts {
				t.Fatalf("New = %v, want a start = %t", err, tt.starts)
			}
			if !tt.starts {
				if !strings.Contains(err.Error(), "directory: load") {
					t.Errorf("New = %v, want it to tell where", err)
				}
				return
			}
			if _, err := login(again, "anna", "wrong-test-1"); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("a wrong password: %v", err)
			}
			_, err = login(again, "anna", "secret-test-1")
			if account := strings.Contains(tt.query, "UPDATE account"); account != fault.Is(err, fault.Unauthenticated) {
				t.Errorf("the right password: %v", err)
			}
		})
	}
}

// TestSecretsStayOut: no complaint repeats a password, a hash or an app password.
func TestSecretsStayOut(t *testing.T) {
	ctx := context.Background()
	d := open(t, storetest.Open(t), Options{})
	a := add(t, d, "anna", Student)
	const word = "Sonnenblumenkern"
	for name, err := range map[string]error{
		"a password with the name in it": func() error {
			_, _, err := d.AddAccounts(ctx, []NewAccount{{Address: "new", Name: word, Role: Student, Password: word}})
			return err
		}(),
		"a hash that is not known": func() error {
			_, _, err := d.AddAccounts(ctx, []NewAccount{{Address: "new", Role: Student, PasswordHash: "{" + word + "}x"}})
			return err
		}(),
		"a short password":           d.ChangeAccount(ctx, a.ID, AccountChange{Password: new(word[:5])}),
		"a wrong login":              second(login(d, "anna", word)),
		"a login that is a password": second(login(d, word, word)),
	} {
		if err == nil || strings.Contains(fault.TextOf(err), word[:5]) {
			t.Errorf("%s: %v, want a text without the secret", name, err)
		}
	}
	for i := range 3 {
		app, secret, err := d.AddAppPassword(ctx, a.ID, fmt.Sprint("Phone ", i), ScopeMail)
		must(t, err)
		if text := fmt.Sprintf("%+v", app); strings.Contains(text, secret) || strings.Contains(text, strings.ReplaceAll(secret, "-", "")) {
			t.Errorf("an app password shows its secret: %s", text)
		}
	}
}
