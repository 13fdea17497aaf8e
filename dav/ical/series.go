package ical

import (
	"math"
	"slices"
	"sort"
)

// instance is one time a component happens.
type instance struct {
	id         int64  // the instant of its RECURRENCE-ID
	civil      int64  // the civil time of its RECURRENCE-ID, on the clock of the series
	start, end int64  // instants
	shift      int64  // civil seconds it was moved by an override with RANGE=THISANDFUTURE
	entry      *entry // where its properties come from
	override   bool   // entry is the instance's own
}

// series is what shares a UID: the component with the rules, and overrides of single instances. RFC 5545 §3.8.4.4.
type series struct {
	master    *entry // nil: only overrides are known (RFC 4791 §4.1)
	overrides []*entry

	ids      []int64 // sorted instants of instances that have an override
	idDays   []int64 // sorted days likewise, where RECURRENCE-ID is a date in a series of times
	out      []int64 // sorted instants of EXDATE
	outDays  []int64 // sorted days of EXDATE, likewise
	futures  []future
	longest  int64 // the longest instance in seconds, with a change of the clock on top
	maxShift int64 // by how much an override moves those after it, either way
}

// future is an override with RANGE=THISANDFUTURE.
type future struct {
	from  int64 // the instant of its RECURRENCE-ID
	shift int64
	entry *entry
}

// allSeries groups the entries of the object by UID, for the current floating zone.
func (c *Calendar) allSeries() []*series {
	var list []*series
	for i, e := range c.entries {
		var s *series
		for _, known := range list {
			if known.uid() == e.uid && known.name() == e.name {
				s = known
				break
			}
		}
		if s == nil {
			s = &series{}
			list = append(list, s)
		}
		if e.recurID.given() || s.master != nil {
			s.overrides = append(s.overrides, c.entries[i])
		} else {
			s.master = c.entries[i]
		}
	}
	for _, s := range list {
		s.prepare()
	}
	return list
}

func (s *series) first() *entry {
	if s.master != nil {
		return s.master
	}
	return s.overrides[0]
}

func (s *series) uid() string  { return s.first().uid }
func (s *series) name() string { return s.first().name }

// recurs tells whether the series may have more instances than its components.
func (s *series) recurs() bool {
	return s.master != nil && len(s.master.rules)+len(s.master.dates) > 0
}

// prepare sorts what each looks up.
func (s *series) prepare() {
	anchor := moment{}
	if s.master != nil {
		anchor = s.master.anchor()
	}
	timed := anchor.given() && anchor.kind != dateOnly
	for _, e := range s.overrides {
		if !e.recurID.given() {
			continue
		}
		if timed && e.recurID.kind == dateOnly {
			s.idDays = append(s.idDays, floorDiv(e.recurID.civil, daySeconds))
		} else {
			s.ids = append(s.ids, e.recurID.instant())
		}
		if e.thisAndFuture {
			f := future{from: e.recurID.instant(), entry: e}
			if at := e.anchor(); at.given() && at.kind == anchor.kind && anchor.given() {
				f.shift = at.clock.civilOf(at.instant()) - at.clock.civilOf(e.recurID.instant())
			}
			s.futures = append(s.futures, f)
			s.longest = max(s.longest, e.longest())
			s.maxShift = max(s.maxShift, f.shift, -f.shift)
		}
	}
	slices.SortFunc(s.futures, func(a, b future) int { return compare(a.from, b.from) })
	slices.Sort(s.ids)
	slices.Sort(s.idDays)
	if s.master == nil {
		return
	}
	for _, m := range s.master.exdates {
		if timed && m.kind == dateOnly {
			s.outDays = append(s.outDays, floorDiv(m.civil, daySeconds))
		} else {
			s.out = append(s.out, m.instant())
		}
	}
	slices.Sort(s.out)
	slices.Sort(s.outDays)
	s.longest = max(s.longest, s.master.longest())
}

// longest bounds how long an instance of e lasts. Days may be longer by as much as a clock is put back.
func (e *entry) longest() int64 {
	if !e.anchor().given() {
		return 0
	}
	start, end := e.span()
	end = min(end, 2*maxCivil) // availability may have no end
	if e.anchor().kind == dateOnly || e.duration.days != 0 {
		end += daySeconds
	}
	return end - start
}

// each yields the instances that touch the time from from to to, both inclusive; those of one rule in order. The caller decides
// what overlaps, since that differs between components.
func (s *series) each(from, to int64, budget *Budget, yield func(instance) bool) error {
	more, err := eachOverride(s.overrides, from, to, budget, yield)
	if err != nil || !more || s.master == nil {
		return err
	}
	return s.walk(from, to, budget, yield)
}

// walk is each for the instances of the recurrence that no override takes the place of.
func (s *series) walk(from, to int64, budget *Budget, yield func(instance) bool) error {
	stopped := false
	visit := func(civil int64, d *rdate) bool {
		in, ok := s.instanceAt(civil, d)
		if ok && in.touches(from, to) && !yield(in) {
			stopped = true
		}
		return !stopped
	}
	return s.eachID(from, to, budget, &stopped, visit)
}

