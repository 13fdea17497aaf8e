package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"schulhof/smtpd/authenticate"
	"schulhof/smtpd/queue"
	"schulhof/smtpd/resolver"
)

const (
	doctorOutside  = 8 * time.Second // everything that others are asked, together
	doctorKnocks   = 3               // domains whose mail servers are tried
	doctorNames    = 3               // that one finding lists
	doctorFailures = 5               // tries in a row that did not reach a destination: half an hour
	doctorLook     = 50              // destinations that are looked at
	doctorKeyAge   = 365 * 24 * time.Hour
	doctorKeyWait  = 14 * 24 * time.Hour
)

// checkInternet looks at what mail servers elsewhere see of this one. A school without a domain of the internet is left in peace.
func (e *examination) checkInternet(ctx context.Context) {
	domains, err := e.rooms.Directory.Domains(ctx)
	if err != nil || len(domains) == 0 {
		return // checkDomains says it
	}
	if domains = slices.DeleteFunc(domains, isInternal); len(domains) == 0 {
		e.found("domain-internal", severityHint, "schulhof domain add DOMAIN, with one of your own on the internet",
			"there is no mail from elsewhere under the names of this school: what the DNS should say, and the way to other servers, was not looked at")
		return
	}
	e.checkKeyAges(domains)
	others := e.correspondents(ctx)
	ctx, stop := context.WithTimeout(ctx, cmp.Or(e.patience, doctorOutside))
	defer stop()
	if !e.checkResolvers(ctx) {
		return // nothing else can be known
	}
	var results []dnsResult
	knocks := make([]knock, len(others))
	var asking sync.WaitGroup
	asking.Go(func() { results = checkRecords(ctx, e.rooms, e.recordsOfNote(domains)) })
	for i, domain := range others {
		asking.Go(func() {
			tried, err := e.rooms.Remote.Knock(ctx, domain)
			knocks[i] = knock{domain, tried, err}
		})
	}
	asking.Wait()
	e.judgeRecords(results)
	e.judgeKnocks(knocks)
}

// isInternal reports whether a domain is of no internet: RFC 6761 §6, RFC 6762 §3, RFC 8375, and "internal", which ICANN set aside in 2024.
func isInternal(domain string) bool {
	last := domain[strings.LastIndexByte(domain, '.')+1:]
	return last == domain || strings.HasSuffix(domain, ".home.arpa") ||
		slices.Contains([]string{"test", "example", "invalid", "localhost", "local", "internal"}, last)
}

// checkKeyAges: keys that sign are not old, and none waits for somebody to publish it.
func (e *examination) checkKeyAges(domains []string) {
	var old, waiting []string
	for _, domain := range domains {
		keys, err := e.rooms.Keys.Keys(domain)
		if err != nil {
			e.found("dkim-unreadable", severityError, "restore the folder "+keysFolder+" from a backup", "mail from %s is not signed: %s", domain, err)
		}
		is := func(state authenticate.State, age time.Duration) bool {
			return slices.ContainsFunc(keys, func(k authenticate.Key) bool { return k.State == state && e.now.Sub(k.Created) > age })
		}
		if is(authenticate.Next, doctorKeyWait) {
			waiting = append(waiting, domain)
		} else if is(authenticate.Active, doctorKeyAge) {
			old = append(old, domain)
		}
	}
	if len(old) > 0 {
		e.found("dkim-old", severityHint, "schulhof dkim rotate", "keys that sign mail are older than a year: %s", few(old))
	}
	if len(waiting) > 0 {
		e.found("dkim-waiting", severityWarning, "publish what \"schulhof dns show\" prints for the next key", "new keys have waited for their records for two weeks: %s", few(waiting))
	}
}

