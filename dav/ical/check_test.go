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

// calendarOf makes a VCALENDAR of lines.
func calendarOf(lines ...string) string {
	return strings.Join(append(append([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//EN"}, lines...), "END:VCALENDAR", ""), "\r\n")
}

// component makes a component with a UID of lines that newlines separate.
func component(name, lines string) string {
	return "BEGIN:" + name + "\nUID:one@example.org\n" + strings.TrimSpace(lines) + "\nEND:" + name
}

func mustParse(t testing.TB, text string) *Calendar {
	t.Helper()
	c, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return c
}

// mustCheck parses an object that is valid.
func mustCheck(t testing.TB, components ...string) (*Calendar, *Object) {
	t.Helper()
	c := mustParse(t, calendarOf(components...))
	o, err := c.Check(nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, strings.Join(components, "\n"))
	}
	return c, o
}

// TestCheckRefuses: every way an object breaks a precondition is named, with the reason. RFC 4791 §4.1, §5.3.2.1.
func TestCheckRefuses(t *testing.T) {
	event := func(lines string) string { return component("VEVENT", lines) }
	const zone = "BEGIN:VTIMEZONE\nTZID:Nowhere\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nTZNAME:%\nEND:STANDARD\nEND:VTIMEZONE"
	tests := []struct{ name, text, precondition, reason string }{
		{"nothing inside", calendarOf(), validObject, "no component"},
		{"time zones only", calendarOf(zone), validObject, "no component"},
		{"vCalendar 1.0", "BEGIN:VCALENDAR\nVERSION:1.0\n" + event("DTSTART:20240101T100000Z") + "\nEND:VCALENDAR", validData, "VERSION"},
		{"no version", "BEGIN:VCALENDAR\n" + event("DTSTART:20240101T100000Z") + "\nEND:VCALENDAR", validData, "VERSION"},
		{"an invitation", calendarOf("METHOD:REQUEST", event("DTSTART:20240101T100000Z")), validObject, "METHOD"},
		{"another calendar", calendarOf("CALSCALE:HEBREW", event("DTSTART:20240101T100000Z")), validData, "GREGORIAN"},
		{"an unknown component", calendarOf(component("VPOLL", "DTSTART:20240101T100000Z")), validComponent, "VPOLL"},
		{"two kinds", calendarOf(event("DTSTART:20240101T100000Z"), component("VTODO", "")), validObject, "VTODO"},
		{"no UID", calendarOf("BEGIN:VEVENT\nDTSTART:20240101T100000Z\nEND:VEVENT"), validObject, "no UID"},
		{"two UIDs", calendarOf(event("DTSTART:20240101T100000Z"), "BEGIN:VEVENT\nUID:two\nDTSTART:20240101T100000Z\nRECURRENCE-ID:20240101T100000Z\nEND:VEVENT"), validObject, "in one object"},
		{"two UIDs in one component", calendarOf(event("UID:two\nDTSTART:20240101T100000Z")), validData, "UID appears 2 times"},
		{"two masters", calendarOf(event("DTSTART:20240101T100000Z"), event("DTSTART:20240102T100000Z")), validObject, "without RECURRENCE-ID"},
		{"an override twice", calendarOf(event("DTSTART:20240101T100000Z\nRECURRENCE-ID:20240101T100000Z"), event("DTSTART:20240101T110000Z\nRECURRENCE-ID:20240101T100000Z")), validObject, "two components with RECURRENCE-ID"},
		{"an event without DTSTART", calendarOf(event("SUMMARY:x")), validData, "no DTSTART"},
		{"a date that is none", calendarOf(event("DTSTART:20240230T100000Z")), validData, "no date"},
		{"a time that is none", calendarOf(event("DTSTART:20240201T250000Z")), validData, "no time"},
		{"not even a date", calendarOf(event("DTSTART:soon")), validData, "neither"},
		{"VALUE says date", calendarOf(event("DTSTART;VALUE=DATE:20240201T100000Z")), validData, "another type"},
		{"a date and a time", calendarOf(event("DTSTART;VALUE=DATE:20240201\nDTEND:20240201T100000Z")), validData, "one is a date"},
		{"ends before it begins", calendarOf(event("DTSTART:20240201T100000Z\nDTEND:20240201T090000Z")), validData, "before DTSTART"},
		{"a negative duration", calendarOf(event("DTSTART:20240201T100000Z\nDURATION:-PT1H")), validData, "negative"},
		{"an end and a duration", calendarOf(event("DTSTART:20240201T100000Z\nDTEND:20240201T110000Z\nDURATION:PT1H")), validData, "exclude"},
		{"a duration that is none", calendarOf(event("DTSTART:20240201T100000Z\nDURATION:1H")), validData, "not a duration"},
		{"DTSTART twice", calendarOf(event("DTSTART:20240201T100000Z\nDTSTART:20240202T100000Z")), validData, "DTSTART appears 2 times"},
		{"a broken rule", calendarOf(event("DTSTART:20240201T100000Z\nRRULE:FREQ=NEVER")), validData, "RRULE: FREQ"},
		{"another calendar's rule", calendarOf(event("DTSTART:20240201T100000Z\nRRULE:RSCALE=CHINESE;FREQ=YEARLY")), validData, "Gregorian"},
		{"hourly, but all day", calendarOf(event("DTSTART;VALUE=DATE:20240201\nRRULE:FREQ=HOURLY")), validData, "shorter than a day"},
		{"EXRULE", calendarOf(event("DTSTART:20240201T100000Z\nEXRULE:FREQ=DAILY")), validData, "no longer part"},
		{"a broken exception", calendarOf(event("DTSTART:20240201T100000Z\nEXDATE:x")), validData, "EXDATE"},
		{"a broken period", calendarOf(event("DTSTART:20240201T100000Z\nRDATE;VALUE=PERIOD:20240201T100000Z/20240101T100000Z")), validData, "no period"},
		{"half a period", calendarOf(event("DTSTART:20240201T100000Z\nRDATE;VALUE=PERIOD:20240201T100000Z")), validData, "no period"},
		{"an unknown zone", calendarOf(event("DTSTART;TZID=Nowhere:20240201T100000")), validData, "time zone"},
		{"a zone whose VTIMEZONE is empty", calendarOf("BEGIN:VTIMEZONE\nTZID:Nowhere\nEND:VTIMEZONE", event("DTSTART;TZID=Nowhere:20240201T100000")), validData, "time zone"},
		{"a zone that changes every second", calendarOf(strings.Replace(zone, "TZNAME:%", "RRULE:FREQ=SECONDLY", 1), event("DTSTART;TZID=Nowhere:20240201T100000")), validData, "time zone"},
		{"a zone that changes every day", calendarOf(strings.Replace(zone, "TZNAME:%", "RRULE:FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU", 1), event("DTSTART;TZID=Nowhere:20240201T100000")), validData, "time zone"},
		{"busy times with a rule", calendarOf(component("VFREEBUSY", "DTSTART:20240201T100000Z\nRRULE:FREQ=DAILY")), validData, "RRULE: a VFREEBUSY does not recur"},
		{"busy times with dates", calendarOf(component("VFREEBUSY", "DTSTART:20240201T100000Z\nRDATE:20240202T100000Z")), validData, "RDATE: a VFREEBUSY does not recur"},
		{"busy times with an exception", calendarOf(component("VFREEBUSY", "DTSTART:20240201T100000Z\nEXDATE:20240202T100000Z")), validData, "EXDATE: a VFREEBUSY does not recur"},
		{"a task that recurs from nowhere", calendarOf(component("VTODO", "RRULE:FREQ=DAILY")), validData, "no DTSTART"},
	}
	for _, test := range tests {
		_, err := mustParse(t, test.text).Check(nil)
		var v *Violation
		if !errors.As(err, &v) || v.Precondition != test.precondition || !strings.Contains(v.Reason, test.reason) {
			t.Errorf("%s: %v, want %s: …%s…", test.name, err, test.precondition, test.reason)
		}
	}
}

// TestCheckAllowed: a collection takes the components it is for.
func TestCheckAllowed(t *testing.T) {
	c := mustParse(t, calendarOf(component("VTODO", "")))
	var v *Violation
	if _, err := c.Check([]string{"VEVENT", "VJOURNAL"}); !errors.As(err, &v) || v.Precondition != validComponent || !strings.Contains(v.Reason, "VEVENT, VJOURNAL, not VTODO") {
		t.Errorf("a task among events: %v", err)
	}
	if _, err := c.Check([]string{"vtodo"}); err != nil {
		t.Errorf("a task among tasks: %v", err)
	}
}

// TestParseRefuses: what is not one VCALENDAR is a syntax error.
func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "BEGIN:VCARD\nEND:VCARD\n", calendarOf() + calendarOf(), "BEGIN:VCALENDAR\n"} {
		_, err := Parse([]byte(text))
		var syntax *contentline.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("Parse(%q) = %v, want a syntax error", text, err)
		}
	}
}

