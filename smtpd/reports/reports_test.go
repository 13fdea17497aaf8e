package reports

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"schulhof/smtpd/authenticate"
	"schulhof/smtpd/tally"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"github.com/google/go-cmp/cmp"
)

// world is the room with a DNS of a few texts and a clock that a test sets.
type world struct {
	t     *testing.T
	store *store.Store
	*Reports
	clock time.Time
	txt   map[string]string // "" has no answer now
	to    [][]string
	mails []string
	full  map[string]error // what becomes of mail to an address

	by     tally.Reporter
	nobody error // why it is not known who reports
}

func (w *world) LookupTXT(_ context.Context, name string) ([]string, error) {
	text, ok := w.txt[name]
	switch {
	case !ok:
		return nil, &net.DNSError{Name: name, IsNotFound: true}
	case text == "":
		return nil, &net.DNSError{Name: name, IsTemporary: true}
	}
	return []string{text}, nil
}

func (w *world) LookupMX(context.Context, string) ([]*net.MX, error) {
	return nil, errors.New("not asked")
}
func (w *world) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, errors.New("not asked")
}

func (w *world) LookupIPAddr(context.Context, string) ([]net.IPAddr, error) {
	return nil, errors.New("not asked")
}

func (w *world) LookupAddr(context.Context, string) ([]string, error) {
	return nil, errors.New("not asked")
}

func (w *world) SendReport(ctx context.Context, to []string, message []byte, also func(*store.Tx) error) error {
	if err := w.full[to[0]]; err != nil {
		return err
	}
	w.to, w.mails = append(w.to, to), append(w.mails, string(message))
	return w.store.Write(ctx, also)
}

func newWorld(t *testing.T, s *store.Store) *world {
	t.Helper()
	w := &world{t: t, store: s, clock: time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC), txt: map[string]string{}}
	w.by = tally.Reporter{Organization: "school.test", From: "postmaster@school.test", Mailer: w}
	w.Reports = New(s, Options{
		Hostname: "mail.school.test", Resolver: w, Reporter: func(context.Context) (tally.Reporter, error) { return w.by, w.nobody },
		Local: func(_ context.Context, domain string) (bool, error) { return domain == "school.test", nil },
		Now:   func() time.Time { return w.clock },
	})
	return w
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

const dmarcXML = `<?xml version="1.0" encoding="UTF-8" ?>
<feedback xmlns="http://dmarc.org/dmarc-xml/0.1">
 <version>1.0</version>
 <report_metadata><org_name>receiver.example</org_name><email>noreply@receiver.example</email><report_id>42</report_id>
  <date_range><begin>1795564800</begin><end>1795651199</end></date_range></report_metadata>
 <policy_published><domain>School.test</domain><adkim>r</adkim><aspf>r</aspf><p>quarantine</p><sp>none</sp><pct>100</pct></policy_published>
 <record><row><source_ip>192.0.2.1</source_ip><count>3</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>
  <identifiers><header_from>school.test</header_from></identifiers><auth_results><spf><domain>school.test</domain><result>fail</result></spf></auth_results></record>
 <record><row><source_ip>203.0.113.9</source_ip><count>5</count><policy_evaluated><disposition>quarantine</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row>
  <identifiers><header_from>school.test</header_from></identifiers><auth_results/></record>
</feedback>`

const tlsJSON = `{"organization-name":"receiver.example","date-range":{"start-datetime":"2026-11-25T00:00:00Z","end-datetime":"2026-11-25T23:59:59Z"},
"contact-info":"tls@receiver.example","report-id":"43","policies":[{"policy":{"policy-type":"sts","policy-domain":"school.test","mx-host":"mail.school.test"},
"summary":{"total-successful-session-count":7,"total-failure-session-count":2},
"failure-details":[{"result-type":"certificate-expired","sending-mta-ip":"192.0.2.1","receiving-mx-hostname":"mail.school.test","failed-session-count":2}]}]}`

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.String()
}

