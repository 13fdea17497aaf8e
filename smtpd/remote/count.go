package remote

import (
	"crypto/x509"
	"errors"
	"time"

	"schulhof/smtpd/tally"
)

// resultType is what went wrong, as TLS-RPT names it. RFC 8460 §4.3.
type resultType string

const (
	resultNoSTARTTLS    resultType = "starttls-not-supported"
	resultMismatch      resultType = "certificate-host-mismatch"
	resultExpired       resultType = "certificate-expired"
	resultUntrusted     resultType = "certificate-not-trusted"
	resultOther         resultType = "validation-failure"
	resultTLSA          resultType = "tlsa-invalid"
	resultDNSSEC        resultType = "dnssec-invalid"
	resultPolicyFetch   resultType = "sts-policy-fetch-error"
	resultPolicyInvalid resultType = "sts-policy-invalid"
	resultWebPKI        resultType = "sts-webpki-invalid"
)

// resultOf names what is wrong with a certificate.
func resultOf(err error) resultType {
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.Is(err, errPolicyMX), errors.As(err, &name):
		return resultMismatch
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return resultExpired
	case errors.Is(err, errTLSA):
		return resultTLSA
	case errors.Is(err, errNotProven):
		return resultUntrusted
	}
	return resultOther
}

// counted gathers how TLS went, by day and domain.
type counted struct {
	*tally.Counts[countKey]
	now func() time.Time
}

// countKey is one line of a report. RFC 8460 §4.4.
type countKey struct {
	Day    int64 // since 1970-01-01, UTC
	Domain string
	Policy policyKind
	Text   string     // of an MTA-STS policy
	Result resultType // "" for success
	Host   string     // of failures
}

func newCounted(now func() time.Time) *counted {
	return &counted{tally.NewCounts[countKey](maxCounts), now}
}

// worked counts a connection that was as well protected as the policy asks.
func (c *counted) worked(domain string, kind policyKind, sts *stsPolicy) {
	c.add(domain, kind, sts, "", "")
}

// failed counts one that was not.
func (c *counted) failed(domain string, kind policyKind, sts *stsPolicy, host string, result resultType) {
	c.add(domain, kind, sts, host, result)
}

func (c *counted) add(domain string, kind policyKind, sts *stsPolicy, host string, result resultType) {
	if domain == "" || kind == policyOwn {
		return
	}
	key := countKey{Day: tally.Number(c.now()), Domain: domain, Policy: kind, Result: result, Host: host}
	if sts != nil {
		key.Text = sts.Text
	}
	c.Add(key)
}
