package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// blocked runs a closure that holds the writer until release is called.
func blocked(t *testing.T, s *store.Store) (release func()) {
	t.Helper()
	in, hold := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	running := sync.OnceFunc(func() { close(in) })
	go func() {
		done <- s.Write(context.Background(), func(*store.Tx) error {
			running() // it may run again
			<-hold
			return nil
		})
	}()
	<-in
	return sync.OnceFunc(func() {
		close(hold)
		if err := <-done; err != nil && !fault.Is(err, fault.Unavailable) {
			t.Errorf("the closure that held the writer: %v", err)
		}
	})
}

func TestContextCountsOnlyWhileWaiting(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		scratch(t, s)
		release := blocked(t, s)
		defer release()
		ctx, cancel := context.WithCancel(context.Background())
		waits := make(chan error)
		go func() {
			waits <- s.Write(ctx, func(tx *store.Tx) error {
				_, err := tx.Exec("INSERT INTO scratch (n) VALUES (1)")
				return err
			})
		}()
		cancel()
		if err := <-waits; !errors.Is(err, context.Canceled) {
			t.Errorf("a waiting Write whose context ended = %v", err)
		}
		release()
		ctx, cancel = context.WithCancel(context.Background())
		err := s.Write(ctx, func(tx *store.Tx) error {
			cancel() // too late: it runs
			_, err := tx.Exec("INSERT INTO scratch (n) VALUES (2)")
			return err
		})
		if err != nil {
			t.Errorf("a running Write whose context ended = %v, want nil", err)
		}
		if err := s.Write(ctx, func(*store.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("a Write with an ended context = %v", err)
		}
		if n := number(t, s, "SELECT SUM(n) FROM scratch"); n != 2 {
			t.Errorf("sum = %d, want 2: the cancelled closure ran, or the other did not", n)
		}
	})
}

func TestCommitsCountsWhatWasCommitted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		scratch(t, s)
		before := s.Commits()
		write(t, s, "INSERT INTO scratch (n) VALUES (1)")
		if n := s.Commits() - before; n != 1 {
			t.Errorf("%d commits of one Write", n)
		}
		if err := s.Write(t.Context(), func(*store.Tx) error { return errors.New("no") }); err == nil {
			t.Error("the closure's error is lost")
		}
		if n := s.Commits() - before; n != 1 {
			t.Errorf("%d commits, one of two Writes failed", n)
		}
	})
}

func TestBulkYieldsButIsNotStarved(t *testing.T) {
	s := storetest.Open(t)
	release := blocked(t, s)
	var mu sync.Mutex
	var order []string
	note := func(name string) func(*store.Tx) error {
		return func(*store.Tx) error {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, name)
			return nil
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.WriteBulk(context.Background(), note("bulk")) })
	for i := range 5 {
		wg.Go(func() { s.Write(context.Background(), note(fmt.Sprint(i))) })
	}
	for s.Waiting() < 5 {
	}
	release()
	wg.Wait()
	if at := slices.Index(order, "bulk"); at != 5 {
		t.Errorf("the bulk closure ran as number %d of %v, want last", at, order)
	}

	stop := make(chan struct{})
	for range 4 { // people never stop writing
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					s.Write(context.Background(), func(*store.Tx) error { return nil })
				}
			}
		})
	}
	if err := s.WriteBulk(context.Background(), note("bulk")); err != nil {
		t.Errorf("WriteBulk = %v", err)
	}
	close(stop)
	wg.Wait()
}

func TestAPanicIsAnErrorOfItsClosure(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		scratch(t, s)
		err := s.Write(context.Background(), func(tx *store.Tx) error {
			tx.Exec("INSERT INTO scratch (n) VALUES (1)")
			panic("a bug")
		})
		if fault.KindOf(err) != fault.Internal || err == nil {
			t.Errorf("Write = %v, want Internal", err)
		}
		write(t, s, "INSERT INTO scratch (n) VALUES (2)")
		if n := number(t, s, "SELECT SUM(n) FROM scratch"); n != 2 {
			t.Errorf("sum = %d, want 2", n)
		}
	})
}

