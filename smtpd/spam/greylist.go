package spam

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"schulhof/mailbox/message"
	"schulhof/store"
)

// greylist asks doubtful messages from networks that nothing is known of to come again: what only wants to be rid of many messages does
// not, a mail server does. Networks that brought mail before are known in memory, and in the table from one run of the server to the next.
type greylist struct {
	store *store.Store
	log   *slog.Logger
	now   func() time.Time
	delay time.Duration

	mu    sync.Mutex
	known map[netip.Prefix]int64 // the day of the last mail that was taken
	dirty map[netip.Prefix]int64 // what of that is not written yet
}

func newGreylist(s *store.Store, o Options) *greylist {
	return &greylist{
		store: s, log: o.Log, now: o.Now, delay: o.GreylistDelay,
		known: map[netip.Prefix]int64{}, dirty: map[netip.Prefix]int64{},
	}
}

// network is what a sender's servers share: /24, or /64.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits)
	return p
}

// day counts days since 1970.
func day(t time.Time) int64 { return t.Unix() / 86400 }

// isKnown reports whether a network has brought mail lately.
func (g *greylist) isKnown(n netip.Prefix) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	last, ok := g.known[n]
	return ok && day(g.now())-last <= int64(knownFor/(24*time.Hour))
}

// learn notes that mail of a client was taken. It is written in the background: what is forgotten after a crash costs a delay.
func (g *greylist) learn(client netip.Addr) {
	n, today := network(client), day(g.now())
	g.mu.Lock()
	defer g.mu.Unlock()
	last, ok := g.known[n]
	if last == today && ok || !ok && len(g.known) >= maxKnown {
		return
	}
	g.known[n], g.dirty[n] = today, today
}

// passes reports whether a message need not come again. When the store has no answer it passes.
func (g *greylist) passes(ctx context.Context, m *Message) bool {
	n := network(m.Client)
	if g.isKnown(n) {
		return true
	}
	key := waitingKey(n, m)
	since, err := g.waiting(ctx, key)
	if err == nil {
		if age := g.now().Sub(time.Unix(since, 0)); since != 0 && age >= 0 && age < greylistWindow {
			return age >= g.delay
		}
		err = g.wait(ctx, n, key)
	}
	if err != nil {
		g.log.Warn("greylist: let through", "id", m.TraceID, "err", err)
		return true
	}
	return false
}

// waitingKey names an attempt: the network, the sender's domain and the recipients'.
func waitingKey(n netip.Prefix, m *Message) []byte {
	to := ""
	for _, r := range m.Recipients { // the order may differ at the next try
		if d := domainOf(r); to == "" || d < to {
			to = d
		}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s", n, domainOf(m.Sender), to))
	return sum[:16]
}

// domainOf is what stands behind the @, in lower case.
func domainOf(address string) string {
	_, domain, _ := message.CutAddress(address)
	return strings.ToLower(domain)
}

// run writes what was learned and forgets what is old, until ctx ends.
func (g *greylist) run(ctx context.Context) {
	flush, sweep := time.NewTicker(flushEvery), time.NewTicker(sweepEvery)
	defer flush.Stop()
	defer sweep.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			if err := g.flush(context.WithoutCancel(ctx)); err != nil && g.store.ReadOnlyCause() == nil {
				g.log.Warn("greylist: networks not written", "err", err)
			}
			return
		case <-flush.C:
			err = g.flush(ctx)
		case <-sweep.C:
			err = g.sweep(ctx)
		}
		if err != nil && ctx.Err() == nil {
			g.log.Warn("greylist: it will be tried again", "err", err)
		}
	}
}

// flush writes the networks learned since the last time.
func (g *greylist) flush(ctx context.Context) error {
	g.mu.Lock()
	dirty := g.dirty
	g.dirty = map[netip.Prefix]int64{}
	g.mu.Unlock()
	err := g.writeKnown(ctx, dirty)
	if err == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for n, d := range dirty {
		if _, newer := g.dirty[n]; !newer {
			g.dirty[n] = d
		}
	}
	return err
}

// sweep forgets what is old: networks that have been silent for long, attempts that were not repeated.
func (g *greylist) sweep(ctx context.Context) error {
	now := g.now()
	oldest := day(now.Add(-knownFor))
	g.mu.Lock()
	for n, last := range g.known {
		if last < oldest {
			delete(g.known, n)
		}
	}
	g.mu.Unlock()
	return g.forget(ctx, oldest, now.Add(-greylistWindow).Unix())
}
