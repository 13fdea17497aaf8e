package collection

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// A member's home shows the collections of the groups under names of their own: the same entries, with the same ETags.
func TestGroupsCollectionsAreInTheHomesOfMembers(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		if got := w.list(w.anna, "calendars:anna"); got != "calendar/ group-7b/ group-7b~tasks/ tasks/" {
			t.Error(got)
		}
		if got := w.list(w.anna, "contacts:anna"); got != "contacts/ directory/ group-7b/" {
			t.Error(got)
		}
		if got := w.list(w.otto, "calendars:otto"); got != "calendar/ tasks/" {
			t.Error(got)
		}
		if got := w.list(w.anna, "groups:/"); got != "7b/" {
			t.Error(got)
		}
		a := w.put(w.klein, "calendars:/group-7b/exam.ics", event("exam"))
		b, c := w.node(w.anna, "calendars:/group-7b/exam.ics"), w.node(w.anna, "calendars:7b/calendar/exam.ics")
		if a.ID != b.ID || b.ID != c.ID || a.ETag != b.ETag || b.ETag != c.ETag {
			t.Errorf("three names of one entry: %+v %+v %+v", a, b, c)
		}
		if n := w.node(w.anna, "calendars:/group-7b"); n.DefaultTitle != "Class 7b" || n.Privileges.Bind {
			t.Errorf("%+v", n)
		}
		if n := w.node(w.anna, "calendars:/group-7b~tasks"); n.DefaultTitle != "Class 7b: Tasks" {
			t.Errorf("%+v", n)
		}
		for _, path := range []string{"calendars:/group-7b", "calendars:7b", "groups:/7b", "contacts:/group-7b", "calendars:/group-7b~tasks"} {
			if _, err := w.dav.Resolve(context.Background(), w.otto, at(path)); !fault.Is(err, fault.NotFound) {
				t.Errorf("otto and %s: %v", path, err)
			}
		}
		for _, path := range []string{"calendars:/group-7b~calendar", "calendars:/group-7b~none", "calendars:/group-", "calendars:/group-anna", "files:7b", "groups:/anna"} {
			if _, err := w.dav.Resolve(context.Background(), w.anna, at(path)); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", path, err)
			}
		}
	})
}

// The names of groups' collections can be told apart because no login name has the separator in it.
func TestNoGroupHasTheSeparatorInItsName(t *testing.T) {
	w := newSchool(t, storetest.Open(t))
	if _, err := w.dir.AddGroup(t.Context(), directory.Group{Name: "7b" + groupSeparator + "tasks", Kind: directory.Course}); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v, want it refused", err)
	}
}

func TestRightsInGroups(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		w.put(w.klein, "calendars:/group-7b/1.ics", event("1"))
		for _, path := range []string{"calendars:/group-7b/1.ics", "calendars:/group-7b/2.ics", "contacts:/group-7b/a.vcf"} {
			if _, _, err := w.tryPut(w.anna, path, event("x"), PutOptions{}); !fault.Is(err, fault.Forbidden) {
				t.Errorf("a student puts %s: %v", path, err)
			}
		}
		if err := w.dav.Delete(context.Background(), w.anna, at("calendars:/group-7b/1.ics"), DeleteOptions{}); !fault.Is(err, fault.Forbidden) {
			t.Error(err)
		}
		w.put(w.anna, "groups:/7b/homework.txt", "1")
		if got := w.read(w.ben, "groups:/7b/homework.txt"); got != "1" {
			t.Error(got)
		}
		w.check(w.dir.RemoveMembers(context.Background(), w.class, []directory.ID{w.anna}))
		if _, err := w.dav.Resolve(context.Background(), w.anna, at("groups:/7b/homework.txt")); !fault.Is(err, fault.NotFound) {
			t.Errorf("after leaving the group: %v", err)
		}
	})
}

// TestFindSaysHowFarAPathLeads: with what is there, and with how much is missing.
func TestFindSaysHowFarAPathLeads(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		w.make(w.anna, "files:/a", Folder)
		w.put(w.anna, "files:/a/x", "1")
		for path, want := range map[string]string{
			"files:/":                   "files:/ 0",
			"files:/a":                  "files:/a 0",
			"files:/a/x":                "files:/a/x 0",
			"files:/a/y":                "files:/a 1",
			"files:/y":                  "files:/ 1",
			"files:/b/c/d":              "files:/ 3",
			"files:/a/x/y":              "files:/a/x 1",
			"calendars:/calendar/x.ics": "calendars:/calendar 1",
			"contacts:/directory/x.vcf": "contacts:/directory 1",
			"contacts:/directory":       "contacts:/directory 0",
			"groups:/7b/neu/noch einer": "groups:/7b 2",
		} {
			n, missing, err := w.dav.Find(context.Background(), w.anna, at(path))
			w.check(err)
			got := fmt.Sprintf("%v:/%s %d", n.Path.Space, strings.Join(n.Path.Segments, "/"), missing)
			if got != want || !n.Privileges.Read {
				t.Errorf("%s: %s, want %s", path, got, want)
			}
		}
		for _, path := range []string{"groups:/8a/x", "calendars:ben/calendar"} {
			if _, _, err := w.dav.Find(context.Background(), w.anna, at(path)); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v, want NotFound", path, err)
			}
		}
	})
}
