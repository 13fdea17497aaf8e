package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/store"
	"schulhof/store/storetest"

	"github.com/google/go-cmp/cmp"
)

// A message reaches all its recipients: those of one domain in one transaction, as it was, but without our Return-Path.
func TestSend(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		w.enqueueMessage(Message{
			Sender: "anna@school.test", Account: w.anna, TraceID: "x", Prefix: []byte("DKIM-Signature: v=1\r\n"), EightBit: true, Ret: "HDRS", EnvID: "E1",
			Recipients: []Recipient{{Address: "a@Example.ORG"}, {Address: "c@example.net"}, {Address: "b@example.org", Notify: NotifyNever}},
		})
		synctest.Wait()
		if diff := cmp.Diff([]string{"a@Example.ORG,b@example.org", "c@example.net"}, w.net.arrived()); diff != "" {
			t.Fatal(diff)
		}
		first := w.net.sent()[0]
		if _, rest, _ := strings.Cut(letter, "\r\n"); first.body != "DKIM-Signature: v=1\r\n"+rest {
			t.Errorf("sent %q", first.body)
		}
		if !first.m.EightBit || first.m.UTF8 || first.m.Ret != "HDRS" || first.m.EnvID != "E1" || first.m.Sender != "anna@school.test" {
			t.Errorf("sent as %+v", first.m)
		}
		if list := w.waiting(); len(list) != 0 {
			t.Errorf("%d messages wait", len(list))
		}
		if n := len(w.inbox(w.anna)); n != 0 {
			t.Errorf("anna has %d notices, want none", n)
		}
		w.check()
	})
}

// Tries become rarer, the sender is told of the delay once, and hears at the end of the lifetime that it was in vain.
func TestRetriesUntilItIsOver(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const lifetime = 24 * time.Hour
		w := newWorld(t, func(o *Options) { o.Lifetime = lifetime })
		var tries []time.Time
		w.net.answer = func(Target, Letter, Recipient) Result {
			tries = append(tries, time.Now())
			return later
		}
		w.run()
		began := time.Now()
		w.enqueue("a@example.org")
		time.Sleep(3*time.Hour + 59*time.Minute)
		if n := len(w.inbox(w.anna)); n != 0 {
			t.Fatalf("%d notices before 4 hours", n)
		}
		time.Sleep(2 * time.Minute)
		notices := w.inbox(w.anna)
		if len(notices) != 1 || !strings.Contains(notices[0], "Action: delayed\r\nStatus: 4.7.1\r\n") || !strings.Contains(notices[0], "Will-Retry-Until: "+began.Add(lifetime).Format(dateFormat)) {
			t.Fatalf("after 4 hours: %q", notices)
		}
		time.Sleep(lifetime - 4*time.Hour - 2*time.Minute)
		if n := len(w.inbox(w.anna)); n != 1 {
			t.Fatalf("%d notices before the end", n)
		}
		time.Sleep(3 * time.Minute)
		notices = w.inbox(w.anna)
		if len(notices) != 2 || !strings.Contains(notices[1], "Action: failed\r\nStatus: 5.7.1\r\n") {
			t.Fatalf("at the end: %q", notices)
		}
		if len(w.waiting()) != 0 {
			t.Error("it still waits")
		}
		w.halt()
		for i := 1; i < len(tries); i++ {
			want := min(firstRetry<<(i-1), lastRetry)
			if i > 10 {
				want = lastRetry
			}
			if gap := tries[i].Sub(tries[i-1]); gap < want*79/100 || gap > want*121/100+time.Second {
				t.Errorf("gap %d is %s, want %s ± 20 %%", i, gap, want)
			}
		}
		if len(tries) < 13 || len(tries) > 25 {
			t.Errorf("%d tries", len(tries))
		}
		w.check()
	})
}

// A dead destination with many messages costs one try now and then, and when it is back all are sent at once.
func TestDeadDestination(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.net.down["dead.example"] = &Unreachable{Result: Result{Temporary: true, Text: "No route"}, Err: errors.New("no route to host")}
		w.run()
		const many = 200
		for i := range many {
			w.enqueue(fmt.Sprintf("p%d@dead.example", i))
		}
		w.enqueue("a@alive.example")
		time.Sleep(8 * time.Hour)
		if n := w.net.dialCount(); n > 18 {
			t.Errorf("%d connections to a dead destination within eight hours", n)
		}
		if got := w.net.arrived(); !slices.Equal(got, []string{"a@alive.example"}) {
			t.Errorf("arrived: %q", got)
		}
		e := w.waiting()[0]
		if why := e.Deliveries[0].Why; !strings.Contains(why, "dead.example did not work") || !strings.Contains(why, "No route") || e.Deliveries[0].Tries != 0 {
			t.Errorf("why = %q, tries = %d", why, e.Deliveries[0].Tries)
		}
		w.net.set(func(n *internet) { delete(n.down, "dead.example") })
		time.Sleep(80 * time.Minute)
		if n := len(w.net.arrived()); n != many+1 {
			t.Errorf("%d messages arrived, want %d", n, many+1)
		}
		if most := w.net.mostAt("dead.example"); most > DefaultPerHost {
			t.Errorf("%d connections at once, want at most %d", most, DefaultPerHost)
		}
	})
}

