package dav

import (
	"errors"
	"math"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schulhof/dav/ical"
	"schulhof/store/fault"
)

func parsedCalDAV(t *testing.T, inner string) *element {
	t.Helper()
	e, err := parseXML([]byte(`<C:x xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:">` + inner + `</C:x>`))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// day is a moment of the tests' week: 23 November 2026 is a Monday, 1795392000 its midnight in UTC.
func day(n int64) int64 { return 1795392000 + n*86400 }

// What clients send, and what RFC 4791 §7.8 and §9.7 have.
func TestCalendarFilter(t *testing.T) {
	in := func(s string) string {
		return `<C:filter><C:comp-filter name="VCALENDAR">` + s + `</C:comp-filter></C:filter>`
	}
	of := func(comps ...ical.CompFilter) ical.Filter {
		return ical.Filter{Comp: ical.CompFilter{Name: "VCALENDAR", Comps: comps}}
	}
	tests := []struct {
		name, in string
		want     ical.Filter
	}{
		{"every object", in(""), of()},
		{"DAVx5: events from a day on", in(`<C:comp-filter name="VEVENT"><C:time-range start="20261123T000000Z"/></C:comp-filter>`),
			of(ical.CompFilter{Name: "VEVENT", Range: &ical.TimeRange{Start: day(0), End: math.MaxInt64}})},
		{"a week", in(`<C:comp-filter name="VEVENT"><C:time-range start="20261123T000000Z" end="20261130T000000Z"/></C:comp-filter>`),
			of(ical.CompFilter{Name: "VEVENT", Range: &ical.TimeRange{Start: day(0), End: day(7)}})},
		{"tasks that are not done", in(`<C:comp-filter name="VTODO"><C:prop-filter name="COMPLETED"><C:is-not-defined/></C:prop-filter>` +
			`<C:prop-filter name="STATUS"><C:text-match negate-condition="yes">CANCELLED</C:text-match></C:prop-filter></C:comp-filter>`),
			of(ical.CompFilter{Name: "VTODO", Props: []ical.PropFilter{{Name: "COMPLETED", NotDefined: true},
				{Name: "STATUS", Text: &ical.TextMatch{Text: "CANCELLED", Negate: true}}}})},
		{"a parameter", in(`<C:comp-filter name="VEVENT"><C:prop-filter name="ATTENDEE"><C:text-match collation="i;octet">mailto:a@b</C:text-match>` +
			`<C:param-filter name="PARTSTAT"><C:text-match collation="default">NEEDS-ACTION</C:text-match></C:param-filter>` +
			`<C:param-filter name="X"><C:is-not-defined/></C:param-filter></C:prop-filter></C:comp-filter>`),
			of(ical.CompFilter{Name: "VEVENT", Props: []ical.PropFilter{{Name: "ATTENDEE", Text: &ical.TextMatch{Text: "mailto:a@b", Collation: "i;octet"},
				Params: []ical.ParamFilter{{Name: "PARTSTAT", Text: &ical.TextMatch{Text: "NEEDS-ACTION"}}, {Name: "X", NotDefined: true}}}}})},
		{"alarms", in(`<C:comp-filter name="VEVENT"><C:comp-filter name="VALARM"><C:time-range end="20261124T000000Z"/></C:comp-filter></C:comp-filter>`),
			of(ical.CompFilter{Name: "VEVENT", Comps: []ical.CompFilter{{Name: "VALARM", Range: &ical.TimeRange{Start: math.MinInt64, End: day(1)}}}})},
	}
	for _, tt := range tests {
		got, err := calendarFilter(parsedCalDAV(t, tt.in).child(caldav("filter")))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if d := cmp.Diff(&tt.want, got); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

// What cannot be answered is refused by the name that RFC 4791 §7.8 gives the reason.
func TestCalendarFilterRefuses(t *testing.T) {
	event := func(s string) string {
		return `<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">` + s + `</C:comp-filter></C:comp-filter></C:filter>`
	}
	tests := []struct{ name, in, precondition string }{
		{"no filter", "", "valid-filter"},
		{"an empty filter", "<C:filter/>", "valid-filter"},
		{"two roots", `<C:filter><C:comp-filter name="VCALENDAR"/><C:comp-filter name="VCALENDAR"/></C:filter>`, "valid-filter"},
		{"another root", `<C:filter><C:prop-filter name="UID"/></C:filter>`, "valid-filter"},
		{"a range without ends", event(`<C:time-range/>`), "valid-filter"},
		{"a range backwards", event(`<C:time-range start="20261124T000000Z" end="20261123T000000Z"/>`), "valid-filter"},
		{"a local time", event(`<C:time-range start="20261124T000000"/>`), "valid-filter"},
		{"no time at all", event(`<C:time-range start="soon"/>`), "valid-filter"},
		{"a collation that is not known", event(`<C:prop-filter name="SUMMARY"><C:text-match collation="i;basic">x</C:text-match></C:prop-filter>`), "supported-collation"},
		{"an element of another time", event(`<C:fuzzy/>`), "supported-filter"},
		{"the same in a property", event(`<C:prop-filter name="UID"><C:fuzzy/></C:prop-filter>`), "supported-filter"},
		{"the same in a parameter", event(`<C:prop-filter name="UID"><C:param-filter name="X"><C:fuzzy/></C:param-filter></C:prop-filter>`), "supported-filter"},
	}
	for _, tt := range tests {
		_, err := calendarFilter(parsedCalDAV(t, tt.in).child(caldav("filter")))
		var p *problem
		if !errors.As(err, &p) || p.status != http.StatusForbidden || p.condition != caldav(tt.precondition) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.precondition)
		}
	}
	for _, in := range []string{event(`<C:prop-filter/>`), event(`<C:prop-filter name="UID"><C:text-match negate-condition="maybe">x</C:text-match></C:prop-filter>`)} {
		if _, err := calendarFilter(parsedCalDAV(t, in).child(caldav("filter"))); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want fault.Invalid", in, err)
		}
	}
}

