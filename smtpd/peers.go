package smtpd

import (
	"net/netip"
	"sync"
	"time"
)

// peers counts what each address does, all doors together. Loopback and allowlisted networks are free.
type peers struct {
	free []netip.Prefix
	now  func() time.Time
	// untrusted makes the budgets hold for loopback too: tests of the budgets set it.
	untrusted bool

	mu    sync.Mutex
	total int
	by    map[netip.Addr]*peer
}

type peer struct {
	open    int
	unknown int       // unknown recipients named in this window
	since   time.Time // its beginning
}

func newPeers(free []netip.Prefix, now func() time.Time) *peers {
	return &peers{free: free, now: now, by: make(map[netip.Addr]*peer)}
}

// trusted reports whether budgets do not apply to ip.
func (p *peers) trusted(ip netip.Addr) bool {
	if ip.IsLoopback() {
		return !p.untrusted
	}
	for _, n := range p.free {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}

// network is what counts as one peer: an IPv4 address or an IPv6 /64.
func network(ip netip.Addr) netip.Addr {
	ip = ip.Unmap()
	if ip.Is6() {
		n, err := ip.WithZone("").Prefix(64)
		if err == nil {
			return n.Addr()
		}
	}
	return ip
}

// enter counts a connection; false: there are too many.
func (p *peers) enter(ip netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.total >= maxConnections {
		return false
	}
	if !p.trusted(ip) {
		e := p.entry(network(ip))
		if e == nil || e.open >= maxConnectionsPerPeer {
			return false
		}
		e.open++
	}
	p.total++
	return true
}

// leave undoes enter.
func (p *peers) leave(ip netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total--
	if e := p.by[network(ip)]; e != nil && !p.trusted(ip) {
		e.open--
		p.forget(network(ip), e)
	}
}

// unknown counts a recipient that does not exist.
func (p *peers) unknown(ip netip.Addr) {
	if p.trusted(ip) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.entry(network(ip))
	if e == nil {
		return
	}
	if now := p.now(); now.Sub(e.since) > unknownWindow {
		e.since, e.unknown = now, 0
	}
	e.unknown++
}

// guessing reports whether ip has named too many unknown recipients in the last hour.
func (p *peers) guessing(ip netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.by[network(ip)]
	return e != nil && e.unknown >= maxUnknownPerHour && p.now().Sub(e.since) <= unknownWindow
}

// entry finds or makes the record of a network; nil when there are too many.
func (p *peers) entry(n netip.Addr) *peer {
	e := p.by[n]
	if e != nil {
		return e
	}
	if len(p.by) >= maxPeers {
		for other, old := range p.by {
			p.forget(other, old)
		}
		if len(p.by) >= maxPeers {
			return nil
		}
	}
	e = &peer{since: p.now()}
	p.by[n] = e
	return e
}

// forget drops a record that says nothing any more.
func (p *peers) forget(n netip.Addr, e *peer) {
	if e.open == 0 && (e.unknown == 0 || p.now().Sub(e.since) > unknownWindow) {
		delete(p.by, n)
	}
}
