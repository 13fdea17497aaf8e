package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// dkimBits is the key size that receivers expect at least (RFC 8301 §3.2: 1024 is the minimum, 2048 the recommendation).
const dkimBits = 2048

// newSigningKeys writes the two DKIM keys of domain: dir/DOMAIN/SELECTOR.key, an RSA one (RFC 6376) and an Ed25519 one
// (RFC 8463). The selectors carry the date, so that later keys can stand beside these while they are exchanged.
func newSigningKeys(dir, domain string, now time.Time) error {
	folder := filepath.Join(dir, domain)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, dkimBits)
	if err != nil {
		return fmt.Errorf("DKIM key: %w", err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("DKIM key: %w", err)
	}
	date := now.UTC().Format("20060102")
	if err := writeKey(filepath.Join(folder, date+"rsa.key"), rsaKey); err != nil {
		return err
	}
	return writeKey(filepath.Join(folder, date+"ed.key"), edKey)
}
