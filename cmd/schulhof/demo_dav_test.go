package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"schulhof/config"
	"schulhof/dav/collection"
	"schulhof/dav/contentline"
)

// What the demo writes into calendars and address books is well-formed, whatever the day, and owned by somebody who exists.
func TestDemoObjectsAreWellFormed(t *testing.T) {
	owners := map[string]bool{}
	for _, p := range demoPeople {
		owners[p.local()] = true
	}
	for _, g := range demoGroups {
		owners[g.Name] = true
	}
	objects := map[string][]byte{}
	for _, now := range []time.Time{time.Date(2026, 11, 29, 23, 30, 0, 0, time.UTC), time.Date(2027, 3, 28, 0, 30, 0, 0, time.UTC)} {
		for _, e := range demoEvents {
			object, err := e.object("u", now)
			if err != nil {
				t.Error(err)
			}
			objects[e.owner+"/"+e.summary] = object
		}
		for _, task := range demoTasks {
			objects[task.owner+"/"+task.summary] = task.object("u", now)
		}
		for _, c := range demoContacts {
			objects[c.owner+"/"+c.family] = c.object("u")
		}
		for name, object := range objects {
			owner, _, _ := strings.Cut(name, "/")
			if !owners[owner] {
				t.Errorf("%s: nobody is called so", name)
			}
			if _, err := contentline.Parse(object); err != nil {
				t.Errorf("%s: %v in %s", name, err, object)
			}
		}
	}
	for _, f := range demoShelf {
		if !owners[f.owner] {
			t.Errorf("file %s: nobody is called %q", f.name, f.owner)
		}
	}
}

// Monday is Monday on the clocks of the school, not of the machine.
func TestDemoMonday(t *testing.T) {
	for at, want := range map[string]string{
		"2026-11-23T00:30:00+01:00": "2026-11-23", "2026-11-29T23:59:00+01:00": "2026-11-23",
		"2026-11-29T23:30:00Z": "2026-11-30", // in Berlin it is past midnight
	} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := monday(now).Format(time.DateOnly); got != want {
			t.Errorf("monday(%s) = %s, want %s", at, got, want)
		}
	}
}

// A pupil finds the class's calendar, tasks and files beside their own.
func TestDemoIsFurnished(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	if err := makeDemo(t.Context(), dir, demoPortBase, time.Now(), cheapHash()); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(filepath.Join(dir, settingsFile))
	if err != nil {
		t.Fatal(err)
	}
	r, err := openRooms(t.Context(), c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	jonas, err := r.Directory.AccountByAddress(t.Context(), "jonas.mueller@"+demoDomain)
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range []struct {
		space collection.Space
		path  string
		least int
	}{
		{collection.Calendars, "calendar", 2}, {collection.Calendars, "tasks", 1}, {collection.Calendars, "group-7b", 5},
		{collection.Calendars, "group-7b~tasks", 4}, {collection.Contacts, "contacts", 2}, {collection.Files, "Referat Wale", 2},
		{collection.Groups, "7b/Arbeitsblätter", 2},
	} {
		n, err := r.DAV.Resolve(t.Context(), jonas.ID, collection.Path{Space: place.space, Segments: strings.Split(place.path, "/")})
		if err != nil {
			t.Errorf("%s: %v", place.path, err)
			continue
		}
		list, err := r.DAV.Children(t.Context(), jonas.ID, n, "", 100)
		if err != nil || len(list) < place.least {
			t.Errorf("%s has %d entries (%v), want %d or more", place.path, len(list), err, place.least)
		}
	}
}
