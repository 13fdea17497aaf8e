package queue

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"github.com/google/go-cmp/cmp"
)

// Held messages wait however long; released ones go at once and live from then on.
func TestHoldAndRelease(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx := context.Background()
		w := newWorld(t)
		w.net.answer = func(Target, Letter, Recipient) Result { return later }
		w.run()
		id := w.enqueue("a@example.org")
		synctest.Wait()
		if n, err := w.q.Hold(ctx, "wrong attachment", id); n != 1 || err != nil {
			t.Fatalf("Hold = %d, %v", n, err)
		}
		time.Sleep(2 * DefaultLifetime / 5)
		if n := len(w.inbox(w.anna)); n != 0 {
			t.Errorf("%d notices while held", n)
		}
		if _, err := w.q.Retry(ctx, id); err != nil {
			t.Errorf("Retry of a held one = %v", err)
		}
		synctest.Wait()
		e, err := w.q.Entry(ctx, id)
		if err != nil || e.State() != StateHeld || !e.Deliveries[0].Due.IsZero() || e.Deliveries[0].Tries != 1 {
			t.Errorf("held: %+v, %v", e, err)
		}
		w.net.set(func(n *internet) { n.answer = nil })
		if _, err := w.q.Release(ctx, id); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"a@example.org"}, w.net.arrived()); diff != "" {
			t.Error(diff)
		}
		for name, err := range map[string]error{
			"Hold without a reason": second(w.q.Hold(ctx, "", id)), "Hold with two lines": second(w.q.Hold(ctx, "a\nb", id)),
		} {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, err := range map[string]error{
			"Hold": second(w.q.Hold(ctx, "x", id)), "Release": second(w.q.Release(ctx, id)), "Retry": second(w.q.Retry(ctx, id)), "Drop": second(w.q.Drop(ctx, id)),
		} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s of what is gone: %v", name, err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

// What is held or dropped while a connection is at it is not sent any more.
func TestWithdrawnBeforeTheDot(t *testing.T) {
	for _, verb := range []string{"hold", "drop"} {
		t.Run(verb, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				ctx := context.Background()
				w := newWorld(t)
				w.net.hold = func(context.Context, Target) { time.Sleep(time.Second) }
				w.run()
				id := w.enqueue("a@example.org")
				time.Sleep(500 * time.Millisecond)
				var err error
				if verb == "hold" {
					_, err = w.q.Hold(ctx, "stop", id)
				} else {
					_, err = w.q.Drop(ctx, id)
				}
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if n := len(w.net.arrived()); n != 0 {
					t.Error("it was sent")
				}
				if n := len(w.waiting()); (n == 1) != (verb == "hold") {
					t.Errorf("%d wait", n)
				}
				w.check()
			})
		})
	}
}

// What is to be sent later is sent then; until then its sender can take it back.
func TestLaterAndUndo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx := context.Background()
		w := newWorld(t, func(o *Options) { o.Undo = 10 * time.Second })
		w.run()
		began := time.Now()
		send := func(to string) ID {
			return w.enqueueMessage(Message{Sender: "anna@school.test", Account: w.anna, TraceID: "x", NotBefore: w.q.TakeBackUntil(w.anna), Recipients: []Recipient{{Address: to}}})
		}
		send("a@example.org")
		regret := send("b@example.org")
		time.Sleep(9 * time.Second)
		if n := len(w.net.arrived()); n != 0 {
			t.Fatalf("%d arrived early", n)
		}
		if e, err := w.q.Entry(ctx, regret); err != nil || e.State() != StateScheduled || !strings.Contains(e.Deliveries[0].Why, "wants it sent later") {
			t.Errorf("%+v, %v", e, err)
		}
		if err := w.q.Withdraw(ctx, w.tina, regret); !fault.Is(err, fault.NotFound) {
			t.Errorf("somebody else takes it back: %v", err)
		}
		if err := w.q.Withdraw(ctx, w.anna, regret); err != nil {
			t.Errorf("Withdraw = %v", err)
		}
		time.Sleep(2 * time.Second)
		if diff := cmp.Diff([]string{"a@example.org"}, w.net.arrived()); diff != "" {
			t.Error(diff)
		}
		if at := w.net.sent()[0].at.Sub(began); at < 10*time.Second || at > 11*time.Second {
			t.Errorf("sent after %s", at)
		}
		if err := w.q.Withdraw(ctx, w.anna, regret); !fault.Is(err, fault.NotFound) {
			t.Errorf("taken back twice: %v", err)
		}
		id := w.enqueue("c@example.org")
		w.net.set(func(n *internet) { n.answer = func(Target, Letter, Recipient) Result { return later } })
		synctest.Wait()
		if err := w.q.Withdraw(ctx, w.anna, id); err == nil {
			t.Error("taken back after a try")
		}
		w.check()
	})
}

