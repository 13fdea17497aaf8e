package reports

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// aggregate is the report of one organisation about mail in the name of one domain. RFC 7489 §7.2, appendix C.
type aggregate struct {
	XMLName  xml.Name          `xml:"feedback"`
	Version  string            `xml:"version,omitempty"`
	Metadata aggregateMetadata `xml:"report_metadata"`
	Policy   aggregatePolicy   `xml:"policy_published"`
	Records  []aggregateRecord `xml:"record"`
}

type aggregateMetadata struct {
	Organization string `xml:"org_name"`
	Email        string `xml:"email"`
	ReportID     string `xml:"report_id"`
	Begin        int64  `xml:"date_range>begin"`
	End          int64  `xml:"date_range>end"`
}

type aggregatePolicy struct {
	Domain    string `xml:"domain"`
	DKIM      string `xml:"adkim,omitempty"`
	SPF       string `xml:"aspf,omitempty"`
	Policy    string `xml:"p"`
	Subdomain string `xml:"sp,omitempty"`
	Percent   string `xml:"pct,omitempty"`
}

type aggregateRecord struct {
	Source      string            `xml:"row>source_ip"`
	Count       int64             `xml:"row>count"`
	Disposition string            `xml:"row>policy_evaluated>disposition"`
	DKIM        string            `xml:"row>policy_evaluated>dkim"`
	SPF         string            `xml:"row>policy_evaluated>spf"`
	Reasons     []aggregateReason `xml:"row>policy_evaluated>reason"`
	From        string            `xml:"identifiers>header_from"`
	Sender      string            `xml:"identifiers>envelope_from,omitempty"`
	Signatures  []aggregateDKIM   `xml:"auth_results>dkim"`
	Senders     []aggregateSPF    `xml:"auth_results>spf"`
}

type aggregateReason struct {
	Type    string `xml:"type"`
	Comment string `xml:"comment,omitempty"`
}

type aggregateDKIM struct {
	Domain   string `xml:"domain"`
	Selector string `xml:"selector,omitempty"`
	Result   string `xml:"result"`
}

type aggregateSPF struct {
	Domain string `xml:"domain"`
	Scope  string `xml:"scope,omitempty"`
	Result string `xml:"result"`
}

// errReport is a report that is none, or beyond all measure.
var errReport = errors.New("not a report")

// parseAggregate reads a report of at most limit bytes and 10,000 records.
func parseAggregate(r io.Reader, limit int64) (*aggregate, error) {
	limited := &io.LimitedReader{R: r, N: limit + 1}
	d := xml.NewDecoder(limited)
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) { return in, nil } // only names and numbers count
	var a aggregate
	err := d.Decode(&a)
	switch {
	case limited.N == 0:
		return nil, fmt.Errorf("%w: more than %d bytes", errReport, limit)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errReport, err)
	case len(a.Records) > maxLines:
		return nil, fmt.Errorf("%w: %d records", errReport, len(a.Records))
	case a.Policy.Domain == "" || a.Metadata.Organization == "" && a.Metadata.Email == "":
		return nil, fmt.Errorf("%w: it does not say whose it is", errReport)
	}
	for i := range a.Records {
		if n := a.Records[i].Count; n < 0 || n > maxMessages {
			return nil, fmt.Errorf("%w: %d messages", errReport, n)
		}
	}
	return &a, nil
}

// report is what is kept of a.
func (a *aggregate) report() *Report {
	m := &a.Metadata
	r := &Report{
		Kind: KindDMARC, Domain: domainOf(a.Policy.Domain), Organization: clean(m.Organization), ID: clean(m.ReportID), Contact: clean(m.Email),
		Begin: time.Unix(m.Begin, 0).UTC(), End: time.Unix(m.End, 0).UTC(),
	}
	if r.Organization == "" {
		r.Organization = r.Contact
	}
	for i := range a.Records {
		p := &a.Records[i]
		passed := isPass(p.DKIM) || isPass(p.SPF)
		r.add(passed, p.Count, Detail{
			Count: p.Count, Source: clean(p.Source), Result: "dkim " + orNone(clean(p.DKIM)) + ", spf " + orNone(clean(p.SPF)), Subject: clean(p.From), Action: clean(p.Disposition),
		})
	}
	r.shorten()
	return r
}

func isPass(s string) bool { return strings.EqualFold(strings.TrimSpace(s), "pass") }

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
