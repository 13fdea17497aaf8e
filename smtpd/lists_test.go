package smtpd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"schulhof/directory"
	"schulhof/smtpd/lists"
	"schulhof/store"
	"schulhof/store/storetest"
)

// listQueue keeps what lists send elsewhere.
type listQueue struct{ got []lists.Outgoing }

func (q *listQueue) Enqueue(tx *store.Tx, m lists.Outgoing) error {
	tx.AfterCommit(func() { q.got = append(q.got, m) })
	return nil
}

// listWorld is the small school with lists. Its accounts are pupils, so tina and voll change their roles.
func listWorld(t *testing.T, s *store.Store) (*world, *listQueue) {
	t.Helper()
	q := &listQueue{}
	w := newWorldOn(t, s, func(o *Options) {
		o.Outbound = &outbound{}
		o.Lists = lists.New(o.Store, o.Mail, o.Directory, lists.Options{Hostname: o.Hostname, Queue: q})
	})
	w.role("tina", directory.Teacher)
	w.role("voll", directory.Admin)
	return w, q
}

func (w *world) role(name string, r directory.Role) {
	w.t.Helper()
	if err := w.dir.ChangeAccount(context.Background(), w.id[name], directory.AccountChange{Role: &r}); err != nil {
		w.t.Fatal(err)
	}
}

// list sets who may write to a group.
func (w *world) list(name string, post directory.Posting) directory.Group {
	w.t.Helper()
	ctx := context.Background()
	g, err := w.dir.Group(ctx, name)
	if err == nil {
		err = w.dir.ChangeList(ctx, g.ID, directory.ListChange{Post: &post})
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return g
}

// Who may write to a group, by every door. Whoever is not certain to be of the school is somebody elsewhere.
func TestWhoMayPost(t *testing.T) {
	t.Parallel()
	w, _ := listWorld(t, storetest.Open(t))
	g := w.list("7b", "")
	if err := w.dir.AddExternals(context.Background(), g.ID, []string{"oma@example.org"}); err != nil {
		t.Fatal(err)
	}
	const yes, no = "250", "550 5.7.1 only"
	tests := []struct {
		post                                       directory.Posting
		member, other, teacher, outside, elsewhere string // anna; jürgen by LMTP, being no member; tina; lena; oma, a member elsewhere
	}{
		{"", yes, yes, yes, yes, yes}, // a class
		{directory.PostMembers, yes, no, yes, no, yes},
		{directory.PostStaff, no, no, yes, no, no},
		{directory.PostAnyone, yes, yes, yes, yes, yes},
		{directory.PostModerated, yes, yes, yes, yes, yes},
	}
	anna, tina := loggedIn(w, doorSubmission, "anna"), loggedIn(w, doorSubmission, "tina")
	mx, lmtp := greeted(w, doorMX, "EHLO"), greeted(w, doorLMTP, "LHLO")
	for _, tt := range tests {
		w.list("7b", tt.post)
		for _, to := range []string{"7b@school.test", "7B+x@school.test"} {
			anna.asks("anna@school.test", to, tt.member)
			lmtp.asks("voll@school.test", to, yes) // an administrator
			lmtp.asks("ben@school.test", to, tt.member)
			tina.asks("tina@school.test", to, tt.teacher)
			mx.asks("lena@example.org", to, tt.outside)
			mx.asks("oma@example.org", to, tt.elsewhere)
			lmtp.asks("info@school.test", to, tt.outside)
			mx.asks("", to, "550 5.7.1 A list takes no notices")
		}
	}
	w.list("7b", directory.PostMembers)
	other := directory.Student
	if _, _, err := w.dir.AddAccounts(context.Background(), []directory.NewAccount{{Address: "olaf@school.test", Role: other, Password: password}}); err != nil {
		t.Fatal(err)
	}
	lmtp.asks("olaf@school.test", "7b@school.test", no)
}

// The members get the list's form, whoever is addressed besides gets the message as it was, and nobody gets two.
func TestListForm(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w, q := listWorld(t, s)
		g := w.list("7b", "")
		if err := w.dir.AddExternals(context.Background(), g.ID, []string{"oma@example.org"}); err != nil {
			t.Fatal(err)
		}
		w.id["archive"] = g.ID
		if err := w.mail.ProvideGroup(context.Background(), g.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.dir.ChangeList(context.Background(), g.ID, directory.ListChange{Archive: new(true)}); err != nil {
			t.Fatal(err)
		}
		p := loggedIn(w, doorSubmission, "anna")
		text := "From: anna@school.test\r\nSubject: x\r\n\r\ntext\r\n"
		p.message("anna@school.test", []string{"7b@school.test", "ben@school.test", "lena@example.org", "7b+x@school.test"}, text, "250")
		for name, list := range map[string]bool{"anna": true, "ben": false, "tina": true, "archive": true} {
			bodies := w.inbox(name)
			if len(bodies) != 1 || strings.Contains(bodies[0], "List-Id: \"Klasse 7b\" <7b.school.test>\r\n") != list {
				t.Errorf("%s has %d, with the list's fields %t: %q", name, len(bodies), list, bodies)
			}
			if list && !strings.HasPrefix(bodies[0], "Return-Path: <anna@school.test>\r\nDelivered-To: 7b@school.test\r\nList-Id: ") {
				t.Errorf("%s has %q", name, bodies[0])
			}
		}
		if len(q.got) != 1 || q.got[0].Recipients[0] != "oma@example.org" {
			t.Errorf("elsewhere went %+v", q.got)
		}
		// What the list has sent comes back from there: it ends here.
		back := w.inbox("tina")[0]
		mx := greeted(w, doorMX, "EHLO")
		mx.message("oma@example.org", []string{"7b@school.test"}, back, "554 5.4.6")
		mx.message("oma@example.org", []string{"7b@school.test"}, "Auto-Submitted: auto-replied\r\nFrom: oma@example.org\r\n\r\nI am away\r\n", "550 5.7.1 a list takes no automatic answers")
		if n := len(w.inbox("tina")); n != 1 {
			t.Errorf("tina has %d messages", n)
		}
	})
}

