package vcard

import "strings"

// basicDate writes a date or time of 3.0 as 4.0 has it, without hyphens and colons: 1980-03-22T10:11:12Z is 19800322T101112Z. RFC 6350 §4.3
// takes ISO 8601's basic form, RFC 2426 §4 both. Anything else is returned as it is.
func basicDate(s string) string {
	s = strings.TrimSpace(s)
	date, clock, hasClock := strings.Cut(s, "T")
	switch {
	case shaped(date, "0000-00-00"):
		date = date[:4] + date[5:7] + date[8:]
	case shaped(date, "--00-00"):
		date = "--" + date[2:4] + date[5:]
	case shaped(date, "00000000"), shaped(date, "0000"), shaped(date, "0000-00"), shaped(date, "--0000"), shaped(date, "--00"), shaped(date, "---00"), date == "" && hasClock:
	default:
		return s
	}
	if !hasClock {
		return date
	}
	time, zone := cutZone(clock)
	switch {
	case shaped(time, "00:00:00"):
		time = time[:2] + time[3:5] + time[6:]
	case shaped(time, "00:00"):
		time = time[:2] + time[3:]
	case shaped(time, "000000"), shaped(time, "0000"), shaped(time, "00"):
	default:
		return s
	}
	return date + "T" + time + strings.ReplaceAll(zone, ":", "")
}

// extendedDate writes a full date or time of 4.0 in the form that 3.0's programs know best: 19800322T101112Z is 1980-03-22T10:11:12Z. What
// leaves out the year or the day has no form there: ok is false.
func extendedDate(s string) (extended string, ok bool) {
	s = basicDate(s)
	date, clock, hasClock := strings.Cut(s, "T")
	if !shaped(date, "00000000") {
		return s, false
	}
	date = date[:4] + "-" + date[4:6] + "-" + date[6:]
	if !hasClock {
		return date, true
	}
	time, zone := cutZone(clock)
	switch {
	case shaped(time, "000000"):
		time = time[:2] + ":" + time[2:4] + ":" + time[4:]
	case shaped(time, "0000"):
		time = time[:2] + ":" + time[2:] + ":00"
	case shaped(time, "00"):
		time += ":00:00"
	default:
		return s, false
	}
	return date + "T" + time + extendedOffset(zone), true
}

// extendedOffset writes +0530 as +05:30 and +05 as +05:00; anything else stays. RFC 2426 §3.4.1 has the colon, RFC 6350 §4.7 does not.
func extendedOffset(zone string) string {
	if shaped(zone, "+0000") || shaped(zone, "-0000") {
		return zone[:3] + ":" + zone[3:]
	}
	if shaped(zone, "+00") || shaped(zone, "-00") {
		return zone + ":00"
	}
	return zone
}

// isOffset reports whether s is an offset from UTC in either form.
func isOffset(s string) bool {
	for _, shape := range [...]string{"+00:00", "-00:00", "+0000", "-0000", "+00", "-00"} {
		if shaped(s, shape) {
			return true
		}
	}
	return s == "Z"
}

// cutZone cuts a time of day before its zone; fractions of seconds go, neither version's programs use them.
func cutZone(clock string) (time, zone string) {
	time = clock
	if i := strings.IndexAny(clock, "Zz+-"); i >= 0 {
		time, zone = clock[:i], clock[i:]
	}
	time, _, _ = strings.Cut(time, ".")
	return time, zone
}

// shaped reports whether s has a digit wherever shape has 0, and is the same elsewhere.
func shaped(s, shape string) bool {
	if len(s) != len(shape) {
		return false
	}
	for i := range len(s) {
		if shape[i] == '0' {
			if s[i] < '0' || s[i] > '9' {
				return false
			}
		} else if s[i] != shape[i] {
			return false
		}
	}
	return true
}
