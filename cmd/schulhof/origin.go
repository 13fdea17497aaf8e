package main

import (
	"context"
	"fmt"
	"log/slog"

	"schulhof/config"
	"schulhof/smtpd"
	"schulhof/smtpd/authenticate"

	"github.com/prometheus/client_golang/prometheus"
)

// originChecker is smtpd's Checker: the room that knows where mail comes from, as the settings want it.
type originChecker struct {
	checker *authenticate.Checker
	log     *slog.Logger
}

func newOriginChecker(r *rooms, metrics prometheus.Registerer) (*originChecker, error) {
	strict := map[string]authenticate.Action{
		config.DMARCReject: authenticate.Reject, config.DMARCQuarantine: authenticate.Junk, config.DMARCReport: authenticate.Accept,
	}
	c, err := authenticate.NewChecker(authenticate.Options{
		Resolver: r.DNS, Hostname: r.Config.Server.Hostname, Strict: strict[r.Config.Origin.DMARC],
		Trusted: r.Config.Origin.TrustedSealers, Metrics: metrics,
	})
	if err != nil {
		return nil, err
	}
	return &originChecker{checker: c, log: r.Log.With("room", "authenticate")}, nil
}

// Check implements smtpd.Checker.
func (o *originChecker) Check(ctx context.Context, m smtpd.Arrived) (smtpd.Judgement, error) {
	v, err := o.checker.Check(ctx, authenticate.Input{Client: m.Client, Hello: m.Hello, Sender: m.Sender, Message: m.Message})
	if err != nil {
		return smtpd.Judgement{}, err
	}
	o.log.LogAttrs(ctx, slog.LevelDebug, "message judged", slog.String("id", m.TraceID), slog.String("action", v.Action.String()),
		slog.String("spf", string(v.SPF.Result)), slog.Int("dkim", len(v.DKIM)), slog.String("dmarc", string(v.DMARC.Result)), slog.String("from", v.DMARC.From))
	j := smtpd.Judgement{Reason: v.Reason, Fields: v.Field}
	switch v.Action {
	case authenticate.Reject:
		j.Action = smtpd.ActionRefuse
	case authenticate.Defer:
		j.Action = smtpd.ActionDefer
	case authenticate.Junk:
		j.Action = smtpd.ActionJunk
		j.Fields = fmt.Appendf(j.Fields, "X-Schulhof-Junk: %s\r\n", v.Reason)
	case authenticate.Accept:
	}
	return j, nil
}
