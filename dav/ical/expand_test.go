package ical

import (
	"errors"
	"strings"
	"testing"
)

// TestThisAndFuture: what an override with RANGE=THISANDFUTURE makes of the instances from its own on, as start and end in UTC. RFC 5545 §3.2.13.
func TestThisAndFuture(t *testing.T) {
	const berlin = ";TZID=Europe/Berlin:"
	event := func(lines string) string { return component("VEVENT", lines) }
	master := event("SUMMARY:m\nDTSTART" + berlin + "20240324T100000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=4") // 24 and 31 March, 7 and 14 April
	future := func(id, lines string) string {
		return event("SUMMARY:f\nRECURRENCE-ID;RANGE=THISANDFUTURE" + berlin + id + "\n" + lines)
	}
	tests := []struct {
		name       string
		components []string
		want       string
	}{
		{"later by hours, also after the change of the clock", []string{master, future("20240331T100000", "DTSTART"+berlin+"20240331T130000\nDURATION:PT1H")}, "m 0324T0900-1000, f 0331T1100-1200, f 0407T1100-1200, f 0414T1100-1200"},
		{"earlier by a day", []string{master, future("20240331T100000", "DTSTART"+berlin+"20240330T100000\nDURATION:PT1H")}, "m 0324T0900-1000, f 0330T0900-1000, f 0406T0800-0900, f 0413T0800-0900"},
		{"longer only", []string{master, future("20240407T100000", "DTSTART"+berlin+"20240407T100000\nDURATION:PT3H")}, "m 0324T0900-1000, m 0331T0800-0900, f 0407T0800-1100, f 0414T0800-1100"},
		{"an end instead of a duration", []string{master, future("20240407T100000", "DTSTART"+berlin+"20240407T100000\nDTEND"+berlin+"20240407T103000")}, "m 0324T0900-1000, m 0331T0800-0900, f 0407T0800-0830, f 0414T0800-0830"},
		{"from the first on", []string{master, future("20240324T100000", "DTSTART"+berlin+"20240324T090000\nDURATION:PT1H")}, "f 0324T0800-0900, f 0331T0700-0800, f 0407T0700-0800, f 0414T0700-0800"},
		{"from the last on", []string{master, future("20240414T100000", "DTSTART"+berlin+"20240414T090000\nDURATION:PT1H")}, "m 0324T0900-1000, m 0331T0800-0900, m 0407T0800-0900, f 0414T0700-0800"},
		{"a second one counts from the series, not from the first", []string{master, future("20240331T100000", "DTSTART"+berlin+"20240331T130000\nDURATION:PT1H"), strings.Replace(future("20240414T100000", "DTSTART"+berlin+"20240414T110000\nDURATION:PT2H"), "SUMMARY:f", "SUMMARY:g", 1)},
			"m 0324T0900-1000, f 0331T1100-1200, f 0407T1100-1200, g 0414T0900-1100"},
		{"a single override after it keeps its own", []string{master, future("20240331T100000", "DTSTART"+berlin+"20240331T130000\nDURATION:PT1H"), event("SUMMARY:s\nRECURRENCE-ID" + berlin + "20240407T100000\nDTSTART" + berlin + "20240407T080000\nDURATION:PT1H")},
			"m 0324T0900-1000, f 0331T1100-1200, s 0407T0600-0700, f 0414T1100-1200"},
		{"THISANDPRIOR is no longer one, and means the one", []string{master, event("SUMMARY:p\nRECURRENCE-ID;RANGE=THISANDPRIOR" + berlin + "20240331T100000\nDTSTART" + berlin + "20240331T130000\nDURATION:PT1H")},
			"m 0324T0900-1000, p 0331T1100-1200, m 0407T0800-0900, m 0414T0800-0900"},
		{"an exception after it stays one", []string{event("SUMMARY:m\nDTSTART" + berlin + "20240324T100000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=4\nEXDATE" + berlin + "20240407T100000"), future("20240331T100000", "DTSTART"+berlin+"20240331T130000\nDURATION:PT1H")},
			"m 0324T0900-1000, f 0331T1100-1200, f 0414T1100-1200"},
	}
	for _, test := range tests {
		c, _ := mustCheck(t, test.components...)
		all, err := c.Instances(AllTime(), nil, NewBudget())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, in := range all {
			got = append(got, in.Component.Get("SUMMARY").Value+" "+in.Start.Format("0102T1504")+in.End.Format("-1504"))
		}
		if s := strings.Join(got, ", "); s != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, s, test.want)
		}
	}
}