// Slow start: a destination that nothing is known of gets few connections, and more as it takes what comes; connections are used again.
func TestSlowStart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.PerHost = 10 })
		w.net.hold = func(context.Context, Target) { time.Sleep(time.Second) }
		for i := range 200 {
			w.enqueue(fmt.Sprintf("p%d@example.org", i))
		}
		w.run()
		time.Sleep(900 * time.Millisecond)
		w.net.set(func(n *internet) {
			if n.most["example.org"] != firstWindow {
				t.Errorf("%d connections at first, want %d", n.most["example.org"], firstWindow)
			}
		})
		time.Sleep(time.Minute)
		if n := len(w.net.arrived()); n != 200 {
			t.Errorf("%d arrived", n)
		}
		if most := w.net.mostAt("example.org"); most != 10 {
			t.Errorf("%d connections at once, want 10", most)
		}
		if n := w.net.dialCount(); n > 12 {
			t.Errorf("%d connections for 200 messages", n)
		}
	})
}

// New mail does not wait for what was tried before, nor the other way round, and destinations take turns.
func TestFairness(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.PerHost, o.Connections = 1, 1 })
		w.net.answer = func(Target, Letter, Recipient) Result { return later }
		w.run()
		for i := range 10 {
			w.enqueue(fmt.Sprintf("old%d@example.org", i))
		}
		synctest.Wait()
		w.halt()
		w.net.set(func(n *internet) { n.answer = nil })
		time.Sleep(10 * time.Minute) // all are due
		for i := range 10 {
			w.enqueue(fmt.Sprintf("new%d@example.org", i))
		}
		w.q = w.open(func(o *Options) { o.PerHost, o.Connections = 1, 1 })
		w.run()
		time.Sleep(time.Minute)
		var kinds []string
		for _, s := range w.net.sent() {
			kinds = append(kinds, s.rcpt[0][:3])
		}
		if len(kinds) != 20 {
			t.Fatalf("%d arrived", len(kinds))
		}
		for i := 2; i < 20; i++ {
			if kinds[i] == kinds[i-1] && kinds[i] == kinds[i-2] {
				t.Errorf("three in a row: %q", kinds)
				break
			}
		}
	})
}

// With more destinations than connections, one that has much to send does not keep the others waiting.
func TestDestinationsTakeTurns(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.PerHost, o.Connections = 1, 1 })
		w.net.hold = func(context.Context, Target) { time.Sleep(time.Second) }
		for i := range 3 * turn {
			w.enqueue(fmt.Sprintf("p%d@big.example", i))
		}
		time.Sleep(time.Second)
		w.enqueue("a@small.example")
		w.run()
		time.Sleep(2 * turn * time.Second)
		if !slices.Contains(w.net.arrived(), "a@small.example") {
			t.Errorf("the small one waits for the big one: %d arrived", len(w.net.arrived()))
		}
		time.Sleep(3 * turn * time.Second)
		if n := len(w.net.arrived()); n != 3*turn+1 {
			t.Errorf("%d arrived", n)
		}
	})
}

// New mail does not wait for old mail that is tried again, however much there is for however many destinations, nor does old mail for new.
func TestNewAndOldTakeTurns(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		few := func(o *Options) { o.Connections = 10 }
		w := newWorld(t, few)
		w.net.answer = func(Target, Letter, Recipient) Result { return later }
		for i := range 3000 {
			w.enqueue(fmt.Sprintf("p%d@old%d.example", i, i%60))
		}
		w.run()
		synctest.Wait()
		w.halt()
		time.Sleep(time.Hour) // all are due
		var old atomic.Int64
		w.net.set(func(n *internet) {
			n.hold = func(_ context.Context, to Target) {
				time.Sleep(time.Second)
				if strings.HasPrefix(to.Domain, "old") {
					old.Add(1)
				}
			}
			n.answer = nil
		})
		w.q = w.open(few)
		w.run()
		time.Sleep(10 * time.Second) // the connections to those that take mail become more
		for i := range 5 {
			to := fmt.Sprintf("a@new%d.example", i)
			w.enqueue(to)
			began := time.Now()
			for !slices.Contains(w.net.arrived(), to) {
				time.Sleep(100 * time.Millisecond)
				if time.Since(began) > 5*time.Second {
					t.Fatal("new mail waits for old")
				}
			}
		}
		w.enqueueMessage(Message{NotBefore: time.Now().Add(MaxUndo), Recipients: []Recipient{{Address: "a@undo.example"}}})
		time.Sleep(MaxUndo + 5*time.Second)
		if !slices.Contains(w.net.arrived(), "a@undo.example") {
			t.Error("new mail that could be taken back waits for old")
		}
		for i := range 2000 {
			w.enqueue(fmt.Sprintf("b@flood%d.example", i))
		}
		before := old.Load()
		time.Sleep(time.Minute)
		if n := old.Load() - before; n < 100 {
			t.Errorf("old mail waits for new: %d tries within a minute", n)
		}
	})
}

