package queue

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"schulhof/store"
	"schulhof/store/fault"
)

// How a connection to a smart host is encrypted.
const (
	TLSRequire       = "require"       // or nothing is sent
	TLSOpportunistic = "opportunistic" // if the host can
	TLSOff           = "off"
)

// Everywhere is the domain of a route for all mail that no other route is for.
const Everywhere = "*"

// Route sends the mail for a domain to a smart host instead of the domain's own servers.
type Route struct {
	Domain   string // lower case, or Everywhere
	Host     string // a name or an IP address
	Port     int
	TLS      string
	User     string // "" without a login
	Password string // never shown to anyone
}

// Address is the host and port. It is the destination of what the route leads there.
func (r Route) Address() string { return net.JoinHostPort(r.Host, strconv.Itoa(r.Port)) }

// check returns r with its names in lower case. fault.Invalid.
func (r Route) check() (Route, error) {
	r.Domain, r.Host = strings.ToLower(r.Domain), strings.ToLower(r.Host)
	switch {
	case r.Domain != Everywhere && !isDomain(r.Domain):
		return r, fault.New(fault.Invalid, "%q is no domain, nor *", r.Domain)
	case net.ParseIP(r.Host) == nil && !isDomain(r.Host):
		return r, fault.New(fault.Invalid, "%q is no host", r.Host)
	case r.Port < 1 || r.Port > 65535:
		return r, fault.New(fault.Invalid, "%d is no port", r.Port)
	case r.TLS != TLSRequire && r.TLS != TLSOpportunistic && r.TLS != TLSOff:
		return r, fault.New(fault.Invalid, "tls %q, want require, opportunistic or off", r.TLS)
	case (r.User == "") != (r.Password == ""):
		return r, fault.New(fault.Invalid, "a login has a user and a password")
	case !printable(r.User) || !printable(r.Password) || len(r.User) > maxAddress || len(r.Password) > maxAddress:
		return r, fault.New(fault.Invalid, "the user or the password cannot be used")
	case r.User != "" && r.TLS != TLSRequire && !isLoopback(r.Host):
		return r, fault.New(fault.Refused, "a password is sent with tls require only")
	}
	return r, nil
}

// isLoopback reports whether host is an address of this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// isDomain reports whether name is made of labels of letters, digits, hyphens and underscores. Letters may be any: RFC 5890.
func isDomain(name string) bool {
	if len(name) > 253 || !printable(name) {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.ContainsAny(label, " @:;,/\\\"'()<>[]*%!?") {
			return false
		}
	}
	return true
}

// AddRoute adds a route or replaces the one of its domain. What waits for that domain is tried at once.
// fault.Invalid, fault.Refused: the password would be sent without TLS.
func (q *Queue) AddRoute(ctx context.Context, r Route) (Route, error) {
	r, err := r.check()
	if err != nil {
		return r, err
	}
	err = q.store.Write(ctx, func(tx *store.Tx) error {
		if err := insertRoute(tx, r); err != nil {
			return err
		}
		return q.rerouted(tx, r.Domain, func() { q.routes[r.Domain] = r })
	})
	if err != nil {
		return r, fmt.Errorf("add route: %w", err)
	}
	return r, nil
}

// RemoveRoute removes the route of a domain. What waits for that domain is tried at once, its own servers' way. fault.NotFound.
func (q *Queue) RemoveRoute(ctx context.Context, domain string) error {
	domain = strings.ToLower(domain)
	return q.store.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`DELETE FROM route WHERE domain = $1`, domain)
		if err != nil {
			return fmt.Errorf("remove route: %w", err)
		}
		if n == 0 {
			return fault.New(fault.NotFound, "there is no route for %s", domain)
		}
		return q.rerouted(tx, domain, func() { delete(q.routes, domain) })
	})
}

// Routes lists the routes by domain, without their passwords.
func (q *Queue) Routes() (list []Route) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range q.routes {
		r.Password = ""
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b Route) int { return cmp.Compare(a.Domain, b.Domain) })
	return list
}

// rerouted lets everything be tried at once that another route may help. Deliveries whose destination is no longer the right
// one are regrouped when they are tried.
func (q *Queue) rerouted(tx *store.Tx, domain string, publish func()) error {
	now := q.now().Unix()
	tx.AfterCommit(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		publish()
	})
	q.mu.Lock()
	before := q.routes[domain]
	if domain != Everywhere && before.Host == "" {
		before = q.routes[Everywhere]
	}
	q.mu.Unlock()
	if domain == Everywhere {
		if err := hurryAll(tx, now); err != nil {
			return err
		}
	} else {
		names := []string{domain}
		if before.Host != "" {
			names = append(names, before.Address())
		}
		for _, name := range names {
			if err := hurry(tx, name, now); err != nil {
				return err
			}
		}
	}
	q.changed(tx)
	return nil
}

// routeOf is the route for an address, ok false when its domain's own servers are asked.
func (q *Queue) routeOf(address string) (r Route, ok bool) {
	_, domain, _ := cutAddress(address)
	q.mu.Lock()
	defer q.mu.Unlock()
	if r, ok = q.routes[domain]; !ok {
		r, ok = q.routes[Everywhere]
	}
	return r, ok
}

// destinationOf names where mail for an address goes.
func (q *Queue) destinationOf(address string) string {
	if r, ok := q.routeOf(address); ok {
		return r.Address()
	}
	_, domain, _ := cutAddress(address)
	return domain
}

// targetOf is what to connect to for an address.
func (q *Queue) targetOf(address string) Target {
	if r, ok := q.routeOf(address); ok {
		return Target{Host: r.Host, Port: r.Port, TLS: r.TLS, User: r.User, Password: r.Password}
	}
	_, domain, _ := cutAddress(address)
	return Target{Domain: domain}
}
