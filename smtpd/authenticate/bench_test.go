package authenticate

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"schulhof/smtpd/resolver"
	"schulhof/smtpd/resolver/dnstest"
)

// BenchmarkCheck judges messages of 10 KB with two good signatures, asking a DNS server on this machine; each domain is asked for
// the first time in one case, and known in the other.
func BenchmarkCheck(b *testing.B) {
	at := now
	k := ring(b, &at)
	message := sign(b, k, "example.org", letter+strings.Repeat("Liebe Eltern, wir fahren am Montag ins Museum.\r\n", 210))
	server := dnstest.Start(b)
	keys, err := k.Keys("example.org")
	if err != nil {
		b.Fatal(err)
	}
	for _, key := range keys {
		record := key.Record()
		half := len(record) / 2
		server.Add(b, fmt.Sprintf("%s. TXT %q %q", key.Name(), record[:half], record[half:]))
	}
	server.Add(b, `example.org. TXT "v=spf1 mx -all"`, "example.org. MX 10 mail.example.org.", "mail.example.org. A 192.0.2.1",
		`_dmarc.example.org. TXT "v=DMARC1; p=reject"`, "1.2.0.192.in-addr.arpa. PTR mail.example.org.")
	newResolver := func() *resolver.Resolver {
		r, err := resolver.New(resolver.Options{Servers: []string{server.Address}})
		if err != nil {
			b.Fatal(err)
		}
		return r
	}
	for name, fresh := range map[string]bool{"asked": true, "known": false} {
		b.Run(name, func(b *testing.B) {
			c := newTestChecker(b, newResolver())
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			for b.Loop() {
				if fresh {
					c = newTestChecker(b, newResolver())
				}
				v, err := c.Check(context.Background(), Input{Client: netip.MustParseAddr("192.0.2.1"), Hello: "mail.example.org", Sender: "lena@example.org",
					Message: strings.NewReader(message)})
				if err != nil || v.Action != Accept || !v.DMARC.DKIM || !v.DMARC.SPF {
					b.Fatalf("%+v, %v", v, err)
				}
			}
		})
	}
}

func BenchmarkSign(b *testing.B) {
	at := now
	k := ring(b, &at)
	message := letter + strings.Repeat("Liebe Eltern, wir fahren am Montag ins Museum.\r\n", 210)
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		if _, err := k.Sign(context.Background(), "example.org", strings.NewReader(message)); err != nil {
			b.Fatal(err)
		}
	}
}
