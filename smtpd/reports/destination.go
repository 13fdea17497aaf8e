package reports

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"

	"schulhof/smtpd/authenticate"
	"schulhof/smtpd/tally"
)

// destination is an address that wants a report.
type destination struct {
	address string
	limit   int64 // bytes
}

// parseDestination reads mailto:ADDRESS!SIZE; ok is false for what cannot be written to. RFC 7489 §6.2.
func parseDestination(uri string) (d destination, ok bool) {
	uri, size, limited := strings.Cut(uri, "!")
	d = destination{tally.Mailto(uri), math.MaxInt64}
	if ok = true; limited {
		d.limit, ok = parseSize(strings.ToLower(size))
	}
	return d, ok && d.address != ""
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
			wanted, err := authenticate.WantsReports(ctx, r.o.Resolver, p.Domain, host)
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
