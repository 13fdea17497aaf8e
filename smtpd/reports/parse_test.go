package reports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/mailbox/message"
	"schulhof/store/storetest"
)

// described writes what is kept of a report into one line.
func described(r *Report) string {
	text := fmt.Sprintf("%s %s %q %s %s %d-%d passed %d failed %d", r.Kind, r.Domain, r.Organization, r.ID, r.Contact, r.Begin.Unix(), r.End.Unix(), r.Passed, r.Failed)
	for _, d := range r.Details {
		text += fmt.Sprintf("; %d %q %q %q %q", d.Count, d.Source, d.Subject, d.Result, d.Action)
	}
	return text
}

// The parts of a DMARC report, as short as they may be.
const (
	metadata  = `<report_metadata><org_name>r.example</org_name><email>d@r.example</email><report_id>7</report_id><date_range><begin>10</begin><end>20</end></date_range></report_metadata>`
	published = `<policy_published><domain>school.test</domain><p>none</p></policy_published>`
)

func recordXML(row string) string {
	return `<record><row>` + row + `</row><identifiers><header_from>school.test</header_from></identifiers></record>`
}

// TestAggregateShapes: the reports of many programs, some of which have read another draft, or none. RFC 7489 appendix C.
func TestAggregateShapes(t *testing.T) {
	t.Parallel()
	const start = `dmarc school.test "r.example" 7 d@r.example 10-20 passed `
	evaluated := func(dkim, spf string) string {
		return `<policy_evaluated><disposition>none</disposition><dkim>` + dkim + `</dkim><spf>` + spf + `</spf></policy_evaluated>`
	}
	tests := []struct{ name, text, want string }{
		{"no records", `<feedback>` + metadata + published + `</feedback>`, start + `0 failed 0`},
		{"no version, no declaration, optional elements", `<feedback><report_metadata><org_name>r.example</org_name><email>d@r.example</email><extra_contact_info>https://r.example/</extra_contact_info>` +
			`<report_id>7</report_id><date_range><begin>10</begin><end>20</end></date_range><error>late</error></report_metadata>` +
			`<policy_published><domain>school.test</domain><adkim>r</adkim><aspf>r</aspf><p>reject</p><sp>reject</sp><np>reject</np><pct>100</pct><fo>1:d</fo></policy_published>` +
			recordXML(`<source_ip>192.0.2.1</source_ip><count>2</count>`+evaluated("pass", "fail")) + `</feedback>`, start + `2 failed 0; 2 "192.0.2.1" "school.test" "dkim pass, spf fail" "none"`},
		{"the newer name space and its elements", `<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0"><version>1.0</version>` + strings.Replace(metadata, "<report_id>", "<generator>g 1</generator><report_id>", 1) +
			`<policy_published><domain>school.test</domain><discovery_method>treewalk</discovery_method><p>none</p><testing>n</testing></policy_published><extension><x:y xmlns:x="urn:x">z</x:y></extension>` +
			recordXML(`<source_ip>192.0.2.1</source_ip><count>1</count>`+evaluated("fail", "pass")) + `</feedback>`, start + `1 failed 0; 1 "192.0.2.1" "school.test" "dkim fail, spf pass" "none"`},
		{"a mark before it, name spaces that nobody uses", "\ufeff<?xml version=\"1.0\"?>\r\n<feedback xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">" +
			metadata + published + `</feedback>`, start + `0 failed 0`},
		{"a prefix", `<d:feedback xmlns:d="urn:x">` + metadata + published + `</d:feedback>`, start + `0 failed 0`},
		{"another character set", `<?xml version="1.0" encoding="windows-1252"?><feedback>` + metadata + published + `</feedback>`, start + `0 failed 0`},
		{"IPv6", `<feedback>` + metadata + published + recordXML(`<source_ip>2001:DB8::1</source_ip><count>1</count>`+evaluated("fail", "fail")) + `</feedback>`,
			start + `0 failed 1; 1 "2001:DB8::1" "school.test" "dkim fail, spf fail" "none"`},
		{"blanks and capitals", `<feedback>` + metadata + published + recordXML("<source_ip>\n 192.0.2.1\n</source_ip><count> 4 </count>"+evaluated(" PASS\n", "Fail")) + `</feedback>`,
			start + `4 failed 0; 4 "192.0.2.1" "school.test" "dkim PASS, spf Fail" "none"`},
		{"elements in another order", `<feedback>` + recordXML(evaluated("pass", "pass")+`<count>1</count><source_ip>192.0.2.1</source_ip>`) + published + metadata + `</feedback>`,
			start + `1 failed 0; 1 "192.0.2.1" "school.test" "dkim pass, spf pass" "none"`},
		{"nothing evaluated", `<feedback>` + metadata + published + recordXML(`<source_ip>192.0.2.1</source_ip><count>3</count>`) + `</feedback>`,
			start + `0 failed 3; 3 "192.0.2.1" "school.test" "dkim none, spf none" ""`},
		{"no count", `<feedback>` + metadata + published + recordXML(`<source_ip>192.0.2.1</source_ip>`+evaluated("pass", "pass")) + `</feedback>`,
			start + `0 failed 0; 0 "192.0.2.1" "school.test" "dkim pass, spf pass" "none"`},
		{"the most frequent first", `<feedback>` + metadata + published + recordXML(`<count>1</count>`) + recordXML(`<count>9</count>`) + `</feedback>`,
			start + `0 failed 10; 9 "" "school.test" "dkim none, spf none" ""; 1 "" "school.test" "dkim none, spf none" ""`},
		{"no organisation", `<feedback>` + strings.Replace(metadata, "<org_name>r.example</org_name>", "", 1) + published + `</feedback>`, `dmarc school.test "d@r.example" 7 d@r.example 10-20 passed 0 failed 0`},
		{"no days", `<feedback>` + strings.Replace(metadata, "<begin>10</begin><end>20</end>", "", 1) + published + `</feedback>`, `dmarc school.test "r.example" 7 d@r.example 0-0 passed 0 failed 0`},
		{"a domain with a dot at its end", `<feedback>` + metadata + strings.Replace(published, "school.test", " SCHOOL.test. ", 1) + `</feedback>`, start + `0 failed 0`},
		{"what a terminal would obey", `<feedback>` + strings.Replace(metadata, "<org_name>r.example", "<org_name>r&#x9b;2J\u202e.exam\nple", 1) + published + `</feedback>`,
			`dmarc school.test "r2J.exam ple" 7 d@r.example 10-20 passed 0 failed 0`},
		{"a document type", `<!DOCTYPE feedback><feedback>` + metadata + published + `</feedback>`, start + `0 failed 0`},
		{"something behind it", `<feedback>` + metadata + published + `</feedback><feedback`, start + `0 failed 0`},
		{"an entity of its own", `<!DOCTYPE feedback [<!ENTITY a "b">]><feedback>` + strings.Replace(metadata, "r.example", "&a;", 1) + published + `</feedback>`, ""},
		{"nobody's", `<feedback><report_metadata><report_id>7</report_id></report_metadata>` + published + `</feedback>`, ""},
		{"about no domain", `<feedback>` + metadata + `<policy_published><p>none</p></policy_published></feedback>`, ""},
		{"a count that is none", `<feedback>` + metadata + published + recordXML(`<count>some</count>`) + `</feedback>`, ""},
		{"half a message", `<feedback>` + metadata + published + recordXML(`<count>3.5</count>`) + `</feedback>`, ""},
		{"less than nothing", `<feedback>` + metadata + published + recordXML(`<count>-1</count>`) + `</feedback>`, ""},
		{"more than there are numbers", `<feedback>` + metadata + published + recordXML(`<count>9223372036854775808</count>`) + `</feedback>`, ""},
		{"a day that is none", `<feedback>` + strings.Replace(metadata, "<begin>10", "<begin>2026-11-25", 1) + published + `</feedback>`, ""},
		{"another document", `<html><body>` + metadata + published + `</body></html>`, ""},
		{"cut off", `<feedback>` + metadata + published, ""},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		a, err := parseAggregate(strings.NewReader(tt.text), maxExpanded)
		got := ""
		if err == nil {
			got = described(a.report())
		} else if !errors.Is(err, errReport) {
			t.Errorf("%s: %v is no errReport", tt.name, err)
		}
		if got != tt.want {
			t.Errorf("%s: %v\n got %s\nwant %s", tt.name, err, got, tt.want)
		}
	}
}

