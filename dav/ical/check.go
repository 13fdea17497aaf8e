package ical

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"schulhof/dav/contentline"
)

// Object is what an index keeps of a stored calendar object.
type Object struct {
	UID       string
	Component string // VEVENT, VTODO, VJOURNAL, VFREEBUSY or VAVAILABILITY

	// First and Last bound the time of all instances in Unix seconds, both inclusive: a query for [from, to) need not look at the object unless
	// First <= to and Last >= from. Times that float are bounded for every zone of the earth. math.MinInt64, math.MaxInt64: without bound.
	First, Last int64

	Recurring bool   // it may happen more than once
	Floating  bool   // its times depend on the reader's zone
	Begins    bool   // of a recurring event: an instance is known to begin at First
	HasAlarm  bool   // a VALARM, which may lie outside First and Last
	Summary   string // at most 255 bytes
	Organizer string // the address, as written
}

const (
	maxSummary = 255
	// Zones lie from twelve hours behind to fourteen hours before UTC.
	zoneBehind, zoneAhead = 12 * 3600, 14 * 3600
)

var kinds = []string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY"}

// Check tells whether the object may be stored in a collection that takes the allowed components, and what an index needs of it. The
// error is a *Violation. RFC 4791 §4.1, §5.3.2.1.
func (c *Calendar) Check(allowed []string) (*Object, error) {
	for _, check := range []func(*Calendar, []string) *Violation{(*Calendar).checkFrame, (*Calendar).checkKinds} {
		if v := check(c, allowed); v != nil {
			return nil, v
		}
	}
	budget := NewBudget()
	if err := c.begin(nil, budget); err != nil {
		return nil, err
	}
	if v := c.checkResource(); v != nil {
		return nil, v
	}
	o := c.object()
	if budget.steps < 0 {
		return nil, &Violation{validData, "a VTIMEZONE takes too long to look up"}
	}
	o.Begins = o.Component == "VEVENT" && o.Recurring && !o.Floating && c.beginsAt(o.First)
	return o, nil
}

// beginsAt tells whether an event, none of whose instances is earlier, has one that begins at first.
func (c *Calendar) beginsAt(first int64) bool {
	if first == math.MinInt64 || first == math.MaxInt64 {
		return false
	}
	f := Filter{Comp: CompFilter{Name: "VCALENDAR", Comps: []CompFilter{{Name: "VEVENT", Range: &TimeRange{first, first + 1}}}}}
	match, err := f.Match(c, nil, NewBudget())
	return match && err == nil
}

// checkFrame looks at the properties of VCALENDAR. PRODID may be missing, as nothing depends on it.
func (c *Calendar) checkFrame([]string) *Violation {
	if depthOf(c.root) > MaxDepth {
		return &Violation{validData, fmt.Sprintf("components are nested more than %d deep", MaxDepth)}
	}
	version := ""
	for i := range c.root.Lines {
		switch line := &c.root.Lines[i]; upper(line.Name) {
		case "VERSION":
			version = line.Value
		case "METHOD":
			return &Violation{validObject, "METHOD marks an invitation or answer, which is not stored in a calendar"}
		case "CALSCALE":
			if !contentline.EqualFold(line.Value, "GREGORIAN") {
				return &Violation{validData, fmt.Sprintf("CALSCALE:%.20s, only GREGORIAN is supported", line.Value)}
			}
		}
	}
	if version != "2.0" {
		return &Violation{validData, fmt.Sprintf("VERSION is %.20q, want 2.0", version)}
	}
	return nil
}

func depthOf(c *contentline.Component) int {
	deepest := 0
	for _, child := range c.Children {
		deepest = max(deepest, depthOf(child))
	}
	return deepest + 1
}

// checkKinds wants components of one allowed kind besides time zones.
func (c *Calendar) checkKinds(allowed []string) *Violation {
	kind := ""
	for _, child := range c.root.Children {
		name := upper(child.Name)
		switch {
		case name == "VTIMEZONE" || strings.HasPrefix(name, "X-"):
			continue
		case !slices.Contains(kinds, name):
			return &Violation{validComponent, fmt.Sprintf("%.20s is not supported", child.Name)}
		case kind != "" && kind != name:
			return &Violation{validObject, fmt.Sprintf("%s and %s in one object", kind, name)}
		}
		kind = name
	}
	if kind == "" {
		return &Violation{validObject, "no component besides time zones"}
	}
	if allowed != nil && !slices.ContainsFunc(allowed, func(s string) bool { return contentline.EqualFold(s, kind) }) {
		return &Violation{validComponent, fmt.Sprintf("this collection takes %s, not %s", strings.Join(allowed, ", "), kind)}
	}
	return nil
}

