package ical

import "math"

// span returns when the component itself begins and ends. Tasks and journals without times span all time.
func (e *entry) span() (start, end int64) {
	at := e.anchor()
	switch {
	case e.name == "VTODO" && !at.given():
		return e.undated()
	case e.name == "VJOURNAL" && !at.given(), e.name == "VFREEBUSY" && !(at.given() && e.end.given()):
		return math.MinInt64, math.MaxInt64
	case !at.given():
		return e.loose()
	}
	start = at.instant()
	return start, e.endFrom(start)
}

// loose is span of a VFREEBUSY or VAVAILABILITY without DTSTART: availability may be without bounds (RFC 7953 §3.1).
func (e *entry) loose() (start, end int64) {
	end = math.MaxInt64
	if e.end.given() {
		end = e.end.instant()
	}
	return math.MinInt64, end
}

// undated is span of a task without DTSTART and DUE, from what RFC 4791 §9.9 falls back to.
func (e *entry) undated() (start, end int64) {
	switch {
	case e.completed.given() && e.created.given():
		a, b := e.completed.instant(), e.created.instant()
		return min(a, b), max(a, b)
	case e.completed.given():
		return e.completed.instant(), e.completed.instant()
	case e.created.given():
		return e.created.instant(), math.MaxInt64
	}
	return math.MinInt64, math.MaxInt64
}

// endFrom returns when an instance ends that begins at an instant. An end lies as many exact seconds later as it does in the component
// itself, or as many days for dates; DURATION counts days on the calendar (RFC 5545 §3.8.5.3). Without either, a date lasts its day and a time no time.
func (e *entry) endFrom(start int64) int64 {
	at := e.anchor()
	end := e.end
	if e.name == "VTODO" {
		end = e.due
	}
	switch {
	case e.hasDuration && at.given(): // without a begin there is nothing that lasts
		return addDuration(at, start, e.duration)
	case e.name == "VTODO" && !e.start.given():
		return start
	case at.given() && end.given() && end.kind == dateOnly:
		return addDuration(at, start, duration{days: max(0, end.civil-at.civil) / daySeconds})
	case end.given() && !at.given():
		return end.instant()
	case end.given():
		return start + end.instant() - at.instant()
	case at.kind == dateOnly && e.name != "VTODO":
		return addDuration(at, start, duration{days: 1})
	case e.name == "VAVAILABILITY":
		return math.MaxInt64
	}
	return start
}

// addDuration adds days on the clock of at, then seconds.
func addDuration(at moment, start int64, d duration) int64 {
	if d.days != 0 {
		start = at.clock.instantOf(at.clock.civilOf(start) + d.days*daySeconds)
	}
	return start + d.seconds
}
