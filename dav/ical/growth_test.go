package ical

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestGrowth: twice the input costs about twice the steps, for shapes made to cost more. Steps are counted, so that the machine does not matter.
func TestGrowth(t *testing.T) {
	list := func(n int, item func(i int) string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = item(i)
		}
		return strings.Join(items, ",")
	}
	day := func(i int) string {
		return value{civil: (daysOf(2024, 1, 1) + int64(i)) * daySeconds, kind: utcTime}.String()
	}
	shapes := map[string]func(n int) string{
		"exceptions": func(n int) string {
			return component("VEVENT", fmt.Sprintf("DTSTART:20240101T000000Z\nRRULE:FREQ=DAILY;COUNT=%d\nEXDATE:%s", n, list(n, day)))
		},
		"dates": func(n int) string {
			return component("VEVENT", "DTSTART:20240101T000000Z\nRDATE:"+list(n, day))
		},
		"overrides": func(n int) string {
			var b strings.Builder
			b.WriteString(component("VEVENT", fmt.Sprintf("DTSTART:20240101T000000Z\nRRULE:FREQ=DAILY;COUNT=%d", n)))
			for i := range n {
				b.WriteString("\n" + component("VEVENT", "RECURRENCE-ID:"+day(i)+"\nDTSTART:"+day(i+1)))
			}
			return b.String()
		},
		"overrides of all that follow": func(n int) string {
			var b strings.Builder
			b.WriteString(component("VEVENT", fmt.Sprintf("DTSTART:20240101T000000Z\nRRULE:FREQ=DAILY;COUNT=%d", n)))
			for i := range n {
				b.WriteString("\n" + component("VEVENT", "RECURRENCE-ID;RANGE=THISANDFUTURE:"+day(i)+"\nDTSTART:"+day(i+1)))
			}
			return b.String()
		},
		"alarms": func(n int) string {
			return component("VEVENT", "DTSTART:20240101T000000Z"+strings.Repeat("\nBEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM", n))
		},
	}
	for name, shape := range shapes {
		cost := func(n int) int {
			c, _ := mustCheck(t, shape(n))
			b := &Budget{steps: 10 * MaxSteps, instances: 10 * MaxInstances}
			all := AllTime()
			f := in(CompFilter{Name: "VEVENT", Range: &all, Props: []PropFilter{{Name: "SUMMARY", NotDefined: true}}, Comps: []CompFilter{{Name: "VALARM", Range: &TimeRange{0, 1}}}})
			if _, err := f.Match(c, nil, b); err != nil && !errors.Is(err, ErrTooMany) {
				t.Fatal(err)
			}
			if _, err := c.Select(&DataRequest{Expand: &all}, nil, b); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return 10*MaxSteps - b.steps
		}
		if once, twice := cost(400), cost(800); float64(twice) > 2.6*float64(once) {
			t.Errorf("%s: %d steps, twice as many: %d", name, once, twice)
		}
	}
}

// TestZoneGrowth: a VTIMEZONE with many changes is looked up by halving, not by walking; with too many it is refused.
func TestZoneGrowth(t *testing.T) {
	zone := func(n int) string {
		var b strings.Builder
		b.WriteString("BEGIN:VTIMEZONE\nTZID:x\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100\n")
		for i := range n {
			b.WriteString("RDATE:" + value{civil: (daysOf(1970, 1, 2) + int64(i)) * daySeconds}.String() + "\n")
		}
		return b.String() + "END:STANDARD\nEND:VTIMEZONE"
	}
	if _, _, err := ParseZone([]byte(calendarOf(zone(maxOnsets - 1)))); err != nil {
		t.Errorf("%d changes: %v", maxOnsets, err)
	}
	if _, _, err := ParseZone([]byte(calendarOf(zone(maxOnsets)))); err == nil {
		t.Errorf("%d changes are taken", maxOnsets+1)
	}
}
