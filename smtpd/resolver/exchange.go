package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// errLame is a reply of a server that does not know and does not ask others either.
var errLame = errors.New("server refers to others")

// errForeign is a reply to something else.
var errForeign = errors.New("reply does not belong to the question")

// ask puts one question to the servers in turn, until one gives an answer: records, or word that there are none.
// Who does not answer at all is asked once more after the others. secure: the answer is authentic.
func (r *Resolver) ask(ctx context.Context, name string, kind uint16) (m *dns.Msg, secure bool, err error) {
	servers := r.current()
	silent := make([]bool, len(servers)) // worth another round
	for i := range silent {
		silent[i] = true
	}
	var last error
	for range rounds {
		for i, s := range servers {
			if !silent[i] {
				continue
			}
			if ctx.Err() != nil {
				return nil, false, temporary(name, s.address, "no answer in time", errors.Join(ctx.Err(), last))
			}
			m, err := r.askServer(ctx, s, name, kind)
			if err == nil {
				if i > 0 {
					r.prefer(s)
				}
				return m, s.trusted && m.AuthenticatedData, nil
			}
			if last == nil || !isSilence(err) { // a server's own word says more than another one's silence
				last = err
			}
			silent[i] = isSilence(err)
		}
	}
	var known *net.DNSError
	if errors.As(last, &known) {
		return nil, false, known
	}
	return nil, false, temporary(name, "", "no answer", last)
}

func isSilence(err error) bool {
	var known *net.DNSError
	return !errors.As(err, &known) || known.IsTimeout
}

// askServer puts one question to one server: over UDP, over TCP if the answer does not fit, without EDNS if the
// server does not know it. RFC 1035 §4.2, RFC 6891 §7.
func (r *Resolver) askServer(ctx context.Context, s server, name string, kind uint16) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	query := newQuery(name, kind)
	m, err := r.exchange(ctx, "udp", s, query)
	if err == nil && (m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented) && m.IsEdns0() == nil {
		query.Extra = nil
		m, err = r.exchange(ctx, "udp", s, query)
	}
	if err == nil && m.Truncated {
		m, err = r.exchange(ctx, "tcp", s, query)
	}
	if err != nil {
		return nil, temporary(name, s.address, reason(err), err)
	}
	switch {
	case m.Truncated:
		return nil, temporary(name, s.address, "answer does not fit into a reply over TCP", nil)
	case m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
		return nil, temporary(name, s.address, refusal(m), nil)
	case isReferral(m):
		return nil, temporary(name, s.address, errLame.Error(), errLame)
	}
	return m, nil
}

// newQuery asks for recursion and for authentic data. RFC 6840 §5.7.
func newQuery(name string, kind uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(name, kind)
	m.AuthenticatedData = true
	m.SetEdns0(udpSize, true)
	return m
}

// exchange sends query and returns the reply that belongs to it.
func (r *Resolver) exchange(ctx context.Context, network string, s server, query *dns.Msg) (*dns.Msg, error) {
	query.Id = dns.Id()
	client := &dns.Client{Net: network, Timeout: r.timeout, UDPSize: udpSize}
	conn, err := client.DialContext(ctx, s.address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	m, _, err := client.ExchangeWithConnContext(ctx, query, conn)
	if err != nil {
		return nil, err
	}
	asked := query.Question[0]
	if !m.Response || len(m.Question) != 1 || m.Question[0].Qtype != asked.Qtype || m.Question[0].Qclass != asked.Qclass ||
		!strings.EqualFold(m.Question[0].Name, asked.Name) {
		return nil, errForeign
	}
	return m, nil
}

// isReferral reports a reply that names other servers instead of answering: a delegation that leads nowhere. Without
// data, RFC 2308 §2.2 has a SOA where the name or the record does not exist.
func isReferral(m *dns.Msg) bool {
	if m.Rcode != dns.RcodeSuccess || len(m.Answer) > 0 || m.Authoritative {
		return false
	}
	refers := false
	for _, rr := range m.Ns {
		switch rr.Header().Rrtype {
		case dns.TypeSOA:
			return false
		case dns.TypeNS:
			refers = true
		}
	}
	return refers
}

// reason puts an error of the network into words.
func reason(err error) string {
	var network net.Error
	switch {
	case errors.Is(err, errForeign):
		return errForeign.Error()
	case errors.Is(err, context.Canceled):
		return "gave up waiting"
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "server does not answer"
	case errors.As(err, &network):
		return "server cannot be reached"
	}
	return "server answers with what is no DNS message"
}