// TestTLSShapes: what is kept of the TLS reports of many programs. RFC 8460 §4.4.
func TestTLSShapes(t *testing.T) {
	t.Parallel()
	report := func(policies ...string) string {
		return `{"organization-name":"r.example","date-range":{"start-datetime":"1970-01-01T00:00:10Z","end-datetime":"1970-01-01T01:00:20+01:00"},"contact-info":"t@r.example","report-id":"7","policies":[` +
			strings.Join(policies, ",") + `]}`
	}
	policy := func(kind, domain, rest string) string {
		return `{"policy":{"policy-type":"` + kind + `","policy-domain":"` + domain + `"}` + rest + `}`
	}
	sums := func(good, bad string) string {
		return `,"summary":{"total-successful-session-count":` + good + `,"total-failure-session-count":` + bad + `}`
	}
	const start = `tls school.test "r.example" 7 t@r.example 10-20 passed `
	tests := []struct{ name, text, want string }{
		{"all went well", report(`{"policy":{"policy-type":"sts","policy-string":["version: STSv1","mode: enforce"],"policy-domain":"school.test","mx-host":["mail.school.test"]}` + sums("12", "0") + `}`),
			start + `12 failed 0; 12 "" "" "successful" "sts"`},
		{"an empty list of failures", report(policy("sts", "school.test", sums("1", "0")+`,"failure-details":[]`)), start + `1 failed 0; 1 "" "" "successful" "sts"`},
		{"failures that are null", report(policy("sts", "school.test", sums("1", "0")+`,"failure-details":null`)), start + `1 failed 0; 1 "" "" "successful" "sts"`},
		{"several policies", report(policy("tlsa", "school.test", sums("3", "0")), policy("sts", "school.test", sums("1", "2")+`,"failure-details":[{"result-type":"validation-failure","failed-session-count":2}]`)),
			start + `4 failed 2; 3 "" "" "successful" "tlsa"; 2 "" "" "validation-failure" "sts"; 1 "" "" "successful" "sts"`},
		{"policies of others", report(policy("sts", "School.Test.", sums("1", "0")), policy("sts", "else.example", sums("100", "100")+`,"failure-details":[{"result-type":"x","failed-session-count":100}]`)),
			start + `1 failed 0; 1 "" "" "successful" "sts"`},
		{"IPv6, a reason, fields that are not kept", report(policy("sts", "school.test", sums("0", "1")+`,"failure-details":[{"result-type":"sts-webpki-invalid","sending-mta-ip":"2001:db8::1",`+
			`"receiving-mx-hostname":"mail.school.test","receiving-mx-helo":"m","receiving-ip":"2001:db8::2","failed-session-count":1,"additional-information":"https://r.example/","failure-reason-code":"X509_V_ERR","new":{"a":[1]}}]`)),
			start + `0 failed 1; 1 "2001:db8::1" "mail.school.test" "sts-webpki-invalid (X509_V_ERR)" "sts"`},
		{"sums that do not add up", report(policy("sts", "school.test", sums("0", "9")+`,"failure-details":[{"result-type":"x","failed-session-count":1}]`)), start + `0 failed 9; 1 "" "" "x" "sts"`},
		{"no sums", report(policy("no-policy-found", "school.test", "")), start + `0 failed 0`},
		{"a name that is null", strings.Replace(report(policy("sts", "school.test", "")), `"r.example"`, "null", 1), `tls school.test "" 7 t@r.example 10-20 passed 0 failed 0`},
		{"a count as a text", report(policy("sts", "school.test", sums(`"5"`, "0"))), ""},
		{"half a connection", report(policy("sts", "school.test", sums("0.5", "0"))), ""},
		{"less than nothing", report(policy("sts", "school.test", sums("0", "-1"))), ""},
		{"more than there are numbers", report(policy("sts", "school.test", sums("9223372036854775808", "0"))), ""},
		{"no policies", report(), ""},
		{"policies that are null", `{"organization-name":"r.example","report-id":"7","policies":null}`, ""},
		{"a day without a time", strings.Replace(report(policy("sts", "school.test", "")), "1970-01-01T00:00:10Z", "1970-01-01", 1), ""},
		{"a list", "[" + report(policy("sts", "school.test", "")) + "]", ""},
		{"two of them", report(policy("sts", "school.test", "")) + report(policy("sts", "school.test", "")), ""},
	}
	for _, tt := range tests {
		for form, text := range map[string]string{"plain": tt.text, "packed": zipped(tt.text)} {
			r, err := parseTLS(strings.NewReader(text))
			got := ""
			if err == nil {
				got = described(r)
			}
			if got != tt.want {
				t.Errorf("%s, %s: %v\n got %s\nwant %s", tt.name, form, err, got, tt.want)
			}
		}
	}
}

