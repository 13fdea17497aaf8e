package ical

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"schulhof/dav/contentline"
)

// verify takes any bytes through everything a server does with them, and holds what must be true of every answer. It returns why the object
// is refused, "" if it is accepted.
func verify(t testing.TB, text []byte) (verdict string) {
	t.Helper()
	c, err := Parse(text)
	if err != nil {
		var syntax *contentline.SyntaxError
		if !errors.As(err, &syntax) || syntax.Reason == "" {
			t.Fatalf("Parse: %v is no syntax error with a reason", err)
		}
		return validData + ": " + err.Error()
	}
	o, err := c.Check(nil)
	if err != nil {
		var v *Violation
		if !errors.As(err, &v) || v.Reason == "" || !strings.Contains("valid-calendar-data valid-calendar-object-resource supported-calendar-component", v.Precondition) {
			t.Fatalf("Check: %v is no violation with a precondition and a reason", err)
		}
		return err.Error()
	}
	if o.First > o.Last && o.Component != "VJOURNAL" {
		t.Fatalf("First %d after Last %d", o.First, o.Last)
	}
	verifyWindow(t, c, o, TimeRange{math.MinInt64, math.MaxInt64})
	verifyWindow(t, c, o, TimeRange{1.7e9, 1.7e9 + 30*daySeconds})
	verifyWindow(t, c, o, TimeRange{max(o.First, minCivil), max(o.First, minCivil) + 7*daySeconds})
	return ""
}

func verifyWindow(t testing.TB, c *Calendar, o *Object, r TimeRange) {
	t.Helper()
	berlin := mustLocation(t, "Europe/Berlin")
	instances, err := c.Instances(r, berlin, NewBudget())
	if err != nil && !errors.Is(err, ErrTooMany) {
		t.Fatalf("Instances: %v", err)
	}
	for _, in := range instances {
		if s, e := in.Start.Unix(), in.End.Unix(); s < o.First || e > o.Last {
			t.Fatalf("an instance from %d to %d, but the index says %d to %d", s, e, o.First, o.Last)
		}
	}
	f := &Filter{Comp: CompFilter{Name: "VCALENDAR", Comps: []CompFilter{{Name: o.Component, Range: &r}}}}
	match, matchErr := f.Match(c, berlin, NewBudget())
	if err == nil && (matchErr != nil || match != (len(instances) > 0)) {
		t.Fatalf("%d instances, but the filter says %t, %v", len(instances), match, matchErr)
	}
	if stored, storedErr := f.MatchStored(c.root.AppendTo(nil), berlin, NewBudget()); matchErr == nil && (stored != match || storedErr != nil) {
		t.Fatalf("MatchStored says %t, %v, Match says %t", stored, storedErr, match)
	}
	if decided, sure := f.Decide(o); sure && matchErr == nil && decided != match {
		t.Fatalf("the index decides %t, the filter %t, for %+v in %+v", decided, match, o, r)
	}
	periods, err := c.Busy(r, berlin, NewBudget())
	if err != nil && !errors.Is(err, ErrTooMany) {
		t.Fatalf("Busy: %v", err)
	}
	merged := Merge(periods)
	for i, p := range merged {
		if p.Start >= p.End || i > 0 && merged[i-1].End > p.Start {
			t.Fatalf("merged periods overlap: %v", merged)
		}
	}
	if _, err := Parse(FreeBusy(periods, r, time.Unix(0, 0))); err != nil {
		t.Fatalf("the answer to a free-busy-query: %v", err)
	}
	for _, request := range []DataRequest{{Expand: &r}, {LimitRecurrence: &r, Zones: ZonesIncluded}, {LimitFreeBusy: &r, Zones: ZonesByReference}} {
		out, err := c.Select(&request, berlin, NewBudget())
		if errors.Is(err, ErrTooMany) {
			continue
		}
		if err != nil {
			t.Fatalf("Select: %v", err)
		}
		again, err := Parse(out)
		if err != nil {
			if len(out) > contentline.MaxObject || strings.Count(string(out), "\n") > contentline.MaxLines {
				continue
			}
			t.Fatalf("Select wrote what cannot be read: %v\n%s", err, out)
		}
		if request.Expand == nil {
			if _, err := again.Check(nil); err != nil {
				t.Fatalf("Select wrote what could not be stored: %v\n%s", err, out)
			}
		}
	}
}

