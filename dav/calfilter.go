package dav

import (
	"encoding/xml"
	"errors"
	"math"
	"net/http"
	"time"

	"schulhof/dav/ical"
	"schulhof/store/fault"
)

// calendarFilter reads the CALDAV:filter of a calendar-query. RFC 4791 §9.7.
func calendarFilter(e *element) (*ical.Filter, error) {
	children := e.children()
	if len(children) != 1 || children[0].name != caldav("comp-filter") {
		return nil, violated(http.StatusForbidden, caldav("valid-filter"), "a filter holds one comp-filter, that of VCALENDAR")
	}
	comp, err := compFilter(children[0])
	if err != nil {
		return nil, err
	}
	f := &ical.Filter{Comp: comp}
	var unfit *ical.FilterError
	if err := f.Check(); errors.As(err, &unfit) {
		return nil, violated(http.StatusForbidden, caldav(unfit.Precondition), unfit.Reason)
	} else if err != nil {
		return nil, err
	}
	return f, nil
}

func compFilter(e *element) (f ical.CompFilter, err error) {
	if f.Name, err = filterName(e); err != nil {
		return f, err
	}
	for _, child := range e.children() {
		switch child.name {
		case caldav("is-not-defined"):
			f.NotDefined = true
		case caldav("time-range"):
			f.Range, err = timeRange(child)
		case caldav("prop-filter"):
			var p ical.PropFilter
			p, err = propFilter(child)
			f.Props = append(f.Props, p)
		case caldav("comp-filter"):
			var c ical.CompFilter
			c, err = compFilter(child)
			f.Comps = append(f.Comps, c)
		default:
			err = unsupportedCalendarFilter(child)
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

func propFilter(e *element) (f ical.PropFilter, err error) {
	if f.Name, err = filterName(e); err != nil {
		return f, err
	}
	for _, child := range e.children() {
		switch child.name {
		case caldav("is-not-defined"):
			f.NotDefined = true
		case caldav("time-range"):
			f.Range, err = timeRange(child)
		case caldav("text-match"):
			f.Text, err = calendarTextMatch(child)
		case caldav("param-filter"):
			var p ical.ParamFilter
			p, err = paramFilter(child)
			f.Params = append(f.Params, p)
		default:
			err = unsupportedCalendarFilter(child)
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

func paramFilter(e *element) (f ical.ParamFilter, err error) {
	if f.Name, err = filterName(e); err != nil {
		return f, err
	}
	for _, child := range e.children() {
		switch child.name {
		case caldav("is-not-defined"):
			f.NotDefined = true
		case caldav("text-match"):
			f.Text, err = calendarTextMatch(child)
		default:
			err = unsupportedCalendarFilter(child)
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// calendarTextMatch reads CALDAV:text-match. RFC 4791 §9.7.5.
func calendarTextMatch(e *element) (*ical.TextMatch, error) {
	t := &ical.TextMatch{Text: e.text()}
	if t.Collation, _ = e.attr("collation"); t.Collation == "default" {
		t.Collation = ""
	}
	switch negate, _ := e.attr("negate-condition"); negate {
	case "", "no":
	case "yes":
		t.Negate = true
	default:
		return nil, fault.New(fault.Invalid, "negate-condition is neither yes nor no")
	}
	return t, nil
}

func unsupportedCalendarFilter(e *element) error {
	return violated(http.StatusForbidden, caldav("supported-filter"), "a filter with "+describe(e.name)+" is not understood")
}

// timeRange reads start and end, which are in UTC. At least one is there. RFC 4791 §9.9.
func timeRange(e *element) (*ical.TimeRange, error) {
	r := ical.AllTime()
	start, hasStart := e.attr("start")
	end, hasEnd := e.attr("end")
	var err error
	if hasStart {
		r.Start, err = utcMoment(start)
	}
	if hasEnd && err == nil {
		r.End, err = utcMoment(end)
	}
	switch {
	case err != nil:
		return nil, err
	case !hasStart && !hasEnd:
		return nil, violated(http.StatusForbidden, caldav("valid-filter"), "a time range has neither start nor end")
	case r.End <= r.Start:
		return nil, violated(http.StatusForbidden, caldav("valid-filter"), "a time range ends before it starts")
	}
	return &r, nil
}

// boundedRange is timeRange where both ends must be given.
func boundedRange(e *element) (*ical.TimeRange, error) {
	if e == nil {
		return nil, fault.New(fault.Invalid, "a time range is missing")
	}
	r, err := timeRange(e)
	if err == nil && (r.Start == math.MinInt64 || r.End == math.MaxInt64) {
		return nil, fault.New(fault.Invalid, "%s needs a start and an end", e.name.Local)
	}
	return r, err
}

// utcMoment reads a date with UTC time as unix seconds. RFC 5545 §3.3.5, form 2.
func utcMoment(s string) (int64, error) {
	t, err := time.Parse("20060102T150405Z", s)
	if err != nil {
		return 0, violated(http.StatusForbidden, caldav("valid-filter"), "the time is not of the form 20261130T080000Z")
	}
	return t.Unix(), nil
}

// yes reads an attribute that is yes or no; absent is no.
func yes(e *element, attribute string) (bool, error) {
	switch value, _ := e.attr(attribute); value {
	case "", "no":
		return false, nil
	case "yes":
		return true, nil
	}
	return false, fault.New(fault.Invalid, "%s is neither yes nor no", attribute)
}

var calendarData = xml.Name{Space: nsCalDAV, Local: "calendar-data"}
