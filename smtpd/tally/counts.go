package tally

import (
	"context"
	"fmt"
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

// putBack returns what could not be saved.
func (c *Counts[Line]) putBack(lines map[Line]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for line, n := range lines {
		c.lines[line] += n
	}
}

// Flush hands what is counted to save, which adds it to what the database has.
func (c *Counts[Line]) Flush(ctx context.Context, s *store.Store, save func(tx *store.Tx, lines map[Line]int64) error) error {
	lines := c.Take()
	if len(lines) == 0 {
		return nil
	}
	if err := s.Write(ctx, func(tx *store.Tx) error { return save(tx, lines) }); err != nil {
		c.putBack(lines)
		return fmt.Errorf("save counts: %w", err)
	}
	return nil
}
