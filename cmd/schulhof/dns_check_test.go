package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"schulhof/smtpd/queue"
	"schulhof/smtpd/resolver/dnstest"
)

// TestDNSCheckNamesTheFault: what a record leads to is not blamed on the record, and a key need not say its version (RFC 6376 §3.6.1).
func TestDNSCheckNamesTheFault(t *testing.T) {
	t.Parallel()
	server := dnstest.Start(t)
	c := newSchool(t)
	c.DNS.Servers = []string{server.Address}
	r := openSchool(t, c)
	made, err := r.Keys.Rotate("school.test")
	if err != nil {
		t.Fatal(err)
	}
	host := c.Server.Hostname
	for _, k := range made {
		record, ok := strings.CutPrefix(k.Record(), "v=DKIM1; ")
		if !ok {
			t.Fatal(k.Record())
		}
		server.Add(t, fmt.Sprintf("%s. TXT %q %q", k.Name(), record[:40], record[40:]))
	}
	server.Add(t, `school.test. TXT "v=spf1 mx -all"`, "school.test. MX 10 "+host+".", "mta-sts.school.test. CNAME web.school.test.", "web.school.test. A 192.0.2.7")
	records, err := recordsFor(t.Context(), r, []string{"school.test"})
	if err != nil {
		t.Fatal(err)
	}
	const noAddress = "this server's name has no address"
	want := map[string]string{
		"A " + host + ".": noAddress, "PTR " + host + ".": noAddress, "CNAME mta-sts.school.test.": noAddress, "MX school.test.": "",
		"TXT " + made[0].Name() + ".": "", "TXT " + made[1].Name() + ".": "",
	}
	seen := 0
	for _, got := range checkRecords(t.Context(), r, records) {
		reason, asked := want[got.Type+" "+got.Name]
		if got.Type == "TXT" && strings.HasPrefix(got.Value, "v=spf1") {
			reason, asked = noAddress, true
		}
		if !asked {
			continue
		}
		if seen++; got.Reason != reason || got.OK != (reason == "") || reason != "" && !strings.HasPrefix(got.Fix, "publish an A or AAAA record of "+host) {
			t.Errorf("%s %s: %q, fix %q, want %q", got.Type, got.Name, got.Reason, got.Fix, reason)
		}
	}
	if seen != len(want)+1 {
		t.Errorf("%d records were looked at, want %d", seen, len(want)+1)
	}
}

// TestDNSBehindASmartHost: others see the smart host in our place. What is advised must not have them refuse its mail.
func TestDNSBehindASmartHost(t *testing.T) {
	t.Parallel()
	server := dnstest.Start(t, "mail.school.test. A 192.0.2.25", `school.test. TXT "v=spf1 include:spf.example.net -all"`, `spf.example.net. TXT "v=spf1 ip4:192.0.2.99 -all"`)
	c := newSchool(t)
	c.Server.Hostname, c.DNS.Servers = "mail.school.test", []string{server.Address}
	r := openSchool(t, c)
	for _, tt := range []struct {
		route queue.Route
		value string
		wrong []string
	}{
		{queue.Route{Domain: "partner.example", Host: "smtp.example.net", Port: 587, TLS: queue.TLSRequire}, "v=spf1 mx -all", []string{"PTR", "TXT"}},
		{queue.Route{Domain: queue.Everywhere, Host: "smtp.example.net", Port: 587, TLS: queue.TLSRequire}, "v=spf1 mx ~all", nil},
	} {
		if _, err := r.Queue.AddRoute(t.Context(), tt.route); err != nil {
			t.Fatal(err)
		}
		records, err := recordsFor(t.Context(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		records = slices.DeleteFunc(records, func(r dnsRecord) bool { return !r.isSPF() })
		if len(records) != 1 || records[0].Value != tt.value {
			t.Fatalf("route %s: %+v, want %s", tt.route.Domain, records, tt.value)
		}
		var wrong []string
		for _, got := range checkRecords(t.Context(), r, records) {
			if !got.OK {
				wrong = append(wrong, got.Type)
			}
		}
		if !slices.Equal(wrong, tt.wrong) {
			t.Errorf("route %s: wrong are %q, want %q", tt.route.Domain, wrong, tt.wrong)
		}
	}
}
