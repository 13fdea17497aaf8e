package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/config"
)

// served is a server's certificates with their log.
type servedCertificates struct {
	*certificates
	c   *config.Config
	log *bytes.Buffer
}

func newServed(t *testing.T) *servedCertificates {
	t.Helper()
	s := &servedCertificates{c: config.Default(t.TempDir()), log: &bytes.Buffer{}}
	dir := filepath.Join(s.c.Server.Data, "tls")
	s.c.Server.Hostname, s.c.TLS.Certificate, s.c.TLS.Key = "mail.school.test", filepath.Join(dir, serverCert), filepath.Join(dir, serverKey)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	a, err := newAuthority(dir, s.c.Server.Hostname, time.Now())
	if err == nil {
		err = a.issue(s.c.TLS.Certificate, s.c.TLS.Key, []string{"mail.school.test", "127.0.0.1"}, time.Now())
	}
	if err == nil {
		s.certificates, err = newCertificates(s.c, slog.New(slog.NewTextHandler(s.log, nil)))
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Which certificates the server renews by itself: only its own authority's, only near their end, with the names they had.
func TestWhatIsRenewed(t *testing.T) {
	tests := []struct {
		name    string
		harm    func(t *testing.T, s *servedCertificates) error
		age     time.Duration // of the certificate when the server looks
		renewed bool
		err     string
	}{
		{"a fresh one", nil, 0, false, ""},
		{"at half of its life", nil, certificateLife / 2, false, ""},
		{"near its end", nil, certificateLife * 3 / 4, true, ""},
		{"after its end", nil, certificateLife + 24*time.Hour, true, ""},
		{"when the authority itself is over", nil, authorityLife + time.Hour, false, ""},
		{"somebody else's", func(t *testing.T, s *servedCertificates) error {
			other, err := newAuthority(t.TempDir(), "other.test", time.Now())
			if err != nil {
				return err
			}
			return other.issue(s.c.TLS.Certificate, s.c.TLS.Key, []string{"mail.school.test"}, time.Now())
		}, certificateLife * 3 / 4, false, ""},
		{"without an authority", func(_ *testing.T, s *servedCertificates) error {
			return os.Remove(filepath.Join(filepath.Dir(s.c.TLS.Key), authorityKey))
		}, certificateLife * 3 / 4, false, ""},
		{"with a broken authority", func(_ *testing.T, s *servedCertificates) error {
			return os.WriteFile(filepath.Join(filepath.Dir(s.c.TLS.Key), authorityKey), []byte("broken"), 0o600)
		}, certificateLife * 3 / 4, false, "no PEM block"},
		{"a broken certificate", func(_ *testing.T, s *servedCertificates) error {
			return os.WriteFile(s.c.TLS.Certificate, []byte("broken"), 0o600)
		}, certificateLife * 3 / 4, false, "certificate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServed(t)
			if tt.harm != nil {
				if err := tt.harm(t, s); err != nil {
					t.Fatal(err)
				}
			}
			before, _ := os.ReadFile(s.c.TLS.Certificate)
			err := s.renewOwn(time.Now().Add(tt.age))
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("renewOwn = %v, want %q", err, tt.err)
			}
			after, _ := os.ReadFile(s.c.TLS.Certificate)
			if renewed := !bytes.Equal(before, after); renewed != tt.renewed || renewed != strings.Contains(s.log.String(), "renewed by our own authority") {
				t.Errorf("renewed = %t, want %t; log %s", renewed, tt.renewed, s.log)
			}
			if !tt.renewed {
				return
			}
			cert, err := loadCertificate(s.c.TLS.Certificate, s.c.TLS.Key)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(cert.Leaf.DNSNames, []string{"mail.school.test"}) || len(cert.Leaf.IPAddresses) != 1 || cert.Leaf.NotAfter.Before(time.Now().Add(tt.age)) {
				t.Errorf("the new one is for %q %v until %s", cert.Leaf.DNSNames, cert.Leaf.IPAddresses, cert.Leaf.NotAfter)
			}
		})
	}
}

// The watch looks at the files twice a minute; what is broken is told and changes nothing, what is mended comes into force.
func TestWatchTakesUpChangedFiles(t *testing.T) {
	s := newServed(t)
	good, err := os.ReadFile(s.c.TLS.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		ended, hangup := make(chan error), make(chan os.Signal)
		go func() { ended <- s.lookOften(ctx, hangup) }()
		defer func() {
			stop()
			if err := <-ended; err != nil {
				t.Errorf("lookOften = %v", err)
			}
		}()
		shown := func() *tls.Certificate {
			cert, err := s.tlsConfig().GetCertificate(&tls.ClientHelloInfo{})
			if err != nil {
				t.Fatal(err)
			}
			return cert
		}
		first := shown()
		time.Sleep(3 * certificateLook)
		synctest.Wait()
		if shown() != first || s.log.Len() > 0 {
			t.Errorf("unchanged files were loaded again: %s", s.log)
		}
		if err := os.WriteFile(s.c.TLS.Certificate, []byte("broken"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(certificateLook)
		synctest.Wait()
		if shown() != first || !strings.Contains(s.log.String(), "the old one stays in force") {
			t.Errorf("a broken file: %s", s.log)
		}
		if err := os.WriteFile(s.c.TLS.Certificate, append(good, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(certificateLook)
		synctest.Wait()
		second := shown()
		if second == first || !strings.Contains(s.log.String(), "certificate: loaded") {
			t.Errorf("a mended file is not in force: %s", s.log)
		}
		hangup <- os.Interrupt // whatever the signal is: at once, and though nothing changed
		synctest.Wait()
		if shown() == second {
			t.Error("SIGHUP does not load the files again")
		}
	})
}

// A server does not start with a certificate that it cannot use, and says which file it is.
func TestServerNeedsACertificate(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(c *config.Config) error{
		"no certificate": func(c *config.Config) error { return os.Remove(c.TLS.Certificate) },
		"no key":         func(c *config.Config) error { return os.Remove(c.TLS.Key) },
		"another's key": func(c *config.Config) error {
			return os.Rename(filepath.Join(filepath.Dir(c.TLS.Key), authorityKey), c.TLS.Key)
		},
		"an empty key":    func(c *config.Config) error { return os.WriteFile(c.TLS.Key, nil, 0o600) },
		"a text instead":  func(c *config.Config) error { return os.WriteFile(c.TLS.Certificate, []byte("-----BEGIN"), 0o600) },
		"a folder, there": func(c *config.Config) error { _ = os.Remove(c.TLS.Key); return os.Mkdir(c.TLS.Key, 0o700) },
	} {
		c := newSchool(t)
		if err := harm(c); err != nil {
			t.Fatal(err)
		}
		err := (&app{version: "1"}).serve(t.Context(), c, slog.New(slog.DiscardHandler), func(context.Context, *rooms) error { return os.ErrInvalid })
		if err == nil || !strings.Contains(err.Error(), c.TLS.Certificate) {
			t.Errorf("%s: serve = %v, want the file's name", name, err)
		}
		if _, err := os.Stat(filepath.Join(c.Server.Data, controlSocket)); err == nil {
			t.Errorf("%s: the control socket was opened all the same", name)
		}
	}
}
