package ical

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

// rangeOf makes a range of two UTC times, either of which may be empty.
func rangeOf(t testing.TB, from, to string) *TimeRange {
	r := AllTime()
	if from != "" {
		r.Start = at(t, from).civil
	}
	if to != "" {
		r.End = at(t, to).civil
	}
	return &r
}

func in(comps ...CompFilter) *Filter {
	return &Filter{Comp: CompFilter{Name: "VCALENDAR", Comps: comps}}
}

func matches(t testing.TB, f *Filter, components ...string) bool {
	t.Helper()
	c, o := mustCheck(t, components...)
	if err := f.Check(); err != nil {
		t.Fatal(err)
	}
	got, err := f.Match(c, mustLocation(t, "Europe/Berlin"), NewBudget())
	if err != nil {
		t.Fatal(err)
	}
	text := c.root.AppendTo(nil)
	if stored, err := f.MatchStored(text, mustLocation(t, "Europe/Berlin"), NewBudget()); stored != got || err != nil {
		t.Errorf("MatchStored says %t, %v, Match says %t for\n%s", stored, err, got, text)
	}
	if decided, sure := f.Decide(o); sure && decided != got {
		t.Errorf("the index decides %t, the filter says %t for %+v and\n%s", decided, got, o, strings.Join(components, "\n"))
	}
	return got
}

