package ical

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestBusyByHalfBounds: a VFREEBUSY with DTSTART or DTEND only is known by its periods, wherever they lie. RFC 4791 §9.9.
func TestBusyByHalfBounds(t *testing.T) {
	const periods = "\nFREEBUSY:20240302T100000Z/PT1H,20240305T100000Z/20240305T120000Z"
	for _, bounds := range []string{"", "DTSTART:20240101T000000Z", "DTEND:20240101T000000Z", "DTSTART:20250101T000000Z", "DTSTART:20240101T000000Z\nDTEND:20250101T000000Z"} {
		c, _ := mustCheck(t, component("VFREEBUSY", bounds+periods))
		got, err := c.Busy(*rangeOf(t, "20240301T000000Z", "20240305T110000Z"), nil, NewBudget())
		if s := busyText(got); err != nil || s != "0302T1000/0302T1100 BUSY, 0305T1000/0305T1100 BUSY" {
			t.Errorf("%q: %s, %v", bounds, s, err)
		}
	}
}

// TestBusyOfSeries: exceptions, overrides and their STATUS and TRANSP, in the zone of the series. RFC 4791 §7.10.
func TestBusyOfSeries(t *testing.T) {
	const daily = "DTSTART;TZID=Europe/Berlin:20240301T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4\n"
	override := func(id, lines string) string {
		return component("VEVENT", "RECURRENCE-ID;TZID=Europe/Berlin:"+id+"\nDTSTART;TZID=Europe/Berlin:"+id+"\nDURATION:PT1H\n"+lines)
	}
	tests := []struct {
		name       string
		components []string
		want       string
	}{
		{"an exception is free", []string{component("VEVENT", daily+"EXDATE;TZID=Europe/Berlin:20240302T100000")}, "0301T0900/0301T1000 BUSY, 0303T0900/0303T1000 BUSY, 0304T0900/0304T1000 BUSY"},
		{"one cancelled", []string{component("VEVENT", daily), override("20240303T100000", "STATUS:CANCELLED")}, "0301T0900/0301T1000 BUSY, 0302T0900/0302T1000 BUSY, 0304T0900/0304T1000 BUSY"},
		{"all cancelled but one", []string{component("VEVENT", daily+"STATUS:CANCELLED"), override("20240303T100000", "STATUS:CONFIRMED")}, "0303T0900/0303T1000 BUSY"},
		{"transparent, but for one that is tentative", []string{component("VEVENT", daily+"TRANSP:TRANSPARENT"), override("20240302T100000", "STATUS:TENTATIVE")}, "0302T0900/0302T1000 BUSY-TENTATIVE"},
		{"tentative from one on", []string{component("VEVENT", daily), strings.Replace(override("20240303T100000", "STATUS:TENTATIVE"), "RECURRENCE-ID;", "RECURRENCE-ID;RANGE=THISANDFUTURE;", 1)},
			"0301T0900/0301T1000 BUSY, 0302T0900/0302T1000 BUSY, 0303T0900/0303T1000 BUSY-TENTATIVE, 0304T0900/0304T1000 BUSY-TENTATIVE"},
		{"an unknown STATUS is busy", []string{component("VEVENT", "DTSTART:20240301T090000Z\nDURATION:PT1H\nSTATUS:X-MAYBE")}, "0301T0900/0301T1000 BUSY"},
		{"an unknown TRANSP is busy", []string{component("VEVENT", "DTSTART:20240301T090000Z\nDURATION:PT1H\nTRANSP:X-GLASS")}, "0301T0900/0301T1000 BUSY"},
		{"of a journal nothing", []string{component("VJOURNAL", "DTSTART;VALUE=DATE:20240301")}, ""},
	}
	for _, test := range tests {
		c, _ := mustCheck(t, test.components...)
		got, err := c.Busy(*rangeOf(t, "20240301T000000Z", "20240331T000000Z"), nil, NewBudget())
		slices.SortFunc(got, func(a, b Period) int { return compare(a.Start, b.Start) })
		if s := busyText(got); err != nil || s != test.want {
			t.Errorf("%s: %s, %v\nwant %s", test.name, s, err, test.want)
		}
	}
}

// TestBusyPeriods: what a FREEBUSY holds, and what is passed over. RFC 5545 §3.3.9, §3.8.2.6.
func TestBusyPeriods(t *testing.T) {
	tests := []struct{ line, want string }{
		{"FREEBUSY:20240301T100000Z/PT1H", "0301T1000/0301T1100 BUSY"},
		{"FREEBUSY:20240301T100000Z/+P1DT1H", "0301T1000/0302T1100 BUSY"},
		{"FREEBUSY;FBTYPE=busy-tentative:20240301T100000Z/20240301T103000Z", "0301T1000/0301T1030 BUSY-TENTATIVE"},
		{"FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20240301T100000Z/PT30M, 20240301T120000Z/PT30M", "0301T1000/0301T1030 BUSY-UNAVAILABLE, 0301T1200/0301T1230 BUSY-UNAVAILABLE"},
		{"FREEBUSY;FBTYPE=BUSY:20240301T100000Z/PT1H", "0301T1000/0301T1100 BUSY"},
		{"FREEBUSY;FBTYPE=X-ELSE:20240301T100000Z/PT1H", "0301T1000/0301T1100 BUSY"},
		{"FREEBUSY;FBTYPE=FREE:20240301T100000Z/PT1H", ""},
		{"FREEBUSY:20240301T100000Z/20240301T100000Z", ""},
		{"FREEBUSY:20240301T100000Z/20240301T090000Z", ""},
		{"FREEBUSY:20240301T100000Z/PT0S", ""},
		{"FREEBUSY:20240301T100000Z/-PT1H", ""},
		{"FREEBUSY:20240301T100000/20240301T110000", ""},
		{"FREEBUSY:20240301/P1D", ""},
		{"FREEBUSY:20240301T100000Z", ""},
		{"FREEBUSY:/", ""},
		{"FREEBUSY:", ""},
		{"FREEBUSY:,,20240301T100000Z/PT1H,", "0301T1000/0301T1100 BUSY"},
		{"FREEBUSY:20240301T100000Z/PT1H/PT2H", ""},
		{"X-FREEBUSY:20240301T100000Z/PT1H", ""},
	}
	for _, test := range tests {
		c, _ := mustCheck(t, component("VFREEBUSY", test.line))
		got, err := c.Busy(*rangeOf(t, "20240301T000000Z", "20240331T000000Z"), nil, NewBudget())
		if s := busyText(got); err != nil || s != test.want {
			t.Errorf("%s: %s, %v, want %s", test.line, s, err, test.want)
		}
	}
}

