package directory

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"schulhof/store/fault"
)

// A flood from one network delays another's login by one hash, not by the whole flood.
func TestGateIsFairBetweenNetworks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, time.Hour)
		must(t, g.enter(context.Background(), "busy", false))
		var order []string
		var waiting sync.WaitGroup
		enter := func(network, name string) {
			waiting.Go(func() {
				must(t, g.enter(context.Background(), network, false))
				order = append(order, name) // one slot: nobody else writes
				g.leave()
			})
			synctest.Wait()
		}
		for i := range 4 {
			enter("flood", fmt.Sprint("flood", i))
		}
		enter("home", "home")
		g.leave()
		waiting.Wait()
		if want := []string{"flood0", "home", "flood1", "flood2", "flood3"}; !slices.Equal(order, want) {
			t.Errorf("served %v, want %v", order, want)
		}
		if g.free != 1 || g.waiting != 0 || len(g.queues) != 0 || len(g.turn) != 0 {
			t.Errorf("afterwards %+v", g)
		}
	})
}

func TestGateGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2, hashWait)
		for range 2 {
			must(t, g.enter(context.Background(), "a", false))
		}
		start := time.Now()
		if err := g.enter(context.Background(), "b", false); !fault.Is(err, fault.Throttled) {
			t.Errorf("after the wait: %v, want fault.Throttled", err)
		}
		if waited := time.Since(start); waited != hashWait {
			t.Errorf("waited %v, want %v", waited, hashWait)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := g.enter(ctx, "b", false); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who went away: %v, want context.Canceled", err)
		}
		ended := make(chan error)
		go func() { ended <- g.enter(context.Background(), "b", true) }()
		time.Sleep(10 * hashWait) // of the bubble's time
		g.leave()
		if err := <-ended; err != nil {
			t.Errorf("a patient caller: %v", err)
		}
		if g.waiting != 0 || len(g.queues) != 0 || len(g.turn) != 0 {
			t.Errorf("afterwards %+v", g)
		}
	})
}

func TestGateBoundsItsQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, hashWait)
		must(t, g.enter(context.Background(), "a", false))
		var waiting sync.WaitGroup
		for i := range maxHashWaiters {
			waiting.Go(func() { _ = g.enter(context.Background(), fmt.Sprint(i%7), false) })
		}
		synctest.Wait()
		start := time.Now()
		if err := g.enter(context.Background(), "b", false); !fault.Is(err, fault.Throttled) || time.Since(start) != 0 {
			t.Errorf("one too many: %v after %v, want fault.Throttled at once", err, time.Since(start))
		}
		waiting.Wait()
	})
}

// TestTheGateNeverRunsMoreThanItsSlots: whatever number of logins from whatever networks, some of whose callers give up, no more
// hashes run at once than there are slots, everyone is answered, and in the end all slots are free.
func TestTheGateNeverRunsMoreThanItsSlots(t *testing.T) {
	for _, slots := range []int{1, 2, 5} {
		g := newGate(slots, time.Hour)
		var running, most, served, gaveUp atomic.Int64
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if i%7 == 3 {
					cancel()
				}
				if err := g.enter(ctx, fmt.Sprint(i%5), i%2 == 0); err != nil {
					gaveUp.Add(1)
					return
				}
				now := running.Add(1)
				for {
					seen := most.Load()
					if now <= seen || most.CompareAndSwap(seen, now) {
						break
					}
				}
				runtime.Gosched()
				running.Add(-1)
				served.Add(1)
				g.leave()
			})
		}
		wg.Wait()
		if most.Load() > int64(slots) {
			t.Errorf("%d hashes ran at once, there are %d slots", most.Load(), slots)
		}
		if served.Load()+gaveUp.Load() != 200 || served.Load() < 200-29 {
			t.Errorf("%d were served, %d gave up, of 200", served.Load(), gaveUp.Load())
		}
		if g.free != slots || g.waiting != 0 || len(g.queues) != 0 || len(g.turn) != 0 {
			t.Errorf("in the end %d of %d slots are free, %d wait, %d queues, %d in turn", g.free, slots, g.waiting, len(g.queues), len(g.turn))
		}
	}
}
