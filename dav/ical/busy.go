package ical

import (
	"math"
	"slices"
	"strings"
	"time"

	"schulhof/dav/contentline"
)

// Busy is what FBTYPE says of a period. The higher takes precedence where periods overlap. RFC 5545 §3.2.9.
type Busy uint8

// The types. What FBTYPE does not know counts as BusyTime, as the RFC wants.
const (
	Free Busy = iota
	BusyTentative
	BusyUnavailable
	BusyTime
)

func (b Busy) String() string {
	return [...]string{"FREE", "BUSY-TENTATIVE", "BUSY-UNAVAILABLE", "BUSY"}[b]
}

func busyOf(fbtype string) Busy {
	switch upper(fbtype) {
	case "FREE":
		return Free
	case "BUSY-TENTATIVE":
		return BusyTentative
	case "BUSY-UNAVAILABLE":
		return BusyUnavailable
	}
	return BusyTime
}

// Period is a time someone is not free, from Start (inclusive) to End (exclusive) in Unix seconds.
type Period struct {
	Start, End int64
	Type       Busy
}

// Busy returns when the object makes its owner busy within a range: its events unless they are transparent or cancelled, and the
// periods of its VFREEBUSY. They are cut to the range, in no order. RFC 4791 §7.10.
func (c *Calendar) Busy(r TimeRange, floating *time.Location, budget *Budget) ([]Period, error) {
	if err := c.begin(floating, budget); err != nil {
		return nil, err
	}
	var out []Period
	add := func(p Period) bool {
		p.Start, p.End = max(p.Start, r.Start), min(p.End, r.End)
		if p.Start < p.End && p.Type != Free {
			if !budget.instance() {
				return false
			}
			out = append(out, p)
		}
		return true
	}
	for _, s := range c.allSeries() {
		if s.name() != "VEVENT" && s.name() != "VFREEBUSY" {
			continue
		}
		fits := true
		err := s.each(r.Start, r.End, budget, func(in instance) bool {
			if in.entry.name == "VFREEBUSY" {
				in.entry.eachBusy(func(p Period) bool { fits = add(p); return fits })
			} else if kind := in.entry.busy(); kind != Free {
				fits = add(Period{in.start, in.end, kind})
			}
			return fits
		})
		if err != nil {
			return nil, err
		}
		if !fits {
			return nil, ErrTooMany
		}
	}
	return out, nil
}

// busy tells what an event makes of its time. RFC 4791 §7.10, the table of TRANSP and STATUS.
func (e *entry) busy() Busy {
	if line := e.comp.Get("TRANSP"); line != nil && contentline.EqualFold(line.Value, "TRANSPARENT") {
		return Free
	}
	line := e.comp.Get("STATUS")
	switch {
	case line == nil:
		return BusyTime
	case contentline.EqualFold(line.Value, "CANCELLED"):
		return Free
	case contentline.EqualFold(line.Value, "TENTATIVE"):
		return BusyTentative
	}
	return BusyTime
}

// eachBusy yields the periods of a VFREEBUSY; what is no period is passed over.
func (e *entry) eachBusy(yield func(Period) bool) {
	for line := range e.comp.All("FREEBUSY") {
		kind, _ := line.Param("FBTYPE")
		for item := range splitList(line.Value) {
			start, end, ok := busyPeriod(item)
			if ok && !yield(Period{start, end, busyOf(kind)}) {
				return
			}
		}
	}
}

// busyPeriod reads a period of UTC times. RFC 5545 §3.8.2.6.
func busyPeriod(s string) (start, end int64, ok bool) {
	from, to, ok := strings.Cut(strings.TrimSpace(s), "/")
	at, err := parseValue(from)
	if !ok || err != nil || at.kind != utcTime {
		return 0, 0, false
	}
	if until, err := parseValue(to); err == nil {
		return at.civil, until.civil, until.kind == utcTime && until.civil > at.civil
	}
	d, err := parseDuration(to)
	return at.civil, at.civil + d.total(), err == nil && d.total() > 0
}

