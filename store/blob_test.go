package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"pgregory.net/rapid"
)

// packWrites is a fault hook that counts the writes to packs and, while fail is set, lets them fail.
type packWrites struct {
	writes atomic.Int64
	fail   atomic.Pointer[error]
	hold   chan struct{} // not nil: writes wait until it is closed
}

func (p *packWrites) hook(op, path string) error {
	if op != "write" || !strings.HasSuffix(path, ".pack") {
		return nil
	}
	p.writes.Add(1)
	if p.hold != nil {
		<-p.hold
	}
	if err := p.fail.Load(); err != nil {
		return *err
	}
	return nil
}

// TestKnownBytesAreNotWritten: the same mail to a hundred pupils is written once, also when the row came before a restart.
func TestKnownBytesAreNotWritten(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		var p packWrites
		o.Faults = p.hook
		s, err := store.Open(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		refer(t, s, []byte("to all"))
		before := p.writes.Load()
		for range 5 {
			refer(t, s, []byte("to all"))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = storetest.OpenWith(t, o)
		refer(t, s, []byte("to all"))
		if n := p.writes.Load() - before; n != 0 {
			t.Errorf("%d writes for known bytes, want none", n)
		}
		if refs := number(t, s, "SELECT refs FROM blob"); refs != 7 {
			t.Errorf("refs = %d, want 7", refs)
		}
	})
}

// TestTheSameBytesAtTheSameTime: many senders of one text share one write, and all get the blob.
func TestTheSameBytesAtTheSameTime(t *testing.T) {
	p := packWrites{hold: make(chan struct{})}
	s := storetest.OpenWith(t, store.Options{Faults: p.hook})
	var wg sync.WaitGroup
	blobs := make([]*store.Blob, 20)
	for i := range blobs {
		wg.Go(func() {
			var err error
			if blobs[i], err = s.PutBytes(context.Background(), []byte("to all")); err != nil {
				t.Error(err)
			}
		})
	}
	close(p.hold)
	wg.Wait()
	if n := p.writes.Load(); n != 2 { // the pack's header and the blob
		t.Errorf("%d writes, want 2", n)
	}
	for _, b := range blobs {
		b.Release()
		b.Release() // once more changes nothing
	}
	if again := refer(t, s, []byte("to all")); string(bodyOf(t, s, again)) != "to all" {
		t.Error("the blob came back changed")
	}
}

// TestAFailedPutIsForgotten: those who waited for the same bytes hear the failure, and the next try is a new one.
func TestAFailedPutIsForgotten(t *testing.T) {
	var p packWrites
	full := error(syscall.ENOSPC)
	p.fail.Store(&full)
	s := storetest.OpenWith(t, store.Options{Faults: p.hook})
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			_, err := s.PutBytes(context.Background(), []byte("to all"))
			if !fault.Is(err, fault.Unavailable) || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Put on a full disk = %v, want Unavailable with the cause", err)
			}
		})
	}
	wg.Wait()
	p.fail.Store(nil)
	if id := refer(t, s, []byte("to all")); string(bodyOf(t, s, id)) != "to all" {
		t.Error("the blob came back changed")
	}
}

// TestAnEndedContextStoresNothing: Put and OpenBlob ask before they start.
func TestAnEndedContextStoresNothing(t *testing.T) {
	var p packWrites
	s := storetest.OpenWith(t, store.Options{Faults: p.hook})
	l := stored(t, s, []byte("x"))
	before := p.writes.Load()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.PutBytes(ctx, []byte("y")); !errors.Is(err, context.Canceled) {
		t.Errorf("PutBytes = %v, want Canceled", err)
	}
	spool := s.NewSpool()
	defer spool.Close()
	if _, err := s.Put(ctx, spool); !errors.Is(err, context.Canceled) {
		t.Errorf("Put = %v, want Canceled", err)
	}
	if _, err := s.OpenBlob(ctx, l); !errors.Is(err, context.Canceled) {
		t.Errorf("OpenBlob = %v, want Canceled", err)
	}
	if n := p.writes.Load() - before; n != 0 {
		t.Errorf("%d writes", n)
	}
}

