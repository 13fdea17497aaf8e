package ical

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"schulhof/dav/contentline"
)

// Filter is the filter of a calendar-query (RFC 4791 §9.7). Its Comp is the filter of VCALENDAR.
type Filter struct{ Comp CompFilter }

// CompFilter asks for a component. RFC 4791 §9.7.1.
type CompFilter struct {
	Name       string
	NotDefined bool
	Range      *TimeRange
	Props      []PropFilter
	Comps      []CompFilter
}

// PropFilter asks for a property. RFC 4791 §9.7.2.
type PropFilter struct {
	Name       string
	NotDefined bool
	Range      *TimeRange
	Text       *TextMatch
	Params     []ParamFilter
}

// ParamFilter asks for a parameter. RFC 4791 §9.7.3.
type ParamFilter struct {
	Name       string
	NotDefined bool
	Text       *TextMatch
}

// TimeRange is from Start (inclusive) to End (exclusive), in Unix seconds; math.MinInt64 and math.MaxInt64 stand for a bound
// that was not given. RFC 4791 §9.9.
type TimeRange struct{ Start, End int64 }

// AllTime is a range without bounds.
func AllTime() TimeRange { return TimeRange{math.MinInt64, math.MaxInt64} }

// FilterError says why a filter cannot be used; Precondition is "valid-filter", "supported-filter" or "supported-collation". RFC 4791 §7.8.
type FilterError struct{ Precondition, Reason string }

func (e *FilterError) Error() string { return e.Precondition + ": " + e.Reason }

const maxFilterDepth = 8

// Check tells whether the filter means something that Match can answer.
func (f *Filter) Check() error {
	if !contentline.EqualFold(f.Comp.Name, "VCALENDAR") {
		return &FilterError{"valid-filter", fmt.Sprintf("the outermost component is VCALENDAR, not %.40q", f.Comp.Name)}
	}
	if f.Comp.Range != nil {
		return &FilterError{"valid-filter", "VCALENDAR has no time of its own"}
	}
	return f.Comp.check(1)
}

// timedComponents have a meaning of time-range in RFC 4791 §9.9; VAVAILABILITY is asked like an event.
var timedComponents = []string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VALARM", "VAVAILABILITY"}

