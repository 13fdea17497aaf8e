package sieve

import (
	"fmt"
	"strings"
	"time"

	"schulhof/mailbox/message"
)

var (
	dateTags = []tag{ //nolint:gochecknoglobals // RFC 5260 §4.1
		{name: ":zone", value: text, group: "zone"},
		{name: ":originalzone", group: "zone"},
	}
	currentDateTags = []tag{{name: ":zone", value: text}} //nolint:gochecknoglobals // RFC 5260 §5
)

// dateTest compares a part of a date in a header field. RFC 5260 §4.
type dateTest struct {
	field    phrase
	part     phrase
	zone     phrase
	hasZone  bool
	original bool
	index    *index
	*matcher
}

func newDateTest(a *arguments) test {
	field := []phrase{a.phrase(0)}
	if field[0].parts == nil && !validName(field[0].fixed) {
		a.fail(field[0].offset, "%s is no name of a header field", quoteShort(field[0].fixed))
	}
	t := &dateTest{field: lower(field)[0], part: a.datePart(1), original: a.has(":originalzone"), index: a.index(), matcher: a.matcher(2)}
	t.zone, t.hasZone = a.zone()
	return t
}

// datePart checks the name of a part. RFC 5260 §4.2.
func (a *arguments) datePart(i int) phrase {
	p := a.phrase(i)
	if p.parts == nil {
		p.fixed = strings.ToLower(p.fixed)
		if _, ok := datePart(time.Time{}, p.fixed); !ok {
			a.fail(p.offset, "a date has no part %s", quoteShort(p.fixed))
		}
	}
	return p
}

func (a *arguments) zone() (phrase, bool) {
	p, ok := a.tagPhrase(":zone")
	if ok && p.parts == nil {
		if _, valid := parseZone(p.fixed); !valid {
			a.fail(p.offset, "a zone is written like \"+0100\", not %s", quoteShort(p.fixed))
		}
	}
	return p, ok
}

// parseZone reads +hhmm. RFC 5260 §4.1.
func parseZone(s string) (*time.Location, bool) {
	if len(s) != 5 || s[0] != '+' && s[0] != '-' {
		return nil, false
	}
	for _, c := range []byte(s[1:]) {
		if c < '0' || c > '9' {
			return nil, false
		}
	}
	hours, minutes := int(s[1]-'0')*10+int(s[2]-'0'), int(s[3]-'0')*10+int(s[4]-'0')
	if hours > 23 || minutes > 59 {
		return nil, false
	}
	seconds := (hours*60 + minutes) * 60
	if s[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), true
}

func (t *dateTest) holds(r *run) (bool, error) {
	n := 0
	part := r.fieldName(&t.part)
	for _, f := range r.named(r.fieldName(&t.field), t.index) {
		body := f.body()
		if i := strings.LastIndexByte(body, ';'); i >= 0 {
			body = body[i+1:] // Received; RFC 5260 §4
		}
		at := message.ParseDate(strings.TrimSpace(body))
		if at.IsZero() {
			continue
		}
		if !t.original {
			zone, err := r.zone(t.offset, t.zone, t.hasZone)
			if err != nil {
				return false, err
			}
			at = at.In(zone)
		}
		v, ok := datePart(at, part)
		if n++; !ok || t.kind == byCount {
			continue
		}
		if ok, err := t.any(r, &value{text: v}); ok || err != nil {
			return ok, err
		}
	}
	if t.kind == byCount {
		return t.counted(r, n)
	}
	return false, nil
}

func (r *run) zone(offset int, p phrase, has bool) (*time.Location, error) {
	if !has {
		return r.env.Zone, nil
	}
	zone, ok := parseZone(r.expand(&p))
	if !ok {
		return nil, r.stopped(offset, "a zone is written like \"+0100\"")
	}
	return zone, nil
}

// currentDate compares a part of the present. RFC 5260 §5.
type currentDate struct {
	part    phrase
	zone    phrase
	hasZone bool
	*matcher
}

func newCurrentDate(a *arguments) test {
	t := &currentDate{part: a.datePart(0), matcher: a.matcher(1)}
	t.zone, t.hasZone = a.zone()
	return t
}

func (t *currentDate) holds(r *run) (bool, error) {
	if t.kind == byCount {
		return t.counted(r, 1)
	}
	zone, err := r.zone(t.offset, t.zone, t.hasZone)
	if err != nil {
		return false, err
	}
	v, ok := datePart(r.env.Now.In(zone), r.fieldName(&t.part))
	if !ok {
		return false, nil
	}
	return t.any(r, &value{text: v})
}

// datePart is one part of a date; ok is false for an unknown name. RFC 5260 §4.2.
func datePart(t time.Time, name string) (part string, ok bool) {
	switch name {
	case "year":
		return t.Format("2006"), true
	case "month":
		return t.Format("01"), true
	case "day":
		return t.Format("02"), true
	case "date":
		return t.Format("2006-01-02"), true
	case "julian": // days since 17 November 1858
		return fmt.Sprint(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix()/86400 + 40587), true
	case "hour":
		return t.Format("15"), true
	case "minute":
		return t.Format("04"), true
	case "second":
		return t.Format("05"), true
	case "time":
		return t.Format("15:04:05"), true
	case "iso8601":
		return t.Format("2006-01-02T15:04:05-07:00"), true
	case "std11":
		return t.Format("Mon, 2 Jan 2006 15:04:05 -0700"), true
	case "zone":
		return t.Format("-0700"), true
	case "weekday":
		return fmt.Sprint(int(t.Weekday())), true
	}
	return "", false
}
