package resolver

import (
	"strings"
	"unicode/utf8"

	"github.com/miekg/dns"
	"golang.org/x/net/idna"
)

// names maps a name in Unicode to what stands in the DNS. Underscores are allowed: _dmarc, _25._tcp.
var names = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

// canonical is name in lower case, ASCII and with its final dot; ok is false where no such name can exist.
func canonical(name string) (fqdn string, ok bool) {
	name = strings.TrimSuffix(name, ".")
	if !utf8.ValidString(name) {
		return "", false
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c == '\\' || c == 0x7f {
			return "", false // what a zone file would write with an escape is no name of a host, a domain or a service
		}
		if name[i] >= 0x80 {
			ascii, err := names.ToASCII(name)
			if err != nil {
				return "", false
			}
			name = ascii
			break
		}
	}
	fqdn = strings.ToLower(name) + "."
	if name == "" || name[0] == '.' || len(fqdn) > 254 {
		return "", false
	}
	_, ok = dns.IsDomainName(fqdn)
	return fqdn, ok
}

// shown is a name without its final dot, as people write it.
func shown(name string) string {
	if len(name) > 1 {
		return strings.TrimSuffix(name, ".")
	}
	return name
}

// plain reports whether a name out of an answer consists of letters, digits, hyphens, underscores and dots.
func plain(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return name != ""
}
