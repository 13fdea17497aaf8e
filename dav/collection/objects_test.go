package collection

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"schulhof/dav/ical"
	"schulhof/store"
	"schulhof/store/fault"
)

// found writes the names that a window finds.
func (w *school) found(path string, window Window) string {
	w.Helper()
	var names []string
	for f, err := range w.dav.Objects(context.Background(), w.anna, w.node(w.anna, path), window) {
		w.check(err)
		if w.read(w.anna, path+"/"+f.Node.Name()) != string(f.Bytes) || f.Missing {
			w.Errorf("%s comes with other bytes", f.Node.Name())
		}
		names = append(names, f.Node.Name())
	}
	return strings.Join(names, " ")
}

func TestObjectsWithinAWindow(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		const cal = "calendars:/calendar"
		for i := range 5 {
			w.put(w.anna, fmt.Sprintf("%s/%d", cal, i), largeEvent(i, 0))
		}
		w.put(w.anna, cal+"/weekly", strings.Replace(event("weekly"), "SUMMARY", "RRULE:FREQ=WEEKLY\r\nSUMMARY", 1))
		day := func(n int64) int64 { return firstDay + n*86400 }
		tests := []struct {
			name   string
			window Window
			want   string
		}{
			{"everything", Window{}, "0 1 2 3 4 weekly"},
			{"a component", Window{Component: "VEVENT"}, "0 1 2 3 4 weekly"},
			{"another component", Window{Component: "VTODO"}, ""},
			{"two days", Window{Component: "VEVENT", From: day(1), To: day(2)}, "1 2"},
			{"between two events", Window{Component: "VEVENT", From: day(1) + 7200, To: day(2) - 1}, ""},
			{"long after the first of a series", Window{Component: "VEVENT", From: day(2000), To: day(2001)}, "weekly"},
			{"before everything", Window{Component: "VEVENT", From: day(-2), To: day(-1)}, ""},
		}
		for _, tt := range tests {
			if got := w.found(cal, tt.window); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
		}
		w.put(w.anna, cal+"/1", largeEvent(1, 0)[:0]+strings.Replace(largeEvent(9, 0), "large-9", "large-1", 1)) // it moves to another day
		if got := w.found(cal, Window{Component: "VEVENT", From: day(1), To: day(2)}); got != "2" {
			t.Errorf("after a move: %q", got)
		}
	})
}

// TestObjectsThatTheIndexDecides: what is surely no match is not yielded, the bytes of what surely is one are read only when they are asked for.
func TestObjectsThatTheIndexDecides(t *testing.T) {
	each(t, func(t *testing.T, w *school) {
		const cal = "calendars:/calendar"
		for i := range 3 {
			w.put(w.anna, fmt.Sprintf("%s/%d", cal, i), largeEvent(i, 0))
		}
		floating := strings.ReplaceAll(event("floats"), "00Z", "00")
		w.put(w.anna, cal+"/floats", floating)
		w.put(w.anna, cal+"/series", strings.Replace(event("series"), "SUMMARY", "RRULE:FREQ=WEEKLY\r\nSUMMARY", 1))
		for _, namesOnly := range []bool{false, true} {
			var told, yielded []string
			for f, err := range w.dav.Objects(context.Background(), w.anna, w.node(w.anna, cal), Window{Component: "VEVENT", NamesOnly: namesOnly,
				Decide: func(o *ical.Object) (match, sure bool) {
					told = append(told, fmt.Sprint(o.UID, " ", o.Recurring, " ", o.Floating))
					return o.UID != "large-1", !o.Recurring && !o.Floating
				}}) {
				w.check(err)
				yielded = append(yielded, fmt.Sprint(f.Node.Name(), " ", f.Sure, " ", len(f.Bytes) > 0))
			}
			slices.Sort(told)
			slices.Sort(yielded)
			if got, want := strings.Join(told, ", "), "floats false true, large-0 false false, large-1 false false, large-2 false false, series true false"; got != want {
				t.Errorf("the index says %s, want %s", got, want)
			}
			if got, want := strings.Join(yielded, ", "), fmt.Sprintf("0 true %[1]t, 2 true %[1]t, floats false true, series false true", !namesOnly); got != want {
				t.Errorf("names only %t: %s, want %s", namesOnly, got, want)
			}
		}
	})
}

