package remote

import (
	"net"
	"net/netip"
)

// Networks that are nobody's on the internet, or only this machine's or this school's. IANA's registries of
// special-purpose addresses, RFC 6890.
var private = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
	"::/128", "::1/128", "64:ff9b:1::/48", "100::/64", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8")

// Prefixes behind which an IPv4 address stands: NAT64 (RFC 6052), 6to4 (RFC 3056), IPv4-compatible.
var nat64, sixToFour, compatible = netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("::/96")

func prefixes(list ...string) (out []netip.Prefix) {
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// mayReach reports whether ip is on the internet, or in a network that the settings name.
func (c *Client) mayReach(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	for _, p := range c.o.Networks {
		if p.Contains(ip) {
			return true
		}
	}
	return isPublic(ip)
}

// isPublic reports whether ip is none of the private ones, nor leads to one.
func isPublic(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() {
		return false
	}
	for _, p := range private {
		if p.Contains(ip) {
			return false
		}
	}
	if ip.Is4() {
		return true
	}
	b := ip.As16()
	switch {
	case nat64.Contains(ip), compatible.Contains(ip):
		return isPublic(netip.AddrFrom4([4]byte(b[12:])))
	case sixToFour.Contains(ip):
		return isPublic(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return true
}

// isOwn reports whether this server listens there: mail that is sent there comes back.
func (c *Client) isOwn(to netip.AddrPort) bool {
	ip := to.Addr().Unmap()
	for _, own := range c.o.Own {
		if own.Port() != to.Port() {
			continue
		}
		if own.Addr().Unmap() == ip || own.Addr().IsUnspecified() && isInterface(ip) {
			return true
		}
	}
	return false
}

func isInterface(ip netip.Addr) bool {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return ip.IsLoopback()
	}
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			if own, ok := netip.AddrFromSlice(n.IP); ok && own.Unmap() == ip {
				return true
			}
		}
	}
	return ip.IsLoopback()
}

// inTurn orders addresses so that the two kinds alternate, IPv6 first: a network that has only one of them does not make
// the other wait.
func inTurn(list []netip.Addr) []netip.Addr {
	var six, four, out []netip.Addr
	for _, ip := range list {
		if ip.Unmap().Is4() {
			four = append(four, ip.Unmap())
		} else {
			six = append(six, ip)
		}
	}
	for i := range max(len(six), len(four)) {
		if i < len(six) {
			out = append(out, six[i])
		}
		if i < len(four) {
			out = append(out, four[i])
		}
	}
	return out
}
