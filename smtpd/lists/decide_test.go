package lists

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"pgregory.net/rapid"
)

// A held message tells its owners, and is sent once when one of them answers, in the list's form.
func TestModeration(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		w := newSchoolOn(t, s, Options{})
		w.check(w.dir.AddExternals(ctx, w.group.ID, []string{"oma@example.org"}))
		w.archive()
		token := w.hold("Wandertag")
		if got := w.counts(); got != "tina 1" {
			t.Fatalf("after holding: %s, want tina's notice alone", got)
		}
		notice := w.inbox("tina")[0]
		if got := links(notice); len(got) != 1 || got[0] != "7b+decide-"+token+"@school.test" {
			t.Errorf("the notice leads to %q: %s", got, notice)
		}
		for _, part := range []string{"Reply-To: <7b+decide-", "Auto-Submitted: auto-generated", "Wandertag", "Anna <anna@school.test>", "Return-Path: <>"} {
			if !strings.Contains(notice, part) {
				t.Errorf("the notice has no %q: %s", part, notice)
			}
		}
		if p, got, ok := w.lists.ParseAddress(ctx, links(notice)[0]); !ok || p != PurposeDecide || got != token {
			t.Errorf("the notice's address is read as %q %q %t", p, got, ok)
		}
		if _, err := w.lists.DecideByMail(ctx, token, true, w.id["anna"]); !fault.Is(err, fault.Forbidden) {
			t.Errorf("anna decides: %v", err)
		}
		h, err := w.lists.DecideByMail(ctx, token, true, w.id["tina"])
		if err != nil || h.State != StateApproved || h.DecidedBy != "tina@school.test" {
			t.Fatalf("tina decides: %+v, %v", h, err)
		}
		if got := w.counts(); got != "anna 1 ben 1 tina 2" {
			t.Errorf("after the decision: %s", got)
		}
		if body := w.inbox("ben")[0]; !strings.Contains(body, "List-Id: \"Klasse 7b\" <7b.school.test>\r\n") {
			t.Errorf("ben got %s", body)
		}
		if len(w.queue.got) != 1 || w.queue.got[0].Recipients[0] != "oma@example.org" || !strings.HasPrefix(w.queue.got[0].Sender, "7b+bounce-") {
			t.Errorf("elsewhere went %+v", w.queue.got)
		}
		if got := w.bodies(w.group.ID); len(got) != 1 || got[0] != w.inbox("ben")[0] {
			t.Errorf("the archive has %q", got)
		}
		if _, err := w.lists.Decide(ctx, h.ID, true, "again"); err != nil {
			t.Errorf("the same again: %v", err)
		}
		if _, err := w.lists.Decide(ctx, h.ID, false, "late"); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "approved by tina@school.test") {
			t.Errorf("the other way: %v", err)
		}
		if got := w.counts(); got != "anna 1 ben 1 tina 2" {
			t.Errorf("after all: %s", got)
		}
		w.sound()
	})
}

