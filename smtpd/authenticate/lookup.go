package authenticate

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
)

// Resolver asks the DNS; smtpd/resolver has the real one, *net.Resolver is another. Errors are *net.DNSError: IsNotFound for a
// name without such records, IsTemporary or IsTimeout for what may be different later.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, address string) ([]string, error)
	// LookupNetIP asks for one kind of address only: network is "ip4" or "ip6".
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// budget is the Resolver of one message: it counts its questions, and refuses names and answers out of bounds.
type budget struct {
	to   Resolver
	left atomic.Int64
}

func newBudget(to Resolver) *budget {
	b := &budget{to: to}
	b.left.Store(maxLookups)
	return b
}

// enter takes one question out of the budget.
func (b *budget) enter(ctx context.Context, name string) error {
	switch {
	case len(strings.TrimSuffix(name, ".")) > maxName || strings.ContainsAny(name, "\x00 \t\r\n") || strings.Contains(name, ".."):
		return &net.DNSError{Err: "no domain name", Name: name, IsNotFound: true}
	case b.left.Add(-1) < 0:
		return &net.DNSError{Err: "too many lookups for one message", Name: name, IsTemporary: true}
	case ctx.Err() != nil:
		return &net.DNSError{Err: "no time left", Name: name, IsTimeout: true, IsTemporary: true}
	}
	return nil
}

// plain is err as callers compare it: a bare *net.DNSError. What is none of those is temporary.
func plain(name string, err error) error {
	if err == nil {
		return nil
	}
	var d *net.DNSError
	if errors.As(err, &d) {
		return d
	}
	return &net.DNSError{Err: err.Error(), Name: name, IsTemporary: true, IsTimeout: errors.Is(err, context.DeadlineExceeded)}
}

// LookupTXT implements Resolver.
func (b *budget) LookupTXT(ctx context.Context, name string) ([]string, error) {
	if err := b.enter(ctx, name); err != nil {
		return nil, err
	}
	list, err := b.to.LookupTXT(ctx, name)
	kept := make([]string, 0, len(list)) // list may be the resolver's
	for _, text := range list {
		switch {
		case len(text) <= maxText:
			kept = append(kept, text)
		case strings.HasPrefix(text, "v="):
			return nil, &net.DNSError{Err: "TXT record is too long", Name: name, IsTemporary: true}
		} // what somebody else keeps at the same name is passed over, however long
	}
	return kept, plain(name, err)
}

// LookupMX implements Resolver.
func (b *budget) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	if err := b.enter(ctx, name); err != nil {
		return nil, err
	}
	list, err := b.to.LookupMX(ctx, name)
	return list, plain(name, err)
}

// LookupIPAddr implements Resolver.
func (b *budget) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	if err := b.enter(ctx, host); err != nil {
		return nil, err
	}
	list, err := b.to.LookupIPAddr(ctx, host)
	return list, plain(host, err)
}

// LookupAddr implements Resolver.
func (b *budget) LookupAddr(ctx context.Context, address string) ([]string, error) {
	if err := b.enter(ctx, address); err != nil {
		return nil, err
	}
	list, err := b.to.LookupAddr(ctx, address)
	return list, plain(address, err)
}

// LookupNetIP implements Resolver.
func (b *budget) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if err := b.enter(ctx, host); err != nil {
		return nil, err
	}
	list, err := b.to.LookupNetIP(ctx, network, host)
	return list, plain(host, err)
}

// notFound reports that the DNS has no such records.
func notFound(err error) bool {
	var d *net.DNSError
	return errors.As(err, &d) && d.IsNotFound
}
