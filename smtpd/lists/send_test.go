package lists

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// policies are domains with a strict one.
type policies map[string]bool

func (p policies) Strict(_ context.Context, domain string) (bool, error) {
	if domain == "broken.example" {
		return false, errors.New("no answer")
	}
	return p[domain], nil
}

// post sends a message to lists as smtpd does, and returns what became of it.
func (w *school) post(text string, groups ...directory.Group) error {
	w.t.Helper()
	ctx := context.Background()
	m := Mailing{Message: strings.NewReader(text), Size: int64(len(text)), TraceID: "trace", Certain: !strings.Contains(text, "X-Claim")}
	at := map[directory.ID]bool{}
	for _, g := range groups {
		list, err := w.dir.Resolve(ctx, g.Address, "")
		if err != nil && !fault.Is(err, fault.Refused) {
			return err
		}
		m.Groups = append(m.Groups, g.ID)
		for _, one := range list {
			if !at[one.Account] {
				at[one.Account] = true
				m.To, m.Lists = append(m.To, mailbox.To{Owner: one.Account}), append(m.Lists, one.List)
			}
		}
	}
	c, err := w.lists.Prepare(ctx, &m)
	if err != nil {
		return err
	}
	defer c.Release()
	_, err = w.mail.Deliver(ctx, mailbox.Delivery{Recipients: m.To, Also: c.Enqueue})
	return err
}

// body reads a message that left.
func (w *school) body(m Outgoing) string {
	w.t.Helper()
	spool, err := w.lists.spoolHeld(context.Background(), &Held{blob: w.blob(m.Message)})
	w.check(err)
	defer spool.Close()
	b, err := io.ReadAll(io.NewSectionReader(spool, 0, spool.Size()))
	w.check(err)
	return string(m.Prefix) + string(b)
}

// blob makes a reference to a message, so that it can be read.
func (w *school) blob(p *mailbox.Prepared) (id store.BlobID) {
	w.t.Helper()
	w.check(w.store.Write(context.Background(), func(tx *store.Tx) (err error) {
		id, err = tx.Reference(p.Blob)
		return err
	}))
	return id
}

// Members elsewhere get the list's form with a sender and a way out of their own, signed, and not in the name of an author who forbids it.
func TestMembersElsewhere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		w := newSchoolOn(t, s, Options{Policy: policies{"bank.example": true}, LeaveAt: "https://mail.school.test/leave/"})
		w.queue.keep = true
		w.check(w.dir.AddExternals(ctx, w.group.ID, []string{"oma@example.org", "Opa@Example.ORG", "oma@example.org"}))
		tests := []struct{ name, from, want string }{
			{"one of ours", "Anna <anna@school.test>", "From: Anna <anna@school.test>\r\n"},
			{"whose domain does not mind", "lena@example.org", "From: lena@example.org\r\n"},
			{"whose domain minds", "Max <max@bank.example>", "From: \"Max (Klasse 7b)\" <7b@school.test>\r\n"},
			{"two at once", "a@bank.example, b@bank.example", "From: a@bank.example, b@bank.example\r\n"},
		}
		for _, tt := range tests {
			w.queue.got = nil
			w.check(w.post(crlf("Return-Path: <x@y>", "Received: by x", "From: "+tt.from, "", "text"), w.group))
			if len(w.queue.got) != 2 {
				t.Fatalf("%s: %d messages left, want 2", tt.name, len(w.queue.got))
			}
			senders := map[string]bool{}
			for _, m := range w.queue.got {
				body := w.body(m)
				x, err := w.dir.ExternalByToken(m.Tag)
				if err != nil || len(m.Recipients) != 1 || m.Recipients[0] != x.Address || m.Sender != "7b+bounce-"+m.Tag+"@school.test" || m.Account != 0 {
					t.Errorf("%s: %+v, %v", tt.name, m, err)
				}
				senders[m.Sender] = true
				want := "List-Unsubscribe: <https://mail.school.test/leave/" + m.Tag + ">,\r\n <mailto:7b+leave-" + m.Tag + "@school.test>\r\n" +
					"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nList-Id: "
				if m.Signed != "school.test" || m.Sealed != "school.test" || !strings.HasPrefix(body, want) || !strings.Contains(body, tt.want) || strings.Contains(body, "Return-Path") {
					t.Errorf("%s: %s", tt.name, body)
				}
			}
			if len(senders) != 2 || w.queue.got[0].Message != w.queue.got[1].Message {
				t.Errorf("%s: %d senders of two, one body %t", tt.name, len(senders), w.queue.got[0].Message == w.queue.got[1].Message)
			}
		}
		if err := w.post(crlf("From: a@broken.example", "", "x"), w.group); err == nil {
			t.Error("a policy that nobody knows now: sent all the same")
		}
	})
}

