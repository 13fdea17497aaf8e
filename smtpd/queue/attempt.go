package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"schulhof/store"
)

// worker has at most one connection to a destination, and one delivery at a time.
type worker struct {
	q           *Queue
	dialer      Dialer
	lane        *lane // the scheduler's; the worker does not look into it
	destination string
	jobs        chan job // closed: it is to end
	done        chan *worker

	session Session
	target  Target
	mails   int // over this connection

	// For the scheduler, after each job.
	job     job
	verdict verdict
	open    bool // there is a connection
	since   time.Time
}

// run does jobs until there are no more. It closes its connection.
func (w *worker) run(ctx context.Context) {
	defer w.hangUp()
	for w.job = range w.jobs {
		w.verdict = w.attempt(ctx, w.job)
		w.open = w.session != nil
		w.done <- w
	}
}

func (w *worker) hangUp() {
	if w.session != nil {
		w.session.Close()
		w.session, w.mails = nil, 0
	}
}

// delivery is what a worker has in hand.
type delivery struct {
	deliveryRow
	id         int64
	message    Waiting
	prefix     []byte
	signed     string // in whose names it leaves
	sealed     string
	location   store.Location
	recipients []RecipientState
	attempting bool // the last dot may have been sent
}

// errWithdrawn says that a delivery was held, dropped or put off before it was sent.
var errWithdrawn = errors.New("withdrawn")

// attempt tries one delivery and writes down what came of it.
func (w *worker) attempt(ctx context.Context, j job) verdict {
	q := w.q
	d, err := q.loadDelivery(ctx, j.delivery)
	if errors.Is(err, errWithdrawn) {
		return verdict{}
	}
	if err == nil && d.destination == Here {
		return w.handOver(ctx, d)
	}
	if err == nil && q.misplaced(d) {
		if err = q.regroup(ctx, d); err == nil {
			return verdict{}
		}
	}
	if err != nil {
		q.storeTrouble(ctx, "take up a delivery", err)
		return verdict{}
	}
	if err := q.vouch(ctx, d); err != nil {
		return q.unvouched(ctx, d, err)
	}
	results, err := w.send(ctx, d)
	if errors.Is(err, errWithdrawn) || results == nil && ctx.Err() != nil {
		return verdict{} // when we stop after the last dot, the next start finds the note that it may be on its way
	}
	var u *noConnection
	if errors.As(err, &u) && u.Temporary && !d.message.RequireTLS {
		return verdict{verdictNoAnswer, oneReply(u.Result)} // nothing is written for this delivery: its destination pauses
	}
	if errors.As(err, &u) { // it is this message that will never, or not now, find a server that may have it
		return q.conclude(ctx, d, sameFor(d.recipients, u.Result), nil)
	}
	if results == nil {
		results = sameFor(d.recipients, resultOf(err, "4.4.2", "The connection broke"))
	}
	return q.conclude(ctx, d, results, err)
}

// noConnection is a Dial that failed, inside of attempt.
type noConnection struct{ Result }

func (e *noConnection) Error() string { return e.Text }

// send delivers d over the open connection or a new one. A connection that was open and is found broken before anything was
// at stake is replaced once: servers close idle ones.
func (w *worker) send(ctx context.Context, d *delivery) ([]Result, error) {
	for {
		target := w.q.targetOf(d.recipients[0].Address)
		target.RequireTLS = d.message.RequireTLS
		if w.target != target { // another route, or a promise that this connection was not opened with
			w.hangUp()
		}
		reused := w.session != nil
		if !reused {
			if err := w.dial(ctx, target, d); err != nil {
				return nil, err
			}
		}
		results, err := w.session.Deliver(ctx, d.letter(w.q), d.to(), func(ctx context.Context) error { return w.q.beforeDot(ctx, d) })
		w.mails++
		if err == nil && len(results) != len(d.recipients) {
			results, err = nil, fmt.Errorf("%d results for %d recipients", len(results), len(d.recipients))
		}
		if err != nil || w.mails >= sessionMails {
			w.hangUp()
		}
		if err != nil && reused && results == nil && !d.attempting && !errors.Is(err, errWithdrawn) && ctx.Err() == nil {
			continue
		}
		if err != nil && len(results) != len(d.recipients) {
			results = nil
		}
		return results, err
	}
}

func (w *worker) dial(ctx context.Context, target Target, d *delivery) error {
	session, err := w.dialer.Dial(ctx, target)
	if err != nil {
		if ctx.Err() != nil {
			return context.Canceled
		}
		w.q.metrics.dials.WithLabelValues("failed").Inc()
		w.q.log.Info("queue: no connection", "id", d.message.TraceID, "destination", d.destination, "err", err)
		return &noConnection{resultOf(err, "4.4.1", "No connection")}
	}
	w.q.metrics.dials.WithLabelValues("open").Inc()
	w.session, w.target = session, target
	return nil
}

// beforeDot says in the database that the message may be on its way from now on. errWithdrawn: it is not to be sent.
func (q *Queue) beforeDot(ctx context.Context, d *delivery) error {
	var n int64
	err := q.store.Write(ctx, func(tx *store.Tx) (err error) {
		n, err = tx.Exec(`UPDATE queue_delivery SET attempting = 1 WHERE id = $1 AND phase < 2 AND not_before <= $2`, d.id, q.now().Unix())
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("before the last dot: %w", err)
	case n == 0:
		return errWithdrawn
	}
	d.attempting = true
	return nil
}

// misplaced reports whether the routes have changed so that d goes elsewhere now.
func (q *Queue) misplaced(d *delivery) bool {
	for _, r := range d.recipients {
		if q.destinationOf(r.Address) != d.destination {
			return true
		}
	}
	return false
}

// storeTrouble logs that the store did not do something, and waits, so that it is not asked again at once.
func (q *Queue) storeTrouble(ctx context.Context, doing string, err error) {
	if ctx.Err() != nil {
		return
	}
	q.log.Warn("queue: "+doing+"; it will be tried again", "err", err)
	pause := time.NewTimer(storePause)
	defer pause.Stop()
	select {
	case <-ctx.Done():
	case <-pause.C:
	}
}

// to are the recipients as they are sent.
func (d *delivery) to() []Recipient {
	list := make([]Recipient, len(d.recipients))
	for i, r := range d.recipients {
		list[i] = r.Recipient
	}
	return list
}

// letter is the message as it is sent.
func (d *delivery) letter(q *Queue) Letter {
	m := &d.message
	return Letter{
		Sender: m.Sender, Size: m.Size + int64(len(d.prefix)), EightBit: m.EightBit, UTF8: m.UTF8, RequireTLS: m.RequireTLS, Ret: m.Ret, EnvID: m.EnvID,
		Body: func(ctx context.Context) (io.ReadCloser, error) { return q.openBody(ctx, d.location, d.prefix) },
	}
}

func sameFor(recipients []RecipientState, r Result) []Result {
	results := make([]Result, len(recipients))
	for i := range results {
		results[i] = r
	}
	return results
}
