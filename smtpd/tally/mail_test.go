package tally

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"
)

// What stands in a record becomes an address that can be written to, or none.
func TestMailto(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"mailto:tls@there.example": "tls@there.example", "mailto:a%2Bb@there.example?subject=x": "a+b@there.example", "MailTo:a@THERE.example": "a@THERE.example",
		"mailto:a%21b@there.example": "a!b@there.example", "mailto:a@_x.there-1.example": "a@_x.there-1.example",
		"mailto:": "", "mailto": "", "mailto:a": "", "mailto:@there.example": "", "mailto:a@": "", "mailto:a@there..example": "", "mailto:a@.example": "", "mailto:a@example.": "",
		"mailto:a@localhost": "", "mailto:a@b@there.example": "", "mailto:a@there.ex!mple": "", "mailto:a@there.ex%20mple": "",
		"mailto:a@[192.0.2.1]": "", "mailto:a@there.example,b@there.example": "", "mailto:a%20b@there.example": "", "mailto:%22a%22@there.example": "", "mailto:ä@there.example": "",
		"mailto:a%00@there.example": "", "mailto:a@there.example%0d%0aBcc:b@there.example": "", "https://there.example/a@there.example": "", "mailto:a%2@there.example": "",
		"mailto:a%7F@there.example": "", "mailto:a@th%C3%A4re.example": "", "mailto:%3Ca@there.example": "", "mailto:a(b)@there.example": "", `mailto:a\b@there.example`: "",
		"mailto:" + strings.Repeat("x", 240) + "@there.example": strings.Repeat("x", 240) + "@there.example", "mailto:" + strings.Repeat("x", 241) + "@there.example": "", // RFC 5321 §4.5.3.1.3
		"mailto:a@" + strings.Repeat("x", 63) + ".example": "a@" + strings.Repeat("x", 63) + ".example", "mailto:a@" + strings.Repeat("x", 64) + ".example": "",
	} {
		if got := Mailto(uri); got != want {
			t.Errorf("Mailto(%q) = %q, want %q", uri, got, want)
		}
	}
}

// FuzzMailto: whatever strangers publish, what comes out is one address that the header of a mail can hold.
func FuzzMailto(f *testing.F) {
	for _, uri := range []string{"mailto:a@there.example", "mailto:a%2Bb@there.example?subject=x", "mailto:a%0d%0a@b.example", "mailto:%22a@b%22@c.example", "x"} {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		address := Mailto(uri)
		if address == "" {
			return
		}
		list, err := mail.ParseAddressList("<" + address + ">")
		dots := strings.HasPrefix(address, ".") || strings.Contains(address, "..") || strings.Contains(address, ".@") // some have such addresses
		if !dots && (err != nil || len(list) != 1 || list[0].Address != address) || len(address) > maxAddress {
			t.Errorf("Mailto(%q) = %q, which reads as %v, %v", uri, address, list, err)
		}
	})
}

// A day lasts from its first second to its last one in UTC.
func TestDay(t *testing.T) {
	t.Parallel()
	east := time.FixedZone("east", 5*3600)
	for at, want := range map[int64]int64{1803859199: 20877, 1803859200: 20878, 1803945599: 20878, 1803945600: 20879} {
		if got := Number(time.Unix(at, 999_999_999).In(east)); got != want {
			t.Errorf("Number(%d) = %d, want %d", at, got, want)
		}
	}
	d := Day{Number: 20878}
	if begin, end := d.Begin().Format(time.RFC3339), d.End().Format(time.RFC3339); begin != "2027-03-01T00:00:00Z" || end != "2027-03-01T23:59:59Z" {
		t.Errorf("the day lasts from %s to %s", begin, end)
	}
}

// The mail around a report reads as its parts with other people's code, and no line is too long however long names are. RFC 5322 §2.1.1.
func TestMessage(t *testing.T) {
	t.Parallel()
	packed, err := Pack(bytes.Repeat([]byte("report "), 1000))
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat(strings.Repeat("d", 60)+".", 4) + "example"
	for _, domain := range []string{"there.example", long} {
		for _, size := range []int{0, 1, lineBytes, lineBytes + 1, len(packed)} {
			to := []string{"a@" + domain, "+tag=x@there.example"}
			m := Mail{
				Kind: "test", By: &Reporter{Organization: "School", From: "postmaster@us.example"}, To: to, Date: time.Unix(1803945600, 0), Day: Day{20878, domain},
				ID: "1." + domain + "@us.example", Type: `multipart/report; report-type="x"`, Fields: []string{"X-One: 1", "X-Two: 2"}, Text: "Read this.",
				File: "application/x", Suffix: ".x.gz", Packed: packed[:size],
			}
			checkMail(t, &m, m.Message())
		}
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || !bytes.Equal(text, bytes.Repeat([]byte("report "), 1000)) {
		t.Errorf("Pack packs %d bytes, %v", len(text), err)
	}
}

func checkMail(t *testing.T, m *Mail, text []byte) {
	t.Helper()
	for i, l := range strings.Split(string(text), "\r\n") {
		if len(l) > 998 || strings.ContainsAny(l, "\r\n") {
			t.Errorf("line %d has %d bytes: %.80q", i, len(l), l)
		}
	}
	read, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"From": "<postmaster@us.example>", "Subject": "Report Domain: " + m.Day.Domain + " Submitter: us.example Report-ID: <" + m.ID + ">",
		"X-One": "1", "X-Two": "2", "Auto-Submitted": "auto-generated", "MIME-Version": "1.0", "Message-ID": fmt.Sprintf("<test-1803859200-%s@us.example>", m.Day.Domain),
	} {
		if got := read.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	list, err := read.Header.AddressList("To")
	var to []string
	for _, one := range list {
		to = append(to, one.Address)
	}
	if err != nil || !slices.Equal(to, m.To) {
		t.Errorf("to %q, %v, want %q", to, err, m.To)
	}
	if at, err := read.Header.Date(); err != nil || !at.Equal(m.Date) {
		t.Errorf("date %v, %v", at, err)
	}
	kind, parameters, err := mime.ParseMediaType(read.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || parameters["report-type"] != "x" {
		t.Errorf("type %q %v, %v", kind, parameters, err)
	}
	parts := multipart.NewReader(read.Body, parameters["boundary"])
	var got [2]string
	for i := range got {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		content := io.Reader(part)
		if part.Header.Get("Content-Transfer-Encoding") == "base64" {
			content = base64.NewDecoder(base64.StdEncoding, part)
		}
		body, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		got[i] = part.Header.Get("Content-Type") + " " + part.FileName() + " " + string(body)
	}
	want := [2]string{"text/plain; charset=us-ascii  Read this.", fmt.Sprintf("application/x us.example!%s!1803859200!1803945599.x.gz %s", m.Day.Domain, m.Packed)}
	if got != want {
		t.Errorf("parts %q, want %q", got, want)
	}
	if _, err := parts.NextPart(); !errors.Is(err, io.EOF) {
		t.Errorf("behind the second part: %v", err)
	}
}
