package remote

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"schulhof/smtpd/resolver"
	"schulhof/store"

	"github.com/prometheus/client_golang/prometheus"
)

// Options say who we are and what may be reached.
type Options struct {
	Resolver *resolver.Resolver
	Store    *store.Store // keeps policies over restarts, and what is reported; nil: memory only
	Hostname string       // our name in EHLO; mail for it never leaves
	Own      []netip.AddrPort
	// Networks that may be reached although they are private, such as a smart host's in the school; loopback addresses,
	// private and link-local networks are refused otherwise.
	Networks []netip.Prefix
	Port     int            // of mail servers; 0: 25
	Roots    *x509.CertPool // nil: the system's
	Timeouts Timeouts
	Log      *slog.Logger
	Metrics  prometheus.Registerer // nil: none
	Now      func() time.Time      // nil: time.Now
}

// Client brings mail to other servers. Its methods may be called by many at once.
type Client struct {
	o        Options
	log      *slog.Logger
	metrics  *metrics
	policies *policies
	counted  *counted
	dial     func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
}

// New makes a client; it connects to nobody.
func New(o Options) (*Client, error) {
	if o.Resolver == nil || o.Hostname == "" {
		return nil, errors.New("remote: Resolver and Hostname are needed")
	}
	if o.Port == 0 {
		o.Port = 25
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Timeouts = o.Timeouts.withDefaults()
	m, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, fmt.Errorf("remote: %w", err)
	}
	c := &Client{o: o, log: o.Log, metrics: m, counted: newCounted(o.Now)}
	c.dial = c.connect
	c.policies = newPolicies(c)
	return c, nil
}

// Dial connects to a server of t that is ready for mail and as well protected as t and the domain's policies ask. The
// error is an *Error: temporary unless it is certain that no server will ever take mail for t.
func (c *Client) Dial(ctx context.Context, t Target) (Session, error) {
	began := c.o.Now()
	s, err := c.reach(ctx, t)
	c.metrics.dialled(s, err, c.o.Now().Sub(began))
	if err != nil {
		c.log.Debug("remote: no connection", "domain", t.Domain, "smarthost", t.Host, "err", err)
		return nil, err
	}
	c.log.Debug("remote: connected", "domain", t.Domain, "host", s.host, "address", s.address, "tls", s.protection)
	return s, nil
}

// reach tries the hosts of t in their order.
func (c *Client) reach(ctx context.Context, t Target) (*session, error) {
	hosts, err := c.route(ctx, t)
	if err != nil {
		return nil, err
	}
	var sts *stsPolicy
	if t.Host == "" {
		sts = c.policies.of(ctx, t.Domain)
	}
	var worst error
	for i, h := range hosts {
		if i == maxHosts || ctx.Err() != nil {
			break
		}
		s, err := c.reachHost(ctx, t, h, sts)
		if err == nil {
			return s, nil
		}
		c.log.Debug("remote: host failed", "domain", t.Domain, "host", h.name, "err", err)
		worst = moreTelling(worst, err)
	}
	if worst == nil || ctx.Err() != nil {
		worst = failure("", "4.4.1", "The attempt was given up", ctx.Err())
	}
	return nil, worst
}

// moreTelling chooses what to report when several hosts failed: what may pass before what will not, a reply before
// silence, and otherwise the first, which is of the most preferred host.
func moreTelling(a, b error) error {
	var first, second *Error
	if !errors.As(a, &first) {
		return b
	}
	if !errors.As(b, &second) {
		return a
	}
	switch {
	case first.Temporary != second.Temporary:
		if second.Temporary {
			return b
		}
	case first.Code == 0 && second.Code != 0:
		return b
	}
	return a
}

// reachHost tries the addresses of one host.
func (c *Client) reachHost(ctx context.Context, t Target, h host, sts *stsPolicy) (*session, error) {
	found, err := c.addresses(ctx, h)
	if err != nil {
		return nil, err
	}
	p, err := c.plan(ctx, t, h, found, sts)
	if err != nil {
		return nil, err
	}
	var worst error
	refused := false
	for i, ip := range inTurn(found.Records) {
		if i == maxAddresses || ctx.Err() != nil {
			break
		}
		to := netip.AddrPortFrom(ip, uint16(h.port))
		if c.isOwn(to) {
			worst = moreTelling(worst, failure(h.name, "5.4.6", "Mail for "+clean(t.Domain)+" would come back to this server", nil))
			continue
		}
		if !c.mayReach(ip) {
			refused = true
			continue
		}
		s, err := c.open(ctx, t, h, to, p)
		if err == nil {
			return s, nil
		}
		worst = moreTelling(worst, err)
	}
	if worst == nil && refused {
		worst = failure(h.name, "4.4.4", "The server's address is a private one; outgoing.networks does not have it", nil)
	}
	if worst == nil {
		worst = failure(h.name, "4.4.1", "The attempt was given up", ctx.Err())
	}
	return nil, worst
}

// connect opens a TCP connection.
func (c *Client) connect(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{Timeout: c.o.Timeouts.Connect}
	return dialer.DialContext(ctx, "tcp", to.String())
}
