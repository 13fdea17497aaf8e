package remote

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"testing"

	"schulhof/smtpd/resolver/dnstest"
)

// tlsa writes a TLSA record about one certificate of a chain. RFC 6698 §2.1.
func tlsa(name string, usage, selector, matching int, cert *tls.Certificate, which int) string {
	data := cert.Certificate[which]
	if selector == 1 && which == 0 {
		data = cert.Leaf.RawSubjectPublicKeyInfo
	} else if selector == 1 {
		data = authority().cert.RawSubjectPublicKeyInfo
	}
	switch matching {
	case 1:
		sum := sha256.Sum256(data)
		data = sum[:]
	case 2:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return fmt.Sprintf("_25._tcp.%s. TLSA %d %d %d %s", name, usage, selector, matching, hex.EncodeToString(data))
}

// stsServer serves a policy at an address of the internet.
func (w *world) stsServer(t *testing.T, at string, cert *tls.Certificate, answer func() string) {
	w.listen(t, at, func(nc net.Conn) {
		tc := tls.Server(nc, &tls.Config{Certificates: []tls.Certificate{*cert}})
		buf := make([]byte, 4096)
		if _, err := tc.Read(buf); err != nil {
			return
		}
		_, _ = tc.Write([]byte(answer()))
		tc.Close()
	})
}

func httpOK(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
}

func policyText(mode string, mx ...string) string {
	text := "version: STSv1\nmode: " + mode + "\nmax_age: 86400\n"
	for _, m := range mx {
		text += "mx: " + m + "\n"
	}
	return text
}

// TestDowngrade: mail leaves in the clear only where no policy forbids it, and to nobody who cannot prove himself where
// a policy wants that. Each case is one attack or mistake.
func TestDowngrade(t *testing.T) {
	t.Parallel()
	const host = "mx.there.example"
	ca := authority()
	good, expired := ca.issue(false, host), ca.issue(true, host)
	foreign := makeAuthority("Other CA").issue(false, host)
	misnamed := ca.issue(false, "other.example")
	other := ca.issue(false, host)
	enforce, testing_ := policyText("enforce", host), policyText("testing", "else.example")
	const waits = "0 4.7.5 later"
	tests := []struct {
		name    string
		cert    *tls.Certificate // nil: no STARTTLS
		say     map[string]string
		records []string // of TLSA
		signed  bool
		breaks  map[string]dnstest.Fault
		policy  string // of MTA-STS, "": none
		target  Target
		want    string
		tls     string // part of the protection; "clear": none at all
	}{
		// no policy
		{name: "TLS as offered", cert: good, want: "250 2.0.0", tls: "not checked"},
		{name: "any certificate does without a policy", cert: expired, want: "250 2.0.0", tls: "not checked"},
		{name: "no STARTTLS", want: "250 2.0.0", tls: "clear"},
		{name: "STARTTLS refused", cert: good, say: map[string]string{"STARTTLS": "454 no"}, want: "250 2.0.0", tls: "clear"},
		{name: "a handshake that fails", cert: good, say: map[string]string{"STARTTLS": "220 go\nclose"}, want: "250 2.0.0", tls: "clear"},
		{name: "closes at STARTTLS", cert: good, say: map[string]string{"STARTTLS": "close"}, want: "250 2.0.0", tls: "clear"},
		// a demand of our own
		{name: "demanded: good", cert: good, target: Target{TLS: TLSRequire}, want: "250 2.0.0", tls: "certificate checked"},
		{name: "demanded: no STARTTLS", target: Target{TLS: TLSRequire}, want: waits},
		{name: "demanded: STARTTLS refused", cert: good, say: map[string]string{"STARTTLS": "454 no"}, target: Target{TLS: TLSRequire}, want: waits},
		{name: "demanded: handshake fails", cert: good, say: map[string]string{"STARTTLS": "220 go\nclose"}, target: Target{TLS: TLSRequire}, want: waits},
		{name: "demanded: expired", cert: expired, target: Target{TLS: TLSRequire}, want: waits},
		{name: "demanded: another authority", cert: foreign, target: Target{TLS: TLSRequire}, want: waits},
		{name: "demanded: another name", cert: misnamed, target: Target{TLS: TLSRequire}, want: waits},
		{name: "turned off", cert: good, target: Target{TLS: TLSOff}, want: "250 2.0.0", tls: "clear"},
		// MTA-STS
		{name: "enforce: good", cert: good, policy: enforce, want: "250 2.0.0", tls: "MTA-STS"},
		{name: "enforce: a pattern", cert: good, policy: policyText("enforce", "*.there.example"), want: "250 2.0.0", tls: "MTA-STS"},
		{name: "enforce: STARTTLS stripped", policy: enforce, want: waits},
		{name: "enforce: EHLO broken", cert: good, say: map[string]string{"EHLO": "502 what"}, policy: enforce, want: waits},
		{name: "enforce: STARTTLS refused", cert: good, say: map[string]string{"STARTTLS": "454 no"}, policy: enforce, want: waits},
		{name: "enforce: handshake fails", cert: good, say: map[string]string{"STARTTLS": "220 go\nclose"}, policy: enforce, want: waits},
		{name: "enforce: expired", cert: expired, policy: enforce, want: waits},
		{name: "enforce: another authority", cert: foreign, policy: enforce, want: waits},
		{name: "enforce: another name", cert: misnamed, policy: enforce, want: waits},
		{name: "enforce: a server that is not named", cert: good, policy: policyText("enforce", "else.example"), want: waits},
		{name: "enforce: a pattern is one label", cert: good, policy: policyText("enforce", "*.example"), want: waits},
		{name: "testing: everything wrong", policy: testing_, want: "250 2.0.0", tls: "clear"},
		{name: "testing: expired", cert: expired, policy: policyText("testing", host), want: "250 2.0.0", tls: "not checked"},
		{name: "testing: handshake fails", cert: good, say: map[string]string{"STARTTLS": "220 go\nclose"}, policy: testing_, want: "250 2.0.0", tls: "clear"},
		{name: "none", policy: policyText("none"), want: "250 2.0.0", tls: "clear"},
		// DANE
		{name: "DANE: 3 1 1", cert: good, signed: true, records: []string{tlsa(host, 3, 1, 1, good, 0)}, want: "250 2.0.0", tls: "DANE"},
		{name: "DANE: 3 0 1", cert: good, signed: true, records: []string{tlsa(host, 3, 0, 1, good, 0)}, want: "250 2.0.0", tls: "DANE"},
		{name: "DANE: 3 1 2", cert: good, signed: true, records: []string{tlsa(host, 3, 1, 2, good, 0)}, want: "250 2.0.0", tls: "DANE"},
		{name: "DANE: 3 1 0", cert: good, signed: true, records: []string{tlsa(host, 3, 1, 0, good, 0)}, want: "250 2.0.0", tls: "DANE"},
		{name: "DANE: 3 1 1 of an expired, misnamed one", cert: misnamed, signed: true, records: []string{tlsa(host, 3, 1, 1, misnamed, 0)}, want: "250 2.0.0", tls: "DANE"},
		{name: "DANE: 2 0 1", cert: good, signed: true, records: []string{tlsa(host, 2, 0, 1, good, 1)}, want: "250 2.0.0", tls: "DANE"},
		{name: "DANE: 2 1 1", cert: good, signed: true, records: []string{tlsa(host, 2, 1, 1, good, 1)}, want: "250 2.0.0", tls: "DANE"},
		{name: "DANE: 2 0 0", cert: good, signed: true, records: []string{tlsa(host, 2, 0, 0, good, 1)}, want: "250 2.0.0", tls: "DANE"},
		{name: "DANE: 2 with another name", cert: misnamed, signed: true, records: []string{tlsa(host, 2, 0, 1, misnamed, 1)}, want: waits},
		{name: "DANE: 2 expired", cert: expired, signed: true, records: []string{tlsa(host, 2, 0, 1, expired, 1)}, want: waits},
		{name: "DANE: one of several fits", cert: good, signed: true, records: []string{tlsa(host, 3, 1, 1, other, 0), tlsa(host, 3, 1, 1, good, 0)}, want: "250 2.0.0", tls: "DANE"},
		{name: "DANE: none fits", cert: good, signed: true, records: []string{tlsa(host, 3, 1, 1, other, 0)}, want: waits},
		{name: "DANE: none fits, another authority", cert: foreign, signed: true, records: []string{tlsa(host, 2, 0, 1, good, 1)}, want: waits},
		{name: "DANE: STARTTLS stripped", signed: true, records: []string{tlsa(host, 3, 1, 1, good, 0)}, want: waits},
		{name: "DANE: handshake fails", cert: good, say: map[string]string{"STARTTLS": "220 go\nclose"}, signed: true, records: []string{tlsa(host, 3, 1, 1, good, 0)}, want: waits},
		{name: "DANE: nothing usable still demands TLS", cert: expired, signed: true, records: []string{tlsa(host, 1, 1, 1, good, 0), tlsa(host, 3, 1, 1, good, 0) + "00"}, want: "250 2.0.0", tls: "not checked"},
		{name: "DANE: nothing usable, STARTTLS stripped", signed: true, records: []string{tlsa(host, 0, 1, 1, good, 0)}, want: waits},
		{name: "DANE: bogus TLSA", cert: good, signed: true, breaks: map[string]dnstest.Fault{"_25._tcp." + host: dnstest.Bogus}, want: waits},
		{name: "DANE: TLSA without answer", cert: good, signed: true, breaks: map[string]dnstest.Fault{"_25._tcp." + host: dnstest.Silent}, want: waits},
		{name: "DANE: bogus address", cert: good, signed: true, breaks: map[string]dnstest.Fault{host: dnstest.Bogus}, want: "0 4.4.3 later"},
		{name: "DANE: bogus MX", cert: good, signed: true, breaks: map[string]dnstest.Fault{"there.example": dnstest.Bogus}, want: "0 4.4.3 later"},
		{name: "DANE: unsigned records mean nothing", records: []string{tlsa(host, 3, 1, 1, other, 0)}, want: "250 2.0.0", tls: "clear"},
		{name: "DANE: unsigned, TLSA broken", breaks: map[string]dnstest.Fault{"_25._tcp." + host: dnstest.Bogus}, want: "250 2.0.0", tls: "clear"},
		{name: "DANE: signed, without records", cert: expired, signed: true, want: "250 2.0.0", tls: "not checked"},
		// both
		{name: "DANE before MTA-STS: right", cert: misnamed, signed: true, records: []string{tlsa(host, 3, 1, 1, misnamed, 0)}, policy: enforce, want: "250 2.0.0", tls: "DANE"},
		{name: "DANE before MTA-STS: wrong", cert: good, signed: true, records: []string{tlsa(host, 3, 1, 1, other, 0)}, policy: enforce, want: waits},
		{name: "MTA-STS without DANE's records", cert: misnamed, signed: true, policy: enforce, want: waits},
		{name: "demanded, and DANE: both", cert: misnamed, signed: true, records: []string{tlsa(host, 3, 1, 1, misnamed, 0)}, target: Target{TLS: TLSRequire}, want: waits},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil, append(tt.records, "there.example. MX 10 "+host+".", host+". A 192.0.2.1", "mta-sts.there.example. A 192.0.2.3")...)
			if tt.signed {
				w.dns.Sign("example")
			}
			for name, fault := range tt.breaks {
				w.dns.Break(name, fault)
			}
			if tt.policy != "" {
				w.dns.Add(t, `_mta-sts.there.example. TXT "v=STSv1; id=1;"`)
				w.stsServer(t, "192.0.2.3:443", ca.issue(false, "mta-sts.there.example"), func() string { return httpOK(tt.policy) })
			}
			p := w.put(t, "192.0.2.1:25", &peer{cert: tt.cert, say: tt.say})
			tt.target.Domain = "there.example"
			results, _ := w.send(t, tt.target, mail(letter), "a@there.example")
			r := results[0]
			if short(results) != tt.want || tt.tls != "clear" && !strings.Contains(r.TLS, tt.tls) || tt.tls == "clear" && r.TLS != "" {
				t.Errorf("%s over %q (%q), want %s over %q", short(results), r.TLS, r.Text, tt.want, tt.tls)
			}
			if _, clear := p.met(); clear > 0 != (tt.tls == "clear") {
				t.Errorf("%d times in the clear; commands %q", clear, p.commands())
			}
			if tt.want == waits && len(p.messages()) > 0 {
				t.Error("the message has left")
			}
		})
	}
}

