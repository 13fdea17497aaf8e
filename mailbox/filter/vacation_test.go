package filter

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/storetest"
)

// Who gets an answer: RFC 5230 §4.5 and §4.6, RFC 3834 §2. Each sender is a pupil, so that an answer would be seen.
func TestWhoIsAnswered(t *testing.T) {
	t.Parallel()
	const script = `require "vacation"; vacation :addresses ["me@old.example", "ME-old@school.test"] "away";`
	answered := []string{"INBOX: hello", "FRIEND INBOX: answer: Auto: hello"}
	silent := []string{"INBOX: hello"}
	from := func(text string) parcel { return parcel{from: "FRIEND@school.test", text: text} }
	var cases []filterCase
	add := func(name string, p parcel, want []string) {
		cases = append(cases, filterCase{name: name, script: script, mail: p, want: want})
	}
	add("a person", from(hello("ME", "hello")), answered)
	add("a person elsewhere", parcel{}, []string{"INBOX: hello", "<> to lena@else.example: answer: Auto: hello"})
	add("a person elsewhere, without a way there", parcel{island: true}, silent)
	add("a sender with a detail", parcel{from: "FRIEND+x@school.test"}, answered)
	add("the null sender", parcel{from: "<>"}, silent)
	add("oneself", parcel{from: "ME@school.test"}, silent)
	add("nobody of ours", parcel{from: "nobody@school.test"}, silent)
	for _, robot := range []string{"MAILER-DAEMON", "listserv", "majordomo", "postmaster", "noreply", "No-Reply", "owner-chor", "chor-request", "chor-bounces",
		"bounce-123", "bounces+anna=school.test", "prvs=123=lena"} {
		add(robot+"@", parcel{from: robot + "@else.example"}, silent)
	}
	for line, want := range map[string][]string{
		"Auto-Submitted: no": answered, "auto-submitted: No; x=y": answered, "Auto-Submitted: auto-replied": silent, "Auto-Submitted: auto-generated (rule)": silent,
		"Auto-Submitted:\r\n auto-replied": silent, "Precedence: bulk": silent, "Precedence: LIST": silent, "Precedence: junk": silent, "Precedence: first-class": answered,
		"List-Id: <chor.else.example>": silent, "List-Unsubscribe: <mailto:x@y>": silent, "X-Auto-Response-Suppress: DR, OOF": silent,
		"X-Auto-Response-Suppress: None": answered, "X-Loop: x": silent, "Feedback-ID: 1:2:3": silent, "X-Listing: no list": answered,
	} {
		if strings.Contains(line, "auto-replied") {
			want = []string{"INBOX: answer: hello"} // such as the message itself is
		}
		add(strings.ReplaceAll(line, "\r\n", ""), from(hello("ME", "hello", line)), want)
	}
	to := func(lines ...string) parcel {
		return from("From: x@y.example\r\n" + strings.Join(lines, "\r\n") + "\r\nSubject: hello\r\n\r\nx\r\n")
	}
	add("in To with a name", to(`To: "Lena, you" <a@b.example>, ME <ME@SCHOOL.test>`), answered)
	add("in Cc", to("To: a@b.example", "Cc: c@d.example,", " ME@school.test"), answered)
	add("in Bcc", to("Bcc: ME@school.test"), answered)
	add("resent to", to("To: a@b.example", "Resent-To: ME@school.test"), answered)
	add("with a detail", to("To: ME+math@school.test"), answered)
	add("at an address that the script names", to("To: me@old.example"), answered)
	add("at another one, in another case", to("To: Me@OLD.example"), answered)
	add("at one of ours that it names", to("To: ME-OLD@SCHOOL.test"), answered)
	add("at one that is only like it", to("To: ME-older@school.test"), silent)
	add("not named at all", to("To: a@b.example"), silent)
	add("undisclosed", to("To: undisclosed-recipients:;"), silent)
	add("in From only", from("From: ME@school.test\r\nTo: a@b.example\r\nSubject: hello\r\n\r\nx\r\n"), silent)
	add("behind too many others", to("To: "+strings.Repeat("a@b.example, ", maxAddresses)+"ME@school.test"), silent)
	add("the last that is looked at", to("To: "+strings.Repeat("a@b.example, ", maxAddresses-1)+"ME@school.test"), answered)
	runCases(t, Options{}, cases)
}

