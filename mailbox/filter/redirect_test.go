package filter

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
	"schulhof/store/storetest"
)

// Where redirect leads: RFC 5228 §4.2, RFC 3894 (copy).
func TestRedirect(t *testing.T) {
	t.Parallel()
	const all = `require ["copy", "fileinto", "variables", "envelope", "mailbox"];` + "\n"
	runCases(t, Options{}, []filterCase{
		{name: "to a friend", script: `redirect "FRIEND@school.test";`, want: []string{"FRIEND INBOX: hello"}},
		{name: "with a copy", script: all + `redirect :copy "FRIEND@school.test";`, want: []string{"INBOX: hello", "FRIEND INBOX: hello"}},
		{name: "redirect and keep", script: `redirect "FRIEND@school.test"; keep;`, want: []string{"INBOX: hello", "FRIEND INBOX: hello"}},
		{name: "the same address twice", script: `redirect "FRIEND@school.test"; redirect "FRIEND@School.TEST"; redirect "FRIEND@school.test";`,
			want: []string{"FRIEND INBOX: hello"}},
		{name: "to a detail", script: all + `redirect "FRIEND+trash@school.test";`, want: []string{"FRIEND Trash: hello"}},
		{name: "a name beside the address", script: `redirect "Fritz <FRIEND@school.test>";`, want: []string{"FRIEND INBOX: hello"}},
		{name: "elsewhere, from the owner, because SPF would fail", script: `redirect "me@home.example";`, want: []string{"<ME@school.test> to me@home.example: hello"}},
		{name: "elsewhere, from one of us", script: `redirect "me@home.example";`, mail: parcel{from: "FRIEND@school.test"},
			want: []string{"<FRIEND@school.test> to me@home.example: hello"}},
		{name: "a bounce stays a bounce", script: `redirect "me@home.example";`, mail: parcel{from: "<>"}, want: []string{"<> to me@home.example: hello"}},
		{name: "elsewhere with a copy", script: all + `redirect :copy "me@home.example";`, want: []string{"INBOX: hello", "<ME@school.test> to me@home.example: hello"}},
		{name: "an address from the message", script: all + `if header :matches "x-to" "*" { redirect "${1}"; }`,
			mail: parcel{text: hello("ME", "hello", "X-To: me@home.example")}, want: []string{"<ME@school.test> to me@home.example: hello"}},
		{name: "what is no address", script: all + `if header :matches "x-to" "*" { redirect "${1}"; }`,
			mail: parcel{text: hello("ME", "hello", "X-To: a@b.example, c@d.example")},
			want: []string{`INBOX: fault: line 2, column 33: script main: "a@b.example, c@d.example" is no mail address`, "INBOX: hello"}},
		{name: "there is no way out", script: `redirect "me@home.example";`, mail: parcel{island: true},
			want: []string{"INBOX: fault: this server does not send mail to other servers", "INBOX: hello"}},
		{name: "nobody there", script: `redirect "nobody@school.test";`,
			want: []string{"INBOX: fault: nobody@school.test cannot get mail: no such address: nobody@school.test", "INBOX: hello"}},
		{name: "five are not too many", script: `redirect "a@x.example"; redirect "b@x.example"; redirect "c@x.example"; redirect "d@x.example"; redirect "FRIEND@school.test";`,
			want: []string{"FRIEND INBOX: hello", "<ME@school.test> to a@x.example: hello", "<ME@school.test> to b@x.example: hello",
				"<ME@school.test> to c@x.example: hello", "<ME@school.test> to d@x.example: hello"}},
		{name: "six are", script: all + `redirect "a@x.example"; redirect "b@x.example"; redirect "c@x.example"; redirect "d@x.example"; redirect "e@x.example"; redirect "f@x.example";`,
			want: []string{"INBOX: fault: line 2, column 121: script main: more than 5 redirects", "INBOX: hello"}},
		{name: "what came back stays", script: `redirect "me@home.example";`, mail: parcel{text: hello("ME", "hello", "x-sieve-redirected-from:  ME@School.Test")},
			want: []string{"INBOX: hello"}},
		{name: "what another was sent on goes on", script: `redirect "me@home.example";`, mail: parcel{text: hello("ME", "hello", "X-Sieve-Redirected-From: FRIEND@school.test")},
			want: []string{"<ME@school.test> to me@home.example: hello"}},
		{name: "to oneself", script: `redirect "ME@school.test";`, want: []string{"INBOX: hello"}},
		{name: "junk sent on is no junk there", script: `redirect "FRIEND@school.test";`, mail: parcel{junk: true}, want: []string{"FRIEND INBOX: hello"}},
	})
}

