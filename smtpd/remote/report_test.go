package remote

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/smtpd/resolver/dnstest"
	"schulhof/smtpd/tally"
	"schulhof/store"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestReportRecord reads who wants reports.
func TestReportRecord(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ texts, want string }{
		{"v=TLSRPTv1; rua=mailto:tls@there.example", "tls@there.example"},
		{"v=TLSRPTv1;rua=mailto:a@b.example,https://there.example/x, MAILTO:c%2Bd@b.example?subject=x;", "a@b.example c+d@b.example https://there.example/x"},
		{"v=spf1|v=TLSRPTv1; rua=mailto:a@b.example", "a@b.example"},
		{"v=TLSRPTv1; rua=mailto:a@b.example|v=TLSRPTv1; rua=mailto:c@b.example", ""},
		{"v=TLSRPTv2; rua=mailto:a@b.example", ""}, {"v=TLSRPTv1", ""}, {"", ""},
		{"v=TLSRPTv1; rua=mailto:a%0D%0Ab@b.example,mailto:%3Ca@b.example,mailto:a@,mailto:@b.example,mailto:a b@b.example,mailto:%zz@b.example", ""},
	} {
		to, post := parseReportRecord(strings.Split(tt.texts, "|"))
		for _, u := range post {
			to = append(to, u.String())
		}
		if got := strings.Join(to, " "); got != tt.want {
			t.Errorf("parseReportRecord(%q) = %q, want %q", tt.texts, got, tt.want)
		}
	}
}

// sentReports keeps what would go out.
type sentReports struct {
	store    *store.Store
	to       [][]string
	messages [][]byte
	fail     error
	only     string // the end of the addresses that fail
}

func (s *sentReports) SendReport(ctx context.Context, to []string, message []byte, also func(*store.Tx) error) error {
	if s.fail != nil && strings.HasSuffix(to[0], s.only) {
		return s.fail
	}
	s.to, s.messages = append(s.to, to), append(s.messages, message)
	return s.store.Write(ctx, also)
}

// reportedBy is a school whose reports go to m.
func reportedBy(m tally.Mailer) tally.Lookup {
	return func(context.Context) (tally.Reporter, error) {
		return tally.Reporter{Organization: "School", From: "postmaster@us.example", Mailer: m}, nil
	}
}

// TestReports: what happened on a day is told once, after its end, to those who want it, over restarts and failures.
func TestReports(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	clock := &movable{now: time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)}
	w := newWorld(t, func(o *Options) { o.Store, o.Now = s, clock.Now }, `_smtp._tls.there.example. TXT "v=TLSRPTv1; rua=mailto:tls@there.example,mailto:b@there.example"`)
	w.dns.Break("_smtp._tls.unknown.example", dnstest.ServFail)
	sts := &stsPolicy{Text: policyText("enforce", "mx.there.example")}
	out := &sentReports{store: s}
	r := reportedBy(out)
	do := func(f func(context.Context) error) {
		t.Helper()
		if err := f(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	reports := func(ctx context.Context) error { return w.client.report(ctx, r) }
	for _, round := range []int{1, 2} { // what is saved twice is added up
		w.client.counted.worked("there.example", policySTS, sts)
		w.client.counted.failed("there.example", policySTS, sts, "mx.there.example", resultExpired)
		w.client.counted.failed("there.example", policyNone, nil, "mx.there.example", resultNoSTARTTLS)
		w.client.counted.worked("silent.example", policyNone, nil)
		w.client.counted.worked("unknown.example", policyNone, nil)
		w.client.counted.worked("ours.example", policyOwn, nil)
		do(w.client.flush)
		if do(reports); len(out.to) != 0 {
			t.Errorf("round %d: reported %q while the day lasts", round, out.to)
		}
	}
	clock.add(12 * time.Hour)
	w.client.counted.worked("there.example", policyNone, nil) // of the next day
	do(w.client.flush)
	out.fail = errors.New("disk full")
	if err := reports(t.Context()); !errors.Is(err, out.fail) {
		t.Errorf("a mail that cannot be accepted: %v", err)
	}
	out.fail = nil
	do(reports)
	do(reports)
	if len(out.to) != 1 || !slices.Equal(out.to[0], []string{"tls@there.example", "b@there.example"}) {
		t.Fatalf("reported to %q", out.to)
	}
	checkReport(t, out.messages[0], &Report{
		Organization: "School", Contact: "postmaster@us.example", ID: "2027-03-01.there.example@us.example",
		Range: ReportRange{time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 3, 1, 23, 59, 59, 0, time.UTC)},
		Policies: []PolicyReport{
			{Policy: ReportedPolicy{Type: "no-policy-found", Domain: "there.example"}, Summary: ReportSummary{0, 2},
				Details: []FailureReport{{Result: "starttls-not-supported", ReceivingMX: "mx.there.example", Count: 2}}},
			{Policy: ReportedPolicy{Type: "sts", Domain: "there.example", Text: []string{"version: STSv1", "mode: enforce", "max_age: 86400", "mx: mx.there.example"}, MX: []string{"mx.there.example"}},
				Summary: ReportSummary{2, 2}, Details: []FailureReport{{Result: "certificate-expired", ReceivingMX: "mx.there.example", Count: 2}}},
		}})
	left := func() (days []tally.Day) {
		t.Helper()
		err := s.Read(t.Context(), func(tx *store.Tx) (err error) { days, err = selectDays(tx, 1<<40); return err })
		if err != nil {
			t.Fatal(err)
		}
		return days
	}
	if got := left(); len(got) != 2 || got[0].Domain != "unknown.example" || got[1].Domain != "there.example" {
		t.Errorf("left: %v, want the domain that nobody knows of now, and today", got)
	}
	clock.add((reportDays + 1) * 24 * time.Hour)
	do(reports)
	if got := left(); len(got) != 0 || len(out.to) != 2 {
		t.Errorf("left: %v, reports to %q", got, out.to)
	}
}

