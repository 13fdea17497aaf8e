package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
)

// twoServers are two stores on one PostgreSQL database.
func twoServers(t *testing.T, o store.Options) (s, other *store.Store) {
	t.Helper()
	o.Dir, o.Database = t.TempDir(), storetest.Postgres(t)
	s = storetest.OpenWith(t, store.Shared(o))
	other = storetest.OpenWith(t, store.Shared(store.Options{Dir: t.TempDir(), Database: o.Database}))
	scratch(t, s)
	write(t, s, "INSERT INTO scratch (id, n) VALUES (1000, 0), (2000, 0)")
	return s, other
}

// metric is the value of a counter or gauge, or how many observations a histogram has.
func metric(t testing.TB, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// increment reads and writes a row, with something in between.
func increment(id int, between func()) func(tx *store.Tx) error {
	return func(tx *store.Tx) error {
		var n int
		if err := tx.QueryRow("SELECT n FROM scratch WHERE id = $1", id).Scan(&n); err != nil {
			return err
		}
		between()
		_, err := tx.Exec("UPDATE scratch SET n = $1 WHERE id = $2", n+1, id)
		return err
	}
}

// TestSerializationFailuresComeToAnEnd: another server that gets in the way every time makes the write fail at last, as
// something that may be tried later, and the writer goes on.
func TestSerializationFailuresComeToAnEnd(t *testing.T) {
	s, other := twoServers(t, store.Options{})
	runs := 0
	published := false
	err := s.Write(context.Background(), func(tx *store.Tx) error {
		tx.AfterCommit(func() { published = true })
		return increment(1000, func() {
			runs++
			write(t, other, "UPDATE scratch SET n = n + 100 WHERE id = 1000")
		})(tx)
	})
	if !fault.Is(err, fault.Unavailable) || runs != 10 {
		t.Errorf("Write = %v after %d runs, want Unavailable after 10", err, runs)
	}
	var cause *pgconn.PgError
	if !errors.As(err, &cause) || cause.Code != "40001" {
		t.Errorf("the cause is %v, want a serialization failure", err)
	}
	if published {
		t.Error("a write that failed was published")
	}
	if err := s.Write(context.Background(), increment(1000, func() {})); err != nil {
		t.Errorf("the next write: %v", err)
	}
	if n := number(t, s, "SELECT n FROM scratch WHERE id = 1000"); n != 1001 {
		t.Errorf("n = %d, want 1001", n)
	}
}

// TestAGroupRunsAgainAsAWhole: when one closure of a group meets another server, all run again; each counts once, publishes
// once and wakes once.
func TestAGroupRunsAgainAsAWhole(t *testing.T) {
	registry := prometheus.NewRegistry()
	s, other := twoServers(t, store.Options{Metrics: registry})
	release := blocked(t, s)
	var published, runs atomic.Int64
	var once sync.Once
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			err := s.Write(context.Background(), func(tx *store.Tx) error {
				runs.Add(1)
				tx.AfterCommit(func() { published.Add(1) })
				if _, err := tx.Exec("INSERT INTO scratch (name) VALUES ($1)", fmt.Sprint(i)); err != nil {
					return err
				}
				if i != 3 {
					return increment(1000, func() {})(tx)
				}
				return increment(2000, func() { // a row that no other closure holds, or the other server would wait for us
					once.Do(func() { write(t, other, "UPDATE scratch SET n = n + 100 WHERE id = 2000") })
				})(tx)
			})
			if err != nil {
				t.Errorf("closure %d: %v", i, err)
			}
		})
		for s.Waiting() <= i {
		}
	}
	release()
	wg.Wait()
	if a, b := number(t, s, "SELECT n FROM scratch WHERE id = 1000"), number(t, s, "SELECT n FROM scratch WHERE id = 2000"); a != 4 || b != 101 {
		t.Errorf("n = %d and %d, want 4 and 101: an update was lost or counted twice", a, b)
	}
	if n := number(t, s, "SELECT COUNT(*) FROM scratch"); n != 7 {
		t.Errorf("%d rows, want 7", n)
	}
	if published.Load() != 5 {
		t.Errorf("published %d times, want 5", published.Load())
	}
	if runs.Load() <= 5 {
		t.Errorf("%d runs: no closure ran again", runs.Load())
	}
	if n := metric(t, registry, "schulhof_store_retries_total"); n < 1 {
		t.Errorf("the metric counts %v retries", n)
	}
}

