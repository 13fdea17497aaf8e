package collection

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/store/fault"
)

// client is one that syncs a collection: names with their ETags, and up to where.
type client struct {
	since Token
	etags map[string]string
}

// sync brings c up to date in pages of limit and compares it with the listing.
func (w *school) sync(name string, who directory.ID, path string, c *client, limit int) {
	w.Helper()
	ctx := context.Background()
	n := w.node(who, path)
	for more := true; more; {
		ch, err := w.dav.Changes(ctx, who, n, c.since, limit)
		w.check(err)
		if got := len(ch.Changed) + len(ch.Removed); got > limit && n.Kind != DirectoryBook || ch.More && got == 0 {
			w.Fatalf("%s: a page of %d has %d", name, limit, got)
		}
		for _, gone := range ch.Removed {
			delete(c.etags, gone)
		}
		for _, m := range ch.Changed {
			c.etags[m.Name()] = m.ETag
		}
		c.since, more = ch.Next, ch.More
	}
	list, err := w.dav.Children(ctx, who, n, "", 0)
	w.check(err)
	want := map[string]string{}
	for _, m := range list {
		want[m.Name()] = m.ETag
	}
	if !maps.Equal(c.etags, want) || c.since != n.Token {
		w.Errorf("%s: the client has %v up to %s, the listing %v up to %s", name, c.etags, c.since, want, n.Token)
	}
}

// From the token after each step, in pages of every size, a client comes to the same end.
func TestEveryTokenLeadsToThePresent(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		const top = "files:/s"
		w.tree(w.anna, "files:/", "s/ other/ other/in=1")
		steps := []func() error{
			func() error { return second(w.tryPut(w.anna, top+"/a", "1", PutOptions{})) },
			func() error { return second(w.tryPut(w.anna, top+"/b", "2", PutOptions{})) },
			func() error { return second(w.dav.Copy(ctx, w.anna, at(top+"/a"), at(top+"/c"), CopyOptions{})) },
			func() error { return w.dav.Delete(ctx, w.anna, at(top+"/a"), DeleteOptions{}) },
			func() error {
				return second(w.dav.Move(ctx, w.anna, at("files:/other/in"), at(top+"/in"), MoveOptions{}))
			},
			func() error { return second(w.dav.Move(ctx, w.anna, at(top+"/b"), at(top+"/a"), MoveOptions{})) },
			func() error {
				return second(w.dav.Move(ctx, w.anna, at(top+"/c"), at(top+"/a"), MoveOptions{Overwrite: true}))
			},
			func() error { return first(w.dav.Make(ctx, w.anna, at(top+"/b"), MakeOptions{Kind: Folder})) },
			func() error { return second(w.dav.Move(ctx, w.anna, at(top+"/in"), at("files:/out"), MoveOptions{})) },
			func() error { return w.dav.Delete(ctx, w.anna, at(top+"/b"), DeleteOptions{}) },
			func() error { return third(w.dav.Lock(ctx, w.anna, at(top+"/locked"), LockOptions{})) },
		}
		clients := []*client{{etags: map[string]string{}}}
		for _, step := range steps {
			w.check(step())
			c := &client{etags: map[string]string{}}
			w.sync("new", w.anna, top, c, 100)
			clients = append(clients, c)
		}
		for i, c := range clients {
			for limit := 1; limit <= 4; limit++ {
				again := &client{c.since, maps.Clone(c.etags)}
				w.sync(fmt.Sprintf("from step %d in pages of %d", i, limit), w.anna, top, again, limit)
			}
		}
	})
}

