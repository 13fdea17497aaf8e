package ical

import (
	"fmt"
	"slices"
	"strings"

	"schulhof/dav/contentline"
)

// moment is a value together with the clock it is read on.
type moment struct {
	value
	clock *clock
	tzid  string
}

func (m moment) instant() int64 { return m.clock.instantOf(m.civil) }

// entry is a component with a time of its own: VEVENT, VTODO, VJOURNAL, VFREEBUSY or VAVAILABILITY. Optional values have a nil clock.
type entry struct {
	comp      *contentline.Component
	name, uid string

	start, end, due, recurID, completed, created moment

	duration      duration
	hasDuration   bool
	thisAndFuture bool
	rules         []*Rule
	dates         []rdate
	exdates       []moment
	lines         [8]int // how often some properties appear
	wanted        bool   // by the filter that is at work
}

// rdate is an instance given by RDATE; a period has its own end.
type rdate struct {
	moment
	end         moment
	duration    duration
	hasDuration bool
}

// once are the properties that may appear once at most, RFC 5545 §3.6.1 to §3.6.4.
var once = [...]string{"UID", "DTSTART", "DTEND", "DUE", "DURATION", "RECURRENCE-ID", "COMPLETED", "CREATED"}

func (m moment) given() bool { return m.clock != nil }

// understand reads the entries of the object, once.
func (c *Calendar) understand() *Violation {
	if c.read {
		return c.readErr
	}
	c.read = true
	for _, child := range c.root.Children {
		switch name := upper(child.Name); name {
		case "VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY":
			if len(c.entries) == MaxOverrides {
				c.readErr = &Violation{validData, fmt.Sprintf("more than %d components", MaxOverrides)}
				return c.readErr
			}
			e, err := c.entryOf(name, child)
			if err != nil {
				c.readErr = &Violation{validData, fmt.Sprintf("%s at line %d: %s", name, child.Number, err)}
				return c.readErr
			}
			c.entries = append(c.entries, e)
		}
	}
	return nil
}

func (c *Calendar) entryOf(name string, comp *contentline.Component) (*entry, error) {
	e := &entry{comp: comp, name: name}
	for i := range comp.Lines {
		line := &comp.Lines[i]
		if err := c.property(e, line); err != nil {
			return nil, fmt.Errorf("%s: %w", upper(line.Name), err)
		}
	}
	for i, n := range e.lines {
		if n > 1 {
			return nil, fmt.Errorf("%s appears %d times", once[i], n)
		}
	}
	return e, e.validate()
}

// property takes what matters for time from one line.
func (c *Calendar) property(e *entry, line *contentline.Line) (err error) {
	name := upper(line.Name)
	if e.name == "VFREEBUSY" && (name == "RRULE" || name == "RDATE" || name == "EXDATE") {
		return fmt.Errorf("a VFREEBUSY does not recur (RFC 5545 §3.6.4)")
	}
	switch name {
	case "UID":
		e.uid = line.Value
		e.lines[0]++
	case "DTSTART":
		e.start, err = c.momentOf(line, line.Value)
		e.lines[1]++
	case "DTEND":
		e.end, err = c.momentOf(line, line.Value)
		e.lines[2]++
	case "DUE":
		e.due, err = c.momentOf(line, line.Value)
		e.lines[3]++
	case "DURATION":
		e.duration, err = parseDuration(line.Value)
		e.hasDuration = true
		e.lines[4]++
	case "RECURRENCE-ID":
		e.recurID, err = c.momentOf(line, line.Value)
		if scope, ok := line.Param("RANGE"); ok {
			e.thisAndFuture = contentline.EqualFold(scope, "THISANDFUTURE")
		}
		e.lines[5]++
	case "COMPLETED":
		e.completed, err = c.momentOf(line, line.Value)
		e.lines[6]++
	case "CREATED":
		e.created, err = c.momentOf(line, line.Value)
		e.lines[7]++
	case "RRULE":
		err = e.addRule(line.Value)
	case "EXRULE":
		err = fmt.Errorf("no longer part of iCalendar (RFC 5545 §A.3), use EXDATE")
	case "RDATE":
		err = c.addDates(e, line)
	case "EXDATE":
		err = c.addExceptions(e, line)
	}
	return err
}

// momentOf reads one date or time of a line, with the line's TZID.
func (c *Calendar) momentOf(line *contentline.Line, s string) (moment, error) {
	v, err := parseValue(s)
	if err != nil {
		return moment{}, err
	}
	if wanted, ok := line.Param("VALUE"); ok {
		if isDate := contentline.EqualFold(wanted, "DATE"); isDate != (v.kind == dateOnly) {
			return moment{}, fmt.Errorf("VALUE=%.20s, but %.40q is of another type", wanted, s)
		}
	}
	m := moment{value: v, clock: c.floating}
	switch v.kind {
	case utcTime:
		m.clock = c.utc
	case localTime:
		if tzid, ok := line.Param("TZID"); ok {
			m.tzid = tzid
			if m.clock = c.clockOf(tzid); m.clock == nil {
				return moment{}, fmt.Errorf("the time zone %.80q is neither known nor defined by a valid VTIMEZONE of the object", tzid)
			}
		}
	}
	return m, nil
}

