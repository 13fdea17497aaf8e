package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Trust says whose AD bit is believed.
type Trust string

// The ways to trust. A server on this machine cannot be impersonated by the network; any other only where
// the administrator says that the way to it is safe. RFC 4035 §4.9.3.
const (
	TrustLoopback Trust = "loopback" // servers on loopback addresses; also the empty value
	TrustAlways   Trust = "always"
	TrustNever    Trust = "never"
)

// Options say whom to ask.
type Options struct {
	Servers []string         // addresses with or without a port, at most 8; empty: those of /etc/resolv.conf
	Timeout time.Duration    // of one server; 0: DefaultTimeout
	TrustAD Trust            // empty: TrustLoopback
	Now     func() time.Time // of the cache; nil: time.Now
}

// Resolver asks the DNS. Its methods may be called by many at once; each ends within 20 seconds, or with its context.
type Resolver struct {
	timeout time.Duration
	trust   Trust
	cache   *cache

	mu      sync.Mutex
	servers []server
	system  *systemFile // nil: the servers are set
}

// server is one that can be asked.
type server struct {
	address string // host:port
	trusted bool   // its AD bit is believed
}

// New makes a resolver. It reads resolv.conf if no server is named, and asks nobody.
func New(o Options) (*Resolver, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &Resolver{timeout: o.Timeout, trust: o.TrustAD, cache: newCache(o.Now)}
	if r.timeout <= 0 {
		r.timeout = DefaultTimeout
	}
	switch r.trust {
	case "":
		r.trust = TrustLoopback
	case TrustLoopback, TrustAlways, TrustNever:
	default:
		return nil, fmt.Errorf("resolver: trust %q is none of loopback, always, never", o.TrustAD)
	}
	if len(o.Servers) == 0 {
		r.system = &systemFile{path: resolvConf}
		return r, nil
	}
	if len(o.Servers) > maxServers {
		return nil, fmt.Errorf("resolver: %d servers, want at most %d", len(o.Servers), maxServers)
	}
	for _, address := range o.Servers {
		s, err := r.server(address)
		if err != nil {
			return nil, fmt.Errorf("resolver: %w", err)
		}
		r.servers = append(r.servers, s)
	}
	return r, nil
}

// server reads an address with or without a port.
func (r *Resolver) server(address string) (server, error) {
	at, err := ParseServer(address)
	if err != nil {
		return server{}, err
	}
	trusted := r.trust == TrustAlways || r.trust == TrustLoopback && at.Addr().IsLoopback()
	return server{at.String(), trusted}, nil
}

// ParseServer reads a server's address; without a port it is port 53.
func ParseServer(address string) (netip.AddrPort, error) {
	if ip, err := netip.ParseAddr(address); err == nil {
		return netip.AddrPortFrom(ip, 53), nil
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil || at.Port() == 0 {
		return netip.AddrPort{}, fmt.Errorf("server %q: want an IP address, or one with a port such as 192.0.2.53:5353", address)
	}
	return at, nil
}

// Validates reports whether the AD bit of some server in use would be believed; without one, DANE cannot be used.
func (r *Resolver) Validates() bool {
	for _, s := range r.current() {
		if s.trusted {
			return true
		}
	}
	return false
}

// lookup answers one question, from memory if possible. The error is nil or a *net.DNSError; with one that says
// IsNotFound there is an answer as well, which tells whether that is authentic.
func (r *Resolver) lookup(ctx context.Context, name string, kind uint16) (*answer, error) {
	fqdn, ok := canonical(name)
	if !ok {
		return &answer{name: name}, notFound(name, "no valid name")
	}
	a, err := r.cache.get(ctx, question{fqdn, kind}, func(ctx context.Context) (*answer, error) {
		ctx, cancel := context.WithTimeout(ctx, totalTime)
		defer cancel()
		return r.resolve(ctx, fqdn, kind)
	})
	var known *net.DNSError
	switch {
	case errors.As(err, &known):
		return nil, known
	case err != nil:
		return nil, temporary(fqdn, "", "gave up waiting", err)
	case a.missing != nil:
		return a, a.missing
	}
	return a, nil
}
