package ical

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/dav/contentline"
)

func busyText(periods []Period) string {
	var out []string
	for _, p := range periods {
		out = append(out, fmt.Sprintf("%s/%s %s", instantString(p.Start)[4:13], instantString(p.End)[4:13], p.Type))
	}
	return strings.Join(out, ", ")
}

// TestBusy: what of an object makes its owner busy. RFC 4791 §7.10.
func TestBusy(t *testing.T) {
	const times = "DTSTART:20240301T100000Z\nDTEND:20240301T110000Z\n"
	tests := []struct{ name, comp, want string }{
		{"an event", component("VEVENT", times), "0301T1000/0301T1100 BUSY"},
		{"confirmed", component("VEVENT", times+"STATUS:CONFIRMED\nTRANSP:OPAQUE"), "0301T1000/0301T1100 BUSY"},
		{"tentative", component("VEVENT", times+"STATUS:tentative"), "0301T1000/0301T1100 BUSY-TENTATIVE"},
		{"cancelled", component("VEVENT", times+"STATUS:CANCELLED"), ""},
		{"transparent", component("VEVENT", times+"TRANSP:transparent\nSTATUS:TENTATIVE"), ""},
		{"a moment", component("VEVENT", "DTSTART:20240301T100000Z"), ""},
		{"a day in Berlin", component("VEVENT", "DTSTART;VALUE=DATE:20240302"), "0301T2300/0302T2300 BUSY"},
		{"cut to the range", component("VEVENT", "DTSTART:20240201T000000Z\nDTEND:20240501T000000Z"), "0301T0000/0331T0000 BUSY"},
		{"every week, once tentative", component("VEVENT", "DTSTART;TZID=Europe/Berlin:20240304T080000\nDURATION:PT45M\nRRULE:FREQ=WEEKLY;COUNT=2") + "\n" +
			component("VEVENT", "DTSTART;TZID=Europe/Berlin:20240312T080000\nDURATION:PT45M\nRECURRENCE-ID;TZID=Europe/Berlin:20240311T080000\nSTATUS:TENTATIVE"), "0304T0700/0304T0745 BUSY, 0312T0700/0312T0745 BUSY-TENTATIVE"},
		{"a task", component("VTODO", "DTSTART:20240301T100000Z\nDUE:20240301T110000Z"), ""},
		{"busy times of others", component("VFREEBUSY", "DTSTART:20240301T000000Z\nDTEND:20240401T000000Z\nFREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20240302T100000Z/PT1H\nFREEBUSY;FBTYPE=FREE:20240303T100000Z/PT1H\nFREEBUSY;FBTYPE=X-SLEEPY:20240304T100000Z/20240304T110000Z\nFREEBUSY:20240401T100000Z/PT1H,PT1H,20240305T100000/PT1H,20240306T100000Z/-PT1H"),
			"0302T1000/0302T1100 BUSY-UNAVAILABLE, 0304T1000/0304T1100 BUSY"},
	}
	for _, test := range tests {
		c, _ := mustCheck(t, test.comp)
		got, err := c.Busy(*rangeOf(t, "20240301T000000Z", "20240331T000000Z"), mustLocation(t, "Europe/Berlin"), NewBudget())
		slices.SortFunc(got, func(a, b Period) int { return compare(a.Start, b.Start) })
		if s := busyText(got); err != nil || s != test.want {
			t.Errorf("%s: %s, %v\nwant %s", test.name, s, err, test.want)
		}
	}
	c, _ := mustCheck(t, component("VEVENT", "DTSTART:20240301T000000Z\nDURATION:PT1S\nRRULE:FREQ=MINUTELY"))
	if got, err := c.Busy(*rangeOf(t, "20240301T000000Z", "20240331T000000Z"), nil, NewBudget()); !errors.Is(err, ErrTooMany) || got != nil {
		t.Errorf("%d periods, %v, want ErrTooMany", len(got), err)
	}
}

