package resolver

import (
	"context"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// Found is what was found, or an authentic word that there is nothing.
type Found[T any] struct {
	Records []T
	// Name is where CNAMEs led, with its final dot; the name asked for if there were none.
	Name string
	// Secure: the answer was validated, by a resolver whose word is believed. It is also set with an error that says
	// IsNotFound, if that is authentic.
	Secure bool
}

// TLSA is what RFC 6698 §2.1 says about a certificate.
type TLSA struct {
	Usage, Selector, Matching uint8
	Data                      []byte
}

// look answers one question and turns each record of it into what convert makes of it. What convert refuses is left
// out; if nothing is left, the answer is useless and may change.
func look[T any](ctx context.Context, r *Resolver, name string, kind uint16, convert func(dns.RR) (T, bool)) (Found[T], error) {
	a, err := r.lookup(ctx, name, kind)
	if a == nil {
		return Found[T]{Name: name}, err
	}
	found := Found[T]{Name: a.name, Secure: a.secure}
	if err != nil {
		return found, err
	}
	for _, rr := range a.records {
		if record, ok := convert(rr); ok {
			found.Records = append(found.Records, record)
		}
	}
	if len(found.Records) == 0 {
		return found, temporary(name, "", "no record that could be used, all are malformed or too long", nil)
	}
	return found, nil
}

// TXT finds the texts at name, the strings of each joined. RFC 1035 §3.3.14, RFC 7208 §3.3. A text over 4 KB is left out.
func (r *Resolver) TXT(ctx context.Context, name string) (Found[string], error) {
	return look(ctx, r, name, dns.TypeTXT, func(rr dns.RR) (string, bool) {
		text := unescape(strings.Join(rr.(*dns.TXT).Txt, ""))
		return text, len(text) <= maxTXT
	})
}

// unescape turns the library's form of a character string, \DDD and \X, into its bytes. RFC 1035 §5.1.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\' || i+1 == len(s):
			b = append(b, s[i])
		case i+3 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]):
			b = append(b, (s[i+1]-'0')*100+(s[i+2]-'0')*10+s[i+3]-'0')
			i += 3
		default:
			i++
			b = append(b, s[i])
		}
	}
	return string(b)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// MX finds the mail servers of name, the most preferred first, those of equal preference in no order that means
// anything. Hosts end with a dot; "." alone says that the domain takes no mail (RFC 7505).
func (r *Resolver) MX(ctx context.Context, name string) (Found[*net.MX], error) {
	found, err := look(ctx, r, name, dns.TypeMX, func(rr dns.RR) (*net.MX, bool) {
		mx := rr.(*dns.MX)
		return &net.MX{Host: mx.Mx, Pref: mx.Preference}, plain(mx.Mx)
	})
	slices.SortStableFunc(found.Records, func(a, b *net.MX) int { return int(a.Pref) - int(b.Pref) })
	return found, err
}

// Addresses finds the IPv6 and IPv4 addresses of host; an address in the place of a name is its own. If one of the
// two kinds could not be asked for, what there is of the other comes together with the error.
func (r *Resolver) Addresses(ctx context.Context, host string) (Found[netip.Addr], error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return Found[netip.Addr]{Records: []netip.Addr{ip}, Name: host}, nil
	}
	var six, four Found[netip.Addr]
	var errSix, errFour error
	var both sync.WaitGroup
	both.Go(func() { six, errSix = look(ctx, r, host, dns.TypeAAAA, address) })
	both.Go(func() { four, errFour = look(ctx, r, host, dns.TypeA, address) })
	both.Wait()
	found := Found[netip.Addr]{Records: append(six.Records, four.Records...), Name: four.Name, Secure: six.Secure && four.Secure}
	switch {
	case errSix != nil && !IsNotFound(errSix): // nothing is known of one kind: the other alone decides what is authentic
		found.Secure = four.Secure
		return found, errSix
	case errFour != nil && !IsNotFound(errFour):
		found.Name, found.Secure = six.Name, six.Secure
		return found, errFour
	case len(found.Records) > 0:
		return found, nil
	}
	return found, errFour
}

func address(rr dns.RR) (netip.Addr, bool) {
	var bytes net.IP
	switch rr := rr.(type) {
	case *dns.A:
		bytes = rr.A.To4()
	case *dns.AAAA:
		bytes = rr.AAAA
	}
	return netip.AddrFromSlice(bytes)
}

// TLSA finds what the domain says about the certificates of a service; name is such as _25._tcp.mx.example. RFC 6698 §3.
func (r *Resolver) TLSA(ctx context.Context, name string) (Found[TLSA], error) {
	return look(ctx, r, name, dns.TypeTLSA, func(rr dns.RR) (TLSA, bool) {
		record := rr.(*dns.TLSA)
		data, err := hex.DecodeString(record.Certificate)
		return TLSA{record.Usage, record.Selector, record.MatchingType, data}, err == nil
	})
}

// SRV finds the servers of a service such as _imaps._tcp.example. RFC 2782.
func (r *Resolver) SRV(ctx context.Context, name string) (Found[*net.SRV], error) {
	return look(ctx, r, name, dns.TypeSRV, func(rr dns.RR) (*net.SRV, bool) {
		srv := rr.(*dns.SRV)
		return &net.SRV{Target: srv.Target, Port: srv.Port, Priority: srv.Priority, Weight: srv.Weight}, plain(srv.Target)
	})
}

// CNAME finds what name is an alias of, without following it.
func (r *Resolver) CNAME(ctx context.Context, name string) (Found[string], error) {
	return look(ctx, r, name, dns.TypeCNAME, func(rr dns.RR) (string, bool) {
		target := rr.(*dns.CNAME).Target
		return target, plain(target)
	})
}

// PTR finds at most 10 names of an address. RFC 1035 §3.5, RFC 3596 §2.5.
func (r *Resolver) PTR(ctx context.Context, ip netip.Addr) (Found[string], error) {
	name, err := dns.ReverseAddr(ip.Unmap().WithZone("").String())
	if err != nil {
		return Found[string]{}, notFound(ip.String(), "no valid address")
	}
	found, err := look(ctx, r, name, dns.TypePTR, func(rr dns.RR) (string, bool) {
		target := rr.(*dns.PTR).Ptr
		return target, plain(target)
	})
	found.Records = found.Records[:min(len(found.Records), maxPointers)]
	return found, err
}

// IsNotFound reports whether err says that a name or record is known not to exist.
func IsNotFound(err error) bool {
	var known *net.DNSError
	return errors.As(err, &known) && known.IsNotFound
}
