package ical

import (
	"fmt"
	"math"
	"testing"
)

// TestBordersOfTimeRange states for each row of the tables of RFC 4791 §9.9 the latest begin of a range without end that finds the component, and the
// earliest end of one without begin: a second later or earlier it is not found. Times without a zone are read in Berlin.
func TestBordersOfTimeRange(t *testing.T) {
	const always = "always"
	tests := []struct{ name, kind, lines, lastFrom, firstTo string }{
		{"DTEND, over the gap", "VEVENT", "DTSTART;TZID=Europe/Berlin:20240331T013000\nDTEND;TZID=Europe/Berlin:20240331T033000", "20240331T012959Z", "20240331T003001Z"},
		{"DTEND in another zone: a flight", "VEVENT", "DTSTART;TZID=Europe/Berlin:20240301T220000\nDTEND;TZID=America/New_York:20240302T003000", "20240302T052959Z", "20240301T210001Z"},
		{"DTEND, floating", "VEVENT", "DTSTART:20240701T120000\nDTEND:20240701T130000", "20240701T105959Z", "20240701T100001Z"},
		{"DTEND, the short day", "VEVENT", "DTSTART;VALUE=DATE:20240331\nDTEND;VALUE=DATE:20240401", "20240331T215959Z", "20240330T230001Z"},
		{"DURATION, a day of the calendar", "VEVENT", "DTSTART;TZID=Europe/Berlin:20240330T120000\nDURATION:P1D", "20240331T095959Z", "20240330T110001Z"},
		{"DURATION, 24 hours", "VEVENT", "DTSTART;TZID=Europe/Berlin:20240330T120000\nDURATION:PT24H", "20240331T105959Z", "20240330T110001Z"},
		{"DURATION, days from a date, one long", "VEVENT", "DTSTART;VALUE=DATE:20241026\nDURATION:P2D", "20241027T225959Z", "20241025T220001Z"},
		{"DURATION of no time", "VEVENT", "DTSTART;TZID=Europe/Berlin:20240701T120000\nDURATION:PT0S", "20240701T100000Z", "20240701T100001Z"},
		{"neither, a time", "VEVENT", "DTSTART:20240701T120000", "20240701T100000Z", "20240701T100001Z"},
		{"neither, a date: the long day", "VEVENT", "DTSTART;VALUE=DATE:20241027", "20241027T225959Z", "20241026T220001Z"},
		{"a series, by its first and last", "VEVENT", "DTSTART:20240301T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3", "20240303T105959Z", "20240301T100001Z"},
		{"an endless series", "VEVENT", "DTSTART:20240301T100000Z\nDURATION:PT1H\nRRULE:FREQ=YEARLY", always, "20240301T100001Z"},

		{"DTSTART and DURATION", "VTODO", "DTSTART;TZID=Europe/Berlin:20240701T120000\nDURATION:PT2H", "20240701T120000Z", "20240701T100001Z"},
		{"DTSTART and DURATION of no time", "VTODO", "DTSTART;TZID=Europe/Berlin:20240701T120000\nDURATION:PT0S", "20240701T100000Z", "20240701T100000Z"},
		{"DTSTART and DUE", "VTODO", "DTSTART:20240701T100000Z\nDUE:20240701T120000Z", "20240701T115959Z", "20240701T100001Z"},
		{"DTSTART and DUE as dates", "VTODO", "DTSTART;VALUE=DATE:20240701\nDUE;VALUE=DATE:20240703", "20240702T215959Z", "20240630T220001Z"},
		{"DTSTART and the same DUE", "VTODO", "DTSTART:20240701T100000Z\nDUE:20240701T100000Z", "20240701T100000Z", "20240701T100000Z"},
		{"DTSTART, a time", "VTODO", "DTSTART:20240701T100000Z\nCOMPLETED:20240901T000000Z\nCREATED:20240101T000000Z", "20240701T100000Z", "20240701T100001Z"},
		{"DTSTART, a date", "VTODO", "DTSTART;VALUE=DATE:20240701", "20240630T220000Z", "20240630T220001Z"},
		{"DUE, a time", "VTODO", "DUE;TZID=Europe/Berlin:20240701T120000\nCREATED:20240101T000000Z", "20240701T095959Z", "20240701T100000Z"},
		{"DUE, a date", "VTODO", "DUE;VALUE=DATE:20240701", "20240630T215959Z", "20240630T220000Z"},
		{"COMPLETED and CREATED", "VTODO", "CREATED:20240701T100000Z\nCOMPLETED:20240701T120000Z", "20240701T120000Z", "20240701T100000Z"},
		{"COMPLETED before CREATED", "VTODO", "CREATED:20240701T120000Z\nCOMPLETED:20240701T100000Z", "20240701T120000Z", "20240701T100000Z"},
		{"COMPLETED", "VTODO", "COMPLETED:20240701T100000Z", "20240701T100000Z", "20240701T100000Z"},
		{"CREATED", "VTODO", "CREATED:20240701T100000Z", always, "20240701T100001Z"},
		{"none of them", "VTODO", "STATUS:NEEDS-ACTION", always, always},
		{"a series by its due dates", "VTODO", "DUE:20240301T100000Z\nRRULE:FREQ=DAILY;COUNT=3", "20240303T095959Z", "20240301T100000Z"},
		{"a series with a length", "VTODO", "DTSTART:20240301T100000Z\nDUE:20240301T120000Z\nRRULE:FREQ=DAILY;COUNT=3", "20240303T115959Z", "20240301T100001Z"},

		{"a time", "VJOURNAL", "DTSTART;TZID=Europe/Berlin:20240701T120000", "20240701T100000Z", "20240701T100001Z"},
		{"a date", "VJOURNAL", "DTSTART;VALUE=DATE:20240701", "20240701T215959Z", "20240630T220001Z"},
		{"dates, three times", "VJOURNAL", "DTSTART;VALUE=DATE:20240701\nRRULE:FREQ=DAILY;COUNT=3", "20240703T215959Z", "20240630T220001Z"},

		{"DTSTART and DTEND, whatever the periods", "VFREEBUSY", "DTSTART:20240701T100000Z\nDTEND:20240701T120000Z\nFREEBUSY:20240801T100000Z/PT1H", "20240701T120000Z", "20240701T100001Z"},
		{"periods", "VFREEBUSY", "FREEBUSY:20240701T100000Z/PT1H\nFREEBUSY:20240703T100000Z/20240703T120000Z", "20240703T115959Z", "20240701T100001Z"},
		{"periods and half of the bounds", "VFREEBUSY", "DTSTART:20240101T000000Z\nFREEBUSY:20240701T100000Z/PT1H", "20240701T105959Z", "20240701T100001Z"},
	}
	for _, test := range tests {
		ask := func(from, to int64) bool {
			return matches(t, in(CompFilter{Name: test.kind, Range: &TimeRange{from, to}}), component(test.kind, test.lines))
		}
		var from, to int64
		if test.lastFrom == always {
			if !ask(daysOf(2500, 1, 1)*daySeconds, math.MaxInt64) {
				t.Errorf("%s, %s: not found in the far future", test.kind, test.name)
			}
		} else if from = at(t, test.lastFrom).civil; !ask(from, math.MaxInt64) || ask(from+1, math.MaxInt64) {
			t.Errorf("%s, %s: from %s on found: %t, a second later: %t", test.kind, test.name, test.lastFrom, ask(from, math.MaxInt64), ask(from+1, math.MaxInt64))
		}
		if test.firstTo == always {
			if !ask(math.MinInt64, minCivil+1) {
				t.Errorf("%s, %s: not found in the far past", test.kind, test.name)
			}
		} else if to = at(t, test.firstTo).civil; !ask(math.MinInt64, to) || ask(math.MinInt64, to-1) {
			t.Errorf("%s, %s: until %s found: %t, a second earlier: %t", test.kind, test.name, test.firstTo, ask(math.MinInt64, to), ask(math.MinInt64, to-1))
		}
		if bounded := test.lastFrom != always && test.firstTo != always; bounded && !ask(min(from, to-1), max(to, from+1)) {
			t.Errorf("%s, %s: not found by the range between its borders", test.kind, test.name)
		}
	}
}

