package dav

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// benchCalendar fills a calendar with n events like those that programs write, a tenth of them series, one a day.
func benchCalendar(b *testing.B, n int) *school {
	w := benchSchool(b)
	w.want(201, "anna", "MKCALENDAR", "/dav/calendars/anna/plan/", "")
	day := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	for i := range n {
		rule := "LOCATION:Raum 12"
		if i%10 == 0 {
			rule = "RRULE:FREQ=WEEKLY;COUNT=20"
		}
		start := day.AddDate(0, 0, i%720).Format("20060102T150405")
		w.want(201, "anna", "PUT", fmt.Sprintf("/dav/calendars/anna/plan/%d.ics", i), calendarObject("BEGIN:VEVENT", fmt.Sprintf("UID:event-%d", i),
			"DTSTAMP:20261101T120000Z", "DTSTART;TZID=Europe/Berlin:"+start, "DURATION:PT45M", rule, "SUMMARY:Klassenarbeit", "DESCRIPTION:"+strings.Repeat("Seite ", 20), "END:VEVENT"))
	}
	return w
}

// report runs a REPORT on that calendar for anna.
func (w *school) report(b *testing.B, body string) {
	b.Helper()
	w.exchanges(b, 207, func(int) *exchange {
		x := w.exchange("anna", "REPORT", "/dav/calendars/anna/plan/")
		x.body.in = bytes.NewReader([]byte(body))
		x.w = &largest{ResponseRecorder: httptest.NewRecorder()}
		return x
	})
}

func BenchmarkCalendarQuery(b *testing.B) {
	w := benchCalendar(b, 2000)
	for _, bm := range []struct{ name, prop, start, end string }{
		{"week", "<C:calendar-data/>", "20260601T000000Z", "20260608T000000Z"},
		{"year of ETags", "", "20260101T000000Z", "20270101T000000Z"},
	} {
		b.Run(bm.name, func(b *testing.B) {
			w.report(b, `<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><D:getetag/>`+bm.prop+`</D:prop><C:filter><C:comp-filter name="VCALENDAR">`+
				`<C:comp-filter name="VEVENT"><C:time-range start="`+bm.start+`" end="`+bm.end+`"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`)
		})
	}
}

func BenchmarkCalendarMultiget100(b *testing.B) {
	w := benchCalendar(b, 1000)
	var hrefs strings.Builder
	for i := range 100 {
		fmt.Fprintf(&hrefs, "<D:href>/dav/calendars/anna/plan/%d.ics</D:href>", i*10)
	}
	w.report(b, `<C:calendar-multiget xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><D:getetag/><C:calendar-data/></D:prop>`+hrefs.String()+`</C:calendar-multiget>`)
}

// BenchmarkPutNew puts events that are new: the path is looked for once before the body is read, and once in the transaction.
func BenchmarkPutNew(b *testing.B) {
	w := benchSchool(b)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		object := calendarObject("BEGIN:VEVENT", fmt.Sprintf("UID:%d", i), "DTSTAMP:20261101T120000Z", "DTSTART:20261123T100000Z", "DURATION:PT45M", "SUMMARY:x", "END:VEVENT")
		x := w.exchange("anna", "PUT", fmt.Sprintf("/dav/calendars/anna/calendar/%d.ics", i))
		x.body.in, x.r.ContentLength = strings.NewReader(object), int64(len(object))
		if err := x.run(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
