package queue

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// desk delivers submissions in a test: what it says of each recipient, and who got which message.
type desk struct {
	w      *world
	answer func(address string) Result // nil: 250
	fail   func() error                // called before the commit

	mu  sync.Mutex
	got map[string][]string // addresses, by trace
	at  []time.Time
}

func (w *world) newDesk() *desk {
	d := &desk{w: w, got: map[string][]string{}}
	w.q.OnDue(d.submit)
	return d
}

func (d *desk) submit(ctx context.Context, s Submission) ([]Result, error) {
	body, err := s.Body(ctx)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if _, err := io.Copy(io.Discard, body); err != nil {
		return nil, err
	}
	if d.fail != nil {
		if err := d.fail(); err != nil {
			return nil, err
		}
	}
	results := make([]Result, len(s.Recipients))
	var who []int
	for i, r := range s.Recipients {
		results[i] = Result{Code: 250, Enhanced: "2.0.0"}
		if d.answer != nil {
			results[i] = d.answer(r.Address)
		}
		if results[i].Code == 250 {
			who = append(who, i)
		}
	}
	if len(who) == 0 {
		return results, nil
	}
	return results, d.w.s.Write(ctx, func(tx *store.Tx) error {
		if err := s.Taken(tx, who); err != nil {
			return err
		}
		tx.AfterCommit(func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.at = append(d.at, time.Now())
			for _, i := range who {
				d.got[s.TraceID] = append(d.got[s.TraceID], s.Recipients[i].Address)
			}
		})
		return nil
	})
}

func (d *desk) has(trace string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.got[trace])
}

// whole enqueues a submission of anna's that waits.
func (w *world) whole(trace string, wait time.Duration, to ...string) ID {
	w.t.Helper()
	m := Message{Sender: "anna@school.test", Account: w.anna, TraceID: trace, Whole: true, NotBefore: time.Now().Add(wait)}
	for _, address := range to {
		m.Recipients = append(m.Recipients, Recipient{Address: address})
	}
	return w.enqueueMessage(m)
}

// TestWholeSubmissionWaits: for all recipients together, whatever their domain, and nothing of it is dialled.
func TestWholeSubmissionWaits(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		d := w.newDesk()
		var to []string
		for i := range 250 {
			to = append(to, fmt.Sprintf("p%d@school.test", i), fmt.Sprintf("p%d@example.org", i))
		}
		begun := time.Now()
		id := w.whole("t1", 10*time.Second, to...)
		e, err := w.q.Entry(t.Context(), id)
		if err != nil || len(e.Deliveries) != 1 || e.State() != StateScheduled || !strings.Contains(e.Deliveries[0].Why, "sent later") {
			t.Fatalf("it waits as %+v, %v", e, err)
		}
		w.run()
		time.Sleep(9 * time.Second)
		if len(d.has("t1")) > 0 {
			t.Error("it left too early")
		}
		time.Sleep(2 * time.Second)
		if got := d.has("t1"); !slices.Equal(got, to) || d.at[0].Sub(begun) < 10*time.Second {
			t.Errorf("%d got it at %s", len(got), d.at)
		}
		if len(w.waiting()) > 0 || len(w.net.dials) > 0 {
			t.Errorf("%d wait, %d dialled", len(w.waiting()), len(w.net.dials))
		}
		w.check()
	})
}

// TestWholeSubmissionInParts: who is refused is told to the author, who has no room gets it later, and nobody gets it twice.
func TestWholeSubmissionInParts(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		d := w.newDesk()
		var room atomic.Bool
		d.answer = func(address string) Result {
			switch {
			case address == "gone@school.test":
				return Result{Code: 550, Enhanced: "5.1.1", Text: "No such recipient here"}
			case address == "full@school.test" && !room.Load():
				return Result{Code: 452, Enhanced: "4.2.2", Text: "Mailbox is full", Temporary: true}
			}
			return Result{Code: 250, Enhanced: "2.0.0"}
		}
		id := w.whole("t1", time.Second, "gone@school.test", "tina@school.test", "full@school.test")
		w.run()
		time.Sleep(5 * time.Second)
		if got := d.has("t1"); !slices.Equal(got, []string{"tina@school.test"}) {
			t.Errorf("at first %q got it", got)
		}
		if err := w.q.Withdraw(t.Context(), w.anna, id); !fault.Is(err, fault.Conflict) {
			t.Errorf("take back what some have: %v", err)
		}
		room.Store(true)
		time.Sleep(time.Hour)
		if got := d.has("t1"); !slices.Equal(got, []string{"tina@school.test", "full@school.test"}) || len(w.waiting()) > 0 {
			t.Errorf("in the end %q got it, %d wait", got, len(w.waiting()))
		}
		if told := w.inbox(w.anna); len(told) != 1 || !strings.Contains(told[0], "gone@school.test") || strings.Contains(told[0], "full@school.test") {
			t.Errorf("anna was told %q", told)
		}
		w.check()
	})
}

