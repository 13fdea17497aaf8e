package collection

import (
	"context"
	"errors"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/store/fault"
)

func (w *school) lock(who directory.ID, path string, o LockOptions) Lock {
	w.Helper()
	l, _, _, err := w.dav.Lock(context.Background(), who, at(path), o)
	w.check(err)
	return l
}

func with(tokens ...string) PutOptions { return PutOptions{Guard: Guard{Tokens: tokens}} }

func TestAnExclusiveLockKeepsOthersOut(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.put(w.anna, "groups:/7b/a", "1")
		l := w.lock(w.anna, "groups:/7b/a", LockOptions{Note: []byte("<me/>")})
		tests := []struct {
			name string
			err  error
		}{
			{"put by another", second(w.tryPut(w.ben, "groups:/7b/a", "2", PutOptions{}))},
			{"put by another who knows the token", second(w.tryPut(w.ben, "groups:/7b/a", "2", with(l.Token)))},
			{"put without the token", second(w.tryPut(w.anna, "groups:/7b/a", "2", PutOptions{}))},
			{"delete", w.dav.Delete(ctx, w.ben, at("groups:/7b/a"), DeleteOptions{})},
			{"move", second(w.dav.Move(ctx, w.ben, at("groups:/7b/a"), at("groups:/7b/b"), MoveOptions{}))},
			{"a second lock", third(w.dav.Lock(ctx, w.ben, at("groups:/7b/a"), LockOptions{Shared: true}))},
			{"properties", first(w.dav.Patch(ctx, w.ben, at("groups:/7b/a"), PatchOptions{}))},
			{"a lock on all above it", third(w.dav.Lock(ctx, w.ben, at("groups:/7b"), LockOptions{Infinite: true}))},
		}
		for _, tt := range tests {
			if !fault.Is(tt.err, fault.InUse) {
				t.Errorf("%s: %v, want it in use", tt.name, tt.err)
			}
		}
		if _, _, err := w.tryPut(w.anna, "groups:/7b/a", "2", with(l.Token)); err != nil {
			t.Error(err)
		}
		if _, _, err := w.dav.Copy(ctx, w.ben, at("groups:/7b/a"), at("groups:/7b/copy"), CopyOptions{}); err != nil {
			t.Errorf("copying what is locked: %v", err)
		}
		if locks, err := w.dav.Locks(ctx, w.ben, at("groups:/7b/copy")); err != nil || len(locks) != 0 {
			t.Errorf("the copy has locks: %v %v", locks, err)
		}
		locks, err := w.dav.Locks(ctx, w.ben, at("groups:/7b/a"))
		if err != nil || len(locks) != 1 || locks[0].Token != l.Token || string(locks[0].Note) != "<me/>" || locks[0].Holder != w.anna {
			t.Errorf("%+v %v", locks, err)
		}
	})
}

func first[A any](_ A, err error) error                 { return err }
func second[A, B any](_ A, _ B, err error) error        { return err }
func third[A, B, C any](_ A, _ B, _ C, err error) error { return err }

func TestLocksEnd(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.put(w.anna, "groups:/7b/a", "1")
		put := func() error { return second(w.tryPut(w.ben, "groups:/7b/a", time.Now().String(), PutOptions{})) }
		l := w.lock(w.anna, "groups:/7b/a", LockOptions{Timeout: time.Minute})
		w.clock.Add(50)
		if _, err := w.dav.Refresh(ctx, w.ben, at("groups:/7b/a"), l.Token, 0, Guard{}); !fault.Is(err, fault.Conflict) {
			t.Errorf("another one refreshes: %v", err)
		}
		again, err := w.dav.Refresh(ctx, w.anna, at("groups:/7b/a"), l.Token, time.Minute, Guard{})
		if err != nil || !again.Expires.After(l.Expires) {
			t.Errorf("%+v %v", again, err)
		}
		w.clock.Add(50)
		if err := put(); !fault.Is(err, fault.InUse) {
			t.Errorf("a refreshed lock: %v", err)
		}
		w.clock.Add(11)
		if err := put(); err != nil {
			t.Errorf("an expired lock still holds: %v", err)
		}
		l = w.lock(w.anna, "groups:/7b/a", LockOptions{})
		if err := w.dav.Unlock(ctx, w.ben, at("groups:/7b/a"), l.Token); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a pupil breaks another's lock: %v", err)
		}
		if err := w.dav.Unlock(ctx, w.anna, at("groups:/7b/a"), "urn:uuid:none"); !fault.Is(err, fault.Conflict) {
			t.Errorf("an unknown token: %v", err)
		}
		if err := w.dav.Unlock(ctx, w.klein, at("groups:/7b/a"), l.Token); err != nil {
			t.Errorf("the teacher breaks it: %v", err)
		}
		w.check(put())
		if n := w.count(`SELECT COUNT(*) FROM dav_lock`); n != 1 {
			t.Errorf("%d locks, want the expired one", n)
		}
		w.check(w.dav.tidy(ctx))
		if n := w.count(`SELECT COUNT(*) FROM dav_lock`); n != 0 {
			t.Errorf("%d locks after the sweep", n)
		}
	})
}

