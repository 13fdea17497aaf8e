package authenticate

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
)

// readKey reads a private key, PEM and PKCS #8. Its age is the file's.
func readKey(file string) (*Key, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("%s: no PRIVATE KEY in it", file)
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	key, err := newKey(private)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	key.State, key.Created, key.Since = Active, info.ModTime(), info.ModTime()
	return key, nil
}

// newKey knows what the record of a private key says.
func newKey(private any) (*Key, error) {
	switch k := private.(type) {
	case *rsa.PrivateKey:
		public, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
		return &Key{Algorithm: "rsa", Bits: k.N.BitLen(), private: k, public: base64.StdEncoding.EncodeToString(public)}, err
	case ed25519.PrivateKey:
		public := k.Public().(ed25519.PublicKey)
		return &Key{Algorithm: "ed25519", Bits: 8 * len(public), private: crypto.Signer(k), public: base64.StdEncoding.EncodeToString(public)}, nil
	}
	return nil, fmt.Errorf("a %T does not sign mail", private)
}

// ReplaceFile writes a file that only its owner reads, whole or not at all, durably.
func ReplaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
