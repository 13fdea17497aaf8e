package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/config"
	"schulhof/smtpd/queue"
	"schulhof/smtpd/resolver/dnstest"
	"schulhof/store"

	"github.com/miekg/dns"
)

const internetDomain, internetHost = "schule.example.org", "mail.schule.example.org"

// internetSchool is a school with the domain internetDomain beside school.test.
func internetSchool(t *testing.T) *rooms {
	t.Helper()
	c := newSchool(t)
	c.Server.Hostname = internetHost
	r := openSchool(t, c)
	if err := r.Directory.AddDomain(t.Context(), internetDomain); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Keys.Rotate(internetDomain); err != nil {
		t.Fatal(err)
	}
	return r
}

// outsideOf is a DNS server of its own in which everything about the school is right, and the school that asks it.
func outsideOf(t *testing.T, school *rooms, change func(c *config.Config)) (*examination, *dnstest.Server) {
	t.Helper()
	server := dnstest.Start(t, ". SOA ns. hostmaster. 1 2 3 4 300", internetHost+". A 192.0.2.25", internetHost+". AAAA 2001:db8::25",
		reverse(t, "192.0.2.25")+" PTR "+internetHost+".", reverse(t, "2001:db8::25")+" PTR "+internetHost+".")
	server.Sign(".")
	c, r := *school.Config, *school
	c.DNS.Servers = []string{server.Address}
	if change != nil {
		change(&c)
	}
	r.Config = &c
	if err := r.openOutside(outside{}); err != nil {
		t.Fatal(err)
	}
	e := &examination{config: &c, rooms: &r, now: time.Now()}
	for _, record := range e.recordsOfNote([]string{internetDomain}) {
		server.Add(t, record.line())
	}
	return e, server
}