// TestTimeRange goes through the tables of RFC 4791 §9.9. Each component is asked for ranges that just touch it and just miss it.
func TestTimeRange(t *testing.T) {
	const ten, eleven, noon = "20240301T100000Z", "20240301T110000Z", "20240301T120000Z"
	type ask struct {
		from, to string
		want     bool
	}
	hit := func(from, to string) ask { return ask{from, to, true} }
	miss := func(from, to string) ask { return ask{from, to, false} }
	tests := []struct {
		kind, lines string
		asks        []ask
	}{
		{"VEVENT", "DTSTART:" + ten + "\nDTEND:" + eleven, []ask{hit(ten, eleven), hit("20240301T105959Z", noon), miss(eleven, noon), miss("20240301T090000Z", ten), hit("20240301T090000Z", "20240301T100001Z"), hit("", noon), hit(ten, ""), miss(eleven, ""), miss("", ten), hit("", "")}},
		{"VEVENT", "DTSTART:" + ten + "\nDURATION:PT1H", []ask{hit("20240301T105959Z", noon), miss(eleven, noon), miss("20240301T090000Z", ten)}},
		{"VEVENT", "DTSTART:" + ten + "\nDURATION:PT0S", []ask{hit(ten, eleven), miss("20240301T090000Z", ten), miss("20240301T100001Z", eleven)}},
		{"VEVENT", "DTSTART:" + ten, []ask{hit(ten, eleven), miss("20240301T090000Z", ten), miss("20240301T100001Z", eleven)}},
		{"VEVENT", "DTSTART:" + ten + "\nDTEND:" + ten, []ask{hit(ten, eleven), miss("20240301T090000Z", ten)}},
		{"VEVENT", "DTSTART;VALUE=DATE:20240301", []ask{hit("20240229T225959Z", "20240229T230001Z"), miss("20240229T220000Z", "20240229T230000Z"), hit("20240301T225959Z", ""), miss("20240301T230000Z", "")}}, // a day in Berlin
		{"VEVENT", "DTSTART;VALUE=DATE:20240301\nDTEND;VALUE=DATE:20240303", []ask{hit("20240302T225959Z", ""), miss("20240302T230000Z", "")}},
		{"VEVENT", "DTSTART:20240301T110000\nDURATION:PT1H", []ask{hit(ten, "20240301T100001Z"), miss(eleven, noon)}}, // floating: 11 o'clock in Berlin
		{"VEVENT", "DTSTART;TZID=America/New_York:20240301T050000\nDURATION:PT1H", []ask{hit(ten, "20240301T100001Z"), miss(eleven, noon)}},
		{"VTODO", "DTSTART:" + ten + "\nDURATION:PT1H", []ask{hit(ten, eleven), hit(eleven, noon), miss("20240301T110001Z", noon), miss("20240301T090000Z", ten), hit("20240301T090000Z", "20240301T100001Z")}},
		{"VTODO", "DTSTART:" + ten + "\nDUE:" + eleven, []ask{hit(ten, eleven), miss(eleven, noon), hit("20240301T105959Z", noon), miss("20240301T090000Z", ten)}},
		{"VTODO", "DTSTART:" + ten + "\nDUE:" + ten, []ask{hit(ten, eleven), hit("20240301T090000Z", ten), miss("20240301T100001Z", noon)}},
		{"VTODO", "DTSTART:" + ten, []ask{hit(ten, eleven), miss("20240301T090000Z", ten), miss("20240301T100001Z", noon)}},
		{"VTODO", "DUE:" + ten, []ask{hit("20240301T090000Z", ten), miss(ten, eleven), hit("20240301T095959Z", eleven), miss("20240301T090000Z", "20240301T095959Z")}},
		{"VTODO", "CREATED:" + ten + "\nCOMPLETED:" + noon, []ask{hit(eleven, "20240301T113000Z"), hit("20240301T090000Z", ten), hit(noon, ""), miss("20240301T120001Z", ""), miss("", "20240301T095959Z")}},
		{"VTODO", "COMPLETED:" + ten, []ask{hit(ten, eleven), hit("20240301T090000Z", ten), miss("20240301T100001Z", noon)}},
		{"VTODO", "CREATED:" + ten, []ask{hit(noon, ""), hit("", eleven), miss("20240301T090000Z", ten)}},
		{"VTODO", "SUMMARY:some day", []ask{hit(ten, eleven), hit("", "")}},
		{"VJOURNAL", "DTSTART:" + ten, []ask{hit(ten, eleven), miss("20240301T090000Z", ten), miss("20240301T100001Z", eleven)}},
		{"VJOURNAL", "DTSTART;VALUE=DATE:20240301", []ask{hit("20240301T225959Z", ""), miss("20240301T230000Z", ""), miss("", "20240229T230000Z")}},
		{"VJOURNAL", "SUMMARY:a note", []ask{miss("", ""), miss(ten, eleven)}},
		{"VFREEBUSY", "DTSTART:" + ten + "\nDTEND:" + eleven, []ask{hit(eleven, noon), miss("20240301T110001Z", noon), miss("20240301T090000Z", ten), hit("20240301T090000Z", "20240301T100001Z")}},
		{"VFREEBUSY", "FREEBUSY:" + ten + "/" + eleven + ",20240302T100000Z/PT1H", []ask{hit(ten, eleven), miss(eleven, noon), hit("20240302T103000Z", ""), miss("20240302T110000Z", "")}},
		{"VFREEBUSY", "COMMENT:free", []ask{miss("", "")}},
		{"VAVAILABILITY", "DTSTART:" + ten, []ask{hit(noon, ""), miss("", ten)}},
	}
	for _, test := range tests {
		for _, ask := range test.asks {
			f := in(CompFilter{Name: test.kind, Range: rangeOf(t, ask.from, ask.to)})
			if got := matches(t, f, component(test.kind, test.lines)); got != ask.want {
				t.Errorf("%s %q in [%s, %s): %t, want %t", test.kind, test.lines, ask.from, ask.to, got, ask.want)
			}
		}
	}
}

