package mailbox

import (
	"context"
	"fmt"
	"sync"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
)

// Dedupe names a transaction over (client, envelope, content hash); the window is 10 minutes. See AcknowledgementLost.
type Dedupe struct{ Key [32]byte }

// deliverySeen knows the transactions whose answer did not reach the peer, who will therefore send the message again.
// While the server runs, the door tells (AcknowledgementLost). After a crash nobody can: then all transactions of the last minutes
// before it count as unanswered, which the rows of delivery_seen remember. Those rows are only appended, and read at the start.
type deliverySeen struct {
	mu     sync.Mutex
	lost   map[[32]byte]seenDelivery // answer lost: the next try is answered from here
	failed map[[32]byte]seenDelivery // delivered lately with some recipients refused
	last   int64                     // id of the newest row
}

type seenDelivery struct {
	at      int64  // unix seconds
	results []byte // a fault kind + 1 for each recipient that failed, else 0; empty: none did
}

// outdated reports a delivery of before the window, or of a time that has not come yet: the clock was wrong then.
func (d *seenDelivery) outdated(now time.Time) bool {
	age := now.Unix() - d.at
	return age > int64(dedupeWindow/time.Second) || age < -int64(dedupeWindow/time.Second)
}

func (s *deliverySeen) lookup(key [32]byte, recipients int, now time.Time) (results []error, seen bool) {
	s.mu.Lock()
	d, ok := s.lost[key]
	s.mu.Unlock()
	if !ok || d.outdated(now) || len(d.results) != 0 && len(d.results) != recipients {
		return nil, false
	}
	results = make([]error, recipients)
	for i, kind := range d.results {
		if kind != 0 {
			results[i] = fault.New(fault.Kind(kind-1), "%s", fault.Kind(kind-1).String())
		}
	}
	return results, true
}

// record notes a delivery in its own transaction.
func (s *deliverySeen) record(tx *store.Tx, key [32]byte, results []error, now int64) error {
	d := seenDelivery{at: now}
	for i, err := range results {
		if err != nil {
			if d.results == nil {
				d.results = make([]byte, len(results))
			}
			d.results[i] = byte(fault.KindOf(err)) + 1
		}
	}
	failed := d.results
	if failed == nil {
		failed = []byte{}
	}
	var id int64
	err := tx.QueryRow(`INSERT INTO delivery_seen (at, key, failed) VALUES ($1, $2, $3) RETURNING id`, now, key[:], failed).Scan(&id)
	if err != nil {
		return fmt.Errorf("note delivery: %w", err)
	}
	tx.AfterCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.last = id
		delete(s.lost, key)
		if d.results != nil {
			s.failed[key] = d
		}
	})
	return nil
}

// AcknowledgementLost records that the 250 for key could not be written, so that the peer's next try within 10 minutes is answered
// without a second delivery.
func (m *Mail) AcknowledgementLost(_ context.Context, key [32]byte) error {
	s := m.seen
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost[key] = seenDelivery{at: m.now().Unix(), results: s.failed[key].results}
	return nil
}

// AcknowledgementArrived says that the peer has read the 250 for key: what it sends from now on is a new message, though the bytes be the same.
func (m *Mail) AcknowledgementArrived(key [32]byte) {
	s := m.seen
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.lost, key)
}

// loadDeliveriesSeen reads what the last run left: after a clean end only lost answers, after a crash all of its last minutes.
func (m *Mail) loadDeliveriesSeen(ctx context.Context) (*deliverySeen, error) {
	s := &deliverySeen{lost: make(map[[32]byte]seenDelivery), failed: make(map[[32]byte]seenDelivery)}
	since, until := m.now().Add(-dedupeWindow).Unix(), m.now().Add(dedupeWindow).Unix()
	err := m.store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT id, at, key, failed FROM delivery_seen WHERE at BETWEEN $1 AND $2 ORDER BY id`, since, until)
		if err != nil {
			return fmt.Errorf("read recent deliveries: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var d seenDelivery
			var key []byte
			if err := rows.Scan(&s.last, &d.at, &key, &d.results); err != nil {
				return fmt.Errorf("read recent deliveries: %w", err)
			}
			if len(key) == 32 {
				s.lost[[32]byte(key)] = d
			}
		}
		return rows.Err()
	})
	return s, err
}

// forgetOld drops what is older than the window; limit bounds the rows of one transaction. more: there is more to drop.
func (m *Mail) forgetOld(ctx context.Context, limit int) (more bool, err error) {
	now := m.now()
	s := m.seen
	s.mu.Lock()
	for _, list := range []map[[32]byte]seenDelivery{s.lost, s.failed} {
		for key, d := range list {
			if d.outdated(now) {
				delete(list, key)
			}
		}
	}
	s.mu.Unlock()
	var first, until int64
	err = m.store.Read(ctx, func(tx *store.Tx) error {
		first, until = 0, 0
		rows, err := tx.Query(`SELECT id, at FROM delivery_seen ORDER BY id LIMIT $1`, int64(limit))
		if err != nil {
			return err
		}
		defer rows.Close()
		var row [2]int64
		for rows.Next() {
			if err := rows.Int64s(row[:]); err != nil {
				return err
			}
			if d := (seenDelivery{at: row[1]}); !d.outdated(now) {
				return nil
			}
			if first == 0 {
				first = row[0]
			}
			until = row[0]
		}
		return rows.Err()
	})
	if err != nil || until == 0 {
		return false, err
	}
	err = m.store.WriteBulk(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`DELETE FROM delivery_seen WHERE id <= $1`, until)
		return err
	})
	return until-first+1 >= int64(limit), err
}

// forgetAnswered leaves only the rows whose answer was lost.
func (m *Mail) forgetAnswered() error {
	s := m.seen
	s.mu.Lock()
	args := []any{}
	for key, d := range s.lost {
		results := d.results
		if results == nil {
			results = []byte{}
		}
		args = append(args, d.at, append([]byte(nil), key[:]...), results)
	}
	last := s.last
	s.mu.Unlock()
	if last == 0 && len(args) == 0 {
		return nil
	}
	err := m.store.Write(context.Background(), func(tx *store.Tx) error {
		if _, err := tx.Exec(`DELETE FROM delivery_seen`); err != nil {
			return err
		}
		return insertRows(tx, `INSERT INTO delivery_seen (at, key, failed)`, 3, args)
	})
	if err != nil && m.store.ReadOnlyCause() != nil {
		return nil // no writes any more: the next start takes all for unanswered, which is the safe side
	}
	return err
}