// A collection's log is its own: a renamed one keeps it, one that was copied or made anew at the same place starts another, and a token of
// another one is refused whatever its number is.
func TestLogsOfCollections(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.tree(w.anna, "files:/", "a/ a/x=1 a/y=2")
		a := w.node(w.anna, "files:/a").Token
		w.delete(w.anna, "files:/a/x")
		w.check(second(w.dav.Move(ctx, w.anna, at("files:/a"), at("groups:/7b/moved"), MoveOptions{})))
		if got, _ := w.changes(w.ben, "groups:/7b/moved", a, 10); got != "-x" {
			t.Errorf("a collection that moved to another owner: %q", got)
		}
		w.check(second(w.dav.Copy(ctx, w.anna, at("groups:/7b/moved"), at("files:/a"), CopyOptions{})))
		copied := w.node(w.anna, "files:/a")
		for name, bad := range map[string]Token{"of the original": a, "of its parent": w.node(w.anna, "files:/").Token,
			"of a number alone": {ModSeq: 1}, "of a later change": {copied.ID, copied.Token.ModSeq + 1}} {
			if _, err := w.dav.Changes(ctx, w.anna, copied, bad, 10); !fault.Is(err, fault.Expired) {
				t.Errorf("a token %s: %v", name, err)
			}
		}
		if got, next := w.changes(w.anna, "files:/a", Token{}, 1); got != "y" || next != copied.Token {
			t.Errorf("%q up to %s, want %s", got, next, copied.Token)
		}
	})
}

// At exactly the retention time removed names are forgotten; a second before a token still tells of them, and a collection where nothing
// was removed keeps its whole log.
func TestRetentionOfRemovedNames(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.tree(w.anna, "files:/", "a/ a/x=1 b/")
		a, b := w.node(w.anna, "files:/a").Token, w.node(w.anna, "files:/b").Token
		w.delete(w.anna, "files:/a/x")
		w.put(w.anna, "files:/b/y", "1")
		w.clock.Add(int64(SyncRetention/time.Second) - 1)
		w.check(w.dav.tidy(ctx))
		if got, _ := w.changes(w.anna, "files:/a", a, 10); got != "-x" {
			t.Errorf("a second before: %q", got)
		}
		w.clock.Add(1)
		w.check(w.dav.tidy(ctx))
		if _, err := w.dav.Changes(ctx, w.anna, w.node(w.anna, "files:/a"), a, 10); !fault.Is(err, fault.Expired) {
			t.Errorf("at the time: %v", err)
		}
		if got, _ := w.changes(w.anna, "files:/b", b, 10); got != "y" {
			t.Errorf("where nothing was removed: %q", got)
		}
	})
}

// The directory book: after each change of who is there or seen, a client with any token that was ever given comes to what is listed.
func TestEveryTokenOfTheDirectory(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		role := func(who directory.ID, r directory.Role) func() error {
			return func() error { return w.dir.ChangeAccount(ctx, who, directory.AccountChange{Role: &r}) }
		}
		state := func(who directory.ID, s directory.State) func() error {
			return func() error { return w.dir.ChangeAccount(ctx, who, directory.AccountChange{State: &s}) }
		}
		name, title := "Benno", "The best"
		steps := []struct {
			name string
			do   func() error
			want string // what anna sees
		}{
			{"at first", func() error { return nil }, "7b anna ben klein"},
			{"one enters", func() error { return w.dir.AddMembers(ctx, w.class, []directory.ID{w.otto}, false) }, "7b anna ben klein otto"},
			{"one is renamed", func() error { return w.dir.ChangeAccount(ctx, w.ben, directory.AccountChange{Name: &name}) }, "7b anna ben klein otto"},
			{"one is disabled", state(w.ben, directory.Disabled), "7b anna klein otto"},
			{"she becomes a teacher", role(w.anna, directory.Teacher), "7b anna klein otto"},
			{"he is enabled again", state(w.ben, directory.Active), "7b anna ben klein otto"},
			{"the group has another title", func() error { return w.dir.ChangeGroup(ctx, w.class, &title, nil, nil) }, "7b anna ben klein otto"},
			{"one leaves, whom a teacher still sees", func() error { return w.dir.RemoveMembers(ctx, w.class, []directory.ID{w.otto}) }, "7b anna ben klein otto"},
			{"she is a pupil again", role(w.anna, directory.Student), "7b anna ben klein"},
			{"one is deleted", state(w.klein, directory.Deleted), "7b anna ben"},
			{"she leaves", func() error { return w.dir.RemoveMembers(ctx, w.class, []directory.ID{w.anna}) }, "anna"},
		}
		var clients []*client
		for _, step := range steps {
			w.check(step.do())
			if got := strings.ReplaceAll(w.list(w.anna, book), cardSuffix, ""); got != step.want {
				t.Errorf("%s: %s, want %s", step.name, got, step.want)
			}
			clients = append(clients, &client{etags: map[string]string{}})
			for i, c := range clients {
				again := &client{c.since, maps.Clone(c.etags)}
				w.sync(fmt.Sprintf("%s, from step %d", step.name, i), w.anna, book, again, 100)
			}
			w.sync(step.name, w.anna, book, clients[len(clients)-1], 100)
		}
	})
}

