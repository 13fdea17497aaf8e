package authenticate

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// The records are those of RFC 7208 appendix A, and some that break a limit.
func TestSPF(t *testing.T) {
	z := &zone{
		txt: map[string][]string{
			"example.com":        {"v=spf1 mx -all"},
			"a.example.com":      {"v=spf1 a -all"},
			"org.example.com":    {"v=spf1 a:example.com/24 mx:example.com -all"},
			"ip.example.com":     {"v=spf1 ip4:192.0.2.128/28 ip6:2001:db8:1::/48 -all"},
			"inc.example.com":    {"v=spf1 include:ip.example.com ~all"},
			"red.example.com":    {"v=spf1 redirect=ip.example.com"},
			"soft.example.com":   {"v=spf1 ~all"},
			"what.example.com":   {"v=spf1 ?all"},
			"none.example.com":   {"some text"},
			"two.example.com":    {"v=spf1 -all", "v=spf1 +all"},
			"odd.example.com":    {"v=spf1 nonsense -all"},
			"loop.example.com":   {"v=spf1 include:loop.example.com -all"},
			"void.example.com":   {"v=spf1 a:v1.example.com a:v2.example.com a:v3.example.com -all"},
			"lost.example.com":   {"v=spf1 a:lost.example.org -all"},
			"user.example.com":   {"v=spf1 exists:%{l}.users.example.com -all"},
			"long.example.com":   {"v=spf1 " + strings.Repeat("ip4:192.0.2.1 ", 400) + "-all"},
			"beside.example.com": {strings.Repeat("a", maxText+1), "v=spf1 ip4:198.51.100.9 -all"},
			"xn--mller-kva.de":   {"v=spf1 ip4:192.0.2.129 -all"},
		},
		mx:     map[string][]string{"example.com": {"mail-a.example.com", "mail-b.example.com"}},
		ip:     map[string][]string{"mail-a.example.com": {"192.0.2.129"}, "mail-b.example.com": {"192.0.2.130", "2001:db8::130"}, "example.com": {"192.0.2.10"}, "a.example.com": {"192.0.2.10"}, "anna.users.example.com": {"127.0.0.2"}},
		broken: map[string]bool{"down.example.com": true, "lost.example.org": true},
	}
	var ten []string
	for i := range 10 {
		name := fmt.Sprintf("t%d.example.com", i)
		z.ip[name] = []string{"198.51.100.1"}
		ten = append(ten, "a:"+name)
	}
	z.txt["ten.example.com"] = []string{"v=spf1 " + strings.Join(ten, " ") + " ?all"}
	z.txt["eleven.example.com"] = []string{"v=spf1 " + strings.Join(ten, " ") + " a:example.com ?all"}
	tests := []struct {
		client, hello, sender string
		want                  Result
		reason                string
	}{
		{"192.0.2.129", "x.test", "anna@example.com", Pass, ""},
		{"2001:db8::130", "x.test", "anna@example.com", Pass, ""},
		{"::ffff:192.0.2.129", "x.test", "anna@example.com", Pass, ""},
		{"192.0.2.10", "x.test", "anna@example.com", Fail, ""},
		{"192.0.2.10", "x.test", "anna@a.example.com", Pass, ""},
		{"192.0.2.77", "x.test", "anna@org.example.com", Pass, ""},
		{"192.0.2.140", "x.test", "anna@inc.example.com", Pass, ""},
		{"2001:db8:1::5", "x.test", "anna@red.example.com", Pass, ""},
		{"198.51.100.9", "x.test", "anna@red.example.com", Fail, ""},
		{"198.51.100.9", "x.test", "anna@inc.example.com", SoftFail, ""},
		{"198.51.100.9", "x.test", "anna@soft.example.com", SoftFail, ""},
		{"198.51.100.9", "x.test", "anna@what.example.com", Neutral, ""},
		{"198.51.100.9", "x.test", "anna@none.example.com", None, ""},
		{"198.51.100.9", "x.test", "anna@missing.example.com", None, ""},
		{"198.51.100.9", "x.test", "anna@two.example.com", PermError, "more than one"},
		{"198.51.100.9", "x.test", "anna@odd.example.com", PermError, "cannot be read"},
		{"198.51.100.9", "x.test", "anna@loop.example.com", PermError, "more than 10"},
		{"198.51.100.9", "x.test", "anna@ten.example.com", Neutral, ""},
		{"198.51.100.9", "x.test", "anna@eleven.example.com", PermError, "more than 10"},
		{"198.51.100.9", "x.test", "anna@void.example.com", PermError, "void"},
		{"198.51.100.9", "x.test", "anna@lost.example.com", TempError, "DNS"},
		{"198.51.100.9", "x.test", "anna@down.example.com", TempError, "DNS"},
		{"198.51.100.9", "x.test", "anna@long.example.com", TempError, "DNS"},
		{"198.51.100.9", "x.test", "anna@beside.example.com", Pass, ""},
		{"198.51.100.9", "x.test", "anna@user.example.com", Pass, ""},
		{"198.51.100.9", "x.test", "ben@user.example.com", Fail, ""},
		{"198.51.100.9", "x.test", "jürgen@user.example.com", Fail, ""},
		{"192.0.2.129", "x.test", "anna@müller.de", Pass, ""},
		{"192.0.2.129", "example.com", "", Pass, ""}, // the HELO name; RFC 7208 §2.4
		{"192.0.2.10", "example.com.", "", Fail, ""},
		{"192.0.2.10", "[192.0.2.10]", "", None, "no domain name"},
		{"192.0.2.10", "localhost", "", None, "no domain name"},
		{"192.0.2.10", "x.test", "anna@[192.0.2.10]", None, "no domain name"},
		{"192.0.2.10", "x.test", "anna@" + strings.Repeat("a.", 130) + "example.com", None, "no domain name"},
	}
	for _, tt := range tests {
		got := checkSPF(context.Background(), newBudget(z), netip.MustParseAddr(tt.client), tt.hello, tt.sender)
		if got.Result != tt.want || !strings.Contains(got.Reason, tt.reason) {
			t.Errorf("%s for %q (HELO %s): %s %q, want %s %q", tt.client, tt.sender, tt.hello, got.Result, got.Reason, tt.want, tt.reason)
		}
		if got.Hello != (tt.sender == "") {
			t.Errorf("%q: identity of HELO: %v", tt.sender, got.Hello)
		}
	}
}

func TestIPRev(t *testing.T) {
	z := newZone()
	z.ptr["192.0.2.5"] = []string{"down.example.org"}
	z.ptr["192.0.2.6"] = []string{"a.test", "b.test", "c.test", "d.test", "e.test", "mail.example.org"}
	z.ip["mail.example.org"] = []string{"192.0.2.1", "192.0.2.6"}
	z.broken["down.example.org"], z.broken["192.0.2.4"] = true, true
	for client, want := range map[string]IPRev{
		"192.0.2.1": {Pass, "mail.example.org"},
		"192.0.2.9": {Result: Fail},      // its name does not lead back
		"192.0.2.8": {Result: PermError}, // no name
		"192.0.2.4": {Result: TempError},
		"192.0.2.5": {Result: TempError},
		"192.0.2.6": {Result: Fail}, // the name that does is one too many
	} {
		if got := checkIPRev(context.Background(), newBudget(z), netip.MustParseAddr(client)); got != want {
			t.Errorf("%s: %+v, want %+v", client, got, want)
		}
	}
}
