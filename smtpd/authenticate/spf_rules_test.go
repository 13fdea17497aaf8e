package authenticate

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// senders is a DNS of hosts that records in these tests speak of; record is that of x.test.
func senders(record string) *zone {
	return &zone{
		txt: map[string][]string{
			"x.test":    {record},
			"pass.test": {"v=spf1 +all"}, "fail.test": {"v=spf1 -all"}, "soft.test": {"v=spf1 ~all"}, "neutral.test": {"v=spf1 ?all"}, "end.test": {"v=spf1"},
			"none.test": {"no record"}, "odd.test": {"v=spf1 nonsense"}, "two.test": {"v=spf1 +all", "v=spf1 +all"},
			"one.test": {"v=spf1 a:h0.test -all"}, "void.test": {"v=spf1 a:void1.test ?all"},
		},
		mx: map[string][]string{"x.test": {"m1.test", "m2.test"}, "lost.test": {"gone.test", "m1.test"}, "null.test": {"."}, "shaky.test": {"down.test", "m1.test"}},
		ip: map[string][]string{
			"x.test": {"192.0.2.1", "2001:db8::1"}, "h0.test": {"198.51.100.1"}, "m1.test": {"192.0.2.33"}, "m2.test": {"192.0.2.65", "2001:db8:2::1"},
			"six.test": {"2001:db8::6"}, "empty.test": {}, "host.x.test": {"192.0.2.1"}, "host.notx.test": {"192.0.2.3"},
		},
		ptr:    map[string][]string{"192.0.2.1": {"liar.x.test.", "HOST.x.test."}, "192.0.2.2": {"host.x.test."}, "192.0.2.3": {"host.notx.test"}, "2001:db8::6": {"six.test."}},
		broken: map[string]bool{"down.test": true, "192.0.2.9": true, "explain.test": true},
	}
}

// spfOf is what the record of x.test says about client.
func spfOf(z *zone, client string) SPF {
	return checkSPF(context.Background(), newBudget(z), netip.MustParseAddr(client), "helo.test", "lena@x.test")
}

// TestSPFMechanisms: who matches each of them. RFC 7208 §5.
func TestSPFMechanisms(t *testing.T) {
	t.Parallel()
	const a, b, c, six = "192.0.2.1", "192.0.2.2", "198.51.100.1", "2001:db8::1"
	for _, tt := range []struct{ record, pass, fail string }{
		{"a", a + " " + six, b + " 2001:db8::2"},
		{"a:h0.test", c, a},
		{"a/24", a + " " + b + " 192.0.2.255 " + six, "192.0.3.1 2001:db8::2"},
		{"a/32", a, b},
		{"a/0", a + " " + c, "2001:db8::2"},
		{"a//64", a + " " + six + " 2001:db8::ffff", b + " 2001:db8:0:1::1"},
		{"a:x.test/24//32", b + " 2001:db8:ffff::1", c + " 2001:db9::1"},
		{"a//0", "2001:db9::1", b},
		{"a:six.test", "2001:db8::6", a},
		{"a:gone.test", "", a},
		{"a:empty.test", "", a},
		{"mx", "192.0.2.33 192.0.2.65 2001:db8:2::1", a + " " + six},
		{"mx/27", "192.0.2.32 192.0.2.95", "192.0.2.31 192.0.2.96"},
		{"mx:x.test//48", "2001:db8:2::ffff", "2001:db8:3::1 192.0.2.34"},
		{"mx:lost.test", "192.0.2.33", a},
		{"mx:null.test", "", a},
		{"mx:h0.test", "", c}, // without MX the host itself is none
		{"ip4:192.0.2.1", a + " ::ffff:192.0.2.1", b + " " + six},
		{"ip4:192.0.2.0/31", "192.0.2.0 192.0.2.1", b},
		{"ip4:192.0.2.77/24", a + " " + b, c},
		{"ip4:0.0.0.0/0", a + " " + c, six},
		{"ip6:2001:db8::1", six, "2001:db8::2 " + a},
		{"ip6:2001:DB8::/32", six + " 2001:db8:ffff::", "2001:db9:: " + a},
		{"ip6:::/0", six, a},
		{"exists:h0.test", a + " " + six, ""},
		{"exists:six.test", "", a + " " + six}, // only an IPv4 address counts
		{"exists:gone.test", "", a},
		{"ptr", a, b + " 192.0.2.3 192.0.2.9 " + c}, // not: leads elsewhere, another domain, no answer, no name
		{"ptr:test", "192.0.2.3", b},
		{"ptr:SIX.test", "2001:db8::6", a},
		{"include:pass.test", a + " " + six, ""},
		{"all", a + " " + six, ""},
	} {
		for want, clients := range map[Result]string{Pass: tt.pass, Fail: tt.fail} {
			for _, client := range strings.Fields(clients) {
				for _, record := range []string{"v=spf1 " + tt.record + " -all", "V=SPF1  +" + strings.ToUpper(tt.record) + "  -ALL  "} {
					if got := spfOf(senders(record), client); got.Result != want {
						t.Errorf("%s by %q: %s %s, want %s", client, record, got.Result, got.Reason, want)
					}
				}
			}
		}
	}
}

