package queue

import (
	"context"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/storetest"
)

// The disk is full while a message is on its way: nothing is lost, nothing is sent that could not be written down before, and what has
// arrived is not sent again while there may still be room for saying so.
func TestFullDisk(t *testing.T) {
	tests := []struct {
		name   string
		before bool // full before the last dot, otherwise after it
		long   time.Duration
	}{
		{"before the dot, for moments", true, 3 * time.Second},
		{"before the dot, for an hour", true, time.Hour},
		{"after the dot, for moments", false, 3 * time.Second},
		{"after the dot, for an hour", false, time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				var full atomic.Bool
				s := storetest.OpenWith(t, store.Options{Faults: func(op, _ string) error {
					if op == "commit" && full.Load() {
						return syscall.ENOSPC
					}
					return nil
				}})
				w := newWorldOn(t, s)
				once := func() { // the disk is full once, from now on
					if w.net.dialCount() == 1 {
						full.Store(true)
					}
				}
				w.net.set(func(n *internet) {
					if tt.before {
						n.hold = func(context.Context, Target) { once() }
					} else {
						n.after = func(context.Context, Target, Letter) bool { once(); return false }
					}
				})
				id := w.enqueue("a@example.org")
				w.run()
				time.Sleep(tt.long)
				if n := len(w.net.sent()); n > 1 || tt.before && n != 0 {
					t.Errorf("while the disk is full it was sent %d times", n)
				}
				if tt.before {
					if e, err := w.q.Entry(context.Background(), id); err != nil || len(e.Deliveries) != 1 {
						t.Errorf("while the disk is full the queue has %+v, %v", e, err)
					}
				}
				full.Store(false)
				time.Sleep(6 * time.Hour)
				if n := len(w.net.sent()); n != 1 {
					t.Errorf("sent %d times, want once", n)
				}
				if n := len(w.waiting()); n != 0 {
					t.Errorf("%d still wait", n)
				}
				if log := w.log.String(); !strings.Contains(log, "level=ERROR") && !strings.Contains(log, "level=WARN") {
					t.Error("the log does not say that the store was in trouble")
				}
				if got := w.inbox(w.anna); len(got) != 0 {
					t.Errorf("anna was told of a failure: %q", got)
				}
				w.halt()
				w.check()
			})
		})
	}
}