// TestOneFails: a report that cannot be sent does not keep others from theirs, and what is given up is told.
func TestOneFails(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	start := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := &movable{now: start}
	w := newWorld(t, func(o *Options) { o.Store, o.Now = s, clock.Now }, `_smtp._tls.a.example. TXT "v=TLSRPTv1; rua=mailto:tls@a.example"`,
		`_smtp._tls.b.example. TXT "v=TLSRPTv1; rua=mailto:tls@b.example"`, `_smtp._tls.dead.example. TXT "v=TLSRPTv1; rua=https://nowhere.example/"`)
	w.dns.Break("_smtp._tls.down.example", dnstest.ServFail)
	var log bytes.Buffer
	w.client.log = slog.New(slog.NewTextHandler(&log, nil))
	for _, domain := range []string{"a.example", "b.example", "dead.example", "down.example"} {
		w.client.counted.worked(domain, policyNone, nil)
	}
	if err := w.client.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	out := &sentReports{store: s, fail: errors.New("disk full"), only: "a.example"}
	r := reportedBy(out)
	clock.add(reportDays * 24 * time.Hour)
	if err := w.client.report(t.Context(), r); !errors.Is(err, out.fail) || !strings.Contains(err.Error(), "a.example") {
		t.Errorf("report = %v", err)
	}
	if len(out.to) != 1 || out.to[0][0] != "tls@b.example" || strings.Contains(log.String(), "given up") {
		t.Errorf("sent to %q; log:\n%s", out.to, &log)
	}
	clock.add(24 * time.Hour)
	out.fail = nil
	if err := w.client.report(t.Context(), r); err != nil {
		t.Error(err)
	}
	for _, want := range []string{`level=INFO .*given up.* domain=down\.example day=2027-03-01 err=`, `level=INFO .*given up.* domain=dead\.example day=2027-03-01`} {
		if !regexp.MustCompile(want).Match(log.Bytes()) {
			t.Errorf("nothing like %s in the log:\n%s", want, &log)
		}
	}
	if len(out.to) != 2 {
		t.Errorf("sent to %q", out.to)
	}
}

// TestReporter: who reports is asked on each round. While that is not known everything waits; when it is nobody, nobody is asked anything.
func TestReporter(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	clock := &movable{now: time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)}
	w := newWorld(t, func(o *Options) { o.Store, o.Now = s, clock.Now }, `_smtp._tls.there.example. TXT "v=TLSRPTv1; rua=mailto:tls@there.example"`)
	out := &sentReports{store: s}
	locked := errors.New("locked")
	for _, step := range []struct {
		name       string
		who        tally.Lookup
		err        error
		sent, left int
	}{
		{"the database does not answer", func(context.Context) (tally.Reporter, error) { return tally.Reporter{}, locked }, locked, 0, 1},
		{"a school without a domain", func(context.Context) (tally.Reporter, error) { return tally.Reporter{}, nil }, nil, 0, 0},
		{"its first domain", reportedBy(out), nil, 1, 0},
		{"turned off", nil, nil, 1, 0},
	} {
		w.client.counted.worked("there.example", policyNone, nil)
		if err := w.client.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		clock.add(24 * time.Hour)
		if err := w.client.report(t.Context(), step.who); !errors.Is(err, step.err) {
			t.Errorf("%s: %v", step.name, err)
		}
		var left []tally.Day
		if err := s.Read(t.Context(), func(tx *store.Tx) (err error) { left, err = selectDays(tx, 1<<40); return err }); err != nil {
			t.Fatal(err)
		}
		if len(out.to) != step.sent || len(left) != step.left {
			t.Errorf("%s: sent to %q, left %v", step.name, out.to, left)
		}
	}
}

