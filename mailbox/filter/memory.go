package filter

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"schulhof/directory"
	"schulhof/store"
)

// What is remembered; the numbers are in the table.
const (
	seen     = 1 // duplicate, RFC 7352
	answered = 2 // vacation, RFC 5230
	told     = 3 // a fault
)

// remembered is one row to write.
type remembered struct {
	owner directory.ID
	kind  int64
	hash  []byte
	until int64
}

// claim is what only one of the plans that are under way may do: one answer, one notice.
type claim struct {
	owner directory.ID
	kind  int64
	hash  [16]byte
}

// claim makes it the plan's until its release, when it is committed or came to nothing; false: it is another plan's.
func (f *Filters) claim(c claim, by *Plan) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if holder := f.claims[c]; holder != nil {
		return holder == by
	}
	f.claims[c], by.claims = by, append(by.claims, c)
	return true
}

// unclaim gives back what a plan claimed.
func (f *Filters) unclaim(p *Plan) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range p.claims {
		delete(f.claims, c)
	}
	p.claims = nil
}

// sent is what one owner's scripts send with the message under way.
type sent struct{ redirects, answers int }

// hashOf names what is remembered.
func hashOf(parts ...string) []byte {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return h.Sum(nil)[:16]
}

// known reports whether something is remembered.
func (f *Filters) known(ctx context.Context, owner directory.ID, kind int64, hash []byte) (bool, error) {
	var until int64
	err := f.store.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT until FROM sieve_memory WHERE owner_id = $1 AND kind = $2 AND hash = $3`, int64(owner), kind, hash).Scan(&until)
	})
	if errors.Is(err, store.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read what a filter remembers: %w", err)
	}
	return until > f.now().Unix(), nil
}

// sentToday is what owner's scripts sent today.
func (f *Filters) sentToday(ctx context.Context, owner directory.ID) (s sent, err error) {
	var day int64
	err = f.store.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT day, redirects, answers FROM sieve_sent WHERE owner_id = $1`, int64(owner)).Scan(&day, &s.redirects, &s.answers)
	})
	switch {
	case errors.Is(err, store.ErrNoRows):
		return sent{}, nil
	case err != nil:
		return s, fmt.Errorf("read what a filter sent: %w", err)
	case day != f.today():
		return sent{}, nil
	}
	return s, nil
}

func (f *Filters) today() int64 { return f.now().Unix() / 86400 }

// remember writes a row; a later end replaces an earlier one.
func remember(tx *store.Tx, r remembered) error {
	_, err := tx.Exec(`INSERT INTO sieve_memory (owner_id, kind, hash, until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (owner_id, kind, hash) DO UPDATE SET until = excluded.until`, int64(r.owner), r.kind, r.hash, r.until)
	if err != nil {
		return fmt.Errorf("remember for a filter: %w", err)
	}
	return nil
}

// countSent adds to today's sums.
func countSent(tx *store.Tx, owner directory.ID, day int64, s sent) error {
	_, err := tx.Exec(`INSERT INTO sieve_sent (owner_id, day, redirects, answers) VALUES ($1, $2, $3, $4)
		ON CONFLICT (owner_id) DO UPDATE SET
			redirects = CASE WHEN sieve_sent.day = excluded.day THEN sieve_sent.redirects ELSE 0 END + excluded.redirects,
			answers = CASE WHEN sieve_sent.day = excluded.day THEN sieve_sent.answers ELSE 0 END + excluded.answers,
			day = excluded.day`, int64(owner), day, s.redirects, s.answers)
	if err != nil {
		return fmt.Errorf("count what a filter sends: %w", err)
	}
	return nil
}

// sweep forgets what has expired, until ctx ends.
func (f *Filters) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := f.Sweep(ctx); err != nil && ctx.Err() == nil {
			f.log.Warn("forget what filters remembered", "err", err)
		}
	}
}

// Sweep forgets what has expired, and of owners who have too much to remember what expires first.
func (f *Filters) Sweep(ctx context.Context) error {
	return f.store.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(`DELETE FROM sieve_memory WHERE until <= $1`, f.now().Unix()); err != nil {
			return fmt.Errorf("sweep memory: %w", err)
		}
		owners, err := forgetful(tx)
		if err != nil {
			return fmt.Errorf("sweep memory: %w", err)
		}
		for _, owner := range owners { // one after the other: what is too much is sorted once for each
			_, err := tx.Exec(`DELETE FROM sieve_memory WHERE owner_id = $1 AND until <=
				(SELECT until FROM sieve_memory WHERE owner_id = $1 ORDER BY until DESC LIMIT 1 OFFSET $2)`, int64(owner), maxMemory)
			if err != nil {
				return fmt.Errorf("sweep memory of account %d: %w", owner, err)
			}
		}
		return nil
	})
}

// forgetful are the owners who have too much to remember.
func forgetful(tx *store.Tx) (list []directory.ID, err error) {
	rows, err := tx.Query(`SELECT owner_id FROM sieve_memory GROUP BY owner_id HAVING COUNT(*) > $1`, maxMemory)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var owner directory.ID
		if err := rows.Scan(&owner); err != nil {
			return nil, err
		}
		list = append(list, owner)
	}
	return list, rows.Err()
}
