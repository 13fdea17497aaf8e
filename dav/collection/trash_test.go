package collection

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/store/fault"
)

func (w *school) versions(who directory.ID, path string) []Version {
	w.Helper()
	list, err := w.dav.Versions(context.Background(), who, at(path))
	w.check(err)
	return list
}

func TestVersions(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		for i := range 3 {
			w.put(w.anna, "groups:/7b/a", fmt.Sprint("content ", i))
			w.clock.Add(60)
		}
		list := w.versions(w.ben, "groups:/7b/a")
		if len(list) != 2 || list[0].Size != 9 || list[0].ReplacedBy != w.anna || !list[0].Replaced.After(list[1].Replaced) {
			t.Fatalf("%+v", list)
		}
		r, err := w.dav.OpenVersion(ctx, list[1])
		w.check(err)
		defer r.Close()
		if b, _ := r.Bytes(); string(b) != "content 0" {
			t.Errorf("%q", b)
		}
		n, err := w.dav.RestoreVersion(ctx, w.ben, at("groups:/7b/a"), list[1].ID, Guard{})
		if err != nil || n.ETag != list[1].ETag || w.read(w.anna, "groups:/7b/a") != "content 0" {
			t.Errorf("%+v %v", n, err)
		}
		if list = w.versions(w.anna, "groups:/7b/a"); len(list) != 2 || list[0].ReplacedBy != w.ben {
			t.Errorf("%+v", list)
		}
		if _, err := w.dav.RestoreVersion(ctx, w.ben, at("groups:/7b/a"), 1<<40, Guard{}); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
		w.put(w.klein, "calendars:/calendar/1.ics", event("1"))
		w.put(w.klein, "calendars:/calendar/1.ics", event("1")+" ")
		if list = w.versions(w.klein, "calendars:/calendar/1.ics"); len(list) != 0 {
			t.Errorf("an event has versions: %+v", list)
		}
		w.sound()
		w.clock.Add(int64(DefaultKeep / time.Second))
		w.check(w.dav.tidy(ctx))
		if list = w.versions(w.anna, "groups:/7b/a"); len(list) != 0 {
			t.Errorf("after the retention time: %+v", list)
		}
		w.sound()
	})
}

// Programs save by writing a new file and moving it over the old one: that keeps the old content as a version.
func TestSavingByMoveMakesAVersion(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		old := w.put(w.anna, "files:/letter", "old")
		l := w.lock(w.anna, "files:/letter", LockOptions{})
		w.put(w.anna, "files:/tmp123", "new")
		_, created, err := w.dav.Move(ctx, w.anna, at("files:/tmp123"), at("files:/letter"), MoveOptions{Overwrite: true, Guard: Guard{Tokens: []string{l.Token}}})
		if err != nil || created {
			t.Fatal(created, err)
		}
		if n := w.node(w.anna, "files:/letter"); n.ID != old.ID || w.show(w.anna, "files:/") != "letter=new" {
			t.Errorf("%+v %s", n, w.show(w.anna, "files:/"))
		}
		if list := w.versions(w.anna, "files:/letter"); len(list) != 1 || list[0].ETag != old.ETag {
			t.Errorf("%+v", list)
		}
		if locks, err := w.dav.Locks(ctx, w.anna, at("files:/letter")); err != nil || len(locks) != 1 {
			t.Errorf("the lock is gone: %v %v", locks, err)
		}
		w.sound()
	})
}

func TestOnlyTheNewestVersionsAreKept(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		for i := range MaxVersions + 3 {
			w.put(w.anna, "files:/a", fmt.Sprint(i))
		}
		list := w.versions(w.anna, "files:/a")
		if len(list) != MaxVersions || list[0].Size != 2 {
			t.Errorf("%d versions", len(list))
		}
		w.sound()
	})
}

