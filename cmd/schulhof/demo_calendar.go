package main

import (
	"fmt"
	"strings"
	"time"

	"schulhof/dav/contentline"
)

// demoEvent is one entry of a calendar. Days count from the Monday of this week, so that the weeks around today are full.
type demoEvent struct {
	owner   string // local part of a person, or name of a group
	day     int
	at, to  string // "08:00"; both empty: all day
	days    int    // of an all-day entry; 0: one
	summary string
	place   string
	text    string
	repeat  string // RRULE
	skip    []int  // days on which it does not happen
	alarm   bool   // a quarter of an hour before
}

var demoEvents = []demoEvent{
	{owner: "7b", day: 0, at: "08:00", to: "08:45", summary: "Klassenrat", place: "Raum 214", repeat: "FREQ=WEEKLY;COUNT=30", skip: []int{14}},
	{owner: "7b", day: 2, at: "09:50", to: "11:20", summary: "Mathearbeit Nr. 2", place: "Raum 214", text: "Bruchrechnung, Prozente. Geodreieck nicht vergessen!"},
	{owner: "7b", day: 9, at: "08:00", to: "09:30", summary: "Englisch: Vokabeltest Unit 3", place: "Raum 214"},
	{owner: "7b", day: 15, days: 3, summary: "Wandertage am Steinhuder Meer", text: "Abfahrt 7:45 Uhr am Busbahnhof. Regenjacke!"},
	{owner: "7b", day: 11, at: "18:30", to: "20:00", summary: "Elternabend", place: "Aula", text: "Themen: Wandertage, Berufspraktikum, Wahl der Elternvertretung"},
	{owner: "5a", day: 1, at: "10:00", to: "11:30", summary: "Lesewettbewerb", place: "Bibliothek"},
	{owner: "5a", day: 3, at: "08:00", to: "08:45", summary: "Deutscharbeit: Bildergeschichte", place: "Raum 105"},
	{owner: "5a", day: 4, at: "11:40", to: "13:10", summary: "Schwimmen", place: "Hallenbad Süd", repeat: "FREQ=WEEKLY;BYDAY=FR;COUNT=12"},
	{owner: "10c", day: 3, at: "09:50", to: "12:10", summary: "Klausur Mathematik: quadratische Funktionen", place: "Raum 301"},
	{owner: "10c", day: 8, days: 12, summary: "Betriebspraktikum", text: "Praktikumsmappe bis zum letzten Tag abgeben."},
	{owner: "mathe-10c", day: 1, at: "14:00", to: "15:30", summary: "Förderstunde", place: "Raum 301", repeat: "FREQ=WEEKLY;INTERVAL=2;COUNT=10"},
	{owner: "schach-ag", day: 3, at: "14:00", to: "15:30", summary: "Schach-AG", place: "Raum 012", repeat: "FREQ=WEEKLY;COUNT=40"},
	{owner: "schach-ag", day: 26, days: 1, summary: "Schulschach-Bezirksmeisterschaft", place: "Stadthalle"},
	{owner: "lehrerzimmer", day: 2, at: "14:30", to: "17:00", summary: "Gesamtkonferenz", place: "Aula", text: "TOP 1 Medienkonzept, TOP 2 Schulfest, TOP 3 Verschiedenes"},
	{owner: "lehrerzimmer", day: 0, at: "07:35", to: "07:50", summary: "Dienstbesprechung", place: "Lehrerzimmer", repeat: "FREQ=WEEKLY;BYDAY=MO;COUNT=40"},
	{owner: "lehrerzimmer", day: 18, days: 1, summary: "Zeugnisnoten eintragen (letzter Tag)"},
	{owner: "fachschaft-mathe", day: 7, at: "15:00", to: "16:00", summary: "Fachkonferenz Mathematik", place: "Raum 301"},
	{owner: "alle", day: 24, days: 1, summary: "Schulfest", place: "Schulhof", text: "Mit Flohmarkt der SV. Kuchenspenden bitte bis 10 Uhr."},
	{owner: "alle", day: 30, days: 12, summary: "Ferien"},
	{owner: "katharina.boehm", day: 1, at: "13:30", to: "14:15", summary: "Sprechstunde", place: "Raum 108", repeat: "FREQ=WEEKLY;COUNT=20", alarm: true},
	{owner: "katharina.boehm", day: 4, at: "16:00", to: "17:30", summary: "Gespräch mit Frau Zöllner", alarm: true},
	{owner: "katharina.boehm", day: 5, at: "10:00", to: "16:00", summary: "Fortbildung: Geometrie mit GeoGebra", place: "Hannover"},
	{owner: "katharina.boehm", day: -320, days: 1, summary: "Geburtstag Lea", repeat: "FREQ=YEARLY"},
	{owner: "jonas.mueller", day: 2, at: "16:30", to: "18:00", summary: "Training", place: "Sporthalle West", repeat: "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=60"},
	{owner: "jonas.mueller", day: 5, at: "15:00", to: "19:00", summary: "Geburtstag von Ben"},
}