// A group's collections come into the homes of those who join, go from those who leave and from everybody with the group; who left and
// comes back goes on with the old token.
func TestJoiningAndLeavingAGroup(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		const cal = "calendars:/group-7b"
		homes := func(who directory.ID) string {
			return strings.Join([]string{w.list(who, "calendars:/"), w.list(who, "contacts:/"), w.list(who, "groups:/")}, " | ")
		}
		without := homes(w.otto)
		member := "calendar/ group-7b/ group-7b~tasks/ tasks/ | contacts/ directory/ group-7b/ | 7b/"
		w.put(w.klein, cal+"/1.ics", event("1"))
		w.check(w.dir.AddMembers(ctx, w.class, []directory.ID{w.otto}, false))
		if got := homes(w.otto); got != member {
			t.Errorf("joined: %s", got)
		}
		n := w.node(w.otto, cal)
		w.check(w.dir.RemoveMembers(ctx, w.class, []directory.ID{w.otto}))
		if got := homes(w.otto); got != without {
			t.Errorf("left: %s", got)
		}
		w.put(w.klein, cal+"/2.ics", event("2"))
		left := map[string]error{
			"children": first(w.dav.Children(ctx, w.otto, n, "", 0)),
			"changes":  first(w.dav.Changes(ctx, w.otto, n, Token{}, 0)),
			"objects":  lastError(w.dav.Objects(ctx, w.otto, n, Window{})),
			"fetch":    lastError(w.dav.Fetch(ctx, w.otto, n, []string{"1.ics"}, false)),
			"locks":    first(w.dav.Locks(ctx, w.otto, n.Path)),
			"members":  first(w.dav.MemberLocks(ctx, w.otto, n)),
			"versions": first(w.dav.Versions(ctx, w.otto, at("groups:/7b"))),
			"trash":    first(w.dav.Trash(ctx, w.otto, at("groups:/7b"), 0)),
		}
		for _, name := range slices.Sorted(maps.Keys(left)) {
			if err := left[name]; !fault.Is(err, fault.NotFound) {
				t.Errorf("%s of who left: %v", name, err)
			}
		}
		w.check(w.dir.AddMembers(ctx, w.class, []directory.ID{w.otto}, false))
		if got, _ := w.changes(w.otto, cal, n.Token, 10); got != "2.ics" {
			t.Errorf("after coming back: %q", got)
		}
		w.check(w.dir.DeleteGroup(ctx, w.class))
		for _, who := range []directory.ID{w.anna, w.otto} {
			if got := homes(who); got != without {
				t.Errorf("without the group: %s", got)
			}
		}
		w.check(w.dav.tidy(ctx))
		if got := w.count(`SELECT COUNT(*) FROM dav_entry WHERE owner_id = $1`, int64(w.class)); got != 0 {
			t.Errorf("%d rows of the group are left", got)
		}
		w.sound()
	})
}