// minute is a UTC time so many minutes after ten o'clock of a day in March.
func minute(n int64) string {
	return value{daysOf(2024, 3, 1)*daySeconds + 36000 + 60*n, utcTime}.String()
}

// todoTimes are the times of a task in minutes; 0 (for length -1): it has no such property.
type todoTimes struct{ start, length, due, completed, created int64 }

func (x todoTimes) lines() string {
	out := "SUMMARY:x"
	for _, p := range []struct {
		name string
		at   int64
	}{{"DTSTART", x.start}, {"DUE", x.due}, {"COMPLETED", x.completed}, {"CREATED", x.created}} {
		if p.at > 0 {
			out += "\n" + p.name + ":" + minute(p.at)
		}
	}
	if x.length >= 0 {
		out += fmt.Sprintf("\nDURATION:PT%dM", x.length)
	}
	return out
}

// table is what the eight rows of RFC 4791 §9.9 for VTODO say, each as it stands there.
func (x todoTimes) table(start, end int64) bool {
	hasStart, hasLength, hasDue, isCompleted, isCreated := x.start > 0, x.length >= 0, x.due > 0, x.completed > 0, x.created > 0
	rows := []struct{ applies, found bool }{
		{hasStart && hasLength, start <= x.start+x.length && (end > x.start || end >= x.start+x.length)},
		{hasStart && !hasLength && hasDue, (start < x.due || start <= x.start) && (end > x.start || end >= x.due)},
		{hasStart && !hasLength && !hasDue, start <= x.start && end > x.start},
		{!hasStart && hasDue, start < x.due && end >= x.due},
		{!hasStart && !hasDue && isCompleted && isCreated, (start <= x.created || start <= x.completed) && (end >= x.created || end >= x.completed)},
		{!hasStart && !hasDue && isCompleted && !isCreated, start <= x.completed && end >= x.completed},
		{!hasStart && !hasDue && !isCompleted && isCreated, end > x.created},
		{!hasStart && !hasDue && !isCompleted && !isCreated, true},
	}
	for _, row := range rows {
		if row.applies {
			return row.found
		}
	}
	panic("no row applies")
}