// eachOverride yields overrides; more tells whether yield wants to go on.
func eachOverride(overrides []*entry, from, to int64, budget *Budget, yield func(instance) bool) (more bool, err error) {
	for _, e := range overrides {
		if !budget.step(1) {
			return false, ErrTooMany
		}
		in := instance{entry: e, override: true}
		in.start, in.end = e.span()
		if e.recurID.given() {
			in.id, in.civil = e.recurID.instant(), e.recurID.civil
		}
		if in.touches(from, to) && !yield(in) {
			return false, nil
		}
	}
	return true, nil
}

// eachID visits the civil times of the recurrence set, without regard to exceptions and overrides; some may come twice.
func (s *series) eachID(from, to int64, budget *Budget, stopped *bool, visit func(int64, *rdate) bool) error {
	m := s.master
	anchor := m.anchor()
	if !anchor.given() {
		visit(0, nil)
		return nil
	}
	if !visit(anchor.civil, nil) {
		return nil
	}
	for i := range m.dates {
		if !budget.step(1) {
			return ErrTooMany
		}
		d := &m.dates[i]
		civil := d.civil
		if d.clock != anchor.clock {
			civil = anchor.clock.civilOf(d.instant())
		}
		if !visit(civil, d) {
			return nil
		}
	}
	for _, rule := range m.rules {
		low, high := s.civilWindow(rule, from, to)
		err := rule.each(anchor.civil, low, high, untilOf(rule, anchor), budget, func(civil int64) bool { return visit(civil, nil) })
		if err != nil || *stopped {
			return err
		}
	}
	return nil
}

// civilWindow turns a window of instants into one of civil times that cannot miss an instance: as much longer as instances
// last and are moved, and as the clock may change in between.
func (s *series) civilWindow(rule *Rule, from, to int64) (low, high int64) {
	slack := int64(daySeconds)
	if rule.freq < daily {
		slack = 2 * 3600
	}
	clock := s.master.anchor().clock
	low, high = minCivil, maxCivil
	if before := s.longest + s.maxShift; from > minCivil+before+slack {
		low = clock.civilOf(from-before) - slack
	}
	if to < maxCivil-s.maxShift-slack {
		high = clock.civilOf(to+s.maxShift) + slack
	}
	return low, high
}

// untilOf returns UNTIL as the last civil time on the clock of the series. A date includes its day; a local time is one on that clock.
func untilOf(rule *Rule, anchor moment) int64 {
	switch {
	case !rule.hasUntil:
		return math.MaxInt64
	case rule.until.kind == dateOnly:
		return rule.until.civil + daySeconds - 1
	case anchor.kind == dateOnly:
		return rule.until.civil
	case rule.until.kind == utcTime:
		return anchor.clock.civilOf(rule.until.civil)
	}
	return rule.until.civil
}

// instanceAt makes the instance of a civil time; not ok if an exception or override takes its place.
func (s *series) instanceAt(civil int64, d *rdate) (in instance, ok bool) {
	m := s.master
	anchor := m.anchor()
	if !anchor.given() {
		in = instance{entry: m}
		in.start, in.end = m.span()
		return in, true
	}
	id := anchor.clock.instantOf(civil)
	if d != nil {
		id = d.instant()
	}
	if contains(s.ids, id) || contains(s.out, id) {
		return in, false
	}
	if len(s.idDays)+len(s.outDays) > 0 {
		if day := floorDiv(civil, daySeconds); contains(s.idDays, day) || contains(s.outDays, day) {
			return in, false
		}
	}
	in = instance{id: id, civil: civil, entry: m, start: id}
	if i := sort.Search(len(s.futures), func(i int) bool { return s.futures[i].from > id }); i > 0 {
		in.entry, in.shift = s.futures[i-1].entry, s.futures[i-1].shift
		at := in.entry.anchor()
		if !at.given() {
			at = anchor
		}
		in.start = at.clock.instantOf(at.clock.civilOf(id) + in.shift)
		in.end = in.entry.endFrom(in.start)
		return in, true
	}
	in.end = s.endOf(d, id)
	return in, true
}

// endOf returns when an instance at an instant ends that no override changes; d is the RDATE that gives it, or nil.
func (s *series) endOf(d *rdate, id int64) int64 {
	switch {
	case d != nil && d.end.given():
		return d.end.instant()
	case d != nil && d.hasDuration:
		return addDuration(d.moment, id, d.duration)
	}
	return s.master.endFrom(id)
}

func contains(sorted []int64, n int64) bool {
	if len(sorted) == 0 {
		return false
	}
	_, found := slices.BinarySearch(sorted, n)
	return found
}

// touches tells whether an instance may matter for a time. The periods of a VFREEBUSY may lie anywhere, whatever half of its bounds is given.
func (in instance) touches(from, to int64) bool {
	return in.start <= to && in.end >= from || in.entry.name == "VFREEBUSY"
}
