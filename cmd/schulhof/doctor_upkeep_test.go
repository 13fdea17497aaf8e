package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Backups are looked after by the note that the last one left.
func TestDoctorLooksAtBackups(t *testing.T) {
	t.Parallel()
	c := newSchool(t)
	r := openSchool(t, c)
	find := func(after time.Duration) []string {
		e := &examination{config: c, rooms: r, now: time.Now().Add(after)}
		e.checkBackup(t.Context())
		return ids(e.findings)
	}
	note := filepath.Join(c.Server.Data, "backup.time")
	save := func() error { return r.Store.Backup(t.Context(), filepath.Join(t.TempDir(), "saved")) }
	for _, step := range []struct {
		name  string
		do    func() error
		after time.Duration
		want  []string
	}{
		{"a new server", nil, time.Hour, nil},
		{"a server that has never been saved", nil, doctorBackup + time.Hour, []string{"backup-none"}},
		{"a server that has been saved", save, doctorBackup - time.Hour, nil},
		{"a server that has not been saved for long", nil, doctorBackup + time.Hour, []string{"backup-old"}},
		{"a note that is broken", func() error { return os.WriteFile(note, []byte("yesterday"), 0o600) }, time.Hour, []string{"backup-unknown"}},
		{"the next backup mends it", save, time.Hour, nil},
	} {
		if step.do != nil {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
		}
		if got := find(step.after); !slices.Equal(got, step.want) {
			t.Errorf("%s: doctor found %q, want %q", step.name, got, step.want)
		}
	}
}

// Whether somebody sets the clock is the machine's word.
func TestDoctorAsksWhoSetsTheClock(t *testing.T) {
	for free, want := range map[bool][]string{true: {"clock-free"}, false: nil} {
		e := &examination{clockFree: func() bool { return free }}
		e.checkClockSource(t.Context())
		if got := ids(e.findings); !slices.Equal(got, want) {
			t.Errorf("a clock that is free: %t: doctor found %q", free, got)
		}
	}
	t.Logf("the clock of this machine is free: %t", clockIsFree())
}

// An authority that gave nothing, or whose certificate is not in force, is noticed after a day.
func TestDoctorLooksAtTheAuthority(t *testing.T) {
	t.Parallel()
	c := newSchool(t)
	c.ACME.Directory, c.Listen.HTTP = "https://ca.example.org/directory", []string{"127.0.0.1:10080", "127.0.0.1:80"}
	given, key := acmeFiles(c)
	write := func(path string, text []byte, age time.Duration) error {
		at := time.Now().Add(-age)
		return errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600), os.Chtimes(path, at, at))
	}
	const soon, late = doctorACME - time.Hour, doctorACME + time.Hour
	for _, step := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"the server has not been started since", func() error { return nil }, nil},
		{"it was asked just now", func() error { return write(key, []byte("key"), soon) }, nil},
		{"it was asked long ago", func() error { return write(key, []byte("key"), late) }, []string{"acme-silent"}},
		{"it gave one just now", func() error { return write(given, []byte("certificate"), soon) }, nil},
		{"it gave one that is not in force", func() error { return write(given, []byte("certificate"), late) }, []string{"acme-unused"}},
		{"it gave the one in force", func() error {
			text, err := os.ReadFile(c.TLS.Certificate)
			return errors.Join(err, write(given, text, late))
		}, nil},
		{"nobody listens at port 80", func() error {
			c.Listen.HTTP = c.Listen.HTTP[:1]
			return nil
		}, []string{"acme-port"}},
		{"certificates come from elsewhere", func() error {
			c.ACME.Directory = ""
			return os.Remove(given)
		}, nil},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		e := &examination{config: c, now: time.Now()}
		e.checkACME(t.Context())
		if got := ids(e.findings); !slices.Equal(got, step.want) {
			t.Errorf("%s: doctor found %q, want %q", step.name, got, step.want)
		}
	}
}

// Some authorities give certificates for a few days, which are not nearly over from their first day on. What to do depends on where they come from.
func TestDoctorKnowsShortCertificates(t *testing.T) {
	t.Parallel()
	c := newSchool(t)
	began := time.Now().Truncate(time.Second)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{c.Server.Hostname}, NotBefore: began, NotAfter: began.Add(6 * 24 * time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{c.TLS.Certificate: {Type: "CERTIFICATE", Bytes: cert}, c.TLS.Key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		after     time.Duration
		directory string
		want      []string
		fix       string
	}{
		{time.Hour, "", nil, ""},
		{4 * 24 * time.Hour, "", nil, ""},
		{5 * 24 * time.Hour, "", []string{"certificate-expires"}, "put a certificate"},
		{5 * 24 * time.Hour, "https://ca.example.org/directory", []string{"certificate-expires"}, "look into the server's log"},
		{7 * 24 * time.Hour, "", []string{"certificate-expired"}, "put a certificate"},
	} {
		e := &examination{config: c, now: began.Add(tt.after)}
		c.ACME.Directory = tt.directory
		e.checkCertificate(t.Context())
		if got := ids(e.findings); !slices.Equal(got, tt.want) || len(got) > 0 && !strings.HasPrefix(e.findings[0].Fix, tt.fix) {
			t.Errorf("after %s: doctor found %+v, want %q", tt.after, e.findings, tt.want)
		}
	}
}
