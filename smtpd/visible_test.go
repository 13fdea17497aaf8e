package smtpd

import (
	"fmt"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/storetest"
)

// shown is a message of anna's that shows addresses.
func shown(fields ...string) string {
	return "From: anna@school.test\r\n" + strings.Join(fields, "\r\n") + "\r\nSubject: Trip\r\n\r\nx\r\n"
}

// Who shows many addresses elsewhere to each other is refused, or told, as set. Bcc and addresses of the school do not count.
func TestVisible(t *testing.T) {
	t.Parallel()
	many := make([]string, 4)
	for i := range many {
		many[i] = fmt.Sprintf("P%d <p%d@home.example>", i, i)
	}
	all := strings.Join(many, ", ")
	tests := []struct {
		name, text string
		over       bool
	}{
		{"three", shown("To: " + strings.Join(many[:3], ", ")), false},
		{"four", shown("To: " + all), true},
		{"four, folded", shown("To: " + strings.Join(many, ",\r\n ")), true},
		{"four in two fields", shown("To: "+many[0]+", "+many[1], "Cc: "+many[2]+", "+many[3]), true},
		{"four in a group", shown("To: Parents: " + all + ";"), true},
		{"four when sent again", shown("To: anna@school.test", "Resent-To: "+all), true},
		{"the same three twice", shown("To: "+strings.Join(many[:3], ", "), "Cc: P0@HOME.example, p1@home.example, p2@home.example"), false},
		{"four in Bcc", shown("To: anna@school.test", "Bcc: "+all), false},
		{"four of the school", shown("To: a@school.test, b@school.test, c@school.test, d@School.test"), false},
		{"nobody", shown("To: undisclosed-recipients:;"), false},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		bound := Visible{Max: 3, Refuse: true}
		w := newWorldOn(t, s, func(o *Options) { o.Outbound, o.Visible = &sentOut{}, bound })
		p := loggedIn(w, doorSubmission, "anna")
		to := []string{"p0@home.example"}
		for _, tt := range tests {
			want := "250"
			if tt.over {
				want = "550 5.7.1 To and Cc show 4 addresses elsewhere"
			}
			p.message("anna@school.test", to, tt.text, want)
		}
		if got := len(w.inbox("anna")); got != 0 {
			t.Errorf("anna has %d messages", got)
		}
		w.srv.o.Visible.Refuse = false
		p = loggedIn(w, doorSubmission, "anna")
		told := 0
		for _, tt := range tests {
			p.message("anna@school.test", to, tt.text, "250")
			if tt.over {
				told++
			}
			inbox := w.inbox("anna")
			if len(inbox) != told {
				t.Fatalf("%s: anna was told %d times, want %d", tt.name, len(inbox), told)
			}
		}
		notice := w.inbox("anna")[0]
		for _, part := range []string{"standen 4 Adressen", "had 4 addresses", "To: <anna@school.test>\r\n", "Auto-Submitted: auto-generated\r\n"} {
			if !strings.Contains(notice, part) {
				t.Errorf("the notice lacks %q:\n%s", part, notice)
			}
		}
		w.srv.o.Visible = Visible{}
		p.message("anna@school.test", to, shown("To: "+all), "250")
		if mx := greeted(w, doorMX, "EHLO"); mx != nil { // others' mail is theirs
			w.srv.o.Visible = bound
			mx.message("x@home.example", []string{"ben@school.test"}, "From: x@home.example\r\nTo: "+all+"\r\n\r\nx\r\n", "250")
		}
	})
}

// Who shows many addresses is told of that once for each message, when somebody got it.
func TestVisibleIsToldOnce(t *testing.T) {
	t.Parallel()
	const text = "From: anna@school.test\r\nTo: p0@home.example, p1@home.example\r\nSubject: x\r\nMessage-ID: <1@school.test>\r\n\r\n"
	outside, list := []string{"p0@home.example", "p1@home.example"}, []string{"7b@school.test"}
	w, _ := listWorld(t, storetest.Open(t))
	w.srv.o.Visible = Visible{Max: 1}
	g := w.list("7b", directory.PostModerated)
	if err := w.dir.AddMembers(t.Context(), g.ID, []directory.ID{w.id["tina"]}, true); err != nil {
		t.Fatal(err)
	}
	told := 0
	want := func(what string, n int) {
		t.Helper()
		if got := len(w.inbox("anna")) - told; got != n {
			t.Errorf("%s: anna was told %d times, want %d", what, got, n)
		}
		told += n
	}
	w.loseReply(t, doorSubmission, "anna@school.test", outside, text)
	want("sent", 1)
	p := w.ready(doorSubmission, "anna@school.test", outside)
	p.send(text + ".\r\n")
	p.want("250")
	want("sent again, for want of a reply", 0)
	p.message("anna@school.test", outside, text, "250")
	want("the same as another message", 1)
	p.message("anna@school.test", list, text+"held\r\n", "250 2.0.0 OK id=")
	want("held by its list", 0)
	p.message("anna@school.test", append(list, outside...), text+"half\r\n", "250")
	want("held by its list, and sent to others", 1)
	limit := int64(1)
	w.rule("anna", "anyone", directory.RuleChange{PerHour: &limit})
	if got := p.message("anna@school.test", outside, text+"more\r\n", "250"); !strings.Contains(got, "held, the rule") {
		t.Errorf("beyond the limit: %s", got)
	}
	want("held by a limit", 0)
}
