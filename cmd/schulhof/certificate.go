package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"schulhof/config"
)

const (
	certificateLook  = 30 * time.Second // between two looks at the certificate's files
	certificateRenew = 3                // our own certificate is renewed when less than 1/3 of its life is left
)

// certificates holds the server's certificate and takes up a changed one while connections live on.
type certificates struct {
	config  *config.Config
	log     *slog.Logger
	acme    *acme // nil: certificates come from elsewhere
	current atomic.Pointer[tls.Certificate]
	mu      sync.Mutex
	seen    [2]fileState // guarded by mu
}

// fileState tells whether a file was written again.
type fileState struct {
	modified time.Time
	size     int64
	inode    uint64
}

func stateOf(path string) (s fileState) {
	if info, err := os.Stat(path); err == nil {
		s.modified, s.size = info.ModTime(), info.Size()
		if sys, ok := info.Sys().(*syscall.Stat_t); ok {
			s.inode = sys.Ino
		}
	}
	return s
}

// newCertificates loads the certificate; there must be a good one to start with.
func newCertificates(c *config.Config, log *slog.Logger) (*certificates, error) {
	certs := &certificates{config: c, log: log}
	if err := certs.renewOwn(time.Now()); err != nil {
		log.Warn("certificate: could not be renewed", "err", err)
	}
	if err := certs.load(); err != nil {
		return nil, err
	}
	var err error
	certs.acme, err = newACME(c, log)
	return certs, err
}

func (c *certificates) load() error {
	c.seen = [2]fileState{stateOf(c.config.TLS.Certificate), stateOf(c.config.TLS.Key)}
	cert, err := loadCertificate(c.config.TLS.Certificate, c.config.TLS.Key)
	if err != nil {
		return err
	}
	c.current.Store(cert)
	return nil
}

// loadCertificate reads the pair of files.
func loadCertificate(certFile, keyFile string) (*tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", certFile, err)
	}
	if cert.Leaf == nil {
		if cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
			return nil, fmt.Errorf("certificate %s: %w", certFile, err)
		}
	}
	return &cert, nil
}

// renewOwn renews a certificate that our own authority issued, when its end is near.
func (c *certificates) renewOwn(now time.Time) error {
	cert, err := loadCertificate(c.config.TLS.Certificate, c.config.TLS.Key)
	if err != nil {
		return err
	}
	own, err := loadAuthority(filepath.Dir(c.config.TLS.Certificate))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	life := cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore)
	if cert.Leaf.CheckSignatureFrom(own.cert) != nil || cert.Leaf.NotAfter.Sub(now) > life/certificateRenew || now.After(own.cert.NotAfter) {
		return nil
	}
	names := append([]string{}, cert.Leaf.DNSNames...)
	for _, ip := range cert.Leaf.IPAddresses {
		names = append(names, ip.String())
	}
	c.log.Info("certificate: renewed by our own authority", "names", names)
	key, ok := cert.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return own.issue(c.config.TLS.Certificate, c.config.TLS.Key, names, now)
	}
	return own.certify(c.config.TLS.Certificate, c.config.TLS.Key, key, names, now)
}

// watch takes up changed files until ctx ends; SIGHUP makes it look at once. A faulty file leaves the old certificate in force.
func (c *certificates) watch(ctx context.Context) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	return c.lookOften(ctx, hangup)
}

// lookOften looks at the files every certificateLook, and at once when hangup says so.
func (c *certificates) lookOften(ctx context.Context, hangup <-chan os.Signal) error {
	tick := time.NewTicker(certificateLook)
	defer tick.Stop()
	for {
		forced := false
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
			forced = true
		case <-tick.C:
		}
		c.look(forced)
	}
}

// look loads the certificate again if its files changed, or in any case when forced.
func (c *certificates) look(forced bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.renewOwn(time.Now()); err != nil {
		c.log.Warn("certificate: could not be renewed", "err", err)
	}
	if now := [2]fileState{stateOf(c.config.TLS.Certificate), stateOf(c.config.TLS.Key)}; now == c.seen && !forced {
		return
	}
	if err := c.load(); err != nil {
		c.log.Error("certificate: the changed file cannot be used, the old one stays in force", "err", err)
		return
	}
	c.log.Info("certificate: loaded", "names", c.current.Load().Leaf.DNSNames, "until", c.current.Load().Leaf.NotAfter)
}

// tlsConfig is what all services use.
func (c *certificates) tlsConfig() *tls.Config {
	oldest := uint16(tls.VersionTLS12)
	if c.config.TLS.MinVersion == "1.3" {
		oldest = tls.VersionTLS13
	}
	return &tls.Config{
		MinVersion: oldest,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if cert := c.acme.certificate(hello.ServerName); cert != nil {
				return cert, nil
			}
			return c.current.Load(), nil
		},
	}
}
