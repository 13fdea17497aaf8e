package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/smtpd/resolver/dnstest"

	"github.com/miekg/dns"
)

// patient asks servers that always answer, so that no timeout of its own ends a test on a busy machine.
func patient(t *testing.T, servers ...*dnstest.Server) *Resolver {
	t.Helper()
	o := Options{Timeout: time.Minute, Now: newClock().Now}
	for _, s := range servers {
		o.Servers = append(o.Servers, s.Address)
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// records reads lines of a zone file.
func records(t testing.TB, lines ...string) (list []dns.RR) {
	t.Helper()
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Errorf("record %q: %v", line, err)
		}
		list = append(list, rr)
	}
	return list
}

// shape is a reply, section by section.
type shape struct {
	rcode                 int
	authoritative         bool
	answer, ns, extra     []string
	truncated, unreplying bool
}

func (s shape) reply(t testing.TB, query *dns.Msg) *dns.Msg {
	m := new(dns.Msg).SetReply(query)
	m.Rcode, m.Authoritative, m.Truncated, m.Response = s.rcode, s.authoritative, s.truncated, !s.unreplying
	m.Answer, m.Ns, m.Extra = records(t, s.answer...), records(t, s.ns...), records(t, s.extra...)
	return m
}

const (
	goodA = "x.example. 60 A 192.0.2.1"
	soa   = "example. 600 SOA ns. hostmaster. 1 2 3 4 300"
	aOfY  = "y.example. 50 A 192.0.2.1"
)

// TestShapes: which part of a reply is believed, and for how long. The question is always that for the IPv4 addresses of x.example.
func TestShapes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		shape
		want string // the addresses, or part of the error
		ttl  time.Duration
	}{
		{"one record", shape{answer: []string{goodA}}, "192.0.2.1", time.Minute},
		{"two with different times", shape{answer: []string{goodA, "x.example. 30 A 192.0.2.2"}}, "192.0.2.1 192.0.2.2", 30 * time.Second},
		{"in capitals", shape{answer: []string{"X.EXAMPLE. 60 A 192.0.2.1"}}, "192.0.2.1", time.Minute},
		{"beside another name's", shape{answer: []string{"y.example. 1 A 192.0.2.66", goodA}}, "192.0.2.1", time.Minute},
		{"beside another type's", shape{answer: []string{"x.example. 1 AAAA 2001:db8::66", goodA, "x.example. 1 TXT a"}}, "192.0.2.1", time.Minute},
		{"beside another class's", shape{answer: []string{"x.example. 1 CH A 192.0.2.66", goodA}}, "192.0.2.1", time.Minute},
		{"another name's only", shape{answer: []string{"y.example. 60 A 192.0.2.66"}, ns: []string{soa}}, "no such record", 300 * time.Second},
		{"another class's only", shape{answer: []string{"x.example. 60 CH A 192.0.2.66"}, ns: []string{soa}}, "no such record", 300 * time.Second},
		{"in the authority section", shape{ns: []string{goodA, soa}}, "no such record", 300 * time.Second},
		{"in the additional section", shape{extra: []string{goodA}, ns: []string{soa}}, "no such record", 300 * time.Second},
		{"an alias", shape{answer: []string{"x.example. 40 CNAME y.example.", aOfY}}, "192.0.2.1", 40 * time.Second},
		{"an alias that lasts longer than what it leads to", shape{answer: []string{"x.example. 90 CNAME y.example.", aOfY}}, "192.0.2.1", 50 * time.Second},
		{"aliases in no order", shape{answer: []string{aOfY, "z.example. 70 CNAME y.example.", "x.example. 80 CNAME Z.example."}}, "192.0.2.1", 50 * time.Second},
		{"an alias of another class", shape{answer: []string{"x.example. 1 CH CNAME y.example.", goodA}}, "192.0.2.1", time.Minute},
		{"an alias that nobody asked about", shape{answer: []string{"w.example. 1 CNAME x.example.", goodA}}, "192.0.2.1", time.Minute},
		{"an alias without a target", shape{rcode: dns.RcodeNameError, answer: []string{"x.example. 90 CNAME y.example."}, ns: []string{soa}}, "no such name", 90 * time.Second},
		{"an alias of what has no such record", shape{answer: []string{"x.example. 900 CNAME y.example."}, ns: []string{soa}}, "no such record", 300 * time.Second},
		{"two aliases in a circle", shape{answer: []string{"x.example. 60 CNAME y.example.", "y.example. 60 CNAME x.example."}}, "a loop of them", 0},
		{"a time of 0", shape{answer: []string{"x.example. 0 A 192.0.2.1"}}, "192.0.2.1", 0},
		{"the longest time", shape{answer: []string{"x.example. 2147483647 A 192.0.2.1"}}, "192.0.2.1", maxTTL},
		{"a time with the highest bit, which counts as 0", shape{answer: []string{"x.example. 2147483648 A 192.0.2.1"}}, "192.0.2.1", 0},
		{"no such name", shape{rcode: dns.RcodeNameError, ns: []string{soa}}, "no such name", 300 * time.Second},
		{"no such name, the SOA ends before", shape{rcode: dns.RcodeNameError, ns: []string{"example. 200 SOA ns. h. 1 2 3 4 300"}}, "no such name", 200 * time.Second},
		{"no such name for long", shape{rcode: dns.RcodeNameError, ns: []string{"example. 90000 SOA ns. h. 1 2 3 4 90000"}}, "no such name", maxNegative},
		{"no such name, without a SOA", shape{rcode: dns.RcodeNameError}, "no such name", 0},
		{"no such record, without a SOA", shape{}, "no such record", 0},
		{"no such record, with servers beside the SOA", shape{ns: []string{"example. 600 NS ns.example.", soa}}, "no such record", 300 * time.Second},
		{"no such record, of the domain's own server", shape{authoritative: true, ns: []string{"example. 600 NS ns.example."}}, "no such record", 0},
		{"a referral", shape{ns: []string{"example. 600 NS ns.example."}}, "refers to others", 0},
		{"records with SERVFAIL", shape{rcode: dns.RcodeServerFailure, answer: []string{goodA}}, "server answers SERVFAIL", 0},
		{"records with NOTAUTH", shape{rcode: dns.RcodeNotAuth, answer: []string{goodA}}, "server answers NOTAUTH", 0},
		{"a question that comes back", shape{unreplying: true, answer: []string{goodA}}, "does not belong to the question", 0},
	}
	s := dnstest.Start(t)
	for _, tt := range tests {
		s.Play("x.example", func(query *dns.Msg, _ bool) []*dns.Msg { return []*dns.Msg{tt.reply(t, query)} })
		r := patient(t, s)
		a, err := r.resolve(t.Context(), "x.example.", dns.TypeA)
		got := text(a, err)
		if !strings.Contains(got, tt.want) || strings.Contains(tt.want, "192.") && got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if a != nil && a.ttl != tt.ttl {
			t.Errorf("%s: remembered for %s, want %s", tt.name, a.ttl, tt.ttl)
		}
	}
}

