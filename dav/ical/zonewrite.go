package ical

import (
	"fmt"
	"time"

	"schulhof/dav/contentline"
)

// A written VTIMEZONE lists the changes from zoneBegin on; rules are read off the years up to zoneEnd, long enough to see a weekday fall on every day of the month.
var (
	zoneBegin = daysOf(1970, 1, 1) * daySeconds
	zoneEnd   = daysOf(2064, 1, 1) * daySeconds
)

// zoneChange is one change of the clock of a zone of the tz database.
type zoneChange struct {
	civil            int64 // on the clock from before the change
	from, to         int64
	daylight         bool
	name             string
	year, month, day int64
}

// WriteZone makes a VTIMEZONE that says what the tz database says of loc since 1970, under the name tzid. For answers that
// must carry a time zone which the stored object left out (RFC 7809 §3.1), and for free-busy and scheduling.
func WriteZone(tzid string, loc *time.Location) *contentline.Component {
	zone := &contentline.Component{Name: "VTIMEZONE", Lines: []contentline.Line{{Name: "TZID", Value: tzid}}}
	changes := changesOf(loc)
	for len(changes) > 0 {
		var group, rest []zoneChange
		for _, c := range changes {
			if f := changes[0]; c.from == f.from && c.to == f.to && c.daylight == f.daylight && c.name == f.name {
				group = append(group, c)
			} else {
				rest = append(rest, c)
			}
		}
		changes = rest
		zone.Children = append(zone.Children, observances(group)...)
	}
	return zone
}

// changesOf lists the changes of loc, beginning with what was in force at zoneBegin.
func changesOf(loc *time.Location) []zoneChange {
	zone := zoneAt(loc)
	offset, _, end := zone.segment(zoneBegin)
	changes := []zoneChange{changeAt(loc, zoneBegin, offset, offset)}
	for end < zoneEnd {
		at, from := end, offset
		offset, _, end = zone.segment(at)
		changes = append(changes, changeAt(loc, at, from, offset))
	}
	return changes
}

func changeAt(loc *time.Location, instant, from, to int64) zoneChange {
	t := time.Unix(instant, 0).In(loc)
	name, _ := t.Zone()
	c := zoneChange{civil: instant + from, from: from, to: to, daylight: t.IsDST(), name: name}
	days, _ := splitCivil(c.civil)
	c.year, c.month, c.day = dateOf(days)
	return c
}

// observances writes changes of one sort: those that follow a yearly rule up to the end as RRULE, the ones before as RDATE.
func observances(group []zoneChange) []*contentline.Component {
	begin, rule := tailRule(group)
	var out []*contentline.Component
	if before := group[:begin]; len(before) > 0 {
		c := observanceOf(before[0])
		for _, change := range before[1:] {
			c.Lines = append(c.Lines, contentline.Line{Name: "RDATE", Value: value{civil: change.civil}.String()})
		}
		out = append(out, c)
	}
	if begin < len(group) {
		c := observanceOf(group[begin])
		c.Lines = append(c.Lines, contentline.Line{Name: "RRULE", Value: rule})
		out = append(out, c)
	}
	return out
}

func observanceOf(c zoneChange) *contentline.Component {
	name := "STANDARD"
	if c.daylight {
		name = "DAYLIGHT"
	}
	lines := []contentline.Line{
		{Name: "DTSTART", Value: value{civil: c.civil}.String()},
		{Name: "TZOFFSETFROM", Value: offsetString(c.from)},
		{Name: "TZOFFSETTO", Value: offsetString(c.to)},
	}
	if c.name != "" {
		lines = append(lines, contentline.Line{Name: "TZNAME", Value: c.name})
	}
	return &contentline.Component{Name: name, Lines: lines}
}

// tailRule finds the longest run of changes at the end, one every year, that one rule describes; begin is len(group) when there is none.
func tailRule(group []zoneChange) (begin int, rule string) {
	last := group[len(group)-1]
	lastYear, _, _ := dateOf(zoneEnd/daySeconds - 1)
	if last.year != lastYear {
		return len(group), ""
	}
	low, high := last.day, last.day
	lowBack, highBack := fromEnd(last), fromEnd(last)
	begin = len(group)
	for i := len(group) - 1; i >= 0; i-- {
		c := group[i]
		if i < len(group)-1 && c.year != group[i+1].year-1 || c.month != last.month || c.civil%daySeconds != last.civil%daySeconds ||
			weekday(c.civil/daySeconds) != weekday(last.civil/daySeconds) {
			break
		}
		l, h, lb, hb := min(low, c.day), max(high, c.day), min(lowBack, fromEnd(c)), max(highBack, fromEnd(c))
		if h-l > 6 && hb-lb > 6 {
			break
		}
		low, high, lowBack, highBack, begin = l, h, lb, hb, i
	}
	if len(group)-begin < 29 { // too short to have seen every day
		return len(group), ""
	}
	day := [...]string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}[weekday(last.civil/daySeconds)]
	switch {
	case highBack-lowBack <= 6 && lowBack%7 == 1:
		return begin, fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYDAY=-%d%s", last.month, (lowBack+6)/7, day)
	case low%7 == 1:
		return begin, fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYDAY=%d%s", last.month, (low+6)/7, day)
	}
	list := ""
	for n := low; n <= high; n++ {
		list += fmt.Sprintf(",%d", n)
	}
	return begin, fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYMONTHDAY=%s;BYDAY=%s", last.month, list[1:], day)
}

// fromEnd counts the day from the end of its month, 1 for the last.
func fromEnd(c zoneChange) int64 { return monthLength(c.year, c.month) - c.day + 1 }

func offsetString(offset int64) string {
	sign := '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	if offset%60 != 0 {
		return fmt.Sprintf("%c%02d%02d%02d", sign, offset/3600, offset/60%60, offset%60)
	}
	return fmt.Sprintf("%c%02d%02d", sign, offset/3600, offset/60%60)
}
