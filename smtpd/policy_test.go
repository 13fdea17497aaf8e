package smtpd

import (
	"context"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/storetest"
)

// rule sets a rule of the contact policy.
func (w *world) rule(from, to string, c directory.RuleChange) {
	w.t.Helper()
	f, err := w.dir.Party(from)
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := w.dir.Party(to)
	if err == nil {
		_, err = w.dir.SetRule(context.Background(), f, p, c)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) refuse(from, to string) {
	w.t.Helper()
	w.rule(from, to, directory.RuleChange{Decision: new(directory.Refuse)})
}

// asks sends MAIL and RCPT and checks how the latter is answered.
func (p *peerConn) asks(from, to, prefix string) string {
	p.t.Helper()
	p.do("RSET", "250")
	p.do("MAIL FROM:<"+from+">", "250")
	return p.do("RCPT TO:<"+to+">", prefix)
}

// The contact policy is asked at every door, and the refusal is one line that names the rule.
func TestContactPolicyAtTheDoors(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		out := &outbound{}
		w := newWorldOn(t, s, func(o *Options) { o.Outbound = out })
		w.refuse("anna", "ben")
		w.refuse("anna", "external")
		w.refuse("external", "tina")
		w.rule("external", "ben", directory.RuleChange{Quiet: always(t)})
		w.rule("tina", "ben", directory.RuleChange{Quiet: always(t)})

		p := loggedIn(w, doorSubmission, "anna")
		got := p.asks("anna@school.test", "ben@school.test", "550 5.7.1")
		if !strings.Contains(got, `"anna@school.test to ben@school.test"`) || !strings.Contains(got, "Kontaktregel") {
			t.Errorf("the refusal does not name the rule in both languages: %q", got)
		}
		for _, to := range []string{"BEN+x@school.test", "beide@school.test", "7b@school.test", "lena@example.org"} {
			p.asks("anna@school.test", to, "550 5.7.1")
		}
		p.asks("anna@school.test", "tina@school.test", "250")
		p.asks("", "ben@school.test", "550 5.7.1") // a read receipt is hers too

		loggedIn(w, doorSubmission, "tina").asks("tina@school.test", "ben@school.test", "550 5.7.1 quiet hours") // a person is told at once
		mx := greeted(w, doorMX, "EHLO")
		mx.asks("lena@example.org", "tina@school.test", "550 5.7.1")
		mx.asks("lena@example.org", "7b@school.test", "550 5.7.1")
		mx.asks("lena@example.org", "ben@school.test", "450 4.7.1 quiet hours") // another server comes again
		mx.asks("lena@example.org", "anna@school.test", "250")
		mx.asks("anna@school.test", "ben@school.test", "550 5.7.1") // a program on this machine is believed
		lmtp := greeted(w, doorLMTP, "LHLO")
		lmtp.asks("anna@school.test", "ben@school.test", "550 5.7.1")
		lmtp.asks("info@school.test", "ben@school.test", "450 4.7.1") // an alias is nobody for certain
	})
}

// always is quiet hours at all times.
func always(t *testing.T) *directory.Quiet {
	t.Helper()
	q, err := directory.ParseQuiet("daily 00:00-24:00")
	if err != nil {
		t.Fatal(err)
	}
	return &q
}

// A message that would pass the sender's limit is not taken, none of its copies either; what is taken is counted.
func TestSendingLimitAtTheDoor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		out := &outbound{}
		w := newWorldOn(t, s, func(o *Options) { o.Outbound = out })
		limit := int64(3)
		w.rule("anna", "anyone", directory.RuleChange{PerHour: &limit})
		p := loggedIn(w, doorSubmission, "anna")
		text := "From: anna@school.test\r\nSubject: x\r\n\r\ntext\r\n"
		p.message("anna@school.test", []string{"ben@school.test", "7b@school.test"}, text, "250") // a group is one
		got := p.message("anna@school.test", []string{"ben@school.test", "lena@example.org"}, text+"2\r\n", "452 4.7.1")
		if want := `452 4.7.1 the rule "anna@school.test to anyone" allows 3 recipients an hour`; !strings.HasPrefix(got, want) {
			t.Errorf("reply %q, want %q", got, want)
		}
		if n := len(w.inbox("ben")); n != 1 {
			t.Errorf("ben has %d messages, want 1", n)
		}
		if len(out.got) != 0 {
			t.Errorf("the queue got %d messages, want none", len(out.got))
		}
		p.message("anna@school.test", []string{"lena@example.org"}, text+"3\r\n", "250")
		p.message("anna@school.test", []string{"ben@school.test"}, text+"4\r\n", "452 4.7.1")
		loggedIn(w, doorSubmission, "ben").message("ben@school.test", []string{"anna@school.test"}, strings.ReplaceAll(text, "anna", "ben"), "250")
	})
}

// A class of 1,500 costs the policy little: it is asked about each of them at every RCPT.
func BenchmarkContactPolicyOfAll(b *testing.B) {
	w := newWorld(b)
	var list []directory.Recipient
	for i := range 1500 {
		list = append(list, directory.Recipient{Account: directory.ID(i)})
	}
	for i := range 20 {
		w.rule([]string{"anna", "ben"}[i%2], []string{"parent", "staff", "admin", "external"}[i%4], directory.RuleChange{Decision: new(directory.Refuse)})
	}
	s := &session{srv: w.srv, door: doorMX, mail: &transaction{}}
	began := time.Now()
	for b.Loop() {
		if r := s.mayWriteTo(b.Context(), list, false); !r.ok() {
			b.Fatal(r)
		}
	}
	b.ReportMetric(float64(time.Since(began).Microseconds())/float64(b.N), "µs/question")
}