// text is an answer in a line.
func text(a *answer, err error) string {
	if err != nil {
		return err.Error()
	}
	if a.missing != nil {
		return a.missing.Error()
	}
	var list []string
	for _, rr := range a.records {
		if ip, ok := address(rr); ok {
			list = append(list, ip.String())
		}
	}
	return strings.Join(list, " ")
}

// TestForeignReplies: what does not belong to the question is not taken for its answer. RFC 5452 §9.1.
func TestForeignReplies(t *testing.T) {
	t.Parallel()
	good := shape{answer: []string{goodA}}
	changed := func(change func(m *dns.Msg)) dnstest.Script {
		return func(query *dns.Msg, _ bool) []*dns.Msg {
			m := good.reply(t, query)
			change(m)
			return []*dns.Msg{m}
		}
	}
	tests := []struct {
		name   string
		script dnstest.Script
		want   string
	}{
		{"another id comes first", func(query *dns.Msg, _ bool) []*dns.Msg {
			bad := shape{answer: []string{"x.example. 60 A 192.0.2.66"}}.reply(t, query)
			bad.Id++
			return []*dns.Msg{bad, bad, good.reply(t, query)}
		}, "192.0.2.1"},
		{"another id over TCP", func(query *dns.Msg, overTCP bool) []*dns.Msg {
			m := good.reply(t, query)
			m.Truncated = !overTCP
			if overTCP {
				m.Id++
			}
			return []*dns.Msg{m}
		}, "no DNS message"},
		{"another type", changed(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeMX }), "does not belong"},
		{"another class", changed(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }), "does not belong"},
		{"another name", changed(func(m *dns.Msg) { m.Question[0].Name = "xx.example." }), "does not belong"},
		{"no question", changed(func(m *dns.Msg) { m.Question = nil }), "does not belong"},
		{"two questions", changed(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }), "does not belong"},
		{"the question in capitals", changed(func(m *dns.Msg) { m.Question[0].Name = "X.Example." }), "192.0.2.1"},
		{"a part over UDP, the whole over TCP", func(query *dns.Msg, overTCP bool) []*dns.Msg {
			if overTCP {
				return []*dns.Msg{shape{answer: []string{"x.example. 60 A 192.0.2.7", goodA}}.reply(t, query)}
			}
			return []*dns.Msg{shape{truncated: true, answer: []string{goodA}}.reply(t, query)}
		}, "192.0.2.7 192.0.2.1"},
		{"a part over TCP too", changed(func(m *dns.Msg) { m.Truncated = true }), "does not fit"},
		{"FORMERR with EDNS, which the server knows then", func(query *dns.Msg, _ bool) []*dns.Msg {
			m := shape{rcode: dns.RcodeFormatError}.reply(t, query)
			m.SetEdns0(udpSize, false)
			return []*dns.Msg{m}
		}, "server answers FORMERR"},
		{"NOTIMP until EDNS is left out", func(query *dns.Msg, _ bool) []*dns.Msg {
			if query.IsEdns0() != nil {
				return []*dns.Msg{shape{rcode: dns.RcodeNotImplemented}.reply(t, query)}
			}
			return []*dns.Msg{good.reply(t, query)}
		}, "192.0.2.1"},
	}
	s := dnstest.Start(t)
	for _, tt := range tests {
		s.Play("x.example", tt.script)
		before := len(s.Asked())
		got := text(patient(t, s).resolve(t.Context(), "x.example.", dns.TypeA))
		if !strings.Contains(got, tt.want) || strings.Contains(tt.want, "192.") && got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if n := len(s.Asked()) - before; n > 2 {
			t.Errorf("%s: asked %d times: %q", tt.name, n, s.Asked()[before:])
		}
	}
}

