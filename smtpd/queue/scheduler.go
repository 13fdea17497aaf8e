package queue

import (
	"context"
	"fmt"
	"slices"
	"time"

	"schulhof/store"
)

// Run sends what is due until ctx ends. Then deliveries under way have drainGrace to end; when Run has returned, none is left.
// There is one Run at a time.
func (q *Queue) Run(ctx context.Context, dialer Dialer) error {
	work, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	s := &scheduler{q: q, dialer: dialer, work: work, lanes: map[string]*lane{}, fresh: map[string]int64{}, done: make(chan *worker), look: true}
	if err := s.recover(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // it ended before it had begun; the next Run takes up the same
		}
		return err
	}
	sub := q.store.Subscribe(key)
	defer sub.Close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		pause := s.step(ctx)
		timer.Reset(pause)
		select {
		case <-ctx.Done():
		case <-sub.C():
			s.look = true
		case <-timer.C:
			s.look = true
		case w := <-s.done:
			s.finished(w)
			s.drainDone()
		}
	}
	s.stop(abort)
	return nil
}

// scheduler is what Run's goroutine owns.
type scheduler struct {
	q       *Queue
	dialer  Dialer
	work    context.Context // of the deliveries under way
	lanes   map[string]*lane
	order   []*lane // the same, in the order of their turns
	workers int
	done    chan *worker     // workers that have ended a delivery
	look    bool             // the tables may have something new
	crowd   bool             // destinations wait for a lane
	fresh   map[string]int64 // destinations of new mail that have no lane yet, and when to look at them; unix seconds
	next    time.Time        // when to look again, zero: nothing waits
	clock   clock
}

// step does all that can be done now and returns how long there is nothing to do unless somebody wakes us.
func (s *scheduler) step(ctx context.Context) time.Duration {
	var err error
	if s.look {
		err = s.lookAround(ctx)
	}
	if err == nil {
		err = s.load(ctx)
	}
	if err == nil {
		s.assign()
		err = s.settle(ctx)
	}
	if err != nil {
		if ctx.Err() == nil {
			s.q.log.Warn("queue: the store does not answer; it will be asked again", "err", err)
		}
		s.look = true
		return storePause
	}
	s.count()
	if s.look {
		return 0
	}
	pause := time.Duration(1<<62 - 1)
	if !s.next.IsZero() {
		pause = min(max(s.next.Sub(s.q.now()), 0), maxSleep)
	}
	return min(pause, s.dismissIdle())
}

// lookAround learns from the tables what is due and when to look again.
func (s *scheduler) lookAround(ctx context.Context) error {
	s.look = false
	if err := s.checkClock(ctx); err != nil {
		return err
	}
	for name := range s.q.takeFresh() {
		if l := s.lanes[name]; l != nil {
			l.more, l.settled = true, false
		} else {
			s.fresh[name] = 0
		}
	}
	if err := s.tell(ctx); err != nil {
		return err
	}
	if err := s.sweep(ctx); err != nil {
		return err
	}
	return s.admit(ctx)
}

// The classes of destinations that are due. None may have all lanes: new mail does not wait for old mail that is tried again, nor the other way
// round, and destinations that cannot be reached, which take long, keep nobody waiting.
const (
	classNew = iota // new mail for a destination that is not known to fail
	classOld
	classFailing
	classes
)

// admit gives lanes to destinations that are due, one of each class in turn, and finds out when the next one is.
func (s *scheduler) admit(ctx context.Context) error {
	all := s.q.o.Connections
	var active int
	var taken [classes]int
	for _, l := range s.lanes {
		if !l.settled {
			active++
			taken[l.class]++
		}
	}
	due, err := s.due(ctx, max(all-active, 0))
	if err != nil {
		return err
	}
	s.crowd = false
	for i := range max(len(due[classNew]), len(due[classOld]), len(due[classFailing])) {
		for class, list := range due {
			if i >= len(list) || s.lanes[list[i].name] != nil && !s.lanes[list[i].name].settled {
				continue
			}
			if active >= all || s.shareTaken(class, &taken) {
				s.crowd = true
				continue
			}
			s.open(list[i], class)
			active++
			taken[class]++
		}
	}
	return nil
}