// seeds are objects that exercise every part.
func seeds() []string {
	zone := "BEGIN:VTIMEZONE\nTZID:Made up\nBEGIN:STANDARD\nDTSTART:19701025T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nEND:STANDARD\n" +
		"BEGIN:DAYLIGHT\nDTSTART:19700329T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nRDATE:20330101T000000\nEND:DAYLIGHT\nEND:VTIMEZONE"
	return []string{
		calendarOf(zone, component("VEVENT", "DTSTART;TZID=Made up:20240301T100000\nDTEND;TZID=Made up:20240301T110000\nRRULE:FREQ=WEEKLY;BYDAY=MO,FR;UNTIL=20250101T000000Z\nEXDATE;TZID=Made up:20240308T100000\nRDATE;VALUE=PERIOD:20240309T100000Z/PT5H"),
			component("VEVENT", "RECURRENCE-ID;TZID=Made up;RANGE=THISANDFUTURE:20240315T100000\nDTSTART;TZID=Made up:20240316T120000\nDURATION:PT2H\nSTATUS:TENTATIVE")),
		calendarOf(component("VEVENT", "DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY\nTRANSP:TRANSPARENT\nBEGIN:VALARM\nTRIGGER;RELATED=END:-P1DT2H\nREPEAT:3\nDURATION:PT5M\nACTION:DISPLAY\nEND:VALARM")),
		calendarOf(component("VEVENT", "DTSTART:19700101T000000Z\nRRULE:FREQ=SECONDLY\nDURATION:PT1S")),
		calendarOf(component("VEVENT", "DTSTART:00010101T000000Z\nDURATION:P3650000D\nRRULE:FREQ=HOURLY")),
		calendarOf(component("VEVENT", "DTSTART:99991231T235959\nRRULE:FREQ=MONTHLY;BYSETPOS=-1;BYDAY=MO")),
		calendarOf(component("VTODO", "DUE;TZID=Europe/Berlin:20240301T100000\nRRULE:FREQ=DAILY;COUNT=5\nCOMPLETED:20240302T000000Z")),
		calendarOf(component("VTODO", "DTSTART:20240301T100000Z\nDURATION:P1D\nBEGIN:VALARM\nTRIGGER;VALUE=DATE-TIME:20240301T090000Z\nEND:VALARM")),
		calendarOf(component("VJOURNAL", "DTSTART;VALUE=DATE:20240301\nSUMMARY:Grüße\\, alle")),
		calendarOf(component("VFREEBUSY", "DTSTART:20240301T000000Z\nDTEND:20240401T000000Z\nFREEBUSY;FBTYPE=BUSY-TENTATIVE:20240302T100000Z/PT1H,20240303T100000Z/20240303T120000Z\nFREEBUSY:x/y")),
		calendarOf(component("VAVAILABILITY", "DTSTART;TZID=Europe/Berlin:20240301T000000\nBEGIN:AVAILABLE\nUID:a\nDTSTART;TZID=Europe/Berlin:20240301T080000\nDTEND;TZID=Europe/Berlin:20240301T160000\nRRULE:FREQ=WEEKLY;BYDAY=MO\nEND:AVAILABLE")),
	}
}

func FuzzObject(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s))
	}
	if dir := os.Getenv("SCHULHOF_CORPUS"); dir != "" {
		files, _ := filepath.Glob(filepath.Join(dir, "ical", "*"))
		for _, name := range files {
			if text, err := os.ReadFile(name); err == nil && len(text) < 8<<10 {
				f.Add(text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) { verify(t, text) })
}

// FuzzRule: what ParseRule takes goes on in order, after its start, within the window and the budget.
func FuzzRule(f *testing.F) {
	for _, s := range []string{"FREQ=DAILY", "FREQ=YEARLY;BYWEEKNO=1,-1,53;BYDAY=MO", "FREQ=MONTHLY;BYDAY=2TU,-1FR;BYSETPOS=-1;COUNT=7", "FREQ=SECONDLY;INTERVAL=1048576;BYSECOND=60;BYYEARDAY=-366", "FREQ=MONTHLY;BYMONTHDAY=-31;UNTIL=99991231;WKST=SU"} {
		f.Add(s, int64(1.7e9), int64(1.8e9), int64(1e7))
	}
	f.Add("FREQ=YEARLY;BYDAY=53MO", int64(-62135596800), int64(math.MaxInt64), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, text string, start, from, length int64) {
		r, err := ParseRule(text)
		if err != nil {
			return
		}
		start = minCivil + floorMod(start, maxCivil-minCivil)
		to := int64(math.MaxInt64)
		if length >= 0 && from < math.MaxInt64-length {
			to = from + length
		}
		last, n := start, 0
		b := NewBudget()
		err = r.each(start, from, to, math.MaxInt64, b, func(civil int64) bool {
			if civil <= last || civil < from || civil >= to || civil > maxCivil {
				t.Fatalf("%s from %d: %d after %d, in [%d, %d)", text, start, civil, last, from, to)
			}
			last = civil
			n++
			return true
		})
		if err != nil && !errors.Is(err, ErrTooMany) || n > MaxSteps || r.count > 0 && int64(n) >= r.count {
			t.Fatalf("%s: %d instances, %v", text, n, err)
		}
	})
}

