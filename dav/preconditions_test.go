package dav

import (
	"net/http/httptest"
	"strings"
	"testing"

	"schulhof/dav/collection"
)

// TestWhatCalendarsRefuse: each way in which an object does not fit is named by its precondition, in CalDAV's namespace, with a reason for the
// person; nothing of it is stored. RFC 4791 §4.1, §5.3.2.1.
func TestWhatCalendarsRefuse(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	w.want(201, "anna", "PUT", "/dav/calendars/anna/calendar/there.ics", event("there"))
	vevent := func(lines ...string) string {
		return calendarObject(append(append([]string{"BEGIN:VEVENT", "UID:e", "DTSTAMP:20261101T000000Z"}, lines...), "END:VEVENT")...)
	}
	const start = "DTSTART:20261201T090000Z"
	todo := calendarObject("BEGIN:VTODO", "UID:t", "DTSTAMP:20261101T000000Z", "SUMMARY:x", "END:VTODO")
	for _, tt := range []struct{ name, at, body, condition, says string }{
		{"no calendar", "calendar", "hello", "valid-calendar-data", "line 1"},
		{"a page of a proxy", "calendar", "<html></html>", "valid-calendar-data", "line 1"},
		{"half a calendar", "calendar", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n", "valid-calendar-data", "without its END"},
		{"two calendars", "calendar", event("a") + event("b"), "valid-calendar-data", ""},
		{"a card", "calendar", card("c"), "valid-calendar-data", "VCARD"},
		{"another version", "calendar", strings.Replace(vevent(start), "VERSION:2.0", "VERSION:1.0", 1), "valid-calendar-data", "1.0"},
		{"no version", "calendar", strings.Replace(vevent(start), "VERSION:2.0\r\n", "", 1), "valid-calendar-data", "VERSION"},
		{"another calendar of the world", "calendar", strings.Replace(vevent(start), "VERSION:2.0", "VERSION:2.0\r\nCALSCALE:HEBREW", 1), "valid-calendar-data", "GREGORIAN"},
		{"no beginning", "calendar", vevent("SUMMARY:x"), "valid-calendar-data", "DTSTART"},
		{"a date that is none", "calendar", vevent("DTSTART:20261301T090000Z"), "valid-calendar-data", ""},
		{"a rule that is none", "calendar", vevent(start, "RRULE:FREQ=SOMETIMES"), "valid-calendar-data", ""},
		{"a rule of another calendar", "calendar", vevent(start, "RRULE:RSCALE=CHINESE;FREQ=YEARLY"), "valid-calendar-data", "RSCALE"},
		{"both an end and a length", "calendar", vevent(start, "DTEND:20261201T100000Z", "DURATION:PT1H"), "valid-calendar-data", ""},
		{"an invitation", "calendar", strings.Replace(vevent(start), "VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST", 1), "valid-calendar-object-resource", "METHOD"},
		{"no UID", "calendar", strings.Replace(vevent(start), "UID:e\r\n", "", 1), "valid-calendar-object-resource", "UID"},
		{"two UIDs", "calendar", strings.Replace(event("a"), "END:VCALENDAR\r\n", "", 1) + strings.SplitAfterN(event("b"), "//EN\r\n", 2)[1], "valid-calendar-object-resource", "UID"},
		{"an event and a task", "calendar", strings.Replace(vevent(start), "END:VCALENDAR\r\n", "", 1) + strings.SplitAfterN(todo, "//EN\r\n", 2)[1], "valid-calendar-object-resource", "VTODO"},
		{"only a time zone", "calendar", fixedZone("+0100"), "valid-calendar-object-resource", "time zones"},
		{"nothing in it", "calendar", calendarObject(), "valid-calendar-object-resource", ""},
		{"the same instance twice", "calendar", strings.Replace(vevent(start, "RECURRENCE-ID:20261201T090000Z"), "END:VCALENDAR\r\n", "", 1) +
			strings.SplitAfterN(vevent(start, "RECURRENCE-ID:20261201T090000Z"), "//EN\r\n", 2)[1], "valid-calendar-object-resource", "RECURRENCE-ID"},
		{"a component that nobody knows", "calendar", calendarObject("BEGIN:VPOLL", "UID:p", "END:VPOLL"), "supported-calendar-component", "VPOLL"},
		{"a task among events", "calendar", todo, "supported-calendar-component", "VTODO"},
		{"an event among tasks", "tasks", event("e"), "supported-calendar-component", "VEVENT"},
		{"a journal among events", "calendar", calendarObject("BEGIN:VJOURNAL", "UID:j", "DTSTAMP:20261101T000000Z", "END:VJOURNAL"), "supported-calendar-component", "VJOURNAL"},
	} {
		a := w.do("anna", "PUT", "/dav/calendars/anna/"+tt.at+"/new.ics", tt.body, "Content-Type", "text/calendar; charset=utf-8")
		if a.status != 403 || !strings.Contains(a.body, "<C:"+tt.condition+"/>") || !strings.Contains(a.body, tt.says) {
			t.Errorf("%s: %d %s, want %s and %q", tt.name, a.status, a.body, tt.condition, tt.says)
		}
		w.want(404, "anna", "GET", "/dav/calendars/anna/"+tt.at+"/new.ics", "")
	}
	w.want(201, "anna", "MKCALENDAR", "/dav/calendars/anna/more/", "")
	w.want(201, "anna", "PUT", "/dav/calendars/anna/more/same.ics", event("there"))
	w.want(201, "anna", "PUT", "/dav/calendars/anna/more/other.ics", event("other"))
	for _, tt := range []struct{ name, method, path, body, to, href string }{
		{"a UID that is there", "PUT", "/dav/calendars/anna/calendar/new.ics", event("there"), "", "/dav/calendars/anna/calendar/there.ics"},
		{"another UID in its place", "PUT", "/dav/calendars/anna/calendar/there.ics", event("another"), "", "/dav/calendars/anna/calendar/there.ics"},
		{"a copy beside it", "COPY", "/dav/calendars/anna/calendar/there.ics", "", "/dav/calendars/anna/calendar/new.ics", "/dav/calendars/anna/calendar/there.ics"},
		{"a copy of it from elsewhere", "COPY", "/dav/calendars/anna/more/same.ics", "", "/dav/calendars/anna/calendar/new.ics", "/dav/calendars/anna/calendar/there.ics"},
		{"itself from elsewhere", "MOVE", "/dav/calendars/anna/more/same.ics", "", "/dav/calendars/anna/calendar/new.ics", "/dav/calendars/anna/calendar/there.ics"},
		{"a copy of another in its place", "COPY", "/dav/calendars/anna/more/other.ics", "", "/dav/calendars/anna/calendar/there.ics", "/dav/calendars/anna/calendar/there.ics"},
		{"another in its place", "MOVE", "/dav/calendars/anna/more/other.ics", "", "/dav/calendars/anna/calendar/there.ics", "/dav/calendars/anna/calendar/there.ics"},
		{"its neighbour in its place", "MOVE", "/dav/calendars/anna/more/other.ics", "", "/dav/calendars/anna/more/same.ics", "/dav/calendars/anna/more/same.ics"},
	} {
		a := w.do("anna", tt.method, tt.path, tt.body, "Destination", tt.to)
		if a.status != 409 || !strings.Contains(a.body, "<C:no-uid-conflict><D:href>"+tt.href+"</D:href></C:no-uid-conflict>") {
			t.Errorf("%s: %d %s", tt.name, a.status, a.body)
		}
	}
	w.asks(t, "anna", []asked{
		{"another name", "MOVE", "/dav/calendars/anna/more/same.ics", "", []string{"Destination", "/dav/calendars/anna/more/renamed.ics"}, 201, ""},
		{"the same event", "COPY", "/dav/calendars/anna/more/renamed.ics", "", []string{"Destination", "/dav/calendars/anna/calendar/there.ics"}, 204, ""},
		{"not over it, whatever it is", "MOVE", "/dav/calendars/anna/more/other.ics", "", []string{"Destination", "/dav/calendars/anna/calendar/there.ics", "Overwrite", "F"}, 412, ""},
		{"the whole calendar", "COPY", "/dav/calendars/anna/more/", "", []string{"Destination", "/dav/calendars/anna/copy/"}, 201, ""},
		{"over it", "MOVE", "/dav/calendars/anna/more/", "", []string{"Destination", "/dav/calendars/anna/copy/"}, 204, ""},
	})
}

// TestWhatAddressBooksRefuse is the same for cards. RFC 6352 §5.1, §6.3.2.1.
func TestWhatAddressBooksRefuse(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	const book = "/dav/contacts/anna/contacts/"
	w.want(201, "anna", "PUT", book+"there.vcf", card("there"))
	for _, tt := range []struct{ name, body, condition, says string }{
		{"no card", "hello", "valid-address-data", "line 1"},
		{"an event", event("e"), "valid-address-data", "VCALENDAR"},
		{"two cards", card("a") + card("b"), "valid-address-data", "line 7"},
		{"half a card", "BEGIN:VCARD\r\nVERSION:3.0\r\n", "valid-address-data", "without its END"},
		{"no version", strings.Replace(card("a"), "VERSION:3.0\r\n", "", 1), "valid-address-data", "VERSION"},
		{"no UID", strings.Replace(card("a"), "UID:a\r\n", "", 1), "valid-address-data", "UID"},
		{"no name", "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:a\r\nNOTE:x\r\nEND:VCARD\r\n", "valid-address-data", "FN"},
		{"a version of other times", strings.Replace(card("a"), "3.0", "2.1", 1), "supported-address-data", "2.1"},
		{"a photo of more than 512 KB", strings.Replace(card("a"), "FN:", "PHOTO;ENCODING=b:"+strings.Repeat("QUJD", 175_000)+"\r\nFN:", 1), "max-resource-size", "PHOTO"},
		{"not UTF-8", strings.Replace(card("a"), "Otto", "J\xfcrgen", 1), "valid-address-data", "UTF-8"},
	} {
		a := w.do("anna", "PUT", book+"new.vcf", tt.body, "Content-Type", "text/vcard; charset=utf-8")
		if a.status != 403 || !strings.Contains(a.body, "<CR:"+tt.condition+"/>") || !strings.Contains(a.body, tt.says) {
			t.Errorf("%s: %d %s, want %s and %q", tt.name, a.status, a.body, tt.condition, tt.says)
		}
		w.want(404, "anna", "GET", book+"new.vcf", "")
	}
	w.want(201, "anna", "PUT", book+"other.vcf", card("other"))
	for _, tt := range []struct{ name, method, path, body, to string }{
		{"a UID that is there", "PUT", book + "new.vcf", card("there"), ""},
		{"another UID in its place", "PUT", book + "there.vcf", card("another"), ""},
		{"a copy beside it", "COPY", book + "there.vcf", "", book + "new.vcf"},
		{"another in its place", "MOVE", book + "other.vcf", "", book + "there.vcf"},
	} {
		a := w.do("anna", tt.method, tt.path, tt.body, "Destination", tt.to)
		if a.status != 409 || !strings.Contains(a.body, "<CR:no-uid-conflict><D:href>"+book+"there.vcf</D:href></CR:no-uid-conflict>") {
			t.Errorf("%s: %d %s", tt.name, a.status, a.body)
		}
	}
}

// TestBytesAreKept: what fits comes back to the byte, with the tag that the PUT said, however it is written: folded elsewhere, with bare line
// feeds, with properties that nobody knows, without a last line break.
func TestBytesAreKept(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	for name, body := range map[string]string{
		"bare line feeds":  strings.ReplaceAll(event("1"), "\r\n", "\n"),
		"folded":           strings.Replace(event("2"), "SUMMARY:Mathe", "SUM\r\n MARY:Ma\r\n\tthe", 1),
		"no last break":    strings.TrimSuffix(event("3"), "\r\n"),
		"small letters":    strings.Replace(event("4"), "SUMMARY", "summary", 1),
		"unknown":          strings.Replace(event("5"), "SUMMARY", "X-FOO;X-BAR=\"a;b\":c\r\nSUMMARY", 1),
		"byte order mark":  "\ufeff" + event("6"),
		"no time zone":     strings.Replace(event("7"), "DTSTART:20261201T080000Z", "DTSTART;TZID=Europe/Berlin:20261201T080000", 1),
		"a Windows zone":   strings.NewReplacer("DTSTART:20261201T080000Z", "DTSTART;TZID=W. Europe Standard Time:20261201T080000").Replace(event("8")),
		"an instance only": strings.Replace(event("9"), "SUMMARY", "RECURRENCE-ID:20261201T080000Z\r\nSUMMARY", 1),
		"empty lines":      strings.Replace(event("10"), "SUMMARY", "\r\n\r\nSUMMARY", 1),
	} {
		path := "/dav/calendars/anna/calendar/" + strings.ReplaceAll(name, " ", "-") + ".ics"
		put := w.do("anna", "PUT", path, body)
		got := w.do("anna", "GET", path, "")
		if put.status != 201 || got.body != body || put.header.Get("ETag") == "" || got.header.Get("ETag") != put.header.Get("ETag") {
			t.Errorf("%s: %d %s %q: %q, want %q", name, put.status, put.body, got.header.Get("ETag"), got.body, body)
		}
		if !strings.HasPrefix(got.header.Get("Content-Type"), "text/calendar") {
			t.Errorf("%s is %q", name, got.header.Get("Content-Type"))
		}
		report := `<C:calendar-multiget xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><C:calendar-data/></D:prop><D:href>` + path + `</D:href></C:calendar-multiget>`
		text := strings.NewReplacer("&#13;", "\r", "&quot;", `"`).Replace(cutOut(w.want(207, "anna", "REPORT", "/dav/calendars/anna/calendar/", report).body, "<C:calendar-data>", "</C:calendar-data>"))
		if !strings.Contains(name, "zone") && text != body {
			t.Errorf("%s: a report has %q, want %q", name, text, body)
		}
	}
}

// TestCardsInTheVersionAskedFor: reports and GET give the stored bytes, or the other version to who asks for it, and name what there is not.
// RFC 6352 §5.1.1, §8.7.1, §10.4.
func TestCardsInTheVersionAskedFor(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	const book = "/dav/contacts/anna/contacts/"
	three := "BEGIN:VCARD\nVERSION:3.0\nUID:3\nFN:Drei\nN:Drei;;;;\nTEL;TYPE=CELL,PREF:1\nEND:VCARD\n" // bare line feeds tell what was stored
	four := "BEGIN:VCARD\nVERSION:4.0\nUID:4\nFN:Vier\nKIND:group\nMEMBER:urn:uuid:3\nEND:VCARD\n"
	w.want(201, "anna", "PUT", book+"3.vcf", three)
	w.want(201, "anna", "PUT", book+"4.vcf", four)
	for _, tt := range []struct{ name, data, three, four string }{ // a text of each; "": the stored bytes
		{"as it is", `<C:address-data/>`, "", ""},
		{"by type", `<C:address-data content-type="text/vcard"/>`, "", ""},
		{"3.0", `<C:address-data content-type="text/vcard" version="3.0"/>`, "", "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:3"},
		{"4.0", `<C:address-data content-type="text/vcard" version="4.0"/>`, "TEL;TYPE=CELL;PREF=1:1", ""},
		{"a part of it", `<C:address-data><C:prop name="FN"/></C:address-data>`, "VERSION:3.0&#13;\nFN:Drei&#13;\nEND", "VERSION:4.0&#13;\nFN:Vier&#13;\nEND"},
		{"a part of the other version", `<C:address-data version="4.0"><C:prop name="TEL"/></C:address-data>`, "VERSION:4.0&#13;\nTEL;TYPE=CELL;PREF=1:1&#13;\nEND", "VERSION:4.0&#13;\nEND"},
		{"names without values", `<C:address-data><C:prop name="TEL" novalue="yes"/></C:address-data>`, "TEL;TYPE=CELL,PREF:&#13;\n", "VERSION:4.0&#13;\nEND"},
		{"all properties", `<C:address-data><C:allprop/></C:address-data>`, "UID:3", "UID:4"},
	} {
		body := `<C:addressbook-multiget xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:D="DAV:"><D:prop>` + tt.data + `</D:prop><D:href>` + book + `3.vcf</D:href><D:href>` + book + `4.vcf</D:href></C:addressbook-multiget>`
		a := w.want(207, "anna", "REPORT", book, body)
		first, second, _ := strings.Cut(a.body, "4.vcf")
		for stored, got := range map[string][2]string{three: {first, tt.three}, four: {second, tt.four}} {
			if want := got[1]; want == "" && !strings.Contains(got[0], ">"+stored+"<") || !strings.Contains(got[0], want) {
				t.Errorf("%s: %q is not in %s", tt.name, want, got[0])
			}
		}
	}
	for _, data := range []string{`version="2.1"`, `version="5.0"`, `content-type="text/x-vcard"`, `content-type="application/vcard+json"`, `content-type="text/vcard" version="2.1"`} {
		for _, report := range []string{"addressbook-multiget", "addressbook-query"} {
			body := `<C:` + report + ` xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:D="DAV:"><D:prop><C:address-data ` + data + `/></D:prop><C:filter/></C:` + report + `>`
			if a := w.want(403, "anna", "REPORT", book, body); !strings.Contains(a.body, "<CR:supported-address-data") {
				t.Errorf("%s of %s: %s", data, report, a.body)
			}
		}
	}
	for _, tt := range []struct{ accept, three, four string }{
		{"", three, four}, {"*/*", three, four}, {"text/vcard", three, four}, {"text/vcard;version=3.0", three, "KIND:group"}, {"text/vcard;version=4.0", "PREF=1", four},
		{"text/vcard;version=4.0;q=0.5, text/vcard;version=3.0", three, "KIND:group"}, {"text/html, text/*;q=0.1", three, four},
	} {
		for path, want := range map[string]string{"3.vcf": tt.three, "4.vcf": tt.four} {
			a := w.want(200, "anna", "GET", book+path, "", "Accept", tt.accept)
			if !strings.Contains(a.body, want) || !strings.HasPrefix(a.header.Get("Content-Type"), "text/vcard") || !strings.Contains(strings.Join(a.header.Values("Vary"), ","), "Accept") {
				t.Errorf("Accept %q: %s is %q %v, want %q", tt.accept, path, a.body, a.header, want)
			}
		}
	}
}

// TestMaxSizesAreSaid: what a collection says of its limits is what holds. RFC 4791 §5.2.5, RFC 6352 §6.2.3.
func TestMaxSizesAreSaid(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	fill := func(object, line, before string, size int) string {
		for missing := size - len(object); missing > 0; missing = size - len(object) {
			n := min(missing, 60_000)
			if rest := missing - n; rest > 0 && rest < len(line)+2 {
				n -= len(line) + 2
			}
			object = strings.Replace(object, before, line+strings.Repeat("x", n-len(line)-2)+"\r\n"+before, 1)
		}
		return object
	}
	for _, tt := range []struct{ collection, name, object, line, before string }{
		{"/dav/calendars/anna/calendar/", "e.ics", event("e"), "X-FILL:", "SUMMARY"}, {"/dav/contacts/anna/contacts/", "c.vcf", card("c"), "X-FILL:", "FN:"},
	} {
		a := w.want(207, "anna", "PROPFIND", tt.collection, `<propfind xmlns="DAV:"><prop><max-resource-size xmlns="urn:ietf:params:xml:ns:caldav"/><max-resource-size xmlns="urn:ietf:params:xml:ns:carddav"/></prop></propfind>`, "Depth", "0")
		if !strings.Contains(a.body, "max-resource-size>1048576<") {
			t.Errorf("%s: %s", tt.collection, a.body)
		}
		largest := fill(tt.object, tt.line, tt.before, collection.MaxObjectSize)
		if len(largest) != collection.MaxObjectSize {
			t.Fatalf("%d bytes", len(largest))
		}
		w.want(201, "anna", "PUT", tt.collection+tt.name, largest)
		if got := w.want(200, "anna", "GET", tt.collection+tt.name, ""); got.body != largest {
			t.Errorf("%s came back as %d bytes", tt.name, len(got.body))
		}
		// Past the network, on which a client that is refused early may see the connection break instead.
		r := httptest.NewRequest("PUT", tt.collection+tt.name, strings.NewReader(strings.Replace(largest, tt.line, tt.line+"x", 1)))
		r.RemoteAddr = "127.0.0.1:5"
		r.SetBasicAuth("anna", testPassword)
		answer := httptest.NewRecorder()
		if w.srv.Handler().ServeHTTP(answer, r); answer.Code != 403 || !strings.Contains(answer.Body.String(), "max-resource-size/>") {
			t.Errorf("%s with one byte more: %d %s", tt.name, answer.Code, answer.Body)
		}
	}
}