// TestSPFResults: the first that matches decides, with its qualifier; what comes of another record; and of a record with faults.
// RFC 7208 §4.5 to §4.7, §5.2 and §6.
func TestSPFResults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		record string
		want   Result
	}{
		{"v=spf1", Neutral}, {"v=spf1 ", Neutral}, {"v=spf1 ip4:198.51.100.7", Neutral}, {"v=spf10 +all", None}, {"v=spf1+all", None}, {" v=spf1 +all", None}, {"spf1 +all", None}, {"", None},
		{"v=spf1 a -all", Pass}, {"v=spf1 +a -all", Pass}, {"v=spf1 -a +all", Fail}, {"v=spf1 ~a +all", SoftFail}, {"v=spf1 ?a +all", Neutral},
		{"v=spf1 ?all -a", Neutral}, {"v=spf1 -mx ~a +all", SoftFail}, {"v=spf1 a a:down.test", Pass},
		{"v=spf1 include:pass.test -all", Pass}, {"v=spf1 ~include:pass.test -all", SoftFail}, {"v=spf1 -include:pass.test +all", Fail},
		{"v=spf1 include:fail.test ~all", SoftFail}, {"v=spf1 include:soft.test -all", Fail}, {"v=spf1 include:neutral.test -all", Fail}, {"v=spf1 include:end.test -all", Fail},
		{"v=spf1 include:none.test +all", PermError}, {"v=spf1 include:gone.test +all", PermError}, {"v=spf1 include:odd.test +all", PermError},
		{"v=spf1 include:two.test +all", PermError}, {"v=spf1 include:down.test +all", TempError},
		{"v=spf1 redirect=pass.test", Pass}, {"v=spf1 redirect=fail.test", Fail}, {"v=spf1 redirect=soft.test", SoftFail}, {"v=spf1 redirect=neutral.test", Neutral},
		{"v=spf1 redirect=end.test", Neutral}, {"v=spf1 redirect=none.test", PermError}, {"v=spf1 redirect=gone.test", PermError}, {"v=spf1 redirect=odd.test", PermError},
		{"v=spf1 redirect=down.test", TempError}, {"v=spf1 redirect=fail.test a", Pass}, {"v=spf1 -all redirect=pass.test", Fail}, {"v=spf1 Redirect=pass.test", Pass},
		{"v=spf1 redirect=pass.test redirect=pass.test", PermError},
		{"v=spf1 exp=explain.test -all", Fail}, {"v=spf1 -all exp=explain.test", Fail}, {"v=spf1 a exp=explain.test -all", Pass},
		{"v=spf1 moo=cow a-b_c.9=%{d} a -all", Pass}, {"v=spf1 moo= -all", Fail},
		{"v=spf1 mx:down.test +all", TempError}, {"v=spf1 mx:shaky.test +all", TempError}, {"v=spf1 exists:down.test +all", TempError}, {"v=spf1 a:down.test +all", TempError},
	} {
		z := senders(tt.record)
		if got := spfOf(z, "192.0.2.1"); got.Result != tt.want {
			t.Errorf("%q: %s %s, want %s", tt.record, got.Result, got.Reason, tt.want)
		}
		if slices.Contains(z.asked, "TXT explain.test") {
			t.Errorf("%q: the explanation is asked for, and nobody reads it", tt.record)
		}
	}
	for _, bad := range []string{
		"nonsense", "-", "+", "a:", "a:/24", "a/", "a/33", "a/-1", "a/x", "a//129", "a/24/64", "a/24//", "mx:", "mx/99", "mx//x", "ab", "mxa", "ip4", "ip4:", "ip4:192.0.2", "ip4:192.0.2.256",
		"ip4:192.0.2.1/33", "ip4:192.0.2.1/", "ip4:x.test", "ip6", "ip6:2001:db8::/129", "ip6:2001:db8::1::2", "ip6:zz", "exists", "exists:", "include", "include:", "ptr:", "ptr/24", "all:x.test", "all/24",
		"redirect=", "-redirect=pass.test", "+moo=cow", "=x", "1a=x", "?exp=x.test", "a:%{d", "a:%{q}", "a:%{}", "a:%{d0}", "a:%{dx}", "a:%d", "a:h0.test%", "exists:%{c}.test", "include:%{t}", "redirect=%{r}.test", "\u00e4ll",
	} {
		if got := spfOf(senders("v=spf1 "+bad), "203.0.113.9"); got.Result != PermError || got.Reason != "record cannot be read" {
			t.Errorf("%q: %s %q, want permerror", bad, got.Result, got.Reason)
		}
	}
}