// TestObject: what the index keeps.
func TestObject(t *testing.T) {
	const endless, always = math.MaxInt64, math.MinInt64
	event := func(lines string) string { return component("VEVENT", lines) }
	unix := func(s string) int64 { return at(t, s).civil }
	tests := []struct {
		name, comp  string
		first, last int64
		flags       string // r: recurring, f: floating, a: alarm
	}{
		{"a meeting", event("DTSTART:20240201T100000Z\nDTEND:20240201T110000Z"), unix("20240201T100000Z"), unix("20240201T110000Z"), ""},
		{"in a zone", event("DTSTART;TZID=Europe/Berlin:20240701T100000\nDURATION:PT90M"), unix("20240701T080000Z"), unix("20240701T093000Z"), ""},
		{"a moment", event("DTSTART:20240201T100000Z"), unix("20240201T100000Z"), unix("20240201T100000Z"), ""},
		{"a day, wherever one is", event("DTSTART;VALUE=DATE:20240201"), unix("20240131T100000Z"), unix("20240202T120000Z"), "f"},
		{"floating", event("DTSTART:20240201T100000\nDURATION:PT1H"), unix("20240131T200000Z"), unix("20240201T230000Z"), "f"},
		{"for ever", event("DTSTART:20240201T100000Z\nRRULE:FREQ=DAILY"), unix("20240201T100000Z"), endless, "r"},
		{"with an alarm", event("DTSTART:20240201T100000Z\nBEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM"), unix("20240201T100000Z"), unix("20240201T100000Z"), "a"},
		{"an override alone", event("RECURRENCE-ID:20240201T100000Z\nDTSTART:20240301T100000Z\nDURATION:PT1H"), unix("20240301T100000Z"), unix("20240301T110000Z"), "r"},
		{"extra dates, wherever one is", event("DTSTART:20240201T100000Z\nRDATE:20240301T100000"), unix("20240131T200000Z"), unix("20240301T220000Z"), "rf"},
		{"a task due", component("VTODO", "DUE:20240201T100000Z"), unix("20240201T100000Z"), unix("20240201T100000Z"), ""},
		{"a task done", component("VTODO", "CREATED:20240101T100000Z\nCOMPLETED:20240201T100000Z"), unix("20240101T100000Z"), unix("20240201T100000Z"), ""},
		{"a task made", component("VTODO", "CREATED:20240101T100000Z"), unix("20240101T100000Z"), endless, ""},
		{"a task", component("VTODO", ""), always, endless, ""},
		{"a note", component("VJOURNAL", ""), always, endless, ""},
		{"office hours", component("VAVAILABILITY", ""), always, endless, ""},
		{"office hours until", component("VAVAILABILITY", "DTEND:20240101T100000Z"), always, unix("20240101T100000Z"), ""},
	}
	for _, test := range tests {
		_, o := mustCheck(t, test.comp)
		flags := ""
		for _, f := range []struct {
			set  bool
			name string
		}{{o.Recurring, "r"}, {o.Floating, "f"}, {o.HasAlarm, "a"}} {
			if f.set {
				flags += f.name
			}
		}
		if o.UID != "one@example.org" || o.First != test.first || o.Last != test.last || flags != test.flags {
			t.Errorf("%s: %+v, want %d to %d, %q", test.name, o, test.first, test.last, test.flags)
		}
	}
	_, o := mustCheck(t, event("DTSTART:20240201T100000Z\nSUMMARY:Sport\\, Turnhalle\nORGANIZER;CN=Ada:mailto:ada@school.test"))
	if o.Summary != "Sport, Turnhalle" || o.Organizer != "mailto:ada@school.test" || o.Component != "VEVENT" {
		t.Errorf("texts of the index: %+v", o)
	}
	if _, o = mustCheck(t, event("DTSTART:20240201T100000Z\nSUMMARY:"+strings.Repeat("ü", 200))); o.Summary != strings.Repeat("ü", 127) {
		t.Errorf("a long summary is cut between characters: %q", o.Summary)
	}
}