// TestAbsurd: no report makes the sums run over, or holds days that no command can print: one such report would spoil the list of all.
func TestAbsurd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	counts := func(n int64) string {
		record := recordXML(fmt.Sprintf(`<count>%d</count>`, n))
		return `<feedback>` + metadata + published + strings.Repeat(record, 3) + `</feedback>`
	}
	days := func(end string) string { return strings.Replace(counts(1), "<end>20", "<end>"+end, 1) }
	policy := func(n, end string) string {
		one := strings.NewReplacer(`count":7`, `count":`+n, `count":2`, `count":`+n).Replace(tlsJSON[strings.Index(tlsJSON, `{"policy":`) : len(tlsJSON)-2])
		return strings.NewReplacer("2026-11-25T23:59:59Z", end).Replace(tlsJSON[:strings.Index(tlsJSON, `{"policy":`)]) + one + "," + one + "]}"
	}
	for _, tt := range []struct {
		name, kind, file, text string
		taken                  bool
	}{
		{"as many as there may be", "text/xml", "a!b.xml", counts(maxMessages), true},
		{"one more", "text/xml", "a!b.xml", counts(maxMessages + 1), false},
		{"as many as there are", "text/xml", "a!b.xml", counts(1<<63 - 1), false},
		{"the last year of four digits", "text/xml", "a!b.xml", days("253402300799"), true},
		{"a second later", "text/xml", "a!b.xml", days("253402300800"), false},
		{"milliseconds", "text/xml", "a!b.xml", days("1795651199000"), false},
		{"before there were years", "text/xml", "a!b.xml", days("-99999999999"), false},
		{"the end of all numbers", "text/xml", "a!b.xml", days("9223372036854775807"), false},
		{"TLS", "application/tlsrpt+json", "x", policy("5", "2026-11-25T23:59:59Z"), true},
		{"TLS, as many as there are", "application/tlsrpt+json", "x", policy("9223372036854775807", "2026-11-25T23:59:59Z"), false},
		{"TLS, a year that is of four digits elsewhere", "application/tlsrpt+json", "x", policy("5", "9999-12-31T23:59:59-01:00"), false},
	} {
		if got := w.take(reportMail(believed, tt.kind, tt.file, strings.Replace(tt.text, "<report_id>7", "<report_id>"+tt.name, 1))); got != tt.taken {
			t.Errorf("%s: taken %t", tt.name, got)
		}
	}
	list, err := w.List(context.Background(), Filter{}, 100)
	w.check(err)
	if _, err := json.Marshal(list); err != nil || len(list) != 3 {
		t.Errorf("%d are kept; as JSON: %v", len(list), err)
	}
	for _, r := range list {
		if r.Passed < 0 || r.Failed < 0 {
			t.Errorf("%s: passed %d, failed %d", r.ID, r.Passed, r.Failed)
		}
	}
}

