package dav

import (
	"strings"
	"testing"
)

// fixedZone is a VTIMEZONE of a constant offset, within its calendar.
func fixedZone(offset string) string {
	return calendarObject("BEGIN:VTIMEZONE", "TZID:Fest", "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:"+offset, "TZOFFSETTO:"+offset, "END:STANDARD", "END:VTIMEZONE")
}

// TestFloatingTimesAreReadSomewhere: a time without a zone and a day are where the request says, else where the calendar says, else where the
// server is; filters, busy times and expansion agree. RFC 4791 §5.2.2, §7.3, §9.8, RFC 7809 §5.2, §6.
func TestFloatingTimesAreReadSomewhere(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	const url = "/dav/calendars/anna/calendar/"
	w.want(201, "anna", "PUT", url+"nine.ics", calendarObject("BEGIN:VEVENT", "UID:nine", "DTSTAMP:20261101T000000Z", "DTSTART:20261201T090000", "DURATION:PT30M", "END:VEVENT"))
	w.want(201, "anna", "PUT", url+"day.ics", calendarObject("BEGIN:VEVENT", "UID:day", "DTSTAMP:20261101T000000Z", "DTSTART;VALUE=DATE:20261203", "TRANSP:OPAQUE", "END:VEVENT"))
	w.want(201, "anna", "PUT", url+"berlin.ics", calendarObject("BEGIN:VEVENT", "UID:berlin", "DTSTAMP:20261101T000000Z", "DTSTART;TZID=Europe/Berlin:20261201T090000",
		"DURATION:PT30M", "TRANSP:TRANSPARENT", "END:VEVENT"))
	zone := func(offset string) string { return `<C:timezone><![CDATA[` + fixedZone(offset) + `]]></C:timezone>` }
	tests := []struct {
		name         string
		set, remove  string // of the calendar's properties, before
		asked        string // in the request
		at, from, to string // the half hour in UTC, and where the day begins and ends
	}{
		{"where the server is", "", "", "", "20261201T090000Z", "20261203T000000Z", "20261204T000000Z"},
		{"in the zone that the request brings", "", "", zone("+0530"), "20261201T033000Z", "20261202T183000Z", "20261203T183000Z"},
		{"in the zone that it names", "", "", "<C:timezone-id>Asia/Tokyo</C:timezone-id>", "20261201T000000Z", "20261202T150000Z", "20261203T150000Z"},
		{"in the zone that the calendar has by name", "<C:calendar-timezone-id>Europe/Berlin</C:calendar-timezone-id>", "", "", "20261201T080000Z", "20261202T230000Z", "20261203T230000Z"},
		{"the request goes before the calendar", "", "", zone("-0500"), "20261201T140000Z", "20261203T050000Z", "20261204T050000Z"},
		{"in the zone that the calendar has been given", `<C:calendar-timezone><![CDATA[` + fixedZone("+0200") + `]]></C:calendar-timezone>`, "", "",
			"20261201T070000Z", "20261202T220000Z", "20261203T220000Z"},
		{"where the server is, once that is gone", "", "<C:calendar-timezone/>", "", "20261201T090000Z", "20261203T000000Z", "20261204T000000Z"},
	}
	for _, tt := range tests {
		if tt.set+tt.remove != "" {
			if a := w.want(207, "anna", "PROPPATCH", url, patchBody(tt.set, tt.remove)); !strings.Contains(a.body, statusLine(200)) {
				t.Fatalf("%s: %s", tt.name, a.body)
			}
		}
		find := func(what, start, end, want string) {
			t.Helper()
			body := `<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">` +
				`<C:time-range start="` + start + `" end="` + end + `"/></C:comp-filter></C:comp-filter></C:filter>` + tt.asked + `</C:calendar-query>`
			if got := membersOf(t, w.want(207, "anna", "REPORT", url, body).body); got != want {
				t.Errorf("%s: %s: found %q, want %q", tt.name, what, got, want)
			}
		}
		half := strings.Replace(tt.at, "00Z", "01Z", 1)
		switch tt.at {
		case "20261201T080000Z": // as the event that says where it is
			find("its first minute", tt.at, half, "berlin nine")
		default:
			find("its first minute", tt.at, half, "nine")
		}
		find("the day's first second", tt.from, strings.Replace(tt.from, "00Z", "01Z", 1), "day")
		find("the second after the day", tt.to, strings.Replace(tt.to, "00Z", "01Z", 1), "")
		if strings.Contains(tt.asked, "timezone-id") {
			continue // a free-busy-query has no such element
		}
		busy := w.want(200, "anna", "REPORT", url, `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="20261130T000000Z" end="20261206T000000Z"/>`+tt.asked+`</C:free-busy-query>`).body
		for _, want := range []string{tt.at + "/", tt.from + "/"} {
			if !strings.Contains(busy, want) {
				t.Errorf("%s: %s is not among the busy times\n%s", tt.name, want, busy)
			}
		}
	}
}

