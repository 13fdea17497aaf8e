package resolver

import (
	"container/list"
	"context"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// question is what the cache goes by. name is canonical.
type question struct {
	name string
	kind uint16
}

// answer is what is known about a question. Nobody changes it once it is in the cache.
type answer struct {
	records []dns.RR      // of the kind asked for, from the end of the chain of CNAMEs
	name    string        // the end of that chain
	secure  bool          // every part of it came with a believed AD bit
	missing *net.DNSError // not nil: known not to exist
	ttl     time.Duration
	cost    int // bytes on the wire
}

// cache remembers answers until their time is over; the least recently used go first. Errors that pass are not
// kept. What is asked for by several at once is asked once.
type cache struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[question]*list.Element // of *entry
	recent  *list.List                 // the most recently used first
	bytes   int
	flights map[question]*flight
}

type entry struct {
	question
	*answer
	until time.Time
}

// flight is a question under way. Its result may be read once done is closed.
type flight struct {
	done   chan struct{}
	answer *answer
	err    error
	gaveUp bool // the context of whoever asked ended: that says nothing to the others
}

func newCache(now func() time.Time) *cache {
	return &cache{now: now, entries: map[question]*list.Element{}, recent: list.New(), flights: map[question]*flight{}}
}

// get returns the answer to q, from memory or by ask. One caller at a time asks and the others take what it got; if
// its context ends first, the next of them asks with its own.
func (c *cache) get(ctx context.Context, q question, ask func(context.Context) (*answer, error)) (*answer, error) {
	for {
		known, f, mine := c.join(q)
		if known != nil {
			return known, nil
		}
		if mine {
			return c.fly(ctx, q, f, ask)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-f.done:
		}
		if !f.gaveUp {
			return f.answer, f.err
		}
	}
}

// join finds what is known or under way; mine: the caller has to ask, and to land the flight.
func (c *cache) join(q question) (known *answer, f *flight, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, ok := c.entries[q]; ok {
		e := element.Value.(*entry)
		if c.now().Before(e.until) {
			c.recent.MoveToFront(element)
			return e.answer, nil, false
		}
		c.drop(element)
	}
	if f, ok := c.flights[q]; ok {
		return nil, f, false
	}
	f = &flight{done: make(chan struct{}), gaveUp: true} // until it is known better, even if ask panics
	c.flights[q] = f
	return nil, f, true
}

func (c *cache) fly(ctx context.Context, q question, f *flight, ask func(context.Context) (*answer, error)) (*answer, error) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.flights, q)
		if f.answer != nil {
			c.keep(q, f.answer)
		}
		close(f.done)
	}()
	a, err := ask(ctx)
	f.answer, f.err, f.gaveUp = a, err, err != nil && ctx.Err() != nil
	return a, err
}

// keep remembers a, and forgets others where there is no room.
func (c *cache) keep(q question, a *answer) {
	if a.ttl <= 0 || a.cost > maxBytes {
		return
	}
	if old, ok := c.entries[q]; ok {
		c.drop(old)
	}
	c.entries[q] = c.recent.PushFront(&entry{q, a, c.now().Add(a.ttl)})
	c.bytes += a.cost
	for c.bytes > maxBytes || len(c.entries) > maxEntries {
		c.drop(c.recent.Back())
	}
}

func (c *cache) drop(element *list.Element) {
	e := c.recent.Remove(element).(*entry)
	delete(c.entries, e.question)
	c.bytes -= e.cost
}