// TestFind: a report is told by its type or by its file's name; other files are people's own.
func TestFind(t *testing.T) {
	t.Parallel()
	const name = "r.example!school.test!1!2"
	nested := func(depth int) string {
		text := "Content-Type: application/tlsrpt+json\r\n\r\n{}"
		for i := range depth {
			text = fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n%s\r\n--b%d--\r\n", i, i, text, i)
		}
		return "MIME-Version: 1.0\r\n" + text
	}
	tests := []struct {
		name, mail string
		want       Kind
	}{
		{"gzip", reportMail("", "application/gzip", name+".xml.gz", ""), KindDMARC},
		{"gzip with its older name", reportMail("", "application/x-gzip", name+".xml.gz", ""), KindDMARC},
		{"a part of no type", reportMail("", "application/octet-stream", name+".XML.GZ", ""), KindDMARC},
		{"with an id of its own", reportMail("", "application/gzip", name+"!0815.xml.gz", ""), KindDMARC},
		{"zip", reportMail("", "application/zip", name+".zip", ""), KindDMARC},
		{"zip, as Windows calls it", reportMail("", "application/x-zip-compressed", name+".zip", ""), KindDMARC},
		{"zip of somebody", reportMail("", "application/zip", "photos.zip", ""), ""},
		{"zip without a name", reportMail("", "application/zip", "", ""), ""},
		{"XML", reportMail("", "application/xml", name+".xml", ""), KindDMARC},
		{"XML as text", reportMail("", "text/xml", name+".xml", ""), KindDMARC},
		{"XML of somebody", reportMail("", "text/xml", "homework.xml", ""), ""},
		{"TLS", reportMail("", "application/tlsrpt+gzip", "", ""), KindTLS},
		{"TLS, plain", reportMail("", "APPLICATION/TLSRPT+JSON", "x.txt", ""), KindTLS},
		{"TLS by its name", reportMail("", "application/gzip", name+".json.gz", ""), KindTLS},
		{"JSON of somebody", reportMail("", "application/json", "homework.json", ""), ""},
		{"a backup", reportMail("", "application/gzip", "backup.tar.gz", ""), ""},
		{"a name that ends so in the middle", reportMail("", "application/gzip", "a.xml.gz.exe", ""), ""},
		{"a picture", reportMail("", "image/png", "a.png", ""), ""},
		{"the whole mail", "Content-Type: application/zip; name=\"" + name + ".zip\"\r\nContent-Disposition: attachment; filename=\"" + name + ".zip\"\r\n\r\n", KindDMARC},
		{"the name in its type", "Content-Type: application/gzip; name=\"" + name + ".xml.gz\"\r\n\r\n", KindDMARC},
		{"a name in pieces", "Content-Type: application/gzip\r\nContent-Disposition: attachment;\r\n filename*0=\"" + name + "\";\r\n filename*1=\".xml.gz\"\r\n\r\n", KindDMARC},
		{"a report that somebody forwards", "Content-Type: message/rfc822\r\n\r\n" + reportMail("", "application/tlsrpt+gzip", "", ""), ""},
		{"in parts of parts", nested(3), KindTLS},
		{"too deep", nested(4), ""},
	}
	for _, tt := range tests {
		x, err := message.Parse(strings.NewReader(tt.mail), int64(len(tt.mail)))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if part, kind := find(x.Root, 0); kind != tt.want || (part != nil) != (tt.want != "") {
			t.Errorf("%s: %q, want %q", tt.name, kind, tt.want)
		}
	}
}

