package collection

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// count is the number that a query answers.
func (w *school) count(query string, args ...any) (n int64) {
	w.Helper()
	w.check(w.store.Read(context.Background(), func(tx *store.Tx) error { return tx.QueryRow(query, args...).Scan(&n) }))
	return n
}

// tree makes folders and files of one line: "a/ a/b=1 c=2".
func (w *school) tree(who directory.ID, top, line string) {
	w.Helper()
	for word := range strings.FieldsSeq(line) {
		if name, ok := strings.CutSuffix(word, "/"); ok {
			w.make(who, top+name, Folder)
			continue
		}
		name, content, _ := strings.Cut(word, "=")
		w.put(who, top+name, content)
	}
}

// show is what tree made, read back.
func (w *school) show(who directory.ID, path string) string {
	w.Helper()
	var words []string
	var walk func(path, prefix string)
	walk = func(path, prefix string) {
		for name := range strings.FieldsSeq(w.list(who, path)) {
			if folder, ok := strings.CutSuffix(name, "/"); ok {
				words = append(words, prefix+name)
				walk(path+"/"+folder, prefix+name)
				continue
			}
			words = append(words, prefix+name+"="+w.read(who, path+"/"+name))
		}
	}
	walk(strings.TrimSuffix(path, "/"), "")
	return strings.Join(words, " ")
}

func TestMoveAndCopy(t *testing.T) {
	tests := []struct {
		name, from, to string
		copy, refuse   bool // refuse: Overwrite is F
		want           string
		kind           fault.Kind
		cause          error
	}{
		{"a file is renamed", "f", "g", false, false, "a/ a/b/ a/b/x=1 a/y=2 g=3", 0, nil},
		{"a file goes into a folder", "f", "a/b/f", false, false, "a/ a/b/ a/b/f=3 a/b/x=1 a/y=2", 0, nil},
		{"a folder is renamed", "a", "z", false, false, "f=3 z/ z/b/ z/b/x=1 z/y=2", 0, nil},
		{"a folder moves up", "a/b", "b", false, false, "a/ a/y=2 b/ b/x=1 f=3", 0, nil},
		{"a file over a file", "f", "a/y", false, false, "a/ a/b/ a/b/x=1 a/y=3", 0, nil},
		{"a file over a folder", "f", "a/b", false, false, "a/ a/b=3 a/y=2", 0, nil},
		{"a folder over a file", "a/b", "f", false, false, "a/ a/y=2 f/ f/x=1", 0, nil},
		{"not over something", "f", "a/y", false, true, "", fault.Conflict, ErrNotEmpty},
		{"into itself", "a", "a/b/c", false, false, "", fault.Forbidden, nil},
		{"onto itself", "a", "a", false, false, "", fault.Forbidden, nil},
		{"over what it is in", "a/b", "a", false, false, "", fault.Forbidden, nil},
		{"no such source", "none", "x", false, false, "", fault.NotFound, nil},
		{"no such parent", "f", "none/f", false, false, "", fault.Conflict, ErrNoParent},
		{"below a file", "a", "f/a", false, false, "", fault.Conflict, ErrNoParent},
		{"a copy of a file", "f", "g", true, false, "a/ a/b/ a/b/x=1 a/y=2 f=3 g=3", 0, nil},
		{"a copy of a tree", "a", "z", true, false, "a/ a/b/ a/b/x=1 a/y=2 f=3 z/ z/b/ z/b/x=1 z/y=2", 0, nil},
		{"a copy over a file", "f", "a/y", true, false, "a/ a/b/ a/b/x=1 a/y=3 f=3", 0, nil},
		{"a copy of a tree over a folder", "a", "a/b", true, false, "", fault.Forbidden, nil},
		{"a copy of a folder over a file", "a/b", "f", true, false, "a/ a/b/ a/b/x=1 a/y=2 f/ f/x=1", 0, nil},
		{"a copy into itself", "a", "a/c", true, false, "", fault.Forbidden, nil},
		{"a copy that is refused", "a", "f", true, true, "", fault.Conflict, ErrNotEmpty},
	}
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		for i, tt := range tests {
			top := fmt.Sprintf("files:/%d/", i)
			w.make(w.anna, strings.TrimSuffix(top, "/"), Folder)
			w.tree(w.anna, top, "a/ a/b/ a/b/x=1 a/y=2 f=3")
			before := w.show(w.anna, top)
			var err error
			if tt.copy {
				_, _, err = w.dav.Copy(ctx, w.anna, at(top+tt.from), at(top+tt.to), CopyOptions{Overwrite: !tt.refuse})
			} else {
				_, _, err = w.dav.Move(ctx, w.anna, at(top+tt.from), at(top+tt.to), MoveOptions{Overwrite: !tt.refuse})
			}
			want := tt.want
			if tt.kind != 0 {
				want = before
				if !fault.Is(err, tt.kind) || tt.cause != nil && !errors.Is(err, tt.cause) {
					t.Errorf("%s: %v, want %s", tt.name, err, tt.kind)
				}
			} else if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			if got := w.show(w.anna, top); got != want {
				t.Errorf("%s: %s, want %s", tt.name, got, want)
			}
		}
		w.sound()
	})
}