// However many destinations have new mail, a look asks about no more of them than there are free lanes for, and one to know whether others wait.
func TestAsksForAsManyAsItHasLanesFor(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Connections = 10 })
	for i := range 30 {
		w.enqueue(fmt.Sprintf("a@new%d.example", i))
	}
	s := newScan(w)
	if err := s.lookAround(t.Context()); err != nil || len(s.lanes) != 10 || len(s.fresh) != 20 || !s.crowd {
		t.Errorf("%d lanes, %d wait for one, crowd %t: %v", len(s.lanes), len(s.fresh), s.crowd, err)
	}
	for _, free := range []int{0, 3} {
		if due, err := s.due(t.Context(), free); err != nil || len(due[classNew]) != free+1 {
			t.Errorf("%d free lanes: %d of new mail are read, %v", free, len(due[classNew]), err)
		}
	}
}

// Destinations that do not answer for long leave connections for the others.
func TestSlowDeathDoesNotStarve(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.Connections = 10 })
		w.dial = slowDeath{w.net}
		for i := range 40 {
			w.enqueue(fmt.Sprintf("a@dead%d.example", i))
		}
		w.run()
		time.Sleep(time.Hour) // all have failed, some more than once
		for range 8 {
			began := time.Now()
			w.enqueue("a@alive.example")
			for len(w.net.arrived()) == 0 {
				time.Sleep(100 * time.Millisecond)
				if time.Since(began) > 5*time.Second {
					t.Fatal("new mail waits for dead destinations")
				}
			}
			w.net.set(func(n *internet) { n.got = nil })
			time.Sleep(97 * time.Second)
		}
	})
}

// slowDeath takes a minute to fail for every destination but alive.example.
type slowDeath struct{ *internet }

func (d slowDeath) Dial(ctx context.Context, to Target) (Session, error) {
	if to.Domain == "alive.example" {
		return d.internet.Dial(ctx, to)
	}
	select {
	case <-time.After(time.Minute):
	case <-ctx.Done():
	}
	return nil, &Unreachable{Result: Result{Temporary: true, Text: "Timeout"}}
}

// After a restart everything is picked up; both dialects.
func TestRestart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorldOn(t, s)
		w.enqueue("a@example.org", "b@example.net")
		w.enqueue("c@example.org")
		w.q = w.open()
		arrived := make(chan struct{}, 3)
		w.net.after = func(context.Context, Target, Letter) bool { arrived <- struct{}{}; return false }
		w.run()
		for range 3 {
			<-arrived
		}
		w.halt()
		if diff := cmp.Diff([]string{"a@example.org", "b@example.net", "c@example.org"}, w.net.arrived()); diff != "" {
			t.Error(diff)
		}
		if n := len(w.waiting()); n != 0 {
			t.Errorf("%d wait", n)
		}
		w.check()
	})
}

// Stopping waits for what is being sent, but not for long.
func TestStop(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.net.hold = func(ctx context.Context, _ Target) {
			select {
			case <-time.After(5 * time.Second):
			case <-ctx.Done():
			}
		}
		w.run()
		w.enqueue("a@example.org")
		synctest.Wait()
		began := time.Now()
		w.halt()
		if took := time.Since(began); took > 6*time.Second || len(w.net.arrived()) != 1 {
			t.Errorf("stopped after %s, %q arrived", took, w.net.arrived())
		}
		w.net.set(func(n *internet) { n.hold = func(ctx context.Context, _ Target) { <-ctx.Done() } })
		w.run()
		w.enqueue("b@example.org")
		synctest.Wait()
		began = time.Now()
		w.halt()
		if took := time.Since(began); took > 9*time.Second {
			t.Errorf("a server that does not answer kept us %s from stopping", took)
		}
		if list := w.waiting(); len(list) != 1 || list[0].State() != StateNew {
			t.Errorf("waiting: %+v", list)
		}
	})
}
