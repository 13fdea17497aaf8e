package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// signingKey is the public half of a DKIM key as its record tells it. RFC 6376 §3.6.1, RFC 8463 §4.
type signingKey struct {
	selector  string
	algorithm string // "rsa", "ed25519"
	public    string // base64
}

// publicSigningKeys reads the keys in folder, by selector. None is no error.
func publicSigningKeys(folder string) ([]signingKey, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.key"))
	if err != nil {
		return nil, err
	}
	var keys []signingKey
	for _, file := range files {
		der, err := readPEM(file, "PRIVATE KEY")
		if err != nil {
			return nil, fmt.Errorf("DKIM key: %w", err)
		}
		private, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			return nil, fmt.Errorf("DKIM key %s: %w", file, err)
		}
		key := signingKey{selector: strings.TrimSuffix(filepath.Base(file), ".key")}
		switch k := private.(type) {
		case *rsa.PrivateKey:
			public, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
			if err != nil {
				return nil, fmt.Errorf("DKIM key %s: %w", file, err)
			}
			key.algorithm, key.public = "rsa", base64.StdEncoding.EncodeToString(public)
		case ed25519.PrivateKey:
			key.algorithm, key.public = "ed25519", base64.StdEncoding.EncodeToString(k.Public().(ed25519.PublicKey))
		default:
			return nil, fmt.Errorf("DKIM key %s: a %T does not sign mail", file, private)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
