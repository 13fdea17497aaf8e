package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Unix(1_800_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func noise(size int) []byte {
	b := make([]byte, size)
	rand.Read(b)
	return b
}

// refer stores body and counts a reference to it.
func refer(t testing.TB, s *store.Store, body []byte) (id store.BlobID) {
	t.Helper()
	blob, err := s.PutBytes(context.Background(), body)
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Release()
	err = s.Write(context.Background(), func(tx *store.Tx) (err error) {
		id, err = tx.Reference(blob)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func locate(t testing.TB, s *store.Store, id store.BlobID) (l store.Location, err error) {
	t.Helper()
	err = s.Read(context.Background(), func(tx *store.Tx) (err error) {
		l, err = tx.Locate(id)
		return err
	})
	return l, err
}

func bodyOf(t testing.TB, s *store.Store, id store.BlobID) []byte {
	t.Helper()
	l, err := locate(t, s, id)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.OpenBlob(context.Background(), l)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := make([]byte, r.Size())
	if _, err := r.ReadAt(b, 0); err != nil && len(b) > 0 {
		t.Fatal(err)
	}
	return b
}

func dereference(t testing.TB, s *store.Store, id store.BlobID) {
	t.Helper()
	err := s.Write(context.Background(), func(tx *store.Tx) error { return tx.Dereference(id, 1) })
	if err != nil {
		t.Fatal(err)
	}
}

func compact(t testing.TB, s *store.Store) store.CompactReport {
	t.Helper()
	report, err := s.Compact(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestReferencesAreCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := refer(t, s, []byte("a"))
		if again := refer(t, s, []byte("a")); again != id {
			t.Errorf("the same bytes are blobs %d and %d", id, again)
		}
		dereference(t, s, id)
		dereference(t, s, id)
		err := s.Write(context.Background(), func(tx *store.Tx) error { return tx.Dereference(id, 1) })
		if err == nil {
			t.Error("more references were dropped than counted")
		}
		if n := number(t, s, "SELECT COUNT(*) FROM blob WHERE refs = 0 AND unreferenced_at IS NOT NULL"); n != 1 {
			t.Error("the grace time of an unreferenced blob does not run")
		}
		refer(t, s, []byte("a"))
		if n := number(t, s, "SELECT COUNT(*) FROM blob WHERE refs = 1 AND unreferenced_at IS NULL"); n != 1 {
			t.Error("a blob that is referred to again still has a grace time")
		}
	})
}

func TestManyReferencesAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var blobs []*store.Blob
		known := refer(t, s, []byte("body 3"))
		for i := range 100 {
			b, err := s.PutBytes(context.Background(), fmt.Appendf(nil, "body %d", i%70)) // some twice
			if err != nil {
				t.Fatal(err)
			}
			defer b.Release()
			blobs = append(blobs, b)
		}
		blobs[3].Release() // it has a row already
		var ids []store.BlobID
		err := s.Write(context.Background(), func(tx *store.Tx) (err error) {
			ids, err = tx.References(blobs)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range ids {
			if got, want := string(bodyOf(t, s, id)), fmt.Sprintf("body %d", i%70); got != want {
				t.Errorf("blob %d is %q, want %q", i, got, want)
			}
		}
		if ids[3] != known || ids[73] != known {
			t.Errorf("a known blob became %d and %d, want %d", ids[3], ids[73], known)
		}
		if n := number(t, s, "SELECT SUM(refs) FROM blob"); n != 101 {
			t.Errorf("%d references, want 101", n)
		}
	})
}

func TestCompactKeepsTheGraceTime(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Now = c.now
		s := storetest.OpenWith(t, o)
		dead, live := refer(t, s, []byte("dead")), refer(t, s, []byte("live"))
		dereference(t, s, dead)
		c.pass(store.DefaultGrace - time.Second)
		if report := compact(t, s); report.Blobs != 0 {
			t.Errorf("before the grace time is over: %+v", report)
		}
		c.pass(2 * time.Second)
		pinned, err := s.PutBytes(context.Background(), []byte("dead"))
		if err != nil {
			t.Fatal(err)
		}
		if report := compact(t, s); report.Blobs != 0 {
			t.Errorf("a pinned blob was removed: %+v", report)
		}
		pinned.Release()
		if report := compact(t, s); report.Blobs != 1 {
			t.Errorf("after the grace time: %+v, want one blob", report)
		}
		if _, err := locate(t, s, dead); !fault.Is(err, fault.NotFound) {
			t.Errorf("the dead blob: %v, want NotFound", err)
		}
		if got := bodyOf(t, s, live); string(got) != "live" {
			t.Errorf("the live blob is %q", got)
		}
		err = s.Write(context.Background(), func(tx *store.Tx) error { _, err := tx.Reference(pinned); return err })
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("Reference of a released blob that is gone = %v, want Conflict", err)
		}
	})
}

