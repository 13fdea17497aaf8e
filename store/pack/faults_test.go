package pack

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// failing counts the file operations and lets the n-th fail; 0: none.
type failing struct {
	mu    sync.Mutex
	n     int
	err   error
	calls int
	log   []string // "op extension"
}

func (f *failing) hook(op, path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	f.log = append(f.log, op+" "+filepath.Ext(path))
	if f.calls == f.n {
		return fmt.Errorf("%s %s: %w", op, path, f.err)
	}
	return nil
}

// kept is a blob that was acknowledged.
type kept struct {
	loc  Location
	data []byte
}

// knownEnds is what a table of blobs would tell of the acknowledged ones.
func knownEnds(blobs []kept) func(int64) (int64, error) {
	ends := map[int64]int64{}
	for _, b := range blobs {
		ends[b.loc.Pack] = max(ends[b.loc.Pack], b.loc.Offset+b.loc.Length)
	}
	return func(id int64) (int64, error) { return ends[id], nil }
}

// repeated is the i-th body of a scenario and its hash. They are made once: a large one takes its time.
var repeated = sync.OnceValue(func() func(i, size int) ([]byte, Hash) {
	type body struct {
		data []byte
		hash Hash
	}
	made := map[[2]int]body{}
	return func(i, size int) ([]byte, Hash) {
		b, ok := made[[2]int{i, size}]
		if !ok {
			b.data = bytes.Repeat(fmt.Appendf(nil, "%d ", i), size/2+1)[:size]
			b.hash = sha256.Sum256(b.data)
			made[[2]int{i, size}] = b
		}
		return b.data, b.hash
	}
})

// store puts a blob whose hash is known: a large one by a draft.
func store(t testing.TB, s *Set, hash Hash, data []byte) (Location, error) {
	t.Helper()
	if len(data) <= SingleSize {
		return s.AppendReader(hash, bytes.NewReader(data), int64(len(data)))
	}
	d := newDraft(t)
	if _, err := d.Write(data); err != nil {
		t.Fatal(err)
	}
	return s.Adopt(d, hash)
}

// scenario appends blobs, copies and removes a pack, and goes on after a failure as a server does.
func scenario(t testing.TB, s *Set, sizes []int) (acknowledged []kept, failures []error) {
	note := func(l Location, data []byte, err error) {
		if err != nil {
			failures = append(failures, err)
			return
		}
		acknowledged = append(acknowledged, kept{l, data})
	}
	for i, size := range sizes {
		data, hash := repeated()(i, size)
		l, err := store(t, s, hash, data)
		note(l, data, err)
	}
	if len(acknowledged) == 0 {
		return acknowledged, failures
	}
	first := acknowledged[0]
	l, err := s.AppendCopy(first.loc)
	note(l, first.data, err)
	if s.Growing(first.loc.Pack) || err != nil {
		return acknowledged, failures
	}
	alone := true // in its pack
	for _, b := range acknowledged[1:] {
		alone = alone && b.loc.Pack != first.loc.Pack
	}
	if alone {
		acknowledged = slices.Delete(acknowledged, 0, 1)
		if err := s.Remove(first.loc.Pack); err != nil {
			failures = append(failures, err)
		}
	}
	return acknowledged, failures
}

// TestEveryFileOperationFails fails the n-th operation of a scenario, for every n, with a full disk and with an I/O error.
// Whatever was acknowledged is whole after opening again, and the set takes new blobs.
func TestEveryFileOperationFails(t *testing.T) {
	scenarios := map[string][]int{
		"shared packs":   {100, 4000, ChunkSize + 10, 4000, 4000, 200, 4000},
		"a pack for one": {100, SingleSize + 1, 4000},
	}
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO} {
		for name, sizes := range scenarios {
			t.Run(name+", "+errno.Error(), func(t *testing.T) {
				for n := 1; failOne(t, n, errno, sizes); n++ {
				}
			})
		}
	}
}

