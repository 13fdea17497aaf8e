package pack

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestRecentContents: what was written or read lately comes without the disk, what is older does not, and nothing is mixed up.
func TestRecentContents(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	var at []Location
	content := func(i int) []byte { return bytes.Repeat([]byte{byte(i), byte(i >> 8), 'x', '\n'}, recentLargest/4) }
	const perSegment = recentSegmentSize / recentLargest
	const many = recentSegments*perSegment + 2*perSegment + 1 // three segments are filled again
	var under []Pending                                       // together: they share a few fsyncs
	for i := range many {
		under = append(under, s.Begin(sha256.Sum256(content(i)), content(i)))
	}
	for i := range under {
		l, err := under[i].Wait()
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, l)
	}
	if err := os.Truncate(filepath.Join(dir, fileName(at[0].Pack)), 0); err != nil { // nothing is on the disk any more
		t.Fatal(err)
	}
	for i, l := range at {
		got, err := s.AppendTo([]byte("before "), l)
		switch {
		case i < 3*perSegment:
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("content %d, long ago: %v", i, err)
			}
		case i >= 3*perSegment && (err != nil || !bytes.Equal(got, append([]byte("before "), content(i)...))):
			t.Fatalf("content %d: %v", i, err)
		}
	}
	wrong := at[many-1]
	wrong.Length++
	if _, err := s.AppendTo(nil, wrong); !errors.Is(err, ErrCorrupt) {
		t.Errorf("with another length: %v", err)
	}
	if err := s.Verify(at[many-1], sha256.Sum256(content(many-1))); !errors.Is(err, ErrCorrupt) {
		t.Errorf("what was verified is not what lies on the disk: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AppendTo(nil, at[many-1]); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestRecentLarge: what is larger than recentLargest always comes from the disk.
func TestRecentLarge(t *testing.T) {
	var r recent
	r.keep(Location{Pack: 1, Size: recentLargest + 1}, make([]byte, recentLargest+1))
	if _, ok := r.appendTo(nil, Location{Pack: 1, Size: recentLargest + 1}); ok {
		t.Error("it is kept")
	}
	if n := testing.AllocsPerRun(100, func() { r.appendTo(nil, Location{Pack: 2}) }); n != 0 {
		t.Errorf("%v allocations to find nothing", n)
	}
}

// TestRecentTiny: contents of a few bytes are bounded by their number, since what finds them is larger than they are.
func TestRecentTiny(t *testing.T) {
	var r recent
	const most = recentSegments * recentSegmentBlobs
	const many = most + 3*recentSegmentBlobs
	for i := range int64(many) {
		r.keep(Location{Pack: 1, Offset: i}, []byte{byte(i)})
	}
	if len(r.at) > most {
		t.Errorf("%d contents are kept, want at most %d", len(r.at), most)
	}
	for i, want := range map[int64]bool{0: false, many - most: true, many - 1: true} {
		if got, ok := r.appendTo(nil, Location{Pack: 1, Offset: i}); ok != want || ok && !bytes.Equal(got, []byte{byte(i)}) {
			t.Errorf("content %d of %d: %v, %t", i, many, got, ok)
		}
	}
}

func BenchmarkRecent(b *testing.B) {
	var r recent
	content := make([]byte, 1000)
	for i := range int64(10000) {
		r.keep(Location{Pack: 1, Offset: i}, content)
	}
	dst := make([]byte, 0, 1000)
	b.ReportAllocs()
	i := int64(0)
	for b.Loop() {
		i = (i + 7919) % 10000
		if _, ok := r.appendTo(dst, Location{Pack: 1, Offset: i}); !ok {
			b.Fatal("gone")
		}
	}
}
