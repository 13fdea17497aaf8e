package queue

import (
	"context"
	"fmt"
	"strings"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Retry makes messages due at once, and ends the pauses of their destinations. Held ones stay held. It returns how many there were.
func (q *Queue) Retry(ctx context.Context, ids ...ID) (int, error) {
	return q.each(ctx, ids, func(tx *store.Tx, d *delivery, now time.Time) error {
		if d.phase == phaseHeld {
			return nil
		}
		if _, err := tx.Exec(`UPDATE queue_delivery SET due = $2, not_before = 0 WHERE id = $1`, d.id, now.Unix()); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE queue_destination SET until = 0, wake = $2 WHERE name = $1`, d.destination, now.Unix()); err != nil {
			return err
		}
		return wakeDestination(tx, d.destination, now.Unix())
	})
}

// Hold keeps messages until they are released. reason is for people. fault.Invalid: it is empty or too long.
func (q *Queue) Hold(ctx context.Context, reason string, ids ...ID) (int, error) {
	if reason == "" || len(reason) > MaxReason || !printable(reason) {
		return 0, fault.New(fault.Invalid, "the reason must be one line of 1 to %d bytes", MaxReason)
	}
	return q.each(ctx, ids, func(tx *store.Tx, d *delivery, _ time.Time) error {
		_, err := tx.Exec(`UPDATE queue_delivery SET phase = 2, held = $2, deadline = NULL WHERE id = $1`, d.id, reason)
		return err
	})
}

// Postpone sends messages that were never tried not before a time. fault.Refused: one of them was tried already, or is held.
func (q *Queue) Postpone(ctx context.Context, until time.Time, ids ...ID) (int, error) {
	return q.each(ctx, ids, func(tx *store.Tx, d *delivery, now time.Time) error {
		if d.phase != phaseNew || d.attempting {
			return fault.New(fault.Refused, "message %d was tried already or is held", d.message.ID)
		}
		at := max(until.Unix(), now.Unix())
		_, err := tx.Exec(`UPDATE queue_delivery SET due = $2, not_before = $2, began = $2, deadline = $3 WHERE id = $1`, d.id, at, q.firstDeadline(at))
		if err != nil {
			return err
		}
		return wakeDestination(tx, d.destination, at)
	})
}

// Release lets held messages go. Their lifetime begins anew. Those that are not held stay as they are.
func (q *Queue) Release(ctx context.Context, ids ...ID) (int, error) {
	return q.each(ctx, ids, func(tx *store.Tx, d *delivery, now time.Time) error {
		if d.phase != phaseHeld {
			return nil
		}
		_, err := tx.Exec(`UPDATE queue_delivery SET phase = CASE WHEN attempts > 0 THEN 1 ELSE 0 END, held = '', due = $2, not_before = 0, began = $2, deadline = $3, told = 0
			WHERE id = $1`, d.id, now.Unix(), q.firstDeadline(now.Unix()))
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM queue_tell WHERE message_id = $1`, int64(d.message.ID)); err != nil {
			return err
		}
		return wakeDestination(tx, d.destination, now.Unix())
	})
}

// Drop removes messages without a word to anybody.
func (q *Queue) Drop(ctx context.Context, ids ...ID) (int, error) {
	return q.each(ctx, ids, func(tx *store.Tx, d *delivery, _ time.Time) error { return dropMessage(tx, d.message.ID) })
}

// Withdraw takes back what account has sent, while nothing of it is on its way. fault.NotFound: it has no such message, or it
// has been sent. fault.Conflict: it is just being sent, or was tried.
func (q *Queue) Withdraw(ctx context.Context, account directory.ID, id ID) error {
	return q.store.Write(ctx, func(tx *store.Tx) error { return q.WithdrawIn(tx, account, id) })
}