// How often: once for each sender and handle in so many days or seconds. RFC 5230 §4.1 and §4.2, RFC 6131.
func TestHowOftenIsAnswered(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	steps := []struct {
		script string
		wait   time.Duration
		sender string
		want   bool // an answer
	}{
		{`vacation "away";`, 0, "ben", true},
		{`vacation "away";`, 0, "ben", false},
		{`vacation "away";`, 7*day - time.Second, "ben", false},
		{`vacation "away";`, time.Second, "ben", true},
		{`vacation "away";`, 0, "fritz", true},
		{`vacation "away until Monday";`, 0, "ben", true}, // another text is another answer
		{`vacation :subject "x" "away";`, 0, "ben", true},
		{`vacation :handle "summer" "a";`, 0, "ben", true},
		{`vacation :handle "summer" "b";`, 0, "ben", false}, // the same handle is the same answer
		{`vacation :handle "autumn" "b";`, 0, "ben", true},
		{`vacation :days 1 :handle "d" "a";`, 0, "ben", true},
		{`vacation :days 1 :handle "d" "a";`, day - time.Second, "ben", false},
		{`vacation :days 1 :handle "d" "a";`, time.Second, "ben", true},
		{`vacation :days 0 :handle "d" "a";`, 2 * time.Second, "ben", false}, // at least a day
		{`vacation :days 5000 :handle "y" "a";`, 0, "ben", true},
		{`vacation :days 5000 :handle "y" "a";`, 365*day - time.Second, "ben", false},
		{`vacation :days 5000 :handle "y" "a";`, time.Second, "ben", true}, // at most a year
		{`vacation :seconds 60 :handle "s" "a";`, 0, "ben", true},
		{`vacation :seconds 60 :handle "s" "a";`, 59 * time.Second, "ben", false},
		{`vacation :seconds 60 :handle "s" "a";`, time.Second, "ben", true},
		{`vacation :seconds 0 :handle "z" "a";`, 0, "ben", true},
		{`vacation :seconds 0 :handle "z" "a";`, 0, "ben", true}, // 0: each one
		{`if header :matches "subject" "*" { vacation :subject "Re: ${1}" "a"; }`, 0, "ben", true},
		{`if header :matches "subject" "*" { vacation :subject "Re: ${1}" "a"; }`, 0, "ben", false}, // the subject differs, the answer does not
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s, Options{}, "anna", "ben", "fritz")
		w.again = true
		for i, step := range steps {
			w.script("anna", `require ["vacation", "vacation-seconds", "variables"]; `+step.script)
			w.wait(step.wait)
			before := len(w.letters(step.sender, "INBOX"))
			from := step.sender + "@school.test"
			if i%2 == 1 {
				from = strings.ToUpper(from)
			}
			w.receive(parcel{from: from, to: []string{"anna@school.test"}, text: hello("anna", fmt.Sprint("n", i))})
			if got := len(w.letters(step.sender, "INBOX")) - before; got != map[bool]int{true: 1}[step.want] {
				t.Errorf("step %d, %s after %s: %d answers for %s, want %v", i, step.script, step.wait, got, step.sender, step.want)
			}
		}
		if got := len(w.letters("anna", "INBOX")); got != len(steps) {
			t.Errorf("anna has %d messages, want all %d", got, len(steps))
		}
	})
}