// shareTaken reports whether a class may have no more lanes: a fifth is kept for new mail and a fifth for the others, of which failing
// destinations get half of all at most.
func (s *scheduler) shareTaken(class int, taken *[classes]int) bool {
	all := s.q.o.Connections
	most := all - min(max(all/5, 1), all-1)
	if class == classNew {
		return taken[classNew] >= most
	}
	return taken[classOld]+taken[classFailing] >= most || class == classFailing && taken[classFailing] >= max(all/2, 1)
}

// due finds destinations of each class that are due, more than there are free lanes if there are so many, and when the next one is.
func (s *scheduler) due(ctx context.Context, free int) (due [classes][]destinationRow, err error) {
	now := s.q.now().Unix()
	var next int64
	err = s.q.store.Read(ctx, func(tx *store.Tx) (err error) {
		limit := 2*s.q.o.Connections + len(s.lanes)
		if due[classNew], err = selectNamed(tx, s.fresh, now, free+1); err != nil {
			return err
		}
		for failing, class := range []int{classOld, classFailing} {
			if due[class], err = selectDue(tx, failing, now, limit); err != nil {
				return err
			}
		}
		next, err = selectNext(tx, now)
		return err
	})
	if err != nil {
		return due, fmt.Errorf("destinations: %w", err)
	}
	s.next = time.Time{}
	if next > 0 {
		s.next = time.Unix(next, 0)
	}
	return due, nil
}

// open gives a destination a lane.
func (s *scheduler) open(d destinationRow, class int) {
	delete(s.fresh, d.name)
	l := s.lanes[d.name]
	if l == nil {
		l = &lane{name: d.name, window: min(firstWindow, float64(s.q.o.PerHost)), inHand: map[int64]bool{}}
		if d.failures > 0 {
			l.window = 1 // one that looks whether it is back
		}
		s.lanes[d.name] = l
		s.order = append(s.order, l)
	}
	l.class, l.failures, l.text = class, d.failures, d.text
	l.more, l.settled, l.served, l.paused = true, false, 0, false
}

// load fills up the lanes that may have more.
func (s *scheduler) load(ctx context.Context) error {
	now := s.q.now().Unix()
	for _, l := range s.order {
		if !l.more || l.paused || len(l.ready) > int(l.window) || l.served >= turn && s.crowd {
			continue
		}
		var list []job
		err := s.q.store.Read(ctx, func(tx *store.Tx) (err error) {
			list, err = selectJobs(tx, l, now, loadAtOnce)
			return err
		})
		if err != nil {
			return fmt.Errorf("deliveries for %s: %w", l.name, err)
		}
		l.more = len(list) >= loadAtOnce
		for _, j := range list {
			l.inHand[j.delivery] = true
		}
		l.ready = append(l.ready, list...)
	}
	return nil
}

// assign hands jobs to workers, one for each lane in turn, until there are no more jobs or connections. The lane that finds no connection is
// the first the next time.
func (s *scheduler) assign() {
	for given := true; given; {
		given = false
		for i, l := range s.order {
			if len(l.ready) == 0 || l.paused || l.busy >= max(int(l.window), 1) {
				continue
			}
			w := s.workerFor(l)
			if w == nil {
				s.order = slices.Concat(s.order[i:], s.order[:i])
				return
			}
			j := l.ready[0]
			l.ready = l.ready[1:]
			l.busy++
			l.served++
			w.jobs <- j
			given = true
		}
	}
	if n := len(s.order); n > 1 { // another one begins the next time
		s.order = append(s.order[1:n:n], s.order[0])
	}
}

