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
	err = filterParts(e, &f.Name, map[name]func(*element) error{
		caldav("is-not-defined"): mark(&f.NotDefined),
		caldav("time-range"):     into(&f.Range, timeRange),
		caldav("prop-filter"):    onto(&f.Props, propFilter),
		caldav("comp-filter"):    onto(&f.Comps, compFilter),
	})
	return f, err
}

func propFilter(e *element) (f ical.PropFilter, err error) {
	err = filterParts(e, &f.Name, map[name]func(*element) error{
		caldav("is-not-defined"): mark(&f.NotDefined),
		caldav("time-range"):     into(&f.Range, timeRange),
		caldav("text-match"):     into(&f.Text, calendarTextMatch),
		caldav("param-filter"):   onto(&f.Params, paramFilter),
	})
	return f, err
}

func paramFilter(e *element) (f ical.ParamFilter, err error) {
	err = filterParts(e, &f.Name, map[name]func(*element) error{
		caldav("is-not-defined"): mark(&f.NotDefined),
		caldav("text-match"):     into(&f.Text, calendarTextMatch),
	})
	return f, err
}

// filterParts reads the name of a filter and its parts, each as parts says; others are not understood.
func filterParts(e *element, of *string, parts map[name]func(*element) error) (err error) {
	if *of, err = filterName(e); err != nil {
		return err
	}
	for _, child := range e.children() {
		read := parts[child.name]
		if read == nil {
			return violated(http.StatusForbidden, caldav("supported-filter"), "a filter with "+describe(child.name)+" is not understood")
		}
		if err := read(child); err != nil {
			return err
		}
	}
	return nil
}

// mark reads an element that is there or not.
func mark(at *bool) func(*element) error {
	return func(*element) error { *at = true; return nil }
}

// into reads an element that stands for one value; of several the last counts.
func into[T any](at *T, read func(*element) (T, error)) func(*element) error {
	return func(e *element) (err error) { *at, err = read(e); return err }
}

// onto reads an element that may come several times.
func onto[T any](list *[]T, read func(*element) (T, error)) func(*element) error {
	return func(e *element) error {
		one, err := read(e)
		*list = append(*list, one)
		return err
	}
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
