package authenticate

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Policy is what a domain asks others to do with mail that only claims to come from it. RFC 7489 §6.3.
type Policy string

// The policies, each stricter than the one before.
const (
	PolicyNone       Policy = "none"
	PolicyQuarantine Policy = "quarantine"
	PolicyReject     Policy = "reject"
)

// level orders policies.
func (p Policy) level() int {
	switch p {
	case PolicyReject:
		return 2
	case PolicyQuarantine:
		return 1
	case PolicyNone:
	}
	return 0
}

// weaker is the next policy below p: what holds for messages outside of pct. RFC 7489 §6.6.4.
func (p Policy) weaker() Policy {
	if p == PolicyReject {
		return PolicyQuarantine
	}
	return PolicyNone
}

// policyRecord is a DMARC record. RFC 7489 §6.3; np is of RFC 9091.
type policyRecord struct {
	domain     string // whose record it is
	policy     Policy // p
	subdomain  Policy // sp
	missing    Policy // np; "" where it says nothing
	strictDKIM bool   // adkim=s
	strictSPF  bool   // aspf=s
	percent    int    // pct
	aggregate  []string
}

// isPolicyRecord reports whether text claims to be a DMARC record; others are passed over.
func isPolicyRecord(text string) bool {
	name, rest, ok := strings.Cut(text, "=")
	value, _, _ := strings.Cut(rest, ";")
	return ok && strings.TrimSpace(name) == "v" && strings.TrimSpace(value) == "DMARC1"
}

// oneRecord is the DMARC record among the texts of a name, and how many there are: none counts unless it is the only one. RFC 7489 §6.6.3, step 5.
func oneRecord(texts []string) (record string, n int) {
	for _, text := range texts {
		if isPolicyRecord(text) {
			record = text
			n++
		}
	}
	return record, n
}

