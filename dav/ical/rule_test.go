package ical

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// expandRule lists the first instances of a rule with its start, as text without the time where that is the start's.
func expandRule(t testing.TB, start, rule string, most int) []string {
	t.Helper()
	r, err := ParseRule(rule)
	if err != nil {
		t.Fatalf("ParseRule(%q): %v", rule, err)
	}
	first := at(t, start)
	out := []string{start}
	until := untilOf(r, moment{value: first, clock: newClock(zoneAt(mustLocation(t, "America/New_York")))})
	err = r.each(first.civil, minCivil, maxCivil, until, NewBudget(), func(civil int64) bool {
		out = append(out, value{civil, first.kind}.String())
		return len(out) < most
	})
	if err != nil {
		t.Fatalf("%s: %v", rule, err)
	}
	return out
}

// days writes the dates of a month: days("199709", 2, 3) is 19970902, 19970903.
func days(month string, list ...int) (out []string) {
	for _, d := range list {
		out = append(out, month+string(appendDigits(nil, int64(d), 2)))
	}
	return out
}

func join2(lists ...[]string) []string { return slices.Concat(lists...) }

func span(low, high int) (out []int) {
	for ; low <= high; low++ {
		out = append(out, low)
	}
	return out
}

// TestExamplesOfRFC5545 holds the examples of §3.8.5.3 with the dates the RFC states: DTSTART;TZID=America/New_York:19970902T090000 where nothing
// else is said. Rules without an end are compared as far as listed.
func TestExamplesOfRFC5545(t *testing.T) {
	const start = "19970902"
	tests := []struct {
		rule  string
		start string
		want  []string
		ends  bool
	}{
		{"FREQ=DAILY;COUNT=10", start, days("199709", span(2, 11)...), true},
		{"FREQ=DAILY;INTERVAL=2", start, join2(days("199709", 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), days("199710", 2, 4)), false},
		{"FREQ=DAILY;INTERVAL=10;COUNT=5", start, join2(days("199709", 2, 12, 22), days("199710", 2, 12)), true},
		{"FREQ=WEEKLY;COUNT=10", start, join2(days("199709", 2, 9, 16, 23, 30), days("199710", 7, 14, 21, 28), days("199711", 4)), true},
		{"FREQ=WEEKLY;UNTIL=19971224T000000Z", start, join2(days("199709", 2, 9, 16, 23, 30), days("199710", 7, 14, 21, 28), days("199711", 4, 11, 18, 25), days("199712", 2, 9, 16, 23)), true},
		{"FREQ=WEEKLY;INTERVAL=2;WKST=SU", start, join2(days("199709", 2, 16, 30), days("199710", 14, 28), days("199711", 11, 25), days("199712", 9, 23), days("199801", 6, 20), days("199802", 3)), false},
		{"FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH", start, join2(days("199709", 2, 4, 9, 11, 16, 18, 23, 25, 30), days("199710", 2)), true},
		{"FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH", start, join2(days("199709", 2, 4, 9, 11, 16, 18, 23, 25, 30), days("199710", 2)), true},
		{"FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR", "19970901", join2(days("199709", 1, 3, 5, 15, 17, 19, 29), days("199710", 1, 3, 13, 15, 17, 27, 29, 31),
			days("199711", 10, 12, 14, 24, 26, 28), days("199712", 8, 10, 12, 22)), true},
		{"FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", start, join2(days("199709", 2, 4, 16, 18, 30), days("199710", 2, 14, 16)), true},
		{"FREQ=MONTHLY;COUNT=10;BYDAY=1FR", "19970905", join2(days("199709", 5), days("199710", 3), days("199711", 7), days("199712", 5), days("199801", 2), days("199802", 6), days("199803", 6), days("199804", 3), days("199805", 1), days("199806", 5)), true},
		{"FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR", "19970905", join2(days("199709", 5), days("199710", 3), days("199711", 7), days("199712", 5)), true},
		{"FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU", "19970907", join2(days("199709", 7, 28), days("199711", 2, 30), days("199801", 4, 25), days("199803", 1, 29), days("199805", 3, 31)), true},
		{"FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "19970922", join2(days("199709", 22), days("199710", 20), days("199711", 17), days("199712", 22), days("199801", 19), days("199802", 16)), true},
		{"FREQ=MONTHLY;BYMONTHDAY=-3", "19970928", join2(days("199709", 28), days("199710", 29), days("199711", 28), days("199712", 29), days("199801", 29), days("199802", 26)), false},
		{"FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15", start, join2(days("199709", 2, 15), days("199710", 2, 15), days("199711", 2, 15), days("199712", 2, 15), days("199801", 2, 15)), true},
		{"FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", "19970930", join2(days("199709", 30), days("199710", 1, 31), days("199711", 1, 30), days("199712", 1, 31), days("199801", 1, 31), days("199802", 1)), true},
		{"FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15", "19970910", join2(days("199709", 10, 11, 12, 13, 14, 15), days("199903", 10, 11, 12, 13)), true},
		{"FREQ=MONTHLY;INTERVAL=2;BYDAY=TU", start, join2(days("199709", 2, 9, 16, 23, 30), days("199711", 4, 11, 18, 25), days("199801", 6, 13, 20, 27), days("199803", 3, 10, 17, 24, 31)), false},
		{"FREQ=YEARLY;COUNT=10;BYMONTH=6,7", "19970610", []string{"19970610", "19970710", "19980610", "19980710", "19990610", "19990710", "20000610", "20000710", "20010610", "20010710"}, true},
		{"FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3", "19970310", []string{"19970310", "19990110", "19990210", "19990310", "20010110", "20010210", "20010310", "20030110", "20030210", "20030310"}, true},
		{"FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200", "19970101", []string{"19970101", "19970410", "19970719", "20000101", "20000409", "20000718", "20030101", "20030410", "20030719", "20060101"}, true},
		{"FREQ=YEARLY;BYDAY=20MO", "19970519", []string{"19970519", "19980518", "19990517"}, false},
		{"FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "19970512", []string{"19970512", "19980511", "19990517"}, false},
		{"FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "19970313", join2(days("199703", 13, 20, 27), days("199803", 5, 12, 19, 26), days("199903", 4, 11, 18, 25)), false},
		{"FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8", "19970605", join2(days("199706", 5, 12, 19, 26), days("199707", 3, 10, 17, 24, 31), days("199708", 7, 14, 21, 28),
			days("199806", 4, 11, 18, 25), days("199807", 2, 9, 16, 23, 30), days("199808", 6, 13, 20, 27), days("199906", 3, 10, 17, 24), days("199907", 1, 8, 15, 22, 29), days("199908", 5, 12, 19, 26)), false},
		{"FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", start, []string{start, "19980213", "19980313", "19981113", "19990813", "20001013"}, false}, // the RFC takes the first out with EXDATE
		{"FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13", "19970913", []string{"19970913", "19971011", "19971108", "19971213", "19980110", "19980207", "19980307", "19980411", "19980509", "19980613"}, false},
		{"FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8", "19961105", []string{"19961105", "20001107", "20041102"}, false},
		{"FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "19970904", []string{"19970904", "19971007", "19971106"}, true},
		{"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "19970929", []string{"19970929", "19971030", "19971127", "19971230", "19980129", "19980226", "19980330"}, false},
		{"FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "19970805", days("199708", 5, 10, 19, 24), true},
		{"FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "19970805", days("199708", 5, 17, 19, 31), true},
		{"FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "20070115", []string{"20070115", "20070130", "20070215", "20070315", "20070330"}, true},
	}
	for _, test := range tests {
		most := len(test.want)
		if test.ends {
			most = math.MaxInt
		}
		got := expandRule(t, test.start+"T090000", test.rule, most)
		want := make([]string, len(test.want))
		for i, day := range test.want {
			want[i] = day + "T090000"
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s from %s:\n got %s\nwant %s", test.rule, test.start, got, want)
		}
	}
}

// TestLongExamplesOfRFC5545 holds those examples whose dates are better said than listed.
func TestLongExamplesOfRFC5545(t *testing.T) {
	everyDay := expandRule(t, "19970902T090000", "FREQ=DAILY;UNTIL=19971224T000000Z", math.MaxInt)
	if n, last := len(everyDay), everyDay[len(everyDay)-1]; n != 113 || last != "19971223T090000" {
		t.Errorf("daily until Christmas Eve: %d days to %s, want 113 to 19971223T090000", n, last)
	}
	a := expandRule(t, "19980101T090000", "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA", math.MaxInt)
	b := expandRule(t, "19980101T090000", "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1", math.MaxInt)
	if len(a) != 93 || !slices.Equal(a, b) || a[92] != "20000131T090000" {
		t.Errorf("every day in January: %d and %d days, want 93 both times", len(a), len(b))
	}
	a = expandRule(t, "19970902T090000", "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40", 100)
	b = expandRule(t, "19970902T090000", "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16", 100)
	if !slices.Equal(a, b) || a[23] != "19970902T164000" || a[24] != "19970903T090000" {
		t.Errorf("every 20 minutes from 9 to 16:40: %s and %s", a[20:26], b[20:26])
	}
	times := []struct{ rule, want string }{
		{"FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z", "090000 120000 150000"}, // 21:00Z is 17:00 in New York
		{"FREQ=MINUTELY;INTERVAL=15;COUNT=6", "090000 091500 093000 094500 100000 101500"},
		{"FREQ=MINUTELY;INTERVAL=90;COUNT=4", "090000 103000 120000 133000"},
	}
	for _, test := range times {
		var got []string
		for _, s := range expandRule(t, "19970902T090000", test.rule, math.MaxInt) {
			got = append(got, strings.TrimPrefix(s, "19970902T"))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %s, want %s", test.rule, got, test.want)
		}
	}
}

// TestCornersOfRules: what the examples leave open.
func TestCornersOfRules(t *testing.T) {
	tests := []struct{ name, start, rule, want string }{
		{"31st of every month skips the short ones", "20240131", "FREQ=MONTHLY;COUNT=4", "20240131 20240331 20240531 20240731"},
		{"29 February comes in leap years", "20240229", "FREQ=YEARLY;COUNT=3", "20240229 20280229 20320229"},
		{"1900 and 2100 are no leap years", "18960229", "FREQ=YEARLY;COUNT=2", "18960229 19040229"},
		{"the first instance is DTSTART even if the rule does not name it, and counts", "20240102", "FREQ=WEEKLY;BYDAY=MO;COUNT=3", "20240102 20240108 20240115"},
		{"a year's last day by its number from the end", "20231231", "FREQ=YEARLY;BYYEARDAY=-1;COUNT=3", "20231231 20241231 20251231"},
		{"day 366 exists in leap years only", "20241231", "FREQ=YEARLY;BYYEARDAY=366;COUNT=2", "20241231 20281231"},
		{"week 53", "20201231", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=TH;COUNT=2", "20201231 20261231"},
		{"week 1 may begin in December", "20191230", "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO;COUNT=4", "20191230 20210104 20220103 20230102"},
		{"BYWEEKNO without BYDAY keeps DTSTART's weekday", "20240103", "FREQ=YEARLY;BYWEEKNO=1,2;COUNT=4", "20240103 20240110 20250101 20250108"},
		{"last week by its number from the end", "20241226", "FREQ=YEARLY;BYWEEKNO=-1;BYDAY=TH;COUNT=3", "20241226 20251225 20261231"},
		{"plain and numbered days are one list", "20240101", "FREQ=MONTHLY;BYDAY=MO,-1FR;COUNT=6", "20240101 20240108 20240115 20240122 20240126 20240129"},
		{"UNTIL as a date includes that day", "20240101", "FREQ=DAILY;UNTIL=20240103", "20240101 20240102 20240103"},
		{"lower case, a trailing semicolon, leading zeros", "20240101", "freq=daily;count=02;", "20240101 20240102"},
		{"no Monday is the fifth of February 2024, but of 2027 none either", "20240129", "FREQ=MONTHLY;BYDAY=5MO;COUNT=3", "20240129 20240429 20240729"},
		{"BYSETPOS beyond the set picks nothing", "20240101", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=5;COUNT=3", "20240101 20240129 20240429"},
		{"BYSETPOS twice the same", "20240101", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,-5,1;COUNT=3", "20240101 20240205 20240304"},
		{"the end of iCalendar's time", "99981231", "FREQ=YEARLY;COUNT=5", "99981231 99991231"},
		{"a rule without instances", "20240101", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "20240101"},
	}
	for _, test := range tests {
		var got []string
		for _, s := range expandRule(t, test.start+"T120000", test.rule, math.MaxInt) {
			got = append(got, strings.TrimSuffix(s, "T120000"))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %s from %s:\n got %s\nwant %s", test.name, test.rule, test.start, got, test.want)
		}
	}
	if got := expandRule(t, "20240101T000000", "FREQ=DAILY;BYHOUR=0;BYMINUTE=0;BYSECOND=59,60;COUNT=3", math.MaxInt); strings.Join(got, " ") != "20240101T000000 20240101T000059 20240102T000059" {
		t.Errorf("second 60 is 59: %s", got)
	}
}

// TestWeekNumbers: BYWEEKNO names the days that package time counts to the week, of every week and year, from the front and from the back.
func TestWeekNumbers(t *testing.T) {
	first, last := daysOf(1980, 1, 1), daysOf(2060, 1, 1)
	weeksOf := func(year int) int {
		_, week := time.Date(year, 12, 28, 0, 0, 0, 0, time.UTC).ISOWeek()
		return week
	}
	for n := -53; n <= 53; n++ {
		if n == 0 {
			continue
		}
		var got, want []int64
		rule, err := ParseRule(fmt.Sprintf("FREQ=YEARLY;BYWEEKNO=%d;BYDAY=MO,TU,WE,TH,FR,SA,SU", n))
		if err != nil {
			t.Fatal(err)
		}
		_ = rule.each((first-1)*daySeconds, first*daySeconds, last*daySeconds, math.MaxInt64, NewBudget(), func(c int64) bool { got = append(got, c/daySeconds); return true })
		for day := first; day < last; day++ {
			year, week := time.Unix(day*daySeconds, 0).UTC().ISOWeek()
			if week == n || week-weeksOf(year)-1 == n {
				want = append(want, day)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("BYWEEKNO=%d: %d days, want %d", n, len(got), len(want))
		}
	}
}

// TestParseRuleRefuses: what RFC 5545 forbids is refused, with the reason.
func TestParseRuleRefuses(t *testing.T) {
	tests := []struct{ rule, reason string }{
		{"", "not of the form"},
		{"FREQ", "not of the form"},
		{"INTERVAL=1", "FREQ is missing"},
		{"FREQ=OFTEN", "no frequency"},
		{"FREQ=DAILY;FREQ=DAILY", "twice"},
		{"FREQ=DAILY;BYEASTER=1", "unknown"},
		{"FREQ=DAILY;COUNT=1;UNTIL=20240101", "exclude"},
		{"FREQ=DAILY;COUNT=0", "no number from 1"},
		{"FREQ=DAILY;COUNT=-1", "no number"},
		{"FREQ=DAILY;INTERVAL=0", "no number"},
		{"FREQ=DAILY;INTERVAL=99999999999", "no number"},
		{"FREQ=DAILY;UNTIL=tomorrow", "neither a date"},
		{"FREQ=DAILY;UNTIL=20240230", "no date"},
		{"FREQ=DAILY;BYHOUR=24", "0 to 23"},
		{"FREQ=DAILY;BYMINUTE=60", "0 to 59"},
		{"FREQ=DAILY;BYSECOND=61", "0 to 60"},
		{"FREQ=DAILY;BYMONTH=13", "1 to 12"},
		{"FREQ=DAILY;BYMONTH=", "no number"},
		{"FREQ=DAILY;BYMONTHDAY=0", "no number"},
		{"FREQ=DAILY;BYMONTHDAY=32", "no number"},
		{"FREQ=YEARLY;BYYEARDAY=-367", "no number"},
		{"FREQ=YEARLY;BYWEEKNO=54", "no number"},
		{"FREQ=YEARLY;BYDAY=54MO", "no number"},
		{"FREQ=YEARLY;BYDAY=M", "no weekday"},
		{"FREQ=YEARLY;BYDAY=XX", "no weekday"},
		{"FREQ=YEARLY;BYDAY=+-1MO", "no number"},
		{"FREQ=WEEKLY;WKST=XX", "no weekday"},
		{"FREQ=WEEKLY;BYDAY=1MO", "MONTHLY or YEARLY"},
		{"FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "exclude"},
		{"FREQ=WEEKLY;BYMONTHDAY=1", "exclude"},
		{"FREQ=MONTHLY;BYYEARDAY=1", "BYYEARDAY"},
		{"FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO"},
		{"FREQ=MONTHLY;BYSETPOS=1", "another"},
		{"RSCALE=CHINESE;FREQ=YEARLY", "Gregorian"},
		{"FREQ=YEARLY;SKIP=FORWARD", "RSCALE"},
		{"FREQ=DAILY;BYHOUR=" + strings.Repeat("1,", maxRuleLength) + "1", "bytes"},
	}
	for _, test := range tests {
		if _, err := ParseRule(test.rule); err == nil || !strings.Contains(err.Error(), test.reason) {
			t.Errorf("ParseRule(%.60q) = %v, want %q", test.rule, err, test.reason)
		}
	}
}

// TestJumpIsWalk: beginning near the window gives what walking from DTSTART gives, for every sort of rule with and without COUNT.
func TestJumpIsWalk(t *testing.T) {
	rules := []string{
		"FREQ=YEARLY", "FREQ=YEARLY;BYWEEKNO=1,53;BYDAY=MO,SU", "FREQ=MONTHLY;BYMONTHDAY=5,-5", "FREQ=MONTHLY;BYMONTHDAY=5,17", "FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2", "FREQ=WEEKLY;BYDAY=SU,MO;WKST=SU",
		"FREQ=WEEKLY;INTERVAL=3;BYDAY=TU,SA", "FREQ=DAILY", "FREQ=DAILY;INTERVAL=7;BYHOUR=3,19", "FREQ=DAILY;BYMONTH=2,11", "FREQ=HOURLY;INTERVAL=5", "FREQ=HOURLY;BYMINUTE=7,8;BYDAY=WE", "FREQ=MINUTELY;INTERVAL=1441",
		"FREQ=SECONDLY;INTERVAL=86399",
	}
	start := at(t, "20200229T101112").civil
	for _, text := range rules {
		for _, end := range []string{"", ";COUNT=1", ";COUNT=2", ";COUNT=100", ";COUNT=1000"} {
			r, err := ParseRule(text + end)
			if err != nil {
				t.Fatal(err)
			}
			var all []int64
			roomy := &Budget{steps: math.MaxInt32}
			if err := r.each(start, minCivil, start+3000*daySeconds, math.MaxInt64, roomy, func(c int64) bool { all = append(all, c); return true }); err != nil {
				t.Fatal(err)
			}
			for from := start - daySeconds; from < start+3000*daySeconds; from += 97*daySeconds + 12345 {
				to := from + 100*daySeconds
				var got, want []int64
				_ = r.each(start, from, to, math.MaxInt64, roomy, func(c int64) bool { got = append(got, c); return true })
				for _, c := range all {
					if c >= from && c < to && c < start+3000*daySeconds {
						want = append(want, c)
					}
				}
				if to <= start+3000*daySeconds && !slices.Equal(got, want) {
					t.Fatalf("%s from %s to %s:\n got %v\nwant %v", text+end, value{civil: from}, value{civil: to}, times(got), times(want))
				}
			}
		}
	}
}

// TestRecurrenceBombs: rules made to cost much end within the budget, and a window far from DTSTART costs no more than one near it.
func TestRecurrenceBombs(t *testing.T) {
	start := at(t, "19700101T000000").civil
	window := at(t, "20261101T000000").civil
	cheap := []string{
		"FREQ=SECONDLY;INTERVAL=3600", "FREQ=DAILY", "FREQ=HOURLY;COUNT=1000000", "FREQ=SECONDLY;INTERVAL=1000;COUNT=100000000", "FREQ=MINUTELY;BYMONTH=1",
		"FREQ=SECONDLY;BYMONTH=11;BYMONTHDAY=3;BYHOUR=4;BYMINUTE=5;BYSECOND=6", "FREQ=SECONDLY;BYYEARDAY=1", "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU", "FREQ=WEEKLY;COUNT=100000;BYDAY=MO,TU",
		"FREQ=SECONDLY;INTERVAL=7;BYHOUR=3;BYMINUTE=1",
	}
	for _, text := range cheap {
		r, err := ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		b := NewBudget()
		if err := r.each(start, window, window+7*daySeconds, math.MaxInt64, b, func(int64) bool { return true }); err != nil {
			t.Errorf("%s: a week costs too much: %v", text, err)
		}
		if spent := MaxSteps - b.steps; spent > 8000 {
			t.Errorf("%s: %d steps for a week", text, spent)
		}
	}
	dear := []string{"FREQ=SECONDLY", "FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9;BYMINUTE=0,1,2,3,4,5,6,7,8,9;BYSECOND=0,1,2,3,4,5,6,7,8,9", "FREQ=SECONDLY;COUNT=100000000;BYDAY=MO", "FREQ=DAILY;BYMONTHDAY=31;BYMONTH=1,2;BYDAY=MO;COUNT=100000"}
	for _, text := range dear {
		r, err := ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		b := NewBudget()
		err = r.each(start, minCivil, maxCivil, math.MaxInt64, b, func(int64) bool { return true })
		if !errors.Is(err, ErrTooMany) {
			t.Errorf("%s over all time: %v, want ErrTooMany", text, err)
		}
	}
}