// Who only claims to be one of ours reaches members elsewhere in the list's name, and is vouched for in no other.
func TestClaimsOfOurs(t *testing.T) {
	t.Parallel()
	w := newSchoolOn(t, storetest.Open(t), Options{Policy: policies{}})
	w.queue.keep = true
	w.check(w.dir.AddExternals(context.Background(), w.group.ID, []string{"oma@example.org"}))
	tests := []struct {
		name, from, want string
		signed           bool
	}{
		{"one of ours, so they say", "Tina <tina@school.test>", "From: \"Tina (Klasse 7b)\" <7b@school.test>\r\n", true},
		{"somebody elsewhere", "lena@example.net", "From: lena@example.net\r\n", true},
		{"two", "lena@example.net, tina@school.test", "From: lena@example.net, tina@school.test\r\n", false},
	}
	for _, tt := range tests {
		w.queue.got = nil
		w.check(w.post(crlf("X-Claim: only", "From: "+tt.from, "", "x"), w.group))
		body := w.body(w.queue.got[0])
		if signed := w.queue.got[0].Signed; !strings.Contains(body, tt.want) || (signed == "school.test") != tt.signed || w.queue.got[0].Sealed != "school.test" {
			t.Errorf("%s: signed by %q: %s", tt.name, signed, body)
		}
	}
}

// Without a way to ask for policies every author elsewhere is rewritten: it is never refused for that.
func TestUnknownPoliciesAreStrict(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	w.queue.keep = true
	w.check(w.dir.AddExternals(context.Background(), w.group.ID, []string{"oma@example.org"}))
	w.check(w.post(crlf("From: lena@example.net", "", "x"), w.group))
	if body := w.body(w.queue.got[0]); !strings.Contains(body, "From: \"lena (Klasse 7b)\" <7b@school.test>\r\n") {
		t.Errorf("sent %s", body)
	}
}

// Somebody in two groups gets one copy, and each group's form is stored once.
func TestTwoLists(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		w := newSchoolOn(t, s, Options{})
		choir, err := w.dir.AddGroup(ctx, directory.Group{Name: "chor", Kind: directory.Club, ToSender: true})
		w.check(err)
		w.check(w.dir.AddMembers(ctx, choir.ID, []directory.ID{w.id["ben"], w.id["adi"]}, false))
		w.check(w.post(letter("x"), w.group, choir))
		if got := w.counts(); got != "adi 1 anna 1 ben 1 tina 1" {
			t.Errorf("got %s", got)
		}
		var contents int
		w.check(s.Read(ctx, func(tx *store.Tx) error { return tx.QueryRow(`SELECT COUNT(*) FROM content`).Scan(&contents) }))
		if contents != 2 {
			t.Errorf("%d bodies are stored, want 2", contents)
		}
		for name, id := range map[string]string{"ben": "7b.school.test", "adi": "chor.school.test"} {
			if body := w.inbox(name)[0]; !strings.Contains(body, id) {
				t.Errorf("%s got %s", name, body)
			}
		}
	})
}

const report = "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nsorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n" +
	"Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; oma@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n--b--\r\n"

