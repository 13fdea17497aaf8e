package smtpd

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
)

// deliveries is how many messages each person has, "anna 1 ben 2", those without left out.
func (w *world) deliveries() string {
	w.t.Helper()
	var b strings.Builder
	for _, name := range []string{"anna", "ben", "tina", "jürgen", "voll"} {
		if n := len(w.inbox(name)); n > 0 {
			fmt.Fprintf(&b, "%s %d ", name, n)
		}
	}
	return strings.TrimSpace(b.String())
}

// moreAddresses adds a group whose mail does not go back to its sender, and aliases of every kind.
func (w *world) moreAddresses() {
	w.t.Helper()
	ctx := context.Background()
	g, err := w.dir.AddGroup(ctx, directory.Group{Name: "kurs", Kind: "course"})
	if err == nil {
		err = w.dir.AddMembers(ctx, g.ID, []directory.ID{w.id["anna"], w.id["jürgen"], w.id["weg"]}, false)
	}
	for _, a := range []directory.Alias{
		{Address: "klasse@school.test", Targets: []string{"7b@school.test", "kurs@school.test"}},
		{Address: "buero@school.test", Targets: []string{"info@school.test"}},
		{Address: "mathe@school.test", Targets: []string{"anna+math@school.test"}},
		{Address: "tot@school.test", Targets: []string{"weg@school.test"}},
	} {
		if err == nil {
			err = w.dir.AddAlias(ctx, a)
		}
	}
	if err == nil {
		_, err = w.dir.AddResource(ctx, directory.Resource{Name: "aula", Kind: directory.Place})
	}
	if err == nil {
		_, err = w.mail.Create(ctx, w.id["anna"], "math", "")
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// Groups, aliases and plus addresses lead to each person once; who gets nothing is refused at RCPT.
func TestWhoGetsAMessage(t *testing.T) {
	tests := []struct {
		name, sender string
		to           []string
		refused      string // of the last RCPT
		want         string
		math         int // messages in anna's mailbox math
	}{
		{"an account", "lena@example.org", []string{"anna@school.test"}, "", "anna 1", 0},
		{"a group", "lena@example.org", []string{"7b@school.test"}, "", "anna 1 ben 1 tina 1", 0},
		{"a group, sent by a member", "anna@school.test", []string{"7b@school.test"}, "", "anna 1 ben 1 tina 1", 0},
		{"a group that leaves the sender out", "anna@school.test", []string{"kurs@school.test"}, "", "jürgen 1", 0},
		{"a group that leaves the sender out, sent by another", "ben@school.test", []string{"kurs@school.test"}, "", "anna 1 jürgen 1", 0},
		{"two groups with a common member", "ben@school.test", []string{"7b@school.test", "kurs@school.test"}, "", "anna 1 ben 1 tina 1 jürgen 1", 0},
		{"an alias of two groups", "lena@example.org", []string{"klasse@school.test"}, "", "anna 1 ben 1 tina 1 jürgen 1", 0},
		{"an alias of an alias", "lena@example.org", []string{"buero@school.test"}, "", "anna 1", 0},
		{"the same person three times", "lena@example.org", []string{"anna@school.test", "info@school.test", "ANNA@school.test"}, "", "anna 1", 0},
		{"a plus address with a mailbox", "lena@example.org", []string{"anna+math@school.test"}, "", "", 1},
		{"in another case", "lena@example.org", []string{"Anna+MATH@school.test"}, "", "", 1},
		{"a plus address without", "lena@example.org", []string{"anna+latein@school.test"}, "", "anna 1", 0},
		{"an empty plus", "lena@example.org", []string{"anna+@school.test"}, "", "anna 1", 0},
		{"an alias of a plus address", "lena@example.org", []string{"mathe@school.test"}, "", "", 1},
		{"a group, then directly with a plus", "lena@example.org", []string{"7b@school.test", "anna+math@school.test"}, "", "ben 1 tina 1", 1},
		{"a disabled account", "lena@example.org", []string{"weg@school.test"}, "550 5.7.1", "", 0},
		{"an alias that leads to a disabled account only", "lena@example.org", []string{"tot@school.test"}, "550 5.7.1", "", 0},
		{"a group without members", "lena@example.org", []string{"leer@school.test"}, "550 5.", "", 0},
		{"a place", "lena@example.org", []string{"aula@school.test"}, "550 5.7.1", "", 0},
		{"nobody", "lena@example.org", []string{"nobody@school.test"}, "550 5.1.1", "", 0},
		{"nobody with a plus", "lena@example.org", []string{"nobody+math@school.test"}, "550 5.1.1", "", 0},
		{"a full mailbox", "lena@example.org", []string{"voll@school.test"}, "452 4.2.2", "", 0},
		{"another domain", "lena@example.org", []string{"anna@example.org"}, "550 5.7.1", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.moreAddresses()
			p := greeted(w, doorMX, "EHLO")
			p.do("MAIL FROM:<"+tt.sender+"> SIZE=200", "250")
			for i, to := range tt.to {
				want := "250 2.1.5"
				if tt.refused != "" && i == len(tt.to)-1 {
					want = tt.refused
				}
				p.do("RCPT TO:<"+to+">", want)
			}
			if tt.refused == "" {
				p.do("DATA", "354")
				p.send(letter + ".\r\n")
				p.want("250")
			}
			if got := w.deliveries(); got != tt.want {
				t.Errorf("delivered to %q, want %q", got, tt.want)
			}
			if got := len(w.box("anna", "math")); got != tt.math {
				t.Errorf("math has %d messages, want %d", got, tt.math)
			}
		})
	}
}

// LMTP has a reply for each accepted RCPT, in their order, however many mailboxes they share. RFC 2033 §4.2.
func TestLMTPRepliesForEachRecipient(t *testing.T) {
	tests := []struct {
		name string
		to   []string
		body string
		want []string
	}{
		{"one", []string{"anna"}, letter, []string{"250 2.1.5 <anna@school.test>"}},
		{"the same twice", []string{"anna", "anna"}, letter, []string{"250 2.1.5 <anna@school.test>", "250 2.1.5 <anna@school.test>"}},
		{"one full between two", []string{"anna", "voll", "ben"}, letter, []string{"250 2.1.5 <anna@", "452 4.2.2 <voll@", "250 2.1.5 <ben@"}},
		{"only a full one", []string{"voll"}, letter, []string{"452 4.2.2 <voll@school.test>"}},
		{"an alias that leads to a full one, too", []string{"alle"}, letter, []string{"452 4.2.2 <alle@"}},
		{"a group and a member", []string{"7b", "anna"}, letter, []string{"250 2.1.5 <7b@", "250 2.1.5 <anna@"}},
		{"too large for everyone", []string{"anna", "voll"}, "A: b\r\n\r\n" + strings.Repeat(strings.Repeat("x", 62)+"\r\n", 1<<14+1), []string{"552 5.3.4 <anna@", "552 5.3.4 <voll@"}},
		{"nothing at all", []string{"anna", "ben"}, "", []string{"250 2.1.5 <anna@", "250 2.1.5 <ben@"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *Options) { o.MaxSize = 1 << 20 })
			p := greeted(w, doorLMTP, "LHLO")
			p.do("MAIL FROM:<lena@example.org>", "250")
			for _, to := range tt.to {
				p.do("RCPT TO:<"+to+"@school.test>", "250")
			}
			p.do("RCPT TO:<nobody@school.test>", "550 5.1.1") // refused at once, so without a reply later
			p.do("DATA", "354")
			p.send(tt.body + ".\r\n")
			for _, want := range tt.want {
				p.want(want)
			}
			if tt.want[0][0] != '5' {
				p.do("NOOP", "250 2.0.0 OK")
			}
		})
	}
}

