package smtpd

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"schulhof/directory"
)

// judge is a Checker that says what it is told to.
type judge struct {
	mu   sync.Mutex
	says Judgement
	err  error
	seen []Arrived
	read []string
}

func (j *judge) Check(_ context.Context, m Arrived) (Judgement, error) {
	b, err := io.ReadAll(m.Message)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seen, j.read = append(j.seen, m), append(j.read, string(b))
	return j.says, errors.Join(j.err, err)
}

func (j *judge) tell(says Judgement, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.says, j.err = says, err
}

func (j *judge) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.seen)
}

const checkedMail = "From: Lena <lena@example.org>\r\nSubject: x\r\n\r\nHallo\r\n"

func judged(t *testing.T) (*world, *judge) {
	j := &judge{}
	return newWorld(t, func(o *Options) { o.Checker, o.CheckLoopback = j, true }), j
}

func TestJudgementsBecomeReplies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		says  Judgement
		err   error
		reply string
	}{
		{"refused", Judgement{Action: ActionRefuse, Reason: "example.org asks to refuse it"}, nil, "550 5.7.1 example.org asks to refuse it"},
		{"refused without a reason", Judgement{Action: ActionRefuse}, nil, "550 5.7.1 The message does not come"},
		{"deferred", Judgement{Action: ActionDefer, Reason: "no answer\r\n250 OK"}, nil, "451 4.7.1 no answer??250 OK"},
		{"nobody knows", Judgement{}, errors.New("disk"), "451 4.3.0"},
		{"good", Judgement{Fields: []byte("Authentication-Results: x\r\n")}, nil, "250 2.0.0 OK"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, j := judged(t)
			j.tell(tt.says, tt.err)
			p := w.dial(doorMX)
			p.do("EHLO mail.example.org", "250")
			p.message("lena@example.org", []string{"anna@school.test"}, checkedMail, tt.reply)
			if got := len(w.inbox("anna")); (got == 1) != (tt.reply[0] == '2') {
				t.Errorf("%d messages delivered", got)
			}
			p.do("NOOP", "250") // the connection goes on
			m := j.seen[0]
			if m.Hello != "mail.example.org" || m.Sender != "lena@example.org" || !m.Client.IsLoopback() || j.read[0] != checkedMail ||
				!slices.Equal(m.Recipients, []string{"anna@school.test"}) {
				t.Errorf("asked about %+v, %q", m, j.read[0])
			}
		})
	}
}

func TestFieldsStandBeneathReturnPath(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, 600 << 10} { // in memory, and on disk
		w, j := judged(t)
		j.tell(Judgement{Fields: []byte("Authentication-Results: mail.school.test; none\r\n")}, nil)
		p := w.dial(doorMX)
		p.do("EHLO mail.example.org", "250")
		body := checkedMail + strings.Repeat("0123456789abcdef\r\n", size/18)
		p.message("lena@example.org", []string{"info@school.test"}, body, "250")
		got := w.inbox("anna")[0]
		want := "Return-Path: <lena@example.org>\r\nDelivered-To: info@school.test\r\nAuthentication-Results: mail.school.test; none\r\nReceived: from mail.example.org "
		if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "\r\n"+body) {
			t.Errorf("%d bytes: %q …", size, got[:min(len(got), 400)])
		}
	}
}

func TestJunkGoesToJunk(t *testing.T) {
	t.Parallel()
	w, j := judged(t)
	j.tell(Judgement{Action: ActionJunk, Fields: []byte("X-Test: 1\r\n")}, nil)
	if err := w.mail.Rename(context.Background(), w.id["ben"], "Junk", "Werbung"); err != nil {
		t.Fatal(err)
	}
	p := w.dial(doorMX)
	p.do("EHLO mail.example.org", "250")
	p.message("lena@example.org", []string{"anna@school.test", "ben+Mathe@school.test"}, checkedMail, "250")
	if n := len(w.inbox("anna")) + len(w.inbox("ben")); n != 0 {
		t.Errorf("%d messages in the inboxes", n)
	}
	if a, b := len(w.box("anna", "Junk")), len(w.box("ben", "Werbung")); a != 1 || b != 1 {
		t.Errorf("%d and %d messages in the mailboxes for junk, want 1 each", a, b)
	}
}

