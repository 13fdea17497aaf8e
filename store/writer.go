package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"schulhof/store/fault"
	"schulhof/store/pack"
)

// The states of a job.
const (
	waiting int32 = iota
	running
	cancelled
)

// job is one closure on its way through the writer.
type job struct {
	fn    func(*Tx) error
	state atomic.Int32
	done  chan struct{}
	err   error
	keys  []Key
	after []func()
}

// jobs whose caller has its answer are used again.
type jobPool struct{ sync.Pool }

func (p *jobPool) get(fn func(*Tx) error) *job {
	j, ok := p.Get().(*job)
	if !ok {
		j = &job{done: make(chan struct{}, 1)}
	}
	j.fn = fn
	j.state.Store(waiting)
	return j
}

func (p *jobPool) put(j *job) {
	j.fn, j.err = nil, nil
	j.forget()
	p.Put(j)
}

// answer is the last that the writer does with j.
func (j *job) answer(err error) {
	j.err = err
	j.done <- struct{}{}
}

func (j *job) forget() {
	clear(j.after)
	j.keys, j.after = j.keys[:0], j.after[:0]
}

// sqlWriter is the writer's connection, whatever the dialect. Its methods are called by the writer goroutine alone.
type sqlWriter interface {
	begin() error
	// run runs fn; unless it is alone in the transaction, in a savepoint, which it rolls back when fn fails. lost: the
	// whole transaction is gone.
	run(s *Store, j *job, alone bool) (lost bool, err error)
	commit() error
	rollback()
	retryable(err error) bool
	idle()
	close() error
}

// Write runs fn in the next group commit and returns when that commit is durable. fn does SQL only and may run again.
// ctx counts only while fn waits. fault.Unavailable: disk full or an earlier I/O error.
func (s *Store) Write(ctx context.Context, fn func(*Tx) error) error { return s.write(ctx, fn, s.jobs) }

// WriteBulk is Write for imports, retention and slices of long work: it yields to waiting Writes.
func (s *Store) WriteBulk(ctx context.Context, fn func(*Tx) error) error {
	return s.write(ctx, fn, s.bulk)
}

