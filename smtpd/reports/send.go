package reports

import (
	"context"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"time"

	"schulhof/smtpd/authenticate"
	"schulhof/smtpd/tally"
	"schulhof/store"
)

// send tells each domain's owner about the days that are over. What nobody wants to hear is forgotten.
func (r *Reports) send(ctx context.Context) error {
	by, err := r.o.Reporter.Reporter(ctx)
	if err != nil {
		return err
	}
	today := tally.Number(r.now())
	var due []tally.Day
	err = r.store.Read(ctx, func(tx *store.Tx) (err error) {
		due, err = selectDays(tx, today)
		return err
	})
	if err != nil {
		return err
	}
	return tally.Each(ctx, due, func(ctx context.Context, d tally.Day) error { return r.sendDay(ctx, &by, d, today) })
}

// sendDay sends one report, if somebody wants it.
func (r *Reports) sendDay(ctx context.Context, by *tally.Reporter, d tally.Day, today int64) error {
	forget := func(tx *store.Tx) error { return deleteDay(tx, d) }
	if by.Mailer == nil {
		return r.store.WriteBulk(ctx, forget)
	}
	published, to, err := r.addressees(ctx, d.Domain)
	switch {
	case err != nil && (today-d.Number <= giveUp || ctx.Err() != nil):
		return nil // nobody knows now: on the next round
	case err != nil:
		r.log.Info("reports: DMARC report given up, nobody knows who wants it", "domain", d.Domain, "day", d.Begin().Format(time.DateOnly), "err", err)
		return r.store.WriteBulk(ctx, forget)
	case len(to) == 0:
		return r.store.WriteBulk(ctx, forget)
	}
	a := newAggregate(by, published, d)
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
		r.log.Info("reports: too large for who wants it", "domain", d.Domain, "bytes", len(packed))
		return r.store.WriteBulk(ctx, forget)
	}
	if err := by.Mailer.SendReport(ctx, addresses, r.mail(by, a, d, packed, addresses), forget); err != nil {
		return err
	}
	r.log.Info("reports: DMARC report", "domain", d.Domain, "to", addresses, "lines", len(a.Records))
	return nil
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

// newAggregate is the report without its records.
func newAggregate(by *tally.Reporter, p authenticate.Published, d tally.Day) *aggregate {
	alignment := map[bool]string{true: "s", false: "r"}
	return &aggregate{
		Version: "1.0",
		Metadata: aggregateMetadata{
			Organization: by.Organization, Email: by.From, Begin: d.Begin().Unix(), End: d.End().Unix(),
			ReportID: d.Begin().Format("20060102") + "." + d.Domain + "@" + by.Domain(),
		},
		Policy: aggregatePolicy{
			Domain: p.Domain, DKIM: alignment[p.StrictDKIM], SPF: alignment[p.StrictSPF], Policy: string(p.Policy), Subdomain: string(p.Subdomain),
			Percent: strconv.Itoa(p.Percent),
		},
	}
}

// pack writes the report as it is sent.
func (a *aggregate) pack() ([]byte, error) {
	text, err := xml.MarshalIndent(a, "", " ")
	if err != nil {
		return nil, fmt.Errorf("DMARC report: %w", err)
	}
	return tally.Pack(slices.Concat([]byte(xml.Header), text, []byte("\n")))
}

// mail writes the mail that carries a report. RFC 7489 §7.2.1.1.
func (r *Reports) mail(by *tally.Reporter, a *aggregate, d tally.Day, packed []byte, to []string) []byte {
	m := tally.Mail{
		Kind: "dmarc", By: by, To: to, Date: r.now(), Day: d, ID: a.Metadata.ReportID,
		Type: "multipart/mixed", Text: "This is a report about mail in the name of " + d.Domain + " (DMARC, RFC 7489).",
		File: "application/gzip", Suffix: ".xml.gz", Packed: packed,
	}
	return m.Message()
}