// TestInjection: what stands behind the reply to STARTTLS in the clear ends the connection, and no second one is tried in
// the clear.
func TestInjection(t *testing.T) {
	t.Parallel()
	for _, injected := range []string{"250 fine\r\n", "250-PIPELINING\r\n250 SIZE\r\n", "x"} {
		w := newWorld(t, nil, "there.example. A 192.0.2.1")
		cert := authority().issue(false, "there.example")
		answer := "220 go ahead\n" + strings.TrimSuffix(strings.ReplaceAll(injected, "\r\n", "\n"), "\n")
		p := w.put(t, "192.0.2.1:25", &peer{cert: cert, say: map[string]string{"STARTTLS": answer}})
		results, _ := w.send(t, Target{Domain: "there.example"}, mail(letter), "a@there.example")
		if conns, _ := p.met(); short(results) != "0 4.7.5 later" || len(p.messages()) > 0 || conns != 1 {
			t.Errorf("%q: %s, %d connections, the server has %q", injected, short(results), conns, p.messages())
		}
	}
}

// TestCapabilitiesForgotten: what the server offered before TLS does not count after it.
func TestCapabilitiesForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "there.example. A 192.0.2.1")
	p := w.put(t, "192.0.2.1:25", &peer{cert: authority().issue(false, "there.example"), extensions: []string{"SMTPUTF8"}, afterTLS: []string{"PIPELINING"}})
	m := mail(letter)
	m.UTF8 = true
	results, _ := w.send(t, Target{Domain: "there.example"}, m, "a@there.example")
	if short(results) != "0 5.6.7" || len(p.messages()) > 0 {
		t.Errorf("results %s", short(results))
	}
}