// A list without a reader here is one all the same, if it has one elsewhere.
func TestListOnlyElsewhere(t *testing.T) {
	t.Parallel()
	w, q := listWorld(t, storetest.Open(t))
	g := w.list("leer", directory.PostAnyone)
	mx := greeted(w, doorMX, "EHLO")
	mx.asks("lena@example.org", "leer@school.test", "550")
	if err := w.dir.AddExternals(context.Background(), g.ID, []string{"oma@example.org"}); err != nil {
		t.Fatal(err)
	}
	mx.do("RSET", "250")
	mx.message("lena@example.org", []string{"leer@school.test"}, letter, "250")
	if len(q.got) != 1 {
		t.Errorf("%d messages left", len(q.got))
	}
	w.refuse("external", "external") // the contact policy is asked about them as well
	mx.asks("lena@example.org", "leer@school.test", "550 5.7.1 the school's contact rule")
}

// A message to a moderated list is taken and waits; its owner answers the notice, and it is sent once.
func TestModeratedByMail(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w, _ := listWorld(t, s)
		w.list("7b", directory.PostModerated)
		anna, tina := loggedIn(w, doorSubmission, "anna"), loggedIn(w, doorSubmission, "tina")
		text := "From: anna@school.test\r\nSubject: Wandertag\r\n\r\ntext\r\n"
		got := anna.message("anna@school.test", []string{"7b@school.test", "jürgen@school.test"}[:1], text, "250 2.0.0 OK id=")
		if !strings.Contains(got, "held until an owner lets it through") {
			t.Errorf("reply %q", got)
		}
		if got := w.deliveries(); got != "tina 1" {
			t.Fatalf("deliveries: %s, want tina's notice", got)
		}
		_, rest, _ := strings.Cut(w.inbox("tina")[0], "Reply-To: <")
		decide, _, _ := strings.Cut(rest, ">")
		answer := func(word string) string {
			return "From: tina@school.test\r\nSubject: Re: Freigabe\r\n\r\n" + word + "\r\n> old\r\n"
		}
		tina.message("tina@school.test", []string{decide}, answer("vielleicht"), "550 5.7.1 write yes or no")
		anna.message("anna@school.test", []string{decide}, strings.ReplaceAll(answer("ja"), "tina", "anna"), "550 5.7.1 this is not yours")
		greeted(w, doorMX, "EHLO").asks("lena@example.org", decide, "550 5.7.1 Log in")
		if got := tina.message("tina@school.test", []string{decide}, answer("Ja!"), "250"); !strings.HasSuffix(got, " approved") {
			t.Errorf("reply %q", got)
		}
		tina.message("tina@school.test", []string{decide}, answer("ja"), "250")
		tina.message("tina@school.test", []string{decide}, answer("nein"), "550 5.7.1 it was approved by tina@school.test already")
		if got := w.deliveries(); got != "anna 1 ben 1 tina 2" {
			t.Errorf("deliveries: %s", got)
		}
		tina.message("tina@school.test", []string{"7b@school.test"}, strings.ReplaceAll(text, "anna", "tina"), "250") // an owner's is not held
		if got := w.deliveries(); got != "anna 2 ben 2 tina 3" {
			t.Errorf("deliveries: %s", got)
		}
	})
}