// TestWhatIsAsked: one question, for recursion and for the resolver's word on DNSSEC, with room for an answer that makes no fragments.
func TestWhatIsAsked(t *testing.T) {
	t.Parallel()
	s := dnstest.Start(t)
	s.Play("x.example", func(query *dns.Msg, overTCP bool) []*dns.Msg {
		opt := query.IsEdns0()
		if overTCP || len(query.Question) != 1 || query.Question[0].Qclass != dns.ClassINET || !query.RecursionDesired || !query.AuthenticatedData || query.CheckingDisabled {
			t.Errorf("query %v over TCP: %v", query, overTCP)
		}
		if opt == nil || opt.UDPSize() != udpSize || !opt.Do() || opt.Version() != 0 || len(opt.Option) != 0 {
			t.Errorf("EDNS %v, want the size %d and nothing else", opt, udpSize)
		}
		return []*dns.Msg{shape{answer: []string{goodA}}.reply(t, query)}
	})
	if got, err := patient(t, s).LookupNetIP(t.Context(), "ip4", "X.Example"); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if got := s.Asked(); !slices.Equal(got, []string{"x.example/A"}) {
		t.Errorf("asked %q", got)
	}
}

// TestChainsOfAliases: ten are followed, whether the server does it or we do; eleven are not.
func TestChainsOfAliases(t *testing.T) {
	t.Parallel()
	for _, fault := range []dnstest.Fault{dnstest.None, dnstest.Unfollowed} {
		s := dnstest.Start(t, "n0.example. A 192.0.2.1")
		for i := 1; i <= maxChain+1; i++ {
			name := fmt.Sprintf("n%d.example", i)
			s.Add(t, fmt.Sprintf("%s. CNAME n%d.example.", name, i-1))
			s.Break(name, fault)
		}
		for hops, want := range map[int]bool{1: true, maxChain: true, maxChain + 1: false} {
			_, err := patient(t, s).LookupNetIP(t.Context(), "ip4", fmt.Sprintf("n%d.example", hops))
			if (err == nil) != want || IsNotFound(err) {
				t.Errorf("fault %d, %d aliases: %v, want an answer: %v", fault, hops, err, want)
			}
		}
	}
}

// TestManyRecords: an answer has no more of them than there is a use for.
func TestManyRecords(t *testing.T) {
	t.Parallel()
	s := dnstest.Start(t)
	for i := range maxRecords + 10 {
		s.Add(t, fmt.Sprintf("many.example. A 10.0.%d.%d", i/256, i%256))
	}
	got, err := patient(t, s).LookupNetIP(t.Context(), "ip4", "many.example")
	if err != nil || len(got) != maxRecords {
		t.Errorf("%d addresses, %v, want %d", len(got), err, maxRecords)
	}
}

