package tally

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"schulhof/store"
)

// Counts gathers how often each line of a report came up, until that is saved. Its methods may be called by many at once.
type Counts[Line comparable] struct {
	limit int

	mu    sync.Mutex
	lines map[Line]int64
}

// NewCounts makes counts of at most limit lines.
func NewCounts[Line comparable](limit int) *Counts[Line] {
	return &Counts[Line]{limit: limit, lines: map[Line]int64{}}
}

// Add counts a line once more. There are no new ones beyond the limit; what is known goes on.
func (c *Counts[Line]) Add(line Line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.lines[line]; ok || len(c.lines) < c.limit {
		c.lines[line]++
	}
}

// Take returns what is counted, and begins anew.
func (c *Counts[Line]) Take() map[Line]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := c.lines
	c.lines = map[Line]int64{}
	return lines
}

// putBack returns what could not be saved, as far as there is room.
func (c *Counts[Line]) putBack(lines map[Line]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for line, n := range lines {
		if _, ok := c.lines[line]; ok || len(c.lines) < c.limit {
			c.lines[line] += n
		}
	}
}

// Flush hands what is counted to save, which adds it to what the database has: a few lines at a time, so that people's work need not wait
// for all. What was not saved when one turn fails waits for the next Flush.
func (c *Counts[Line]) Flush(ctx context.Context, s *store.Store, save func(tx *store.Tx, lines map[Line]int64) error) error {
	rest := c.Take()
	for lines := range slices.Chunk(slices.Collect(maps.Keys(rest)), flushLines) {
		turn := make(map[Line]int64, len(lines))
		for _, line := range lines {
			turn[line] = rest[line]
		}
		if err := s.WriteBulk(ctx, func(tx *store.Tx) error { return save(tx, turn) }); err != nil {
			c.putBack(rest)
			return fmt.Errorf("save counts: %w", err)
		}
		for _, line := range lines {
			delete(rest, line)
		}
	}
	return nil
}
