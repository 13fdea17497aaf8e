package dsn

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func sample() *Report {
	return &Report{
		Host: "mail.school.test", ID: "abc", At: noon, Arrived: noon.Add(-time.Hour), To: "anna@school.test", EnvelopeID: "E1",
		Recipients: []Recipient{{
			Address: "a@example.org", Original: "RFC822;x+y@example.org", Action: Failed, Status: "5.1.1", Code: 550, Enhanced: "5.1.1", Text: "No such user",
			Host: "mx.example.org", Tried: noon,
		}},
		Header: []byte("Subject: Trip\r\n"),
	}
}

func write(t testing.TB, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// part is one part of a report.
type part struct {
	kind, text string
}

// parts reads a report as a mail program does.
func parts(t testing.TB, text string) (header mail.Header, list []part) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || params["report-type"] != "delivery-status" {
		t.Fatalf("type %q %v, %v", kind, params, err)
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return m.Header, list
		}
		if err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, part{p.Header.Get("Content-Type"), string(b)})
	}
}

func TestWrite(t *testing.T) {
	header, list := parts(t, write(t, sample()))
	for name, want := range map[string]string{
		"Return-Path": "<>", "From": "Mail Delivery System <postmaster@mail.school.test>", "To": "<anna@school.test>",
		"Subject": "Not delivered: Nicht zugestellt", "Auto-Submitted": "auto-replied", "Message-ID": "<abc@mail.school.test>", "Date": "Mon, 23 Nov 2026 12:00:00 +0000",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if len(list) != 3 {
		t.Fatalf("%d parts, want 3", len(list))
	}
	const people = "Ihre Nachricht konnte nicht zugestellt werden an:\r\n\r\n  a@example.org\r\n" +
		"    Diese Adresse gibt es dort nicht. Bitte prüfen Sie die Schreibweise.\r\n\r\n--- English ---\r\n\r\n" +
		"Your message could not be delivered to:\r\n\r\n  a@example.org\r\n    The address does not exist there. Please check how it is spelled.\r\n\r\n" +
		"--- Details ---\r\n\r\na@example.org:\r\n  [mx.example.org] 550 5.1.1 No such user\r\n"
	if list[0] != (part{"text/plain; charset=utf-8", people}) {
		t.Errorf("for people: %q", list[0])
	}
	const programs = "Original-Envelope-Id: E1\r\nReporting-MTA: dns; mail.school.test\r\nArrival-Date: Mon, 23 Nov 2026 11:00:00 +0000\r\n\r\n" +
		"Original-Recipient: rfc822; x+y@example.org\r\nFinal-Recipient: rfc822; a@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n" +
		"Remote-MTA: dns; mx.example.org\r\nDiagnostic-Code: smtp; 550 5.1.1 No such user\r\nLast-Attempt-Date: Mon, 23 Nov 2026 12:00:00 +0000\r\n"
	if list[1] != (part{"message/delivery-status", programs}) {
		t.Errorf("for programs: %q", list[1])
	}
	if list[2] != (part{"text/rfc822-headers", "Subject: Trip\r\n"}) {
		t.Errorf("returned: %q", list[2])
	}
}

// What a report is about stands in its subject, and decides what else it says.
func TestActions(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*Report)
		subject string
		has     []string
		hasNot  []string
	}{
		{"a delay", func(r *Report) {
			r.Recipients[0].Action, r.Recipients[0].Status, r.RetryUntil = Delayed, "4.4.1", noon.Add(24*time.Hour)
		}, "Delayed: Noch nicht zugestellt",
			[]string{"Will-Retry-Until: Tue, 24 Nov 2026 12:00:00 +0000\r\n", "versucht es weiter, bis 24.11.2026 12:00 UTC.", "keeps trying until Tue, 24 Nov 2026 12:00:00 UTC.", "antwortet nicht"},
			[]string{"konnte nicht"}},
		{"a delay without an end", func(r *Report) { r.Recipients[0].Action = Delayed }, "Delayed: Noch nicht zugestellt",
			[]string{"Der Server versucht es weiter.", "the server keeps trying."}, []string{"Will-Retry-Until"}},
		{"a confirmation", func(r *Report) {
			r.Recipients[0] = Recipient{Address: "a@example.org", Action: Delivered, Status: "2.1.5", Text: "OK"}
		}, "Delivered: Zugestellt", []string{"Action: delivered\r\nStatus: 2.1.5\r\n"}, []string{"Details", "Diagnostic-Code", "Remote-MTA", "Last-Attempt"}},
		{"handed on", func(r *Report) { r.Recipients[0].Action = Relayed }, "Relayed: Weitergegeben", []string{"Action: relayed", "der keine Bestätigungen schickt"}, []string{"Details"}},
		{"a failure comes first", func(r *Report) {
			r.Recipients = append(r.Recipients, Recipient{Address: "b@example.org", Action: Delayed, Status: "4.4.1"})
		}, "Not delivered: Nicht zugestellt", []string{"  a@example.org\r\n", "  b@example.org\r\n"}, nil},
		{"words of our own", func(r *Report) { r.Recipients[0].Code, r.Recipients[0].Host = 0, "" }, "Not delivered: Nicht zugestellt",
			[]string{"Diagnostic-Code: x-schulhof; No such user\r\n", "a@example.org:\r\n  No such user\r\n"}, []string{"Remote-MTA", "550"}},
		{"nothing known of when it came", func(r *Report) { r.Arrived, r.EnvelopeID = time.Time{}, "" }, "Not delivered: Nicht zugestellt", nil, []string{"Arrival-Date", "Envelope-Id"}},
		{"the whole message", func(r *Report) { r.Original = strings.NewReader("Subject: T\r\n\r\nText\r\n") }, "Not delivered: Nicht zugestellt",
			[]string{"Content-Type: message/rfc822\r\n", "Text\r\n"}, []string{"text/rfc822-headers"}},
		{"a message in Unicode", func(r *Report) { r.UTF8 = true }, "Not delivered: Nicht zugestellt", []string{"message/global-headers"}, []string{"global-delivery"}},
		{"a whole message in Unicode", func(r *Report) { r.UTF8, r.Original = true, strings.NewReader("x") }, "Not delivered: Nicht zugestellt", []string{"Content-Type: message/global\r\n"}, nil},
		{"a recipient in Unicode", func(r *Report) { r.Recipients[0].Address = "müller@example.org" }, "Not delivered: Nicht zugestellt",
			[]string{"Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n", "Final-Recipient: utf-8; müller@example.org\r\n"}, nil},
		{"a sender in Unicode", func(r *Report) { r.To = "jürgen@school.test" }, "Not delivered: Nicht zugestellt", []string{"To: <jürgen@school.test>", "global-delivery-status"}, nil},
	}
	for _, tt := range tests {
		r := sample()
		tt.change(r)
		text := write(t, r)
		header, _ := parts(t, text)
		if got := header.Get("Subject"); got != tt.subject {
			t.Errorf("%s: subject %q, want %q", tt.name, got, tt.subject)
		}
		for _, s := range tt.has {
			if !strings.Contains(text, s) {
				t.Errorf("%s lacks %q:\n%s", tt.name, s, text)
			}
		}
		for _, s := range tt.hasNot {
			if strings.Contains(text, s) {
				t.Errorf("%s has %q:\n%s", tt.name, s, text)
			}
		}
	}
}

