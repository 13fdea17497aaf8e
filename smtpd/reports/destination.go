package reports

import (
	"context"
	"errors"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"

	"schulhof/smtpd/authenticate"
)

// destination is an address that wants a report.
type destination struct {
	address string
	limit   int64 // bytes
}

// parseDestination reads mailto:ADDRESS!SIZE; ok is false for what cannot be written to. RFC 7489 §6.2.
func parseDestination(uri string) (d destination, ok bool) {
	const scheme = "mailto:"
	if len(uri) <= len(scheme) || !strings.EqualFold(uri[:len(scheme)], scheme) {
		return d, false
	}
	text, size, limited := strings.Cut(uri[len(scheme):], "!")
	d.limit = math.MaxInt64
	if limited {
		if d.limit, ok = parseSize(strings.ToLower(size)); !ok {
			return d, false
		}
	}
	text, _, _ = strings.Cut(text, "?")
	address, err := url.PathUnescape(text)
	if err != nil || len(address) > 254 || strings.ContainsFunc(address, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`<>,;"()\`, c) }) {
		return d, false
	}
	at := strings.LastIndexByte(address, '@')
	if at < 1 || !strings.Contains(address[at+1:], ".") || strings.ContainsAny(address[at+1:], "[]:") {
		return d, false
	}
	d.address = address
	return d, true
}

// parseSize reads a number with k, m, g or t behind it; what no number can hold is no limit. RFC 7489 §6.4.
func parseSize(s string) (int64, bool) {
	shift := 0
	if s != "" {
		if i := strings.IndexByte("kmgt", s[len(s)-1]); i >= 0 {
			s, shift = s[:len(s)-1], 10*(i+1)
		}
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if errors.Is(err, strconv.ErrRange) || err == nil && n > math.MaxInt64>>shift {
		return math.MaxInt64, true
	}
	return int64(n) << shift, err == nil
}

// destinations are those addresses of a record that may get reports about its domain: an address elsewhere must say so itself, or anybody
// could have reports sent to somebody. RFC 7489 §7.1. The error says that the DNS has no answer now.
func (r *Reports) destinations(ctx context.Context, p authenticate.Published) (list []destination, err error) {
	for _, uri := range p.Reports {
		d, ok := parseDestination(uri)
		if !ok || len(list) == maxAddressees {
			continue
		}
		host := strings.ToLower(d.address[strings.LastIndexByte(d.address, '@')+1:])
		if !authenticate.SameOrganization(host, p.Domain) {
			wanted, err := r.wants(ctx, p.Domain, host)
			if err != nil {
				return nil, err
			}
			if !wanted {
				r.log.Info("reports: an address elsewhere does not want reports", "domain", p.Domain, "host", host)
				continue
			}
		}
		list = append(list, d)
	}
	return list, nil
}

// wants reports whether host takes reports about domain.
func (r *Reports) wants(ctx context.Context, domain, host string) (bool, error) {
	texts, err := r.o.Resolver.LookupTXT(ctx, domain+"._report._dmarc."+host)
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, text := range texts {
		version, _, _ := strings.Cut(text, ";")
		if name, value, _ := strings.Cut(version, "="); strings.TrimSpace(name) == "v" && strings.TrimSpace(value) == "DMARC1" {
			return true, nil
		}
	}
	return false, nil
}
