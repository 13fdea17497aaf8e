package reports

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"schulhof/smtpd/authenticate"
	"schulhof/smtpd/tally"
	"schulhof/store"
	"schulhof/store/storetest"

	"github.com/google/go-cmp/cmp"
)

// fill writes n reports at once, into SQLite.
func (w *world) fill(n int) {
	w.t.Helper()
	w.check(w.store.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO report (kind, domain, organization, report_id, contact, begins, ends, passed, failed, verified, received, details)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
			SELECT 'dmarc', 'school.test', 'x', 'id' || i, '', 0, 0, 0, 0, 0, $2, x'5b5d' FROM n`, n, w.clock.Unix())
		return err
	}))
}

// messages is how many messages are counted for a day, and in how many lines; in the database.
func (w *world) messages(day int64) (lines, messages int64) {
	w.t.Helper()
	w.check(w.store.Read(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT COUNT(*), COALESCE(SUM(messages), 0) FROM dmarc_count WHERE day = $1`, day).Scan(&lines, &messages)
	}))
	return lines, messages
}

// attachment takes the report out of a mail with other people's code.
func (w *world) attachment(text string) (head mail.Header, name string, packed []byte) {
	w.t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	w.check(err)
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if w.check(err); kind != "multipart/mixed" {
		w.t.Errorf("type %q", kind)
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	first, err := parts.NextPart()
	if w.check(err); !strings.HasPrefix(first.Header.Get("Content-Type"), "text/plain") {
		w.t.Errorf("first part %v", first.Header)
	}
	part, err := parts.NextPart()
	w.check(err)
	disposition, _, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if w.check(err); disposition != "attachment" || part.Header.Get("Content-Type") != "application/gzip" {
		w.t.Errorf("second part %v", part.Header)
	}
	packed, err = io.ReadAll(base64.NewDecoder(base64.StdEncoding, part))
	w.check(err)
	if _, err := parts.NextPart(); !errors.Is(err, io.EOF) {
		w.t.Errorf("behind the second part: %v", err)
	}
	return m.Header, part.FileName(), packed
}

// The first second of the day of newWorld, and its number.
const (
	dayBegin = 1795564800
	dayOne   = dayBegin / daySeconds
)

// TestDays: a day ends with its last second in UTC, and is told of in the first of the next one.
func TestDays(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, storetest.Open(t))
	w.txt["_dmarc.there.example"] = "v=DMARC1; p=none; rua=mailto:d@there.example"
	for i, at := range []int64{0, daySeconds - 1, daySeconds, 2*daySeconds - 1} {
		w.clock = time.Unix(dayBegin+at, 0).In(time.FixedZone("east", 5*3600)) // where the server stands does not count
		w.Count(found("there.example", true, authenticate.Fail))
		w.check(w.flush(ctx))
		w.check(w.send(ctx))
		if want := i / 2; len(w.mails) != want {
			t.Errorf("%d seconds into the first day there are %d reports, want %d", at, len(w.mails), want)
		}
	}
	w.clock = w.clock.Add(time.Second)
	w.check(w.send(ctx))
	if len(w.mails) != 2 {
		t.Fatalf("%d reports, want one for each day", len(w.mails))
	}
	for i, text := range w.mails {
		begin := int64(dayBegin + i*daySeconds)
		_, name, packed := w.attachment(text)
		z, err := gzip.NewReader(bytes.NewReader(packed))
		w.check(err)
		a, err := parseAggregate(z, maxExpanded)
		w.check(err)
		if a.Metadata.Begin != begin || a.Metadata.End != begin+daySeconds-1 || len(a.Records) != 1 || a.Records[0].Count != 2 {
			t.Errorf("report %d: %+v", i, a)
		}
		if want := fmt.Sprintf("school.test!there.example!%d!%d.xml.gz", begin, begin+daySeconds-1); name != want {
			t.Errorf("report %d is called %q, want %q", i, name, want)
		}
	}
}