// TestALostConnection: PostgreSQL ends the writer's connection in the middle of a closure, as at its restart. The write says
// that it may be tried again, and the next one gets a new connection.
func TestALostConnection(t *testing.T) {
	s, other := twoServers(t, store.Options{})
	for range 2 {
		err := s.Write(context.Background(), func(tx *store.Tx) error {
			var pid int64
			if err := tx.QueryRow("SELECT pg_backend_pid()").Scan(&pid); err != nil {
				return err
			}
			number(t, other, "SELECT CASE WHEN pg_terminate_backend(CAST($1 AS INT)) THEN 1 ELSE 0 END", pid)
			_, err := tx.Exec("UPDATE scratch SET n = 99 WHERE id = 1000")
			return err
		})
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("Write on a lost connection = %v, want Unavailable", err)
		}
		if s.ReadOnlyCause() != nil {
			t.Errorf("ReadOnlyCause = %v: a lost connection is no damaged disk", s.ReadOnlyCause())
		}
		if err := s.Write(context.Background(), increment(1000, func() {})); err != nil {
			t.Errorf("the next write: %v", err)
		}
	}
	if n := number(t, s, "SELECT n FROM scratch WHERE id = 1000"); n != 2 {
		t.Errorf("n = %d, want 2", n)
	}
	err := s.Read(context.Background(), func(tx *store.Tx) error {
		var pid int64
		if err := tx.QueryRow("SELECT pg_backend_pid()").Scan(&pid); err != nil {
			return err
		}
		number(t, other, "SELECT CASE WHEN pg_terminate_backend(CAST($1 AS INT)) THEN 1 ELSE 0 END", pid)
		return tx.QueryRow("SELECT n FROM scratch").Scan(new(int64))
	})
	if err == nil {
		t.Error("a snapshot on a lost connection succeeded")
	}
	number(t, s, "SELECT n FROM scratch WHERE id = 1000")
}

// TestAClosureThatFailsAlone: in a group the others are kept, whatever position the failing one has, on both dialects.
func TestAClosureThatFailsAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		scratch(t, s)
		for bad := range 4 {
			release := blocked(t, s)
			results := make([]chan error, 4)
			for i := range results {
				results[i] = make(chan error, 1)
				go func() {
					results[i] <- s.Write(context.Background(), func(tx *store.Tx) error {
						_, err := tx.Exec("INSERT INTO scratch (n, name) VALUES ($1, $2)", bad, fmt.Sprintf("%d-%d", bad, i))
						if i == bad {
							_, err = tx.Exec("INSERT INTO scratch (n, name) VALUES ($1, $2)", bad, fmt.Sprintf("%d-%d", bad, i))
						}
						return err
					})
				}()
				for s.Waiting() <= i {
				}
			}
			release()
			for i, result := range results {
				err := <-result
				if (i == bad) != fault.Is(err, fault.AlreadyExists) || i != bad && err != nil {
					t.Errorf("closure %d of a group in which %d fails: %v", i, bad, err)
				}
			}
			if n := number(t, s, "SELECT COUNT(*) FROM scratch WHERE n = $1", bad); n != 3 {
				t.Errorf("%d rows of a group in which closure %d failed, want 3", n, bad)
			}
		}
	})
}

// TestAForeignKeyIsAConflict on both dialects, from either side.
func TestAForeignKeyIsAConflict(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		write(t, s, "CREATE TABLE class (id BIGINT PRIMARY KEY)")
		write(t, s, "CREATE TABLE pupil (id BIGINT PRIMARY KEY, class BIGINT NOT NULL REFERENCES class (id))")
		write(t, s, "INSERT INTO class (id) VALUES (7)")
		write(t, s, "INSERT INTO pupil (id, class) VALUES (1, 7)")
		for _, query := range []string{"INSERT INTO pupil (id, class) VALUES (2, 8)", "DELETE FROM class", "UPDATE pupil SET class = 9"} {
			err := s.Write(context.Background(), func(tx *store.Tx) error { _, err := tx.Exec(query); return err })
			if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.TextOf(err), "refers") {
				t.Errorf("%s: %v, want Conflict", query, err)
			}
		}
		for _, query := range []string{"INSERT INTO pupil (id, class) VALUES (1, 7)", "INSERT INTO class (id) VALUES (7)"} {
			err := s.Write(context.Background(), func(tx *store.Tx) error { _, err := tx.Exec(query); return err })
			if !fault.Is(err, fault.AlreadyExists) {
				t.Errorf("%s: %v, want AlreadyExists", query, err)
			}
		}
	})
}
