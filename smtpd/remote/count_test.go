package remote

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"schulhof/smtpd/tally"
	"schulhof/store"

	"github.com/google/go-cmp/cmp"
)

// TestCountedAgain: counts that could not be saved are counted again, once, together with what came since.
func TestCountedAgain(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	clock := &movable{now: time.Unix(86400-1, 0)}
	c := newWorld(t, func(o *Options) { o.Store, o.Now = s, clock.Now }).client
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 {
		c.counted.worked("there.example", policyDANE, nil)
		if err := c.flush(stopped); !errors.Is(err, context.Canceled) {
			t.Errorf("flush = %v", err)
		}
	}
	clock.add(time.Second)
	c.counted.failed("there.example", policyDANE, nil, "mx.there.example", resultTLSA)
	for range 2 {
		if err := c.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for day, want := range []map[countKey]int64{
		{{Day: 0, Domain: "there.example", Policy: policyDANE}: 3},
		{{Day: 1, Domain: "there.example", Policy: policyDANE, Result: resultTLSA, Host: "mx.there.example"}: 1},
	} {
		var got map[countKey]int64
		err := s.Read(t.Context(), func(tx *store.Tx) (err error) {
			got, err = selectCounts(tx, tally.Day{Number: int64(day), Domain: "there.example"})
			return err
		})
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("day %d: %v, %v, want %v", day, got, err, want)
		}
	}
}

// TestCountedLimit: lines that wait in memory are bounded; what is known goes on.
func TestCountedLimit(t *testing.T) {
	t.Parallel()
	c := newCounted(func() time.Time { return time.Unix(0, 0) })
	for i := range maxCounts {
		c.worked(fmt.Sprint(i), policyNone, nil)
	}
	c.worked("new.example", policyNone, nil)
	c.worked("7", policyNone, nil)
	if rows := c.Take(); len(rows) != maxCounts || rows[countKey{Domain: "7", Policy: policyNone}] != 2 {
		t.Errorf("%d lines, a known one %d times", len(rows), rows[countKey{Domain: "7", Policy: policyNone}])
	}
	c.worked("", policyNone, nil)
	c.worked("ours.example", policyOwn, nil)
	if rows := c.Take(); len(rows) != 0 {
		t.Errorf("counted %v", rows)
	}
}

// TestResultOf: what is wrong with a certificate has one name, however deep its error lies. RFC 8460 §4.3.
func TestResultOf(t *testing.T) {
	t.Parallel()
	proof := func(err error) error { return fmt.Errorf("%w: %w", errNotProven, err) }
	for _, tt := range []struct {
		err  error
		want resultType
	}{
		{errPolicyMX, resultMismatch}, {proof(x509.HostnameError{Host: "x"}), resultMismatch},
		{proof(x509.CertificateInvalidError{Reason: x509.Expired}), resultExpired}, {proof(x509.CertificateInvalidError{Reason: x509.TooManyIntermediates}), resultUntrusted},
		{proof(x509.UnknownAuthorityError{}), resultUntrusted}, {errNotProven, resultUntrusted}, {fmt.Errorf("x: %w", errTLSA), resultTLSA},
		{errors.Join(nil, errTLSA), resultTLSA}, {errors.New("handshake"), resultOther},
	} {
		if got := resultOf(tt.err); got != tt.want {
			t.Errorf("resultOf(%v) = %s, want %s", tt.err, got, tt.want)
		}
	}
}