// TestKnownBytesNeedNoRoom: below the floor of free space a mail that is there already can still be delivered to one more.
func TestKnownBytesNeedNoRoom(t *testing.T) {
	o := store.Options{Dir: t.TempDir()}
	s, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	id := refer(t, s, []byte("to all"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	o.FreeFloor = 1 << 60
	s = storetest.OpenWith(t, o)
	if again := refer(t, s, []byte("to all")); again != id {
		t.Errorf("blob %d, want %d", again, id)
	}
	if _, err := s.PutBytes(context.Background(), []byte("new")); !fault.Is(err, fault.Unavailable) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("new bytes = %v, want Unavailable because of ENOSPC", err)
	}
}

// TestBlobFaults walks the errors of references and locations.
func TestBlobFaults(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := refer(t, s, []byte("x"))
		tests := []struct {
			name string
			fn   func(tx *store.Tx) error
			want fault.Kind
			text string
		}{
			{"no such blob", func(tx *store.Tx) error { _, err := tx.Locate(id + 99); return err }, fault.NotFound, "not there"},
			{"more dropped than counted", func(tx *store.Tx) error { return tx.Dereference(id, 2) }, fault.Internal, ""},
			{"dropped from no blob", func(tx *store.Tx) error { return tx.Dereference(id+99, 1) }, fault.Internal, ""},
			{"a failed drop that the closure hides", func(tx *store.Tx) error { tx.Dereference(id, 2); return nil }, fault.Internal, ""},
		}
		for _, tt := range tests {
			err := s.Write(context.Background(), tt.fn)
			if err == nil || fault.KindOf(err) != tt.want || !strings.Contains(fault.TextOf(err), tt.text) {
				t.Errorf("%s: %v (%s), want %s", tt.name, err, fault.KindOf(err), tt.want)
			}
		}
		if refs := number(t, s, "SELECT refs FROM blob"); refs != 1 {
			t.Errorf("refs = %d after all these failures, want 1", refs)
		}
		if _, err := s.AppendBlob(nil, store.Location{Pack: 99, Length: 64}); err == nil {
			t.Error("AppendBlob of no pack is no error")
		}
		if _, err := s.OpenBlob(context.Background(), store.Location{Pack: 99, Size: 1 << 20, Length: 64}); err == nil {
			t.Error("OpenBlob of no pack is no error")
		}
	})
}

// TestAReferenceThatIsRolledBackCountsNothing: the failed delivery of a known and of a new mail leaves the counts as they were.
func TestAReferenceThatIsRolledBackCountsNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		refer(t, s, []byte("known"))
		for _, body := range []string{"known", "new"} {
			blob, err := s.PutBytes(context.Background(), []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			no := errors.New("no")
			err = s.Write(context.Background(), func(tx *store.Tx) error {
				if _, err := tx.References([]*store.Blob{blob, blob}); err != nil {
					return err
				}
				return no
			})
			if !errors.Is(err, no) {
				t.Errorf("Write = %v, want the closure's error", err)
			}
			blob.Release()
		}
		if rows, refs := number(t, s, "SELECT COUNT(*) FROM blob"), number(t, s, "SELECT SUM(refs) FROM blob"); rows != 1 || refs != 1 {
			t.Errorf("%d rows with %d references, want one with one", rows, refs)
		}
	})
}

// TestBlobReader reads, seeks and reads at offsets, in memory and from a pack.
func TestBlobReader(t *testing.T) {
	s := storetest.Open(t)
	for _, size := range []int{1000, store.SmallBlob + 1000} {
		data := noise(size)
		r, err := s.OpenBlob(context.Background(), stored(t, s, data))
		if err != nil {
			t.Fatal(err)
		}
		if b, ok := r.Bytes(); ok != (size <= store.SmallBlob) || ok && !bytes.Equal(b, data) {
			t.Errorf("%d bytes: Bytes = %t", size, ok)
		}
		if at, err := r.Seek(-10, io.SeekEnd); at != int64(size)-10 || err != nil {
			t.Errorf("%d bytes: Seek = %d, %v", size, at, err)
		}
		if rest, err := io.ReadAll(r); err != nil || !bytes.Equal(rest, data[size-10:]) {
			t.Errorf("%d bytes: the last ten: %d, %v", size, len(rest), err)
		}
		half := make([]byte, 20)
		if n, err := r.ReadAt(half, int64(size)-10); n != 10 || err != io.EOF {
			t.Errorf("%d bytes: ReadAt over the end = %d, %v", size, n, err)
		}
		if r.Size() != int64(size) {
			t.Errorf("Size = %d, want %d", r.Size(), size)
		}
		if err := errors.Join(r.Close(), r.Close()); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
}

// blobModel is the plain idea of counted blobs: who refers how often, and since when nobody does.
type blobModel struct {
	s     *store.Store
	clock *clock
	refs  map[byte]int       // by body
	since map[byte]time.Time // unreferenced
	ids   map[byte]store.BlobID
	pins  map[byte]*store.Blob
}

func bodyNamed(b byte) []byte { return bytes.Repeat([]byte{b}, 100+int(b)) }

// TestBlobsAgainstAModel: after any mix of references, drops, pins, passing time and compaction the rows, counts and bytes are
// those of the model; a blob goes only when its grace time is over and nobody holds it.
func TestBlobsAgainstAModel(t *testing.T) {
	storetest.ShortRun(t, 8)
	c := newClock()
	s := storetest.OpenWith(t, store.Options{Now: c.now, SealSize: 2000, Compact: 1 << 40})
	rapid.Check(t, func(rt *rapid.T) {
		m := &blobModel{s: s, clock: c, refs: map[byte]int{}, since: map[byte]time.Time{}, ids: map[byte]store.BlobID{}, pins: map[byte]*store.Blob{}}
		defer m.clean(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"refer": m.refer, "drop": m.drop, "pin": m.pin, "unpin": m.unpin, "pass": m.pass, "compact": m.compact, "": m.check,
		})
	})
	noProblems(t, s)
}