// TestSPFMacros: the names that records make of a message. RFC 7208 §7.
func TestSPFMacros(t *testing.T) {
	t.Parallel()
	const sender, six = "Lena-Marie+kl.7b@Mail.X.test", "2001:db8::cb01"
	nibbles := "2.0.0.1.0.d.b.8." + strings.Repeat("0.", 16) + "0.0.0.0.c.b.0.1"
	for _, tt := range []struct{ macro, client, want string }{
		{"%{s}", "192.0.2.3", "lena-marie+kl.7b@mail.x.test"},
		{"%{l}", "192.0.2.3", "lena-marie+kl.7b"},
		{"%{o}", "192.0.2.3", "mail.x.test"},
		{"%{d}", "192.0.2.3", "mail.x.test"},
		{"%{h}", "192.0.2.3", "helo.test"},
		{"%{i}", "192.0.2.3", "192.0.2.3"},
		{"%{i}", "::ffff:192.0.2.3", "192.0.2.3"},
		{"%{i}", six, nibbles},
		{"%{v}", "192.0.2.3", "in-addr"},
		{"%{v}", "::ffff:192.0.2.3", "in-addr"},
		{"%{v}", six, "ip6"},
		{"%{p}", "192.0.2.3", "unknown"}, // §7.3 lets it be so
		{"%{d4}", "192.0.2.3", "mail.x.test"},
		{"%{d2}", "192.0.2.3", "x.test"},
		{"%{d1}", "192.0.2.3", "test"},
		{"%{dr}", "192.0.2.3", "test.x.mail"},
		{"%{d2r}", "192.0.2.3", "x.mail"},
		{"%{d999}", "192.0.2.3", "mail.x.test"},
		{"%{ir}", "192.0.2.3", "3.2.0.192"},
		{"%{i3r}", "192.0.2.3", "2.0.192"},
		{"%{l-}", "192.0.2.3", "lena.marie+kl.7b"},
		{"%{l-+}", "192.0.2.3", "lena.marie.kl.7b"},
		{"%{lr-}", "192.0.2.3", "marie+kl.7b.lena"},
		{"%{l1r-}", "192.0.2.3", "lena"},
		{"%{l1-}", "192.0.2.3", "marie+kl.7b"},
		{"%{LR+}", "192.0.2.3", "kl.7b.lena-marie"},
		{"%{S}", "192.0.2.3", "lena-marie%2bkl.7b%40mail.x.test"},
		{"%{L}", "192.0.2.3", "lena-marie%2bkl.7b"},
		{"%{D}", "192.0.2.3", "mail.x.test"},
		{"%{ir}.%{v}._spf.%{d2}", "192.0.2.3", "3.2.0.192.in-addr._spf.x.test"},
		{"a%%b%-c", "192.0.2.3", "a%b%20c"},
	} {
		z := senders("")
		z.txt["mail.x.test"] = []string{"v=spf1 exists:" + tt.macro + ".m.test -all"}
		got := checkSPF(context.Background(), newBudget(z), netip.MustParseAddr(tt.client), "HELO.test.", sender)
		if want := "A " + tt.want + ".m.test"; got.Result != Fail || z.asked[len(z.asked)-1] != want {
			t.Errorf("%s of %s: %s %s, asked %q, want %q", tt.macro, tt.client, got.Result, got.Reason, z.asked, want)
		}
		z.ip[tt.want+".m.test"] = []string{"127.0.0.2"}
		if got := checkSPF(context.Background(), newBudget(z), netip.MustParseAddr(tt.client), "HELO.test.", sender); got.Result != Pass {
			t.Errorf("%s of %s: %s %s, want pass", tt.macro, tt.client, got.Result, got.Reason)
		}
	}
	// In an included record the domain is another one, and the sender is not; a bounce has the sender postmaster. §2.4, §4.3.
	z := senders("v=spf1 include:inc.%{d} -all")
	z.txt["inc.x.test"] = []string{"v=spf1 exists:%{d}.%{o}.%{l}.m.test -all"}
	spfOf(z, "192.0.2.3")
	if got := z.asked[len(z.asked)-1]; got != "A inc.x.test.x.test.lena.m.test" {
		t.Errorf("asked %q", z.asked)
	}
	z.txt["x.test"] = []string{"v=spf1 redirect=inc.%{d}"}
	checkSPF(context.Background(), newBudget(z), netip.MustParseAddr("192.0.2.3"), "x.test", "")
	if got := z.asked[len(z.asked)-1]; got != "A inc.x.test.x.test.postmaster.m.test" {
		t.Errorf("asked %q for a bounce", z.asked)
	}
}

