package directory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"schulhof/store/fault"
)

// gate lets a bounded number of hashes run at once. Those that wait stand in one queue per network, and
// the queues are served in turn, so that a flood from one network delays the others by one hash each at most.
type gate struct {
	wait time.Duration

	mu      sync.Mutex
	free    int
	waiting int
	queues  map[string][]chan struct{} // never an empty one
	turn    []string                   // the keys of queues, the next to be served first
}

func newGate(slots int, wait time.Duration) *gate {
	return &gate{free: max(slots, 1), wait: wait, queues: map[string][]chan struct{}{}}
}

// enter returns when a hash may run; the caller calls leave after it. fault.Throttled: none came free in
// time, or too many wait already. patient callers (bulk work, which nobody waits for at a login prompt)
// wait until ctx ends.
func (g *gate) enter(ctx context.Context, network string, patient bool) error {
	g.mu.Lock()
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
		return nil
	}
	if g.waiting >= maxHashWaiters {
		g.mu.Unlock()
		return errBusy()
	}
	mine := make(chan struct{}, 1)
	if len(g.queues[network]) == 0 {
		g.turn = append(g.turn, network)
	}
	g.queues[network] = append(g.queues[network], mine)
	g.waiting++
	g.mu.Unlock()

	waited := ctx
	if !patient {
		var cancel context.CancelFunc
		waited, cancel = context.WithTimeout(ctx, g.wait)
		defer cancel()
	}
	select {
	case <-mine:
		return nil
	case <-waited.Done():
	}
	switch {
	case !g.withdraw(network, mine):
		return nil // it came free at the same moment
	case ctx.Err() != nil:
		return fmt.Errorf("wait for a hash: %w", ctx.Err())
	}
	return errBusy()
}

func errBusy() error {
	return fault.New(fault.Throttled, "too many logins at once, try again later")
}

// leave gives the slot to the next in turn.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.turn) == 0 {
		g.free++
		return
	}
	network := g.turn[0]
	g.turn = g.turn[1:]
	queue := g.queues[network]
	next := queue[0]
	if queue = queue[1:]; len(queue) == 0 {
		delete(g.queues, network)
	} else {
		g.queues[network] = queue
		g.turn = append(g.turn, network)
	}
	g.waiting--
	next <- struct{}{}
}

// withdraw takes mine out of its queue; false: it was served already.
func (g *gate) withdraw(network string, mine chan struct{}) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	queue := g.queues[network]
	for i, c := range queue {
		if c != mine {
			continue
		}
		g.waiting--
		if len(queue) > 1 {
			g.queues[network] = append(append([]chan struct{}(nil), queue[:i]...), queue[i+1:]...)
			return true
		}
		delete(g.queues, network)
		for j, key := range g.turn {
			if key == network {
				g.turn = append(append([]string(nil), g.turn[:j]...), g.turn[j+1:]...)
				break
			}
		}
		return true
	}
	return false
}
