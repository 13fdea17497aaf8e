package store_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// deliver does what a delivery does: bytes, then a row and the reference.
func deliver(s *store.Store, n int, body []byte) error {
	blob, err := s.PutBytes(context.Background(), body)
	if err != nil {
		return err
	}
	defer blob.Release()
	return s.Write(context.Background(), func(tx *store.Tx) error {
		id, err := tx.Reference(blob)
		if err != nil {
			return err
		}
		_, err = tx.Exec("INSERT INTO scratch (n, data) VALUES ($1, $2)", id, fmt.Append(nil, n))
		return err
	})
}

// body is the n-th message, one in five of them large.
func body(n int) []byte {
	size := 2000
	if n%5 == 4 {
		size = 300_000
	}
	return bytes.Repeat(fmt.Appendf(nil, "message %d, ", n), size/11)
}

// TestEveryFileOperationFails fails the n-th file operation, for all n, once with a full disk and once with an I/O error.
// What was acknowledged is there after a restart, whole; what was not is not half there.
func TestEveryFileOperationFails(t *testing.T) {
	const messages = 6
	template := t.TempDir()
	s, err := store.Open(context.Background(), store.Options{Dir: template})
	if err != nil {
		t.Fatal(err)
	}
	scratch(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO} {
		t.Run(errno.Error(), func(t *testing.T) {
			for n := int64(1); ; n++ {
				var calls atomic.Int64
				var armed atomic.Bool
				o := store.Options{Dir: copyOf(t, template), SealSize: 10_000, Faults: func(op, path string) error {
					if armed.Load() && calls.Add(1) == n {
						return fmt.Errorf("%s %s: %w", op, path, errno)
					}
					return nil
				}}
				s, err := store.Open(context.Background(), o)
				if err != nil {
					t.Fatal(err)
				}
				armed.Store(true)
				acknowledged := map[int]bool{}
				for i := range messages {
					err := deliver(s, i, body(i))
					acknowledged[i] = err == nil
					if err != nil && !fault.Is(err, fault.Unavailable) {
						t.Errorf("operation %d: message %d: %v, want Unavailable", n, i, err)
					}
				}
				if err := s.Close(); err != nil {
					t.Errorf("operation %d: close: %v", n, err)
				}
				armed.Store(false)
				verifyDelivered(t, o, acknowledged)
				if calls.Load() < n {
					return // beyond the last operation: nothing failed
				}
			}
		})
	}
}

func verifyDelivered(t *testing.T, o store.Options, acknowledged map[int]bool) {
	t.Helper()
	s, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.RegisterRefs("scratch", "SELECT n, COUNT(*) FROM scratch GROUP BY n")
	noProblems(t, s)
	for i, ok := range acknowledged {
		name := fmt.Append(nil, i)
		if rows := number(t, s, "SELECT COUNT(*) FROM scratch WHERE data = $1", name); ok != (rows == 1) {
			t.Errorf("message %d: acknowledged = %t, %d rows", i, ok, rows)
		}
		if ok && !bytes.Equal(bodyOf(t, s, store.BlobID(number(t, s, "SELECT n FROM scratch WHERE data = $1", name))), body(i)) {
			t.Errorf("message %d came back changed", i)
		}
	}
}