// TestRecurringTimeRange: a recurring object is found by its instances, with exceptions and overrides taken into account.
func TestRecurringTimeRange(t *testing.T) {
	master := component("VEVENT", "SUMMARY:Sport\nDTSTART;TZID=Europe/Berlin:20240304T080000\nDTEND;TZID=Europe/Berlin:20240304T093000\nRRULE:FREQ=WEEKLY;UNTIL=20240701T000000Z\nEXDATE;TZID=Europe/Berlin:20240325T080000\nRDATE;TZID=Europe/Berlin:20240306T080000")
	moved := component("VEVENT", "SUMMARY:Swimming\nRECURRENCE-ID;TZID=Europe/Berlin:20240318T080000\nDTSTART;TZID=Europe/Berlin:20240320T140000\nDTEND;TZID=Europe/Berlin:20240320T150000")
	tests := []struct {
		name, from, to string
		want           bool
	}{
		{"the first", "20240304T000000Z", "20240305T000000Z", true},
		{"a day between", "20240305T000000Z", "20240306T000000Z", false},
		{"an extra date", "20240306T070000Z", "20240306T070001Z", true},
		{"where a moved one was", "20240318T000000Z", "20240319T000000Z", false},
		{"where it went", "20240320T130000Z", "20240320T130001Z", true},
		{"the exception", "20240325T000000Z", "20240326T000000Z", false},
		{"after the change of the clock", "20240401T060000Z", "20240401T060001Z", true},
		{"an hour later no longer", "20240401T073000Z", "20240401T080000Z", false},
		{"the last", "20240624T060000Z", "20240624T070000Z", true},
		{"after the end", "20240701T000000Z", "", false},
	}
	for _, test := range tests {
		f := in(CompFilter{Name: "VEVENT", Range: rangeOf(t, test.from, test.to)})
		if got := matches(t, f, master, moved); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
	}
	swimming := []PropFilter{{Name: "SUMMARY", Text: &TextMatch{Text: "swim"}}}
	if !matches(t, in(CompFilter{Name: "VEVENT", Range: rangeOf(t, "20240320T000000Z", "20240321T000000Z"), Props: swimming}), master, moved) {
		t.Error("the override's text and the override's time: no match")
	}
	if matches(t, in(CompFilter{Name: "VEVENT", Range: rangeOf(t, "20240311T000000Z", "20240312T000000Z"), Props: swimming}), master, moved) {
		t.Error("the override's text and another instance's time match: they are not of the same instance")
	}
}

