package collection

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// command is one write of every kind, on the tree that commandTree makes.
type command struct {
	name string
	path string // what it is about
	do   func(Guard) error
}

// commandTree makes what commands work on: in place, which is a folder.
func (w *school) commandTree(place string) {
	w.Helper()
	w.tree(w.klein, place+"/", "over=1 gone=1 from=1 folder/ folder/in=1 trashed=1 locked=1 patched=1 versioned=1")
	w.put(w.klein, place+"/versioned", "22")
	w.delete(w.klein, place+"/trashed")
}

// commands are all writes below place by who; token is of a lock that who has on place/locked.
func (w *school) commands(who directory.ID, place, token string) []command {
	w.Helper()
	ctx := context.Background()
	version := w.versions(w.klein, place+"/versioned")[0].ID
	put := func(name string) func(Guard) error {
		return func(g Guard) error { return second(w.tryPut(who, place+name, "333", PutOptions{Guard: g})) }
	}
	return []command{
		{"put a new one", "/new", put("/new")},
		{"put over", "/over", put("/over")},
		{"make", "/made", func(g Guard) error {
			return first(w.dav.Make(ctx, who, at(place+"/made"), MakeOptions{Guard: g, Kind: Folder}))
		}},
		{"delete a file", "/gone", func(g Guard) error { return w.dav.Delete(ctx, who, at(place+"/gone"), DeleteOptions{g}) }},
		{"copy a folder", "/copied", func(g Guard) error {
			return second(w.dav.Copy(ctx, who, at(place+"/folder"), at(place+"/copied"), CopyOptions{Guard: g}))
		}},
		{"delete a folder", "/folder", func(g Guard) error { return w.dav.Delete(ctx, who, at(place+"/folder"), DeleteOptions{g}) }},
		{"move a file", "/moved", func(g Guard) error {
			return second(w.dav.Move(ctx, who, at(place+"/from"), at(place+"/moved"), MoveOptions{Guard: g}))
		}},
		{"patch", "/patched", func(g Guard) error {
			return first(w.dav.Patch(ctx, who, at(place+"/patched"), PatchOptions{Guard: g, Set: []Property{property("p", "1")}}))
		}},
		{"lock", "/patched", func(g Guard) error {
			return third(w.dav.Lock(ctx, who, at(place+"/patched"), LockOptions{Guard: g}))
		}},
		{"lock where nothing is", "/empty", func(g Guard) error {
			return third(w.dav.Lock(ctx, who, at(place+"/empty"), LockOptions{Guard: g}))
		}},
		{"refresh", "/locked", func(g Guard) error { return first(w.dav.Refresh(ctx, who, at(place+"/locked"), token, 0, g)) }},
		{"restore a version", "/versioned", func(g Guard) error {
			return first(w.dav.RestoreVersion(ctx, who, at(place+"/versioned"), version, g))
		}},
	}
}

// state is everything that a write could leave half done: what is listed, used, kept, locked, remembered and counted.
func (w *school) state(place string) string {
	w.Helper()
	n := w.node(w.klein, place)
	u, err := w.dav.Usage(context.Background(), n)
	w.check(err)
	return fmt.Sprint(w.show(w.klein, place), u, n.Token, w.count(`SELECT COUNT(*) FROM dav_lock`), w.count(`SELECT COUNT(*) FROM dav_property`),
		w.count(`SELECT COUNT(*) FROM dav_version`), w.count(`SELECT COUNT(*) FROM dav_trash`), w.count(`SELECT COUNT(*) FROM dav_removed`),
		w.count(`SELECT COALESCE(MAX(expires), 0) FROM dav_lock`))
}