// TestPatience: a domain that cannot be asked for has three days, and a report that nobody takes is made again.
func TestPatience(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, storetest.Open(t))
	w.txt["_dmarc.down.example"], w.txt["_dmarc.there.example"] = "", "v=DMARC1; p=none; rua=mailto:d@there.example,mailto:d@else.test"
	w.txt["there.example._report._dmarc.else.test"] = "" // no answer about one of two
	for _, domain := range []string{"down.example", "there.example", "school.test"} {
		w.Count(found(domain, true, authenticate.Fail))
	}
	w.check(w.flush(ctx))
	for _, step := range []struct {
		days int64
		left int64
	}{{1, 2}, {giveUp, 2}, {giveUp + 1, 0}} {
		w.clock = time.Unix(dayBegin+step.days*daySeconds, 0)
		w.check(w.send(ctx))
		if lines, _ := w.messages(dayOne); lines != step.left || len(w.mails) != 0 {
			t.Errorf("after %d days %d lines are left, %d reports; want %d, 0", step.days, lines, len(w.mails), step.left)
		}
	}
	w.txt["there.example._report._dmarc.else.test"] = "v=DMARC1"
	w.Count(found("there.example", true, authenticate.Fail))
	w.check(w.flush(ctx))
	w.clock = w.clock.Add(daySeconds * time.Second)
	stop := errors.New("disk full")
	w.by.Mailer = refusing{stop}
	if err := w.send(ctx); !errors.Is(err, stop) {
		t.Errorf("a report that cannot be accepted: %v", err)
	}
	w.by.Mailer = w
	w.check(w.send(ctx))
	w.check(w.send(ctx))
	if len(w.to) != 1 || len(w.to[0]) != 2 {
		t.Errorf("sent to %q, want two addresses once", w.to)
	}
}

// refusing takes no mail.
type refusing struct{ err error }

func (r refusing) SendReport(context.Context, []string, []byte, func(*store.Tx) error) error {
	return r.err
}

// TestOneFails: a report that cannot be sent does not keep others from theirs, and what is given up is told.
func TestOneFails(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, storetest.Open(t))
	var log bytes.Buffer
	w.log = slog.New(slog.NewTextHandler(&log, nil))
	w.txt["_dmarc.a.example"], w.txt["_dmarc.b.example"], w.txt["_dmarc.down.example"] = "v=DMARC1; p=none; rua=mailto:d@a.example", "v=DMARC1; p=none; rua=mailto:d@b.example", ""
	for _, domain := range []string{"a.example", "b.example", "down.example"} {
		w.Count(found(domain, true, authenticate.Fail))
	}
	w.check(w.flush(ctx))
	w.clock = time.Unix(dayBegin+giveUp*daySeconds, 0)
	w.full = map[string]error{"d@a.example": errors.New("disk full")}
	if err := w.send(ctx); !errors.Is(err, w.full["d@a.example"]) || !strings.Contains(err.Error(), "a.example") {
		t.Errorf("send = %v", err)
	}
	if len(w.to) != 1 || w.to[0][0] != "d@b.example" || strings.Contains(log.String(), "given up") {
		t.Errorf("sent to %q; log:\n%s", w.to, &log)
	}
	w.clock, w.full = w.clock.Add(24*time.Hour), nil
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := w.send(ended); !errors.Is(err, context.Canceled) || strings.Contains(log.String(), "given up") {
		t.Errorf("when the server stops: %v; log:\n%s", err, &log)
	}
	w.check(w.send(ctx))
	if len(w.to) != 2 || !regexp.MustCompile(`level=INFO .*given up.* domain=down\.example day=2026-11-25 err=`).Match(log.Bytes()) {
		t.Errorf("sent to %q; log:\n%s", w.to, &log)
	}
}

