package ical

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teambition/rrule-go"
)

// TestRulesAgainstOracle compares windows of random rules with rrule-go, an independent expander. What both define must be equal. Where rrule-go
// departs from RFC 5545 the rule it gets is put in other words, or the case is left out:
//
//   - BYWEEKNO without BYDAY: it takes all seven days; the RFC takes the weekday from DTSTART. It is given BYDAY.
//   - BYWEEKNO=52, 53, -52, -53: it counts 53 weeks in years that have 52, may index beyond its tables, and misses the days of these weeks that lie
//     in a neighbouring year. Left out; TestWeekNumbers compares all weeks with package time.
//   - BYSETPOS with FREQ=WEEKLY and shorter: it counts positions in the first period from DTSTART, not from the period's begin. It is given an earlier DTSTART.
//   - COUNT and a DTSTART the rule does not name: the RFC counts DTSTART, it does not. COUNT is applied here.
//   - BYDAY with and without numbers, such as MO,-1FR: it wants days that satisfy both; the RFC has one list. Left out.
//   - BYDAY with a number that no month has, such as 45MO, together with BYMONTH: it panics. Left out.
//   - a number twice, such as BYMINUTE=40,40: it yields an instance twice, and BYSETPOS counts it twice. Left out.
//   - no instance after the window for long: it searches on to the year 9999. Left out.
func TestRulesAgainstOracle(t *testing.T) {
	rules := 3000
	if os.Getenv("SCHULHOF_E2E") != "" {
		rules = 150_000
	}
	some := 0
	for seed := range uint64(rules) {
		c := randomCase(rand.New(rand.NewPCG(seed, 5545)))
		if !c.goesOn() {
			continue
		}
		got, err := c.ours()
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, c, err)
		}
		want, ok := c.oracle(t)
		if !ok {
			continue
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: %s\n got %v\nwant %v", seed, c, times(got), times(want))
		}
		if len(want) > 0 {
			some++
		}
	}
	if some < rules*2/5 {
		t.Errorf("only %d of %d rules had an instance in the window: the comparison says little", some, rules)
	}
}

func times(civil []int64) (out []string) {
	for _, c := range civil[:min(len(civil), 12)] {
		out = append(out, value{civil: c}.String())
	}
	return out
}

// oracleCase is a rule as text, a start, and a window.
type oracleCase struct {
	parts           map[string]string
	start, from, to int64
}

func (c oracleCase) String() string {
	return fmt.Sprintf("DTSTART:%s RRULE:%s in [%s, %s)", value{civil: c.start}, c.rule(), value{civil: c.from}, value{civil: c.to})
}

func (c oracleCase) rule() string {
	out := []string{"FREQ=" + c.parts["FREQ"]}
	for name, val := range c.parts {
		if name != "FREQ" {
			out = append(out, name+"="+val)
		}
	}
	slices.Sort(out[1:])
	return strings.Join(out, ";")
}

// mostCompared bounds how many instances of one window are compared.
const mostCompared = 300

func (c oracleCase) ours() ([]int64, error) {
	rule, err := ParseRule(c.rule())
	if err != nil {
		return nil, err
	}
	var out []int64
	if c.start >= c.from && c.start < c.to {
		out = append(out, c.start)
	}
	until := int64(math.MaxInt64)
	if rule.hasUntil {
		until = rule.until.civil
	}
	err = rule.each(c.start, c.from, c.to, until, &Budget{steps: math.MaxInt32, instances: math.MaxInt32}, func(civil int64) bool {
		out = append(out, civil)
		return len(out) < mostCompared
	})
	return out, err
}

// goesOn tells whether the rule, without COUNT and UNTIL, has an instance soon after the window.
func (c oracleCase) goesOn() bool {
	rule, err := ParseRule(c.rule())
	if err != nil {
		return true // and fails where it is compared
	}
	rule.count, rule.hasUntil = 0, false
	found := false
	err = rule.each(c.start, c.to, c.to+max(40*daySeconds, 5*(c.to-c.start)), math.MaxInt64, &Budget{steps: 100_000}, func(int64) bool { found = true; return false })
	return found && err == nil
}

