package authenticate

import (
	"errors"

	"schulhof/mailbox/message"

	"golang.org/x/net/publicsuffix"
)

// dnsName is a domain as the DNS has it; ok is false for what is no name there.
func dnsName(domain string) (name string, ok bool) {
	name, ok = message.ASCIIDomain(domain)
	return name, ok && validName(name)
}

// organisation is the domain that was registered, as the public suffix list has it: example.org for a.b.example.org.
// RFC 7489 §3.2. A public suffix is its own.
func organisation(domain string) string {
	if o, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return o
	}
	return domain
}

var (
	errNoFrom   = errors.New("the message has no From field that names an address")
	errManyFrom = errors.New("the From field names addresses of too many domains")
)

// authorDomains are the domains of the addresses in From, each once: read by the parser whose addresses people see.
func authorDomains(h *header) ([]string, error) {
	fields := h.all("from")
	if len(fields) != 1 {
		return nil, errNoFrom
	}
	var domains []string
	seen := map[string]bool{}
	for _, a := range message.ParseAddresses(string(appendWords(nil, fields[0].value()))) {
		domain, ok := dnsName(a.Domain)
		if !ok {
			return nil, errNoFrom
		}
		if !seen[domain] {
			seen[domain] = true
			domains = append(domains, domain)
		}
		if len(domains) > maxAuthors {
			return nil, errManyFrom
		}
	}
	if len(domains) == 0 {
		return nil, errNoFrom
	}
	return domains, nil
}