// eachRange yields every range of minutes from 0 to 6, and those without begin or end.
func eachRange(yield func(start, end int64)) {
	const never = 1 << 40
	for start := int64(0); start <= 6; start++ {
		for end := start + 1; end <= 6; end++ {
			yield(start, end)
		}
		yield(start, never)
		yield(-never, start)
	}
}

// minutesRange turns minutes into a range; what lies far away becomes no bound.
func minutesRange(t *testing.T, start, end int64) *TimeRange {
	r := AllTime()
	if start > -1000 {
		r.Start = at(t, minute(start)).civil
	}
	if end < 1000 {
		r.End = at(t, minute(end)).civil
	}
	return &r
}

// TestTodoTable asks every make of task for every range and compares with the table, so that no combination of properties falls into a wrong row.
func TestTodoTable(t *testing.T) {
	asked := 0
	for _, start := range []int64{0, 2, 3} {
		for _, length := range []int64{-1, 0, 1, 2} {
			for _, due := range []int64{0, 2, 3, 5} {
				if due > 0 && (length >= 0 || due < start) {
					continue // refused, see TestCheckRefuses
				}
				for _, completed := range []int64{0, 1, 4} {
					for _, created := range []int64{0, 2, 4} {
						x := todoTimes{start, length, due, completed, created}
						c, o := mustCheck(t, component("VTODO", x.lines()))
						eachRange(func(from, to int64) {
							asked++
							f := in(CompFilter{Name: "VTODO", Range: minutesRange(t, from, to)})
							got, err := f.Match(c, nil, NewBudget())
							if want := x.table(from, to); err != nil || got != want {
								t.Errorf("%+v in [%d, %d): %t, %v, want %t", x, from, to, got, err, want)
							}
							if decided, sure := f.Decide(o); sure && decided != got {
								t.Errorf("%+v in [%d, %d): the index decides %t", x, from, to, decided)
							}
						})
					}
				}
			}
		}
	}
	if asked < 1000 {
		t.Errorf("only %d questions", asked)
	}
}

