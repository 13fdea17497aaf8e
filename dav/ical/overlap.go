package ical

import (
	"math"

	"schulhof/dav/contentline"
)

// overlaps tells whether an instance lies in a range, by the tables of RFC 4791 §9.9.
func overlaps(in instance, r *TimeRange) bool {
	switch in.entry.name {
	case "VTODO":
		return overlapsTodo(in, r)
	case "VJOURNAL":
		e := in.entry
		return e.start.given() && overlapsEvent(in.start, in.end, r)
	case "VFREEBUSY":
		return overlapsBusy(in, r)
	}
	return overlapsEvent(in.start, in.end, r)
}

// overlapsEvent is the rule of VEVENT. What lasts no time counts where it begins.
func overlapsEvent(start, end int64, r *TimeRange) bool {
	if start == end {
		return r.Start <= start && r.End > start
	}
	return r.Start < end && r.End > start
}

func overlapsTodo(in instance, r *TimeRange) bool {
	e := in.entry
	switch {
	case e.start.given() && e.hasDuration:
		return r.Start <= in.end && (r.End > in.start || r.End >= in.end)
	case e.start.given() && e.due.given():
		return (r.Start < in.end || r.Start <= in.start) && (r.End > in.start || r.End >= in.end)
	case e.start.given():
		return r.Start <= in.start && r.End > in.start
	case e.due.given():
		return r.Start < in.start && r.End >= in.start
	case e.completed.given() && e.created.given():
		completed, created := e.completed.instant(), e.created.instant()
		return (r.Start <= created || r.Start <= completed) && (r.End >= created || r.End >= completed)
	case e.completed.given():
		return r.Start <= e.completed.instant() && r.End >= e.completed.instant()
	case e.created.given():
		return r.End > e.created.instant()
	}
	return true
}

func overlapsBusy(in instance, r *TimeRange) bool {
	e := in.entry
	if e.start.given() && e.end.given() {
		return r.Start <= in.end && r.End > in.start
	}
	found := false
	e.eachBusy(func(p Period) bool {
		found = r.Start < p.End && r.End > p.Start
		return !found
	})
	return found
}

// alarm tells whether an alarm of e, or one of its repetitions, goes off in the range. RFC 4791 §9.9, RFC 5545 §3.8.6.
func (m *matcher) alarm(e *entry, alarm *contentline.Component, r *TimeRange) (bool, error) {
	trigger := alarm.Get("TRIGGER")
	if e == nil || trigger == nil || !alarm.Is("VALARM") {
		return false, nil
	}
	repeat, every := repetition(alarm)
	if at, err := parseValue(trigger.Value); err == nil {
		return at.kind == utcTime && goesOff(at.civil, repeat, every, r), nil
	}
	offset, err := parseDuration(trigger.Value)
	if err != nil {
		return false, nil
	}
	related, _ := trigger.Param("RELATED")
	atEnd := contentline.EqualFold(related, "END")
	window := TimeRange{minus(r.Start, offset.total()+repeat*every+daySeconds), minus(r.End, offset.total()-daySeconds)}
	return m.inRange([]*entry{e}, &window, func(in instance, _ *TimeRange) bool {
		base := in.start
		if atEnd {
			base = in.end
		}
		anchor := e.anchor()
		return anchor.given() && goesOff(addDuration(anchor, base, offset), repeat, every, r)
	})
}

// repetition reads how often an alarm repeats, and after how many seconds.
func repetition(alarm *contentline.Component) (repeat, every int64) {
	times, pause := alarm.Get("REPEAT"), alarm.Get("DURATION")
	if times == nil || pause == nil {
		return 0, 0
	}
	n, err := number(times.Value, 0, maxRepeat)
	d, err2 := parseDuration(pause.Value)
	if err != nil || err2 != nil || d.total() <= 0 || d.total() > maxPause {
		return 0, 0
	}
	return n, d.total()
}

// goesOff tells whether at, at+every … at+repeat*every has a time in the range.
func goesOff(at, repeat, every int64, r *TimeRange) bool {
	if at < r.Start && every > 0 {
		at += min(repeat, (r.Start-at+every-1)/every) * every
	}
	return r.Start <= at && r.End > at
}

// minus subtracts, but leaves the stand-ins for no bound alone.
func minus(a, b int64) int64 {
	if a == math.MinInt64 || a == math.MaxInt64 {
		return a
	}
	return a - b
}
