package smtpd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"github.com/emersion/go-smtp"
)

const letter = "From: Lena <lena@example.org>\r\nSubject: Geheimer Betreff\r\n\r\nText\r\n"

func TestOneBodyForAll(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorldOn(t, s)
		p := greeted(w, doorMX, "EHLO")
		p.message("lena@example.org", []string{"anna@school.test", "7b@school.test", "info@school.test", "anna+math@school.test"}, letter, "250 2.0.0 OK id=")
		p.do("QUIT", "221")
		anna, ben := w.inbox("anna"), w.inbox("ben")
		if len(anna) != 1 || len(ben) != 1 || len(w.inbox("tina")) != 1 {
			t.Fatalf("anna has %d, ben %d, tina %d, want one each", len(anna), len(ben), len(w.inbox("tina")))
		}
		if anna[0] != ben[0] {
			t.Errorf("bodies differ:\n%s\n%s", anna[0], ben[0])
		}
		head, rest, _ := strings.Cut(anna[0], "From: Lena")
		if "From: Lena"+rest != letter {
			t.Errorf("the message changed: %q", anna[0])
		}
		for _, part := range []string{"Return-Path: <lena@example.org>\r\n", "Received: from mail.school.test ([127.0.0.1])\r\n\tby mail.school.test with ESMTP\r\n\tid "} {
			if !strings.Contains(head, part) {
				t.Errorf("trace %q lacks %q", head, part)
			}
		}
		if strings.Contains(head, " for ") || strings.Contains(head, "Delivered-To") {
			t.Errorf("trace %q tells who else got it", head)
		}
		if strings.Contains(w.log.String(), "Geheim") || !strings.Contains(w.log.String(), "message accepted") {
			t.Errorf("log: %s", w.log)
		}
	})
}