// TestEventTable does the same for VEVENT, with a date row on top; an end at the begin counts like no end, which the table leaves open.
func TestEventTable(t *testing.T) {
	for _, end := range []int64{0, 2, 3, 5} {
		for _, length := range []int64{-1, 0, 1, 3} {
			if end > 0 && length >= 0 {
				continue
			}
			lines := "DTSTART:" + minute(2)
			last := int64(2)
			if end > 0 {
				lines, last = lines+"\nDTEND:"+minute(end), end
			}
			if length >= 0 {
				lines, last = lines+fmt.Sprintf("\nDURATION:PT%dM", length), 2+length
			}
			c, o := mustCheck(t, component("VEVENT", lines))
			eachRange(func(from, to int64) {
				want := from < last && to > 2
				if last == 2 {
					want = from <= 2 && to > 2
				}
				f := in(CompFilter{Name: "VEVENT", Range: minutesRange(t, from, to)})
				got, err := f.Match(c, nil, NewBudget())
				if err != nil || got != want {
					t.Errorf("%q in [%d, %d): %t, %v, want %t", lines, from, to, got, err, want)
				}
				if decided, sure := f.Decide(o); !sure || decided != want {
					t.Errorf("%q in [%d, %d): the index decides %t, sure %t, want %t", lines, from, to, decided, sure, want)
				}
			})
		}
	}
}

// TestAlarmTimes states each second an alarm goes off at: found in that second, neither in the one before nor in the one after. RFC 4791 §9.9, RFC 5545 §3.8.6.
func TestAlarmTimes(t *testing.T) {
	tests := []struct {
		name, kind, lines, alarm string
		times                    []string
	}{
		{"RELATED=START said", "VEVENT", "DTSTART;TZID=Europe/Berlin:20240701T100000\nDURATION:PT1H", "TRIGGER;RELATED=START:-PT15M", []string{"20240701T074500Z"}},
		{"in lower case", "VEVENT", "DTSTART;TZID=Europe/Berlin:20240701T100000\nDURATION:PT1H", "trigger;related=end:PT0S", []string{"20240701T090000Z"}},
		{"a day before, over the gap: the same hour", "VEVENT", "DTSTART;TZID=Europe/Berlin:20240331T120000", "TRIGGER:-P1D", []string{"20240330T110000Z"}},
		{"24 hours before, over the gap", "VEVENT", "DTSTART;TZID=Europe/Berlin:20240331T120000", "TRIGGER:-PT24H", []string{"20240330T100000Z"}},
		{"a day and two hours before the repeated hour's day", "VEVENT", "DTSTART;TZID=Europe/Berlin:20241027T120000", "TRIGGER:-P1DT2H", []string{"20241026T080000Z"}},
		{"after the begin", "VEVENT", "DTSTART:20240701T100000Z\nDURATION:PT1H", "TRIGGER:PT10M", []string{"20240701T101000Z"}},
		{"by the end of a flight", "VEVENT", "DTSTART;TZID=Europe/Berlin:20240301T220000\nDTEND;TZID=America/New_York:20240302T003000", "TRIGGER;RELATED=END:-PT30M", []string{"20240302T050000Z"}},
		{"by the end of what has none", "VEVENT", "DTSTART:20240701T100000Z", "TRIGGER;RELATED=END:-PT5M", []string{"20240701T095500Z"}},
		{"by the end of a day", "VEVENT", "DTSTART;VALUE=DATE:20240701", "TRIGGER;RELATED=END:-PT1H", []string{"20240701T210000Z"}},
		{"on the morning of a day", "VEVENT", "DTSTART;VALUE=DATE:20240701", "TRIGGER:PT9H", []string{"20240701T070000Z"}},
		{"absolute, repeated", "VEVENT", "DTSTART:20240701T100000Z", "TRIGGER;VALUE=DATE-TIME:20240630T120000Z\nREPEAT:2\nDURATION:PT10M", []string{"20240630T120000Z", "20240630T121000Z", "20240630T122000Z"}},
		{"REPEAT without DURATION", "VEVENT", "DTSTART:20240701T100000Z", "TRIGGER:PT0S\nREPEAT:3", []string{"20240701T100000Z"}},
		{"DURATION without REPEAT", "VEVENT", "DTSTART:20240701T100000Z", "TRIGGER:PT0S\nDURATION:PT1M", []string{"20240701T100000Z"}},
		{"REPEAT:0", "VEVENT", "DTSTART:20240701T100000Z", "TRIGGER:PT0S\nREPEAT:0\nDURATION:PT1M", []string{"20240701T100000Z"}},
		{"a pause that goes backwards", "VEVENT", "DTSTART:20240701T100000Z", "TRIGGER:PT0S\nREPEAT:3\nDURATION:-PT1M", []string{"20240701T100000Z"}},
		{"an absolute trigger without zone is none", "VEVENT", "DTSTART:20240701T100000Z", "TRIGGER;VALUE=DATE-TIME:20240701T100000", nil},
		{"before a task begins", "VTODO", "DTSTART:20240701T100000Z\nDUE:20240705T100000Z", "TRIGGER:-PT1H", []string{"20240701T090000Z"}},
		{"before a task is due", "VTODO", "DTSTART:20240701T100000Z\nDUE:20240705T100000Z", "TRIGGER;RELATED=END:-PT1H", []string{"20240705T090000Z"}},
		{"before a task's length is over", "VTODO", "DTSTART:20240701T100000Z\nDURATION:P2D", "TRIGGER;RELATED=END:-PT1H", []string{"20240703T090000Z"}},
		{"of a task without times", "VTODO", "CREATED:20240701T100000Z", "TRIGGER:-PT1H", nil},
		{"every instance, but no exception", "VEVENT", "DTSTART:20240701T100000Z\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20240702T100000Z", "TRIGGER:-PT5M", []string{"20240701T095500Z", "20240703T095500Z"}},
		{"a period ends by itself", "VEVENT", "DTSTART:20240701T100000Z\nDURATION:PT1H\nRDATE;VALUE=PERIOD:20240702T100000Z/PT3H", "TRIGGER;RELATED=END:PT0S", []string{"20240701T110000Z", "20240702T130000Z"}},
	}
	for _, test := range tests {
		event := component(test.kind, test.lines+"\nBEGIN:VALARM\n"+test.alarm+"\nEND:VALARM")
		ask := func(from, to int64) bool {
			return matches(t, in(CompFilter{Name: test.kind, Comps: []CompFilter{{Name: "VALARM", Range: &TimeRange{from, to}}}}), event)
		}
		before := int64(math.MinInt64)
		for _, text := range test.times {
			second := at(t, text).civil
			if !ask(second, second+1) || ask(before, second) {
				t.Errorf("%s: at %s found: %t, between the one before and it: %t", test.name, text, ask(second, second+1), ask(before, second))
			}
			before = second + 1
		}
		if ask(before, math.MaxInt64) {
			t.Errorf("%s: found after %v", test.name, test.times)
		}
	}
}