func (c oracleCase) oracle(t *testing.T) (out []int64, ok bool) {
	numbers, plain := mixed(c.parts["BYDAY"])
	if numbers && plain {
		return nil, false
	}
	parts := make(map[string]string, len(c.parts))
	for name, val := range c.parts {
		parts[name] = val
	}
	count := math.MaxInt
	if s, ok := parts["COUNT"]; ok {
		fmt.Sscan(s, &count)
		delete(parts, "COUNT")
	}
	if parts["BYWEEKNO"] != "" && parts["BYDAY"] == "" && parts["BYYEARDAY"] == "" && parts["BYMONTHDAY"] == "" {
		days, _ := splitCivil(c.start)
		parts["BYDAY"] = []string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}[weekday(days)]
	}
	option, err := rrule.StrToROption(oracleCase{parts: parts}.rule())
	if err != nil {
		t.Fatalf("the oracle does not read %s: %v", oracleCase{parts: parts}.rule(), err)
	}
	option.Dtstart = time.Unix(c.start, 0).UTC()
	if parts["BYSETPOS"] != "" {
		option.Dtstart, _ = periodBegin(option, c.start)
	}
	rule, err := rrule.NewRRule(*option)
	if err != nil {
		t.Fatalf("the oracle refuses %s: %v", c, err)
	}
	seen := 0
	add := func(civil int64) {
		if seen++; seen <= count && civil >= c.from && civil < c.to {
			out = append(out, civil)
		}
	}
	add(c.start)
	next := rule.Iterator()
	for steps := 0; len(out) < mostCompared && seen < count; steps++ {
		at, ok := next()
		if !ok || at.Unix() >= c.to {
			return out, true
		}
		if steps > 5000 {
			return nil, false
		}
		if at.Unix() > c.start {
			add(at.Unix())
		}
	}
	return out, true
}

// mixed tells whether a BYDAY has days with numbers, and days without.
func mixed(byDay string) (numbers, plain bool) {
	for day := range strings.SplitSeq(byDay, ",") {
		numbers, plain = numbers || len(day) > 2, plain || len(day) == 2
	}
	return numbers, plain
}

// periodBegin returns the first second of the period around start, with what the rule takes from DTSTART made explicit in option.
func periodBegin(option *rrule.ROption, start int64) (time.Time, int64) {
	s := startAt(start)
	fill := func(list *[]int, n int64) {
		if len(*list) == 0 {
			*list = []int{int(n)}
		}
	}
	if option.Freq < rrule.SECONDLY {
		fill(&option.Bysecond, s.second)
	}
	if option.Freq < rrule.MINUTELY {
		fill(&option.Byminute, s.minute)
	}
	if option.Freq < rrule.HOURLY {
		fill(&option.Byhour, s.hour)
	}
	days := len(option.Byweekday) > 0 || len(option.Bymonthday) > 0 || len(option.Byyearday) > 0 || len(option.Byweekno) > 0
	begin := s.days * daySeconds
	switch option.Freq {
	case rrule.YEARLY:
		if !days {
			fill(&option.Bymonthday, s.day)
			fill(&option.Bymonth, s.month)
		}
		begin = daysOf(s.year, 1, 1) * daySeconds
	case rrule.MONTHLY:
		if !days {
			fill(&option.Bymonthday, s.day)
		}
		begin = daysOf(s.year, s.month, 1) * daySeconds
	case rrule.WEEKLY:
		if !days {
			option.Byweekday = []rrule.Weekday{[]rrule.Weekday{rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU}[weekday(s.days)]}
		}
		begin = (s.days - floorMod(weekday(s.days)-int64(option.Wkst.Day()), 7)) * daySeconds
	case rrule.HOURLY:
		begin = start - start%3600
	case rrule.MINUTELY:
		begin = start - start%60
	case rrule.SECONDLY:
		begin = start
	}
	return time.Unix(begin, 0).UTC(), begin
}