// Who has mail sent on to an address elsewhere gets the question about a held message there: in the list's name, signed, whoever wrote the
// message, and from <>, so that nothing about it comes back to its author. A filter that refuses mail does not refuse the question.
func TestFiltersOfModerators(t *testing.T) {
	t.Parallel()
	w, _ := listWorld(t, storetest.Open(t))
	q := &sentOut{}
	w.srv.o.Outbound = q
	g := w.list("7b", directory.PostModerated)
	if err := w.dir.AddMembers(t.Context(), g.ID, []directory.ID{w.id["tina"]}, true); err != nil {
		t.Fatal(err)
	}
	w.filter("tina", `redirect "tina@else.example";`)
	mx, anna := greeted(w, doorMX, "EHLO"), loggedIn(w, doorSubmission, "anna")
	mx.message("lena@example.org", []string{"7b@school.test"}, letter, "250")
	anna.message("anna@school.test", []string{"7b@school.test"}, "From: anna@school.test\r\nSubject: x\r\n\r\ntext\r\n", "250")
	for _, m := range q.list {
		if m.Signed != "school.test" || m.Envelope.Sender != "" || m.Recipients[0].Address != "tina@else.example" {
			t.Errorf("the queue got %+v", m)
		}
	}
	if len(q.list) != 2 || w.deliveries() != "" {
		t.Errorf("%d questions left, delivered: %s", len(q.list), w.deliveries())
	}
	w.filter("tina", `require "reject"; reject "no";`)
	mx.message("lena@example.org", []string{"7b@school.test"}, letter+"2\r\n", "250")
	anna.message("anna@school.test", []string{"7b@school.test"}, "From: anna@school.test\r\nSubject: y\r\n\r\ntext\r\n", "250")
	if got := w.deliveries(); got != "tina 2" {
		t.Errorf("delivered: %s", got)
	}
}

// Beyond the sender's limit a message is taken and held as a whole, and the administrator is told.
func TestHeldBeyondTheLimit(t *testing.T) {
	t.Parallel()
	w, _ := listWorld(t, storetest.Open(t))
	unlimited := int64(0)
	if err := w.dir.ChangeAccount(context.Background(), w.id["voll"], directory.AccountChange{QuotaBytes: &unlimited}); err != nil {
		t.Fatal(err)
	}
	limit := int64(1)
	w.rule("anna", "anyone", directory.RuleChange{PerHour: &limit})
	p := loggedIn(w, doorSubmission, "anna")
	text := "From: anna@school.test\r\nSubject: x\r\n\r\ntext\r\n"
	if got := p.message("anna@school.test", []string{"ben@school.test", "tina@school.test"}, text, "250"); !strings.Contains(got, "held, the rule") {
		t.Errorf("reply %q", got)
	}
	p.message("anna@school.test", []string{"ben@school.test"}, text+"2\r\n", "250")
	if got := w.deliveries(); got != "ben 1 voll 1" {
		t.Errorf("deliveries: %s", got)
	}
	held, err := w.srv.o.Lists.Held(context.Background(), false)
	if err != nil || len(held) != 1 || !slices.Equal(held[0].Recipients, []string{"ben@school.test", "tina@school.test"}) {
		t.Fatalf("held %+v, %v", held, err)
	}
	if _, err := w.srv.o.Lists.Decide(context.Background(), held[0].ID, true, "the command line"); err != nil {
		t.Fatal(err)
	}
	if got := w.deliveries(); got != "ben 2 tina 1 voll 1" {
		t.Errorf("let through, deliveries: %s", got)
	}
}

// What comes back from a member elsewhere is counted and lies in no mailbox; a mail to the way out ends the membership.
func TestBouncesAtTheDoor(t *testing.T) {
	t.Parallel()
	w, q := listWorld(t, storetest.Open(t))
	g := w.list("7b", directory.PostAnyone)
	if err := w.dir.AddExternals(context.Background(), g.ID, []string{"oma@example.org"}); err != nil {
		t.Fatal(err)
	}
	mx := greeted(w, doorMX, "EHLO")
	mx.message("lena@example.org", []string{"7b@school.test"}, letter, "250")
	sender := q.got[0].Sender
	mx.asks("lena@example.org", sender, "550 5.7.1 This address only takes returned mail")
	mx.do("RSET", "250")
	report := "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nAction: failed\r\n--b--\r\n"
	mx.message("", []string{sender}, report, "250")
	if x, err := w.dir.ExternalByToken(q.got[0].Tag); err != nil || x.Bounces != 1 {
		t.Errorf("counted %+v, %v", x, err)
	}
	mx.message("oma@example.org", []string{strings.Replace(sender, "bounce", "leave", 1)}, letter, "250")
	if members, err := w.dir.Externals(g.ID); err != nil || len(members) != 0 {
		t.Errorf("left: %+v, %v", members, err)
	}
	if got := w.deliveries(); got != "anna 1 ben 1 tina 1" {
		t.Errorf("deliveries: %s", got)
	}
}

// Another server that comes again because one mailbox was full gives nobody a second copy, elsewhere neither.
func TestListsAndPartialRetries(t *testing.T) {
	t.Parallel()
	w, q := listWorld(t, storetest.Open(t))
	w.role("voll", directory.Student)
	g := w.list("7b", directory.PostAnyone)
	ctx := context.Background()
	if err := w.dir.AddExternals(ctx, g.ID, []string{"oma@example.org"}); err != nil {
		t.Fatal(err)
	}
	if err := w.dir.AddMembers(ctx, g.ID, []directory.ID{w.id["voll"]}, false); err != nil {
		t.Fatal(err)
	}
	mx := greeted(w, doorMX, "EHLO")
	for range 3 {
		mx.message("lena@example.org", []string{"7b@school.test"}, letter, "452 4.2.2")
	}
	if got := fmt.Sprint(w.deliveries(), " elsewhere ", len(q.got)); got != "anna 1 ben 1 tina 1 elsewhere 1" {
		t.Errorf("after three tries: %s", got)
	}
}