// checkResource wants one UID, one component without RECURRENCE-ID at most, and every override once.
func (c *Calendar) checkResource() *Violation {
	uid, masters := c.entries[0].uid, 0
	seen := make(map[string]bool, len(c.entries))
	for _, e := range c.entries {
		switch {
		case e.uid == "":
			return &Violation{validObject, e.name + " has no UID"}
		case e.uid != uid:
			return &Violation{validObject, fmt.Sprintf("the UIDs %.40q and %.40q in one object", uid, e.uid)}
		case e.name == "VEVENT" && !e.start.given():
			return &Violation{validData, "VEVENT has no DTSTART"}
		}
		if !e.recurID.given() {
			if masters++; masters > 1 {
				return &Violation{validObject, "two components without RECURRENCE-ID"}
			}
			continue
		}
		id := fmt.Sprint(e.recurID.kind == dateOnly, e.recurID.instant())
		if seen[id] {
			return &Violation{validObject, fmt.Sprintf("two components with RECURRENCE-ID %s", e.recurID)}
		}
		seen[id] = true
	}
	return nil
}

// object makes the index of an object that passed.
func (c *Calendar) object() *Object {
	e := c.entries[0]
	for _, other := range c.entries {
		if !other.recurID.given() {
			e = other
		}
	}
	o := &Object{UID: e.uid, Component: e.name, First: math.MaxInt64, Last: math.MinInt64}
	for _, s := range c.allSeries() {
		first, last := s.bounds()
		o.First, o.Last = min(o.First, first), max(o.Last, last)
		o.Recurring = o.Recurring || s.recurs() || len(s.overrides) > 0
	}
	for _, e := range c.entries {
		o.Floating = o.Floating || e.floats()
		for _, child := range e.comp.Children {
			o.HasAlarm = o.HasAlarm || child.Is("VALARM")
		}
	}
	if o.Floating {
		if o.First != math.MinInt64 {
			o.First -= zoneAhead
		}
		if o.Last != math.MaxInt64 {
			o.Last += zoneBehind
		}
	}
	if line := e.comp.Get("SUMMARY"); line != nil {
		o.Summary = shorten(contentline.Unescape(line.Value))
	}
	if line := e.comp.Get("ORGANIZER"); line != nil {
		o.Organizer = line.Value
	}
	return o
}

// shorten cuts s at maxSummary bytes, between characters.
func shorten(s string) string {
	if len(s) <= maxSummary {
		return s
	}
	return strings.ToValidUTF8(s[:maxSummary], "")
}

// bounds returns the earliest begin and the latest end of all instances, or something beyond where that would cost too much to know or
// depends on the reader's zone.
func (s *series) bounds() (first, last int64) {
	first, last = math.MaxInt64, math.MinInt64
	widen := func(start, end int64) { first, last = min(first, start), max(last, end) }
	for _, e := range s.overrides {
		widen(e.span())
	}
	if s.master == nil {
		return first, last
	}
	m := s.master
	widen(m.span())
	anchor := m.anchor()
	if !anchor.given() {
		return first, last
	}
	before, after := s.reach()
	if len(s.futures) > 0 {
		widen(anchor.instant()-before, anchor.instant()+after)
	}
	for i := range m.dates {
		d := &m.dates[i]
		at := d.instant()
		widen(at-before, s.endOf(d, at))
		if len(s.futures) > 0 {
			widen(at, at+after)
		}
	}
	budget := NewBudget()
	for _, rule := range m.rules {
		end := int64(math.MaxInt64)
		switch {
		case rule.hasUntil:
			end = anchor.clock.instantOf(untilOf(rule, anchor))
		case rule.count > 0:
			latest := anchor.civil
			if err := rule.each(anchor.civil, minCivil, maxCivil, maxCivil, budget, func(civil int64) bool { latest = civil; return true }); err == nil {
				end = anchor.clock.instantOf(latest)
			}
		}
		if end == math.MaxInt64 {
			return first, end
		}
		widen(first, end+after)
	}
	return first, last
}

// reach tells by how much an instance may begin before and end after the instant that its rule gives. A gap of the clock may put an earlier
// civil time later, and an override that moves those after it may do so by another zone's clock than theirs.
func (s *series) reach() (before, after int64) {
	if len(s.futures) > 0 {
		before = s.maxShift + 2*daySeconds
	}
	return before, before + s.longest + daySeconds
}
