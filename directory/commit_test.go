package directory

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// administration is every call that changes something, on the school of resolve_test.go.
func administration(d *Directory) []struct {
	name string
	call func(ctx context.Context) error
} {
	account := func(ctx context.Context, name string) ID { a, _ := d.AccountByAddress(ctx, name); return a.ID }
	group := func(ctx context.Context, name string) ID { g, _ := d.Group(ctx, name); return g.ID }
	return []struct {
		name string
		call func(ctx context.Context) error
	}{
		{"AddDomain", func(ctx context.Context) error { return d.AddDomain(ctx, "new.test") }},
		{"RemoveDomain", func(ctx context.Context) error { return d.RemoveDomain(ctx, "new.test") }},
		{"AddAccounts", func(ctx context.Context) error {
			_, _, err := d.AddAccounts(ctx, []NewAccount{{Address: "new1@school.test", Role: Student}, {Address: "new2@school.test", Role: Parent}})
			return err
		}},
		{"ChangeAccount", func(ctx context.Context) error {
			return d.ChangeAccount(ctx, account(ctx, "anna"), AccountChange{Name: new("Anna Neu"), Role: new(Teacher), Password: new("secret-test-9")})
		}},
		{"AddGroup", func(ctx context.Context) error { return second(d.AddGroup(ctx, Group{Name: "8c", Kind: Class})) }},
		{"ChangeGroup", func(ctx context.Context) error {
			return d.ChangeGroup(ctx, group(ctx, "7b"), new("Klasse 7b"), new(Year), new(false))
		}},
		{"AddMembers", func(ctx context.Context) error {
			return d.AddMembers(ctx, group(ctx, "7b"), []ID{account(ctx, "carl"), account(ctx, "jürgen")}, true)
		}},
		{"RemoveMembers", func(ctx context.Context) error {
			return d.RemoveMembers(ctx, group(ctx, "7b"), []ID{account(ctx, "anna")})
		}},
		{"DeleteGroup", func(ctx context.Context) error { return d.DeleteGroup(ctx, group(ctx, "club")) }},
		{"AddAlias", func(ctx context.Context) error { return d.AddAlias(ctx, Alias{"fresh", []string{"anna", "7b"}}) }},
		{"RemoveAlias", func(ctx context.Context) error { return d.RemoveAlias(ctx, "math") }},
		{"AddResource", func(ctx context.Context) error {
			return second(d.AddResource(ctx, Resource{Name: "beamer", Kind: Device}))
		}},
		{"DeleteResource", func(ctx context.Context) error {
			r, err := d.Resource(ctx, "aula")
			return errors.Join(err, d.DeleteResource(ctx, r.ID))
		}},
		{"AddAppPassword", func(ctx context.Context) error {
			_, _, err := d.AddAppPassword(ctx, account(ctx, "carl"), "Phone", ScopeMail)
			return err
		}},
		{"RevokeAppPassword", func(ctx context.Context) error {
			id := account(ctx, "carl")
			list, err := d.AppPasswords(ctx, id)
			if err != nil || len(list) == 0 {
				return errors.Join(err, errors.New("no app password"))
			}
			return d.RevokeAppPassword(ctx, id, list[0].ID)
		}},
		{"PurgeAccount", func(ctx context.Context) error { return d.PurgeAccount(ctx, account(ctx, "gone")) }},
	}
}

