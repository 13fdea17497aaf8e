package remote

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"schulhof/smtpd/resolver"
	"schulhof/smtpd/resolver/dnstest"
)

// TestDANEFor: at which name the records of a server are looked for, and when there can be none. RFC 7672 §2.2.
func TestDANEFor(t *testing.T) {
	t.Parallel()
	const wait, none = "wait", "none"
	record := " TLSA 3 1 1 " + strings.Repeat("ab", 32)
	at := func(name string) string { return "_25._tcp." + name + "." + record }
	const mx, alias, out, in, plain = "mx.there.example", "alias.there.example", "out.there.example", "in.plain.test", "mx.plain.test"
	for _, tt := range []struct {
		name     string
		host     string
		unsigned bool // nobody has signed that mail goes to this host
		records  []string
		breaks   string
		want     string // the name with the records
	}{
		{"the host's own", mx, false, []string{at(mx)}, "", mx},
		{"none", mx, false, nil, "", none},
		{"the way there is not signed", mx, true, []string{at(mx)}, "", none},
		{"on another port", mx, false, []string{"_465._tcp." + mx + "." + record}, "", none},
		{"the end of an alias", alias, false, []string{at(mx)}, "", mx},
		{"the alias", alias, false, []string{at(alias)}, "", alias},
		{"the end before the alias", alias, false, []string{at(mx), at(alias)}, "", mx},
		{"a signed alias of what is not signed", out, false, []string{at(out)}, "", out},
		{"the same without records", out, false, nil, "", none},
		{"the same, records at its end", out, false, []string{at(plain)}, "", none},
		{"an alias that is not signed", in, false, []string{at(mx), at(in)}, "", none},
		{"a host that is not signed", plain, false, []string{at(plain)}, "", none},
		{"records that lead away", mx, false, []string{"_25._tcp." + mx + ". CNAME tlsa.plain.test.", "tlsa.plain.test." + record}, "", none},
		{"records that stand elsewhere", mx, false, []string{"_25._tcp." + mx + ". CNAME tlsa.other.example.", "tlsa.other.example." + record}, "", mx},
		{"no answer", mx, false, []string{at(mx)}, "_25._tcp." + mx, wait},
		{"no answer at the end of an alias", alias, false, []string{at(alias)}, "_25._tcp." + mx, wait},
		{"no answer at the alias", alias, false, nil, "_25._tcp." + alias, wait},
		{"no answer about the alias", out, false, []string{at(out)}, out + "/CNAME", wait},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil, append(tt.records, mx+". A 192.0.2.1", plain+". A 192.0.2.2", alias+". CNAME "+mx+".", out+". CNAME "+plain+".", in+". CNAME "+mx+".")...)
			w.dns.Sign("example")
			if tt.breaks != "" {
				w.dns.Break(tt.breaks, dnstest.ServFail)
			}
			h := host{name: tt.host, port: 25, secure: !tt.unsigned}
			found, err := w.client.addresses(t.Context(), h)
			if err != nil || len(found.Records) != 1 {
				t.Fatalf("addresses %v, %v", found, err)
			}
			d, err := w.client.daneFor(t.Context(), h, found)
			got := none
			switch {
			case err != nil:
				var e *Error
				if got = wait; !errors.As(err, &e) || !e.Temporary || e.Enhanced != "4.7.5" {
					t.Errorf("error %v", err)
				}
			case d != nil:
				if got = d.base; len(d.records) != 1 || d.also[0] != tt.host {
					t.Errorf("dane %+v", d)
				}
			}
			if got != tt.want {
				t.Errorf("records at %s (%v), want %s", got, err, tt.want)
			}
		})
	}
}

// TestDANEBounds: an address has no records, a resolver that checks no signatures is not asked, and of very many records some count.
func TestDANEBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "mx.there.example. A 192.0.2.1")
	w.dns.Sign("example")
	for i := range 2 * maxTLSA {
		w.dns.Add(t, "_25._tcp.mx.there.example. TLSA 3 1 1 "+strings.Repeat(string("0123456789abcdef"[i%16])+string("0123456789abcdef"[i/16]), 32))
	}
	h := host{name: "mx.there.example", port: 25, secure: true}
	found, err := w.client.addresses(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := w.client.daneFor(t.Context(), h, found); err != nil || d == nil || len(d.records) != maxTLSA {
		t.Errorf("dane %v, %v", d, err)
	}
	if d, err := w.client.daneFor(t.Context(), host{name: "192.0.2.1", port: 25, secure: true, ip: netip.MustParseAddr("192.0.2.1")}, found); err != nil || d != nil {
		t.Errorf("an address: %v, %v", d, err)
	}
	w.client.o.Resolver, err = resolver.New(resolver.Options{Servers: []string{w.dns.Address}, TrustAD: resolver.TrustNever})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := w.client.daneFor(t.Context(), h, found); err != nil || d != nil {
		t.Errorf("a resolver that checks nothing: %v, %v", d, err)
	}
}