func TestCompactRewritesPacks(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Now, o.SealSize = c.now, 50_000
		s := storetest.OpenWith(t, o)
		live := map[store.BlobID][]byte{}
		for i := range 60 {
			body := noise(5000)
			id := refer(t, s, body)
			if i%5 == 0 {
				live[id] = body
			} else {
				dereference(t, s, id)
			}
		}
		large := refer(t, s, noise(9<<20))
		dereference(t, s, large)
		var old store.Location
		for id := range live {
			old, _ = locate(t, s, id)
			break
		}
		c.pass(store.DefaultGrace + time.Hour)
		if report := compact(t, s); report.Blobs != 49 || report.Packs != 0 {
			t.Errorf("first round: %+v, want 49 blobs and no pack", report)
		}
		if _, err := s.AppendBlob(nil, old); err != nil {
			t.Errorf("a reader with an old location: %v", err)
		}
		compact(t, s)
		c.pass(store.RetireDelay + time.Second)
		report := compact(t, s)
		if report.Packs < 5 || report.FreedBytes < 9<<20 {
			t.Errorf("last round: %+v, want the packs gone", report)
		}
		for id, body := range live {
			if !bytes.Equal(bodyOf(t, s, id), body) {
				t.Errorf("blob %d came back changed", id)
			}
		}
		noProblems(t, s)
	})
}

// noProblems runs Check and complains about each finding.
func noProblems(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Check(context.Background(), false, func(p store.Problem) { t.Errorf("check: %+v", p) }); err != nil {
		t.Error(err)
	}
}

// TestCompactWhilePutting lets people send and delete known and new bytes while compaction never rests.
func TestCompactWhilePutting(t *testing.T) {
	c := newClock()
	s := storetest.OpenWith(t, store.Options{Dir: t.TempDir(), Now: c.now, SealSize: 20_000, Grace: time.Second})
	stop := make(chan struct{})
	var wg, compacting sync.WaitGroup
	compacting.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				c.pass(store.RetireDelay)
				compact(t, s)
			}
		}
	})
	for w := range 4 {
		wg.Go(func() {
			for i := range 60 {
				body := bytes.Repeat([]byte{byte(i % 7), byte(w % 2)}, 1500)
				id := refer(t, s, body)
				for { // a location may be ten minutes of this clock old by now
					l, err := locate(t, s, id)
					if err == nil {
						var got []byte
						if got, err = s.AppendBlob(nil, l); err == nil && !bytes.Equal(got, body) {
							t.Errorf("another body came back")
						}
					}
					if err == nil {
						break
					}
					if !errors.Is(err, os.ErrNotExist) {
						t.Error(err)
						break
					}
				}
				dereference(t, s, id)
			}
		})
	}
	wg.Wait()
	close(stop)
	compacting.Wait()
	noProblems(t, s)
}

func TestBackupAndRestore(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		o.SealSize = 20_000
		s := storetest.OpenWith(t, o)
		bodies := map[store.BlobID][]byte{}
		for _, size := range []int{10, 8000, 8000, 8000, 300_000, 9 << 20} {
			body := noise(size)
			bodies[refer(t, s, body)] = body
		}
		if err := os.MkdirAll(filepath.Join(o.Dir, "dkim"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(o.Dir, "dkim", "key.pem"), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() { // serving goes on
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					refer(t, s, fmt.Append(nil, i))
				}
			}
		})
		saved := filepath.Join(t.TempDir(), "backup")
		err := s.Backup(context.Background(), saved)
		close(stop)
		wg.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Backup(context.Background(), saved); !fault.Is(err, fault.Refused) {
			t.Errorf("a second backup into the same folder: %v, want Refused", err)
		}

		target := store.Options{Dir: filepath.Join(t.TempDir(), "restored"), SealSize: o.SealSize}
		if o.Database != "" {
			target.Database = storetest.Postgres(t)
			if err := store.Restore(context.Background(), saved, target.Dir); !fault.Is(err, fault.Refused) {
				t.Errorf("Restore without a database: %v, want Refused", err)
			}
		}
		if err := store.RestoreTo(context.Background(), saved, target); err != nil {
			t.Fatal(err)
		}
		restored := storetest.OpenWith(t, target)
		for id, body := range bodies {
			if !bytes.Equal(bodyOf(t, restored, id), body) {
				t.Errorf("blob %d came back changed", id)
			}
		}
		noProblems(t, restored)
		refer(t, restored, []byte("life goes on"))
		if key, err := os.ReadFile(filepath.Join(target.Dir, "dkim", "key.pem")); string(key) != "secret" {
			t.Errorf("the key: %q, %v", key, err)
		}
		if err := store.RestoreTo(context.Background(), saved, target); !fault.Is(err, fault.Refused) {
			t.Errorf("Restore over a data directory: %v, want Refused", err)
		}
	})
}

