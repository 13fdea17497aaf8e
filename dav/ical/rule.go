package ical

import (
	"fmt"
	"strconv"
	"strings"
)

type frequency uint8

const (
	secondly frequency = iota
	minutely
	hourly
	daily
	weekly
	monthly
	yearly
)

var frequencies = map[string]frequency{
	"SECONDLY": secondly, "MINUTELY": minutely, "HOURLY": hourly, "DAILY": daily, "WEEKLY": weekly, "MONTHLY": monthly, "YEARLY": yearly,
}

// weekdays are numbered from Monday, 0.
var weekdays = map[string]int64{"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}

// nthDay is a BYDAY with a number: the second Monday, the last Friday.
type nthDay struct{ n, weekday int64 }

// Rule is a recurrence rule (RFC 5545 §3.3.10). Sets of small numbers are bits: bit n stands for n, in the "back" sets for -n.
type Rule struct {
	freq     frequency
	interval int64
	count    int64 // 0: none
	until    value
	hasUntil bool

	seconds, minutes         uint64
	hours                    uint32
	weekdays                 uint8 // BYDAY without a number
	nth                      []nthDay
	monthDays, monthDaysBack uint32
	yearDays                 []int64
	weeks, weeksBack         uint64
	months                   uint16
	positions                []int64
	weekStart                int64
}

// Endless tells whether the rule has neither COUNT nor UNTIL.
func (r *Rule) Endless() bool { return r.count == 0 && !r.hasUntil }

// ParseRule reads the value of an RRULE. Whatever RFC 5545 §3.3.10 forbids is an error, and so are RSCALE and SKIP
// (RFC 7529), whose calendars this server does not know.
func ParseRule(s string) (*Rule, error) {
	if len(s) > maxRuleLength {
		return nil, fmt.Errorf("a rule of %d bytes, at most %d are read", len(s), maxRuleLength)
	}
	r := &Rule{interval: 1}
	var seen uint16
	for part := range strings.SplitSeq(strings.TrimSuffix(s, ";"), ";") {
		name, val, ok := strings.Cut(part, "=")
		if !ok {
			return nil, fmt.Errorf("%.40q is not of the form NAME=VALUE", part)
		}
		name = strings.ToUpper(name)
		known, ok := ruleParts[name]
		if !ok {
			return nil, fmt.Errorf("the part %.40q is unknown", name)
		}
		if seen&known.bit != 0 {
			return nil, fmt.Errorf("%.40s appears twice", name)
		}
		seen |= known.bit
		if err := known.parse(r, strings.ToUpper(val)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if seen&freqBit == 0 {
		return nil, fmt.Errorf("FREQ is missing")
	}
	if r.count > 0 && r.hasUntil {
		return nil, fmt.Errorf("COUNT and UNTIL exclude each other")
	}
	return r, r.validate()
}

const freqBit = 1

// rulePart reads one part; its bit tells whether it was seen before.
type rulePart struct {
	bit   uint16
	parse func(*Rule, string) error
}

var ruleParts = map[string]rulePart{
	"FREQ":       {freqBit, parseFrequency},
	"INTERVAL":   {1 << 1, func(r *Rule, s string) (err error) { r.interval, err = number(s, 1, maxInterval); return err }},
	"COUNT":      {1 << 2, func(r *Rule, s string) (err error) { r.count, err = number(s, 1, maxCount); return err }},
	"UNTIL":      {1 << 3, func(r *Rule, s string) (err error) { r.until, err = parseValue(s); r.hasUntil = true; return err }},
	"WKST":       {1 << 4, func(r *Rule, s string) (err error) { r.weekStart, err = parseWeekday(s); return err }},
	"BYSECOND":   {1 << 5, func(r *Rule, s string) error { return eachNumber(s, 0, 60, r.addSecond) }},
	"BYMINUTE":   {1 << 6, func(r *Rule, s string) error { return eachNumber(s, 0, 59, func(n int64) { r.minutes |= 1 << n }) }},
	"BYHOUR":     {1 << 7, func(r *Rule, s string) error { return eachNumber(s, 0, 23, func(n int64) { r.hours |= 1 << n }) }},
	"BYMONTH":    {1 << 8, func(r *Rule, s string) error { return eachNumber(s, 1, 12, func(n int64) { r.months |= 1 << n }) }},
	"BYMONTHDAY": {1 << 9, func(r *Rule, s string) error { return eachSigned(s, 31, r.addMonthDay) }},
	"BYYEARDAY": {1 << 10, func(r *Rule, s string) error {
		return eachSigned(s, 366, func(n int64) { r.yearDays = append(r.yearDays, n) })
	}},
	"BYWEEKNO": {1 << 11, func(r *Rule, s string) error { return eachSigned(s, 53, r.addWeek) }},
	"BYSETPOS": {1 << 12, func(r *Rule, s string) error {
		return eachSigned(s, 366, func(n int64) { r.positions = append(r.positions, n) })
	}},
	"BYDAY":  {1 << 13, parseByDay},
	"RSCALE": {1 << 14, func(*Rule, string) error { return fmt.Errorf("calendars other than the Gregorian are not supported") }},
	"SKIP":   {1 << 15, func(*Rule, string) error { return fmt.Errorf("not supported, as RSCALE is not") }},
}

func parseFrequency(r *Rule, s string) error {
	freq, ok := frequencies[s]
	if !ok {
		return fmt.Errorf("%.20q is no frequency", s)
	}
	r.freq = freq
	return nil
}

func parseWeekday(s string) (int64, error) {
	day, ok := weekdays[s]
	if !ok {
		return 0, fmt.Errorf("%.20q is no weekday", s)
	}
	return day, nil
}

// addSecond reads 60 as 59: there are no leap seconds here, and RFC 5545 §3.3.12 wants them so.
func (r *Rule) addSecond(n int64) { r.seconds |= 1 << min(n, 59) }

func (r *Rule) addMonthDay(n int64) {
	if n > 0 {
		r.monthDays |= 1 << n
	} else {
		r.monthDaysBack |= 1 << -n
	}
}

func (r *Rule) addWeek(n int64) {
	if n > 0 {
		r.weeks |= 1 << n
	} else {
		r.weeksBack |= 1 << -n
	}
}

func parseByDay(r *Rule, s string) error {
	for item := range strings.SplitSeq(s, ",") {
		if len(item) < 2 {
			return fmt.Errorf("%q is no weekday", item)
		}
		day, err := parseWeekday(item[len(item)-2:])
		if err != nil {
			return err
		}
		digits := item[:len(item)-2]
		if digits == "" {
			r.weekdays |= 1 << day
			continue
		}
		n, err := signed(digits, 53)
		if err != nil {
			return err
		}
		r.nth = append(r.nth, nthDay{n, day})
	}
	return nil
}

// validate refuses the combinations that RFC 5545 §3.3.10 forbids with MUST NOT.
func (r *Rule) validate() error {
	switch {
	case len(r.nth) > 0 && r.freq != monthly && r.freq != yearly:
		return fmt.Errorf("BYDAY with a number needs FREQ=MONTHLY or YEARLY")
	case len(r.nth) > 0 && r.byWeek():
		return fmt.Errorf("BYDAY with a number and BYWEEKNO exclude each other")
	case r.byMonthDay() && r.freq == weekly:
		return fmt.Errorf("BYMONTHDAY and FREQ=WEEKLY exclude each other")
	case len(r.yearDays) > 0 && (r.freq == daily || r.freq == weekly || r.freq == monthly):
		return fmt.Errorf("BYYEARDAY excludes FREQ=DAILY, WEEKLY and MONTHLY")
	case r.byWeek() && r.freq != yearly:
		return fmt.Errorf("BYWEEKNO needs FREQ=YEARLY")
	case len(r.positions) > 0 && !r.hasOtherBy():
		return fmt.Errorf("BYSETPOS needs another BY part")
	}
	return nil
}

func (r *Rule) byMonthDay() bool { return r.monthDays|r.monthDaysBack != 0 }
func (r *Rule) byWeek() bool     { return r.weeks|r.weeksBack != 0 }
func (r *Rule) byDay() bool      { return r.weekdays != 0 || len(r.nth) > 0 }

func (r *Rule) hasOtherBy() bool {
	return r.seconds != 0 || r.minutes != 0 || r.hours != 0 || r.months != 0 || len(r.yearDays) > 0 || r.byDay() || r.byMonthDay() || r.byWeek()
}

// number reads an unsigned number; RFC 5545 allows leading zeros.
func number(s string, low, high int64) (int64, error) {
	if s == "" || len(s) > 10 || s[0] == '+' || s[0] == '-' {
		return 0, fmt.Errorf("%.20q is no number from %d to %d", s, low, high)
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%.20q is no number from %d to %d", s, low, high)
	}
	return n, nil
}

// signed reads a number from -high to high that is not 0.
func signed(s string, high int64) (int64, error) {
	sign, digits := int64(1), s
	switch {
	case strings.HasPrefix(s, "-"):
		sign, digits = -1, s[1:]
	case strings.HasPrefix(s, "+"):
		digits = s[1:]
	}
	n, err := number(digits, 1, high)
	if err != nil {
		return 0, fmt.Errorf("%.20q is no number from 1 to %d or -%d to -1", s, high, high)
	}
	return sign * n, nil
}

func eachNumber(s string, low, high int64, add func(int64)) error {
	for item := range strings.SplitSeq(s, ",") {
		n, err := number(item, low, high)
		if err != nil {
			return err
		}
		add(n)
	}
	return nil
}

func eachSigned(s string, high int64, add func(int64)) error {
	for item := range strings.SplitSeq(s, ",") {
		n, err := signed(item, high)
		if err != nil {
			return err
		}
		add(n)
	}
	return nil
}
