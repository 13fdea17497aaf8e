// Package tally has what the rooms that report to other servers share, whatever they report: counting by day, the mail that a report goes
// out with, and who sends it. DMARC reports are smtpd/reports' (RFC 7489 §7.2), TLS reports smtpd/remote's (RFC 8460); both own the tables
// that their counts wait in.
//
// Where to look:
//
//	counts.go    what is counted, in memory until it is saved
//	day.go       the days that reports are about
//	reporter.go  who reports
//	work.go      saving and sending, as long as the server runs
//	mail.go      the mail around a report
//	mailto.go    the addresses that want one
package tally
