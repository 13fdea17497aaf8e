package authenticate

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// publicKey is a domain's key as its record tells it. RFC 6376 §3.6.1, RFC 8463.
type publicKey struct {
	algorithm string // "rsa", "ed25519"
	key       crypto.PublicKey
	bits      int
	exact     bool // t=s: the identity's domain must be the signing one itself
}

// keyFault is why a key cannot be used: what a peer's postmaster can mend.
type keyFault string

func (k keyFault) Error() string { return string(k) }

// parseKey reads a key record. The error is a keyFault.
func parseKey(record string) (k publicKey, err error) {
	tags, err := parseTags(record)
	if err != nil {
		return k, keyFault("key record cannot be read")
	}
	if v, ok := tags["v"]; ok && v != "DKIM1" {
		return k, keyFault("key record is of another version")
	}
	text := compact(tags["p"])
	if text == "" {
		return k, keyFault("key is revoked")
	}
	if list, ok := tags["h"]; ok && !slices.Contains(strings.Split(compact(list), ":"), "sha256") {
		return k, keyFault("key is not for sha256")
	}
	if list, ok := tags["s"]; ok {
		uses := strings.Split(compact(list), ":")
		if !slices.Contains(uses, "*") && !slices.Contains(uses, "email") {
			return k, keyFault("key is not for mail")
		}
	}
	k.exact = slices.Contains(strings.Split(compact(tags["t"]), ":"), "s")
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return k, keyFault("key is not base64")
	}
	switch tags["k"] {
	case "", "rsa":
		return k.rsa(raw)
	case "ed25519":
		if len(raw) != ed25519.PublicKeySize {
			return k, keyFault("key has the wrong size")
		}
		k.algorithm, k.key, k.bits = "ed25519", ed25519.PublicKey(raw), 8*len(raw)
		return k, nil
	}
	return k, keyFault("key is of an unknown kind")
}

// rsa takes a key of either spelling: SubjectPublicKeyInfo, or RSAPublicKey as RFC 6376 says in one place (erratum 3017).
func (k publicKey) rsa(raw []byte) (publicKey, error) {
	var key *rsa.PublicKey
	if any, err := x509.ParsePKIXPublicKey(raw); err == nil {
		key, _ = any.(*rsa.PublicKey)
	} else if key, err = x509.ParsePKCS1PublicKey(raw); err != nil {
		key = nil
	}
	if key == nil {
		return k, keyFault("key is no RSA key")
	}
	k.algorithm, k.key, k.bits = "rsa", key, key.N.BitLen()
	switch {
	case k.bits < minKeyBits:
		return k, keyFault(fmt.Sprintf("key of %d bits is too short", k.bits))
	case k.bits > maxKeyBits:
		return k, keyFault(fmt.Sprintf("key of %d bits is too long", k.bits))
	}
	return k, nil
}

// lookupKey asks for a key. The error is a keyFault, or the DNS's.
func lookupKey(ctx context.Context, r Resolver, selector, domain string) (publicKey, error) {
	texts, err := r.LookupTXT(ctx, selector+"._domainkey."+domain)
	switch {
	case notFound(err) || err == nil && len(texts) == 0:
		return publicKey{}, keyFault("no key for signature")
	case err != nil:
		return publicKey{}, fmt.Errorf("look up key: %w", err)
	case len(texts) > 1:
		return publicKey{}, keyFault("more than one key for signature") // RFC 6376 §3.6.2.2 leaves it open
	}
	return parseKey(texts[0])
}

// errSignature stands for a signature that another key or another text would have.
var errSignature = errors.New("signature did not verify")

// check compares a signature with the text it is said to cover.
func (k publicKey) check(text, signature []byte) error {
	sum := sha256.Sum256(text)
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
			return errSignature
		}
	case ed25519.PublicKey:
		if !ed25519.Verify(key, sum[:], signature) { // of the hash: RFC 8463 §3
			return errSignature
		}
	default:
		return errSignature
	}
	return nil
}
