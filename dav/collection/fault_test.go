package collection

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// TestEveryFileOperationFails fails the n-th file operation of a scenario, for all n. After a restart what was answered is there, what was
// refused is not half there: the tree, what is charged and the log of changes agree, and everything works again.
func TestEveryFileOperationFails(t *testing.T) {
	for n := int64(1); ; n++ {
		var calls atomic.Int64
		var armed atomic.Bool
		o := store.Options{Dir: t.TempDir(), Faults: func(op, path string) error {
			if armed.Load() && calls.Add(1) == n {
				return fmt.Errorf("%s %s: %w", op, path, syscall.ENOSPC)
			}
			return nil
		}}
		w := newSchool(t, storetest.OpenWith(t, o))
		w.tree(w.anna, "files:/", "a/ a/x=1 a/y=2 b=3")
		since := w.node(w.anna, "files:/").Token
		want := map[string]bool{"a/": true, "a/x=1": true, "a/y=2": true, "b=3": true}
		armed.Store(true)
		for i, step := range w.faultySteps() {
			switch err := step.do(); {
			case err == nil:
				for _, gone := range step.gone {
					delete(want, gone)
				}
				for _, made := range step.made {
					want[made] = true
				}
			case !fault.Is(err, fault.Unavailable) && !(step.late && fault.Is(err, fault.NotFound)):
				t.Errorf("operation %d, step %d: %v", n, i, err)
			}
		}
		armed.Store(false)
		w.check(w.dav.Close())
		w.check(w.store.Close())
		w.store = storetest.OpenWith(t, o)
		w.open(Options{})
		got := map[string]bool{}
		for word := range strings.FieldsSeq(w.show(w.anna, "files:/")) {
			got[word] = true
		}
		if !maps.Equal(got, want) {
			t.Errorf("operation %d: %v, want %v", n, got, want)
		}
		w.sound()
		w.put(w.anna, "files:/after", "x")
		if told, _ := w.changes(w.anna, "files:/", since, 100); !strings.Contains(told, "after") {
			t.Errorf("operation %d: told %s", n, told)
		}
		w.check(w.dav.Close())
		w.check(w.store.Close())
		if calls.Load() < n {
			return // beyond the last operation: nothing failed
		}
	}
}

// faultyStep is a command with what it makes and removes when it succeeds. late: it needs an earlier one to have succeeded.
type faultyStep struct {
	do         func() error
	made, gone []string
	late       bool
}

func (w *school) faultySteps() []faultyStep {
	ctx := context.Background()
	return []faultyStep{
		{func() error { return second(w.tryPut(w.anna, "files:/new", "new", PutOptions{})) }, []string{"new=new"}, nil, false},
		{func() error { return second(w.tryPut(w.anna, "files:/b", "33", PutOptions{})) }, []string{"b=33"}, []string{"b=3"}, false},
		{func() error {
			return second(w.dav.Copy(ctx, w.anna, at("files:/a"), at("files:/c"), CopyOptions{}))
		}, []string{"c/", "c/x=1", "c/y=2"}, nil, false},
		{func() error {
			return second(w.dav.Move(ctx, w.anna, at("files:/a"), at("files:/d"), MoveOptions{}))
		}, []string{"d/", "d/x=1", "d/y=2"}, []string{"a/", "a/x=1", "a/y=2"}, false},
		{func() error { return w.dav.Delete(ctx, w.anna, at("files:/c"), DeleteOptions{}) }, nil, []string{"c/", "c/x=1", "c/y=2"}, true},
		{func() error { return third(w.dav.Lock(ctx, w.anna, at("files:/l"), LockOptions{})) }, []string{"l="}, nil, false},
	}
}