// TestTimeZonesOfAnswers: who asks for it gets objects without the time zones that everybody knows, or with all of them, whatever was
// stored. RFC 7809 §3.1.1, §4.1.
func TestTimeZonesOfAnswers(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	const url = "/dav/calendars/anna/calendar/"
	zone := strings.Split(strings.TrimSuffix(cutOut(fixedZone("+0200"), "PRODID:-//test//EN\r\n", "END:VCALENDAR"), "\r\n"), "\r\n")
	own := append(zone, "BEGIN:VEVENT", "UID:own", "DTSTAMP:20261101T000000Z", "DTSTART;TZID=Fest:20261201T090000", "END:VEVENT")
	w.want(201, "anna", "PUT", url+"own.ics", calendarObject(own...))
	known := append(strings.Split(strings.ReplaceAll(strings.Join(zone, "\n"), "TZID:Fest", "TZID:Europe/Berlin"), "\n"),
		"BEGIN:VEVENT", "UID:known", "DTSTAMP:20261101T000000Z", "DTSTART;TZID=Europe/Berlin:20261201T090000", "END:VEVENT")
	w.want(201, "anna", "PUT", url+"known.ics", calendarObject(known...))
	w.want(201, "anna", "PUT", url+"bare.ics", calendarObject("BEGIN:VEVENT", "UID:bare", "DTSTAMP:20261101T000000Z", "DTSTART;TZID=Europe/Berlin:20261201T090000", "END:VEVENT"))
	for _, tt := range []struct {
		header, name string
		zones        bool
	}{
		{"", "own", true}, {"", "known", true}, {"", "bare", false}, {"T", "own", true}, {"T", "known", true}, {"T", "bare", true},
		{"F", "own", true}, {"F", "known", false}, {"F", "bare", false}, {"maybe", "known", true},
	} {
		var headers []string
		if tt.header != "" {
			headers = []string{"CalDAV-Timezones", tt.header}
		}
		body := `<C:calendar-multiget xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><C:calendar-data/></D:prop><D:href>` + url + tt.name + `.ics</D:href></C:calendar-multiget>`
		a := w.want(207, "anna", "REPORT", url, body, headers...)
		if strings.Contains(a.body, "BEGIN:VTIMEZONE") != tt.zones || !strings.Contains(a.body, "UID:"+tt.name) {
			t.Errorf("CalDAV-Timezones %q: %s has a time zone: %v\n%s", tt.header, tt.name, !tt.zones, a.body)
		}
		get := w.want(200, "anna", "GET", url+tt.name+".ics", "", headers...)
		if strings.Contains(get.body, "BEGIN:VTIMEZONE") != tt.zones || !strings.Contains(get.body, "UID:"+tt.name) {
			t.Errorf("GET with CalDAV-Timezones %q: %s has a time zone: %v\n%s", tt.header, tt.name, !tt.zones, get.body)
		}
		if plain := w.want(200, "anna", "GET", url+tt.name+".ics", ""); get.header.Get("ETag") != plain.header.Get("ETag") || get.header.Get("Vary") != "CalDAV-Timezones" {
			t.Errorf("GET with CalDAV-Timezones %q: ETag %s and Vary %q, without it %s", tt.header, get.header.Get("ETag"), get.header.Get("Vary"), plain.header.Get("ETag"))
		}
	}
}

// TestWhatCalendarsKeep: what RFC 7953 and Apple's programs keep with a calendar or a home comes back as it was, there and nowhere else.
func TestWhatCalendarsKeep(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	availability := calendarObject("BEGIN:VAVAILABILITY", "UID:a", "DTSTAMP:20261101T000000Z", "BEGIN:AVAILABLE", "UID:b", "DTSTAMP:20261101T000000Z",
		"DTSTART;TZID=Europe/Berlin:20261130T080000", "DURATION:PT5H", "RRULE:FREQ=WEEKLY;BYDAY=MO,TU", "END:AVAILABLE", "END:VAVAILABILITY")
	alarm := "BEGIN:VALARM\r\nUID:x\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\n"
	ask := func(path, name string) string {
		return w.want(207, "anna", "PROPFIND", path, `<propfind xmlns="DAV:"><prop><`+name+` xmlns="urn:ietf:params:xml:ns:caldav"/></prop></propfind>`, "Depth", "0").body
	}
	for _, path := range []string{"/dav/calendars/anna/calendar/", "/dav/calendars/anna/"} {
		for name, value := range map[string]string{"calendar-availability": availability, "default-alarm-vevent-datetime": alarm, "default-alarm-vevent-date": alarm} {
			element := "<C:" + name + ">" + strings.ReplaceAll(value, "\r\n", "&#13;\n") + "</C:" + name + ">"
			if a := w.want(207, "anna", "PROPPATCH", path, patchBody(element, "")); !strings.Contains(a.body, statusLine(200)) {
				t.Errorf("%s of %s: %s", name, path, a.body)
			}
			if a := ask(path, name); !strings.Contains(a, strings.ReplaceAll(value, "\r\n", "&#13;\n")) {
				t.Errorf("%s of %s came back as %s", name, path, a)
			}
			if a := ask("/dav/calendars/anna/tasks/", name); !strings.Contains(a, statusLine(404)) {
				t.Errorf("%s of another calendar: %s", name, a)
			}
		}
	}
	if a := w.want(207, "anna", "PROPFIND", "/dav/calendars/anna/calendar/", "", "Depth", "0"); strings.Contains(a.body, "VAVAILABILITY") || strings.Contains(a.body, "VALARM") {
		t.Errorf("allprop has what CalDAV keeps out of it: %s", a.body) // RFC 4791 §5.2
	}
	w.want(201, "anna", "MKCALENDAR", "/dav/calendars/anna/zeiten/", `<C:mkcalendar xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:set><D:prop>`+
		`<C:supported-calendar-component-set><C:comp name="VAVAILABILITY"/></C:supported-calendar-component-set></D:prop></D:set></C:mkcalendar>`, "Content-Type", "text/xml")
	w.want(201, "anna", "PUT", "/dav/calendars/anna/zeiten/a.ics", availability)
	if a := w.want(200, "anna", "GET", "/dav/calendars/anna/zeiten/a.ics", ""); a.body != availability {
		t.Errorf("the availability came back as %q", a.body)
	}
	w.want(403, "anna", "PUT", "/dav/calendars/anna/calendar/a.ics", availability)
}
