package remote

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"schulhof/store"
)

// Knock opens a TCP connection to a mail server of domain and closes it again without a word, to learn whether the port of mail servers is
// open on the way there. tried says whether an address was there to be tried: if not, err is about the domain and not about the way.
func (c *Client) Knock(ctx context.Context, domain string) (tried bool, err error) {
	hosts, err := c.route(ctx, Target{Domain: domain})
	if err != nil {
		return false, err
	}
	var errs []error
	for i, h := range hosts {
		if i == maxKnocks || ctx.Err() != nil {
			break
		}
		found, err := c.addresses(ctx, h)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for i, ip := range inTurn(found.Records) {
			to := netip.AddrPortFrom(ip, uint16(h.port))
			if i == maxKnocks || ctx.Err() != nil {
				break
			}
			if c.isOwn(to) || !c.mayReach(ip) {
				continue
			}
			tried = true
			if err = c.knockAt(ctx, to); err == nil {
				return true, nil
			}
			errs = append(errs, fmt.Errorf("%s: %w", h.name, err))
		}
	}
	if len(errs) == 0 {
		return tried, failure("", "4.4.1", "No server of the domain may be reached from here", ctx.Err())
	}
	return tried, errors.Join(errs...)
}

func (c *Client) knockAt(ctx context.Context, to netip.AddrPort) error {
	ctx, stop := context.WithTimeout(ctx, knockTime)
	defer stop()
	nc, err := c.dial(ctx, to)
	if err != nil {
		return err
	}
	return nc.Close()
}

// Contacted lists domains whose servers this one was connected to in the last days, the latest first, at most limit. What is counted for
// reports (RFC 8460) knows them.
func (c *Client) Contacted(ctx context.Context, limit int) (domains []string, err error) {
	if c.o.Store == nil {
		return nil, nil
	}
	err = c.o.Store.Read(ctx, func(tx *store.Tx) error {
		domains, err = selectContacted(tx, limit)
		return err
	})
	return domains, err
}
