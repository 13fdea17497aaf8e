package smtpd

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"schulhof/store"

	"github.com/emersion/go-smtp"
)

// sentOut is a queue that remembers what it got.
type sentOut struct {
	mu   sync.Mutex
	list []Outgoing
}

func (q *sentOut) Enqueue(_ *store.Tx, m Outgoing) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, m)
	return nil
}

// filter gives name an active script.
func (w *world) filter(name, script string) {
	w.t.Helper()
	ctx := context.Background()
	if _, err := w.sieve.Put(ctx, w.id[name], "main", []byte(script)); err != nil {
		w.t.Fatalf("script of %s: %v", name, err)
	}
	if err := w.sieve.Activate(ctx, w.id[name], "main"); err != nil {
		w.t.Fatal(err)
	}
}

// note is a message to anna with a subject.
func note(subject string) string {
	return "From: Tina <tina@school.test>\r\nTo: anna@school.test\r\nSubject: " + subject + "\r\nMessage-ID: <" + subject + "@x.test>\r\n\r\nText\r\n"
}

func TestFilterFilesFlagsAndDiscards(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.filter("anna", `require ["fileinto", "mailbox", "imap4flags", "editheader"];
		if header :is "subject" "file" { fileinto :create :flags ["\\Flagged", "$Trip"] "Klasse/7b"; }
		elsif header :is "subject" "drop" { discard; }
		elsif header :is "subject" "edit" { addheader "X-Seen" "yes"; }
		elsif header :is "subject" "two" { fileinto :create "Klasse/7b"; keep; keep; fileinto "INBOX"; }`)
	p := greeted(w, doorMX, "EHLO")
	for _, subject := range []string{"file", "drop", "edit", "two", "plain"} {
		p.message("lena@example.org", []string{"anna@school.test", "ben@school.test"}, note(subject), "250")
	}
	if got := len(w.inbox("ben")); got != 5 {
		t.Errorf("ben has %d messages, want 5: filters are one's own", got)
	}
	if got := len(w.box("anna", "Klasse/7b")); got != 2 {
		t.Errorf("Klasse/7b has %d messages, want 2", got)
	}
	inbox := w.inbox("anna")
	if len(inbox) != 3 {
		t.Fatalf("anna's inbox has %d messages, want 3: edit, two, plain", len(inbox))
	}
	if !strings.Contains(inbox[0], "X-Seen: yes\r\n") || strings.Contains(w.inbox("ben")[2], "X-Seen") {
		t.Errorf("the edited header: %q", inbox[0])
	}
}

func TestFilterThatFailsKeepsTheMailAndTellsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.filter("anna", `require "fileinto"; fileinto "Missing";`)
	p := greeted(w, doorMX, "EHLO")
	for i := range 3 {
		p.message("lena@example.org", []string{"anna@school.test"}, note(fmt.Sprint("n", i)), "250")
	}
	inbox := w.inbox("anna")
	if len(inbox) != 4 {
		t.Fatalf("anna has %d messages, want 3 and one notice", len(inbox))
	}
	notices := 0
	for _, m := range inbox {
		if strings.Contains(m, "Subject: Your mail filter") {
			notices++
			if !strings.Contains(m, "Missing") || !strings.Contains(m, "Auto-Submitted: auto-generated\r\n") {
				t.Errorf("notice: %s", m)
			}
		}
	}
	if notices != 1 {
		t.Errorf("%d notices, want 1", notices)
	}
}

func TestFilterRejects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.filter("anna", `require "ereject"; ereject "Bitte später, Grüße";`)
	mx := greeted(w, doorMX, "EHLO")
	mx.message("lena@example.org", []string{"anna@school.test"}, note("a"), "550 5.7.1 Bitte spaeter, Gruesse")
	lmtp := greeted(w, doorLMTP, "LHLO")
	lmtp.message("lena@example.org", []string{"anna@school.test", "ben@school.test"}, note("b"), "550 5.7.1 <anna@school.test> Bitte")
	lmtp.want("250")
	if a, b := len(w.inbox("anna")), len(w.inbox("ben")); a != 0 || b != 1 {
		t.Errorf("anna has %d, ben %d, want 0 and 1", a, b)
	}
	// With others in the transaction SMTP cannot refuse one, and a sender elsewhere may be forged.
	mx.message("lena@example.org", []string{"anna@school.test", "ben@school.test"}, note("c"), "250")
	if a := len(w.inbox("anna")); a != 1 {
		t.Errorf("anna has %d messages, want 1: neither lost nor answered", a)
	}
	people := loggedIn(w, doorSubmission, "tina")
	people.message("tina@school.test", []string{"anna@school.test", "ben@school.test"}, note("d"), "250")
	if tina := w.inbox("tina"); len(tina) != 1 || !strings.Contains(tina[0], "Bitte spaeter") {
		t.Errorf("tina was told: %q", tina)
	}
}