// TestPropFilters: RFC 4791 §9.7.2 to §9.7.5.
func TestPropFilters(t *testing.T) {
	event := component("VEVENT", "SUMMARY;LANGUAGE=de:Elternabend\\, Größe 7b\nDTSTART;TZID=Europe/Berlin:20240301T190000\nCATEGORIES:SCHULE,ELTERN\nATTENDEE;PARTSTAT=ACCEPTED;CN=Ada:mailto:ada@school.test\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@school.test\nX-NOTE:")
	text := func(s string) *TextMatch { return &TextMatch{Text: s} }
	tests := []struct {
		name string
		f    PropFilter
		want bool
	}{
		{"is there", PropFilter{Name: "summary"}, true},
		{"is not there", PropFilter{Name: "LOCATION"}, false},
		{"not defined, and is not", PropFilter{Name: "LOCATION", NotDefined: true}, true},
		{"not defined, but is", PropFilter{Name: "SUMMARY", NotDefined: true}, false},
		{"empty is defined", PropFilter{Name: "X-NOTE", NotDefined: true}, false},
		{"part of the text, any case", PropFilter{Name: "SUMMARY", Text: text("ELTERN")}, true},
		{"text as it reads, not as it is written", PropFilter{Name: "SUMMARY", Text: text("abend, gr")}, true},
		{"ASCII case only", PropFilter{Name: "SUMMARY", Text: text("GRÖSSE")}, false},
		{"Unicode case", PropFilter{Name: "SUMMARY", Text: &TextMatch{Text: "GRÖSSE", Collation: UnicodeCasemap}}, true},
		{"Unicode, another composition", PropFilter{Name: "SUMMARY", Text: &TextMatch{Text: "gro\u0308ß", Collation: UnicodeCasemap}}, true},
		{"octets", PropFilter{Name: "SUMMARY", Text: &TextMatch{Text: "eltern", Collation: Octet}}, false},
		{"octets that are there", PropFilter{Name: "SUMMARY", Text: &TextMatch{Text: "Eltern", Collation: Octet}}, true},
		{"not this text", PropFilter{Name: "SUMMARY", Text: &TextMatch{Text: "Eltern", Negate: true}}, false},
		{"not that text", PropFilter{Name: "SUMMARY", Text: &TextMatch{Text: "Lehrer", Negate: true}}, true},
		{"not that text, but no such property", PropFilter{Name: "LOCATION", Text: &TextMatch{Text: "x", Negate: true}}, false},
		{"one of several", PropFilter{Name: "ATTENDEE", Text: text("bob@")}, true},
		{"text and parameter of the same one", PropFilter{Name: "ATTENDEE", Text: text("ada"), Params: []ParamFilter{{Name: "PARTSTAT", Text: text("accepted")}}}, true},
		{"text and parameter of different ones", PropFilter{Name: "ATTENDEE", Text: text("bob"), Params: []ParamFilter{{Name: "PARTSTAT", Text: text("accepted")}}}, false},
		{"a parameter is there", PropFilter{Name: "ATTENDEE", Params: []ParamFilter{{Name: "cn"}}}, true},
		{"a parameter is not there", PropFilter{Name: "SUMMARY", Params: []ParamFilter{{Name: "CN"}}}, false},
		{"a parameter not defined", PropFilter{Name: "ATTENDEE", Text: text("bob"), Params: []ParamFilter{{Name: "CN", NotDefined: true}}}, true},
		{"a parameter not defined, but is", PropFilter{Name: "ATTENDEE", Text: text("ada"), Params: []ParamFilter{{Name: "CN", NotDefined: true}}}, false},
		{"a parameter negated", PropFilter{Name: "ATTENDEE", Params: []ParamFilter{{Name: "PARTSTAT", Text: &TextMatch{Text: "accepted", Negate: true}}}}, true},
		{"a time in range", PropFilter{Name: "DTSTART", Range: rangeOf(t, "20240301T180000Z", "20240301T180001Z")}, true},
		{"a time before the range", PropFilter{Name: "DTSTART", Range: rangeOf(t, "20240301T180001Z", "")}, false},
		{"text has no time", PropFilter{Name: "SUMMARY", Range: rangeOf(t, "", "")}, false},
	}
	for _, test := range tests {
		if got := matches(t, in(CompFilter{Name: "VEVENT", Props: []PropFilter{test.f}}), event); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
	}
}

