package queue

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// enqueueMany puts n messages for one destination into the queue in one commit.
func (w *world) enqueueMany(n int) (ids []ID) {
	w.t.Helper()
	ctx := context.Background()
	blob, err := w.s.PutBytes(ctx, []byte(letter))
	if err != nil {
		w.t.Fatal(err)
	}
	defer blob.Release()
	err = w.s.Write(ctx, func(tx *store.Tx) error {
		ids = nil
		for i := range n {
			id, err := w.q.Enqueue(tx, Message{Body: blob, TraceID: "x", Recipients: []Recipient{{Address: fmt.Sprintf("p%d@example.org", i)}}})
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return ids
}

// More messages than a page holds are found page by page, and a verb is for all of them; one that is not there keeps its slice as it is.
func TestMoreThanAPage(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	ids := w.enqueueMany(PageSize + 3)
	first, err := w.q.Find(ctx, Filter{Domain: "example.org"}, 0)
	if err != nil || !slices.Equal(first, ids[:PageSize]) {
		t.Fatalf("the first page has %d, %v", len(first), err)
	}
	rest, err := w.q.Find(ctx, Filter{Domain: "example.org"}, first[PageSize-1])
	if err != nil || !slices.Equal(rest, ids[PageSize:]) {
		t.Errorf("the second page has %v, %v", rest, err)
	}
	held := func() int {
		t.Helper()
		list, err := w.q.Find(ctx, Filter{State: StateHeld}, ids[PageSize-1])
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if n, err := w.q.Hold(ctx, "exam", append(slices.Clone(ids), 1<<40)...); n != PageSize || !fault.Is(err, fault.NotFound) || held() != 0 {
		t.Errorf("with one that is not there: %d, %v, %d of its slice are held", n, err, held())
	}
	if n, err := w.q.Hold(ctx, "exam", ids...); n != PageSize+3 || err != nil || held() != 3 {
		t.Errorf("all: %d, %v, %d on the second page", n, err, held())
	}
	if n, err := w.q.Drop(ctx, ids...); n != PageSize+3 || err != nil || len(w.waiting()) != 0 {
		t.Errorf("dropped %d, %v, %d wait", n, err, len(w.waiting()))
	}
	w.check()
}

// What is searched for is no pattern, has no case, and a domain is no end of a longer one.
func TestFindIsExact(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		clock := new(stoppedClock)
		clock.at.Store(1_800_000_000)
		w := newWorldOn(t, s, func(o *Options) { o.Now = clock.now })
		if _, err := w.q.AddRoute(ctx, Route{Domain: "relayed.example", Host: "relay.example", Port: 587, TLS: TLSOpportunistic}); err != nil {
			t.Fatal(err)
		}
		add := func(sender, to string) ID {
			return w.enqueueMessage(Message{Sender: sender, TraceID: "x", Recipients: []Recipient{{Address: to}, {Address: "also@" + to[len(to)-3:] + ".example"}}})
		}
		plain := add("a_b%c@school.test", "x@example.org")
		like := add("aXbYc@school.test", "x@sub.example.org")
		longer := add("x@notschool.test", `back\slash@myexample.org`)
		below := add("x@sub.school.test", "y@relayed.example.net")
		relayed := add("", "y@Relayed.example")
		w.exec(`UPDATE queue_delivery SET attempting = 1 WHERE message_id = $1`, int64(like))
		w.exec(`UPDATE queue_delivery SET phase = 1 WHERE message_id = $1`, int64(below))
		clock.at.Add(3600)
		young := add("jung@school.test", "z@example.com")
		tests := []struct {
			name string
			f    Filter
			want []ID
		}{
			{"letters that patterns know", Filter{Sender: "A_B%C@school.test"}, []ID{plain}},
			{"a pattern", Filter{Sender: "%@school.test"}, nil},
			{"a pattern for a domain", Filter{Sender: "@%"}, nil},
			{"one letter", Filter{Sender: "@school_test"}, nil},
			{"a sender's domain, not one below or a longer one", Filter{Sender: "@SCHOOL.test"}, []ID{plain, like, young}},
			{"a part of an address", Filter{Sender: "school.test"}, nil},
			{"a recipient's domain", Filter{Recipient: "@example.org"}, []ID{plain}},
			{"a backslash", Filter{Recipient: `BACK\slash@myexample.org`}, []ID{longer}},
			{"a domain", Filter{Domain: "Example.org"}, []ID{plain}},
			{"a domain with a route", Filter{Domain: "relayed.EXAMPLE"}, []ID{relayed}},
			{"a smart host", Filter{Domain: "relay.example:587"}, []ID{relayed}},
			{"a smart host's name alone", Filter{Domain: "relay.example"}, nil},
			{"being sent", Filter{State: StateSending}, []ID{like}},
			{"tried before", Filter{State: StateDeferred}, []ID{below}},
			{"new", Filter{State: StateNew}, []ID{plain, longer, relayed, young}},
			{"an hour old", Filter{Older: time.Hour}, []ID{plain, like, longer, below, relayed}},
			{"older", Filter{Older: time.Hour + time.Second}, nil},
			{"one condition that fits, one that does not", Filter{Sender: "@school.test", Recipient: "@sub.school.test"}, nil},
		}
		for _, tt := range tests {
			if got, err := w.q.Find(ctx, tt.f, 0); err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.want)
			}
		}
	})
}