func (f *CompFilter) check(depth int) error {
	if depth > maxFilterDepth {
		return &FilterError{"supported-filter", "components are nested too deep"}
	}
	if f.NotDefined && (f.Range != nil || len(f.Props)+len(f.Comps) > 0) {
		return &FilterError{"valid-filter", "is-not-defined stands alone"}
	}
	if err := f.Range.check(); err != nil {
		return err
	}
	if f.Range != nil && !slices.Contains(timedComponents, upper(f.Name)) {
		return &FilterError{"supported-filter", fmt.Sprintf("no time-range for %.40q", f.Name)}
	}
	for i := range f.Props {
		if err := f.Props[i].check(); err != nil {
			return err
		}
	}
	for i := range f.Comps {
		if err := f.Comps[i].check(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

func (f *PropFilter) check() error {
	if f.NotDefined && (f.Range != nil || f.Text != nil || len(f.Params) > 0) {
		return &FilterError{"valid-filter", "is-not-defined stands alone"}
	}
	if err := f.Range.check(); err != nil {
		return err
	}
	if err := f.Text.check(); err != nil {
		return err
	}
	for i := range f.Params {
		if p := &f.Params[i]; p.NotDefined && p.Text != nil {
			return &FilterError{"valid-filter", "is-not-defined stands alone"}
		}
		if err := f.Params[i].Text.check(); err != nil {
			return err
		}
	}
	return nil
}

func (r *TimeRange) check() error {
	if r != nil && r.Start >= r.End {
		return &FilterError{"valid-filter", "a time-range ends before it begins"}
	}
	return nil
}

// Window tells what an index can select by before Match looks closer: the component that must be there, and the time it must touch.
// ok is false when every object has to be looked at.
func (f *Filter) Window() (component string, from, to int64, ok bool) {
	from, to = math.MinInt64, math.MaxInt64
	for i := range f.Comp.Comps {
		comp := &f.Comp.Comps[i]
		if comp.NotDefined || !slices.Contains(kinds, upper(comp.Name)) {
			continue
		}
		if comp.Range != nil {
			from, to = comp.Range.Start, comp.Range.End
		}
		return upper(comp.Name), from, to, true
	}
	return "", from, to, false
}

// Decide answers from the index alone where that is enough, so that most objects of a query need not be parsed: sure tells
// whether match is the answer that Match would give. It knows most of events with times of their own: all of those without recurrence, and that a series which begins in the time-range is in it.
func (f *Filter) Decide(o *Object) (match, sure bool) {
	component, from, to, ok := f.Window()
	if !ok {
		return false, false
	}
	if o.Component != component || o.First > to || o.Last < from {
		return false, true
	}
	root := &f.Comp
	if len(root.Comps) != 1 || len(root.Props) > 0 || len(root.Comps[0].Props)+len(root.Comps[0].Comps) > 0 {
		return false, false
	}
	if root.Comps[0].Range == nil {
		return true, true
	}
	switch r := root.Comps[0].Range; {
	case component != "VEVENT" || o.Floating:
		return false, false
	case o.Recurring:
		match = o.Begins && r.Start <= o.First && o.First < r.End
		return match, match
	default:
		return overlapsEvent(o.First, o.Last, r), true
	}
}

// Match tells whether the object passes the filter. floating is where times without a zone are read, nil for UTC. The error is ErrTooMany, or
// a *Violation if the object never passed Check.
func (f *Filter) Match(c *Calendar, floating *time.Location, budget *Budget) (bool, error) {
	if err := c.begin(floating, budget); err != nil {
		return false, err
	}
	m := matcher{cal: c, budget: budget}
	if !contentline.EqualFold(f.Comp.Name, "VCALENDAR") {
		return f.Comp.NotDefined, nil
	}
	if f.Comp.NotDefined {
		return false, nil
	}
	for i := range f.Comp.Props {
		if !m.prop(c.root, &f.Comp.Props[i]) {
			return false, nil
		}
	}
	for i := range f.Comp.Comps {
		ok, err := m.top(&f.Comp.Comps[i])
		if !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

type matcher struct {
	cal    *Calendar
	budget *Budget
	series []*series
}

// top matches a component filter directly within VCALENDAR.
func (m *matcher) top(f *CompFilter) (bool, error) {
	if !slices.Contains(kinds, upper(f.Name)) {
		return m.children(nil, m.cal.root, f)
	}
	var passing []*entry
	found := false
	for _, e := range m.cal.entries {
		if e.name != upper(f.Name) {
			continue
		}
		found = true
		if f.NotDefined {
			return false, nil
		}
		ok, err := m.within(e, e.comp, f)
		if err != nil {
			return false, err
		}
		if ok && f.Range == nil {
			return true, nil
		}
		if ok {
			passing = append(passing, e)
		}
	}
	if !found || len(passing) == 0 {
		return !found && f.NotDefined, nil
	}
	return m.inRange(passing, f.Range, overlaps)
}

// within matches the properties and components that a filter wants within comp, which is e's or lies within it.
func (m *matcher) within(e *entry, comp *contentline.Component, f *CompFilter) (bool, error) {
	for i := range f.Props {
		if !m.prop(comp, &f.Props[i]) {
			return false, nil
		}
	}
	for i := range f.Comps {
		ok, err := m.children(e, comp, &f.Comps[i])
		if !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// children matches a filter against the components within comp.
func (m *matcher) children(e *entry, comp *contentline.Component, f *CompFilter) (bool, error) {
	found := false
	for _, child := range comp.Children {
		if !child.Is(f.Name) {
			continue
		}
		found = true
		if f.NotDefined {
			return false, nil
		}
		if !m.budget.step(1) {
			return false, ErrTooMany
		}
		ok, err := m.within(e, child, f)
		if ok && err == nil && f.Range != nil {
			ok, err = m.alarm(e, child, f.Range)
		}
		if ok || err != nil {
			return ok, err
		}
	}
	return !found && f.NotDefined, nil
}

// inRange tells whether an instance whose properties come from one of the entries lies in the range.
func (m *matcher) inRange(entries []*entry, r *TimeRange, in func(instance, *TimeRange) bool) (bool, error) {
	if m.series == nil {
		m.series = m.cal.allSeries()
	}
	mark := func(wanted bool) {
		for _, e := range entries {
			e.wanted = wanted
		}
	}
	mark(true)
	defer mark(false)
	for _, s := range m.series {
		if s.name() != entries[0].name {
			continue
		}
		matched := false
		err := s.eachOf(entries, r.Start, r.End, m.budget, func(i instance) bool {
			matched = i.entry.wanted && in(i, r)
			return !matched
		})
		if matched || err != nil {
			return matched, err
		}
	}
	return false, nil
}

// eachOf is each for the instances of wanted entries. It does not walk the recurrence if none of its instances can come from one of them,
// and not beyond the last that can: a series without end may be continued by an override that is not wanted.
func (s *series) eachOf(entries []*entry, from, to int64, budget *Budget, yield func(instance) bool) error {
	walk, last := s.master != nil && s.master.wanted, int64(math.MaxInt64)
	for _, f := range s.futures {
		switch {
		case f.entry.wanted:
			walk, last = true, math.MaxInt64
		case last == math.MaxInt64:
			last = f.from
		}
	}
	overrides := slices.DeleteFunc(slices.Clone(entries), func(e *entry) bool { return e == s.master })
	more, err := eachOverride(overrides, from, to, budget, yield)
	if err != nil || !more || !walk {
		return err
	}
	if last < math.MaxInt64-s.maxShift-daySeconds {
		to = min(to, last+s.maxShift+daySeconds)
	}
	return s.walk(from, to, budget, yield)
}

// prop tells whether one of the component's properties passes.
func (m *matcher) prop(comp *contentline.Component, f *PropFilter) bool {
	found := false
	for i := range comp.Lines {
		line := &comp.Lines[i]
		if !line.Is(f.Name) {
			continue
		}
		found = true
		if f.NotDefined {
			return false
		}
		if m.line(line, f) {
			return true
		}
	}
	return !found && f.NotDefined
}

func (m *matcher) line(line *contentline.Line, f *PropFilter) bool {
	if f.Range != nil && !m.valueIn(line, f.Range) {
		return false
	}
	if f.Text != nil && !f.Text.match(contentline.Unescape(line.Value)) {
		return false
	}
	for i := range f.Params {
		if !paramMatches(line, &f.Params[i]) {
			return false
		}
	}
	return true
}

// paramMatches tells whether a value of the parameter passes.
func paramMatches(line *contentline.Line, f *ParamFilter) bool {
	_, found := line.Param(f.Name)
	if f.NotDefined || !found {
		return f.NotDefined && !found
	}
	if f.Text == nil {
		return true
	}
	for v := range line.ParamValues(f.Name) {
		if f.Text.match(v) {
			return true
		}
	}
	return false
}

// valueIn tells whether a property's dates, times or periods touch the range.
func (m *matcher) valueIn(line *contentline.Line, r *TimeRange) bool {
	for item := range splitList(line.Value) {
		if strings.Contains(item, "/") {
			p, err := m.cal.periodOf(line, item)
			if err != nil {
				continue
			}
			if start, end := p.instant(), p.until(); overlapsEvent(start, end, r) {
				return true
			}
			continue
		}
		at, err := m.cal.momentOf(line, item)
		if err != nil {
			continue
		}
		start := at.instant()
		end := start
		if at.kind == dateOnly {
			end = addDuration(at, start, duration{days: 1})
		}
		if overlapsEvent(start, end, r) {
			return true
		}
	}
	return false
}

// until returns the end of a period.
func (d *rdate) until() int64 {
	if d.end.given() {
		return d.end.instant()
	}
	return addDuration(d.moment, d.instant(), d.duration)
}