// TestCompFilters: RFC 4791 §9.7.1.
func TestCompFilters(t *testing.T) {
	const zone = "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE"
	event := component("VEVENT", "SUMMARY:a\nDTSTART:20240301T190000Z\nBEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT5M\nEND:VALARM")
	tests := []struct {
		name string
		f    *Filter
		want bool
	}{
		{"any calendar", in(), true},
		{"an event", in(CompFilter{Name: "vevent"}), true},
		{"a task", in(CompFilter{Name: "VTODO"}), false},
		{"no task", in(CompFilter{Name: "VTODO", NotDefined: true}), true},
		{"no event", in(CompFilter{Name: "VEVENT", NotDefined: true}), false},
		{"an event and no task", in(CompFilter{Name: "VEVENT"}, CompFilter{Name: "VTODO", NotDefined: true}), true},
		{"an event and a task", in(CompFilter{Name: "VEVENT"}, CompFilter{Name: "VTODO"}), false},
		{"a zone", in(CompFilter{Name: "VTIMEZONE", Props: []PropFilter{{Name: "TZID", Text: &TextMatch{Text: "Berlin"}}}}), true},
		{"a zone with summer time", in(CompFilter{Name: "VTIMEZONE", Comps: []CompFilter{{Name: "DAYLIGHT"}}}), false},
		{"a zone without", in(CompFilter{Name: "VTIMEZONE", Comps: []CompFilter{{Name: "DAYLIGHT", NotDefined: true}}}), true},
		{"an event with an alarm", in(CompFilter{Name: "VEVENT", Comps: []CompFilter{{Name: "VALARM"}}}), true},
		{"an event without alarm", in(CompFilter{Name: "VEVENT", Comps: []CompFilter{{Name: "VALARM", NotDefined: true}}}), false},
		{"an event with a loud alarm", in(CompFilter{Name: "VEVENT", Comps: []CompFilter{{Name: "VALARM", Props: []PropFilter{{Name: "ACTION", Text: &TextMatch{Text: "AUDIO"}}}}}}), false},
		{"an event with a quiet alarm", in(CompFilter{Name: "VEVENT", Comps: []CompFilter{{Name: "VALARM", Props: []PropFilter{{Name: "ACTION", Text: &TextMatch{Text: "DISPLAY"}}}}}}), true},
		{"a calendar of that program", &Filter{Comp: CompFilter{Name: "VCALENDAR", Props: []PropFilter{{Name: "PRODID", Text: &TextMatch{Text: "example"}}}}}, true},
		{"a calendar of another", &Filter{Comp: CompFilter{Name: "VCALENDAR", Props: []PropFilter{{Name: "PRODID", Text: &TextMatch{Text: "other"}}}}}, false},
	}
	for _, test := range tests {
		if got := matches(t, test.f, zone, event); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
	}
}

// TestAlarmRange: alarms go off before and after their event's begin or end, repeat, and recur with it. RFC 4791 §9.9.
func TestAlarmRange(t *testing.T) {
	tests := []struct {
		name, event, alarm string
		hits, misses       []string // minutes, of one minute each
	}{
		{"before the begin", "DTSTART:20240301T100000Z\nDURATION:PT1H", "TRIGGER:-PT15M", []string{"20240301T094500Z"}, []string{"20240301T094400Z", "20240301T100000Z"}},
		{"after the end", "DTSTART:20240301T100000Z\nDURATION:PT1H", "TRIGGER;RELATED=END:PT15M", []string{"20240301T111500Z"}, []string{"20240301T101500Z"}},
		{"days before", "DTSTART:20240301T100000Z", "TRIGGER:-P7D", []string{"20240223T100000Z"}, []string{"20240301T100000Z"}},
		{"repeated", "DTSTART:20240301T100000Z", "TRIGGER:-PT15M\nREPEAT:2\nDURATION:PT5M", []string{"20240301T094500Z", "20240301T095000Z", "20240301T095500Z"}, []string{"20240301T094800Z", "20240301T100000Z"}},
		{"at a fixed time", "DTSTART:20240301T100000Z", "TRIGGER;VALUE=DATE-TIME:20240101T000000Z", []string{"20240101T000000Z"}, []string{"20240301T100000Z"}},
		{"every week", "DTSTART;TZID=Europe/Berlin:20240304T080000\nRRULE:FREQ=WEEKLY", "TRIGGER:-PT1H", []string{"20240304T060000Z", "20240401T050000Z", "20340306T060000Z"}, []string{"20240401T060000Z", "20240305T060000Z"}},
		{"a day before a day", "DTSTART;VALUE=DATE:20240302", "TRIGGER:-P1D", []string{"20240229T230000Z"}, []string{"20240301T000000Z"}},
		{"no trigger", "DTSTART:20240301T100000Z", "ACTION:DISPLAY", nil, []string{"20240301T100000Z"}},
		{"a broken trigger", "DTSTART:20240301T100000Z", "TRIGGER:soon", nil, []string{"20240301T100000Z"}},
	}
	for _, test := range tests {
		event := component("VEVENT", test.event+"\nBEGIN:VALARM\n"+test.alarm+"\nEND:VALARM")
		ask := func(minute string) bool {
			from := at(t, minute).civil
			return matches(t, in(CompFilter{Name: "VEVENT", Comps: []CompFilter{{Name: "VALARM", Range: &TimeRange{from, from + 60}}}}), event)
		}
		for _, minute := range test.hits {
			if !ask(minute) {
				t.Errorf("%s: not found at %s", test.name, minute)
			}
		}
		for _, minute := range test.misses {
			if ask(minute) {
				t.Errorf("%s: found at %s", test.name, minute)
			}
		}
	}
	due := component("VTODO", "DUE:20240301T100000Z\nBEGIN:VALARM\nTRIGGER;RELATED=END:-PT10M\nEND:VALARM")
	if !matches(t, in(CompFilter{Name: "VTODO", Comps: []CompFilter{{Name: "VALARM", Range: rangeOf(t, "20240301T095000Z", "20240301T095001Z")}}}), due) {
		t.Error("an alarm before a task is due is not found")
	}
}

