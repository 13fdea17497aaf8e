package smtpd

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
)

func TestCleanInbound(t *testing.T) {
	local := func(domain string) bool { return domain == "school.test" }
	hops := func(n int) string { return strings.Repeat("Received: from a by b; now\r\n", n) }
	tests := []struct {
		name, in, want string
		refused        reply
	}{
		{"nothing to do", "From: a@b\r\nSubject: x\r\n y\r\n", "From: a@b\r\nSubject: x\r\n y\r\n", reply{}},
		{"no header", "", "", reply{}},
		{"forged Return-Path", "Return-Path: <x@y>\r\n folded\r\nFrom: a@b\r\nreturn-path : <z>\r\n", "From: a@b\r\n", reply{}},
		{"Delivered-To of ours", "Delivered-To: anna@school.test\r\nFrom: a@b\r\n", "From: a@b\r\n", reply{}},
		{"Delivered-To of others", "Delivered-To: list@example.org\r\nFrom: a@b\r\n", "Delivered-To: list@example.org\r\nFrom: a@b\r\n", reply{}},
		{"our results, forged", "Authentication-Results: (x;) MAIL.school.test 1; spf=pass\r\nFrom: a@b\r\n", "From: a@b\r\n", reply{}},
		{"others' results", "Authentication-Results: mx.example.org; spf=pass\r\n", "Authentication-Results: mx.example.org; spf=pass\r\n", reply{}},
		{"two From", "From: a@b\r\nSubject: x\r\nfrom\t: c@d\r\n", "", badTwoFrom},
		{"two From, the first line is none", ">From x\r\nFrom: a@b\r\nFrom: c@d\r\n", "", badTwoFrom},
		{"From inside a folded field", "Subject: x\r\n From: a@b\r\nFrom: c@d\r\n", "Subject: x\r\n From: a@b\r\nFrom: c@d\r\n", reply{}},
		{"many hops", hops(maxHops), hops(maxHops), reply{}},
		{"too many hops", hops(maxHops + 1), "", badHops},
	}
	for _, tt := range tests {
		got, r := cleanInbound([]byte(tt.in), "mail.school.test", true, local)
		switch {
		case tt.refused.code != 0 && r != tt.refused:
			t.Errorf("%s: %+v, want %+v", tt.name, r, tt.refused)
		case tt.refused.code == 0 && (!r.ok() || string(got) != tt.want):
			t.Errorf("%s: %q, %+v, want %q", tt.name, got, r, tt.want)
		}
	}
}

// What others say about unwanted mail goes, unless they may be the school's filter.
func TestCleanInboundOfSpamFields(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing to do", "From: a@b\r\nX-Spammer: x\r\n", "From: a@b\r\nX-Spammer: x\r\n"},
		{"no header", "", ""},
		{"forged", "X-Spam-Status: No, score=-9\r\n\ttests=none\r\nFrom: a@b\r\nx-spam-flag : NO\r\nX-Spam-Level:\r\nTo: c@d\r\n", "From: a@b\r\nTo: c@d\r\n"},
		{"only forged", "X-SPAM-SCORE: 0\r\n", ""},
		{"within a folded field", "Subject: x\r\n X-Spam-Flag: NO\r\n", "Subject: x\r\n X-Spam-Flag: NO\r\n"},
		{"between forged ones of ours", "Return-Path: <x@y>\r\nX-Spam-Flag: NO\r\nTo: c@d\r\nX-Spam-Bar: /\r\n", "To: c@d\r\n"},
		{"another program's", "X-Spam-Checker-Version: 4\r\nX-Spam-: x\r\n", "X-Spam-Checker-Version: 4\r\nX-Spam-: x\r\n"},
	}
	for _, tt := range tests {
		in := []byte(tt.in)
		got, r := cleanInbound(in, "mail.school.test", true, nil)
		if !r.ok() || string(got) != tt.want || string(in) != tt.in {
			t.Errorf("%s: %q of %q, %+v, want %q", tt.name, got, in, r, tt.want)
		}
		kept, r := cleanInbound(in, "mail.school.test", false, nil)
		if want := strings.Replace(tt.in, "Return-Path: <x@y>\r\n", "", 1); !r.ok() || string(kept) != want {
			t.Errorf("%s, of whom we trust: %q of %q, %+v", tt.name, kept, in, r)
		}
	}
}

