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

// modelCalendar plays random commands of four clients against two calendars of a group, under both names of each, and against a map.
type modelCalendar struct {
	*rapid.T
	w       *school
	group   string
	events  map[string]modelEvent   // by calendar/name
	clients []map[string]*knowledge // what each knows of a calendar
}

type modelEvent struct{ uid, content string }

func TestModelOfCalendars(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s)
		var g games
		rapid.Check(t, func(rt *rapid.T) {
			if !g.next(rt, s) {
				return
			}
			group := fmt.Sprintf("c%d", g.n)
			w.group(group, directory.Class, w.klein)
			w.make(w.klein, "calendars:"+group+"/other", Calendar)
			m := &modelCalendar{T: rt, w: w, group: group, events: map[string]modelEvent{}}
			for range 4 {
				m.clients = append(m.clients, map[string]*knowledge{"calendar": {etags: map[string]string{}}, "other": {etags: map[string]string{}}})
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

// calendar draws one of the two.
func (m *modelCalendar) calendar() string {
	return rapid.SampledFrom([]string{"calendar", "other"}).Draw(m.T, "calendar")
}

// at is the place of a calendar, or of an object in one, under one of the calendar's names for its teacher.
func (m *modelCalendar) at(place string) Path {
	if rapid.Bool().Draw(m.T, "own home") {
		return at("calendars:/group-" + m.group + strings.TrimPrefix("~"+place, "~calendar"))
	}
	return at("calendars:" + m.group + "/" + place)
}

func (m *modelCalendar) name(label string) string {
	return m.calendar() + "/" + rapid.SampledFrom([]string{"a.ics", "b.ics", "c.ics", "d.ics"}).Draw(m.T, label)
}

// holder is the name of what has uid in the calendar of name, or of what keeps another UID there; "": nothing.
func (m *modelCalendar) holder(uid, name string) string {
	for other, e := range m.events {
		if e.uid == uid && other != name && parentOf(other) == parentOf(name) {
			return other
		}
	}
	if e, there := m.events[name]; there && e.uid != uid {
		return name
	}
	return ""
}

// conflict checks that err names the holder of the UID.
func (m *modelCalendar) conflict(err error, holder string) {
	m.Helper()
	var p *Precondition
	if !errors.As(err, &p) || p.Name != "no-uid-conflict" || p.Href.Segments[len(p.Href.Segments)-1] != holder[strings.LastIndexByte(holder, '/')+1:] {
		m.Fatalf("%v, want a conflict with %s", err, holder)
	}
}

func (m *modelCalendar) put(*rapid.T) {
	name, uid := m.name("name"), rapid.SampledFrom([]string{"u1", "u2", "u3"}).Draw(m.T, "uid")
	content := strings.Replace(event(uid), "Exam", rapid.SampledFrom([]string{"Exam", "Test"}).Draw(m.T, "summary"), 1)
	s := m.w.spool(content)
	defer s.Close()
	_, was := m.events[name]
	n, created, err := m.w.dav.Put(context.Background(), m.w.klein, m.at(name), s, PutOptions{})
	if holder := m.holder(uid, name); holder != "" {
		m.conflict(err, holder)
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
	err := m.w.dav.Delete(context.Background(), m.w.klein, m.at(name), DeleteOptions{})
	if _, there := m.events[name]; !there {
		if !fault.Is(err, fault.NotFound) {
			m.Fatalf("delete %s: %v", name, err)
		}
		return
	}
	m.ok(err)
	delete(m.events, name)
}

func (m *modelCalendar) move(*rapid.T) { m.transfer(true) }

func (m *modelCalendar) copy(*rapid.T) { m.transfer(false) }

func (m *modelCalendar) transfer(moves bool) {
	from, to, overwrite := m.name("from"), m.name("to"), rapid.Bool().Draw(m.T, "overwrite")
	var err error
	if moves {
		_, _, err = m.w.dav.Move(context.Background(), m.w.klein, m.at(from), m.at(to), MoveOptions{Overwrite: overwrite})
	} else {
		_, _, err = m.w.dav.Copy(context.Background(), m.w.klein, m.at(from), m.at(to), CopyOptions{Overwrite: overwrite})
	}
	e, there := m.events[from]
	_, taken := m.events[to]
	switch {
	case !there:
		if !fault.Is(err, fault.NotFound) {
			m.Fatalf("from %s: %v", from, err)
		}
		return
	case from == to:
		if !fault.Is(err, fault.Forbidden) {
			m.Fatalf("%s onto itself: %v", from, err)
		}
		return
	case taken && !overwrite:
		if !errors.Is(err, ErrNotEmpty) {
			m.Fatalf("from %s to %s: %v", from, to, err)
		}
		return
	}
	if moves {
		delete(m.events, from) // its UID is not in its own way
	}
	if holder := m.holder(e.uid, to); holder != "" {
		m.conflict(err, holder)
		m.events[from] = e
		return
	}
	m.ok(err)
	m.events[to] = e
}

func (m *modelCalendar) sync(*rapid.T) {
	calendar := m.calendar()
	k := rapid.SampledFrom(m.clients).Draw(m.T, "client")[calendar]
	n, err := m.w.dav.Resolve(context.Background(), m.w.klein, m.at(calendar))
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
	if want := m.etags(calendar); !maps.Equal(k.etags, want) {
		m.Fatalf("the client has %v, want %v", k.etags, want)
	}
}

func (m *modelCalendar) etags(calendar string) map[string]string {
	etags := map[string]string{}
	for name, e := range m.events {
		if inside, ok := strings.CutPrefix(name, calendar+"/"); ok {
			etags[inside] = sumOf(e.content)
		}
	}
	return etags
}

// verify reads all objects, whose bytes are those that were put.
func (m *modelCalendar) verify(*rapid.T) {
	seen := 0
	for _, calendar := range []string{"calendar", "other"} {
		n, err := m.w.dav.Resolve(context.Background(), m.w.klein, m.at(calendar))
		m.ok(err)
		for f, err := range m.w.dav.Objects(context.Background(), m.w.klein, n, Window{Component: "VEVENT", From: firstDay, To: firstDay + 365*86400}) {
			m.ok(err)
			seen++
			if e := m.events[calendar+"/"+f.Node.Name()]; string(f.Bytes) != e.content || f.Node.UID != e.uid {
				m.Fatalf("%s has %q, want %q", f.Node.Name(), f.Bytes, e.content)
			}
		}
	}
	if seen != len(m.events) {
		m.Fatalf("%d events are found, want %d", seen, len(m.events))
	}
}
