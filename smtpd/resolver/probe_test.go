package resolver

import (
	"testing"

	"schulhof/smtpd/resolver/dnstest"
)

// TestProbe: each server speaks for itself, whatever the others say, and is asked every time.
func TestProbe(t *testing.T) {
	t.Parallel()
	plain, signed, failing, lame := dnstest.Start(t), dnstest.Start(t, ". SOA ns. hostmaster. 1 2 3 4 300"), dnstest.Start(t), dnstest.Start(t)
	signed.Sign(".")
	failing.Break(".", dnstest.ServFail)
	lame.Break(".", dnstest.Lame)
	for _, trust := range []Trust{TrustLoopback, TrustNever} {
		r, err := New(Options{Servers: []string{plain.Address, signed.Address, failing.Address, lame.Address}, TrustAD: trust})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			got := r.Probe(t.Context())
			if len(got) != 4 || got[0].Err != nil || got[0].Validates || got[1].Err != nil || !got[1].Validates || got[2].Err == nil || got[3].Err == nil {
				t.Errorf("Probe = %+v", got)
			}
			for _, p := range got {
				if p.Trusted != (trust == TrustLoopback) {
					t.Errorf("with %q %s is trusted: %t", trust, p.Server, p.Trusted)
				}
			}
		}
	}
	if asked := plain.Asked(); len(asked) != 4 {
		t.Errorf("the first server was asked %q, want the root four times", asked)
	}
}