func annaAs(sender string) author {
	return author{
		account: directory.Account{Address: "anna@school.test", Name: "Anna Müller"}, sender: sender, hostname: "mail.school.test",
		id: "0123456789abcdef", now: time.Date(2026, 11, 23, 9, 5, 0, 0, time.FixedZone("", 3600)),
		owns: func(address string) (bool, error) {
			return strings.EqualFold(address, "anna+math@school.test") || address == "7b@school.test", nil
		},
	}
}

func TestCompleteSubmission(t *testing.T) {
	const date, id = "Date: Mon, 23 Nov 2026 09:05:00 +0100\r\n", "Message-ID: <0123456789abcdef@school.test>\r\n"
	const from = "From: anna@school.test\r\n"
	tests := []struct {
		name, in, want string
		refused        reply
	}{
		{"complete", from + "Date: x\r\nMessage-ID: <y@z>\r\n", from + "Date: x\r\nMessage-ID: <y@z>\r\n", reply{}},
		{"no Date, no Message-ID", from, from + date + id, reply{}},
		{"both empty", from + "Date:\r\nMessage-ID: \r\n\t\r\n", from + date + id, reply{}},
		{"no From", "Subject: x\r\n", "Subject: x\r\nFrom: =?utf-8?q?Anna_M=C3=BCller?= <anna+math@school.test>\r\n" + date + id, reply{}},
		{"nothing at all", "", "From: =?utf-8?q?Anna_M=C3=BCller?= <anna+math@school.test>\r\n" + date + id, reply{}},
		{"text without a header", "Hello\r\n", "From: =?utf-8?q?Anna_M=C3=BCller?= <anna+math@school.test>\r\n" + date + id + "\r\nHello\r\n", reply{}},
		{"a line that is no field", from + "no field\r\n", "", noContent},
		{"Bcc", "Bcc: a@b,\r\n c@d\r\n" + from + "bcc : e@f\r\nResent-Bcc: g@h\r\n", from + date + id, reply{}},
		{"what the receiver writes", "Return-Path: <a>\r\nDelivered-To: x@school.test\r\nAuthentication-Results: mail.school.test; x\r\n" + from, from + date + id, reply{}},
		{"an own address", "From: A <Anna+Math@school.test>\r\n", "From: A <Anna+Math@school.test>\r\n" + date + id, reply{}},
		{"two own addresses", "From: anna@school.test, 7b@school.test\r\n",
			"From: anna@school.test, 7b@school.test\r\nSender: =?utf-8?q?Anna_M=C3=BCller?= <anna+math@school.test>\r\n" + date + id, reply{}},
		{"two own addresses and Sender", "From: anna@school.test, 7b@school.test\r\nSender: anna@school.test\r\n",
			"From: anna@school.test, 7b@school.test\r\nSender: anna@school.test\r\n" + date + id, reply{}},
		{"unknown charset in the name", "From: =?x-alien?q?=FF?= <anna@school.test>\r\n", "From: =?x-alien?q?=FF?= <anna@school.test>\r\n" + date + id, reply{}},
		{"someone else", "From: ben@school.test\r\n", "", notYourFrom},
		{"one of two is someone else", "From: anna@school.test, ben@school.test\r\n", "", notYourFrom},
		{"own name, other address", `From: "anna@school.test" <head@school.test>` + "\r\n", "", notYourFrom},
		{"Sender is someone else", from + "Sender: ben@school.test\r\n", "", notYourFrom},
		{"resent by someone else", from + "Resent-From: ben@school.test\r\n", "", notYourFrom},
		{"two From", from + from, "", badTwoFrom},
		{"two Sender", from + "Sender: anna@school.test\r\nSender: anna@school.test\r\n", "", badTwoFrom},
		{"unreadable From", "From: anna@school.test <x\r\n", "", badFrom},
		{"empty From", "From: \r\n", "", badFrom},
		{"empty group", "From: nobody:;\r\n", "", badFrom},
		{"quoted at in From", `From: "anna@school.test"@evil.test` + "\r\n", "", notYourFrom},
		{"From too long", "From: " + strings.Repeat("a@b, ", maxFromBytes/5) + "c@d\r\n", "", badFrom},
	}
	for _, tt := range tests {
		got, r, err := completeSubmission([]byte(tt.in), annaAs("anna+math@school.test"))
		switch {
		case err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.refused.code != 0 && r != tt.refused:
			t.Errorf("%s: %+v, want %+v", tt.name, r, tt.refused)
		case tt.refused.code == 0 && (!r.ok() || string(got) != tt.want):
			t.Errorf("%s: %q, %+v, want %q", tt.name, got, r, tt.want)
		}
	}
}

