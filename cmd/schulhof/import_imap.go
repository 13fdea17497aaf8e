package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"schulhof/store/fault"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

// imapAddress is a mailbox on another server: imaps://LOGIN@HOST[:PORT], or imap:// with STARTTLS.
type imapAddress struct {
	login, host, port string
	tls               bool // from the first byte
}

func isIMAPAddress(s string) bool {
	return strings.HasPrefix(s, "imap://") || strings.HasPrefix(s, "imaps://")
}

// parseIMAPAddress refuses what it would not use: a password in it could be seen in the list of processes. RFC 5092.
func parseIMAPAddress(s, login string) (a imapAddress, err error) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" {
		return a, usage("%s is no address like imaps://LOGIN@HOST", printable(s))
	}
	if _, has := u.User.Password(); has {
		return a, usage("no password in the address: it is read from standard input")
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return a, usage("all folders are imported: the address ends with the host and the port")
	}
	a = imapAddress{login: u.User.Username(), host: u.Hostname(), port: u.Port(), tls: u.Scheme == "imaps"}
	if a.login == "" {
		a.login = login
	}
	if a.port == "" {
		a.port = "143"
		if a.tls {
			a.port = "993"
		}
	}
	return a, nil
}

// name stands for the mailbox in the notes of how far an import has come.
func (a imapAddress) name() string { return a.login + "@" + net.JoinHostPort(a.host, a.port) }

// connect logs in. Without TLS from the start it asks for STARTTLS, which must be given; on this machine nothing is encrypted then. The
// connection ends with ctx, whatever is being waited for. ca: certificates to trust instead of the system's; nil: the system's.
func (a imapAddress) connect(ctx context.Context, password string, ca *x509.CertPool) (*imapclient.Client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(a.host, a.port))
	if err != nil {
		return nil, a.refused(ctx, "connect to", err)
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	options := &imapclient.Options{TLSConfig: &tls.Config{ServerName: a.host, RootCAs: ca, NextProtos: []string{"imap"}}}
	var client *imapclient.Client
	switch {
	case a.tls:
		client = imapclient.New(tls.Client(conn, options.TLSConfig), options)
		err = client.WaitGreeting()
	case isLoopback(conn.RemoteAddr()):
		client = imapclient.New(conn, options)
		err = client.WaitGreeting()
	default:
		client, err = imapclient.NewStartTLS(conn, options)
	}
	if err == nil {
		err = signIn(client, a.login, password)
	}
	if err != nil {
		_ = conn.Close() // the first error is the one to tell
		return nil, a.refused(ctx, "log in at", err)
	}
	return client, nil
}

// refused says why there is no connection, or that ctx has ended.
func (a imapAddress) refused(ctx context.Context, attempt string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.New(fault.Refused, "%s %s: %v", attempt, a.host, err)
}

func isLoopback(a net.Addr) bool {
	p, err := netip.ParseAddrPort(a.String())
	return err == nil && p.Addr().Unmap().IsLoopback()
}

func signIn(c *imapclient.Client, login, password string) error {
	if c.Caps().Has(imap.AuthCap("PLAIN")) {
		return c.Authenticate(sasl.NewPlainClient("", login, password))
	}
	return c.Login(login, password).Wait()
}

// readCA reads certificates in PEM.
func (a *app) readCA(name string) (*x509.CertPool, error) {
	if name == "" {
		return nil, nil
	}
	f, err := a.files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fault.New(fault.Invalid, "%s has no certificate", name)
	}
	return pool, nil
}

// importIMAP imports from another server; the password there comes from standard input.
func (a *app) importIMAP(ctx context.Context, i *mailImport, address, login, ca string, again bool) error {
	from, err := parseIMAPAddress(address, login)
	if err != nil {
		return err
	}
	trusted, err := a.readCA(ca)
	if err != nil {
		return err
	}
	password, err := readPassword(a.stdin)
	if err != nil {
		return err
	}
	client, err := from.connect(ctx, password, trusted)
	if err != nil {
		return err
	}
	defer client.Close()
	source := &imapImport{client: client, into: i, source: from.name() + " " + i.top, again: again}
	if err := source.run(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	_ = client.Logout().Wait() // all that was wanted is here
	return nil
}
