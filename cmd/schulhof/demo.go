package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"schulhof/config"
	"schulhof/directory"

	"github.com/spf13/cobra"
)

const (
	demoDomain   = "school.test"
	demoAddress  = "127.0.0.1"
	demoPortBase = 10000
	demoPassword = "pausenhof-2026" // of every account; the demo listens on loopback only
)

func newDemoCommand(a *app) *cobra.Command {
	var dir string
	var portBase int
	cmd := &cobra.Command{
		Use: "demo", Short: "Run a school made up for trying things out", Args: cobra.NoArgs,
		Long: "Run a server with a made-up school on 127.0.0.1: three classes, about forty people, their groups, the mail of some weeks,\n" +
			"calendars, tasks, contacts and files.\n" +
			"Without --data it lives in a temporary folder that is removed at the end. With --data it is kept, and taken up again the next time.",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if dir == "" {
				if dir, err = os.MkdirTemp("", "schulhof-demo-"); err != nil {
					return err
				}
				defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
			}
			return a.demo(cmd.Context(), localFiles{a.directory}.abs(dir), portBase)
		},
	}
	cmd.Flags().StringVar(&dir, "data", "", "folder to keep the school in (default: a temporary one)")
	cmd.Flags().IntVar(&portBase, "port-base", demoPortBase, "added to every standard port")
	return cmd
}

func (a *app) demo(ctx context.Context, dir string, portBase int) error {
	path := filepath.Join(dir, settingsFile)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := makeDemo(ctx, dir, portBase, time.Now(), a.hash); err != nil {
			return err
		}
	}
	c, err := config.Load(path)
	if err != nil {
		return err
	}
	if err := c.SetListeners(demoAddress, portBase); err != nil {
		return usage("%s", err)
	}
	c.Log.Level = "warn"
	err = a.serve(ctx, c, newLogger(a.stderr, c.Log), func(context.Context, *rooms) error { return demoGreeting(a.stdout, a.program, c) })
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w\n(is another demo running? --port-base chooses other ports)", err)
	}
	return err
}

// makeDemo makes a server in dir and fills it with the school.
func makeDemo(ctx context.Context, dir string, portBase int, now time.Time, hash directory.HashParams) error {
	n := newServer{
		dir: dir, domain: demoDomain, hostname: "mail." + demoDomain, listen: demoAddress, portBase: portBase,
		sets: []string{"security.allow_plaintext_auth=" + config.PlaintextLoopback}, hash: hash,
	}
	c, err := n.make(ctx, now)
	if err != nil {
		return err
	}
	clock := &demoClock{}
	clock.set(now)
	r, err := openRooms(ctx, c, outside{log: slog.New(slog.DiscardHandler), now: clock.read, hash: hash})
	if err != nil {
		return err
	}
	err = fillDemo(ctx, r, clock, now)
	if err = errors.Join(err, r.Close()); err != nil {
		return errors.Join(fmt.Errorf("demo school: %w", err), emptyDir(dir))
	}
	return nil
}

// demoGreeting says how to get in: at most twenty lines.
func demoGreeting(w io.Writer, program string, c *config.Config) error {
	port := func(addresses []string) string {
		_, p, _ := net.SplitHostPort(addresses[0])
		return p
	}
	l := c.Listen
	_, err := fmt.Fprintf(w, `A made-up school is ready. It listens on %[1]s only; Ctrl+C ends it.

  Teacher   katharina.boehm@%[2]s     Pupil   jonas.mueller@%[2]s     Admin   admin@%[2]s
  Password  %[3]s (the same for everyone)
  Groups    5a@ 7b@ 10c@ lehrerzimmer@ eltern-7b@ schach-ag@ alle@%[2]s

  Read      IMAP   %[1]s port %[4]s with TLS (or %[5]s with STARTTLS, or without TLS)
  Send      SMTP   %[1]s port %[6]s with TLS (or %[7]s with STARTTLS, or without TLS)
  Deliver   SMTP   %[1]s port %[8]s, LMTP port %[9]s
  Sync      CalDAV, CardDAV https://%[1]s:%[10]s/dav/      Files WebDAV https://%[1]s:%[10]s/webdav/
  Web       https://%[1]s:%[10]s/      Health http://%[1]s:%[11]s/readyz
  Trust     %[12]s

In a mail program choose "set up manually" with these ports, the whole address as user name. Or try:
  curl --cacert %[12]s --user katharina.boehm@%[2]s:%[3]s 'imaps://%[1]s:%[4]s/INBOX;MAILINDEX=1'
  %[14]s user list --config %[13]s
`, demoAddress, demoDomain, demoPassword, port(l.IMAPS), port(l.IMAP), port(l.Submissions), port(l.Submission),
		port(l.SMTP), port(l.LMTP), port(l.HTTPS), port(l.Metrics), filepath.Join(filepath.Dir(c.TLS.Certificate), authorityCert), c.Path, program)
	return err
}

// demoClock stands still while a past day's mail is delivered.
type demoClock struct{ at atomic.Pointer[time.Time] }

func (c *demoClock) read() time.Time { return *c.at.Load() }

func (c *demoClock) set(t time.Time) { c.at.Store(&t) }
