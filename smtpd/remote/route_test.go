package remote

import (
	"net/netip"
	"strings"
	"testing"

	"schulhof/smtpd/resolver/dnstest"
)

// TestRoutes: where a domain's mail goes, and what is said where it cannot go. "via" lists who may get it.
func TestRoutes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		records []string
		breaks  map[string]dnstest.Fault
		domain  string // "" for there.example
		want    string
		via     string // the host that took it, or about whom something is said; alternatives with "|"
		text    string
	}{
		{name: "the most preferred", records: []string{"there.example. MX 20 b.example.", "there.example. MX 10 a.example."}, want: "250 2.0.0", via: "a.example"},
		{name: "one that is down is passed over", records: []string{"there.example. MX 10 down.example.", "there.example. MX 20 b.example."}, want: "250 2.0.0", via: "b.example"},
		{name: "one that does not exist is passed over", records: []string{"there.example. MX 10 nobody.example.", "there.example. MX 20 b.example."}, want: "250 2.0.0", via: "b.example"},
		{name: "equal ones", records: []string{"there.example. MX 10 a.example.", "there.example. MX 10 b.example."}, want: "250 2.0.0", via: "a.example|b.example"},
		{name: "no MX: the domain itself", records: []string{"there.example. A 192.0.2.1"}, want: "250 2.0.0", via: "there.example"},
		{name: "no MX: IPv6 only", records: []string{"there.example. AAAA 2001:db8::1"}, want: "250 2.0.0", via: "there.example"},
		{name: "an IPv6 address that is down", records: []string{"there.example. AAAA 2001:db8::dead", "there.example. A 192.0.2.1"}, want: "250 2.0.0", via: "there.example"},
		{name: "an alias of the domain", records: []string{"there.example. CNAME real.example.", "real.example. MX 10 a.example."}, want: "250 2.0.0", via: "a.example"},
		{name: "an alias as the server", records: []string{"there.example. MX 10 alias.example.", "alias.example. CNAME a.example."}, want: "250 2.0.0", via: "alias.example"},
		{name: "capitals and other letters", domain: "GRÜNDUNG.example.", records: []string{"xn--grndung-o2a.example. MX 10 A.Example."}, want: "250 2.0.0", via: "a.example"},
		{name: "an address literal", domain: "[192.0.2.1]", want: "250 2.0.0", via: "192.0.2.1"},
		{name: "an address literal of IPv6", domain: "[IPv6:2001:db8::1]", want: "250 2.0.0", via: "2001:db8::1"},
		{name: "null MX", records: []string{"there.example. MX 0 ."}, want: "556 5.1.10", text: "takes no mail"},
		{name: "null MX beside another", records: []string{"there.example. MX 0 .", "there.example. MX 10 a.example."}, want: "250 2.0.0", via: "a.example"},
		{name: "no such domain", domain: "nowhere.example", want: "0 5.1.2", via: "nowhere.example", text: "known to the DNS"},
		{name: "a domain without a server", records: []string{"there.example. TXT x"}, want: "0 5.1.2", via: "there.example"},
		{name: "not a domain", domain: "a..b", want: "0 5.1.2", via: "a..b"},
		{name: "not an address literal", domain: "[192.0.2.300]", want: "0 5.1.2"},
		{name: "no end of an address literal", domain: "[192.0.2.1", want: "0 5.1.2"},
		{name: "the DNS fails for MX", breaks: map[string]dnstest.Fault{"there.example/MX": dnstest.ServFail}, records: []string{"there.example. A 192.0.2.1"}, want: "0 4.4.3 later"},
		{name: "the DNS says nothing", breaks: map[string]dnstest.Fault{"there.example": dnstest.Silent}, want: "0 4.4.3 later"},
		{name: "bogus signatures", breaks: map[string]dnstest.Fault{"there.example": dnstest.Bogus}, want: "0 4.4.3 later"},
		{name: "lame servers", breaks: map[string]dnstest.Fault{"there.example": dnstest.Lame}, want: "0 4.4.3 later"},
		{name: "the DNS fails for addresses", breaks: map[string]dnstest.Fault{"a.example": dnstest.ServFail}, records: []string{"there.example. MX 10 a.example."}, want: "0 4.4.3 later", via: "a.example"},
		{name: "the DNS fails for IPv6 only", breaks: map[string]dnstest.Fault{"a.example/AAAA": dnstest.ServFail}, records: []string{"there.example. MX 10 a.example."}, want: "250 2.0.0", via: "a.example"},
		{name: "one server does not exist, the other is unknown now", breaks: map[string]dnstest.Fault{"b.example": dnstest.ServFail},
			records: []string{"there.example. MX 10 nobody.example.", "there.example. MX 20 b.example."}, want: "0 4.4.3 later", via: "b.example"},
		{name: "a loop of aliases", records: []string{"there.example. CNAME loop.example.", "loop.example. CNAME there.example."}, want: "0 4.4.3 later"},
		{name: "all are down", records: []string{"there.example. MX 10 down.example."}, want: "0 4.4.1 later", via: "down.example"},
		{name: "we are the server", records: []string{"there.example. MX 10 US.example."}, want: "0 5.4.6", text: "come back"},
		{name: "we are the backup: the better ones count", records: []string{"there.example. MX 10 a.example.", "there.example. MX 20 us.example.", "there.example. MX 30 b.example."}, want: "250 2.0.0", via: "a.example"},
		{name: "we are the best", records: []string{"there.example. MX 10 b.example.", "there.example. MX 10 us.example.", "there.example. MX 30 a.example."}, want: "0 5.4.6"},
		{name: "our address under another name", records: []string{"there.example. MX 10 own.example.", "own.example. A 192.0.2.77"}, want: "0 5.4.6", via: "own.example"},
		{name: "our own name without MX", domain: "us.example", records: []string{"us.example. A 192.0.2.77"}, want: "0 5.4.6"},
		{name: "a private address", records: []string{"there.example. MX 10 inner.example.", "inner.example. A 10.1.2.3"}, want: "0 4.4.4 later", via: "inner.example", text: "outgoing.networks"},
		{name: "a loopback address", records: []string{"there.example. A 127.0.0.1"}, want: "0 4.4.4 later", via: "there.example"},
		{name: "a loopback address literal", domain: "[127.0.0.1]", want: "0 4.4.4 later", via: "127.0.0.1"},
		{name: "a private address that is allowed", records: []string{"there.example. A 10.9.0.1"}, want: "250 2.0.0", via: "there.example"},
		{name: "a private address beside a public one", records: []string{"there.example. A 10.1.2.3", "there.example. A 192.0.2.1"}, want: "250 2.0.0", via: "there.example"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *Options) {
				o.Own = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.77:25")}
				o.Networks = []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}
			}, append(tt.records, "a.example. A 192.0.2.1", "b.example. A 192.0.2.2", "down.example. A 192.0.2.9", "down.example. AAAA 2001:db8::dead")...)
			for name, fault := range tt.breaks {
				w.dns.Break(name, fault)
			}
			for _, at := range []string{"192.0.2.1:25", "192.0.2.2:25", "[2001:db8::1]:25", "10.1.2.3:25", "10.9.0.1:25", "127.0.0.1:25"} {
				w.put(t, at, &peer{})
			}
			domain := tt.domain
			if domain == "" {
				domain = "there.example"
			}
			results, _ := w.send(t, Target{Domain: domain}, mail(letter), "a@"+domain)
			r := results[0]
			via := false
			for _, host := range strings.Split(tt.via, "|") {
				via = via || r.Host == host
			}
			if got := short(results); got != tt.want || !via || !strings.Contains(r.Text, tt.text) {
				t.Errorf("%q by %q: %q, want %q by %q: %q", got, r.Host, r.Text, tt.want, tt.via, tt.text)
			}
		})
	}
}