// What people taught decides for each of them, in the place of what holds for all; what they taught nothing of, Action decides.
func TestPeopleSortForThemselves(t *testing.T) {
	t.Parallel()
	w, j := judged(t)
	var asked []directory.ID
	only := func(who string) func(context.Context, []directory.ID) []bool {
		return func(_ context.Context, to []directory.ID) []bool {
			asked = to
			junk := make([]bool, len(to))
			for i, id := range to {
				junk[i] = id == w.id[who]
			}
			return junk
		}
	}
	p := w.dial(doorMX)
	p.do("EHLO mail.example.org", "250")
	send := func(says Judgement) {
		t.Helper()
		j.tell(says, nil)
		p.message("lena@example.org", []string{"anna@school.test", "ben@school.test"}, checkedMail, "250")
	}
	count := func(when string, want ...int) {
		t.Helper()
		for i, box := range []struct{ who, name string }{{"anna", "INBOX"}, {"anna", "Junk"}, {"ben", "INBOX"}, {"ben", "Junk"}} {
			if got := len(w.box(box.who, box.name)); got != want[i] {
				t.Errorf("%s: %d messages in %s of %s, want %d", when, got, box.name, box.who, want[i])
			}
		}
	}
	send(Judgement{Personal: only("anna")})
	count("anna does not want it", 0, 1, 1, 0)
	if len(asked) != 2 {
		t.Errorf("asked for %v", asked)
	}
	send(Judgement{Action: ActionJunk, Personal: only("ben")})
	count("junk for all, but anna wants it", 1, 1, 1, 1)
	send(Judgement{Action: ActionJunk, Personal: func(context.Context, []directory.ID) []bool { return nil }})
	count("nobody has an opinion", 1, 2, 1, 2)
	j.tell(Judgement{Action: ActionRefuse, Personal: func(context.Context, []directory.ID) []bool {
		t.Error("asked about a message that is refused")
		return nil
	}}, nil)
	p.message("lena@example.org", []string{"anna@school.test"}, checkedMail, "550")
}

// What our own people send is looked at by a checker of its own, which knows who they are.
func TestSubmissionsAreChecked(t *testing.T) {
	t.Parallel()
	j, other := &judge{}, &judge{}
	w := newWorld(t, func(o *Options) { o.SubmissionChecker, o.Checker, o.CheckLoopback = j, other, true })
	send := func(says Judgement, want string, delivered int) {
		t.Helper()
		j.tell(says, nil)
		p := loggedIn(w, doorSubmission, "anna")
		p.message("anna@school.test", []string{"ben@school.test"}, "From: anna@school.test\r\nSubject: x\r\n\r\nHallo\r\n", want)
		if got := len(w.inbox("ben")); got != delivered {
			t.Errorf("%s: %d messages delivered, want %d", want, got, delivered)
		}
	}
	send(Judgement{Action: ActionRefuse, Reason: "The message has a virus: x"}, "550 5.7.1 The message has a virus: x", 0)
	send(Judgement{Action: ActionDefer, Reason: "later"}, "451 4.7.1 later", 0)
	send(Judgement{}, "250", 1)
	if m := j.seen[0]; m.Login != "anna" || !strings.HasSuffix(j.read[0], "\r\n\r\nHallo\r\n") {
		t.Errorf("asked about %+v, %q", m, j.read[0])
	}
	p := w.dial(doorMX)
	p.do("EHLO mail.example.org", "250")
	p.message("lena@example.org", []string{"anna@school.test"}, checkedMail, "250")
	if j.count() != 3 || other.count() != 1 || other.seen[0].Login != "" {
		t.Errorf("asked %d times about submissions, %d times about others", j.count(), other.count())
	}
}

