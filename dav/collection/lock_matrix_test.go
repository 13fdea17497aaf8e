package collection

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"schulhof/store/fault"
)

// lockAt is a lock of a kind somewhere in the tree a/b/c.
type lockAt struct {
	path             string
	shared, infinite bool
}

func locksAt() (all []lockAt) {
	for _, path := range []string{"a", "a/b", "a/b/c", "a/x"} {
		for _, shared := range []bool{false, true} {
			for _, infinite := range []bool{false, true} {
				all = append(all, lockAt{path, shared, infinite})
			}
		}
	}
	return all
}

// covers tells whether a lock protects path.
func (l lockAt) covers(path string) bool { return l.path == path || l.infinite && inside(path, l.path) }

// RFC 4918 §6.1, §7.4: two locks of two persons stand beside each other when both are shared or when neither covers what the other one
// locks; all pairs of kinds, depths and places, a file among them, whose depth means nothing.
func TestLocksBesideLocks(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.tree(w.anna, "groups:/7b/", "a/ a/b/ a/b/c/ a/x=1")
		for _, held := range locksAt() {
			for _, wanted := range locksAt() {
				l := w.lock(w.anna, "groups:/7b/"+held.path, LockOptions{Shared: held.shared, Infinite: held.infinite})
				got, _, _, err := w.dav.Lock(ctx, w.ben, at("groups:/7b/"+wanted.path), LockOptions{Shared: wanted.shared, Infinite: wanted.infinite})
				apart := !held.covers(wanted.path) && !wanted.covers(held.path)
				if ok := held.shared && wanted.shared || apart; ok != (err == nil) || !ok && !fault.Is(err, fault.InUse) {
					t.Errorf("%+v is held, %+v wanted: %v", held, wanted, err)
				}
				if err == nil {
					w.check(w.dav.Unlock(ctx, w.ben, at("groups:/7b/"+wanted.path), got.Token))
				} else {
					w.caused(fmt.Sprint(held, wanted), err, "no-conflicting-lock")
				}
				w.check(w.dav.Unlock(ctx, w.anna, at("groups:/7b/"+held.path), l.Token))
			}
		}
		if n := w.count(`SELECT COUNT(*) FROM dav_lock`); n != 0 {
			t.Errorf("%d locks are left", n)
		}
	})
}

// What a lock forbids to others, by its depth: writing a file under it, making one beside it, removing the tree it is in.
func TestWhatALockProtects(t *testing.T) {
	for _, tt := range []struct {
		path     string
		infinite bool
		refused  string // the letters of writes that it refuses
	}{
		{"a", false, "ms"}, {"a", true, "mws"}, {"a/b", false, ""}, {"a/b", true, "w"}, {"a/b/f", false, "w"}, {"a/b/f", true, "w"},
	} {
		t.Run(fmt.Sprint(tt.path, tt.infinite), func(t *testing.T) {
			quick(t, func(t *testing.T, w *school) {
				ctx := context.Background()
				const top = "groups:/7b/"
				w.tree(w.anna, top, "a/ a/b/ a/b/f=1")
				l := w.lock(w.anna, top+tt.path, LockOptions{Infinite: tt.infinite})
				for letter, do := range map[byte]func(o Guard) error{
					'm': func(g Guard) error { return second(w.tryPut(w.ben, top+"a/new", "1", PutOptions{Guard: g})) },
					'w': func(g Guard) error { return second(w.tryPut(w.ben, top+"a/b/f", "2", PutOptions{Guard: g})) },
					's': func(g Guard) error {
						return first(w.dav.Patch(ctx, w.ben, at(top+"a"), PatchOptions{Guard: g, Set: []Property{property("p", "1")}}))
					},
				} {
					want := strings.IndexByte(tt.refused, letter) >= 0
					for _, tokens := range [][]string{nil, {l.Token}} { // the token is of no use to another one
						if err := do(Guard{Tokens: tokens}); fault.Is(err, fault.InUse) != want || !want && err != nil {
							t.Errorf("%c with %d tokens: %v", letter, len(tokens), err)
						}
					}
				}
				for _, path := range []string{"a/b", "a"} { // each lock is on both, in them or above, or on what loses the member
					err := w.dav.Delete(ctx, w.ben, at(top+path), DeleteOptions{})
					if !fault.Is(err, fault.InUse) {
						t.Errorf("delete %s: %v", path, err)
					}
				}
				w.check(w.dav.Delete(ctx, w.anna, at(top+"a"), DeleteOptions{Guard{Tokens: []string{l.Token}}}))
				w.sound()
			})
		})
	}
}

