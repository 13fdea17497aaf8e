package message

import (
	"strings"
	"time"
)

// ParseDate reads an RFC 5322 §3.3 date with its obsolete forms (§4.3) and what else is sent: missing seconds or zone, two-digit years, names of zones,
// the order of asctime, ISO 8601. The zero time: no date can be made of it.
func ParseDate(value string) time.Time {
	d := dateParts{day: -1, year: -1, hour: -1}
	value = value[:min(len(value), 200)]
	for value != "" {
		value = skipComments(strings.TrimLeft(value, ", "))
		n := 0
		for n < len(value) && value[n] != ' ' && value[n] != ',' && value[n] != '\t' && value[n] != '(' {
			n++
		}
		if n == 0 {
			break
		}
		d.word(value[:n])
		value = value[n:]
	}
	return d.time()
}

type dateParts struct {
	day, month, year  int
	hour, minute, sec int
	offset            int // seconds east of UTC
}

// word takes one word of a date for what it looks like.
func (d *dateParts) word(w string) {
	switch {
	case d.hour < 0 && strings.IndexByte(w, ':') > 0:
		if i := strings.IndexByte(w, 'T'); i > 0 {
			d.isoDay(w[:i])
			w = w[i+1:]
		}
		d.clock(w)
	case w[0] == '+' || (w[0] == '-' && d.hour >= 0):
		d.zone(w)
	case w[0] >= '0' && w[0] <= '9':
		d.number(w)
	case d.month == 0 && monthOf(w) > 0:
		d.month = monthOf(w)
	case d.hour >= 0:
		d.zone(w)
	}
}

// number takes a day, a year, or both with a month between hyphens.
func (d *dateParts) number(w string) {
	if strings.IndexByte(w, '-') > 0 {
		d.isoDay(w)
		return
	}
	n, rest := leadingNumber(w)
	switch {
	case rest != "" && rest != "." && rest != "st" && rest != "nd" && rest != "rd" && rest != "th":
	case d.day < 0 && len(w) <= 4 && n >= 1 && n <= 31:
		d.day = n
	case d.year < 0 && len(w) <= 4:
		d.year = fullYear(n, len(w))
	}
}

// fullYear completes a year of two or three digits. RFC 5322 §4.3.
func fullYear(n, digits int) int {
	switch {
	case digits <= 2 && n < 50:
		return 2000 + n
	case digits <= 3:
		return 1900 + n
	}
	return n
}

// isoDay reads 2006-01-02 or 2-Jan-2006.
func (d *dateParts) isoDay(w string) {
	a, rest := leadingNumber(w)
	if !strings.HasPrefix(rest, "-") {
		return
	}
	second, third, _ := strings.Cut(rest[1:], "-")
	month := monthOf(second)
	if month == 0 {
		month, _ = leadingNumber(second)
	}
	c, _ := leadingNumber(third)
	if len(w)-len(rest) == 4 {
		d.year, d.month, d.day = a, month, c
		return
	}
	d.day, d.month, d.year = a, month, fullYear(c, len(third))
}

// clock reads hh:mm[:ss[.fraction]], with a zone if it follows at once.
func (d *dateParts) clock(w string) {
	hour, rest := leadingNumber(w)
	minute, rest := leadingNumber(strings.TrimPrefix(rest, ":"))
	second := 0
	if strings.HasPrefix(rest, ":") {
		second, rest = leadingNumber(rest[1:])
	}
	if strings.HasPrefix(rest, ".") {
		_, rest = leadingNumber(rest[1:])
	}
	if hour > 24 || minute > 59 || second > 60 {
		return
	}
	d.hour, d.minute, d.sec = hour, minute, min(second, 59)
	if rest != "" {
		d.zone(rest)
	}
}

// zone reads +0100, +01:00 or a name. Unknown names are UTC: RFC 5322 §4.3.
func (d *dateParts) zone(w string) {
	if w[0] == '+' || w[0] == '-' {
		digits := strings.ReplaceAll(w[1:], ":", "")
		n, _ := leadingNumber(digits)
		if len(digits) <= 2 {
			n *= 100
		}
		if n/100 > 24 || n%100 > 59 {
			return
		}
		d.offset = (n/100*60 + n%100) * 60
		if w[0] == '-' {
			d.offset = -d.offset
		}
		return
	}
	switch strings.ToUpper(w) {
	case "EST", "CDT":
		d.offset = -5 * 3600
	case "EDT":
		d.offset = -4 * 3600
	case "CST", "MDT":
		d.offset = -6 * 3600
	case "MST", "PDT":
		d.offset = -7 * 3600
	case "PST":
		d.offset = -8 * 3600
	case "CET", "MEZ", "MET", "BST":
		d.offset = 3600
	case "CEST", "MESZ", "EET":
		d.offset = 2 * 3600
	case "PM":
		if d.hour < 12 {
			d.hour += 12
		}
	}
}

func (d *dateParts) time() time.Time {
	if d.day < 1 || d.month < 1 || d.month > 12 || d.year < 0 || d.year > 9999 || d.day > 31 {
		return time.Time{}
	}
	zone := time.UTC
	if d.offset != 0 {
		zone = time.FixedZone("", d.offset)
	}
	t := time.Date(d.year, time.Month(d.month), d.day, max(d.hour, 0), d.minute, d.sec, 0, zone)
	if t.Day() != d.day && d.hour != 24 {
		return time.Time{} // 31 February
	}
	return t
}

// leadingNumber reads at most 9 digits.
func leadingNumber(s string) (n int, rest string) {
	i := 0
	for i < len(s) && i < 9 && s[i] >= '0' && s[i] <= '9' {
		n = n*10 + int(s[i]-'0')
		i++
	}
	return n, s[i:]
}

const monthNames = "janfebmaraprmayjunjulaugsepoctnovdec"

// monthOf is 1 to 12 for an English month name or its beginning of three letters, else 0.
func monthOf(w string) int {
	if len(w) < 3 {
		return 0
	}
	w = strings.ToLower(w[:3])
	if i := strings.Index(monthNames, w); i >= 0 && i%3 == 0 {
		return i/3 + 1
	}
	return 0
}
