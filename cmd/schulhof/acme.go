package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"schulhof/config"
	"schulhof/smtpd/authenticate"
	"schulhof/smtpd/resolver"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

const (
	acmeFolder = "acme"        // in the data directory: the account, certificates and keys
	acmeLook   = time.Hour     // between two looks at which names there are
	acmeAgain  = 7 * time.Hour // after the last try: the library, which waits 6 hours at most between two of a name, has given that one up
)

// acme gets certificates from an authority of the internet and renews them. RFC 8555. The certificate of the server's name goes into the
// file where everything looks for it, and is for the key beside it, which TLSA records name; those of further names, which only web clients
// ask for by SNI, stay in a folder of their own.
type acme struct {
	config *config.Config
	log    *slog.Logger
	cache  *certmagic.Cache
	magic  *certmagic.Config
	issuer *certmagic.ACMEIssuer
	news   chan struct{} // one of our certificates is new
	mu     sync.Mutex
	asked  map[string]time.Time // when a certificate for a name was asked for last; guarded by mu
}

// newACME returns nil if no authority is set. RFC 8555 §8.3: challenges are answered over plain HTTP.
func newACME(c *config.Config, log *slog.Logger) (*acme, error) {
	if c.ACME.Directory == "" {
		return nil, nil //nolint:nilnil // most servers have none
	}
	if !strings.Contains(c.Server.Hostname, ".") {
		return nil, fmt.Errorf("acme.directory: no authority gives a certificate for server.hostname %q", c.Server.Hostname)
	}
	roots, err := acmeRoots(c.ACME.Roots)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(c.Listen.HTTP[0])
	if err != nil {
		return nil, fmt.Errorf("listen.http: %w", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("listen.http: %w", err)
	}
	m := &acme{config: c, log: log, news: make(chan struct{}, 1), asked: map[string]time.Time{}}
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return m.magic, nil },
		Logger:           zap.NewNop(),
	})
	m.magic = certmagic.New(m.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: filepath.Join(c.Server.Data, acmeFolder)}, ReusePrivateKeys: true, OnEvent: m.event, Logger: zap.NewNop(),
	})
	m.issuer = certmagic.NewACMEIssuer(m.magic, certmagic.ACMEIssuer{
		CA: c.ACME.Directory, TestCA: c.ACME.Directory, Email: c.ACME.Contact, Agreed: true, TrustedRoots: roots,
		DisableTLSALPNChallenge: true, ListenHost: host, AltHTTPPort: number, Logger: zap.NewNop(),
	})
	m.magic.Issuers = []certmagic.Issuer{m.issuer}
	return m, nil
}

// acmeRoots are those that the authority's own certificate is checked with; nil: the system's.
func acmeRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // as crypto/tls has it
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("acme.roots: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("acme.roots: no certificate in %s", file)
	}
	return pool, nil
}

// event hears of what the library does; its own log is not ours.
func (m *acme) event(_ context.Context, event string, data map[string]any) error {
	switch event {
	case "cert_obtaining":
		if name, ok := data["identifier"].(string); ok {
			m.mu.Lock()
			m.asked[name] = time.Now()
			m.mu.Unlock()
		}
	case "cert_obtained":
		m.log.Info("certificate: got from the authority", "name", data["identifier"], "renewed", data["renewal"])
		select {
		case m.news <- struct{}{}:
		default: // the one before has not been looked at
		}
	case "cert_failed":
		m.log.Warn("certificate: the authority gave none, it is asked again later", "name", data["identifier"], "err", data["error"])
	}
	return nil
}

// answering lets h answer all but challenges.
func (m *acme) answering(h http.Handler) http.Handler {
	if m == nil {
		return h
	}
	return m.issuer.HTTPChallengeHandler(h)
}

// certificate is that of a further name; nil: there is none, or not yet.
func (m *acme) certificate(name string) *tls.Certificate {
	if m == nil || name == "" || name == m.config.Server.Hostname {
		return nil
	}
	list := m.cache.AllMatchingCertificates(name)
	if len(list) == 0 {
		return nil
	}
	return &list[0].Certificate
}

// run keeps certificates for the names that wanted returns until ctx ends. changed is called when that of the server's name is new.
func (m *acme) run(ctx context.Context, wanted func(context.Context) ([]string, error), changed func()) error {
	if m == nil {
		return nil
	}
	defer m.cache.Stop()
	tick := time.NewTicker(acmeLook)
	defer tick.Stop()
	for {
		names, err := wanted(ctx)
		m.fault(err)
		m.fault(m.manage(ctx, names))
		fresh, err := m.adopt(ctx)
		m.fault(err)
		if fresh {
			changed()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-m.news:
		}
	}
}

func (m *acme) fault(err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		m.log.Error("certificate: not all is kept up", "err", err)
	}
}

