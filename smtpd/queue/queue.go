package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"schulhof/directory"
	"schulhof/mailbox"
	"schulhof/store"

	"github.com/prometheus/client_golang/prometheus"
)

// Options say how the queue runs. The zero value is usable for everything but sending.
type Options struct {
	Hostname    string // our name in notices
	Log         *slog.Logger
	Metrics     prometheus.Registerer // nil: none
	Now         func() time.Time      // the wall clock, nil: time.Now
	Lifetime    time.Duration         // how long a message is tried, 0: DefaultLifetime
	DelayNotice time.Duration         // after which its sender is told that it is late, 0: DefaultDelayNotice, -1: never
	Undo        time.Duration         // how long people can take back what they sent, 0 to MaxUndo
	Connections int                   // open at once, 0: DefaultConnections
	PerHost     int                   // to one destination, 0: DefaultPerHost
	Voucher     Voucher               // nil: nothing is signed as it leaves
}

// Failure is what a room is told of recipients who are given up.
type Failure struct {
	Message    Waiting
	Recipients []RecipientState
}

// Queue is the queue of one server. Its methods may be called by many at once.
type Queue struct {
	store   *store.Store
	mail    *mailbox.Mail
	dir     *directory.Directory
	o       Options
	log     *slog.Logger
	now     func() time.Time
	metrics *metrics
	chance  func() float64 // in [0, 1)

	mu       sync.Mutex
	failures map[string]func(tx *store.Tx, f Failure) error
	submit   func(ctx context.Context, s Submission) ([]Result, error)
	routes   map[string]Route
	undo     map[directory.ID]time.Duration
	fresh    map[string]bool // destinations that got mail since the scheduler looked
}

// key wakes the scheduler, and whoever shows the queue.
var key = store.Key{Kind: "queue"}

// New opens the queue. Nothing is sent before Run.
func New(ctx context.Context, s *store.Store, mail *mailbox.Mail, dir *directory.Directory, o Options) (*Queue, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Lifetime = orDefault(o.Lifetime, DefaultLifetime)
	o.DelayNotice = orDefault(o.DelayNotice, DefaultDelayNotice)
	o.Connections = orDefault(o.Connections, DefaultConnections)
	o.PerHost = orDefault(o.PerHost, DefaultPerHost)
	if o.Undo < 0 || o.Undo > MaxUndo {
		return nil, fmt.Errorf("queue: undo of %s, want 0 to %s", o.Undo, MaxUndo)
	}
	m, err := newMetrics(o.Metrics)
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	q := &Queue{store: s, mail: mail, dir: dir, o: o, log: o.Log, now: o.Now, metrics: m, chance: rand.Float64, fresh: map[string]bool{},
		failures: map[string]func(*store.Tx, Failure) error{}}
	err = s.Read(ctx, func(tx *store.Tx) error {
		var err error
		if q.routes, err = selectRoutes(tx); err != nil {
			return err
		}
		q.undo, err = selectUndo(tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	s.RegisterRefs("queue", `SELECT blob_id, COUNT(*) FROM queue_message GROUP BY blob_id`)
	dir.OnPurge(q.purge)
	return q, nil
}

// OnFailure names the room that deals itself with recipients who are given up, for messages of a kind: a list counts the failures
// of its members. It is told in the transaction that gives up, which may run again, and no notice is sent. Register before Run.
func (q *Queue) OnFailure(kind string, fn func(tx *store.Tx, f Failure) error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.failures[kind] = fn
}

func (q *Queue) returnedTo(kind string) func(tx *store.Tx, f Failure) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.failures[kind]
}

func orDefault[T int | time.Duration](v, standard T) T {
	if v == 0 {
		return standard
	}
	return v
}

// purge drops what a removed account has sent.
func (q *Queue) purge(tx *store.Tx, id directory.ID, _ bool) error {
	list, err := selectIDs(tx, `SELECT id FROM queue_message WHERE owner_id = $1`, int64(id))
	if err != nil {
		return err
	}
	for _, message := range list {
		if err := dropMessage(tx, ID(message)); err != nil {
			return err
		}
	}
	for _, query := range []string{`DELETE FROM queue_undo WHERE owner_id = $1`, `DELETE FROM queue_tell WHERE owner_id = $1`} {
		if _, err := tx.Exec(query, int64(id)); err != nil {
			return err
		}
	}
	tx.AfterCommit(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.undo, id)
	})
	return nil
}

// changed tells the scheduler, after the commit, that there may be something to do for these destinations.
func (q *Queue) changed(tx *store.Tx, destinations ...string) {
	tx.Changed(key, 0)
	tx.AfterCommit(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		for _, name := range destinations {
			q.fresh[name] = true
		}
	})
}

// takeFresh returns the destinations that changed since the last call.
func (q *Queue) takeFresh() map[string]bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.fresh
	q.fresh = map[string]bool{}
	return taken
}

func isNoRows(err error) bool { return errors.Is(err, store.ErrNoRows) }
