package main

import (
	"context"
	"io"
	"log/slog"

	"schulhof/smtpd/authenticate"
)

// sealer is lists.Sealer: it vouches for what this server found about a message when that came in.
type sealer struct {
	keys     *authenticate.Keyring
	hostname string // as our Authentication-Results field has it
}

// Seal implements lists.Sealer.
func (s sealer) Seal(ctx context.Context, domain string, message io.Reader) ([]byte, error) {
	return s.keys.Seal(ctx, domain, s.hostname, message)
}

// policies is lists.Policy: it asks the DNS.
type policies struct {
	resolver authenticate.Resolver
	log      *slog.Logger
}

// Strict implements lists.Policy. While nobody knows the policy is taken to be strict: a From field that was changed for nothing does
// less harm than a message that is refused, or waits.
func (p policies) Strict(ctx context.Context, domain string) (bool, error) {
	policy, err := authenticate.AskPolicy(ctx, p.resolver, domain)
	if err != nil {
		p.log.Info("lists: the policy of an author's domain is not known now", "domain", domain, "err", err)
		return true, nil
	}
	return policy != authenticate.PolicyNone, nil
}
