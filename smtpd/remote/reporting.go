package remote

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"schulhof/smtpd/resolver"
	"schulhof/store"
)

// Mailer takes the mail that a report goes out with; the queue is the real one.
type Mailer interface {
	// SendReport accepts a message to one domain's addressees for delivery, in one transaction with also.
	SendReport(ctx context.Context, to []string, message []byte, also func(*store.Tx) error) error
}

// Reporting is who reports. An empty From turns reports off; what is counted is then forgotten day by day.
type Reporting struct {
	Organization string // the school's name or domain
	From         string // the address that reports come from, at a domain of ours
	Mailer       Mailer
}

// Run writes down what is counted, every minute, and reports on each day after it is over, until ctx ends.
func (c *Client) Run(ctx context.Context, r Reporting) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	next := c.o.Now().Add(reportEvery)
	for {
		select {
		case <-ctx.Done():
			return c.flush(context.WithoutCancel(ctx))
		case <-tick.C:
		}
		if err := c.flush(ctx); err != nil {
			c.log.Warn("remote: counts for TLS reports not saved, it will be tried again", "err", err)
		}
		if now := c.o.Now(); !now.Before(next) {
			next = now.Add(reportEvery)
			if err := c.report(ctx, r); err != nil && ctx.Err() == nil {
				c.log.Warn("remote: TLS reports not sent, it will be tried again", "err", err)
			}
		}
	}
}

// take empties the counts.
func (c *counted) take() map[countKey]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	rows := c.rows
	c.rows = map[countKey]int64{}
	return rows
}

// putBack returns what could not be saved.
func (c *counted) putBack(rows map[countKey]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, n := range rows {
		c.rows[key] += n
	}
}

// flush writes the counts into the database.
func (c *Client) flush(ctx context.Context) error {
	if c.o.Store == nil {
		return nil
	}
	rows := c.counted.take()
	if len(rows) == 0 {
		return nil
	}
	err := c.o.Store.Write(ctx, func(tx *store.Tx) error { return addCounts(tx, rows) })
	if err != nil {
		c.counted.putBack(rows)
	}
	return err
}

// report tells each domain's owner about the days that are over. What nobody wants to hear is forgotten.
func (c *Client) report(ctx context.Context, r Reporting) error {
	if c.o.Store == nil {
		return nil
	}
	today := c.o.Now().Unix() / daySeconds
	var due []countedDay
	err := c.o.Store.Read(ctx, func(tx *store.Tx) (err error) {
		due, err = selectDays(tx, today)
		return err
	})
	if err != nil {
		return err
	}
	for _, d := range due {
		if err := c.reportDay(ctx, r, d, today); err != nil {
			return err
		}
	}
	return nil
}

// countedDay is a domain with counts of one day.
type countedDay struct {
	day    int64
	domain string
}

// reportDay sends one report, if somebody wants it.
func (c *Client) reportDay(ctx context.Context, r Reporting, d countedDay, today int64) error {
	forget := func(tx *store.Tx) error { return deleteDay(tx, d) }
	to, post, err := c.addressees(ctx, d.domain)
	switch {
	case err != nil && today-d.day <= reportDays:
		return nil // nobody knows now: on the next round
	case err != nil || len(to)+len(post) == 0 || r.From == "" || r.Mailer == nil:
		return c.o.Store.Write(ctx, forget)
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
	failed := 0
	for _, u := range post {
		if err := c.post(ctx, u, packed); err != nil {
			failed++
			c.log.Info("remote: a TLS report could not be posted", "domain", d.domain, "host", u.Host, "err", err)
		}
	}
	if len(to) == 0 && failed == len(post) && today-d.day <= reportDays {
		return nil // nobody has it: on the next round
	}
	c.log.Info("remote: TLS report", "domain", d.domain, "to", to, "posted", len(post)-failed)
	if len(to) == 0 {
		return c.o.Store.Write(ctx, forget)
	}
	return r.Mailer.SendReport(ctx, to, c.reportMail(r, report, packed, to), forget)
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
				if address := mailtoAddress(uri); address != "" {
					to = append(to, address)
				} else if u := postAddress(uri); u != nil {
					post = append(post, u)
				}
			}
		}
	}
	return to, post
}

// mailtoAddress is the address in a mailto URI; "" if it is none that can be written to. RFC 6068 §2.
func mailtoAddress(uri string) string {
	if len(uri) < 7 || !strings.EqualFold(uri[:7], "mailto:") {
		return ""
	}
	escaped, _, _ := strings.Cut(uri[7:], "?")
	address, err := url.PathUnescape(escaped)
	at := strings.LastIndexByte(address, '@')
	if err != nil || at < 1 || len(address) > maxMailbox || !validPath(address) || strings.ContainsAny(address, ", ;\"") || !isASCII(address) || !isHost(strings.ToLower(address[at+1:])) {
		return ""
	}
	return address
}

// makeReport puts the counts of a day in order.
func makeReport(r Reporting, d countedDay, rows map[countKey]int64) *Report {
	start := time.Unix(d.day*daySeconds, 0).UTC()
	report := &Report{Organization: r.Organization, Contact: r.From, Range: ReportRange{start, start.Add(daySeconds*time.Second - time.Second)},
		ID: fmt.Sprintf("%s.%s@%s", start.Format("2006-01-02"), d.domain, r.From[strings.LastIndexByte(r.From, '@')+1:])}
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
			report.Policies = append(report.Policies, PolicyReport{Policy: reportedPolicy(d.domain, key)})
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
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(text); err != nil {
		return nil, fmt.Errorf("TLS report: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("TLS report: %w", err)
	}
	return packed.Bytes(), nil
}

// reportMail writes the mail that carries a report. RFC 8460 §5.3.
func (c *Client) reportMail(r Reporting, report *Report, packed []byte, to []string) []byte {
	domain := report.Policies[0].Policy.Domain
	sender := r.From[strings.LastIndexByte(r.From, '@')+1:]
	name := fmt.Sprintf("%s!%s!%d!%d.json.gz", sender, domain, report.Range.Start.Unix(), report.Range.End.Unix())
	const boundary = "=_tls_report" // "=_" stands in no line of base64, and in no line of ours
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("From: <%s>", r.From)
	line("To: %s", "<"+strings.Join(to, ">,\r\n <")+">")
	line("Date: %s", c.o.Now().Format(time.RFC1123Z))
	line("Message-ID: <tls-%d-%s@%s>", report.Range.Start.Unix(), domain, sender)
	line("Subject: Report Domain: %s Submitter: %s", domain, sender)
	line(" Report-ID: <%s>", report.ID)
	line("TLS-Report-Domain: %s", domain)
	line("TLS-Report-Submitter: %s", sender)
	line("Auto-Submitted: auto-generated")
	line("MIME-Version: 1.0")
	line(`Content-Type: multipart/report; report-type="tlsrpt"; boundary="%s"`, boundary)
	line("")
	line("--%s\r\nContent-Type: text/plain; charset=us-ascii\r\n", boundary)
	line("This is a report about TLS on connections that brought mail to %s (RFC 8460).", domain)
	line("--%s\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64", boundary)
	line("Content-Disposition: attachment; filename=\"%s\"\r\n", name)
	writeBase64(&b, packed)
	line("--%s--", boundary)
	return b.Bytes()
}

// writeBase64 writes lines of 76 characters. RFC 2045 §6.8.
func writeBase64(w io.Writer, data []byte) {
	for len(data) > 0 {
		n := min(57, len(data))
		fmt.Fprintf(w, "%s\r\n", base64.StdEncoding.EncodeToString(data[:n])) // into memory
		data = data[n:]
	}
}
