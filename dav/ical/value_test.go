package ical

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestCivilDays compares the calendar with package time, day by day where it is dense and at random elsewhere.
func TestCivilDays(t *testing.T) {
	check := func(day int64) {
		year, month, d := dateOf(day)
		want := time.Unix(day*daySeconds, 0).UTC()
		if int(year) != want.Year() || time.Month(month) != want.Month() || int(d) != want.Day() {
			t.Fatalf("dateOf(%d) = %d-%d-%d, want %s", day, year, month, d, want)
		}
		if got := daysOf(year, month, d); got != day {
			t.Fatalf("daysOf(%d, %d, %d) = %d, want %d", year, month, d, got, day)
		}
		if got := weekday(day); got != int64(want.Weekday()+6)%7 {
			t.Fatalf("weekday(%d) = %d, want that of %s", day, got, want.Weekday())
		}
	}
	for day := daysOf(1890, 1, 1); day < daysOf(2110, 1, 1); day++ {
		check(day)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		check(minCivil/daySeconds + r.Int64N((maxCivil-minCivil)/daySeconds))
	}
	if daysOf(2024, 13, 1) != daysOf(2025, 1, 1) {
		t.Error("month 13 is the next January")
	}
}

// TestParseValue: DATE and DATE-TIME, there and back. RFC 5545 §3.3.4, §3.3.5.
func TestParseValue(t *testing.T) {
	for _, s := range []string{"20240229", "20240301T235959", "20240301T235959Z", "00010101", "99991231T000000Z"} {
		v, err := parseValue(s)
		if err != nil || v.String() != s {
			t.Errorf("parseValue(%q) = %s, %v", s, v, err)
		}
	}
	if v, err := parseValue("20161231T235960Z"); err != nil || v.String() != "20161231T235959Z" {
		t.Errorf("a leap second: %s, %v, want the second before", v, err)
	}
	for _, s := range []string{"", "2024", "20240230", "20230229", "20241301", "20240001", "20240100", "00000101", "2024-03-01", "20240301T", "20240301T240000", "20240301T006000", "20240301T000061", "20240301T000000z", "20240301 000000", "20240301T00000 ", "+2240301", "２０２４０３０１"} {
		if v, err := parseValue(s); err == nil {
			t.Errorf("parseValue(%q) = %s, want an error", s, v)
		}
	}
}

// TestParseDuration: RFC 5545 §3.3.6, and what programs write besides.
func TestParseDuration(t *testing.T) {
	tests := []struct {
		s             string
		days, seconds int64
	}{
		{"P15DT5H0M20S", 15, 18020}, {"P7W", 49, 0}, {"PT0S", 0, 0}, {"-PT15M", 0, -900}, {"+P1D", 1, 0}, {"-P1DT1S", -1, -1}, {"P1W2D", 9, 0}, {"PT1H1S", 0, 3601}, {"P0D", 0, 0},
	}
	for _, test := range tests {
		if d, err := parseDuration(test.s); err != nil || d != (duration{test.days, test.seconds}) {
			t.Errorf("parseDuration(%q) = %v, %v, want %d days and %d s", test.s, d, err, test.days, test.seconds)
		}
	}
	for _, s := range []string{"", "P", "PT", "-P", "1H", "P1H", "PT1D", "PT1W", "P1", "PT5", "PTS", "P-1D", "P1DT1HT1M", "P1Y", "P1.5D", "P99999999999D", "P9999999999W", "P" + strings.Repeat("1D", 40)} {
		if d, err := parseDuration(s); err == nil {
			t.Errorf("parseDuration(%q) = %v, want an error", s, d)
		}
	}
}

// TestParseOffset: RFC 5545 §3.3.14.
func TestParseOffset(t *testing.T) {
	for s, want := range map[string]int64{"+0100": 3600, "-0330": -12600, "+0000": 0, "-0000": 0, "+053020": 19820, "-235959": -86399} {
		got, err := parseOffset(s)
		if err != nil || got != want {
			t.Errorf("parseOffset(%q) = %d, %v, want %d", s, got, err, want)
		}
		if again, err := parseOffset(offsetString(got)); err != nil || again != got {
			t.Errorf("offsetString(%d) = %s", got, offsetString(got))
		}
	}
	for _, s := range []string{"", "0100", "+01", "+01:00", "+2400", "+0160", "+010060", "+0x00", "*0100"} {
		if got, err := parseOffset(s); err == nil {
			t.Errorf("parseOffset(%q) = %d, want an error", s, got)
		}
	}
}