// TestBoundsHoldAllInstances: no instance of a recurring object lies outside First and Last, and those that end do so soon after the last instance.
func TestBoundsHoldAllInstances(t *testing.T) {
	sets := []string{
		"DTSTART;TZID=Europe/Berlin:20240201T230000\nDTEND;TZID=Europe/Berlin:20240202T040000\nRRULE:FREQ=WEEKLY;COUNT=20",
		"DTSTART;TZID=Europe/Berlin:20240201T230000\nDURATION:P3DT4H\nRRULE:FREQ=MONTHLY;UNTIL=20250101",
		"DTSTART:20240201T230000Z\nRDATE:20200101T000000Z,20270101T000000Z\nRDATE;VALUE=PERIOD:20280101T000000Z/P3D",
		"DTSTART;VALUE=DATE:20240201\nRRULE:FREQ=YEARLY;COUNT=3;BYDAY=MO\nRDATE;VALUE=DATE:20300101",
		"DTSTART:20240209T000000Z\nRDATE:20240101T000000,20240215T180000,20240217T000000",
	}
	override := component("VEVENT", "RECURRENCE-ID;TZID=Europe/Berlin:20240208T230000\nDTSTART:20190101T000000Z\nDTEND:20190102T000000Z")
	future := component("VEVENT", "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20240215T230000\nDTSTART;TZID=Europe/Berlin:20240218T230000\nDURATION:P10D")
	earlier := component("VEVENT", "RECURRENCE-ID;RANGE=THISANDFUTURE:20240209T000000Z\nDTSTART:20240202T000000Z\nDURATION:PT1H")
	floating := component("VEVENT", "RECURRENCE-ID;RANGE=THISANDFUTURE:20240209T000000Z\nDTSTART:20240209T120000\nDURATION:P1D")
	zones := []*time.Location{nil, mustLocation(t, "Pacific/Kiritimati"), mustLocation(t, "Etc/GMT+12"), mustLocation(t, "Europe/Berlin")}
	for i, set := range sets {
		for j, more := range [][]string{nil, {override}, {future}, {override, future}, {earlier}, {earlier, future}, {floating}} {
			c, o := mustCheck(t, append([]string{component("VEVENT", set)}, more...)...)
			all, err := c.Instances(AllTime(), zones[(i+j)%len(zones)], NewBudget())
			if err != nil || len(all) < 4 {
				t.Fatalf("%d instances, %v of %s", len(all), err, set)
			}
			latest := all[0].End.Unix()
			for _, in := range all {
				latest = max(latest, in.End.Unix())
				if in.Start.Unix() < o.First || in.End.Unix() > o.Last {
					t.Errorf("%v to %v lies outside %d to %d in\n%s", in.Start, in.End, o.First, o.Last, set)
				}
			}
			if o.Last > latest+40*daySeconds {
				t.Errorf("the last instance ends at %d, the bound is %d in\n%s", latest, o.Last, set)
			}
		}
	}
}