func TestLocksOnFolders(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.make(w.anna, "files:/d", Folder)
		w.make(w.anna, "files:/d/e", Folder)
		w.put(w.anna, "files:/d/e/a", "1")
		flat := w.lock(w.anna, "files:/d", LockOptions{})
		w.put(w.anna, "files:/d/e/a", "2") // depth 0 does not reach so far
		if _, _, err := w.tryPut(w.anna, "files:/d/new", "", PutOptions{}); !fault.Is(err, fault.InUse) {
			t.Errorf("a new member of a locked folder: %v", err)
		}
		if _, _, err := w.tryPut(w.anna, "files:/d/new", "", with(flat.Token)); err != nil {
			t.Error(err)
		}
		w.check(w.dav.Unlock(ctx, w.anna, at("files:/d"), flat.Token))
		deep := w.lock(w.anna, "files:/d", LockOptions{Infinite: true})
		if _, _, err := w.tryPut(w.anna, "files:/d/e/a", "3", PutOptions{}); !fault.Is(err, fault.InUse) {
			t.Errorf("below a lock of infinite depth: %v", err)
		}
		locks, err := w.dav.Locks(ctx, w.anna, at("files:/d/e/a"))
		if err != nil || len(locks) != 1 || locks[0].Root.String() != "files:anna/d" {
			t.Errorf("%+v %v", locks, err)
		}
		w.check(w.dav.Delete(ctx, w.anna, at("files:/d"), DeleteOptions{Guard{Tokens: []string{deep.Token}}}))
		if n := w.count(`SELECT COUNT(*) FROM dav_lock`); n != 0 {
			t.Errorf("%d locks outlive what they locked", n)
		}
	})
}

// A lock inside a tree holds the whole tree in its place.
func TestALockInATreeHoldsTheTree(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.make(w.anna, "files:/d", Folder)
		w.put(w.anna, "files:/d/a", "1")
		l := w.lock(w.anna, "files:/d/a", LockOptions{})
		if err := w.dav.Delete(ctx, w.anna, at("files:/d"), DeleteOptions{}); !fault.Is(err, fault.InUse) {
			t.Errorf("delete: %v", err)
		}
		if err := second(w.dav.Move(ctx, w.anna, at("files:/d"), at("files:/e"), MoveOptions{})); !fault.Is(err, fault.InUse) {
			t.Errorf("move: %v", err)
		}
		w.put(w.anna, "files:/e", "1")
		if err := second(w.dav.Copy(ctx, w.anna, at("files:/e"), at("files:/d"), CopyOptions{Overwrite: true})); !fault.Is(err, fault.InUse) {
			t.Errorf("copy over it: %v", err)
		}
		_, _, err := w.dav.Move(ctx, w.anna, at("files:/d"), at("files:/f"), MoveOptions{Guard: Guard{Tokens: []string{l.Token}}})
		w.check(err)
		w.put(w.anna, "files:/f/a", "2") // the lock stayed behind
	})
}

func TestSharedLocks(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.put(w.anna, "groups:/7b/a", "1")
		a := w.lock(w.anna, "groups:/7b/a", LockOptions{Shared: true})
		b := w.lock(w.ben, "groups:/7b/a", LockOptions{Shared: true})
		if err := third(w.dav.Lock(ctx, w.klein, at("groups:/7b/a"), LockOptions{})); !fault.Is(err, fault.InUse) {
			t.Errorf("an exclusive lock beside shared ones: %v", err)
		}
		for _, tt := range []struct {
			who   directory.ID
			token string
			ok    bool
		}{{w.anna, a.Token, true}, {w.ben, b.Token, true}, {w.ben, a.Token, false}, {w.klein, "", false}} {
			if err := second(w.tryPut(tt.who, "groups:/7b/a", tt.token, with(tt.token))); (err == nil) != tt.ok {
				t.Errorf("%d with %q: %v", tt.who, tt.token, err)
			}
		}
	})
}

// RFC 4918 §7.3: a lock where nothing is makes an empty file.
func TestLockOfNothingMakesAFile(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		l, n, created, err := w.dav.Lock(ctx, w.anna, at("files:/new"), LockOptions{})
		if err != nil || !created || n.Size != 0 || l.Entry != n.ID {
			t.Fatalf("%+v %+v %t %v", l, n, created, err)
		}
		if got := w.read(w.anna, "files:/new"); got != "" {
			t.Errorf("%q", got)
		}
		if _, created, err := w.tryPut(w.anna, "files:/new", "1", with(l.Token)); err != nil || created {
			t.Errorf("%t %v", created, err)
		}
		if err := third(w.dav.Lock(ctx, w.anna, at("files:/none/new"), LockOptions{})); !errors.Is(err, ErrNoParent) {
			t.Error(err)
		}
		if err := third(w.dav.Lock(ctx, w.anna, at("calendars:/calendar/new.ics"), LockOptions{})); !fault.Is(err, fault.Refused) {
			t.Error(err)
		}
	})
}

func TestTooManyLocks(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.put(w.anna, "files:/a", "")
		for range MaxLocks {
			w.lock(w.anna, "files:/a", LockOptions{Shared: true})
		}
		if err := third(w.dav.Lock(ctx, w.anna, at("files:/a"), LockOptions{Shared: true})); !fault.Is(err, fault.Limit) {
			t.Error(err)
		}
	})
}
