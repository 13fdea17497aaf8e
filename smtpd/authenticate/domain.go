package authenticate

import (
	"errors"
	"strings"

	"schulhof/mailbox/message"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// asciiDomain is a domain as the DNS has it: in ASCII and lower case, without a dot at its end.
func asciiDomain(domain string) (string, bool) {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	for i := range len(domain) {
		if domain[i] >= 0x80 {
			ascii, err := idna.Lookup.ToASCII(domain)
			return ascii, err == nil && validName(ascii)
		}
	}
	return domain, validName(domain)
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
		domain, ok := asciiDomain(a.Domain)
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