// A time can be set for what was never tried, and taken back by a retry.
func TestPostpone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx := context.Background()
		w := newWorld(t)
		id := w.enqueue("a@example.org")
		if n, err := w.q.Postpone(ctx, time.Now().Add(48*time.Hour), id); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		w.run()
		time.Sleep(47*time.Hour + 59*time.Minute)
		if len(w.net.arrived()) != 0 || len(w.inbox(w.anna)) != 0 {
			t.Fatal("sent early, or called late")
		}
		time.Sleep(2 * time.Minute)
		if len(w.net.arrived()) != 1 {
			t.Error("not sent when it was to be")
		}
		other := w.enqueueMessage(Message{Sender: "anna@school.test", Account: w.anna, TraceID: "x", NotBefore: time.Now().Add(time.Hour), Recipients: []Recipient{{Address: "b@example.org"}}})
		synctest.Wait()
		if _, err := w.q.Retry(ctx, other); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(w.net.arrived()) != 2 {
			t.Error("a retry does not send what was to be sent later")
		}
		w.net.set(func(n *internet) { n.answer = func(Target, Letter, Recipient) Result { return later } })
		third := w.enqueue("c@example.org")
		synctest.Wait()
		if _, err := w.q.Postpone(ctx, time.Now().Add(time.Hour), third); !fault.Is(err, fault.Refused) {
			t.Errorf("Postpone of what was tried: %v", err)
		}
	})
}

// TestPostponeInHand: what was put off while it was in hand, but not on its way, waits until then: whoever did that was told so.
func TestPostponeInHand(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		d, begun := w.newDesk(), time.Now()
		there, here := w.enqueue("a@example.org"), w.whole("t1", 0, "tina@school.test")
		put := func(id ID) error {
			if time.Since(begun) >= time.Hour {
				return nil
			}
			_, err := w.q.Postpone(context.Background(), begun.Add(time.Hour), id)
			return err
		}
		w.net.hold = func(context.Context, Target) {
			if err := put(there); err != nil {
				t.Error(err)
			}
		}
		d.fail = func() error { return put(here) }
		w.run()
		time.Sleep(59 * time.Minute)
		if len(w.net.arrived()) > 0 || len(d.has("t1")) > 0 {
			t.Error("they were sent before their time")
		}
		time.Sleep(2 * time.Minute)
		if len(w.net.arrived()) != 1 || len(d.has("t1")) != 1 || len(w.waiting()) > 0 {
			t.Errorf("%d and %d were sent, %d wait", len(w.net.arrived()), len(d.has("t1")), len(w.waiting()))
		}
	})
}

