package remote

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"schulhof/smtpd/tally"
	"schulhof/store"
	"schulhof/store/storetest"
)

// TestKnock: what is told apart is a way that is closed, and a domain that leads nowhere.
func TestKnock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Own = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.77:25")} },
		"open.example. MX 10 a.example.", "a.example. A 192.0.2.1",
		"second.example. MX 10 down.example.", "second.example. MX 20 a.example.", "down.example. A 192.0.2.9",
		"closed.example. MX 10 down.example.", "null.example. MX 0 .", "ours.example. A 192.0.2.77", "inside.example. A 10.1.2.3")
	met := w.put(t, "192.0.2.1:25", &peer{})
	for _, tt := range []struct {
		domain        string
		tried, worked bool
	}{
		{"open.example", true, true},
		{"second.example", true, true},
		{"closed.example", true, false},
		{"null.example", false, false},
		{"nowhere.example", false, false},
		{"ours.example", false, false},
		{"inside.example", false, false},
	} {
		tried, err := w.client.Knock(t.Context(), tt.domain)
		if tried != tt.tried || (err == nil) != tt.worked {
			t.Errorf("Knock(%s) = %t, %v, want %t and that it works: %t", tt.domain, tried, err, tt.tried, tt.worked)
		}
	}
	if said := met.commands(); len(said) != 0 {
		t.Errorf("the server was told %q", said)
	}
}

// TestContacted: the domains of the last days, each once.
func TestContacted(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	w := newWorld(t, func(o *Options) { o.Store = s })
	today := tally.Number(time.Now())
	err := s.Write(t.Context(), func(tx *store.Tx) error {
		return addCounts(tx, map[countKey]int64{
			{Day: today - 1, Domain: "old.example", Policy: policyNone}:                                                  3,
			{Day: today, Domain: "b.example", Policy: policyNone}:                                                        1,
			{Day: today, Domain: "a.example", Policy: policyNone}:                                                        1,
			{Day: today, Domain: "a.example", Policy: policyNone, Result: resultNoSTARTTLS, Host: "mx.a.example"}:        2,
			{Day: today - 1, Domain: "a.example", Policy: policyNone, Result: resultMismatch, Host: "another.a.example"}: 2,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int][]string{2: {"a.example", "b.example"}, 10: {"a.example", "b.example", "old.example"}} {
		if got, err := w.client.Contacted(t.Context(), limit); err != nil || !slices.Equal(got, want) {
			t.Errorf("Contacted(%d) = %q, %v, want %q", limit, got, err, want)
		}
	}
}