// Merge sorts periods and joins those that touch, so that no two overlap; where types differ the higher wins.
func Merge(periods []Period) []Period {
	var out []Period
	for kind := BusyTime; kind > Free; kind-- {
		var same []Period
		for _, p := range periods {
			if p.Type == kind && p.Start < p.End {
				same = append(same, p)
			}
		}
		out = mergeInto(out, join(same))
	}
	return out
}

// join sorts periods of one type and joins those that touch.
func join(periods []Period) []Period {
	slices.SortFunc(periods, func(a, b Period) int { return compare(a.Start, b.Start) })
	out := periods[:0]
	for _, p := range periods {
		if n := len(out); n > 0 && p.Start <= out[n-1].End {
			out[n-1].End = max(out[n-1].End, p.End)
			continue
		}
		out = append(out, p)
	}
	return out
}

// mergeInto adds to taken, which is sorted and free of overlaps, what of more it leaves.
func mergeInto(taken, more []Period) []Period {
	out := slices.Clone(taken)
	i := 0
	for _, p := range more {
		for i < len(taken) && taken[i].End <= p.Start {
			i++
		}
		for j := i; j < len(taken) && taken[j].Start < p.End; j++ {
			if taken[j].Start > p.Start {
				out = append(out, Period{p.Start, taken[j].Start, p.Type})
			}
			p.Start = taken[j].End
		}
		if p.Start < p.End {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Period) int { return compare(a.Start, b.Start) })
	return out
}

// FreeBusy is the answer of a free-busy-query: a VFREEBUSY with merged periods, in lines of at most 64 periods. RFC 4791 §7.10.
func FreeBusy(periods []Period, r TimeRange, now time.Time, extra ...contentline.Line) []byte {
	busy := &contentline.Component{Name: "VFREEBUSY", Lines: []contentline.Line{{Name: "DTSTAMP", Value: instantString(now.Unix())}}}
	if r.Start != math.MinInt64 {
		busy.Lines = append(busy.Lines, contentline.Line{Name: "DTSTART", Value: instantString(r.Start)})
	}
	if r.End != math.MaxInt64 {
		busy.Lines = append(busy.Lines, contentline.Line{Name: "DTEND", Value: instantString(r.End)})
	}
	busy.Lines = append(busy.Lines, extra...)
	merged := Merge(periods)
	for len(merged) > 0 {
		n := 1
		for n < min(len(merged), 64) && merged[n].Type == merged[0].Type {
			n++
		}
		line := contentline.Line{Name: "FREEBUSY", Value: periodsString(merged[:n])}
		if kind := merged[0].Type; kind != BusyTime {
			line.Params = []contentline.Param{{Name: "FBTYPE", Values: []string{kind.String()}}}
		}
		busy.Lines = append(busy.Lines, line)
		merged = merged[n:]
	}
	return newCalendar(busy).AppendTo(nil)
}

// newCalendar is a VCALENDAR made here.
func newCalendar(children ...*contentline.Component) *contentline.Component {
	return &contentline.Component{
		Name:     "VCALENDAR",
		Lines:    []contentline.Line{{Name: "VERSION", Value: "2.0"}, {Name: "PRODID", Value: "-//Schulhof//DAV//EN"}},
		Children: children,
	}
}

func periodsString(periods []Period) string {
	var b []byte
	for i, p := range periods {
		if i > 0 {
			b = append(b, ',')
		}
		b = value{p.Start, utcTime}.appendTo(b)
		b = append(b, '/')
		b = value{p.End, utcTime}.appendTo(b)
	}
	return string(b)
}

// instantString writes an instant as a UTC time, within the years that iCalendar can write.
func instantString(instant int64) string {
	return value{min(max(instant, minCivil), maxCivil), utcTime}.String()
}
