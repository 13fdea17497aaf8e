// Package resolver asks the DNS: cached, bounded, and with the word of a validating resolver on what is
// authentic (the AD bit, RFC 4035 §3.2.3), which the standard library does not tell. Its errors are
// *net.DNSError, whose IsNotFound and IsTemporary are true to the fact: mail is refused for what is known
// not to exist and waits for everything else.
//
// It validates nothing itself. DNSSEC is the work of the resolver that it asks, whose AD bit is believed where
// the way to it is safe: on this machine, or where the settings say so.
package resolver