// workerFor returns an idle worker of l, or a new one; nil: there are too many.
func (s *scheduler) workerFor(l *lane) *worker {
	if n := len(l.idle); n > 0 {
		w := l.idle[n-1]
		l.idle = l.idle[:n-1]
		return w
	}
	if s.workers >= s.q.o.Connections && !s.dismissOldest() {
		return nil
	}
	w := &worker{q: s.q, dialer: s.dialer, lane: l, jobs: make(chan job, 1), done: s.done, destination: l.name}
	s.workers++
	go w.run(s.work)
	return w
}

// finished takes a worker back.
func (s *scheduler) finished(w *worker) {
	l := w.lane
	l.busy--
	delete(l.inHand, w.job.delivery)
	l.learn(w.verdict, s.q)
	w.since = time.Now()
	l.idle = append(l.idle, w)
	if !w.open {
		s.dismiss(l, len(l.idle)-1)
	}
}

// drainDone takes back all workers that wait to be.
func (s *scheduler) drainDone() {
	for {
		select {
		case w := <-s.done:
			s.finished(w)
		default:
			return
		}
	}
}

// dismiss ends the i-th idle worker of l.
func (s *scheduler) dismiss(l *lane, i int) {
	close(l.idle[i].jobs)
	l.idle = slices.Delete(l.idle, i, i+1)
	s.workers--
}

// dismissOldest ends the worker that has been idle for longest; false: none is.
func (s *scheduler) dismissOldest() bool {
	var oldest *lane
	for _, l := range s.order {
		if len(l.idle) > 0 && (oldest == nil || l.idle[0].since.Before(oldest.idle[0].since)) {
			oldest = l
		}
	}
	if oldest == nil {
		return false
	}
	s.dismiss(oldest, 0)
	return true
}

// dismissIdle ends the workers that have had nothing to do for long, forgets lanes that are empty, and returns when to
// do so again.
func (s *scheduler) dismissIdle() time.Duration {
	pause := time.Duration(1<<62 - 1)
	s.order = slices.DeleteFunc(s.order, func(l *lane) bool {
		for len(l.idle) > 0 {
			if left := sessionIdle - time.Since(l.idle[0].since); left > 0 && !l.paused {
				pause = min(pause, left)
				break
			}
			s.dismiss(l, 0)
		}
		if l.settled && len(l.idle) == 0 {
			delete(s.lanes, l.name)
			return true
		}
		return false
	})
	return pause
}

// settle writes down, for lanes that are empty or paused, when to look at them again.
func (s *scheduler) settle(ctx context.Context) error {
	var list []*lane
	for _, l := range s.order {
		waits := len(l.ready) > 0 || l.more
		if l.settled || l.busy > 0 || waits && !l.paused && (l.served < turn || !s.crowd || len(l.ready) > 0) {
			continue
		}
		list = append(list, l)
	}
	if len(list) == 0 {
		return nil
	}
	now := s.q.now().Unix()
	err := s.q.store.Write(ctx, func(tx *store.Tx) error {
		for _, l := range list {
			if err := settleDestination(tx, l, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("settle destinations: %w", err)
	}
	for _, l := range list {
		for _, j := range l.ready {
			delete(l.inHand, j.delivery)
		}
		l.ready, l.settled, l.more = nil, true, false
	}
	s.look = true
	return nil
}

// stop waits for the workers, but aborts them when they take too long.
func (s *scheduler) stop(abort context.CancelFunc) {
	late := time.AfterFunc(drainGrace, abort)
	defer late.Stop()
	for _, l := range s.order {
		for len(l.idle) > 0 {
			s.dismiss(l, 0)
		}
	}
	for s.workers > 0 {
		s.finished(<-s.done)
		for _, l := range s.order {
			for len(l.idle) > 0 {
				s.dismiss(l, 0)
			}
		}
	}
}

// count tells the metrics what is under way.
func (s *scheduler) count() {
	s.q.metrics.connections.Set(float64(s.workers))
	s.q.metrics.lanes.Set(float64(len(s.lanes)))
}
