package smtpd

import (
	"sync"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
)

// partials remembers messages that some recipients got and others could not get yet. SMTP has one answer for
// all of them, so the peer sends to all again. It is memory only: after a restart such a
// message may come twice to those who have it, and is never lost.
type partials struct {
	now func() time.Time
	mu  sync.Mutex
	by  map[[32]byte]*partial
}

type partial struct {
	since time.Time
	have  map[directory.ID]bool
}

func newPartials(now func() time.Time) *partials {
	return &partials{now: now, by: make(map[[32]byte]*partial)}
}

// delivered is who has the message already; nil: nothing is known of it. The map is not written any more.
func (p *partials) delivered(key [32]byte) map[directory.ID]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.by[key]; e != nil && p.now().Sub(e.since) < partialWindow {
		return e.have
	}
	return nil
}

// remember adds those whose result is nil.
func (p *partials) remember(key [32]byte, to []mailbox.To, results []error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &partial{since: p.now(), have: make(map[directory.ID]bool)}
	if old := p.by[key]; old != nil {
		e.since = old.since
		for id := range old.have {
			e.have[id] = true
		}
	}
	for i, err := range results {
		if err == nil {
			e.have[to[i].Owner] = true
		}
	}
	if len(p.by) >= maxPartial {
		p.evict()
	}
	p.by[key] = e
}

// evict drops what is out of date, and if that is nothing, the oldest.
func (p *partials) evict() {
	var oldest [32]byte
	var since time.Time
	for key, e := range p.by {
		if p.now().Sub(e.since) >= partialWindow {
			delete(p.by, key)
		} else if since.IsZero() || e.since.Before(since) {
			oldest, since = key, e.since
		}
	}
	if len(p.by) >= maxPartial {
		delete(p.by, oldest)
	}
}

// forget drops a message that everyone has.
func (p *partials) forget(key [32]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.by, key)
}
