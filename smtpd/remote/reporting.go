package remote

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"schulhof/smtpd/resolver"
	"schulhof/smtpd/tally"
	"schulhof/store"
)

// Run writes down what is counted, and reports on each day after it is over in the name of whom who names then, until ctx ends.
func (c *Client) Run(ctx context.Context, who tally.Lookup) error {
	send := func(ctx context.Context) error { return c.report(ctx, who) }
	return tally.Work{Save: c.flush, Send: send, Log: c.log, Now: c.o.Now}.Run(ctx)
}

// flush writes the counts into the database.
func (c *Client) flush(ctx context.Context) error {
	if c.o.Store == nil {
		return nil
	}
	return c.counted.Flush(ctx, c.o.Store, addCounts)
}

// report tells each domain's owner about the days that are over. What nobody wants to hear is forgotten.
func (c *Client) report(ctx context.Context, who tally.Lookup) error {
	if c.o.Store == nil {
		return nil
	}
	r, err := who.Reporter(ctx)
	if err != nil {
		return err
	}
	today := tally.Number(c.o.Now())
	var due []tally.Day
	err = c.o.Store.Read(ctx, func(tx *store.Tx) (err error) {
		due, err = selectDays(tx, today)
		return err
	})
	if err != nil {
		return err
	}
	return tally.Each(ctx, due, func(ctx context.Context, d tally.Day) error { return c.reportDay(ctx, r, d, today) })
}

// reportDay sends one report, if somebody wants it.
func (c *Client) reportDay(ctx context.Context, r tally.Reporter, d tally.Day, today int64) error {
	forget := func(tx *store.Tx) error { return deleteDay(tx, d) }
	if r.Mailer == nil {
		return c.o.Store.WriteBulk(ctx, forget)
	}
	late := today-d.Number > reportDays
	to, post, err := c.addressees(ctx, d.Domain)
	switch {
	case err != nil && (!late || ctx.Err() != nil):
		return nil // nobody knows now: on the next round
	case err != nil:
		c.log.Info("remote: TLS report given up, nobody knows who wants it", "domain", d.Domain, "day", d.Begin().Format(time.DateOnly), "err", err)
		return c.o.Store.WriteBulk(ctx, forget)
	case len(to)+len(post) == 0:
		return c.o.Store.WriteBulk(ctx, forget)
	}
	var rows map[countKey]int64
	err = c.o.Store.Read(ctx, func(tx *store.Tx) (err error) {
		rows, err = selectCounts(tx, d)
		return err
	})
	if err != nil {
		return err
	}
	report := makeReport(r, d, rows)
	packed, err := packReport(report)
	if err != nil {
		return err
	}
	posted := c.postAll(ctx, d, post, packed)
	switch {
	case len(to) > 0:
		if err := r.Mailer.SendReport(ctx, to, c.reportMail(r, d, report, packed, to), forget); err != nil {
			return err
		}
	case posted == 0 && (!late || ctx.Err() != nil):
		return nil // nobody has it: on the next round
	case posted == 0:
		c.log.Info("remote: TLS report given up, nobody took it", "domain", d.Domain, "day", d.Begin().Format(time.DateOnly))
		return c.o.Store.WriteBulk(ctx, forget)
	default:
		if err := c.o.Store.WriteBulk(ctx, forget); err != nil {
			return err
		}
	}
	c.log.Info("remote: TLS report", "domain", d.Domain, "to", to, "posted", posted)
	return nil
}

// postAll gives a report to all HTTPS servers that want it, and counts those that took it.
func (c *Client) postAll(ctx context.Context, d tally.Day, to []*url.URL, packed []byte) (posted int) {
	for _, u := range to {
		if err := c.post(ctx, u, packed); err != nil {
			c.log.Info("remote: a TLS report could not be posted", "domain", d.Domain, "host", u.Host, "err", err)
			continue
		}
		posted++
	}
	return posted
}

