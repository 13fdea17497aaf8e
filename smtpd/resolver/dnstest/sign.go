package dnstest

import (
	"crypto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// signatureLife is how long signatures hold, into both directions from now.
const signatureLife = time.Hour

// zoneKey signs what is in one zone.
type zoneKey struct {
	record *dns.DNSKEY
	signer crypto.Signer
	soa    dns.RR
}

// SignZone makes a key for a zone, whose answers are an authoritative server's from now on: who asks for it (the DO bit) gets signatures,
// and a signed NSEC record where there is nothing. Names that do not exist are said to exist without records, which is how servers do it
// that sign when they are asked. It returns the DS record that a validating resolver is told to trust. RFC 4034, RFC 4035 §3.1.
func (s *Server) SignZone(t testing.TB, zone string) (anchor string) {
	t.Helper()
	zone = strings.ToLower(dns.Fqdn(zone))
	k := &zoneKey{record: &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
	}}
	private, err := k.record.Generate(256)
	if err != nil {
		t.Fatalf("key of %s: %v", zone, err)
	}
	k.signer = private.(crypto.Signer)
	if k.soa, err = dns.NewRR(zone + " 600 IN SOA ns." + zone + " hostmaster." + zone + " 1 2 3 4 300"); err != nil {
		t.Fatalf("zone %s: %v", zone, err)
	}
	s.Add(t, k.soa.String(), k.record.String(), zone+" NS ns."+zone, "ns."+zone+" A 127.0.0.1")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, k)
	return k.record.ToDS(dns.SHA256).String()
}

// keyOf is the key of the zone that name is in; nil: it is not signed.
func (s *Server) keyOf(name string) *zoneKey {
	for _, k := range s.keys {
		if dns.IsSubDomain(k.record.Hdr.Name, name) {
			return k
		}
	}
	return nil
}

// sign adds signatures to m, and proves what it says is not there.
func (k *zoneKey) sign(m *dns.Msg, records map[string][]dns.RR, forged bool) {
	m.Authoritative, m.RecursionAvailable, m.AuthenticatedData = true, false, false
	if len(m.Ns) > 0 { // nothing was found at this name
		name := m.Ns[0].Header().Name
		types := []uint16{dns.TypeRRSIG, dns.TypeNSEC}
		for _, rr := range records[name] {
			types = append(types, rr.Header().Rrtype)
		}
		slices.Sort(types)
		m.Rcode = dns.RcodeSuccess
		m.Ns = []dns.RR{k.soa, &dns.NSEC{
			Hdr:        dns.RR_Header{Name: name, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: 300},
			NextDomain: `\000.` + name, TypeBitMap: slices.Compact(types),
		}}
	}
	m.Answer = append(m.Answer, k.signatures(m.Answer, forged)...)
	m.Ns = append(m.Ns, k.signatures(m.Ns, forged)...)
}

// signatures signs each set of records with the same name and type.
func (k *zoneKey) signatures(list []dns.RR, forged bool) (signatures []dns.RR) {
	now := time.Now()
	for len(list) > 0 {
		first := list[0].Header()
		other := func(rr dns.RR) bool { return rr.Header().Name != first.Name || rr.Header().Rrtype != first.Rrtype }
		set := slices.DeleteFunc(slices.Clone(list), other)
		list = slices.DeleteFunc(slices.Clone(list), func(rr dns.RR) bool { return !other(rr) })
		signature := &dns.RRSIG{
			Algorithm: k.record.Algorithm, KeyTag: k.record.KeyTag(), SignerName: k.record.Hdr.Name,
			Inception: uint32(now.Add(-signatureLife).Unix()), Expiration: uint32(now.Add(signatureLife).Unix()),
		}
		if err := signature.Sign(k.signer, set); err != nil {
			panic(err) // the key is ours, and the set is one
		}
		if forged {
			signature.Expiration++ // it signs other words
		}
		signatures = append(signatures, signature)
	}
	return signatures
}
