package authenticate

import (
	"context"
	"net/netip"
	"strings"
)

// IPRev is whether the client's address has a name that leads back to it. RFC 8601 §3.
type IPRev struct {
	Result Result
	Name   string // the name that does
}

func checkIPRev(ctx context.Context, r Resolver, client netip.Addr) IPRev {
	names, err := r.LookupAddr(ctx, client.WithZone("").String())
	switch {
	case notFound(err) || err == nil && len(names) == 0:
		return IPRev{Result: PermError}
	case err != nil:
		return IPRev{Result: TempError}
	}
	result := IPRev{Result: Fail}
	for _, name := range names[:min(len(names), maxReverse)] {
		addresses, err := r.LookupIPAddr(ctx, name)
		if err != nil && !notFound(err) {
			result.Result = TempError
		}
		for _, a := range addresses {
			if ip, ok := netip.AddrFromSlice(a.IP); ok && ip.Unmap() == client.Unmap().WithZone("") {
				return IPRev{Result: Pass, Name: strings.ToLower(strings.TrimSuffix(name, "."))}
			}
		}
	}
	return result
}
