package resolver

import (
	"os"
	"time"

	"github.com/miekg/dns"
)

// resolvConf names the servers of this machine; resolv.conf(5).
const resolvConf = "/etc/resolv.conf"

// systemFile remembers which state of resolv.conf has been read.
type systemFile struct {
	path    string
	looked  time.Time
	changed time.Time // the file's own time
}

// current lists the servers to ask, the best first. A changed resolv.conf is taken up.
func (r *Resolver) current() []server {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.system != nil {
		r.reread()
	}
	return r.servers
}

// reread looks at resolv.conf if that was long ago. Without one, or without a server in it, the server is on this
// machine, as resolv.conf(5) says.
func (r *Resolver) reread() {
	now := r.cache.now()
	if !r.system.looked.IsZero() && now.Sub(r.system.looked).Abs() < rereadAfter {
		return
	}
	first := r.system.looked.IsZero()
	r.system.looked = now
	info, err := os.Stat(r.system.path)
	if err == nil && info.ModTime().Equal(r.system.changed) {
		return
	}
	if err != nil && !first {
		return // it is being replaced: what was read last is the best that is known
	}
	if err == nil {
		r.system.changed = info.ModTime()
	}
	var servers []server
	if file, err := dns.ClientConfigFromFile(r.system.path); err == nil {
		for _, address := range file.Servers[:min(len(file.Servers), maxServers)] {
			if s, err := r.server(address); err == nil {
				servers = append(servers, s)
			}
		}
	}
	if len(servers) == 0 {
		s, _ := r.server("127.0.0.1") // an address that parses
		servers = []server{s}
	}
	r.servers = servers
}

// prefer puts s first, because it answered where one before it did not.
func (r *Resolver) prefer(s server) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, other := range r.servers {
		if other == s {
			ordered := append(make([]server, 0, len(r.servers)), s)
			ordered = append(ordered, r.servers[:i]...)
			r.servers = append(ordered, r.servers[i+1:]...)
			return
		}
	}
}
