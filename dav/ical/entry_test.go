package ical

import (
	"math"
	"strings"
	"testing"
)

// TestFormsOfTime: one instant in every form that DTSTART has, and what depends on the reader's zone. RFC 5545 §3.3.5, §3.2.19, §3.2.20.
func TestFormsOfTime(t *testing.T) {
	zone := strings.Replace(madeUp, "School time", "Mine", 1) // five hours ahead in winter
	tests := []struct{ line, want string }{
		{"DTSTART:20240301T100000Z", "0301T1000"},
		{"DTSTART;VALUE=DATE-TIME:20240301T100000Z", "0301T1000"},
		{"dtstart;value=date-time:20240301T100000Z", "0301T1000"},
		{"DTSTART;TZID=Europe/Berlin:20240301T110000", "0301T1000"},
		{"DTSTART;TZID=\"Europe/Berlin\":20240301T110000", "0301T1000"},
		{"DTSTART;TZID=W. Europe Standard Time:20240301T110000", "0301T1000"},
		{"DTSTART;TZID=/freeassociation.sourceforge.net/Europe/Berlin:20240301T110000", "0301T1000"},
		{"DTSTART;TZID=Asia/Kathmandu:20240301T154500", "0301T1000"},
		{"DTSTART;TZID=Mine:20240301T150000", "0301T1000"},
		{"DTSTART;TZID=Nowhere:20240301T100000Z", "0301T1000"}, // UTC needs no zone
		{"DTSTART:20240301T110000", "0301T1000"},               // where the reader is: in Berlin
		{"DTSTART;VALUE=DATE:20240301", "0229T2300"},
		{"DTSTART;VALUE=DATE;TZID=America/New_York:20240301", "0229T2300"}, // a date has no zone
	}
	for _, test := range tests {
		if got := starts(t, zone, component("VEVENT", test.line)); got != test.want {
			t.Errorf("%s: %s, want %s", test.line, got, test.want)
		}
	}
}

// TestHostileTimes: times at the borders of what can be written, lengths that add up to more, and lists of nothing are refused or answered; no answer overflows.
func TestHostileTimes(t *testing.T) {
	for _, lines := range []string{
		"DTSTART:00010101T000000Z\nDURATION:P3660000D", "DTSTART:99991231T235959Z\nDURATION:P3660000D", "DTSTART:99991231T235959\nRRULE:FREQ=SECONDLY", "DTSTART;VALUE=DATE:99991231\nRRULE:FREQ=DAILY",
		"DTSTART;TZID=Pacific/Kiritimati:00010101T000000\nRRULE:FREQ=YEARLY;COUNT=2", "DTSTART;TZID=Etc/GMT+12:99991231T235959", "DTSTART:00010101T000000Z\nDTEND:99991231T235959Z\nRRULE:FREQ=YEARLY;COUNT=3",
		"DTSTART:20240301T100000Z\nRDATE:,,,\nEXDATE:,", "DTSTART:20240301T100000Z\nRDATE:00010101T000000Z,99991231T235959Z", "DTSTART:20240301T100000Z\nRRULE:FREQ=YEARLY;INTERVAL=1048576;COUNT=1073741824",
		"DTSTART:20240301T100000Z\nBEGIN:VALARM\nTRIGGER:-P3660000D\nREPEAT:1000\nDURATION:P366D\nEND:VALARM", "DTSTART:20240301T100000Z\nBEGIN:VALARM\nTRIGGER;RELATED=END:P3660000D\nEND:VALARM",
	} {
		text := calendarOf(component("VEVENT", lines))
		if verdict := verify(t, []byte(text)); verdict != "" {
			t.Errorf("%q is refused: %s", lines, verdict)
		}
		c := mustParse(t, text)
		for _, r := range []TimeRange{AllTime(), {math.MinInt64, math.MinInt64 + 1}, {math.MaxInt64 - 1, math.MaxInt64}, {minCivil - 1, minCivil}, {maxCivil, maxCivil + 1}} {
			f := in(CompFilter{Name: "VEVENT", Comps: []CompFilter{{Name: "VALARM", Range: &r}}})
			if ok, err := f.Match(c, nil, NewBudget()); ok && !strings.Contains(lines, "VALARM") || err != nil {
				t.Errorf("%q: an alarm in %v: %t, %v", lines, r, ok, err)
			}
		}
	}
}
