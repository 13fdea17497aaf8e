package queue

import (
	"context"
	"errors"
	"fmt"
	"io"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Here is the destination of submissions that wait as a whole, also for recipients of our own: when their time has come they are handed
// to who delivers submissions ([Queue.OnDue]). No domain has this name.
const Here = "(here)"

// tagBegun marks a submission of which some recipients have their copy.
const tagBegun = "begun"

// roomForWhole refuses one more when account has as many as may wait: they count towards no quota, and towards sending limits as they leave.
func roomForWhole(tx *store.Tx, account directory.ID) error {
	var n int64
	err := tx.QueryRow(`SELECT COUNT(*) FROM queue_message m JOIN queue_delivery d ON d.message_id = m.id WHERE m.owner_id = $1 AND d.destination = $2`,
		int64(account), Here).Scan(&n)
	if err != nil {
		return fmt.Errorf("count what waits: %w", err)
	}
	if n >= maxWhole {
		return fault.New(fault.Limit, "at most %d messages can wait / Hoechstens %[1]d Nachrichten koennen warten", maxWhole)
	}
	return nil
}

// Submission is a message whose time has come.
type Submission struct {
	Waiting
	Recipients []Recipient // who have not got it
	Begun      bool        // others have: it is sent, and in its author's Sent
	Body       func(context.Context) (io.ReadCloser, error)
	// Taken takes recipients, by their places in Recipients, out of the queue. It is called in the transaction that gives them the message, so
	// that nobody gets it twice, and it fails when the message was taken back meanwhile.
	Taken func(tx *store.Tx, who []int) error
}

// OnDue names who delivers submissions. It returns what became of each recipient, in order; an error is taken to be temporary. Register
// before Run.
func (q *Queue) OnDue(fn func(ctx context.Context, s Submission) ([]Result, error)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.submit = fn
}

// handOver gives a submission to who delivers it. Whatever comes of it says nothing about others.
func (w *worker) handOver(ctx context.Context, d *delivery) verdict {
	q := w.q
	q.mu.Lock()
	submit := q.submit
	q.mu.Unlock()
	if submit == nil {
		return verdict{verdictNoAnswer, "nobody delivers submissions here"}
	}
	results, err := submit(ctx, Submission{
		Waiting: d.message, Recipients: d.to(), Begun: d.message.Tag == tagBegun,
		Body:  func(ctx context.Context) (io.ReadCloser, error) { return q.openBody(ctx, d.location, nil) },
		Taken: func(tx *store.Tx, who []int) error { return q.taken(tx, d, who) },
	})
	if errors.Is(err, errWithdrawn) || err != nil && ctx.Err() != nil {
		return verdict{}
	}
	if err != nil || len(results) != len(d.recipients) {
		q.log.Warn("queue: a submission could not be delivered; it will be tried again", "id", d.message.TraceID, "err", err)
		results = sameFor(d.recipients, resultOf(err, "4.3.0", "Internal error"))
	}
	q.conclude(ctx, d, results, nil)
	return verdict{kind: verdictTaken}
}

// taken removes recipients of d in tx. errWithdrawn: the message, or one of them, is gone, somebody holds it, or it is to wait on.
func (q *Queue) taken(tx *store.Tx, d *delivery, who []int) error {
	n, err := tx.Exec(`UPDATE queue_message SET tag = $2 WHERE id = $1 AND EXISTS
		(SELECT 1 FROM queue_delivery d WHERE d.id = $3 AND d.phase < 2 AND d.not_before <= $4)`, int64(d.message.ID), tagBegun, d.id, q.now().Unix())
	if err != nil {
		return fmt.Errorf("take a submission: %w", err)
	}
	if n == 0 {
		return errWithdrawn
	}
	for _, i := range who {
		n, err := tx.Exec(`DELETE FROM queue_recipient WHERE id = $1 AND delivery_id = $2`, d.recipients[i].row, d.id)
		if err != nil {
			return fmt.Errorf("take a submission: %w", err)
		}
		if n == 0 {
			return errWithdrawn
		}
	}
	q.changed(tx)
	if len(who) < len(d.recipients) {
		return nil
	}
	return dropDelivery(tx, d.id, d.message.ID)
}

// Open reads a message of account's as it waits, without a Return-Path. fault.NotFound: it has no such message in the queue.
func (q *Queue) Open(ctx context.Context, account directory.ID, id ID) (io.ReadCloser, error) {
	var l store.Location
	err := q.store.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT `+store.LocationColumns+` FROM queue_message m JOIN blob b ON b.id = m.blob_id WHERE m.id = $1 AND m.owner_id = $2`,
			int64(id), int64(account)).Scan(&l.Pack, &l.Offset, &l.Length, &l.Size)
	})
	if isNoRows(err) {
		return nil, fault.New(fault.NotFound, "there is no such message in the queue any more")
	}
	if err != nil {
		return nil, fmt.Errorf("open message %d: %w", id, err)
	}
	return q.openBody(ctx, l, nil)
}
