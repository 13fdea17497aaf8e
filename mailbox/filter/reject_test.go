package filter

import (
	"context"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"

	"schulhof/mailbox"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// Who hears of a refusal, and how: RFC 5429 §2. Where the door can still refuse, its reply does it; a sender who is certain gets a
// message; nobody else does, and the message is kept.
func TestReject(t *testing.T) {
	t.Parallel()
	const all = `require ["reject", "ereject", "fileinto", "vacation", "copy", "imap4flags"];` + "\n"
	kept, told := []string{"INBOX: hello"}, []string{"FRIEND INBOX: answer: Rejected: Abgelehnt: hello"}
	certain := parcel{from: "FRIEND@school.test", certain: true}
	runCases(t, Options{}, []filterCase{
		{name: "at the door", script: all + `reject "no";`, mail: parcel{alone: true}, err: "no"},
		{name: "ereject at the door", script: all + `ereject "no";`, mail: parcel{alone: true}, err: "no"},
		{name: "letters that a reply cannot have", script: all + `reject "Größe zu groß, Ärger";`, mail: parcel{alone: true}, err: "Groesse zu gross, Aerger"},
		{name: "a reason of several lines", script: all + `reject text:` + "\r\none\r\n  two\r\n.\r\n;", mail: parcel{alone: true}, err: "one two"},
		{name: "no reason", script: all + `reject "";`, mail: parcel{alone: true}, err: "refused by the recipient"},
		{name: "a bounce at the door", script: all + `reject "no";`, mail: parcel{alone: true, from: "<>"}, err: "no"},
		{name: "later, the sender is certain", script: all + `reject "no";`, mail: certain, want: told},
		{name: "later, the sender may be forged", script: all + `reject "no";`, mail: parcel{from: "FRIEND@school.test"}, want: kept},
		{name: "later, a bounce", script: all + `reject "no";`, mail: parcel{from: "<>", certain: true}, want: kept},
		{name: "later, a program", script: all + `reject "no";`,
			mail: parcel{from: "FRIEND@school.test", certain: true, text: hello("ME", "hello", "List-Id: <x.example>")}, want: kept},
		{name: "later, a sender that nothing reaches", script: all + `reject "no";`, mail: parcel{from: "gone@school.test", certain: true}, want: kept},
		{name: "later, elsewhere", script: all + `reject "no";`, mail: parcel{certain: true}, want: []string{"<> to lena@else.example: answer: Rejected: Abgelehnt: hello"}},
		{name: "later, elsewhere, without a way there", script: all + `reject "no";`, mail: parcel{certain: true, island: true}, want: kept},
		{name: "reject and keep", script: all + `keep; reject "no";`, mail: parcel{alone: true},
			want: []string{"INBOX: fault: line 2, column 7: script main: a message that is kept, filed, sent on or answered cannot be rejected as well", "INBOX: hello"}},
		{name: "reject and fileinto", script: all + `reject "no"; fileinto "Archive";`, mail: parcel{alone: true},
			want: []string{"INBOX: fault: line 2, column 14: script main: a message that was rejected cannot be kept, filed, sent on or answered as well", "INBOX: hello"}},
		{name: "reject and discard", script: all + `discard; reject "no";`, mail: parcel{alone: true}, err: "no"},
		{name: "reject with flags set before", script: all + `addflag "\\Seen"; reject "no";`, mail: parcel{alone: true}, err: "no"},
	})
}

// TestRejectOfOneOfMany: the others get the message; of somebody's own copies nothing is left.
func TestRejectOfOneOfMany(t *testing.T) {
	t.Parallel()
	w := newSchool(t, storetest.Open(t), Options{}, "anna", "ben", "fritz")
	w.script("anna", `require "reject"; reject "not here";`)
	w.script("ben", `redirect "anna@school.test";`)
	results := w.receive(parcel{to: []string{"anna@school.test", "ben@school.test", "fritz@school.test"}, text: hello("anna", "many"), alone: true})
	if !fault.Is(results[0], fault.Refused) || results[1] != nil || results[2] != nil {
		t.Errorf("the results are %v, want only anna's a refusal", results)
	}
	// What ben sent on reaches anna's filter too late for a refusal, and its sender may be forged: it is kept.
	if a, b, f := w.has("anna"), w.has("ben"), w.has("fritz"); len(a) != 1 || len(b) != 0 || len(f) != 1 {
		t.Errorf("anna has %q, ben %q, fritz %q", a, b, f)
	}
}

// TestWhatARejectionSays: it is a disposition notification with the reason in words and the header of the message. RFC 5429 §2.2, RFC 8098 §3.
func TestWhatARejectionSays(t *testing.T) {
	t.Parallel()
	w := newSchool(t, storetest.Open(t), Options{}, "anna", "ben")
	w.script("anna", "require \"reject\"; reject text:\r\nGrüße,\r\n\r\nzu groß.\r\n.\r\n;")
	w.receive(parcel{from: "ben@school.test", certain: true, to: []string{"anna@school.test"}, text: hello("anna", "hello", "X-Secret: header")})
	got := w.letters("ben", "INBOX")
	if len(got) != 1 {
		t.Fatalf("ben has %d messages, want the rejection", len(got))
	}
	m, err := mail.ReadMessage(strings.NewReader(got[0]))
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{"From": "Mail Delivery System <postmaster@school.test>", "To": "<ben@school.test>",
		"Auto-Submitted": "auto-replied (rejected)", "In-Reply-To": "<hello@else.example>"} {
		if got := m.Header.Get(field); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || params["report-type"] != "disposition-notification" {
		t.Fatalf("the type is %s %v, %v", kind, params, err)
	}
	want := []struct{ kind, holds string }{
		{"text/plain; charset=utf-8", "Your message to anna@school.test was refused:\r\nIhre Nachricht an anna@school.test wurde abgelehnt:\r\n\r\nGrüße,\r\n\r\nzu groß."},
		{"message/disposition-notification", "Final-Recipient: rfc822; anna@school.test\r\nOriginal-Message-ID: <hello@else.example>\r\n" +
			"Disposition: automatic-action/MDN-sent-automatically; deleted\r\n"},
		{"text/rfc822-headers", "Subject: hello\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\nMessage-ID: <hello@else.example>\r\nX-Secret: header\r\n"},
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for _, one := range want {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatalf("part %s: %v", one.kind, err)
		}
		content := io.Reader(part)
		if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			content = quotedprintable.NewReader(part)
		}
		b, err := io.ReadAll(content)
		if err != nil || part.Header.Get("Content-Type") != one.kind || !strings.Contains(string(b), one.holds) {
			t.Errorf("part %s, %v is %q, want %s with %q", part.Header, err, b, one.kind, one.holds)
		}
	}
	if _, err := parts.NextPart(); err != io.EOF {
		t.Errorf("behind the last part: %v", err)
	}
}

// TestResults: a recipient has the message when one of the copies that the filter made of it is stored, or when it went on.
func TestResults(t *testing.T) {
	t.Parallel()
	full, gone, no := fault.New(fault.OverQuota, "full"), fault.New(fault.NotFound, "gone"), fault.New(fault.Refused, "no")
	copyFor := func(i int) Copy { return Copy{For: i, To: mailbox.To{Owner: 1}} }
	tests := []struct {
		name   string
		plan   Plan
		copies []error
		want   []error
	}{
		{"nothing to store is done", Plan{Refused: make([]error, 1)}, nil, []error{nil}},
		{"one of two copies", Plan{Refused: make([]error, 1), Copies: []Copy{copyFor(0), copyFor(0)}}, []error{full, nil}, []error{nil}},
		{"the other of two copies", Plan{Refused: make([]error, 1), Copies: []Copy{copyFor(0), copyFor(0)}}, []error{nil, full}, []error{nil}},
		{"neither", Plan{Refused: make([]error, 1), Copies: []Copy{copyFor(0), copyFor(0)}}, []error{full, gone}, []error{full}},
		{"stored nowhere, but sent on", Plan{Refused: make([]error, 1), Copies: []Copy{copyFor(0)}, Outgoing: []Outgoing{{For: 0}}}, []error{full}, []error{nil}},
		{"an answer is not the message", Plan{Refused: make([]error, 1), Copies: []Copy{copyFor(0), copyFor(-1)}, Outgoing: []Outgoing{{For: -1}}}, []error{full, nil}, []error{full}},
		{"a notice that finds no room harms nobody", Plan{Refused: make([]error, 1), Copies: []Copy{copyFor(0), copyFor(-1)}}, []error{nil, full}, []error{nil}},
		{"refused and stored, each for one", Plan{Refused: []error{no, nil}, Copies: []Copy{copyFor(1)}}, []error{nil}, []error{no, nil}},
	}
	for _, tt := range tests {
		if got := tt.plan.Results(tt.copies); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	var none *Plan
	none.Release() // nobody had a filter
}

// TestAFullMailbox: of what a filter does, only what finds no room fails; the answer to the door says so.
func TestAFullMailbox(t *testing.T) {
	t.Parallel()
	w := newSchool(t, storetest.Open(t), Options{}, "anna", "ben")
	w.quota("ben", 1)
	w.script("anna", `redirect "ben@school.test";`)
	results := w.receive(parcel{to: []string{"anna@school.test"}, text: hello("anna", "to the full")})
	if !fault.Is(results[0], fault.OverQuota) {
		t.Errorf("the result is %v, want that there is no room: another try may find some", results[0])
	}
	w.script("anna", `require "copy"; redirect :copy "ben@school.test";`)
	results = w.receive(parcel{to: []string{"anna@school.test"}, text: hello("anna", "copy")})
	if results[0] != nil || len(w.has("anna")) != 1 || len(w.has("ben")) != 0 {
		t.Errorf("the result is %v; anna has %q, ben %q", results[0], w.has("anna"), w.has("ben"))
	}
	if list, err := w.Scripts(context.Background(), w.id["anna"]); err != nil || len(list) != 1 || !list[0].Active {
		t.Errorf("the scripts are %+v, %v", list, err)
	}
}
