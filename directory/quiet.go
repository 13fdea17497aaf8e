package directory

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"schulhof/store/fault"
)

// Quiet is when nobody may write: windows of the week by the school's clock. The zero value is never.
//
// Its text is a list such as "mon-fri 21:00-06:30, sat 22:00-08:00" or "daily 20:00-07:00". A window that ends before it begins ends on
// the next day; the day it is named by is the one on which it begins. The clock on the wall counts: an hour that a change of the clocks
// repeats is quiet twice, one that it leaves out is not missed.
type Quiet struct{ windows []quietWindow }

// quietWindow is one part of Quiet.
type quietWindow struct {
	days     [7]bool // by time.Weekday: on which it begins
	from, to int     // minutes of the day; to may be minutesOfDay
}

const minutesOfDay = 24 * 60

// dayNames are the days as they are written, Monday first; the second names are German.
var dayNames = [7][2]string{{"mon", "mo"}, {"tue", "di"}, {"wed", "mi"}, {"thu", "do"}, {"fri", "fr"}, {"sat", "sa"}, {"sun", "so"}}

// weekday is the day at place i of dayNames.
func weekday(i int) time.Weekday { return time.Weekday((i + 1) % 7) }

// ParseQuiet reads the text form; "" and "none" are never. fault.Invalid.
func ParseQuiet(s string) (Quiet, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "" || s == "none" {
		return Quiet{}, nil
	}
	if len(s) > maxQuietBytes {
		return Quiet{}, fault.New(fault.Invalid, "quiet hours of more than %d characters", maxQuietBytes)
	}
	var q Quiet
	for part := range strings.SplitSeq(s, ",") {
		words := strings.Fields(part)
		if len(words) != 2 {
			return Quiet{}, errQuiet(part)
		}
		days, ok := parseDays(words[0])
		from, to, ok2 := strings.Cut(words[1], "-")
		w := quietWindow{days: days}
		var ok3, ok4 bool
		w.from, ok3 = parseClock(from)
		w.to, ok4 = parseClock(to)
		if !ok || !ok2 || !ok3 || !ok4 || w.from == w.to || w.from == minutesOfDay {
			return Quiet{}, errQuiet(part)
		}
		q.windows = append(q.windows, w)
	}
	return q, nil
}

func errQuiet(part string) error {
	return fault.New(fault.Invalid, `%s is no window of quiet hours: want days and times such as "mon-fri 21:00-06:30" or "daily 20:00-07:00"`,
		printable(strings.TrimSpace(part)))
}

// parseDays reads a day, two with a hyphen between (around the week's end too), or "daily".
func parseDays(s string) (days [7]bool, ok bool) {
	if s == "daily" {
		return [7]bool{true, true, true, true, true, true, true}, true
	}
	first, last, ranged := strings.Cut(s, "-")
	from, to := dayIndex(first), dayIndex(last)
	if !ranged {
		to = from
	}
	if from < 0 || to < 0 {
		return days, false
	}
	for i := from; ; i = (i + 1) % 7 {
		days[weekday(i)] = true
		if i == to {
			return days, true
		}
	}
}

func dayIndex(s string) int {
	return slices.IndexFunc(dayNames[:], func(names [2]string) bool { return s == names[0] || s == names[1] })
}

// parseClock reads hours and minutes; 24:00 is the day's end.
func parseClock(s string) (minute int, ok bool) {
	hours, minutes, ok := strings.Cut(s, ":")
	if !ok || len(hours) < 1 || len(hours) > 2 || len(minutes) != 2 {
		return 0, false
	}
	h, err := strconv.ParseUint(hours, 10, 8)
	m, err2 := strconv.ParseUint(minutes, 10, 8)
	if err != nil || err2 != nil || h > 24 || m > 59 || h == 24 && m > 0 {
		return 0, false
	}
	return int(h*60 + m), true
}

// String is the text form.
func (q Quiet) String() string {
	parts := make([]string, len(q.windows))
	for i, w := range q.windows {
		parts[i] = fmt.Sprintf("%s %02d:%02d-%02d:%02d", daysText(w.days), w.from/60, w.from%60, w.to/60, w.to%60)
	}
	return strings.Join(parts, ", ")
}

// daysText writes days as parseDays reads them; it has made them, so that they are one range.
func daysText(days [7]bool) string {
	first, n := 0, 0
	for i := range dayNames {
		if days[weekday(i)] {
			n++
			if !days[weekday((i+6)%7)] {
				first = i
			}
		}
	}
	switch n {
	case 7:
		return "daily"
	case 1:
		return dayNames[first][0]
	}
	return dayNames[first][0] + "-" + dayNames[(first+n-1)%7][0]
}

// Contains reports whether it is quiet at t, which is in the school's time zone.
func (q Quiet) Contains(t time.Time) bool {
	today, minute := t.Weekday(), t.Hour()*60+t.Minute()
	yesterday := (today + 6) % 7
	return slices.ContainsFunc(q.windows, func(w quietWindow) bool {
		if w.from < w.to {
			return w.days[today] && w.from <= minute && minute < w.to
		}
		return w.days[today] && w.from <= minute || w.days[yesterday] && minute < w.to
	})
}