// TestVerified: only our own field counts, and in it only the result, not what a stranger has put beside it.
func TestVerified(t *testing.T) {
	t.Parallel()
	field := func(text string) string { return "Authentication-Results: " + text + "\r\n" }
	for name, tt := range map[string]struct {
		head string
		want bool
	}{
		"passed":                  {field(believed), true},
		"with capitals":           {field(strings.Replace(believed, "mail.school", "Mail.SCHOOL", 1)), true},
		"behind other fields":     {"Received: x\r\n" + field(believed), true},
		"failed":                  {field("mail.school.test;\r\n\tdmarc=fail header.from=r.example"), false},
		"of another server":       {field("mx.example;\r\n\tdmarc=pass header.from=r.example"), false},
		"a longer name":           {field("mail.school.test.example;\r\n\tdmarc=pass"), false},
		"another server's first":  {field("mx.example;\r\n\tspf=pass") + field(believed), false},
		"in a comment":            {field("mail.school.test;\r\n\tdmarc=none (dmarc=pass)"), false},
		"in somebody's words":     {field("mail.school.test;\r\n\tspf=pass smtp.mailfrom=\"a;dmarc=pass\"@r.example"), false},
		"in the name of a result": {field("mail.school.test;\r\n\tx-dmarc=pass"), false},
		"in another field":        {"X-Results: " + believed + "\r\n", false},
		"no results":              {field("mail.school.test; none"), false},
		"nothing":                 {"", false},
	} {
		text := tt.head + "Subject: x\r\n\r\n" + field(believed)
		x, err := message.Parse(strings.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := verified(strings.NewReader(text), x.Root, "mail.school.test"); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
	}
}

// TestLimits: the last that is read, and the first that is not.
func TestLimits(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]bool{maxLines: true, maxLines + 1: false} {
		if _, err := parseAggregate(strings.NewReader(`<feedback>`+metadata+published+strings.Repeat("<record/>", n)+`</feedback>`), maxExpanded); (err == nil) != want {
			t.Errorf("%d records: %v", n, err)
		}
	}
	for _, n := range []int{maxDetails, maxDetails + 1} {
		r := &Report{}
		for i := range n {
			r.add(i%2 == 0, int64(i), Detail{Count: int64(i)})
		}
		r.shorten()
		sorted := slices.IsSortedFunc(r.Details, func(a, b Detail) int { return int(b.Count - a.Count) })
		if len(r.Details) != maxDetails || !sorted || r.Passed+r.Failed != int64(n*(n-1)/2) || r.Details[0].Count != int64(n-1) {
			t.Errorf("%d lines: %d kept, sorted %t, passed %d, failed %d", n, len(r.Details), sorted, r.Passed, r.Failed)
		}
	}
	for text, want := range map[string]string{
		"": "", " a\tb\r\nc ": "a b  c", "a\x00b\x1b[2J": "ab[2J", "\xffa\xc3": "a", "Grüße": "Grüße", "a\u200bb\u202ec": "abc",
		strings.Repeat("x", maxText): strings.Repeat("x", maxText), strings.Repeat("x", maxText+1): strings.Repeat("x", maxText),
		strings.Repeat("x", maxText-1) + "ü": strings.Repeat("x", maxText-1), // not half a letter
	} {
		if got := clean(text); got != want {
			t.Errorf("clean(%q) = %q, want %q", text, got, want)
		}
	}
}

