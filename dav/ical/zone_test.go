package ical

import (
	"math"
	"testing"
	"time"

	"schulhof/dav/contentline"
)

func mustLocation(t testing.TB, name string) *time.Location {
	loc, ok := Location(name)
	if !ok {
		t.Fatalf("Location(%q) is unknown", name)
	}
	return loc
}

func at(t testing.TB, s string) value {
	v, err := parseValue(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestClockChanges states when a wall clock shows a time around changes of the clock: a time that is skipped counts
// with the offset from before, a time that comes twice is the first one. RFC 5545 §3.3.5.
func TestClockChanges(t *testing.T) {
	tests := []struct{ zone, civil, utc string }{
		{"Europe/Berlin", "20240331T015959", "20240331T005959Z"}, // forward at 01:00Z, from 2 to 3
		{"Europe/Berlin", "20240331T020000", "20240331T010000Z"},
		{"Europe/Berlin", "20240331T023000", "20240331T013000Z"},
		{"Europe/Berlin", "20240331T025959", "20240331T015959Z"},
		{"Europe/Berlin", "20240331T030000", "20240331T010000Z"},
		{"Europe/Berlin", "20241027T015959", "20241026T235959Z"}, // back at 01:00Z, from 3 to 2
		{"Europe/Berlin", "20241027T020000", "20241027T000000Z"},
		{"Europe/Berlin", "20241027T023000", "20241027T003000Z"},
		{"Europe/Berlin", "20241027T025959", "20241027T005959Z"},
		{"Europe/Berlin", "20241027T030000", "20241027T020000Z"},
		{"Europe/London", "20240331T005959", "20240331T005959Z"}, // forward at 01:00Z, from 1 to 2
		{"Europe/London", "20240331T013000", "20240331T013000Z"},
		{"Europe/London", "20240331T020000", "20240331T010000Z"},
		{"Europe/London", "20241027T010000", "20241027T000000Z"}, // back at 01:00Z, from 2 to 1
		{"Europe/London", "20241027T013000", "20241027T003000Z"},
		{"Europe/London", "20241027T020000", "20241027T020000Z"},
		{"America/New_York", "20240310T015959", "20240310T065959Z"}, // forward at 07:00Z, from 2 to 3
		{"America/New_York", "20240310T023000", "20240310T073000Z"},
		{"America/New_York", "20240310T030000", "20240310T070000Z"},
		{"America/New_York", "20241103T005959", "20241103T045959Z"}, // back at 06:00Z, from 2 to 1
		{"America/New_York", "20241103T013000", "20241103T053000Z"},
		{"America/New_York", "20241103T020000", "20241103T070000Z"},
		{"Australia/Lord_Howe", "20241006T015959", "20241005T152959Z"}, // forward by half an hour at 15:30Z, from 2 to 2:30
		{"Australia/Lord_Howe", "20241006T021500", "20241005T154500Z"},
		{"Australia/Lord_Howe", "20241006T023000", "20241005T153000Z"},
		{"Australia/Lord_Howe", "20240407T012959", "20240406T142959Z"}, // back by half an hour at 15:00Z, from 2 to 1:30
		{"Australia/Lord_Howe", "20240407T014500", "20240406T144500Z"},
		{"Australia/Lord_Howe", "20240407T020000", "20240406T153000Z"},
		{"Pacific/Apia", "20111230T120000", "20111230T220000Z"}, // a day that never was
	}
	for _, test := range tests {
		civil, want := at(t, test.civil).civil, at(t, test.utc)
		loc := mustLocation(t, test.zone)
		written, err := compileZone(WriteZone(test.zone, loc), &Budget{steps: math.MaxInt32})
		if err != nil {
			t.Fatal(err)
		}
		for name, z := range map[string]zone{"package time": locationZone{Location: loc}, "table": listed(loc), "VTIMEZONE": written} {
			fresh, used := newClock(z), newClock(z)
			for _, other := range []int64{-40, 40, -1, 1} { // whatever segment is remembered, the answer is the same
				used.instantOf(civil + other*daySeconds)
				if got := used.instantOf(civil); got != want.civil {
					t.Errorf("%s, %s, after a look at day %+d: instantOf(%s) = %s, want %s", test.zone, name, other, test.civil, value{got, utcTime}, test.utc)
				}
			}
			if got := fresh.instantOf(civil); got != want.civil {
				t.Errorf("%s, %s: instantOf(%s) = %s, want %s", test.zone, name, test.civil, value{got, utcTime}, test.utc)
			}
		}
	}
}

// TestWriteZone compares every zone that Windows has a name for with the VTIMEZONE written of it, at every change of the clock until 2060.
func TestWriteZone(t *testing.T) {
	done := map[string]bool{"": true}
	for windows, name := range windowsZones {
		loc, ok := Location(windows)
		if !ok {
			t.Errorf("%s: the tz database has no %s", windows, name)
			continue
		}
		if done[name] {
			continue
		}
		done[name] = true
		written := contentline.Component{Children: []*contentline.Component{WriteZone(name, loc)}}
		roots, err := contentline.Parse(written.Children[0].AppendTo(nil))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		z, err := compileZone(roots[0], &Budget{steps: math.MaxInt32})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := locationZone{Location: loc}
		for instant, end := int64(zoneBegin), daysOf(2060, 1, 1)*daySeconds; instant < end; {
			offset, _, next := want.segment(instant)
			for _, probe := range []int64{instant, instant + 12*3600, min(next, end) - 1} {
				if probe < instant || probe >= next {
					continue
				}
				if got, _, _ := z.segment(probe); got != offset {
					t.Errorf("%s at %s: offset %d, want %d\n%s", name, value{probe, utcTime}, got, offset, written.Children[0].AppendTo(nil))
					probe, instant = end, end
					break
				}
			}
			instant = max(next, instant)
		}
	}
}

// TestLocation: the names that clients give to zones.
func TestLocation(t *testing.T) {
	tests := []struct{ tzid, want string }{
		{"Europe/Berlin", "Europe/Berlin"},
		{" Europe/Berlin ", "Europe/Berlin"},
		{"W. Europe Standard Time", "Europe/Berlin"},
		{"/freeassociation.sourceforge.net/Tzfile/Europe/Berlin", "Europe/Berlin"},
		{"/freeassociation.sourceforge.net/Europe/Berlin", "Europe/Berlin"},
		{"/citadel.org/20190914_1/America/Argentina/Ushuaia", "America/Argentina/Ushuaia"},
		{"/mozilla.org/20050126_1/Europe/Berlin", "Europe/Berlin"},
		{"/example.com/W. Europe Standard Time", "Europe/Berlin"},
		{"/example.com/UTC", "UTC"},
		{"UTC", "UTC"},
		{"", ""},
		{"Local", ""},
		{"right/Europe/Berlin", ""},
		{"../../etc/passwd", ""},
		{"/", ""},
		{"/a/b/c/d", ""},
		{"Customized Time Zone", ""},
		{"Europe\x00/Berlin", ""},
	}
	for _, test := range tests {
		loc, ok := Location(test.tzid)
		if got := loc.String(); ok != (test.want != "") || ok && got != test.want {
			t.Errorf("Location(%q) = %s, %t, want %q", test.tzid, got, ok, test.want)
		}
	}
}