// What the sender says about junk does not count, what a server says that we trust does.
func TestForgedSpamFieldsGo(t *testing.T) {
	t.Parallel()
	w, _ := judged(t)
	for _, trusted := range []bool{false, true} {
		p := w.dial(doorMX)
		if trusted {
			w = newWorld(t, func(o *Options) { o.Checker = &judge{} })
			p = w.dial(doorMX)
		}
		p.do("EHLO mail.example.org", "250")
		p.message("lena@example.org", []string{"anna@school.test"}, "X-Spam-Status: No\r\nX-Spam-Flag: NO\r\n"+checkedMail, "250")
		if got := strings.Contains(w.inbox("anna")[0], "X-Spam-"); got != trusted {
			t.Errorf("trusted %v: fields kept: %v", trusted, got)
		}
	}
}

// Who is trusted, and what has been refused already, is not judged.
func TestWhoIsNotJudged(t *testing.T) {
	t.Parallel()
	j := &judge{says: Judgement{Action: ActionRefuse}}
	w := newWorld(t, func(o *Options) { o.Checker = j })
	p := w.dial(doorMX)
	p.do("EHLO x.example", "250")
	p.message("lena@example.org", []string{"anna@school.test"}, checkedMail, "250") // from loopback
	w, j = judged(t)
	j.says.Action = ActionRefuse
	p = w.dial(doorLMTP)
	p.do("LHLO x.example", "250")
	p.message("lena@example.org", []string{"anna@school.test"}, checkedMail, "250")
	p = w.dial(doorMX)
	p.do("EHLO x.example", "250")
	p.message("lena@example.org", []string{"anna@school.test"}, "From: a@b.test\r\n"+checkedMail, "550 5.6.0")
	p = loggedIn(w, doorSubmission, "anna")
	p.message("anna@school.test", []string{"ben@school.test"}, "Subject: x\r\n\r\n", "250")
	if n := j.count(); n != 0 {
		t.Errorf("judged %d times", n)
	}
}

// The queue is told who signs what leaves, each time it does: the author's domain, or that of the account whose name was missing. What stays is
// as it came.
func TestWhatLeavesIsSigned(t *testing.T) {
	t.Parallel()
	q := &outbound{}
	w := newWorld(t, func(o *Options) { o.Outbound = q })
	if err := w.dir.AddDomain(context.Background(), "club.test"); err != nil {
		t.Fatal(err)
	}
	if err := w.dir.AddAlias(context.Background(), directory.Alias{Address: "anna@club.test", Targets: []string{"anna@school.test"}}); err != nil {
		t.Fatal(err)
	}
	p := loggedIn(w, doorSubmission, "anna")
	for _, tt := range []struct{ name, sender, from, want string }{
		{"in her name", "anna@school.test", "From: Anna <anna@school.test>\r\n", "school.test"},
		{"in another one of hers", "anna@school.test", "From: anna@club.test\r\n", "club.test"},
		{"in two of them", "anna@school.test", "From: anna@club.test, anna@school.test\r\n", "club.test"},
		{"in none", "anna@club.test", "", "club.test"},
		{"a receipt", "", "From: anna@school.test\r\n", "school.test"},
	} {
		q.got = nil
		p.message(tt.sender, []string{"ben@school.test"}, tt.from+"Subject: x\r\n\r\nHallo\r\n", "250")
		if len(q.got) != 0 {
			t.Errorf("%s: what stays went to the queue", tt.name)
		}
		p.message(tt.sender, []string{"ben@school.test", "lena@example.org"}, tt.from+"Subject: x\r\n\r\nHallo\r\n", "250")
		if len(q.got) != 1 || q.got[0].Signed != tt.want || q.got[0].Sealed != "" {
			t.Errorf("%s: the queue got %+v, want it signed by %s", tt.name, q.got, tt.want)
		}
	}
	for _, text := range w.inbox("ben") {
		if strings.Contains(text, "DKIM-Signature") {
			t.Errorf("signed: %s", text)
		}
	}
}