// What leaves after it was held is signed in the name in which it would have left at once.
func TestWhoSignsWhatWasHeld(t *testing.T) {
	t.Parallel()
	anna := Held{Account: 1, Sender: "anna@school.test"}
	tests := []struct {
		name, head, want string
		held             Held
	}{
		{"its author", "Subject: x\r\nFrom: Anna <anna@club.test>\r\n", "club.test", anna},
		{"the first of two", "From: anna@club.test,\r\n anna@school.test\r\n", "club.test", anna},
		{"its sender, when nobody can read who wrote it", "From: anna\r\n", "school.test", anna},
		{"its sender, when nobody says who wrote it", "", "school.test", anna},
		{"whom a receipt names", "From: anna@school.test\r\n", "school.test", Held{Account: 1}},
		{"nobody", "", "", Held{Account: 1}},
		{"nobody of ours", "From: anna@school.test\r\n", "", Held{Sender: "anna@school.test"}},
	}
	for _, tt := range tests {
		if got := tt.held.signer([]byte(tt.head)); got != tt.want {
			t.Errorf("%s: signed by %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestRejectionAndExpiry(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		w := newSchoolOn(t, s, Options{})
		token := w.hold("eins")
		_, err := w.lists.DecideByMail(ctx, token, false, w.id["adi"]) // an administrator may
		w.check(err)
		if got := w.inbox("anna"); len(got) != 1 || !strings.Contains(got[0], "nicht freigegeben") || !strings.Contains(got[0], "Betreff / Subject: eins") {
			t.Errorf("anna was told %q", got)
		}
		late := w.hold("zwei")
		w.clock.Add(int64(HoldFor - time.Second))
		w.check(w.lists.Expire(ctx))
		if got := w.states(); got != "rejected waiting" {
			t.Errorf("a second before: %s", got)
		}
		w.clock.Add(int64(time.Second))
		if _, err := w.lists.DecideByMail(ctx, late, true, w.id["tina"]); !fault.Is(err, fault.Expired) {
			t.Errorf("too late, before anyone has looked: %v", err)
		}
		w.check(w.lists.Expire(ctx))
		if got := w.states(); got != "rejected expired" {
			t.Errorf("afterwards: %s", got)
		}
		if _, err := w.lists.DecideByMail(ctx, late, true, w.id["tina"]); !fault.Is(err, fault.Expired) {
			t.Errorf("too late: %v", err)
		}
		if got := w.counts(); got != "anna 2 tina 2" { // two refusals, two notices
			t.Errorf("in the end: %s", got)
		}
		w.clock.Add(int64(KeepDecided))
		w.check(w.lists.Expire(ctx))
		if got := w.states(); got != "" {
			t.Errorf("remembered for ever: %s", got)
		}
		if _, err := w.lists.DecideByMail(ctx, late, true, w.id["tina"]); !fault.Is(err, fault.NotFound) {
			t.Errorf("forgotten: %v", err)
		}
		w.sound()
	})
}

// A message beyond a limit waits for an administrator; they are told once an hour of an account, however many there are.
func TestBeyondALimit(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		w := newSchoolOn(t, s, Options{})
		beyond := NewHeld{Reason: ReasonLimit, Recipients: []string{"ben@school.test", "7b@school.test", "lena@example.org", "gone@school.test"}}
		token := w.holdFor(beyond, "eins")
		w.holdFor(beyond, "zwei")
		w.clock.Add(int64(tellEvery - time.Second))
		w.holdFor(beyond, "drei")
		if got := w.counts(); got != "adi 1" {
			t.Errorf("within an hour: %s", got)
		}
		w.clock.Add(int64(time.Second))
		w.holdFor(beyond, "vier")
		if got := w.counts(); got != "adi 2" {
			t.Errorf("after an hour: %s", got)
		}
		if _, err := w.lists.DecideByMail(ctx, token, true, w.id["tina"]); !fault.Is(err, fault.Forbidden) {
			t.Errorf("an owner of a group decides about a limit: %v", err)
		}
		_, err := w.lists.DecideByMail(ctx, token, true, w.id["adi"])
		w.check(err)
		if got := w.counts(); got != "adi 2 anna 1 ben 1 tina 1" {
			t.Errorf("let through: %s", got)
		}
		if body := w.inbox("ben")[0]; strings.Contains(body, "List-Id") { // addressed himself, too: one copy
			t.Errorf("ben got %s", body)
		}
		if len(w.queue.got) != 1 || w.queue.got[0].Account != w.id["anna"] || w.queue.got[0].Sender != "anna@school.test" || w.queue.got[0].Recipients[0] != "lena@example.org" ||
			w.queue.got[0].Signed != "school.test" || w.queue.got[0].Sealed != "" {
			t.Errorf("elsewhere went %+v", w.queue.got)
		}
		w.sound()
	})
}

// Many at once tell the administrators once.
func TestToldOnceByMany(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newSchoolOn(t, s, Options{})
		p := w.prepare(letter("x"))
		defer p.Release()
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				err := w.lists.HoldAll(context.Background(), NewHeld{
					Reason: ReasonLimit, Account: w.id["anna"], Sender: "anna@school.test", Recipients: []string{"ben@school.test"}, Message: p,
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if got := w.counts(); got != "adi 1" {
			t.Errorf("told: %s", got)
		}
	})
}