func TestFilterRedirects(t *testing.T) {
	t.Parallel()
	q := &sentOut{}
	w := newWorld(t, func(o *Options) { o.Outbound = q })
	w.filter("anna", `require "copy"; redirect :copy "ben@school.test"; redirect :copy "anna@else.example";`)
	w.filter("ben", `require ["fileinto", "mailbox"]; if exists "X-Sieve-Redirected-From" { fileinto :create "Sent on"; }`)
	p := greeted(w, doorMX, "EHLO")
	p.message("lena@example.org", []string{"anna@school.test"}, note("a"), "250")
	if a, b := len(w.inbox("anna")), w.box("ben", "Sent on"); a != 1 || len(b) != 1 || !strings.Contains(b[0], "Delivered-To: anna@school.test\r\n") {
		t.Errorf("anna has %d, ben's filter got %q", a, b)
	}
	if len(q.list) != 1 || q.list[0].Recipients[0].Address != "anna@else.example" || q.list[0].Envelope.Sender != "anna@school.test" || q.list[0].Signed != "" || q.list[0].Sealed != "school.test" {
		t.Fatalf("the queue got %+v, want one message for anna@else.example from anna", q.list)
	}
	p.message("", []string{"anna@school.test"}, note("b"), "250")
	if q.list[1].Envelope.Sender != "" {
		t.Errorf("a bounce was sent on from %q, want <>", q.list[1].Envelope.Sender)
	}
	p.do("MAIL FROM:<lena@example.org> BODY=8BITMIME", "250")
	p.do("RCPT TO:<anna@school.test>", "250")
	p.do("DATA", "354")
	p.send(note("c") + "Gr\u00fc\u00dfe\r\n.\r\n")
	p.want("250")
	if len(q.list) != 3 || q.list[0].Envelope.Options.Body != "" || q.list[2].Envelope.Options.Body != smtp.Body8BitMIME {
		t.Errorf("what was declared of a message is not declared of what is sent on: %+v", q.list)
	}
}

// TestRedirectLoops: people who send on to each other, to themselves, or whose other address comes back: every message ends. RELIABILITY goal 24.
func TestRedirectLoops(t *testing.T) {
	t.Parallel()
	q := &sentOut{}
	w := newWorld(t, func(o *Options) { o.Outbound = q })
	w.filter("anna", `redirect "ben@school.test";`)
	w.filter("ben", `redirect "anna@school.test";`)
	w.filter("tina", `redirect "tina@school.test";`)
	w.filter("jürgen", `redirect "j@else.example";`)
	p := greeted(w, doorMX, "EHLO")
	p.message("lena@example.org", []string{"anna@school.test", "tina@school.test"}, note("a"), "250")
	if a, b, c := len(w.inbox("anna")), len(w.inbox("ben")), len(w.inbox("tina")); a != 1 || b != 0 || c != 1 {
		t.Errorf("anna has %d, ben %d, tina %d, want 1, 0, 1", a, b, c)
	}
	p.do("MAIL FROM:<lena@example.org> SMTPUTF8", "250")
	p.do("RCPT TO:<jürgen@school.test>", "250")
	p.do("DATA", "354")
	p.send("X-Sieve-Redirected-From: jürgen@school.test\r\n" + note("b") + ".\r\n")
	p.want("250")
	if got := len(w.inbox("jürgen")); got != 1 || len(q.list) != 0 {
		t.Errorf("jürgen has %d, the queue %d: what comes back stays", got, len(q.list))
	}
}