// Every status has words in both languages; what is no status has none.
func TestReason(t *testing.T) {
	tests := []struct{ status, want string }{
		{"5.1.1", reasons["1.1"][0]}, {"5.1.10", reasons["1.10"][0]}, {"5.1.99", reasons["1"][0]}, {"4.4.7", reasons["4.7"][0]},
		{"5.9.9", reasons["0"][0]}, {"5.7.1", reasons["7"][0]}, {"", ""}, {"5", ""},
	}
	for _, tt := range tests {
		if got := reason(tt.status, false); got != tt.want {
			t.Errorf("reason(%q) = %q, want %q", tt.status, got, tt.want)
		}
	}
	for key, words := range reasons {
		if words[0] == "" || words[1] == "" || words[0] == words[1] {
			t.Errorf("%s has the words %q", key, words)
		}
	}
}

type brokenPipe struct{ after int }

func (p *brokenPipe) Write(b []byte) (int, error) {
	if p.after--; p.after < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(b), nil
}

func TestWriteErrors(t *testing.T) {
	for after := range 3 {
		r := sample()
		r.Original = strings.NewReader("x")
		if err := r.Write(&brokenPipe{after}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("a writer that breaks after %d: %v", after, err)
		}
	}
}

// FuzzReport: whatever a server says and whoever it is about, a report has three parts, and no value begins a line of its own.
func FuzzReport(f *testing.F) {
	f.Add("a@example.org", "No such user", "mx.example.org", "rfc822;a@b", "E1", "5.1.1", 550)
	f.Add("müller@example.org\r\nBcc: x@y", "line\r\n\r\n--report-abc\r\n", "h\nX: y", ";", "\x00\xff", "", 0)
	f.Add(strings.Repeat("a", 2000)+"@b", strings.Repeat("ü", 1000), "", "utf-8;ü", " ", "9", -1)
	f.Fuzz(func(t *testing.T, address, text, host, original, envelope, status string, code int) {
		r := sample()
		r.EnvelopeID = envelope
		r.Recipients[0] = Recipient{Address: address, Text: text, Host: host, Original: original, Status: status, Code: code, Action: Failed}
		out := write(t, r)
		_, list := parts(t, out)
		if len(list) != 3 {
			t.Fatalf("%d parts in %q", len(list), out)
		}
		known := map[string]bool{"Original-Envelope-Id": true, "Reporting-Mta": true, "Arrival-Date": true, "Original-Recipient": true, "Final-Recipient": true,
			"Action": true, "Status": true, "Remote-Mta": true, "Diagnostic-Code": true}
		in := textproto.NewReader(bufio.NewReader(strings.NewReader(list[1].text + "\r\n")))
		for range 2 {
			fields, err := in.ReadMIMEHeader()
			if err != nil && err != io.EOF {
				t.Fatalf("%v in %q", err, list[1].text)
			}
			for name := range fields {
				if !known[name] {
					t.Errorf("the field %q in %q", name, list[1].text)
				}
			}
		}
		for line := range strings.SplitSeq(out, "\r\n") {
			if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
				t.Errorf("a line of %d bytes: %q", len(line), line)
			}
		}
	})
}
