package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/pack"
	"schulhof/store/storetest"
)

// packSyncs is a fault hook that holds up the fsyncs of packs, or lets them fail, and notices a commit meanwhile.
type packSyncs struct {
	t    *testing.T
	hold atomic.Pointer[chan struct{}] // they wait until it is closed
	fail atomic.Bool
}

func (p *packSyncs) hook(op, path string) error {
	hold := p.hold.Load()
	switch {
	case op == "commit" && hold != nil:
		select {
		case <-*hold:
		default:
			p.t.Error("a commit while the fsync of what it refers to is under way")
		}
	case op == "fsync" && strings.HasSuffix(path, ".pack"):
		if hold != nil {
			<-*hold
		}
		if p.fail.Load() {
			return syscall.EIO
		}
	}
	return nil
}

// holdUp lets no fsync of a pack end until release is called.
func (p *packSyncs) holdUp() (release func()) {
	hold := make(chan struct{})
	p.hold.Store(&hold)
	return sync.OnceFunc(func() { close(hold) })
}

// begin starts a Put of body.
func begin(t testing.TB, s *store.Store, body string) *store.Putting {
	t.Helper()
	spool := s.NewSpool()
	t.Cleanup(func() { spool.Close() })
	if _, err := spool.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	p := s.Begin(context.Background(), spool)
	return &p
}

// place is begin that waits until the bytes are written.
func place(t testing.TB, s *store.Store, body string) *store.Blob {
	t.Helper()
	blob, err := begin(t, s, body).Placed()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(blob.Release)
	return blob
}

// eachHeld runs test with a store whose packs' fsyncs p holds up, on each dialect.
func eachHeld(t *testing.T, test func(t *testing.T, s *store.Store, p *packSyncs)) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		p := &packSyncs{t: t}
		o.Faults = p.hook
		s := storetest.OpenWith(t, o)
		scratch(t, s)
		refer(t, s, []byte("the pack is there"))
		test(t, s, p)
	})
}

// inserting refers to blobs and adds a row. ran is closed when it has done so.
func inserting(blobs ...*store.Blob) (fn func(*store.Tx) error, ran chan struct{}) {
	ran = make(chan struct{})
	once := sync.OnceFunc(func() { close(ran) })
	return func(tx *store.Tx) error {
		_, err := tx.References(blobs)
		if err == nil {
			_, err = tx.Exec("INSERT INTO scratch (n) VALUES (1)")
		}
		once()
		return err
	}, ran
}

// TestACommitWaitsForTheBytes: a transaction runs while the bytes that it refers to are on their way to the disk; it commits, and is seen and
// answered, only after their fsync.
func TestACommitWaitsForTheBytes(t *testing.T) {
	eachHeld(t, func(t *testing.T, s *store.Store, p *packSyncs) {
		for _, bodies := range [][]string{{"one"}, {"first of two", "second of two"}, {"twice", "twice"}} {
			release := p.holdUp()
			var blobs []*store.Blob
			for i, body := range bodies {
				if i > 0 && body != bodies[i-1] { // it is written when the fsync of the one before has ended
					release()
					release = p.holdUp()
				}
				blobs = append(blobs, place(t, s, body))
			}
			before := number(t, s, "SELECT COUNT(*) FROM scratch")
			fn, ran := inserting(blobs...)
			done := make(chan error, 1)
			go func() { done <- s.Write(context.Background(), fn) }()
			<-ran
			if n := number(t, s, "SELECT COUNT(*) FROM scratch"); n != before {
				t.Errorf("%v: the row is seen before the fsync", bodies)
			}
			select {
			case err := <-done:
				t.Errorf("%v: answered before the fsync: %v", bodies, err)
			default:
			}
			release()
			if err := <-done; err != nil {
				t.Errorf("%v: %v", bodies, err)
			}
			for i, b := range blobs {
				if got, err := s.AppendBlob(nil, b.Location()); err != nil || string(got) != bodies[i] {
					t.Errorf("%q came back as %q, %v", bodies[i], got, err)
				}
			}
		}
		noProblems(t, s)
	})
}

// TestAFailedFsyncFailsTheGroup: whoever shares a transaction with bytes that do not become durable hears of it, as does who waits for the
// same bytes; nothing of it is stored, and nothing is written any more.
func TestAFailedFsyncFailsTheGroup(t *testing.T) {
	eachHeld(t, func(t *testing.T, s *store.Store, p *packSyncs) {
		free := blocked(t, s)
		release := p.holdUp()
		p.fail.Store(true)
		with, _ := inserting(place(t, s, "lost"))
		without, _ := inserting()
		results := make(chan error, 3)
		for i, fn := range []func(*store.Tx) error{without, with} {
			go func() { results <- s.Write(context.Background(), fn) }()
			for s.Waiting() <= i {
			}
		}
		same := begin(t, s, "lost")
		go func() {
			_, err := same.Wait()
			results <- err
		}()
		release()
		free()
		for range cap(results) {
			if err := <-results; !fault.Is(err, fault.Unavailable) || !errors.Is(err, pack.ErrFsync) {
				t.Errorf("answer = %v, want Unavailable with the failed fsync", err)
			}
		}
		if n := number(t, s, "SELECT COUNT(*) FROM scratch"); n != 0 {
			t.Errorf("%d rows, want none", n)
		}
		if s.ReadOnlyCause() == nil {
			t.Error("the store still writes after a failed fsync")
		}
	})
}

// TestWhoWaitsForTheSameBytes needs the fsync only, not that the first who put them is done with them.
func TestWhoWaitsForTheSameBytes(t *testing.T) {
	eachHeld(t, func(t *testing.T, s *store.Store, p *packSyncs) {
		release := p.holdUp()
		first := place(t, s, "to all")
		placed := place(t, s, "to all")
		if first.Location() != placed.Location() {
			t.Errorf("the same bytes lie at %v and %v", first.Location(), placed.Location())
		}
		var released atomic.Bool
		waiting := begin(t, s, "to all")
		done := make(chan error, 1)
		go func() {
			blob, err := waiting.Wait()
			if !released.Load() {
				t.Error("Wait ended before the fsync")
			}
			if err == nil {
				blob.Release()
			}
			done <- err
		}()
		released.Store(true)
		release()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
