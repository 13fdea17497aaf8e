package lists

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// The first decision stands, whatever comes after it and by whom.
func TestFirstDecisionStands(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	ctx := context.Background()
	const yes, no, late = "yes", "no", "nobody in time"
	tests := []struct {
		first, second string
		state         State
		kind          fault.Kind // of the second answer; 0: none
	}{
		{yes, yes, StateApproved, 0},
		{yes, no, StateApproved, fault.Conflict},
		{no, no, StateRejected, 0},
		{no, yes, StateRejected, fault.Conflict},
		{late, yes, StateExpired, fault.Expired},
		{late, no, StateExpired, fault.Expired},
	}
	for _, tt := range tests {
		token := w.hold(tt.first + ", then " + tt.second)
		if tt.first == late {
			w.clock.Add(int64(HoldFor))
			w.check(w.lists.Expire(ctx))
		} else {
			_, err := w.lists.DecideByMail(ctx, token, tt.first == yes, w.id["tina"])
			w.check(err)
		}
		before := w.counts()
		h, err := w.lists.DecideByMail(ctx, token, tt.second == yes, w.id["adi"])
		if h.State != tt.state || (err != nil) != (tt.kind != 0) || err != nil && !fault.Is(err, tt.kind) {
			t.Errorf("%s, then %s: %s, %v", tt.first, tt.second, h.State, err)
		}
		if by := map[bool]string{false: "tina@school.test", true: ""}[tt.first == late]; h.DecidedBy != by {
			t.Errorf("%s, then %s: by %q, want %q", tt.first, tt.second, h.DecidedBy, by)
		}
		if after := w.counts(); after != before {
			t.Errorf("%s, then %s: %s became %s", tt.first, tt.second, before, after)
		}
	}
	w.sound()
}

// Two owners answer at once, each in their way: one of them is right, and the other is told so.
func TestTwoModerators(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		w := newSchoolOn(t, s, Options{})
		w.check(w.dir.AddMembers(ctx, w.group.ID, []directory.ID{w.id["adi"]}, true))
		token := w.hold("Ausflug")
		if got := w.counts(); got != "adi 1 tina 1" {
			t.Errorf("told: %s", got)
		}
		var errs [2]error
		var wait sync.WaitGroup
		for i, who := range []string{"tina", "adi"} {
			wait.Go(func() { _, errs[i] = w.lists.DecideByMail(ctx, token, i == 0, w.id[who]) })
		}
		wait.Wait()
		h, err := w.lists.find(ctx, 0, token)
		w.check(err)
		want := map[State]string{StateApproved: "adi 2 anna 1 ben 1 tina 2", StateRejected: "adi 1 anna 1 tina 1"}[h.State]
		winner := map[State]int{StateApproved: 0, StateRejected: 1}[h.State]
		if errs[winner] != nil || !fault.Is(errs[1-winner], fault.Conflict) || w.counts() != want {
			t.Errorf("%s: %v; %s, want %s", h.State, errs, w.counts(), want)
		}
		w.sound()
	})
}

// Who decides: the owners that the group has when the answer comes, and every administrator; nobody who was one.
func TestWhoDecides(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newSchool(t)
	token := w.hold("x")
	w.check(w.dir.RemoveMembers(ctx, w.group.ID, []directory.ID{w.id["tina"]}))
	for _, who := range []string{"tina", "anna", "ben"} {
		if _, err := w.lists.DecideByMail(ctx, token, true, w.id[who]); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s decides: %v", who, err)
		}
	}
	if _, err := w.lists.DecideByMail(ctx, token, true, 4711); !fault.Is(err, fault.NotFound) {
		t.Errorf("nobody decides: %v", err)
	}
	if _, err := w.lists.DecideByMail(ctx, newToken(), true, w.id["adi"]); !fault.Is(err, fault.NotFound) {
		t.Errorf("about nothing: %v", err)
	}
	w.hold("y") // without an owner administrators are told
	if got := w.counts(); got != "adi 1 tina 1" {
		t.Errorf("told: %s", got)
	}
	if h, err := w.lists.DecideByMail(ctx, token, false, w.id["adi"]); err != nil || h.DecidedBy != "adi@school.test" {
		t.Errorf("an administrator: %+v, %v", h, err)
	}
}

// brokenQueue takes nothing.
type brokenQueue struct{}

func (brokenQueue) Enqueue(*store.Tx, Outgoing) error { return errors.New("no room") }

