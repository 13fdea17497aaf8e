package imapd

import (
	"math"
	"strings"
	"time"

	"schulhof/mailbox"
)

// number reads a number of 32 bits; 0 is allowed.
func (p *parser) number() uint32 {
	n := p.number64()
	if n > math.MaxUint32 {
		p.fail("%d is larger than 32 bits", n)
		return 0
	}
	return uint32(n)
}

// number64 reads a number of 63 bits (RFC 9051 §9 number64).
func (p *parser) number64() int64 {
	b := p.run(func(c byte) bool { return '0' <= c && c <= '9' })
	if p.err != nil {
		return 0
	}
	if len(b) == 0 {
		p.fail("expected a number, found %s", p.here())
		return 0
	}
	n := int64(0)
	for _, c := range b {
		if n > (math.MaxInt64-int64(c-'0'))/10 {
			p.fail("number is larger than 63 bits")
			return 0
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// modseq reads a mod-sequence value (RFC 7162 §7), 0 allowed.
func (p *parser) modseq() mailbox.ModSeq { return mailbox.ModSeq(p.number64()) }

// date reads a date such as 1-Feb-2027, quoted or not, as midnight UTC.
func (p *parser) date() time.Time {
	quoted := p.accept('"')
	b := p.run(func(c byte) bool { return c != '"' && isAstring(c) })
	if quoted {
		p.expect('"')
	}
	if p.err != nil {
		return time.Time{}
	}
	t, ok := parseDay(string(b))
	if !ok {
		p.fail("expected a date like 1-Feb-2027, found %q", b)
	}
	return t
}

// dateTime reads a quoted date-time such as "17-Jul-1996 02:44:25 -0700". RFC 9051 §9.
func (p *parser) dateTime() time.Time {
	if p.peek() != '"' {
		if p.err == nil {
			p.fail("expected a date and time in quotes, found %s", p.here())
		}
		return time.Time{}
	}
	s := p.quoted()
	if p.err != nil {
		return time.Time{}
	}
	t, ok := parseDateTime(s)
	if !ok {
		p.fail("expected a date and time like \"17-Jul-1996 02:44:25 -0700\", found %q", s)
	}
	return t
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

func parseDay(s string) (time.Time, bool) {
	day, rest, ok := strings.Cut(s, "-")
	month, year, ok2 := strings.Cut(rest, "-")
	if !ok || !ok2 || len(month) != 3 || len(year) != 4 {
		return time.Time{}, false
	}
	d, okDay := digits(strings.TrimPrefix(day, " "), 2)
	y, okYear := digits(year, 4)
	m := 0
	for i := 0; i < len(months); i += 3 {
		if strings.EqualFold(months[i:i+3], month) {
			m = i/3 + 1
		}
	}
	if !okDay || !okYear || m == 0 || d == 0 {
		return time.Time{}, false
	}
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	return t, t.Day() == d
}

func parseDateTime(s string) (time.Time, bool) {
	if len(s) < 25 || len(s) > 26 {
		return time.Time{}, false
	}
	n := len(s)
	day, ok := parseDay(s[:n-15])
	hour, ok1 := digits(s[n-14:n-12], 2)
	minute, ok2 := digits(s[n-11:n-9], 2)
	second, ok3 := digits(s[n-8:n-6], 2)
	zone, ok4 := digits(s[n-4:], 4)
	if !ok || !ok1 || !ok2 || !ok3 || !ok4 || hour > 23 || minute > 59 || second > 60 || zone%100 > 59 || zone > 2359 {
		return time.Time{}, false
	}
	if s[n-15] != ' ' || s[n-12] != ':' || s[n-9] != ':' || s[n-6] != ' ' || s[n-5] != '+' && s[n-5] != '-' {
		return time.Time{}, false
	}
	offset := (zone/100)*3600 + zone%100*60
	if s[n-5] == '-' {
		offset = -offset
	}
	in := time.FixedZone("", offset)
	return time.Date(day.Year(), day.Month(), day.Day(), hour, minute, second, 0, in), true
}

func digits(s string, most int) (int, bool) {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, len(s) > 0 && len(s) <= most
}