// TestOurs: a domain under one of ours is ours, as deep as anybody would make it; when nobody knows, the mail comes again.
func TestOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for domain, want := range map[string]bool{
		"school.test": true, "lists.school.test": true, strings.Repeat("a.", 9) + "school.test": true, strings.Repeat("a.", 10) + "school.test": false,
		"myschool.test": false, "test": false, "": false, "school.test.example": false,
	} {
		if got, err := w.ours(context.Background(), domain); err != nil || got != want {
			t.Errorf("ours(%q) = %t, %v", domain, got, err)
		}
	}
	text := reportMail(believed, "text/xml", "a!b.xml", dmarcXML)
	stop := errors.New("disk full")
	w.o.Local = func(context.Context, string) (bool, error) { return false, stop }
	if taken, err := w.Take(context.Background(), "trace", strings.NewReader(text), int64(len(text))); taken || !errors.Is(err, stop) {
		t.Errorf("nobody knows the domains: %t, %v", taken, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w.reading <- struct{}{} // another one is being read
	if taken, err := w.Take(ctx, "trace", strings.NewReader(text), int64(len(text))); taken || !errors.Is(err, context.Canceled) {
		t.Errorf("given up while waiting: %t, %v", taken, err)
	}
}

// TestKept: reports are told apart by their kind, domain, sender and id; the latest are kept, for their time.
func TestKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.Open(t))
	w.o.Keep = 48 * time.Hour
	for i, change := range [][2]string{{"", ""}, {"", ""}, {"<report_id>42", "<report_id>43"}, {"<org_name>receiver", "<org_name>other"}, {"School.test", "lists.school.test"}} {
		if !w.take(reportMail(believed, "text/xml", "a!b.xml", strings.Replace(dmarcXML, change[0], change[1], 1))) {
			t.Errorf("report %d is not taken", i)
		}
	}
	w.take(reportMail(believed, "application/tlsrpt+json", "", strings.Replace(tlsJSON, `"43"`, `"42"`, 1)))
	kept := func() int {
		list, err := w.List(context.Background(), Filter{}, 2*maxKept)
		w.check(err)
		return len(list)
	}
	if got := kept(); got != 5 {
		t.Errorf("%d reports, want 5", got)
	}
	w.clock = w.clock.Add(48 * time.Hour)
	if w.check(w.forget(context.Background())); kept() != 5 {
		t.Errorf("%d are left when their time ends, want all", kept())
	}
	w.clock = w.clock.Add(time.Second)
	if w.check(w.forget(context.Background())); kept() != 0 {
		t.Errorf("%d are left a second later", kept())
	}
	const old = 2*forgetRows + 2
	w.fill(maxKept + old)
	before := w.store.Commits()
	if w.check(w.forget(context.Background())); w.store.Commits()-before < 3 {
		t.Errorf("%d are removed in %d turns", old, w.store.Commits()-before)
	}
	list, err := w.List(context.Background(), Filter{}, 1)
	if w.check(err); kept() != maxKept || list[0].ID != fmt.Sprint("id", maxKept+old) {
		t.Errorf("%d are left, the latest %q", kept(), list[0].ID)
	}
}