// TestFilterCheck: filters that mean nothing are refused with the precondition RFC 4791 §7.8 names.
func TestFilterCheck(t *testing.T) {
	deep := CompFilter{Name: "X"}
	for range maxFilterDepth {
		deep = CompFilter{Name: "X", Comps: []CompFilter{deep}}
	}
	backwards := &TimeRange{5, 5}
	tests := []struct {
		name         string
		f            *Filter
		precondition string
	}{
		{"no calendar outside", &Filter{Comp: CompFilter{Name: "VEVENT"}}, "valid-filter"},
		{"a time for the calendar", &Filter{Comp: CompFilter{Name: "VCALENDAR", Range: &TimeRange{1, 2}}}, "valid-filter"},
		{"not defined, and more", in(CompFilter{Name: "VEVENT", NotDefined: true, Range: &TimeRange{1, 2}}), "valid-filter"},
		{"a range without time", in(CompFilter{Name: "VEVENT", Range: backwards}), "valid-filter"},
		{"a range for a zone", in(CompFilter{Name: "VTIMEZONE", Range: &TimeRange{1, 2}}), "supported-filter"},
		{"too deep", in(deep), "supported-filter"},
		{"a property not defined, and text", in(CompFilter{Name: "VEVENT", Props: []PropFilter{{Name: "A", NotDefined: true, Text: &TextMatch{}}}}), "valid-filter"},
		{"a property's range without time", in(CompFilter{Name: "VEVENT", Props: []PropFilter{{Name: "A", Range: backwards}}}), "valid-filter"},
		{"a parameter not defined, and text", in(CompFilter{Name: "VEVENT", Props: []PropFilter{{Name: "A", Params: []ParamFilter{{NotDefined: true, Text: &TextMatch{}}}}}}), "valid-filter"},
		{"an unknown collation", in(CompFilter{Name: "VEVENT", Props: []PropFilter{{Name: "A", Text: &TextMatch{Collation: "i;klingon"}}}}), "supported-collation"},
		{"an unknown collation of a parameter", in(CompFilter{Name: "VEVENT", Props: []PropFilter{{Name: "A", Params: []ParamFilter{{Text: &TextMatch{Collation: "x"}}}}}}), "supported-collation"},
	}
	for _, test := range tests {
		var refused *FilterError
		if err := test.f.Check(); !errors.As(err, &refused) || refused.Precondition != test.precondition {
			t.Errorf("%s: %v, want %s", test.name, err, test.precondition)
		}
	}
}

