package ical

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// ParseZone reads a VCALENDAR with one VTIMEZONE, as the property calendar-timezone holds it, and returns the zone that floating
// times of the collection are read in. The error is a *contentline.SyntaxError or a *Violation. RFC 4791 §5.2.2.
func ParseZone(b []byte) (tzid string, loc *time.Location, err error) {
	c, err := Parse(b)
	if err != nil {
		return "", nil, err
	}
	if v := c.checkFrame(nil); v != nil {
		return "", nil, v
	}
	children := c.root.Children
	if len(children) != 1 || !children[0].Is("VTIMEZONE") {
		return "", nil, &Violation{validData, "want one VTIMEZONE and nothing else"}
	}
	line := children[0].Get("TZID")
	if line == nil || line.Value == "" {
		return "", nil, &Violation{validData, "VTIMEZONE has no TZID"}
	}
	z, err := compileZone(children[0], NewBudget())
	if err != nil {
		return "", nil, &Violation{validData, "VTIMEZONE: " + err.Error()}
	}
	if loc, ok := Location(line.Value); ok {
		return line.Value, loc, nil
	}
	loc, err = z.location(line.Value)
	if err != nil {
		return "", nil, &Violation{validData, "VTIMEZONE: " + err.Error()}
	}
	return line.Value, loc, nil
}

// location makes a time.Location that knows the zone's changes up to zoneEnd. It goes through the format of the
// tz database (RFC 8536), which is the only door that package time has for rules of others.
func (z *vtimezone) location(name string) (*time.Location, error) {
	offsets := []int64{z.initial} // the first is in force before all changes, and no change leads to it
	var times []int64
	var kinds []byte
	_, _, next := z.segment(minCivil)
	for next < zoneEnd {
		if len(times) == maxOnsets {
			return nil, fmt.Errorf("more than %d changes of the clock", maxOnsets)
		}
		offset, _, after := z.segment(next)
		kind := 1 + slices.Index(offsets[1:], offset)
		if kind == 0 {
			kind = len(offsets)
			offsets = append(offsets, offset)
		}
		if kind > 250 {
			return nil, fmt.Errorf("too many different offsets")
		}
		times, kinds = append(times, next), append(kinds, byte(kind))
		next = after
	}
	b := appendHeader(nil, 0, 1)
	b = append(b, make([]byte, 6+1)...) // the old form, with one kind and no change, for readers of 32 bits
	b = appendHeader(b, len(times), len(offsets))
	for _, at := range times {
		b = binary.BigEndian.AppendUint64(b, uint64(at))
	}
	b = append(b, kinds...)
	for _, offset := range offsets {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(offset)))
		b = append(b, 0, 0) // not summer time, the abbreviation at 0
	}
	b = append(b, 0, '\n', '\n') // an empty abbreviation, and no rule for later
	return time.LoadLocationFromTZData(name, b)
}

// appendHeader begins a block of RFC 8536 §3.1 with so many changes and kinds of local time.
func appendHeader(b []byte, changes, kinds int) []byte {
	b = append(b, "TZif2"...)
	b = append(b, make([]byte, 15)...)
	for _, n := range []int{0, 0, 0, changes, kinds, 1} {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	return b
}

// ZoneCalendar is a VCALENDAR with the VTIMEZONE of a zone of the tz database, as calendar-timezone holds it.
func ZoneCalendar(tzid string, loc *time.Location) []byte {
	return newCalendar(WriteZone(tzid, loc)).AppendTo(nil)
}