// TestAlarmsOfOverrides: an instance with an override rings as the override says, the others as the series does.
func TestAlarmsOfOverrides(t *testing.T) {
	alarm := func(trigger string) string { return "\nBEGIN:VALARM\nTRIGGER:" + trigger + "\nEND:VALARM" }
	master := component("VEVENT", "DTSTART:20240701T100000Z\nRRULE:FREQ=DAILY;COUNT=6"+alarm("-PT10M"))
	single := component("VEVENT", "RECURRENCE-ID:20240702T100000Z\nDTSTART:20240702T150000Z"+alarm("-PT20M"))
	silent := component("VEVENT", "RECURRENCE-ID:20240703T100000Z\nDTSTART:20240703T100000Z")
	future := component("VEVENT", "RECURRENCE-ID;RANGE=THISANDFUTURE:20240705T100000Z\nDTSTART:20240705T120000Z"+alarm("-PT30M"))
	tests := []struct {
		at   string
		want bool
	}{
		{"20240701T095000Z", true},  // of the series
		{"20240702T095000Z", false}, // moved away
		{"20240702T144000Z", true},  // and has an alarm of its own
		{"20240703T095000Z", false}, // without alarm
		{"20240704T095000Z", true},
		{"20240705T095000Z", false},
		{"20240705T113000Z", true}, // this and those after it
		{"20240706T113000Z", true},
		{"20240706T095000Z", false},
		{"20240707T113000Z", false}, // after the last
	}
	for _, test := range tests {
		second := at(t, test.at).civil
		f := in(CompFilter{Name: "VEVENT", Comps: []CompFilter{{Name: "VALARM", Range: &TimeRange{second, second + 1}}}})
		if got := matches(t, f, master, single, silent, future); got != test.want {
			t.Errorf("at %s: %t, want %t", test.at, got, test.want)
		}
	}
}