// TestWhatIsSentOn: the bytes behind the header are the same, the way is written on top, and who sent the message is still known.
func TestWhatIsSentOn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s, Options{}, "anna", "ben")
		w.script("anna", `redirect "ben@school.test"; redirect "anna@home.example";`)
		body := "8-bit: \xfc\r\n.\r\n..\r\nend without a line end"
		own := "From: =?utf-8?q?L=C3=A9na?= <lena@else.example>\r\nTo: anna@school.test\r\nSubject: Gr\u00fc\u00dfe\r\n folded\r\nDKIM-Signature: v=1; b=x\r\n\r\n" + body
		w.receive(parcel{to: []string{"anna@school.test"}, text: "Return-Path: <lena@else.example>\r\nReceived: from a by b; x\r\n" + own})
		const way = "Delivered-To: anna@school.test\r\nX-Sieve-Redirected-From: anna@school.test\r\nReceived: from a by b; x\r\n"
		if got, want := w.letters("ben", "INBOX"), "Return-Path: <lena@else.example>\r\n"+way+own; len(got) != 1 || got[0] != want {
			t.Errorf("ben has %q, want %q", got, want)
		}
		out, err := w.mail.AppendBody(nil, w.queue[0].Message.Blob.Location())
		w.must(err)
		if string(out) != way+own {
			t.Errorf("what leaves is %q, want %q: without a Return-Path, the rest byte for byte", out, way+own)
		}
	})
}

// TestRedirectsAreCounted: a day has so many, then the mail stays and the owner hears of it once; tomorrow it goes on. Who counts is the owner.
func TestRedirectsAreCounted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s, Options{Redirects: 3}, "anna", "ben", "fritz")
		w.again = true // nothing is counted twice when a transaction runs again
		for _, name := range []string{"anna", "ben"} {
			w.script(name, `redirect "fritz@school.test"; redirect "me@home.example";`)
		}
		one := func(name, subject string) {
			w.receive(parcel{to: []string{name + "@school.test"}, text: hello(name, subject)})
		}
		one("anna", "1")
		one("anna", "2") // the third is sent, the fourth is one too many: nothing of this message goes on
		if got, want := w.has("anna"), []string{"INBOX: 2", "INBOX: fault: more than 3 messages were sent on today"}; !slices.Equal(got, want) {
			t.Errorf("anna has %q, want %q", got, want)
		}
		if got := w.sent(); len(got) != 1 {
			t.Errorf("%q left, want one message", got)
		}
		if got := len(w.letters("fritz", "INBOX")); got != 1 {
			t.Errorf("fritz has %d messages, want 1", got)
		}
		one("anna", "3")
		if got := w.has("anna"); len(got) != 3 || !slices.Contains(got, "INBOX: 3") {
			t.Errorf("anna has %q, want one more message and no second notice", got)
		}
		one("ben", "1")
		if got := w.sent(); len(got) != 1 {
			t.Errorf("ben's sending on: %q, want one: anna's are not his", got)
		}
		w.wait(24 * time.Hour)
		one("anna", "4")
		if got := w.sent(); len(got) != 1 {
			t.Errorf("on the next day %q left, want one message", got)
		}
	})
}

