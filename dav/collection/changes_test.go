package collection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/store/fault"
)

// changes writes what is new since a token as one line, asking page by page: names of what changed, then -names of what is gone.
func (w *school) changes(who directory.ID, path string, since Token, limit int) (string, Token) {
	w.Helper()
	var changed, removed []string
	for {
		ch, err := w.dav.Changes(context.Background(), who, w.node(who, path), since, limit)
		w.check(err)
		for _, n := range ch.Changed {
			changed = append(changed, n.Name())
		}
		for _, name := range ch.Removed {
			removed = append(removed, "-"+name)
		}
		if since = ch.Next; !ch.More {
			slices.Sort(changed)
			slices.Sort(removed)
			return strings.Join(append(changed, removed...), " "), since
		}
	}
}

func TestChanges(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		const home = "files:/"
		for _, name := range []string{"a", "b", "c"} {
			w.put(w.anna, home+name, name)
		}
		w.make(w.anna, home+"d", Folder)
		got, start := w.changes(w.anna, home, Token{}, 2)
		if got != "a b c d" || start != w.node(w.anna, home).Token {
			t.Errorf("all: %s %s", got, start)
		}
		steps := []struct {
			name string
			do   func() error
			want string
		}{
			{"nothing", func() error { return nil }, ""},
			{"a new content", func() error { return second(w.tryPut(w.anna, home+"a", "2", PutOptions{})) }, "a"},
			{"the same content", func() error { return second(w.tryPut(w.anna, home+"a", "2", PutOptions{})) }, ""},
			{"a property", func() error {
				return first(w.dav.Patch(ctx, w.anna, at(home+"b"), PatchOptions{Set: []Property{property("x", "")}}))
			}, "b"},
			{"removed", func() error { return w.dav.Delete(ctx, w.anna, at(home+"c"), DeleteOptions{}) }, "-c"},
			{"moved within", func() error { return second(w.dav.Move(ctx, w.anna, at(home+"a"), at(home+"z"), MoveOptions{})) }, "z -a"},
			{"moved away", func() error { return second(w.dav.Move(ctx, w.anna, at(home+"z"), at(home+"d/z"), MoveOptions{})) }, "-z"},
			{"copied over", func() error {
				return second(w.dav.Copy(ctx, w.anna, at(home+"d/z"), at(home+"b"), CopyOptions{Overwrite: true}))
			}, "b"},
			{"within a folder", func() error { return second(w.tryPut(w.anna, home+"d/y", "", PutOptions{})) }, ""},
			{"the folder", func() error { return second(w.dav.Move(ctx, w.anna, at(home+"d"), at(home+"e"), MoveOptions{})) }, "e -d"},
			{"refused", func() error {
				w.tryPut(w.anna, home+"x", "", PutOptions{Guard: Guard{If: func(*State) error { return errors.New("no") }}})
				return nil
			}, ""},
		}
		since := start
		for _, s := range steps {
			w.check(s.do())
			if got, since = w.changes(w.anna, home, since, 1); got != s.want {
				t.Errorf("%s: %q, want %q", s.name, got, s.want)
			}
		}
		if got, _ := w.changes(w.anna, home, start, 3); got != "b e -a -c -d -z" {
			t.Errorf("from the start: %q", got)
		}
	})
}

// A name that is removed and made again is a change, not a removal.
func TestARemovedNameThatIsThereAgain(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		w.put(w.anna, "files:/a", "1")
		since := w.node(w.anna, "files:/").Token
		w.delete(w.anna, "files:/a")
		w.put(w.anna, "files:/a", "2")
		if got, _ := w.changes(w.anna, "files:/", since, 10); got != "a" {
			t.Error(got)
		}
		w.delete(w.anna, "files:/a")
		w.make(w.anna, "files:/a", Folder)
		w.delete(w.anna, "files:/a")
		if got, _ := w.changes(w.anna, "files:/", since, 10); got != "-a" {
			t.Error(got)
		}
	})
}

// Tokens are valid for 90 days at least; then, and when they are of something else, the client is told to start anew.
func TestTokensThatAreRefused(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		cal := "calendars:/calendar"
		for i := range 3 {
			w.put(w.anna, fmt.Sprintf("%s/%d.ics", cal, i), event(fmt.Sprint(i)))
		}
		old := w.node(w.anna, cal).Token
		w.delete(w.anna, cal+"/0.ics")
		w.clock.Add(int64(90 * 24 * time.Hour / time.Second))
		w.check(w.dav.tidy(ctx))
		if got, _ := w.changes(w.anna, cal, old, 10); got != "-0.ics" {
			t.Errorf("after 90 days: %q", got)
		}
		kept := w.node(w.anna, cal).Token
		w.put(w.anna, cal+"/1.ics", event("1")+" ")
		w.clock.Add(int64(20 * 24 * time.Hour / time.Second))
		w.check(w.dav.tidy(ctx))
		if got, _ := w.changes(w.anna, cal, kept, 10); got != "1.ics" {
			t.Errorf("a token after the sweep: %q", got)
		}
		n := w.node(w.anna, cal)
		w.delete(w.anna, cal)
		w.make(w.anna, cal, Calendar)
		fresh := w.node(w.anna, cal)
		for _, tt := range []struct {
			name  string
			n     Node
			since Token
		}{
			{"too old", n, old},
			{"of another collection", n, w.node(w.anna, "calendars:/tasks").Token},
			{"of the future", n, Token{n.ID, n.Token.ModSeq + 1}},
			{"of what was here before", fresh, n.Token},
		} {
			if _, err := w.dav.Changes(ctx, w.anna, tt.n, tt.since, 10); !fault.Is(err, fault.Expired) {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		if _, err := w.dav.Changes(ctx, w.anna, w.node(w.anna, "calendars:/"), Token{}, 10); !fault.Is(err, fault.Refused) {
			t.Error(err)
		}
	})
}

// A client that knows all there is costs nothing but finding the collection: no question goes to the database, however much is in it.
func TestNothingNewAsksNothing(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		w.put(w.anna, "files:/a", "1")
		over, end := context.WithCancel(context.Background())
		end()
		n := w.node(w.anna, "files:/")
		ch, err := w.dav.Changes(over, w.anna, n, n.Token, 0)
		if err != nil || ch.Next != n.Token || ch.More || len(ch.Changed)+len(ch.Removed) != 0 {
			t.Errorf("Changes() = %+v, %v", ch, err)
		}
		if _, err := w.dav.Changes(over, w.anna, n, Token{}, 0); err == nil {
			t.Error("who knows nothing is answered without the database")
		}
	})
}

func TestToken(t *testing.T) {
	for _, tok := range []Token{{1, 0}, {12345678, 1 << 62}, {}} {
		if got, ok := ParseToken(tok.String()); !ok || got != tok {
			t.Errorf("%s is read as %v %t", tok, got, ok)
		}
	}
	for _, s := range []string{"", "1", "1-", "-1", "1-2-3", "A-1", "01-1", "1-zzzzzzzzzzzzzzz", "+1-1"} {
		if got, ok := ParseToken(s); ok {
			t.Errorf("%q is read as %v", s, got)
		}
	}
}
