package ical

import (
	"math/bits"
	"slices"
)

// daysOfYear appends the days of a year that a YEARLY rule names, in order. RFC 5545 §3.3.10, the table of BY parts and its note 2.
func (r *Rule) daysOfYear(year int64, start civilStart, days []int64) []int64 {
	first := daysOf(year, 1, 1)
	switch {
	case len(r.yearDays) > 0:
		for _, n := range r.yearDays {
			if day, ok := fromEnds(n, yearLength(year)); ok {
				days = append(days, first+day)
			}
		}
		days = r.keep(days, func(day int64) bool {
			return r.monthOK(day) && r.monthDayOK(day) && r.weekOK(year, day) && r.byDayOK(year, day)
		})
	case r.byMonthDay():
		days = r.monthDaysOfYear(year, days)
		days = r.keep(days, func(day int64) bool { return r.weekOK(year, day) && r.byDayOK(year, day) })
	case r.byWeek():
		days = r.weekDaysOfYear(year, start, days)
		days = r.keep(days, r.monthOK)
	case r.byDay() && r.months != 0:
		for month := range eachBit(uint64(r.months)) {
			days = r.weekdaysBetween(daysOf(year, month, 1), monthLength(year, month), days)
		}
	case r.byDay():
		days = r.weekdaysBetween(first, yearLength(year), days)
	default:
		months := uint64(r.months)
		if months == 0 {
			months = 1 << start.month
		}
		for month := range eachBit(months) {
			if start.day <= monthLength(year, month) {
				days = append(days, daysOf(year, month, start.day))
			}
		}
		return days
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// daysOfMonth appends the days of a month that a MONTHLY rule names, in order.
func (r *Rule) daysOfMonth(year, month int64, start civilStart, days []int64) []int64 {
	if r.months != 0 && r.months&(1<<month) == 0 {
		return days
	}
	first, length := daysOf(year, month, 1), monthLength(year, month)
	switch {
	case r.byMonthDay():
		days = r.daysInMonth(first, length, days)
		days = r.keep(days, func(day int64) bool { return r.byDayOK(year, day) })
	case r.byDay():
		days = r.weekdaysBetween(first, length, days)
	case start.day <= length:
		return append(days, first+start.day-1)
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// daysOfWeek appends the days of the week that begins at first, in order.
func (r *Rule) daysOfWeek(first int64, start civilStart, days []int64) []int64 {
	wanted := r.weekdays
	if wanted == 0 {
		wanted = 1 << weekday(start.days)
	}
	for day := first; day < first+7; day++ {
		if wanted&(1<<weekday(day)) != 0 && r.monthOK(day) {
			days = append(days, day)
		}
	}
	return days
}

// dayOK tells whether a rule of FREQ=DAILY or shorter allows a day.
func (r *Rule) dayOK(day int64) bool {
	if !r.monthOK(day) || !r.monthDayOK(day) {
		return false
	}
	if r.weekdays != 0 && r.weekdays&(1<<weekday(day)) == 0 {
		return false
	}
	return len(r.yearDays) == 0 || r.yearDayOK(day)
}

func (r *Rule) monthOK(day int64) bool {
	if r.months == 0 {
		return true
	}
	_, month, _ := dateOf(day)
	return r.months&(1<<month) != 0
}

func (r *Rule) monthDayOK(day int64) bool {
	if !r.byMonthDay() {
		return true
	}
	year, month, n := dateOf(day)
	return r.monthDays&(1<<n) != 0 || r.monthDaysBack&(1<<(monthLength(year, month)-n+1)) != 0
}

func (r *Rule) yearDayOK(day int64) bool {
	year, _, _ := dateOf(day)
	n := day - daysOf(year, 1, 1) + 1
	return slices.Contains(r.yearDays, n) || slices.Contains(r.yearDays, n-yearLength(year)-1)
}

// weekOK tells whether day lies in a week that BYWEEKNO names.
func (r *Rule) weekOK(year, day int64) bool {
	if !r.byWeek() {
		return true
	}
	for y := year - 1; y <= year+1; y++ {
		first, weeks := r.weeksOfYear(y)
		n := floorDiv(day-first, 7) + 1
		if n >= 1 && n <= weeks && (r.weeks&(1<<n) != 0 || r.weeksBack&(1<<(weeks-n+1)) != 0) {
			return true
		}
	}
	return false
}

// byDayOK tells whether BYDAY allows a day where it limits days that other parts name. Its numbers
// count within the month if the rule goes by months, else within the year.
func (r *Rule) byDayOK(year, day int64) bool {
	if !r.byDay() {
		return true
	}
	w := weekday(day)
	if r.weekdays&(1<<w) != 0 {
		return true
	}
	first, length := daysOf(year, 1, 1), yearLength(year)
	if r.freq == monthly || r.months != 0 {
		_, month, _ := dateOf(day)
		first, length = daysOf(year, month, 1), monthLength(year, month)
	}
	for _, nth := range r.nth {
		if at, ok := nth.in(first, length); ok && at == day {
			return true
		}
	}
	return false
}

// in finds the nth weekday among length days from first on.
func (n nthDay) in(first, length int64) (day int64, ok bool) {
	if n.n > 0 {
		day = first + floorMod(n.weekday-weekday(first), 7) + 7*(n.n-1)
	} else {
		last := first + length - 1
		day = last - floorMod(weekday(last)-n.weekday, 7) + 7*(n.n+1)
	}
	return day, day >= first && day < first+length
}

// weekdaysBetween appends what BYDAY names among length days from first on.
func (r *Rule) weekdaysBetween(first, length int64, days []int64) []int64 {
	for w := range eachBit(uint64(r.weekdays)) {
		for day := first + floorMod(w-weekday(first), 7); day < first+length; day += 7 {
			days = append(days, day)
		}
	}
	for _, nth := range r.nth {
		if day, ok := nth.in(first, length); ok {
			days = append(days, day)
		}
	}
	return days
}

// daysInMonth appends what BYMONTHDAY names in the month that begins at first.
func (r *Rule) daysInMonth(first, length int64, days []int64) []int64 {
	for n := int64(1); n <= length; n++ {
		if r.monthDays&(1<<n) != 0 || r.monthDaysBack&(1<<(length-n+1)) != 0 {
			days = append(days, first+n-1)
		}
	}
	return days
}

func (r *Rule) monthDaysOfYear(year int64, days []int64) []int64 {
	months := uint64(r.months)
	if months == 0 {
		months = 0x1ffe
	}
	for month := range eachBit(months) {
		days = r.daysInMonth(daysOf(year, month, 1), monthLength(year, month), days)
	}
	return days
}

// weeksOfYear returns the first day of week 1, which has at least four days in the year, and how many weeks the year has.
func (r *Rule) weeksOfYear(year int64) (first, weeks int64) {
	first = r.weekOf(daysOf(year, 1, 4))
	return first, (r.weekOf(daysOf(year+1, 1, 4)) - first) / 7
}

// weekOf returns the first day of the week around day, as WKST has it.
func (r *Rule) weekOf(day int64) int64 { return day - floorMod(weekday(day)-r.weekStart, 7) }

// weekDaysOfYear appends the days that BYWEEKNO and BYDAY name, without BYDAY those of DTSTART's weekday. A week may
// reach into the year before or after: the days count for the calendar year they lie in.
func (r *Rule) weekDaysOfYear(year int64, start civilStart, days []int64) []int64 {
	wanted := r.weekdays
	if wanted == 0 {
		wanted = 1 << weekday(start.days)
	}
	low, high := daysOf(year, 1, 1), daysOf(year+1, 1, 1)
	for y := year - 1; y <= year+1; y++ {
		first, weeks := r.weeksOfYear(y)
		for n := int64(1); n <= weeks; n++ {
			if r.weeks&(1<<n) == 0 && r.weeksBack&(1<<(weeks-n+1)) == 0 {
				continue
			}
			for day := first + 7*(n-1); day < first+7*n; day++ {
				if wanted&(1<<weekday(day)) != 0 && day >= low && day < high {
					days = append(days, day)
				}
			}
		}
	}
	return days
}

// keep filters days in place.
func (r *Rule) keep(days []int64, ok func(int64) bool) []int64 {
	return slices.DeleteFunc(days, func(day int64) bool { return !ok(day) })
}

// fromEnds turns 1, 2, … and -1, -2, … into an index from 0.
func fromEnds(n, length int64) (int64, bool) {
	if n > 0 {
		return n - 1, n <= length
	}
	return length + n, -n <= length
}

// eachBit yields the numbers of the bits that are set, in order.
func eachBit(set uint64) func(yield func(int64) bool) {
	return func(yield func(int64) bool) {
		for ; set != 0; set &= set - 1 {
			if !yield(int64(bits.TrailingZeros64(set))) {
				return
			}
		}
	}
}
