package collection

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"schulhof/directory"
	"schulhof/store/fault"
)

// Many who read a number, add one and write it back under If-Match: no update is lost.
func TestNoUpdateIsLost(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		const clients, rounds = 4, 8
		w.put(w.anna, "groups:/7b/count", "0")
		var wg sync.WaitGroup
		for c := range clients {
			who := []directory.ID{w.anna, w.ben, w.klein, w.anna}[c]
			wg.Go(func() {
				for range rounds {
					if err := w.increment(who); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		if got := w.read(w.anna, "groups:/7b/count"); got != strconv.Itoa(clients*rounds) {
			t.Errorf("%s after %d increments", got, clients*rounds)
		}
		w.sound()
	})
}

// increment tries until nobody was faster.
func (w *school) increment(who directory.ID) error {
	ctx, path := context.Background(), at("groups:/7b/count")
	for {
		n, err := w.dav.Resolve(ctx, who, path)
		if err != nil {
			return err
		}
		r, err := w.dav.Open(ctx, n)
		if err != nil {
			return err
		}
		b, _ := r.Bytes()
		old, err := strconv.Atoi(string(b))
		if err = errors.Join(err, r.Close()); err != nil {
			return err
		}
		cond := func(s *State) error {
			now, err := s.At(path)
			if err == nil && now.ETag != n.ETag {
				err = errStale
			}
			return err
		}
		s := w.dav.NewSpool()
		if _, err := s.Write([]byte(strconv.Itoa(old + 1))); err != nil {
			return err
		}
		_, _, err = w.dav.Put(ctx, who, path, s, PutOptions{Guard: Guard{If: cond}})
		if err = errors.Join(err, s.Close()); !errors.Is(err, errStale) {
			return err
		}
	}
}

// Of many who make the same name with If-None-Match, take the same lock or move to the same place, one succeeds.
func TestOneOfManyWins(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		for i := range 6 {
			w.put(w.anna, fmt.Sprint("groups:/7b/from", i), fmt.Sprint(i))
		}
		contests := map[string]func(i int) error{
			"make": func(int) error {
				return first(w.dav.Make(ctx, w.anna, at("groups:/7b/folder"), MakeOptions{Kind: Folder}))
			},
			"lock": func(int) error { return third(w.dav.Lock(ctx, w.ben, at("groups:/7b"), LockOptions{})) },
			"move": func(i int) error {
				return second(w.dav.Move(ctx, w.anna, at(fmt.Sprint("groups:/7b/from", i)), at("groups:/7b/to"), MoveOptions{}))
			},
		}
		for _, name := range []string{"make", "move", "lock"} {
			var mu sync.Mutex
			won := 0
			var wg sync.WaitGroup
			for i := range 6 {
				wg.Go(func() {
					err := contests[name](i)
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						won++
					} else if k := fault.KindOf(err); k != fault.AlreadyExists && k != fault.InUse && k != fault.Conflict {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
			wg.Wait()
			if won != 1 {
				t.Errorf("%s: %d won", name, won)
			}
		}
		w.sound()
	})
}

// Who watches a collection wakes when a member changes, and not when something else does.
func TestTheFeedWakes(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.make(w.anna, "files:/a", Folder)
		sub := w.store.Subscribe(w.node(w.anna, "files:/a").Key())
		defer sub.Close()
		book := w.store.Subscribe(w.node(w.anna, "contacts:/directory").Key())
		defer book.Close()
		woken := func(c <-chan struct{}) bool { // watchers wake before the write returns
			select {
			case <-c:
				return true
			default:
				return false
			}
		}
		for _, step := range []struct {
			name      string
			do        func() error
			sub, book bool
		}{
			{"elsewhere", func() error { return second(w.tryPut(w.anna, "files:/x", "1", PutOptions{})) }, false, false},
			{"a new member", func() error { return second(w.tryPut(w.anna, "files:/a/x", "1", PutOptions{})) }, true, false},
			{"the same bytes", func() error { return second(w.tryPut(w.anna, "files:/a/x", "1", PutOptions{})) }, false, false},
			{"a property", func() error {
				return first(w.dav.Patch(ctx, w.anna, at("files:/a/x"), PatchOptions{Set: []Property{property("p", "")}}))
			}, true, false},
			{"moved away", func() error {
				return second(w.dav.Move(ctx, w.anna, at("files:/a/x"), at("files:/y"), MoveOptions{}))
			}, true, false},
			{"a new classmate", func() error { return w.dir.AddMembers(ctx, w.class, []directory.ID{w.otto}, false) }, false, true},
		} {
			w.check(step.do())
			if a, b := woken(sub.C()), woken(book.C()); a != step.sub || b != step.book {
				t.Errorf("%s: woken %t %t, want %t %t", step.name, a, b, step.sub, step.book)
			}
		}
	})
}

// Everything that was answered is there after a restart: entries, counters, locks, tokens.
func TestARestartForgetsNothing(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.tree(w.anna, "groups:/7b/", "a/ a/x=1 y=2")
		l := w.lock(w.anna, "groups:/7b/y", LockOptions{})
		since := w.node(w.anna, "groups:/7b").Token
		etag := w.node(w.anna, "groups:/7b/a/x").ETag
		w.delete(w.anna, "groups:/7b/a")
		w.check(w.dav.Close())
		w.open(Options{})
		if got, _ := w.changes(w.anna, "groups:/7b", since, 10); got != "-a" {
			t.Error(got)
		}
		if err := second(w.tryPut(w.ben, "groups:/7b/y", "3", PutOptions{})); !fault.Is(err, fault.InUse) {
			t.Errorf("the lock is forgotten: %v", err)
		}
		w.check(second(w.tryPut(w.anna, "groups:/7b/y", "3", with(l.Token))))
		list, err := w.dav.Trash(ctx, w.anna, at("groups:/7b"), 0)
		w.check(err)
		_, err = w.dav.Restore(ctx, w.anna, list[0], list[0].Path)
		w.check(err)
		if got := w.node(w.anna, "groups:/7b/a/x").ETag; got != etag {
			t.Error("the ETag is another one")
		}
	})
}
