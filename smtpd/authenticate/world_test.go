package authenticate

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// zone is a DNS of a few names. A name in broken has no answer now.
type zone struct {
	mu     sync.Mutex
	txt    map[string][]string
	mx     map[string][]string
	ip     map[string][]string
	ptr    map[string][]string
	broken map[string]bool
	asked  []string
}

func (z *zone) ask(kind, name string) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	z.asked = append(z.asked, kind+" "+name)
	if z.broken[name] {
		return &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	}
	return nil
}

func lookup(z *zone, kind, name string, from map[string][]string) ([]string, error) {
	if err := z.ask(kind, name); err != nil {
		return nil, err
	}
	list, ok := from[strings.ToLower(strings.TrimSuffix(name, "."))]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return list, nil
}

func (z *zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	return lookup(z, "TXT", name, z.txt)
}

func (z *zone) LookupMX(_ context.Context, name string) (list []*net.MX, err error) {
	hosts, err := lookup(z, "MX", name, z.mx)
	for i, h := range hosts {
		list = append(list, &net.MX{Host: h, Pref: uint16(i)})
	}
	return list, err
}

func (z *zone) LookupIPAddr(_ context.Context, name string) (list []net.IPAddr, err error) {
	addresses, err := lookup(z, "A", name, z.ip)
	for _, a := range addresses {
		list = append(list, net.IPAddr{IP: net.ParseIP(a)})
	}
	return list, err
}

func (z *zone) LookupNetIP(_ context.Context, network, name string) (list []netip.Addr, err error) {
	addresses, err := lookup(z, network, name, z.ip)
	for _, a := range addresses {
		list = append(list, netip.MustParseAddr(a))
	}
	return list, err
}

func (z *zone) LookupAddr(_ context.Context, ip string) ([]string, error) {
	return lookup(z, "PTR", ip, z.ptr)
}

// key is a signing key and its record.
type testKey struct {
	selector string
	private  crypto.Signer
	record   string
}

// testKeys makes a pair of keys once: they take long to make.
var testKeys = sync.OnceValue(func() []testKey {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&r.PublicKey)
	if err != nil {
		panic(err)
	}
	edPublic, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return []testKey{
		{"r1", r, "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)},
		{"e1", ed, "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(edPublic)},
	}
})

var now = time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)

// newZone knows example.org, which sends from 192.0.2.1 and wants other mail refused.
func newZone() *zone {
	z := &zone{
		txt: map[string][]string{
			"example.org":            {"v=spf1 ip4:192.0.2.1 -all", "something=else"},
			"_dmarc.example.org":     {"v=DMARC1; p=reject; sp=quarantine; np=reject; rua=mailto:d@example.org"},
			"lax.example":            {"v=spf1 a mx ~all"},
			"_dmarc.lax.example":     {"v=DMARC1; p=none"},
			"hello.example":          {"v=spf1 ip4:192.0.2.1 -all"},
			"_dmarc.quarantine.test": {"v=DMARC1; p=quarantine"},
		},
		mx:     map[string][]string{"lax.example": {"mx.lax.example"}},
		ip:     map[string][]string{"mx.lax.example": {"192.0.2.7", "2001:db8::7"}, "sub.example.org": {"192.0.2.3"}, "mail.example.org": {"192.0.2.1"}},
		ptr:    map[string][]string{"192.0.2.1": {"mail.example.org."}, "192.0.2.9": {"forged.example.org."}},
		broken: map[string]bool{},
	}
	for _, k := range testKeys() {
		z.txt[k.selector+"._domainkey.example.org"] = []string{k.record}
	}
	return z
}

// newTestChecker judges as mail.school.test; every message is among the first percent.
func newTestChecker(t testing.TB, z Resolver, change ...func(*Options)) *Checker {
	t.Helper()
	o := Options{Resolver: z, Hostname: "mail.school.test", Strict: Reject, Now: func() time.Time { return now }, Roll: func(int) int { return 0 }}
	for _, c := range change {
		c(&o)
	}
	c, err := NewChecker(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// from is a message with that From field.
func from(address string) string {
	return fmt.Sprintf("From: %s\r\nTo: anna@school.test\r\nSubject: Ausflug\r\nDate: Wed, 25 Nov 2026 10:00:00 +0000\r\n\r\nWir fahren ins Museum.\r\n", address)
}

func input(client, hello, sender, message string) Input {
	return Input{Client: netip.MustParseAddr(client), Hello: hello, Sender: sender, Message: strings.NewReader(message)}
}

func check(t testing.TB, c *Checker, in Input) Verdict {
	t.Helper()
	v, err := c.Check(context.Background(), in)
	if err != nil {
		t.Fatalf("Check: %v", err)
	}
	return v
}