// The condition of every kind of write is asked, its error comes back as it is, and nothing has changed then.
func TestEveryWriteAsksItsCondition(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		const place = "groups:/7b"
		w.commandTree(place)
		token := w.lock(w.klein, place+"/locked", LockOptions{}).Token
		w.clock.Add(5)
		broken := errors.New("broken")
		for _, c := range w.commands(w.klein, place, token) {
			before := w.state(place)
			asked := 0
			err := c.do(Guard{If: func(s *State) error {
				asked++
				r, err := s.At(at(place + c.path))
				if n, missing := w.dav.Resolve(context.Background(), w.klein, at(place+c.path)); err == nil && r.Exists != (missing == nil) || r.ETag != n.ETag {
					t.Errorf("%s: the condition sees %+v %v, there is %+v", c.name, r, err, n)
				}
				return broken
			}})
			if !errors.Is(err, broken) || asked != 1 {
				t.Errorf("%s: asked %d times, %v", c.name, asked, err)
			}
			if got := w.state(place); got != before {
				t.Errorf("%s: a refused write leaves\n%s, was\n%s", c.name, got, before)
			}
		}
		w.sound()
	})
}

// A commit that fails leaves nothing of any kind of write, and the same command succeeds when there is room again.
func TestNothingIsLeftOfAFailedCommit(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		var armed atomic.Bool
		o.Faults = func(op, path string) error {
			if op == "commit" && armed.Load() {
				return fmt.Errorf("%s %s: %w", op, path, syscall.ENOSPC)
			}
			return nil
		}
		w := newSchool(t, storetest.OpenWith(t, o))
		const place = "groups:/7b"
		w.commandTree(place)
		token := w.lock(w.klein, place+"/locked", LockOptions{}).Token
		w.clock.Add(5)
		list, err := w.dav.Trash(t.Context(), w.klein, at(place), 0)
		w.check(err)
		commands := append(w.commands(w.klein, place, token),
			command{"restore", "", func(Guard) error { return first(w.dav.Restore(t.Context(), w.klein, list[0], at(place+"/back"))) }},
			command{"unlock", "", func(Guard) error { return w.dav.Unlock(t.Context(), w.klein, at(place+"/locked"), token) }},
			command{"set a group's quota", "", func(Guard) error {
				return w.dav.SetGroup(t.Context(), w.class, GroupSettings{MembersWrite: false, QuotaBytes: 1000})
			}})
		for _, c := range commands {
			before, writes := w.state(place), w.node(w.anna, place).Privileges.Write
			armed.Store(true)
			err := c.do(Guard{})
			armed.Store(false)
			if !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s: %v", c.name, err)
			}
			if got := w.state(place); got != before || w.node(w.anna, place).Privileges.Write != writes {
				t.Errorf("%s: a failed commit leaves\n%s, was\n%s", c.name, got, before)
			}
			if err := c.do(Guard{}); err != nil {
				t.Errorf("%s, with room again: %v", c.name, err)
			}
		}
		if w.node(w.anna, place).Privileges.Write {
			t.Error("a pupil still writes where only teachers do")
		}
		w.sound()
	})
}

// Every kind of write asks the rights, and asks them before the client's condition, which could tell what someone must not know.
func TestEveryWriteAsksTheRights(t *testing.T) {
	for _, tt := range []struct {
		name string
		who  func(w *school) directory.ID
		kind fault.Kind // Internal: it succeeds
	}{
		{"a teacher", func(w *school) directory.ID { return w.klein }, fault.Internal},
		{"a pupil", func(w *school) directory.ID { return w.ben }, fault.Forbidden},
		{"a stranger", func(w *school) directory.ID { return w.otto }, fault.NotFound},
		{"nobody", func(*school) directory.ID { return 1 << 40 }, fault.NotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			quick(t, func(t *testing.T, w *school) {
				const place = "groups:/7b"
				w.commandTree(place)
				who := tt.who(w)
				token := w.lock(w.klein, place+"/locked", LockOptions{Shared: true}).Token
				w.check(w.dav.SetGroup(t.Context(), w.class, GroupSettings{QuotaBytes: -1}))
				before := w.state(place)
				for _, c := range w.commands(who, place, token) {
					asked := false
					err := c.do(Guard{If: func(*State) error {
						asked = true
						return nil
					}})
					want := tt.kind
					if c.name == "refresh" && want == fault.Forbidden {
						want = fault.Conflict // not the pupil's lock
					}
					if want == fault.Internal {
						w.check(err)
					} else if !fault.Is(err, want) {
						t.Errorf("%s: %v, want %s", c.name, err, want)
					}
					if asked != (want == fault.Internal) {
						t.Errorf("%s: the condition was asked: %t", c.name, asked)
					}
				}
				if got := w.state(place); (got == before) == (tt.kind == fault.Internal) {
					t.Errorf("it is then\n%s, was\n%s", got, before)
				}
				w.sound()
			})
		})
	}
}

