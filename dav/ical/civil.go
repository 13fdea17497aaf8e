package ical

// Arithmetic on civil time: days and seconds since 1970-01-01 of the proleptic Gregorian calendar, without zones and without allocations.

const (
	daySeconds = 86400
	minYear    = 1
	maxYear    = 9999 // RFC 5545 §3.3.4 writes four digits
)

var (
	minCivil = daysOf(minYear, 1, 1) * daySeconds
	maxCivil = daysOf(maxYear+1, 1, 1)*daySeconds - 1
)

// daysOf returns the day number of a date; month may be 13 for the January after.
func daysOf(year, month, day int64) int64 {
	if month > 12 {
		year, month = year+1, month-12
	}
	if month <= 2 {
		year, month = year-1, month+12
	}
	// Years counted from March have their leap day at the end, so that the days before a month follow one line.
	era := floorDiv(year, 400)
	yearOfEra := year - era*400
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	return era*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468
}

// dateOf is the inverse of daysOf.
func dateOf(days int64) (year, month, day int64) {
	days += 719468
	era := floorDiv(days, 146097)
	dayOfEra := days - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*dayOfYear + 2) / 153
	day = dayOfYear - (153*shifted+2)/5 + 1
	year, month = yearOfEra+era*400, shifted+3
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

func isLeap(year int64) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func monthLength(year, month int64) int64 {
	switch month {
	case 2:
		if isLeap(year) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func yearLength(year int64) int64 {
	if isLeap(year) {
		return 366
	}
	return 365
}

// weekday returns 0 for Monday to 6 for Sunday.
func weekday(days int64) int64 { return floorMod(days+3, 7) }

// splitCivil returns the day and the second of the day.
func splitCivil(civil int64) (days, second int64) {
	days = floorDiv(civil, daySeconds)
	return days, civil - days*daySeconds
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }
