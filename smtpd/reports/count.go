package reports

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"

	"schulhof/smtpd/authenticate"
	"schulhof/smtpd/tally"
)

// Found is what was found about one message.
type Found struct {
	Client  netip.Addr
	Sender  string // MAIL FROM
	Verdict *authenticate.Verdict
}

// countKey is one line of a report.
type countKey struct {
	day    int64 // since 1970-01-01, UTC
	domain string
	line   string // JSON of a line
}

// line is what a report says about messages that are alike.
type line struct {
	Source      string          `json:"source"`
	Disposition string          `json:"disposition"`
	Reason      string          `json:"reason,omitempty"`
	DKIM        bool            `json:"dkim"`
	SPF         bool            `json:"spf"`
	From        string          `json:"from"`
	Sender      string          `json:"sender,omitempty"`
	Signatures  []aggregateDKIM `json:"signatures,omitempty"`
	SPFDomain   string          `json:"spf_domain"`
	SPFScope    string          `json:"spf_scope"`
	SPFResult   string          `json:"spf_result"`
}

// Count counts a message, if the owner of the domain that it claims to come from wants to hear of that. What the DNS could not tell is
// not counted: the message comes again.
func (r *Reports) Count(f Found) {
	d := &f.Verdict.DMARC
	if r.o.Reporter == nil || !d.Wanted || d.Result != authenticate.Pass && d.Result != authenticate.Fail {
		return
	}
	text, err := json.Marshal(lineOf(f))
	if err != nil {
		return // texts and booleans only: it cannot happen
	}
	r.counted.Add(countKey{tally.Number(r.now()), d.Record, string(text)})
}

func lineOf(f Found) line {
	v := f.Verdict
	l := line{Source: f.Client.Unmap().String(), DKIM: v.DMARC.DKIM, SPF: v.DMARC.SPF, From: v.DMARC.From, SPFDomain: v.SPF.Domain, SPFScope: "mfrom", SPFResult: string(v.SPF.Result)}
	if v.SPF.Hello {
		l.SPFScope = "helo"
	}
	if at := strings.LastIndexByte(f.Sender, '@'); at >= 0 {
		l.Sender = strings.ToLower(clean(f.Sender[at+1:]))
	}
	done := map[authenticate.Action]string{authenticate.Reject: "reject", authenticate.Junk: "quarantine"}[v.Action]
	l.Disposition = orNone(done)
	asked := string(v.DMARC.Policy)
	switch {
	case v.DMARC.Result == authenticate.Pass || l.Disposition == asked:
	case v.DMARC.Sealed:
		l.Reason = "trusted_forwarder"
	case v.DMARC.Applies != v.DMARC.Policy:
		l.Reason = "sampled_out"
	default:
		l.Reason = "local_policy"
	}
	for _, s := range v.DKIM[:min(len(v.DKIM), maxSignatures)] {
		if s.Domain != "" {
			l.Signatures = append(l.Signatures, aggregateDKIM{clean(s.Domain), clean(s.Selector), string(s.Result)})
		}
	}
	return l
}

// record is the line in a report.
func (l *line) record(n int64) aggregateRecord {
	result := map[bool]string{true: "pass", false: "fail"}
	a := aggregateRecord{
		Source: l.Source, Count: n, Disposition: l.Disposition, DKIM: result[l.DKIM], SPF: result[l.SPF], From: l.From, Sender: l.Sender, Signatures: l.Signatures,
		Senders: []aggregateSPF{{l.SPFDomain, l.SPFScope, l.SPFResult}},
	}
	if l.Reason != "" {
		a.Reasons = []aggregateReason{{Type: l.Reason}}
	}
	return a
}

// flush writes the counts into the database.
func (r *Reports) flush(ctx context.Context) error {
	return r.counted.Flush(ctx, r.store, addCounts)
}