func reverse(t *testing.T, ip string) string {
	t.Helper()
	name, err := dns.ReverseAddr(ip)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// Each fault of the records and the DNS servers has its own id, and one that follows from another is not told.
func TestDoctorLooksAtTheDNS(t *testing.T) {
	t.Parallel()
	school := internetSchool(t)
	keys, err := school.Keys.Keys(internetDomain)
	if err != nil || len(keys) != 2 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	failing := dnstest.Start(t)
	failing.Break(".", dnstest.ServFail)
	relay := queue.Route{Domain: queue.Everywhere, Host: "smtp.example.net", Port: 587, TLS: queue.TLSRequire}
	tests := []struct {
		name    string
		change  func(c *config.Config) // of the settings
		gone    []string               // names
		records []string               // that are added
		breaks  map[string]dnstest.Fault
		harm    func(t *testing.T, e *examination, server *dnstest.Server)
		want    []string
	}{
		{name: "nothing is wrong"},
		{name: "no DNS server answers", breaks: map[string]dnstest.Fault{".": dnstest.Refused}, want: []string{"resolver-silent"}},
		{name: "one of two answers", change: func(c *config.Config) { c.DNS.Servers = append(c.DNS.Servers, failing.Address) }, want: []string{"resolver-partly"}},
		{name: "nobody validates", harm: func(_ *testing.T, _ *examination, server *dnstest.Server) { server.Play(".", unsigned) }, want: []string{"resolver-unvalidated"}},
		{name: "nobody's word is believed", change: func(c *config.Config) { c.DNS.TrustAD = "never" },
			harm: func(_ *testing.T, e *examination, _ *dnstest.Server) { e.config.DNS.TrustAD = "loopback" }, want: []string{"resolver-unvalidated"}},
		{name: "DANE is not wanted", change: func(c *config.Config) { c.DNS.TrustAD = "never" }},
		{name: "the host has no address", gone: []string{internetHost}, want: []string{"host-address"}},
		{name: "an address leads nowhere", gone: []string{reverse(t, "2001:db8::25")}, want: []string{"host-reverse"}},
		{name: "an address leads elsewhere", gone: []string{reverse(t, "192.0.2.25")}, records: []string{reverse(t, "192.0.2.25") + " PTR pool-25.example.net."}, want: []string{"host-reverse"}},
		{name: "the key of another certificate", gone: []string{"_25._tcp." + internetHost}, records: []string{"_25._tcp." + internetHost + ". TLSA 3 1 1 " + strings.Repeat("ab", 32)}, want: []string{"host-key"}},
		{name: "no DANE", gone: []string{"_25._tcp." + internetHost}},
		{name: "no MX, no SPF", gone: []string{internetDomain}, want: []string{"domain-mx", "domain-spf"}},
		{name: "mail goes elsewhere", gone: []string{internetDomain}, records: []string{internetDomain + ". MX 10 mx.example.net.", internetDomain + `. TXT "v=spf1 a:` + internetHost + ` -all"`}, want: []string{"domain-mx-elsewhere"}},
		{name: "SPF is for others", gone: []string{internetDomain}, records: []string{internetDomain + ". MX 10 " + internetHost + ".", internetDomain + `. TXT "v=spf1 ip4:192.0.2.99 -all"`}, want: []string{"domain-spf"}},
		{name: "no key is published", gone: []string{keys[0].Name(), keys[1].Name()}, want: []string{"domain-dkim"}},
		{name: "another key is published", gone: []string{keys[0].Name()}, records: []string{keys[0].Name() + `. TXT "v=DKIM1; p=AAAA"`}, want: []string{"domain-dkim"}},
		{name: "no DMARC", gone: []string{"_dmarc." + internetDomain}, want: []string{"domain-dmarc"}},
		{name: "another policy", gone: []string{"_mta-sts." + internetDomain}, records: []string{"_mta-sts." + internetDomain + `. TXT "v=STSv1; id=1"`}, want: []string{"domain-mta-sts"}},
		{name: "the policy is elsewhere", gone: []string{"mta-sts." + internetDomain}, records: []string{"mta-sts." + internetDomain + ". A 192.0.2.99"}, want: []string{"domain-mta-sts"}},
		{name: "nobody asks for it but programs", gone: []string{"_smtp._tls." + internetDomain}},
		{name: "the domain's servers are broken", breaks: map[string]dnstest.Fault{internetDomain: dnstest.ServFail}, want: []string{"dns-unanswered"}},
		{name: "the keys are old", harm: func(_ *testing.T, e *examination, _ *dnstest.Server) { e.now = e.now.Add(doctorKeyAge + time.Hour) }, want: []string{"dkim-old"}},
		{name: "behind a smart host", gone: []string{reverse(t, "192.0.2.25"), internetDomain}, records: []string{internetDomain + ". MX 10 " + internetHost + ".", internetDomain + `. TXT "v=spf1 include:spf.example.net -all"`, `spf.example.net. TXT "v=spf1 ip4:192.0.2.99 -all"`},
			harm: func(t *testing.T, e *examination, _ *dnstest.Server) { e.route(t, relay) }},
		{name: "behind a smart host, without SPF", gone: []string{internetDomain}, records: []string{internetDomain + ". MX 10 " + internetHost + "."},
			harm: func(t *testing.T, e *examination, _ *dnstest.Server) { e.route(t, relay) }, want: []string{"domain-spf"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, server := outsideOf(t, school, tt.change)
			server.Remove(tt.gone...)
			server.Add(t, tt.records...)
			for name, fault := range tt.breaks {
				server.Break(name, fault)
			}
			if tt.harm != nil {
				tt.harm(t, e, server)
			}
			e.checkInternet(t.Context())
			if got := ids(e.findings); !slices.Equal(got, tt.want) {
				t.Errorf("doctor found %+v, want %q", e.findings, tt.want)
			}
			for _, f := range e.findings {
				if f.Detail == "" || f.Fix == "" {
					t.Errorf("%s has no detail or fix", f.ID)
				}
			}
		})
	}
}

// unsigned answers without saying that the answer is authentic.
func unsigned(query *dns.Msg, _ bool) []*dns.Msg {
	return []*dns.Msg{new(dns.Msg).SetReply(query)}
}

// route adds a route until the test ends.
func (e *examination) route(t *testing.T, r queue.Route) {
	t.Helper()
	if _, err := e.rooms.Queue.AddRoute(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.rooms.Queue.RemoveRoute(context.WithoutCancel(t.Context()), r.Domain); err != nil {
			t.Error(err)
		}
	})
}