// demoTask is one entry of a task list.
type demoTask struct {
	owner   string
	due     int // days from Monday
	summary string
	text    string
	percent int // 100: done
}

var demoTasks = []demoTask{
	{"7b", 3, "Mathe: Buch S. 74 Nr. 3 bis 6", "Rechenweg aufschreiben", 0},
	{"7b", 8, "Lesetagebuch: Kapitel 5 bis 7", "Mindestens eine Seite je Kapitel", 0},
	{"7b", 14, "Einverständniserklärung Wandertage abgeben", "", 0},
	{"7b", -3, "Englisch: Workbook S. 31", "", 100},
	{"5a", 2, "Bildergeschichte fertig schreiben", "", 0},
	{"mathe-10c", 6, "Übungsblatt 4: Scheitelpunktform", "Das Blatt liegt bei den Dateien des Kurses.", 0},
	{"lehrerzimmer", 10, "Rückmeldung zum Medienkonzept", "Bitte im Entwurf kommentieren.", 0},
	{"katharina.boehm", 4, "Mathearbeit 7b korrigieren", "", 40},
	{"katharina.boehm", 1, "Bus für die Wandertage bestellen", "Angebot von Reisedienst Wulf liegt vor", 0},
	{"jonas.mueller", 3, "Geschenk für Ben besorgen", "", 0},
}

// zone is Europe/Berlin as it has been since 1996.
func demoZone() *contentline.Component {
	rule := func(name, from, to, abbreviation, start, rule string) *contentline.Component {
		return &contentline.Component{Name: name, Lines: demoLines("TZOFFSETFROM", from, "TZOFFSETTO", to, "TZNAME", abbreviation, "DTSTART", start, "RRULE", rule)}
	}
	return &contentline.Component{Name: "VTIMEZONE", Lines: demoLines("TZID", demoZoneName), Children: []*contentline.Component{
		rule("DAYLIGHT", "+0100", "+0200", "CEST", "19960331T020000", "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"),
		rule("STANDARD", "+0200", "+0100", "CET", "19961027T030000", "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"),
	}}
}

const demoZoneName = "Europe/Berlin"

// demoLines makes lines of pairs of names and values; a value is as it stands in the file.
func demoLines(pairs ...string) (lines []contentline.Line) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			lines = append(lines, contentline.Line{Name: pairs[i], Value: pairs[i+1]})
		}
	}
	return lines
}

// monday is the first day of now's week, at midnight on the clocks of the school.
func monday(now time.Time) time.Time {
	local := schoolTime(now)
	back := (int(local.Weekday()) + 6) % 7
	return time.Date(local.Year(), local.Month(), local.Day()-back, 0, 0, 0, 0, local.Location())
}

// object writes e as an iCalendar object. RFC 5545 §3.6.1.
func (e demoEvent) object(uid string, now time.Time) ([]byte, error) {
	first := monday(now).AddDate(0, 0, e.day)
	event := &contentline.Component{Name: "VEVENT", Lines: demoLines("UID", uid, "DTSTAMP", now.UTC().Format("20060102T150405Z"),
		"SUMMARY", contentline.Escape(e.summary), "LOCATION", contentline.Escape(e.place), "DESCRIPTION", contentline.Escape(e.text), "RRULE", e.repeat)}
	calendar := demoCalendar(event)
	if e.at == "" {
		date := func(name string, t time.Time) contentline.Line {
			return contentline.Line{Name: name, Params: []contentline.Param{{Name: "VALUE", Values: []string{"DATE"}}}, Value: t.Format("20060102")}
		}
		event.Lines = append(event.Lines, date("DTSTART", first), date("DTEND", first.AddDate(0, 0, max(e.days, 1))))
		event.Lines = append(event.Lines, demoLines("TRANSP", "TRANSPARENT")...)
		return calendar.AppendTo(nil), nil
	}
	moment := func(name string, day time.Time, clock string) (contentline.Line, error) {
		at, err := time.Parse("15:04", clock)
		return contentline.Line{Name: name, Params: []contentline.Param{{Name: "TZID", Values: []string{demoZoneName}}},
			Value: day.Format("20060102") + at.Format("T150405")}, err
	}
	start, err := moment("DTSTART", first, e.at)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", e.summary, err)
	}
	end, err := moment("DTEND", first, e.to)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", e.summary, err)
	}
	event.Lines = append(event.Lines, start, end)
	for _, day := range e.skip {
		skipped, err := moment("EXDATE", monday(now).AddDate(0, 0, day), e.at)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", e.summary, err)
		}
		event.Lines = append(event.Lines, skipped)
	}
	if e.alarm {
		event.Children = append(event.Children, &contentline.Component{Name: "VALARM",
			Lines: demoLines("ACTION", "DISPLAY", "DESCRIPTION", contentline.Escape(e.summary), "TRIGGER", "-PT15M")})
	}
	calendar.Children = append([]*contentline.Component{demoZone()}, calendar.Children...)
	return calendar.AppendTo(nil), nil
}

