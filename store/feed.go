package store

import "sync"

// Key names a container in the feed, for example Key{"mailbox", 17}, Key{"account", 3}.
type Key struct {
	Kind string
	ID   int64
}

// feed knows who waits for which key.
type feed struct {
	mu       sync.Mutex
	watchers map[Key]map[*Subscription]struct{}
}

// Subscription is a wish to be woken.
type Subscription struct {
	feed *feed
	keys []Key
	c    chan struct{}
}

// Subscribe wakes when one of keys changed: C gets a value (capacity 1, coalesced). Close ends it. A lost or doubled wake-up is harmless.
func (s *Store) Subscribe(keys ...Key) *Subscription {
	sub := &Subscription{feed: &s.feed, keys: append([]Key(nil), keys...), c: make(chan struct{}, 1)}
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	if s.feed.watchers == nil {
		s.feed.watchers = map[Key]map[*Subscription]struct{}{}
	}
	for _, key := range sub.keys {
		if s.feed.watchers[key] == nil {
			s.feed.watchers[key] = map[*Subscription]struct{}{}
		}
		s.feed.watchers[key][sub] = struct{}{}
	}
	return sub
}

// C gets a value after a commit that changed one of the keys.
func (s *Subscription) C() <-chan struct{} { return s.c }

// Close ends the subscription. It is idempotent; C is not closed.
func (s *Subscription) Close() {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	for _, key := range s.keys {
		delete(s.feed.watchers[key], s)
		if len(s.feed.watchers[key]) == 0 {
			delete(s.feed.watchers, key)
		}
	}
	s.keys = nil
}

// wake tells the watchers of keys. It never blocks.
func (f *feed) wake(keys []Key) {
	if len(keys) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range keys {
		for sub := range f.watchers[key] {
			select {
			case sub.c <- struct{}{}:
			default:
			}
		}
	}
}
