package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"schulhof/config"
	"schulhof/dav"
	"schulhof/imapd"
	"schulhof/smtpd"
	"schulhof/smtpd/queue"

	"github.com/prometheus/client_golang/prometheus"
)

// service is what answers at one key of the section listen.
type service struct {
	name  string
	serve func(context.Context, net.Listener) error
}

// newServices builds everything that listens: here the rooms are put together.
func newServices(r *rooms, certs *certificates, metrics prometheus.Registerer, operations http.Handler) ([]service, error) {
	c := r.Config
	loopback := c.Security.AllowPlaintextAuth == config.PlaintextLoopback
	var submissions smtpd.Checker
	if r.Spam.ScansSubmissions() {
		submissions = submissionChecker{r.Spam}
	}
	smtp, err := smtpd.New(smtpd.Options{
		Store: r.Store, Directory: r.Directory, Mail: r.Mail, TLS: certs.tlsConfig(), Hostname: c.Server.Hostname,
		Log: r.Log.With("room", "smtpd"), Metrics: metrics, MaxSize: int64(c.Mail.MaxSize),
		AllowPlaintextLoopback: loopback, Allowlist: c.Security.Networks(), Lists: r.Lists, Filters: r.Filters, Outbound: outbound{r.Queue},
		Checker: checker{r.Spam, r.Reports}, SubmissionChecker: submissions, CheckLoopback: c.Origin.Loopback == config.LoopbackCheck, Returns: r.Returns, Reports: r.Reports,
		Visible: smtpd.Visible{Max: c.Mail.VisibleOutside, Refuse: c.Mail.VisibleAction == config.VisibleRefuse},
	})
	if err != nil {
		return nil, err
	}
	r.Queue.OnDue(func(ctx context.Context, due queue.Submission) ([]queue.Result, error) {
		return r.release(ctx, smtp, due)
	})
	imap, err := imapd.New(imapd.Options{
		Store: r.Store, Directory: r.Directory, Mail: r.Mail, TLS: certs.tlsConfig(), Hostname: c.Server.Hostname,
		Log: r.Log.With("room", "imapd"), Metrics: metrics, MaxSize: int64(c.Mail.MaxSize), AllowPlaintextLoopback: loopback,
	})
	if err != nil {
		return nil, err
	}
	find := &discovery{config: c, directory: r.Directory, certificate: certs.current.Load}
	files, err := dav.New(dav.Options{
		Store: r.Store, Directory: r.Directory, Collections: r.DAV, Hostname: c.Server.Hostname, Log: r.Log.With("room", "dav"),
		Metrics: metrics, Allowlist: c.Security.Networks(), AllowPlaintextLoopback: loopback, Zone: c.Server.Zone(),
	})
	if err != nil {
		return nil, err
	}
	mail, err := newWebmail(r, smtp)
	if err != nil {
		return nil, err
	}
	web, https := withCollections(newWebHandler(find, leaver{r.Lists.Leave, r.Log}, mail), files.Handler()), certs.tlsConfig()
	https.NextProtos = []string{"h2", "http/1.1"}
	plain := certs.acme.answering(newPlainHandler(c, web))
	return []service{
		{"smtp", smtp.ServeMX}, {"lmtp", smtp.ServeLMTP}, {"submission", smtp.ServeSubmission}, {"submissions", smtp.ServeSubmissions},
		{"managesieve", smtp.ServeManageSieve},
		{"imap", imap.Serve}, {"imaps", imap.ServeTLS},
		{"http", func(ctx context.Context, ln net.Listener) error { return serveHTTP(ctx, ln, nil, plain, r.Log) }},
		{"https", func(ctx context.Context, ln net.Listener) error { return serveHTTP(ctx, ln, https, web, r.Log) }},
		{"metrics", func(ctx context.Context, ln net.Listener) error { return serveHTTP(ctx, ln, nil, operations, r.Log) }},
	}, nil
}

// listeners are opened sockets with what answers there.
type listeners []struct {
	service
	listener net.Listener
}

func (l listeners) close() {
	for _, open := range l {
		open.listener.Close()
	}
}

// openListeners opens all sockets or none; the error names every one that could not be opened.
func openListeners(c *config.Config, services []service) (listeners, error) {
	addresses := map[string][]string{}
	for _, s := range c.Listen.Services() {
		addresses[s.Name] = *s.Addresses
	}
	var open listeners
	var errs []error
	for _, s := range services {
		for _, address := range addresses[s.name] {
			ln, err := net.Listen("tcp", address)
			if err != nil {
				errs = append(errs, fmt.Errorf("listen.%s: %w", s.name, err))
				continue
			}
			open = append(open, struct {
				service
				listener net.Listener
			}{s, ln})
		}
	}
	if len(errs) > 0 {
		open.close()
		return nil, errors.Join(errs...)
	}
	return open, nil
}
