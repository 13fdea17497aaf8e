package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"schulhof/smtpd/resolver/dnstest"

	"github.com/google/go-cmp/cmp"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newClock() *clock { return &clock{now: time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC)} }

// newResolver asks servers, whose silence it bears for 100 ms.
func newResolver(t *testing.T, c *clock, servers ...*dnstest.Server) *Resolver {
	t.Helper()
	o := Options{Timeout: 100 * time.Millisecond, Now: c.Now}
	for _, s := range servers {
		o.Servers = append(o.Servers, s.Address)
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRecords asks for every kind of record, over CNAMEs, truncation and old servers.
func TestRecords(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 250)
	many := make([]string, 20) // 5 KB: over TCP only
	for i := range many {
		many[i] = fmt.Sprintf(`many.example. TXT "%d %s"`, i, long)
	}
	s := dnstest.Start(t, append(many,
		`school.example. MX 20 b.mx.example.`, `school.example. MX 10 A.mx.example.`,
		`none.example. MX 0 .`,
		`school.example. TXT "v=spf1" " -all"`, `odd.example. TXT "a\"b\\c\200"`,
		`a.mx.example. A 192.0.2.1`, `a.mx.example. AAAA 2001:db8::1`, `b.mx.example. A 192.0.2.2`,
		`www.school.example. CNAME web.host.example.`, `web.host.example. CNAME edge.host.example.`, `edge.host.example. A 192.0.2.80`,
		`_25._tcp.a.mx.example. TLSA 3 1 1 00ff`,
		`_imaps._tcp.school.example. SRV 0 1 993 mail.school.example.`,
		`1.2.0.192.in-addr.arpa. PTR a.mx.example.`,
		`1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR six.example.`,
		`xn--grndung-o2a.example. MX 5 mx.example.`)...)
	s.Break("b.mx.example", dnstest.Truncated)
	s.Break("edge.host.example", dnstest.NoEDNS)
	s.Break("www.school.example", dnstest.Unfollowed)
	s.Break("odd.example", dnstest.NoEDNS)
	r := newResolver(t, newClock(), s)
	ctx := t.Context()
	tests := []struct {
		name string
		ask  func() (string, error)
		want string
	}{
		{"MX, the preferred first", func() (string, error) { return hosts(r.LookupMX(ctx, "school.example")) }, "10 A.mx.example. 20 b.mx.example."},
		{"the null MX", func() (string, error) { return hosts(r.LookupMX(ctx, "none.example.")) }, "0 ."},
		{"a name in Unicode and capitals", func() (string, error) { return hosts(r.LookupMX(ctx, "GRÜNDUNG.example")) }, "5 mx.example."},
		{"the strings of a text are joined", func() (string, error) { return joined(r.LookupTXT(ctx, "school.example")) }, "v=spf1 -all"},
		{"escapes become bytes", func() (string, error) { return joined(r.LookupTXT(ctx, "odd.example")) }, "a\"b\\c\xc8"},
		{"both kinds of address", func() (string, error) { return addresses(r.LookupIPAddr(ctx, "a.mx.example")) }, "2001:db8::1 192.0.2.1"},
		{"an answer that came over TCP", func() (string, error) { return addresses(r.LookupIPAddr(ctx, "b.mx.example")) }, "192.0.2.2"},
		{"one kind of address", func() (string, error) { return join(r.LookupNetIP(ctx, "ip4", "a.mx.example")) }, "192.0.2.1"},
		{"the other kind", func() (string, error) { return join(r.LookupNetIP(ctx, "ip6", "a.mx.example")) }, "2001:db8::1"},
		{"an address is its own", func() (string, error) { return addresses(r.LookupIPAddr(ctx, "192.0.2.9")) }, "192.0.2.9"},
		{"aliases that the server does not follow", func() (string, error) { return addresses(r.LookupIPAddr(ctx, "www.school.example")) }, "192.0.2.80"},
		{"the end of aliases", func() (string, error) {
			found, err := r.Addresses(ctx, "www.school.example")
			return found.Name, err
		}, "edge.host.example."},
		{"an alias itself", func() (string, error) {
			found, err := r.CNAME(ctx, "www.school.example")
			return joined(found.Records, err)
		}, "web.host.example."},
		{"TLSA", func() (string, error) {
			found, err := r.TLSA(ctx, "_25._tcp.a.mx.example")
			return fmt.Sprint(found.Records), err
		}, "[{3 1 1 [0 255]}]"},
		{"SRV", func() (string, error) {
			found, err := r.SRV(ctx, "_imaps._tcp.school.example")
			return fmt.Sprintf("%+v", *found.Records[0]), err
		}, "{Target:mail.school.example. Port:993 Priority:0 Weight:1}"},
		{"PTR of IPv4", func() (string, error) { return joined(r.LookupAddr(ctx, "192.0.2.1")) }, "a.mx.example."},
		{"PTR of IPv4 in IPv6", func() (string, error) { return joined(r.LookupAddr(ctx, "::ffff:192.0.2.1")) }, "a.mx.example."},
		{"PTR of IPv6", func() (string, error) { return joined(r.LookupAddr(ctx, "2001:db8::1")) }, "six.example."},
		{"many texts over TCP", func() (string, error) {
			texts, err := r.LookupTXT(ctx, "many.example")
			return fmt.Sprint(len(texts)), err
		}, "20"},
	}
	for _, tt := range tests {
		got, err := tt.ask()
		if err != nil || got != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func hosts(mx []*net.MX, err error) (string, error) {
	var texts []string
	for _, m := range mx {
		texts = append(texts, fmt.Sprint(m.Pref, " ", m.Host))
	}
	return strings.Join(texts, " "), err
}

func joined(texts []string, err error) (string, error) { return strings.Join(texts, " "), err }

func join(ips []netip.Addr, err error) (string, error) {
	var texts []string
	for _, ip := range ips {
		texts = append(texts, ip.String())
	}
	return strings.Join(texts, " "), err
}

func addresses(ips []net.IPAddr, err error) (string, error) {
	var texts []string
	for _, ip := range ips {
		texts = append(texts, ip.String())
	}
	return strings.Join(texts, " "), err
}

// TestFaults: what is known not to exist is told from what is not known now, for every fault a server can have.
func TestFaults(t *testing.T) {
	t.Parallel()
	s := dnstest.Start(t, `there.example. A 192.0.2.1`,
		`loop.example. CNAME pool.example.`, `pool.example. CNAME loop.example.`, `self.example. CNAME self.example.`,
		`dangling.example. CNAME gone.example.`, `empty.example. CNAME there.example.`,
		`huge.example. TXT "`+strings.Repeat(`x" "`, 1)+strings.Repeat(strings.Repeat("y", 250)+`" "`, 250)+`"`,
		`mixed.example. TXT "short"`, `mixed.example. TXT "`+strings.Repeat(strings.Repeat("y", 250)+`" "`, 20)+`"`,
		`bad.example. MX 10 bad\ name.example.`)
	for i := range 12 {
		s.Add(t, fmt.Sprintf("chain%d.example. CNAME chain%d.example.", i, i+1))
	}
	for name, fault := range map[string]dnstest.Fault{
		"servfail": dnstest.ServFail, "bogus": dnstest.Bogus, "refused": dnstest.Refused, "silent": dnstest.Silent, "lame": dnstest.Lame,
		"cut": dnstest.Cut, "garbage": dnstest.Garbage, "foreign": dnstest.Foreign, "hangup": dnstest.HangUp,
	} {
		s.Break(name+".example", fault)
	}
	s.Break("slowloop.example", dnstest.Unfollowed)
	s.Add(t, "slowloop.example. CNAME slowloop.example.")
	r := newResolver(t, newClock(), s)
	tests := []struct {
		name               string
		missing, temporary bool
		timeout            bool
		text               string
	}{
		{"nowhere.example/MX", true, false, false, "no such name"},
		{"there.example/MX", true, false, false, "no such record"},
		{"empty.example/MX", true, false, false, "no such record"},
		{"dangling.example/MX", true, false, false, "no such name"},
		{"/MX", true, false, false, "no valid name"},
		{"./MX", true, false, false, "no valid name"},
		{"a..example/MX", true, false, false, "no valid name"},
		{"a b.example/MX", true, false, false, "no valid name"},
		{strings.Repeat("a", 64) + ".example/MX", true, false, false, "no valid name"},
		{strings.Repeat("abcdefg.", 32) + "example/MX", true, false, false, "no valid name"},
		{"\xff.example/MX", true, false, false, "no valid name"},
		{"servfail.example/MX", false, true, false, "server answers SERVFAIL"},
		{"bogus.example/MX", false, true, false, "SERVFAIL (DNSSEC Bogus: signature? crypto failed)"},
		{"refused.example/MX", false, true, false, "server answers REFUSED"},
		{"silent.example/MX", false, true, true, "does not answer"},
		{"lame.example/MX", false, true, false, "refers to others"},
		{"cut.example/MX", false, true, false, "does not fit"},
		{"garbage.example/MX", false, true, false, "no DNS message"},
		{"foreign.example/MX", false, true, false, "does not belong"},
		{"hangup.example/MX", false, true, false, ""},
		{"loop.example/MX", false, true, false, "a loop"},
		{"self.example/MX", false, true, false, "a loop"},
		{"slowloop.example/MX", false, true, false, "a loop"},
		{"chain0.example/MX", false, true, false, "too many aliases"},
		{"huge.example/TXT", false, true, false, "too long"},
		{"bad.example/MX", false, true, false, "malformed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			name, kind, _ := strings.Cut(tt.name, "/")
			var err error
			if kind == "TXT" {
				_, err = r.LookupTXT(t.Context(), name)
			} else {
				_, err = r.LookupMX(t.Context(), name)
			}
			var known *net.DNSError
			if !errors.As(err, &known) {
				t.Fatalf("%s: %v, want a DNSError", tt.name, err)
			}
			if known.IsNotFound != tt.missing || known.IsTemporary != tt.temporary || known.IsTimeout != tt.timeout || !strings.Contains(known.Err, tt.text) {
				t.Errorf("%s: %v (not found %t, temporary %t, timeout %t), want %q", tt.name, err, known.IsNotFound, known.IsTemporary, known.IsTimeout, tt.text)
			}
		})
	}
	if texts, err := r.LookupTXT(t.Context(), "mixed.example"); err != nil || !cmp.Equal(texts, []string{"short"}) {
		t.Errorf("a text that is too long beside another: %q, %v", texts, err)
	}
}

// TestServers: a server that fails is made up for by the next, and is asked last from then on.
func TestServers(t *testing.T) {
	t.Parallel()
	for _, fault := range []dnstest.Fault{dnstest.Silent, dnstest.ServFail, dnstest.Refused, dnstest.Lame, dnstest.Garbage, dnstest.HangUp} {
		broken, good := dnstest.Start(t), dnstest.Start(t, "a.example. A 192.0.2.1", "b.example. A 192.0.2.2")
		for _, name := range []string{"a.example", "b.example"} {
			broken.Break(name, fault)
		}
		r := newResolver(t, newClock(), broken, good)
		if _, err := r.LookupIPAddr(t.Context(), "a.example"); err != nil {
			t.Errorf("fault %d: %v", fault, err)
		}
		before := len(broken.Asked())
		if _, err := r.LookupIPAddr(t.Context(), "b.example"); err != nil || len(broken.Asked()) != before {
			t.Errorf("fault %d: %v; the broken server was asked for %q", fault, err, broken.Asked())
		}
	}
	silent := dnstest.Start(t)
	silent.Break("a.example", dnstest.Silent)
	r := newResolver(t, newClock(), silent)
	if _, err := r.LookupMX(t.Context(), "a.example"); err == nil || len(silent.Asked()) != rounds {
		t.Errorf("a silent server: %v, asked %q", err, silent.Asked())
	}
	ctx, cancel := context.WithCancel(t.Context())
	patient, err := New(Options{Servers: []string{silent.Address}, Timeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	go func() { silent.Wait(t, "stop.example/MX"); cancel() }()
	silent.Break("stop.example", dnstest.Silent)
	if _, err := patient.LookupMX(ctx, "stop.example"); !errors.Is(err, context.Canceled) {
		t.Errorf("a lookup whose context ended: %v", err)
	}
}

// TestSecure: the AD bit counts for the whole chain, from servers that are believed.
func TestSecure(t *testing.T) {
	t.Parallel()
	s := dnstest.Start(t, "a.signed.example. A 192.0.2.1", "b.signed.example. CNAME c.example.", "c.example. A 192.0.2.2",
		"half.signed.example. A 192.0.2.3", "step.signed.example. CNAME c.example.")
	s.Sign("signed.example")
	s.Break("half.signed.example/AAAA", dnstest.ServFail)
	s.Break("step.signed.example", dnstest.Unfollowed)
	for _, tt := range []struct {
		name  string
		trust Trust
		want  bool
	}{
		{"a.signed.example", TrustLoopback, true}, {"a.signed.example", "", true}, {"a.signed.example", TrustAlways, true},
		{"a.signed.example", TrustNever, false}, {"b.signed.example", "", false}, {"c.example", "", false}, {"step.signed.example", "", false},
		{"missing.signed.example", "", true}, {"missing.example", "", false}, {"half.signed.example", "", true},
	} {
		r, err := New(Options{Servers: []string{s.Address}, TrustAD: tt.trust})
		if err != nil {
			t.Fatal(err)
		}
		found, err := r.Addresses(t.Context(), tt.name)
		if found.Secure != tt.want || err != nil && strings.HasPrefix(tt.name, "a.") {
			t.Errorf("%s with trust %q: secure = %t, %v, want %t", tt.name, tt.trust, found.Secure, err, tt.want)
		}
		if r.Validates() != (tt.trust != TrustNever) {
			t.Errorf("trust %q: Validates() = %t", tt.trust, r.Validates())
		}
	}
	r, err := New(Options{Servers: []string{s.Address}})
	if err != nil {
		t.Fatal(err)
	}
	found, err := r.Addresses(t.Context(), "half.signed.example")
	if err == nil || len(found.Records) != 1 || found.Records[0] != netip.MustParseAddr("192.0.2.3") {
		t.Errorf("one kind of address could not be asked for: %v, %v", found, err)
	}
	if list, err := r.LookupIPAddr(t.Context(), "half.signed.example"); err == nil || list != nil {
		t.Errorf("LookupIPAddr with half an answer: %v, %v", list, err)
	}
}

// TestOptions: what is no server is refused; without any, resolv.conf counts and is read again when it changes.
func TestOptions(t *testing.T) {
	for _, bad := range []Options{
		{Servers: []string{"dns.example"}}, {Servers: []string{"192.0.2.1:0"}}, {Servers: []string{""}}, {Servers: []string{"dns.example:53"}},
		{Servers: make([]string, maxServers+1)}, {TrustAD: "sometimes"},
	} {
		if _, err := New(bad); err == nil {
			t.Errorf("New(%+v) = nil, want an error", bad)
		}
	}
	r, err := New(Options{Servers: []string{"192.0.2.1", "2001:db8::1", "[::1]:5353"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []server{{"192.0.2.1:53", false}, {"[2001:db8::1]:53", false}, {"[::1]:5353", true}}
	if diff := cmp.Diff(want, r.current(), cmp.AllowUnexported(server{})); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
}