// TestAFailedCommitPublishesNothing fails the commit of every call that changes something. The caller hears it, the memory
// shows what it showed before, which is what is stored, and the same call succeeds when the disk has room again.
func TestAFailedCommitPublishesNothing(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		var full atomic.Bool
		o.Faults = func(op, path string) error {
			if op == "commit" && full.Load() {
				return syscall.ENOSPC
			}
			return nil
		}
		s := storetest.OpenWith(t, o)
		d := school(t, s)
		ctx := context.Background()
		for _, tt := range administration(d) {
			before, seq := picture(t, d), d.ListSeq()
			full.Store(true)
			if err := tt.call(ctx); !fault.Is(err, fault.Unavailable) || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("%s on a full disk = %v, want Unavailable with the cause", tt.name, err)
			}
			full.Store(false)
			if diff := cmp.Diff(before, picture(t, d)); diff != "" || d.ListSeq() != seq {
				t.Errorf("%s failed, and yet change %d became %d (-before +after):\n%s", tt.name, seq, d.ListSeq(), diff)
			}
			if err := tt.call(ctx); err != nil {
				t.Errorf("%s when there is room again = %v", tt.name, err)
			}
			if diff := cmp.Diff(before, picture(t, d)); diff == "" {
				t.Errorf("%s changes nothing", tt.name)
			}
			if diff := cmp.Diff(picture(t, open(t, s, Options{})), picture(t, d)); diff != "" {
				t.Errorf("after %s (-stored +in memory):\n%s", tt.name, diff)
			}
		}
	})
}

// TestAnEndedContextChangesNothing: every call that changes something asks its context first.
func TestAnEndedContextChangesNothing(t *testing.T) {
	d := school(t, storetest.Open(t))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	before := picture(t, d)
	for _, tt := range administration(d) {
		if tt.name == "RevokeAppPassword" || tt.name == "RemoveDomain" {
			continue // there is nothing to revoke or remove as nothing was added
		}
		if err := tt.call(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v, want Canceled", tt.name, err)
		}
	}
	if diff := cmp.Diff(before, picture(t, d)); diff != "" {
		t.Errorf("something changed (-before +after):\n%s", diff)
	}
}

// TestHooksRunInsideTheTransaction: what OnCreate and OnPurge do is kept or undone with the principal; an error of theirs
// undoes everything.
func TestHooksRunInsideTheTransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		d := open(t, s, Options{})
		must(t, s.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec("CREATE TABLE desk (owner BIGINT NOT NULL, is_group BIGINT NOT NULL)")
			return err
		}))
		no := errors.New("no desk left")
		var fail error
		d.OnCreate(func(tx *store.Tx, id ID, isGroup bool) error {
			if _, err := tx.Exec("INSERT INTO desk (owner, is_group) VALUES ($1, $2)", id, isGroup); err != nil {
				return err
			}
			return fail
		})
		d.OnPurge(func(tx *store.Tx, id ID, isGroup bool) error {
			if _, err := tx.Exec("DELETE FROM desk WHERE owner = $1", id); err != nil {
				return err
			}
			return fail
		})
		desks := func() (n int64) {
			must(t, s.Read(ctx, func(tx *store.Tx) error { return tx.QueryRow("SELECT COUNT(*) FROM desk").Scan(&n) }))
			return n
		}
		anna := add(t, d, "anna", Student)
		g, err := d.AddGroup(ctx, Group{Name: "7b", Kind: Class})
		must(t, err)
		must(t, d.ChangeAccount(ctx, anna.ID, AccountChange{State: new(Deleted)}))
		if n := desks(); n != 2 {
			t.Fatalf("%d desks, want 2", n)
		}
		fail = no
		before := picture(t, d)
		_, _, err = d.AddAccounts(ctx, []NewAccount{{Address: "bob", Role: Student}})
		for name, err := range map[string]error{"AddAccounts": err, "AddGroup": second(d.AddGroup(ctx, Group{Name: "8c", Kind: Class})),
			"PurgeAccount": d.PurgeAccount(ctx, anna.ID), "DeleteGroup": d.DeleteGroup(ctx, g.ID)} {
			if !errors.Is(err, no) {
				t.Errorf("%s = %v, want the hook's error", name, err)
			}
		}
		if diff := cmp.Diff(before, picture(t, d)); diff != "" || desks() != 2 {
			t.Errorf("%d desks; changed (-before +after):\n%s", desks(), diff)
		}
		fail = nil
		must(t, d.PurgeAccount(ctx, anna.ID))
		must(t, d.DeleteGroup(ctx, g.ID))
		if n := desks(); n != 0 {
			t.Errorf("%d desks are left", n)
		}
	})
}