func TestRestoreRefusesADamagedBackup(t *testing.T) {
	s := storetest.Open(t)
	refer(t, s, noise(5000))
	packFile := func(dir string) string {
		found, err := filepath.Glob(filepath.Join(dir, "packs", "*", "*.pack"))
		if err != nil || len(found) != 1 {
			t.Fatalf("packs: %v, %v", found, err)
		}
		return found[0]
	}
	tests := []struct {
		name   string
		damage func(dir string) error
		want   string
	}{
		{"a flipped bit", func(dir string) error {
			b, err := os.ReadFile(packFile(dir))
			b[len(b)-1] ^= 1
			return errors.Join(err, os.WriteFile(packFile(dir), b, 0o600))
		}, "not what was saved"},
		{"a missing file", func(dir string) error { return os.Remove(packFile(dir)) }, "missing"},
		{"no manifest", func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) }, "no manifest"},
		{"half a manifest", func(dir string) error { return os.Truncate(filepath.Join(dir, "manifest.json"), 30) }, "manifest"},
		{"a path that leads out", func(dir string) error {
			b, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
			b = []byte(strings.Replace(string(b), "schulhof.db", "../../evil", 1))
			return errors.Join(err, os.WriteFile(filepath.Join(dir, "manifest.json"), b, 0o600))
		}, "evil"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, to := filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "r")
			if err := s.Backup(context.Background(), dir); err != nil {
				t.Fatal(err)
			}
			if err := tt.damage(dir); err != nil {
				t.Fatal(err)
			}
			err := store.Restore(context.Background(), dir, to)
			if !fault.Is(err, fault.Refused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Restore = %v, want Refused with %q", err, tt.want)
			}
			if left, _ := os.ReadDir(to); len(left) > 0 {
				t.Errorf("%d files were left", len(left))
			}
		})
	}
}

func TestCheckFindsAndMends(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		scratch(t, s)
		s.RegisterRefs("scratch", "SELECT n, COUNT(*) FROM scratch GROUP BY n")
		good, wrong, rotten := refer(t, s, noise(500)), refer(t, s, noise(500)), refer(t, s, noise(500))
		for _, id := range []store.BlobID{good, wrong, rotten, 99} {
			write(t, s, "INSERT INTO scratch (n) VALUES ($1)", id)
		}
		write(t, s, "UPDATE blob SET refs = 7 WHERE id = $1", wrong)
		l, err := locate(t, s, rotten)
		if err != nil {
			t.Fatal(err)
		}
		found, _ := filepath.Glob(filepath.Join(s.Dir(), "packs", "*", "*.pack"))
		f, err := os.OpenFile(found[0], os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteAt([]byte("rot"), l.Offset+l.Length-10)
		f.Close()
		problems := func(repair bool) map[string]bool {
			all := map[string]bool{}
			if err := s.Check(context.Background(), repair, func(p store.Problem) { all[p.ID] = p.Mended }); err != nil {
				t.Fatal(err)
			}
			return all
		}
		want := map[string]bool{"blob-damaged": false, "blob-refs": false, "blob-gone": false}
		if got := problems(false); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("check: %v, want %v", got, want)
		}
		want["blob-refs"] = true
		if got := problems(true); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("repair: %v, want %v", got, want)
		}
		delete(want, "blob-refs")
		if got := problems(true); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("after repair: %v, want %v", got, want)
		}
		if n := number(t, s, "SELECT refs FROM blob WHERE id = $1", wrong); n != 1 {
			t.Errorf("refs = %d after repair, want 1", n)
		}
		if aside, _ := filepath.Glob(filepath.Join(s.Dir(), "aside", "blob-*.frame")); len(aside) != 1 {
			t.Errorf("set aside: %v, want the damaged blob", aside)
		}
	})
}