// sound asks both checks for problems.
func (w *school) sound() {
	w.Helper()
	report := func(p store.Problem) { w.Errorf("%s: %s", p.ID, p.Detail) }
	w.check(w.dav.Check(context.Background(), false, report))
	w.check(w.store.Check(context.Background(), false, report))
}

// What is moved keeps its ID, so that a folder of any size moves by writing a few rows, and its properties; a copy gets the properties too.
func TestMoveKeepsIdentityAndProperties(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.tree(w.anna, "files:/", "a/ a/x=1 b/")
		for _, path := range []string{"files:/a", "files:/a/x"} {
			_, err := w.dav.Patch(ctx, w.anna, at(path), PatchOptions{Set: []Property{property("p", path)}})
			w.check(err)
		}
		before, inside := w.node(w.anna, "files:/a"), w.node(w.anna, "files:/a/x")
		_, created, err := w.dav.Move(ctx, w.anna, at("files:/a"), at("files:/b/a"), MoveOptions{})
		w.check(err)
		if n, m := w.node(w.anna, "files:/b/a"), w.node(w.anna, "files:/b/a/x"); !created || n.ID != before.ID || n.Token != before.Token || m.ID != inside.ID {
			t.Errorf("%+v %+v", n, m)
		}
		_, _, err = w.dav.Copy(ctx, w.anna, at("files:/b/a"), at("files:/c"), CopyOptions{})
		w.check(err)
		_, _, err = w.dav.Copy(ctx, w.anna, at("files:/b/a"), at("files:/d"), CopyOptions{Shallow: true})
		w.check(err)
		for path, want := range map[string]string{"files:/b/a": "files:/a", "files:/b/a/x": "files:/a/x", "files:/c": "files:/a", "files:/c/x": "files:/a/x", "files:/d": "files:/a"} {
			if got := w.props(w.anna, path); got != "urn:x:p="+want {
				t.Errorf("%s: %s", path, got)
			}
		}
		if got := w.list(w.anna, "files:/d"); got != "" {
			t.Errorf("a shallow copy has members: %s", got)
		}
		w.sound()
	})
}

// Between a person's files and a group's folder a tree changes its owner, with what it uses.
func TestMoveBetweenOwners(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.tree(w.anna, "files:/", "a/ a/b/ a/b/x=123 a/y=45")
		w.put(w.anna, "files:/a/y", "456") // the version goes along
		_, _, err := w.dav.Move(ctx, w.anna, at("files:/a"), at("groups:/7b/a"), MoveOptions{})
		w.check(err)
		if got := w.show(w.ben, "groups:/7b"); got != "a/ a/b/ a/b/x=123 a/y=456" {
			t.Error(got)
		}
		if a, g := w.usage(w.anna, "files:/"), w.usage(w.anna, "groups:/7b"); a != 0 || g != 6 {
			t.Errorf("anna uses %d, the group %d", a, g)
		}
		quota := int64(1)
		w.check(w.dir.ChangeAccount(ctx, w.ben, directory.AccountChange{QuotaBytes: &quota}))
		if _, _, err = w.dav.Copy(ctx, w.ben, at("groups:/7b/a"), at("files:/a"), CopyOptions{}); !fault.Is(err, fault.OverQuota) {
			t.Errorf("beyond the quota: %v", err)
		}
		if _, _, err = w.dav.Move(ctx, w.ben, at("groups:/7b/a"), at("files:/a"), MoveOptions{}); !fault.Is(err, fault.OverQuota) {
			t.Errorf("beyond the quota: %v", err)
		}
		if got := w.show(w.ben, "files:/"); got != "" {
			t.Errorf("half done: %s", got)
		}
		for _, to := range []string{"calendars:/x", "calendars:/calendar/x", "contacts:/x"} {
			if _, _, err = w.dav.Move(ctx, w.anna, at("groups:/7b/a"), at(to), MoveOptions{}); !fault.Is(err, fault.Refused) {
				t.Errorf("to %s: %v", to, err)
			}
		}
		if _, _, err = w.dav.Move(ctx, w.anna, at("groups:/7b/a"), at("files:otto/a"), MoveOptions{}); !errors.Is(err, ErrNoParent) {
			t.Errorf("into another one's files: %v", err)
		}
		w.sound()
	})
}

func TestTreesAreNotTooDeep(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		for _, top := range []string{"files:/a", "files:/b"} {
			path := top
			for i := range MaxDepth / 2 {
				w.make(w.anna, path, Folder)
				path += fmt.Sprintf("/%d", i)
			}
		}
		deep := "files:/b"
		for i := range MaxDepth/2 - 1 {
			deep += fmt.Sprintf("/%d", i)
		}
		if _, _, err := w.dav.Move(ctx, w.anna, at("files:/a"), at(deep+"/a"), MoveOptions{}); !fault.Is(err, fault.Limit) {
			t.Errorf("%v", err)
		}
		parent := deep[:strings.LastIndex(deep, "/")]
		_, _, err := w.dav.Move(ctx, w.anna, at("files:/a/0"), at(parent+"/a"), MoveOptions{})
		w.check(err)
	})
}

