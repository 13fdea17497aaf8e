package ical

import (
	"math/bits"
	"slices"
	"sort"
)

// civilStart is DTSTART taken apart: what a rule does not say comes from it.
type civilStart struct {
	civil, days                            int64
	year, month, day, hour, minute, second int64
}

func startAt(civil int64) civilStart {
	s := civilStart{civil: civil}
	days, second := splitCivil(civil)
	s.days = days
	s.year, s.month, s.day = dateOf(days)
	s.hour, s.minute, s.second = second/3600, second/60%60, second%60
	return s
}

// walk is one pass over the periods of a rule: years, months … seconds, whatever FREQ counts. A period is a set of days, hours, minutes and
// seconds whose product is never written out: the n-th member is computed, so that skipping to a time is a binary search.
type walk struct {
	rule   *Rule
	start  civilStart
	budget *Budget

	days                    []int64
	hours, minutes, seconds []int64
	positions               []int // members that BYSETPOS picks; nil without it
	hoursBuf                [24]int64
	minutesBuf, secondsBuf  [60]int64
	daysBuf                 [64]int64
}

// each yields the civil times of the rule after start, in order: those from from (inclusive) to to (exclusive), none after until. start itself is
// always the first instance (RFC 5545 §3.8.5.3) and is left to the caller, but COUNT counts it. Without COUNT, and with it where every
// period has equally many members, each begins near from without walking there.
func (r *Rule) each(start, from, to, until int64, budget *Budget, yield func(civil int64) bool) error {
	w := walk{rule: r, start: startAt(start), budget: budget}
	w.prepare()
	last := min(to-1, until, maxCivil)
	remaining := int64(maxCount) * 1000
	if r.count > 0 {
		remaining = r.count - 1
	}
	base := w.unitOf(start)
	unit := base
	if ahead := (w.unitOf(max(from, start)) - base) / r.interval; ahead > 1 {
		unit, remaining = w.jump(base, ahead, remaining)
	}
	for remaining > 0 && w.beginOf(unit) <= last {
		if !budget.step(1) {
			return ErrTooMany
		}
		next := w.fill(unit)
		n := w.len()
		low, high := w.search(n, start+1), n
		if int64(n-low) > remaining {
			high = low + int(remaining)
		}
		remaining -= int64(high - low)
		for i := max(low, w.search(n, from)); i < high; i++ {
			civil := w.at(i)
			if civil > last {
				return nil
			}
			if !budget.step(1) {
				return ErrTooMany
			}
			if !yield(civil) {
				return nil
			}
		}
		unit = w.after(base, unit, next)
	}
	return nil
}

// prepare fills what is the same in every period.
func (w *walk) prepare() {
	r, s := w.rule, w.start
	w.days = w.daysBuf[:0]
	expand := func(buf []int64, set uint64, fallback int64) []int64 {
		if set == 0 {
			return append(buf, fallback)
		}
		for n := range eachBit(set) {
			buf = append(buf, n)
		}
		return buf
	}
	if r.freq > hourly {
		w.hours = expand(w.hoursBuf[:0], uint64(r.hours), s.hour)
	}
	if r.freq > minutely {
		w.minutes = expand(w.minutesBuf[:0], r.minutes, s.minute)
	}
	if r.freq > secondly {
		w.seconds = expand(w.secondsBuf[:0], r.seconds, s.second)
	}
}

// unitOf returns the number of the period around a civil time, as FREQ counts.
func (w *walk) unitOf(civil int64) int64 {
	days, _ := splitCivil(civil)
	switch w.rule.freq {
	case yearly:
		year, _, _ := dateOf(days)
		return year
	case monthly:
		year, month, _ := dateOf(days)
		return year*12 + month - 1
	case weekly:
		return floorDiv(days+3-w.rule.weekStart, 7)
	}
	return floorDiv(civil, w.unitSeconds())
}

func (w *walk) unitSeconds() int64 {
	switch w.rule.freq {
	case daily:
		return daySeconds
	case hourly:
		return 3600
	case minutely:
		return 60
	}
	return 1
}

// beginOf returns the first second of a period.
func (w *walk) beginOf(unit int64) int64 {
	switch w.rule.freq {
	case yearly:
		return daysOf(unit, 1, 1) * daySeconds
	case monthly:
		return daysOf(floorDiv(unit, 12), floorMod(unit, 12)+1, 1) * daySeconds
	case weekly:
		return (unit*7 - 3 + w.rule.weekStart) * daySeconds
	}
	return unit * w.unitSeconds()
}

// jump returns the last period at or before base+ahead intervals where the walk may begin, and what is left of COUNT there.
func (w *walk) jump(base, ahead, remaining int64) (unit, left int64) {
	r := w.rule
	ahead-- // one before, so that a week that reaches over the border is seen
	if r.count == 0 {
		return base + ahead*r.interval, remaining
	}
	if !w.regular() {
		return base, remaining
	}
	w.fill(base)
	n := w.len()
	remaining -= int64(n - w.search(n, w.start.civil+1))
	w.fill(base + r.interval)
	remaining -= (ahead - 1) * int64(w.len())
	if remaining < 0 {
		remaining = 0
	}
	return base + ahead*r.interval, remaining
}

