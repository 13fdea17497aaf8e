package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"schulhof/smtpd/resolver/dnstest"

	"github.com/miekg/dns"
)

// unbound is Debian's validating resolver, which asks the DNS elsewhere: for the zone of the anchor as its authoritative server, and for the rest.
func (e *elsewhere) unbound(t *testing.T, zone, anchor string) (address string) {
	t.Helper()
	program, err := exec.LookPath("unbound")
	if err != nil {
		t.Skip("Debian's unbound is not installed (apt-get install unbound): no signed answers are validated")
	}
	ip, dir := loopback(), t.TempDir()
	host, otherPort, err := net.SplitHostPort(e.dns.Address)
	if err != nil {
		t.Fatal(err)
	}
	settings := `server:
	directory: "` + dir + `"
	interface: ` + ip + `@` + e.port + `
	username: ""
	chroot: ""
	pidfile: ""
	use-syslog: no
	num-threads: 1
	msg-cache-size: 1m
	rrset-cache-size: 1m
	module-config: "validator iterator"
	val-log-level: 2
	do-not-query-localhost: no
	trust-anchor: "` + strings.ReplaceAll(anchor, "\t", " ") + `"
remote-control:
	control-enable: no
stub-zone:
	name: "` + zone + `"
	stub-addr: ` + host + "@" + otherPort + `
forward-zone:
	name: "."
	forward-addr: ` + host + "@" + otherPort + "\n"
	file := filepath.Join(dir, "unbound.conf")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	resolver := exec.Command(program, "-d", "-c", file)
	resolver.Stderr = &log
	if err := resolver.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { resolver.Wait(); close(ended) }()
	t.Cleanup(func() {
		resolver.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("unbound: %s", log.String())
		}
	})
	address = net.JoinHostPort(ip, e.port)
	client := &dns.Client{Timeout: time.Second}
	query := new(dns.Msg).SetQuestion(dns.Fqdn(zone), dns.TypeSOA)
	query.AuthenticatedData = true
	validates := false
	patiently(func() bool {
		select {
		case <-ended:
			return true
		default:
		}
		answer, _, err := client.Exchange(query, address)
		validates = err == nil && answer.AuthenticatedData
		return validates
	})
	if validates {
		return address
	}
	resolver.Process.Kill()
	if <-ended; strings.Contains(log.String(), "Permission denied") {
		t.Skipf("unbound may not run from this folder here: %s", log.String())
	}
	t.Fatal("unbound does not answer, or not with what it has validated")
	return ""
}

// With Debian's unbound as the resolver that validates: what is signed in the DNS about a server's certificate decides, a signature that does
// not fit makes mail wait, and what is not signed means nothing.
func TestDANEWithUnbound(t *testing.T) {
	t.Parallel()
	passages := []passage{
		{"the key that the DNS names", "good.example", "sent: TLS 1.3, DANE"},
		{"another key", "wrong.example", "waits: The server did not prove to be who it is said to be (TLS certificate)"},
		{"another key, and no STARTTLS", "stripped.example", "waits: The server offers no TLS, which is demanded here"},
		{"signed, but nothing about the key", "silent.example", "sent: TLS 1.3, certificate not checked"},
		{"a signature of the TLSA record that does not fit", "tlsa-forged.example", "waits: The DNS does not say now how the server proves itself (DANE)"},
		{"a signature of the address that does not fit", "host-forged.example", "waits: The DNS does not say now where mx.host-forged.example is"},
		{"a signature of the MX record that does not fit", "forged.example", "waits: The DNS does not say now where mail for forged.example goes"},
		{"not signed, another key", "unsigned.example.net", "sent: TLS 1.3, certificate not checked"},
	}
	e := newElsewhere(t)
	cert, other := e.certificate(t, "mx.example"), e.certificate(t, "mx.example")
	address := e.mailServer(t, cert)
	attacker, stripped := e.middleman(t, address)
	for _, p := range passages {
		at, proof := address, cert
		switch p.domain {
		case "wrong.example", "unsigned.example.net":
			proof = other
		case "stripped.example":
			at, proof = stripped, other
		}
		e.dns.Add(t, p.domain+". MX 10 mx."+p.domain+".", "mx."+p.domain+". A "+at)
		if p.domain != "silent.example" {
			e.dns.Add(t, e.tlsa("mx."+p.domain, proof))
		}
	}
	anchor := e.dns.SignZone(t, "example")
	for _, forged := range []string{"_" + e.port + "._tcp.mx.tlsa-forged.example", "mx.host-forged.example", "forged.example"} {
		e.dns.Break(forged, dnstest.Forged)
	}
	resolver := e.unbound(t, "example", anchor)
	l := newLive(t, filepath.Join(t.TempDir(), "data"), "anna")
	e.serve(t, l, "--set", "dns.servers="+resolver)
	waits := e.send(t, l, passages)
	l.stop(t)
	verifyPassages(t, passages, waits, l.log.String())
	if read := attacker.read(); len(read) > 0 {
		t.Errorf("mail to %q left in the clear", read)
	}
	for _, m := range e.got() {
		if !m.tls {
			t.Errorf("mail to %q arrived in the clear", m.to)
		}
	}
}
