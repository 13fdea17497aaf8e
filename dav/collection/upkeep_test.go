package collection

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// until runs a step of the janitor in slices of limit and counts them.
func (w *school) until(step func(context.Context, int) (bool, error), limit int) (slices int) {
	w.Helper()
	for {
		more, err := step(context.Background(), limit)
		w.check(err)
		if !more {
			return slices
		}
		if slices++; slices > 1000 {
			w.Fatal("the work never ends")
		}
	}
}

// Large trees go slice by slice, and each slice leaves everything else as it is.
func TestATreeIsRemovedInSlices(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		before := w.count(`SELECT COUNT(*) FROM dav_entry`)
		w.tree(w.anna, "files:/", "a/ a/1=1 a/2=2 a/3=3 a/b/ a/b/4=4 a/c/ a/d/ a/d/e/ a/d/e/5=5")
		w.put(w.anna, "files:/a/1", "11")
		w.delete(w.anna, "files:/a")
		w.put(w.anna, "files:/stays", "x")
		w.clock.Add(int64(DefaultKeep / time.Second))
		if n := w.until(w.dav.sweepTrash, 1); n != 1 {
			t.Errorf("%d rounds for one tree", n)
		}
		if n := w.until(w.dav.reap, 2); n < 6 {
			t.Errorf("%d slices of 2 rows", n)
		}
		if got := w.count(`SELECT COUNT(*) FROM dav_entry`); got != before+1 || w.show(w.anna, "files:/") != "stays=x" {
			t.Errorf("%d entries, want %d", got, before+1)
		}
		w.sound()
	})
}

func TestSweepsInSlices(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		for i := range 5 {
			w.put(w.anna, "files:/a", fmt.Sprint(i))
			w.put(w.anna, fmt.Sprint("files:/f", i), "")
			w.delete(w.anna, fmt.Sprint("files:/f", i))
		}
		since := w.node(w.anna, "files:/").Token
		w.clock.Add(int64(SyncRetention / time.Second))
		if n := w.until(w.dav.sweepVersions, 2); n != 2 {
			t.Errorf("%d slices of 2 for 4 versions", n)
		}
		if n := w.until(w.dav.sweepRemoved, 2); n != 3 {
			t.Errorf("%d slices of 2 for 5 names", n)
		}
		if got, _ := w.changes(w.anna, "files:/", since, 10); got != "" {
			t.Errorf("a token from after the changes: %s", got)
		}
		w.sound()
	})
}

// Restore asks what Make and Move ask.
func TestRestoreRefusals(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.put(w.klein, "groups:/7b/file", "1")
		w.make(w.klein, "calendars:7b/exams", Calendar)
		w.put(w.klein, "calendars:7b/exams/1.ics", event("1"))
		w.delete(w.klein, "groups:/7b/file")
		w.delete(w.klein, "calendars:7b/exams")
		files, err := w.dav.Trash(ctx, w.anna, at("groups:/7b"), 0)
		w.check(err)
		cals, err := w.dav.Trash(ctx, w.klein, at("calendars:7b"), 0)
		w.check(err)
		if len(files) != 1 || len(cals) != 1 || cals[0].Path.String() != "calendars:7b/exams" {
			t.Fatalf("%+v %+v", files, cals)
		}
		w.check(w.dav.SetGroup(ctx, w.class, GroupSettings{QuotaBytes: 1}))
		for _, tt := range []struct {
			name  string
			err   error
			kind  fault.Kind
			cause any
		}{
			{"a pupil where teachers write", first(w.dav.Restore(ctx, w.anna, files[0], at("groups:/7b/file"))), fault.Forbidden, nil},
			{"a file among calendars", first(w.dav.Restore(ctx, w.klein, files[0], at("calendars:7b/file"))), fault.Refused, "valid-resourcetype"},
			{"a calendar among files", first(w.dav.Restore(ctx, w.klein, cals[0], at("groups:/7b/cal"))), fault.Refused, "calendar-collection-location-ok"},
			{"without room", first(w.dav.Restore(ctx, w.klein, cals[0], at("calendars:7b/exams"))), fault.OverQuota, "quota-not-exceeded"},
			{"to a top", first(w.dav.Restore(ctx, w.klein, cals[0], at("calendars:7b"))), fault.Forbidden, nil},
			{"what is another one's", first(w.dav.Restore(ctx, w.klein, files[0], at("files:/x"))), fault.NotFound, nil},
			{"the list, for a pupil", first(w.dav.Trash(ctx, w.anna, at("calendars:7b"), 0)), fault.Forbidden, nil},
			{"the list of what is no top", first(w.dav.Trash(ctx, w.klein, at("files:/x"), 0)), fault.Invalid, nil},
			{"the list of another one", first(w.dav.Trash(ctx, w.klein, at("files:anna"), 0)), fault.NotFound, nil},
		} {
			if !fault.Is(tt.err, tt.kind) {
				t.Errorf("%s: %v, want %s", tt.name, tt.err, tt.kind)
			}
			w.caused(tt.name, tt.err, tt.cause)
		}
		w.check(w.dav.SetGroup(ctx, w.class, GroupSettings{MembersWrite: true, QuotaBytes: -1}))
		_, err = w.dav.Restore(ctx, w.klein, cals[0], cals[0].Path)
		w.check(err)
		if got := w.read(w.anna, "calendars:/group-7b~exams/1.ics"); got != event("1") {
			t.Error(got)
		}
		w.sound()
	})
}