func TestUndoSettings(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, func(o *Options) { o.Undo = 5 * time.Second })
	if d := w.q.UndoOf(w.anna); d != 5*time.Second {
		t.Errorf("default: %s", d)
	}
	if err := w.q.SetUndo(ctx, w.anna, 0); err != nil {
		t.Fatal(err)
	}
	if err := w.q.SetUndo(ctx, w.tina, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	for _, d := range []time.Duration{-2, 31 * time.Second, 1500 * time.Millisecond} {
		if err := w.q.SetUndo(ctx, w.anna, d); !fault.Is(err, fault.Invalid) {
			t.Errorf("SetUndo(%s) = %v", d, err)
		}
	}
	again := w.open()
	if again.UndoOf(w.anna) != 0 || again.UndoOf(w.tina) != 30*time.Second || !again.TakeBackUntil(w.anna).IsZero() || again.TakeBackUntil(w.tina).IsZero() {
		t.Errorf("after a restart: %s, %s", again.UndoOf(w.anna), again.UndoOf(w.tina))
	}
	if err := again.SetUndo(ctx, w.tina, -1); err != nil || again.UndoOf(w.tina) != 0 {
		t.Errorf("back to the default: %v, %s", err, again.UndoOf(w.tina))
	}
	if _, err := New(ctx, w.s, w.mail, w.dir, Options{Undo: time.Minute}); err == nil {
		t.Error("an undo of a minute is taken")
	}
}

// Lists find what is asked for, on both dialects.
func TestFind(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		w := newWorldOn(t, s)
		one := w.enqueue("a@example.org", "B@Example.NET")
		two := w.enqueueMessage(Message{Sender: "Tina@school.test", Account: w.tina, TraceID: "trace2", Recipients: []Recipient{{Address: "a_b@sub.example.org"}}, NotBefore: time.Now().Add(time.Hour)})
		three := w.enqueueMessage(Message{TraceID: "trace3", Recipients: []Recipient{{Address: "axb@example.org"}}, Held: &Hold{Reason: "too many"}})
		tests := []struct {
			name string
			f    Filter
			want []ID
		}{
			{"all", Filter{}, []ID{one, two, three}},
			{"a sender", Filter{Sender: "ANNA@school.test"}, []ID{one}},
			{"a sender's domain", Filter{Sender: "@school.test"}, []ID{one, two}},
			{"a recipient", Filter{Recipient: "b@example.net"}, []ID{one}},
			{"a recipient with a letter that patterns know", Filter{Recipient: "a_b@sub.example.org"}, []ID{two}},
			{"a domain", Filter{Domain: "example.org"}, []ID{one, three}},
			{"a domain in capitals", Filter{Domain: "EXAMPLE.net"}, []ID{one}},
			{"no pattern", Filter{Domain: "e%"}, nil},
			{"held", Filter{State: StateHeld}, []ID{three}},
			{"new", Filter{State: StateNew}, []ID{one}},
			{"scheduled", Filter{State: StateScheduled}, []ID{two}},
			{"deferred", Filter{State: StateDeferred}, nil},
			{"sending", Filter{State: StateSending}, nil},
			{"old", Filter{Older: time.Hour}, nil},
			{"an account", Filter{Account: w.tina}, []ID{two}},
			{"a trace", Filter{Trace: "trace3"}, []ID{three}},
			{"all at once", Filter{Trace: "trace1", Sender: "@school.test", Recipient: "a@example.org", Domain: "example.org", State: StateNew, Account: w.anna}, []ID{one}},
		}
		for _, tt := range tests {
			got, err := w.q.Find(ctx, tt.f, 0)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.want)
			}
		}
		if got, err := w.q.Find(ctx, Filter{}, one); err != nil || !slices.Equal(got, []ID{two, three}) {
			t.Errorf("after the first: %v, %v", got, err)
		}
		if _, err := w.q.Entry(ctx, 4711); !fault.Is(err, fault.NotFound) {
			t.Errorf("Entry of nothing: %v", err)
		}
	})
}