func archived(names ...string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		f, _ := z.Create(name)
		io.WriteString(f, dmarcXML)
	}
	z.Close()
	return b.String()
}

// reportMail carries an attachment as other servers send it.
func reportMail(results, kind, name, content string) string {
	text := "Authentication-Results: " + results + "\r\nFrom: noreply@receiver.example\r\nSubject: Report Domain: school.test\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nA report.\r\n--b\r\nContent-Type: " + kind +
		"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"" + name + "\"\r\n\r\n"
	encoded := base64.StdEncoding.EncodeToString([]byte(content))
	for len(encoded) > 0 {
		n := min(76, len(encoded))
		text, encoded = text+encoded[:n]+"\r\n", encoded[n:]
	}
	return text + "--b--\r\n"
}

const believed = "mail.school.test;\r\n\tspf=pass;\r\n\tdmarc=pass header.from=receiver.example"

func (w *world) take(mail string) bool {
	w.t.Helper()
	taken, err := w.Take(context.Background(), "trace", strings.NewReader(mail), int64(len(mail)))
	w.check(err)
	return taken
}

// What others report is kept once, shortened, with whether its sender is believed. Everything else is people's mail.
func TestTake(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		const name = "receiver.example!school.test!1795564800!1795651199"
		dmarc := reportMail(believed, "application/gzip", name+".xml.gz", zipped(dmarcXML))
		tests := []struct {
			name, mail string
			taken      bool
		}{
			{"a DMARC report", dmarc, true},
			{"the same again", dmarc, true},
			{"in an archive", reportMail(believed, "application/zip", name+".zip", archived("report.xml")), true},
			{"as it is", reportMail(believed, "text/xml", name+".xml", dmarcXML), true},
			{"a TLS report", reportMail("mail.school.test;\r\n\tdmarc=fail reason=\"x;dmarc=pass\"", "application/tlsrpt+gzip", name+".json.gz", zipped(tlsJSON)), true},
			{"two files", reportMail(believed, "application/zip", name+".zip", archived("a", "b")), false},
			{"about another domain", reportMail(believed, "application/gzip", "x.xml.gz", zipped(strings.ReplaceAll(dmarcXML, "School.test", "else.example"))), false},
			{"about a domain of that name elsewhere", reportMail(believed, "application/gzip", "x.xml.gz", zipped(strings.ReplaceAll(dmarcXML, "School.test", "school.test.example"))), false},
			{"no XML", reportMail(believed, "application/gzip", "x.xml.gz", zipped("hello")), false},
			{"not even packed", reportMail(believed, "application/gzip", "x.xml.gz", "\x1f\x8bhello"), false},
			{"a TLS report that is none", reportMail(believed, "application/tlsrpt+json", "x", "{}"), false},
			{"a letter", "Subject: Hello\r\n\r\nHow are you?\r\n", false},
			{"a photo", reportMail(believed, "image/png", "a.png", "x"), false},
			{"an archive", reportMail(believed, "application/zip", "homework.zip", archived("a")), false},
			{"nothing", "", false},
		}
		for _, tt := range tests {
			if got := w.take(tt.mail); got != tt.taken {
				t.Errorf("%s: taken %t", tt.name, got)
			}
		}
		list, err := w.List(context.Background(), Filter{}, 10)
		w.check(err)
		day := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
		want := []Report{
			{Number: 2, Kind: KindTLS, Domain: "school.test", Organization: "receiver.example", ID: "43", Contact: "tls@receiver.example", Begin: day, End: day.Add(24*time.Hour - time.Second),
				Passed: 7, Failed: 2, Received: w.clock},
			{Number: 1, Kind: KindDMARC, Domain: "school.test", Organization: "receiver.example", ID: "42", Contact: "noreply@receiver.example", Begin: day, End: day.Add(24*time.Hour - time.Second),
				Passed: 3, Failed: 5, Verified: true, Received: w.clock},
		}
		for i := range list {
			list[i].Number = int64(len(list) - i) // what was there already may have used up a number
		}
		if diff := cmp.Diff(want, list); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
		all, err := w.List(context.Background(), Filter{}, 10)
		w.check(err)
		for i, want := range [][]Detail{
			{{7, "", "", "successful", "sts"}, {2, "192.0.2.1", "mail.school.test", "certificate-expired", "sts"}},
			{{5, "203.0.113.9", "school.test", "dkim fail, spf fail", "quarantine"}, {3, "192.0.2.1", "school.test", "dkim pass, spf fail", "none"}},
		} {
			r, err := w.Show(context.Background(), all[i].Number)
			w.check(err)
			if diff := cmp.Diff(want, r.Details); diff != "" {
				t.Errorf("details (-want +got):\n%s", diff)
			}
		}
		if _, err := w.Show(context.Background(), 1000); !fault.Is(err, fault.NotFound) {
			t.Errorf("a report that is not there: %v", err)
		}
		w.clock = w.clock.Add(DefaultKeep + time.Hour)
		w.check(w.forget(context.Background()))
		if list, err := w.List(context.Background(), Filter{}, 10); err != nil || len(list) != 0 {
			t.Errorf("after its time %d are kept, %v", len(list), err)
		}
	})
}

