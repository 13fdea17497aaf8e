package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"schulhof/store"
)

// policies knows the MTA-STS policies of domains: in memory, and in the database over restarts, because an attacker who
// can hide a policy must not be able to wait for one.
type policies struct {
	c     *Client
	fetch func(ctx context.Context, domain string) (*stsPolicy, error)

	mu    sync.Mutex
	known map[string]*domainPolicy
}

// domainPolicy is one domain's. Who holds its lock looks it up; the others wait.
type domainPolicy struct {
	turn   chan struct{} // of capacity 1: full while somebody looks
	policy *stsPolicy    // nil: none
	loaded bool          // the database has been asked
	failed time.Time     // when fetching failed last
	failID string        // and for which id
}

func newPolicies(c *Client) *policies {
	p := &policies{c: c, known: map[string]*domainPolicy{}}
	p.fetch = p.fetchHTTPS
	return p
}

// of returns the policy for mail to domain that counts now; nil: there is none. RFC 8461 §3, §5.1.
func (p *policies) of(ctx context.Context, domain string) *stsPolicy {
	domain = asciiDomain(domain)
	if domain == "" || domain[0] == '[' {
		return nil
	}
	d := p.entry(domain)
	select {
	case <-ctx.Done():
		return nil
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	}
	now := p.c.o.Now()
	if !d.loaded {
		policy, err := p.c.loadPolicy(ctx, domain)
		if err != nil {
			p.c.log.Warn("remote: policy not read, it will be tried again", "domain", domain, "err", err)
			return &stsPolicy{Mode: modeEnforce} // which no server matches: the mail waits
		}
		d.policy, d.loaded = policy, true
	}
	p.refresh(ctx, domain, d, now)
	if d.policy != nil && d.policy.over(now) {
		d.policy = nil
	}
	return d.policy
}

// entry finds the place of a domain. When there are too many, one is forgotten: its policy is in the database.
func (p *policies) entry(domain string) *domainPolicy {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, ok := p.known[domain]
	if !ok {
		for other := range p.known {
			if len(p.known) < maxPolicies {
				break
			}
			delete(p.known, other)
		}
		d = &domainPolicy{turn: make(chan struct{}, 1)}
		p.known[domain] = d
	}
	return d
}

// refresh asks the DNS whether there is a policy, or another one than before, and fetches it. Whatever fails, what is
// known stays until its time is over.
func (p *policies) refresh(ctx context.Context, domain string, d *domainPolicy, now time.Time) {
	found, err := p.c.o.Resolver.TXT(ctx, "_mta-sts."+domain)
	if err != nil {
		return
	}
	id, ok := parseRecord(found.Records)
	if !ok {
		return
	}
	fresh := d.policy != nil && d.policy.ID == id && now.Sub(d.policy.Fetched).Abs() < policyRecheck && !d.policy.over(now)
	tried := d.failID == id && now.Sub(d.failed).Abs() < policyRetry
	if fresh || tried {
		return
	}
	fetching, cancel := context.WithTimeout(ctx, policyTime)
	defer cancel()
	policy, err := p.fetch(fetching, domain)
	if err != nil {
		if ctx.Err() == nil {
			d.failed, d.failID = now, id
			p.c.metrics.policy.WithLabelValues("failed").Inc()
			p.c.log.Info("remote: MTA-STS policy not fetched", "domain", domain, "known", d.policy != nil, "err", err)
			p.c.counted.failed(domain, policySTS, d.policy, "", fetchResult(err))
		}
		return
	}
	p.c.metrics.policy.WithLabelValues("fetched").Inc()
	policy.ID, policy.Fetched = id, now
	d.policy, d.failID = policy, ""
	if err := p.c.savePolicy(ctx, domain, policy); err != nil && ctx.Err() == nil {
		p.c.log.Warn("remote: policy not saved", "domain", domain, "err", err)
	}
}

// errPolicyForm is a policy that was fetched and is none.
var errPolicyForm = errors.New("policy is not valid")

// errPrivate: the policy's server has no public address.
var errPrivate = errors.New("address is private")

// fetchHTTPS fetches a domain's policy: no redirects, no proxy, no private addresses, bounded. RFC 8461 §3.3.
func (p *policies) fetchHTTPS(ctx context.Context, domain string) (*stsPolicy, error) {
	host := "mta-sts." + domain
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return p.connect(ctx, host) },
		TLSClientConfig:   &tls.Config{RootCAs: p.c.o.Roots, ServerName: host, MinVersion: tls.VersionTLS12, Time: p.c.o.Now},
		DisableKeepAlives: true, MaxResponseHeaderBytes: maxPolicy, ResponseHeaderTimeout: policyTime,
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/.well-known/mta-sts.txt", nil)
	if err != nil {
		return nil, fmt.Errorf("fetch policy: %w", err)
	}
	request.Header.Set("User-Agent", "Schulhof")
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetch policy: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch policy: status %s", strconv.Itoa(response.StatusCode))
	}
	if kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || kind != "text/plain" {
		return nil, fmt.Errorf("%w: its media type is not text/plain", errPolicyForm)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxPolicy+1))
	if err != nil {
		return nil, fmt.Errorf("fetch policy: %w", err)
	}
	if len(text) > maxPolicy {
		return nil, fmt.Errorf("%w: it is too long", errPolicyForm)
	}
	policy, err := parsePolicy(string(text))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPolicyForm, err)
	}
	return policy, nil
}

// connect opens a connection to the policy's server, at an address that may be reached.
func (p *policies) connect(ctx context.Context, host string) (net.Conn, error) {
	found, err := p.c.o.Resolver.Addresses(ctx, host)
	if len(found.Records) == 0 {
		return nil, fmt.Errorf("address of %s: %w", host, err)
	}
	last := errPrivate
	for i, ip := range inTurn(found.Records) {
		if i == maxAddresses {
			break
		}
		if !p.c.mayReach(ip) {
			continue
		}
		nc, err := p.c.dial(ctx, netip.AddrPortFrom(ip, policyPort))
		if err == nil {
			return nc, nil
		}
		last = err
	}
	return nil, last
}

// fetchResult names for a report why a policy could not be had. RFC 8460 §4.3.2.1.
func fetchResult(err error) resultType {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errPolicyForm):
		return resultPolicyInvalid
	case errors.As(err, &certificate):
		return resultWebPKI
	}
	return resultPolicyFetch
}

// loadPolicy reads a domain's policy from the database; nil: there is none.
func (c *Client) loadPolicy(ctx context.Context, domain string) (policy *stsPolicy, err error) {
	if c.o.Store == nil {
		return nil, nil
	}
	err = c.o.Store.Read(ctx, func(tx *store.Tx) (err error) {
		policy, err = selectPolicy(tx, domain)
		return err
	})
	return policy, err
}

// savePolicy writes a domain's policy, and forgets those whose time is over.
func (c *Client) savePolicy(ctx context.Context, domain string, p *stsPolicy) error {
	if c.o.Store == nil {
		return nil
	}
	return c.o.Store.Write(ctx, func(tx *store.Tx) error {
		if err := deletePolicies(tx, p.Fetched); err != nil {
			return err
		}
		return upsertPolicy(tx, domain, p)
	})
}
