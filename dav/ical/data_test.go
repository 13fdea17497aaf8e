package ical

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"schulhof/dav/contentline"
)

// outline writes a calendar as one line a component: its name and the properties asked for.
func outline(t testing.TB, text []byte, props ...string) string {
	t.Helper()
	roots, err := contentline.Parse(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	var out []string
	var walk func(c *contentline.Component)
	walk = func(c *contentline.Component) {
		line := c.Name
		for _, name := range props {
			for l := range c.All(name) {
				line += " " + name
				for _, p := range l.Params {
					line += ";" + p.Name + "=" + strings.Join(p.Values, ",")
				}
				line += ":" + l.Value
			}
		}
		out = append(out, line)
		for _, child := range c.Children {
			walk(child)
		}
	}
	for _, child := range roots[0].Children {
		walk(child)
	}
	return strings.Join(out, "\n")
}

func selected(t testing.TB, r DataRequest, components ...string) []byte {
	t.Helper()
	c, _ := mustCheck(t, components...)
	out, err := c.Select(&r, mustLocation(t, "Europe/Berlin"), NewBudget())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const berlinZone = "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE"

// TestExpand: instances instead of rules, in UTC, without time zones. RFC 4791 §9.6.5.
func TestExpand(t *testing.T) {
	tests := []struct {
		name       string
		components []string
		from, to   string
		want       string
	}{
		{"a single event stays itself, in UTC", []string{berlinZone, component("VEVENT", "DTSTART;TZID=Europe/Berlin:20240301T100000\nDTEND;TZID=Europe/Berlin:20240301T110000")}, "20240301T000000Z", "20240302T000000Z",
			"VEVENT DTSTART:20240301T090000Z DTEND:20240301T100000Z"},
		{"what is outside of the range goes", []string{component("VEVENT", "DTSTART:20240301T100000Z")}, "20240302T000000Z", "20240303T000000Z", ""},
		{"a series over the change of the clock", []string{component("VEVENT", "DTSTART;TZID=Europe/Berlin:20240324T100000\nDTEND;TZID=Europe/Berlin:20240324T110000\nRRULE:FREQ=WEEKLY\nEXDATE;TZID=Europe/Berlin:20240407T100000")}, "20240324T000000Z", "20240415T000000Z",
			"VEVENT DTSTART:20240324T090000Z DTEND:20240324T100000Z RECURRENCE-ID:20240324T090000Z\nVEVENT DTSTART:20240331T080000Z DTEND:20240331T090000Z RECURRENCE-ID:20240331T080000Z\nVEVENT DTSTART:20240414T080000Z DTEND:20240414T090000Z RECURRENCE-ID:20240414T080000Z"},
		{"a night over the change lasts as many hours as the first", []string{component("VEVENT", "DTSTART;TZID=Europe/Berlin:20240329T220000\nDTEND;TZID=Europe/Berlin:20240330T060000\nRRULE:FREQ=DAILY;COUNT=2")}, "20240329T000000Z", "20240402T000000Z",
			"VEVENT DTSTART:20240329T210000Z DTEND:20240330T050000Z RECURRENCE-ID:20240329T210000Z\nVEVENT DTSTART:20240330T210000Z DTEND:20240331T050000Z RECURRENCE-ID:20240330T210000Z"},
		{"whole days stay dates", []string{component("VEVENT", "DTSTART;VALUE=DATE:20240301\nDTEND;VALUE=DATE:20240303\nRRULE:FREQ=WEEKLY;COUNT=2")}, "20240301T000000Z", "20240401T000000Z",
			"VEVENT DTSTART;VALUE=DATE:20240301 DTEND;VALUE=DATE:20240303 RECURRENCE-ID;VALUE=DATE:20240301\nVEVENT DTSTART;VALUE=DATE:20240308 DTEND;VALUE=DATE:20240310 RECURRENCE-ID;VALUE=DATE:20240308"},
		{"floating times stay floating", []string{component("VEVENT", "DTSTART:20240301T100000\nRRULE:FREQ=DAILY;COUNT=2")}, "20240302T000000Z", "20240401T000000Z",
			"VEVENT DTSTART:20240302T100000 RECURRENCE-ID:20240302T100000"},
		{"an override takes its instance's place", []string{component("VEVENT", "DTSTART:20240301T100000Z\nRRULE:FREQ=DAILY;COUNT=2"), component("VEVENT", "RECURRENCE-ID:20240302T100000Z\nDTSTART:20240302T150000Z\nSUMMARY:later")}, "20240301T000000Z", "20240401T000000Z",
			"VEVENT DTSTART:20240301T100000Z RECURRENCE-ID:20240301T100000Z\nVEVENT DTSTART:20240302T150000Z RECURRENCE-ID:20240302T100000Z SUMMARY:later"},
		{"an override moved into the range, its series outside", []string{component("VEVENT", "DTSTART:20230301T100000Z\nRRULE:FREQ=DAILY;COUNT=2"), component("VEVENT", "RECURRENCE-ID:20230302T100000Z\nDTSTART:20240302T150000Z")}, "20240301T000000Z", "20240401T000000Z",
			"VEVENT DTSTART:20240302T150000Z RECURRENCE-ID:20230302T100000Z"},
		{"this and all after: moved by hours and days", []string{component("VEVENT", "SUMMARY:a\nDTSTART;TZID=Europe/Berlin:20240320T100000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=4"), component("VEVENT", "SUMMARY:b\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20240327T100000\nDTSTART;TZID=Europe/Berlin:20240328T120000\nDURATION:PT2H"),
			component("VEVENT", "SUMMARY:c\nRECURRENCE-ID;TZID=Europe/Berlin:20240403T100000\nDTSTART;TZID=Europe/Berlin:20240403T070000")}, "20240301T000000Z", "20240501T000000Z",
			"VEVENT DTSTART:20240320T090000Z RECURRENCE-ID:20240320T090000Z SUMMARY:a\nVEVENT DTSTART:20240328T110000Z RECURRENCE-ID:20240327T090000Z SUMMARY:b\nVEVENT DTSTART:20240403T050000Z RECURRENCE-ID:20240403T080000Z SUMMARY:c\nVEVENT DTSTART:20240411T100000Z RECURRENCE-ID:20240410T080000Z SUMMARY:b"},
		{"an extra period has its own end", []string{component("VEVENT", "DTSTART:20240301T100000Z\nDURATION:PT1H\nRDATE;VALUE=PERIOD:20240302T100000Z/20240302T150000Z,20240303T100000Z/PT10M")}, "20240301T000000Z", "20240401T000000Z",
			"VEVENT DTSTART:20240301T100000Z RECURRENCE-ID:20240301T100000Z\nVEVENT DTSTART:20240302T100000Z DTEND:20240302T150000Z RECURRENCE-ID:20240302T100000Z\nVEVENT DTSTART:20240303T100000Z DTEND:20240303T101000Z RECURRENCE-ID:20240303T100000Z"},
		{"a date twice is once", []string{component("VEVENT", "DTSTART:20240301T100000Z\nRRULE:FREQ=DAILY;COUNT=2\nRRULE:FREQ=DAILY;COUNT=2\nRDATE:20240301T100000Z,20240302T100000Z,20240302T100000Z")}, "20240301T000000Z", "20240401T000000Z",
			"VEVENT DTSTART:20240301T100000Z RECURRENCE-ID:20240301T100000Z\nVEVENT DTSTART:20240302T100000Z RECURRENCE-ID:20240302T100000Z"},
		{"an exception by date", []string{component("VEVENT", "DTSTART;TZID=Europe/Berlin:20240301T003000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;VALUE=DATE:20240302")}, "20240201T000000Z", "20240401T000000Z",
			"VEVENT DTSTART:20240229T233000Z RECURRENCE-ID:20240229T233000Z\nVEVENT DTSTART:20240302T233000Z RECURRENCE-ID:20240302T233000Z"},
		{"an exception in UTC", []string{component("VEVENT", "DTSTART;TZID=Europe/Berlin:20240301T100000\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:20240301T090000Z")}, "20240201T000000Z", "20240401T000000Z",
			"VEVENT DTSTART:20240302T090000Z RECURRENCE-ID:20240302T090000Z"},
		{"every hour through the gap: what is skipped falls on what follows", []string{component("VEVENT", "DTSTART;TZID=Europe/Berlin:20240331T013000\nRRULE:FREQ=HOURLY;COUNT=3")}, "20240330T000000Z", "20240401T000000Z",
			"VEVENT DTSTART:20240331T003000Z RECURRENCE-ID:20240331T003000Z\nVEVENT DTSTART:20240331T013000Z RECURRENCE-ID:20240331T013000Z"},
		{"a task by its due date", []string{component("VTODO", "DUE;TZID=Europe/Berlin:20240301T100000\nRRULE:FREQ=DAILY;COUNT=2")}, "20240301T000000Z", "20240401T000000Z",
			"VTODO RECURRENCE-ID:20240301T090000Z DUE:20240301T090000Z\nVTODO RECURRENCE-ID:20240302T090000Z DUE:20240302T090000Z"},
	}
	for _, test := range tests {
		got := outline(t, selected(t, DataRequest{Expand: rangeOf(t, test.from, test.to)}, test.components...), "DTSTART", "DTEND", "RECURRENCE-ID", "SUMMARY", "DUE", "RRULE", "RDATE", "EXDATE")
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

// TestPeriodInstance: an instance that RDATE gives an end has no DURATION besides, the others keep it.
func TestPeriodInstance(t *testing.T) {
	event := component("VEVENT", "DTSTART:20240301T100000Z\nDURATION:PT1H\nRDATE;VALUE=PERIOD:20240302T100000Z/PT2H")
	got := outline(t, selected(t, DataRequest{Expand: rangeOf(t, "20240301T000000Z", "20240401T000000Z")}, event), "DURATION", "DTEND")
	if want := "VEVENT DURATION:PT1H\nVEVENT DTEND:20240302T120000Z"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestExampleOfRFC4791 is the expansion of §7.8.3, with the dates of the RFC.
func TestExampleOfRFC4791(t *testing.T) {
	master := component("VEVENT", "DTSTART;TZID=US/Eastern:20060102T120000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=5\nSUMMARY:Event #2")
	override := component("VEVENT", "DTSTART;TZID=US/Eastern:20060104T140000\nDURATION:PT1H\nRECURRENCE-ID;TZID=US/Eastern:20060104T120000\nSUMMARY:Event #2 bis")
	r := DataRequest{Expand: rangeOf(t, "20060103T000000Z", "20060105T000000Z")}
	got := outline(t, selected(t, r, master, override), "DTSTART", "RECURRENCE-ID", "SUMMARY")
	want := "VEVENT DTSTART:20060103T170000Z RECURRENCE-ID:20060103T170000Z SUMMARY:Event #2\nVEVENT DTSTART:20060104T190000Z RECURRENCE-ID:20060104T170000Z SUMMARY:Event #2 bis"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestLimitRecurrence keeps the master and the overrides that matter. RFC 4791 §9.6.6.
func TestLimitRecurrence(t *testing.T) {
	master := component("VEVENT", "SUMMARY:master\nDTSTART:20240301T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY")
	override := func(name, id, start, more string) string {
		return component("VEVENT", "SUMMARY:"+name+"\nRECURRENCE-ID"+more+":"+id+"\nDTSTART:"+start+"\nDURATION:PT1H")
	}
	r := DataRequest{LimitRecurrence: rangeOf(t, "20240310T000000Z", "20240312T000000Z")}
	got := outline(t, selected(t, r, berlinZone, master,
		override("before", "20240305T100000Z", "20240305T110000Z", ""),
		override("before, but all after", "20240306T100000Z", "20240306T110000Z", ";RANGE=THISANDFUTURE"),
		override("inside", "20240310T100000Z", "20240310T110000Z", ""),
		override("moved out", "20240311T100000Z", "20240501T110000Z", ""),
		override("moved in", "20240501T100000Z", "20240311T110000Z", ""),
		override("after", "20240502T100000Z", "20240502T110000Z", ""),
		override("after, and all after", "20240503T100000Z", "20240503T110000Z", ";RANGE=THISANDFUTURE"),
	), "SUMMARY")
	want := "VTIMEZONE\nSTANDARD\nVEVENT SUMMARY:master\nVEVENT SUMMARY:before, but all after\nVEVENT SUMMARY:inside\nVEVENT SUMMARY:moved out\nVEVENT SUMMARY:moved in"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestLimitFreeBusy keeps periods that touch a time. RFC 4791 §9.6.7.
func TestLimitFreeBusy(t *testing.T) {
	busy := component("VFREEBUSY", "FREEBUSY:20240301T100000Z/PT1H,20240302T100000Z/20240302T110000Z,nonsense\nFREEBUSY;FBTYPE=FREE:20240305T100000Z/PT1H")
	r := DataRequest{LimitFreeBusy: rangeOf(t, "20240302T103000Z", "20240303T000000Z")}
	if got, want := outline(t, selected(t, r, busy), "FREEBUSY"), "VFREEBUSY FREEBUSY:20240302T100000Z/20240302T110000Z"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestPartial: what a client asks for of components and properties. RFC 4791 §9.6.1 to §9.6.4.
func TestPartial(t *testing.T) {
	event := component("VEVENT", "SUMMARY:a\nDTSTART:20240301T100000Z\nDESCRIPTION:long\nBEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT5M\nEND:VALARM")
	want := func(comps ...CompRequest) DataRequest {
		return DataRequest{Comp: &CompRequest{Name: "VCALENDAR", Props: []PropRequest{{Name: "version"}}, Comps: comps}}
	}
	tests := []struct {
		name string
		r    DataRequest
		want string
	}{
		{"only the calendar", want(), "BEGIN:VCALENDAR VERSION:2.0 END:VCALENDAR"},
		{"all components", DataRequest{Comp: &CompRequest{Name: "VCALENDAR", AllComps: true, AllProps: true}}, strings.Join(strings.FieldsFunc(calendarOf(event), func(r rune) bool { return r == '\n' || r == '\r' }), " ")},
		{"some properties", want(CompRequest{Name: "VEVENT", Props: []PropRequest{{Name: "UID"}, {Name: "dtstart"}}}), "BEGIN:VCALENDAR VERSION:2.0 BEGIN:VEVENT UID:one@example.org DTSTART:20240301T100000Z END:VEVENT END:VCALENDAR"},
		{"a property without its value", want(CompRequest{Name: "VEVENT", Props: []PropRequest{{Name: "UID"}, {Name: "DESCRIPTION", NoValue: true}}}), "BEGIN:VCALENDAR VERSION:2.0 BEGIN:VEVENT UID:one@example.org DESCRIPTION: END:VEVENT END:VCALENDAR"},
		{"all properties, but no alarms", want(CompRequest{Name: "VEVENT", AllProps: true}), "BEGIN:VCALENDAR VERSION:2.0 BEGIN:VEVENT UID:one@example.org SUMMARY:a DTSTART:20240301T100000Z DESCRIPTION:long END:VEVENT END:VCALENDAR"},
		{"alarms in part", want(CompRequest{Name: "VEVENT", Props: []PropRequest{{Name: "UID"}}, Comps: []CompRequest{{Name: "VALARM", Props: []PropRequest{{Name: "TRIGGER"}}}}}), "BEGIN:VCALENDAR VERSION:2.0 BEGIN:VEVENT UID:one@example.org BEGIN:VALARM TRIGGER:-PT5M END:VALARM END:VEVENT END:VCALENDAR"},
	}
	for _, test := range tests {
		if got := strings.Join(strings.Split(strings.TrimSpace(string(selected(t, test.r, event))), "\r\n"), " "); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
	if !(&DataRequest{}).Whole() {
		t.Error("a request without wishes wants the stored object")
	}
	for i, r := range []DataRequest{{Expand: &TimeRange{}}, {LimitRecurrence: &TimeRange{}}, {LimitFreeBusy: &TimeRange{}}, {Comp: &CompRequest{}}, {Zones: ZonesIncluded}} {
		if r.Whole() {
			t.Errorf("request %d does not want the stored object", i)
		}
	}
}

// TestZonesOfAnswers: VTIMEZONE is left out where the client knows the zone, and added where the object left it out. RFC 7809 §3.1.
func TestZonesOfAnswers(t *testing.T) {
	event := component("VEVENT", "DTSTART;TZID=Europe/Berlin:20240301T100000\nDTEND;TZID=W. Europe Standard Time:20240301T110000")
	mine := strings.ReplaceAll(berlinZone, "Europe/Berlin", "Mine")
	if got, want := outline(t, selected(t, DataRequest{Zones: ZonesByReference}, berlinZone, mine, event), "TZID"), "VTIMEZONE TZID:Mine\nSTANDARD\nVEVENT"; got != want {
		t.Errorf("by reference:\n%s\nwant\n%s", got, want)
	}
	got := outline(t, selected(t, DataRequest{Zones: ZonesIncluded}, event), "TZID")
	if strings.Count(got, "VTIMEZONE") != 2 || !strings.Contains(got, "VTIMEZONE TZID:Europe/Berlin\n") || !strings.Contains(got, "VTIMEZONE TZID:W. Europe Standard Time\n") {
		t.Errorf("included:\n%s", got)
	}
	if got := outline(t, selected(t, DataRequest{Zones: ZonesIncluded}, berlinZone, event), "TZID"); strings.Count(got, "VTIMEZONE") != 2 || strings.Count(got, "TZID:Europe/Berlin") != 1 {
		t.Errorf("included, one was there:\n%s", got)
	}
}

// TestInstances: what a page that shows a week asks for.
func TestInstances(t *testing.T) {
	c, _ := mustCheck(t, component("VEVENT", "SUMMARY:a\nDTSTART;VALUE=DATE:20240301\nRRULE:FREQ=DAILY;COUNT=2"), component("VEVENT", "SUMMARY:b\nRECURRENCE-ID;VALUE=DATE:20240301\nDTSTART;TZID=Europe/Berlin:20240305T100000\nDURATION:PT1H"))
	got, err := c.Instances(AllTime(), mustLocation(t, "Europe/Berlin"), NewBudget())
	if err != nil {
		t.Fatal(err)
	}
	lines := ""
	for _, in := range got {
		lines += fmt.Sprintln(in.Start.Format(time.RFC3339), in.End.Format(time.RFC3339), in.AllDay, in.Component.Get("SUMMARY").Value)
	}
	want := "2024-03-01T23:00:00Z 2024-03-02T23:00:00Z true a\n2024-03-05T09:00:00Z 2024-03-05T10:00:00Z false b\n"
	if lines != want {
		t.Errorf("got\n%swant\n%s", lines, want)
	}
	broken := mustParse(t, calendarOf(component("VEVENT", "DTSTART:x")))
	var v *Violation
	if _, err := broken.Instances(AllTime(), nil, NewBudget()); !errors.As(err, &v) {
		t.Errorf("an object that never passed Check: %v, want a violation", err)
	}
}

// TestExpandBudget: an expansion beyond MaxInstances is an error, never a part.
func TestExpandBudget(t *testing.T) {
	c, _ := mustCheck(t, component("VEVENT", "DTSTART:20240101T000000Z\nRRULE:FREQ=MINUTELY"))
	start := at(t, "20240101T000000Z").civil
	if out, err := c.Select(&DataRequest{Expand: &TimeRange{start, start + 60*MaxInstances}}, nil, NewBudget()); err != nil || strings.Count(string(out), "BEGIN:VEVENT") != MaxInstances {
		t.Errorf("%d instances: %v", MaxInstances, err)
	}
	if out, err := c.Select(&DataRequest{Expand: &TimeRange{start, start + 60*MaxInstances + 1}}, nil, NewBudget()); !errors.Is(err, ErrTooMany) || out != nil {
		t.Errorf("one more: %v, want ErrTooMany", err)
	}
}
