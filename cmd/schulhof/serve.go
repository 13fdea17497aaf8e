package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"schulhof/config"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

// stopPatience is how long the services may take to end their connections; the contract with administrators is 10 s.
const stopPatience = 9 * time.Second

// logRoom is how long the write-ahead log of a serving store is at least: what is written until the next checkpoint mostly fits.
const logRoom = 16 << 20

func newServeCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server until SIGTERM", Args: cobra.NoArgs,
		Long: "Run the server until SIGTERM or SIGINT. It prints one line that says \"ready\" once every service listens; its log goes to standard error.\n" +
			"SIGHUP loads the certificate again. Under systemd it reports its state (Type=notify) and feeds the watchdog.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.loadConfig()
			if err != nil {
				return err
			}
			log := newLogger(a.stderr, c.Log)
			return a.serve(cmd.Context(), c, log, func(context.Context, *rooms) error {
				_, err := fmt.Fprintf(a.stdout, "schulhof %s: ready\n", c.Server.Hostname)
				return err
			})
		},
	}
	cmd.Flags().StringArrayVar(&a.sets, "set", nil, "a setting for this run, `section.key=value`; may be repeated")
	return cmd
}

// serve opens the rooms and runs every service until ctx ends. ready is called once all of them listen.
func (a *app) serve(ctx context.Context, c *config.Config, log *slog.Logger, ready func(context.Context, *rooms) error) error {
	limitMemory(log)
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	certs, err := newCertificates(c, log)
	if err != nil {
		return err
	}
	r, err := openRooms(ctx, c, outside{log: log, metrics: metrics, hash: a.hash, logRoom: logRoom})
	if err != nil {
		return err
	}
	drained, err := a.runServices(ctx, r, certs, metrics, ready)
	if !drained {
		return err // connections still use the rooms; the process ends, and what was acknowledged is on disk
	}
	return errors.Join(err, r.Close())
}

// runServices returns drained = false when connections did not end in time.
func (a *app) runServices(ctx context.Context, r *rooms, certs *certificates, metrics *prometheus.Registry, ready func(context.Context, *rooms) error) (drained bool, err error) {
	h := &health{config: r.Config, store: r.Store, certs: certs, metrics: metrics}
	services, err := newServices(r, certs, metrics, h.handler())
	if err != nil {
		return true, err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(groupCtx, func() { notifySystemd("STOPPING=1") })
	defer stop()
	listening, err := openListeners(r.Config, services)
	if err != nil {
		return true, err
	}
	ln, err := listenControl(r.Config.Server.Data)
	if err != nil {
		listening.close()
		return true, err
	}
	commands := &control{rooms: r, version: a.version, commands: a.commands, slots: make(chan struct{}, controlCommands)}
	group.Go(func() error { return commands.Serve(groupCtx, ln) })
	group.Go(func() error { return certs.watch(groupCtx) })
	group.Go(func() error { return certs.acme.run(groupCtx, r.namesToCertify, func() { certs.look(true) }) })
	group.Go(func() error { return r.keepRetention(groupCtx) })
	group.Go(func() error { return r.runQueue(groupCtx) })
	group.Go(func() error { return r.runRemote(groupCtx) })
	group.Go(func() error { return r.Reports.Run(groupCtx) })
	group.Go(func() error { return r.expireHeld(groupCtx) })
	group.Go(func() error { return keepMemory(groupCtx, r.Directory.Hashes) })
	group.Go(func() error { return r.keepKeys(groupCtx) })
	group.Go(func() error { return feedWatchdog(groupCtx, r.Log, watchdogInterval(), h.alive) })
	for _, l := range listening {
		group.Go(func() error { return l.serve(groupCtx, l.listener) })
	}
	group.Go(func() error {
		if err := ready(groupCtx, r); err != nil {
			return err
		}
		return notifySystemd("READY=1")
	})
	return waitDrained(groupCtx, group, r.Log)
}

// waitDrained waits for the services, but after ctx has ended not longer than stopPatience.
func waitDrained(ctx context.Context, group *errgroup.Group, log *slog.Logger) (drained bool, err error) {
	done := make(chan error, 1)
	go func() { done <- group.Wait() }()
	<-ctx.Done()
	log.Info("server: stopping", "patience", stopPatience)
	late := time.NewTimer(stopPatience)
	defer late.Stop()
	select {
	case err := <-done:
		return true, err
	case <-late.C:
		return false, fmt.Errorf("connections did not end within %s", stopPatience)
	}
}
