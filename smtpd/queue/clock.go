package queue

import (
	"context"
	"fmt"
	"time"

	"schulhof/store"
)

// clock compares the wall clock with the time that has passed.
type clock struct {
	wall, steady time.Time // at the last look; steady goes on whatever the wall clock is set to
	written      time.Time // the wall clock as queue_clock has it
}

// checkClock moves all that waits when the wall clock has been set: what was to be tried in five minutes is tried in five
// minutes, and has lived no longer. What people asked to be sent at a certain time keeps that time.
func (s *scheduler) checkClock(ctx context.Context) error {
	wall, steady := s.q.now().Round(0), time.Now()
	if !s.clock.wall.IsZero() {
		step := wall.Sub(s.clock.wall) - steady.Sub(s.clock.steady)
		if step.Abs() >= stepWorth {
			if err := s.shift(ctx, step, true, wall); err != nil {
				return err
			}
		}
	}
	s.clock.wall, s.clock.steady = wall, steady
	if wall.Sub(s.clock.written).Abs() < stepWorth {
		return nil
	}
	return s.writeClock(ctx, wall)
}

func (s *scheduler) writeClock(ctx context.Context, wall time.Time) error {
	err := s.q.store.Write(ctx, func(tx *store.Tx) error { return noteTime(tx, wall) })
	if err != nil {
		return fmt.Errorf("write down the time: %w", err)
	}
	s.clock.written = wall
	return nil
}

func noteTime(tx *store.Tx, wall time.Time) error {
	_, err := tx.Exec(`INSERT INTO queue_clock (id, seen) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET seen = excluded.seen`, wall.Unix())
	return err
}

// shift moves the times of what waits by step: ends of lifetimes, and with tries also the times of the next try. The same commit
// notes wall, or a stop in between would have the next start move them once more.
func (s *scheduler) shift(ctx context.Context, step time.Duration, tries bool, wall time.Time) error {
	s.q.log.Warn("queue: the clock was set; waiting mail keeps its distances", "by", step.Round(time.Second))
	by := int64(step / time.Second)
	statements := []string{`UPDATE queue_delivery SET began = began + $1, deadline = deadline + $1 WHERE phase <> 2`}
	if tries {
		statements = append(statements,
			`UPDATE queue_delivery SET due = due + $1 WHERE phase <> 2 AND due <> not_before`,
			`UPDATE queue_destination SET until = CASE WHEN until > 0 THEN until + $1 ELSE 0 END`)
	}
	err := s.q.store.Write(ctx, func(tx *store.Tx) error {
		for _, statement := range statements {
			if _, err := tx.Exec(statement, by); err != nil {
				return err
			}
		}
		if err := rewakeAll(tx); err != nil {
			return err
		}
		return noteTime(tx, wall)
	})
	if err != nil {
		return fmt.Errorf("move the times of what waits: %w", err)
	}
	s.clock.written = wall
	return nil
}

// rewakeAll works out anew when each destination is to be looked at.
func rewakeAll(tx *store.Tx) error {
	_, err := tx.Exec(`UPDATE queue_destination SET wake = COALESCE((SELECT MIN(d.due) FROM queue_delivery d
		WHERE d.destination = queue_destination.name AND d.phase < 2), 0)`)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`UPDATE queue_destination SET wake = until WHERE wake < until`)
	return err
}

// recover takes up what an earlier run has left: deliveries that it may have sent, and a time without a server.
func (s *scheduler) recover(ctx context.Context) error {
	var seen int64
	var under []int64
	err := s.q.store.Read(ctx, func(tx *store.Tx) (err error) {
		if err = tx.QueryRow(`SELECT seen FROM queue_clock WHERE id = 1`).Scan(&seen); err != nil && !isNoRows(err) {
			return err
		}
		under, err = selectIDs(tx, `SELECT id FROM queue_delivery WHERE attempting = 1`)
		return err
	})
	if err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	now := s.q.now().Round(0)
	switch away := now.Sub(time.Unix(seen, 0)); {
	case seen != 0 && away < -stepWorth: // it was set back: also tries would wait for years
		err = s.shift(ctx, away, true, now)
	case seen != 0 && away > downWorth: // no server, or set forward: all is due, but nothing has lived longer
		err = s.shift(ctx, away, false, now)
	default:
		err = s.writeClock(ctx, now)
	}
	if err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	for _, id := range under {
		if err := s.q.interrupted(ctx, id); err != nil {
			return fmt.Errorf("queue: %w", err)
		}
	}
	return nil
}

// interrupted takes up a delivery that was under way when an earlier run ended: it may arrive twice, but it is not lost.
// The first time it is tried again at once.
func (q *Queue) interrupted(ctx context.Context, id int64) error {
	var trace, destination string
	err := q.store.Write(ctx, func(tx *store.Tx) error {
		var attempts int
		err := tx.QueryRow(`UPDATE queue_delivery SET attempting = 0, attempts = attempts + 1, phase = CASE WHEN phase = 2 THEN 2 ELSE 1 END
			WHERE id = $1 AND attempting = 1 RETURNING attempts, destination`, id).Scan(&attempts, &destination)
		if isNoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		due := q.now().Unix()
		if attempts > 1 { // perhaps it is this message that ends us
			due += int64(q.retryAfter(attempts) / time.Second)
		}
		if _, err := tx.Exec(`UPDATE queue_delivery SET due = $2 WHERE id = $1`, id, due); err != nil {
			return err
		}
		err = tx.QueryRow(`SELECT m.trace FROM queue_message m JOIN queue_delivery d ON d.message_id = m.id WHERE d.id = $1`, id).Scan(&trace)
		if err != nil {
			return err
		}
		return wakeDestination(tx, destination, due)
	})
	if err == nil && destination != "" {
		q.metrics.interrupted.Inc()
		q.log.Warn("queue: the server ended during a delivery; it is sent again and may arrive twice", "id", trace, "destination", destination)
	}
	return err
}