// What a verb does in each state, and that it is for all of the messages or for none.
func TestVerbs(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	clock := new(stoppedClock)
	const began = 1_800_000_000
	clock.at.Store(began)
	w := newWorld(t, func(o *Options) { o.Now = clock.now })
	fresh, tried, held, sending := w.enqueue("fresh@example.org"), w.enqueue("tried@example.org"), w.enqueue("held@example.org"), w.enqueue("sending@example.org")
	w.exec(`UPDATE queue_delivery SET phase = 1, attempts = 4, due = due + 7000, told = 1 WHERE message_id = $1`, int64(tried))
	w.exec(`UPDATE queue_delivery SET attempting = 1 WHERE message_id = $1`, int64(sending))
	w.exec(`UPDATE queue_destination SET until = $1, wake = $1`, int64(began+5000))
	if _, err := w.q.Hold(ctx, "first", held, tried); err != nil {
		t.Fatal(err)
	}
	at := func(id ID) DeliveryState {
		t.Helper()
		e, err := w.q.Entry(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return e.Deliveries[0]
	}
	if _, err := w.q.Hold(ctx, "second", held); err != nil || at(held).Held != "second" {
		t.Errorf("held again: %+v, %v", at(held), err)
	}
	clock.at.Store(began + 100)
	if n, err := w.q.Release(ctx, fresh, tried, held); n != 3 || err != nil {
		t.Errorf("Release = %d, %v", n, err)
	}
	if d := at(fresh); d.State != StateNew || !d.Expires.Equal(time.Unix(began, 0).Add(DefaultLifetime)) {
		t.Errorf("one that was not held: %+v", d)
	}
	if d := at(tried); d.State != StateDeferred || d.Tries != 4 || d.Held != "" || !d.Expires.Equal(time.Unix(began+100, 0).Add(DefaultLifetime)) {
		t.Errorf("released after tries: %+v", d)
	}
	if d := at(held); d.State != StateNew || !d.Due.Equal(time.Unix(began+5000, 0)) { // its destination pauses still
		t.Errorf("released: %+v", d)
	}
	for name, ids := range map[string][]ID{"tried": {fresh, tried}, "being sent": {fresh, sending}, "not there": {fresh, 4711}} {
		if n, err := w.q.Postpone(ctx, time.Unix(began+9000, 0), ids...); n != 0 || err == nil || at(fresh).State != StateNew {
			t.Errorf("Postpone with one that is %s = %d, %v; the other is %s", name, n, err, at(fresh).State)
		}
	}
	if _, err := w.q.Retry(ctx, held); err != nil || !at(held).Due.Equal(clock.now()) || !at(fresh).Due.Equal(time.Unix(began, 0)) {
		t.Errorf("Retry: %v, %s; the pause for the others: %s", err, at(held).Due, at(fresh).Due)
	}
	if _, err := w.q.Postpone(ctx, time.Unix(began-9000, 0), fresh); err != nil || at(fresh).State != StateNew || !at(fresh).Due.Equal(clock.now()) {
		t.Errorf("postponed into the past: %+v, %v", at(fresh), err)
	}
	if err := w.q.Withdraw(ctx, w.anna, sending); !fault.Is(err, fault.Conflict) {
		t.Errorf("taken back while it is sent: %v", err)
	}
	if err := w.q.Withdraw(ctx, w.anna, tried); !fault.Is(err, fault.Conflict) {
		t.Errorf("taken back after a try: %v", err)
	}
	if _, err := w.q.Hold(ctx, "x", fresh); err != nil {
		t.Fatal(err)
	}
	if err := w.q.Withdraw(ctx, w.anna, fresh); err != nil { // also while somebody holds it
		t.Errorf("Withdraw = %v", err)
	}
	if n, err := w.q.Drop(ctx, tried, 4711); n != 0 || !fault.Is(err, fault.NotFound) || len(w.waiting()) != 3 {
		t.Errorf("Drop with one that is not there = %d, %v; %d wait", n, err, len(w.waiting()))
	}
	w.check()
}

// A start takes up what was under way, and leaves held what somebody held meanwhile.
func TestRecoverKeepsHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fresh, tried, held, other := w.enqueue("a@example.org"), w.enqueue("b@example.org"), w.enqueue("c@example.org"), w.enqueue("d@example.org")
	w.exec(`UPDATE queue_delivery SET phase = 1, attempts = 5 WHERE message_id = $1`, int64(tried))
	w.exec(`UPDATE queue_delivery SET attempting = 1 WHERE message_id <> $1`, int64(other))
	if _, err := w.q.Hold(context.Background(), "exam", held); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second start finds nothing under way
		if err := (&scheduler{q: w.q}).recover(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []struct {
		id    ID
		state State
		tries int
	}{{fresh, StateDeferred, 1}, {tried, StateDeferred, 6}, {held, StateHeld, 1}, {other, StateNew, 0}} {
		e, err := w.q.Entry(context.Background(), want.id)
		if err != nil || e.State() != want.state || e.Deliveries[0].Tries != want.tries {
			t.Errorf("message %d: %+v, %v, want %s after %d tries", want.id, e.Deliveries, err, want.state, want.tries)
		}
	}
}

// While the disk is full nothing is taken in, and nothing of it is left over.
func TestEnqueueOnAFullDisk(t *testing.T) {
	t.Parallel()
	var full atomic.Bool
	s := storetest.OpenWith(t, store.Options{Faults: func(op, _ string) error {
		if op == "commit" && full.Load() {
			return syscall.ENOSPC
		}
		return nil
	}})
	w := newWorldOn(t, s)
	blob, err := s.PutBytes(context.Background(), []byte(letter))
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Release()
	enqueue := func() error {
		return s.Write(context.Background(), func(tx *store.Tx) error {
			_, err := w.q.Enqueue(tx, Message{Body: blob, TraceID: "x", Recipients: []Recipient{{Address: "a@example.org"}}})
			return err
		})
	}
	full.Store(true)
	if err := enqueue(); !fault.Is(err, fault.Unavailable) {
		t.Errorf("while the disk is full: %v", err)
	}
	if n := len(w.q.takeFresh()); n != 0 {
		t.Errorf("the scheduler is told of %d destinations", n)
	}
	full.Store(false)
	if err := enqueue(); err != nil || len(w.waiting()) != 1 {
		t.Errorf("with room again: %v, %d wait", err, len(w.waiting()))
	}
	w.check()
}