// A decision that cannot be carried out is none: nobody has the message, and it can be made again.
func TestDecisionIsOneCommit(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newSchool(t)
	w.archive()
	w.check(w.dir.AddExternals(ctx, w.group.ID, []string{"oma@example.org"}))
	token := w.hold("x")
	w.lists.o.Queue = brokenQueue{}
	if _, err := w.lists.DecideByMail(ctx, token, true, w.id["tina"]); err == nil {
		t.Error("decided without a queue")
	}
	if got := w.counts(); got != "tina 1" || w.states() != "waiting" || len(w.bodies(w.group.ID)) != 0 {
		t.Errorf("after that: %s, %s, %d in the archive", got, w.states(), len(w.bodies(w.group.ID)))
	}
	w.lists.o.Queue = w.queue
	if _, err := w.lists.DecideByMail(ctx, token, true, w.id["tina"]); err != nil || len(w.queue.got) != 1 || len(w.bodies(w.group.ID)) != 1 {
		t.Errorf("again: %v, %d left, %d in the archive", err, len(w.queue.got), len(w.bodies(w.group.ID)))
	}
	w.sound()
}

// Somebody whom a held message reaches in several ways gets it once: by two groups, an alias of both, and by name.
func TestHeldForMany(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newSchool(t)
	choir, err := w.dir.AddGroup(ctx, directory.Group{Name: "chor", Kind: directory.Club, ToSender: true})
	w.check(err)
	w.check(w.dir.AddMembers(ctx, choir.ID, []directory.ID{w.id["ben"], w.id["adi"]}, false))
	w.check(w.dir.AddAlias(ctx, directory.Alias{Address: "beide@school.test", Targets: []string{"chor@school.test", "7b@school.test"}}))
	w.check(w.dir.AddAlias(ctx, directory.Alias{Address: "alle@school.test", Targets: []string{"beide@school.test", "tina@school.test"}}))
	w.check(w.dir.AddExternals(ctx, choir.ID, []string{"oma@example.org"}))
	token := w.holdFor(NewHeld{Reason: ReasonLimit, Recipients: []string{"tina@school.test", "alle@school.test", "beide@school.test", "7b@school.test", "lena@example.org"}}, "x")
	_, err = w.lists.DecideByMail(ctx, token, true, w.id["adi"])
	w.check(err)
	if got := w.counts(); got != "adi 2 anna 1 ben 1 tina 1" { // one of adi's is the notice
		t.Errorf("got %s", got)
	}
	for name, id := range map[string]string{"ben": "<chor.school.test>", "anna": "<7b.school.test>", "tina": ""} {
		body := w.inbox(name)[0]
		if !strings.Contains(body, id) || strings.Contains(body, "List-Id") != (id != "") {
			t.Errorf("%s got %s", name, body)
		}
	}
	var to []string
	for _, m := range w.queue.got {
		to = append(to, m.Recipients...)
	}
	if got := strings.Join(to, " "); got != "lena@example.org oma@example.org" {
		t.Errorf("elsewhere: %s", got)
	}
	w.sound()
}

// With an account goes what is held of it, and with it the notices' way to decide.
func TestHeldOfAPurgedAccount(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newSchool(t)
	token := w.hold("x")
	gone := directory.Deleted
	w.check(w.dir.ChangeAccount(ctx, w.id["anna"], directory.AccountChange{State: &gone}))
	w.check(w.dir.PurgeAccount(ctx, w.id["anna"]))
	if _, err := w.lists.DecideByMail(ctx, token, true, w.id["tina"]); !fault.Is(err, fault.NotFound) || w.states() != "" {
		t.Errorf("decided %v, %s", err, w.states())
	}
	w.sound()
}

// A crowd that nobody has decided about expires in one call, and is forgotten in one.
func TestExpireMany(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newSchool(t)
	const many = expireAtOnce + 5
	p := w.prepare(letter("x"))
	defer p.Release()
	w.check(w.store.Write(ctx, func(tx *store.Tx) error {
		for i := range many {
			blob, err := tx.Reference(p.Blob)
			if err != nil {
				return err
			}
			h := Held{token: fmt.Sprint(i), Reason: ReasonModeration, Group: w.group.ID, State: StateWaiting, Expires: w.now().Add(HoldFor), Recipients: []string{w.group.Address}}
			if err := insertHeld(tx, &h, blob); err != nil {
				return err
			}
		}
		return nil
	}))
	w.clock.Add(int64(HoldFor))
	w.check(w.lists.Expire(ctx))
	if got := strings.Count(w.states(), "expired"); got != many || w.counts() != "" { // nobody of ours wrote them: nobody is told
		t.Errorf("%d of %d expired; %s", got, many, w.counts())
	}
	w.clock.Add(int64(KeepDecided))
	w.check(w.lists.Expire(ctx))
	if got := w.states(); got != "" {
		t.Errorf("remembered: %s", got)
	}
	w.sound()
}

