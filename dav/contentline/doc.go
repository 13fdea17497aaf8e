// Package contentline reads and writes what iCalendar and vCard have in common: folded lines of a name, parameters and a value, within
// components from BEGIN to END. RFC 5545 §3.1, RFC 6350 §3.2 and §3.3, RFC 6868.
//
// Parse is linear in the bytes and bounded (limits.go). It keeps the order, forgives what real programs do wrong as long as nothing has to
// be guessed, and refuses the rest with the line and the reason; it never panics. Objects are stored as the client sent them, so what is
// parsed is only looked at; AppendTo writes components that were made or changed here.
package contentline