// TestRedirectsFollowTheRules: a filter reaches nobody whom its owner may not write to, and other servers only for roles that may.
func TestRedirectsFollowTheRules(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchool(t, s, Options{Outside: map[directory.Role]bool{directory.Teacher: true}}, "anna", "ben", "t-otto")
		refuse := directory.Refuse
		from, err := w.dir.Party("student")
		w.must(err)
		to, err := w.dir.Party("t-otto@school.test")
		w.must(err)
		_, err = w.dir.SetRule(t.Context(), from, to, directory.RuleChange{Decision: &refuse})
		w.must(err)
		w.script("anna", `redirect "anna@home.example";`)
		w.script("ben", `redirect "t-otto@school.test";`)
		w.script("t-otto", `redirect "otto@home.example";`)
		for _, name := range []string{"anna", "ben", "t-otto"} {
			w.receive(parcel{to: []string{name + "@school.test"}, text: hello(name, "to "+name)})
		}
		if got, want := w.has("anna"), []string{"INBOX: fault: your account may not send mail on to other servers", "INBOX: to anna"}; !slices.Equal(got, want) {
			t.Errorf("anna has %q, want %q", got, want)
		}
		if got := w.has("ben"); len(got) != 2 || !strings.HasPrefix(got[0], "INBOX: fault: ") || got[1] != "INBOX: to ben" {
			t.Errorf("ben has %q, want the message and why it was not sent on", got)
		}
		if got, want := w.sent(), []string{"<t-otto@school.test> to otto@home.example: to t-otto"}; !slices.Equal(got, want) {
			t.Errorf("%q left, want %q", got, want)
		}
	})
}

// TestChainsOfRedirects: filters that send on to each other, in a row or in circles, end; every message is somewhere.
func TestChainsOfRedirects(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 14 {
		names = append(names, fmt.Sprintf("p%02d", i))
	}
	w := newSchool(t, storetest.Open(t), Options{}, append(names, "ring0", "ring1", "ring2", "fan", "both")...)
	for i, name := range names[:13] {
		w.script(name, fmt.Sprintf(`redirect "%s@school.test";`, names[i+1]))
	}
	for i := range 3 {
		w.script(fmt.Sprintf("ring%d", i), fmt.Sprintf(`redirect "ring%d@school.test";`, (i+1)%3))
	}
	w.receive(parcel{to: []string{"p00@school.test", "ring0@school.test"}, text: hello("p00", "hop")})
	for i, name := range names {
		if got, want := len(w.has(name)), map[bool]int{true: 1}[i == maxDepth]; got != want {
			t.Errorf("%s has %d messages, want %d: the chain ends after %d hops", name, got, want, maxDepth)
		}
	}
	if a, b, c := len(w.has("ring0")), len(w.has("ring1")), len(w.has("ring2")); a+b+c != 1 || a != 1 {
		t.Errorf("the ring has %d, %d, %d messages, want one where it came in", a, b, c)
	}
	// The copies of a chain carry its whole way.
	if got := w.letters(names[maxDepth], "INBOX"); strings.Count(got[0], redirectedFrom) != maxDepth {
		t.Errorf("the way is %q", got[0])
	}
}

// TestAMessageCannotMultiply: two who each send on to two lead to no more messages than one may lead to.
func TestAMessageCannotMultiply(t *testing.T) {
	t.Parallel()
	names := []string{"end"}
	for level := range 4 {
		for i := range 4 {
			names = append(names, fmt.Sprintf("l%dn%d", level, i))
		}
	}
	w := newSchool(t, storetest.Open(t), Options{Redirects: 1000}, names...)
	for level := range 4 {
		for i := range 4 {
			var script strings.Builder
			for to := range 4 {
				if level < 3 {
					fmt.Fprintf(&script, "redirect \"l%dn%d@school.test\";", level+1, to)
				}
			}
			if level == 3 {
				script.WriteString(`redirect "end@school.test";`)
			}
			w.script(fmt.Sprintf("l%dn%d", level, i), script.String())
		}
	}
	w.receive(parcel{to: []string{"l0n0@school.test"}, text: hello("l0n0", "many")})
	total := 0
	for _, name := range names {
		total += len(w.has(name))
	}
	if total == 0 || total > maxSent+1 {
		t.Errorf("one message led to %d, want 1 to %d", total, maxSent+1)
	}
}

