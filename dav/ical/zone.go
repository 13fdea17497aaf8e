package ical

import (
	"math"
	"sort"
	"time"
)

// zone knows the offsets from UTC, in seconds, of some place: segment returns the one in force at an instant, and from when (inclusive)
// to when (exclusive) it is.
type zone interface {
	segment(instant int64) (offset, begin, end int64)
}

// locationZone is a zone of the tz database.
type locationZone struct {
	*time.Location
	known []segment // those that touch the time from zoneBegin to zoneEnd, in order; nil: not listed
}

// segment is a time without a change of the clock.
type segment struct{ offset, begin, end int64 }

// listed is a locationZone that looks segments up instead of asking package time, which takes microseconds.
func listed(loc *time.Location) locationZone {
	z := locationZone{Location: loc}
	for at := int64(zoneBegin); at < zoneEnd; {
		var s segment
		s.offset, s.begin, s.end = z.segment(at)
		z.known = append(z.known, s)
		at = s.end
	}
	return z
}

// segment joins what package time cuts: where a zone follows a rule, ZoneBounds ends at New Year, too, or even a day
// before it, which on 31 December of a leap year is already over.
func (z locationZone) segment(instant int64) (offset, begin, end int64) {
	if n := len(z.known); n > 0 && instant >= z.known[0].begin && instant < z.known[n-1].end {
		s := z.known[sort.Search(n, func(i int) bool { return z.known[i].end > instant })]
		return s.offset, s.begin, s.end
	}
	offset, begin, end = z.piece(instant)
	for range maxPieces {
		if end == math.MaxInt64 {
			break
		}
		nextOffset, _, nextEnd := z.piece(end)
		if nextOffset != offset {
			break
		}
		end = nextEnd
	}
	for range maxPieces {
		if begin == math.MinInt64 {
			break
		}
		before, earlier, _ := z.piece(begin - 1)
		if before != offset {
			break
		}
		begin = earlier
	}
	return offset, begin, end
}

const maxPieces = 4

// piece is what package time says; an end that is over is put off by a day, in which New Year is.
func (z locationZone) piece(instant int64) (offset, begin, end int64) {
	t := time.Unix(instant, 0).In(z.Location)
	_, seconds := t.Zone()
	from, to := t.ZoneBounds()
	begin, end = math.MinInt64, math.MaxInt64
	if !from.IsZero() {
		begin = from.Unix()
	}
	if !to.IsZero() {
		if end = to.Unix(); end <= instant {
			end = instant + daySeconds
		}
	}
	return int64(seconds), begin, end
}

// fixedZone is always so many seconds ahead of UTC.
type fixedZone int64

func (z fixedZone) segment(int64) (offset, begin, end int64) {
	return int64(z), math.MinInt64, math.MaxInt64
}

// clock converts between civil times and instants of one zone. It remembers the last segment, because neighbouring
// instances mostly share it; so it is not for concurrent use.
type clock struct {
	zone               zone
	offset, begin, end int64 // the remembered segment
}

func newClock(z zone) *clock { return &clock{zone: z} }

func (c *clock) load(instant int64) {
	if instant < c.begin || instant >= c.end {
		c.offset, c.begin, c.end = c.zone.segment(instant)
	}
}

// civilOf returns what a wall clock shows at an instant.
func (c *clock) civilOf(instant int64) int64 {
	c.load(instant)
	return instant + c.offset
}

// instantOf returns when a wall clock shows a civil time. If that happens twice it is the first time; if it never happens, because the clock was put
// forward, the time is counted with the offset from before. RFC 5545 §3.3.5.
func (c *clock) instantOf(civil int64) int64 {
	c.load(civil - c.offset)
	at := civil - c.offset
	if at >= c.begin && at < c.end {
		if at-c.begin < 2*daySeconds && c.begin != math.MinInt64 { // the segment before may show it, too, and first
			offset, _, end := c.zone.segment(c.begin - 1)
			if earlier := civil - offset; earlier < end {
				return earlier
			}
		}
		return at
	}
	if at < c.begin { // shown before the segment, or within the gap at its begin
		offset, _, _ := c.zone.segment(c.begin - 1)
		return civil - offset
	}
	offset, begin, _ := c.zone.segment(c.end)
	if later := civil - offset; later >= begin {
		return later
	}
	return at // within the gap at its end
}
