package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"schulhof/smtpd/resolver/dnstest"
)

// policyServer serves MTA-STS policies of domains: the modes, for the host mx.DOMAIN.
func (e *elsewhere) policyServer(t *testing.T, policies map[string]string) {
	t.Helper()
	ln, err := listen(t, "443")
	if err != nil {
		t.Skipf("nobody may listen at port 443 here, where policies of MTA-STS are looked for: %v", err)
	}
	var names []string
	for domain := range policies {
		names = append(names, "mta-sts."+domain)
		e.dns.Add(t, "mta-sts."+domain+". A "+hostOfListener(ln), "_mta-sts."+domain+`. TXT "v=STSv1; id=1;"`)
	}
	server := &http.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{e.certificate(t, names...)}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprint(w, policies[strings.TrimPrefix(r.Host, "mta-sts.")])
		}),
	}
	ended := make(chan struct{})
	go func() { server.ServeTLS(ln, "", ""); close(ended) }()
	t.Cleanup(func() { server.Close(); <-ended })
}

func policyOf(mode, mx string) string {
	return "version: STSv1\nmode: " + mode + "\nmx: " + mx + "\nmax_age: 86400\n"
}

// Somebody between us and other servers hides that they offer TLS, others do not prove who they are: where a policy forbids it, no mail leaves,
// and the queue says why. A policy that is known holds also when the attacker hides it, over a restart. When the attack is over, all arrives.
func TestNothingLeavesUnprotectedWhereAPolicyForbidsIt(t *testing.T) {
	t.Parallel()
	const noTLS, notProven = "The server offers no TLS, which is demanded here", "The server did not prove to be who it is said to be (TLS certificate)"
	passages := []passage{
		{"TLS as offered", "plain.example.net", "sent: TLS 1.3, certificate not checked"},
		{"stripped, without a policy", "stripped.example.net", "sent: "},
		{"MTA-STS", "good.example.net", "sent: TLS 1.3, MTA-STS"},
		{"MTA-STS, stripped", "enforced.example.net", "waits: " + noTLS},
		{"MTA-STS, stripped, but only tested", "tested.example.net", "sent: "},
		{"MTA-STS, the certificate of somebody else", "misnamed.example.net", "waits: " + notProven},
		{"MTA-STS, led to another server", "elsewhere.example.net", "waits: The server is not named in the domain's policy (MTA-STS)"},
		{"DANE", "dane.example", "sent: TLS 1.3, DANE"},
		{"DANE, stripped", "stripped.example", "waits: " + noTLS},
		{"DANE, another key", "wrong.example", "waits: " + notProven},
		{"DANE, a bogus record", "bogus.example", "waits: The DNS does not say now how the server proves itself (DANE)"},
	}
	e := newElsewhere(t)
	var hosts []string
	for _, p := range passages {
		if p.domain != "misnamed.example.net" {
			hosts = append(hosts, "mx."+p.domain)
		}
	}
	cert := e.certificate(t, hosts...)
	address, other := e.mailServer(t, cert), e.mailServer(t, e.certificate(t, "mx.example.org"))
	attacker, stripped := e.middleman(t, address)
	for _, p := range passages {
		at := address
		switch {
		case strings.Contains(p.name, "stripped"):
			at = stripped
		case p.domain == "misnamed.example.net", p.domain == "wrong.example":
			at = other
		}
		e.dns.Add(t, p.domain+". MX 10 mx."+p.domain+".", "mx."+p.domain+". A "+at)
		if strings.HasSuffix(p.domain, ".example") {
			e.dns.Add(t, e.tlsa("mx."+p.domain, cert))
		}
	}
	e.dns.Sign("example")
	e.dns.Break("_"+e.port+"._tcp.mx.bogus.example", dnstest.Bogus)
	e.policyServer(t, map[string]string{
		"good.example.net": policyOf("enforce", "mx.good.example.net"), "enforced.example.net": policyOf("enforce", "mx.enforced.example.net"),
		"tested.example.net": policyOf("testing", "mx.tested.example.net"), "misnamed.example.net": policyOf("enforce", "mx.misnamed.example.net"),
		"elsewhere.example.net": policyOf("enforce", "mx.example.org"),
	})
	l := newLive(t, filepath.Join(t.TempDir(), "data"), "anna")
	e.serve(t, l)
	waits := e.send(t, l, passages)
	l.stop(t)
	verifyPassages(t, passages, waits, l.log.String())

	e.dns.Remove("_mta-sts.enforced.example.net")
	e.serve(t, l)
	l.schulhof(t, "queue", "retry", "--sender", "anna@school.test")
	again := regexp.MustCompile("did not work [2-9] times in a row .*" + noTLS)
	if !patiently(func() bool {
		waits = l.waiting(t)
		return again.MatchString(waits["enforced.example.net"]) && again.MatchString(waits["stripped.example"])
	}) {
		t.Errorf("with the policy hidden these wait: %v", waits)
	}

	attacker.becomeHonest()
	arriving := len(e.got()) + 2
	l.schulhof(t, "queue", "retry", "--sender", "anna@school.test")
	if !patiently(func() bool { return len(e.got()) >= arriving }) {
		t.Errorf("after the attack these wait: %v", l.waiting(t))
	}
	l.stop(t)
	verifyPassages(t, []passage{
		{"after the attack, MTA-STS", "enforced.example.net", "sent: TLS 1.3, MTA-STS"}, {"after the attack, DANE", "stripped.example", "sent: TLS 1.3, DANE"},
	}, nil, l.log.String())
	readable := []string{"oma@stripped.example.net", "oma@tested.example.net"}
	if got := attacker.read(); !slices.Equal(got, readable) {
		t.Errorf("the attacker could read mail to %q, want %q", got, readable)
	}
	for _, m := range e.got() {
		if !m.tls && !slices.Contains(readable, m.to[0]) {
			t.Errorf("mail to %s arrived in the clear", m.to)
		}
	}
}