// TestWhoseNameIsSigned: what leaves is signed in the name that From has when that is certain to be true. What comes from somebody who may
// only claim it, and what a script has put into another's name, is not.
func TestWhoseNameIsSigned(t *testing.T) {
	t.Parallel()
	const on = `redirect "me@home.example";`
	const edit = `require "editheader"; deleteheader "From"; addheader "From" "head@school.test"; `
	w := newSchool(t, storetest.Open(t), Options{}, "anna", "ben")
	bens := strings.ReplaceAll(hello("anna", "hello"), "lena@else.example", "ben@school.test")
	tests := []struct {
		name, script string
		mail         parcel
		want         string // the domain that signs
	}{
		{"what somebody elsewhere wrote", on, parcel{text: hello("anna", "hello")}, ""},
		{"what claims to be of ours", on, parcel{text: bens}, ""},
		{"what one of us wrote", on, parcel{from: "ben@school.test", certain: true, text: bens}, "school.test"},
		{"in a name elsewhere", on, parcel{from: "ben@school.test", certain: true, text: hello("anna", "hello")}, ""},
		{"in another's name, by a script", edit + on, parcel{from: "ben@school.test", certain: true, text: bens}, ""},
		{"in two names, by a script", `require "editheader"; addheader :last "From" "head@school.test"; ` + on,
			parcel{from: "ben@school.test", certain: true, text: bens}, ""},
		{"with another subject", `require "editheader"; addheader "X-Seen" "yes"; ` + on, parcel{from: "ben@school.test", certain: true, text: bens}, "school.test"},
		{"an answer", `require "vacation"; vacation "away";`, parcel{text: hello("anna", "hello")}, "school.test"},
		{"a refusal", `require "reject"; reject "no";`, parcel{certain: true, text: hello("anna", "hello")}, "school.test"},
	}
	for _, tt := range tests {
		w.script("anna", tt.script)
		tt.mail.to = []string{"anna@school.test"}
		w.receive(tt.mail)
		if len(w.queue) != 1 || w.queue[0].Signed != tt.want {
			t.Errorf("%s: %+v left, want one message signed by %q", tt.name, w.queue, tt.want)
		}
		w.queue = nil
	}
	// A script of his sends on what hers answers, and what hers has put into another's name.
	w.script("ben", on)
	for script, want := range map[string]string{`require "vacation"; vacation :handle "b" "away";`: "school.test", edit + `redirect "ben@school.test";`: ""} {
		w.script("anna", script)
		w.receive(parcel{from: "ben@school.test", to: []string{"anna@school.test"}, certain: true, text: bens})
		if len(w.queue) != 1 || w.queue[0].Signed != want {
			t.Errorf("%s: %+v left, want one message signed by %q", script, w.queue, want)
		}
		w.queue = nil
	}
}

// TestNotices: what this server tells of a message is its own, whoever wrote the message: it leaves signed, from <>, and nobody is answered.
func TestNotices(t *testing.T) {
	t.Parallel()
	w := newSchool(t, storetest.Open(t), Options{}, "anna")
	spool := w.mail.NewSpool()
	defer spool.Close()
	if _, err := spool.Write([]byte("Return-Path: <>\r\nFrom: 7b@school.test\r\nTo: 7b@school.test\r\nSubject: Decide\r\n\r\nja?\r\n")); err != nil {
		t.Fatal(err)
	}
	notice, err := w.mail.Prepare(t.Context(), spool)
	w.must(err)
	defer notice.Release()
	for script, want := range map[string]string{
		`redirect "me@home.example";`:                                            "<> to me@home.example: Decide school.test",
		`require "vacation"; vacation :addresses "7b@school.test" "away"; keep;`: "kept",
		`require "reject"; reject "no";`:                                         "kept",
		`require "envelope"; if envelope "from" "" { stop; } discard;`:           "kept",
	} {
		w.script("anna", script)
		plan, err := w.Decide(t.Context(), &Request{
			Sender: "lena@else.example", Outside: true, Body: strings.NewReader(""),
			To: []Recipient{{To: mailbox.To{Owner: w.id["anna"], Message: notice}, Notice: true}},
		})
		w.must(err)
		w.queue = plan.Outgoing
		signed := ""
		for _, o := range plan.Outgoing {
			signed += " " + o.Signed
		}
		got := strings.Join(w.sent(), " ") + signed
		if len(plan.Copies) == 1 && plan.Copies[0].Message == notice && plan.Refused[0] == nil {
			got += "kept"
		}
		plan.Release()
		if got != want {
			t.Errorf("%s: %s, want %s", script, got, want)
		}
	}
}