// regular tells whether every period has as many members as any other.
func (w *walk) regular() bool {
	r := w.rule
	if r.months != 0 || len(r.yearDays) > 0 {
		return false
	}
	switch r.freq {
	case weekly:
		return true
	case monthly:
		const until28 = 1<<29 - 1
		return !r.byDay() && (r.byMonthDay() && r.monthDaysBack|r.monthDays <= until28 && (r.monthDays == 0 || r.monthDaysBack == 0) || !r.byMonthDay() && w.start.day <= 28)
	case daily:
		return !r.byMonthDay() && !r.byDay()
	case hourly:
		return !r.byMonthDay() && !r.byDay() && r.hours == 0
	case minutely:
		return !r.byMonthDay() && !r.byDay() && r.hours == 0 && r.minutes == 0
	case secondly:
		return !r.byMonthDay() && !r.byDay() && r.hours == 0 && r.minutes == 0 && r.seconds == 0
	}
	return false
}

// fill computes the members of a period. When there are none, next is the first civil time worth looking at, or 0.
func (w *walk) fill(unit int64) (next int64) {
	r := w.rule
	w.days = w.days[:0]
	switch r.freq {
	case yearly:
		w.days = r.daysOfYear(unit, w.start, w.days)
		w.budget.step(4 + len(w.days)/4)
	case monthly:
		w.days = r.daysOfMonth(floorDiv(unit, 12), floorMod(unit, 12)+1, w.start, w.days)
	case weekly:
		w.days = r.daysOfWeek(unit*7-3+r.weekStart, w.start, w.days)
	default:
		next = w.fillShort(w.beginOf(unit))
	}
	w.pick()
	return next
}

// fillShort is fill for FREQ=DAILY and shorter, where a period lies within one day.
func (w *walk) fillShort(begin int64) (next int64) {
	r := w.rule
	day, second := splitCivil(begin)
	if !r.monthOK(day) {
		year, month, _ := dateOf(day)
		return daysOf(year, month+1, 1) * daySeconds
	}
	if !r.dayOK(day) {
		return (day + 1) * daySeconds
	}
	hour, minute := second/3600, second/60%60
	if r.freq <= hourly {
		if r.hours != 0 && r.hours&(1<<hour) == 0 {
			return day*daySeconds + nextBit(uint64(r.hours), hour, 24)*3600
		}
		w.hours = append(w.hoursBuf[:0], hour)
	}
	if r.freq <= minutely {
		if r.minutes != 0 && r.minutes&(1<<minute) == 0 {
			return day*daySeconds + hour*3600 + nextBit(r.minutes, minute, 60)*60
		}
		w.minutes = append(w.minutesBuf[:0], minute)
	}
	if r.freq == secondly {
		if r.seconds != 0 && r.seconds&(1<<(second%60)) == 0 {
			return begin - second%60 + nextBit(r.seconds, second%60, 60)
		}
		w.seconds = append(w.secondsBuf[:0], second%60)
	}
	w.days = append(w.days, day)
	return 0
}

// nextBit returns the lowest number of set above n, or limit.
func nextBit(set uint64, n, limit int64) int64 {
	set &^= 1<<(n+1) - 1
	if set == 0 {
		return limit
	}
	return int64(bits.TrailingZeros64(set))
}

// pick applies BYSETPOS.
func (w *walk) pick() {
	w.positions = w.positions[:0]
	if len(w.rule.positions) == 0 {
		return
	}
	n := int64(w.product())
	for _, p := range w.rule.positions {
		if at, ok := fromEnds(p, n); ok {
			w.positions = append(w.positions, int(at))
		}
	}
	slices.Sort(w.positions)
	w.positions = slices.Compact(w.positions)
}

func (w *walk) product() int { return len(w.days) * len(w.hours) * len(w.minutes) * len(w.seconds) }

// len returns how many members the period has.
func (w *walk) len() int {
	if len(w.rule.positions) > 0 {
		return len(w.positions)
	}
	return w.product()
}

// at returns the i-th member.
func (w *walk) at(i int) int64 {
	if len(w.rule.positions) > 0 {
		i = w.positions[i]
	}
	i, second := i/len(w.seconds), w.seconds[i%len(w.seconds)]
	i, minute := i/len(w.minutes), w.minutes[i%len(w.minutes)]
	day, hour := w.days[i/len(w.hours)], w.hours[i%len(w.hours)]
	return day*daySeconds + hour*3600 + minute*60 + second
}

// search returns the first of n members that is not before civil.
func (w *walk) search(n int, civil int64) int {
	if n == 0 || w.at(0) >= civil {
		return 0
	}
	return sort.Search(n, func(i int) bool { return w.at(i) >= civil })
}

// after returns the period after unit, or if unit had no members the first at or after next.
func (w *walk) after(base, unit, next int64) int64 {
	interval := w.rule.interval
	unit += interval
	if next == 0 {
		return unit
	}
	if wanted := w.unitOf(next); wanted > unit {
		return base + (wanted-base+interval-1)/interval*interval
	}
	return unit
}