// checkResolvers: the DNS answers, and says what is authentic. false: no server answers.
func (e *examination) checkResolvers(ctx context.Context) bool {
	const fix = "look at dns.servers or /etc/resolv.conf, and whether those servers run"
	var silent []string
	probes := e.rooms.DNS.Probe(ctx)
	believed, validates := false, false
	for _, p := range probes {
		if p.Err != nil {
			silent = append(silent, p.Err.Error())
			continue
		}
		believed = believed || p.Trusted
		validates = validates || p.Trusted && p.Validates
	}
	switch {
	case len(silent) == len(probes):
		e.found("resolver-silent", severityError, fix, "no DNS server answers, mail cannot be sent: %s", few(silent))
		return false
	case len(silent) > 0:
		e.found("resolver-partly", severityWarning, fix, "not every DNS server answers, names are found slowly: %s", few(silent))
	}
	switch {
	case resolver.Trust(e.config.DNS.TrustAD) == resolver.TrustNever || validates: // DANE is not wanted, or works
	case believed:
		e.found("resolver-unvalidated", severityHint, "let the DNS server validate (DNSSEC), or set dns.trust_ad to \"never\"",
			"the DNS server does not say what is signed: mail leaves without DANE")
	default:
		e.found("resolver-unvalidated", severityHint, "install a validating DNS server such as unbound on this machine; or set dns.trust_ad",
			"no DNS server is one whose word on signatures is believed: mail leaves without DANE")
	}
	return true
}

// recordFault is a fault of one kind of record. It is one finding, however many domains have it.
type recordFault struct {
	id       string
	severity severity
	is       func(c *dnsResult) bool
}

// recordFaults are those that other mail servers act upon. What only mail programs ask for is left to "dns check".
var recordFaults = []recordFault{
	{"host-address", severityError, func(c *dnsResult) bool { return c.Type == "A" }},
	{"host-reverse", severityError, func(c *dnsResult) bool { return c.Type == "PTR" }},
	{"host-key", severityError, func(c *dnsResult) bool { return c.Type == "TLSA" }},
	{"domain-mx", severityError, func(c *dnsResult) bool { return c.Type == "MX" && c.Found == "" }},
	{"domain-mx-elsewhere", severityWarning, func(c *dnsResult) bool { return c.Type == "MX" }},
	{"domain-spf", severityWarning, func(c *dnsResult) bool { return c.isSPF() }},
	{"domain-dkim", severityError, func(c *dnsResult) bool { return strings.Contains(c.Name, "._domainkey.") }},
	{"domain-dmarc", severityWarning, func(c *dnsResult) bool { return strings.HasPrefix(c.Name, "_dmarc.") }},
	{"domain-mta-sts", severityWarning, func(c *dnsResult) bool { return strings.HasPrefix(strings.TrimPrefix(c.Name, "_"), "mta-sts.") }},
}

func (r *dnsRecord) isSPF() bool { return r.Type == "TXT" && strings.HasPrefix(r.Value, "v=spf1") }

// faultOf is the fault that a record has if it has one, -1 if nobody minds.
func faultOf(c *dnsResult) int {
	return slices.IndexFunc(recordFaults, func(f recordFault) bool { return f.is(c) })
}

// recordsOfNote are the records that others act upon; of keys, those that sign.
func (e *examination) recordsOfNote(domains []string) (records []dnsRecord) {
	for _, domain := range domains {
		keys, err := e.rooms.Keys.Keys(domain)
		if err != nil {
			continue // checkKeyAges says it
		}
		keys = slices.DeleteFunc(keys, func(k authenticate.Key) bool { return k.State != authenticate.Active })
		records = append(records, mailRecords(e.config, domain, keys, e.rooms.relayed())...)
	}
	if key, err := keyRecord(e.config); err == nil { // checkCertificate says it
		records = append(records, key...)
	}
	return slices.DeleteFunc(records, func(r dnsRecord) bool { return faultOf(&dnsResult{dnsRecord: r}) < 0 })
}