// TestReportForm: a report has the fields that RFC 8460 §4.4 names, and no empty ones where they are optional.
func TestReportForm(t *testing.T) {
	t.Parallel()
	sts := policyText("enforce", "*.there.example", "mx.else.example")
	const day, domain = 20878, "there.example"
	report := makeReport(tally.Reporter{Organization: "School", From: "postmaster@us.example"}, tally.Day{Number: day, Domain: domain}, map[countKey]int64{
		{Day: day, Domain: domain, Policy: policyNone}:                                                               4,
		{Day: day, Domain: domain, Policy: policySTS, Text: sts, Result: resultPolicyFetch}:                          2,
		{Day: day, Domain: domain, Policy: policyDANE, Host: "b.there.example", Result: resultTLSA}:                  1,
		{Day: day, Domain: domain, Policy: policyDANE, Host: "a.there.example", Result: resultTLSA}:                  5,
		{Day: day, Domain: domain, Policy: policySTS, Text: "nonsense \n\n", Host: "x", Result: resultPolicyInvalid}: 1,
	})
	const want = `{"organization-name":"School","date-range":{"start-datetime":"2027-03-01T00:00:00Z","end-datetime":"2027-03-01T23:59:59Z"},"contact-info":"postmaster@us.example",
		"report-id":"2027-03-01.there.example@us.example","policies":[
		{"policy":{"policy-type":"no-policy-found","policy-domain":"there.example"},"summary":{"total-successful-session-count":4,"total-failure-session-count":0}},
		{"policy":{"policy-type":"sts","policy-string":["nonsense"],"policy-domain":"there.example"},"summary":{"total-successful-session-count":0,"total-failure-session-count":1},
			"failure-details":[{"result-type":"sts-policy-invalid","receiving-mx-hostname":"x","failed-session-count":1}]},
		{"policy":{"policy-type":"sts","policy-string":["version: STSv1","mode: enforce","max_age: 86400","mx: *.there.example","mx: mx.else.example"],"policy-domain":"there.example",
			"mx-host":["*.there.example","mx.else.example"]},"summary":{"total-successful-session-count":0,"total-failure-session-count":2},
			"failure-details":[{"result-type":"sts-policy-fetch-error","failed-session-count":2}]},
		{"policy":{"policy-type":"tlsa","policy-domain":"there.example"},"summary":{"total-successful-session-count":0,"total-failure-session-count":6},
			"failure-details":[{"result-type":"tlsa-invalid","receiving-mx-hostname":"a.there.example","failed-session-count":5},
				{"result-type":"tlsa-invalid","receiving-mx-hostname":"b.there.example","failed-session-count":1}]}]}`
	got, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(want)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(compact.String(), string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestReportMail: the header that others sort by, and lines of a length that every server takes, whatever the addressees are called.
// RFC 8460 §5.3, RFC 5322 §2.1.1.
func TestReportMail(t *testing.T) {
	t.Parallel()
	at := time.Unix(1803945600, 0)
	c := &Client{o: Options{Now: func() time.Time { return at }}}
	long := strings.Repeat(strings.Repeat("d", 60)+".", 4)
	for _, domain := range []string{"there.example", long + "example"} {
		var to []string
		for i := range maxAddressees {
			to = append(to, fmt.Sprint("mailto:", i, "x@"+long+"x"))
		}
		to, _ = parseReportRecord([]string{"v=TLSRPTv1; rua=" + strings.Join(to, ",")})
		report := &Report{ID: "1." + domain + "@us.example"}
		text := c.reportMail(tally.Reporter{Organization: "School", From: "postmaster@us.example"}, tally.Day{Number: 20878, Domain: domain}, report, bytes.Repeat([]byte("packed"), 100), to)
		for i, l := range strings.Split(string(text), "\r\n") {
			if len(l) > 998 || strings.ContainsAny(l, "\r\n") {
				t.Errorf("line %d has %d bytes: %.80q", i, len(l), l)
			}
		}
		m, err := netmail.ReadMessage(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"Subject":           "Report Domain: " + domain + " Submitter: us.example Report-ID: <1." + domain + "@us.example>",
			"TLS-Report-Domain": domain, "TLS-Report-Submitter": "us.example", "Auto-Submitted": "auto-generated", "MIME-Version": "1.0", "From": "<postmaster@us.example>",
		} {
			if got := m.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		list, err := m.Header.AddressList("To")
		if err != nil || len(list) != maxAddressees || list[0].Address != to[0] || list[4].Address != to[4] {
			t.Errorf("to %v, %v, want %q", list, err, to)
		}
		if got, err := m.Header.Date(); err != nil || !got.Equal(at) {
			t.Errorf("date %v, %v", got, err)
		}
	}
}
