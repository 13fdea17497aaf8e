package resolver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"schulhof/smtpd/resolver/dnstest"

	"github.com/miekg/dns"
)

// TestCanonical: what a name is in the DNS, and what is none. RFC 1035 §2.3.4, RFC 5890 §2.3.2.1.
func TestCanonical(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 63)
	longest := strings.Join([]string{label, label, label, strings.Repeat("b", 61)}, ".") // 253 octets
	tests := []struct{ name, in, want string }{
		{"as it stands", "mx.school.test", "mx.school.test."},
		{"with its dot", "mx.school.test.", "mx.school.test."},
		{"in capitals", "MX.School.TEST", "mx.school.test."},
		{"one label", "localhost", "localhost."},
		{"services", "_25._tcp.mx.school.test", "_25._tcp.mx.school.test."},
		{"Unicode", "bücher.example", "xn--bcher-kva.example."},
		{"Unicode in capitals", "BÜCHER.example", "xn--bcher-kva.example."},
		{"composed of two characters", "bu\u0308cher.example", "xn--bcher-kva.example."},
		{"the sharp s is a letter of its own", "straße.example", "xn--strae-oqa.example."},
		{"other dots", "例え。テスト", "xn--r8jz45g.xn--zckzah."},
		{"an A-label stays", "XN--BCHER-KVA.example", "xn--bcher-kva.example."},
		{"an underscore before Unicode", "_dmarc.müller.example", "_dmarc.xn--mller-kva.example."},
		{"a label of 63 octets", label + ".test", label + ".test."},
		{"a name of 253 octets", longest, longest + "."},
		{"the same with its dot", longest + ".", longest + "."},
		{"a label of 64", "a" + label + ".test", ""},
		{"a name of 254", "b" + longest, ""},
		{"Unicode that gets too long", strings.Repeat("ü", 64) + ".test", ""},
		{"nothing", "", ""},
		{"the root", ".", ""},
		{"two dots at the end", "school.test..", ""},
		{"two dots within", "school..test", ""},
		{"a dot in front", ".school.test", ""},
		{"a space", "school .test", ""},
		{"a tab", "school\t.test", ""},
		{"a line end", "school.test\r\n", ""},
		{"a zero", "school\x00.test", ""},
		{"DEL", "school\x7f.test", ""},
		{"an escape", `school\046test`, ""},
		{"no UTF-8", "b\xfccher.example", ""},
	}
	for _, tt := range tests {
		if got, ok := canonical(tt.in); got != tt.want && ok || ok != (tt.want != "") {
			t.Errorf("%s: canonical(%q) = %q, %v, want %q", tt.name, tt.in, got, ok, tt.want)
		}
	}
}

// TestNamesOutOfAnswers: only what may go on into a log, a header field or another question is taken.
func TestNamesOutOfAnswers(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{
		"mx.school.test.": true, "_a-B_9.test.": true, ".": true, "": false, "a b.test.": false, `a\046b.test.`: false, "*.school.test.": false, "a@b.test.": false,
		"a/b.test.": false, "mü.test.": false, "a\r\nb.test.": false, "(a).test.": false,
	} {
		if got := plain(in); got != want {
			t.Errorf("plain(%q) = %v", in, got)
		}
	}
	for in, want := range map[string]string{"a.test.": "a.test", "a.test": "a.test", ".": ".", "": ""} {
		if got := shown(in); got != want {
			t.Errorf("shown(%q) = %q, want %q", in, got, want)
		}
	}
	s := dnstest.Start(t, `x.example. MX 10 bad\032name.example.`, "x.example. MX 20 good.example.", `_s._tcp.x.example. SRV 0 0 1 bad\@name.example.`,
		"_s._tcp.x.example. SRV 0 0 2 good.example.", `alias.example. CNAME bad\;name.example.`, `1.2.0.192.in-addr.arpa. PTR evil\"name.example.`,
		`2.2.0.192.in-addr.arpa. PTR evil\(name.example.`, "2.2.0.192.in-addr.arpa. PTR good.example.")
	r := patient(t, s)
	ctx := t.Context()
	if mx, err := hosts(r.LookupMX(ctx, "x.example")); err != nil || mx != "20 good.example." {
		t.Errorf("MX: %q, %v", mx, err)
	}
	if srv, err := r.SRV(ctx, "_s._tcp.x.example"); err != nil || len(srv.Records) != 1 || srv.Records[0].Port != 2 {
		t.Errorf("SRV: %v, %v", srv, err)
	}
	if names, err := joined(r.LookupAddr(ctx, "192.0.2.2")); err != nil || names != "good.example." {
		t.Errorf("PTR: %q, %v", names, err)
	}
	for what, ask := range map[string]func() error{
		"CNAME": func() error { _, err := r.CNAME(ctx, "alias.example"); return err },
		"PTR":   func() error { _, err := r.LookupAddr(ctx, "192.0.2.1"); return err },
	} {
		if err := ask(); err == nil || IsNotFound(err) || !strings.Contains(err.Error(), "malformed") || strings.Contains(err.Error(), "name.example") {
			t.Errorf("%s of a malformed name only: %v", what, err)
		}
	}
}