// found is a message from 192.0.2.7 that claims to come from domain.
func found(domain string, wanted bool, result authenticate.Result) Found {
	v := &authenticate.Verdict{
		SPF:   authenticate.SPF{Result: authenticate.Fail, Domain: "bulk.example"},
		DKIM:  []authenticate.DKIM{{Result: authenticate.Pass, Domain: "bulk.example", Selector: "s1"}},
		DMARC: authenticate.DMARC{Result: result, From: "news." + domain, Record: domain, Policy: authenticate.PolicyQuarantine, Applies: authenticate.PolicyQuarantine, Wanted: wanted},
	}
	if result == authenticate.Fail {
		v.Action = authenticate.Junk
	} else {
		v.DMARC.DKIM, v.DMARC.Applies = true, authenticate.PolicyNone
	}
	return Found{Client: netip.MustParseAddr("192.0.2.7"), Sender: "x@bulk.example", Verdict: v}
}

// What was found on a day is told once, after its end, to those who want it; addresses elsewhere must want it too.
func TestSend(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		w := newWorld(t, s)
		w.txt["_dmarc.there.example"] = "v=DMARC1; p=quarantine; adkim=s; pct=50; rua=mailto:d@there.example,mailto:d@agency.test!10m,mailto:x@victim.test,mailto:small@there.example!1,https://there.example/"
		w.txt["there.example._report._dmarc.agency.test"] = "v=DMARC1"
		w.txt["_dmarc.down.example"] = ""
		for range 2 {
			w.Count(found("there.example", true, authenticate.Fail))
			w.Count(found("down.example", true, authenticate.Fail))
			w.Count(found("quiet.example", true, authenticate.Fail)) // wanted them this morning
			w.Count(found("school.test", true, authenticate.Fail))
			w.Count(found("nobody.example", false, authenticate.Fail))
			w.Count(found("later.example", true, authenticate.TempError))
			w.check(w.flush(ctx))
			w.check(w.send(ctx))
		}
		w.Count(found("there.example", true, authenticate.Pass))
		w.check(w.flush(ctx))
		if len(w.mails) != 0 {
			t.Errorf("%d reports while the day lasts", len(w.mails))
		}
		w.clock = w.clock.Add(24 * time.Hour)
		w.check(w.send(ctx))
		w.check(w.send(ctx))
		if diff := cmp.Diff([][]string{{"d@there.example", "d@agency.test"}}, w.to); diff != "" {
			t.Fatalf("to (-want +got):\n%s", diff)
		}
		a := w.carried(w.mails[0])
		want := &aggregate{
			XMLName: xml.Name{Local: "feedback"}, Version: "1.0",
			Metadata: aggregateMetadata{"school.test", "postmaster@school.test", "20261125.there.example@school.test", 1795564800, 1795651199},
			Policy:   aggregatePolicy{"there.example", "s", "r", "quarantine", "quarantine", "50"},
			Records: []aggregateRecord{
				{Source: "192.0.2.7", Count: 2, Disposition: "quarantine", DKIM: "fail", SPF: "fail", From: "news.there.example", Sender: "bulk.example",
					Signatures: []aggregateDKIM{{"bulk.example", "s1", "pass"}}, Senders: []aggregateSPF{{"bulk.example", "mfrom", "fail"}}},
				{Source: "192.0.2.7", Count: 1, Disposition: "none", DKIM: "pass", SPF: "fail", From: "news.there.example", Sender: "bulk.example",
					Signatures: []aggregateDKIM{{"bulk.example", "s1", "pass"}}, Senders: []aggregateSPF{{"bulk.example", "mfrom", "fail"}}},
			},
		}
		if diff := cmp.Diff(want, a); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		left := func() (days []tally.Day) {
			w.check(s.Read(ctx, func(tx *store.Tx) (err error) { days, err = selectDays(tx, 1<<40); return err }))
			return days
		}
		if got := left(); len(got) != 1 || got[0].Domain != "down.example" {
			t.Errorf("left %v, want the domain that nobody knows of now", got)
		}
		w.clock = w.clock.Add((giveUp + 1) * 24 * time.Hour)
		w.check(w.send(ctx))
		if got := left(); len(got) != 0 || len(w.mails) != 1 {
			t.Errorf("left %v, %d reports", got, len(w.mails))
		}
	})
}

