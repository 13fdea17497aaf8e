package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
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

func TestCompactRunsByItself(t *testing.T) {
	c := newClock()
	s := storetest.OpenWith(t, store.Options{Now: c.now, Compact: time.Millisecond})
	dereference(t, s, refer(t, s, []byte("dead")))
	c.pass(store.DefaultGrace + time.Second)
	for number(t, s, "SELECT COUNT(*) FROM blob") > 0 {
		runtime.Gosched()
	}
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
				body := bytes.Repeat([]byte{byte(i % 7), byte(w % 2)}, 9000) // too large to be kept at hand
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