// What cannot be sent or stored is refused before anything is written.
func TestEnqueueRefuses(t *testing.T) {
	w := newWorld(t)
	to := []Recipient{{Address: "a@example.org"}}
	tests := []struct {
		name string
		m    Message
		kind fault.Kind
	}{
		{"nobody", Message{}, fault.Invalid},
		{"no address", Message{Recipients: []Recipient{{Address: "anna"}}}, fault.Invalid},
		{"no local part", Message{Recipients: []Recipient{{Address: "@example.org"}}}, fault.Invalid},
		{"no domain", Message{Recipients: []Recipient{{Address: "a@"}}}, fault.Invalid},
		{"two lines", Message{Recipients: []Recipient{{Address: "a@b\r\nRCPT TO:<c@d>"}}}, fault.Invalid},
		{"NUL", Message{Sender: "a\x00@b", Recipients: to}, fault.Invalid},
		{"no UTF-8", Message{EnvID: "\xff", Recipients: to}, fault.Invalid},
		{"long", Message{Sender: strings.Repeat("a", 2000) + "@b", Recipients: to}, fault.Invalid},
		{"RET", Message{Ret: "ALL", Recipients: to}, fault.Invalid},
		{"a prefix", Message{Prefix: make([]byte, maxPrefix+1), Recipients: to}, fault.TooLarge},
		{"held without a reason", Message{Held: &Hold{}, Recipients: to}, fault.Invalid},
		{"everybody is told", Message{Held: &Hold{Reason: "x", Tell: make([]directory.ID, maxTell+1)}, Recipients: to}, fault.Limit},
	}
	for _, tt := range tests {
		if _, err := w.tryEnqueue(tt.m); !fault.Is(err, tt.kind) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.kind)
		}
	}
	if n := len(w.waiting()); n != 0 {
		t.Errorf("%d wait", n)
	}
}

// A domain with very many recipients gets them in several transactions.
func TestManyRecipients(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		var to []string
		for i := range 2*maxRecipientsAtOnce + 50 {
			to = append(to, fmt.Sprintf("p%03d@example.org", i))
		}
		w.enqueue(to...)
		w.run()
		synctest.Wait()
		var sizes []int
		for _, s := range w.net.sent() {
			sizes = append(sizes, len(s.rcpt))
		}
		slices.Sort(sizes)
		if !slices.Equal(sizes, []int{50, maxRecipientsAtOnce, maxRecipientsAtOnce}) {
			t.Errorf("transactions of %v", sizes)
		}
	})
}

// With an account goes what it has sent.
func TestPurge(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.enqueue("a@example.org", "b@example.net")
	w.enqueueMessage(Message{Sender: "tina@school.test", Account: w.tina, TraceID: "x", Recipients: []Recipient{{Address: "a@example.org"}}, Held: &Hold{Reason: "x", Tell: []directory.ID{w.anna}}})
	if err := w.q.SetUndo(ctx, w.anna, time.Second); err != nil {
		t.Fatal(err)
	}
	gone := directory.Deleted
	if err := w.dir.ChangeAccount(ctx, w.anna, directory.AccountChange{State: &gone}); err != nil {
		t.Fatal(err)
	}
	if err := w.dir.PurgeAccount(ctx, w.anna); err != nil {
		t.Fatal(err)
	}
	if list := w.waiting(); len(list) != 1 || list[0].Account != w.tina {
		t.Errorf("waiting: %+v", list)
	}
	if len(tellRows(t, w)) != 0 || w.q.UndoOf(w.anna) != 0 {
		t.Error("settings of a purged account are kept")
	}
	w.check()
}

func TestNotify(t *testing.T) {
	for _, words := range [][]string{nil, {"NEVER"}, {"SUCCESS", "DELAY"}, {"FAILURE"}} {
		if got := ParseNotify(words).Words(); !slices.Equal(got, words) {
			t.Errorf("%q became %q", words, got)
		}
	}
	if ParseNotify([]string{"SOMETIMES"}) != 0 {
		t.Error("an unknown word means something")
	}
}
