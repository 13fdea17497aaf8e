package smtpd

import (
	"errors"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/mailbox/message"
)

// backs leads "back=LOCAL=DOMAIN@…" to LOCAL@DOMAIN, and nowhere when LOCAL is forged.
type backs struct{}

func (backs) Reverse(address string) (string, bool, error) {
	local, _, _ := message.CutAddress(address)
	rest, is := strings.CutPrefix(local, "back=")
	if !is {
		return "", false, nil
	}
	name, domain, _ := strings.Cut(rest, "=")
	if name == "forged" {
		return "", true, errors.New("not ours")
	}
	return name + "@" + domain, true, nil
}

// An address that leads back takes returned mail from other servers, one at a time, and nothing else.
func TestReturned(t *testing.T) {
	t.Parallel()
	q := &sentOut{}
	w := newWorld(t, func(o *Options) { o.Outbound, o.Returns = q, backs{} })
	const back = "back=lena=example.org@school.test"
	tests := []struct {
		name, sender string
		to           []string
		want         []string
	}{
		{"returned mail", "", []string{back}, []string{"250"}},
		{"of a sender who is ours by now", "", []string{"back=anna=school.test@school.test"}, []string{"250"}},
		{"who does not exist", "", []string{"back=nobody=school.test@school.test"}, []string{"550 5.1.1"}},
		{"made up", "", []string{"back=forged=example.org@school.test"}, []string{"550 5.1.1 This address leads back to nobody"}},
		{"what somebody writes", "mallory@example.net", []string{back}, []string{"550 5.7.1 This address only takes returned mail"}},
		{"at a domain that is not ours", "", []string{"back=lena=example.org@example.com"}, []string{"550 5.7.1 Relaying denied"}},
		{"with others", "", []string{back, "anna@school.test"}, []string{"250", "452"}},
		{"after others", "", []string{"anna@school.test", back}, []string{"250", "452"}},
		{"two", "", []string{back, "back=otto=example.org@school.test"}, []string{"250", "452"}},
	}
	for _, tt := range tests {
		p := greeted(w, doorMX, "EHLO")
		p.do("MAIL FROM:<"+tt.sender+">", "250")
		for i, to := range tt.to {
			p.do("RCPT TO:<"+to+">", tt.want[i])
		}
	}
	greeted(w, doorMX, "EHLO").message("", []string{back}, note("x"), "250")
	if len(q.list) != 1 || q.list[0].Recipients[0].Address != "lena@example.org" || q.list[0].Envelope.Sender != "" || q.list[0].Account != 0 {
		t.Errorf("the queue got %+v", q.list)
	}
	greeted(w, doorMX, "EHLO").message("", []string{"back=anna=school.test@school.test"}, note("y"), "250")
	if got := len(w.inbox("anna")); got != 1 || len(q.list) != 1 {
		t.Errorf("anna got %d, the queue %d", got, len(q.list))
	}
	// People and programs on this machine have no business there.
	p := loggedIn(w, doorSubmission, "tina")
	p.do("MAIL FROM:<>", "250")
	p.do("RCPT TO:<"+back+">", "550 5.1.1 No such")
	l := greeted(w, doorLMTP, "LHLO")
	l.do("MAIL FROM:<>", "250")
	l.do("RCPT TO:<"+back+">", "550 5.1.1 No such")
}

// What a filter sends elsewhere counts towards its owner's limits; what does not fit any more is kept.
func TestFilterCountsTowardsLimits(t *testing.T) {
	t.Parallel()
	q := &sentOut{}
	w := newWorld(t, func(o *Options) { o.Outbound = q })
	w.rule("anna", "external", directory.RuleChange{PerHour: new(int64(2))})
	w.filter("anna", `require "copy"; redirect :copy "a@else.example"; redirect "b@else.example";`)
	p := greeted(w, doorMX, "EHLO")
	p.message("lena@example.org", []string{"anna@school.test"}, note("a"), "250")
	p.message("lena@example.org", []string{"anna@school.test"}, note("b"), "250")
	if len(q.list) != 2 {
		t.Errorf("%d messages left, want 2", len(q.list))
	}
	inbox := w.inbox("anna")
	if len(inbox) != 2 || !strings.Contains(strings.Join(inbox, ""), `"anna@school.test to external"`) {
		t.Errorf("anna has %d messages, want the second message and a notice that names the rule", len(inbox))
	}
	s := loggedIn(w, doorSubmission, "anna")
	s.do("MAIL FROM:<anna@school.test>", "250")
	s.do("RCPT TO:<c@else.example>", "250")
	s.do("DATA", "354")
	s.send("From: anna@school.test\r\n\r\nx\r\n.\r\n")
	s.want("452 4.7.1")
}
