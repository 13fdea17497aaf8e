package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"

	"pgregory.net/rapid"
)

// TestSpoolEdges writes right up to, onto and over the size that is held in memory, in one write and in many.
func TestSpoolEdges(t *testing.T) {
	s := storetest.Open(t)
	tests := []struct {
		name     string
		writes   []int
		inMemory bool
	}{
		{"nothing", nil, true},
		{"an empty write", []int{0}, true},
		{"one byte", []int{1}, true},
		{"up to the limit at once", []int{store.SmallBlob}, true},
		{"up to the limit in steps", []int{store.SmallBlob - 1, 1}, true},
		{"one byte more at once", []int{store.SmallBlob + 1}, false},
		{"one byte more in steps", []int{store.SmallBlob, 1}, false},
		{"much more", []int{10, 2 * store.SmallBlob, 10}, false},
		{"an empty write behind a large one", []int{store.SmallBlob + 1, 0}, false},
	}
	for _, tt := range tests {
		p := s.NewSpool()
		var want []byte
		for _, size := range tt.writes {
			b := noise(size)
			want = append(want, b...)
			if n, err := p.Write(b); n != size || err != nil {
				t.Fatalf("%s: Write of %d = %d, %v", tt.name, size, n, err)
			}
		}
		if p.Size() != int64(len(want)) || p.Hash() != sha256.Sum256(want) {
			t.Errorf("%s: Size = %d, want %d; the hash is right = %t", tt.name, p.Size(), len(want), p.Hash() == sha256.Sum256(want))
		}
		if b, ok := p.Bytes(); ok != tt.inMemory || ok && !bytes.Equal(b, want) {
			t.Errorf("%s: in memory = %t, want %t", tt.name, ok, tt.inMemory)
		}
		if got, err := io.ReadAll(p.Reader()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: Reader: %d bytes, %v", tt.name, len(got), err)
		}
		if n, err := p.ReadAt(make([]byte, 1), int64(len(want))); n != 0 || err != io.EOF {
			t.Errorf("%s: ReadAt behind the end = %d, %v, want EOF", tt.name, n, err)
		}
		if _, err := p.ReadAt(make([]byte, 1), -1); err == nil {
			t.Errorf("%s: ReadAt before the start is no error", tt.name)
		}
		blob, err := s.Put(context.Background(), p)
		if err != nil {
			t.Errorf("%s: Put = %v", tt.name, err)
			continue
		}
		if blob.Size != int64(len(want)) || blob.Hash != sha256.Sum256(want) {
			t.Errorf("%s: the blob has %d bytes", tt.name, blob.Size)
		}
		blob.Release()
		if err := p.Close(); err != nil {
			t.Errorf("%s: Close = %v", tt.name, err)
		}
		if _, err := p.ReadAt(make([]byte, 1), 0); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: ReadAt after Close = %v, want ErrClosed", tt.name, err)
		}
		if _, ok := p.Bytes(); ok {
			t.Errorf("%s: Bytes after Close", tt.name)
		}
	}
}

// TestSpoolAgainstABuffer writes and reads at random; the spool always says what a plain buffer says.
func TestSpoolAgainstABuffer(t *testing.T) {
	storetest.ShortRun(t, 20)
	s := storetest.Open(t)
	rapid.Check(t, func(rt *rapid.T) {
		p := s.NewSpool()
		defer p.Close()
		var model []byte
		rt.Repeat(map[string]func(*rapid.T){
			"write": func(rt *rapid.T) {
				size := rapid.OneOf(rapid.IntRange(0, 500), rapid.SampledFrom([]int{store.SmallBlob / 2, store.SmallBlob})).Draw(rt, "size")
				b := bytes.Repeat([]byte{byte(len(model))}, size)
				if len(model)+size > 4*store.SmallBlob {
					rt.Skip("large enough")
				}
				model = append(model, b...)
				if n, err := p.Write(b); n != size || err != nil {
					rt.Fatalf("Write = %d, %v", n, err)
				}
			},
			"read": func(rt *rapid.T) {
				off := rapid.IntRange(0, len(model)+10).Draw(rt, "off")
				b := make([]byte, rapid.IntRange(1, 1000).Draw(rt, "length"))
				n, err := p.ReadAt(b, int64(off))
				want := model[min(off, len(model)):min(off+len(b), len(model))]
				if !bytes.Equal(b[:n], want) || (err == io.EOF) != (n < len(b)) {
					rt.Fatalf("ReadAt(%d bytes, %d) = %d, %v, want %d bytes", len(b), off, n, err, len(want))
				}
			},
			"": func(rt *rapid.T) {
				if p.Size() != int64(len(model)) || p.Hash() != sha256.Sum256(model) {
					rt.Fatalf("Size = %d, want %d", p.Size(), len(model))
				}
			},
		})
	})
}