// TestMatchStored: the short way is left where it would miss something.
func TestMatchStored(t *testing.T) {
	const zone = "BEGIN:VTIMEZONE\nTZID:Mine\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0500\nTZOFFSETTO:+0500\nEND:STANDARD\nEND:VTIMEZONE"
	event := component("VEVENT", "DTSTART;TZID=Mine:20240301T100000\nDURATION:PT1H")
	f := in(CompFilter{Name: "VEVENT", Range: rangeOf(t, "20240301T050000Z", "20240301T050001Z")})
	for name, text := range map[string]string{
		"a zone of its own before":   calendarOf(zone, event),
		"a zone of its own after":    calendarOf(event, zone),
		"names in lower case":        strings.ToLower(strings.ReplaceAll(calendarOf(zone, event), "Mine", "mine")),
		"a name that begins as such": calendarOf(zone, strings.ReplaceAll("BEGIN:X-A\nEND:X-A", "X-A", "X-VEVENT"), event),
	} {
		if name == "names in lower case" {
			text = strings.NewReplacer("t100000", "T100000", "t000000", "T000000", "pt1h", "PT1H").Replace(text)
		}
		if ok, err := f.MatchStored([]byte(text), nil, NewBudget()); !ok || err != nil {
			t.Errorf("%s: %t, %v", name, ok, err)
		}
	}
	if _, err := f.MatchStored([]byte("BEGIN:VCALENDAR"), nil, NewBudget()); err == nil {
		t.Error("half an object is matched")
	}
}

// TestWindow: what an index may select by never excludes what the filter takes.
func TestWindow(t *testing.T) {
	tests := []struct {
		f         *Filter
		component string
		from, to  int64
		ok        bool
	}{
		{in(), "", math.MinInt64, math.MaxInt64, false},
		{in(CompFilter{Name: "vevent"}), "VEVENT", math.MinInt64, math.MaxInt64, true},
		{in(CompFilter{Name: "VTODO", NotDefined: true}), "", math.MinInt64, math.MaxInt64, false},
		{in(CompFilter{Name: "VTODO", NotDefined: true}, CompFilter{Name: "VEVENT", Range: &TimeRange{5, 9}}), "VEVENT", 5, 9, true},
		{in(CompFilter{Name: "VTIMEZONE"}), "", math.MinInt64, math.MaxInt64, false},
		{in(CompFilter{Name: "VEVENT", Comps: []CompFilter{{Name: "VALARM", Range: &TimeRange{5, 9}}}}), "VEVENT", math.MinInt64, math.MaxInt64, true},
	}
	for i, test := range tests {
		component, from, to, ok := test.f.Window()
		if got, want := fmt.Sprint(component, from, to, ok), fmt.Sprint(test.component, test.from, test.to, test.ok); got != want {
			t.Errorf("%d: Window() = %s, want %s", i, got, want)
		}
	}
	series := &Object{Component: "VEVENT", First: 10, Last: 100, Recurring: true, Begins: true}
	for _, test := range []struct {
		o           Object
		from, to    int64
		match, sure bool
	}{
		{*series, 5, 11, true, true},
		{*series, 10, 11, true, true},
		{*series, 5, 10, false, false},
		{*series, 11, 50, false, false},
		{*series, 101, 200, false, true},
		{Object{Component: "VEVENT", First: 10, Last: 100, Recurring: true}, 5, 200, false, false},
		{Object{Component: "VEVENT", First: 10, Last: 100, Recurring: true, Begins: true, Floating: true}, 5, 200, false, false},
	} {
		if match, sure := in(CompFilter{Name: "VEVENT", Range: &TimeRange{test.from, test.to}}).Decide(&test.o); match != test.match || sure != test.sure {
			t.Errorf("Decide for %+v in %d to %d: %t, %t, want %t, %t", test.o, test.from, test.to, match, sure, test.match, test.sure)
		}
	}
	meeting := &Object{Component: "VEVENT", First: 10, Last: 20}
	for _, test := range []struct {
		f           *Filter
		match, sure bool
	}{
		{in(CompFilter{Name: "VEVENT", Range: &TimeRange{5, 11}}), true, true},
		{in(CompFilter{Name: "VEVENT", Range: &TimeRange{5, 10}}), false, true},
		{in(CompFilter{Name: "VEVENT", Range: &TimeRange{21, 30}}), false, true},
		{in(CompFilter{Name: "VTODO"}), false, true},
		{in(CompFilter{Name: "VEVENT", Range: &TimeRange{5, 11}, Props: []PropFilter{{Name: "X"}}}), false, false},
	} {
		if match, sure := test.f.Decide(meeting); match != test.match || sure != test.sure {
			t.Errorf("Decide for %+v: %t, %t, want %t, %t", test.f, match, sure, test.match, test.sure)
		}
	}
}

