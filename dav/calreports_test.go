package dav

import (
	"strings"
	"testing"
	"time"
)

// calendarObject is a VCALENDAR around components, given line by line.
func calendarObject(lines ...string) string {
	all := append([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"}, lines...)
	return strings.Join(append(all, "END:VCALENDAR"), "\r\n") + "\r\n"
}

// timetable puts a week's objects into a calendar of anna's that takes every component, of the kinds that RFC 4791 Appendix B has: a plain event, a recurring one with an
// override, one with an alarm, a cancelled one, tasks done and not done, and a busy time.
func (w *school) timetable() {
	w.Helper()
	w.want(201, "anna", "MKCALENDAR", "/dav/calendars/anna/plan/", "")
	for name, object := range map[string]string{
		"plain": calendarObject("BEGIN:VEVENT", "UID:plain", "DTSTAMP:20261101T000000Z", "DTSTART:20261123T100000Z", "DURATION:PT1H", "SUMMARY:Physik", "END:VEVENT"),
		"series": calendarObject("BEGIN:VEVENT", "UID:series", "DTSTAMP:20261101T000000Z", "DTSTART:20261123T120000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=5",
			"SUMMARY:Chor", "END:VEVENT", "BEGIN:VEVENT", "UID:series", "DTSTAMP:20261101T000000Z", "RECURRENCE-ID:20261125T120000Z", "DTSTART:20261125T140000Z",
			"DURATION:PT1H", "SUMMARY:Chor spielt vor", "END:VEVENT"),
		"alarm": calendarObject("BEGIN:VEVENT", "UID:alarm", "DTSTAMP:20261101T000000Z", "DTSTART:20261124T100000Z", "DURATION:PT1H", "SUMMARY:Arzt",
			"ORGANIZER:mailto:klein@school.test", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:klein@school.test", "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:anna@school.test",
			"BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER:-PT15M", "END:VALARM", "END:VEVENT"),
		"off":  calendarObject("BEGIN:VEVENT", "UID:off", "DTSTAMP:20261101T000000Z", "DTSTART:20261124T150000Z", "DURATION:PT1H", "STATUS:CANCELLED", "SUMMARY:Sport", "END:VEVENT"),
		"todo": calendarObject("BEGIN:VTODO", "UID:todo", "DTSTAMP:20261101T000000Z", "DUE:20261126T100000Z", "STATUS:NEEDS-ACTION", "SUMMARY:Aufsatz", "END:VTODO"),
		"done": calendarObject("BEGIN:VTODO", "UID:done", "DTSTAMP:20261101T000000Z", "DUE:20261126T100000Z", "STATUS:COMPLETED", "COMPLETED:20261120T100000Z", "SUMMARY:Lesen", "END:VTODO"),
	} {
		w.want(201, "anna", "PUT", "/dav/calendars/anna/plan/"+name+".ics", object)
	}
}

// TestCalendarQueries: the filters that RFC 4791 §7.8.1 to §7.8.10 show, and those that programs send, each with what it must find.
func TestCalendarQueries(t *testing.T) {
	w := newSchool(t)
	w.timetable()
	in := func(component, inner string) string {
		return `<C:comp-filter name="VCALENDAR"><C:comp-filter name="` + component + `">` + inner + `</C:comp-filter></C:comp-filter>`
	}
	span := func(start, end string) string { return `<C:time-range start="` + start + `" end="` + end + `"/>` }
	text := func(property, inner string) string {
		return `<C:prop-filter name="` + property + `">` + inner + `</C:prop-filter>`
	}
	for _, tt := range []struct{ name, filter, want string }{
		{"everything", `<C:comp-filter name="VCALENDAR"/>`, "alarm done off plain series todo"},
		{"events", in("VEVENT", ""), "alarm off plain series"},
		{"tasks", in("VTODO", ""), "done todo"},
		{"journals, of which there are none", in("VJOURNAL", ""), ""},
		{"what has no events", in("VEVENT", "<C:is-not-defined/>"), "done todo"},
		{"a day", in("VEVENT", span("20261124T000000Z", "20261125T000000Z")), "alarm off series"},
		{"an hour in which nothing is", in("VEVENT", span("20261123T080000Z", "20261123T090000Z")), ""},
		{"up to the minute at which it starts", in("VEVENT", span("20261123T090000Z", "20261123T100000Z")), ""},
		{"from the minute at which it ends", in("VEVENT", span("20261123T110000Z", "20261123T120000Z")), ""},
		{"the last minute of it", in("VEVENT", span("20261123T105900Z", "20261123T110000Z")), "plain"},
		{"the moved instance at its new time", in("VEVENT", span("20261125T140000Z", "20261125T150000Z")), "series"},
		{"not at its old one", in("VEVENT", span("20261125T120000Z", "20261125T130000Z")), ""},
		{"behind the last instance", in("VEVENT", span("20261128T000000Z", "20271128T000000Z")), ""},
		{"from a time on", in("VEVENT", `<C:time-range start="20261124T140000Z"/>`), "off series"},
		{"until a time", in("VEVENT", `<C:time-range end="20261123T103000Z"/>`), "plain"},
		{"tasks that are due", in("VTODO", span("20261126T090000Z", "20261126T110000Z")), "done todo"},
		{"alarms that ring", in("VEVENT", `<C:comp-filter name="VALARM">`+span("20261124T094000Z", "20261124T095000Z")+`</C:comp-filter>`), "alarm"},
		{"when none rings", in("VEVENT", `<C:comp-filter name="VALARM">`+span("20261124T100000Z", "20261124T110000Z")+`</C:comp-filter>`), ""},
		{"events without an alarm", in("VEVENT", `<C:comp-filter name="VALARM"><C:is-not-defined/></C:comp-filter>`), "off plain series"},
		{"by UID", in("VEVENT", text("UID", `<C:text-match collation="i;octet">alarm</C:text-match>`)), "alarm"},
		{"by UID, in other letters", in("VEVENT", text("UID", `<C:text-match collation="i;octet">ALARM</C:text-match>`)), ""},
		{"by a part of the summary", in("VEVENT", text("SUMMARY", `<C:text-match>PHYS</C:text-match>`)), "plain"},
		{"by the summary of an override", in("VEVENT", text("SUMMARY", `<C:text-match>spielt</C:text-match>`)), "series"},
		{"an attendee who has not answered", in("VEVENT", text("ATTENDEE", `<C:text-match collation="i;ascii-casemap">mailto:anna@school.test</C:text-match>`+
			`<C:param-filter name="PARTSTAT"><C:text-match>NEEDS-ACTION</C:text-match></C:param-filter>`)), "alarm"},
		{"one who has", in("VEVENT", text("ATTENDEE", `<C:text-match>mailto:anna@school.test</C:text-match><C:param-filter name="PARTSTAT"><C:text-match>ACCEPTED</C:text-match></C:param-filter>`)), ""},
		{"attendees without a role", in("VEVENT", text("ATTENDEE", `<C:param-filter name="ROLE"><C:is-not-defined/></C:param-filter>`)), "alarm"},
		{"events with an organizer", in("VEVENT", text("ORGANIZER", "")), "alarm"},
		{"tasks to do", in("VTODO", text("COMPLETED", `<C:is-not-defined/>`)+text("STATUS", `<C:text-match negate-condition="yes">CANCELLED</C:text-match>`)), "todo"},
		{"tasks finished in a week", in("VTODO", text("COMPLETED", span("20261119T000000Z", "20261126T000000Z"))), "done"},
		{"both conditions", in("VEVENT", text("SUMMARY", `<C:text-match>Chor</C:text-match>`)+text("UID", `<C:text-match>plain</C:text-match>`)), ""},
	} {
		body := `<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><D:getetag/></D:prop><C:filter>` + tt.filter + `</C:filter></C:calendar-query>`
		if got := membersOf(t, w.want(207, "anna", "REPORT", "/dav/calendars/anna/plan/", body, "Depth", "1").body); got != tt.want {
			t.Errorf("%s: found %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestTheIndexSaysWhatTheBytesSay: a query that the index can answer finds what one finds that has to look at the objects, at every hour of
// three days and for readers in several zones.
func TestTheIndexSaysWhatTheBytesSay(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	w.want(201, "anna", "MKCALENDAR", "/dav/calendars/anna/plan/", "")
	for name, times := range map[string][]string{
		"utc":    {"DTSTART:20261123T100000Z", "DTEND:20261123T113000Z"},
		"local":  {"DTSTART;TZID=America/New_York:20261123T220000", "DURATION:PT3H"},
		"floats": {"DTSTART:20261123T100000", "DTEND:20261123T110000"},
		"day":    {"DTSTART;VALUE=DATE:20261123"},
		"moment": {"DTSTART:20261124T000000Z"},
		"series": {"DTSTART:20261122T230000Z", "DURATION:PT20M", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20261123T230000Z"},
	} {
		w.want(201, "anna", "PUT", "/dav/calendars/anna/plan/"+name+".ics",
			calendarObject(append(append([]string{"BEGIN:VEVENT", "UID:" + name, "DTSTAMP:20261101T000000Z"}, times...), "END:VEVENT")...))
	}
	find := func(zone, inner string) string {
		body := `<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">` +
			inner + `</C:comp-filter></C:comp-filter></C:filter><C:timezone-id>` + zone + `</C:timezone-id></C:calendar-query>`
		return membersOf(t, w.want(207, "anna", "REPORT", "/dav/calendars/anna/plan/", body, "Depth", "1").body)
	}
	seen := map[string]bool{}
	begin := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, zone := range []string{"UTC", "Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"} {
		for hour := range 72 {
			from := begin.Add(time.Duration(hour) * time.Hour)
			span := `<C:time-range start="` + from.Format("20060102T150405Z") + `" end="` + from.Add(time.Hour).Format("20060102T150405Z") + `"/>`
			index, bytes := find(zone, span), find(zone, span+`<C:prop-filter name="UID"/>`)
			if index != bytes {
				t.Errorf("%s in %s: by the index %q, by the bytes %q", span, zone, index, bytes)
			}
			for name := range strings.FieldsSeq(index) {
				seen[name] = true
			}
		}
	}
	if len(seen) != 6 {
		t.Errorf("only %v were found at all", seen)
	}
}

// TestCalendarDataOverHTTP: the parts of an object that a report gives: properties, instances, overrides. RFC 4791 §7.8.1 to §7.8.3, §9.6.
func TestCalendarDataOverHTTP(t *testing.T) {
	w := newSchool(t)
	w.timetable()
	const span = ` start="20261125T000000Z" end="20261126T000000Z"/>`
	for _, tt := range []struct {
		name, data, href string
		has, hasNot      []string
	}{
		{"all", `<C:calendar-data/>`, "series", []string{"RRULE", "spielt", "BEGIN:VCALENDAR&#13;\n"}, nil},
		{"some properties", `<C:calendar-data><C:comp name="VCALENDAR"><C:prop name="VERSION"/><C:comp name="VEVENT"><C:prop name="SUMMARY"/></C:comp></C:comp></C:calendar-data>`,
			"alarm", []string{"SUMMARY:Arzt", "VERSION:2.0"}, []string{"ATTENDEE", "VALARM", "DTSTART"}},
		{"names without values", `<C:calendar-data><C:comp name="VCALENDAR"><C:comp name="VEVENT"><C:prop name="SUMMARY" novalue="yes"/></C:comp></C:comp></C:calendar-data>`,
			"alarm", []string{"SUMMARY:&#13;"}, []string{"Arzt"}},
		{"expanded", `<C:calendar-data><C:expand` + span + `</C:calendar-data>`, "series", []string{"DTSTART:20261125T140000Z", "RECURRENCE-ID:20261125T120000Z"}, []string{"RRULE", "20261124"}},
		{"only the overrides of a time", `<C:calendar-data><C:limit-recurrence-set start="20261201T000000Z" end="20261202T000000Z"/></C:calendar-data>`,
			"series", []string{"RRULE"}, []string{"spielt"}},
	} {
		body := `<C:calendar-multiget xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><D:getetag/>` + tt.data + `</D:prop><D:href>/dav/calendars/anna/plan/` + tt.href +
			`.ics</D:href></C:calendar-multiget>`
		a := w.want(207, "anna", "REPORT", "/dav/calendars/anna/plan/", body)
		for _, text := range tt.has {
			if !strings.Contains(a.body, text) {
				t.Errorf("%s: %q is not in %s", tt.name, text, a.body)
			}
		}
		for _, text := range tt.hasNot {
			if strings.Contains(a.body, text) {
				t.Errorf("%s: %q is in %s", tt.name, text, a.body)
			}
		}
	}
}

// TestFreeBusy: busy are events that are neither transparent nor cancelled, merged and cut to the time that was asked for. RFC 4791 §7.10.
func TestFreeBusy(t *testing.T) {
	w := newSchool(t)
	w.timetable()
	w.want(201, "anna", "PUT", "/dav/calendars/anna/plan/over.ics", calendarObject("BEGIN:VEVENT", "UID:over", "DTSTAMP:20261101T000000Z", "DTSTART:20261123T103000Z",
		"DURATION:PT1H", "SUMMARY:Geheim", "END:VEVENT"))
	w.want(201, "anna", "PUT", "/dav/calendars/anna/plan/maybe.ics", calendarObject("BEGIN:VEVENT", "UID:maybe", "DTSTAMP:20261101T000000Z", "DTSTART:20261123T180000Z",
		"DURATION:PT1H", "STATUS:TENTATIVE", "END:VEVENT"))
	ask := func(inner string) string {
		return `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav">` + inner + `</C:free-busy-query>`
	}
	const url = "/dav/calendars/anna/plan/"
	a := w.want(200, "anna", "REPORT", url, ask(`<C:time-range start="20261123T000000Z" end="20261124T000000Z"/>`))
	for _, text := range []string{"20261123T100000Z/", "20261123T120000Z/", "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20261123T180000Z/"} {
		if !strings.Contains(a.body, text) {
			t.Errorf("%q is not in %s", text, a.body)
		}
	}
	if strings.Contains(a.body, "Geheim") || strings.Contains(a.body, "T103000Z/") {
		t.Errorf("what overlaps is one time, and nobody learns what it is: %s", a.body)
	}
	if off := w.want(200, "anna", "REPORT", url, ask(`<C:time-range start="20261124T140000Z" end="20261124T170000Z"/>`)); strings.Contains(off.body, "\nFREEBUSY") {
		t.Errorf("what is cancelled is busy: %s", off.body)
	}
	w.asks(t, "anna", []asked{
		{"no time", "REPORT", url, ask(""), nil, 400, "time range"},
		{"no end", "REPORT", url, ask(`<C:time-range start="20261123T000000Z"/>`), nil, 400, "start and an end"},
		{"backwards", "REPORT", url, ask(`<C:time-range start="20261124T000000Z" end="20261123T000000Z"/>`), nil, 403, "valid-filter"},
		{"of a home", "REPORT", "/dav/calendars/anna/", ask(`<C:time-range start="20261123T000000Z" end="20261124T000000Z"/>`), nil, 403, "<D:supported-report/>"},
		{"of files", "REPORT", "/webdav/Files/", ask(`<C:time-range start="20261123T000000Z" end="20261124T000000Z"/>`), nil, 403, "<D:supported-report/>"},
		{"of others", "REPORT", "/dav/calendars/klein/calendar/", ask(`<C:time-range start="20261123T000000Z" end="20261124T000000Z"/>`), nil, 404, ""},
	})
}
