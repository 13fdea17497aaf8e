package collection

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"schulhof/directory"
	"schulhof/store"

	"github.com/prometheus/client_golang/prometheus"
)

// Options say how the DAV domain runs. The zero value is usable.
type Options struct {
	Log         *slog.Logger
	Metrics     prometheus.Registerer
	Now         func() time.Time
	MaxFileSize int64         // bytes per file, default DefaultMaxFileSize
	Keep        time.Duration // how long versions and the trash are kept, default DefaultKeep
	GroupQuota  int64         // bytes per group unless set on it, default DefaultGroupQuota; -1: unlimited
	Words       Words
}

// Words are the titles of what every account and group has, in the school's language.
type Words struct {
	Calendar, Tasks, Contacts, Directory string
	School                               string // its name, on the cards of its directory; "" leaves it out
	Teacher, Staff                       string // what these are called there
}

func defaultWords() Words {
	return Words{Calendar: "Calendar", Tasks: "Tasks", Contacts: "Contacts", Directory: "School directory", Teacher: "Teacher", Staff: "Staff"}
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Keep <= 0 {
		o.Keep = DefaultKeep
	}
	if o.MaxFileSize <= 0 {
		o.MaxFileSize = DefaultMaxFileSize
	}
	switch {
	case o.GroupQuota == 0:
		o.GroupQuota = DefaultGroupQuota
	case o.GroupQuota < 0:
		o.GroupQuota = 0
	}
	if o.Words == (Words{}) {
		o.Words = defaultWords()
	}
	return o
}

// Collections is the DAV domain of one server. Its methods may be called by many at once.
type Collections struct {
	store *store.Store
	dir   *directory.Directory
	log   *slog.Logger
	now   func() time.Time
	opts  Options

	owners   owners
	cards    cards
	printing ID // of the cards: see bookToken

	pages sync.Pool // of *[]entry: room for what queries find

	mu       sync.RWMutex
	policies map[Kind]Policy

	stop context.CancelFunc
	work sync.WaitGroup
	kick chan struct{} // wakes the janitor
}

// New opens the DAV domain. It registers provisioning with dir, and provides what accounts and groups of before do not have yet.
func New(ctx context.Context, s *store.Store, dir *directory.Directory, o Options) (*Collections, error) {
	o = o.withDefaults()
	c := &Collections{store: s, dir: dir, log: o.Log, now: o.Now, opts: o, policies: map[Kind]Policy{},
		kick: make(chan struct{}, 1), cards: cards{all: map[directory.ID]*card{}}, printing: printingOf(&o.Words),
		pages: sync.Pool{New: func() any { p := make([]entry, 0, fetchAtOnce); return &p }}}
	if err := c.loadOwners(ctx); err != nil {
		return nil, fmt.Errorf("collection: %w", err)
	}
	s.RegisterRefs("dav/collection", `SELECT blob_id, COUNT(*) FROM dav_entry WHERE blob_id IS NOT NULL GROUP BY blob_id
		UNION ALL SELECT blob_id, COUNT(*) FROM dav_version GROUP BY blob_id`)
	dir.OnCreate(c.provision)
	dir.OnPurge(c.purge)
	if err := c.provideMissing(ctx); err != nil {
		return nil, fmt.Errorf("collection: %w", err)
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	c.work.Go(func() { c.janitor(work) })
	return c, nil
}

// Close ends background work.
func (c *Collections) Close() error {
	c.stop()
	c.work.Wait()
	return nil
}

// NewSpool is where a door collects the bytes of an object.
func (c *Collections) NewSpool() *store.Spool { return c.store.NewSpool() }

// MaxFileSize is the largest file that Put takes.
func (c *Collections) MaxFileSize() int64 { return c.opts.MaxFileSize }

func isNoRows(err error) bool { return errors.Is(err, store.ErrNoRows) }