// TestAuthentic: each server's AD bit counts as far as that server is believed, along every step of a chain, and from memory too.
func TestAuthentic(t *testing.T) {
	t.Parallel()
	zone := []string{"a.signed.example. A 192.0.2.1", "a.signed.example. AAAA 2001:db8::1", "deep.signed.example. CNAME a.signed.example.",
		"out.signed.example. CNAME plain.example.", "plain.example. A 192.0.2.2", "in.example. CNAME a.signed.example.", "four.signed.example. A 192.0.2.4"}
	one, two := dnstest.Start(t, zone...), dnstest.Start(t, zone...)
	one.Sign("signed.example")
	two.Sign("signed.example")
	r := patient(t, one, two)
	r.servers[0].trusted = false
	secure := func(name string) bool {
		found, _ := r.Addresses(t.Context(), name)
		return found.Secure
	}
	if secure("a.signed.example") || !r.Validates() {
		t.Errorf("the word of a server that is not believed: %v, some are: %v", secure("a.signed.example"), r.Validates())
	}
	for _, name := range []string{"a.signed.example", "deep.signed.example", "out.signed.example", "in.example", "four.signed.example", "gone.signed.example"} {
		one.Break(name, dnstest.Refused)
		for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
			if e, ok := r.cache.entries[question{name + ".", kind}]; ok {
				r.cache.drop(e)
			}
		}
		want := name != "out.signed.example" && name != "in.example"
		for _, from := range []string{"the next server", "memory"} {
			if secure(name) != want {
				t.Errorf("%s from %s: %v, want %v", name, from, !want, want)
			}
		}
	}
}

// TestWhoIsAsked: a server that knows decides, whatever it knows; one that does not is asked once, and the next one's word counts.
func TestWhoIsAsked(t *testing.T) {
	t.Parallel()
	const missing, there = "no such name", "192.0.2.2"
	for _, tt := range []struct {
		name   string
		fault  dnstest.Fault // of the first
		first  string        // its record
		second string
		want   string
		asked  int // questions to the second
	}{
		{"both know", dnstest.None, "x.example. A 192.0.2.1", "x.example. A 192.0.2.2", "192.0.2.1", 0},
		{"the first knows that there is none", dnstest.None, "", "x.example. A 192.0.2.2", missing, 0},
		{"the first fails", dnstest.ServFail, "", "x.example. A 192.0.2.2", there, 1},
		{"the first fails, the second knows of none", dnstest.ServFail, "", "", missing, 1},
		{"the first refuses", dnstest.Refused, "", "x.example. A 192.0.2.2", there, 1},
		{"the first is lame", dnstest.Lame, "x.example. A 192.0.2.1", "x.example. A 192.0.2.2", there, 1},
		{"the first answers something else", dnstest.Foreign, "x.example. A 192.0.2.1", "x.example. A 192.0.2.2", there, 1},
		{"the first babbles", dnstest.Garbage, "", "x.example. A 192.0.2.2", there, 1},
		{"the first cuts everything", dnstest.Cut, "x.example. A 192.0.2.1", "x.example. A 192.0.2.2", there, 1},
	} {
		one, two := dnstest.Start(t), dnstest.Start(t)
		for s, line := range map[*dnstest.Server]string{one: tt.first, two: tt.second} {
			if line != "" {
				s.Add(t, line)
			}
		}
		one.Break("x.example", tt.fault)
		r := patient(t, one, two)
		if got := text(r.resolve(t.Context(), "x.example.", dns.TypeA)); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if got := two.Asked(); len(got) != tt.asked {
			t.Errorf("%s: the second was asked %q, want %d questions", tt.name, got, tt.asked)
		}
		if first := r.current()[0].address; (first == two.Address) != (tt.asked > 0) {
			t.Errorf("%s: from now on %s is asked first", tt.name, first)
		}
	}
}

// TestNoTimeLeft: nobody is asked when there is no time for an answer, and nothing is remembered of it.
func TestNoTimeLeft(t *testing.T) {
	t.Parallel()
	s := dnstest.Start(t, goodA)
	r := patient(t, s)
	over, stop := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer stop()
	gone, leave := context.WithCancel(t.Context())
	leave()
	for ctx, timeout := range map[context.Context]bool{over: true, gone: false} {
		_, err := r.lookup(ctx, "x.example", dns.TypeA)
		var known *net.DNSError
		if !errors.As(err, &known) || !known.IsTemporary || known.IsNotFound || known.IsTimeout != timeout {
			t.Errorf("%v: %+v, want a temporary error, a timeout: %v", ctx.Err(), err, timeout)
		}
	}
	if n := len(s.Asked()); n != 0 {
		t.Errorf("asked %d times", n)
	}
	if got, err := r.LookupNetIP(t.Context(), "ip4", "x.example"); err != nil || !slices.Equal(got, []netip.Addr{netip.MustParseAddr("192.0.2.1")}) {
		t.Errorf("later: %v, %v", got, err)
	}
}