func (e *entry) addRule(s string) error {
	if len(e.rules) == maxRules {
		return fmt.Errorf("more than %d rules", maxRules)
	}
	rule, err := ParseRule(s)
	if err != nil {
		return err
	}
	e.rules = append(e.rules, rule)
	return nil
}

// addExceptions reads EXDATE. RFC 5545 §3.8.5.1.
func (c *Calendar) addExceptions(e *entry, line *contentline.Line) error {
	for item := range splitList(line.Value) {
		if item = strings.TrimSpace(item); item == "" {
			continue // programs leave an empty EXDATE when the last exception was taken back
		}
		m, err := c.momentOf(line, item)
		if err != nil {
			return err
		}
		if len(e.exdates) == maxDates {
			return fmt.Errorf("more than %d dates", maxDates)
		}
		e.exdates = append(e.exdates, m)
	}
	return nil
}

// addDates reads RDATE, which may hold periods. RFC 5545 §3.8.5.2.
func (c *Calendar) addDates(e *entry, line *contentline.Line) error {
	periods := false
	if kind, ok := line.Param("VALUE"); ok {
		periods = contentline.EqualFold(kind, "PERIOD")
	}
	for item := range splitList(line.Value) {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		var d rdate
		var err error
		if periods {
			d, err = c.periodOf(line, item)
		} else {
			d.moment, err = c.momentOf(line, item)
		}
		if err != nil {
			return err
		}
		if len(e.dates) == maxDates {
			return fmt.Errorf("more than %d dates", maxDates)
		}
		e.dates = append(e.dates, d)
	}
	return nil
}

// periodOf reads a PERIOD: begin/end or begin/duration. RFC 5545 §3.3.9.
func (c *Calendar) periodOf(line *contentline.Line, s string) (rdate, error) {
	begin, end, ok := strings.Cut(s, "/")
	if !ok {
		return rdate{}, fmt.Errorf("%.40q is no period", s)
	}
	zoned := contentline.Line{Name: line.Name}
	if tzid, ok := line.Param("TZID"); ok {
		zoned.Params = []contentline.Param{{Name: "TZID", Values: []string{tzid}}}
	}
	var d rdate
	var err error
	if d.moment, err = c.momentOf(&zoned, begin); err != nil {
		return rdate{}, err
	}
	if strings.HasPrefix(end, "P") || strings.HasPrefix(end, "+") {
		d.duration, err = parseDuration(end)
		d.hasDuration = true
	} else {
		d.end, err = c.momentOf(&zoned, end)
	}
	if err != nil {
		return rdate{}, err
	}
	if d.kind == dateOnly || d.end.given() && (d.end.kind == dateOnly || d.end.instant() < d.instant()) || d.duration.total() < 0 {
		return rdate{}, fmt.Errorf("%.80q is no period of time", s)
	}
	return d, nil
}

// validate refuses what would have no meaning in time.
func (e *entry) validate() error {
	end := e.end
	if e.name == "VTODO" {
		end = e.due
	}
	switch {
	case e.hasDuration && e.duration.total() < 0:
		return fmt.Errorf("DURATION is negative")
	case e.hasDuration && end.given():
		return fmt.Errorf("DURATION and an end exclude each other")
	case e.start.given() && end.given() && (e.start.kind == dateOnly) != (end.kind == dateOnly):
		return fmt.Errorf("of DTSTART and the end one is a date and one a time")
	case e.start.given() && end.given() && end.instant() < e.start.instant():
		return fmt.Errorf("it ends before DTSTART")
	}
	if len(e.rules)+len(e.dates) == 0 {
		return nil
	}
	anchor := e.anchor()
	if !anchor.given() {
		return fmt.Errorf("it recurs, but has no DTSTART")
	}
	for _, rule := range e.rules {
		if anchor.kind == dateOnly && rule.freq < daily {
			return fmt.Errorf("RRULE: FREQ shorter than a day needs a DTSTART with a time")
		}
	}
	return nil
}

// anchor is where recurrence begins: DTSTART, or DUE of a task that has no start, as Tasks.org and others write.
func (e *entry) anchor() moment {
	if !e.start.given() && e.name == "VTODO" {
		return e.due
	}
	return e.start
}

// floats tells whether the entry's times depend on where the reader is.
func (e *entry) floats() bool {
	for _, m := range []moment{e.start, e.end, e.due, e.recurID, e.completed, e.created} {
		if m.floats() {
			return true
		}
	}
	return slices.ContainsFunc(e.exdates, moment.floats) || slices.ContainsFunc(e.dates, func(d rdate) bool { return d.floats() || d.end.floats() })
}

func (m moment) floats() bool { return m.given() && m.kind != utcTime && m.tzid == "" }
