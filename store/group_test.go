package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"github.com/prometheus/client_golang/prometheus"
)

// TestManyWritesFewCommits guards group commit: closures that wait together share commits. A commit is an fsync, so this and
// not the machine decides how many deliveries a second there are.
func TestManyWritesFewCommits(t *testing.T) {
	const closures = 600
	registry := prometheus.NewRegistry()
	s := storetest.OpenWith(t, store.Options{Metrics: registry})
	scratch(t, s)
	release := blocked(t, s)
	before := metric(t, registry, "schulhof_store_commit_seconds")
	var wg sync.WaitGroup
	for i := range closures {
		wg.Go(func() {
			err := s.Write(context.Background(), func(tx *store.Tx) error {
				_, err := tx.Exec("INSERT INTO scratch (n) VALUES ($1)", i)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	for s.Waiting() < closures {
	}
	release()
	wg.Wait()
	commits := metric(t, registry, "schulhof_store_commit_seconds") - before
	if commits > closures/10 {
		t.Errorf("%d closures took %v commits, want a tenth at most", closures, commits)
	}
	if commits < closures/256 {
		t.Errorf("%v commits for %d closures: more than 256 in one", commits, closures)
	}
	if n := number(t, s, "SELECT COUNT(*) FROM scratch"); n != closures {
		t.Errorf("%d rows, want %d", n, closures)
	}
}

// TestACancelledClosureNeverRuns: one that gave up while it waited has no effect, wherever in the group it stood.
func TestACancelledClosureNeverRuns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		scratch(t, s)
		release := blocked(t, s)
		ctx, cancel := context.WithCancel(context.Background())
		results := make([]chan error, 9)
		for i := range results {
			results[i] = make(chan error, 1)
			own := context.Background()
			if i%3 == 0 {
				own = ctx
			}
			go func() {
				results[i] <- s.Write(own, func(tx *store.Tx) error {
					_, err := tx.Exec("INSERT INTO scratch (n) VALUES ($1)", i)
					return err
				})
			}()
			for s.Waiting() <= i {
			}
		}
		cancel()
		for i := 0; i < len(results); i += 3 {
			if err := <-results[i]; !errors.Is(err, context.Canceled) {
				t.Errorf("closure %d = %v, want Canceled", i, err)
			}
		}
		release()
		for i, result := range results {
			if i%3 != 0 {
				if err := <-result; err != nil {
					t.Errorf("closure %d = %v", i, err)
				}
			}
			if rows := number(t, s, "SELECT COUNT(*) FROM scratch WHERE n = $1", i); (rows == 1) != (i%3 != 0) {
				t.Errorf("closure %d: %d rows", i, rows)
			}
		}
	})
}

// TestCloseWaitsForWhatWasHandedIn: closures in the queue at Close are run and answered; later ones are refused.
func TestCloseWaitsForWhatWasHandedIn(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		s, err := store.Open(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		scratch(t, s)
		release := blocked(t, s)
		var wg sync.WaitGroup
		var ok atomic.Int64
		for i := range 30 {
			wg.Go(func() {
				err := s.Write(context.Background(), func(tx *store.Tx) error {
					_, err := tx.Exec("INSERT INTO scratch (n) VALUES ($1)", i)
					return err
				})
				switch {
				case err == nil:
					ok.Add(1)
				case !fault.Is(err, fault.Unavailable):
					t.Errorf("Write while closing = %v", err)
				}
			})
		}
		for s.Waiting() < 30 {
		}
		closed := make(chan error)
		go func() { closed <- s.Close() }()
		release()
		if err := <-closed; err != nil {
			t.Error(err)
		}
		wg.Wait()
		if err := s.WriteBulk(context.Background(), func(*store.Tx) error { return nil }); !fault.Is(err, fault.Unavailable) {
			t.Errorf("WriteBulk after Close = %v, want Unavailable", err)
		}
		s = storetest.OpenWith(t, o)
		if n := number(t, s, "SELECT COUNT(*) FROM scratch"); n != ok.Load() || n != 30 {
			t.Errorf("%d rows, %d were acknowledged, 30 were handed in", n, ok.Load())
		}
	})
}

// TestAReadThatFails keeps the snapshot's connection usable: errors, panics and open rows leave nothing behind.
func TestAReadThatFails(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		scratch(t, s)
		write(t, s, "INSERT INTO scratch (n) VALUES (1)")
		no := errors.New("no")
		for i := range 30 { // more often than there are connections
			err := s.Read(context.Background(), func(tx *store.Tx) error {
				rows, err := tx.Query("SELECT n FROM scratch")
				if err != nil {
					return err
				}
				rows.Next() // never closed
				switch i % 3 {
				case 0:
					return no
				case 1:
					panic("a bug")
				}
				_, err = tx.Query("SELECT n FROM nothing")
				return err
			})
			if err == nil || i%3 == 0 && !errors.Is(err, no) || i%3 == 1 && fault.KindOf(err) != fault.Internal {
				t.Errorf("round %d: %v", i, err)
			}
		}
		if n := number(t, s, "SELECT n FROM scratch"); n != 1 {
			t.Errorf("n = %d", n)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.Read(ctx, func(*store.Tx) error { t.Error("it ran"); return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("Read with an ended context = %v", err)
		}
	})
}

// TestReadersWaitForAFreeConnection: more readers than connections are served one after the other, and one whose context ends
// while it waits gives up.
func TestReadersWaitForAFreeConnection(t *testing.T) {
	s := storetest.Open(t)
	hold := make(chan struct{})
	var in, wg sync.WaitGroup
	in.Add(8)
	for range 8 {
		wg.Go(func() {
			err := s.Read(context.Background(), func(*store.Tx) error { in.Done(); <-hold; return nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
	in.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	gaveUp := make(chan error)
	go func() { gaveUp <- s.Read(ctx, func(*store.Tx) error { return nil }) }()
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("a reader that waited = %v, want Canceled", err)
	}
	for range 20 {
		wg.Go(func() {
			if err := s.Read(context.Background(), func(*store.Tx) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	close(hold)
	wg.Wait()
}

// TestInt64s reads rows of integers, NULL as 0, and refuses everything else.
func TestInt64s(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		tests := []struct {
			name, query string
			dest        int
			want        string // "": an error
		}{
			{"numbers", "SELECT CAST(1 AS BIGINT), CAST(-2 AS BIGINT)", 2, "[1 -2]"},
			{"NULL", "SELECT CAST(NULL AS BIGINT), CAST(7 AS BIGINT)", 2, "[0 7]"},
			{"text", "SELECT 'seven'", 1, ""},
			{"too few targets", "SELECT 1, 2", 1, ""},
			{"too many targets", "SELECT 1", 2, ""},
		}
		for _, tt := range tests {
			dest := make([]int64, tt.dest)
			err := s.Read(context.Background(), func(tx *store.Tx) error {
				rows, err := tx.Query(tt.query)
				if err != nil {
					return err
				}
				defer rows.Close()
				if !rows.Next() {
					return errors.New("no row")
				}
				return rows.Int64s(dest)
			})
			if tt.want == "" && err == nil || tt.want != "" && fmt.Sprint(dest) != tt.want {
				t.Errorf("%s: %v, %v, want %s", tt.name, dest, err, tt.want)
			}
		}
	})
}