func TestAClosureWithOpenRows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		scratch(t, s)
		for i := range 3 {
			write(t, s, "INSERT INTO scratch (n) VALUES ($1)", i+1)
		}
		const all = "SELECT n FROM scratch ORDER BY n"
		err := s.Write(context.Background(), func(tx *store.Tx) error {
			left, err := tx.Query(all) // never closed
			if err != nil {
				return err
			}
			left.Next()
			rows, err := tx.Query(all) // the same statement again, and a change in between
			if err != nil {
				return err
			}
			for rows.Next() {
				var n int
				if err := rows.Scan(&n); err != nil {
					return err
				}
				if n < 10 {
					if _, err := tx.Exec("INSERT INTO scratch (n) VALUES ($1)", n+10); err != nil {
						return err
					}
				}
			}
			return rows.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := number(t, s, "SELECT COUNT(*) FROM scratch"); n != 6 {
			t.Errorf("%d rows, want 6", n)
		}
	})
}

func TestASnapshotIsConsistent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		scratch(t, s)
		write(t, s, "INSERT INTO scratch (n) VALUES (1)")
		err := s.Read(context.Background(), func(tx *store.Tx) error {
			for range 2 {
				var n int
				if err := tx.QueryRow("SELECT SUM(n) FROM scratch").Scan(&n); err != nil || n != 1 {
					t.Errorf("sum = %d, %v, want 1", n, err)
				}
				write(t, s, "INSERT INTO scratch (n) VALUES (1)")
			}
			_, err := tx.Exec("INSERT INTO scratch (n) VALUES (1)")
			if err == nil {
				t.Error("a snapshot was written to")
			}
			return nil
		})
		if err == nil {
			t.Error("Read hides that a statement failed")
		}
	})
}

func TestWrongUseIsAnError(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		scratch(t, s)
		var kept *store.Tx
		tests := []struct {
			name string
			fn   func(tx *store.Tx) error
			want string
		}{
			{"too few parameters", func(tx *store.Tx) error { _, err := tx.Exec("INSERT INTO scratch (n) VALUES ($1)"); return err }, "param"},
			{"a number that no column holds", func(tx *store.Tx) error {
				_, err := tx.Exec("INSERT INTO scratch (n) VALUES ($1)", uint64(1)<<63)
				return err
			}, "does not fit"},
			{"a type that no column holds", func(tx *store.Tx) error {
				_, err := tx.Exec("INSERT INTO scratch (n) VALUES ($1)", struct{}{})
				return err
			}, "struct"},
			{"no such table", func(tx *store.Tx) error { return tx.QueryRow("SELECT 1 FROM nothing").Scan(new(int)) }, "nothing"},
			{"too few targets", func(tx *store.Tx) error { return tx.QueryRow("SELECT 1, 2").Scan(new(int)) }, "2 columns"},
			{"text into a number", func(tx *store.Tx) error {
				kept = tx
				return tx.QueryRow("SELECT 'x' FROM goose_db_version").Scan(new(int))
			}, "scan"},
		}
		for _, tt := range tests {
			if err := s.Write(context.Background(), tt.fn); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
			}
		}
		if _, err := kept.Exec("INSERT INTO scratch (n) VALUES (1)"); err == nil {
			t.Error("a Tx can be used after its closure")
		}
		if err := s.Read(context.Background(), func(tx *store.Tx) error { return tx.QueryRow("SELECT n FROM scratch").Scan(new(int)) }); !errors.Is(err, store.ErrNoRows) {
			t.Errorf("no row: %v, want ErrNoRows", err)
		}
	})
}