// TestAFullDiskPasses fills a small file system: refusals, no damage, reading goes on, and it recovers by itself.
func TestAFullDiskPasses(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=40m"); err != nil {
		t.Skipf("a file system of limited size cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	for name, floor := range map[string]int64{"with a floor": 16 << 20, "to the last byte": -1} {
		t.Run(name, func(t *testing.T) {
			o := store.Options{Dir: filepath.Join(dir, name), FreeFloor: floor}
			s, err := store.Open(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(o.Dir) })
			scratch(t, s)
			first := refer(t, s, []byte("the first"))
			acknowledged := map[int]bool{}
			i := 0
			for ; i < 20000; i++ {
				err := deliver(s, i, noise(3000))
				if acknowledged[i] = err == nil; err != nil {
					if !fault.Is(err, fault.Unavailable) {
						t.Fatalf("message %d: %v, want Unavailable", i, err)
					}
					break
				}
			}
			if acknowledged[i] {
				t.Fatal("the disk never became full")
			}
			if got := bodyOf(t, s, first); string(got) != "the first" {
				t.Errorf("reading on a full disk: %q", got)
			}
			if floor > 0 {
				write(t, s, "DELETE FROM scratch WHERE n % 2 = 0") // below the floor there is room for this
				if s.ReadOnlyCause() == nil {
					t.Error("ReadOnlyCause = nil on a full disk")
				}
			}
			if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size=90m"); err != nil {
				t.Fatal(err)
			}
			for range 200 { // the free space is asked for ten times a second
				if err = deliver(s, -1, []byte("after there is room")); err == nil {
					break
				}
				<-time.After(store.FreeSpaceEvery)
			}
			if err != nil {
				t.Errorf("it does not recover: %v", err)
			}
			if cause := s.ReadOnlyCause(); cause != nil {
				t.Errorf("ReadOnlyCause = %v when there is room", cause)
			}
			if floor < 0 {
				if rows := number(t, s, "SELECT COUNT(*) FROM scratch"); rows != int64(i)+1 {
					t.Errorf("%d rows, want %d", rows, i+1)
				}
			}
			noProblems(t, s)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			s = storetest.OpenWith(t, o)
			noProblems(t, s)
			if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size=40m"); err != nil {
				t.Log(err) // the next part makes its own room
			}
		})
	}
}

// TestAWholeRollbackFailsTheGroup: SQLite may answer a full disk by rolling back everything, earlier closures of the group
// included. Whoever gets nil must find his row, everyone else must not.
func TestAWholeRollbackFailsTheGroup(t *testing.T) {
	s := storetest.Open(t)
	scratch(t, s)
	pages := number(t, s, "PRAGMA page_count")
	release := blocked(t, s)
	results := make([]chan error, 10)
	for i := range results {
		results[i] = make(chan error, 1)
		go func() {
			results[i] <- s.Write(context.Background(), func(tx *store.Tx) error {
				if i == 5 { // this one finds no room
					if err := tx.QueryRow(fmt.Sprintf("PRAGMA max_page_count = %d", pages+1)).Scan(new(int64)); err != nil {
						return err
					}
					_, err := tx.Exec("INSERT INTO scratch (n, data) VALUES ($1, $2)", i, make([]byte, 1<<20))
					return err
				}
				_, err := tx.Exec("INSERT INTO scratch (n) VALUES ($1)", i)
				return err
			})
		}()
		for s.Waiting() <= i {
		}
	}
	release()
	for i, result := range results {
		err := <-result
		rows := number(t, s, "SELECT COUNT(*) FROM scratch WHERE n = $1", i)
		if (err == nil) != (rows == 1) {
			t.Errorf("closure %d: %v, %d rows", i, err, rows)
		}
		if i == 5 && !fault.Is(err, fault.Unavailable) {
			t.Errorf("closure %d: %v, want Unavailable", i, err)
		}
	}
}

// TestTheLogStaysBounded writes much more than the bound while snapshots come and go.
func TestTheLogStaysBounded(t *testing.T) {
	s := storetest.Open(t)
	scratch(t, s)
	for range 60 {
		err := s.Write(context.Background(), func(tx *store.Tx) error {
			for range 20 {
				if _, err := tx.Exec("INSERT INTO scratch (data) VALUES ($1)", make([]byte, 100_000)); err != nil {
					return err
				}
			}
			_, err := tx.Exec("DELETE FROM scratch")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		number(t, s, "SELECT COUNT(*) FROM scratch")
	}
	info, err := os.Stat(filepath.Join(s.Dir(), "schulhof.db-wal"))
	if err != nil || info.Size() > 100<<20 {
		t.Errorf("the log: %v, %v, want at most 100 MiB", info, err)
	}
}
