package reports

import (
	"io"

	"schulhof/smtpd/remote"
)

// parseTLS reads a TLS report and says what is kept of it. It is about one domain of ours: policies of others do not count.
func parseTLS(r io.Reader) (*Report, error) {
	t, err := remote.ParseReport(r)
	if err != nil {
		return nil, err
	}
	out := &Report{Kind: KindTLS, Organization: clean(t.Organization), ID: clean(t.ID), Contact: clean(t.Contact), Begin: t.Range.Start, End: t.Range.End}
	for _, p := range t.Policies {
		domain := domainOf(p.Policy.Domain)
		if out.Domain == "" {
			out.Domain = domain
		}
		if domain != out.Domain {
			continue
		}
		out.Passed += p.Summary.Successful
		out.Failed += p.Summary.Failed
		if p.Summary.Successful > 0 {
			out.Details = append(out.Details, Detail{Count: p.Summary.Successful, Result: "successful", Action: clean(p.Policy.Type)})
		}
		for _, d := range p.Details {
			result := clean(d.Result)
			if reason := clean(d.Reason); reason != "" {
				result += " (" + reason + ")"
			}
			out.Details = append(out.Details, Detail{Count: d.Count, Source: clean(d.SendingIP), Subject: clean(d.ReceivingMX), Result: result, Action: clean(p.Policy.Type)})
		}
	}
	out.shorten()
	return out, nil
}
