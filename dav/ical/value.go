package ical

import (
	"errors"
	"fmt"
	"strings"
)

// kind tells how a value of DTSTART, EXDATE and their like is to be read. RFC 5545 §3.3.4, §3.3.5.
type kind uint8

const (
	localTime kind = iota // a wall clock: in the zone of TZID, or floating
	utcTime
	dateOnly
)

// value is a DATE or DATE-TIME as written: a civil time, and what sort.
type value struct {
	civil int64
	kind  kind
}

// digits reads n decimal digits at s[at:].
func digits(s string, at, n int) (int64, bool) {
	var v int64
	for _, c := range []byte(s[at : at+n]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	return v, true
}

// parseValue reads a DATE or a DATE-TIME, whichever it is by its form.
func parseValue(s string) (value, error) {
	bad := func() (value, error) { return value{}, fmt.Errorf("%.40q is neither a date nor a date and time", s) }
	if len(s) != 8 && len(s) != 15 && len(s) != 16 {
		return bad()
	}
	year, ok1 := digits(s, 0, 4)
	month, ok2 := digits(s, 4, 2)
	day, ok3 := digits(s, 6, 2)
	if !ok1 || !ok2 || !ok3 {
		return bad()
	}
	if year < minYear || month < 1 || month > 12 || day < 1 || day > monthLength(year, month) {
		return value{}, fmt.Errorf("there is no date %.8s", s)
	}
	v := value{civil: daysOf(year, month, day) * daySeconds, kind: dateOnly}
	if len(s) == 8 {
		return v, nil
	}
	hour, ok1 := digits(s, 9, 2)
	minute, ok2 := digits(s, 11, 2)
	second, ok3 := digits(s, 13, 2)
	if s[8] != 'T' || !ok1 || !ok2 || !ok3 || len(s) == 16 && s[15] != 'Z' {
		return bad()
	}
	if hour > 23 || minute > 59 || second > 60 {
		return value{}, fmt.Errorf("there is no time %.6s", s[9:])
	}
	v.civil += hour*3600 + minute*60 + min(second, 59) // 60: RFC 5545 §3.3.12
	v.kind = localTime
	if len(s) == 16 {
		v.kind = utcTime
	}
	return v, nil
}

// appendTo writes v in the form it was read from.
func (v value) appendTo(dst []byte) []byte {
	days, second := splitCivil(v.civil)
	year, month, day := dateOf(days)
	dst = appendDigits(dst, year, 4)
	dst = appendDigits(dst, month, 2)
	dst = appendDigits(dst, day, 2)
	if v.kind == dateOnly {
		return dst
	}
	dst = append(dst, 'T')
	dst = appendDigits(dst, second/3600, 2)
	dst = appendDigits(dst, second/60%60, 2)
	dst = appendDigits(dst, second%60, 2)
	if v.kind == utcTime {
		dst = append(dst, 'Z')
	}
	return dst
}

func (v value) String() string { return string(v.appendTo(nil)) }

func appendDigits(dst []byte, n int64, width int) []byte {
	at := len(dst)
	for range width {
		dst = append(dst, '0')
	}
	for i := at + width - 1; i >= at; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}

// duration is a DURATION (RFC 5545 §3.3.6). Days are nominal: over a change of the clock they last 23 or 25 hours; seconds are exact.
type duration struct{ days, seconds int64 }

var errDuration = errors.New("not a duration such as PT1H or P1D")

// maxDuration keeps sums of civil times and durations far from overflow.
const maxDuration = 10_000 * 366 * daySeconds

// parseDuration reads a DURATION. Weeks may be mixed with days, as RFC 5545 does not allow but programs write.
func parseDuration(s string) (duration, error) {
	sign := int64(1)
	rest := strings.TrimPrefix(s, "+")
	if strings.HasPrefix(s, "-") {
		sign, rest = -1, s[1:]
	}
	if !strings.HasPrefix(rest, "P") || len(rest) > 64 {
		return duration{}, errDuration
	}
	rest = rest[1:]
	var d duration
	inTime, parts := false, 0
	for rest != "" {
		if rest[0] == 'T' && !inTime {
			inTime, rest = true, rest[1:]
			continue
		}
		n, unit, after, ok := nextUnit(rest)
		if !ok || (unit == 'W' || unit == 'D') == inTime {
			return duration{}, errDuration
		}
		switch unit {
		case 'W':
			d.days += 7 * n
		case 'D':
			d.days += n
		case 'H':
			d.seconds += 3600 * n
		case 'M':
			d.seconds += 60 * n
		case 'S':
			d.seconds += n
		}
		parts++
		rest = after
	}
	if parts == 0 || d.days*daySeconds+d.seconds > maxDuration {
		return duration{}, errDuration
	}
	return duration{sign * d.days, sign * d.seconds}, nil
}

// nextUnit reads digits and the letter after them.
func nextUnit(s string) (n int64, unit byte, rest string, ok bool) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		n = n*10 + int64(s[i]-'0')
		i++
	}
	if i == 0 || i > 10 || i == len(s) || !strings.ContainsRune("WDHMS", rune(s[i])) {
		return 0, 0, "", false
	}
	return n, s[i], s[i+1:], true
}

// total is the duration with days of 24 hours.
func (d duration) total() int64 { return d.days*daySeconds + d.seconds }

// parseOffset reads a UTC-OFFSET in seconds (RFC 5545 §3.3.14).
func parseOffset(s string) (int64, error) {
	if (len(s) != 5 && len(s) != 7) || (s[0] != '+' && s[0] != '-') {
		return 0, fmt.Errorf("%.20q is no offset such as +0100", s)
	}
	hours, ok1 := digits(s, 1, 2)
	minutes, ok2 := digits(s, 3, 2)
	var seconds int64
	ok3 := true
	if len(s) == 7 {
		seconds, ok3 = digits(s, 5, 2)
	}
	if !ok1 || !ok2 || !ok3 || hours > 23 || minutes > 59 || seconds > 59 {
		return 0, fmt.Errorf("%.20q is no offset such as +0100", s)
	}
	offset := hours*3600 + minutes*60 + seconds
	if s[0] == '-' {
		offset = -offset
	}
	return offset, nil
}