// TestWholeSubmissionIsTriedAgain: while whoever delivers cannot, and after a restart.
func TestWholeSubmissionIsTriedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		d := w.newDesk()
		var broken atomic.Bool
		broken.Store(true)
		d.fail = func() error {
			if broken.Load() {
				return fault.New(fault.Unavailable, "no room")
			}
			return nil
		}
		w.whole("t1", time.Second, "tina@school.test")
		w.run()
		time.Sleep(time.Minute)
		w.halt()
		broken.Store(false)
		w.q = w.open()
		w.q.OnDue(d.submit)
		w.run()
		time.Sleep(3 * time.Hour)
		if got := d.has("t1"); len(got) != 1 || len(w.waiting()) > 0 {
			t.Errorf("%q got it, %d wait", got, len(w.waiting()))
		}
	})
}

// TestTakenBackOrSent: while messages come due their author takes them back. Each is sent or taken back, and none both.
func TestTakenBackOrSent(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		d := w.newDesk()
		const messages = 40
		ids := make([]ID, messages)
		for i := range ids {
			ids[i] = w.whole(fmt.Sprint("t", i), time.Duration(i)*time.Second/4, "tina@school.test", "oma@example.org")
		}
		w.run()
		back := make([]bool, messages)
		var all sync.WaitGroup
		for i, id := range ids {
			all.Go(func() {
				time.Sleep(time.Duration(i/4) * time.Second) // the second in which it is due
				err := w.q.Withdraw(context.Background(), w.anna, id)
				if back[i] = err == nil; err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Conflict) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		time.Sleep(time.Minute)
		for i := range ids {
			if got := d.has(fmt.Sprint("t", i)); back[i] && len(got) > 0 || !back[i] && len(got) != 2 {
				t.Errorf("message %d: taken back %t, %q got it", i, back[i], got)
			}
		}
		if n := len(w.waiting()); n > 0 {
			t.Errorf("%d wait", n)
		}
		w.check()
	})
}

// TestWholeSubmissionsAreBounded: nobody stores more in the queue than one would write ahead; others, and what does not wait whole, are free.
func TestWholeSubmissionsAreBounded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorldOn(t, s)
		var id ID
		for range maxWhole {
			id = w.whole("t", time.Hour, "tina@school.test")
		}
		one := Message{Sender: "anna@school.test", Account: w.anna, Whole: true, NotBefore: time.Now().Add(time.Hour), Recipients: []Recipient{{Address: "tina@school.test"}}}
		if _, err := w.tryEnqueue(one); !fault.Is(err, fault.Limit) {
			t.Errorf("one more: %v", err)
		}
		others, program := one, one
		others.Account, program.Whole = w.tina, false
		w.enqueueMessage(others)
		w.enqueueMessage(program)
		if err := w.q.Withdraw(t.Context(), w.anna, id); err != nil {
			t.Fatal(err)
		}
		w.enqueueMessage(one)
	})
}

// TestOpenOwnOnly: what waits is read by its author alone.
func TestOpenOwnOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.whole("t1", time.Hour, "tina@school.test")
	body, err := w.q.Open(t.Context(), w.anna, id)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	if err != nil || !strings.Contains(letter, string(text)) || len(text) == 0 {
		t.Errorf("it reads %q, %v", text, err)
	}
	body.Close()
	for who, one := range map[string]ID{"tina": id, "anna": id + 1} {
		account := w.anna
		if who == "tina" {
			account = w.tina
		}
		if _, err := w.q.Open(t.Context(), account, one); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s opens %d: %v", who, one, err)
		}
	}
}