// Too many at once for a group are refused, and so is what nobody could decide.
func TestHoldIsBounded(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newSchool(t)
	p := w.prepare(letter("x"))
	defer p.Release()
	n := NewHeld{Reason: ReasonModeration, Group: w.group.ID, Recipients: []string{w.group.Address}, Message: p}
	w.check(w.store.Write(ctx, func(tx *store.Tx) error {
		for i := range MaxHeld {
			h := Held{token: fmt.Sprint(i), Reason: ReasonModeration, Group: w.group.ID, State: StateWaiting}
			blob, err := tx.Reference(p.Blob)
			if err != nil {
				return err
			}
			if err := insertHeld(tx, &h, blob); err != nil {
				return err
			}
		}
		return nil
	}))
	if err := w.lists.HoldAll(ctx, n); !fault.Is(err, fault.Limit) {
		t.Errorf("one more: %v", err)
	}
	w.check(w.dir.DeleteGroup(ctx, w.group.ID)) // what is held for it goes with it
	if got := w.states(); got != "" {
		t.Errorf("without the group: %s", got)
	}
	off := directory.Disabled
	w.check(w.dir.ChangeAccount(ctx, w.id["adi"], directory.AccountChange{State: &off}))
	n.Reason = ReasonLimit
	if err := w.lists.HoldAll(ctx, n); !fault.Is(err, fault.Refused) {
		t.Errorf("without administrators: %v", err)
	}
	w.sound()
}

// Whatever order people decide in, and however many at once: each message is sent once or not at all, and the first decision stands.
func TestExactlyOnce(t *testing.T) {
	storetest.ShortRun(t, 6)
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		w := newSchool(t)
		type model struct {
			token   string
			held    time.Time
			decided time.Time
			state   State
			subject string
		}
		var all []*model
		made := 0
		sent := map[string]int{}
		rt.Repeat(map[string]func(*rapid.T){
			"hold": func(rt *rapid.T) {
				m := &model{held: w.now(), state: StateWaiting, subject: fmt.Sprintf("message-%d", made)}
				made++
				m.token = w.hold(m.subject)
				all = append(all, m)
			},
			"decide": func(rt *rapid.T) {
				if len(all) == 0 {
					return
				}
				m := rapid.SampledFrom(all).Draw(rt, "which")
				answers := rapid.SliceOfN(rapid.Bool(), 1, 3).Draw(rt, "answers, at once")
				overdue := !w.now().Before(m.held.Add(HoldFor))
				errs := make([]error, len(answers))
				var wait sync.WaitGroup
				for i, approve := range answers {
					wait.Go(func() { _, errs[i] = w.lists.DecideByMail(ctx, m.token, approve, w.id["tina"]) })
				}
				wait.Wait()
				if m.state == StateWaiting && !overdue { // one of them was the first
					h, err := w.lists.find(ctx, 0, m.token)
					w.check(err)
					m.state, m.decided = h.State, w.now()
					if m.state == StateApproved {
						sent[m.subject]++
					}
				}
				for i, approve := range answers {
					want := map[bool]State{true: StateApproved, false: StateRejected}[approve]
					switch {
					case m.state == want && errs[i] != nil,
						m.state != want && (m.state == StateApproved || m.state == StateRejected) && !fault.Is(errs[i], fault.Conflict),
						(m.state == StateExpired || m.state == StateWaiting) && !fault.Is(errs[i], fault.Expired):
						rt.Fatalf("%s is %s, answer %t: %v", m.subject, m.state, approve, errs[i])
					}
				}
			},
			"time goes by": func(rt *rapid.T) {
				w.clock.Add(int64(time.Duration(rapid.IntRange(1, 5).Draw(rt, "days")) * 24 * time.Hour))
				w.check(w.lists.Expire(ctx))
				for _, m := range all {
					if m.state == StateWaiting && !w.now().Before(m.held.Add(HoldFor)) {
						m.state, m.decided = StateExpired, w.now()
					}
				}
				all = slices.DeleteFunc(all, func(m *model) bool { // forgotten
					return m.state != StateWaiting && !w.now().Before(m.decided.Add(KeepDecided))
				})
			},
		})
		got := map[string]int{}
		for _, body := range w.inbox("ben") {
			_, rest, _ := strings.Cut(body, "Subject: ")
			subject, _, _ := strings.Cut(rest, "\r\n")
			got[subject]++
		}
		if fmt.Sprint(got) != fmt.Sprint(sent) {
			rt.Fatalf("ben got %v, want %v", got, sent)
		}
		w.sound()
	})
}
