package spam

import (
	"context"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"

	"schulhof/smtpd/authenticate"
)

// askLists asks all blocklists at once how many of them list the client. RFC 5782. A list without an answer lists nobody.
func (c *Checker) askLists(ctx context.Context, r authenticate.Resolver, m *Message) int {
	var listed atomic.Int64
	var asking sync.WaitGroup
	for _, zone := range c.o.Blocklists {
		asking.Go(func() {
			addresses, err := r.LookupNetIP(ctx, "ip4", listName(m.Client, zone))
			if err != nil {
				return
			}
			for _, a := range addresses {
				if isListing(a.Unmap()) {
					listed.Add(1)
					return
				}
			}
		})
	}
	asking.Wait()
	return int(listed.Load())
}

// isListing reports an answer that lists an address: 127.0.0.0/8, but not 127.255.255.0/24, by which lists say that they do not
// answer this resolver. Anything else comes from a list that has ended, or from a resolver that answers everything.
func isListing(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	b := a.As4()
	return b[0] == 127 && !(b[1] == 255 && b[2] == 255)
}

// listName is the name that zone has for an address: its bytes, or its nibbles, from the last. RFC 5782 §2.1, §2.4.
func listName(a netip.Addr, zone string) string {
	a = a.Unmap()
	name := make([]byte, 0, 64+len(zone)+1)
	bytes := a.AsSlice()
	for i := len(bytes) - 1; i >= 0; i-- {
		if a.Is4() {
			name = append(strconv.AppendUint(name, uint64(bytes[i]), 10), '.')
			continue
		}
		const hex = "0123456789abcdef"
		name = append(name, hex[bytes[i]&15], '.', hex[bytes[i]>>4], '.')
	}
	return string(append(name, zone...))
}
