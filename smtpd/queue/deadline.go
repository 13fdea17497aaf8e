package queue

import (
	"context"
	"fmt"
	"time"

	"schulhof/store"
)

// firstDeadline is when something must be said of a message whose lifetime began then: the notice of the delay, or its end.
func (q *Queue) firstDeadline(began int64) *int64 {
	wait := q.o.Lifetime
	if q.o.DelayNotice > 0 && q.o.DelayNotice < wait {
		wait = q.o.DelayNotice
	}
	at := began + int64(wait/time.Second)
	return &at
}

// expires is when the lifetime of d ends.
func (q *Queue) expires(d *deliveryRow) time.Time { return time.Unix(d.began, 0).Add(q.o.Lifetime) }

// sweep deals with deliveries whose deadline has come, whether or not their destination has its turn.
func (s *scheduler) sweep(ctx context.Context) error {
	now := s.q.now()
	for {
		var list []*delivery
		var destinations []destinationRow
		err := s.q.store.Read(ctx, func(tx *store.Tx) error {
			list, destinations = nil, nil
			ids, err := selectIDs(tx, `SELECT id FROM queue_delivery WHERE deadline IS NOT NULL AND deadline <= $1 ORDER BY deadline LIMIT $2`, now.Unix(), sweepAtOnce)
			if err != nil {
				return err
			}
			for _, id := range ids {
				d, err := selectDelivery(tx, id)
				if err != nil {
					return err
				}
				at, err := selectDestination(tx, d.destination)
				if err != nil {
					return err
				}
				list, destinations = append(list, d), append(destinations, at)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("deadlines: %w", err)
		}
		for i, d := range list {
			if err := s.deadline(ctx, d, destinations[i], now); err != nil {
				return fmt.Errorf("deadlines: %w", err)
			}
		}
		if len(list) < sweepAtOnce || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func selectDestination(tx *store.Tx, name string) (d destinationRow, err error) {
	d.name = name
	err = tx.QueryRow(`SELECT failures, until, text FROM queue_destination WHERE name = $1`, name).Scan(&d.failures, &d.until, &d.text)
	if isNoRows(err) {
		err = nil
	}
	return d, err
}

// deadline tells the sender of d that it is late, or gives it up. A message that nobody has tried yet gets more time, whatever
// the clock says, and so does one that is just being sent.
func (s *scheduler) deadline(ctx context.Context, d *delivery, at destinationRow, now time.Time) error {
	q := s.q
	if l := s.lanes[d.destination]; l != nil && l.inHand[d.id] {
		return q.postpone(ctx, d, now.Add(stepWorth))
	}
	expires := q.expires(&d.deliveryRow)
	o := &outcome{delivery: d, at: now, next: time.Unix(d.due, 0)}
	for _, r := range d.recipients {
		if r.Text == "" && at.text != "" {
			r.Enhanced, r.Text = "4.4.1", at.text
		}
		switch {
		case now.Before(expires):
			o.later = append(o.later, r)
			if r.Notify.wants(NotifyDelay) {
				o.delay = append(o.delay, r)
			}
		default:
			if r.Enhanced == "" {
				r.Enhanced = "4.4.7"
			}
			o.failed = append(o.failed, r)
		}
	}
	if now.Before(expires) {
		return q.sayDelayed(ctx, o, expires)
	}
	if d.attempts < leastTries && at.failures < leastTries {
		return q.postpone(ctx, d, now.Add(oneMoreTry))
	}
	o.reason = "expired"
	if err := q.writeOnce(ctx, o); err != nil {
		return err
	}
	q.metrics.outcome.WithLabelValues("expired").Add(float64(len(o.failed)))
	q.report(o)
	return nil
}

// sayDelayed sends the notice of the delay, once.
func (q *Queue) sayDelayed(ctx context.Context, o *outcome, expires time.Time) error {
	also := func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE queue_delivery SET told = 1, deadline = $2 WHERE id = $1 AND phase < 2`, o.id, expires.Unix())
		return err
	}
	if o.told {
		o.delay = nil
	}
	n, err := q.noticeFor(ctx, o)
	if err != nil {
		return err
	}
	if n == nil {
		return q.store.Write(ctx, also)
	}
	defer n.prepared.Release()
	return q.deliverNotice(ctx, n, also)
}

// postpone looks at a deadline again at another time.
func (q *Queue) postpone(ctx context.Context, d *delivery, to time.Time) error {
	return q.store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE queue_delivery SET deadline = $2 WHERE id = $1 AND deadline IS NOT NULL`, d.id, to.Unix())
		return err
	})
}