// TestCorpus: every calendar of public projects' test data is accepted, or refused with a precondition and a reason; nothing panics, and what is accepted
// answers questions within its budget.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("SCHULHOF_CORPUS")
	if dir == "" {
		t.Skip("SCHULHOF_CORPUS names no folder")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "ical", "*"))
	if len(files) == 0 {
		t.Fatalf("no files in %s", dir)
	}
	accepted := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		verdict := verify(t, text)
		if verdict == "" {
			accepted++
		}
		t.Logf("%-90s %s", filepath.Base(name), verdict)
	}
	t.Logf("%d of %d accepted", accepted, len(files))
	if accepted < 20 {
		t.Errorf("only %d of %d accepted", accepted, len(files))
	}
}

// TestBegins: of a series it is known whether an instance begins where the index says that the first may.
func TestBegins(t *testing.T) {
	for _, tt := range []struct {
		lines  string
		begins bool
	}{
		{"DTSTART:20240301T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3", true},
		{"DTSTART:20240301T100000Z\nRRULE:FREQ=DAILY;COUNT=3", true},
		{"DTSTART:20240301T100000Z\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20240301T100000Z", false},
		{"DTSTART:20240301T100000Z\nRRULE:FREQ=DAILY;COUNT=1\nEXDATE:20240301T100000Z", false},
		{"DTSTART:20240301T100000Z\nRDATE:20240201T100000Z", true},
		{"DTSTART:20240301T100000\nRRULE:FREQ=DAILY;COUNT=3", false}, // floats
		{"DTSTART:20240301T100000Z", false},                          // no series
	} {
		if _, o := mustCheck(t, component("VEVENT", tt.lines)); o.Begins != tt.begins {
			t.Errorf("%q: begins %t, want %t", tt.lines, o.Begins, tt.begins)
		}
	}
}