// WithdrawIn is Withdraw in a transaction that does more, such as keeping the text. It may run again.
func (q *Queue) WithdrawIn(tx *store.Tx, account directory.ID, id ID) error {
	var n, tried int64
	err := tx.QueryRow(`SELECT COUNT(*), COALESCE(SUM(d.attempting + d.attempts + CASE WHEN d.destination = $3 AND m.tag = $4 THEN 1 ELSE 0 END), 0)
		FROM queue_message m JOIN queue_delivery d ON d.message_id = m.id WHERE m.id = $1 AND m.owner_id = $2`,
		int64(id), int64(account), Here, tagBegun).Scan(&n, &tried)
	switch {
	case err != nil:
		return fmt.Errorf("withdraw: %w", err)
	case n == 0:
		return fault.New(fault.NotFound, "there is no such message in the queue any more")
	case tried > 0:
		return fault.New(fault.Conflict, "the message is on its way")
	}
	q.changed(tx)
	return dropMessage(tx, id)
}

// each calls act for every delivery of the messages, all in one transaction: a slice of them at a time when there are many.
// fault.NotFound: one message is not there.
func (q *Queue) each(ctx context.Context, ids []ID, act func(*store.Tx, *delivery, time.Time) error) (n int, err error) {
	now := q.now()
	for len(ids) > 0 {
		slice := ids[:min(len(ids), PageSize)]
		ids = ids[len(slice):]
		err := q.store.Write(ctx, func(tx *store.Tx) error {
			for _, id := range slice {
				if err := eachDelivery(tx, id, now, act); err != nil {
					return err
				}
			}
			q.changed(tx)
			return nil
		})
		if err != nil {
			return n, err
		}
		n += len(slice)
	}
	return n, nil
}

func eachDelivery(tx *store.Tx, id ID, now time.Time, act func(*store.Tx, *delivery, time.Time) error) error {
	deliveries, err := selectIDs(tx, `SELECT id FROM queue_delivery WHERE message_id = $1 ORDER BY id`, int64(id))
	if err != nil {
		return err
	}
	if len(deliveries) == 0 {
		return fault.New(fault.NotFound, "there is no message %d in the queue", id)
	}
	for _, delivery := range deliveries {
		d, err := selectDelivery(tx, delivery)
		if err != nil {
			return err
		}
		if d == nil { // went with the one before
			continue
		}
		if err := act(tx, d, now); err != nil {
			return err
		}
	}
	return nil
}

// UndoOf is how long account can take back what it sent.
func (q *Queue) UndoOf(account directory.ID) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if d, ok := q.undo[account]; ok {
		return d
	}
	return q.o.Undo
}

// TakeBackUntil is until when account can take back what it sends now; the zero time when not at all.
func (q *Queue) TakeBackUntil(account directory.ID) time.Time {
	if d := q.UndoOf(account); d > 0 {
		return q.now().Add(d)
	}
	return time.Time{}
}

// SetUndo sets how long account can take back what it sent, whole seconds up to MaxUndo; -1: as the default is. fault.Invalid.
func (q *Queue) SetUndo(ctx context.Context, account directory.ID, d time.Duration) error {
	if d != -1 && (d < 0 || d > MaxUndo || d%time.Second != 0) {
		return fault.New(fault.Invalid, "%s, want 0 to %s in whole seconds", d, MaxUndo)
	}
	return q.store.Write(ctx, func(tx *store.Tx) (err error) {
		if d == -1 {
			_, err = tx.Exec(`DELETE FROM queue_undo WHERE owner_id = $1`, int64(account))
		} else {
			_, err = tx.Exec(`INSERT INTO queue_undo (owner_id, seconds) VALUES ($1, $2) ON CONFLICT (owner_id) DO UPDATE SET seconds = excluded.seconds`,
				int64(account), int64(d/time.Second))
		}
		tx.AfterCommit(func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			if delete(q.undo, account); d != -1 {
				q.undo[account] = d
			}
		})
		return err
	})
}

// suffix makes a pattern of LIKE, with \ as the escape, for what ends with s.
func suffix(s string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}
