package smtpd

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store/storetest"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
)

func TestSenderParameters(t *testing.T) {
	nobody, anna := "", "anna@x"
	tests := []struct {
		name, in string
		want     smtp.MailOptions
		refused  reply
	}{
		{"none", "", smtp.MailOptions{}, reply{}},
		{"blanks", "   ", smtp.MailOptions{}, reply{}},
		{"all", " SIZE=10 body=8bitmime SMTPUTF8 ret=hdrs ENVID=a+2Bb AUTH=<>",
			smtp.MailOptions{Size: 10, Body: smtp.Body8BitMIME, UTF8: true, Return: smtp.DSNReturnHeaders, EnvelopeID: "a+b", Auth: &nobody}, reply{}},
		{"AUTH with an equals sign inside", " AUTH=anna@x", smtp.MailOptions{Auth: &anna}, reply{}},
		{"the largest size", " SIZE=1000", smtp.MailOptions{Size: 1000}, reply{}},
		{"a byte more", " SIZE=1001", smtp.MailOptions{}, badTooLarge},
		{"negative size", " SIZE=-1", smtp.MailOptions{}, badSyntax},
		{"empty size", " SIZE=", smtp.MailOptions{}, badSyntax},
		{"size without a value", " SIZE", smtp.MailOptions{}, badSyntax},
		{"more digits than a size has", " SIZE=000000000000000000001", smtp.MailOptions{}, badSyntax},
		{"twice, other case", " RET=FULL ret=FULL", smtp.MailOptions{}, badSyntax},
		{"broken key", " SI_ZE=1", smtp.MailOptions{}, badSyntax},
		{"two equals signs", " SIZE=1=2", smtp.MailOptions{}, badSyntax},
		{"protection", " REQUIRETLS", smtp.MailOptions{RequireTLS: true}, reply{}},
		{"protection, and all of it back", " RET=FULL REQUIRETLS", smtp.MailOptions{RequireTLS: true, Return: smtp.DSNReturnHeaders}, reply{}},
		{"protection, nothing said of returning", " REQUIRETLS ENVID=a", smtp.MailOptions{RequireTLS: true, EnvelopeID: "a"}, reply{}},
		{"protection with a value", " REQUIRETLS=yes", smtp.MailOptions{}, badSyntax},
		{"unknown", " MT-PRIORITY=3", smtp.MailOptions{}, badParameter},
		{"binary", " BODY=BINARYMIME", smtp.MailOptions{}, badParameter},
		{"ENVID too long", " ENVID=" + strings.Repeat("x", maxEnvID+1), smtp.MailOptions{}, badSyntax},
		{"ENVID with a control character", " ENVID=+01", smtp.MailOptions{}, badSyntax},
		{"AUTH of nobody", " AUTH=x", smtp.MailOptions{}, badSyntax},
	}
	for _, tt := range tests {
		got, r := senderParameters(tt.in, 1000, true)
		switch {
		case tt.refused.code != 0 && r != tt.refused:
			t.Errorf("%s: %+v, want %+v", tt.name, r, tt.refused)
		case tt.refused.code == 0 && (!r.ok() || !cmp.Equal(got, tt.want)):
			t.Errorf("%s: %+v, %s", tt.name, r, cmp.Diff(tt.want, got))
		}
	}
}

// Nobody can demand protection on a connection that has none. RFC 8689 §2.
func TestRequireTLSNeedsTLS(t *testing.T) {
	if _, r := senderParameters(" REQUIRETLS", 1000, false); r != badParameter {
		t.Errorf("%+v, want %+v", r, badParameter)
	}
}