// Names that cannot be stored are refused by every command that takes a path, at either end.
func TestEveryCommandRefusesHostileNames(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.put(w.anna, "files:/a", "1")
		w.put(w.anna, "files:/t", "1")
		w.delete(w.anna, "files:/t")
		list, err := w.dav.Trash(ctx, w.anna, at("files:/"), 0)
		w.check(err)
		a := at("files:/a")
		commands := map[string]func(Path) error{
			"resolve":  func(p Path) error { return first(w.dav.Resolve(ctx, w.anna, p)) },
			"make":     func(p Path) error { return first(w.dav.Make(ctx, w.anna, p, MakeOptions{Kind: Folder})) },
			"delete":   func(p Path) error { return w.dav.Delete(ctx, w.anna, p, DeleteOptions{}) },
			"patch":    func(p Path) error { return first(w.dav.Patch(ctx, w.anna, p, PatchOptions{})) },
			"lock":     func(p Path) error { return third(w.dav.Lock(ctx, w.anna, p, LockOptions{})) },
			"locks":    func(p Path) error { return first(w.dav.Locks(ctx, w.anna, p)) },
			"unlock":   func(p Path) error { return w.dav.Unlock(ctx, w.anna, p, "x") },
			"refresh":  func(p Path) error { return first(w.dav.Refresh(ctx, w.anna, p, "x", 0, Guard{})) },
			"copy to":  func(p Path) error { return second(w.dav.Copy(ctx, w.anna, a, p, CopyOptions{})) },
			"copy it":  func(p Path) error { return second(w.dav.Copy(ctx, w.anna, p, a, CopyOptions{})) },
			"move to":  func(p Path) error { return second(w.dav.Move(ctx, w.anna, a, p, MoveOptions{})) },
			"move it":  func(p Path) error { return second(w.dav.Move(ctx, w.anna, p, a, MoveOptions{})) },
			"restore":  func(p Path) error { return first(w.dav.Restore(ctx, w.anna, list[0], p)) },
			"versions": func(p Path) error { return first(w.dav.Versions(ctx, w.anna, p)) },
			"version":  func(p Path) error { return first(w.dav.RestoreVersion(ctx, w.anna, p, 1, Guard{})) },
			"trash":    func(p Path) error { return first(w.dav.Trash(ctx, w.anna, p, 0)) },
			"put": func(p Path) error {
				s := w.spool("x")
				defer s.Close()
				return second(w.dav.Put(ctx, w.anna, p, s, PutOptions{}))
			},
		}
		for _, hostile := range []string{"", ".", "..", "a/b", `..\x`, "a\x00", "a\r\nb", "\xc3(", "\u0080"} {
			for _, segments := range [][]string{{hostile}, {"a", hostile}, {hostile, "a"}} {
				for name, do := range commands {
					if err := do(Path{Space: Files, Segments: segments}); !fault.Is(err, fault.Invalid) {
						t.Errorf("%s %q: %v", name, segments, err)
					}
				}
			}
		}
		if got := w.show(w.anna, "files:/"); got != "a=1" {
			t.Error(got)
		}
	})
}
