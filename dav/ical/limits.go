package ical

import "errors"

// The limits of one calendar object. Source: DESIGN section 6 (recurrence is windowed and bounded).
const (
	MaxInstances = 5000    // instances of one object in one answer
	MaxSteps     = 100_000 // periods and instances looked at for one object in one answer; 1 to 10 ms
	MaxDepth     = 4       // components within components: VCALENDAR, VEVENT, VALARM and one more
	MaxOverrides = 5000    // components of one object besides time zones

	maxRuleLength = 4096 // bytes of one RRULE
	maxRules      = 16   // RRULEs of one component
	maxDates      = 5000 // RDATEs or EXDATEs of one component
	maxInterval   = 1 << 20
	maxCount      = 1 << 30
	maxObservance = 200 // STANDARD and DAYLIGHT of one VTIMEZONE
	maxOnsets     = 1000
	maxTZID       = 255
	maxRepeat     = 1000        // repetitions of an alarm
	maxPause      = 366 * 86400 // seconds between them
)

// ErrTooMany says that an object's recurrence asks for more work than one answer may cost. RFC 4791 §7.8: number-of-matches-within-limits.
var ErrTooMany = errors.New("the recurrence has too many instances")

// Budget bounds the work one object may cause in one answer. It is not for concurrent use.
type Budget struct{ steps, instances int }

// NewBudget returns a budget of MaxSteps and MaxInstances.
func NewBudget() *Budget { return &Budget{steps: MaxSteps, instances: MaxInstances} }

// step takes n steps and tells whether there were so many.
func (b *Budget) step(n int) bool {
	b.steps -= n
	return b.steps >= 0
}

// instance takes one instance and tells whether there was one left.
func (b *Budget) instance() bool {
	b.instances--
	return b.instances >= 0
}
