package remote

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Report is what one organisation tells another about TLS on mail to it in a day. RFC 8460 §4.4.
type Report struct {
	Organization string         `json:"organization-name"`
	Range        ReportRange    `json:"date-range"`
	Contact      string         `json:"contact-info"`
	ID           string         `json:"report-id"`
	Policies     []PolicyReport `json:"policies"`
}

// ReportRange is the time that a report is about.
type ReportRange struct {
	Start time.Time `json:"start-datetime"`
	End   time.Time `json:"end-datetime"`
}

// PolicyReport is what happened under one policy.
type PolicyReport struct {
	Policy  ReportedPolicy  `json:"policy"`
	Summary ReportSummary   `json:"summary"`
	Details []FailureReport `json:"failure-details,omitempty"`
}

// ReportedPolicy is the policy as it was found.
type ReportedPolicy struct {
	Type   string     `json:"policy-type"`
	Text   stringList `json:"policy-string,omitempty"`
	Domain string     `json:"policy-domain"`
	MX     stringList `json:"mx-host,omitempty"`
}

// ReportSummary counts connections.
type ReportSummary struct {
	Successful int64 `json:"total-successful-session-count"`
	Failed     int64 `json:"total-failure-session-count"`
}

// FailureReport is one kind of failure.
type FailureReport struct {
	Result         string `json:"result-type"`
	SendingIP      string `json:"sending-mta-ip,omitempty"`
	ReceivingMX    string `json:"receiving-mx-hostname,omitempty"`
	ReceivingHello string `json:"receiving-mx-helo,omitempty"`
	ReceivingIP    string `json:"receiving-ip,omitempty"`
	Count          int64  `json:"failed-session-count"`
	Additional     string `json:"additional-information,omitempty"`
	Reason         string `json:"failure-reason-code,omitempty"`
}

// stringList is a list that some write as one text.
type stringList []string

// UnmarshalJSON takes both forms.
func (l *stringList) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var one string
		if err := json.Unmarshal(b, &one); err != nil {
			return err
		}
		*l = stringList{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// errReport is a report that is none, or beyond all measure.
var errReport = errors.New("not a TLS report")

// ParseReport reads a report that came by mail or HTTPS, as JSON or compressed with gzip: at most 10 MB, 1,000 policies and
// 10,000 kinds of failure. Texts are cleaned: they are a stranger's.
func ParseReport(r io.Reader) (*Report, error) {
	start := make([]byte, 2)
	n, err := io.ReadFull(r, start)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errReport, err)
	}
	r = io.MultiReader(bytes.NewReader(start[:n]), r)
	if start[0] == 0x1f && start[1] == 0x8b {
		unpacked, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errReport, err)
		}
		r = unpacked
	}
	text, err := io.ReadAll(io.LimitReader(r, maxReport+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errReport, err)
	}
	if len(text) > maxReport {
		return nil, fmt.Errorf("%w: more than %d bytes", errReport, maxReport)
	}
	var report Report
	if err := json.Unmarshal(text, &report); err != nil {
		return nil, fmt.Errorf("%w: %w", errReport, err)
	}
	if err := report.check(); err != nil {
		return nil, err
	}
	return &report, nil
}

// check bounds what was read.
func (r *Report) check() error {
	details := 0
	if len(r.Policies) == 0 || len(r.Policies) > maxReportPolicies {
		return fmt.Errorf("%w: %d policies", errReport, len(r.Policies))
	}
	texts := []*string{&r.Organization, &r.Contact, &r.ID}
	for i := range r.Policies {
		p := &r.Policies[i]
		details += len(p.Details)
		if !countable(p.Summary.Successful) || !countable(p.Summary.Failed) || details > maxReportDetails || len(p.Policy.MX) > maxPolicyMX || len(p.Policy.Text) > maxPolicyMX {
			return fmt.Errorf("%w: counts beyond all measure", errReport)
		}
		texts = append(texts, &p.Policy.Type, &p.Policy.Domain)
		for k := range p.Policy.Text {
			texts = append(texts, &p.Policy.Text[k])
		}
		for k := range p.Policy.MX {
			texts = append(texts, &p.Policy.MX[k])
		}
		for k := range p.Details {
			d := &p.Details[k]
			if !countable(d.Count) {
				return fmt.Errorf("%w: %d connections", errReport, d.Count)
			}
			texts = append(texts, &d.Result, &d.SendingIP, &d.ReceivingMX, &d.ReceivingHello, &d.ReceivingIP, &d.Additional, &d.Reason)
		}
	}
	for _, text := range texts {
		*text = clean(*text)
	}
	return nil
}

// countable reports whether there can have been n connections.
func countable(n int64) bool { return n >= 0 && n <= maxReportCount }
