package collection

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// RestoreVersion asks what Put asks, and takes only versions of that file.
func TestRestoreVersionRefusals(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.tree(w.klein, "groups:/7b/", "a=1 b=1 d/")
		w.put(w.klein, "groups:/7b/a", "2")
		w.put(w.klein, "groups:/7b/b", "2")
		a, b := w.versions(w.klein, "groups:/7b/a")[0].ID, w.versions(w.klein, "groups:/7b/b")[0].ID
		restore := func(who directory.ID, path string, version int64) error {
			return first(w.dav.RestoreVersion(ctx, who, at(path), version, Guard{}))
		}
		for name, err := range map[string]error{
			"of another file":   restore(w.klein, "groups:/7b/a", b),
			"of a folder":       restore(w.klein, "groups:/7b/d", a),
			"of the top":        restore(w.klein, "groups:/7b", a),
			"of the list":       restore(w.klein, "groups:/", a),
			"of nothing":        restore(w.klein, "groups:/7b/none", a),
			"by a stranger":     restore(w.otto, "groups:/7b/a", a),
			"under other paths": restore(w.klein, "files:/a", a),
		} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		l := w.lock(w.klein, "groups:/7b/a", LockOptions{})
		if err := restore(w.ben, "groups:/7b/a", a); !fault.Is(err, fault.InUse) {
			t.Errorf("what is locked: %v", err)
		}
		w.check(first(w.dav.RestoreVersion(ctx, w.klein, at("groups:/7b/a"), a, Guard{Tokens: []string{l.Token}})))
		w.check(w.dav.Unlock(ctx, w.klein, at("groups:/7b/a"), l.Token))
		if err := restore(w.klein, "groups:/7b/a", a); !fault.Is(err, fault.NotFound) {
			t.Errorf("a version that is the content again: %v", err)
		}
		w.sound()
	})
}

// Versions go with their file: under a new name, to another owner, into the trash and back; a copy has none.
func TestVersionsGoWithTheirFile(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.put(w.anna, "files:/a", "old")
		w.put(w.anna, "files:/a", "new!")
		want := w.versions(w.anna, "files:/a")
		w.check(second(w.dav.Copy(ctx, w.anna, at("files:/a"), at("files:/copy"), CopyOptions{})))
		if got := w.versions(w.anna, "files:/copy"); len(got) != 0 {
			t.Errorf("the copy has %+v", got)
		}
		w.check(second(w.dav.Move(ctx, w.anna, at("files:/a"), at("files:/b"), MoveOptions{})))
		w.check(second(w.dav.Move(ctx, w.anna, at("files:/b"), at("groups:/7b/b"), MoveOptions{})))
		for path, kept := range map[string]int64{"files:/": 0, "groups:/7b": 3} {
			if u, err := w.dav.Usage(ctx, w.node(w.anna, path)); err != nil || u.Kept != kept {
				t.Errorf("%s: %+v %v", path, u, err)
			}
		}
		w.delete(w.anna, "groups:/7b/b")
		list, err := w.dav.Trash(ctx, w.ben, at("groups:/7b"), 0)
		w.check(err)
		w.check(first(w.dav.Restore(ctx, w.ben, list[0], list[0].Path)))
		if got := w.versions(w.ben, "groups:/7b/b"); len(got) != 1 || got[0].ETag != want[0].ETag || got[0].ID != want[0].ID {
			t.Errorf("%+v, want %+v", got, want)
		}
		w.sound()
	})
}