// TestMerge: periods join, and the stronger type wins where they overlap.
func TestMerge(t *testing.T) {
	p := func(start, end int64, kind Busy) Period { return Period{start, end, kind} }
	tests := []struct {
		name     string
		in, want []Period
	}{
		{"none", nil, nil},
		{"in order", []Period{p(5, 6, BusyTime), p(1, 2, BusyTime)}, []Period{p(1, 2, BusyTime), p(5, 6, BusyTime)}},
		{"touching", []Period{p(1, 2, BusyTime), p(2, 3, BusyTime)}, []Period{p(1, 3, BusyTime)}},
		{"within", []Period{p(1, 9, BusyTime), p(2, 3, BusyTime)}, []Period{p(1, 9, BusyTime)}},
		{"busy within tentative", []Period{p(1, 9, BusyTentative), p(3, 4, BusyTime)}, []Period{p(1, 3, BusyTentative), p(3, 4, BusyTime), p(4, 9, BusyTentative)}},
		{"tentative within busy", []Period{p(3, 4, BusyTentative), p(1, 9, BusyTime)}, []Period{p(1, 9, BusyTime)}},
		{"unavailable over tentative", []Period{p(1, 5, BusyTentative), p(4, 8, BusyUnavailable)}, []Period{p(1, 4, BusyTentative), p(4, 8, BusyUnavailable)}},
		{"free is not busy", []Period{p(1, 5, Free)}, nil},
		{"no time is not busy", []Period{p(5, 5, BusyTime)}, nil},
	}
	for _, test := range tests {
		if got := Merge(slices.Clone(test.in)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// TestMergeIsPointwise: at every moment the merged periods say the strongest of what the given ones say.
func TestMergeIsPointwise(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var periods []Period
		for range r.IntN(12) {
			start := r.Int64N(40)
			periods = append(periods, Period{start, start + r.Int64N(12), Busy(r.IntN(4))})
		}
		strongest := func(list []Period, at int64) (kind Busy) {
			for _, p := range list {
				if p.Start <= at && at < p.End {
					kind = max(kind, p.Type)
				}
			}
			return kind
		}
		merged := Merge(slices.Clone(periods))
		for at := range int64(55) {
			if got, want := strongest(merged, at), strongest(periods, at); got != want {
				t.Fatalf("at %d: %s, want %s; %v became %v", at, got, want, periods, merged)
			}
		}
	}
}

// TestFreeBusyAnswer is the answer to a free-busy-query. RFC 4791 §7.10.1.
func TestFreeBusyAnswer(t *testing.T) {
	start := at(t, "20240301T000000Z").civil
	periods := []Period{{start + 7200, start + 9000, BusyTime}, {start, start + 3600, BusyTime}, {start + 10000, start + 10060, BusyTentative}}
	got := string(FreeBusy(periods, TimeRange{start, start + daySeconds}, time.Unix(start, 0), contentline.Line{Name: "UID", Value: "answer"}))
	want := strings.Join([]string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Schulhof//DAV//EN", "BEGIN:VFREEBUSY", "DTSTAMP:20240301T000000Z", "DTSTART:20240301T000000Z", "DTEND:20240302T000000Z", "UID:answer",
		"FREEBUSY:20240301T000000Z/20240301T010000Z,20240301T020000Z/20240301T023000", " Z", "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20240301T024640Z/20240301T024740Z", "END:VFREEBUSY", "END:VCALENDAR", "",
	}, "\r\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var many []Period
	for i := range int64(100) {
		many = append(many, Period{start + 100*i, start + 100*i + 50, BusyTime})
	}
	c := mustParse(t, string(FreeBusy(many, AllTime(), time.Unix(0, 0))))
	if _, err := c.Check(nil); err == nil || strings.Count(outline(t, c.root.AppendTo(nil), "FREEBUSY"), "/") != 100 {
		t.Errorf("100 periods in pieces: %v\n%s", err, c.root.AppendTo(nil))
	}
}
