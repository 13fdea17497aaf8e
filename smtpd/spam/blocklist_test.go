package spam

import (
	"net/netip"
	"slices"
	"testing"

	"schulhof/smtpd/authenticate"
	"schulhof/store/storetest"
)

func TestListNames(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.99":                "99.2.0.192.bl.test",
		"::ffff:192.0.2.99":         "99.2.0.192.bl.test",
		"2001:db8:1:2:3:4:567:89ab": "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.test", // RFC 5782 §2.4
	} {
		if got := listName(netip.MustParseAddr(address), "bl.test"); got != want {
			t.Errorf("listName(%s) = %s, want %s", address, got, want)
		}
	}
}

func TestBlocklists(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		answers map[string]string // of the zones a.test, b.test
		fails   bool
		want    string
	}{
		{"not listed", nil, false, ""},
		{"listed", map[string]string{"a": "127.0.0.2"}, false, "LISTED"},
		{"listed for several reasons", map[string]string{"a": "127.0.0.4 127.0.0.10"}, false, "LISTED"},
		{"listed twice", map[string]string{"a": "127.0.0.2", "b": "127.0.1.2"}, false, "LISTED LISTED_AGAIN"},
		{"the list does not answer this resolver", map[string]string{"a": "127.255.255.254"}, false, ""},
		{"the list has ended", map[string]string{"a": "203.0.113.1"}, false, ""},
		{"one answer of two counts", map[string]string{"a": "127.255.255.252 127.0.0.3"}, false, "LISTED"},
		{"an IPv6 answer", map[string]string{"a": "::1"}, false, ""},
		{"an IPv4 answer in IPv6", map[string]string{"a": "::ffff:127.0.0.2"}, false, "LISTED"},
		{"the DNS fails", map[string]string{"a": "127.0.0.2"}, true, ""},
	}
	s := storetest.Open(t)
	for _, tt := range tests {
		w := newWorldOn(t, s, func(o *Options) { o.Blocklists = []string{"a.test", "b.test"} })
		w.origin.tell(dkim(authenticate.Pass))
		w.origin.zone.ip, w.origin.zone.fails = map[string]string{}, tt.fails
		for list, text := range tt.answers {
			w.origin.zone.ip["7.100.51.198."+list+".test"] = text
		}
		if got := names(w.judge(from("198.51.100.7", good)).Symbols); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		slices.Sort(w.origin.zone.asked)
		if want := []string{"ip4 7.100.51.198.a.test", "ip4 7.100.51.198.b.test"}; !slices.Equal(w.origin.zone.asked, want) {
			t.Errorf("%s: asked %q", tt.name, w.origin.zone.asked)
		}
	}
}