// manage has certificates kept up for the names that nothing is done about. Of those that are kept up already the library knows.
func (m *acme) manage(ctx context.Context, names []string) error {
	if err := m.handOver(ctx); err != nil {
		return err
	}
	return m.magic.ManageAsync(ctx, m.due(names, time.Now()))
}

// due are the names that nobody asks the authority for: new ones, and those that the library gave up, as it does after a month.
func (m *acme) due(names []string, now time.Time) (due []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		if now.Sub(m.asked[name]) > acmeAgain {
			m.asked[name] = now
			due = append(due, name)
		}
	}
	return due
}

func (m *acme) keyAt() string {
	return certmagic.StorageKeys.SitePrivateKey(m.issuer.IssuerKey(), m.config.Server.Hostname)
}

// acmeFiles are where the library keeps the certificate of the server's name that the authority gave last, and its key.
func acmeFiles(c *config.Config) (cert, key string) {
	issuer := (&certmagic.ACMEIssuer{CA: c.ACME.Directory}).IssuerKey()
	at := func(name string) string { return filepath.Join(c.Server.Data, acmeFolder, filepath.FromSlash(name)) }
	return at(certmagic.StorageKeys.SiteCert(issuer, c.Server.Hostname)), at(certmagic.StorageKeys.SitePrivateKey(issuer, c.Server.Hostname))
}

// handOver lets certificates of the server's name be for the key that the server has: the first one, and that after somebody has put another
// key there. The one for the former key goes.
func (m *acme) handOver(ctx context.Context) error {
	key, err := m.ownKey()
	if err != nil {
		return fmt.Errorf("hand the key over: %w", err)
	}
	host, storage := m.config.Server.Hostname, m.magic.Storage
	kept, err := storage.Load(ctx, m.keyAt())
	if err == nil && bytes.Equal(kept, key) {
		return nil
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = storage.Delete(ctx, certmagic.StorageKeys.CertsSitePrefix(m.issuer.IssuerKey(), host))
	}
	if err == nil {
		err = storage.Store(ctx, m.keyAt(), key)
	}
	if err != nil {
		return fmt.Errorf("hand the key over: %w", err)
	}
	m.cache.RemoveManaged([]certmagic.SubjectIssuer{{Subject: host}})
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.asked, host)
	return nil
}

// ownKey is the key in the server's file without what else is there: the library reads the first block only, whatever that is.
func (m *acme) ownKey() ([]byte, error) {
	text, err := os.ReadFile(m.config.TLS.Key)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return pem.EncodeToMemory(block), nil
		}
	}
	return nil, fmt.Errorf("no key in %s", m.config.TLS.Key)
}

// adopt writes the certificate of the server's name into the server's file, if it is another than what is there and for the server's key.
func (m *acme) adopt(ctx context.Context) (fresh bool, err error) {
	cert, err := m.magic.Storage.Load(ctx, certmagic.StorageKeys.SiteCert(m.issuer.IssuerKey(), m.config.Server.Hostname))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // the authority has given none yet
	}
	if err != nil {
		return false, fmt.Errorf("take the certificate over: %w", err)
	}
	if old, err := os.ReadFile(m.config.TLS.Certificate); err == nil && bytes.Equal(old, cert) {
		return false, nil
	}
	key, err := os.ReadFile(m.config.TLS.Key)
	if err == nil {
		_, err = tls.X509KeyPair(cert, key)
	}
	if err != nil {
		return false, fmt.Errorf("take the certificate over: %w", err)
	}
	return true, authenticate.ReplaceFile(m.config.TLS.Certificate, cert)
}

// namesToCertify are the server's name and those that our domains' records let lead to it. One that leads elsewhere, or nowhere, would only
// be refused, and authorities count refusals.
func (r *rooms) namesToCertify(ctx context.Context) ([]string, error) {
	host := r.Config.Server.Hostname
	names := []string{host}
	ours, err := r.addressesOf(ctx, host)
	if err != nil || ours == nil {
		return names, err
	}
	records, err := recordsFor(ctx, r, nil)
	if err != nil {
		return names, err
	}
	var errs []error
	for _, record := range records {
		name := bare(record.Name)
		if record.Type != "CNAME" || bare(record.Value) != host {
			continue
		}
		there, err := r.addressesOf(ctx, name)
		errs = append(errs, err)
		for address := range there {
			if ours[address] {
				names = append(names, name)
				break
			}
		}
	}
	return names, errors.Join(errs...)
}

// addressesOf are the addresses that name leads to; none if it is not in the DNS.
func (r *rooms) addressesOf(ctx context.Context, name string) (map[string]bool, error) {
	list, err := r.DNS.LookupIPAddr(ctx, name)
	if resolver.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("addresses of %s: %w", name, err)
	}
	addresses := map[string]bool{}
	for _, address := range list {
		addresses[address.IP.String()] = true
	}
	return addresses, nil
}