// carried takes a report out of its mail with other people's code.
func (w *world) carried(text string) *aggregate {
	w.t.Helper()
	head, name, packed := w.attachment(text)
	if got := head.Get("Subject"); got != "Report Domain: there.example Submitter: school.test Report-ID: <20261125.there.example@school.test>" {
		w.t.Errorf("subject %q", got)
	}
	if name != "school.test!there.example!1795564800!1795651199.xml.gz" {
		w.t.Errorf("file name %q", name)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	w.check(err)
	a, err := parseAggregate(z, maxExpanded)
	w.check(err)
	return a
}

// Why less was done than the domain asks for.
func TestReasons(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*authenticate.Verdict){
		"":             func(*authenticate.Verdict) {},
		"local_policy": func(v *authenticate.Verdict) { v.Action = authenticate.Accept },
		"trusted_forwarder": func(v *authenticate.Verdict) {
			v.Action, v.DMARC.Sealed, v.DMARC.Applies = authenticate.Accept, true, authenticate.PolicyNone
		},
		"sampled_out": func(v *authenticate.Verdict) {
			v.Action, v.DMARC.Applies = authenticate.Accept, authenticate.PolicyNone
		},
	} {
		f := found("there.example", true, authenticate.Fail)
		change(f.Verdict)
		if got := lineOf(f); got.Reason != name {
			t.Errorf("reason %q, want %q", got.Reason, name)
		}
	}
}

func TestParseDestination(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"mailto:d@there.example": "d@there.example 9223372036854775807", "MAILTO:d%2Bx@there.example!10k": "d+x@there.example 10240", "mailto:d@there.example!2?x=y": "",
		"mailto:d@there.example?subject=x": "d@there.example 9223372036854775807", "mailto:d@there.example!5m": "d@there.example 5242880", "mailto:d@there.example!": "",
		"mailto:d@there.example!m": "", "mailto:d@there.example!-1": "", "mailto:": "", "mailto:there.example": "", "mailto:d@localhost": "", "mailto:d@[192.0.2.1]": "",
		"mailto:a@b.example,c@d.example": "", "mailto:a%0d%0ab@c.example": "", "https://there.example/": "", "": "",
	} {
		d, ok := parseDestination(uri)
		got := ""
		if ok {
			got = fmt.Sprint(d.address, " ", d.limit)
		}
		if got != want {
			t.Errorf("parseDestination(%q) = %q, want %q", uri, got, want)
		}
	}
}

