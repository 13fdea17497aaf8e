package directory

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// While the disk takes nothing, people still log in, the limits still hold, and what could not be written is written later.
func TestLoginsGoOnWithoutADisk(t *testing.T) {
	var broken atomic.Bool
	o := store.Options{Dir: t.TempDir(), Faults: func(op, _ string) error {
		if broken.Load() && op == "commit" {
			return syscall.ENOSPC
		}
		return nil
	}}
	s := storetest.OpenWith(t, o)
	c := newClock()
	d := open(t, s, Options{Now: c.now})
	anna := add(t, d, "anna", Student)
	ben, _, err := d.AddAccounts(context.Background(), []NewAccount{{Address: "ben", Role: Student, PasswordHash: foreignHashes[0].hash}})
	must(t, err)
	_, secret, err := d.AddAppPassword(context.Background(), anna.ID, "Phone", ScopeMail)
	must(t, err)

	broken.Store(true)
	if _, err := login(d, "anna", secret); err != nil {
		t.Errorf("an app password: %v", err)
	}
	if _, err := login(d, "anna", "secret-test-1"); err != nil {
		t.Errorf("a password: %v", err)
	}
	if _, err := login(d, "ben", foreignHashes[0].secret); err != nil {
		t.Errorf("an imported hash that cannot be replaced now: %v", err)
	}
	for i := range wrongPerLogin {
		_, _ = login(d, "ben", fmt.Sprint("wrong-test-", i))
	}
	if _, err := login(d, "ben", foreignHashes[0].secret); !fault.Is(err, fault.Throttled) {
		t.Errorf("after ten wrong ones: %v, want fault.Throttled", err)
	}
	if err := d.ChangeAccount(context.Background(), ben[0].ID, AccountChange{State: new(Disabled)}); err == nil {
		t.Error("a change that is not on disk was confirmed")
	}
	if a, _ := d.Account(context.Background(), ben[0].ID); a.State != Active {
		t.Error("a change that is not on disk is visible")
	}
	if err := d.Close(); err == nil {
		t.Error("what could not be saved was passed over in silence")
	}

	broken.Store(false)
	must(t, d.Close())
	d = open(t, s, Options{Now: c.now})
	if _, err := login(d, "ben", foreignHashes[0].secret); !fault.Is(err, fault.Throttled) {
		t.Errorf("after the disk came back and a restart: %v, want fault.Throttled", err)
	}
	if apps, _ := d.AppPasswords(context.Background(), anna.ID); len(apps) != 1 || apps[0].LastUsed.IsZero() {
		t.Errorf("the app password's use was lost: %+v", apps)
	}
}

// Doors ask while administrators change things; the race detector watches. Nobody sees half a change.
func TestReadersAndWriters(t *testing.T) {
	s := storetest.Open(t)
	d := school(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	var readers sync.WaitGroup
	for i := range 2 {
		readers.Go(func() {
			for ctx.Err() == nil {
				if got, err := d.Resolve(ctx, "7b@school.test", "bob@school.test"); err == nil && len(got) != len(names(got)) {
					t.Errorf("a member twice: %+v", got)
				}
				_, _ = d.Resolve(ctx, "everyone+x@school.test", "")
				_, _ = d.OwnsAddress(ctx, ID(i+1), "office@school.test")
				if id, err := login(d, "anna@school.test", "secret-test-1"); err == nil {
					_ = d.Valid(id)
				}
				if g, err := d.Group(ctx, "7b"); err == nil {
					_, _ = d.Members(ctx, g.ID)
				}
			}
		})
	}
	anna, err := d.AccountByAddress(ctx, "anna@school.test")
	must(t, err)
	g, err := d.Group(ctx, "7b")
	must(t, err)
	for i := range 8 {
		must(t, d.ChangeAccount(ctx, anna.ID, AccountChange{State: &[]State{Disabled, Active}[i%2], Name: new(fmt.Sprint("Anna ", i))}))
		must(t, d.RemoveMembers(ctx, g.ID, []ID{anna.ID}))
		must(t, d.AddMembers(ctx, g.ID, []ID{anna.ID}, i%3 == 0))
		app, _, err := d.AddAppPassword(ctx, anna.ID, "Phone", ScopeMail)
		must(t, err)
		must(t, d.RevokeAppPassword(ctx, anna.ID, app.ID))
		d.SetQuotas(map[Role]int64{Student: int64(i)})
	}
	cancel()
	readers.Wait()
}

func names(list []Recipient) map[string]bool {
	set := map[string]bool{}
	for _, r := range list {
		set[r.Address] = true
	}
	return set
}

// Two who make the same address at once: one gets it, the other hears so.
func TestTheSameAddressAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := open(t, s, Options{})
		var made, taken atomic.Int32
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				var err error
				if i%2 == 0 {
					_, _, err = d.AddAccounts(context.Background(), []NewAccount{{Address: "7b", Role: Staff}})
				} else {
					_, err = d.AddGroup(context.Background(), Group{Name: "7b", Kind: Class})
				}
				switch {
				case err == nil:
					made.Add(1)
				case fault.Is(err, fault.AlreadyExists):
					taken.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if made.Load() != 1 || taken.Load() != 7 {
			t.Errorf("%d made and %d refused, want 1 and 7", made.Load(), taken.Load())
		}
	})
}

// What a peer wrote does not get into messages as it is.
func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"anna@school.test": "anna@school.test", "jürgen": "jürgen", "a\x1b[31m": `"a\x1b[31m"`, "a b": `"a b"`, "": `""`,
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %s, want %s", in, got, want)
		}
	}
	if got := printable(strings.Repeat("a", 1000)); len(got) > 110 {
		t.Errorf("printable leaves %d bytes of 1000", len(got))
	}
}

func ExampleAddress_Split() {
	a, err := ParseAddress(`"Anna+Math"@School.test`)
	if err != nil {
		fmt.Println(err)
		return
	}
	base, detail, _ := a.Split()
	fmt.Println(base, detail)
	// Output: anna@school.test Math
}