// TestCommitFailures: a full disk fails the group and passes; any other failure of the commit ends all writing.
func TestCommitFailures(t *testing.T) {
	var fail error
	s := storetest.OpenWith(t, store.Options{Faults: func(op, path string) error {
		if op == "commit" {
			return fail
		}
		return nil
	}})
	scratch(t, s)
	published := false
	try := func() error {
		return s.Write(context.Background(), func(tx *store.Tx) error {
			tx.AfterCommit(func() { published = true })
			_, err := tx.Exec("INSERT INTO scratch (n) VALUES (1)")
			return err
		})
	}
	fail = syscall.ENOSPC
	if err := try(); !fault.Is(err, fault.Unavailable) || published {
		t.Errorf("a full disk: %v, published = %t", err, published)
	}
	fail = nil
	if err := try(); err != nil || !published {
		t.Errorf("when there is room again: %v, published = %t", err, published)
	}
	fail = syscall.EIO
	if err := try(); !fault.Is(err, fault.Unavailable) {
		t.Errorf("an I/O error: %v", err)
	}
	fail = nil
	if err := try(); !fault.Is(err, fault.Unavailable) {
		t.Errorf("after an I/O error: %v, want Unavailable until a restart", err)
	}
	if _, err := s.PutBytes(context.Background(), []byte("x")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Put after an I/O error: %v", err)
	}
	if s.ReadOnlyCause() == nil {
		t.Error("ReadOnlyCause = nil after an I/O error")
	}
	if n := number(t, s, "SELECT COUNT(*) FROM scratch"); n != 1 {
		t.Errorf("%d rows, want 1: reading goes on", n)
	}
}

// TestARefusalWaitsForWhatItSaw: a closure that refuses because of a row of its own group says so only when that row is
// durable. When the commit fails, the row was never there.
func TestARefusalWaitsForWhatItSaw(t *testing.T) {
	var fail error
	s := storetest.OpenWith(t, store.Options{Faults: func(op, _ string) error {
		if op == "commit" {
			return fail
		}
		return nil
	}})
	scratch(t, s)
	taken := errors.New("it is there already")
	makeOne := func(tx *store.Tx) error {
		var n int
		if err := tx.QueryRow("SELECT COUNT(*) FROM scratch").Scan(&n); err != nil || n > 0 {
			return errors.Join(err, taken)
		}
		_, err := tx.Exec("INSERT INTO scratch (n) VALUES (1)")
		return err
	}
	both := func() (answers [2]error) {
		release := blocked(t, s)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = s.Write(context.Background(), makeOne) })
		}
		for s.Waiting() < len(answers) {
		}
		release()
		wg.Wait()
		return answers
	}
	fail = syscall.ENOSPC
	for _, err := range both() {
		if !fault.Is(err, fault.Unavailable) || errors.Is(err, taken) {
			t.Errorf("when the commit fails: %v, want Unavailable", err)
		}
	}
	fail = nil
	if a := both(); (a[0] == nil) == (a[1] == nil) || !errors.Is(errors.Join(a[0], a[1]), taken) {
		t.Errorf("one made it, the other did not: %v", a)
	}
}

// TestSerializationFailureRunsAgain makes a second writer, as another server would be, get in the way.
func TestSerializationFailureRunsAgain(t *testing.T) {
	o := store.Shared(store.Options{Dir: t.TempDir(), Database: storetest.Postgres(t)})
	s := storetest.OpenWith(t, o)
	o.Dir = t.TempDir()
	other := storetest.OpenWith(t, o)
	scratch(t, s)
	write(t, s, "INSERT INTO scratch (id, n) VALUES (1, 0)")
	runs := 0
	err := s.Write(context.Background(), func(tx *store.Tx) error {
		runs++
		var n int
		if err := tx.QueryRow("SELECT n FROM scratch WHERE id = 1").Scan(&n); err != nil {
			return err
		}
		if runs == 1 {
			write(t, other, "UPDATE scratch SET n = 10 WHERE id = 1")
		}
		_, err := tx.Exec("UPDATE scratch SET n = $1 WHERE id = 1", n+1)
		return err
	})
	if err != nil || runs != 2 {
		t.Errorf("Write = %v after %d runs, want nil after 2", err, runs)
	}
	if n := number(t, s, "SELECT n FROM scratch WHERE id = 1"); n != 11 {
		t.Errorf("n = %d, want 11: an update was lost", n)
	}
}

func TestCloseAnswersEveryone(t *testing.T) {
	s, err := store.Open(context.Background(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				if err := s.Write(context.Background(), func(*store.Tx) error { return nil }); err != nil {
					if !fault.Is(err, fault.Unavailable) {
						t.Errorf("Write while closing = %v", err)
					}
					return
				}
			}
		})
	}
	s.Write(context.Background(), func(*store.Tx) error { return nil })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Errorf("a second Close = %v", err)
	}
	if err := s.Read(context.Background(), func(*store.Tx) error { return nil }); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Read after Close = %v", err)
	}
}
