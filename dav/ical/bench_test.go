package ical

import (
	"fmt"
	"testing"
)

// schoolWeek is n weekly lessons as Thunderbird writes them, with VTIMEZONE.
func schoolWeek(n int) [][]byte {
	loc, _ := Location("Europe/Berlin")
	zone := string(WriteZone("Europe/Berlin", loc).AppendTo(nil))
	out := make([][]byte, n)
	for i := range out {
		first := value{civil: (daysOf(2024, 1, 1)+int64(i%150))*daySeconds + int64(i%11)*2700 + 8*3600}
		event := fmt.Sprintf("CREATED:20240101T100000Z\nLAST-MODIFIED:20240101T100000Z\nDTSTAMP:20240101T100000Z\nSUMMARY:Lesson %d\nRRULE:FREQ=WEEKLY;UNTIL=20260731T000000Z\nDTSTART;TZID=Europe/Berlin:%s\nDURATION:PT45M\nLOCATION:Raum 1.%d\nDESCRIPTION:Bring your books\\, please", i, first, i%30)
		out[i] = []byte(calendarOf(zone, component("VEVENT", event)))
	}
	return out
}

// BenchmarkQuery is a calendar-query for a week over 5,000 weekly events; ns/op is for one event.
func BenchmarkQuery(b *testing.B) {
	events := schoolWeek(5000)
	filter := in(CompFilter{Name: "VEVENT", Range: rangeOf(b, "20250310T000000Z", "20250317T000000Z")})
	matched := 0
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		ok, err := filter.MatchStored(events[i%len(events)], nil, NewBudget())
		if err != nil {
			b.Fatal(err)
		}
		if ok {
			matched++
		}
	}
	if matched == 0 {
		b.Fatal("nothing matched")
	}
}

// BenchmarkDecide is the same where the index is enough.
func BenchmarkDecide(b *testing.B) {
	filter := in(CompFilter{Name: "VEVENT", Range: rangeOf(b, "20250310T000000Z", "20250317T000000Z")})
	o := &Object{Component: "VEVENT", First: filter.Comp.Comps[0].Range.Start + 5, Last: filter.Comp.Comps[0].Range.Start + 10}
	b.ReportAllocs()
	for b.Loop() {
		if match, sure := filter.Decide(o); !match || !sure {
			b.Fatal("not decided")
		}
	}
}

// BenchmarkCheck is what PUT costs.
func BenchmarkCheck(b *testing.B) {
	event := schoolWeek(1)[0]
	b.ReportAllocs()
	b.SetBytes(int64(len(event)))
	for b.Loop() {
		c, err := Parse(event)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.Check(nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkExpandYear expands one weekly event over a year.
func BenchmarkExpandYear(b *testing.B) {
	c, _ := Parse(schoolWeek(1)[0])
	r := DataRequest{Expand: rangeOf(b, "20250101T000000Z", "20260101T000000Z")}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Select(&r, nil, NewBudget()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBudget is the most that one object may cost in one answer.
func BenchmarkBudget(b *testing.B) {
	rules := []string{"FREQ=SECONDLY", "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYMONTHDAY=31,-31;BYWEEKNO=53", "FREQ=DAILY;BYMONTHDAY=31;BYMONTH=4", "FREQ=MONTHLY;BYDAY=5MO,-5MO;BYMONTHDAY=30", "FREQ=SECONDLY;BYYEARDAY=366", "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=1,2,3;BYSECOND=1,2,3;BYSETPOS=1,5,-5"}
	for _, text := range rules {
		rule, err := ParseRule(text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				_ = rule.each(0, minCivil, maxCivil, maxCivil, NewBudget(), func(int64) bool { return true })
			}
		})
	}
}
