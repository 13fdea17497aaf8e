package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
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