func TestRecipientParameters(t *testing.T) {
	tests := []struct {
		name, in string
		utf8     bool
		want     smtp.RcptOptions
		refused  bool
	}{
		{"none", "", false, smtp.RcptOptions{}, false},
		{"NEVER", " NOTIFY=never", false, smtp.RcptOptions{Notify: []smtp.DSNNotify{"NEVER"}}, false},
		{"a list", " NOTIFY=SUCCESS,Delay", false, smtp.RcptOptions{Notify: []smtp.DSNNotify{"SUCCESS", "DELAY"}}, false},
		{"a repetition", " NOTIFY=DELAY,DELAY", false, smtp.RcptOptions{}, true},
		{"NEVER and more", " NOTIFY=DELAY,NEVER", false, smtp.RcptOptions{}, true},
		{"an empty word", " NOTIFY=DELAY,", false, smtp.RcptOptions{}, true},
		{"ORCPT", " ORCPT=RFC822;a+2Bb@x", false, smtp.RcptOptions{OriginalRecipientType: "RFC822", OriginalRecipient: "a+b@x"}, false},
		{"ORCPT in UTF-8 form, written in ASCII", ` ORCPT=utf-8;\x{E4}@x`, false, smtp.RcptOptions{OriginalRecipientType: "UTF-8", OriginalRecipient: "ä@x"}, false},
		{"ORCPT in UTF-8", " ORCPT=utf-8;ä@x", true, smtp.RcptOptions{OriginalRecipientType: "UTF-8", OriginalRecipient: "ä@x"}, false},
		{"ORCPT in UTF-8 without SMTPUTF8", " ORCPT=utf-8;ä@x", false, smtp.RcptOptions{}, true},
		{"ORCPT without a type", " ORCPT=a@x", false, smtp.RcptOptions{}, true},
		{"ORCPT without an address", " ORCPT=rfc822;", false, smtp.RcptOptions{}, true},
		{"ORCPT with a line break", " ORCPT=rfc822;a+0D+0Ab", false, smtp.RcptOptions{}, true},
		{"ORCPT too long", " ORCPT=rfc822;" + strings.Repeat("x", maxORCPT+1), false, smtp.RcptOptions{}, true},
		{"a parameter of MAIL", " RET=FULL", false, smtp.RcptOptions{}, true},
	}
	for _, tt := range tests {
		got, r := recipientParameters(tt.in, tt.utf8)
		if r.ok() == tt.refused || !tt.refused && !cmp.Equal(got, tt.want) {
			t.Errorf("%s: %+v, %s", tt.name, r, cmp.Diff(tt.want, got))
		}
	}
}

func TestFields(t *testing.T) {
	const block = "A: 1\r\n folded\r\n\tmore\r\nB : 2\r\nno field\r\n: nothing\r\nC:\r\nlast: without an end"
	var got []string
	whole := ""
	for f := range fields([]byte(block)) {
		got = append(got, string(f.name))
		whole += string(f.raw)
	}
	if want := []string{"A", "B", "", "", "C", "last"}; !cmp.Equal(got, want) || whole != block {
		t.Errorf("fields %q of %q, want %q", got, whole, want)
	}
}

func TestHeaderEnd(t *testing.T) {
	tests := []struct {
		name, in  string
		end, body int
		found     bool
	}{
		{"a header and a body", "A: b\r\n\r\nbody", 6, 8, true},
		{"no header", "\r\nbody", 0, 2, true},
		{"no end yet", "A: b\r\n", 0, 0, false},
		{"half the end", "A: b\r\n\r", 0, 0, false},
		{"nothing", "", 0, 0, false},
	}
	for _, tt := range tests {
		for from := range len(tt.in) {
			if i := strings.Index(tt.in, "\r\n\r\n"); i >= 0 && from > i+3 {
				break // what was looked at before had no end
			}
			end, body, found := headerEnd([]byte(tt.in), from)
			if end != tt.end || body != tt.body || found != tt.found {
				t.Errorf("%s, from %d: %d, %d, %v", tt.name, from, end, body, found)
			}
		}
	}
}

