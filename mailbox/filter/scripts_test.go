package filter

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"pgregory.net/rapid"
)

// newFilters opens the domain on s with one account.
func newFilters(t testing.TB, s *store.Store) (*Filters, directory.ID) {
	t.Helper()
	ctx := context.Background()
	dir, err := directory.New(ctx, s, directory.Options{HashParams: directory.HashParams{MemoryKiB: 8, Time: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	mail, err := mailbox.New(ctx, s, dir, mailbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.AddDomain(ctx, "school.test"); err != nil {
		t.Fatal(err)
	}
	list, _, err := dir.AddAccounts(ctx, []directory.NewAccount{{Address: "anna@school.test", Role: directory.Student, Password: "richtig-Pferd-9"}})
	if err != nil {
		t.Fatal(err)
	}
	f := reopen(t, s, mail, dir)
	t.Cleanup(func() { mail.Close(); dir.Close() })
	return f, list[0].ID
}

// reopen opens the domain anew, as after a restart.
func reopen(t testing.TB, s *store.Store, mail *mailbox.Mail, dir *directory.Directory) *Filters {
	t.Helper()
	f, err := New(context.Background(), s, mail, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// modelOfScripts is what RFC 5804 says of the scripts of one owner.
type modelOfScripts struct {
	text   map[string]string
	active string
}

func (m *modelOfScripts) step(t *rapid.T, f *Filters, owner directory.ID) {
	ctx := context.Background()
	name := rapid.SampledFrom([]string{"a", "b", "ferien", "\u00fc"}).Draw(t, "name")
	_, known := m.text[name]
	var err error
	want := fault.Kind(0)
	switch op := rapid.SampledFrom([]string{"put", "put wrong", "activate", "none", "delete", "rename"}).Draw(t, "do"); op {
	case "put":
		text := fmt.Sprintf("# %d\nkeep;\n", rapid.IntRange(0, 99).Draw(t, "text"))
		if _, err = f.Put(ctx, owner, name, []byte(text)); err == nil {
			m.text[name] = text
		}
	case "put wrong":
		_, err = f.Put(ctx, owner, name, []byte("keep"))
		want = fault.Invalid
	case "activate":
		err = f.Activate(ctx, owner, name)
		if want = fault.NotFound; known {
			want, m.active = 0, name
		}
	case "none":
		err = f.Activate(ctx, owner, "")
		m.active = ""
	case "delete":
		err = f.Delete(ctx, owner, name)
		switch {
		case !known:
			want = fault.NotFound
		case m.active == name:
			want = fault.InUse
		default:
			delete(m.text, name)
		}
	case "rename":
		to := rapid.SampledFrom([]string{"a", "b", "ferien", "u\u0308"}).Draw(t, "to")
		err = f.Rename(ctx, owner, name, to)
		to = strings.ReplaceAll(to, "u\u0308", "\u00fc") // names are NFC
		_, taken := m.text[to]
		switch {
		case !known:
			want = fault.NotFound
		case taken:
			want = fault.AlreadyExists
		default:
			m.text[to] = m.text[name]
			delete(m.text, name)
			if m.active == name {
				m.active = to
			}
		}
	}
	if want == 0 && err != nil || want != 0 && !fault.Is(err, want) {
		t.Fatalf("got %v, want kind %v", err, want)
	}
}

// compare asks for everything in every way.
func (m *modelOfScripts) compare(t *rapid.T, f *Filters, owner directory.ID) {
	ctx := context.Background()
	list, err := f.Scripts(ctx, owner)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range list {
		names = append(names, s.Name)
		if s.Active != (s.Name == m.active) || s.Size != int64(len(m.text[s.Name])) {
			t.Fatalf("%+v, the active one is %q", s, m.active)
		}
		text, err := f.Script(ctx, owner, s.Name)
		if err != nil || string(text) != m.text[s.Name] {
			t.Fatalf("script %s is %q, %v, want %q", s.Name, text, err, m.text[s.Name])
		}
		kept, err := f.lookup(ctx, scriptKey{owner, s.Name})
		if err != nil || kept == nil || kept.hash != compile(text, s.Name).hash {
			t.Fatalf("what runs as %s is not what was stored, %v", s.Name, err)
		}
	}
	if want := slices.Sorted(maps.Keys(m.text)); !slices.Equal(names, want) {
		t.Fatalf("scripts %q, want %q", names, want)
	}
	if got := f.activeName(owner); got != m.active {
		t.Fatalf("%q runs, want %q", got, m.active)
	}
	if f.Concerns([]mailbox.To{{Owner: owner}}) != (m.active != "") {
		t.Fatal("whether mail concerns a filter")
	}
}

// Whatever is put, activated, renamed and deleted in whatever order: there is at most one active script, what runs is what was stored last,
// and a restart changes nothing. RFC 5804 §2.
func TestScriptsAgainstAModel(t *testing.T) {
	storetest.ShortRun(t, 25)
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f, owner := newFilters(t, s)
		rapid.Check(t, func(rt *rapid.T) {
			ctx := context.Background()
			m := &modelOfScripts{text: map[string]string{}}
			list, err := f.Scripts(ctx, owner)
			if err != nil {
				rt.Fatal(err)
			}
			if err := f.Activate(ctx, owner, ""); err != nil {
				rt.Fatal(err)
			}
			for _, old := range list {
				if err := f.Delete(ctx, owner, old.Name); err != nil {
					rt.Fatal(err)
				}
			}
			for range rapid.IntRange(1, 30).Draw(rt, "steps") {
				m.step(rt, f, owner)
				m.compare(rt, f, owner)
			}
			m.compare(rt, reopen(t, s, f.mail, f.dir), owner)
		})
	})
}

// Each limit holds from both sides, and is asked for before the text comes. RFC 5804 §2.5.
func TestLimitsOfScripts(t *testing.T) {
	ctx := context.Background()
	f, owner := newFilters(t, storetest.Open(t))
	if _, err := f.Put(ctx, owner, strings.Repeat("n", MaxNameBytes), []byte("keep;")); err != nil {
		t.Errorf("a name of %d bytes: %v", MaxNameBytes, err)
	}
	for _, name := range []string{"", strings.Repeat("n", MaxNameBytes+1), "a\nb", "\xff", "\u2028"} {
		if _, err := f.Put(ctx, owner, name, []byte("keep;")); !fault.Is(err, fault.Invalid) {
			t.Errorf("a script named %q: %v", name, err)
		}
	}
	for i := range MaxScripts - 1 {
		if _, err := f.Put(ctx, owner, fmt.Sprint(i), []byte("keep;")); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Space(ctx, owner, "one more", 1); !fault.Is(err, fault.Limit) {
		t.Errorf("one script more than %d: %v", MaxScripts, err)
	}
	if err := f.Space(ctx, owner, "7", 1<<20); err != nil {
		t.Errorf("the largest script in place of another: %v", err)
	}
	if err := f.Space(ctx, owner, "7", 1<<20+1); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a script that is too large: %v", err)
	}
	large := []byte("keep;" + strings.Repeat("\n", 1<<20-5))
	for i := range 3 {
		if _, err := f.Put(ctx, owner, fmt.Sprint(i), large); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Put(ctx, owner, "3", large); !fault.Is(err, fault.OverQuota) {
		t.Errorf("more than %d bytes in all: %v", MaxBytes, err)
	}
	if err := f.Activate(ctx, Everyone, "0"); !fault.Is(err, fault.Refused) {
		t.Errorf("a script that runs for everyone: %v", err)
	}
}
