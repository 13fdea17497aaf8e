package reports

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"time"

	"schulhof/smtpd/authenticate"
	"schulhof/store"
)

// send tells each domain's owner about the days that are over. What nobody wants to hear is forgotten.
func (r *Reports) send(ctx context.Context) error {
	today := r.now().Unix() / daySeconds
	var due []countedDay
	err := r.store.Read(ctx, func(tx *store.Tx) (err error) {
		due, err = selectDays(tx, today)
		return err
	})
	for _, d := range due {
		if err != nil || ctx.Err() != nil {
			break
		}
		err = r.sendDay(ctx, d, today)
	}
	return err
}

// sendDay sends one report, if somebody wants it.
func (r *Reports) sendDay(ctx context.Context, d countedDay, today int64) error {
	forget := func(tx *store.Tx) error { return deleteDay(tx, d) }
	published, to, err := r.addressees(ctx, d.domain)
	switch {
	case err != nil && today-d.day <= giveUp:
		return nil // nobody knows now: on the next round
	case err != nil || len(to) == 0 || r.o.Mailer == nil:
		return r.store.Write(ctx, forget)
	}
	a := r.aggregate(published, d)
	err = r.store.Read(ctx, func(tx *store.Tx) (err error) {
		a.Records, err = selectRecords(tx, d)
		return err
	})
	if err != nil {
		return err
	}
	packed, err := a.pack()
	if err != nil {
		return err
	}
	var addresses []string
	for _, one := range to {
		if int64(len(packed)) <= one.limit {
			addresses = append(addresses, one.address)
		}
	}
	if len(addresses) == 0 || len(packed) > maxSent {
		r.log.Info("reports: too large for who wants it", "domain", d.domain, "bytes", len(packed))
		return r.store.Write(ctx, forget)
	}
	r.log.Info("reports: DMARC report", "domain", d.domain, "to", addresses, "lines", len(a.Records))
	return r.o.Mailer.SendReport(ctx, addresses, r.mail(a, packed, addresses), forget)
}

// addressees asks the DNS again what is published, and who wants reports.
func (r *Reports) addressees(ctx context.Context, domain string) (p authenticate.Published, to []destination, err error) {
	if ours, err := r.ours(ctx, domain); ours || err != nil {
		return p, nil, err // we know
	}
	p, ok, err := authenticate.AskPublished(ctx, r.o.Resolver, domain)
	if err != nil || !ok {
		return p, nil, err
	}
	to, err = r.destinations(ctx, p)
	return p, to, err
}

// aggregate is the report without its records.
func (r *Reports) aggregate(p authenticate.Published, d countedDay) *aggregate {
	alignment := map[bool]string{true: "s", false: "r"}
	begin := d.day * daySeconds
	return &aggregate{
		Version: "1.0",
		Metadata: aggregateMetadata{
			Organization: r.o.Organization, Email: r.o.From, Begin: begin, End: begin + daySeconds - 1,
			ReportID: time.Unix(begin, 0).UTC().Format("20060102") + "." + d.domain + "@" + r.domain(),
		},
		Policy: aggregatePolicy{
			Domain: p.Domain, DKIM: alignment[p.StrictDKIM], SPF: alignment[p.StrictSPF], Policy: string(p.Policy), Subdomain: string(p.Subdomain),
			Percent: strconv.Itoa(p.Percent),
		},
	}
}

// domain is ours, that reports come from.
func (r *Reports) domain() string { return r.o.From[strings.LastIndexByte(r.o.From, '@')+1:] }

// pack writes the report as it is sent.
func (a *aggregate) pack() ([]byte, error) {
	text, err := xml.MarshalIndent(a, "", " ")
	if err != nil {
		return nil, fmt.Errorf("DMARC report: %w", err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for _, part := range [][]byte{[]byte(xml.Header), text, []byte("\n")} {
		if _, err := z.Write(part); err != nil {
			return nil, fmt.Errorf("DMARC report: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("DMARC report: %w", err)
	}
	return packed.Bytes(), nil
}

// mail writes the mail that carries a report. RFC 7489 §7.2.1.1.
func (r *Reports) mail(a *aggregate, packed []byte, to []string) []byte {
	domain, m := a.Policy.Domain, &a.Metadata
	name := fmt.Sprintf("%s!%s!%d!%d.xml.gz", r.domain(), domain, m.Begin, m.End)
	const boundary = "=_dmarc_report" // "=_" stands in no line of base64, and in no line of ours
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("From: <%s>", r.o.From)
	line("To: %s", "<"+strings.Join(to, ">,\r\n <")+">")
	line("Date: %s", r.now().Format(time.RFC1123Z))
	line("Message-ID: <dmarc-%d-%s@%s>", m.Begin, domain, r.domain())
	line("Subject: Report Domain: %s", domain)
	line(" Submitter: %s", r.domain())
	line(" Report-ID: <%s>", m.ReportID)
	line("Auto-Submitted: auto-generated")
	line("MIME-Version: 1.0")
	line(`Content-Type: multipart/mixed; boundary="%s"`, boundary)
	line("")
	line("--%s\r\nContent-Type: text/plain; charset=us-ascii\r\n", boundary)
	line("This is a report about mail in the name of %s (DMARC, RFC 7489).", domain)
	line("--%s\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: base64", boundary)
	line("Content-Disposition: attachment;\r\n filename=\"%s\"\r\n", name)
	for len(packed) > 0 {
		n := min(57, len(packed)) // lines of 76 characters; RFC 2045 §6.8
		line("%s", base64.StdEncoding.EncodeToString(packed[:n]))
		packed = packed[n:]
	}
	line("--%s--", boundary)
	return b.Bytes()
}
