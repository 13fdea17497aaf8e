package ical

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawTime draws a time of some days in March, in one of the forms of DTSTART, as parameters and value.
func drawTime(t *rapid.T, label string) string {
	civil := (daysOf(2024, 3, 28)+rapid.Int64Range(0, 6).Draw(t, label+" day"))*daySeconds + 1800*rapid.Int64Range(0, 47).Draw(t, label+" half hour")
	switch rapid.IntRange(0, 4).Draw(t, label+" form") {
	case 0:
		return ":" + value{civil, utcTime}.String()
	case 1:
		return ";TZID=Europe/Berlin:" + value{civil: civil}.String()
	case 2:
		return ";TZID=Mine:" + value{civil: civil}.String()
	case 3:
		return ";VALUE=DATE:" + value{civil, dateOnly}.String()
	}
	return ":" + value{civil: civil}.String()
}

// drawStored draws an object of any kind, as text with what may stand before, between and after its components.
func drawStored(t *rapid.T) (kind, text string) {
	kind = rapid.SampledFrom(kinds).Draw(t, "kind")
	var lines []string
	some := func(label string, of ...string) {
		if rapid.Bool().Draw(t, label) {
			lines = append(lines, rapid.SampledFrom(of).Draw(t, label+" which"))
		}
	}
	if kind == "VEVENT" || rapid.Bool().Draw(t, "start") {
		lines = append(lines, "DTSTART"+drawTime(t, "start"))
		if kind != "VFREEBUSY" { // does not recur
			some("rule", "RRULE:FREQ=DAILY;COUNT=3", "RRULE:FREQ=WEEKLY", "RRULE:FREQ=DAILY;INTERVAL=2;UNTIL=20240402T000000Z", "RDATE:20240330T100000Z", "RDATE:20240401T233000,20240330T003000")
			some("exception", "EXDATE;VALUE=DATE:20240330", "EXDATE:20240331T100000Z")
		}
	}
	some("length", "DURATION:PT1H", "DURATION:P1D", "DURATION:PT0S", "DURATION:P9D")
	some("summary", "SUMMARY:Sport", "SUMMARY:BEGIN:VEVENT", "SUMMARY:a long text that is folded at some place or other: "+strings.Repeat("ü ", 60))
	some("alarm", "BEGIN:VALARM\nTRIGGER:-PT30M\nEND:VALARM", "BEGIN:VALARM\nTRIGGER;RELATED=END:P1D\nREPEAT:2\nDURATION:PT5M\nEND:VALARM")
	if kind == "VTODO" {
		some("completed", "COMPLETED:20240330T120000Z")
		some("created", "CREATED:20240329T120000Z")
	}
	if kind == "VFREEBUSY" {
		some("periods", "FREEBUSY:20240330T120000Z/PT2H,20240401T120000Z/20240401T130000Z")
	}
	components := []string{component(kind, strings.Join(lines, "\n"))}
	for i := range rapid.IntRange(0, 2).Draw(t, "overrides") {
		scope := rapid.SampledFrom([]string{"", ";RANGE=THISANDFUTURE"}).Draw(t, "scope")
		components = append(components, component(kind, fmt.Sprintf("SUMMARY:Other\nRECURRENCE-ID%s:2024033%dT100000Z\nDTSTART%s\nDURATION:PT2H", scope, i, drawTime(t, "moved"))))
	}
	zone := strings.Replace(madeUp, "School time", "Mine", 1)
	if rapid.Bool().Draw(t, "zone before") {
		components = append([]string{"BEGIN:X-" + kind + "\nEND:X-" + kind, zone}, components...)
	} else {
		components = append(components, zone)
	}
	text = string(mustRoot(t, calendarOf(components...)))
	if rapid.Bool().Draw(t, "bare newlines") {
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	if rapid.IntRange(0, 4).Draw(t, "case") == 0 {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "BEGIN:V", "begin:v"), "END:V", "end:v")
	}
	return kind, text
}

// mustRoot parses a calendar and writes it again, with long lines folded.
func mustRoot(t *rapid.T, text string) []byte {
	c, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c.root.AppendTo(nil)
}

