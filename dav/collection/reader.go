package collection

import (
	"bytes"
	"io"

	"schulhof/store"
)

// Reader reads an object's bytes, from any place. It is not for several goroutines at once.
type Reader interface {
	io.ReadSeekCloser
	io.ReaderAt
	Size() int64
	// Bytes are all of them if they are in memory; they must not be changed.
	Bytes() (b []byte, ok bool)
}

var (
	_ Reader = (*store.BlobReader)(nil)
	_ Reader = (*memoryReader)(nil)
)

// memoryReader reads what is computed.
type memoryReader struct {
	bytes.Reader
	all []byte
}

func newMemoryReader(b []byte) *memoryReader {
	r := &memoryReader{all: b}
	r.Reset(b)
	return r
}

// Bytes implements Reader.
func (r *memoryReader) Bytes() ([]byte, bool) { return r.all, true }

// Close implements Reader.
func (r *memoryReader) Close() error { return nil }