// What was deleted with its folder comes back to another place when the folder is gone, once, and only to who may write there.
func TestRestoreWhenTheParentIsGone(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.tree(w.anna, "files:/", "a/ a/x=12 b/")
		w.delete(w.anna, "files:/a/x")
		w.delete(w.anna, "files:/a")
		list, err := w.dav.Trash(ctx, w.anna, at("files:/"), 0)
		w.check(err)
		if len(list) != 1 || list[0].Path.String() != "files:anna/a/x" {
			t.Fatalf("%+v", list)
		}
		for _, tt := range []struct {
			to    string
			cause error
			kind  fault.Kind
		}{
			{"files:/a/x", ErrNoParent, fault.Conflict}, {"files:/b", ErrNotEmpty, fault.Conflict}, {"files:/", nil, fault.Forbidden},
			{"groups:/7b/x", nil, fault.NotFound}, {"files:ben/x", nil, fault.NotFound}, {"groups:/", nil, fault.Forbidden},
		} {
			_, err := w.dav.Restore(ctx, w.anna, list[0], at(tt.to))
			if !fault.Is(err, tt.kind) || tt.cause != nil && !errors.Is(err, tt.cause) {
				t.Errorf("to %s: %v, want %s", tt.to, err, tt.kind)
			}
		}
		w.check(first(w.dav.Restore(ctx, w.anna, list[0], at("files:/b/renamed"))))
		if err := first(w.dav.Restore(ctx, w.anna, list[0], at("files:/b/again"))); !fault.Is(err, fault.NotFound) {
			t.Errorf("a second time: %v", err)
		}
		if got := w.show(w.anna, "files:/"); got != "b/ b/renamed=12" {
			t.Error(got)
		}
		w.sound()
	})
}

// The trash of each top is its own, newest first, as many as are asked for.
func TestTrashOfEachTop(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		for i := range 3 {
			w.put(w.anna, fmt.Sprint("files:/", i), "1")
			w.delete(w.anna, fmt.Sprint("files:/", i))
			w.clock.Add(1)
		}
		w.make(w.anna, "calendars:/cal", Calendar)
		w.put(w.anna, "calendars:/cal/1.ics", event("1"))
		w.delete(w.anna, "calendars:/cal")
		w.put(w.anna, "groups:/7b/g", "1")
		w.delete(w.anna, "groups:/7b/g")
		for _, tt := range []struct {
			top   string
			limit int
			want  string
		}{
			{"files:/", 0, "files:anna/2 files:anna/1 files:anna/0"}, {"files:/", 2, "files:anna/2 files:anna/1"},
			{"calendars:/", 0, "calendars:anna/cal"}, {"contacts:/", 0, ""}, {"groups:/7b", 0, "groups:/7b/g"},
		} {
			list, err := w.dav.Trash(ctx, w.anna, at(tt.top), tt.limit)
			w.check(err)
			var words []string
			for _, t := range list {
				words = append(words, t.Path.String())
			}
			if got := strings.Join(words, " "); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.top, got, tt.want)
			}
		}
	})
}

// Of many who restore the same thing, or put a new file under the same name with If-None-Match: *, one succeeds.
func TestOneOfManyRestoresAndCreates(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.put(w.anna, "groups:/7b/t", "1")
		w.delete(w.anna, "groups:/7b/t")
		list, err := w.dav.Trash(ctx, w.anna, at("groups:/7b"), 0)
		w.check(err)
		isNew := Guard{If: func(s *State) error {
			r, err := s.At(at("groups:/7b/new"))
			if err == nil && r.Exists {
				err = errStale
			}
			return err
		}}
		for name, do := range map[string]func(i int) error{
			"restore": func(i int) error { return first(w.dav.Restore(ctx, w.ben, list[0], at(fmt.Sprint("groups:/7b/r", i)))) },
			"create": func(i int) error {
				s := w.dav.NewSpool()
				defer s.Close()
				if _, err := s.Write([]byte(fmt.Sprint(i))); err != nil {
					return err
				}
				return second(w.dav.Put(ctx, w.ben, at("groups:/7b/new"), s, PutOptions{Guard: isNew}))
			},
		} {
			results := make([]error, 6)
			var wg sync.WaitGroup
			for i := range results {
				wg.Go(func() { results[i] = do(i) })
			}
			wg.Wait()
			won := 0
			for _, err := range results {
				if err == nil {
					won++
				} else if !errors.Is(err, errStale) && !fault.Is(err, fault.NotFound) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if won != 1 {
				t.Errorf("%s: %d won", name, won)
			}
		}
		w.sound()
	})
}

