package authenticate

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"schulhof/mailbox/message"

	"blitiri.com.ar/go/spf"
)

// SPF is whether the client may send for the envelope's sender. RFC 7208.
type SPF struct {
	Result Result
	Reason string
	Domain string // whose record was asked for, in ASCII and lower case; "" if the identity has none
	Hello  bool   // the identity is the HELO name, because the sender is <>; RFC 7208 §2.4
	Local  string // before the @, "" for HELO
}

// checkSPF asks the record of the sender's domain: at most 10 lookups, 2 of them void, as RFC 7208 §4.6.4 has it.
func checkSPF(ctx context.Context, r Resolver, client netip.Addr, hello, sender string) SPF {
	var s SPF
	local, domain, ok := message.CutAddress(sender)
	if !ok {
		s.Hello, local, domain = true, "postmaster", strings.TrimSuffix(hello, ".")
	}
	domain, valid := dnsName(domain)
	if !valid || !strings.Contains(domain, ".") { // a literal, or one label: no domain to ask; RFC 7208 §4.3
		s.Result, s.Reason = None, "no domain name to ask"
		return s
	}
	s.Domain = domain
	if !s.Hello {
		s.Local = local
	}
	name, _ := dnsName(strings.TrimSuffix(hello, "."))
	if strings.ContainsFunc(local, func(c rune) bool { return c > 0x7e || c <= ' ' || c == '@' }) {
		local = "postmaster" // macros would make a name of it that the DNS cannot have
	}
	result, err := spf.CheckHostWithSender(net.IP(client.Unmap().AsSlice()), name, local+"@"+domain, spf.WithContext(ctx), spf.WithResolver(r))
	s.Result = Result(result)
	switch s.Result {
	case TempError, PermError:
		s.Reason = spfReason(err)
	case None, Pass, Fail, SoftFail, Neutral:
	default:
		s.Result, s.Reason = PermError, "record cannot be read"
	}
	return s
}

// spfReason says what is wrong with a record; what the DNS said goes no further, because others chose it.
func spfReason(err error) string {
	switch err {
	case spf.ErrLookupLimitReached:
		return "more than 10 lookups"
	case spf.ErrVoidLookupLimitReached:
		return "more than 2 void lookups"
	case spf.ErrMultipleRecords:
		return "more than one record"
	case spf.ErrTooManyMXRecords:
		return "more than 10 MX"
	case spf.ErrUnknownField, spf.ErrInvalidIP, spf.ErrInvalidMask, spf.ErrInvalidMacro, spf.ErrInvalidDomain, spf.ErrNoResult:
		return "record cannot be read"
	}
	return "DNS error"
}

// SendsFor is whether the record of domain lets client send for it; for those who publish the record.
func SendsFor(ctx context.Context, r Resolver, client netip.Addr, domain string) SPF {
	ctx, stop := context.WithTimeout(ctx, checkTimeout)
	defer stop()
	return checkSPF(ctx, newBudget(r), client, domain, "postmaster@"+domain)
}
