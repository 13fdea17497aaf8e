package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
)

func numbered(i int) Hash { return sha256.Sum256(fmt.Append(nil, i)) }

func TestTheFilterKnowsWhatWasAddedAndLittleElse(t *testing.T) {
	var f hashFilter
	f.init(0)
	if !f.mayKnow(numbered(0)) {
		t.Error("before it has learned the rows it must not say that a blob is new")
	}
	f.ready.Store(true)
	const n = 20_000
	for i := range n {
		f.add(numbered(i))
	}
	wrong := 0
	for i := range n {
		if !f.mayKnow(numbered(i)) {
			t.Fatalf("hash %d was added and is unknown", i)
		}
		if f.mayKnow(numbered(n + i)) {
			wrong++
		}
	}
	if wrong > n/100 {
		t.Errorf("%d of %d unknown hashes are taken for known", wrong, n)
	}
}

func TestTheFilterIsBounded(t *testing.T) {
	for _, blobs := range []int64{-1, 0, 1 << 20, 1 << 40} {
		var f hashFilter
		f.init(blobs)
		if bytes := len(f.words) * 8; bytes > hashFilterMost || bytes < 1<<16 || bytes&(bytes-1) != 0 {
			t.Errorf("%d bytes for %d blobs", bytes, blobs)
		}
	}
}

// Once the store has learned what there is, a new blob needs no query; known bytes are found after a restart all the same.
func TestANewBlobAsksNobody(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "data")
	s, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	old := putReferenced(t, s, "known")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(ctx, Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	<-s.known.done
	again, err := s.PutBytes(ctx, []byte("known"))
	if err != nil {
		t.Fatal(err)
	}
	again.Release()
	if Location(again.pin.loc) != old {
		t.Errorf("known bytes lie at %+v, want where they were, %+v", again.pin.loc, old)
	}
	for range readConns { // nobody can read until they come back
		conn, err := s.readers.get(ctx, s.closing)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { s.readers.put(conn) }()
	}
	fresh, err := s.PutBytes(ctx, []byte("new"))
	if err != nil {
		t.Fatal(err)
	}
	fresh.Release()
}

// A store that is closed before it has learned what there is says nothing of it: nobody wants the filter any more.
func TestLearningEndsSilentlyWithTheStore(t *testing.T) {
	var said bytes.Buffer
	s, err := Open(context.Background(), Options{Dir: filepath.Join(t.TempDir(), "data"), Log: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	<-s.known.done
	said.Reset()
	for range 100 { // whether the end or the answer is noticed first is chance
		s.known.done = make(chan struct{})
		s.learnHashes()
	}
	if said.Len() > 0 {
		t.Errorf("said: %s", said.String())
	}
}

// putReferenced stores text, with a row, and tells where it lies.
func putReferenced(t *testing.T, s *Store, text string) (at Location) {
	t.Helper()
	b, err := s.PutBytes(context.Background(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	err = s.Write(context.Background(), func(tx *Tx) error {
		id, err := tx.Reference(b)
		if err == nil {
			at, err = tx.Locate(id)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Two who put the same bytes at once store them once, also when the first begins and takes its time.
func TestPutsOfTheSameBytesMeet(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, Options{Dir: filepath.Join(t.TempDir(), "data")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	spool := s.NewSpool()
	defer spool.Close()
	if _, err := spool.Write([]byte("same")); err != nil {
		t.Fatal(err)
	}
	first := s.Begin(ctx, spool)
	second := make(chan *Blob)
	go func() {
		b, err := s.PutBytes(ctx, []byte("same"))
		if err != nil {
			t.Error(err)
		}
		second <- b
	}()
	a, err := first.Wait()
	if err != nil {
		t.Fatal(err)
	}
	b := <-second
	if b == nil || a.pin.loc != b.pin.loc || a.pin.loc.Pack == 0 {
		t.Errorf("%+v and %+v, want one place", a, b)
	}
	a.Release()
	b.Release()
	if s.pins.has(a.Hash) {
		t.Error("a released blob is still pinned")
	}
}