func (s *Store) write(ctx context.Context, fn func(*Tx) error, queue chan *job) error {
	if s.o.ReadOnly {
		return fault.New(fault.Refused, "the store is open for reading only")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	j := s.pool.get(fn)
	select {
	case queue <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.writerDone:
		return errClosed
	}
	select {
	case <-j.done:
	case <-s.writerDone:
		return s.unanswered(j)
	case <-ctx.Done():
		if j.state.CompareAndSwap(waiting, cancelled) {
			return ctx.Err() // the writer still has j
		}
		select {
		case <-j.done:
		case <-s.writerDone:
			return s.unanswered(j)
		}
	}
	err := j.err
	s.pool.put(j)
	return err
}

// Commits is how many group commits there have been since the store was opened. Work in the background sees by it whether others are busy.
func (s *Store) Commits() uint64 { return s.commits.Load() }

// unanswered is for a job that met the end of the writer.
func (s *Store) unanswered(j *job) error {
	select {
	case <-j.done:
		return j.err
	default:
		return errClosed
	}
}

var errClosed = fault.New(fault.Unavailable, "the store is closed")

// writer is the goroutine that owns the writing connection.
func (s *Store) writer() {
	defer close(s.writerDone)
	group := make([]*job, 0, groupJobs)
	passed := 0 // groups in a row that went before a waiting bulk job
	for {
		first, fromBulk := s.nextJob(passed)
		if first == nil {
			return
		}
		switch {
		case fromBulk:
			passed = 0
		case len(s.bulk) > 0:
			passed++
		}
		runtime.Gosched() // who is about to hand in a job comes along: a commit costs the same for many
		group = s.runGroup(append(group[:0], first), !fromBulk)
		clear(group)
		s.sql.idle()
	}
}

// nextJob waits for work: Writes first, but a bulk job after bulkStarved groups. nil: the store closes and nothing waits.
func (s *Store) nextJob(passed int) (j *job, fromBulk bool) {
	if passed >= bulkStarved {
		select {
		case j = <-s.bulk:
			return j, true
		default:
		}
	}
	select {
	case j = <-s.jobs:
		return j, false
	default:
	}
	select {
	case j = <-s.jobs:
		return j, false
	case j = <-s.bulk:
		return j, true
	case <-s.closing:
	}
	select { // what was handed in before Close still counts
	case j = <-s.jobs:
	case j = <-s.bulk:
	default:
	}
	return j, false
}

// runGroup runs the first job and all Writes that wait meanwhile in one transaction, commits and answers them.
// It returns the group's slice for reuse.
func (s *Store) runGroup(group []*job, more bool) []*job {
	if err := s.writable(); err != nil {
		for _, j := range group {
			j.answer(err)
		}
		return group
	}
	started := time.Now()
	for try := 1; ; try++ {
		var err error
		group, err = s.tryGroup(group, started, more && try == 1)
		if err == nil {
			return group
		}
		if !s.sql.retryable(err) || try == serializationTries {
			s.failGroup(group, err)
			return group
		}
		s.metrics.retries.Inc()
	}
}

// tryGroup runs and commits. A job that fails when nothing else has been written is answered and leaves the group; others
// are answered after the commit. An error concerns all that are left.
// The first closure has the transaction for itself and needs no savepoint: when it fails, a new transaction begins.
func (s *Store) tryGroup(group []*job, started time.Time, more bool) ([]*job, error) {
	begun, kept := false, 0
	for i := 0; i < len(group); i++ {
		j := group[i]
		if !begun {
			if err := s.sql.begin(); err != nil {
				return group[:kept+copy(group[kept:], group[i:])], fmt.Errorf("begin: %w", err)
			}
			begun = true
		}
		j.err = nil
		j.forget() // what a first run that is void has asked for
		if !s.start(j) {
			j.answer(context.Canceled)
		} else if lost, err := s.sql.run(s, j, kept == 0); lost {
			s.sql.rollback()
			return group[:kept+copy(group[kept:], group[i:])], err
		} else if err != nil && kept == 0 {
			s.sql.rollback()
			begun = false
			j.forget()
			j.answer(err)
		} else {
			if err != nil { // it may rest on what others of the group wrote: nobody hears of that before it is durable
				j.forget()
				j.err = err
			}
			group[kept] = j
			kept++
		}
		if more && i+1 == len(group) && time.Since(started) < groupTime {
			group = s.drain(group[:kept], &i)
			kept = i + 1
		}
	}
	if !begun {
		return group[:0], nil
	}
	group = group[:kept]
	if err := s.commit(); err != nil {
		s.sql.rollback()
		return group, fmt.Errorf("commit: %w", err)
	}
	s.commits.Add(1)
	s.metrics.group(len(group), time.Since(started)) // before the answers: who asks after one sees it counted
	for _, j := range group {
		for _, fn := range j.after {
			fn()
		}
	}
	for _, j := range group {
		s.feed.wake(j.keys)
		j.answer(j.err)
	}
	return group, nil
}

// drain appends the Writes that wait. last becomes the index of the last job that has run.
func (s *Store) drain(group []*job, last *int) []*job {
	*last = len(group) - 1
	for len(group) < groupJobs {
		select {
		case j := <-s.jobs:
			group = append(group, j)
		default:
			return group
		}
	}
	return group
}

// start takes the job from its caller: from now on its context does not count.
func (s *Store) start(j *job) bool {
	return j.state.Load() == running || j.state.CompareAndSwap(waiting, running)
}

func (s *Store) commit() error {
	if s.o.Faults != nil {
		if err := s.o.Faults("commit", s.o.Dir); err != nil {
			if !pack.IsFull(err) {
				err = fmt.Errorf("%w: %w", pack.ErrFsync, err)
			}
			return unavailable(err)
		}
	}
	return s.sql.commit()
}

// failGroup answers a group whose transaction is gone.
func (s *Store) failGroup(group []*job, err error) {
	if errors.Is(err, pack.ErrFsync) {
		s.breakDown(err)
	}
	if pack.IsFull(err) && s.checkpoint != nil {
		s.checkpoint.large.Store(true) // an emptied log makes room for what frees more
	}
	if fault.KindOf(err) == fault.Internal {
		err = unavailable(err)
	}
	for _, j := range group {
		j.forget()
		j.answer(err)
	}
}

// call runs a closure and makes an error of a panic, which is a bug of ours that must not end the writer.
func (s *Store) call(tx *Tx, fn func(*Tx) error) (err error) {
	defer func() {
		tx.done = true
		if p := recover(); p != nil {
			s.log.Error("a closure panicked", "panic", p, "stack", string(debug.Stack()))
			err = fault.Wrap(fault.Internal, fmt.Errorf("panic: %v", p), "internal error")
		}
	}()
	if err = fn(tx); err == nil {
		err = tx.err // a statement failed and the closure went on
	}
	return err
}
