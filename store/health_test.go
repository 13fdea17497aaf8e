package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/pack"
	"schulhof/store/storetest"

	"github.com/prometheus/client_golang/prometheus"
)

// TestAFailedFsyncStopsTheWholeStore: after any fsync of a pack failed nothing is acknowledged any more, by no way of writing,
// until the program starts anew; the reason is told to /readyz and to the metrics. Reading goes on.
func TestAFailedFsyncStopsTheWholeStore(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		var broken atomic.Bool
		registry := prometheus.NewRegistry()
		o.Metrics = registry
		o.Faults = func(op, path string) error {
			if broken.Load() && op == "fsync" {
				return syscall.EIO
			}
			return nil
		}
		s, err := store.Open(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		scratch(t, s)
		id := refer(t, s, []byte("before"))
		if n := metric(t, registry, "schulhof_store_read_only"); n != 0 {
			t.Errorf("read_only = %v before anything failed", n)
		}
		broken.Store(true)
		if _, err := s.PutBytes(context.Background(), []byte("lost")); !fault.Is(err, fault.Unavailable) || !errors.Is(err, pack.ErrFsync) {
			t.Errorf("Put = %v, want Unavailable because of an fsync", err)
		}
		broken.Store(false)
		spool := s.NewSpool()
		defer spool.Close()
		nothing := func(*store.Tx) error { return nil }
		for name, try := range map[string]func() error{
			"Write":         func() error { return s.Write(context.Background(), nothing) },
			"WriteBulk":     func() error { return s.WriteBulk(context.Background(), nothing) },
			"PutBytes":      func() error { _, err := s.PutBytes(context.Background(), []byte("x")); return err },
			"Put":           func() error { _, err := s.Put(context.Background(), spool); return err },
			"known bytes":   func() error { _, err := s.PutBytes(context.Background(), []byte("before")); return err },
			"ReadOnlyCause": s.ReadOnlyCause,
		} {
			err := try()
			if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.TextOf(err), "restart") || !errors.Is(err, syscall.EIO) {
				t.Errorf("%s = %v, want Unavailable until a restart, with the cause", name, err)
			}
		}
		if n := metric(t, registry, "schulhof_store_read_only"); n != 1 {
			t.Errorf("read_only = %v, want 1", n)
		}
		if got := bodyOf(t, s, id); string(got) != "before" {
			t.Errorf("reading: %q", got)
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
		s = storetest.OpenWith(t, o)
		if cause := s.ReadOnlyCause(); cause != nil {
			t.Errorf("after the restart: %v", cause)
		}
		refer(t, s, []byte("after"))
		noProblems(t, s)
	})
}