// TestReporter: who reports is asked on each round. While that is not known everything waits; when it is nobody, nobody is asked anything.
func TestReporter(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, storetest.Open(t))
	by := w.by
	w.txt["_dmarc.there.example"] = "v=DMARC1; p=none; rua=mailto:d@there.example"
	for _, step := range []struct {
		name   string
		by     tally.Reporter
		nobody error
		sent   string
		left   int64
	}{
		{"the database does not answer", by, errors.New("locked"), "", 1},
		{"a school without a domain", tally.Reporter{}, nil, "", 0},
		{"its first domain", by, nil, "From: <postmaster@school.test>", 0},
		{"another one", tally.Reporter{Organization: "o", From: "postmaster@other.test", Mailer: w}, nil, "From: <postmaster@other.test>", 0},
	} {
		w.by, w.nobody, w.mails = step.by, step.nobody, nil
		w.Count(found("there.example", true, authenticate.Fail))
		w.check(w.flush(ctx))
		day := w.clock.Unix() / daySeconds
		w.clock = w.clock.Add(24 * time.Hour)
		if err := w.send(ctx); !errors.Is(err, step.nobody) {
			t.Errorf("%s: %v", step.name, err)
		}
		if lines, _ := w.messages(day); lines != step.left || !strings.HasPrefix(strings.Join(w.mails, ""), step.sent) || len(w.mails) != min(len(step.sent), 1) {
			t.Errorf("%s: %d lines are left, sent %.60q", step.name, lines, w.mails)
		}
	}
}

// TestSizes: an address gets what it can take, to the byte. RFC 7489 §6.2.
func TestSizes(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	sent := func(rua string) *world {
		w := newWorld(t, s)
		w.txt["_dmarc.there.example"] = "v=DMARC1; p=none; rua=" + rua
		w.Count(found("there.example", true, authenticate.Fail))
		w.check(w.flush(ctx))
		w.clock = w.clock.Add(24 * time.Hour)
		w.check(w.send(ctx))
		if lines, _ := w.messages(dayOne); lines != 0 {
			t.Errorf("%s: %d lines are left", rua, lines)
		}
		return w
	}
	w := sent("mailto:a@there.example")
	_, _, packed := w.attachment(w.mails[0])
	n := len(packed)
	if w := sent(fmt.Sprintf("mailto:a@there.example!%d,mailto:b@there.example!%d,mailto:c@there.example!1k", n, n-1)); !cmp.Equal(w.to, [][]string{{"a@there.example", "c@there.example"}}) || n > 1024 {
		t.Errorf("%d bytes go to %q", n, w.to)
	}
	if w := sent(fmt.Sprintf("mailto:a@there.example!%d", n-1)); len(w.to) != 0 {
		t.Errorf("what nobody can take goes to %q", w.to)
	}
}

// TestParseSize: the units are powers of 1024, and what is beyond all numbers is no limit.
func TestParseSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "050": 50, "1k": 1 << 10, "3m": 3 << 20, "2g": 2 << 30, "1t": 1 << 40, "4294967296": 1 << 32, "9223372036854775807": math.MaxInt64,
		"9223372036854775808": math.MaxInt64, "99999999999999999999999": math.MaxInt64, "8388607t": 8388607 << 40, "8388608t": math.MaxInt64, "16777217t": math.MaxInt64,
		"9007199254740991k": 9007199254740991 << 10, "9007199254740992k": math.MaxInt64,
		"": -1, "k": -1, "-1": -1, "+1": -1, "1.5m": -1, "1kk": -1, "1b": -1, " 1": -1, "1 k": -1, "0x1": -1, "1_000": -1, "m1": -1,
	} {
		if got, ok := parseSize(text); ok != (want >= 0) || ok && got != want {
			t.Errorf("parseSize(%q) = %d, %t, want %d", text, got, ok, want)
		}
	}
}