// TestSPFLimits: ten terms that ask, two that find nothing, ten mail servers; over all records together. RFC 7208 §4.6.4.
func TestSPFLimits(t *testing.T) {
	t.Parallel()
	times := func(n int, term string) string { return strings.Repeat(term+" ", n) }
	var eleven []string
	for i := range 11 {
		eleven = append(eleven, fmt.Sprintf("m%d.many.test", i))
	}
	for _, tt := range []struct {
		record string
		want   Result
		reason string
	}{
		{times(10, "a:h0.test"), Neutral, ""}, {times(11, "a:h0.test"), PermError, "more than 10 lookups"},
		{times(10, "ptr"), Neutral, ""}, {times(11, "ptr"), PermError, "more than 10 lookups"},
		{times(10, "exists:six.test"), Neutral, ""}, {times(11, "exists:six.test"), PermError, "more than 10 lookups"},
		{times(10, "mx:lost.test"), Neutral, ""}, {times(11, "mx:lost.test"), PermError, "more than 10 lookups"}, // their hosts count apart
		{times(5, "include:one.test"), Neutral, ""}, {times(5, "include:one.test") + "a:h0.test", PermError, "more than 10 lookups"}, // each two
		{times(9, "a:h0.test") + "redirect=neutral.test", Neutral, ""}, {times(10, "a:h0.test") + "redirect=neutral.test", PermError, "more than 10 lookups"},
		{times(10, "a:h0.test") + "?all", Neutral, ""}, {times(10, "a:h0.test") + times(90, "ip4:198.51.100.1") + "-all", Fail, ""},
		{times(10, "a:h0.test") + "exp=explain.test -all", Fail, ""}, {"redirect=x.test", PermError, "more than 10 lookups"}, {"include:x.test", PermError, "more than 10 lookups"},
		{"a:v1.test a:v2.test ?all", Neutral, ""}, {"a:v1.test a:v2.test mx:v3.test ?all", PermError, "more than 2 void lookups"},
		{"exists:v1.test a:empty.test mx:v2.test ?all", PermError, "more than 2 void lookups"}, {"include:void.test a:v1.test ?all", Neutral, ""},
		{"include:void.test a:v1.test exists:v2.test ?all", PermError, "more than 2 void lookups"}, {"include:void.test include:void.test redirect=void.test", PermError, "more than 2 void lookups"},
		{"mx:ten.test ?all", Neutral, ""}, {"mx:eleven.test +all", PermError, "more than 10 MX"}, {times(9, "a:h0.test") + "mx:ten.test ?all", Neutral, ""},
	} {
		z := senders("v=spf1 " + tt.record)
		z.ptr["203.0.113.9"] = []string{"h0.test"}
		z.mx["ten.test"], z.mx["eleven.test"] = eleven[:10], eleven
		for _, host := range eleven {
			z.ip[host] = []string{"198.51.100.2"}
		}
		if got := spfOf(z, "203.0.113.9"); got.Result != tt.want || got.Reason != tt.reason {
			t.Errorf("%q: %s %q, want %s %q", tt.record, got.Result, got.Reason, tt.want, tt.reason)
		}
		if len(z.asked) > maxLookups {
			t.Errorf("%q: %d questions", tt.record, len(z.asked))
		}
	}
	// A client with many names: ten of them are looked at.
	z := senders("v=spf1 ptr -all")
	for i := range 30 {
		z.ptr["192.0.2.1"] = slices.Insert(z.ptr["192.0.2.1"], 0, fmt.Sprintf("n%d.x.test", i))
	}
	if got := spfOf(z, "192.0.2.1"); got.Result != Fail || len(z.asked) != 12 {
		t.Errorf("32 names: %s, %d questions, want fail after 12", got.Result, len(z.asked))
	}
}

