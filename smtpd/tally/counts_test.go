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