// TestDestinations: who may be written to about a domain; elsewhere only those who have said so. RFC 7489 §7.1.
func TestDestinations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.txt["down._report._dmarc.else.test"] = ""
	for i, text := range []string{"v=DMARC1", "v=DMARC1;", "v=DMARC1; rua=mailto:d@else.test", " v = DMARC1 ; x", "v=DMARC2", "v=dmarc1", "V=DMARC1", "v=spf1 -all", "x; v=DMARC1", "DMARC1"} {
		w.txt[fmt.Sprintf("d%d._report._dmarc.else.test", i)] = text
	}
	many := make([]string, maxAddressees+2)
	for i := range many {
		many[i] = fmt.Sprintf("mailto:%c@there.example", 'a'+i)
	}
	for _, tt := range []struct{ domain, uris, want string }{
		{"there.example", "mailto:d@there.example", "d@there.example"},
		{"there.example", "mailto:d@THERE.example,mailto:e@mail.there.example", "d@THERE.example e@mail.there.example"},
		{"a.there.example", "mailto:d@there.example,mailto:d@b.there.example", "d@there.example d@b.there.example"},
		{"there.example", "mailto:d@notthere.example,mailto:d@there.example.test", ""},
		{"d0", "mailto:d@ELSE.test", "d@ELSE.test"}, {"d1", "mailto:d@else.test", "d@else.test"}, {"d2", "mailto:d@else.test", "d@else.test"}, {"d3", "mailto:d@else.test", "d@else.test"},
		{"d4", "mailto:d@else.test", ""}, {"d5", "mailto:d@else.test", ""}, {"d6", "mailto:d@else.test", ""}, {"d7", "mailto:d@else.test", ""}, {"d8", "mailto:d@else.test", ""},
		{"d9", "mailto:d@else.test", ""}, {"nobody", "mailto:d@else.test", ""},
		{"down", "mailto:d@else.test", "not now"}, {"down", "https://else.test/", ""},
		{"there.example", strings.Join(many, ","), "a@there.example b@there.example c@there.example d@there.example e@there.example"},
		{"there.example", "x,mailto:d@else.test,mailto:d@there.example!1x,mailto:e@there.example", "e@there.example"},
		{"there.example", "", ""},
	} {
		list, err := w.destinations(context.Background(), authenticate.Published{Domain: tt.domain, Reports: strings.Split(tt.uris, ",")})
		var got []string
		for _, d := range list {
			got = append(got, d.address)
		}
		if err != nil {
			got = []string{"not now"}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("about %s to %s: %q, want %q", tt.domain, tt.uris, got, tt.want)
		}
	}
}

