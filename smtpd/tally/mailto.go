package tally

import (
	"net/url"
	"slices"
	"strings"
)

// Mailto is the address in a mailto URI; "" if it is none that can be written to: strangers publish it, and it goes into the header of a
// mail. RFC 6068 §2.
func Mailto(uri string) string {
	const scheme = "mailto:"
	if len(uri) < len(scheme) || !strings.EqualFold(uri[:len(scheme)], scheme) {
		return ""
	}
	escaped, _, _ := strings.Cut(uri[len(scheme):], "?")
	address, err := url.PathUnescape(escaped)
	if err != nil || len(address) > maxAddress || strings.ContainsFunc(address, special) {
		return ""
	}
	if local, domain, _ := strings.Cut(address, "@"); local == "" || !isDomain(domain) {
		return ""
	}
	return address
}

// special reports what stands in an address only within quotes, or not at all. RFC 5322 §3.2.3.
func special(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`()<>[]:;\,"`, c) }

// isDomain reports whether s is a domain in ASCII that others can have mail at.
func isDomain(s string) bool {
	labels := strings.Split(strings.ToLower(s), ".")
	bad := func(label string) bool {
		return label == "" || len(label) > maxLabel || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != ""
	}
	return len(s) <= maxDomain && len(labels) > 1 && !slices.ContainsFunc(labels, bad)
}