// parsePolicy reads a record. Tags that cannot be read count as missing; without a policy there must at least be somewhere to report to.
func parsePolicy(text string) (p policyRecord, ok bool) {
	p = policyRecord{policy: "", percent: 100}
	seen := map[string]bool{}
	for i, part := range strings.SplitN(text, ";", maxTags) {
		name, value, ok := strings.Cut(part, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if !ok || seen[name] || i == 0 {
			continue
		}
		seen[name] = true
		p.set(name, value)
	}
	if p.policy == "" { // RFC 7489 §6.6.3, step 6
		if len(p.aggregate) == 0 {
			return p, false
		}
		p.policy = PolicyNone
	}
	if p.subdomain == "" {
		p.subdomain = p.policy
	}
	return p, true
}

func (p *policyRecord) set(name, value string) {
	one := Policy(strings.ToLower(value))
	known := one == PolicyNone || one == PolicyQuarantine || one == PolicyReject
	switch name {
	case "p":
		if known {
			p.policy = one
		}
	case "sp":
		if known {
			p.subdomain = one
		}
	case "np":
		if known {
			p.missing = one
		}
	case "adkim":
		p.strictDKIM = strings.EqualFold(value, "s")
	case "aspf":
		p.strictSPF = strings.EqualFold(value, "s")
	case "pct":
		if n, err := strconv.Atoi(value); err == nil && n >= 0 && n <= 100 {
			p.percent = n
		}
	case "rua":
		for uri := range strings.SplitSeq(value, ",") {
			if uri = strings.TrimSpace(uri); uri != "" {
				p.aggregate = append(p.aggregate, uri)
			}
		}
	}
}

// found is what the DNS says about the policy for one domain in From.
type found struct {
	from   string
	record policyRecord
	exists bool   // there is a record
	policy Policy // what it asks for from
	err    error  // the DNS had no answer now
}

// findPolicy looks for the record of domain, then for its organisation's. RFC 7489 §6.6.3.
func findPolicy(ctx context.Context, r Resolver, domain string) found {
	f := found{from: domain}
	names := []string{domain}
	if o := organisation(domain); o != domain {
		names = append(names, o)
	}
	for i, name := range names {
		texts, err := r.LookupTXT(ctx, "_dmarc."+name)
		if err != nil && !notFound(err) {
			f.err = err
			return f
		}
		record, n := oneRecord(texts)
		if n == 0 {
			continue
		}
		if n == 1 {
			f.record, f.exists = parsePolicy(record)
			f.record.domain = name
		}
		f.policy = f.record.policy
		if i > 0 && f.exists {
			f.policy, f.err = f.record.beneath(ctx, r, domain)
		}
		return f
	}
	return f
}

// beneath is the policy for a domain beneath the record's: another one for domains that do not exist, if the record says so. RFC 9091 §3.
func (p *policyRecord) beneath(ctx context.Context, r Resolver, domain string) (Policy, error) {
	if p.missing == "" || p.missing == p.subdomain {
		return p.subdomain, nil
	}
	_, err := r.LookupIPAddr(ctx, domain)
	if err == nil {
		return p.subdomain, nil
	}
	if !notFound(err) {
		return p.subdomain, err
	}
	if _, err = r.LookupMX(ctx, domain); notFound(err) {
		return p.missing, nil
	}
	return p.subdomain, err
}

// AskPolicy is what the owner of domain wants to be done with mail that only claims to come from there; PolicyNone when there is no record.
// pct does not count: it is no promise to whoever sends in the domain's name. An error means that nobody knows now. RFC 7489 §6.6.3.
func AskPolicy(ctx context.Context, r Resolver, domain string) (Policy, error) {
	ascii, ok := dnsName(domain)
	if !ok {
		return PolicyNone, nil
	}
	ctx, stop := context.WithTimeout(ctx, checkTimeout)
	defer stop()
	f := findPolicy(ctx, newBudget(r), ascii)
	if f.err != nil {
		return PolicyNone, fmt.Errorf("policy of %s: %w", ascii, f.err)
	}
	if !f.exists {
		return PolicyNone, nil
	}
	return f.policy, nil
}

// Published is a DMARC record as its owner has published it.
type Published struct {
	Domain                string // whose record it is
	Policy, Subdomain     Policy
	StrictDKIM, StrictSPF bool
	Percent               int
	Reports               []string // where aggregate reports are wanted: URIs as they stand there
}

// AskPublished looks for the record at domain itself; ok is false if there is none that holds.
func AskPublished(ctx context.Context, r Resolver, domain string) (p Published, ok bool, err error) {
	ctx, stop := context.WithTimeout(ctx, checkTimeout)
	defer stop()
	f := findPolicy(ctx, newBudget(r), domain)
	if f.err != nil {
		return p, false, fmt.Errorf("policy of %s: %w", domain, f.err)
	}
	if !f.exists || f.record.domain != domain {
		return p, false, nil
	}
	return Published{
		Domain: domain, Policy: f.record.policy, Subdomain: f.record.subdomain, StrictDKIM: f.record.strictDKIM, StrictSPF: f.record.strictSPF,
		Percent: f.record.percent, Reports: f.record.aggregate,
	}, true, nil
}

// WantsReports reports whether a host elsewhere takes reports about domain: it says so itself in the DNS. RFC 7489 §7.1.
func WantsReports(ctx context.Context, r Resolver, domain, host string) (bool, error) {
	ctx, stop := context.WithTimeout(ctx, checkTimeout)
	defer stop()
	texts, err := newBudget(r).LookupTXT(ctx, domain+"._report._dmarc."+host)
	if err != nil && !notFound(err) {
		return false, fmt.Errorf("whether %s takes reports: %w", host, err)
	}
	return slices.ContainsFunc(texts, isPolicyRecord), nil
}

// SameOrganization reports whether two domains in ASCII belong to who registered one of them. RFC 7489 §3.2.
func SameOrganization(a, b string) bool { return organisation(a) == organisation(b) }

// ReadPolicy reads the TXT records of a _dmarc name: the policy of the one record there; ok is false if there is none, or more than one.
func ReadPolicy(texts []string) (p Policy, ok bool) {
	record, n := oneRecord(texts)
	if n != 1 {
		return "", false
	}
	read, ok := parsePolicy(record)
	return read.policy, ok
}