// TestLine: what is reported about one message.
func TestLine(t *testing.T) {
	t.Parallel()
	base := func() Found { return found("there.example", true, authenticate.Fail) }
	want := lineOf(base())
	for _, tt := range []struct {
		name   string
		change func(*Found)
		want   func(*line)
	}{
		{"an IPv4 address as IPv6 has it", func(f *Found) { f.Client = netip.MustParseAddr("::ffff:192.0.2.7") }, func(*line) {}},
		{"IPv6", func(f *Found) { f.Client = netip.MustParseAddr("2001:db8::7") }, func(l *line) { l.Source = "2001:db8::7" }},
		{"no sender", func(f *Found) { f.Sender, f.Verdict.SPF.Hello = "", true }, func(l *line) { l.Sender, l.SPFScope = "", "helo" }},
		{"a quoted sender", func(f *Found) { f.Sender = `"a@b.example"@Bulk.Example` }, func(*line) {}},
		{"rejected", func(f *Found) {
			f.Verdict.Action, f.Verdict.DMARC.Policy, f.Verdict.DMARC.Applies = authenticate.Reject, authenticate.PolicyReject, authenticate.PolicyReject
		},
			func(l *line) { l.Disposition = "reject" }},
		{"less than asked for", func(f *Found) {
			f.Verdict.DMARC.Policy, f.Verdict.DMARC.Applies = authenticate.PolicyReject, authenticate.PolicyReject
		},
			func(l *line) { l.Reason = "local_policy" }},
		{"passed, but junk for another reason", func(f *Found) { f.Verdict.DMARC.Result, f.Verdict.DMARC.SPF = authenticate.Pass, true }, func(l *line) { l.SPF = true }},
		{"no signatures", func(f *Found) { f.Verdict.DKIM = nil }, func(l *line) { l.Signatures = nil }},
		{"a signature of nobody", func(f *Found) { f.Verdict.DKIM[0].Domain = "" }, func(l *line) { l.Signatures = nil }},
		{"many signatures", func(f *Found) {
			for range 9 {
				f.Verdict.DKIM = append(f.Verdict.DKIM, f.Verdict.DKIM[0])
			}
		}, func(l *line) { l.Signatures = []aggregateDKIM{l.Signatures[0], l.Signatures[0], l.Signatures[0]} }},
	} {
		f, want := base(), want
		tt.change(&f)
		tt.want(&want)
		if diff := cmp.Diff(want, lineOf(f)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestCounted: what cannot be saved is counted again, once; what is too much is not counted, but what is known goes on.
func TestCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f := found("there.example", true, authenticate.Fail)
	for round := range 3 {
		w.Count(f)
		if err := w.flush(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("round %d: %v", round, err)
		}
	}
	w.check(w.flush(context.Background()))
	w.check(w.flush(context.Background()))
	if lines, n := w.messages(dayOne); lines != 1 || n != 3 {
		t.Errorf("%d messages in %d lines, want 3 in 1", n, lines)
	}
	w.Count(f)
	for i := range maxCounts - 1 {
		w.counted.Add(countKey{0, "x", fmt.Sprint(i)})
	}
	w.Count(f)
	w.Count(found("new.example", true, authenticate.Fail))
	rows := w.counted.Take()
	if len(rows) != maxCounts {
		t.Errorf("%d lines wait, want %d", len(rows), maxCounts)
	}
	for key, n := range rows {
		if want := map[bool]int64{true: 2, false: 1}[key.domain == "there.example"]; n != want {
			t.Errorf("%v is counted %d times, want %d", key, n, want)
		}
	}
	w.o.Reporter = nil
	if w.Count(f); len(w.counted.Take()) != 0 {
		t.Error("counted, though nobody will report it")
	}
}

// TestFullDay: a day that has all the lines it may have gets no new ones; other days do.
func TestFullDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	w.check(w.store.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO dmarc_count (day, domain, line, messages) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
			SELECT 7, 'x', CAST('l' || i AS BLOB), 1 FROM n`, maxCounts-1)
		return err
	}))
	for _, rows := range []map[countKey]int64{
		{{7, "x", "l1"}: 4, {7, "y", "last"}: 1, {8, "x", "l1"}: 1},
		{{7, "y", "last"}: 2, {7, "y", "too much"}: 1, {8, "y", "l1"}: 1},
	} {
		w.check(w.store.Write(context.Background(), func(tx *store.Tx) error { return addCounts(tx, rows) }))
	}
	if lines, n := w.messages(7); lines != maxCounts || n != maxCounts+4+2 {
		t.Errorf("the full day: %d messages in %d lines", n, lines)
	}
	if lines, n := w.messages(8); lines != 2 || n != 2 {
		t.Errorf("the other: %d messages in %d lines, want 2 in 2", n, lines)
	}
}

// TestSchema: our report has the elements of the schema, in its order. RFC 7489 appendix C.
func TestSchema(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	l := lineOf(found("there.example", true, authenticate.Fail))
	l.Reason = "local_policy"
	a := newAggregate(&w.by, authenticate.Published{Domain: "there.example", Policy: "none", Subdomain: "reject", StrictSPF: true, Percent: 0}, tally.Day{Number: dayOne, Domain: "there.example"})
	a.Records = []aggregateRecord{l.record(5), l.record(1)}
	packed, err := a.pack()
	w.check(err)
	z, err := gzip.NewReader(bytes.NewReader(packed))
	w.check(err)
	text, err := io.ReadAll(z)
	w.check(err)
	if !strings.HasPrefix(string(text), `<?xml version="1.0" encoding="UTF-8"?>`) {
		t.Errorf("it begins with %.60q", text)
	}
	var got strings.Builder
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		w.check(err)
		switch token := token.(type) {
		case xml.StartElement:
			got.WriteString(" " + token.Name.Local)
		case xml.CharData:
			if value := strings.TrimSpace(string(token)); value != "" {
				got.WriteString("=" + value)
			}
		}
	}
	record := func(n int) string {
		return fmt.Sprintf(" record row source_ip=192.0.2.7 count=%d policy_evaluated disposition=quarantine dkim=fail spf=fail reason type=local_policy", n) +
			" identifiers header_from=news.there.example envelope_from=bulk.example auth_results dkim domain=bulk.example selector=s1 result=pass spf domain=bulk.example scope=mfrom result=fail"
	}
	want := " feedback version=1.0 report_metadata org_name=school.test email=postmaster@school.test report_id=20261125.there.example@school.test date_range begin=1795564800 end=1795651199" +
		" policy_published domain=there.example adkim=r aspf=s p=none sp=reject pct=0" + record(5) + record(1)
	if diff := cmp.Diff(strings.Fields(want), strings.Fields(got.String())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestMail: the mail around a report has the form that others sort by, however long names are. RFC 7489 §7.2.1.1, RFC 5322 §2.1.1.
func TestMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	long := strings.Repeat(strings.Repeat("d", 60)+".", 4) + "example"
	for _, domain := range []string{"there.example", long} {
		to := []string{"d@" + domain, "+tag=x@there.example"}
		for i := range 3 {
			to = append(to, fmt.Sprint(i, strings.Repeat("x", 200), "@", "there.example"))
		}
		data := bytes.Repeat([]byte("\x1f\x8b\x00\xff"), 50)
		day := tally.Day{Number: dayOne, Domain: domain}
		text := string(w.mail(&w.by, newAggregate(&w.by, authenticate.Published{Domain: domain}, day), day, data, to))
		for i, l := range strings.Split(text, "\r\n") {
			if len(l) > 998 || strings.ContainsAny(l, "\r\n") {
				t.Errorf("line %d has %d bytes: %q", i, len(l), l)
			}
		}
		if !strings.HasSuffix(text, "\r\n") {
			t.Error("the last line does not end")
		}
		head, name, packed := w.attachment(text)
		if !bytes.Equal(packed, data) || name != fmt.Sprintf("school.test!%s!1795564800!1795651199.xml.gz", domain) {
			t.Errorf("%q, %d bytes", name, len(packed))
		}
		subject := "Report Domain: " + domain + " Submitter: school.test Report-ID: <20261125." + domain + "@school.test>"
		id := regexp.MustCompile(`^<[a-z0-9.-]+@school\.test>$`)
		if got := head.Get("Subject"); got != subject || !id.MatchString(head.Get("Message-ID")) || head.Get("Auto-Submitted") != "auto-generated" || head.Get("MIME-Version") != "1.0" {
			t.Errorf("subject %q, header %v", got, head)
		}
		if at, err := head.Date(); err != nil || !at.Equal(w.clock) {
			t.Errorf("date %v, %v", at, err)
		}
		list, err := head.AddressList("To")
		w.check(err)
		var got []string
		for _, one := range list {
			got = append(got, one.Address)
		}
		if diff := cmp.Diff(to, got); diff != "" {
			t.Errorf("to (-want +got):\n%s", diff)
		}
		if from, err := head.AddressList("From"); err != nil || len(from) != 1 || from[0].Address != "postmaster@school.test" {
			t.Errorf("from %v, %v", from, err)
		}
	}
}