// A fault that many domains have is one finding, which names a few of them and how many more there are.
func TestDoctorGathersFaults(t *testing.T) {
	t.Parallel()
	e, many := &examination{rooms: openSchool(t, newSchool(t))}, []dnsResult{}
	for i := range 5 {
		many = append(many, dnsResult{dnsRecord: dnsRecord{Name: fmt.Sprintf("_dmarc.schule%d.example.org.", i), Type: "TXT", Value: "v=DMARC1"}, Reason: "gone"})
	}
	e.judgeRecords(many)
	const want = "TXT of _dmarc.schule0.example.org: gone; TXT of _dmarc.schule1.example.org: gone; TXT of _dmarc.schule2.example.org: gone; and 2 more"
	if len(e.findings) != 1 || e.findings[0].ID != "domain-dmarc" || e.findings[0].Detail != want {
		t.Errorf("doctor found %+v, want %s", e.findings, want)
	}
}

// A school whose names nobody elsewhere can find is told once, and nobody is asked.
func TestDoctorLeavesAnInternalSchoolInPeace(t *testing.T) {
	t.Parallel()
	server, c := dnstest.Start(t), newSchool(t)
	c.DNS.Servers = []string{server.Address}
	e := &examination{config: c, rooms: openSchool(t, c), now: time.Now()}
	if err := e.rooms.Directory.AddDomain(t.Context(), "schule.internal"); err != nil {
		t.Fatal(err)
	}
	e.examine(t.Context())
	if !slices.Contains(ids(e.findings), "domain-internal") || len(server.Asked()) != 0 {
		t.Errorf("doctor found %q and asked %q", ids(e.findings), server.Asked())
	}
	for domain, want := range map[string]bool{"school.test": true, "a.b.localhost": true, "schule.home.arpa": true, "schule": true, "schule.de": false, "test.schule.de": false, "home.arpa.de": false} {
		if isInternal(domain) != want {
			t.Errorf("isInternal(%q) = %t", domain, !want)
		}
	}
}

// When the DNS says nothing the doctor does not wait for a second round of questions.
func TestDoctorDoesNotWaitForTheDNS(t *testing.T) {
	t.Parallel()
	e, server := outsideOf(t, internetSchool(t), nil)
	e.patience = time.Second
	for _, record := range append(e.recordsOfNote([]string{internetDomain}), dnsRecord{Name: internetHost + "."}) {
		server.Break(record.Name, dnstest.Silent)
	}
	e.checkInternet(t.Context())
	if got := ids(e.findings); !slices.Equal(got, []string{"dns-unanswered"}) && !slices.Equal(got, []string{"resolver-silent"}) { // on a machine that is very busy
		t.Errorf("doctor found %q", got)
	}
	asked := server.Asked()
	slices.Sort(asked)
	if once := slices.Compact(slices.Clone(asked)); len(once) != len(asked) {
		t.Errorf("the DNS was asked again: %q", asked)
	}
}

// Keys that wait for their records, and keys that cannot be read.
func TestDoctorLooksAtKeys(t *testing.T) {
	t.Parallel()
	r := internetSchool(t)
	find := func(after time.Duration) []string {
		e := &examination{config: r.Config, rooms: r, now: time.Now().Add(after)}
		e.checkKeyAges([]string{internetDomain})
		return ids(e.findings)
	}
	if _, err := r.Keys.Rotate(internetDomain); err != nil {
		t.Fatal(err)
	}
	if got := find(doctorKeyWait - time.Hour); len(got) != 0 {
		t.Errorf("soon after new keys were made: %q", got)
	}
	if got := find(doctorKeyWait + time.Hour); !slices.Equal(got, []string{"dkim-waiting"}) {
		t.Errorf("long after new keys were made: %q", got)
	}
	if got := find(doctorKeyAge + time.Hour); !slices.Equal(got, []string{"dkim-waiting"}) {
		t.Errorf("a year after new keys were made: %q: another rotation would not help", got)
	}
	folder := filepath.Join(r.Config.Server.Data, keysFolder, "broken.example.org")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "a.key"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := &examination{config: r.Config, rooms: r, now: time.Now()}
	e.checkKeyAges([]string{"broken.example.org"})
	if got := ids(e.findings); !slices.Equal(got, []string{"dkim-unreadable"}) {
		t.Errorf("with a broken key: %q", got)
	}
}

