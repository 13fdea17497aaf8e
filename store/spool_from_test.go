package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"path/filepath"
	"syscall"
	"testing"
	"testing/iotest"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// However the bytes come in, the spool has them, their hash and their number.
func TestSpoolReadFrom(t *testing.T) {
	s := storetest.Open(t)
	readers := map[string]func(io.Reader) io.Reader{
		"as it is":             func(r io.Reader) io.Reader { return r },
		"the end with data":    iotest.DataErrReader,
		"in halves":            iotest.HalfReader,
		"in thousands, no end": func(r io.Reader) io.Reader { return io.LimitReader(&thousands{r}, 1<<40) },
	}
	for name, reader := range readers {
		for _, size := range []int{0, 1, store.SmallBlob, store.SmallBlob + 1, 2*store.SmallBlob - 81, 9<<20 + 17} {
			want := noise(size)
			p := s.NewSpool()
			p.Write(want[:size/3])
			n, err := p.ReadFrom(reader(bytes.NewReader(want[size/3:])))
			if n != int64(size-size/3) || err != nil || p.Size() != int64(size) || p.Hash() != sha256.Sum256(want) {
				t.Errorf("%s: %d bytes: n = %d, %v; size %d, hash right: %t", name, size, n, err, p.Size(), p.Hash() == sha256.Sum256(want))
			}
			if got, err := io.ReadAll(p.Reader()); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes: Reader: %d bytes, %v", name, size, len(got), err)
			}
			ref, err := s.Put(context.Background(), p)
			if err != nil {
				t.Fatal(err)
			}
			if ref.Hash != sha256.Sum256(want) {
				t.Errorf("%s: %d bytes are stored under another hash", name, size)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// thousands gives a thousand bytes at a time.
type thousands struct{ r io.Reader }

func (r *thousands) Read(b []byte) (int, error) { return r.r.Read(b[:min(len(b), 1000)]) }

// A body that breaks off is an error, whatever the reader calls it, and never taken for whole.
func TestSpoolReadFromBrokenOff(t *testing.T) {
	s := storetest.Open(t)
	for _, broken := range []error{io.ErrUnexpectedEOF, io.ErrClosedPipe, context.Canceled} {
		for _, size := range []int{0, 100, store.SmallBlob, 3*store.SmallBlob + 5} {
			p := s.NewSpool()
			n, err := p.ReadFrom(io.MultiReader(bytes.NewReader(noise(size)), iotest.ErrReader(broken)))
			if n != int64(size) || err != broken {
				t.Errorf("%d bytes and %q: %d, %v", size, broken, n, err)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// A disk that takes no more ends the reading, and the spool takes no more.
func TestSpoolReadFromFullDisk(t *testing.T) {
	for fails := 1; fails <= 4; fails++ {
		calls := 0
		s := storetest.OpenWith(t, store.Options{Faults: func(op, path string) error {
			if op == "write" && filepath.Base(filepath.Dir(path)) == "tmp" {
				if calls++; calls == fails {
					return syscall.ENOSPC
				}
			}
			return nil
		}})
		p := s.NewSpool()
		_, err := p.ReadFrom(bytes.NewReader(noise(6 * store.SmallBlob)))
		if !fault.Is(err, fault.Unavailable) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("write %d fails: %v", fails, err)
		}
		if _, again := p.Write([]byte("x")); !errors.Is(again, err) {
			t.Errorf("write %d fails: a write after it: %v", fails, again)
		}
		if n, again := p.ReadFrom(bytes.NewReader(noise(10))); n != 0 || !errors.Is(again, err) {
			t.Errorf("write %d fails: reading after it: %d, %v", fails, n, again)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if n, err := p.ReadFrom(bytes.NewReader(noise(10))); n != 0 || err == nil {
			t.Errorf("write %d fails: reading after Close: %d, %v", fails, n, err)
		}
	}
}