// TestDatesOfSeries: RDATE and EXDATE in every form that RFC 5545 §3.8.5.1 and §3.8.5.2 allow, and that programs write.
func TestDatesOfSeries(t *testing.T) {
	const daily = "DTSTART;TZID=Europe/Berlin:20240301T100000\nRRULE:FREQ=DAILY;COUNT=4\n"
	tests := []struct{ name, lines, want string }{
		{"several exceptions on one line", daily + "EXDATE;TZID=Europe/Berlin:20240302T100000,20240303T100000", "0301T0900 0304T0900"},
		{"on several lines", daily + "EXDATE;TZID=Europe/Berlin:20240302T100000\nEXDATE;TZID=Europe/Berlin:20240303T100000", "0301T0900 0304T0900"},
		{"in another zone", daily + "EXDATE;TZID=America/New_York:20240302T040000", "0301T0900 0303T0900 0304T0900"},
		{"floating, where the reader is", daily + "EXDATE:20240302T100000", "0301T0900 0303T0900 0304T0900"},
		{"with VALUE", daily + "EXDATE;VALUE=DATE-TIME:20240302T090000Z", "0301T0900 0303T0900 0304T0900"},
		{"an empty one", daily + "EXDATE:", "0301T0900 0302T0900 0303T0900 0304T0900"},
		{"of a time that is none of the series", daily + "EXDATE;TZID=Europe/Berlin:20240302T100001", "0301T0900 0302T0900 0303T0900 0304T0900"},
		{"the first", daily + "EXDATE;TZID=Europe/Berlin:20240301T100000", "0302T0900 0303T0900 0304T0900"},
		{"all of them", daily + "EXDATE;VALUE=DATE:20240301,20240302,20240303,20240304", ""},
		{"spaces after commas", daily + "EXDATE;TZID=Europe/Berlin:20240302T100000, 20240303T100000", "0301T0900 0304T0900"},
		{"an exception takes an extra date, too", daily + "RDATE;TZID=Europe/Berlin:20240310T100000,20240311T100000\nEXDATE;TZID=Europe/Berlin:20240310T100000", "0301T0900 0302T0900 0303T0900 0304T0900 0311T0900"},
		{"dates of days", "DTSTART;VALUE=DATE:20240301\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;VALUE=DATE:20240302\nRDATE;VALUE=DATE:20240310", "0229T2300 0302T2300 0309T2300"},
		{"days without saying so", "DTSTART:20240301\nRDATE:20240310", "0229T2300 0309T2300"},
		{"extra dates only", "DTSTART:20240301T100000Z\nRDATE:20240305T120000Z,20240303T080000Z", "0301T1000 0303T0800 0305T1200"},
		{"before DTSTART", "DTSTART:20240301T100000Z\nRDATE:20240201T100000Z", "0201T1000 0301T1000"},
		{"in another zone than DTSTART", "DTSTART;TZID=Europe/Berlin:20240301T100000\nRDATE;TZID=America/New_York:20240302T100000", "0301T0900 0302T1500"},
		{"in UTC, the second time of an hour", "DTSTART;TZID=Europe/Berlin:20241026T023000\nRDATE:20241027T013000Z", "1026T0030 1027T0130"},
		{"a period in a zone", "DTSTART:20240301T100000Z\nRDATE;VALUE=PERIOD;TZID=Europe/Berlin:20240302T100000/PT1H", "0301T1000 0302T0900"},
		{"the same as a period and as a date", "DTSTART:20240301T100000Z\nDURATION:PT1H\nRDATE:20240302T100000Z\nRRULE:FREQ=DAILY;COUNT=2", "0301T1000 0302T1000"},
		{"two rules", "DTSTART:20240301T100000Z\nRRULE:FREQ=DAILY;COUNT=2\nRRULE:FREQ=WEEKLY;COUNT=3", "0301T1000 0302T1000 0308T1000 0315T1000"},
		{"an exception in the gap", "DTSTART;TZID=Europe/Berlin:20240330T023000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;TZID=Europe/Berlin:20240331T023000", "0330T0130 0401T0030"},
		{"an exception in the hour that comes twice", "DTSTART;TZID=Europe/Berlin:20241026T023000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;TZID=Europe/Berlin:20241027T023000", "1026T0030 1028T0130"},
	}
	for _, test := range tests {
		if got := starts(t, component("VEVENT", test.lines)); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// TestLengthsOverClockChanges states begin and end of what lies over a change of the clock: an end keeps the exact length of the first instance, days of
// DURATION are days of the calendar, hours are exact. RFC 5545 §3.8.5.3.
func TestLengthsOverClockChanges(t *testing.T) {
	tests := []struct{ name, zone, start, length, want string }{
		{"Berlin, a day over the gap", "Europe/Berlin", "20240330T120000", "DURATION:P1D", "0330T1100-0331T1000"},
		{"Berlin, 24 hours over the gap", "Europe/Berlin", "20240330T120000", "DURATION:PT24H", "0330T1100-0331T1100"},
		{"Berlin, a day into the gap", "Europe/Berlin", "20240330T023000", "DURATION:P1D", "0330T0130-0331T0130"},
		{"Berlin, a day and an hour over the gap", "Europe/Berlin", "20240330T120000", "DURATION:P1DT1H", "0330T1100-0331T1100"},
		{"Berlin, a week over the hour that comes twice", "Europe/Berlin", "20241025T120000", "DURATION:P1W", "1025T1000-1101T1100"},
		{"London, a night over the gap", "Europe/London", "20240330T220000", "DTEND;TZID=Europe/London:20240331T060000", "0330T2200-0331T0500"},
		{"London, a night over the hour that comes twice", "Europe/London", "20241026T220000", "DTEND;TZID=Europe/London:20241027T060000", "1026T2100-1027T0600"},
		{"New York, an end in the gap", "America/New_York", "20240310T013000", "DTEND;TZID=America/New_York:20240310T023000", "0310T0630-0310T0730"},
		{"New York, an end in the hour that comes twice is the first", "America/New_York", "20241103T003000", "DTEND;TZID=America/New_York:20241103T013000", "1103T0430-1103T0530"},
		{"New York, a day over the hour that comes twice", "America/New_York", "20241102T120000", "DURATION:P1D", "1102T1600-1103T1700"},
		{"Lord Howe, a day over half an hour's gap", "Australia/Lord_Howe", "20241005T120000", "DURATION:P1D", "1005T0130-1006T0100"},
		{"Lord Howe, a day over the half hour that comes twice", "Australia/Lord_Howe", "20240406T120000", "DURATION:P1D", "0406T0100-0407T0130"},
	}
	for _, test := range tests {
		c, _ := mustCheck(t, component("VEVENT", "DTSTART;TZID="+test.zone+":"+test.start+"\n"+test.length))
		all, err := c.Instances(AllTime(), nil, NewBudget())
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %d instances, %v", test.name, len(all), err)
		}
		if got := all[0].Start.Format("0102T1504") + all[0].End.Format("-0102T1504"); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// TestExpandForms: what an expansion makes of the lines of an instance, besides its times. RFC 4791 §9.6.5.
func TestExpandForms(t *testing.T) {
	tests := []struct{ name, kind, lines, want string }{
		{"a single day", "VEVENT", "DTSTART;VALUE=DATE:20240310", "VEVENT DTSTART;VALUE=DATE:20240310"},
		{"days keep their length in days, over the gap", "VEVENT", "DTSTART;VALUE=DATE:20240330\nDTEND;VALUE=DATE:20240402", "VEVENT DTSTART;VALUE=DATE:20240330 DTEND;VALUE=DATE:20240402"},
		{"a floating end stays floating", "VEVENT", "DTSTART:20240310T100000\nDTEND:20240310T110000", "VEVENT DTSTART:20240310T100000 DTEND:20240310T110000"},
		{"a duration is kept", "VEVENT", "DTSTART;TZID=Europe/Berlin:20240310T100000\nDURATION:PT1H\nRRULE:FREQ=YEARLY", "VEVENT DTSTART:20240310T090000Z RECURRENCE-ID:20240310T090000Z DURATION:PT1H"},
		{"other parameters are kept", "VEVENT", "DTSTART;X-A=b;TZID=Europe/Berlin:20240310T100000", "VEVENT DTSTART;X-A=b:20240310T090000Z"},
		{"other properties with a zone are in UTC, too", "VEVENT", "DTSTART:20240310T100000Z\nX-WHEN;TZID=America/New_York:20240310T000000", "VEVENT DTSTART:20240310T100000Z X-WHEN:20240310T050000Z"},
		{"text with a zone stays text", "VEVENT", "DTSTART:20240310T100000Z\nX-WHEN;TZID=America/New_York:noon", "VEVENT DTSTART:20240310T100000Z X-WHEN;TZID=America/New_York:noon"},
		{"a task with both ends", "VTODO", "DTSTART;TZID=Europe/Berlin:20240310T100000\nDUE;TZID=Europe/Berlin:20240310T120000\nRRULE:FREQ=YEARLY", "VTODO DTSTART:20240310T090000Z DUE:20240310T110000Z RECURRENCE-ID:20240310T090000Z"},
		{"busy times with an end only", "VFREEBUSY", "DTEND;TZID=Europe/Berlin:20240401T000000\nFREEBUSY:20240310T100000Z/PT1H", "VFREEBUSY DTEND:20240331T220000Z"},
		{"busy times with a begin only", "VFREEBUSY", "DTSTART:20240101T000000Z\nFREEBUSY:20240310T100000Z/PT1H", "VFREEBUSY DTSTART:20240101T000000Z"},
		{"a journal", "VJOURNAL", "DTSTART;VALUE=DATE:20240310\nRRULE:FREQ=YEARLY", "VJOURNAL DTSTART;VALUE=DATE:20240310 RECURRENCE-ID;VALUE=DATE:20240310"},
	}
	for _, test := range tests {
		r := DataRequest{Expand: rangeOf(t, "20240309T000000Z", "20240401T000000Z")}
		got := outline(t, selected(t, r, component(test.kind, test.lines)), "DTSTART", "DTEND", "DUE", "RECURRENCE-ID", "DURATION", "X-WHEN", "RRULE")
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
	alarm := component("VEVENT", "DTSTART:20240310T100000Z\nRRULE:FREQ=DAILY;COUNT=2\nBEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM")
	got := outline(t, selected(t, DataRequest{Expand: rangeOf(t, "20240301T000000Z", "20240401T000000Z")}, alarm), "TRIGGER")
	if want := "VEVENT\nVALARM TRIGGER:-PT5M\nVEVENT\nVALARM TRIGGER:-PT5M"; got != want {
		t.Errorf("every instance keeps its alarm:\n got %s\nwant %s", got, want)
	}
}

// TestCheckLimits: more than one object may hold is refused with the reason. RFC 4791 §5.3.2.1.
func TestCheckLimits(t *testing.T) {
	event := func(lines string) string { return component("VEVENT", "DTSTART:20240101T100000Z\n"+lines) }
	dates := func(name string, n int) string { return strings.Repeat(name+":20240101T100000Z\n", n) }
	tests := []struct{ name, allowed, refused, reason string }{
		{"rules", event(strings.Repeat("RRULE:FREQ=YEARLY;COUNT=2\n", maxRules)), event(strings.Repeat("RRULE:FREQ=YEARLY;COUNT=2\n", maxRules+1)), "rules"},
		{"extra dates", event(dates("RDATE", maxDates)), event(dates("RDATE", maxDates+1)), "RDATE: more than"},
		{"exceptions", event(dates("EXDATE", maxDates)), event(dates("EXDATE", maxDates+1)), "EXDATE: more than"},
		{"DURATION", event("DURATION:P3660000D"), event("DURATION:P3660001D"), "not a duration"},
		{"RECURRENCE-ID once", event("RECURRENCE-ID:20240101T100000Z"), event("RECURRENCE-ID:20240101T100000Z\nRECURRENCE-ID:20240102T100000Z"), "RECURRENCE-ID appears 2"},
		{"CREATED is a time", event("CREATED:20240101T100000Z"), event("CREATED:yesterday"), "CREATED: "},
		{"TZID that is too long", event("X-A;TZID=" + strings.Repeat("a", maxTZID+1) + ":x"), event("RDATE;TZID=" + strings.Repeat("a", maxTZID+1) + ":20240101T100000"), "time zone"},
		{"VALUE of RDATE", event("RDATE;VALUE=DATE:20240101"), event("RDATE;VALUE=DATE:20240101T100000Z"), "another type"},
		{"a period of dates", event("RDATE;VALUE=PERIOD:20240101T100000Z/P1D"), event("RDATE;VALUE=PERIOD:20240101/P1D"), "no period"},
		{"a period backwards", event("RDATE;VALUE=PERIOD:20240101T100000Z/PT0S"), event("RDATE;VALUE=PERIOD:20240101T100000Z/+PT"), "not a duration"},
	}
	for _, test := range tests {
		if _, err := mustParse(t, calendarOf(test.allowed)).Check(nil); err != nil {
			t.Errorf("%s: what is allowed is refused: %v", test.name, err)
		}
		_, err := mustParse(t, calendarOf(test.refused)).Check(nil)
		var v *Violation
		if !errors.As(err, &v) || v.Precondition != validData || !strings.Contains(v.Reason, test.reason) {
			t.Errorf("%s: %v, want …%s…", test.name, err, test.reason)
		}
	}
}

// TestLengthWithoutBegin: a DURATION without DTSTART has nothing to begin at; no answer stumbles over it.
func TestLengthWithoutBegin(t *testing.T) {
	all := AllTime()
	for _, kind := range []string{"VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY"} {
		for _, lines := range []string{"DURATION:P1D", "DURATION:PT1H\nCREATED:20240301T100000Z", "DURATION:P1D\nRECURRENCE-ID:20240301T100000Z", "DURATION:P1D\nEND:" + kind + "\nBEGIN:" + kind + "\nUID:one@example.org\nRECURRENCE-ID:20240301T100000Z"} {
			c, _ := mustCheck(t, component(kind, lines))
			for _, r := range []DataRequest{{Expand: &all}, {LimitRecurrence: &all}, {LimitFreeBusy: &all}} {
				never := r.Expand != nil && (kind == "VJOURNAL" || kind == "VFREEBUSY") // has no time, by the tables of RFC 4791 §9.9
				out, err := c.Select(&r, nil, NewBudget())
				if err != nil || strings.Contains(string(out), "BEGIN:"+kind) == never || strings.Contains(string(out), "DTEND") {
					t.Errorf("%s %q: %v\n%s", kind, lines, err, out)
				}
			}
		}
	}
}
