package collection

import (
	"context"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

func TestWhatEveryAccountAndGroupHas(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		if n := w.node(w.otto, "calendars:otto/calendar"); n.DefaultTitle != "Calendar" || strings.Join(n.Components, " ") != "VEVENT" {
			t.Errorf("%+v", n)
		}
		if n := w.node(w.otto, "calendars:/tasks"); n.DefaultTitle != "Tasks" || n.Components[0] != "VTODO" {
			t.Errorf("%+v", n)
		}
		for _, path := range []string{"contacts:/contacts", "files:/", "calendars:/", "contacts:/"} {
			if n := w.node(w.otto, path); n.Owner != w.otto || !n.Privileges.Write {
				t.Errorf("%s: %+v", path, n)
			}
		}
		w.sound()
	})
}

// Accounts and groups that are older than the DAV tables get theirs when the program starts.
func TestOldAccountsAreProvidedFor(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.check(w.dav.Close())
		w.check(w.store.Write(ctx, func(tx *store.Tx) error {
			for _, table := range []string{"dav_owner", "dav_entry"} {
				if _, err := tx.Exec(`DELETE FROM ` + table); err != nil {
					return err
				}
			}
			return nil
		}))
		w.open(Options{})
		if got := w.list(w.anna, "calendars:/"); got != "calendar/ group-7b/ group-7b~tasks/ tasks/" {
			t.Error(got)
		}
		w.put(w.anna, "files:/a", "1")
		w.check(w.dav.Close())
		w.open(Options{}) // a second start changes nothing
		if got := w.show(w.anna, "files:/"); got != "a=1" {
			t.Error(got)
		}
		w.sound()
	})
}

func TestPurge(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		before := w.count(`SELECT COUNT(*) FROM dav_entry`)
		eva := w.account("eva", directory.Student)
		w.check(w.dir.AddMembers(ctx, w.class, []directory.ID{eva}, false))
		w.tree(eva, "files:/", "a/ a/b/ a/b/x=1 y=2 z=3")
		w.delete(eva, "files:/y")
		w.put(eva, "files:/z", "4")
		w.lock(eva, "groups:/7b", LockOptions{})
		state := directory.Deleted
		w.check(w.dir.ChangeAccount(ctx, eva, directory.AccountChange{State: &state}))
		w.check(w.dir.PurgeAccount(ctx, eva))
		if _, err := w.dav.Resolve(ctx, eva, at("files:/")); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
		w.check(w.dav.tidy(ctx))
		w.check(w.dir.DeleteGroup(ctx, w.class))
		w.check(w.dav.tidy(ctx))
		if got := w.count(`SELECT COUNT(*) FROM dav_entry`); got != before-6 {
			t.Errorf("%d entries, want %d", got, before-6)
		}
		for _, table := range []string{"dav_lock", "dav_trash", "dav_version", "dav_gone"} {
			if n := w.count(`SELECT COUNT(*) FROM ` + table); n != 0 {
				t.Errorf("%s has %d rows", table, n)
			}
		}
		if got := w.list(w.anna, "calendars:/"); got != "calendar/ tasks/" {
			t.Error(got)
		}
		w.sound()
	})
}
