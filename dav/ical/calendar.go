package ical

import (
	"fmt"
	"time"

	"schulhof/dav/contentline"
)

// Calendar is one parsed iCalendar object. It remembers what it was asked last, so it is not for concurrent use.
type Calendar struct {
	root     *contentline.Component
	entries  []*entry
	read     bool
	readErr  *Violation
	clocks   []zoneClock
	floating *clock
	utc      *clock
	zones    []*vtimezone // of the object, as far as they are used
	budget   *Budget      // what these count their work in
}

// zoneClock is the clock of a TZID; nil when the TZID means nothing.
type zoneClock struct {
	tzid  string
	clock *clock
}

// Violation says which precondition of CalDAV an object breaks, and why. RFC 4791 §5.3.2.1.
type Violation struct {
	Precondition string // "valid-calendar-data", "valid-calendar-object-resource" or "supported-calendar-component"
	Reason       string // one sentence, safe to show
}

func (v *Violation) Error() string { return v.Precondition + ": " + v.Reason }

const (
	validData      = "valid-calendar-data"
	validObject    = "valid-calendar-object-resource"
	validComponent = "supported-calendar-component"
)

// Parse reads one VCALENDAR. The error is a *contentline.SyntaxError.
func Parse(b []byte) (*Calendar, error) {
	roots, err := contentline.Parse(b)
	if err != nil {
		return nil, err
	}
	if len(roots) != 1 || !roots[0].Is("VCALENDAR") {
		return nil, &contentline.SyntaxError{Line: roots[0].Number, Reason: fmt.Sprintf("%d components beginning with %.20s, want one VCALENDAR", len(roots), roots[0].Name)}
	}
	return New(roots[0]), nil
}

// New takes a VCALENDAR that was read or made otherwise.
func New(root *contentline.Component) *Calendar {
	utc := newClock(fixedZone(0))
	return &Calendar{root: root, floating: newClock(utc.zone), utc: utc, budget: NewBudget()}
}

// Root returns the VCALENDAR; it must not be changed.
func (c *Calendar) Root() *contentline.Component { return c.root }

// begin starts an answer: floating says where the wall clock of times without a zone hangs (nil: UTC), and the work of the object's own
// zones is counted in budget, whose end ends every walk.
func (c *Calendar) begin(floating *time.Location, budget *Budget) error {
	c.setFloating(floating)
	c.budget = budget
	for _, z := range c.zones {
		z.budget = budget
	}
	if v := c.understand(); v != nil {
		return v
	}
	return nil
}

func (c *Calendar) setFloating(loc *time.Location) {
	if loc == nil || loc == time.UTC {
		*c.floating = clock{zone: fixedZone(0)}
		return
	}
	if old, ok := c.floating.zone.(locationZone); !ok || old.Location != loc {
		*c.floating = clock{zone: zoneAt(loc)}
	}
}

// clockOf returns the clock that a TZID means, or nil. The tz database comes first: programs show an event by it, too, and the VTIMEZONE they send
// along often holds this year's rules only. A name it does not know is looked up in the object. See docs/decisions/0033-time-zones.md.
func (c *Calendar) clockOf(tzid string) *clock {
	for _, known := range c.clocks {
		if known.tzid == tzid {
			return known.clock
		}
	}
	var found *clock
	if z, ok := zoneNamed(tzid); ok {
		found = newClock(z)
	} else if z := c.zoneOf(tzid); z != nil {
		c.zones = append(c.zones, z)
		found = newClock(z)
	}
	c.clocks = append(c.clocks, zoneClock{tzid, found})
	return found
}

// zoneOf returns the object's own VTIMEZONE of that name, or nil.
func (c *Calendar) zoneOf(tzid string) *vtimezone {
	for _, child := range c.root.Children {
		if !child.Is("VTIMEZONE") {
			continue
		}
		if id := child.Get("TZID"); id != nil && id.Value == tzid {
			if z, err := compileZone(child, c.budget); err == nil {
				return z
			}
		}
	}
	return nil
}