// Properties at their limits are kept as they were given and come in the order of their names; of two of one name the later one holds, and
// one that is both removed and set is set.
func TestPropertiesAtTheirLimits(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		n := w.put(w.anna, "files:/a", "1")
		long := strings.Repeat("n", MaxPropertyName)
		value := bytes.Repeat([]byte{0, 0xff, '<'}, MaxPropertyValue/3)
		set := []Property{
			{PropertyName{long, long}, value}, {PropertyName{"b", "z"}, nil}, {PropertyName{"", "x"}, []byte("first")},
			{PropertyName{"b", "A"}, []byte("1")}, {PropertyName{"b", "a"}, []byte("2")}, {PropertyName{"", "x"}, []byte("last")},
		}
		n, err := w.dav.Patch(ctx, w.anna, n.Path, PatchOptions{Set: set, Remove: []PropertyName{{"b", "z"}, {"", "x"}}})
		w.check(err)
		all, err := w.dav.Properties(ctx, n)
		w.check(err)
		want := []Property{{PropertyName{"", "x"}, []byte("last")}, set[3], set[4], set[1], set[0]}
		if !slices.EqualFunc(all[n.ID], want, func(a, b Property) bool { return a.PropertyName == b.PropertyName && bytes.Equal(a.Value, b.Value) }) {
			t.Errorf("%d properties came back, not as they were given", len(all[n.ID]))
		}
		tooMany := make([]Property, MaxProperties+1)
		for i := range tooMany {
			tooMany[i] = property(fmt.Sprint(i), "")
		}
		if err := first(w.dav.Make(ctx, w.anna, at("files:/d"), MakeOptions{Kind: Folder, Properties: tooMany})); !fault.Is(err, fault.Limit) {
			t.Errorf("a new collection: %v", err)
		}
		w.check(first(w.dav.Make(ctx, w.anna, at("files:/d"), MakeOptions{Kind: Folder, Properties: tooMany[1:]})))
		if got := w.node(w.anna, "files:/d").Properties; got != MaxProperties {
			t.Errorf("%d properties of the new collection", got)
		}
		w.sound()
	})
}

// Without repair Check tells of damage, of each row that has it, and changes nothing.
func TestCheckWithoutRepair(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.tree(w.anna, "files:/", "a/ a/x=123 b/")
		w.check(w.store.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE dav_entry SET members = members + 1 WHERE name IN ('a', 'b')`)
			return err
		}))
		for range 2 {
			var found []string
			w.check(w.dav.Check(ctx, false, func(p store.Problem) {
				if p.Mended || p.Detail == "" {
					t.Errorf("%+v", p)
				}
				found = append(found, p.ID)
			}))
			if !slices.Equal(found, []string{"dav-members", "dav-members"}) {
				t.Errorf("found %q", found)
			}
		}
	})
}

// Backfill touches only those that have nothing yet.
func TestSomeOldAccountsAreProvidedFor(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.put(w.anna, "files:/a", "1")
		before := w.node(w.anna, "files:/")
		w.check(w.dav.Close())
		w.check(w.store.Write(ctx, func(tx *store.Tx) error {
			for _, query := range []string{`DELETE FROM dav_owner WHERE owner_id IN ($1, $2)`, `DELETE FROM dav_entry WHERE owner_id IN ($1, $2)`} {
				if _, err := tx.Exec(query, int64(w.otto), int64(w.class)); err != nil {
					return err
				}
			}
			return nil
		}))
		w.open(Options{})
		if got := w.node(w.anna, "files:/"); got.ID != before.ID || got.Token != before.Token || w.show(w.anna, "files:/") != "a=1" {
			t.Errorf("%+v, was %+v", got, before)
		}
		w.put(w.otto, "files:/o", "1")
		w.put(w.klein, "calendars:/group-7b/1.ics", event("1"))
		if got := w.read(w.anna, "calendars:/group-7b/1.ics"); got != event("1") {
			t.Error(got)
		}
		w.sound()
	})
}

// A round of upkeep that has nothing to do writes nothing: counters and times stay, and what is not due stays.
func TestUpkeepLeavesWhatIsNotDue(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		w.commandTree("groups:/7b")
		w.lock(w.klein, "groups:/7b/locked", LockOptions{Timeout: time.Minute})
		before := w.state("groups:/7b")
		w.clock.Add(59)
		w.check(w.dav.tidy(context.Background()))
		if got := w.state("groups:/7b"); got != before {
			t.Errorf("it is then\n%s, was\n%s", got, before)
		}
	})
}