// TestFreeBusyLines: an answer has lines of one type with at most 64 periods, folded at 75 bytes, and the bounds that were asked for. RFC 5545 §3.1.
func TestFreeBusyLines(t *testing.T) {
	start := at(t, "20240301T000000Z").civil
	for _, n := range []int{0, 1, 63, 64, 65, 128, 129} {
		var periods []Period
		for i := range int64(n) {
			periods = append(periods, Period{start + 3600*i, start + 3600*i + 60, BusyTime})
		}
		text := string(FreeBusy(periods, TimeRange{start, start + 400*3600}, time.Unix(start, 0)))
		for line := range strings.SplitSeq(text, "\r\n") {
			if len(line) > 75 {
				t.Errorf("%d periods: a line of %d bytes: %s", n, len(line), line)
			}
		}
		if got, want := strings.Count(text, "\r\nFREEBUSY:"), (n+63)/64; got != want {
			t.Errorf("%d periods: %d lines, want %d", n, got, want)
		}
		c := mustParse(t, text)
		again := periodsOf(t, c)
		if !slices.Equal(again, periods) {
			t.Errorf("%d periods are read as %d", n, len(again))
		}
	}
	mixed := []Period{{start, start + 60, BusyTentative}, {start + 60, start + 120, BusyTime}, {start + 120, start + 180, BusyTentative}, {start + 30, start + 90, BusyUnavailable}}
	got := outline(t, FreeBusy(mixed, AllTime(), time.Unix(start, 0)), "DTSTART", "DTEND", "FREEBUSY")
	want := "VFREEBUSY FREEBUSY;FBTYPE=BUSY-TENTATIVE:20240301T000000Z/20240301T000030Z FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20240301T000030Z/20240301T000100Z" +
		" FREEBUSY:20240301T000100Z/20240301T000200Z FREEBUSY;FBTYPE=BUSY-TENTATIVE:20240301T000200Z/20240301T000300Z"
	if got != want {
		t.Errorf("four types in a row, without bounds:\n got %s\nwant %s", got, want)
	}
}

// periodsOf reads the periods of an answer again.
func periodsOf(t *testing.T, c *Calendar) (out []Period) {
	t.Helper()
	if err := c.begin(nil, NewBudget()); err != nil {
		t.Fatal(err)
	}
	for _, e := range c.entries {
		e.eachBusy(func(p Period) bool { out = append(out, p); return true })
	}
	return out
}

// TestSelectPeriods: limit-freebusy-set keeps whole periods that touch the time, lines without one go. RFC 4791 §9.6.7.
func TestSelectPeriods(t *testing.T) {
	busy := component("VFREEBUSY", "DTSTART:20240301T000000Z\nDTEND:20240401T000000Z\nFREEBUSY:20240301T090000Z/PT1H,20240301T100000Z/PT1H,20240301T110000Z/PT1H\nFREEBUSY;FBTYPE=BUSY-TENTATIVE:20240301T080000Z/PT8H\nFREEBUSY:20240302T100000Z/PT1H")
	tests := []struct{ from, to, want string }{
		{"20240301T100000Z", "20240301T110000Z", " FREEBUSY:20240301T100000Z/PT1H FREEBUSY;FBTYPE=BUSY-TENTATIVE:20240301T080000Z/PT8H"},
		{"20240301T095959Z", "20240301T110001Z", " FREEBUSY:20240301T090000Z/PT1H,20240301T100000Z/PT1H,20240301T110000Z/PT1H FREEBUSY;FBTYPE=BUSY-TENTATIVE:20240301T080000Z/PT8H"},
		{"20240301T160000Z", "20240302T100000Z", ""},
		{"20240302T105959Z", "", " FREEBUSY:20240302T100000Z/PT1H"},
	}
	for _, test := range tests {
		r := DataRequest{LimitFreeBusy: rangeOf(t, test.from, test.to)}
		if got := outline(t, selected(t, r, busy), "FREEBUSY"); got != "VFREEBUSY"+test.want {
			t.Errorf("[%s, %s): %s, want %s", test.from, test.to, got, test.want)
		}
	}
	event := component("VEVENT", "DTSTART:20240301T100000Z\nX-A:FREEBUSY")
	if got := fmt.Sprint(outline(t, selected(t, DataRequest{LimitFreeBusy: rangeOf(t, "", "20200101T000000Z")}, event), "DTSTART", "X-A")); got != "VEVENT DTSTART:20240301T100000Z X-A:FREEBUSY" {
		t.Errorf("an event is left alone: %s", got)
	}
}