// Whoever tries out addresses learns little: VRFY and EXPN say the same of all, 100 unknown ones an hour are all a network gets,
// by however many connections, and then known ones are put off as well.
func TestAddressesAreNotFoundOutByTrying(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	w := newWorld(t, func(o *Options) { o.Now = func() time.Time { return now } })
	w.srv.peers.untrusted = true
	p := greeted(w, doorMX, "EHLO")
	answers := map[string]bool{}
	for _, name := range []string{"anna", "nobody", "<anna@school.test>", "7b", "root", ""} {
		p.send("VRFY " + name + "\r\n")
		answers[p.reply()] = true
		p.do("EXPN "+name, "502 5.5.1")
	}
	if len(answers) != 1 {
		t.Errorf("VRFY tells addresses apart: %v", answers)
	}
	unknown := 0
	for unknown < maxUnknownPerHour {
		p := greeted(w, doorMX, "EHLO")
		p.do("MAIL FROM:<>", "250")
		for range min(maxRejectedRcpts, maxUnknownPerHour-unknown) {
			unknown++
			p.do(fmt.Sprintf("RCPT TO:<try%d@school.test>", unknown), "550 5.1.1")
		}
		p.nc.Close()
	}
	p = greeted(w, doorMX, "EHLO")
	p.do("MAIL FROM:<>", "250")
	p.do("RCPT TO:<another@school.test>", "450 4.7.1")
	p.do("RCPT TO:<anna@school.test>", "450 4.7.1") // or the difference would tell
	other := netip.MustParseAddr("192.0.2.7")
	if w.srv.peers.guessing(other) {
		t.Error("another network pays for it")
	}
	now = now.Add(unknownWindow + time.Second)
	p.do("RCPT TO:<anna@school.test>", "250")
}

// What people send is completed and cleaned before others see it: RFC 6409 §8.
func TestWhatASubmissionBecomes(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Now = func() time.Time { return time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC) } })
	for _, d := range []*door{doorSubmission, doorSubmissions} {
		p := loggedIn(w, d, "anna")
		p.do("EHLO [10.20.30.40]", "250")
		p.message("anna+x@school.test", []string{"ben@school.test", "tina@school.test"}, "To: ben@school.test\r\nBcc: tina@school.test,\r\n head@example.org\r\nSubject: Hallo\r\n\r\nBcc: stays in the text\r\n", "250")
	}
	ben, tina := w.inbox("ben"), w.inbox("tina")
	if len(ben) != 2 || len(tina) != 2 || ben[0] != tina[0] {
		t.Fatalf("ben has %d, tina %d, or they differ", len(ben), len(tina))
	}
	for i, text := range ben {
		head, body, _ := strings.Cut(text, "\r\n\r\n")
		for part, times := range map[string]int{
			"Return-Path: <anna+x@school.test>": 1, "From: \"Anna Test\" <anna+x@school.test>": 1, "Date: Mon, 23 Nov 2026 08:00:00 +0000": 1, "Message-ID: <": 1,
			"Subject: Hallo": 1, "Bcc": 0, "head@example.org": 0, "tina": 0, "10.20.30.40": 0, "127.0.0.1": 0, "from submission\r\n": 1,
		} {
			if got := strings.Count(head, part); got != times {
				t.Errorf("%q stands %d times in the header, want %d:\n%s", part, got, times, head)
			}
		}
		if body != "Bcc: stays in the text\r\n" {
			t.Errorf("the text became %q", body)
		}
		if with := []string{"with ESMTPA\r\n", "with ESMTPSA (TLS1.3 "}[i]; !strings.Contains(head, with) {
			t.Errorf("the trace lacks %q: %s", with, head)
		}
	}
}
