package ical

import (
	"strings"
	"testing"
	"time"
)

// TestWindowsNames states what the clock shows in winter and summer under names that Outlook writes: minutes ahead of UTC on 15 January and 15 July 2024.
func TestWindowsNames(t *testing.T) {
	tests := []struct {
		name           string
		winter, summer int
	}{
		{"W. Europe Standard Time", 60, 120},
		{"Central Europe Standard Time", 60, 120},
		{"Romance Standard Time", 60, 120},
		{"GMT Standard Time", 0, 60},
		{"Greenwich Standard Time", 0, 0},
		{"Coordinated Universal Time", 0, 0},
		{"FLE Standard Time", 120, 180},
		{"E. Europe Standard Time", 120, 180},
		{"Israel Standard Time", 120, 180},
		{"South Africa Standard Time", 120, 120},
		{"Russian Standard Time", 180, 180},
		{"Turkey Standard Time", 180, 180},
		{"Iran Standard Time", 210, 210},
		{"India Standard Time", 330, 330},
		{"Nepal Standard Time", 345, 345},
		{"China Standard Time", 480, 480},
		{"Tokyo Standard Time", 540, 540},
		{"Cen. Australia Standard Time", 630, 570},
		{"AUS Eastern Standard Time", 660, 600},
		{"Lord Howe Standard Time", 660, 630},
		{"New Zealand Standard Time", 780, 720},
		{"Newfoundland Standard Time", -210, -150},
		{"Atlantic Standard Time", -240, -180},
		{"Eastern Standard Time", -300, -240},
		{"US Eastern Standard Time", -300, -240},
		{"SA Pacific Standard Time", -300, -300},
		{"Central Standard Time", -360, -300},
		{"Mountain Standard Time", -420, -360},
		{"US Mountain Standard Time", -420, -420},
		{"Pacific Standard Time", -480, -420},
		{"Hawaiian Standard Time", -600, -600},
		{"Dateline Standard Time", -720, -720},
		{"UTC+13", 780, 780},
		{"UTC-11", -660, -660},
	}
	for _, test := range tests {
		for _, name := range []string{test.name, "/example.com/" + test.name, "\"" + test.name + "\""} {
			loc, ok := Location(name)
			if !ok {
				t.Errorf("%s is unknown", name)
				continue
			}
			_, winter := time.Date(2024, 1, 15, 12, 0, 0, 0, time.UTC).In(loc).Zone()
			_, summer := time.Date(2024, 7, 15, 12, 0, 0, 0, time.UTC).In(loc).Zone()
			if winter != 60*test.winter || summer != 60*test.summer {
				t.Errorf("%s is %s: %d and %d minutes ahead, want %d and %d", name, loc, winter/60, summer/60, test.winter, test.summer)
			}
		}
	}
}

// TestNamesThatAreNone: names that would lead out of the tz database, or cost much, name no zone.
func TestNamesThatAreNone(t *testing.T) {
	for _, name := range []string{
		"local", "Europe", "Europe/", "Europe/Berlin/", "..", "/../..", "posix/Europe/Berlin", "Europe\\Berlin", "\x00", "GMT+1 something", "w. europe standard time",
		strings.Repeat("/", maxTZID), strings.Repeat("a", maxTZID+1), "/" + strings.Repeat("x/", 120) + "y",
	} {
		if loc, ok := Location(name); ok || loc != nil {
			t.Errorf("Location(%.60q) = %s", name, loc)
		}
	}
}

// zoneLines writes a zone as one line a part: its name, begin, offsets and what repeats it.
func zoneLines(t *testing.T, name string) string {
	return outline(t, ZoneCalendar(name, mustLocation(t, name)), "TZNAME", "DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE")
}

// TestWrittenZones states the VTIMEZONE of zones whose history is short: rules where the tz database has rules, single dates where it has none.
func TestWrittenZones(t *testing.T) {
	tests := []struct{ name, want string }{
		{"UTC", "VTIMEZONE\nSTANDARD TZNAME:UTC DTSTART:19700101T000000 TZOFFSETFROM:+0000 TZOFFSETTO:+0000"},
		{"Asia/Kolkata", "VTIMEZONE\nSTANDARD TZNAME:IST DTSTART:19700101T053000 TZOFFSETFROM:+0530 TZOFFSETTO:+0530"},
		{"Etc/GMT+12", "VTIMEZONE\nSTANDARD TZNAME:-12 DTSTART:19691231T120000 TZOFFSETFROM:-1200 TZOFFSETTO:-1200"},
		{"Asia/Tokyo", "VTIMEZONE\nSTANDARD TZNAME:JST DTSTART:19700101T090000 TZOFFSETFROM:+0900 TZOFFSETTO:+0900"},
		{"Asia/Kathmandu", "VTIMEZONE\nSTANDARD TZNAME:+0530 DTSTART:19700101T053000 TZOFFSETFROM:+0530 TZOFFSETTO:+0530\nSTANDARD TZNAME:+0545 DTSTART:19860101T000000 TZOFFSETFROM:+0530 TZOFFSETTO:+0545"},
	}
	for _, test := range tests {
		if got := zoneLines(t, test.name); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
	rules := []struct{ name, part string }{
		{"Europe/Berlin", "DAYLIGHT TZNAME:CEST DTSTART:19810329T020000 TZOFFSETFROM:+0100 TZOFFSETTO:+0200 RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"},
		{"Europe/Berlin", "STANDARD TZNAME:CET DTSTART:19961027T030000 TZOFFSETFROM:+0200 TZOFFSETTO:+0100 RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"},
		{"Europe/London", "STANDARD TZNAME:GMT DTSTART:19961027T020000 TZOFFSETFROM:+0100 TZOFFSETTO:+0000 RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"},
		{"America/New_York", "DAYLIGHT TZNAME:EDT DTSTART:20070311T020000 TZOFFSETFROM:-0500 TZOFFSETTO:-0400 RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU"},
		{"America/New_York", "STANDARD TZNAME:EST DTSTART:20071104T020000 TZOFFSETFROM:-0400 TZOFFSETTO:-0500 RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU"},
		{"Australia/Lord_Howe", "DAYLIGHT TZNAME:+11 DTSTART:20081005T020000 TZOFFSETFROM:+1030 TZOFFSETTO:+1100 RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=1SU"},
	}
	for _, test := range rules {
		if got := "\n" + zoneLines(t, test.name) + "\n"; !strings.Contains(got, "\n"+test.part+"\n") {
			t.Errorf("%s has no %s in\n%s", test.name, test.part, got)
		}
	}
}