// randomCase makes a rule that RFC 5545 allows.
func randomCase(r *rand.Rand) oracleCase {
	names := []string{"YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"}
	freq := names[min(r.IntN(9), 6)%7]
	if r.IntN(3) > 0 {
		freq = names[r.IntN(4)]
	}
	c := oracleCase{parts: map[string]string{"FREQ": freq}}
	c.start = daysOf(1970+r.Int64N(60), 1+r.Int64N(12), 1)*daySeconds + r.Int64N(31*daySeconds)
	if r.IntN(2) == 0 {
		c.start -= floorMod(c.start, 3600)
	}
	short := freq == "HOURLY" || freq == "MINUTELY" || freq == "SECONDLY"
	if r.IntN(2) == 0 {
		c.parts["INTERVAL"] = fmt.Sprint(1 + r.IntN(5))
	}
	set := func(chance int, name string, make func() string) {
		if r.IntN(chance) == 0 {
			c.parts[name] = make()
		}
	}
	list := func(low, high, most int) func() string {
		return func() string {
			var out []string
			for range 1 + r.IntN(most) {
				if n := fmt.Sprint(low + r.IntN(high-low+1)); (n != "0" || low == 0) && !slices.Contains(out, n) {
					out = append(out, n)
				}
			}
			if len(out) == 0 {
				return "1"
			}
			return strings.Join(out, ",")
		}
	}
	set(4, "BYMONTH", list(1, 12, 4))
	if freq == "YEARLY" {
		set(6, "BYWEEKNO", list(-51, 51, 3))
	}
	if freq == "YEARLY" || short {
		set(8, "BYYEARDAY", list(-366, 366, 5))
	}
	if freq != "WEEKLY" {
		set(5, "BYMONTHDAY", list(-31, 31, 4))
	}
	set(3, "BYDAY", func() string {
		numbered := (freq == "YEARLY" || freq == "MONTHLY") && c.parts["BYWEEKNO"] == ""
		return randomDays(r, numbered, freq == "YEARLY" && c.parts["BYMONTH"] == "")
	})
	set(5, "BYHOUR", list(0, 23, 3))
	set(6, "BYMINUTE", list(0, 59, 3))
	set(8, "BYSECOND", list(0, 59, 3))
	if len(c.parts) > 1 && !(len(c.parts) == 2 && c.parts["INTERVAL"] != "") {
		set(5, "BYSETPOS", list(-4, 4, 3))
	}
	set(4, "WKST", func() string { return []string{"SU", "MO", "WE", "SA"}[r.IntN(4)] })
	span := map[string]int64{"YEARLY": 30 * 366 * 24, "MONTHLY": 8 * 366 * 24, "WEEKLY": 3 * 366 * 24, "DAILY": 366 * 24, "HOURLY": 15 * 24, "MINUTELY": 12, "SECONDLY": 1}[freq] * 3600
	switch r.IntN(4) {
	case 0:
		c.parts["COUNT"] = fmt.Sprint(1 + r.IntN(60))
	case 1:
		c.parts["UNTIL"] = value{civil: c.start + r.Int64N(span), kind: utcTime}.String()
	}
	c.from = c.start - daySeconds + r.Int64N(span)
	c.to = c.from + r.Int64N(span)
	return c
}

func randomDays(r *rand.Rand, numbered, ofYear bool) string {
	var out []string
	for range 1 + r.IntN(3) {
		day := []string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}[r.IntN(7)]
		if n := r.IntN(11) - 5; numbered && n != 0 && r.IntN(2) == 0 {
			if ofYear && r.IntN(2) == 0 {
				n *= 9
			}
			day = fmt.Sprint(n) + day
		}
		out = append(out, day)
	}
	return strings.Join(out, ",")
}
