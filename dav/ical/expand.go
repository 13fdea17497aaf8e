package ical

import (
	"slices"
	"time"

	"schulhof/dav/contentline"
)

// Instance is one time a component happens.
type Instance struct {
	Start, End time.Time // in UTC; of dates midnight where the reader is
	AllDay     bool
	Component  *contentline.Component // where its properties come from; not to be changed
}

// Instances returns the instances that overlap a range, in order of their start. floating is where times without a zone
// are read, nil for UTC. The error is ErrTooMany, or a *Violation if the object never passed Check.
func (c *Calendar) Instances(r TimeRange, floating *time.Location, budget *Budget) ([]Instance, error) {
	if err := c.begin(floating, budget); err != nil {
		return nil, err
	}
	var out []Instance
	for _, s := range c.allSeries() {
		found, err := s.collect(r, budget)
		if err != nil {
			return nil, err
		}
		for _, in := range found {
			at := in.entry.anchor()
			out = append(out, Instance{
				Start: time.Unix(in.start, 0).UTC(), End: time.Unix(in.end, 0).UTC(),
				AllDay: at.given() && at.kind == dateOnly, Component: in.entry.comp,
			})
		}
	}
	slices.SortStableFunc(out, func(a, b Instance) int { return a.Start.Compare(b.Start) })
	return out, nil
}

// collect returns the instances that overlap a range, each once, in order of their start.
func (s *series) collect(r TimeRange, budget *Budget) ([]instance, error) {
	var out []instance
	fits := true
	err := s.each(r.Start, r.End, budget, func(in instance) bool {
		if overlaps(in, &r) {
			fits = budget.instance()
			out = append(out, in)
		}
		return fits
	})
	if err != nil {
		return nil, err
	}
	if !fits {
		return nil, ErrTooMany
	}
	// RDATE may repeat what a rule gives, a rule what another gives, and a gap of the clock may put two instances on one time.
	slices.SortStableFunc(out, func(a, b instance) int {
		if a.start != b.start {
			return compare(a.start, b.start)
		}
		return compare(a.id, b.id)
	})
	return slices.CompactFunc(out, func(a, b instance) bool {
		return a.id == b.id && a.start == b.start && a.entry == b.entry && !a.override
	}), nil
}

// expand makes a calendar of single instances in UTC, without recurrence and time zones. RFC 4791 §9.6.5.
func (c *Calendar) expand(r TimeRange, budget *Budget) (*contentline.Component, error) {
	out := &contentline.Component{Name: c.root.Name, Lines: c.root.Lines}
	for _, s := range c.allSeries() {
		found, err := s.collect(r, budget)
		if err != nil {
			return nil, err
		}
		for _, in := range found {
			if !budget.step(len(in.entry.comp.Lines)) {
				return nil, ErrTooMany
			}
			out.Children = append(out.Children, c.single(s, in))
		}
	}
	return out, nil
}

// single makes the component of one instance.
func (c *Calendar) single(s *series, in instance) *contentline.Component {
	e := in.entry
	out := &contentline.Component{Name: e.comp.Name, Children: e.comp.Children}
	out.Lines = make([]contentline.Line, 0, len(e.comp.Lines)+2)
	end := e.end
	if e.name == "VTODO" {
		end = e.due
	}
	ended, period := false, e.anchor().given() && in.end != e.endFrom(in.start)
	last := in.end
	if !e.anchor().given() && end.given() {
		last = end.instant() // the end of what has no begin is what it says
	}
	for _, line := range e.comp.Lines {
		switch upper(line.Name) {
		case "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID":
			continue
		case "DTSTART":
			line = dated(line, e.start, in.start)
		case "DTEND", "DUE":
			line = dated(line, end, last)
			ended = true
		case "DURATION":
			if period { // an RDATE gave this instance an end of its own
				continue
			}
		default:
			line = c.inUTC(line)
		}
		out.Lines = append(out.Lines, line)
	}
	if period && !ended {
		out.Lines = append(out.Lines, contentline.Line{Name: "DTEND", Value: instantString(in.end)})
	}
	if s.recurs() || e.recurID.given() {
		id := e.anchor()
		if s.master != nil && s.master.anchor().given() {
			id = s.master.anchor()
		} else if e.recurID.given() {
			id = e.recurID
		}
		out.Lines = append(out.Lines, dated(contentline.Line{Name: "RECURRENCE-ID"}, id, in.id))
	}
	return out
}

// dated gives a line another instant, in UTC, or as a date or floating time where the property was one.
func dated(line contentline.Line, like moment, instant int64) contentline.Line {
	v := value{instant, utcTime}
	var params []contentline.Param
	if like.kind == dateOnly || like.kind == localTime && like.tzid == "" {
		v = value{like.clock.civilOf(instant), like.kind}
	}
	if like.kind == dateOnly {
		params = []contentline.Param{{Name: "VALUE", Values: []string{"DATE"}}}
	}
	for _, p := range line.Params {
		if !contentline.EqualFold(p.Name, "TZID") && !contentline.EqualFold(p.Name, "VALUE") {
			params = append(params, p)
		}
	}
	line.Params, line.Value = params, v.String()
	return line
}

// inUTC turns the value of any other line with a TZID into UTC.
func (c *Calendar) inUTC(line contentline.Line) contentline.Line {
	if _, ok := line.Param("TZID"); !ok {
		return line
	}
	m, err := c.momentOf(&line, line.Value)
	if err != nil || m.kind != localTime {
		return line
	}
	return dated(line, m, m.instant())
}
