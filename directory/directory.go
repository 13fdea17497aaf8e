package directory

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"schulhof/store"

	"github.com/prometheus/client_golang/prometheus"
)

// ID is the key of a principal: an account, a group or a resource. All share one table and one name space (table principal).
type ID int64

// Options say how the directory works. The zero value is usable.
type Options struct {
	Log        *slog.Logger          // nil: discard
	Metrics    prometheus.Registerer // nil: none
	Now        func() time.Time      // nil: time.Now
	RoleQuota  map[Role]int64        // bytes; missing: 0 = unlimited; nil: DefaultRoleQuota
	Zone       *time.Location        // of quiet hours; nil: UTC
	Allowlist  []netip.Prefix        // whole schools behind one address; loopback is always in
	HashParams HashParams            // zero: DefaultHashParams; tests use cheap ones
}

// Directory is the one directory of a server. Its methods are safe for concurrent use.
type Directory struct {
	store   *store.Store
	log     *slog.Logger
	now     func() time.Time
	zone    *time.Location
	params  HashParams
	dummy   storedHash // what a try for an unknown login is verified against
	view    *view
	prover  *prover
	proven  *proofCache // verified
	refused *proofCache // wrong, counted already
	flights flights
	gate    *gate
	slots   int
	limiter *limiter
	used    usedApps
	hashes  atomic.Uint64 // how many were computed
	metrics *metrics

	hookMu  sync.Mutex
	created []func(tx *store.Tx, id ID, isGroup bool) error
	purged  []func(tx *store.Tx, id ID, isGroup bool) error
}

// New loads the directory. Close saves what it has not written yet; without it some seconds of counting are lost.
func New(ctx context.Context, s *store.Store, o Options) (*Directory, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.HashParams == (HashParams{}) {
		o.HashParams = DefaultHashParams()
	}
	if o.RoleQuota == nil {
		o.RoleQuota = DefaultRoleQuota()
	}
	dummy, err := newDummy(o.HashParams)
	if err != nil {
		return nil, fmt.Errorf("directory: hash parameters: %w", err)
	}
	slots := hashSlots(runtime.GOMAXPROCS(0), machineMemory())
	d := &Directory{
		store: s, log: o.Log, now: o.Now, zone: o.Zone, params: o.HashParams, dummy: dummy, view: newView(o.RoleQuota),
		prover: newProver(), proven: newProofCache(cacheEntries, cacheIdle, cacheAge),
		refused: newProofCache(refusedCount, refusedExpiry, refusedExpiry),
		gate:    newGate(slots, hashWait), slots: slots, limiter: newLimiter(o.Allowlist, o.Log),
	}
	d.metrics = newMetrics(o.Metrics, d)
	if err := s.Read(ctx, d.load); err != nil {
		return nil, fmt.Errorf("directory: load: %w", err)
	}
	return d, nil
}

// Close saves the counts of wrong logins and the last uses of app passwords. It does not close the store.
func (d *Directory) Close() error {
	return d.save(context.Background())
}

// Hashes is how many password hashes were computed since New.
func (d *Directory) Hashes() uint64 { return d.hashes.Load() }

// OnCreate registers what a new account or group gets inside the creating transaction (mailbox: INBOX and special-use mailboxes; dav later).
// Register before the first creation; fn is called again when the transaction is.
func (d *Directory) OnCreate(fn func(tx *store.Tx, id ID, isGroup bool) error) {
	d.hookMu.Lock()
	defer d.hookMu.Unlock()
	d.created = append(d.created, fn)
}

// OnPurge registers what is removed with an account or group, inside the removing transaction, before its row goes.
func (d *Directory) OnPurge(fn func(tx *store.Tx, id ID, isGroup bool) error) {
	d.hookMu.Lock()
	defer d.hookMu.Unlock()
	d.purged = append(d.purged, fn)
}

func (d *Directory) provision(tx *store.Tx, id ID, isGroup bool) error {
	d.hookMu.Lock()
	hooks := d.created
	d.hookMu.Unlock()
	return callHooks(hooks, tx, id, isGroup)
}

func (d *Directory) cleanUp(tx *store.Tx, id ID, isGroup bool) error {
	d.hookMu.Lock()
	hooks := d.purged
	d.hookMu.Unlock()
	return callHooks(hooks, tx, id, isGroup)
}

func callHooks(hooks []func(*store.Tx, ID, bool) error, tx *store.Tx, id ID, isGroup bool) error {
	for _, fn := range hooks {
		if err := fn(tx, id, isGroup); err != nil {
			return fmt.Errorf("provision principal %d: %w", id, err)
		}
	}
	return nil
}

// hashSlots is how many hashes may run at once: one per core, and one per 64 MiB of memory.
func hashSlots(cores int, memory int64) int {
	if memory > 0 {
		cores = min(cores, int(memory/memoryPerHash))
	}
	return max(cores, 1)
}
