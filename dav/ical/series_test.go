package ical

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teambition/rrule-go"
)

// TestRecurrenceOverClockChanges states the instants of rules that meet changes of the clock. RFC 5545 §3.3.5, §3.8.5.3.
func TestRecurrenceOverClockChanges(t *testing.T) {
	tests := []struct{ name, start, rule, want string }{
		{"Berlin, daily in the gap", "Europe/Berlin:20240330T023000", "FREQ=DAILY;COUNT=3", "0330T013000 0331T013000 0401T003000"},
		{"Berlin, daily in the hour that comes twice", "Europe/Berlin:20241026T023000", "FREQ=DAILY;COUNT=3", "1026T003000 1027T003000 1028T013000"},
		{"Berlin, hourly over the gap: 02:30 is 03:30, which then comes by itself", "Europe/Berlin:20240331T003000", "FREQ=HOURLY;COUNT=5", "0330T233000 0331T003000 0331T013000 0331T023000"},
		{"Berlin, hourly over the repeated hour: once", "Europe/Berlin:20241027T013000", "FREQ=HOURLY;COUNT=4", "1026T233000 1027T003000 1027T023000 1027T033000"},
		{"London, weekly in the gap", "Europe/London:20240324T013000", "FREQ=WEEKLY;COUNT=3", "0324T013000 0331T013000 0407T003000"},
		{"London, daily in the hour that comes twice", "Europe/London:20241026T013000", "FREQ=DAILY;COUNT=3", "1026T003000 1027T003000 1028T013000"},
		{"New York, daily in the gap", "America/New_York:20240309T023000", "FREQ=DAILY;COUNT=3", "0309T073000 0310T073000 0311T063000"},
		{"New York, daily in the hour that comes twice", "America/New_York:20241102T013000", "FREQ=DAILY;COUNT=3", "1102T053000 1103T053000 1104T063000"},
		{"Lord Howe, daily in the half hour's gap", "Australia/Lord_Howe:20241005T021500", "FREQ=DAILY;COUNT=3", "1004T154500 1005T154500 1006T151500"},
		{"Lord Howe, daily in the half hour that comes twice", "Australia/Lord_Howe:20240406T014500", "FREQ=DAILY;COUNT=3", "0405T144500 0406T144500 0407T151500"},
		{"UNTIL in UTC is an instant", "America/New_York:20240309T023000", "FREQ=DAILY;UNTIL=20240311T062959Z", "0309T073000 0310T073000"},
	}
	for _, test := range tests {
		c, _ := mustCheck(t, component("VEVENT", "DTSTART;TZID="+test.start+"\nRRULE:"+test.rule))
		all, err := c.Instances(AllTime(), nil, NewBudget())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, in := range all {
			if s := in.Start.Format("0102T150405"); len(got) == 0 || got[len(got)-1] != s {
				got = append(got, s)
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %s, want %s", test.name, strings.Join(got, " "), test.want)
		}
	}
}

// TestZonedRulesAgainstOracle compares instants of rules in zones with rrule-go. Instances within three hours of a change of the clock are left out,
// because it takes what time.Date makes of skipped and repeated times; the tables above hold these. So are zones that skip midnight, such as America/Santiago, where it
// yields the day before a change twice and leaves out the day of the change.
func TestZonedRulesAgainstOracle(t *testing.T) {
	rules := 400
	if os.Getenv("SCHULHOF_E2E") != "" {
		rules = 20_000
	}
	zones := []string{"Europe/Berlin", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca"}
	compared := 0
	for seed := range uint64(rules) {
		r := rand.New(rand.NewPCG(seed, 3339))
		c := randomCase(r)
		if f := c.parts["FREQ"]; f == "HOURLY" || f == "MINUTELY" || f == "SECONDLY" || c.parts["COUNT"] != "" || c.parts["BYSETPOS"] != "" || c.parts["BYWEEKNO"] != "" || !c.goesOn() {
			continue
		}
		if numbers, plain := mixed(c.parts["BYDAY"]); numbers && plain {
			continue
		}
		loc := mustLocation(t, zones[r.IntN(len(zones))])
		steady := func(at time.Time) bool {
			_, a := at.Add(-3 * time.Hour).Zone()
			_, b := at.Add(3 * time.Hour).Zone()
			return a == b
		}
		text := fmt.Sprintf("DTSTART;TZID=%s:%s\nRRULE:%s", loc, value{civil: c.start}, c.rule())
		cal, _ := mustCheck(t, component("VEVENT", text))
		all, err := cal.Instances(TimeRange{c.from, c.to}, nil, NewBudget())
		if errors.Is(err, ErrTooMany) {
			continue
		}
		var got, want []string
		for _, in := range all[:min(len(all), mostCompared)] {
			if steady(in.Start.In(loc)) {
				got = append(got, in.Start.Format(time.RFC3339))
			}
		}
		option, err := rrule.StrToROption(c.rule())
		if err != nil {
			t.Fatal(err)
		}
		option.Dtstart = time.Unix(c.start, 0).UTC()
		option.Dtstart = time.Date(option.Dtstart.Year(), option.Dtstart.Month(), option.Dtstart.Day(), option.Dtstart.Hour(), option.Dtstart.Minute(), option.Dtstart.Second(), 0, loc)
		rule, err := rrule.NewRRule(*option)
		if err != nil {
			t.Fatal(err)
		}
		first := option.Dtstart
		if first.Unix() >= c.from && first.Unix() < c.to && steady(first) {
			want = append(want, first.UTC().Format(time.RFC3339))
		}
		for next := rule.Iterator(); len(want) < mostCompared; {
			at, ok := next()
			if !ok || at.Unix() >= c.to {
				break
			}
			if at.After(first) && at.Unix() >= c.from && steady(at) {
				want = append(want, at.UTC().Format(time.RFC3339))
			}
		}
		if n := min(len(got), len(want)); !slices.Equal(got[:n], want[:n]) || len(all) < mostCompared && len(got) != len(want) {
			at := 0
			for at < n && got[at] == want[at] {
				at++
			}
			t.Fatalf("seed %d: %s in [%s, %s), from instance %d on:\n got %v\nwant %v", seed, text, value{civil: c.from}, value{civil: c.to}, at, got[at:], want[at:])
		}
		if len(got) > 0 {
			compared++
		}
	}
	if compared < rules/10 {
		t.Errorf("only %d of %d rules had an instance in the window", compared, rules)
	}
}

// randomSeries makes a recurring event with exceptions, extra dates and overrides of one or of all that follow.
func randomSeries(r *rand.Rand) []string {
	zone := []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe"}[r.IntN(3)]
	first := daysOf(2024, 3, 1)*daySeconds + r.Int64N(daySeconds)
	stamp := func(offset int64) string { return value{civil: first + offset}.String() }
	some := func(days int64) int64 { return r.Int64N(days) * daySeconds }
	length := []string{"DURATION:PT1H", "DURATION:P2DT3H", "DURATION:P1W", "DTEND;TZID=" + zone + ":" + stamp(9*3600), "COMMENT:no length"}[r.IntN(5)]
	master := fmt.Sprintf("DTSTART;TZID=%s:%s\n%s\nRRULE:FREQ=DAILY;INTERVAL=%d;COUNT=%d", zone, stamp(0), length, 1+r.IntN(3), 20+r.IntN(60))
	if r.IntN(3) == 0 {
		master += fmt.Sprintf("\nRRULE:FREQ=HOURLY;INTERVAL=%d;COUNT=%d", 5+r.IntN(30), 20+r.IntN(60))
	}
	for range r.IntN(4) {
		master += fmt.Sprintf("\nEXDATE;TZID=%s:%s", zone, stamp(some(60)))
	}
	for range r.IntN(3) {
		master += fmt.Sprintf("\nRDATE;TZID=%s;VALUE=PERIOD:%s/PT%dH", zone, stamp(some(90)+r.Int64N(daySeconds)), 1+r.IntN(90))
	}
	out := []string{component("VEVENT", master)}
	used := map[int64]bool{}
	for range r.IntN(5) {
		id := some(60)
		if used[id] {
			continue
		}
		used[id] = true
		scope := ""
		if r.IntN(3) == 0 {
			scope = ";RANGE=THISANDFUTURE"
		}
		out = append(out, component("VEVENT", fmt.Sprintf("RECURRENCE-ID;TZID=%s%s:%s\nDTSTART;TZID=%s:%s\nDURATION:PT%dH", zone, scope, stamp(id), zone, stamp(id+r.Int64N(10*daySeconds)-5*daySeconds), 1+r.IntN(200))))
	}
	return out
}

// TestWindowsAgree: what a window shows is what all of time shows there, for series of every make; the filter, the index and the free-busy
// times say the same.
func TestWindowsAgree(t *testing.T) {
	rounds := 300
	if os.Getenv("SCHULHOF_E2E") != "" {
		rounds = 3000
	}
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 4791))
		components := randomSeries(r)
		c, o := mustCheck(t, components...)
		all, err := c.Instances(AllTime(), nil, NewBudget())
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			from := daysOf(2024, 2, 1)*daySeconds + r.Int64N(200*daySeconds)
			window := TimeRange{from, from + 1 + r.Int64N(20*daySeconds)}
			got, err := c.Instances(window, nil, NewBudget())
			if err != nil {
				t.Fatal(err)
			}
			var want []Instance
			for _, in := range all {
				if overlapsEvent(in.Start.Unix(), in.End.Unix(), &window) {
					want = append(want, in)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("seed %d, window %v:\n got %v\nwant %v\n%s", seed, window, got, want, strings.Join(components, "\n"))
			}
			verifyWindow(t, c, o, window)
		}
	}
}

