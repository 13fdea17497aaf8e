package ical

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"schulhof/dav/contentline"
)

// madeUp is a zone that the tz database does not know: five hours ahead, in summer six, since 1990.
const madeUp = `BEGIN:VTIMEZONE
TZID:School time
BEGIN:STANDARD
DTSTART:19901028T030000
TZOFFSETFROM:+0600
TZOFFSETTO:+0500
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19900325T020000
TZOFFSETFROM:+0500
TZOFFSETTO:+0600
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE`

// TestParseZone: the property calendar-timezone, by a known name and by rules of its own. RFC 4791 §5.2.2.
func TestParseZone(t *testing.T) {
	tzid, loc, err := ParseZone([]byte(calendarOf(madeUp)))
	if err != nil || tzid != "School time" || loc.String() != "School time" {
		t.Fatalf("ParseZone: %q, %v, %v", tzid, loc, err)
	}
	tests := []struct {
		utc    string
		offset int
	}{
		{"19700101T000000Z", 5 * 3600}, // before all rules: what they come from
		{"19900324T205959Z", 5 * 3600},
		{"19900324T210000Z", 6 * 3600},
		{"20240330T205959Z", 5 * 3600},
		{"20240330T210000Z", 6 * 3600},
		{"20241026T205959Z", 6 * 3600},
		{"20241026T210000Z", 5 * 3600},
		{"20630701T000000Z", 6 * 3600},
	}
	for _, test := range tests {
		if _, offset := time.Unix(at(t, test.utc).civil, 0).In(loc).Zone(); offset != test.offset {
			t.Errorf("at %s the offset is %d, want %d", test.utc, offset, test.offset)
		}
	}
	tzid, loc, err = ParseZone([]byte(calendarOf(strings.Replace(madeUp, "School time", "W. Europe Standard Time", 1))))
	if err != nil || tzid != "W. Europe Standard Time" || loc.String() != "Europe/Berlin" {
		t.Errorf("a name that Windows has: %q, %v, %v", tzid, loc, err)
	}
}

