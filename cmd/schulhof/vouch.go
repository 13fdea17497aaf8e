package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"schulhof/smtpd/authenticate"
	"schulhof/smtpd/srs"
)

// voucher is queue.Voucher: our keys, and what this server found about a message when that came in.
type voucher struct {
	*authenticate.Keyring
	hostname string // as our Authentication-Results field has it
}

// Seal implements queue.Voucher.
func (v voucher) Seal(ctx context.Context, domain string, message io.Reader) ([]byte, error) {
	return v.Keyring.Seal(ctx, domain, v.hostname, message)
}

func (r *rooms) voucher() voucher { return voucher{r.Keys, r.Config.Server.Hostname} }

// returnKeyFile is the secret in the data folder by which addresses that lead back to other servers are known as ours.
const returnKeyFile = "srs.key"

// openReturns makes what rewrites the senders of mail that is sent on. Its key is made at the first time.
func (r *rooms) openReturns(o outside) error {
	path := filepath.Join(r.Config.Server.Data, returnKeyFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(rand.Text() + "\n")
		err = authenticate.ReplaceFile(path, text)
	}
	if err == nil {
		r.Returns, err = srs.New(bytes.TrimSpace(text), o.now)
	}
	if err != nil {
		return fmt.Errorf("key of addresses that lead back: %w", err)
	}
	return nil
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