// TestFilterBudget: a filter that no instance can satisfy ends within its budget, and one that only an override can satisfy does not walk the rule.
func TestFilterBudget(t *testing.T) {
	master := component("VEVENT", "SUMMARY:a\nDTSTART:19700101T000000Z\nDURATION:PT1S\nRRULE:FREQ=SECONDLY")
	override := component("VEVENT", "SUMMARY:b\nDTSTART:20240301T000000Z\nRECURRENCE-ID:20240301T000000Z")
	c, _ := mustCheck(t, master, override)
	all := AllTime()
	text := func(s string) []PropFilter { return []PropFilter{{Name: "SUMMARY", Text: &TextMatch{Text: s}}} }
	if ok, err := in(CompFilter{Name: "VEVENT", Range: &all, Props: text("a")}).Match(c, nil, NewBudget()); !ok || err != nil {
		t.Errorf("the first instance is enough: %t, %v", ok, err)
	}
	b := NewBudget()
	if ok, err := in(CompFilter{Name: "VEVENT", Range: rangeOf(t, "20300101T000000Z", ""), Props: text("b")}).Match(c, nil, b); ok || err != nil || MaxSteps-b.steps > 10 {
		t.Errorf("only the override is of interest: %t, %v, %d steps", ok, err, MaxSteps-b.steps)
	}
	onward := component("VEVENT", "SUMMARY:b\nDTSTART:20240301T120000Z\nRECURRENCE-ID;RANGE=THISANDFUTURE:20240301T100000Z")
	single := component("VEVENT", "SUMMARY:a\nDTSTART:20300301T100000Z\nRECURRENCE-ID:20240308T100000Z")
	weekly := component("VEVENT", "SUMMARY:a\nDTSTART:20240223T100000Z\nRRULE:FREQ=WEEKLY")
	for _, test := range []struct {
		name, from string
		want       bool
	}{{"the last before the change", "20240223T100000Z", true}, {"after the change", "20240224T000000Z", true}, {"after the moved one", "20300302T000000Z", false}} {
		c, _ = mustCheck(t, weekly, onward, single)
		if ok, err := in(CompFilter{Name: "VEVENT", Range: rangeOf(t, test.from, ""), Props: text("a")}).Match(c, nil, NewBudget()); ok != test.want || err != nil {
			t.Errorf("a series without end that goes on under another name, %s: %t, %v", test.name, ok, err)
		}
	}
	rare := component("VEVENT", "DTSTART:20240101T000000Z\nRRULE:FREQ=SECONDLY;INTERVAL=2\nBEGIN:VALARM\nTRIGGER:PT1S\nEND:VALARM")
	c, _ = mustCheck(t, rare)
	f := in(CompFilter{Name: "VEVENT", Comps: []CompFilter{{Name: "VALARM", Props: []PropFilter{{Name: "TRIGGER"}}, Range: rangeOf(t, "20230101T000000Z", "20240101T000001Z")}}})
	if ok, err := f.Match(c, nil, NewBudget()); ok || err != nil && !errors.Is(err, ErrTooMany) {
		t.Errorf("an alarm that is never at the time asked for: %t, %v", ok, err)
	}
	if _, err := c.Instances(all, nil, NewBudget()); !errors.Is(err, ErrTooMany) {
		t.Errorf("all instances of a SECONDLY rule: %v, want ErrTooMany", err)
	}
}
