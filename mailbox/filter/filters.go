package filter

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/mailbox/sieve"
	"schulhof/store"
)

// Options say how filters run. The zero value is usable.
type Options struct {
	Log       *slog.Logger
	Now       func() time.Time
	Zone      *time.Location // of dates in scripts without a zone; nil: UTC
	Hostname  string         // our name in messages that filters write
	Version   string
	Outside   map[directory.Role]bool // who may send mail on to other servers; nil: everybody
	Redirects int                     // a day and owner, 0: DefaultRedirects
	Answers   int                     // likewise, 0: DefaultAnswers
	Rewriter  Rewriter                // nil: what is sent on to other servers has its owner as the sender
}

// Rewriter makes the sender of what is sent on: a foreign one would fail the next server's SPF check.
type Rewriter interface {
	// Forward is an address at domain, one of ours, that leads back to sender; ok is false when there can be none.
	Forward(sender, domain string) (address string, ok bool)
}

// Filters are the mail filters of one server. Their methods may be called by many at once.
type Filters struct {
	store *store.Store
	mail  *mailbox.Mail
	dir   *directory.Directory
	log   *slog.Logger
	now   func() time.Time
	opts  Options

	mu     sync.RWMutex
	active map[directory.ID]string // the names of the active scripts
	cache  map[scriptKey]*compiled
	bytes  int    // of all texts in cache
	drops  uint64 // counts what was dropped, so that a text read before is not kept after
	claims map[claim]*Plan

	stop context.CancelFunc
	work sync.WaitGroup
}

// scriptKey names a script for ever as far as anyone asks.
type scriptKey struct {
	owner directory.ID
	name  string
}

// compiled is a script that was checked, or what is wrong with it.
type compiled struct {
	script *sieve.Script
	err    error
	hash   [32]byte // of the text
}

// New opens the domain; Close ends its background work.
func New(ctx context.Context, s *store.Store, mail *mailbox.Mail, dir *directory.Directory, o Options) (*Filters, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Hostname == "" {
		o.Hostname = "localhost"
	}
	if o.Redirects <= 0 {
		o.Redirects = DefaultRedirects
	}
	if o.Answers <= 0 {
		o.Answers = DefaultAnswers
	}
	f := &Filters{store: s, mail: mail, dir: dir, log: o.Log, now: o.Now, opts: o, cache: map[scriptKey]*compiled{}, claims: map[claim]*Plan{}}
	if err := s.Read(ctx, f.loadActive); err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	dir.OnPurge(f.purge)
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop = stop
	f.work.Go(func() { f.sweep(work) })
	return f, nil
}

// Close ends background work.
func (f *Filters) Close() error {
	f.stop()
	f.work.Wait()
	return nil
}

// activeName is the name of owner's active script; "" without one.
func (f *Filters) activeName(owner directory.ID) string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.active[owner]
}

// Concerns reports whether any of the recipients has a script.
func (f *Filters) Concerns(to []mailbox.To) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if len(f.active) == 0 {
		return false
	}
	for _, one := range to {
		if f.active[one.Owner] != "" {
			return true
		}
	}
	return false
}

// forget drops a checked script.
func (f *Filters) forget(key scriptKey) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(key)
}

// drop needs mu.
func (f *Filters) drop(key scriptKey) {
	if old := f.cache[key]; old != nil && old.script != nil {
		f.bytes -= old.script.Size()
	}
	delete(f.cache, key)
	f.drops++
}

// setActive is called when the change is committed. "" is none.
func (f *Filters) setActive(owner directory.ID, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if name == "" {
		delete(f.active, owner)
		return
	}
	f.active[owner] = name
}

// lookup finds a script and checks it when it is needed for the first time; nil: there is none.
func (f *Filters) lookup(ctx context.Context, key scriptKey) (*compiled, error) {
	f.mu.RLock()
	c, drops := f.cache[key], f.drops
	f.mu.RUnlock()
	if c != nil {
		return c, nil
	}
	text, found, err := f.read(ctx, key)
	if err != nil || !found {
		return nil, err
	}
	c = compile(text, key.name)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.drops != drops || f.cache[key] != nil { // perhaps this one was dropped: the next who asks reads it anew
		return c, nil
	}
	if len(f.cache) >= cacheScripts || f.bytes > cacheBytes {
		f.cache, f.bytes = map[scriptKey]*compiled{}, 0
	}
	f.cache[key] = c
	if c.script != nil {
		f.bytes += c.script.Size()
	}
	return c, nil
}