// failOne runs a scenario whose n-th operation fails; more: there was an n-th.
func failOne(t *testing.T, n int, errno syscall.Errno, sizes []int) (more bool) {
	t.Helper()
	dir := t.TempDir()
	f := &failing{n: n, err: errno}
	s := open(t, dir, Options{Hook: f.hook, SealSize: 3000})
	acknowledged, failures := scenario(t, s, sizes)
	for _, b := range acknowledged { // before the restart, too
		if _, err := s.ReadHeader(b.loc); err != nil {
			t.Errorf("operation %d: an acknowledged blob of %d bytes: %v", n, len(b.data), err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("operation %d: Close = %v", n, err)
	}
	reopened(t, dir, n, acknowledged)
	os.RemoveAll(dir)
	if f.calls < n && len(failures) > 0 {
		t.Errorf("nothing was made to fail, but %v", failures)
	}
	for _, err := range failures {
		if !errors.Is(err, errno) {
			t.Errorf("operation %d: %v does not tell the cause %v", n, err, errno)
		}
	}
	return f.calls >= n
}

// reopened opens dir and finds everything that was acknowledged.
func reopened(t *testing.T, dir string, n int, acknowledged []kept) {
	t.Helper()
	s := open(t, dir, Options{Known: knownEnds(acknowledged), SealSize: 3000})
	defer s.Close()
	for _, b := range acknowledged {
		r, err := s.open(b.loc, s.read)
		if err != nil {
			t.Errorf("operation %d failed: a blob of %d bytes after opening again: %v", n, len(b.data), err)
			continue
		}
		got := make([]byte, len(b.data))
		if _, err := r.ReadAt(got, 0); err != nil || !bytes.Equal(got, b.data) {
			t.Errorf("operation %d failed: a blob of %d bytes came back changed: %v", n, len(b.data), err)
		}
		r.Close()
	}
	data := []byte("after the restart")
	if got, err := get(s, put(t, s, data)); err != nil || !bytes.Equal(got, data) {
		t.Errorf("operation %d failed: a new blob after opening again: %v", n, err)
	}
}

// TestAFailedFsyncEndsEverything: after a failed fsync of any file no kind of blob is taken any more; reading goes on.
func TestAFailedFsyncEndsEverything(t *testing.T) {
	large := noise(SingleSize + 1)
	tests := []struct {
		name  string
		first []byte // its fsync fails
	}{
		{"of a shared pack", []byte("small")},
		{"of a pack with one blob", large},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			broken := false
			s := open(t, t.TempDir(), Options{Hook: func(op, path string) error {
				if broken && op == "fsync" && filepath.Base(path) != "packs" {
					return syscall.EIO
				}
				return nil
			}})
			before := put(t, s, []byte("before"))
			broken = true
			if _, err := store(t, s, Hash{}, tt.first); !errors.Is(err, ErrFsync) {
				t.Fatalf("append = %v, want ErrFsync", err)
			}
			broken = false
			if err := s.Broken(); !errors.Is(err, ErrFsync) {
				t.Errorf("Broken = %v, want ErrFsync", err)
			}
			for _, size := range []int{1, ChunkSize + 1, SingleSize + 1} {
				if _, err := store(t, s, Hash{}, large[:size]); !errors.Is(err, ErrFsync) {
					t.Errorf("a later append of %d bytes = %v, want ErrFsync", size, err)
				}
			}
			if _, err := s.AppendCopy(before); !errors.Is(err, ErrFsync) {
				t.Errorf("a later copy = %v, want ErrFsync", err)
			}
			if got, err := get(s, before); err != nil || string(got) != "before" {
				t.Errorf("reading after the failure: %q, %v", got, err)
			}
		})
	}
}