// TestParseZoneRefuses: what is no time zone is refused with the reason.
func TestParseZoneRefuses(t *testing.T) {
	standard := func(lines ...string) string {
		return calendarOf("BEGIN:VTIMEZONE\nTZID:x\nBEGIN:STANDARD\n" + strings.Join(lines, "\n") + "\nEND:STANDARD\nEND:VTIMEZONE")
	}
	tests := []struct{ name, text, reason string }{
		{"nothing", calendarOf(), "one VTIMEZONE"},
		{"two", calendarOf(madeUp, madeUp), "one VTIMEZONE"},
		{"an event", calendarOf(component("VEVENT", "DTSTART:20240101T000000Z")), "one VTIMEZONE"},
		{"an event besides", calendarOf(madeUp, component("VEVENT", "DTSTART:20240101T000000Z")), "one VTIMEZONE"},
		{"no name", calendarOf(strings.Replace(madeUp, "TZID:School time", "X-TZID:x", 1)), "no TZID"},
		{"an empty name", calendarOf(strings.Replace(madeUp, "TZID:School time", "TZID:", 1)), "no TZID"},
		{"no rules", calendarOf("BEGIN:VTIMEZONE\nTZID:x\nEND:VTIMEZONE"), "neither STANDARD nor DAYLIGHT"},
		{"no begin", standard("TZOFFSETFROM:+0100", "TZOFFSETTO:+0100"), "missing"},
		{"no offset before", standard("DTSTART:19700101T000000", "TZOFFSETTO:+0100"), "missing"},
		{"no offset after", standard("DTSTART:19700101T000000", "TZOFFSETFROM:+0100"), "missing"},
		{"a begin in UTC", standard("DTSTART:19700101T000000Z", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0100"), "no local time"},
		{"a broken begin", standard("DTSTART:1970", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0100"), "DTSTART"},
		{"a broken offset", standard("DTSTART:19700101T000000", "TZOFFSETFROM:1", "TZOFFSETTO:+0100"), "TZOFFSETFROM"},
		{"a broken rule", standard("DTSTART:19700101T000000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0100", "RRULE:FREQ=X"), "RRULE"},
		{"a broken date", standard("DTSTART:19700101T000000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0100", "RDATE:x"), "RDATE"},
		{"changes every hour", standard("DTSTART:19700101T000000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0100", "RRULE:FREQ=HOURLY"), "YEARLY or MONTHLY"},
	}
	for _, test := range tests {
		_, _, err := ParseZone([]byte(test.text))
		var v *Violation
		if !errors.As(err, &v) || v.Precondition != validData || !strings.Contains(v.Reason, test.reason) {
			t.Errorf("%s: %v, want …%s…", test.name, err, test.reason)
		}
	}
	var syntax *contentline.SyntaxError
	if _, _, err := ParseZone([]byte("BEGIN:VTIMEZONE\n")); !errors.As(err, &syntax) {
		t.Errorf("half a zone: %v, want a syntax error", err)
	}
}

// TestZoneCalendar: what is written for a zone of the tz database is read as that zone, also under a name that only its rules explain.
func TestZoneCalendar(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns"} {
		loc := mustLocation(t, name)
		_, same, err := ParseZone(ZoneCalendar(name, loc))
		if err != nil || same != loc {
			t.Errorf("%s: %v, %v", name, same, err)
		}
		_, rules, err := ParseZone(ZoneCalendar("Our own "+name, loc))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for day := daysOf(1971, 1, 1); day < daysOf(2060, 1, 1); day += 3 {
			at := time.Unix(day*daySeconds, 0)
			_, want := at.In(loc).Zone()
			if _, got := at.In(rules).Zone(); got != want {
				t.Fatalf("%s at %s: offset %d by its rules, want %d", name, at, got, want)
			}
		}
	}
}

// TestSegments: every instant lies in its segment, the segments follow each other without a hole, and neighbours differ; with the list and
// without, within its years and outside. (Package time ends a zone's rule at New Year, and on 31 December of leap years before the instant asked for.)
func TestSegments(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 2))
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tokyo", "UTC", "Europe/Dublin"} {
		loc := mustLocation(t, name)
		for label, z := range map[string]zone{"package time": locationZone{Location: loc}, "list": zoneAt(loc)} {
			probes := []int64{at(t, "20241231T120000Z").civil, at(t, "20481231T235959Z").civil, at(t, "20250101T000000Z").civil, zoneBegin - 1, zoneBegin, zoneEnd - 1, zoneEnd}
			for range 200 {
				probes = append(probes, daysOf(1880, 1, 1)*daySeconds+r.Int64N(300*366*daySeconds))
			}
			for _, instant := range probes {
				offset, begin, end := z.segment(instant)
				_, want := time.Unix(instant, 0).In(loc).Zone()
				if offset != int64(want) || begin > instant || end <= instant {
					t.Fatalf("%s, %s: segment(%d) = %d, %d, %d, want offset %d", name, label, instant, offset, begin, end, want)
				}
				if end == math.MaxInt64 {
					continue
				}
				nextOffset, nextBegin, _ := z.segment(end)
				if nextOffset == offset || nextBegin != end {
					t.Fatalf("%s, %s: after the segment of %d until %d comes one of offset %d from %d", name, label, instant, end, nextOffset, nextBegin)
				}
			}
		}
	}
}

// TestLocationsAreShared: zones are looked up from many requests at once, and each is kept once.
func TestLocationsAreShared(t *testing.T) {
	names := []string{"Europe/Vienna", "Europe/Zurich", "/mozilla.org/20050126_1/Europe/Vienna", "Romance Standard Time", "no such zone"}
	found := make([]map[string]*time.Location, 8)
	var group sync.WaitGroup
	for i := range found {
		found[i] = make(map[string]*time.Location)
		group.Go(func() {
			for _, name := range names {
				found[i][name], _ = Location(name)
			}
		})
	}
	group.Wait()
	for i := range found {
		for _, name := range names {
			if found[i][name] != found[0][name] || (found[i][name] == nil) != (name == "no such zone") {
				t.Errorf("%s is %v here and %v there", name, found[i][name], found[0][name])
			}
		}
	}
}