// RFC 4791 §9.6: what to give back of an object.
func TestDataRequest(t *testing.T) {
	week := &ical.TimeRange{Start: day(0), End: day(7)}
	const ends = ` start="20261123T000000Z" end="20261130T000000Z"/>`
	tests := []struct {
		name, in, zones string
		want            ical.DataRequest
	}{
		{"all of it", `<C:calendar-data/>`, "", ical.DataRequest{}},
		{"the one type there is", `<C:calendar-data content-type="Text/Calendar" version="2.0"/>`, "", ical.DataRequest{}},
		{"instances", `<C:calendar-data><C:expand` + ends + `</C:calendar-data>`, "", ical.DataRequest{Expand: week}},
		{"overrides and busy times", `<C:calendar-data><C:limit-recurrence-set` + ends + `<C:limit-freebusy-set` + ends + `</C:calendar-data>`, "",
			ical.DataRequest{LimitRecurrence: week, LimitFreeBusy: week}},
		{"some properties", `<C:calendar-data><C:comp name="VCALENDAR"><C:allprop/><C:comp name="VEVENT"><C:prop name="UID"/><C:prop name="SUMMARY" novalue="yes"/>` +
			`<C:allcomp/></C:comp></C:comp></C:calendar-data>`, "", ical.DataRequest{Comp: &ical.CompRequest{Name: "VCALENDAR", AllProps: true,
			Comps: []ical.CompRequest{{Name: "VEVENT", AllComps: true, Props: []ical.PropRequest{{Name: "UID"}, {Name: "SUMMARY", NoValue: true}}}}}}},
		{"time zones by reference", `<C:calendar-data/>`, "F", ical.DataRequest{Zones: ical.ZonesByReference}},
		{"time zones included", `<C:calendar-data/>`, "T", ical.DataRequest{Zones: ical.ZonesIncluded}},
	}
	for _, tt := range tests {
		got, err := dataRequest(parsedCalDAV(t, tt.in).child(calendarData), http.Header{"Caldav-Timezones": {tt.zones}})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
	for _, in := range []string{
		`<C:calendar-data version="1.0"/>`, `<C:calendar-data content-type="application/calendar+json"/>`, `<C:calendar-data><C:expand/></C:calendar-data>`,
		`<C:calendar-data><C:expand start="20261123T000000Z"/></C:calendar-data>`, `<C:calendar-data><C:compress/></C:calendar-data>`,
		`<C:calendar-data><C:expand` + ends + `<C:limit-recurrence-set` + ends + `</C:calendar-data>`,
		`<C:calendar-data><C:comp/></C:calendar-data>`, `<C:calendar-data><C:comp name="VCALENDAR"><C:x/></C:comp></C:calendar-data>`,
		`<C:calendar-data><C:comp name="VCALENDAR"><C:prop name="UID" novalue="1"/></C:comp></C:calendar-data>`,
	} {
		if got, err := dataRequest(parsedCalDAV(t, in).child(calendarData), http.Header{}); err == nil {
			t.Errorf("%s = %+v, want an error", in, got)
		}
	}
}