func TestDeliveredToOnlyWhereItTellsNothingNew(t *testing.T) {
	tests := []struct {
		name string
		to   []string
		want string // "" for none
	}{
		{"one group", []string{"7b@school.test"}, "7b@school.test"},
		{"one alias", []string{"info@school.test"}, "info@school.test"},
		{"an account", []string{"anna@school.test"}, ""},
		{"a group and a person outside it", []string{"7b@school.test", "jurgen@school.test"}, ""},
		{"two groups", []string{"7b@school.test", "beide@school.test", "jurgen@school.test"}, ""},
	}
	w := newWorld(t)
	if err := w.dir.AddAlias(context.Background(), directory.Alias{Address: "jurgen@school.test", Targets: []string{"jürgen@school.test"}}); err != nil {
		t.Fatal(err)
	}
	p := greeted(w, doorMX, "EHLO")
	for _, tt := range tests {
		p.message("lena@example.org", tt.to, letter, "250")
		bodies := w.inbox("anna")
		head, _, _ := strings.Cut(bodies[len(bodies)-1], "\r\n\r\n")
		_, got, _ := strings.Cut(head, "\r\nDelivered-To: ")
		got, _, _ = strings.Cut(got, "\r\n")
		if got != tt.want {
			t.Errorf("%s: Delivered-To %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPlusAddressing(t *testing.T) {
	w := newWorld(t)
	if _, err := w.mail.Create(context.Background(), w.id["anna"], "Math", ""); err != nil {
		t.Fatal(err)
	}
	p := greeted(w, doorMX, "EHLO")
	p.message("a@example.org", []string{"anna+math@school.test"}, letter, "250")
	p.message("a@example.org", []string{"anna+nothing@school.test"}, letter, "250")
	if got := len(w.box("anna", "Math")); got != 1 {
		t.Errorf("Math has %d messages, want 1", got)
	}
	if got := len(w.inbox("anna")); got != 1 {
		t.Errorf("INBOX has %d messages, want 1", got)
	}
}

func TestWhatOneRecipientCannotTakeNowIsTriedAgainForThatOneOnly(t *testing.T) {
	w := newWorld(t)
	p := greeted(w, doorMX, "EHLO")
	for range 3 {
		p.message("lena@example.org", []string{"alle@school.test", "ben@school.test"}, letter, "452 4.2.2")
	}
	if a, b := len(w.inbox("anna")), len(w.inbox("ben")); a != 1 || b != 1 {
		t.Fatalf("anna has %d, ben %d, want 1 each however often the peer tries", a, b)
	}
	none := int64(0)
	if err := w.dir.ChangeAccount(context.Background(), w.id["voll"], directory.AccountChange{QuotaBytes: &none}); err != nil {
		t.Fatal(err)
	}
	p.message("lena@example.org", []string{"alle@school.test", "ben@school.test"}, letter, "250")
	if a, v := len(w.inbox("anna")), len(w.inbox("voll")); a != 1 || v != 1 {
		t.Errorf("anna has %d, voll %d, want 1 each", a, v)
	}
	p.message("lena@example.org", []string{"anna@school.test"}, letter, "250")
	if a := len(w.inbox("anna")); a != 2 {
		t.Errorf("anna has %d: the same message sent again later is a second one", a)
	}
}

func TestSubmissionTellsWhoDidNotGetIt(t *testing.T) {
	w := newWorld(t)
	p := loggedIn(w, doorSubmission, "tina")
	p.message("tina@school.test", []string{"alle@school.test"}, "From: tina@school.test\r\nSubject: x\r\n\r\nText\r\n", "250")
	if len(w.inbox("anna")) != 1 {
		t.Error("anna did not get it")
	}
	notices := w.inbox("tina")
	if len(notices) != 1 {
		t.Fatalf("tina has %d notices, want 1", len(notices))
	}
	for _, part := range []string{"Return-Path: <>\r\n", "report-type=delivery-status", "Auto-Submitted: auto-replied", "Final-Recipient: rfc822; alle@school.test",
		"Action: failed\r\nStatus: 5.2.2\r\n", "Diagnostic-Code: smtp; 452 4.2.2", "Subject: x\r\n"} {
		if !strings.Contains(notices[0], part) {
			t.Errorf("notice lacks %q:\n%s", part, notices[0])
		}
	}
}

func TestNoticesAsAsked(t *testing.T) {
	w := newWorld(t)
	p := loggedIn(w, doorSubmissions, "tina")
	send := func(mail, rcpt string) {
		t.Helper()
		p.do("MAIL FROM:<tina@school.test>"+mail, "250")
		p.do("RCPT TO:"+rcpt, "250")
		p.do("DATA", "354")
		p.send("From: tina@school.test\r\nSubject: x\r\n\r\nText\r\n.\r\n")
		p.want("250")
	}
	send("", "<anna@school.test>")
	send("", "<anna@school.test> NOTIFY=FAILURE")
	send("", "<alle@school.test> NOTIFY=NEVER")
	if n := len(w.inbox("tina")); n != 0 {
		t.Fatalf("tina has %d notices, want none", n)
	}
	send(" ENVID=QQ314 RET=FULL", "<anna@school.test> NOTIFY=SUCCESS ORCPT=rfc822;a+2Bb@x")
	send(" RET=FULL", "<alle@school.test> NOTIFY=FAILURE")
	notices := w.inbox("tina")
	if len(notices) != 2 {
		t.Fatalf("tina has %d notices, want 2", len(notices))
	}
	for i, parts := range [][]string{
		{"Original-Envelope-Id: QQ314\r\n", "Original-Recipient: rfc822; a+b@x\r\n", "Action: delivered\r\nStatus: 2.1.5\r\n", "text/rfc822-headers"},
		{"Action: failed", "Content-Type: message/rfc822\r\n", "\r\n\r\nText\r\n"},
	} {
		for _, part := range parts {
			if !strings.Contains(notices[i], part) {
				t.Errorf("notice %d lacks %q:\n%s", i, part, notices[i])
			}
		}
	}
}

func TestTheSameMessageTwiceIsTwoMessages(t *testing.T) {
	w := newWorld(t)
	address := w.listen(doorMX)
	for range 2 {
		p := dialTo(t, address, false)
		p.do("EHLO x.example", "250")
		p.message("lena@example.org", []string{"anna@school.test"}, letter, "250 2.0.0 OK")
		p.nc.Close() // without QUIT: rude, and no sign of a lost reply
	}
	if n := len(w.inbox("anna")); n != 2 {
		t.Errorf("anna has %d messages, want 2: the first 250 had arrived", n)
	}
}

// waitFor waits until something that another goroutine does has happened.
func waitFor(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// outbound is a queue that keeps what it gets.
type outbound struct {
	got []Outgoing
	err error
}

func (o *outbound) Enqueue(_ *store.Tx, m Outgoing) error {
	if o.err == nil {
		o.got = append(o.got, m)
	}
	return o.err
}

func TestForeignRecipientsGoToTheQueueInTheSameCommit(t *testing.T) {
	q := &outbound{}
	w := newWorld(t, func(o *Options) { o.Outbound = q })
	p := loggedIn(w, doorSubmission, "anna")
	p.do("MAIL FROM:<anna@school.test> RET=HDRS ENVID=x", "250")
	p.do("RCPT TO:<ben@school.test>", "250")
	p.do("RCPT TO:<lena@example.org> NOTIFY=DELAY", "250")
	p.do("DATA", "354")
	p.send("From: anna@school.test\r\n\r\nx\r\n.\r\n")
	p.want("250")
	if len(q.got) != 1 || len(w.inbox("ben")) != 1 {
		t.Fatalf("queue has %d, ben %d, want 1 each", len(q.got), len(w.inbox("ben")))
	}
	m := q.got[0]
	if m.Account != w.id["anna"] || m.Envelope.Sender != "anna@school.test" || m.Envelope.Options.EnvelopeID != "x" || len(m.Recipients) != 1 ||
		m.Recipients[0].Address != "lena@example.org" || m.Recipients[0].Options.Notify[0] != smtp.DSNNotifyDelayed || m.TraceID == "" {
		t.Errorf("queue got %+v", m)
	}
	p.message("anna@school.test", []string{"lena@example.org"}, "From: anna@school.test\r\n\r\nx\r\n", "250")
	q.err = fault.Wrap(fault.Unavailable, errors.New("disk"), "no")
	p.message("anna@school.test", []string{"lena@example.org", "ben@school.test"}, "From: anna@school.test\r\n\r\ny\r\n", "452 4.3.1")
	if n := len(w.inbox("ben")); n != 1 {
		t.Errorf("ben has %d: without the queue's rows nothing may be delivered", n)
	}
	mx := greeted(w, doorMX, "EHLO")
	mx.do("MAIL FROM:<anna@school.test>", "250")
	mx.do("RCPT TO:<lena@example.org>", "550 5.7.1 Relaying denied")
}

func TestFullDiskIsTemporary(t *testing.T) {
	broken := false
	s := storetest.OpenWith(t, store.Options{Faults: func(op, path string) error {
		if broken && op == "write" {
			return errors.New("no space left on device")
		}
		return nil
	}})
	w := newWorldOn(t, s)
	p := greeted(w, doorMX, "EHLO")
	p.do("MAIL FROM:<a@example.org>", "250")
	p.do("RCPT TO:<anna@school.test>", "250")
	p.do("DATA", "354")
	broken = true
	p.send(letter + ".\r\n")
	if got := p.reply(); got[0] != '4' {
		t.Errorf("reply %q, want a temporary one", got)
	}
	broken = false
	if n := len(w.inbox("anna")); n != 0 {
		t.Errorf("anna has %d messages, want none", n)
	}
}

func TestGoSMTPClient(t *testing.T) {
	w := newWorld(t)
	for _, address := range []string{w.listen(doorMX)} {
		c, err := smtp.Dial(address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for i := range 3 {
			if err := c.SendMail("lena@example.org", []string{"anna@school.test", "7b@school.test"}, strings.NewReader(fmt.Sprintf("Subject: %d\r\n\r\n.dot\r\n..\r\n", i))); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Quit(); err != nil {
			t.Error(err)
		}
	}
	if got := w.inbox("ben"); len(got) != 3 || !strings.HasSuffix(got[2], "Subject: 2\r\n\r\n.dot\r\n..\r\n") {
		t.Errorf("ben has %q", got)
	}
}