func (m *blobModel) draw(rt *rapid.T) byte { return byte(rapid.IntRange(0, 5).Draw(rt, "body")) }

func (m *blobModel) refer(rt *rapid.T) {
	b, n := m.draw(rt), rapid.IntRange(1, 3).Draw(rt, "times")
	blob, err := m.s.PutBytes(context.Background(), bodyNamed(b))
	if err != nil {
		rt.Fatal(err)
	}
	defer blob.Release()
	err = m.s.Write(context.Background(), func(tx *store.Tx) error {
		ids, err := tx.References([]*store.Blob{blob, blob, blob}[:n])
		if err == nil {
			m.ids[b] = ids[0]
		}
		return err
	})
	if err != nil {
		rt.Fatal(err)
	}
	m.refs[b] += n
	delete(m.since, b)
}

func (m *blobModel) drop(rt *rapid.T) {
	b := m.draw(rt)
	n := rapid.IntRange(1, 3).Draw(rt, "times")
	err := m.s.Write(context.Background(), func(tx *store.Tx) error { return tx.Dereference(m.ids[b], int64(n)) })
	if (err == nil) != (n <= m.refs[b]) {
		rt.Fatalf("drop %d of %d references: %v", n, m.refs[b], err)
	}
	if err != nil {
		return
	}
	if m.refs[b] -= n; m.refs[b] == 0 {
		m.since[b] = m.clock.now()
	}
}

func (m *blobModel) pin(rt *rapid.T) {
	b := m.draw(rt)
	if m.pins[b] != nil {
		rt.Skip("pinned")
	}
	blob, err := m.s.PutBytes(context.Background(), bodyNamed(b))
	if err != nil {
		rt.Fatal(err)
	}
	m.pins[b] = blob
}

func (m *blobModel) unpin(rt *rapid.T) {
	b := m.draw(rt)
	if m.pins[b] == nil {
		rt.Skip("not pinned")
	}
	m.pins[b].Release()
	delete(m.pins, b)
}

func (m *blobModel) pass(rt *rapid.T) {
	m.clock.pass(time.Duration(rapid.IntRange(1, 30).Draw(rt, "hours")) * time.Hour)
}

func (m *blobModel) compact(rt *rapid.T) {
	report, err := m.s.Compact(context.Background())
	if err != nil {
		rt.Fatal(err)
	}
	gone := 0
	for b, since := range m.since {
		if m.pins[b] == nil && m.clock.now().Sub(since) >= store.DefaultGrace {
			delete(m.since, b)
			delete(m.refs, b)
			delete(m.ids, b)
			gone++
		}
	}
	if report.Blobs != gone {
		rt.Fatalf("compaction removed %d blobs, want %d", report.Blobs, gone)
	}
}

func (m *blobModel) check(rt *rapid.T) {
	err := m.s.Read(context.Background(), func(tx *store.Tx) error {
		var rows int
		if err := tx.QueryRow("SELECT COUNT(*) FROM blob").Scan(&rows); err != nil {
			return err
		}
		if rows != len(m.refs) {
			return fmt.Errorf("%d rows, want %d", rows, len(m.refs))
		}
		for b, want := range m.refs {
			var refs int
			if err := tx.QueryRow("SELECT refs FROM blob WHERE id = $1", m.ids[b]).Scan(&refs); err != nil || refs != want {
				return fmt.Errorf("body %d: %d references, %w, want %d", b, refs, err, want)
			}
			l, err := tx.Locate(m.ids[b])
			if err != nil {
				return err
			}
			if got, err := m.s.AppendBlob(nil, l); err != nil || !bytes.Equal(got, bodyNamed(b)) {
				return fmt.Errorf("body %d came back changed: %w", b, err)
			}
		}
		return nil
	})
	if err != nil {
		rt.Fatal(err)
	}
}

// clean takes everything away for the next run.
func (m *blobModel) clean(rt *rapid.T) {
	for _, blob := range m.pins {
		blob.Release()
	}
	for b, n := range m.refs {
		if n > 0 {
			err := m.s.Write(context.Background(), func(tx *store.Tx) error { return tx.Dereference(m.ids[b], int64(n)) })
			if err != nil {
				rt.Fatal(err)
			}
		}
	}
	m.clock.pass(2 * store.DefaultGrace)
	if _, err := m.s.Compact(context.Background()); err != nil {
		rt.Fatal(err)
	}
}