// FuzzCompleteSubmission: whatever comes in, what goes out has one From of the account, no Bcc, and stays as it is the second time.
func FuzzCompleteSubmission(f *testing.F) {
	f.Add("From: anna@school.test\r\nBcc: x\r\n")
	f.Add("x\r\n\r\n")
	f.Add("Date:\r\n \r\nBcc\t:\r\n a\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		var clean collect
		n := &normaliser{to: &clean}
		n.write([]byte(in))
		n.end()
		head := clean.Bytes()
		if end, _, found := headerEnd(head, 0); found {
			head = head[:end]
		}
		out, r, err := completeSubmission(head, annaAs("anna@school.test"))
		if err != nil || !r.ok() {
			return
		}
		if end, _, found := headerEnd(out, 0); found {
			out = out[:end]
		}
		var from, date, id int
		for field := range fields(out) {
			switch {
			case field.is("Bcc"), field.is("Resent-Bcc"), field.is("Return-Path"):
				t.Fatalf("%q left %q", in, field.raw)
			case field.is("From"):
				from++
			case field.is("Date"):
				date++
			case field.is("Message-ID"):
				id++
			}
		}
		if from != 1 || date == 0 || id == 0 {
			t.Fatalf("%q became %q: %d From, %d Date, %d Message-ID", in, out, from, date, id)
		}
		again, r, err := completeSubmission(out, annaAs("anna@school.test"))
		if err != nil || !r.ok() || !bytes.Equal(again, out) {
			t.Fatalf("%q became %q, then %q, %+v, %v", in, out, again, r, err)
		}
		cleanInbound(head, "mail.school.test", true, func(string) bool { return true })
	})
}

func TestTrace(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 5, 0, 0, time.FixedZone("", 3600))
	mx := trace{sender: "lena@example.org", hello: "mx.example.org", remote: "192.0.2.1", hostname: "mail.school.test", protocol: "ESMTPS",
		tls: "TLS1.3 TLS_AES_128_GCM_SHA256", id: "abc", at: at, deliveredTo: "7b@school.test"}
	const want = "Return-Path: <lena@example.org>\r\nDelivered-To: 7b@school.test\r\n" +
		"Received: from mx.example.org ([192.0.2.1])\r\n\tby mail.school.test with ESMTPS (TLS1.3 TLS_AES_128_GCM_SHA256)\r\n\tid abc;\r\n\tMon, 23 Nov 2026 09:05:00 +0100\r\n"
	if got := string(mx.appendTo(nil)); got != want {
		t.Errorf("MX trace = %q, want %q", got, want)
	}
	sub := trace{hello: "[10.1.2.3]", hostname: "mail.school.test", protocol: "ESMTPSA", id: "abc", at: at}
	if got := string(sub.appendTo(nil)); strings.Contains(got, "10.1.2.3") || !strings.HasPrefix(got, "Return-Path: <>\r\nReceived: from submission\r\n") {
		t.Errorf("submission trace = %q, want no address of the client", got)
	}
	if got := headerSafe("a(b)<c>\r\n;d"); strings.ContainsAny(got, "()<>\r\n;") {
		t.Errorf("headerSafe let %q through", got)
	}
}

func TestProtocolName(t *testing.T) {
	tests := []struct {
		lmtp, extended, utf8, encrypted, authenticated bool
		want                                           string
	}{
		{false, false, false, false, false, "SMTP"}, {false, true, false, false, false, "ESMTP"}, {false, true, false, true, true, "ESMTPSA"},
		{false, true, true, true, false, "UTF8SMTPS"}, {true, true, false, false, false, "LMTP"}, {true, true, true, false, false, "UTF8LMTP"},
	}
	for _, tt := range tests {
		if got := protocolName(tt.lmtp, tt.extended, tt.utf8, tt.encrypted, tt.authenticated); got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}