func TestAuthServID(t *testing.T) {
	for in, want := range map[string]string{
		"mail.school.test; spf=pass": "mail.school.test", " (a (b)) mail.school.test 1;": "mail.school.test", `"mail.school.test"; x`: "mail.school.test",
		"mail.school.test(x); y": "mail.school.test", "": "", "(open": "", ";": "",
	} {
		if got := authServID(in); got != want {
			t.Errorf("authServID(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPace(t *testing.T) {
	start := time.Now()
	p := &pace{start: start}
	if got := p.deadline().Sub(start); got != dataGrace {
		t.Errorf("nothing yet: %v, want %v", got, dataGrace)
	}
	p.got = 10 * dataRate
	if got := p.deadline().Sub(start); got != dataGrace+10*time.Second {
		t.Errorf("ten seconds' worth: %v", got)
	}
	p.got = 1 << 40
	if got := p.deadline().Sub(start); got < dataTimeout || got > dataTimeout+time.Minute {
		t.Errorf("very much: %v, want one read's time", got)
	}
	p.start = start.Add(-dataTotal + time.Minute)
	if got := p.deadline().Sub(start); got != time.Minute {
		t.Errorf("near the end: %v, want a minute", got)
	}
}

func TestIncoming(t *testing.T) {
	const trace = "Return-Path: <>\r\n"
	upper := func(head []byte) ([]byte, reply, error) { return []byte(strings.ToUpper(string(head))), okDone, nil }
	tests := []struct {
		name, in string
		rewrite  func([]byte) ([]byte, reply, error)
		want     string
		refused  reply
	}{
		{"taken as it comes", "a: b\r\n\r\nc", nil, trace + "a: b\r\n\r\nc", reply{}},
		{"nothing, taken as it comes", "", nil, trace, reply{}},
		{"rewritten", "a: b\r\n\r\nc: d\r\n", upper, trace + "A: B\r\n\r\nc: d\r\n", reply{}},
		{"a header only", "a: b\r\n", upper, trace + "A: B\r\n", reply{}},
		{"a body only", "\r\nc\r\n", upper, trace + "\r\nc\r\n", reply{}},
		{"nothing", "", upper, trace, reply{}},
		{"refused by its header", "a: b\r\n\r\nc", func([]byte) ([]byte, reply, error) { return nil, badHops, nil }, "", badHops},
		{"too large", strings.Repeat("x", 101), nil, "", badTooLarge.ending()},
	}
	s := storetest.Open(t)
	for _, tt := range tests {
		for step := 1; step <= len(tt.in)+1; step++ {
			in := newIncoming(s.NewSpool(), 100, []byte(trace), tt.rewrite)
			for rest := tt.in; rest != ""; {
				n := min(step, len(rest))
				if err := in.write([]byte(rest[:n])); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			in.end()
			got, _ := in.spool.Bytes()
			if in.refusal != tt.refused || tt.refused.code == 0 && string(got) != tt.want {
				t.Errorf("%s, in steps of %d: %q, %+v, want %q, %+v", tt.name, step, got, in.refusal, tt.want, tt.refused)
			}
			in.close()
		}
	}
	in := newIncoming(s.NewSpool(), 10, nil, nil)
	defer in.close()
	if err := errors.Join(in.write(make([]byte, 20)), in.write([]byte{1})); !errors.Is(err, errFlood) {
		t.Errorf("more than twice the limit: %v, want errFlood", err)
	}
}

func TestPartials(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := newPartials(func() time.Time { return now })
	key := [32]byte{1}
	to := []mailbox.To{{Owner: 1}, {Owner: 2}, {Owner: 3}}
	fail := errors.New("full")
	p.remember(key, to, []error{nil, fail, fail})
	p.remember(key, to[1:], []error{nil, fail})
	if got := p.delivered(key); !got[1] || !got[2] || got[3] {
		t.Errorf("delivered: %v, want 1 and 2", got)
	}
	if p.delivered([32]byte{2}) != nil {
		t.Error("another message is known")
	}
	now = now.Add(partialWindow)
	if p.delivered(key) != nil {
		t.Error("remembered for ever")
	}
	for i := range maxPartial + 10 {
		p.remember([32]byte{byte(i), byte(i >> 8), byte(i >> 16), 9}, to, []error{nil, fail, fail})
	}
	if len(p.by) > maxPartial {
		t.Errorf("%d remembered, want at most %d", len(p.by), maxPartial)
	}
	p.forget([32]byte{9, 0, 0, 9})
	if p.delivered([32]byte{9, 0, 0, 9}) != nil {
		t.Error("not forgotten")
	}
}

func TestOneMailboxPerAccount(t *testing.T) {
	tr := &transaction{at: map[directory.ID]int{}}
	for _, r := range []directory.Recipient{{Account: 1, Via: "7b@x"}, {Account: 2, Via: "7b@x"}, {Account: 1, Detail: "math"}, {Account: 1, Detail: "late"}, {Account: 2, Via: "8c@x"}} {
		tr.add(r)
	}
	want := []mailbox.To{{Owner: 1, Mailbox: "math"}, {Owner: 2, Via: "7b@x"}}
	if !cmp.Equal(tr.to, want) {
		t.Error(cmp.Diff(want, tr.to))
	}
}

func TestRecipientReply(t *testing.T) {
	full, gone := answerable(noQuota), answerable(noUser)
	tests := []struct {
		name    string
		results []error
		want    reply
	}{
		{"all have it", []error{nil, nil}, okRecipient},
		{"one is full for now", []error{nil, full}, noQuota},
		{"one has left meanwhile", []error{nil, gone}, okRecipient},
		{"all have left", []error{gone, gone}, noUser},
		{"one has left, one is full", []error{gone, full}, noQuota},
	}
	for _, tt := range tests {
		if got := recipientReply(recipient{to: []int{0, 1}}, tt.results); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestLoginMechanism(t *testing.T) {
	var user, secret string
	l := &loginServer{authenticate: func(_, u, s string) error { user, secret = u, s; return nil }}
	for _, exchange := range []struct {
		response  []byte
		challenge string
		done      bool
	}{{nil, "Username:", false}, {[]byte("anna"), "Password:", false}, {[]byte("x"), "", true}} {
		challenge, done, err := l.Next(exchange.response)
		if string(challenge) != exchange.challenge || done != exchange.done || err != nil {
			t.Errorf("Next(%q) = %q, %v, %v", exchange.response, challenge, done, err)
		}
	}
	if user != "anna" || secret != "x" {
		t.Errorf("got %q, %q", user, secret)
	}
	l = &loginServer{authenticate: l.authenticate}
	if challenge, _, _ := l.Next([]byte("ben")); string(challenge) != "Password:" {
		t.Errorf("with an initial response: %q", challenge)
	}
}

func TestParseChunk(t *testing.T) {
	tests := []struct {
		in   string
		size int64
		last bool
		ok   bool
	}{
		{"10", 10, false, true}, {"0 LAST", 0, true, true}, {"5 last", 5, true, true}, {"", 0, false, false}, {"-1", 0, false, false},
		{"9223372036854775807", 1<<63 - 1, false, true}, {"9223372036854775808", 0, false, false}, {"5 LAST LAST", 5, true, false}, {"5 FIRST", 5, true, false},
	}
	for _, tt := range tests {
		size, last, ok := parseChunk(tt.in)
		if ok != tt.ok || ok && (size != tt.size || last != tt.last) {
			t.Errorf("parseChunk(%q) = %d, %v, %v", tt.in, size, last, ok)
		}
	}
}

// TestACutOffMessageIsNoMessage: neither DATA nor BDAT without its end is ever delivered.
func TestACutOffMessageIsNoMessage(t *testing.T) {
	w := newWorld(t)
	address := w.listen(doorMX)
	for _, rest := range []string{"DATA\r\nSubject: x\r\n\r\nhalf", "DATA\r\nSubject: x\r\n\r\nhalf\r\n", "DATA\r\nSubject: x\r\n\r\nhalf\r\n.\r", "BDAT 100 LAST\r\nSubject: x\r\n\r\nhalf", "BDAT 14\r\nSubject: x\r\n\r\n"} {
		p := dialTo(t, address, false)
		p.send("EHLO x.example\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<anna@school.test>\r\n" + rest)
		p.nc.(interface{ CloseWrite() error }).CloseWrite()
		all, _ := io.ReadAll(p.r)
		if strings.Contains(string(all), "OK id=") {
			t.Errorf("%q was acknowledged: %s", rest, all)
		}
	}
	if n := len(w.inbox("anna")); n != 0 {
		t.Errorf("anna has %d messages, want none", n)
	}
}
