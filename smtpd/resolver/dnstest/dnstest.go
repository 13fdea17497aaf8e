// Package dnstest is a DNS server for tests: on a loopback address, with records as a zone file has them, and
// with every fault that servers on the internet have.
package dnstest

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Fault is how the server answers wrongly, or not at all.
type Fault int

// The faults.
const (
	None       Fault = iota
	ServFail         // what a resolver also says when signatures are bogus
	Bogus            // the same with the reason of RFC 8914
	Refused          // not this server's business
	Silent           // no answer
	Lame             // a referral instead of an answer
	Truncated        // over UDP; TCP has the answer
	Cut              // truncated, over TCP too
	Garbage          // bytes that are no message
	Foreign          // an answer to another question
	NoEDNS           // FORMERR to queries with EDNS
	HangUp           // truncated, and TCP closes at once
	Unfollowed       // CNAMEs are not followed
	Forged           // signatures that do not fit; where SignZone signs
)

// Server answers questions. Its methods may be called while it runs.
type Server struct {
	Address string // host:port, UDP and TCP

	mu      sync.Mutex
	records map[string][]dns.RR // by lower-case name
	faults  map[string]Fault
	scripts map[string]Script
	secure  []string
	keys    []*zoneKey
	asked   []string
}

// Script writes replies to a query, which are sent in their order; none is silence.
type Script func(query *dns.Msg, overTCP bool) []*dns.Msg

// Start runs a server with these records until the test ends. A record is a line of a zone file; its TTL is an hour
// unless it says otherwise.
func Start(t testing.TB, records ...string) *Server {
	t.Helper()
	return StartAt(t, "127.0.0.1:0", records...)
}

// StartAt is Start at a given address and port. Port 0 stands for any that is free.
func StartAt(t testing.TB, address string, records ...string) *Server {
	t.Helper()
	s := &Server{records: map[string][]dns.RR{}, faults: map[string]Fault{}, scripts: map[string]Script{}}
	s.Add(t, records...)
	udp, tcp := listen(t, address)
	s.Address = udp.LocalAddr().String()
	var running sync.WaitGroup
	t.Cleanup(running.Wait) // runs last
	for _, server := range []*dns.Server{
		{PacketConn: udp, Handler: dns.HandlerFunc(s.answer)},
		{Listener: tcp, Handler: dns.HandlerFunc(s.answer)},
	} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		running.Go(func() {
			if err := server.ActivateAndServe(); err != nil {
				t.Errorf("DNS server: %v", err)
			}
		})
		<-started
		t.Cleanup(func() {
			if err := server.Shutdown(); err != nil {
				t.Errorf("stop DNS server: %v", err)
			}
		})
	}
	return s
}

// listen opens the same port for both protocols.
func listen(t testing.TB, address string) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 50 {
		tcp, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if udp, err := net.ListenPacket("udp", tcp.Addr().String()); err == nil {
			return udp, tcp
		}
		tcp.Close() // someone else has the port over UDP
	}
	t.Fatal("no port that is free for UDP and TCP")
	return nil, nil
}

// Add adds records.
func (s *Server) Add(t testing.TB, records ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range records {
		rr, err := dns.NewRR(line)
		if err != nil || rr == nil {
			t.Fatalf("record %q: %v", line, err)
		}
		name := strings.ToLower(rr.Header().Name)
		s.records[name] = append(s.records[name], rr)
	}
}

// Remove takes every record of these names away.
func (s *Server) Remove(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		delete(s.records, strings.ToLower(dns.Fqdn(name)))
	}
}

// Break makes questions about name fail so. "name/TYPE" breaks one type only; None mends it.
func (s *Server) Break(name string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, kind, _ := strings.Cut(name, "/")
	s.faults[strings.ToLower(dns.Fqdn(name))+"/"+kind] = f
}

// Play lets script answer questions about name, in the place of the records: for shapes that no fault has.
func (s *Server) Play(name string, script Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[strings.ToLower(dns.Fqdn(name))] = script
}

// Sign makes what is in these domains authentic: answers have the AD bit if every name of the chain is in one.
func (s *Server) Sign(domains ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, domain := range domains {
		s.secure = append(s.secure, strings.ToLower(dns.Fqdn(domain)))
	}
}

// Asked lists the questions so far, "name/TYPE", with "/tcp" behind those over TCP.
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

