package ical

import (
	"math"
	"strings"
	"testing"
)

// TestRuleParts states the days of rules, one part of RFC 5545 §3.3.10 after the other, with dates read off a calendar.
func TestRuleParts(t *testing.T) {
	tests := []struct{ name, start, rule, want string }{
		{"BYSETPOS: the first working day", "20240101", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1;COUNT=6", "20240101 20240201 20240301 20240401 20240501 20240603"},
		{"BYSETPOS: the last working day", "20240131", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=6", "20240131 20240229 20240329 20240430 20240531 20240628"},
		{"BYSETPOS: the middle one from both ends is one", "20240110", "FREQ=MONTHLY;BYMONTHDAY=1,10,20;BYSETPOS=2,-2;COUNT=3", "20240110 20240210 20240310"},
		{"BYSETPOS: a fourth Thursday of November", "20241128", "FREQ=YEARLY;BYMONTH=11;BYDAY=TH;BYSETPOS=4;COUNT=4", "20241128 20251127 20261126 20271125"},
		{"BYSETPOS: the last of a week's days", "20240105", "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=-1;COUNT=3", "20240105 20240112 20240119"},
		{"BYSETPOS: a week from Sunday begins with Sunday", "20240107", "FREQ=WEEKLY;BYDAY=SA,SU;WKST=SU;BYSETPOS=1;COUNT=3", "20240107 20240114 20240121"},
		{"BYSETPOS: a week from Monday ends with it", "20240106", "FREQ=WEEKLY;BYDAY=SA,SU;WKST=MO;BYSETPOS=1;COUNT=3", "20240106 20240113 20240120"},
		{"BYSETPOS: the 366th day of a year", "20241231", "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=366;COUNT=2", "20241231 20281231"},
		{"BYSETPOS: the 100th day of a year", "20240409", "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=100;COUNT=3", "20240409 20250410 20260410"},
		{"BYSETPOS: what lies before DTSTART takes its place", "20240115", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1,3;COUNT=3", "20240115 20240205 20240219"},

		{"BYWEEKNO: week 1 from Sunday", "20231231", "FREQ=YEARLY;BYWEEKNO=1;BYDAY=SU;WKST=SU;COUNT=4", "20231231 20241229 20260104 20270103"},
		{"BYWEEKNO: week 53 from Sunday", "20251228", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=SU;WKST=SU;COUNT=2", "20251228 20311228"},
		{"BYWEEKNO: 53rd from the end, where there are so many", "20191230", "FREQ=YEARLY;BYWEEKNO=-53;BYDAY=MO;COUNT=3", "20191230 20251229 20311229"},
		{"BYWEEKNO: week 20 on DTSTART's weekday", "20240515", "FREQ=YEARLY;BYWEEKNO=20;COUNT=3", "20240515 20250514 20260513"},
		{"BYWEEKNO: week 1, but in January", "20240101", "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO;BYMONTH=1;COUNT=3", "20240101 20270104 20280103"},
		{"BYWEEKNO: every other year of the calendar, to which the last of December belongs", "20240102", "FREQ=YEARLY;INTERVAL=2;BYWEEKNO=1;BYDAY=TU;COUNT=3", "20240102 20241231 20280104"},

		{"BYYEARDAY: -366 is New Year of leap years", "20240101", "FREQ=YEARLY;BYYEARDAY=-366;COUNT=2", "20240101 20280101"},
		{"BYYEARDAY: -365 is one of two days", "20240102", "FREQ=YEARLY;BYYEARDAY=-365;COUNT=5", "20240102 20250101 20260101 20270101 20280102"},
		{"BYYEARDAY: 60 is one of two days", "20240229", "FREQ=YEARLY;BYYEARDAY=60;COUNT=5", "20240229 20250301 20260301 20270301 20280229"},
		{"BYYEARDAY: -307 is the last of February", "20240229", "FREQ=YEARLY;BYYEARDAY=-307;COUNT=3", "20240229 20250228 20260228"},
		{"BYYEARDAY: a day twice is once", "20240101", "FREQ=YEARLY;BYYEARDAY=1,-1,1,-366;COUNT=4", "20240101 20241231 20250101 20251231"},
		{"BYYEARDAY: limited by BYDAY", "20240107", "FREQ=YEARLY;BYYEARDAY=1,2,3,4,5,6,7;BYDAY=SU;COUNT=3", "20240107 20250105 20260104"},
		{"BYYEARDAY: limited by BYMONTH", "20240201", "FREQ=YEARLY;BYYEARDAY=32,60;BYMONTH=2;COUNT=4", "20240201 20240229 20250201 20260201"},
		{"BYYEARDAY: limited by BYMONTHDAY", "20240229", "FREQ=YEARLY;BYYEARDAY=60;BYMONTHDAY=1,29;COUNT=3", "20240229 20250301 20260301"},

		{"BYMONTHDAY: the last, by two names", "20240131", "FREQ=MONTHLY;BYMONTHDAY=31,-1;COUNT=4", "20240131 20240229 20240331 20240430"},
		{"BYMONTHDAY: -31 is the first of long months", "20240101", "FREQ=MONTHLY;BYMONTHDAY=-31;COUNT=5", "20240101 20240301 20240501 20240701 20240801"},
		{"BYMONTHDAY: the last of February, yearly", "20240229", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1;COUNT=5", "20240229 20250228 20260228 20270228 20280229"},
		{"BYMONTHDAY: -30 within a year", "20240102", "FREQ=YEARLY;BYMONTH=1,2,4;BYMONTHDAY=-30;COUNT=4", "20240102 20240401 20250102 20250401"},
		{"BYMONTHDAY: Fridays that are the 13th", "20240913", "FREQ=YEARLY;BYMONTHDAY=13;BYDAY=FR;COUNT=6", "20240913 20241213 20250613 20260213 20260313 20261113"},
		{"BYMONTHDAY: daily is limited by it", "20240131", "FREQ=DAILY;BYMONTHDAY=-1;COUNT=3", "20240131 20240229 20240331"},
		{"BYMONTHDAY: daily, in leap years", "20240229", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;COUNT=2", "20240229 20280229"},

		{"BYDAY: the first Monday of a year", "20240101", "FREQ=YEARLY;BYDAY=1MO;COUNT=3", "20240101 20250106 20260105"},
		{"BYDAY: the last Friday of a year", "20241227", "FREQ=YEARLY;BYDAY=-1FR;COUNT=3", "20241227 20251226 20261225"},
		{"BYDAY: a 53rd Wednesday", "20251231", "FREQ=YEARLY;BYDAY=53WE;COUNT=3", "20251231 20311231 20361231"},
		{"BYDAY: the last Sundays of two months", "20240331", "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU;COUNT=4", "20240331 20241027 20250330 20251026"},
		{"BYDAY: a first Monday that is not the 1st", "20240205", "FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=2,3,4,5,6,7;COUNT=3", "20240205 20240304 20240506"},
		{"BYDAY: the fifth from the end, where there are five", "20240303", "FREQ=MONTHLY;BYDAY=-5SU;COUNT=4", "20240303 20240602 20240901 20241201"},
		{"BYDAY: +1MO is 1MO", "20240101", "FREQ=MONTHLY;BYDAY=+1MO;COUNT=3", "20240101 20240205 20240304"},
		{"BYDAY: working days over a weekend", "20240104", "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;COUNT=4", "20240104 20240105 20240108 20240109"},
		{"BYDAY: every third day, if it is a Monday", "20240101", "FREQ=DAILY;INTERVAL=3;BYDAY=MO;COUNT=3", "20240101 20240122 20240212"},

		{"BYMONTH: weekly, in two months", "20240129", "FREQ=WEEKLY;BYMONTH=1,12;COUNT=4", "20240129 20241202 20241209 20241216"},
		{"BYMONTH: monthly is limited by it", "20240115", "FREQ=MONTHLY;BYMONTH=1,7;COUNT=4", "20240115 20240715 20250115 20250715"},
		{"BYMONTH: every fifth month, if it is January", "20240115", "FREQ=MONTHLY;INTERVAL=5;BYMONTH=1;COUNT=3", "20240115 20290115 20340115"},
		{"BYMONTH: days that a month lacks", "20240131", "FREQ=YEARLY;BYMONTH=1,2,3;COUNT=4", "20240131 20240331 20250131 20250331"},

		{"leap days every four years", "20240229", "FREQ=YEARLY;INTERVAL=4;COUNT=3", "20240229 20280229 20320229"},
		{"leap days every hundred years", "20000229", "FREQ=YEARLY;INTERVAL=100;COUNT=2", "20000229 24000229"},
		{"leap days every twelve months", "20240229", "FREQ=MONTHLY;INTERVAL=12;COUNT=2", "20240229 20280229"},
		{"every 366 days", "20240101", "FREQ=DAILY;INTERVAL=366;COUNT=6", "20240101 20250101 20260102 20270103 20280104 20290104"},
		{"the 30th passes over February", "20240130", "FREQ=MONTHLY;COUNT=3", "20240130 20240330 20240430"},
		{"every 52 weeks", "20240229", "FREQ=WEEKLY;INTERVAL=52;COUNT=3", "20240229 20250227 20260226"},
	}
	for _, test := range tests {
		var got []string
		for _, s := range expandRule(t, test.start+"T120000", test.rule, math.MaxInt) {
			got = append(got, strings.TrimSuffix(s, "T120000"))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %s from %s:\n got %s\nwant %s", test.name, test.rule, test.start, strings.Join(got, " "), test.want)
		}
	}
}

// TestWeekStart: WKST says which days of every other week belong together. RFC 5545 §3.3.10.
func TestWeekStart(t *testing.T) {
	const together, apart = "20240102 20240105 20240116 20240119", "20240102 20240112 20240116 20240126"
	for day, want := range map[string]string{"MO": together, "TU": together, "WE": apart, "TH": apart, "FR": apart, "SA": together, "SU": together, "": together} {
		rule := "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,FR;COUNT=4"
		if day != "" {
			rule += ";WKST=" + day
		}
		if got := strings.ReplaceAll(strings.Join(expandRule(t, "20240102T120000", rule, math.MaxInt), " "), "T120000", ""); got != want {
			t.Errorf("WKST=%s: %s, want %s", day, got, want)
		}
	}
	tests := []struct{ name, start, rule, want string }{
		{"over New Year, weeks from Monday", "20241229", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=MO;COUNT=4", "20241229 20250106 20250112 20250120"},
		{"over New Year, weeks from Sunday", "20241229", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU;COUNT=4", "20241229 20241230 20250112 20250113"},
		{"every week it makes no difference", "20241229", "FREQ=WEEKLY;BYDAY=MO,SU;WKST=WE;COUNT=4", "20241229 20241230 20250105 20250106"},
	}
	for _, test := range tests {
		if got := strings.ReplaceAll(strings.Join(expandRule(t, test.start+"T120000", test.rule, math.MaxInt), " "), "T120000", ""); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// TestTimesOfRules: parts of a day multiply the instances of long frequencies and limit those of short ones.
func TestTimesOfRules(t *testing.T) {
	tests := []struct{ name, start, rule, want string }{
		{"hours and minutes multiply", "01T090000", "FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0,30;COUNT=5", "01T090000 01T093000 01T170000 01T173000 02T090000"},
		{"in order, however they are written", "01T090000", "FREQ=DAILY;BYHOUR=17,9;BYMINUTE=30,0;COUNT=4", "01T090000 01T093000 01T170000 01T173000"},
		{"DTSTART comes first, named or not", "01T080000", "FREQ=DAILY;BYHOUR=9;COUNT=3", "01T080000 01T090000 02T090000"},
		{"an hour that is over has to wait", "01T100000", "FREQ=DAILY;BYHOUR=9;COUNT=3", "01T100000 02T090000 03T090000"},
		{"every sixth hour, if it is midnight or noon", "01T000000", "FREQ=HOURLY;INTERVAL=6;BYHOUR=0,12;COUNT=4", "01T000000 01T120000 02T000000 02T120000"},
		{"every fifth hour, if it is midnight", "01T000000", "FREQ=HOURLY;INTERVAL=5;BYHOUR=0;COUNT=3", "01T000000 06T000000 11T000000"},
		{"hourly, at two minutes", "01T221500", "FREQ=HOURLY;BYMINUTE=15,45;COUNT=4", "01T221500 01T224500 01T231500 01T234500"},
		{"every 45 minutes", "01T230000", "FREQ=MINUTELY;INTERVAL=45;COUNT=4", "01T230000 01T234500 02T003000 02T011500"},
		{"minutely, at two seconds", "01T090000", "FREQ=MINUTELY;BYSECOND=30,0;COUNT=4", "01T090000 01T090030 01T090100 01T090130"},
		{"minutely, on the hour", "01T090000", "FREQ=MINUTELY;BYMINUTE=0;COUNT=3", "01T090000 01T100000 01T110000"},
		{"every 90 seconds", "01T235900", "FREQ=SECONDLY;INTERVAL=90;COUNT=3", "01T235900 02T000030 02T000200"},
		{"secondly, limited three times", "01T090015", "FREQ=SECONDLY;BYSECOND=15;BYMINUTE=0,1;BYHOUR=9;COUNT=3", "01T090015 01T090115 02T090015"},
		{"secondly, on Wednesdays", "01T235959", "FREQ=SECONDLY;BYDAY=WE;COUNT=2", "01T235959 03T000000"},
		{"the second of three hours", "01T120000", "FREQ=DAILY;BYHOUR=8,12,16;BYSETPOS=2;COUNT=3", "01T120000 02T120000 03T120000"},
		{"the last quarter of an hour", "01T224500", "FREQ=HOURLY;BYMINUTE=0,15,30,45;BYSETPOS=-1;COUNT=3", "01T224500 01T234500 02T004500"},
		{"BYSETPOS counts times, not days", "01T200000", "FREQ=WEEKLY;BYDAY=MO,TU;BYHOUR=8,20;BYSETPOS=2,3;COUNT=4", "01T200000 02T080000 08T200000 09T080000"},
		{"week days and hours", "01T080000", "FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=8,9;COUNT=5", "01T080000 01T090000 04T080000 04T090000 08T080000"},
		{"hours of a day of the year", "01T060000", "FREQ=HOURLY;BYYEARDAY=1,2;BYHOUR=6;COUNT=2", "01T060000 02T060000"},
	}
	for _, test := range tests {
		var got []string
		for _, s := range expandRule(t, "202401"+test.start, test.rule, math.MaxInt) {
			got = append(got, strings.TrimPrefix(s, "202401"))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %s from %s:\n got %s\nwant %s", test.name, test.rule, test.start, strings.Join(got, " "), test.want)
		}
	}
}

// starts lists the instances of components as UTC times without the year and seconds.
func starts(t testing.TB, components ...string) string {
	t.Helper()
	c, _ := mustCheck(t, components...)
	all, err := c.Instances(AllTime(), mustLocation(t, "Europe/Berlin"), NewBudget())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, in := range all {
		out = append(out, in.Start.Format("0102T1504"))
	}
	return strings.Join(out, " ")
}

// TestUntil: UNTIL includes the instance it names, in each form that programs write it. RFC 5545 §3.3.10.
func TestUntil(t *testing.T) {
	const berlin = "DTSTART;TZID=Europe/Berlin:20240301T100000"
	tests := []struct{ name, start, until, want string }{
		{"UTC, the very instant", berlin, "20240303T090000Z", "0301T0900 0302T0900 0303T0900"},
		{"UTC, a second before", berlin, "20240303T085959Z", "0301T0900 0302T0900"},
		{"UTC, over the date line of the zone", "DTSTART;TZID=America/New_York:20240301T200000", "20240303T010000Z", "0302T0100 0303T0100"},
		{"a date", berlin, "20240303", "0301T0900 0302T0900 0303T0900"},
		{"a date, late in the evening there", "DTSTART;TZID=America/New_York:20240301T233000", "20240302", "0302T0430 0303T0430"},
		{"a local time", berlin, "20240303T100000", "0301T0900 0302T0900 0303T0900"},
		{"a local time, a second before", berlin, "20240303T095959", "0301T0900 0302T0900"},
		{"UTC for UTC", "DTSTART:20240301T100000Z", "20240302T100000Z", "0301T1000 0302T1000"},
		{"a local time for UTC", "DTSTART:20240301T100000Z", "20240302T100000", "0301T1000 0302T1000"},
		{"UTC for floating times", "DTSTART:20240301T100000", "20240302T090000Z", "0301T0900 0302T0900"},
		{"UTC for floating times, a second before", "DTSTART:20240301T100000", "20240302T085959Z", "0301T0900"},
		{"a date for dates", "DTSTART;VALUE=DATE:20240301", "20240303", "0229T2300 0301T2300 0302T2300"},
		{"midnight for dates", "DTSTART;VALUE=DATE:20240301", "20240303T000000Z", "0229T2300 0301T2300 0302T2300"},
		{"the evening before, for dates", "DTSTART;VALUE=DATE:20240301", "20240302T230000Z", "0229T2300 0301T2300"},
		{"before DTSTART", berlin, "20230101T000000Z", "0301T0900"},
		{"DTSTART itself", berlin, "20240301T090000Z", "0301T0900"},
	}
	for _, test := range tests {
		if got := starts(t, component("VEVENT", test.start+"\nRRULE:FREQ=DAILY;UNTIL="+test.until)); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