// Objects of calendars and address books move and copy among their own kind, under the rules of the calendar they come into.
func TestMoveAndCopyOfEvents(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		w.put(w.anna, "calendars:/calendar/1.ics", event("1"))
		w.put(w.anna, "calendars:/calendar/2.ics", event("2"))
		w.put(w.anna, "calendars:/calendar/4.ics", event("4"))
		w.make(w.anna, "calendars:/other", Calendar)
		w.put(w.anna, "calendars:/other/3.ics", event("2"))
		w.put(w.anna, "files:/1.ics", event("1"))
		tests := []struct {
			name, from, to string
			copy           bool
			kind           fault.Kind
			cause          any
		}{
			{"copied to another calendar", "calendars:/calendar/1.ics", "calendars:/other/x.ics", true, 0, nil},
			{"again under another name", "calendars:/calendar/1.ics", "calendars:/other/y.ics", true, fault.Conflict, "no-uid-conflict"},
			{"moved there under another name", "calendars:/calendar/1.ics", "calendars:/other/y.ics", false, fault.Conflict, "no-uid-conflict"},
			{"over the same event", "calendars:/calendar/1.ics", "calendars:/other/x.ics", true, 0, nil},
			{"over another event", "calendars:/calendar/1.ics", "calendars:/other/3.ics", true, fault.Conflict, "no-uid-conflict"},
			{"copied over another event", "calendars:/calendar/4.ics", "calendars:/other/x.ics", true, fault.Conflict, "no-uid-conflict"},
			{"moved over another event", "calendars:/calendar/4.ics", "calendars:/other/x.ics", false, fault.Conflict, "no-uid-conflict"},
			{"beside itself", "calendars:/calendar/1.ics", "calendars:/calendar/3.ics", true, fault.Conflict, "no-uid-conflict"},
			{"over another event beside it", "calendars:/calendar/1.ics", "calendars:/calendar/2.ics", false, fault.Conflict, "no-uid-conflict"},
			{"moved over the same event", "calendars:/calendar/2.ics", "calendars:/other/3.ics", false, 0, nil},
			{"into a task list", "calendars:/calendar/1.ics", "calendars:/tasks/1.ics", false, fault.Refused, "supported-calendar-component"},
			{"into the files", "calendars:/calendar/1.ics", "files:/2.ics", true, fault.Refused, nil},
			{"from the files", "files:/1.ics", "calendars:/calendar/2.ics", true, fault.Refused, nil},
			{"into the contacts", "calendars:/calendar/1.ics", "contacts:/contacts/1.ics", true, fault.Refused, nil},
			{"beside the calendars", "calendars:/calendar/1.ics", "calendars:/1.ics", false, fault.Refused, nil},
			{"into a group's calendar, by a pupil", "calendars:/calendar/1.ics", "calendars:/group-7b/1.ics", true, fault.Forbidden, nil},
			{"out of a group's calendar, by a pupil", "calendars:/group-7b/g.ics", "calendars:/calendar/g.ics", false, fault.Forbidden, nil},
			{"copied out of a group's calendar", "calendars:/group-7b/g.ics", "calendars:/calendar/g.ics", true, 0, nil},
			{"a calendar is copied", "calendars:/other", "calendars:/third", true, 0, nil},
			{"a calendar gets a reserved name", "calendars:/other", "calendars:/directory", false, fault.Refused, nil},
			{"moved within", "calendars:/calendar/1.ics", "calendars:/calendar/2.ics", false, 0, nil},
		}
		w.put(w.klein, "calendars:/group-7b/g.ics", event("g"))
		for _, tt := range tests {
			var err error
			if tt.copy {
				_, _, err = w.dav.Copy(ctx, w.anna, at(tt.from), at(tt.to), CopyOptions{Overwrite: true})
			} else {
				_, _, err = w.dav.Move(ctx, w.anna, at(tt.from), at(tt.to), MoveOptions{Overwrite: true})
			}
			if tt.kind == 0 {
				w.check(err)
			} else if !fault.Is(err, tt.kind) {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.kind)
			}
			w.caused(tt.name, err, tt.cause)
		}
		if got := w.list(w.anna, "calendars:/calendar"); got != "2.ics 4.ics g.ics" {
			t.Error(got)
		}
		if got := w.found("calendars:/third", Window{Component: "VEVENT", From: firstDay, To: firstDay + 365*86400}); got != "3.ics x.ics" {
			t.Errorf("a copied calendar finds %q", got)
		}
		if a, b := w.node(w.anna, "calendars:/third/x.ics"), w.node(w.anna, "calendars:/calendar/2.ics"); a.ETag != b.ETag || a.UID != "1" {
			t.Errorf("%+v %+v", a, b)
		}
		w.sound()
	})
}