// TestAFailedLargeBlobLeavesNoFile: a draft that could not become a pack is none, whatever failed, and can be tried again when
// it was the lack of room.
func TestAFailedLargeBlobLeavesNoFile(t *testing.T) {
	data := noise(SingleSize + 1)
	hash := sha256.Sum256(data)
	for _, op := range []string{"write", "fsync", "rename"} {
		t.Run(op, func(t *testing.T) {
			var fail error = syscall.ENOSPC
			s := open(t, t.TempDir(), Options{Hook: func(asked, path string) error {
				if asked == op {
					return fail
				}
				return nil
			}})
			d := newDraft(t)
			if _, err := d.Write(data); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Adopt(d, hash); !errors.Is(err, syscall.ENOSPC) || d.Moved() {
				t.Errorf("Adopt = %v, moved = %t, want ENOSPC", err, d.Moved())
			}
			if packs, err := s.List(); err != nil || len(packs) > 0 {
				t.Errorf("left behind: %v, %v", packs, err)
			}
			fail = nil
			l, err := s.Adopt(d, hash)
			if broken := op == "fsync"; broken != errors.Is(err, ErrFsync) {
				t.Errorf("once more: %v", err)
			} else if !broken && s.Verify(l, hash) != nil {
				t.Errorf("once more: %v", s.Verify(l, hash))
			}
		})
	}
	s := open(t, t.TempDir(), Options{})
	if _, err := s.AppendReader(hash, bytes.NewReader(data), int64(len(data))); err == nil {
		t.Error("AppendReader takes a blob that wants a draft")
	}
	if _, err := s.Adopt(newDraft(t), Hash{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("an empty draft was adopted: %v", err)
	}
}

// errReader fails at once.
type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// TestABrokenPeerHarmsNobodyElse: a blob whose reader fails takes no room and the set goes on.
func TestABrokenPeerHarmsNobodyElse(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	before := put(t, s, []byte("before"))
	gone := errors.New("gone")
	for _, size := range []int64{10, ChunkSize + 1} {
		if _, err := s.AppendReader(Hash{}, errReader{gone}, size); !errors.Is(err, gone) {
			t.Errorf("%d bytes = %v, want the reader's error", size, err)
		}
		if _, err := s.AppendReader(Hash{}, strings.NewReader("few"), size); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes from a short reader = %v, want ErrUnexpectedEOF", size, err)
		}
	}
	if after := put(t, s, []byte("after")); after.Pack != before.Pack || after.Offset != before.Offset+before.Length {
		t.Errorf("the next blob lies at %+v, want right behind %+v", after, before)
	}
}

// TestOperationsPerBlob counts: a small blob costs one write and one fsync; a large one, whose bytes are there already, those of its
// table and headers, of the file and of two folders. Anything more would be paid for every mail.
func TestOperationsPerBlob(t *testing.T) {
	f := &failing{}
	s := open(t, t.TempDir(), Options{Hook: f.hook})
	put(t, s, []byte("the pack is made"))
	count := func(data []byte) map[string]int {
		f.log = nil
		put(t, s, data)
		counted := map[string]int{}
		for _, op := range f.log {
			counted[op]++
		}
		return counted
	}
	tests := []struct {
		name string
		data []byte
		want map[string]int
	}{
		{"small", text(2000), map[string]int{"write .pack": 1, "fsync .pack": 1}},
		{"in chunks", text(3 * ChunkSize), map[string]int{"write .pack": 1, "fsync .pack": 1}},
		{"alone", noise(SingleSize + 1), map[string]int{"write ": 2, "fsync ": 3, "rename .pack": 1}},
	}
	for _, tt := range tests {
		if got := count(tt.data); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("a blob %s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestTheOrderOfANewPack: the header is written and the name synced before the first blob is acknowledged, and the blob's own
// fsync comes last.
func TestTheOrderOfANewPack(t *testing.T) {
	f := &failing{}
	s := open(t, t.TempDir(), Options{Hook: f.hook})
	put(t, s, text(100))
	want := []string{"create .pack", "fsync ", "write .pack", "fsync ", "write .pack", "fsync .pack"}
	if !slices.Equal(f.log, want) {
		t.Errorf("operations: %q, want %q", f.log, want)
	}
}
