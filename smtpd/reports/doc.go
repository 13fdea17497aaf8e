// Package reports exchanges reports with other mail servers: who sends in the name of a domain (DMARC, RFC 7489 §7.2) and how well
// connections are encrypted (TLS-RPT, RFC 8460). It owns the tables report and dmarc_count.
//
// What others send to the address in our DNS records is read, shortened and kept for the administrator. What we find about mail in the
// name of other domains is counted, and told once a day to those who ask for it. TLS on our connections is counted and reported by
// smtpd/remote, which makes them.
//
// Where to look:
//
//	take.go       a message that may be a report
//	aggregate.go  the XML of DMARC reports: reading and writing
//	tls.go        TLS reports, as they are kept
//	count.go      what is found about messages
//	send.go       the day's reports; destination.go: who gets them
//	*_sql.go      the statements
package reports