// TestCompactionSurvivesEveryFailure fails the n-th operation while packs are moved and removed, for every n. No mail is lost
// or changed, and a later round ends the work.
func TestCompactionSurvivesEveryFailure(t *testing.T) {
	o := store.Options{Dir: t.TempDir(), SealSize: 5000}
	s, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	live := map[store.BlobID][]byte{}
	for i := range 7 {
		body := noise(2500)
		id := refer(t, s, body)
		if i%3 == 0 {
			live[id] = body
		} else {
			dereference(t, s, id)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO} {
		t.Run(errno.Error(), func(t *testing.T) {
			for n := int64(1); compactFailing(t, o, live, n, errno); n++ {
			}
		})
	}
}

// copyOf is a data directory with what lies in dir; nobody has that open.
func copyOf(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// compactFailing runs three rounds of which the n-th operation fails; more: there was an n-th.
func compactFailing(t *testing.T, o store.Options, live map[store.BlobID][]byte, n int64, errno syscall.Errno) (more bool) {
	t.Helper()
	var calls atomic.Int64
	var armed atomic.Bool
	c := &clock{t: time.Now().Add(store.DefaultGrace + time.Hour)}
	o.Dir, o.Now = copyOf(t, o.Dir), c.now
	o.Faults = func(op, path string) error {
		if armed.Load() && calls.Add(1) == n {
			return fmt.Errorf("%s %s: %w", op, path, errno)
		}
		return nil
	}
	s, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	rounds := func() (packs int, failed error) {
		for range 3 {
			report, err := s.Compact(context.Background())
			packs += report.Packs
			failed = errors.Join(failed, err)
			c.pass(store.RetireDelay + time.Second)
		}
		return packs, failed
	}
	armed.Store(true)
	packs, failed := rounds()
	armed.Store(false)
	if failed != nil && !errors.Is(failed, errno) {
		t.Errorf("operation %d: %v, want the cause %v", n, failed, errno)
	}
	more = calls.Load() >= n
	if !more && (failed != nil || packs == 0) {
		t.Errorf("nothing was made to fail: %v, %d packs removed", failed, packs)
	}
	if err := s.Close(); err != nil {
		t.Errorf("operation %d: Close = %v", n, err)
	}
	if s, err = store.Open(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(o.Dir)
	defer s.Close()
	if _, err := rounds(); err != nil {
		t.Errorf("after operation %d had failed: %v", n, err)
	}
	for id, body := range live {
		if string(bodyOf(t, s, id)) != string(body) {
			t.Errorf("operation %d: blob %d came back changed", n, id)
		}
	}
	noProblems(t, s)
	return more
}

// TestACommitThatFailsOnEitherDialect: for every n the n-th commit fails; nobody gets nil for a row that is not there, nor an
// error for one that is.
func TestACommitThatFailsOnEitherDialect(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		var calls, n atomic.Int64
		o.Faults = func(op, path string) error {
			if op == "commit" && calls.Add(1) == n.Load() {
				return syscall.ENOSPC
			}
			return nil
		}
		s := storetest.OpenWith(t, o)
		scratch(t, s)
		for round := int64(1); round <= 6; round++ {
			calls.Store(0)
			n.Store(round)
			for i := range 5 {
				err := s.Write(context.Background(), func(tx *store.Tx) error {
					_, err := tx.Exec("INSERT INTO scratch (n, name) VALUES ($1, $2)", round, fmt.Sprintf("%d-%d", round, i))
					return err
				})
				if err != nil && (!fault.Is(err, fault.Unavailable) || !errors.Is(err, syscall.ENOSPC)) {
					t.Errorf("commit %d: %v, want Unavailable with the cause", round, err)
				}
				rows := number(t, s, "SELECT COUNT(*) FROM scratch WHERE name = $1", fmt.Sprintf("%d-%d", round, i))
				if (err == nil) != (rows == 1) || (err != nil) != (int64(i)+1 == round) {
					t.Errorf("commit %d fails: write %d = %v, %d rows", round, i, err, rows)
				}
			}
		}
	})
}

// TestDiskFullAtManySizes lets a disk become full after so and so many bytes, for many sizes: every delivery that fits in is
// kept, every other is refused, and when there is room it goes on.
func TestDiskFullAtManySizes(t *testing.T) {
	step := int64(5_300)
	if os.Getenv("SCHULHOF_E2E") != "" {
		step = 200
	}
	template := t.TempDir()
	s, err := store.Open(context.Background(), store.Options{Dir: template})
	if err != nil {
		t.Fatal(err)
	}
	scratch(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for left := int64(0); left < 40_000; left += step {
		var room atomic.Int64
		room.Store(1 << 40)
		o := store.Options{Dir: copyOf(t, template), SealSize: 10_000, Faults: func(op, path string) error {
			switch {
			case op == "write" && room.Add(-2_500) < 0: // what one write takes here
				return syscall.ENOSPC
			case op == "create" && room.Load() < 0:
				return syscall.ENOSPC
			}
			return nil
		}}
		s, err := store.Open(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		room.Store(left)
		acknowledged := map[int]bool{}
		refused := 0
		for i := range 20 {
			err := deliver(s, i, body(5*i)) // small ones
			if acknowledged[i] = err == nil; err != nil {
				refused++
				if !fault.Is(err, fault.Unavailable) || !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("%d bytes left: %v, want Unavailable because of ENOSPC", left, err)
				}
			}
		}
		if refused == 0 {
			t.Errorf("%d bytes left: the disk never became full", left)
		}
		if s.ReadOnlyCause() != nil {
			t.Errorf("%d bytes left: ReadOnlyCause = %v although the file system has room", left, s.ReadOnlyCause())
		}
		room.Store(1 << 40)
		if err := deliver(s, 99, []byte("there is room")); err != nil {
			t.Errorf("%d bytes left: it does not recover: %v", left, err)
		}
		s.RegisterRefs("scratch", "SELECT n, COUNT(*) FROM scratch GROUP BY n")
		noProblems(t, s)
		for i, ok := range acknowledged {
			if rows := number(t, s, "SELECT COUNT(*) FROM scratch WHERE data = $1", fmt.Append(nil, i)); ok != (rows == 1) {
				t.Errorf("%d bytes left: message %d: acknowledged = %t, %d rows", left, i, ok, rows)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		os.RemoveAll(o.Dir)
	}
}

// TestClockJumps: a clock that jumps by an hour, a day, to 1970 or beyond 2038 loses no blob that is referred to or pinned, and
// the grace time of an unreferenced one never ends early by a jump back.
func TestClockJumps(t *testing.T) {
	jumps := map[string]time.Duration{"an hour back": -time.Hour, "a day back": -24 * time.Hour, "an hour ahead": time.Hour,
		"to 1970": -1_800_000_000 * time.Second, "to 2050": 25 * 365 * 24 * time.Hour}
	for name, jump := range jumps {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := storetest.OpenWith(t, store.Options{Now: c.now})
			live, dead := refer(t, s, []byte("live")), refer(t, s, []byte("dead"))
			pinned, err := s.PutBytes(context.Background(), []byte("pinned"))
			if err != nil {
				t.Fatal(err)
			}
			defer pinned.Release()
			dereference(t, s, dead)
			c.pass(jump)
			report := compact(t, s)
			if want := jump >= store.DefaultGrace; want != (report.Blobs == 1) {
				t.Errorf("%d blobs removed after a jump of %v", report.Blobs, jump)
			}
			late := refer(t, s, []byte("late"))
			dereference(t, s, late)
			if report := compact(t, s); report.Blobs != 0 {
				t.Errorf("a blob whose grace time has just begun was removed: %+v", report)
			}
			c.pass(-jump) // somebody set it right
			compact(t, s)
			for range 3 {
				c.pass(store.DefaultGrace + store.RetireDelay)
				compact(t, s)
			}
			if n := number(t, s, "SELECT COUNT(*) FROM blob WHERE refs = 0"); n != 0 {
				t.Errorf("%d blobs without references are kept: they wait for a time that was wrong", n)
			}
			if got := bodyOf(t, s, live); string(got) != "live" {
				t.Errorf("the live blob is %q", got)
			}
			err = s.Write(context.Background(), func(tx *store.Tx) error { _, err := tx.Reference(pinned); return err })
			if err != nil {
				t.Errorf("the pinned blob: %v", err)
			}
			noProblems(t, s)
		})
	}
}

// TestWhatSQLiteIsToldToDo: durability and safety hang on these settings, on the writer and on the readers.
func TestWhatSQLiteIsToldToDo(t *testing.T) {
	s := storetest.Open(t)
	want := map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "trusted_schema": "0",
		"secure_delete": "1", "mmap_size": "0", "cell_size_check": "1", "wal_autocheckpoint": "0"}
	setting := func(run func(context.Context, func(*store.Tx) error) error, name string) (value string) {
		err := run(context.Background(), func(tx *store.Tx) error {
			rows, err := tx.Query("PRAGMA " + name)
			if err != nil {
				return err
			}
			defer rows.Close()
			var n int64
			if !rows.Next() {
				return fmt.Errorf("no setting %s", name)
			}
			if rows.Scan(&n) == nil {
				value = fmt.Sprint(n)
				return nil
			}
			return rows.Scan(&value)
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return value
	}
	for name, value := range want {
		if got := setting(s.Write, name); got != value {
			t.Errorf("writer: %s = %s, want %s", name, got, value)
		}
		if got := setting(s.Read, name); got != value {
			t.Errorf("reader: %s = %s, want %s", name, got, value)
		}
	}
	if got := setting(s.Read, "query_only"); got != "1" {
		t.Errorf("reader: query_only = %s, want 1", got)
	}
}

// TestDeletedRowsLeaveNoBytes: what was deleted is not left in free parts of the database's pages, small rows and large ones.
func TestDeletedRowsLeaveNoBytes(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(context.Background(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	scratch(t, s)
	for i := range 40 {
		write(t, s, "INSERT INTO scratch (n, name, data) VALUES ($1, $2, $3)", i, fmt.Sprintf("secret of %d", i), []byte(strings.Repeat("secret ", 10+30*i)))
	}
	write(t, s, "INSERT INTO scratch (name) VALUES ('kept')")
	write(t, s, "DELETE FROM scratch WHERE n % 2 = 0")
	write(t, s, "UPDATE scratch SET name = n, data = NULL WHERE n > 30")
	write(t, s, "DELETE FROM scratch WHERE n IS NOT NULL")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "schulhof.db*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files: %v, %v, want the database alone", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil || !strings.Contains(string(b), "kept") {
		t.Fatalf("the row that was kept is not there: %v", err)
	}
	if n := strings.Count(string(b), "secret"); n > 0 {
		t.Errorf("the deleted word stands %d times in the file", n)
	}
}

// TestNobodyElseReadsTheFiles: the data directory and what is in it are private.
func TestNobodyElseReadsTheFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	s := storetest.OpenWith(t, store.Options{Dir: dir})
	refer(t, s, noise(1000))
	spool := s.NewSpool()
	defer spool.Close()
	if _, err := spool.Write(noise(store.SmallBlob + 1)); err != nil {
		t.Fatal(err)
	}
	saved := filepath.Join(t.TempDir(), "backup")
	if err := s.Backup(context.Background(), saved); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{dir, saved} {
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