// What an owner's program makes of a notice when they answer: what they write counts, what it quotes does not.
func TestAnswerQuotesTheNotice(t *testing.T) {
	t.Parallel()
	w := newSchool(t)
	token := w.hold("ja") // also as the held message's subject
	notice := w.inbox("tina")[0]
	if !strings.Contains(notice, token) {
		t.Fatalf("the notice: %s", notice)
	}
	_, body, _ := strings.Cut(notice, "\r\n\r\n")
	quoted := "> " + strings.ReplaceAll(strings.TrimSuffix(body, "\r\n"), "\r\n", "\r\n> ")
	const head = "From: tina@school.test\r\nSubject: =?utf-8?q?Re:_Freigabe_noetig?=\r\n"
	tests := []struct {
		name, in    string
		approve, ok bool
	}{
		{"above it", head + "\r\nJA\r\n\r\nAm Mittwoch schrieb Schulhof:\r\n" + quoted, true, true},
		{"above it, the other way", head + "\r\n\r\nnein, lieber nicht\r\n\r\n-----Original Message-----\r\n" + body, false, true},
		{"below it", head + "\r\n" + quoted + "\r\n\r\nja\r\n", false, false},
		{"nothing but it", head + "\r\nAm Mittwoch schrieb Schulhof:\r\n" + quoted, false, false},
		{"the notice itself comes back", notice, false, false},
		{"forwarded in a part", head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nok.\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + notice + "\r\n--b--\r\n", true, true},
		{"forwarded without a word", head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + notice + "\r\n--b--\r\n", false, false},
		{"the link's subject, encoded", "Subject: =?utf-8?q?_ja_?=\r\n\r\n" + quoted, true, true},
	}
	for _, tt := range tests {
		if approve, ok := Answer(strings.NewReader(tt.in), int64(len(tt.in))); approve != tt.approve || ok != tt.ok {
			t.Errorf("%s: %t %t, want %t %t", tt.name, approve, ok, tt.approve, tt.ok)
		}
	}
}

// Too many recipients, or a From that fills screens, are not kept.
func TestHeldIsSmall(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newSchool(t)
	p := w.prepare(crlf("From: \"A"+strings.Repeat("ä", 3*maxShown)+"\" <a@example.org>", "Subject: one\x01two", "", "x"))
	defer p.Release()
	n := NewHeld{Reason: ReasonModeration, Group: w.group.ID, Recipients: make([]string, maxRecipients+1), Message: p}
	if err := w.lists.HoldAll(ctx, n); !fault.Is(err, fault.Limit) {
		t.Errorf("%d recipients: %v", len(n.Recipients), err)
	}
	n.Recipients = []string{w.group.Address}
	w.check(w.lists.HoldAll(ctx, n))
	held, err := w.lists.Held(ctx, false)
	w.check(err)
	if h := held[0]; len([]rune(h.Author)) != maxShown+1 || !strings.HasSuffix(h.Author, "…") || strings.ContainsRune(h.Subject, '\x01') || h.Expires.Sub(h.Received) != HoldFor {
		t.Errorf("held: %+v", h)
	}
	var list []string
	for i := range 12 {
		list = append(list, fmt.Sprintf("p%d@example.org", i))
	}
	told := w.lists.refusalNotice(&Held{Sender: "anna@school.test", Recipients: list, Subject: "x"}, StateRejected)
	if last := told.body[len(told.body)-1]; !strings.Contains(last, "p9@example.org") || strings.Contains(last, "p10@") {
		t.Errorf("a refusal names %q", last)
	}
}

// A list's archive gets each message once, in the list's form; what was delivered before does not go there again.
func TestArchive(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newSchool(t)
	w.archive()
	choir, err := w.dir.AddGroup(ctx, directory.Group{Name: "chor", Kind: directory.Club})
	w.check(err)
	w.check(w.dir.AddExternals(ctx, w.group.ID, []string{"oma@example.org"}))
	for _, again := range []bool{false, true} {
		text := letter("x")
		m := Mailing{Message: strings.NewReader(text), Size: int64(len(text)), Groups: []directory.ID{choir.ID, w.group.ID}, TraceID: "t", Certain: true}
		c, err := w.lists.Prepare(ctx, &m)
		w.check(err)
		if again {
			c.Stay()
		}
		_, err = w.mail.Deliver(ctx, mailbox.Delivery{Recipients: c.Archive(), Also: c.Enqueue})
		w.check(err)
		c.Release()
	}
	if got := w.bodies(w.group.ID); len(got) != 1 || !strings.Contains(got[0], "Delivered-To: 7b@school.test\r\n") || len(w.queue.got) != 1 {
		t.Errorf("the archive has %q, %d left", got, len(w.queue.got))
	}
	w.sound()
}
