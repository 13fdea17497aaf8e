package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
	"sync/atomic"
)

// hashFilter tells without a query that most new blobs are new: a Bloom filter over the hashes of table blob. It only saves work. What it wrongly takes
// for new is stored once more, and the transaction that refers to it finds the row that is there; what it wrongly takes for known is asked for.
type hashFilter struct {
	words []atomic.Uint64
	ready atomic.Bool   // every row from before the start is in it
	done  chan struct{} // closed when learning has ended
}

func (f *hashFilter) init(blobs int64) {
	n := uint64(max(blobs, 0)+hashFilterSpare) * hashFilterBits / 64
	f.words = make([]atomic.Uint64, 1<<bits.Len64(min(n, hashFilterMost/8)-1))
	f.done = make(chan struct{})
}

// places calls fn with the four bits of h. A hash is random enough to be its own hash.
func (f *hashFilter) places(h *Hash, fn func(word *atomic.Uint64, bit uint64) bool) bool {
	for i := 0; i < len(h); i += 8 {
		v := binary.LittleEndian.Uint64(h[i:])
		if !fn(&f.words[v>>6&uint64(len(f.words)-1)], 1<<(v&63)) {
			return false
		}
	}
	return true
}

func (f *hashFilter) add(h Hash) {
	f.places(&h, func(word *atomic.Uint64, bit uint64) bool {
		if word.Load()&bit == 0 {
			word.Or(bit)
		}
		return true
	})
}

// mayKnow is false when there is surely no row of h from before the start, nor one of a Put since.
func (f *hashFilter) mayKnow(h Hash) bool {
	return !f.ready.Load() || f.places(&h, func(word *atomic.Uint64, bit uint64) bool { return word.Load()&bit != 0 })
}

// touch makes the kernel give every page now: the first few hundred Puts would meet one with each of their bits.
func (f *hashFilter) touch() {
	for i := 0; i < len(f.words); i += 4096 / 8 {
		f.words[i].Or(0)
	}
}

// learnHashes reads the hashes of all blobs, in pages, once after the start.
func (s *Store) learnHashes() {
	defer close(s.known.done)
	s.known.touch()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		select {
		case <-s.closing:
			stop()
		case <-ctx.Done():
		}
	}()
	for last, more := BlobID(0), true; more; {
		var err error
		if last, more, err = s.learnPage(ctx, last); err != nil {
			if !s.ending() { // which ends ctx, too, a moment later
				s.log.Warn("learn the known blobs: each Put asks the database", "err", err)
			}
			return
		}
	}
	s.known.ready.Store(true)
}

// ending tells whether Close has been called.
func (s *Store) ending() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

func (s *Store) learnPage(ctx context.Context, after BlobID) (last BlobID, more bool, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		last, more = after, false
		rows, err := tx.Query(`SELECT id, hash FROM blob WHERE id > $1 ORDER BY id LIMIT $2`, after, hashFilterPage)
		if err != nil {
			return fmt.Errorf("hashes: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var h Hash
			if err := rows.Scan(&last, &h); err != nil {
				return fmt.Errorf("hashes: %w", err)
			}
			s.known.add(h)
			more = true
		}
		return rows.Err()
	})
	return last, more, err
}
