package reports

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Kind is what a report is about.
type Kind string

// The kinds.
const (
	KindDMARC Kind = "dmarc" // mail in the name of a domain
	KindTLS   Kind = "tls"   // connections that brought mail to it
)

// Report is what is kept of a report that somebody sent us.
type Report struct {
	Number       int64
	Kind         Kind
	Domain       string // of ours
	Organization string // who reports, as they say
	ID           string // theirs
	Contact      string
	Begin, End   time.Time
	Passed       int64 // messages for which SPF or DKIM spoke; connections that were encrypted as they should
	Failed       int64
	Verified     bool // DMARC speaks for who sent it
	Received     time.Time
	Details      []Detail // the most frequent first
}

// Detail is one line of a report.
type Detail struct {
	Count   int64  `json:"count"`
	Source  string `json:"source"`  // the address that the mail came from, or that connected; "" if it is not told
	Subject string `json:"subject"` // the domain in From, or our server that was connected to
	Result  string `json:"result"`
	Action  string `json:"action"` // what was done with the mail, or the policy that held
}

func (r *Report) add(passed bool, n int64, d Detail) {
	if passed {
		r.Passed += n
	} else {
		r.Failed += n
	}
	r.Details = append(r.Details, d)
}

// shorten leaves the most frequent lines.
func (r *Report) shorten() {
	slices.SortStableFunc(r.Details, func(a, b Detail) int { return cmp.Compare(b.Count, a.Count) })
	r.Details = r.Details[:min(len(r.Details), maxDetails)]
}

// clean makes a bounded line of a stranger's text that every terminal and database takes.
func clean(s string) string {
	s = strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) {
			return ' '
		}
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, "")))
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}

func domainOf(s string) string { return strings.ToLower(strings.TrimSuffix(clean(s), ".")) }