// TestEqualPreference: servers of equal preference share the work.
func TestEqualPreference(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "there.example. MX 10 a.example.", "there.example. MX 10 b.example.", "there.example. MX 5 c.example.")
	first := map[string]int{}
	for range 200 {
		hosts, err := w.client.route(t.Context(), Target{Domain: "there.example"})
		if err != nil || len(hosts) != 3 || hosts[0].name != "c.example" {
			t.Fatalf("route = %v, %v", hosts, err)
		}
		first[hosts[1].name]++
	}
	if first["a.example"] == 0 || first["b.example"] == 0 { // 200 times the same: once in 2^199
		t.Errorf("second places: %v", first)
	}
}

// TestTried: a domain with very many servers does not keep an attempt busy for ever.
func TestTried(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for i := range 40 {
		w.dns.Add(t, "there.example. MX 10 mx"+string(rune('a'+i%26))+string(rune('a'+i/26))+".example.")
		for j := range 10 {
			w.dns.Add(t, "mx"+string(rune('a'+i%26))+string(rune('a'+i/26))+".example. A 192.0.2."+string(rune('0'+j)))
		}
	}
	results, _ := w.send(t, Target{Domain: "there.example"}, mail(letter), "a@there.example")
	if short(results) != "0 4.4.1 later" {
		t.Errorf("results %q", short(results))
	}
}

// TestPublic: which addresses are on the internet.
func TestPublic(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"192.0.2.1": true, "8.8.8.8": true, "2001:db8::1": true, "2a00::1": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "100.64.0.1": false, "100.128.0.1": true, "127.0.0.1": false, "127.255.255.255": false,
		"169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false, "172.32.0.1": true, "192.168.1.1": false, "192.0.0.1": false,
		"198.18.0.1": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:8.8.8.8": true, "::7f00:1": false, "64:ff9b::7f00:1": false, "64:ff9b::a00:1": false,
		"64:ff9b::808:808": true, "64:ff9b:1::1": false, "2002:7f00:1::": false, "2002:808:808::": true, "fe80::1": false, "fe80::1%eth0": false,
		"fec0::1": false, "fc00::1": false, "fd12::1": false, "ff02::1": false, "100::1": false,
	} {
		if got := isPublic(netip.MustParseAddr(address)); got != want {
			t.Errorf("isPublic(%s) = %t, want %t", address, got, want)
		}
	}
	if isPublic(netip.Addr{}) {
		t.Error("no address at all is public")
	}
}