func TestCheckReadsACopyInReadOnlyMode(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(context.Background(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	id := refer(t, s, []byte("kept"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = storetest.OpenWith(t, store.Options{Dir: dir, ReadOnly: true})
	noProblems(t, s)
	if got := bodyOf(t, s, id); string(got) != "kept" {
		t.Errorf("body = %q", got)
	}
	if err := s.Write(context.Background(), func(*store.Tx) error { return nil }); !fault.Is(err, fault.Refused) {
		t.Errorf("Write = %v, want Refused", err)
	}
}

func TestOneServerPerDirectory(t *testing.T) {
	s := storetest.Open(t)
	_, err := store.Open(context.Background(), store.Options{Dir: s.Dir()})
	if !fault.Is(err, fault.InUse) {
		t.Errorf("a second Open = %v, want InUse", err)
	}
}

func TestMigrations(t *testing.T) {
	one := &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE blob (id {{id}}, hash {{bytes}}, pack BIGINT, offset_ BIGINT, length BIGINT, size BIGINT, refs BIGINT, unreferenced_at BIGINT);")}
	two := &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE second (id {{id}}, name {{text}} NOT NULL);")}
	lite := &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE third (id BIGINT NOT NULL, PRIMARY KEY (id)) {{without_rowid}};")}
	broken := &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE fourth (id {{what}});")}
	old := fstest.MapFS{"0001_one.sql": one}
	all := fstest.MapFS{"0001_one.sql": one, "0002_two.sql": two, "0003_three.sqlite.sql": lite, "0003_three.postgres.sql": lite}
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		open := func(files fstest.MapFS) error {
			s, err := store.Open(context.Background(), store.WithMigrations(o, files))
			if err != nil {
				return err
			}
			if len(files) > 1 {
				write(t, s, "INSERT INTO third (id) VALUES (1) ON CONFLICT DO NOTHING")
			}
			return s.Close()
		}
		for _, files := range []fstest.MapFS{old, all, all} {
			if err := open(files); err != nil {
				t.Fatal(err)
			}
		}
		if err := open(old); !fault.Is(err, fault.Refused) {
			t.Errorf("a newer schema: %v, want Refused", err)
		}
		if err := open(fstest.MapFS{"0004_four.sql": broken}); err == nil {
			t.Error("an unknown word was let through")
		}
		copied, _ := filepath.Glob(filepath.Join(o.Dir, "*.before-0001"))
		if o.Database == "" && len(copied) != 1 {
			t.Errorf("copies before migrating: %v", copied)
		}
	})
}

func TestKeysAreNeverUsedAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		write(t, s, "INSERT INTO blob (hash, pack, offset_, length, size, refs) VALUES ($1, 1, 1, 1, 1, 0)", []byte("a"))
		first := number(t, s, "SELECT id FROM blob")
		write(t, s, "DELETE FROM blob")
		write(t, s, "INSERT INTO blob (hash, pack, offset_, length, size, refs) VALUES ($1, 1, 1, 1, 1, 0)", []byte("a"))
		if again := number(t, s, "SELECT id FROM blob"); again == first {
			t.Errorf("key %d was given out twice", again)
		}
	})
}

func TestSpoolsLeaveNothingBehind(t *testing.T) {
	s := storetest.Open(t)
	left := func() int {
		entries, err := os.ReadDir(filepath.Join(s.Dir(), "tmp"))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	p := s.NewSpool()
	chunk := noise(100_000)
	for range 3 {
		if _, err := p.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := p.Bytes(); ok || left() != 1 {
		t.Errorf("300,000 bytes: in memory = %t, %d files in tmp", ok, left())
	}
	got := make([]byte, 150_000)
	if _, err := p.ReadAt(got, 100_000); err != nil || !bytes.Equal(got[:100_000], chunk) {
		t.Errorf("ReadAt: %v", err)
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if left() != 0 {
		t.Errorf("%d files left in tmp", left())
	}
	if _, err := p.Write(chunk); err == nil {
		t.Error("a closed spool takes bytes")
	}
}

func TestTheFloorOfFreeSpace(t *testing.T) {
	s := storetest.OpenWith(t, store.Options{FreeFloor: 1 << 60})
	scratch(t, s)
	if _, err := s.PutBytes(context.Background(), []byte("x")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Put below the floor = %v, want Unavailable", err)
	}
	if s.ReadOnlyCause() == nil {
		t.Error("ReadOnlyCause = nil below the floor")
	}
	write(t, s, "INSERT INTO scratch (n) VALUES (1)") // deleting and marking as read go on
}