// checkReport takes the mail apart with other people's code.
func checkReport(t *testing.T, message []byte, want *Report) {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || parameters["report-type"] != "tlsrpt" || m.Header.Get("TLS-Report-Domain") != "there.example" || m.Header.Get("TLS-Report-Submitter") != "us.example" {
		t.Errorf("header %v", m.Header)
	}
	if _, err := m.Header.Date(); err != nil || strings.Contains(strings.ReplaceAll(string(message), "\r\n", ""), "\n") {
		t.Errorf("date %v, or bare line ends in\n%s", err, message)
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	if _, err := parts.NextPart(); err != nil {
		t.Fatal(err)
	}
	part, err := parts.NextPart()
	if err != nil || part.Header.Get("Content-Type") != "application/tlsrpt+gzip" || part.FileName() != "us.example!there.example!1803859200!1803945599.json.gz" {
		t.Fatalf("part %v, %v", part, err)
	}
	got, err := ParseReport(base64.NewDecoder(base64.StdEncoding, part))
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestRun: counts reach the database while it runs and when it stops.
func TestRun(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	w := newWorld(t, func(o *Options) { o.Store = s })
	w.client.counted.worked("there.example", policyNone, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.client.Run(ctx, nil); err != nil {
		t.Fatal(err)
	}
	var n int64
	err := s.Read(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT sessions FROM tls_count WHERE domain = 'there.example'`).Scan(&n)
	})
	if err != nil || n != 1 {
		t.Errorf("%d counted, %v", n, err)
	}
}

func packed(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const aReport = `{"organization-name":"Company\u001b[2J","date-range":{"start-datetime":"2016-04-01T00:00:00Z","end-datetime":"2016-04-01T23:59:59Z"},
"contact-info":"sts@company.example","report-id":"5065","policies":[{"policy":{"policy-type":"sts","policy-string":["version: STSv1"],"policy-domain":"there.example","mx-host":"*.mail.example"},
"summary":{"total-successful-session-count":5326,"total-failure-session-count":303},"failure-details":[{"result-type":"certificate-expired","sending-mta-ip":"2001:db8::1","failed-session-count":100}]}]}`

// TestParseReport reads reports of others: right ones, wrong ones, and bombs.
func TestParseReport(t *testing.T) {
	t.Parallel()
	for _, text := range []string{aReport, packed(t, aReport), strings.Replace(aReport, `"*.mail.example"`, `["*.mail.example"]`, 1)} {
		r, err := ParseReport(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		p := r.Policies[0]
		if r.Organization != "Company?[2J" || p.Summary.Failed != 303 || !slices.Equal(p.Policy.MX, stringList{"*.mail.example"}) || p.Details[0].Count != 100 {
			t.Errorf("report %+v", r)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "one byte": "{", "no JSON": "hello", "no policies": `{"policies":[]}`, "another form": `{"policies":{"a":1}}`,
		"negative counts":  strings.Replace(aReport, "5326", "-1", 1),
		"negative failure": strings.Replace(aReport, ":100", ":-100", 1),
		"a bomb":           packed(t, `{"policies":["`+strings.Repeat("a", maxReport)+`"]}`),
		"too long":         aReport + strings.Repeat(" ", maxReport),
		"broken gzip":      packed(t, aReport)[:40],
		"too many":         `{"policies":[` + strings.Repeat("{},", maxReportPolicies) + `{}]}`,
		"deep":             strings.Repeat("[", 100_000),
	} {
		if r, err := ParseReport(strings.NewReader(text)); !errors.Is(err, errReport) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// FuzzReport: a stranger's report is bounded and clean, or refused.
func FuzzReport(f *testing.F) {
	f.Add([]byte(aReport))
	f.Add([]byte(packed(f, aReport)))
	f.Add([]byte(`{"policies":[{"policy":{"policy-string":"x"},"failure-details":[{}]}]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := ParseReport(bytes.NewReader(in))
		if err != nil {
			return
		}
		text, err := json.Marshal(r)
		if err != nil || bytes.ContainsAny(text, "\x00\x1b\r") {
			t.Errorf("%q, %v", text, err)
		}
		again, err := ParseReport(bytes.NewReader(text))
		if diff := cmp.Diff(r, again, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%v (-first +again):\n%s", err, diff)
		}
	})
}
