package main

import (
	"context"

	"schulhof/config"
	"schulhof/directory"
	"schulhof/smtpd"
	"schulhof/smtpd/authenticate"
	"schulhof/smtpd/reports"
	"schulhof/smtpd/spam"
)

// openChecker opens what judges mail from other servers: where it comes from, and whether anybody wants it.
func (r *rooms) openChecker(ctx context.Context, o outside) error {
	strict := map[string]authenticate.Action{
		config.DMARCReject: authenticate.Reject, config.DMARCQuarantine: authenticate.Junk, config.DMARCReport: authenticate.Accept,
	}
	origin, err := authenticate.NewChecker(authenticate.Options{
		Resolver: r.DNS, Hostname: r.Config.Server.Hostname, Strict: strict[r.Config.Origin.DMARC],
		Trusted: r.Config.Origin.TrustedSealers, Metrics: o.metrics, Now: o.now,
	})
	if err != nil {
		return err
	}
	c := r.Config.Spam
	mail := r.Mail
	if c.Personal == config.Off {
		mail = nil
	}
	r.Spam, err = spam.New(ctx, r.Store, mail, r.Directory, spam.Options{
		Origin: origin, Hostname: r.Config.Server.Hostname, Local: r.isLocal,
		Junk: threshold(c.Junk), Reject: threshold(c.Reject), Greylist: threshold(c.Greylist), GreylistDelay: c.GreylistDelay,
		Blocklists: c.Blocklists, Rspamd: c.Rspamd, RspamdError: onError(c.RspamdError), RspamdSubmissions: c.RspamdSubmissions == config.On,
		Clamd: r.Config.Virus.Clamd, ClamdError: onError(r.Config.Virus.OnError), Log: r.Log.With("room", "spam"), Metrics: o.metrics, Now: o.now,
	})
	return err
}

// isLocal reports whether a domain is ours.
func (r *rooms) isLocal(domain string) bool {
	local, err := r.Directory.IsLocalDomain(context.Background(), domain)
	return err == nil && local
}

// threshold is a setting as the room wants it: there 0 is the default, here it is never.
func threshold(points int) float64 {
	if points == 0 {
		return -1
	}
	return float64(points)
}

// onError is a setting as the room wants it.
func onError(word string) spam.OnError {
	if word == config.ErrorDefer {
		return spam.ComeLater
	}
	return spam.Proceed
}

// checker lets smtpd use the room that judges mail; the two do not know each other. It has what was found counted for reports.
type checker struct {
	spam    *spam.Checker
	reports *reports.Reports
}

// Check implements smtpd.Checker.
func (c checker) Check(ctx context.Context, m smtpd.Arrived) (smtpd.Judgement, error) {
	message := spamMessage(&m)
	v, err := c.spam.Check(ctx, message)
	if err != nil {
		return smtpd.Judgement{}, err
	}
	if v.Action != spam.Defer { // it comes again, and counts then
		c.reports.Count(reports.Found{Client: m.Client, Sender: m.Sender, Verdict: &v.Origin})
	}
	j := judgement(&v)
	j.Personal = func(ctx context.Context, to []directory.ID) []bool { return c.spam.Sort(ctx, message, &v, to) }
	return j, nil
}

// submissionChecker does the same for what our own people send.
type submissionChecker struct{ spam *spam.Checker }

// Check implements smtpd.Checker.
func (c submissionChecker) Check(ctx context.Context, m smtpd.Arrived) (smtpd.Judgement, error) {
	v := c.spam.CheckSubmission(ctx, spamMessage(&m))
	return judgement(&v), nil
}

func spamMessage(m *smtpd.Arrived) *spam.Message {
	return &spam.Message{
		Client: m.Client, Hello: m.Hello, Sender: m.Sender, Recipients: m.Recipients, Login: m.Login, TraceID: m.TraceID,
		Body: m.Message, Size: m.Message.Size(),
	}
}

func judgement(v *spam.Verdict) smtpd.Judgement {
	actions := [...]smtpd.Action{
		spam.Deliver: smtpd.ActionDeliver, spam.Junk: smtpd.ActionJunk, spam.Defer: smtpd.ActionDefer, spam.Refuse: smtpd.ActionRefuse,
	}
	return smtpd.Judgement{Action: actions[v.Action], Reason: v.Reason, Fields: v.Fields}
}