func (s *Server) answer(w dns.ResponseWriter, query *dns.Msg) {
	overTCP := w.LocalAddr().Network() == "tcp"
	q := query.Question[0]
	name, kind := strings.ToLower(q.Name), dns.TypeToString[q.Qtype]
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := strings.TrimSuffix(name, ".") + "/" + kind
	if overTCP {
		asked += "/tcp"
	}
	s.asked = append(s.asked, asked)
	if script, ok := s.scripts[name]; ok {
		for _, m := range script(query, overTCP) {
			_ = w.WriteMsg(m)
		}
		return
	}
	fault := s.faults[name+"/"]
	if f, ok := s.faults[name+"/"+kind]; ok {
		fault = f
	}
	m := new(dns.Msg)
	m.SetReply(query)
	m.RecursionAvailable = true
	s.fill(m, name, q.Qtype, fault != Unfollowed)
	if opt := query.IsEdns0(); opt != nil {
		m.SetEdns0(1232, opt.Do())
		if key := s.keyOf(name); key != nil && opt.Do() {
			key.sign(m, s.records, fault == Forged)
		}
	}
	if !apply(w, m, query, fault, overTCP) {
		return
	}
	if !overTCP && m.Len() > 1232 {
		m.Truncate(1232)
	}
	_ = w.WriteMsg(m) // whoever asked may be gone
}

// fill writes what there is to know about name.
func (s *Server) fill(m *dns.Msg, name string, kind uint16, follow bool) {
	m.AuthenticatedData = s.isSecure(name)
	for range 20 {
		records, exists := s.records[name]
		next := ""
		found := false
		for _, rr := range records {
			switch {
			case rr.Header().Rrtype == kind:
				m.Answer, found = append(m.Answer, rr), true
			case rr.Header().Rrtype == dns.TypeCNAME:
				m.Answer, next = append(m.Answer, rr), strings.ToLower(rr.(*dns.CNAME).Target)
			}
		}
		if found || next != "" && !follow {
			return
		}
		if next != "" {
			name = next
			m.AuthenticatedData = m.AuthenticatedData && s.isSecure(name)
			continue
		}
		if !exists && !s.isParent(name) {
			m.Rcode = dns.RcodeNameError
		}
		soa, _ := dns.NewRR(fmt.Sprintf("%s 600 IN SOA ns. hostmaster. 1 2 3 4 300", name))
		m.Ns = append(m.Ns, soa)
		return
	}
}

// isParent reports whether there is something below name, which then exists itself. RFC 8020.
func (s *Server) isParent(name string) bool {
	for other := range s.records {
		if strings.HasSuffix(other, "."+name) {
			return true
		}
	}
	return false
}

func (s *Server) isSecure(name string) bool {
	for _, domain := range s.secure {
		if dns.IsSubDomain(domain, name) {
			return true
		}
	}
	return false
}

// apply makes m faulty; false: nothing is to be written any more.
func apply(w dns.ResponseWriter, m, query *dns.Msg, fault Fault, overTCP bool) bool {
	fail := func(rcode int) {
		m.Rcode, m.AuthenticatedData = rcode, false
		m.Answer, m.Ns = nil, nil
	}
	switch fault {
	case ServFail:
		fail(dns.RcodeServerFailure)
	case Bogus:
		fail(dns.RcodeServerFailure)
		if opt := m.IsEdns0(); opt != nil {
			opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeDNSBogus, ExtraText: "signature\x1b crypto failed"})
		}
	case Refused:
		fail(dns.RcodeRefused)
	case Silent:
		return false
	case Lame:
		fail(dns.RcodeSuccess)
		m.RecursionAvailable = false
		ns, _ := dns.NewRR("example. 60 IN NS ns.elsewhere.example.")
		m.Ns = []dns.RR{ns}
	case Truncated, Cut, HangUp:
		if overTCP && fault == HangUp {
			w.Close()
			return false
		}
		if !overTCP || fault == Cut {
			m.Answer, m.Truncated = nil, true
		}
	case Garbage:
		_, _ = w.Write([]byte{byte(m.Id >> 8), byte(m.Id), 0x81, 0x80, 0, 1, 0, 9, 0, 0, 0, 0, 63, 'x'})
		return false
	case Foreign:
		m.Question[0].Name = "other.example."
	case NoEDNS:
		if query.IsEdns0() != nil {
			fail(dns.RcodeFormatError)
			m.Extra = nil
		}
	}
	return true
}

// Wait returns once name/TYPE has been asked for, or fails the test after a minute.
func (s *Server) Wait(t testing.TB, asked string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, q := range s.Asked() {
			if q == asked {
				return
			}
		}
	}
	t.Fatalf("nobody asked for %s, only for %q", asked, s.Asked())
}