// FuzzZone: a VTIMEZONE that is taken has segments that follow each other without a hole, and civil times go there and back.
func FuzzZone(f *testing.F) {
	for _, name := range []string{"Europe/Berlin", "Africa/Casablanca", "Australia/Lord_Howe", "Asia/Jerusalem"} {
		loc, _ := Location(name)
		f.Add(ZoneCalendar("X-"+name, loc), int64(1.7e9))
	}
	f.Add([]byte(calendarOf("BEGIN:VTIMEZONE\nTZID:x\nBEGIN:STANDARD\nDTSTART:20240229T000000\nTZOFFSETFROM:+2359\nTZOFFSETTO:-2359\nRRULE:FREQ=YEARLY\nEND:STANDARD\nEND:VTIMEZONE")), int64(0))
	f.Fuzz(func(t *testing.T, text []byte, instant int64) {
		instant = minCivil + floorMod(instant, maxCivil-minCivil)
		_, loc, err := ParseZone(text)
		if err != nil {
			return
		}
		c, _ := Parse(text)
		z, err := compileZone(c.root.Children[0], NewBudget())
		if err != nil {
			t.Fatalf("ParseZone takes what compileZone refuses: %v", err)
		}
		offset, begin, end := z.segment(instant)
		if begin > instant || end <= instant || offset < -daySeconds || offset > daySeconds {
			t.Fatalf("segment(%d) = %d, %d, %d", instant, offset, begin, end)
		}
		if end != math.MaxInt64 {
			if _, next, _ := z.segment(end); next != end {
				t.Fatalf("the segment after %d begins at %d", end, next)
			}
		}
		clock := newClock(z)
		if civil := clock.civilOf(instant); clock.instantOf(civil) > instant {
			t.Fatalf("%d reads %d, which first is at %d", instant, civil, clock.instantOf(civil))
		}
		_ = time.Unix(instant, 0).In(loc).String()
	})
}

// FuzzFilter: filters of any text over a calendar neither panic nor cost more than their budget, and negation turns the answer.
func FuzzFilter(f *testing.F) {
	f.Add("VEVENT", "SUMMARY", "TZID", "ü", "i;unicode-casemap", int64(1.7e9), int64(1.8e9))
	f.Add("VALARM", "TRIGGER", "RELATED", "END", "", int64(math.MinInt64), int64(math.MaxInt64))
	f.Add("VTIMEZONE", "TZID", "", "\xff", "i;octet", int64(5), int64(6))
	f.Fuzz(func(t *testing.T, comp, prop, param, text, collation string, from, to int64) {
		r := &TimeRange{from, to}
		match := &TextMatch{Text: text, Collation: collation}
		inner := CompFilter{Name: comp, Props: []PropFilter{{Name: prop, Text: match, Params: []ParamFilter{{Name: param, NotDefined: true}}}}}
		filter := &Filter{Comp: CompFilter{Name: "VCALENDAR", Comps: []CompFilter{
			{Name: "VEVENT", Range: r, Comps: []CompFilter{{Name: "VALARM", Range: r}}, Props: []PropFilter{{Name: prop, Range: r}}}, inner,
		}}}
		usable := filter.Check() == nil
		negated := TextMatch{Text: text, Collation: collation, Negate: true}
		for _, s := range seeds() {
			c := mustParse(t, s)
			if _, err := filter.Match(c, nil, NewBudget()); err != nil && !errors.Is(err, ErrTooMany) {
				t.Fatal(err)
			}
		}
		if usable && match.match(prop) == negated.match(prop) {
			t.Fatalf("%q within %q and not", text, prop)
		}
	})
}