// judgeRecords makes one finding of each kind of fault.
func (e *examination) judgeRecords(results []dnsResult) {
	faulty := make([][]*dnsResult, len(recordFaults))
	var unknown []string
	for i := range results {
		c := &results[i]
		switch {
		case c.OK:
		case c.unknown:
			unknown = append(unknown, c.Type+" of "+bare(c.Name))
		case c.Reason == reasonNoAddress && c.Type != "A": // is said once
		default:
			at := faultOf(c)
			faulty[at] = append(faulty[at], c)
		}
	}
	for at, list := range faulty {
		if len(list) == 0 {
			continue
		}
		fix := "\"schulhof dns check\" says what to publish"
		if list[0].Type == "A" || list[0].Type == "PTR" {
			fix = list[0].Fix
		}
		var said []string
		for _, c := range list {
			said = append(said, fmt.Sprintf("%s of %s: %s", c.Type, bare(c.Name), c.Reason))
		}
		e.found(recordFaults[at].id, recordFaults[at].severity, fix, "%s", few(said))
	}
	if len(unknown) > 0 {
		e.found("dns-unanswered", severityWarning, "look at the name servers of the domain; \"schulhof dns check\" asks again", "the DNS has no answer now: %s", few(unknown))
	}
}

// knock is what came of a try to reach the mail servers of a domain.
type knock struct {
	domain string
	tried  bool // there was an address to try
	err    error
}

// correspondents are domains elsewhere to which mail went in the last days, or waits to go, and whose own servers take it: the port of
// mail servers is tried there, so that no stranger is bothered. Where a smart host takes everything there is nothing to try.
func (e *examination) correspondents(ctx context.Context) (domains []string) {
	if e.rooms.relayed() {
		return nil
	}
	lately, err := e.rooms.Remote.Contacted(ctx, doctorLook)
	if err != nil {
		e.found("database-queue", severityError, "look into the server's log", "%s", err)
	}
	for _, d := range e.destinations(ctx) {
		lately = append(lately, d.Name)
	}
	routes := e.rooms.Queue.Routes()
	for _, name := range lately {
		routed := slices.ContainsFunc(routes, func(r queue.Route) bool { return r.Domain == name })
		if routed || strings.Contains(name, ":") || isInternal(name) || slices.Contains(domains, name) { // host:port is a smart host
			continue
		}
		if domains = append(domains, name); len(domains) == doctorKnocks {
			break
		}
	}
	return domains
}

// judgeKnocks: one server that is reached shows that the port is open. A single one that is not may be down.
func (e *examination) judgeKnocks(knocks []knock) {
	var closed []string
	for _, k := range knocks {
		switch {
		case k.err == nil:
			return
		case k.tried:
			closed = append(closed, k.domain+" ("+strings.ReplaceAll(k.err.Error(), "\n", "; ")+")")
		}
	}
	s := severityError
	switch len(closed) {
	case 0:
		return
	case 1:
		s = severityWarning
	}
	e.found("outgoing-port", s, "have your provider and the firewall open the port, or send through a smart host: schulhof route add '*' HOST:587",
		"no mail server could be reached at port %d: %s", e.config.Outgoing.Port, few(closed))
}

// checkDestinations: nothing waits for a server that cannot be reached.
func (e *examination) checkDestinations(ctx context.Context) {
	var smart, down []string
	routes := e.rooms.Queue.Routes()
	for _, d := range e.destinations(ctx) {
		if d.Failures < doctorFailures {
			continue
		}
		said := fmt.Sprintf("%s (%d tries: %s)", d.Name, d.Failures, d.Text)
		if slices.ContainsFunc(routes, func(r queue.Route) bool { return r.Address() == d.Name }) {
			smart = append(smart, said)
		} else {
			down = append(down, said)
		}
	}
	if len(smart) > 0 {
		e.found("smarthost-unreachable", severityError, "look at \"schulhof route list\" and at that server", "a smart host takes no mail: %s", few(smart))
	}
	if len(down) > 0 {
		e.found("destination-unreachable", severityWarning, "\"schulhof queue list --state deferred\" shows what waits; it is tried again by itself", "mail waits for %s", few(down))
	}
}

// destinations are those that mail waits for, the worst first.
func (e *examination) destinations(ctx context.Context) []queue.Destination {
	list, err := e.rooms.Queue.Destinations(ctx, doctorLook)
	if err != nil {
		e.found("database-queue", severityError, "look into the server's log", "%s", err)
	}
	return list
}

// few lists some of many.
func few(list []string) string {
	more := ""
	if len(list) > doctorNames {
		more = fmt.Sprintf("; and %d more", len(list)-doctorNames)
	}
	return strings.Join(list[:min(len(list), doctorNames)], "; ") + more
}