// TestASpoolThatFailed keeps saying so: half a message is never stored.
func TestASpoolThatFailed(t *testing.T) {
	full := false
	s := storetest.OpenWith(t, store.Options{Faults: func(op, path string) error {
		if full && op == "write" && filepath.Base(filepath.Dir(path)) == "tmp" {
			return syscall.ENOSPC
		}
		return nil
	}})
	p := s.NewSpool()
	defer p.Close()
	if _, err := p.Write(noise(store.SmallBlob)); err != nil {
		t.Fatal(err)
	}
	full = true
	for _, size := range []int{1, 5, store.SmallBlob} { // the first does not fit into memory any more
		if n, err := p.Write(noise(size)); n != 0 || !fault.Is(err, fault.Unavailable) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Write on a full disk = %d, %v, want Unavailable with the cause", n, err)
		}
	}
	full = false
	if _, err := p.Write([]byte("more")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Write after there is room = %v, want the first error: bytes are missing", err)
	}
	if _, err := s.Put(context.Background(), p); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Put of half a message = %v, want Unavailable", err)
	}
	if n := number(t, s, "SELECT COUNT(*) FROM blob"); n != 0 {
		t.Errorf("%d blobs, want none", n)
	}
	whole := s.NewSpool() // the next message is not concerned
	defer whole.Close()
	if _, err := whole.Write(noise(store.SmallBlob + 1)); err != nil {
		t.Errorf("the next spool: %v", err)
	}
}

// TestASpoolWithoutItsFolder: somebody removed tmp/ under a running server. The sender hears that he may try again.
func TestASpoolWithoutItsFolder(t *testing.T) {
	s := storetest.Open(t)
	if err := os.RemoveAll(filepath.Join(s.Dir(), "tmp")); err != nil {
		t.Fatal(err)
	}
	p := s.NewSpool()
	if _, err := p.Write(noise(store.SmallBlob + 1)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Write = %v, want Unavailable", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	small := s.NewSpool() // memory needs no folder
	defer small.Close()
	if _, err := small.Write([]byte("x")); err != nil {
		t.Errorf("a small spool: %v", err)
	}
}

// TestLeftSpoolsAreRemoved: what a killed server left in tmp/ goes away at the next start, other people's files do not.
func TestLeftSpoolsAreRemoved(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		tmp := filepath.Join(o.Dir, "tmp")
		if err := os.MkdirAll(tmp, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"spool-123", "spool-backup", "notes.txt"} {
			if err := os.WriteFile(filepath.Join(tmp, name), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s := storetest.OpenWith(t, o)
		entries, err := os.ReadDir(filepath.Join(s.Dir(), "tmp"))
		if err != nil || len(entries) != 1 || entries[0].Name() != "notes.txt" {
			t.Errorf("tmp holds %v, %v, want notes.txt alone", entries, err)
		}
	})
}

// TestPutReadsASpoolThatGoesOnLiving: a spool can be put, read and put again; its bytes are stored once.
func TestPutReadsASpoolThatGoesOnLiving(t *testing.T) {
	s := storetest.Open(t)
	for _, size := range []int{100, store.SmallBlob + 1} {
		p := s.NewSpool()
		if _, err := io.Copy(p, strings.NewReader(strings.Repeat("x", size))); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			blob, err := s.Put(context.Background(), p)
			if err != nil {
				t.Fatal(err)
			}
			id := int64(0)
			err = s.Write(context.Background(), func(tx *store.Tx) error {
				b, err := tx.Reference(blob)
				id = int64(b)
				return err
			})
			blob.Release()
			if err != nil || len(bodyOf(t, s, store.BlobID(id))) != size {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
		p.Close()
	}
	if n := number(t, s, "SELECT COUNT(*) FROM blob WHERE refs = 2"); n != 2 {
		t.Errorf("%d blobs with two references, want 2", n)
	}
}