// What an answer looks like. RFC 5230 §5, RFC 3834 §3.
func TestWhatAnAnswerSays(t *testing.T) {
	t.Parallel()
	w := newSchool(t, storetest.Open(t), Options{Zone: time.FixedZone("", 3600)}, "jürgen", "ben", "anna")
	w.must(w.dir.AddAlias(context.Background(), directory.Alias{Address: "j.test@school.test", Targets: []string{"jürgen@school.test"}}))
	tests := []struct {
		name, script string
		header       map[string]string // what the answer has; "": it has no such field
		body         string
	}{
		{"by default", `vacation "Bin weg.
Jürgen";`, map[string]string{
			"From": "=?utf-8?q?j=C3=BCrgen?= <jürgen@school.test>", "To": "<ben@school.test>", "Subject": "Auto: hello", "Auto-Submitted": "auto-replied (vacation)",
			"Date": "Tue, 24 Nov 2026 09:00:00 +0100", "In-Reply-To": "<hello@else.example>", "References": "<hello@else.example>", "Precedence": "bulk",
			"Mime-Version": "1.0", "Content-Type": "text/plain; charset=utf-8", "Return-Path": "", "Cc": ""}, "Bin weg.\r\nJürgen"},
		{"a subject", `vacation :subject "Grüße" "x";`, map[string]string{"Subject": "Grüße"}, "x"},
		{"a subject cannot begin another field", `vacation :subject "a
Bcc: all@school.test" "x";`, map[string]string{"Subject": "a Bcc: all@school.test", "Bcc": ""}, "x"},
		{"an own address", `vacation :from "Dr. J. <J.Test@school.test>" "x";`, map[string]string{"From": `"Dr. J." <J.Test@school.test>`}, "x"},
		{"somebody else's address is not taken", `vacation :from "anna@school.test" "x";`, map[string]string{"From": "=?utf-8?q?j=C3=BCrgen?= <jürgen@school.test>"}, "x"},
		{"a MIME entity", `vacation :mime "Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit
Bcc: all@school.test
X-Folded: a
 Content-Type: b

<p>Grüße</p>";`, map[string]string{"Content-Type": "text/html; charset=utf-8", "Content-Transfer-Encoding": "8bit", "Bcc": "", "X-Folded": ""}, "<p>Grüße</p>"},
		{"a MIME entity without a blank line is text", `vacation :mime "Content-Type: text/html";`, map[string]string{"Content-Type": "text/plain; charset=utf-8"}, "Content-Type: text/html"},
		{"a dot and a From at the beginning of lines", `vacation text:
a
..
From b
.
;`, nil, "a\r\n.\r\nFrom b"},
	}
	for i, tt := range tests {
		w.script("jürgen", `require ["vacation", "vacation-seconds"]; `+strings.Replace(tt.script, "vacation", "vacation :seconds 0", 1))
		w.receive(parcel{from: "ben@school.test", to: []string{"jürgen@school.test"}, text: hello("jürgen", "hello")})
		got := w.letters("ben", "INBOX")
		if len(got) != i+1 {
			t.Fatalf("%s: ben has %d answers, want %d", tt.name, len(got), i+1)
		}
		checkAnswer(t, tt.name, got[i], tt.header, tt.body)
	}
}

// checkAnswer compares an answer with the fields and the text that it shall have; no line is longer than RFC 5322 §2.1.1 has it.
func checkAnswer(t *testing.T, name, text string, header map[string]string, body string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, text)
	}
	for field, want := range header {
		got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get(field))
		if field == "From" {
			got = m.Header.Get(field)
		}
		if err != nil || got != want {
			t.Errorf("%s: %s is %q, %v, want %q", name, field, got, err, want)
		}
	}
	content := io.Reader(m.Body)
	if m.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		content = quotedprintable.NewReader(content)
	}
	b, err := io.ReadAll(content)
	if err != nil || strings.TrimRight(string(b), "\r\n") != body {
		t.Errorf("%s: the text is %q, %v, want %q", name, b, err, body)
	}
	for line := range bytes.Lines([]byte(text)) {
		if len(line) > 1000 || !bytes.HasSuffix(line, []byte("\r\n")) {
			t.Errorf("%s: a line of %d bytes: %.60q", name, len(line), line)
		}
	}
}