func TestRedirectBudget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.filter("anna", `redirect "ben@school.test";`)
	p := greeted(w, doorMX, "EHLO")
	for i := range 12 {
		p.message("lena@example.org", []string{"anna@school.test"}, note(fmt.Sprint("n", i)), "250")
	}
	if a, b := len(w.inbox("anna")), len(w.inbox("ben")); a != 3 || b != 10 {
		t.Errorf("anna has %d, ben %d, want 2 and a notice, and 10", a, b)
	}
}

// TestVacation answers a person once, and no machine. RFC 5230, RFC 3834.
func TestVacation(t *testing.T) {
	t.Parallel()
	q := &sentOut{}
	w := newWorld(t, func(o *Options) { o.Outbound = q })
	w.filter("anna", `require ["vacation", "fcc"]; vacation :subject "Verreist bis März" :fcc "Sent" "Ich bin verreist.";`)
	p := greeted(w, doorMX, "EHLO")
	p.message("tina@school.test", []string{"anna@school.test"}, note("a"), "250")
	p.message("tina@school.test", []string{"anna@school.test"}, note("b"), "250")
	p.message("lena@example.org", []string{"info@school.test"}, strings.Replace(note("c"), "To: anna", "To: info", 1), "250")
	tina := w.inbox("tina")
	if len(tina) != 1 {
		t.Fatalf("tina has %d answers, want 1", len(tina))
	}
	for _, part := range []string{"From: \"Anna Test\" <anna@school.test>\r\n", "To: <tina@school.test>\r\n", "Subject: =?utf-8?q?Verreist_bis_M=C3=A4rz?=\r\n", "In-Reply-To: <a@x.test>\r\n",
		"Auto-Submitted: auto-replied (vacation)\r\n", "Ich bin verreist."} {
		if !strings.Contains(tina[0], part) {
			t.Errorf("answer lacks %q:\n%s", part, tina[0])
		}
	}
	if len(q.list) != 1 || q.list[0].Recipients[0].Address != "lena@example.org" || q.list[0].Envelope.Sender != "" || q.list[0].Signed != "school.test" {
		t.Errorf("the queue got %+v, want one answer from <> to lena", q.list)
	}
	if got := len(w.box("anna", "Sent")); got != 2 {
		t.Errorf("anna has %d copies of her answers, want 2", got)
	}
	silent := map[string]string{
		"a list":            "List-Id: <x.example>\r\n" + note("d"),
		"a program":         "Auto-Submitted: auto-generated\r\n" + note("e"),
		"bulk mail":         "Precedence: bulk\r\n" + note("f"),
		"not for anna":      strings.Replace(note("g"), "To: anna", "To: others", 1),
		"asked for silence": "X-Auto-Response-Suppress: OOF\r\n" + note("h"),
	}
	for name, text := range silent {
		if p.message("new@example.org", []string{"anna@school.test"}, text, "250"); len(q.list) != 1 {
			t.Errorf("%s was answered", name)
		}
	}
	for _, from := range []string{"", "owner-list@example.org", "list-request@example.org", "MAILER-DAEMON@example.org", "no-reply@example.org", "anna@school.test"} {
		if p.message(from, []string{"anna@school.test"}, note("i"), "250"); len(q.list) != 1 {
			t.Errorf("<%s> was answered", from)
		}
	}
}

// TestVacationStorm: two people away answer each other's messages once and never each other's answers. RELIABILITY goal 24.
func TestVacationStorm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	away := `require ["vacation", "vacation-seconds"]; vacation :seconds 0 "away";`
	w.filter("anna", away)
	w.filter("tina", away)
	p := greeted(w, doorMX, "EHLO")
	for i := range 5 {
		p.message("tina@school.test", []string{"anna@school.test"}, note(fmt.Sprint("n", i)), "250")
	}
	if a, b := len(w.inbox("anna")), len(w.inbox("tina")); a != 5 || b != 5 {
		t.Errorf("anna has %d, tina %d, want 5 messages and 5 answers to them", a, b)
	}
}

// TestFilterSeesARepeatedMessageOnce: the peer that did not hear our 250 is answered without asking the filter again.
func TestFilterSeesARepeatedMessageOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.filter("anna", `require "duplicate"; if duplicate { discard; }`)
	p := greeted(w, doorMX, "EHLO")
	for range 3 {
		p.message("lena@example.org", []string{"anna@school.test"}, note("same"), "250")
	}
	if got := len(w.inbox("anna")); got != 1 {
		t.Errorf("anna has %d messages, want 1", got)
	}
}
