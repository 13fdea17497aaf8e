package pack

import (
	"bytes"
	"crypto/sha256"
	"io"
	"testing"
)

// BenchmarkAppend4KB is one mail's bytes with its fsync, many at once: they share it.
func BenchmarkAppend4KB(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	data := text(4096)
	b.SetBytes(4096)
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Append(sha256.Sum256(data), data); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkAppendTo4KB is FETCH of a small mail.
func BenchmarkAppendTo4KB(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	l := put(b, s, text(4096))
	buf := make([]byte, 0, 4096)
	b.SetBytes(4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.read(buf, l); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadLarge streams a large mail in chunks.
func BenchmarkReadLarge(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	data := text(4 << 20)
	l := put(b, s, data)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		r, err := s.open(l, s.read)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
}

// BenchmarkFrame builds the frame of a small mail: compression and two checksums.
func BenchmarkFrame(b *testing.B) {
	c, err := newCodec()
	if err != nil {
		b.Fatal(err)
	}
	data := bytes.Repeat([]byte("Sehr geehrte Eltern, am Freitag endet der Unterricht um elf. "), 70)
	var frame []byte
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		frame = c.appendFrame(frame[:0], Hash{1}, data)
	}
}

// TestReadingAllocatesLittle guards FETCH of many small mails: reading into a buffer of the caller costs no memory of its own.
func TestReadingAllocatesLittle(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	l := put(t, s, text(4096))
	buf := make([]byte, 0, 4096)
	least := 1e9
	for range 5 { // a garbage collection empties the pool of buffers now and then
		least = min(least, testing.AllocsPerRun(100, func() {
			if _, err := s.read(buf, l); err != nil {
				t.Fatal(err)
			}
		}))
	}
	if least > 2 {
		t.Errorf("%.0f allocations per read, want at most 2", least)
	}
}

// TestARangeReadsOneChunk guards FETCH of a part of a large mail: ten bytes cost one chunk, not the mail.
func TestARangeReadsOneChunk(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	data := noise(16 * ChunkSize)
	r, err := s.Open(put(t, s, data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.ReadAt(make([]byte, 10), 9*ChunkSize+3); err != nil {
		t.Fatal(err)
	}
	if r.at != 9 {
		t.Errorf("chunk %d is loaded, want 9", r.at)
	}
	if size := len(r.store) + cap(r.chunk); size > 2*ChunkSize {
		t.Errorf("a reader holds %d bytes, want at most %d", size, 2*ChunkSize)
	}
}
