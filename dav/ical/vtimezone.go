package ical

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"schulhof/dav/contentline"
)

// vtimezone is a VTIMEZONE of an object (RFC 5545 §3.6.5). Onsets that end are listed, those that go on for ever are found when asked for.
type vtimezone struct {
	onsets  []onset // sorted
	endless []observance
	initial int64   // the offset before all of them
	budget  *Budget // what looking for onsets is counted in; when it is used up, what is found no longer matters
}

// onset is a change of the clock at an instant, to an offset.
type onset struct{ at, offset int64 }

// observance is a rule of STANDARD or DAYLIGHT without an end; its civil times are read with the offset from before the change.
type observance struct {
	rule            *Rule
	start, from, to int64
}

// maxChanges bounds how often a rule changes the clock in four years.
const maxChanges = 64

// compileZone reads a VTIMEZONE. Its work, now and later, is counted in budget.
func compileZone(c *contentline.Component, budget *Budget) (*vtimezone, error) {
	z := &vtimezone{budget: budget}
	first := int64(math.MaxInt64)
	parts := 0
	for _, child := range c.Children {
		if !child.Is("STANDARD") && !child.Is("DAYLIGHT") {
			continue
		}
		if parts++; parts > maxObservance {
			return nil, fmt.Errorf("more than %d STANDARD and DAYLIGHT", maxObservance)
		}
		start, from, err := z.observe(child)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", child.Name, err)
		}
		if start < first {
			first, z.initial = start, from
		}
	}
	if parts == 0 {
		return nil, fmt.Errorf("neither STANDARD nor DAYLIGHT")
	}
	slices.SortFunc(z.onsets, func(a, b onset) int {
		if a.at != b.at {
			return compare(a.at, b.at)
		}
		return compare(a.offset, b.offset)
	})
	return z, nil
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// observe adds one STANDARD or DAYLIGHT and returns its first onset and the offset before.
func (z *vtimezone) observe(c *contentline.Component) (first, from int64, err error) {
	var start value
	var to int64
	seen := 0
	for i := range c.Lines {
		line := &c.Lines[i]
		switch name := upper(line.Name); name {
		case "DTSTART":
			start, err = parseValue(line.Value)
			if err == nil && start.kind != localTime {
				err = fmt.Errorf("%.40q is no local time", line.Value)
			}
			seen |= 1
		case "TZOFFSETFROM":
			from, err = parseOffset(line.Value)
			seen |= 2
		case "TZOFFSETTO":
			to, err = parseOffset(line.Value)
			seen |= 4
		}
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", upper(line.Name), err)
		}
	}
	if seen != 7 {
		return 0, 0, fmt.Errorf("DTSTART, TZOFFSETFROM or TZOFFSETTO is missing")
	}
	if err := z.add(onset{start.civil - from, to}); err != nil {
		return 0, 0, err
	}
	for i := range c.Lines {
		line := &c.Lines[i]
		switch name := upper(line.Name); name {
		case "RDATE":
			err = z.addDates(line.Value, from, to)
		case "RRULE":
			err = z.addRule(line.Value, observance{nil, start.civil, from, to})
		}
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", upper(line.Name), err)
		}
	}
	return start.civil - from, from, nil
}

func (z *vtimezone) add(o onset) error {
	if len(z.onsets) >= maxOnsets {
		return fmt.Errorf("more than %d changes of the clock", maxOnsets)
	}
	z.onsets = append(z.onsets, o)
	return nil
}

func (z *vtimezone) addDates(list string, from, to int64) error {
	for item := range splitList(list) {
		v, err := parseValue(item)
		if err != nil {
			return err
		}
		at := v.civil - from
		if v.kind == utcTime {
			at = v.civil
		}
		if err := z.add(onset{at, to}); err != nil {
			return err
		}
	}
	return nil
}

func (z *vtimezone) addRule(s string, o observance) error {
	rule, err := ParseRule(s)
	if err != nil {
		return err
	}
	if rule.freq < monthly {
		return fmt.Errorf("a clock is changed by FREQ=YEARLY or MONTHLY")
	}
	o.rule = rule
	changes := 0
	err = rule.each(o.start, o.start, o.start+4*366*daySeconds, maxCivil, z.budget, func(int64) bool { changes++; return changes <= maxChanges })
	if err != nil {
		return err
	}
	if changes > maxChanges {
		return fmt.Errorf("more than %d changes of the clock in four years", maxChanges)
	}
	if rule.Endless() {
		z.endless = append(z.endless, o)
		return nil
	}
	until := int64(maxCivil)
	if rule.hasUntil {
		until = rule.until.civil
		if rule.until.kind == utcTime {
			until += o.from
		}
	}
	var full error
	err = rule.each(o.start, o.start, maxCivil, until, z.budget, func(civil int64) bool {
		full = z.add(onset{civil - o.from, o.to})
		return full == nil
	})
	if err != nil {
		return err
	}
	return full
}

// segment implements zone.
func (z *vtimezone) segment(instant int64) (offset, begin, end int64) {
	offset, begin, end = z.initial, math.MinInt64, math.MaxInt64
	i := sort.Search(len(z.onsets), func(i int) bool { return z.onsets[i].at > instant })
	if i > 0 {
		offset, begin = z.onsets[i-1].offset, z.onsets[i-1].at
	}
	if i < len(z.onsets) {
		end = z.onsets[i].at
	}
	for _, o := range z.endless {
		last, next, ok := o.around(instant, z.budget)
		if ok && last > begin {
			offset, begin = o.to, last
		}
		end = min(end, next)
	}
	return offset, begin, end
}

// around returns the onset at or before an instant, if there is one besides the rule's start, and the one after.
func (o observance) around(instant int64, budget *Budget) (last, next int64, ok bool) {
	next = math.MaxInt64
	if instant < minCivil || instant > maxCivil {
		return 0, next, false
	}
	for span := int64(400 * daySeconds); ; span *= 8 {
		from := instant + o.from - span
		err := o.rule.each(o.start, from, instant+o.from+span, maxCivil, budget, func(civil int64) bool {
			at := civil - o.from
			if at <= instant {
				last, ok = at, true
				return true
			}
			next = at
			return false
		})
		if err != nil || (ok || from <= o.start) && next != math.MaxInt64 || span > 3000*366*daySeconds {
			return last, next, ok
		}
	}
}