// TestZoneBombs: time zones made to cost much end within the budget of the object.
func TestZoneBombs(t *testing.T) {
	zone := func(n int, rule string) string {
		part := "BEGIN:STANDARD\nDTSTART:00010101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100\nRRULE:" + rule + "\nEND:STANDARD\n"
		return "BEGIN:VTIMEZONE\nTZID:x\n" + strings.Repeat(part, n) + "END:VTIMEZONE"
	}
	event := component("VEVENT", "DTSTART;TZID=x:20240101T000000\nRRULE:FREQ=WEEKLY")
	for _, rule := range []string{"FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30;COUNT=5", "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;INTERVAL=7", "FREQ=MONTHLY", "FREQ=YEARLY;BYDAY=5MO;BYMONTH=2"} {
		c := mustParse(t, calendarOf(zone(maxObservance, rule), event))
		_, err := c.Check(nil)
		var v *Violation
		if err != nil && !errors.As(err, &v) {
			t.Errorf("%s: %v", rule, err)
		}
		b := NewBudget()
		_, err = c.Instances(TimeRange{0, math.MaxInt64}, nil, b)
		if err == nil || !errors.Is(err, ErrTooMany) && !errors.As(err, &v) {
			t.Errorf("%s: all instances: %v, want ErrTooMany or a violation", rule, err)
		}
		if b.steps < -MaxSteps/10 {
			t.Errorf("%s: %d steps beyond the budget", rule, -b.steps)
		}
	}
}