// TestUsableTLSA: which records say something in mail. RFC 7672 §3.1, RFC 6698 §2.1.
func TestUsableTLSA(t *testing.T) {
	t.Parallel()
	for usage := range uint8(6) {
		for selector := range uint8(4) {
			for matching := range uint8(5) {
				for _, n := range []int{0, 1, 31, 32, 33, 63, 64, 65, 500} {
					want := (usage == 2 || usage == 3) && (selector == 0 || selector == 1) && (matching == 0 && n > 0 || matching == 1 && n == 32 || matching == 2 && n == 64)
					if got := usableTLSA(resolver.TLSA{Usage: usage, Selector: selector, Matching: matching, Data: make([]byte, n)}); got != want {
						t.Errorf("%d %d %d with %d bytes: %t", usage, selector, matching, n, got)
					}
				}
			}
		}
	}
	if usableTLSA(resolver.TLSA{Usage: 255, Selector: 1, Matching: 1, Data: make([]byte, 32)}) { // PrivCert
		t.Error("a private usage")
	}
}

// TestDANECheck: which certificates fit which records. RFC 7672 §3.1, §3.2.
func TestDANECheck(t *testing.T) {
	t.Parallel()
	const name = "mx.there.example"
	ca, now := authority(), time.Now()
	cert, expired, misnamed := ca.issue(false, name), ca.issue(true, name), ca.issue(false, "else.example")
	ofAlias := ca.issue(false, "alias.there.example")
	raw := func(usage, selector uint8, data []byte) resolver.TLSA {
		return resolver.TLSA{Usage: usage, Selector: selector, Data: data}
	}
	leaf := func(c *tls.Certificate) resolver.TLSA { return raw(3, 0, c.Certificate[0]) }
	anchor, anchorKey := raw(2, 0, ca.cert.Raw), raw(2, 1, ca.cert.RawSubjectPublicKeyInfo)
	unusable := resolver.TLSA{Usage: 1, Selector: 1, Matching: 1, Data: make([]byte, 32)}
	wrong := resolver.TLSA{Usage: 3, Selector: 1, Matching: 1, Data: make([]byte, 32)}
	for _, tt := range []struct {
		name    string
		cert    *tls.Certificate
		short   bool // the server leaves the authority's certificate out
		records []resolver.TLSA
		want    error
	}{
		{"the certificate", cert, false, []resolver.TLSA{leaf(cert)}, nil},
		{"an expired one", expired, false, []resolver.TLSA{leaf(expired)}, nil},
		{"one with another name", misnamed, false, []resolver.TLSA{leaf(misnamed)}, nil},
		{"another one", cert, false, []resolver.TLSA{leaf(misnamed)}, errTLSA},
		{"its authority as if it were the server's", cert, false, []resolver.TLSA{raw(3, 0, ca.cert.Raw)}, errTLSA},
		{"a certificate where a key is meant", cert, false, []resolver.TLSA{raw(3, 1, cert.Certificate[0])}, errTLSA},
		{"the authority", cert, false, []resolver.TLSA{anchor}, nil},
		{"the authority's key", cert, false, []resolver.TLSA{anchorKey}, nil},
		{"the authority, under an expired one", expired, false, []resolver.TLSA{anchor}, errNotProven},
		{"the authority, under another name", misnamed, false, []resolver.TLSA{anchor}, errNotProven},
		{"the authority, under the alias", ofAlias, false, []resolver.TLSA{anchor}, nil},
		{"the authority, which is left out", cert, true, []resolver.TLSA{anchor}, nil},
		{"the authority's key, which is left out", cert, true, []resolver.TLSA{anchorKey}, errTLSA},
		{"the certificate as its own authority", cert, false, []resolver.TLSA{raw(2, 0, cert.Certificate[0])}, nil},
		{"the same with another name", misnamed, false, []resolver.TLSA{raw(2, 0, misnamed.Certificate[0])}, errNotProven},
		{"an authority of that name", cert, true, []resolver.TLSA{raw(2, 0, makeAuthority("Test CA").cert.Raw)}, errNotProven},
		{"an authority that is no certificate", cert, true, []resolver.TLSA{raw(2, 0, []byte("x"))}, errTLSA},
		{"a wrong one before the right one", cert, false, []resolver.TLSA{wrong, anchor}, nil},
		{"a wrong one behind the right one", cert, false, []resolver.TLSA{anchor, wrong}, nil},
		{"nothing that can be used", misnamed, false, []resolver.TLSA{unusable, unusable}, nil},
		{"a wrong one beside what cannot be used", cert, false, []resolver.TLSA{unusable, wrong, unusable}, errTLSA},
		{"no certificate at all", nil, false, []resolver.TLSA{leaf(cert)}, errTLSA},
		{"no certificate, an authority", nil, false, []resolver.TLSA{anchor}, errTLSA},
	} {
		var state tls.ConnectionState
		if tt.cert != nil {
			state.PeerCertificates = []*x509.Certificate{tt.cert.Leaf, ca.cert}
		}
		if tt.short {
			state.PeerCertificates = state.PeerCertificates[:1]
		}
		d := &dane{base: name, also: []string{"alias.there.example"}, records: tt.records}
		if err := d.check(state, now); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}
