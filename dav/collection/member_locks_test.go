package collection

import (
	"context"
	"testing"
)

// A listing learns of the locks on members with one question: of those themselves, not of what is deeper or beside them.
func TestMemberLocks(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.put(w.anna, "groups:/7b/a", "1")
		w.put(w.anna, "groups:/7b/b", "1")
		w.make(w.anna, "groups:/7b/sub", Folder)
		w.put(w.anna, "groups:/7b/sub/c", "1")
		l := w.lock(w.anna, "groups:/7b/a", LockOptions{})
		w.lock(w.anna, "groups:/7b/sub/c", LockOptions{})
		w.lock(w.anna, "groups:/7b", LockOptions{Shared: true})
		n, err := w.dav.Resolve(ctx, w.ben, at("groups:/7b"))
		w.check(err)
		all, err := w.dav.MemberLocks(ctx, w.ben, n)
		w.check(err)
		a, err := w.dav.Resolve(ctx, w.ben, at("groups:/7b/a"))
		w.check(err)
		if len(all) != 1 || len(all[a.ID]) != 1 || all[a.ID][0].Token != l.Token || all[a.ID][0].Root.String() != a.Path.String() {
			t.Errorf("%+v, want the lock on a", all)
		}
		if _, err := w.dav.MemberLocks(ctx, w.otto, n); err == nil {
			t.Error("someone else learns of the locks")
		}
	})
}
