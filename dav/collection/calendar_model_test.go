package collection

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"pgregory.net/rapid"
)

// modelCalendar plays random commands of four clients against a group's calendar, under both of its names, and against a map.
type modelCalendar struct {
	*rapid.T
	w       *school
	paths   []string              // of the calendar: for its teacher
	events  map[string]modelEvent // by name
	clients []*knowledge          // what each knows
}

type modelEvent struct{ uid, content string }

func TestModelOfCalendars(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s)
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			if n++; s.Postgres() && n > gamesOnPostgres() {
				return // the same steps take ten times as long there
			}
			group := fmt.Sprintf("c%d", n)
			w.group(group, directory.Class, w.klein)
			m := &modelCalendar{T: rt, w: w, events: map[string]modelEvent{},
				paths: []string{"calendars:/group-" + group, "calendars:" + group + "/calendar"}}
			for range 4 {
				m.clients = append(m.clients, &knowledge{etags: map[string]string{}})
			}
			rt.Repeat(map[string]func(*rapid.T){"put": m.put, "delete": m.delete, "move": m.move, "copy": m.copy, "sync": m.sync, "": m.verify})
		})
		w.sound()
	})
}

func (m *modelCalendar) ok(err error) {
	if err != nil {
		m.Helper()
		m.Fatal(err)
	}
}

// path is the calendar under one of its names.
func (m *modelCalendar) path() string { return rapid.SampledFrom(m.paths).Draw(m.T, "path") }

func (m *modelCalendar) name(label string) string {
	return rapid.SampledFrom([]string{"a.ics", "b.ics", "c.ics", "d.ics"}).Draw(m.T, label)
}

// holder is the name of another object than name that has uid.
func (m *modelCalendar) holder(uid, name string) string {
	for other, e := range m.events {
		if e.uid == uid && other != name {
			return other
		}
	}
	return ""
}

// conflict checks that err names the holder of the UID.
func (m *modelCalendar) conflict(err error, holder string) {
	var p *Precondition
	if !errors.As(err, &p) || p.Name != "no-uid-conflict" || p.Href.Segments[len(p.Href.Segments)-1] != holder {
		m.Fatalf("%v, want a conflict with %s", err, holder)
	}
}

func (m *modelCalendar) put(*rapid.T) {
	name, uid := m.name("name"), rapid.SampledFrom([]string{"u1", "u2", "u3"}).Draw(m.T, "uid")
	content := strings.Replace(event(uid), "Exam", rapid.SampledFrom([]string{"Exam", "Test"}).Draw(m.T, "summary"), 1)
	s := m.w.spool(content)
	defer s.Close()
	old, was := m.events[name]
	n, created, err := m.w.dav.Put(context.Background(), m.w.klein, at(m.path()+"/"+name), s, PutOptions{})
	if holder := m.holder(uid, name); holder != "" && old.content != content {
		m.conflict(err, holder)
		return
	}
	if was && old.uid != uid { // an object keeps its UID
		m.conflict(err, name)
		return
	}
	m.ok(err)
	if created == was || n.ETag != sumOf(content) || n.UID != uid {
		m.Fatalf("put %s: created %t, %+v", name, created, n)
	}
	m.events[name] = modelEvent{uid, content}
}

func (m *modelCalendar) delete(*rapid.T) {
	name := m.name("name")
	err := m.w.dav.Delete(context.Background(), m.w.klein, at(m.path()+"/"+name), DeleteOptions{})
	if _, there := m.events[name]; !there {
		if !fault.Is(err, fault.NotFound) {
			m.Fatalf("delete %s: %v", name, err)
		}
		return
	}
	m.ok(err)
	delete(m.events, name)
}

func (m *modelCalendar) move(*rapid.T) {
	from, to := m.name("from"), m.name("to")
	_, _, err := m.w.dav.Move(context.Background(), m.w.klein, at(m.path()+"/"+from), at(m.path()+"/"+to), MoveOptions{Overwrite: true})
	e, there := m.events[from]
	switch {
	case !there:
		if !fault.Is(err, fault.NotFound) {
			m.Fatalf("move %s: %v", from, err)
		}
		return
	case from == to:
		if !fault.Is(err, fault.Forbidden) {
			m.Fatalf("move %s onto itself: %v", from, err)
		}
		return
	}
	m.ok(err)
	delete(m.events, from)
	m.events[to] = e
}

// copy within a calendar would make a second object with the same UID.
func (m *modelCalendar) copy(*rapid.T) {
	from, to := m.name("from"), m.name("to")
	if _, there := m.events[from]; !there || from == to {
		return
	}
	_, _, err := m.w.dav.Copy(context.Background(), m.w.klein, at(m.path()+"/"+from), at(m.path()+"/"+to), CopyOptions{Overwrite: true})
	m.conflict(err, from)
}

func (m *modelCalendar) sync(*rapid.T) {
	k := rapid.SampledFrom(m.clients).Draw(m.T, "client")
	n, err := m.w.dav.Resolve(context.Background(), m.w.klein, at(m.path()))
	m.ok(err)
	limit := rapid.IntRange(1, 3).Draw(m.T, "limit")
	for more := true; more; {
		ch, err := m.w.dav.Changes(context.Background(), m.w.klein, n, k.since, limit)
		m.ok(err)
		for _, name := range ch.Removed {
			delete(k.etags, name)
		}
		for _, c := range ch.Changed {
			k.etags[c.Name()] = c.ETag
		}
		k.since, more = ch.Next, ch.More
	}
	if want := m.etags(); !maps.Equal(k.etags, want) {
		m.Fatalf("the client has %v, want %v", k.etags, want)
	}
}

func (m *modelCalendar) etags() map[string]string {
	etags := map[string]string{}
	for name, e := range m.events {
		etags[name] = sumOf(e.content)
	}
	return etags
}

// verify reads all objects, whose bytes are those that were put.
func (m *modelCalendar) verify(*rapid.T) {
	n, err := m.w.dav.Resolve(context.Background(), m.w.klein, at(m.path()))
	m.ok(err)
	seen := 0
	for f, err := range m.w.dav.Objects(context.Background(), m.w.klein, n, Window{Component: "VEVENT", From: firstDay, To: firstDay + 365*86400}) {
		m.ok(err)
		seen++
		if e := m.events[f.Node.Name()]; string(f.Bytes) != e.content || f.Node.UID != e.uid {
			m.Fatalf("%s has %q, want %q", f.Node.Name(), f.Bytes, e.content)
		}
	}
	if seen != len(m.events) {
		m.Fatalf("%d events are found, want %d", seen, len(m.events))
	}
}
