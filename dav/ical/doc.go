// Package ical understands iCalendar objects (RFC 5545) for CalDAV (RFC 4791) and nothing else: whether one may be stored, when it happens,
// which filters it passes, what is left of it when a client asks for a part, and when its owner is busy.
//
// Stored bytes stay as the client sent them; what this package makes of them is an index. Everything a stranger may send is bounded: sizes and
// depth in limits.go, the work of recurrence by a Budget counted in steps, so that the same object always ends the same way on any machine.
//
// Times are of two sorts. A civil time counts seconds since 1970-01-01T00:00:00 on the wall clock of wherever the event is, an instant counts
// them in UTC. Recurrence works on civil times only; a zone turns them into instants (RFC 5545 §3.3.5).
package ical
