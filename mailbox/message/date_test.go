package message

import (
	"net/mail"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Every time that RFC 5322 can express is read back to the second, in every form that Go writes.
func TestDatesRoundTrip(t *testing.T) {
	layouts := []string{
		time.RFC1123Z, "Mon, _2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 -0700", "02 Jan 2006 15:04:05 -0700 (MST)", time.RFC3339, "2006-01-02 15:04:05 -0700",
		"Mon, 02-Jan-2006 15:04:05 -0700", "Monday, 2 January 2006 15:04:05 -0700", "Mon Jan _2 15:04:05 2006 -0700", "Mon, 2 Jan 2006 15:04:05-0700", "2006-01-02T15:04:05.000-07:00",
	}
	rapid.Check(t, func(rt *rapid.T) {
		zone := time.FixedZone("CET", rapid.IntRange(-14*60, 14*60).Draw(rt, "minutes")*60)
		want := time.Unix(rapid.Int64Range(-2e9, 4e9).Draw(rt, "seconds"), 0).In(zone)
		layout := rapid.SampledFrom(layouts).Draw(rt, "layout")
		text := want.Format(layout)
		if got := ParseDate(text); !got.Equal(want) {
			rt.Fatalf("ParseDate(%q) = %v, want %v", text, got, want)
		}
		if _, offset := ParseDate(text).Zone(); offset != zoneOffset(want) {
			rt.Fatalf("ParseDate(%q) is %d seconds east, want %d", text, offset, zoneOffset(want))
		}
	})
}

func zoneOffset(t time.Time) int {
	_, offset := t.Zone()
	return offset
}

// What the standard library accepts is the same here.
func TestDatesAsTheStandardLibraryReadsThem(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pick := func(from ...string) string { return rapid.SampledFrom(from).Draw(rt, "word") }
		text := pick("", "Mon, ", "Tue,", "Wed , ") + pick("1", "02", " 3", "28", "30", "31") + " " + pick("Jan", "Feb", "jun", "DEC") + " " +
			pick("2026", "1999", "26", "70", "2000") + " " + pick("10:11:12", "00:00", "23:59:59", "7:05", "12:00:60") + " " + pick("+0000", "-0000", "GMT", "+0530", "-1200", "UT", "Z") +
			pick("", " (comment)", " (a (b) c)")
		want, err := mail.ParseDate(text)
		got := ParseDate(text)
		if err == nil && !got.Equal(want) && !twoDigitYear(text) {
			rt.Fatalf("ParseDate(%q) = %v, want %v", text, got, want)
		}
	})
}

// twoDigitYear: Go reads 26 as 2026 and 70 as 1970, RFC 5322 §4.3 reads below 50 as 20xx: they agree for these, but not on what is refused.
func twoDigitYear(text string) bool {
	return strings.Contains(text, " 26 ") || strings.Contains(text, " 70 ")
}

// RFC 5322 §4.3: the zones that have names, and those that have letters.
func TestObsoleteZones(t *testing.T) {
	hours := map[string]float64{
		"UT": 0, "GMT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "Z": 0, "A": 0, "M": 0, "N": 0, "Y": 0,
		"CET": 1, "MEZ": 1, "MET": 1, "CEST": 2, "MESZ": 2, "EET": 2, "BST": 1, "cet": 1, "XYZ": 0, "+02": 2, "+02:30": 2.5, "-0330": -3.5, "+1400": 14, "-1200": -12, "+0000": 0, "-0000": 0,
		"+9999": 0, "+0260": 0, "+": 0, "+x": 0,
	}
	for zone, want := range hours {
		got := ParseDate("Mon, 2 Nov 2026 10:11:12 " + zone)
		if offset := float64(zoneOffset(got)) / 3600; got.IsZero() || offset != want || got.Hour() != 10 {
			t.Errorf("%s: %v, %v hours east, want %v", zone, got, offset, want)
		}
	}
}

// Years of two and three digits. RFC 5322 §4.3.
func TestShortYears(t *testing.T) {
	for text, want := range map[string]int{"00": 2000, "26": 2026, "49": 2049, "50": 1950, "99": 1999, "100": 2000, "126": 2026, "999": 2899, "1000": 1000, "2026": 2026, "9999": 9999} {
		if got := ParseDate("2 Nov " + text + " 10:11:12 +0000"); got.Year() != want {
			t.Errorf("the year %s is %d, want %d", text, got.Year(), want)
		}
	}
}

// What is sent as a date and is none of RFC 5322: still the right moment where one can be told.
func TestDatesThatAreSent(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"twelve hours", "2 Nov 2026 1:02:03 PM", "2026-11-02T13:02:03Z"},
		{"noon", "2 Nov 2026 12:02:03 PM", "2026-11-02T12:02:03Z"},
		{"midnight as 24", "2 Nov 2026 24:00:00 +0000", "2026-11-03T00:00:00Z"},
		{"an ordinal", "2nd Nov 2026 10:00", "2026-11-02T10:00:00Z"},
		{"a German ordinal", "2. Nov 2026 10:00", "2026-11-02T10:00:00Z"},
		{"the American order", "Nov 2, 2026 10:00:00", "2026-11-02T10:00:00Z"},
		{"commas everywhere", "Mon,,2,Nov,2026,10:00:00", "2026-11-02T10:00:00Z"},
		{"tabs", "Mon,\t2\tNov\t2026\t10:00:00\t+0100", "2026-11-02T10:00:00+01:00"},
		{"a comment in the middle", "2 (second) Nov 2026 10:00:00 +0100", "2026-11-02T10:00:00+01:00"},
		{"a zone behind the time", "2 Nov 2026 10:00:00+0100", "2026-11-02T10:00:00+01:00"},
		{"a fraction", "2 Nov 2026 10:00:00.123456 +0100", "2026-11-02T10:00:00+01:00"},
		{"ISO with Z", "2026-11-02T10:00:00Z", "2026-11-02T10:00:00Z"},
		{"ISO without a time", "2026-11-02", "2026-11-02T00:00:00Z"},
		{"a wrong day of the week does not matter", "Fri, 2 Nov 2026 10:00:00 +0000", "2026-11-02T10:00:00Z"},
		{"29 February in a leap year", "29 Feb 2028 10:00:00 +0000", "2028-02-29T10:00:00Z"},
		{"29 February in another", "29 Feb 2026 10:00:00 +0000", ""},
		{"day 0", "0 Nov 2026 10:00:00 +0000", ""},
		{"day 32", "32 Nov 2026 10:00:00 +0000", ""},
		{"an hour that is none", "2 Nov 2026 25:00:00 +0000", "2026-11-02T00:00:00Z"},
		{"no year", "2 Nov 10:00:00", ""},
		{"no day", "Nov 2026 10:00:00", ""},
		{"five digits", "2 Nov 20266 10:00:00", ""},
		{"only a time", "10:00:00 +0000", ""},
		{"only signs", "+++---:::", ""},
		{"an open comment", "2 Nov 2026 10:00:00 (", "2026-11-02T10:00:00Z"},
		{"endless", strings.Repeat("2 Nov 2026 ", 100_000), "2026-11-02T00:00:00Z"},
	}
	for _, tt := range tests {
		got, text := ParseDate(tt.in), ""
		if !got.IsZero() {
			text = got.Format(time.RFC3339)
		}
		if text != tt.want {
			t.Errorf("%s: ParseDate(%.60q) = %s, want %s", tt.name, tt.in, text, tt.want)
		}
	}
}
