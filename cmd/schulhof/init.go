package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"schulhof/config"
	"schulhof/directory"
	"schulhof/smtpd/authenticate"
	"schulhof/store/fault"

	"github.com/spf13/cobra"
	"golang.org/x/net/idna"
)

// settingsFile is the name that init gives the settings file, in the data folder.
const settingsFile = "schulhof.toml"

// newServer says what init makes.
type newServer struct {
	dir, domain, hostname string
	listen                string // "": all addresses
	portBase              int
	sets                  []string
	hash                  directory.HashParams // zero: the default
}

func newInitCommand(a *app) *cobra.Command {
	var n newServer
	cmd := &cobra.Command{
		Use: "init --data DIR --domain DOMAIN", Short: "Make a new server: settings, keys, an empty database", Args: cobra.NoArgs,
		Long: "Make a new server in an empty folder: a settings file with every listener and path, an authority for certificates and a\n" +
			"certificate from it (tls/ca.pem is what clients are to trust), DKIM keys, and a database with the domain.\n" +
			"With --json: data, config, domain, hostname, ca.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			n.dir, n.hash = localFiles{a.directory}.abs(n.dir), a.hash
			c, err := n.make(cmd.Context(), time.Now())
			if err != nil {
				return err
			}
			ca := filepath.Join(filepath.Dir(c.TLS.Certificate), authorityCert)
			doc := map[string]string{"data": n.dir, "config": c.Path, "domain": n.domain, "hostname": c.Server.Hostname, "ca": ca}
			return a.result(doc, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "Settings:      %s\nFor clients:   %s (the authority to trust)\n\nNext:\n"+
					"  %[5]s user add head@%[3]s --role admin --config %[4]s\n  %[5]s serve --config %[4]s\n",
					c.Path, ca, n.domain, c.Path, a.program)
				return err
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&n.dir, "data", "", "empty or new folder for all data")
	flags.StringVar(&n.domain, "domain", "", "the school's mail domain")
	flags.StringVar(&n.hostname, "hostname", "", "the server's name (default: mail.DOMAIN)")
	flags.StringVar(&n.listen, "listen", "", "the one `ADDRESS` to listen on (default: all)")
	flags.IntVar(&n.portBase, "port-base", 0, "added to every standard port")
	flags.StringArrayVar(&n.sets, "set", nil, "a setting, `section.key=value`; may be repeated")
	cmd.MarkFlagRequired("data")
	cmd.MarkFlagRequired("domain")
	return cmd
}

// make makes the server, or leaves the folder as empty as it was, and returns the settings.
func (n *newServer) make(ctx context.Context, now time.Time) (c *config.Config, err error) {
	domain, err := idna.Lookup.ToASCII(n.domain)
	if err != nil || n.domain == "" {
		return nil, usage("--domain %q is no domain name", n.domain)
	}
	if n.hostname == "" {
		n.hostname = "mail." + domain
	}
	c = config.Default(".")
	c.Server.Hostname = n.hostname
	if err := c.SetListeners(n.listen, n.portBase); err != nil {
		return nil, usage("%s", err)
	}
	for _, s := range n.sets {
		if err := c.Set(s); err != nil {
			return nil, usage("--set %s", err)
		}
	}
	if c.Server.Hostname, err = idna.Lookup.ToASCII(c.Server.Hostname); err != nil {
		return nil, usage("--hostname %q is no host name", n.hostname)
	}
	if err := c.Validate(); err != nil {
		return nil, usage("%s", err)
	}
	folder, err := newDir(n.dir)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	defer func() {
		if err != nil {
			err = errors.Join(err, emptyDir(n.dir))
		}
	}()
	return n.fill(ctx, c, domain, now)
}

// fill writes the files into the empty folder and makes the database.
func (n *newServer) fill(ctx context.Context, c *config.Config, domain string, now time.Time) (*config.Config, error) {
	for _, sub := range []string{"tls", keysFolder} {
		if err := os.Mkdir(filepath.Join(n.dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(n.dir, 0o700); err != nil {
		return nil, err
	}
	sample, err := config.Sample(c)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(n.dir, settingsFile)
	if err := authenticate.ReplaceFile(path, []byte(sample)); err != nil {
		return nil, err
	}
	if c, err = config.Load(path); err != nil {
		return nil, err
	}
	if err := n.certificate(c, now); err != nil {
		return nil, err
	}
	if _, err := authenticate.NewKeyring(filepath.Join(n.dir, keysFolder), func() time.Time { return now }).Rotate(domain); err != nil {
		return nil, err
	}
	r, err := openRooms(ctx, c, outside{log: slog.New(slog.DiscardHandler), hash: n.hash})
	if err != nil {
		return nil, err
	}
	return c, errors.Join(r.Directory.AddDomain(ctx, n.domain), r.Close())
}

// certificate makes the authority and the server's certificate, unless --set named other files, which must exist then.
func (n *newServer) certificate(c *config.Config, now time.Time) error {
	folder := filepath.Join(n.dir, "tls")
	if c.TLS.Certificate != filepath.Join(folder, serverCert) || c.TLS.Key != filepath.Join(folder, serverKey) {
		_, err := loadCertificate(c.TLS.Certificate, c.TLS.Key)
		return err
	}
	a, err := newAuthority(folder, c.Server.Hostname, now)
	if err != nil {
		return err
	}
	return a.issue(c.TLS.Certificate, c.TLS.Key, certificateNames(c, n.listen), now)
}

// certificateNames are the names that clients may use for this server.
func certificateNames(c *config.Config, listen string) []string {
	names := []string{c.Server.Hostname, "localhost", "127.0.0.1", "::1"}
	if ip, err := netip.ParseAddr(listen); err == nil && !ip.IsUnspecified() && !slices.Contains(names, ip.String()) {
		names = append(names, ip.String())
	}
	return slices.Compact(names)
}

// emptyDir removes what is in dir.
func emptyDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	if err := errors.Join(errs...); err != nil {
		return fault.Wrap(fault.Internal, err, "the folder could not be emptied again")
	}
	return nil
}