func TestFetch(t *testing.T) {
	briefly := func(n Node) Node {
		return Node{Path: n.Path, Kind: n.Kind, In: n.In, Privileges: n.Privileges, ETag: n.ETag, Component: n.Component}
	}
	each(t, func(t *testing.T, w *school) {
		const cal = "calendars:/calendar"
		var names []string
		const stored = fetchAtOnce + 17
		for i := range stored {
			names = append(names, fmt.Sprintf("%d.ics", i))
			if i%3 > 0 {
				w.put(w.anna, cal+"/"+names[i], event(fmt.Sprint(i)))
			}
		}
		names = append(names, "a/b", "", "1.ics")
		node := w.node(w.anna, cal)
		for _, n := range []int{0, 1, 3, 4, 5, 16, 17, fetchAtOnce, fetchAtOnce + 1, len(names)} {
			asked, i := names[len(names)-n:], 0
			var brief []Found
			for f, err := range w.dav.Fetch(context.Background(), w.anna, node, asked, true) {
				w.check(err)
				f.Bytes = bytes.Clone(f.Bytes)
				brief = append(brief, f)
			}
			for f, err := range w.dav.Fetch(context.Background(), w.anna, node, asked, false) {
				w.check(err)
				if b := brief[i]; !reflect.DeepEqual(briefly(b.Node), briefly(f.Node)) || b.Missing != f.Missing || !bytes.Equal(b.Bytes, f.Bytes) {
					t.Errorf("%d of %d, briefly: %+v, want %+v", i, n, b, f)
				}
				number, isNumber := strings.CutSuffix(asked[i], ".ics")
				k, _ := strconv.Atoi(number)
				missing := !isNumber || k%3 == 0
				if f.Node.Name() != asked[i] || f.Missing != missing || !missing && !strings.Contains(string(f.Bytes), "UID:"+number+"\r\n") {
					t.Errorf("%d of %d: %+v", i, n, f)
				}
				i++
			}
			if i != n {
				t.Errorf("%d of %d names came", i, n)
			}
		}
	})
}

// RFC 4791 §5.3.2.1: what a calendar or address book refuses, by the name of the rule.
func TestContentRefusals(t *testing.T) {
	card := "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nFN:Eva\r\nN:Eva;;;;\r\nEND:VCARD\r\n"
	tests := []struct{ name, path, content, precondition string }{
		{"no iCalendar", "calendars:/calendar/x", "Hello", "valid-calendar-data"},
		{"a method", "calendars:/calendar/x", strings.Replace(event("x"), "VERSION", "METHOD:REQUEST\r\nVERSION", 1), "valid-calendar-object-resource"},
		{"a task among events", "calendars:/calendar/x", task("x"), "supported-calendar-component"},
		{"a UID that another one has", "calendars:/calendar/x", event("1"), "no-uid-conflict"},
		{"another UID than it has", "calendars:/calendar/1.ics", event("2"), "no-uid-conflict"},
		{"too large", "calendars:/calendar/x", strings.Repeat("x", MaxObjectSize+1), "max-resource-size"},
		{"no vCard", "contacts:/contacts/x", event("x"), "valid-address-data"},
		{"a card's UID that another one has", "contacts:/contacts/x", card, "no-uid-conflict"},
		{"another UID than the card has", "contacts:/contacts/1.vcf", strings.Replace(card, "UID:1", "UID:2", 1), "no-uid-conflict"},
	}
	quick(t, func(t *testing.T, w *school) {
		w.put(w.anna, "calendars:/calendar/1.ics", event("1"))
		w.put(w.anna, "calendars:/tasks/1.ics", task("1")) // the same UID elsewhere
		w.put(w.anna, "contacts:/contacts/1.vcf", card)
		for _, tt := range tests {
			_, _, err := w.tryPut(w.anna, tt.path, tt.content, PutOptions{})
			var p *Precondition
			if !errors.As(err, &p) || p.Name != tt.precondition || fault.TextOf(err) == "" {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.precondition)
			}
			if p != nil && p.Name == "no-uid-conflict" && !strings.HasPrefix(p.Href.Segments[1], "1.") {
				t.Errorf("%s: in conflict with %s", tt.name, p.Href)
			}
		}
		w.delete(w.anna, "calendars:/calendar/1.ics")
		w.put(w.anna, "calendars:/calendar/x.ics", event("1"))
		if n := w.node(w.anna, "calendars:/calendar/x.ics"); n.UID != "1" || n.Component != "VEVENT" {
			t.Errorf("%+v", n)
		}
	})
}

// Objects beyond what the store holds in memory come whole, from a query, a multiget and a copy under a policy.
func TestLargeObjects(t *testing.T) {
	quick(t, func(t *testing.T, w *school) {
		ctx := context.Background()
		large := strings.Replace(event("large"), "SUMMARY", strings.Repeat("X-NOTE:"+strings.Repeat("x", 60)+"\r\n", 5000)+"SUMMARY", 1)
		n := w.put(w.anna, "calendars:/calendar/large", large)
		if n.Size <= store.SmallBlob || w.found("calendars:/calendar", Window{}) != "large" {
			t.Errorf("%+v", n)
		}
		for f, err := range w.dav.Fetch(ctx, w.anna, w.node(w.anna, "calendars:/calendar"), []string{"large"}, false) {
			if w.check(err); string(f.Bytes) != large {
				t.Errorf("%d bytes come, want %d", len(f.Bytes), len(large))
			}
		}
		w.make(w.anna, "calendars:/other", Calendar)
		w.dav.SetPolicy(Calendar, &oneExam{})
		w.check(second(w.dav.Copy(ctx, w.anna, at("calendars:/calendar/large"), at("calendars:/other/large"), CopyOptions{})))
	})
}