// object writes t as an iCalendar object. RFC 5545 §3.6.2.
func (t demoTask) object(uid string, now time.Time) []byte {
	due := contentline.Line{Name: "DUE", Params: []contentline.Param{{Name: "VALUE", Values: []string{"DATE"}}},
		Value: monday(now).AddDate(0, 0, t.due).Format("20060102")}
	todo := &contentline.Component{Name: "VTODO", Lines: append(demoLines("UID", uid, "DTSTAMP", now.UTC().Format("20060102T150405Z"),
		"SUMMARY", contentline.Escape(t.summary), "DESCRIPTION", contentline.Escape(t.text)), due)}
	switch {
	case t.percent == 100:
		todo.Lines = append(todo.Lines, demoLines("STATUS", "COMPLETED", "PERCENT-COMPLETE", "100", "COMPLETED", now.UTC().Format("20060102T150405Z"))...)
	case t.percent > 0:
		todo.Lines = append(todo.Lines, demoLines("STATUS", "IN-PROCESS", "PERCENT-COMPLETE", fmt.Sprint(t.percent))...)
	default:
		todo.Lines = append(todo.Lines, demoLines("STATUS", "NEEDS-ACTION")...)
	}
	return demoCalendar(todo).AppendTo(nil)
}

func demoCalendar(component *contentline.Component) *contentline.Component {
	return &contentline.Component{Name: "VCALENDAR", Lines: demoLines("VERSION", "2.0", "PRODID", "-//Schulhof//demo//DE"),
		Children: []*contentline.Component{component}}
}

// demoContact is a card of somebody outside the school.
type demoContact struct{ owner, given, family, organization, mail, phone, note string }

var demoContacts = []demoContact{
	{"katharina.boehm", "Heike", "Wulf", "Reisedienst Wulf GmbH", "angebote@reisedienst-wulf.example", "+49 511 5550140", "Busse für Klassenfahrten"},
	{"katharina.boehm", "Thomas", "Albrecht", "Jugendherberge Mardorf", "mardorf@jugendherberge.example", "+49 5036 555021", "2 Mehrbettzimmer mit Rollstuhlzugang"},
	{"katharina.boehm", "Sabine", "Rühmkorf", "Schulbuchverlag Linden", "s.ruehmkorf@verlag-linden.example", "+49 511 5550177", ""},
	{"katharina.boehm", "", "Hausmeister Sporthalle West", "Stadt Musterstadt", "", "+49 511 5550199", "nur vormittags"},
	{"lehrerzimmer", "Andrea", "Thiele", "Schulpsychologische Beratung", "beratung@landkreis.example", "+49 511 5550111", "Termine dienstags"},
	{"lehrerzimmer", "", "Gesundheitsamt", "Landkreis Musterstadt", "gesundheitsamt@landkreis.example", "+49 511 5550112", ""},
	{"lehrerzimmer", "Jan", "de Vries", "IT-Betreuung der Schulen", "it@schulverband.example", "+49 511 5550113", "Störungen bitte per Mail"},
	{"eltern-7b", "Renate", "Zöllner", "Elternvertretung 7b", "renate.zoellner@school.test", "+49 511 5550122", ""},
	{"jonas.mueller", "Oma", "Hilde", "", "", "+49 5031 555099", ""},
	{"jonas.mueller", "Trainer", "Marco", "SV West", "marco@sv-west.example", "+49 170 5550188", ""},
}

// object writes c as a vCard 3.0, which every program reads. RFC 2426.
func (c demoContact) object(uid string) []byte {
	name := strings.TrimSpace(c.given + " " + c.family)
	card := &contentline.Component{Name: "VCARD", Lines: demoLines("VERSION", "3.0", "PRODID", "-//Schulhof//demo//DE", "UID", uid,
		"FN", contentline.Escape(name), "N", contentline.Escape(c.family)+";"+contentline.Escape(c.given)+";;;",
		"ORG", contentline.Escape(c.organization), "NOTE", contentline.Escape(c.note))}
	typed := func(name, kind, value string) {
		if value != "" {
			card.Lines = append(card.Lines, contentline.Line{Name: name, Params: []contentline.Param{{Name: "TYPE", Values: []string{kind}}}, Value: value})
		}
	}
	typed("EMAIL", "INTERNET", c.mail)
	typed("TEL", "VOICE", c.phone)
	return card.AppendTo(nil)
}