// addressees asks the DNS who wants reports about a domain. RFC 8460 §3.
func (c *Client) addressees(ctx context.Context, domain string) (to []string, post []*url.URL, err error) {
	found, err := c.o.Resolver.TXT(ctx, "_smtp._tls."+domain)
	if resolver.IsNotFound(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	to, post = parseReportRecord(found.Records)
	return to, post, nil
}

// parseReportRecord takes the mail and HTTPS addresses out of the one record that there may be.
func parseReportRecord(texts []string) (to []string, post []*url.URL) {
	records := 0
	for _, text := range texts {
		version, rest, _ := strings.Cut(text, ";")
		if strings.TrimSpace(version) != "v=TLSRPTv1" {
			continue
		}
		if records++; records > 1 {
			return nil, nil
		}
		for field := range strings.SplitSeq(rest, ";") {
			key, value, _ := strings.Cut(field, "=")
			if strings.TrimSpace(key) != "rua" {
				continue
			}
			for uri := range strings.SplitSeq(value, ",") {
				uri = strings.TrimSpace(uri)
				if len(to)+len(post) == maxAddressees {
					break
				}
				if address := tally.Mailto(uri); address != "" {
					to = append(to, address)
				} else if u := postAddress(uri); u != nil {
					post = append(post, u)
				}
			}
		}
	}
	return to, post
}

// makeReport puts the counts of a day in order.
func makeReport(r tally.Reporter, d tally.Day, rows map[countKey]int64) *Report {
	report := &Report{
		Organization: r.Organization, Contact: r.From, Range: ReportRange{d.Begin(), d.End()},
		ID: fmt.Sprintf("%s.%s@%s", d.Begin().Format(time.DateOnly), d.Domain, r.Domain()),
	}
	type policyKey struct {
		kind policyKind
		text string
	}
	at := map[policyKey]int{}
	keys := slices.SortedFunc(maps.Keys(rows), func(a, b countKey) int {
		return cmp.Or(cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Text, b.Text), cmp.Compare(a.Result, b.Result), cmp.Compare(a.Host, b.Host))
	})
	for _, key := range keys {
		i, ok := at[policyKey{key.Policy, key.Text}]
		if !ok {
			i = len(report.Policies)
			at[policyKey{key.Policy, key.Text}] = i
			report.Policies = append(report.Policies, PolicyReport{Policy: reportedPolicy(d.Domain, key)})
		}
		p := &report.Policies[i]
		if key.Result == "" {
			p.Summary.Successful += rows[key]
			continue
		}
		p.Summary.Failed += rows[key]
		p.Details = append(p.Details, FailureReport{Result: string(key.Result), ReceivingMX: key.Host, Count: rows[key]})
	}
	return report
}

func reportedPolicy(domain string, key countKey) ReportedPolicy {
	p := ReportedPolicy{Type: string(key.Policy), Domain: domain}
	if key.Text == "" {
		return p
	}
	for line := range strings.Lines(key.Text) {
		if line = strings.TrimSpace(line); line != "" {
			p.Text = append(p.Text, line)
		}
	}
	if sts, err := parsePolicy(key.Text); err == nil {
		p.MX = sts.MX
	}
	return p
}

// packReport writes a report as it is sent.
func packReport(report *Report) ([]byte, error) {
	text, err := json.Marshal(report)
	if err != nil {
		return nil, fmt.Errorf("TLS report: %w", err)
	}
	return tally.Pack(text)
}

// reportMail writes the mail that carries a report. RFC 8460 §5.3.
func (c *Client) reportMail(r tally.Reporter, d tally.Day, report *Report, packed []byte, to []string) []byte {
	m := tally.Mail{
		Kind: "tls", By: &r, To: to, Date: c.o.Now(), Day: d, ID: report.ID,
		Type:   `multipart/report; report-type="tlsrpt"`,
		Fields: []string{"TLS-Report-Domain: " + d.Domain, "TLS-Report-Submitter: " + r.Domain()},
		Text:   "This is a report about TLS on connections that brought mail to " + d.Domain + " (RFC 8460).",
		File:   "application/tlsrpt+gzip", Suffix: ".json.gz", Packed: packed,
	}
	return m.Message()
}