// What is small until it is unpacked is not read to its end.
func TestBomb(t *testing.T) {
	t.Parallel()
	bomb := dmarcXML[:len(dmarcXML)-len("</feedback>")] + strings.Repeat(" ", 4000) + "</feedback>"
	for limit, want := range map[int64]bool{int64(len(bomb)): true, int64(len(bomb)) - 1: false, 2000: false} {
		if _, err := parseAggregate(strings.NewReader(bomb), limit); (err == nil) != want {
			t.Errorf("at most %d of %d bytes: %v", limit, len(bomb), err)
		}
	}
}

// A flood of reports is taken, but not kept.
func TestFlood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	w.check(w.store.Write(context.Background(), func(tx *store.Tx) error {
		for i := range maxADay {
			if err := insertReport(tx, &Report{Kind: KindDMARC, Domain: "school.test", Organization: "x", ID: fmt.Sprint(i), Received: w.clock}); err != nil {
				return err
			}
		}
		return nil
	}))
	mail := reportMail(believed, "application/gzip", "x.xml.gz", zipped(dmarcXML))
	if !w.take(mail) {
		t.Error("one too many is somebody's mail")
	}
	list, err := w.List(context.Background(), Filter{}, 2*maxADay)
	if w.check(err); len(list) != maxADay {
		t.Errorf("%d are kept, want %d", len(list), maxADay)
	}
	w.clock = w.clock.Add(25 * time.Hour)
	w.take(mail)
	if list, err = w.List(context.Background(), Filter{}, 2*maxADay); err != nil || len(list) != maxADay+1 {
		t.Errorf("a day later %d are kept, %v", len(list), err)
	}
}

// What is not asked for takes no place among those that are listed.
func TestList(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s)
		w.check(s.Write(context.Background(), func(tx *store.Tx) error {
			for i, r := range []Report{{ID: "a", Kind: KindTLS, Failed: 2}, {ID: "b", Kind: KindDMARC, Failed: 1}, {ID: "c", Kind: KindTLS}, {ID: "d", Kind: KindDMARC}, {ID: "e", Kind: KindDMARC}} {
				r.Domain, r.Organization, r.Received = "school.test", "x", w.clock.Add(time.Duration(i)*time.Second)
				if err := insertReport(tx, &r); err != nil {
					return err
				}
			}
			return nil
		}))
		for _, tt := range []struct {
			filter Filter
			want   string
		}{
			{Filter{}, "e d"}, {Filter{Kind: KindTLS}, "c a"}, {Filter{Failed: true}, "b a"}, {Filter{KindTLS, true}, "a"}, {Filter{KindDMARC, true}, "b"}, {Filter{Kind: "spam"}, ""},
		} {
			list, err := w.List(context.Background(), tt.filter, 2)
			w.check(err)
			var got []string
			for _, r := range list {
				got = append(got, r.ID)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("List(%+v, 2) = %q, want %q", tt.filter, got, tt.want)
			}
		}
	})
}

// Run saves what was counted when it stops.
func TestRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	w.Count(found("there.example", true, authenticate.Fail))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w.check(w.Run(ctx))
	var n int64
	w.check(w.store.Read(context.Background(), func(tx *store.Tx) error { return tx.QueryRow(`SELECT SUM(messages) FROM dmarc_count`).Scan(&n) }))
	if n != 1 {
		t.Errorf("%d messages are counted, want 1", n)
	}
}

func FuzzAggregate(f *testing.F) {
	f.Add(dmarcXML)
	f.Add("<feedback><policy_published><domain>x</domain></policy_published><report_metadata><email>a</email></report_metadata></feedback>")
	f.Add("<feedback>")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAggregate(strings.NewReader(text), maxExpanded)
		if err != nil {
			return
		}
		r := a.report()
		if len(r.Details) > maxDetails || len(r.Organization) > maxText || r.Organization != clean(r.Organization) || strings.ContainsAny(r.Domain, "\r\n\x00") {
			t.Errorf("kept %+v", r)
		}
	})
}
