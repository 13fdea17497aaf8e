package tally

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"schulhof/store"
	"schulhof/store/storetest"
)

// What is counted is limited; what is known goes on.
func TestLimit(t *testing.T) {
	t.Parallel()
	c := NewCounts[string](2)
	for _, line := range []string{"a", "b", "a", "c", "b", "b"} {
		c.Add(line)
	}
	if got, want := c.Take(), (map[string]int64{"a": 2, "b": 3}); !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
	c.Add("c")
	if got, want := c.Take(), (map[string]int64{"c": 1}); !maps.Equal(got, want) {
		t.Errorf("then %v, want %v", got, want)
	}
	if got := c.Take(); len(got) != 0 {
		t.Errorf("nothing came, but %v is counted", got)
	}
}

// saved is a table of what was counted, so that tests see what is undone.
type saved struct {
	t     *testing.T
	store *store.Store
}

func newSaved(t *testing.T) *saved {
	t.Helper()
	s := &saved{t, storetest.Open(t)}
	s.write(`CREATE TABLE counted (line TEXT PRIMARY KEY, n BIGINT NOT NULL)`)
	return s
}

func (s *saved) write(query string) {
	s.t.Helper()
	if err := s.store.Write(context.Background(), func(tx *store.Tx) error { _, err := tx.Exec(query); return err }); err != nil {
		s.t.Fatal(err)
	}
}

// add is what a room gives to Flush.
func (s *saved) add(tx *store.Tx, lines map[string]int64) error {
	for line, n := range lines {
		_, err := tx.Exec(`INSERT INTO counted (line, n) VALUES ($1, $2) ON CONFLICT (line) DO UPDATE SET n = counted.n + excluded.n`, line, n)
		if err != nil {
			return err
		}
	}
	return nil
}

// total is how many lines were saved, and their sum.
func (s *saved) total() (lines, sum int64) {
	s.t.Helper()
	err := s.store.Read(context.Background(), func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT COUNT(*), COALESCE(SUM(n), 0) FROM counted`).Scan(&lines, &sum)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return lines, sum
}

// What could not be saved is saved the next time, once, together with what came since.
func TestFlush(t *testing.T) {
	t.Parallel()
	s := newSaved(t)
	c := NewCounts[string](10)
	full := errors.New("disk full")
	for range 3 {
		c.Add("a")
		err := c.Flush(t.Context(), s.store, func(tx *store.Tx, lines map[string]int64) error { return errors.Join(s.add(tx, lines), full) })
		if !errors.Is(err, full) {
			t.Errorf("Flush = %v", err)
		}
	}
	if lines, sum := s.total(); lines != 0 {
		t.Errorf("%d lines with %d are saved of what failed", lines, sum)
	}
	c.Add("b")
	for range 2 {
		if err := c.Flush(t.Context(), s.store, s.add); err != nil {
			t.Fatal(err)
		}
	}
	if lines, sum := s.total(); lines != 2 || sum != 4 {
		t.Errorf("%d lines with %d are saved, want 2 with 4", lines, sum)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	c.Add("b")
	if err := c.Flush(ended, s.store, s.add); !errors.Is(err, context.Canceled) {
		t.Errorf("Flush = %v", err)
	}
	if got := fmt.Sprint(c.Take()); got != "map[b:1]" {
		t.Errorf("%s waits", got)
	}
}

// Saving takes many short turns, and what was saved in earlier ones is not counted again when one fails.
func TestFlushSlices(t *testing.T) {
	t.Parallel()
	s := newSaved(t)
	const lines = 2*flushLines + 7
	c := NewCounts[string](lines)
	for i := range 2 * lines {
		c.Add(fmt.Sprint(i % lines))
	}
	full := errors.New("disk full")
	turns := 0
	save := func(tx *store.Tx, slice map[string]int64) error {
		if turns++; len(slice) > flushLines {
			t.Errorf("%d lines in one turn", len(slice))
		}
		if err := s.add(tx, slice); err != nil || turns != 3 {
			return err
		}
		return full
	}
	if err := c.Flush(t.Context(), s.store, save); !errors.Is(err, full) {
		t.Errorf("Flush = %v", err)
	}
	if saved, sum := s.total(); saved != 2*flushLines || sum != 2*saved {
		t.Errorf("%d lines with %d are saved before the third turn, want %d", saved, sum, 2*flushLines)
	}
	if err := c.Flush(t.Context(), s.store, save); err != nil {
		t.Fatal(err)
	}
	if saved, sum := s.total(); saved != lines || sum != 2*lines {
		t.Errorf("%d lines with %d are saved, want %d with %d", saved, sum, lines, 2*lines)
	}
}

// What comes back because it could not be saved takes no more room than there is.
func TestPutBackLimit(t *testing.T) {
	t.Parallel()
	s := newSaved(t)
	c := NewCounts[string](4)
	for _, line := range []string{"a", "b", "c", "d"} {
		c.Add(line)
	}
	full := errors.New("disk full")
	err := c.Flush(t.Context(), s.store, func(*store.Tx, map[string]int64) error {
		for _, line := range []string{"a", "e", "f"} {
			c.Add(line)
		}
		return full
	})
	got := c.Take()
	if !errors.Is(err, full) || len(got) != 4 || got["a"] != 2 || got["e"] != 1 || got["f"] != 1 {
		t.Errorf("Flush = %v, %v wait, want a twice, e, f and one more", err, got)
	}
}
