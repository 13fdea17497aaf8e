package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"schulhof/config"
	"schulhof/smtpd/remote"
	"schulhof/smtpd/resolver"
)

// openOutside makes what asks the DNS and what reaches other mail servers; neither connects to anybody yet.
func (r *rooms) openOutside(o outside) (err error) {
	c := r.Config
	r.DNS, err = resolver.New(resolver.Options{Servers: c.DNS.Servers, TrustAD: resolver.Trust(c.DNS.TrustAD), Now: o.now})
	if err != nil {
		return err
	}
	r.Remote, err = remote.New(remote.Options{
		Resolver: r.DNS, Store: r.Store, Hostname: c.Server.Hostname, Own: ownAddresses(c.Listen.SMTP), Networks: c.Outgoing.Prefixes(), Port: c.Outgoing.Port,
		Log: r.Log.With("room", "remote"), Metrics: o.metrics, Now: o.now,
	})
	return err
}

// ownAddresses are the addresses at which we take mail from other servers: what is sent there comes back.
func ownAddresses(listen []string) (list []netip.AddrPort) {
	for _, address := range listen {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			continue
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			continue
		}
		ip, err := netip.ParseAddr(host)
		switch {
		case host == "localhost":
			ip = netip.MustParseAddr("127.0.0.1")
		case err != nil:
			ip = netip.IPv6Unspecified() // "" means every address
		}
		list = append(list, netip.AddrPortFrom(ip, uint16(number)))
	}
	return list
}

// stsPath is where other mail servers look for a domain's policy, at the host mta-sts.DOMAIN. RFC 8461 §3.2.
const stsPath = "/.well-known/mta-sts.txt"

// stsPolicy is the policy of each of our domains, and its id for the DNS; "" if none is to be served.
func stsPolicy(c *config.Config) (policy, id string) {
	if c.MTASTS.Mode == "off" {
		return "", ""
	}
	policy = fmt.Sprintf("version: STSv1\r\nmode: %s\r\nmx: %s\r\nmax_age: %d\r\n", c.MTASTS.Mode, c.Server.Hostname, int64(c.MTASTS.MaxAge.Seconds()))
	sum := sha256.Sum256([]byte(policy))
	return policy, hex.EncodeToString(sum[:10])
}

// serveSTS answers with the policy where the host is mta-sts. and a domain of ours.
func (d *discovery) serveSTS(w http.ResponseWriter, r *http.Request) {
	policy, _ := stsPolicy(d.config)
	domain, ok := strings.CutPrefix(strings.ToLower(strings.TrimSuffix(hostOf(r.Host), ".")), "mta-sts.")
	if !ok || policy == "" {
		http.NotFound(w, r)
		return
	}
	if local, err := d.directory.IsLocalDomain(r.Context(), domain); err != nil || !local {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=60")
	fmt.Fprint(w, policy)
}