// The port of mail servers is tried where mail goes to anyway, and what cannot be reached for long is told.
func TestDoctorTriesTheWayOut(t *testing.T) {
	t.Parallel()
	open, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	school := internetSchool(t)
	smart := queue.Route{Domain: queue.Everywhere, Host: "smtp.example.net", Port: 587, TLS: queue.TLSRequire}
	closed := smart
	closed.Domain = "closed.example.org"
	records := []string{"open.example.org. A 127.0.0.1", "closed.example.org. A 127.0.0.2", "shut.example.org. A 127.0.0.2"}
	tests := []struct {
		name      string
		contacted []string       // domains
		waiting   map[string]int // destinations, and how often they failed
		route     *queue.Route
		want      []string // an id and its severity
	}{
		{name: "no mail has been sent"},
		{name: "it works", contacted: []string{"open.example.org"}},
		{name: "one server is not reached", contacted: []string{"closed.example.org"}, want: []string{"outgoing-port", "warning"}},
		{name: "none is reached", contacted: []string{"closed.example.org"}, waiting: map[string]int{"shut.example.org": 1}, want: []string{"outgoing-port", "error"}},
		{name: "one of them is reached", contacted: []string{"open.example.org"}, waiting: map[string]int{"closed.example.org": 1, "shut.example.org": 1}},
		{name: "a domain that does not exist", waiting: map[string]int{"nowhere.example.org": 2}},
		{name: "a domain of no internet", waiting: map[string]int{"closed.test": 2}},
		{name: "all mail leaves through a smart host", contacted: []string{"closed.example.org", "shut.example.org"}, waiting: map[string]int{"smtp.example.net:587": 1}, route: &smart},
		{name: "its mail leaves through a smart host", contacted: []string{"closed.example.org"}, waiting: map[string]int{"smtp.example.net:587": 1}, route: &closed},
		{name: "a smart host takes nothing", waiting: map[string]int{"smtp.example.net:587": doctorFailures}, route: &smart, want: []string{"smarthost-unreachable", "error"}},
		{name: "a destination is down for long", contacted: []string{"open.example.org"}, waiting: map[string]int{"closed.example.org": doctorFailures}, want: []string{"destination-unreachable", "warning"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, server := outsideOf(t, school, func(c *config.Config) {
				c.Outgoing.Port, c.Outgoing.Networks = open.Addr().(*net.TCPAddr).Port, []string{"127.0.0.0/8"}
			})
			server.Add(t, records...)
			if tt.route != nil {
				e.route(t, *tt.route)
			}
			e.remember(t, tt.contacted, tt.waiting)
			e.checkDestinations(t.Context())
			e.checkInternet(t.Context())
			var got []string
			for _, f := range e.findings {
				got = append(got, f.ID, string(f.Severity))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("doctor found %+v, want %q", e.findings, tt.want)
			}
		})
	}
}

// remember writes down whom mail went to, and whom it waits for.
func (e *examination) remember(t *testing.T, contacted []string, waiting map[string]int) {
	t.Helper()
	err := e.rooms.Store.Write(t.Context(), func(tx *store.Tx) error {
		for _, table := range []string{"tls_count", "queue_destination"} {
			if _, err := tx.Exec(`DELETE FROM ` + table); err != nil {
				return err
			}
		}
		for _, domain := range contacted {
			if _, err := tx.Exec(`INSERT INTO tls_count (day, domain, policy_type, policy, result_type, mx_host, sessions)
				VALUES (1, $1, 'no-policy-found', $2, '', '', 1)`, domain, []byte{}); err != nil {
				return err
			}
		}
		for name, failures := range waiting {
			if _, err := tx.Exec(`INSERT INTO queue_destination (name, failing, wake, until, failures, text) VALUES ($1, 1, 0, 0, $2, 'No way there')`, name, failures); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
