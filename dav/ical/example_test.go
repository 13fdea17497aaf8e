package ical_test

import (
	"fmt"
	"time"

	"schulhof/dav/ical"
)

const lesson = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
BEGIN:VEVENT
UID:lesson@school.test
SUMMARY:Physics
DTSTART;TZID=Europe/Berlin:20240318T080000
DURATION:PT45M
RRULE:FREQ=WEEKLY;COUNT=10
EXDATE;TZID=Europe/Berlin:20240325T080000
END:VEVENT
END:VCALENDAR
`

// What a PUT asks, and what an index keeps.
func ExampleCalendar_Check() {
	calendar, err := ical.Parse([]byte(lesson))
	if err != nil {
		fmt.Println(err)
		return
	}
	object, err := calendar.Check([]string{"VEVENT"})
	fmt.Println(object.UID, object.Component, object.Recurring, err)
	_, err = calendar.Check([]string{"VTODO"})
	fmt.Println(err)
	// Output:
	// lesson@school.test VEVENT true <nil>
	// supported-calendar-component: this collection takes VTODO, not VEVENT
}

// A query first asks the index, then the bytes, and parses last.
func ExampleFilter_Decide() {
	week := &ical.TimeRange{
		Start: time.Date(2024, 4, 1, 0, 0, 0, 0, time.UTC).Unix(),
		End:   time.Date(2024, 4, 8, 0, 0, 0, 0, time.UTC).Unix(),
	}
	filter := &ical.Filter{Comp: ical.CompFilter{Name: "VCALENDAR", Comps: []ical.CompFilter{{Name: "VEVENT", Range: week}}}}
	calendar, _ := ical.Parse([]byte(lesson))
	object, _ := calendar.Check(nil)
	match, sure := filter.Decide(object)
	fmt.Println(match, sure)
	if !sure {
		match, err := filter.MatchStored([]byte(lesson), nil, ical.NewBudget())
		fmt.Println(match, err)
	}
	// Output:
	// false false
	// true <nil>
}

// The lesson keeps its hour when the clock changes; the exception is left out.
func ExampleCalendar_Instances() {
	calendar, _ := ical.Parse([]byte(lesson))
	from := time.Date(2024, 3, 18, 0, 0, 0, 0, time.UTC)
	instances, err := calendar.Instances(ical.TimeRange{Start: from.Unix(), End: from.AddDate(0, 0, 21).Unix()}, nil, ical.NewBudget())
	for _, in := range instances {
		fmt.Println(in.Start.Format(time.RFC3339), in.Component.Get("SUMMARY").Value)
	}
	fmt.Println(err)
	// Output:
	// 2024-03-18T07:00:00Z Physics
	// 2024-04-01T06:00:00Z Physics
	// <nil>
}
