package resolver

import (
	"context"
	"net"
	"net/netip"

	"github.com/miekg/dns"
)

// The methods below have the form of *net.Resolver's, for code that was written for that.

// LookupTXT finds the texts at name.
func (r *Resolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	found, err := r.TXT(ctx, name)
	return found.Records, err
}

// LookupMX finds the mail servers of name, the most preferred first.
func (r *Resolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	found, err := r.MX(ctx, name)
	return found.Records, err
}

// LookupIPAddr finds the addresses of host: all of them, or none and an error.
func (r *Resolver) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	found, err := r.Addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	list := make([]net.IPAddr, len(found.Records))
	for i, ip := range found.Records {
		list[i] = net.IPAddr{IP: ip.AsSlice(), Zone: ip.Zone()}
	}
	return list, nil
}

// LookupNetIP finds the addresses of host of one kind, "ip4" or "ip6"; LookupIPAddr finds both.
func (r *Resolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	kind := dns.TypeA
	switch network {
	case "ip4":
	case "ip6":
		kind = dns.TypeAAAA
	default:
		return nil, net.UnknownNetworkError(network)
	}
	found, err := look(ctx, r, host, kind, address)
	return found.Records, err
}

// LookupAddr finds the names of an address.
func (r *Resolver) LookupAddr(ctx context.Context, address string) ([]string, error) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return nil, notFound(address, "no valid address")
	}
	found, err := r.PTR(ctx, ip)
	return found.Records, err
}
