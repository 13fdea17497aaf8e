package main

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"sync/atomic"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/miekg/dns"
)

// origin is a domain that vouches for its mail in every way: from.load.test, with its DNS server.
type origin struct {
	keys  map[string]crypto.Signer // by selector
	asked atomic.Int64
	close func()
}

func newOrigin(at string) (*origin, error) {
	slow, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	public, quick, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(&slow.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	o := &origin{keys: map[string]crypto.Signer{"r": slow, "e": quick}}
	records := map[string]string{
		"TXT from.load.test.":              `TXT "v=spf1 ip4:127.0.0.0/8 -all"`,
		"TXT _dmarc.from.load.test.":       `TXT "v=DMARC1; p=reject"`,
		"TXT r._domainkey.from.load.test.": `TXT "v=DKIM1; k=rsa; p=` + strings.Join(pieces(base64.StdEncoding.EncodeToString(der)), `" "`) + `"`,
		"TXT e._domainkey.from.load.test.": `TXT "v=DKIM1; k=ed25519; p=` + base64.StdEncoding.EncodeToString(public) + `"`,
		"PTR 1.0.0.127.in-addr.arpa.":      "PTR out.from.load.test.",
		"A out.from.load.test.":            "A 127.0.0.1",
		"A localhost.":                     "A 127.0.0.1",
	}
	conn, err := net.ListenPacket("udp", at)
	if err != nil {
		return nil, fmt.Errorf("DNS server: %w", err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		o.asked.Add(1)
		a := new(dns.Msg)
		a.SetReply(q)
		a.RecursionAvailable = true
		name := strings.ToLower(q.Question[0].Name)
		record, ok := records[dns.TypeToString[q.Question[0].Qtype]+" "+name]
		if rr, err := dns.NewRR(name + " 300 IN " + record); ok && err == nil {
			a.Answer = []dns.RR{rr}
		} else {
			a.Rcode = dns.RcodeNameError
		}
		w.WriteMsg(a)
	})}
	go server.ActivateAndServe()
	o.close = func() { server.Shutdown() }
	return o, nil
}

// pieces are the character strings of a long text. RFC 1035 §3.3.
func pieces(text string) (list []string) {
	for len(text) > 255-len("v=DKIM1; k=rsa; p=") {
		list, text = append(list, text[:200]), text[200:]
	}
	return append(list, text)
}

// sign signs as large senders do: twice.
func (o *origin) sign(message string) (string, error) {
	for _, selector := range []string{"r", "e"} {
		var out bytes.Buffer
		if err := dkim.Sign(&out, strings.NewReader(message), &dkim.SignOptions{
			Domain: "from.load.test", Selector: selector, Signer: o.keys[selector], HeaderKeys: []string{"From", "To", "Subject", "Date", "Message-ID"},
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		}); err != nil {
			return "", fmt.Errorf("sign: %w", err)
		}
		message = out.String()
	}
	return message, nil
}
