package resolver

import (
	"context"
	"sync"

	"github.com/miekg/dns"
)

// Probe is what one server said when it was asked whether it works.
type Probe struct {
	Server    string // host:port
	Trusted   bool   // its word that an answer is signed would be believed
	Validates bool   // it says so of the root, which is signed
	Err       error  // nil: it answers
}

// Probe asks each server in use for the root's SOA record, all at once and past the memory. Whoever answers for others knows it.
func (r *Resolver) Probe(ctx context.Context) []Probe {
	servers := r.current()
	probes := make([]Probe, len(servers))
	var asking sync.WaitGroup
	for i, s := range servers {
		asking.Go(func() {
			m, err := r.askServer(ctx, s, ".", dns.TypeSOA)
			probes[i] = Probe{Server: s.address, Trusted: s.trusted, Validates: err == nil && m.AuthenticatedData, Err: err}
		})
	}
	asking.Wait()
	return probes
}