// A copy of more than MaxTree entries is refused as a whole, a move within one owner is not.
func TestLargeTrees(t *testing.T) {
	w := newSchool(t, storetest.Open(t))
	ctx := t.Context()
	top := w.make(w.anna, "files:/large", Folder)
	w.check(w.store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $3)
			INSERT INTO dav_entry (owner_id, parent_id, name, kind, modseq, counter, members, components, created, modified, properties, size, content_type, recurring, log_from)
			SELECT $1, $2, 'f' || i, 1, i, 0, 0, '', 0, 0, 0, 0, '', 0, 0 FROM n`, int64(w.anna), int64(top.ID), MaxTree)
		if err == nil {
			_, err = tx.Exec(`UPDATE dav_entry SET counter = $2, members = $2 WHERE id = $1`, int64(top.ID), MaxTree)
		}
		return err
	}))
	if err := second(w.dav.Copy(ctx, w.anna, at("files:/large"), at("files:/copy"), CopyOptions{})); !fault.Is(err, fault.Limit) {
		t.Errorf("copy: %v", err)
	}
	if err := second(w.dav.Move(ctx, w.anna, at("files:/large"), at("groups:/7b/large"), MoveOptions{})); !fault.Is(err, fault.Limit) {
		t.Errorf("move to another owner: %v", err)
	}
	w.check(second(w.dav.Move(ctx, w.anna, at("files:/large"), at("files:/moved"), MoveOptions{})))
	w.check(second(w.dav.Copy(ctx, w.anna, at("files:/moved"), at("files:/shallow"), CopyOptions{Shallow: true})))
	n, after, seen := w.node(w.anna, "files:/moved"), "", 0
	for more := true; more; {
		page, err := w.dav.Children(ctx, w.anna, n, after, PageSize)
		w.check(err)
		for _, c := range page {
			if c.Name() <= after {
				t.Fatalf("%s comes after %s", c.Name(), after)
			}
			after = c.Name()
		}
		seen += len(page)
		more = len(page) == PageSize
	}
	if seen != MaxTree {
		t.Errorf("%d members are listed, want %d", seen, MaxTree)
	}
	w.delete(w.anna, "files:/moved")
	w.sound()
}

// Objects come page by page; a caller may stop at any time.
func TestObjectsOfSeveralPages(t *testing.T) {
	w := newSchool(t, storetest.Open(t))
	const content = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nFN:Eva\r\nN:Eva;;;;\r\nEND:VCARD\r\n"
	top := w.make(w.anna, "contacts:/many", AddressBook)
	blob := w.put(w.anna, "contacts:/many/0", content)
	const more = PageSize + 500
	w.check(w.store.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $3)
			INSERT INTO dav_entry (owner_id, parent_id, name, kind, modseq, counter, members, components, created, modified, properties, size, content_type, recurring, log_from, blob_id)
			SELECT $1, $2, 'f' || i, 0, i + 1, 0, 0, '', 0, 0, 0, 1, '', 0, 0, $4 FROM n`, int64(w.anna), int64(top.ID), more, blob.blob)
		return err
	}))
	seen := map[string]bool{}
	for f, err := range w.dav.Objects(t.Context(), w.anna, w.node(w.anna, "contacts:/many"), Window{}) {
		w.check(err)
		if string(f.Bytes) != content || seen[f.Node.Name()] {
			t.Fatalf("%+v", f)
		}
		seen[f.Node.Name()] = true
	}
	if len(seen) != more+1 {
		t.Errorf("%d objects, want %d", len(seen), more+1)
	}
	for _, err := range w.dav.Objects(t.Context(), w.anna, w.node(w.anna, "contacts:/many"), Window{}) {
		w.check(err)
		break
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, err := range w.dav.Objects(stopped, w.anna, w.node(w.anna, "contacts:/many"), Window{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after the caller has gone: %v", err)
		}
	}
	for _, seq := range []func() error{
		func() error { return lastError(w.dav.Objects(t.Context(), w.anna, blob, Window{})) },
		func() error { return lastError(w.dav.Fetch(t.Context(), w.anna, blob, []string{"x"}, false)) },
		func() error {
			return lastError(w.dav.Objects(t.Context(), w.anna, w.node(w.anna, "files:/"), Window{}))
		},
		func() error { return first(w.dav.Children(t.Context(), w.anna, blob, "", 0)) },
		func() error { return first(w.dav.Open(t.Context(), top)) },
	} {
		if err := seq(); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v, want it to say what it is", err)
		}
	}
}

func lastError(seq func(func(Found, error) bool)) (err error) {
	seq(func(_ Found, e error) bool {
		err = e
		return true
	})
	return err
}