// Lifetimes are cut to MaxLockTime, the note to nothing longer than MaxLockNote, and expired locks do not count among those of a person.
func TestLimitsOfLocks(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.put(w.anna, "files:/a", "1")
		now := time.Unix(w.clock.Load(), 0)
		for _, tt := range []struct{ asked, want time.Duration }{
			{0, MaxLockTime}, {-1, MaxLockTime}, {MaxLockTime + 1, MaxLockTime}, {MaxLockTime, MaxLockTime}, {time.Minute, time.Minute},
		} {
			l := w.lock(w.anna, "files:/a", LockOptions{Timeout: tt.asked})
			if got := l.Expires.Sub(now); got != tt.want {
				t.Errorf("%s asked, %s given", tt.asked, got)
			}
			l, err := w.dav.Refresh(ctx, w.anna, at("files:/a"), l.Token, tt.asked, Guard{})
			if got := l.Expires.Sub(now); err != nil || got != tt.want {
				t.Errorf("%s asked when refreshed, %s given, %v", tt.asked, got, err)
			}
			w.check(w.dav.Unlock(ctx, w.anna, at("files:/a"), l.Token))
		}
		l := w.lock(w.anna, "files:/a", LockOptions{Shared: true, Note: make([]byte, MaxLockNote)})
		if len(l.Note) != MaxLockNote {
			t.Errorf("%d bytes of the note", len(l.Note))
		}
		if err := third(w.dav.Lock(ctx, w.anna, at("files:/a"), LockOptions{Shared: true, Note: make([]byte, MaxLockNote+1)})); !fault.Is(err, fault.TooLarge) {
			t.Errorf("a long note: %v", err)
		}
		for range MaxLocks - 1 {
			w.lock(w.anna, "files:/a", LockOptions{Shared: true, Timeout: time.Minute})
		}
		if err := third(w.dav.Lock(ctx, w.anna, at("files:/new"), LockOptions{})); !fault.Is(err, fault.Limit) {
			t.Errorf("one too many: %v", err)
		}
		if got := w.list(w.anna, "files:/"); got != "a" {
			t.Errorf("the refused lock made a file: %s", got)
		}
		w.clock.Add(60)
		w.lock(w.anna, "files:/new", LockOptions{})
	})
}

// Locks end with the name they were taken on: what was moved, deleted and restored, or copied has none, and a token opens nothing there.
func TestLocksStayBehind(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.tree(w.anna, "files:/", "d/ d/f=1 e/ e/f=1")
		l := w.lock(w.anna, "files:/d/f", LockOptions{})
		m := w.lock(w.anna, "files:/e", LockOptions{Infinite: true})
		g := Guard{Tokens: []string{l.Token, m.Token}}
		w.check(second(w.dav.Copy(ctx, w.anna, at("files:/d"), at("files:/copy"), CopyOptions{})))
		w.check(second(w.dav.Move(ctx, w.anna, at("files:/d"), at("groups:/7b/d"), MoveOptions{Guard: g})))
		w.check(w.dav.Delete(ctx, w.anna, at("files:/e"), DeleteOptions{g}))
		list, err := w.dav.Trash(ctx, w.anna, at("files:/"), 0)
		w.check(err)
		w.check(first(w.dav.Restore(ctx, w.anna, list[0], list[0].Path)))
		for _, path := range []string{"files:/copy/f", "groups:/7b/d/f", "groups:/7b/d", "files:/e", "files:/e/f"} {
			if locks, err := w.dav.Locks(ctx, w.anna, at(path)); err != nil || len(locks) != 0 {
				t.Errorf("%s has %+v %v", path, locks, err)
			}
			for _, token := range g.Tokens {
				err := first(w.dav.Refresh(ctx, w.anna, at(path), token, 0, Guard{}))
				w.caused(path, err, "lock-token-matches-request-uri")
				w.caused(path, w.dav.Unlock(ctx, w.anna, at(path), token), "lock-token-matches-request-uri")
			}
		}
	})
}