// drawFilter draws a filter that mostly asks for the kind.
func drawFilter(t *rapid.T, kind string) *Filter {
	window := func(label string) *TimeRange {
		r := AllTime()
		if rapid.IntRange(0, 5).Draw(t, label+" begin") > 0 {
			r.Start = daysOf(2024, 3, 27)*daySeconds + 1800*rapid.Int64Range(0, 400).Draw(t, label+" from")
		}
		if rapid.IntRange(0, 5).Draw(t, label+" end") > 0 {
			r.End = max(r.Start, minCivil) + 1 + 1800*rapid.Int64Range(0, 200).Draw(t, label+" length")
		}
		return &r
	}
	f := CompFilter{Name: rapid.SampledFrom([]string{kind, kind, kind, strings.ToLower(kind), "VEVENT", "VTIMEZONE"}).Draw(t, "asked for")}
	switch rapid.IntRange(0, 6).Draw(t, "filter") {
	case 0:
		f.NotDefined = true
		return in(f)
	case 1:
		f.Props = []PropFilter{{Name: "SUMMARY", NotDefined: true}}
	case 2:
		f.Props = []PropFilter{{Name: "SUMMARY", Text: &TextMatch{Text: "o", Negate: rapid.Bool().Draw(t, "negate")}}}
	case 3:
		f.Comps = []CompFilter{{Name: "VALARM", Range: window("alarm")}}
	case 4:
		f.Props = []PropFilter{{Name: "DTSTART", Range: window("DTSTART")}}
	}
	if f.Name != "VTIMEZONE" && rapid.IntRange(0, 3).Draw(t, "timed") > 0 {
		f.Range = window("range")
	}
	if rapid.IntRange(0, 4).Draw(t, "another") == 0 {
		return in(f, CompFilter{Name: "VTODO", NotDefined: true})
	}
	return in(f)
}

// TestThreeWaysAgree: what the index decides and what the short way over the bytes finds is what Match finds in the whole object.
func TestThreeWaysAgree(t *testing.T) {
	berlin := mustLocation(t, "Europe/Berlin")
	rapid.Check(t, func(t *rapid.T) {
		kind, text := drawStored(t)
		c, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		o, err := c.Check(nil)
		if err != nil {
			t.Skip(err)
		}
		for range 4 {
			f := drawFilter(t, kind)
			if err := f.Check(); err != nil {
				t.Fatal(err)
			}
			want, err := f.Match(c, berlin, NewBudget())
			if err != nil && !errors.Is(err, ErrTooMany) {
				t.Fatal(err)
			}
			if got, err2 := f.MatchStored([]byte(text), berlin, NewBudget()); err2 != err || got != want {
				t.Fatalf("MatchStored: %t, %v, Match: %t, %v for %+v and\n%s", got, err2, want, err, f, text)
			}
			if err != nil {
				continue // a series without end that has no instance where the filter looks
			}
			if got, sure := f.Decide(o); sure && got != want {
				t.Fatalf("Decide: %t, Match: %t for %+v, %+v and\n%s", got, want, f, o, text)
			}
		}
	})
}

// TestDecideIsSure: what a day view asks most is answered from the index alone, else every object of a calendar would have to be read.
func TestDecideIsSure(t *testing.T) {
	day := rangeOf(t, "20240301T000000Z", "20240302T000000Z")
	timed := in(CompFilter{Name: "VEVENT", Range: day})
	tests := []struct {
		name, comp  string
		f           *Filter
		match, sure bool
	}{
		{"a meeting of the day", component("VEVENT", "DTSTART:20240301T100000Z\nDURATION:PT1H"), timed, true, true},
		{"a meeting that ends as the day begins", component("VEVENT", "DTSTART:20240229T230000Z\nDURATION:PT1H"), timed, false, true},
		{"a moment as the day begins", component("VEVENT", "DTSTART:20240301T000000Z"), timed, true, true},
		{"a moment as the day ends", component("VEVENT", "DTSTART:20240302T000000Z"), timed, false, true},
		{"a series that is over", component("VEVENT", "DTSTART:20230301T100000Z\nRRULE:FREQ=DAILY;COUNT=2"), timed, false, true},
		{"a series that goes on", component("VEVENT", "DTSTART:20230301T100000Z\nRRULE:FREQ=WEEKLY"), timed, false, false},
		{"a day, which depends on the reader", component("VEVENT", "DTSTART;VALUE=DATE:20240301"), timed, false, false},
		{"a day of another month", component("VEVENT", "DTSTART;VALUE=DATE:20240501"), timed, false, true},
		{"a task among events", component("VTODO", "DUE:20240301T100000Z"), timed, false, true},
		{"any task", component("VTODO", "DUE:20240301T100000Z"), in(CompFilter{Name: "VTODO"}), true, true},
		{"a task of the day", component("VTODO", "DUE:20240301T100000Z"), in(CompFilter{Name: "VTODO", Range: day}), false, false},
		{"a text", component("VEVENT", "DTSTART:20240301T100000Z"), in(CompFilter{Name: "VEVENT", Props: []PropFilter{{Name: "SUMMARY"}}}), false, false},
		{"no task", component("VEVENT", "DTSTART:20240301T100000Z"), in(CompFilter{Name: "VTODO", NotDefined: true}), false, false},
	}
	for _, test := range tests {
		_, o := mustCheck(t, test.comp)
		if match, sure := test.f.Decide(o); match != test.match || sure != test.sure {
			t.Errorf("%s: %t, sure %t, want %t, sure %t", test.name, match, sure, test.match, test.sure)
		}
	}
}