// Mail that comes back counts once a day; after five such days in a row nothing more is sent there, until somebody resumes it.
func TestBounces(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		w := newSchoolOn(t, s, Options{})
		w.check(w.dir.AddExternals(ctx, w.group.ID, []string{"oma@example.org", "opa@example.org"}))
		w.check(w.post(letter("x"), w.group))
		token := ""
		for _, m := range w.queue.got {
			if m.Recipients[0] == "oma@example.org" {
				token = m.Tag
			}
		}
		back := func(text string) directory.External {
			t.Helper()
			w.check(w.lists.Returned(ctx, token, strings.NewReader(text), int64(len(text))))
			x, err := w.dir.ExternalByToken(token)
			w.check(err)
			return x
		}
		day := func(n int) { w.clock.Add(int64(time.Duration(n) * 24 * time.Hour)) }
		for _, harmless := range []string{strings.Replace(report, "failed", "delayed", 1), "Auto-Submitted: auto-replied\r\n\r\nAction: failed\r\n", ""} {
			if x := back(harmless); x.Bounces != 0 {
				t.Errorf("%q counts", harmless)
			}
		}
		for range 3 {
			if x := back(report); x.Bounces != 1 {
				t.Errorf("the same day: %d", x.Bounces)
			}
		}
		day(8)
		if x := back(report); x.Bounces != 1 {
			t.Errorf("after a week without: %d", x.Bounces)
		}
		for n := 2; n <= directory.MaxBounces; n++ {
			day(1)
			if x := back(report); x.Bounces != n || x.Paused != (n == directory.MaxBounces) {
				t.Errorf("day %d: %+v", n, x)
			}
		}
		send := func() (to []string) {
			t.Helper()
			w.queue.got = nil
			w.check(w.post(letter("y"), w.group))
			for _, m := range w.queue.got {
				to = append(to, m.Recipients...)
			}
			return to
		}
		if got := strings.Join(send(), " "); got != "opa@example.org" {
			t.Errorf("sent to %s", got)
		}
		w.check(w.dir.ResumeExternals(ctx, w.group.ID, []string{"oma@example.org"}))
		if got := strings.Join(send(), " "); got != "oma@example.org opa@example.org" {
			t.Errorf("resumed, sent to %s", got)
		}
		w.check(w.lists.Leave(ctx, token))
		w.check(w.lists.Leave(ctx, token)) // twice is no error
		if got := strings.Join(send(), " "); got != "opa@example.org" {
			t.Errorf("left, sent to %s", got)
		}
		text := report
		w.check(w.lists.Returned(ctx, token, strings.NewReader(text), int64(len(text)))) // from one who has left
	})
}

// A mail to alle@ with 1,500 members: one stored body, visible to all with one commit. RELIABILITY wants it below a second.
func BenchmarkAll1500(b *testing.B) {
	ctx := context.Background()
	w := newSchool(b)
	all, err := w.dir.AddGroup(ctx, directory.Group{Name: "alle", Kind: directory.All, ToSender: true})
	w.check(err)
	var list []directory.NewAccount
	for i := range 1500 {
		list = append(list, directory.NewAccount{Address: "pupil" + newToken()[:6] + string(rune('a'+i%26)) + "@school.test", Role: directory.Student, Password: "richtig-Pferd-9"})
	}
	accounts, _, err := w.dir.AddAccounts(ctx, list)
	w.check(err)
	var ids []directory.ID
	for _, a := range accounts {
		ids = append(ids, a.ID)
	}
	w.check(w.dir.AddMembers(ctx, all.ID, ids, false))
	text := letter("x") + strings.Repeat("Ein Satz, den alle lesen sollen.\r\n", 300)
	began := time.Now()
	for b.Loop() {
		w.check(w.post(text, all))
	}
	b.ReportMetric(time.Since(began).Seconds()/float64(b.N), "s/mail")
	var contents int
	w.check(w.store.Read(ctx, func(tx *store.Tx) error { return tx.QueryRow(`SELECT COUNT(*) FROM content`).Scan(&contents) }))
	if contents != 1 {
		b.Errorf("%d bodies are stored, want 1", contents)
	}
}