// TestCopiesOfAnswers: :fcc keeps what was answered, with flags, in a mailbox that is made or has a use; without one it is not lost. RFC 8580.
func TestCopiesOfAnswers(t *testing.T) {
	t.Parallel()
	const all = `require ["vacation", "fcc", "mailbox", "imap4flags", "special-use"]; `
	friend := parcel{from: "FRIEND@school.test"}
	runCases(t, Options{}, []filterCase{
		{name: "a mailbox", script: all + `vacation :fcc "Archive" "x";`, mail: friend,
			want: []string{"Archive: answer: Auto: hello", "INBOX: hello", "FRIEND INBOX: answer: Auto: hello"}},
		{name: "one that is made, with flags", script: all + `vacation :fcc "Sent/Away" :create :flags "\\Seen" "x";`, mail: friend,
			want: []string{"INBOX: hello", `Sent/Away: answer: Auto: hello \Seen`, "FRIEND INBOX: answer: Auto: hello"}},
		{name: "a use", script: all + `vacation :fcc "Elsewhere" :specialuse "\\Sent" "x";`, mail: friend,
			want: []string{"INBOX: hello", "Sent: answer: Auto: hello", "FRIEND INBOX: answer: Auto: hello"}},
		{name: "one that is not there", script: all + `vacation :fcc "Elsewhere" "x";`, mail: friend,
			want: []string{"INBOX: answer: Auto: hello", "INBOX: hello", "FRIEND INBOX: answer: Auto: hello"}},
		{name: "without an answer there is no copy", script: all + `vacation :fcc "Sent" "x";`, mail: parcel{from: "<>"}, want: []string{"INBOX: hello"}},
		{name: "an answer and no message", script: all + `vacation "x"; discard;`, mail: friend, want: []string{"FRIEND INBOX: answer: Auto: hello"}},
		{name: "an answer to what is junk", script: all + `vacation "x";`, mail: parcel{from: "FRIEND@school.test", junk: true},
			want: []string{"Junk: hello", "FRIEND INBOX: answer: Auto: hello"}},
	})
}

// TestAnswersAreCounted: a filter answers so often a day, whoever asks; and not whom its owner may not write to. RELIABILITY asks for the end of storms.
func TestAnswersAreCounted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s, Options{Answers: 4}, "anna", "ben", "t-otto")
		w.again = true
		w.script("anna", `require "vacation"; vacation "away";`)
		for i := range 9 {
			w.receive(parcel{from: fmt.Sprintf("p%d@else.example", i), to: []string{"anna@school.test"}, text: hello("anna", fmt.Sprint(i))})
		}
		if got := w.sent(); len(got) != 4 {
			t.Errorf("%d answers left, want 4: %q", len(got), got)
		}
		if got := len(w.letters("anna", "INBOX")); got != 9 {
			t.Errorf("anna has %d messages, want 9 and no notice", got)
		}
		w.wait(24 * time.Hour)
		refuse := directory.Refuse
		from, err := w.dir.Party("anna@school.test")
		w.must(err)
		to, err := w.dir.Party("teacher")
		w.must(err)
		_, err = w.dir.SetRule(t.Context(), from, to, directory.RuleChange{Decision: &refuse})
		w.must(err)
		for _, sender := range []string{"t-otto", "ben"} {
			w.receive(parcel{from: sender + "@school.test", to: []string{"anna@school.test"}, text: hello("anna", sender)})
		}
		if otto, ben := w.has("t-otto"), w.has("ben"); len(otto) != 0 || !slices.Equal(ben, []string{"INBOX: answer: Auto: ben"}) {
			t.Errorf("otto has %q, ben %q, want nothing and an answer", otto, ben)
		}
	})
}

// TestAnswersToEachOther: two who are away, each with a filter that answers everything, exchange two messages and two answers. An answer goes
// through the receiver's filter like any message.
func TestAnswersToEachOther(t *testing.T) {
	t.Parallel()
	w := newSchool(t, storetest.Open(t), Options{}, "anna", "ben")
	w.script("anna", `require ["vacation", "vacation-seconds"]; vacation :seconds 0 "a";`)
	w.script("ben", `require ["vacation", "vacation-seconds", "fileinto"]; vacation :seconds 0 "b"; if exists "auto-submitted" { fileinto "Archive"; }`)
	w.receive(parcel{from: "ben@school.test", to: []string{"anna@school.test"}, text: hello("anna", "one")})
	w.receive(parcel{from: "anna@school.test", to: []string{"ben@school.test"}, text: hello("ben", "two")})
	if got, want := w.has("anna"), []string{"INBOX: answer: Auto: two", "INBOX: one"}; !slices.Equal(got, want) {
		t.Errorf("anna has %q, want %q", got, want)
	}
	if got, want := w.has("ben"), []string{"Archive: answer: Auto: one", "INBOX: two"}; !slices.Equal(got, want) {
		t.Errorf("ben has %q, want %q", got, want)
	}
}