// TestIPRevOfOddClients: every form of an address, and names in every spelling.
func TestIPRevOfOddClients(t *testing.T) {
	t.Parallel()
	z := &zone{
		ip: map[string][]string{"mx.x.test": {"192.0.2.1", "2001:db8::1", "fe80::1"}, "other.x.test": {"192.0.2.2"}, "mapped.x.test": {"::ffff:192.0.2.4"}},
		ptr: map[string][]string{"192.0.2.1": {"MX.X.test."}, "2001:db8::1": {"mx.x.test"}, "fe80::1": {"mx.x.test."}, "::ffff:192.0.2.1": {"mx.x.test."},
			"192.0.2.3": {"other.x.test.", "gone.x.test.", "down.x.test."}, "192.0.2.2": {"down.x.test.", "other.x.test."}, "192.0.2.4": {"mapped.x.test."}, "192.0.2.5": {}},
		broken: map[string]bool{"down.x.test": true},
	}
	for client, want := range map[string]IPRev{
		"192.0.2.1": {Pass, "mx.x.test"}, "::ffff:192.0.2.1": {Pass, "mx.x.test"}, "2001:db8::1": {Pass, "mx.x.test"}, "fe80::1%eth0": {Pass, "mx.x.test"}, "192.0.2.4": {Pass, "mapped.x.test"},
		"192.0.2.2": {Pass, "other.x.test"}, // though another name of it could not be looked up
		"192.0.2.3": {Result: TempError}, "192.0.2.5": {Result: PermError}, "2001:db8::2": {Result: PermError},
	} {
		if got := checkIPRev(context.Background(), newBudget(z), netip.MustParseAddr(client)); got != want {
			t.Errorf("%s: %+v, want %+v", client, got, want)
		}
	}
}
