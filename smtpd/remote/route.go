package remote

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"

	"schulhof/mailbox/message"
	"schulhof/smtpd/resolver"
)

// host is a server to try.
type host struct {
	name   string // without a final dot; ASCII
	port   int
	secure bool       // the DNS says with a signature that mail goes there; also of a smart host, whom we know ourselves
	ip     netip.Addr // of an address literal; then there is no name to look up
}

// asciiDomain is a domain as it stands in the DNS and in SMTP, or "" if it has no such form.
func asciiDomain(domain string) string {
	ascii, _ := message.ASCIIDomain(domain)
	return ascii
}

// route lists the servers for t, in the order to try them. RFC 5321 §5.1.
func (c *Client) route(ctx context.Context, t Target) ([]host, error) {
	if t.Host != "" {
		port := t.Port
		if port == 0 {
			port = 587
		}
		if ip, err := netip.ParseAddr(strings.Trim(t.Host, "[]")); err == nil {
			return []host{{name: ip.String(), port: port, ip: ip, secure: true}}, nil
		}
		return []host{{name: asciiDomain(t.Host), port: port, secure: true}}, nil
	}
	port := t.Port
	if port == 0 {
		port = c.o.Port
	}
	if literal, ok := strings.CutPrefix(t.Domain, "["); ok {
		return literalHost(literal, port)
	}
	domain := asciiDomain(t.Domain)
	if domain == "" {
		return nil, failure("", "5.1.2", "The domain "+clean(t.Domain)+" is not valid", nil)
	}
	found, err := c.o.Resolver.MX(ctx, domain)
	switch {
	case resolver.IsNotFound(err): // the domain is its own server
		if domain == asciiDomain(c.o.Hostname) {
			return nil, c.loops(domain)
		}
		return []host{{name: domain, port: port, secure: found.Secure}}, nil
	case err != nil:
		return nil, failure("", "4.4.3", "The DNS does not say now where mail for "+clean(domain)+" goes", err)
	}
	return c.mxHosts(domain, port, found)
}

// literalHost reads [192.0.2.1] or [IPv6:2001:db8::1]. RFC 5321 §4.1.3.
func literalHost(literal string, port int) ([]host, error) {
	text, closed := strings.CutSuffix(literal, "]")
	if len(text) > 5 && strings.EqualFold(text[:5], "IPv6:") {
		text = text[5:]
	}
	ip, err := netip.ParseAddr(text)
	if err != nil || !closed || ip.Zone() != "" {
		return nil, failure("", "5.1.2", "The address literal is not valid", nil)
	}
	return []host{{name: ip.String(), port: port, ip: ip}}, nil
}

// mxHosts orders the mail servers of a domain; those of equal preference by lot. If we are among them, only those before
// us are left: the others would give the mail back to us.
func (c *Client) mxHosts(domain string, port int, found resolver.Found[*net.MX]) ([]host, error) {
	var hosts []host
	records := found.Records
	own := asciiDomain(c.o.Hostname)
	null := false
	for len(records) > 0 {
		n := 1
		for n < len(records) && records[n].Pref == records[0].Pref {
			n++
		}
		group := records[:n]
		records = records[n:]
		var equal []host
		ours := false
		for _, mx := range group {
			name := asciiDomain(mx.Host)
			ours = ours || name == own
			if null = null || name == ""; name != "" {
				equal = append(equal, host{name: name, port: port, secure: found.Secure})
			}
		}
		if ours {
			break
		}
		rand.Shuffle(len(equal), func(i, j int) { equal[i], equal[j] = equal[j], equal[i] })
		hosts = append(hosts, equal...)
	}
	switch {
	case len(hosts) > 0:
		return hosts, nil
	case null: // RFC 7505 §3, §4.2
		return nil, &Error{Result: Result{Code: 556, Enhanced: "5.1.10", Text: "The domain " + clean(domain) + " takes no mail"}}
	}
	return nil, c.loops(domain)
}

func (c *Client) loops(domain string) error {
	return failure("", "5.4.6", "Mail for "+clean(domain)+" would come back to this server", nil)
}

// addresses finds the addresses of a host. If the DNS knows one kind of them only for now, those count.
func (c *Client) addresses(ctx context.Context, h host) (resolver.Found[netip.Addr], error) {
	if h.ip.IsValid() {
		return resolver.Found[netip.Addr]{Records: []netip.Addr{h.ip}}, nil
	}
	if h.name == "" {
		return resolver.Found[netip.Addr]{}, failure("", "5.4.4", "The name of the server is not valid", nil)
	}
	found, err := c.o.Resolver.Addresses(ctx, h.name)
	switch {
	case len(found.Records) > 0:
		return found, nil
	case resolver.IsNotFound(err):
		return found, failure(h.name, "5.1.2", "No server "+clean(h.name)+" is known to the DNS", err)
	}
	return found, failure(h.name, "4.4.3", "The DNS does not say now where "+clean(h.name)+" is", err)
}
