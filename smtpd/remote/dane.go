package remote

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"schulhof/smtpd/resolver"
)

// Certificate usages, selectors and matching types. RFC 6698 §2.1, RFC 7218.
const (
	usageTA, usageEE      = 2, 3
	selectCert, selectKey = 0, 1
	matchAll, match256    = 0, 1
	match512              = 2
	daneText              = "The DNS does not say now how the server proves itself (DANE)"
)

// errTLSA: none of the records fits the certificate.
var errTLSA = errors.New("certificate does not fit any TLSA record")

// dane is what the DNS says with a signature about a server's certificates.
type dane struct {
	base    string // the name the records belong to, without a final dot; RFC 7672 §2.2.3
	also    []string
	records []resolver.TLSA
}

// daneFor finds the TLSA records of a host. nil: DANE does not apply, because the way there is not signed, or there are
// none. An error means that nobody knows: mail has to wait. RFC 7672 §2.1, §2.2.
func (c *Client) daneFor(ctx context.Context, h host, found resolver.Found[netip.Addr]) (*dane, error) {
	if !h.secure || h.ip.IsValid() || !c.o.Resolver.Validates() {
		return nil, nil
	}
	end := strings.TrimSuffix(found.Name, ".")
	names := []string{h.name}
	if found.Secure && end != "" && end != h.name {
		names = []string{end, h.name} // the end of aliases first
	}
	if !found.Secure {
		if end == h.name {
			return nil, nil
		}
		alias, err := c.o.Resolver.CNAME(ctx, h.name)
		switch {
		case err == nil && alias.Secure: // a signed alias of an unsigned name: the records may be at the alias; RFC 7672 §2.2.2
		case err == nil || resolver.IsNotFound(err):
			return nil, nil
		default:
			return nil, failure(h.name, "4.7.5", daneText, err)
		}
	}
	for _, name := range names {
		records, err := c.o.Resolver.TLSA(ctx, "_"+strconv.Itoa(h.port)+"._tcp."+name)
		switch {
		case err == nil && records.Secure:
			return &dane{base: name, also: []string{h.name}, records: records.Records[:min(len(records.Records), maxTLSA)]}, nil
		case err == nil || resolver.IsNotFound(err):
		default:
			return nil, failure(h.name, "4.7.5", daneText, err)
		}
	}
	return nil, nil
}

// usableTLSA reports whether a record can be checked against. Usages 0 and 1 mean nothing in mail. RFC 7672 §3.1.
func usableTLSA(r resolver.TLSA) bool {
	if r.Usage != usageTA && r.Usage != usageEE || r.Selector > selectKey {
		return false
	}
	switch r.Matching {
	case matchAll:
		return len(r.Data) > 0
	case match256:
		return len(r.Data) == sha256.Size
	case match512:
		return len(r.Data) == sha512.Size
	}
	return false
}

// check tests the certificates of a server. Without any usable record, TLS alone is demanded. RFC 7672 §2.2.
func (d *dane) check(state tls.ConnectionState, now time.Time) error {
	usable := false
	var last error
	for _, r := range d.records {
		if !usableTLSA(r) {
			continue
		}
		usable = true
		if last = d.checkOne(r, state.PeerCertificates, now); last == nil {
			return nil
		}
	}
	if !usable {
		return nil
	}
	return last
}

func (d *dane) checkOne(r resolver.TLSA, chain []*x509.Certificate, now time.Time) error {
	if len(chain) == 0 {
		return errTLSA
	}
	if r.Usage == usageEE { // name and time do not count: RFC 7672 §3.1.1
		if fits(r, chain[0]) {
			return nil
		}
		return errTLSA
	}
	for _, anchor := range chain {
		if fits(r, anchor) {
			return d.below(anchor, chain, now)
		}
	}
	if r.Selector == selectCert && r.Matching == matchAll { // the record may hold the anchor itself
		if anchor, err := x509.ParseCertificate(r.Data); err == nil {
			return d.below(anchor, chain, now)
		}
	}
	return errTLSA
}

// below checks that the server's certificate stands under anchor and has one of its names. RFC 7672 §3.1.2, §3.2.3.
func (d *dane) below(anchor *x509.Certificate, chain []*x509.Certificate, now time.Time) error {
	options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: now}
	options.Roots.AddCert(anchor)
	for _, cert := range chain[1:] {
		options.Intermediates.AddCert(cert)
	}
	if _, err := chain[0].Verify(options); err != nil {
		return fmt.Errorf("%w: %w", errNotProven, err)
	}
	var last error
	for _, name := range append([]string{d.base}, d.also...) {
		if last = chain[0].VerifyHostname(name); last == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %w", errNotProven, last)
}

// fits compares one record with one certificate. RFC 6698 §2.1.
func fits(r resolver.TLSA, cert *x509.Certificate) bool {
	data := cert.Raw
	if r.Selector == selectKey {
		data = cert.RawSubjectPublicKeyInfo
	}
	switch r.Matching {
	case match256:
		sum := sha256.Sum256(data)
		data = sum[:]
	case match512:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return bytes.Equal(data, r.Data)
}