// principalColumns are the columns that hold the number of a principal, asked of the database, so that a new table cannot be
// forgotten here.
func principalColumns(t *testing.T, s *store.Store) (columns [][2]string) {
	t.Helper()
	query := `SELECT m.name, f."from" FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table' AND f."table" = 'principal'`
	if s.Postgres() {
		query = `SELECT c.relname::text, a.attname::text FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1] WHERE k.contype = 'f' AND p.relname = 'principal'`
	}
	must(t, s.Read(context.Background(), func(tx *store.Tx) error {
		return each(tx, query, func(scan func(...any) error) error {
			var c [2]string
			err := scan(&c[0], &c[1])
			columns = append(columns, c)
			return err
		})
	}))
	return columns
}

// TestAPurgeLeavesNoRow: after the second stage of deletion no table of the directory has a row of the account or of the
// group, and no text column its name. What others have is untouched.
func TestAPurgeLeavesNoRow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		c := newClock()
		d := open(t, s, Options{Now: c.now})
		bob := add(t, d, "bob", Student)
		list, _, err := d.AddAccounts(ctx, []NewAccount{{Address: "canary", Name: "Kanari Vogel", Role: Student, Password: "secret-test-1"}})
		must(t, err)
		canary := list[0]
		g, err := d.AddGroup(ctx, Group{Name: "canaries", Title: "Kanari Vögel", Kind: Club})
		must(t, err)
		must(t, d.AddMembers(ctx, g.ID, []ID{canary.ID, bob.ID}, true))
		other, err := d.AddGroup(ctx, Group{Name: "7b", Kind: Class})
		must(t, err)
		must(t, d.AddMembers(ctx, other.ID, []ID{canary.ID, bob.ID}, false))
		_, secret, err := d.AddAppPassword(ctx, canary.ID, "Kanari Phone", ScopeAll)
		must(t, err)
		must(t, second(login(d, "canary", secret)))
		must(t, second(login(d, "canary", "secret-test-1")))
		for i := range 3 {
			_, _ = login(d, "canary", fmt.Sprint("wrong-test-", i))
		}
		c.advance(time.Minute)
		must(t, d.Close())
		columns := principalColumns(t, s)
		if len(columns) < 7 {
			t.Fatalf("only these tables hold principals: %v", columns)
		}
		rows := func(id ID) (n int64) {
			for _, col := range columns {
				must(t, s.Read(ctx, func(tx *store.Tx) error {
					found, err := count(tx, "SELECT COUNT(*) FROM "+col[0]+" WHERE "+col[1]+" = $1", id)
					n += found
					return err
				}))
			}
			return n
		}
		if n := rows(canary.ID); n < 5 {
			t.Errorf("%d rows before the purge: the test sees too little", n)
		}
		bobs := rows(bob.ID)
		must(t, d.ChangeAccount(ctx, canary.ID, AccountChange{State: new(Deleted)}))
		must(t, d.PurgeAccount(ctx, canary.ID))
		must(t, d.DeleteGroup(ctx, g.ID))
		must(t, d.Close())
		if a, b := rows(canary.ID), rows(g.ID); a != 0 || b != 0 {
			t.Errorf("%d rows of the account and %d of the group are left", a, b)
		}
		if n := rows(bob.ID); n != bobs-1 { // no longer in that group
			t.Errorf("somebody else has %d rows, had %d", n, bobs)
		}
		must(t, s.Read(ctx, func(tx *store.Tx) error {
			for _, where := range []string{"principal WHERE login LIKE '%anar%' OR name LIKE '%anar%'", "address WHERE address LIKE '%anar%'",
				"app_password WHERE name LIKE '%anar%'", "account WHERE given LIKE '%anar%' OR family LIKE '%ogel%'"} {
				n, err := count(tx, "SELECT COUNT(*) FROM "+where)
				if err != nil || n != 0 {
					t.Errorf("%s: %d rows, %v", where, n, err)
				}
			}
			return nil
		}))
		if _, err := login(d, "canary", secret); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("a login of who was purged: %v", err)
		}
	})
}
