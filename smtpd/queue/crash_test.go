package queue

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/store"
)

// The server ends between the last dot and its reply: the next one sends the message again, once, under the same ids, and
// says so in the log. Nothing is lost, and the same again at the next crash comes later.
func TestCrashAfterTheDot(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		crashed := make(chan struct{})
		never := make(chan struct{})
		w.net.after = func(ctx context.Context, _ Target, _ Letter) bool {
			close(crashed)
			<-never // this process does not learn of the reply any more
			return true
		}
		id := w.enqueue("a@example.org")
		abandoned, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		q := w.q
		go func() { done <- q.Run(abandoned, w.net) }()
		<-crashed
		if e, err := w.q.Entry(context.Background(), id); err != nil || e.State() != StateSending || e.Deliveries[0].Why != "It is being sent right now." {
			t.Errorf("before the crash: %+v, %v", e, err)
		}
		stop()
		time.Sleep(drainGrace + time.Second) // its writes end here; the row says that it may be on its way

		w.net.set(func(n *internet) { n.after = nil })
		w.q = w.open()
		w.run()
		synctest.Wait()
		sent := w.net.sent()
		if len(sent) != 2 || sent[0].body != sent[1].body || !strings.Contains(sent[1].body, "Message-ID: <trip@school.test>") {
			t.Fatalf("sent %d times, want twice", len(sent))
		}
		if log := w.log.String(); strings.Count(log, "may arrive twice") != 1 || !strings.Contains(log, "id=trace1") {
			t.Errorf("the log does not say so: %s", log)
		}
		if n := len(w.waiting()); n != 0 {
			t.Errorf("%d wait", n)
		}
		w.halt()
		close(never)
		<-done
		if n := len(w.net.sent()); n != 2 {
			t.Errorf("sent %d times in the end", n)
		}
		w.check()
	})
}

// A message that ends the server each time it is sent is not sent again at once for ever.
func TestCrashLoop(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		id := w.enqueue("a@example.org")
		for crash := 1; crash <= 4; crash++ {
			err := w.s.Write(context.Background(), func(tx *store.Tx) error {
				_, err := tx.Exec(`UPDATE queue_delivery SET attempting = 1`)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := (&scheduler{q: w.q}).recover(context.Background()); err != nil {
				t.Fatal(err)
			}
			e, err := w.q.Entry(context.Background(), id)
			if err != nil {
				t.Fatal(err)
			}
			d := e.Deliveries[0]
			if wait := time.Until(d.Due); d.Tries != crash || (crash == 1) != (wait <= 0) || wait > lastRetry*2 {
				t.Errorf("after crash %d: %d tries, due in %s", crash, d.Tries, wait)
			}
		}
	})
}

// The connection breaks after the last dot: nobody knows whether the server has the message, so it is sent again, after a while.
func TestBrokenAfterTheDot(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.net.after = func(context.Context, Target, Letter) bool { return true }
		w.run()
		w.enqueue("a@example.org")
		time.Sleep(2 * time.Minute)
		if n := len(w.net.sent()); n != 1 {
			t.Errorf("sent %d times within two minutes", n)
		}
		if e := w.waiting()[0]; e.State() != StateDeferred || e.Deliveries[0].Recipients[0].Text != "The connection broke" {
			t.Errorf("waiting: %+v", e)
		}
		w.net.set(func(n *internet) { n.after = nil })
		time.Sleep(3 * time.Minute)
		if n := len(w.net.sent()); n != 2 {
			t.Errorf("sent %d times", n)
		}
	})
}

// A server that is stopped as soon as it starts stops without an error.
func TestRunEndsWhileItTakesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, stop := context.WithCancel(context.Background())
		stop()
		if err := w.q.Run(ctx, w.dial); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}
