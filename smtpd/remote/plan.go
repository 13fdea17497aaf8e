package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"

	"schulhof/smtpd/resolver"
)

// plan is how a connection to one host has to be protected.
type plan struct {
	policy policyKind
	none   bool                            // no TLS at all
	first  bool                            // TLS from the first byte; RFC 8314
	must   bool                            // never without TLS
	verify func(tls.ConnectionState) error // nil: any certificate
	soft   func(tls.ConnectionState) error // like verify, but a failure is only reported; RFC 8461 §5
	sni    string
	domain string     // whose policy it is
	sts    *stsPolicy // if policy is policySTS
	tlsa   []resolver.TLSA
}

// policyKind is where a plan comes from, as TLS-RPT names it. RFC 8460 §4.2.
type policyKind string

const (
	policyNone policyKind = "no-policy-found"
	policySTS  policyKind = "sts"
	policyDANE policyKind = "tlsa"
	policyOwn  policyKind = "" // the target's own demand
)

// errNotProven: the server did not prove to be who it is said to be.
var errNotProven = errors.New("certificate is not the server's")

// plan decides how a connection to h is to be protected: what the target demands, then DANE, then MTA-STS, then TLS if
// it is offered.
func (c *Client) plan(ctx context.Context, t Target, h host, found resolver.Found[netip.Addr], sts *stsPolicy) (*plan, error) {
	p := &plan{policy: policyNone, sni: h.name, domain: asciiDomain(t.Domain), must: t.RequireTLS}
	if h.ip.IsValid() {
		p.sni = ""
	}
	switch t.TLS {
	case TLSOff:
		if t.User != "" {
			return nil, failure(h.name, "4.7.11", "A password is to be sent, but TLS is turned off for this server", nil)
		}
		p.policy, p.none = policyOwn, true
		return p, nil
	case TLSRequire:
		p.policy, p.must, p.verify = policyOwn, true, c.byName(h.name)
	case "", TLSOpportunistic:
	default:
		return nil, failure(h.name, "4.3.5", "The setting for TLS of this server is not valid", nil)
	}
	p.first = t.Host != "" && h.port == 465
	if t.Host != "" {
		p.policy = policyOwn
		if t.User != "" {
			p.must, p.verify = true, c.byName(h.name)
		}
		return p, nil
	}
	dane, err := c.daneFor(ctx, h, found)
	if err != nil {
		c.counted.failed(p.domain, policyDANE, nil, h.name, resultDNSSEC)
		return nil, err
	}
	if dane != nil {
		p.policy, p.must, p.tlsa = policyDANE, true, dane.records
		p.sni = dane.base
		p.verify = both(p.verify, func(state tls.ConnectionState) error { return dane.check(state, c.o.Now()) })
		return p, nil
	}
	if err := c.applySTS(p, h, sts); err != nil {
		return nil, err
	}
	if p.must && p.verify == nil { // REQUIRETLS wants proof, by whatever way there is
		p.verify = c.byName(h.name)
	}
	return p, nil
}

// applySTS adds what the domain's MTA-STS policy asks for. RFC 8461 §4.1, §5.
func (c *Client) applySTS(p *plan, h host, sts *stsPolicy) error {
	if sts == nil || sts.Mode == modeNone {
		return nil
	}
	p.policy, p.sts = policySTS, sts
	check := c.byName(h.name)
	if !sts.matches(h.name) {
		check = func(tls.ConnectionState) error { return errPolicyMX }
	}
	if sts.Mode == modeTesting {
		p.soft = check
		return nil
	}
	if !sts.matches(h.name) {
		c.counted.failed(p.domain, policySTS, sts, h.name, resultMismatch)
		return failure(h.name, "4.7.5", "The server is not named in the domain's policy (MTA-STS)", errPolicyMX)
	}
	p.must = true
	p.verify = both(p.verify, check)
	return nil
}

// both checks one thing after the other.
func both(a, b func(tls.ConnectionState) error) func(tls.ConnectionState) error {
	if a == nil {
		return b
	}
	return func(state tls.ConnectionState) error { return errors.Join(a(state), b(state)) }
}

// byName checks that the certificate is the server's, by an authority that this machine trusts. RFC 6125, RFC 8461 §4.1.
func (c *Client) byName(name string) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errNotProven
		}
		options := x509.VerifyOptions{Roots: c.o.Roots, DNSName: name, CurrentTime: c.o.Now(), Intermediates: x509.NewCertPool()}
		for _, cert := range state.PeerCertificates[1:] {
			options.Intermediates.AddCert(cert)
		}
		if _, err := state.PeerCertificates[0].Verify(options); err != nil {
			return fmt.Errorf("%w: %w", errNotProven, err)
		}
		return nil
	}
}

// config is for a handshake. The certificate is checked after it, by what the plan asks for.
func (p *plan) config() *tls.Config {
	config := &tls.Config{ServerName: p.sni, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
	if p.verify == nil {
		config.CipherSuites = oldSuites()
	}
	return config
}

// oldSuites are those of TLS 1.2 with the ones that lack forward secrecy: where the alternative is no TLS at all, they
// are better than nothing.
func oldSuites() (ids []uint16) {
	for _, s := range tls.CipherSuites() {
		ids = append(ids, s.ID)
	}
	return append(ids, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA)
}

// protection names what protects a connection, for people: "TLS 1.3, DANE".
func (p *plan) protection(state *tls.ConnectionState) string {
	if state == nil {
		return ""
	}
	how := "certificate not checked"
	switch {
	case p.policy == policyDANE:
		if p.usable() {
			how = "DANE"
		}
	case p.policy == policySTS && p.verify != nil:
		how = "MTA-STS"
	case p.verify != nil:
		how = "certificate checked"
	}
	return tls.VersionName(state.Version) + ", " + how
}

// usable reports whether one of the TLSA records says something that can be checked.
func (p *plan) usable() bool {
	for _, r := range p.tlsa {
		if usableTLSA(r) {
			return true
		}
	}
	return false
}

// proven reports whether a connection under this plan is with the server that the domain's owner names. RFC 8689 §4.2.1
// wants that for REQUIRETLS.
func (p *plan) proven(h host) bool {
	switch p.policy {
	case policyDANE:
		return p.usable()
	case policySTS:
		return p.sts.Mode == modeEnforce
	}
	return p.verify != nil && h.secure
}
