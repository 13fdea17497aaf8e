package queue

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/store"
)

// crookedClock is a wall clock that can be set.
type crookedClock struct{ offset atomic.Int64 }

func (c *crookedClock) now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

func (c *crookedClock) set(to time.Time) { c.offset.Store(int64(time.Until(to))) }

var jumps = []struct {
	name string
	to   func(now time.Time) time.Time
}{
	{"an hour forward", func(now time.Time) time.Time { return now.Add(time.Hour) }},
	{"an hour back", func(now time.Time) time.Time { return now.Add(-time.Hour) }},
	{"a day forward", func(now time.Time) time.Time { return now.Add(24 * time.Hour) }},
	{"a day back", func(now time.Time) time.Time { return now.Add(-24 * time.Hour) }},
	{"to 1970", func(time.Time) time.Time { return time.Unix(0, 0) }},
	{"to 2038", func(time.Time) time.Time { return time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC) }},
	{"to 2106", func(time.Time) time.Time { return time.Date(2106, 2, 7, 6, 28, 17, 0, time.UTC) }},
}

// The clock is set while the queue runs, and later set right again: nothing goes back to its sender, nobody is told of a delay
// that is none, and the next try comes when it was to come.
func TestClockIsSetWhileRunning(t *testing.T) {
	for _, jump := range jumps {
		t.Run(jump.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				clock := new(crookedClock)
				w := newWorld(t, func(o *Options) { o.Now = clock.now })
				w.q.chance = func() float64 { return 0.5 } // no jitter
				w.net.answer = func(Target, Letter, Recipient) Result { return later }
				w.net.down["dead.example"] = &Unreachable{Result: Result{Temporary: true, Text: "No route"}}
				w.run()
				began := time.Now()
				w.enqueue("a@example.org", "b@dead.example")
				time.Sleep(time.Minute / 2)
				right := clock.now()
				clock.set(jump.to(right))
				time.Sleep(time.Minute)
				clock.set(time.Now()) // right again
				time.Sleep(30 * time.Minute)
				w.halt()
				if n := len(w.inbox(w.anna)); n != 0 {
					t.Errorf("%d notices: %q", n, w.inbox(w.anna))
				}
				list := w.waiting()
				if len(list) != 1 || len(list[0].Deliveries) != 2 {
					t.Fatalf("waiting: %+v", list)
				}
				for _, d := range list[0].Deliveries {
					if left := d.Expires.Sub(began); left < DefaultLifetime-10*time.Minute || left > DefaultLifetime+10*time.Minute {
						t.Errorf("%s expires after %s", d.Destination, left)
					}
					if d.Due.Before(time.Now().Add(-time.Minute)) || d.Due.After(time.Now().Add(time.Hour)) {
						t.Errorf("%s is due at %s, now is %s", d.Destination, d.Due, time.Now())
					}
				}
				if n := list[0].Deliveries[0].Tries; n < 3 || n > 5 { // at 0, 3, 9 and 21 minutes
					t.Errorf("%d tries within half an hour", n)
				}
				if !strings.Contains(w.log.String(), "the clock was set") {
					t.Error("the log does not say that the clock was set")
				}
			})
		})
	}
}

// The clock is wrong at the start, or the server was off for long: nothing goes back, everything is tried at once or when it was to be.
func TestClockAtTheStart(t *testing.T) {
	jumps := append(jumps, jumps[2])
	jumps[len(jumps)-1].name, jumps[len(jumps)-1].to = "off for six days", func(now time.Time) time.Time { return now.Add(6 * 24 * time.Hour) }
	for _, jump := range jumps {
		t.Run(jump.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				clock := new(crookedClock)
				w := newWorld(t, func(o *Options) { o.Now = clock.now })
				w.net.answer = func(Target, Letter, Recipient) Result { return later }
				w.run()
				for i := range 20 {
					w.enqueue(fmt.Sprintf("a@host%d.example", i))
				}
				synctest.Wait()
				w.halt()
				clock.set(jump.to(clock.now()))
				w.q = w.open(func(o *Options) { o.Now = clock.now })
				w.run()
				time.Sleep(10 * time.Minute)
				if n := len(w.inbox(w.anna)); n != 0 {
					t.Errorf("%d notices", n)
				}
				if n := len(w.waiting()); n != 20 {
					t.Errorf("%d wait, want 20", n)
				}
				w.net.set(func(n *internet) { n.answer = nil })
				time.Sleep(time.Hour)
				if n := len(w.net.arrived()); n != 20 {
					t.Errorf("%d arrived", n)
				}
			})
		})
	}
}

// A message whose lifetime is over by the clock, but that nobody has tried to send, gets its tries.
func TestExpiredButNeverTried(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.enqueue("a@example.org")
		err := w.s.Write(context.Background(), func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE queue_delivery SET began = began - 1000000, deadline = deadline - 1000000, told = 1, due = due + 86400`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		w.run()
		time.Sleep(3 * time.Hour)
		if n := len(w.inbox(w.anna)); n != 0 {
			t.Errorf("%d notices", n)
		}
		if n := len(w.waiting()); n != 1 {
			t.Errorf("%d wait", n)
		}
	})
}