func TestTrash(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		top := at("files:/")
		w.tree(w.anna, "files:/", "a/ a/b/ a/b/x=123 y=4 empty= none/ ._y=1")
		for _, name := range []string{"y", "a", "empty", "none", "._y"} {
			w.delete(w.anna, "files:/"+name)
			w.clock.Add(1)
		}
		list, err := w.dav.Trash(ctx, w.anna, top, 0)
		w.check(err)
		if len(list) != 2 || list[0].Path.String() != "files:anna/a" || list[0].Size != 3 || list[0].Kind != Folder || list[1].DeletedBy != w.anna {
			t.Fatalf("%+v", list)
		}
		u, err := w.dav.Usage(ctx, w.node(w.anna, "files:/"))
		if err != nil || u.Used != 0 || u.Kept != 4 {
			t.Errorf("%+v %v", u, err)
		}
		since := w.node(w.anna, "files:/").Token
		n, err := w.dav.Restore(ctx, w.anna, list[0], list[0].Path)
		if err != nil || n.ID != list[0].ID || w.show(w.anna, "files:/") != "a/ a/b/ a/b/x=123" {
			t.Errorf("%+v %v %s", n, err, w.show(w.anna, "files:/"))
		}
		if got, _ := w.changes(w.anna, "files:/", since, 10); got != "a" {
			t.Errorf("a restored name: %q", got)
		}
		w.put(w.anna, "files:/y", "5")
		if _, err = w.dav.Restore(ctx, w.anna, list[1], list[1].Path); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("over something: %v", err)
		}
		if _, err = w.dav.Restore(ctx, w.anna, list[1], at("files:/none/y")); !errors.Is(err, ErrNoParent) {
			t.Errorf("where its folder is gone: %v", err)
		}
		if _, err = w.dav.Restore(ctx, w.ben, list[1], at("files:/y")); !fault.Is(err, fault.NotFound) {
			t.Errorf("by someone else: %v", err)
		}
		_, err = w.dav.Restore(ctx, w.anna, list[1], at("files:/a/y"))
		w.check(err)
		if u, err = w.dav.Usage(ctx, w.node(w.anna, "files:/")); err != nil || u.Used != 5 || u.Kept != 0 {
			t.Errorf("%+v %v", u, err)
		}
		w.sound()
	})
}

// After the retention time what was deleted is gone for good, with all its rows.
func TestTheTrashIsEmptied(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		entries := w.count(`SELECT COUNT(*) FROM dav_entry`)
		w.tree(w.anna, "files:/", "a/ a/b/ a/b/c/ a/b/c/x=123 a/y=4")
		w.put(w.anna, "files:/a/y", "5")
		w.make(w.klein, "calendars:7b/homework", Calendar)
		w.put(w.klein, "calendars:/group-7b~homework/1.ics", task("1"))
		_, err := w.dav.Patch(ctx, w.anna, at("files:/a/b"), PatchOptions{Set: []Property{property("p", "1")}})
		w.check(err)
		w.delete(w.anna, "files:/a")
		w.delete(w.klein, "calendars:/group-7b~homework")
		w.clock.Add(int64(DefaultKeep/time.Second) - 1)
		w.check(w.dav.tidy(ctx))
		if list, err := w.dav.Trash(ctx, w.anna, at("files:/"), 0); err != nil || len(list) != 1 {
			t.Errorf("before the time: %v %v", list, err)
		}
		w.clock.Add(1)
		w.check(w.dav.tidy(ctx))
		for table, want := range map[string]int64{"dav_entry": entries, "dav_trash": 0, "dav_version": 0, "dav_gone": 0, "dav_property": 0} {
			if got := w.count(`SELECT COUNT(*) FROM ` + table); got != want {
				t.Errorf("%s has %d rows, want %d", table, got, want)
			}
		}
		w.sound()
	})
}

// Nobody fills the disk by writing and deleting: what is kept is never more than the quota for long, the oldest goes first.
func TestWhatIsKeptIsBounded(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.check(w.dir.ChangeAccount(ctx, w.anna, directoryQuota(10)))
		for i := range 4 {
			w.put(w.anna, "files:/a", fmt.Sprint("1234", i))
			w.clock.Add(1)
			w.put(w.anna, fmt.Sprint("files:/f", i), "12345")
			w.delete(w.anna, fmt.Sprint("files:/f", i))
			w.clock.Add(1)
		}
		w.check(w.dav.tidy(ctx))
		u, err := w.dav.Usage(ctx, w.node(w.anna, "files:/"))
		if err != nil || u.Used != 5 || u.Kept != 10 {
			t.Errorf("%+v %v", u, err)
		}
		if v := w.versions(w.anna, "files:/a"); len(v) != 1 {
			t.Errorf("%+v", v)
		}
		w.sound()
	})
}
