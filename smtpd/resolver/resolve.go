package resolver

import (
	"context"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// resolve asks for records of kind at name, along CNAMEs, whether the server follows them or not. RFC 1034 §3.6.2.
func (r *Resolver) resolve(ctx context.Context, name string, kind uint16) (*answer, error) {
	a := &answer{name: name, secure: true, ttl: maxTTL}
	for hops := 0; ; {
		m, secure, err := r.ask(ctx, a.name, kind)
		if err != nil {
			return nil, err
		}
		a.secure = a.secure && secure
		a.cost += m.Len()
		before := hops
		if hops, err = a.follow(m, kind, hops); err != nil {
			return nil, err
		}
		moved := hops > before
		switch {
		case len(a.records) > 0:
			return a, nil
		case m.Rcode == dns.RcodeNameError: // of the end of the chain; RFC 6604 §3
			a.missing = notFound(name, "no such name")
		case moved && !hasSOA(m):
			continue // the server has not followed: ask for the target
		default:
			a.missing = notFound(name, "no such record")
		}
		a.ttl = min(a.ttl, negativeTTL(m))
		return a, nil
	}
}

// follow goes along the CNAMEs in a reply and takes the records at their end.
func (a *answer) follow(m *dns.Msg, kind uint16, hops int) (int, error) {
	targets := map[string]*dns.CNAME{}
	for _, rr := range m.Answer {
		if alias, ok := rr.(*dns.CNAME); ok && rr.Header().Class == dns.ClassINET {
			targets[strings.ToLower(rr.Header().Name)] = alias
		}
	}
	for {
		for _, rr := range m.Answer {
			h := rr.Header()
			if h.Rrtype == kind && h.Class == dns.ClassINET && strings.EqualFold(h.Name, a.name) && len(a.records) < maxRecords {
				a.records = append(a.records, rr)
				a.ttl = min(a.ttl, seconds(h.Ttl))
			}
		}
		alias, ok := targets[a.name]
		if len(a.records) > 0 || !ok {
			return hops, nil
		}
		if hops++; hops > maxChain {
			return hops, temporary(a.name, "", "too many aliases, or a loop of them", nil)
		}
		a.name = strings.ToLower(alias.Target)
		a.ttl = min(a.ttl, seconds(alias.Hdr.Ttl))
	}
}

func seconds(ttl uint32) time.Duration {
	if ttl > 1<<31-1 {
		return 0 // RFC 2181 §8
	}
	return time.Duration(ttl) * time.Second
}

func hasSOA(m *dns.Msg) bool {
	for _, rr := range m.Ns {
		if rr.Header().Rrtype == dns.TypeSOA {
			return true
		}
	}
	return false
}

// negativeTTL is how long it is known that something does not exist: as long as the SOA says, without one not at
// all. RFC 2308 §5.
func negativeTTL(m *dns.Msg) time.Duration {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return min(seconds(soa.Hdr.Ttl), seconds(soa.Minttl), maxNegative)
		}
	}
	return 0
}