// TestTexts: a record's strings are one text with nothing between them, whatever bytes they have; each record is one of its own.
func TestTexts(t *testing.T) {
	t.Parallel()
	full := strings.Repeat(`"`+strings.Repeat("y", 128)+`" `, 32) // 4 KB
	s := dnstest.Start(t, `x.example. TXT "v=DKIM1; p=MII" "BIjAN" "" "BgkqhkiG"`, `empty.example. TXT ""`, `blank.example. TXT " a " " b "`,
		`umlaut.example. TXT "gr\195\188n"`, `odd.example. TXT "a\000\r\"\\\255"`, `three.example. TXT "one"`, `three.example. TXT "two"`, `three.example. TXT "3"`,
		"full.example. TXT "+full, "over.example. TXT "+full+`"z"`)
	r := patient(t, s)
	for name, want := range map[string][]string{
		"x.example": {"v=DKIM1; p=MIIBIjANBgkqhkiG"}, "empty.example": {""}, "blank.example": {" a  b "}, "umlaut.example": {"grün"}, "odd.example": {"a\x00r\"\\\xff"},
		"three.example": {"one", "two", "3"}, "full.example": {strings.Repeat("y", maxTXT)},
	} {
		got, err := r.LookupTXT(t.Context(), name)
		if err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	if got, err := r.LookupTXT(t.Context(), "over.example"); err == nil || IsNotFound(err) {
		t.Errorf("one byte too many: %d texts, %v", len(got), err)
	}
	for in, want := range map[string]string{`a\`: `a\`, `\`: `\`, `\\`: `\`, `\"`: `"`, `\065\066`: "AB", `\0651`: "A1", `\06`: "06", `\6x`: "6x", "": ""} {
		if got := unescape(in); got != want {
			t.Errorf("unescape(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestFamilies: addresses of both kinds, of one, of none; and forms of an address in the place of a name.
func TestFamilies(t *testing.T) {
	t.Parallel()
	s := dnstest.Start(t, "both.example. A 192.0.2.1", "both.example. A 192.0.2.2", "both.example. AAAA 2001:db8::1", "four.example. A 192.0.2.4", "six.example. AAAA 2001:db8::6",
		"text.example. TXT x", "torn.example. A 192.0.2.5", "worn.example. AAAA 2001:db8::7", "alias.example. CNAME both.example.")
	s.Break("torn.example/AAAA", dnstest.ServFail)
	s.Break("worn.example/A", dnstest.Refused)
	r := patient(t, s)
	ctx := t.Context()
	for host, want := range map[string]string{
		"both.example": "2001:db8::1 192.0.2.1 192.0.2.2", "four.example": "192.0.2.4", "six.example": "2001:db8::6", "alias.example": "2001:db8::1 192.0.2.1 192.0.2.2",
		"192.0.2.77": "192.0.2.77", "2001:db8::77": "2001:db8::77", "fe80::1%eth0": "fe80::1%eth0",
	} {
		if got, err := addresses(r.LookupIPAddr(ctx, host)); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", host, got, err, want)
		}
	}
	ask := func(network, host string) (string, error) {
		if network == "" {
			return addresses(r.LookupIPAddr(ctx, host))
		}
		return join(r.LookupNetIP(ctx, network, host))
	}
	for _, tt := range []struct {
		network, host, want string // "" asks for both kinds
		missing, temporary  bool
	}{
		{"ip4", "both.example", "192.0.2.1 192.0.2.2", false, false}, {"ip6", "both.example", "2001:db8::1", false, false},
		{"ip4", "six.example", "", true, false}, {"ip6", "four.example", "", true, false}, {"", "text.example", "", true, false}, {"", "gone.example", "", true, false},
		{"ip4", "torn.example", "192.0.2.5", false, false}, {"ip6", "torn.example", "", false, true}, {"", "torn.example", "", false, true},
		{"ip6", "worn.example", "2001:db8::7", false, false}, {"", "worn.example", "", false, true},
		{"", "..", "", true, false}, {"", "192.0.2.256", "", true, false},
	} {
		got, err := ask(tt.network, tt.host)
		if got != tt.want || IsNotFound(err) != tt.missing || (err != nil && !IsNotFound(err)) != tt.temporary {
			t.Errorf("%s of %s: %q, %v", tt.network, tt.host, got, err)
		}
	}
	for _, network := range []string{"", "ip", "tcp", "ip5"} {
		var unknown net.UnknownNetworkError
		if _, err := r.LookupNetIP(ctx, network, "both.example"); !errors.As(err, &unknown) {
			t.Errorf("network %q: %v", network, err)
		}
	}
	if found, err := r.Addresses(ctx, "torn.example"); err == nil || len(found.Records) != 1 {
		t.Errorf("one of two kinds known: %v, %v", found, err)
	}
	if found, err := r.Addresses(ctx, "worn.example"); err == nil || len(found.Records) != 1 || found.Name != "worn.example." {
		t.Errorf("the other of two kinds known: %v, %v", found, err)
	}
}

// TestReverse: names of an address in any of its forms, not more than ten.
func TestReverse(t *testing.T) {
	t.Parallel()
	s := dnstest.Start(t, "1.2.0.192.in-addr.arpa. PTR mx.example.", "1."+strings.Repeat("0.", 28)+"8.e.f.ip6.arpa. PTR link.example.",
		"2.2.0.192.in-addr.arpa. CNAME 2.0-7.2.0.192.in-addr.arpa.", "2.0-7.2.0.192.in-addr.arpa. PTR classless.example.")
	for i := range maxPointers + 5 {
		s.Add(t, fmt.Sprintf("9.2.0.192.in-addr.arpa. PTR n%d.example.", i))
	}
	r := patient(t, s)
	for address, want := range map[string]string{
		"192.0.2.1": "mx.example.", "::ffff:192.0.2.1": "mx.example.", "::ffff:c000:201": "mx.example.", "fe80::1%eth0": "link.example.", "192.0.2.2": "classless.example.",
	} {
		if got, err := joined(r.LookupAddr(t.Context(), address)); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", address, got, err, want)
		}
	}
	if names, err := r.LookupAddr(t.Context(), "192.0.2.9"); err != nil || len(names) != maxPointers {
		t.Errorf("%d names, %v, want %d", len(names), err, maxPointers)
	}
	for _, bad := range []string{"", "mx.example", "192.0.2", "192.0.2.300", "192.0.2.1/24", "192.0.2.8"} {
		if _, err := r.LookupAddr(t.Context(), bad); !IsNotFound(err) {
			t.Errorf("%q: %v, want no such name", bad, err)
		}
	}
	if _, err := r.PTR(t.Context(), netip.Addr{}); !IsNotFound(err) {
		t.Errorf("no address: %v", err)
	}
}

// TestParseServer: an address of a server needs no port, and never is a name.
func TestParseServer(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"192.0.2.53": "192.0.2.53:53", "192.0.2.53:5353": "192.0.2.53:5353", "::1": "[::1]:53", "[::1]:5353": "[::1]:5353", "fe80::1%eth0": "[fe80::1%eth0]:53",
		"[::1]": "", "": "", " 192.0.2.53": "", "192.0.2.53:": "", "192.0.2.53:0": "", "192.0.2.53:65536": "", "192.0.2.53:domain": "", "localhost": "", "localhost:53": "",
		"192.0.2.53, 192.0.2.54": "", "https://192.0.2.53": "",
	} {
		at, err := ParseServer(in)
		if (err == nil) != (want != "") || err == nil && at.String() != want {
			t.Errorf("ParseServer(%q) = %v, %v, want %q", in, at, err, want)
		}
	}
	for address, want := range map[string]map[Trust]bool{
		"127.0.0.1": {TrustLoopback: true, TrustAlways: true, TrustNever: false}, "127.9.9.9": {TrustLoopback: true, TrustAlways: true, TrustNever: false},
		"::1": {TrustLoopback: true, TrustAlways: true, TrustNever: false}, "192.0.2.53": {TrustLoopback: false, TrustAlways: true, TrustNever: false},
		"10.0.0.53": {TrustLoopback: false, TrustAlways: true, TrustNever: false}, "fe80::1%lo": {TrustLoopback: false, TrustAlways: true, TrustNever: false},
	} {
		for trust, believed := range want {
			r, err := New(Options{Servers: []string{address}, TrustAD: trust})
			if err != nil || r.Validates() != believed {
				t.Errorf("%s with trust %s: %v, want %v", address, trust, !believed, believed)
			}
		}
	}
}

// TestWords: an error says whether waiting helps, and a server's own explanation is cut and made harmless.
func TestWords(t *testing.T) {
	t.Parallel()
	timeout := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	for _, tt := range []struct {
		cause   error
		timeout bool
		text    string
	}{
		{nil, false, "server answers with what is no DNS message"},
		{io.ErrUnexpectedEOF, false, "server answers with what is no DNS message"},
		{fmt.Errorf("exchange: %w", errForeign), false, "reply does not belong to the question"},
		{context.Canceled, false, "gave up waiting"},
		{context.DeadlineExceeded, true, "server does not answer"},
		{timeout, true, "server does not answer"},
		{fmt.Errorf("connect: %w", timeout), true, "server does not answer"},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, false, "server cannot be reached"},
	} {
		if got := reason(tt.cause); got != tt.text {
			t.Errorf("reason(%v) = %q, want %q", tt.cause, got, tt.text)
		}
		e := temporary("a.example.", "192.0.2.53:53", tt.text, tt.cause)
		if e.IsTimeout != tt.timeout || !e.IsTemporary || e.IsNotFound || e.Name != "a.example" || !errors.Is(e, tt.cause) && tt.cause != nil {
			t.Errorf("temporary(%v) = %+v, a timeout: %v", tt.cause, e, tt.timeout)
		}
	}
	for _, tt := range []struct {
		name string
		ede  *dns.EDNS0_EDE
		want string
	}{
		{"no explanation", nil, "server answers SERVFAIL"},
		{"a code", &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeSignatureExpired}, "server answers SERVFAIL (Signature Expired)"},
		{"a code and words", &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeNetworkError, ExtraText: "192.0.2.1 is down"}, "server answers SERVFAIL (Network Error: 192.0.2.1 is down)"},
		{"what would end a line", &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeBlocked, ExtraText: "a\r\nb\x7f\xc3\xbc"}, "server answers SERVFAIL (Blocked: a??b???)"},
		{"a long one", &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeBlocked, ExtraText: strings.Repeat("x", 900)}, "server answers SERVFAIL (Blocked: " + strings.Repeat("x", maxText-len("Blocked: ")) + ")"},
	} {
		m := new(dns.Msg)
		m.Rcode = dns.RcodeServerFailure
		if tt.ede != nil {
			m.SetEdns0(udpSize, true)
			m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{}, tt.ede}
		}
		if got := refusal(m); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestPanicEndsAFlight: a bug in asking reaches who asked, and no one waits for ever.
func TestPanicEndsAFlight(t *testing.T) {
	t.Parallel()
	c := newCache(newClock().Now)
	q := question{"a.example.", dns.TypeA}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not come up")
			}
		}()
		_, _ = c.get(t.Context(), q, func(context.Context) (*answer, error) { panic("bug") })
	}()
	a, err := c.get(t.Context(), q, func(context.Context) (*answer, error) { return &answer{name: q.name, ttl: time.Minute, cost: 1}, nil })
	if err != nil || a == nil || len(c.flights) != 0 || len(c.entries) != 1 {
		t.Errorf("after a panic: %v, %v, %d flights, %d answers", a, err, len(c.flights), len(c.entries))
	}
}
