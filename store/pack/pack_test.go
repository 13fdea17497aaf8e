package pack

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// open opens a set that is closed when t ends.
func open(t testing.TB, dir string, o Options) *Set {
	t.Helper()
	o.Log = discard()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// text is size bytes that compress; noise does not.
func text(size int) []byte { return bytes.Repeat([]byte("Elternabend um acht. "), size/21+1)[:size] }

func noise(size int) []byte {
	b := make([]byte, size)
	rand.Read(b)
	return b
}

func put(t testing.TB, s *Set, data []byte) Location {
	t.Helper()
	l, err := tryPut(t, s, data)
	if err != nil {
		t.Fatalf("append %d bytes: %v", len(data), err)
	}
	return l
}

// tryPut stores data as the room store does: large blobs by a draft.
func tryPut(t testing.TB, s *Set, data []byte) (Location, error) {
	t.Helper()
	if len(data) <= SingleSize {
		return s.AppendReader(sha256.Sum256(data), bytes.NewReader(data), int64(len(data)))
	}
	d := newDraft(t)
	for rest := data; len(rest) > 0; {
		n, err := d.Write(rest[:min(len(rest), 100_000)])
		if err != nil {
			return Location{}, err
		}
		rest = rest[n:]
	}
	return s.Adopt(d, sha256.Sum256(data))
}

// newDraft makes an empty draft in a folder of its own.
func newDraft(t testing.TB) *Draft {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "draft"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return NewDraft(f)
}

// get reads the blob at l from the disk.
func get(s *Set, l Location) ([]byte, error) {
	r, err := s.open(l, s.read)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestBlobsComeBack(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	sizes := []int{0, 1, minCompress, 4096, ChunkSize - 1, ChunkSize, ChunkSize + 1, 2 * ChunkSize, 1<<20 + 7, SingleSize, SingleSize + 1}
	for _, size := range sizes {
		for name, data := range map[string][]byte{"text": text(size), "noise": noise(size)} {
			l := put(t, s, data)
			if got, err := get(s, l); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes of %s: got %d, %v", size, name, len(got), err)
			}
			if err := s.Verify(l, sha256.Sum256(data)); err != nil {
				t.Errorf("%d bytes of %s: Verify: %v", size, name, err)
			}
			if err := s.Verify(l, Hash{1}); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%d bytes of %s: Verify with another hash = %v", size, name, err)
			}
			if name == "text" && size >= 4096 && size <= SingleSize && l.Length > int64(size)/4 {
				t.Errorf("%d bytes of text take %d", size, l.Length)
			}
		}
	}
}

func TestARangeReadsLittle(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	data := noise(5 * ChunkSize)
	r, err := s.Open(put(t, s, data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tests := []struct {
		name     string
		off, len int
	}{
		{"within a chunk", 100, 50},
		{"across a border", ChunkSize - 10, 20},
		{"a whole chunk", 2 * ChunkSize, ChunkSize},
		{"backwards", 7, 1},
		{"to the end", 5*ChunkSize - 3, 3},
	}
	for _, tt := range tests {
		b := make([]byte, tt.len)
		if n, err := r.ReadAt(b, int64(tt.off)); n != tt.len || err != nil || !bytes.Equal(b, data[tt.off:tt.off+tt.len]) {
			t.Errorf("%s: %d bytes, %v", tt.name, n, err)
		}
	}
	if n, err := r.ReadAt(make([]byte, 10), 5*ChunkSize-4); n != 4 || err != io.EOF {
		t.Errorf("beyond the end: %d bytes, %v, want 4 and EOF", n, err)
	}
	if at, err := r.Seek(-5, io.SeekEnd); at != 5*ChunkSize-5 || err != nil {
		t.Errorf("Seek = %d, %v", at, err)
	}
	if rest, err := io.ReadAll(r); len(rest) != 5 || err != nil {
		t.Errorf("after Seek: %d bytes, %v", len(rest), err)
	}
}

func TestAppendsShareAnFsync(t *testing.T) {
	var mu sync.Mutex
	syncs, hold := 0, make(chan struct{})
	s := open(t, t.TempDir(), Options{Hook: func(op, path string) error {
		if op != "fsync" || filepath.Ext(path) != ".pack" {
			return nil
		}
		mu.Lock()
		syncs++
		first := syncs == 1
		mu.Unlock()
		if first {
			<-hold
		}
		return nil
	}})
	var wg sync.WaitGroup
	wg.Go(func() { put(t, s, []byte("the first, whose fsync lasts")) })
	for { // until the first is on its way
		mu.Lock()
		under := syncs == 1
		mu.Unlock()
		if under {
			break
		}
		runtime.Gosched()
	}
	for i := range 20 {
		wg.Go(func() { put(t, s, fmt.Appendf(nil, "follower %d", i)) })
	}
	for { // until all wait
		s.mu.Lock()
		waiting := s.next != nil && len(s.next.buf) >= 20*frameHeaderLen+20*len("follower 0")
		s.mu.Unlock()
		if waiting {
			break
		}
		runtime.Gosched()
	}
	close(hold)
	wg.Wait()
	if syncs != 2 {
		t.Errorf("%d fsyncs for 21 appends, want 2", syncs)
	}
}

func TestPacksAreSealed(t *testing.T) {
	s := open(t, t.TempDir(), Options{SealSize: 10000})
	seen := map[int64]int{}
	for range 20 {
		seen[put(t, s, noise(3000)).Pack]++
	}
	if len(seen) != 5 {
		t.Errorf("20 blobs of 3,000 bytes lie in %d packs, want 5", len(seen))
	}
	for id := range seen {
		if sealed := s.Sealed(id); sealed == (id == s.activeID && seen[id] < 4) {
			t.Errorf("pack %d with %d blobs: sealed = %t", id, seen[id], sealed)
		}
	}
}

func TestATornTailIsCut(t *testing.T) {
	frame := func(s *Set) []byte { return s.codec.appendFrame(nil, sha256.Sum256(text(3000)), text(3000)) }
	tests := []struct {
		name string
		tail func(s *Set) []byte
		kept bool // the tail is a valid frame
	}{
		{"nothing", func(*Set) []byte { return nil }, false},
		{"zeros", func(*Set) []byte { return make([]byte, 5000) }, false},
		{"half a header", func(s *Set) []byte { return frame(s)[:30] }, false},
		{"a header alone", func(s *Set) []byte { return frame(s)[:frameHeaderLen] }, false},
		{"half a payload", func(s *Set) []byte { f := frame(s); return f[:len(f)-1] }, false},
		{"a payload with a wrong bit", func(s *Set) []byte { f := frame(s); f[len(f)-2] ^= 4; return f }, false},
		{"a whole frame that was not acknowledged", frame, true},
		{"a whole frame and half of one", func(s *Set) []byte { return append(frame(s), frame(s)[:50]...) }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, Options{})
			first := put(t, s, []byte("acknowledged"))
			whole := int64(len(frame(s)))
			tail := tt.tail(s)
			s.Close()
			path := filepath.Join(dir, fileName(first.Pack))
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, append(b, tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			end := first.Offset + first.Length
			s = open(t, dir, Options{Known: func(int64) (int64, error) { return end, nil }})
			second := put(t, s, []byte("after the crash"))
			want := end
			if tt.kept {
				want += whole
			}
			if second.Pack != first.Pack || second.Offset != want {
				t.Errorf("the next blob lies at %d of pack %d, want %d of %d", second.Offset, second.Pack, want, first.Pack)
			}
			for _, l := range []Location{first, second} {
				if _, err := get(s, l); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestKnownBytesAreNeverCut(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	a, b := put(t, s, noise(2000)), put(t, s, noise(2000))
	s.Close()
	path := filepath.Join(dir, fileName(a.Pack))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteAt([]byte("rot"), a.Offset+100)
	f.Close()
	s = open(t, dir, Options{Known: func(int64) (int64, error) { return b.Offset + b.Length, nil }})
	if _, err := get(s, a); !errors.Is(err, ErrCorrupt) {
		t.Errorf("the damaged blob: %v, want ErrCorrupt", err)
	}
	if _, err := get(s, b); err != nil {
		t.Errorf("the blob behind it: %v", err)
	}
	s.Close()

	if err := os.Truncate(path, b.Offset+10); err != nil { // shorter than what was acknowledged
		t.Fatal(err)
	}
	s = open(t, dir, Options{Known: func(int64) (int64, error) { return b.Offset + b.Length, nil }})
	if c := put(t, s, []byte("new")); c.Pack == a.Pack {
		t.Error("a pack that lost bytes is appended to")
	}
	if info, err := os.Stat(path); err != nil || info.Size() != b.Offset+10 {
		t.Errorf("the damaged pack was changed: %v, %v", info, err)
	}
}

func TestAnUnfinishedLargeBlobIsRemoved(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	small := put(t, s, []byte("small"))
	large := put(t, s, noise(SingleSize+5))
	s.Close()
	path := filepath.Join(dir, fileName(large.Pack))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteAt(make([]byte, frameHeaderLen), fileHeaderLen) // as before its last write
	f.Close()
	s = open(t, dir, Options{Known: func(id int64) (int64, error) {
		if id == small.Pack {
			return small.Offset + small.Length, nil
		}
		return 0, nil
	}})
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the unfinished pack is there: %v", err)
	}
	if next := put(t, s, []byte("next")); next.Pack != small.Pack {
		t.Errorf("the next blob went to pack %d, want %d", next.Pack, small.Pack)
	}
}

func TestAFullDiskPasses(t *testing.T) {
	full := true
	s := open(t, t.TempDir(), Options{Hook: func(op, path string) error {
		if full && op == "write" {
			return syscall.ENOSPC
		}
		return nil
	}})
	for _, size := range []int{10, ChunkSize + 1, SingleSize + 1} {
		if _, err := tryPut(t, s, noise(size)); !IsFull(err) {
			t.Errorf("%d bytes: %v, want ENOSPC", size, err)
		}
	}
	full = false
	if err := s.Broken(); err != nil {
		t.Errorf("broken after a full disk: %v", err)
	}
	for _, size := range []int{10, SingleSize + 1} {
		data := noise(size)
		if got, err := get(s, put(t, s, data)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes after there is room: %v", size, err)
		}
	}
}

// TestAFailedFsyncEndsWriting fails the n-th fsync, for all n: nothing is acknowledged after it, everything before is kept.
func TestAFailedFsyncEndsWriting(t *testing.T) {
	for n := 1; ; n++ {
		calls := 0
		dir := t.TempDir()
		s := open(t, dir, Options{SealSize: 5000, Hook: func(op, path string) error {
			if op == "fsync" {
				if calls++; calls == n {
					return syscall.EIO
				}
			}
			return nil
		}})
		var kept []Location
		failed := false
		for range 10 {
			data := noise(2000)
			l, err := s.Append(sha256.Sum256(data), data)
			switch {
			case err == nil && failed:
				t.Fatalf("fsync %d failed, and a later append was acknowledged", n)
			case err == nil:
				kept = append(kept, l)
			default:
				failed = true
			}
		}
		s.Close()
		s = open(t, dir, Options{})
		for _, l := range kept {
			if _, err := get(s, l); err != nil {
				t.Errorf("fsync %d failed: an acknowledged blob: %v", n, err)
			}
		}
		if !failed {
			return // n is beyond the last call
		}
	}
}

func TestRemoveAndCopy(t *testing.T) {
	s := open(t, t.TempDir(), Options{SealSize: 1000})
	data := noise(2000)
	old := put(t, s, data)
	if err := s.Remove(old.Pack); err == nil {
		t.Error("the active pack was removed")
	}
	put(t, s, noise(10)) // another pack
	moved, err := s.AppendCopy(old)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(old.Pack); err != nil {
		t.Fatal(err)
	}
	if got, err := get(s, moved); err != nil || !bytes.Equal(got, data) {
		t.Errorf("the copy: %v", err)
	}
	if _, err := get(s, old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the removed pack: %v", err)
	}
}

func TestEveryDamagedByteIsNoticed(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	frame := s.codec.appendFrame(nil, sha256.Sum256(text(500)), text(500))
	for i := range frame {
		b := bytes.Clone(frame)
		b[i] ^= 0x10
		h, err := ParseHeader(b)
		if err == nil {
			_, err = s.codec.appendPayload(nil, &h, b[frameHeaderLen:])
		}
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("byte %d: %v, want ErrCorrupt", i, err)
		}
	}
}

// FuzzFrame feeds the frame reader: no input may make it panic, allocate much or return other than Size bytes.
func FuzzFrame(f *testing.F) {
	c, err := newCodec()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(c.appendFrame(nil, Hash{1}, text(500)), false)
	f.Add(c.appendFrame(nil, Hash{1}, noise(50)), false)
	chunked, err := c.appendChunked(nil, Hash{1}, bytes.NewReader(text(ChunkSize+9)), ChunkSize+9)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(chunked, true)
	f.Fuzz(func(t *testing.T, b []byte, mend bool) {
		if mend && len(b) >= frameHeaderLen { // get past the header's checksum
			h := Header{form: b[4] % 3, Payload: int64(len(b) - frameHeaderLen), Size: int64(b[16]) | int64(b[17])<<8 | int64(b[18])<<16}
			h.sum = checksum(b[frameHeaderLen:])
			if n := int(h.chunks()) * chunkEntryLen; h.form == formChunked && n <= len(b)-frameHeaderLen {
				h.sum = checksum(b[frameHeaderLen : frameHeaderLen+n])
			}
			h.put(b)
		}
		h, err := ParseHeader(b)
		if err != nil {
			return
		}
		if h.form == formChunked {
			if tab, err := readTable(bytes.NewReader(b), frameHeaderLen, &h); err == nil {
				buf := make([]byte, ChunkSize)
				for i := range tab.ends {
					tab.stored(bytes.NewReader(b), i, buf)
				}
			}
			return
		}
		out, err := c.appendPayload(nil, &h, b[frameHeaderLen:])
		if err == nil && int64(len(out)) != h.Size {
			t.Errorf("%d bytes, the header says %d", len(out), h.Size)
		}
	})
}

func TestZerosWrittenAheadAreNoTail(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	first := put(t, s, noise(3000))
	path := filepath.Join(dir, fileName(first.Pack))
	end := first.Offset + first.Length
	if info, err := os.Stat(path); err != nil || info.Size() != end+writtenAhead {
		t.Errorf("the pack has %v bytes, %v, want %d", info.Size(), err, end+writtenAhead)
	}
	crashed := filepath.Join(t.TempDir(), filepath.Base(filepath.Dir(path)))
	if err := os.Mkdir(crashed, 0o700); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path) // as a crash would leave it
	if err == nil {
		err = os.WriteFile(filepath.Join(crashed, filepath.Base(path)), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s.Close()
	if info, err := os.Stat(path); err != nil || info.Size() != end {
		t.Errorf("after Close the pack has %v bytes, %v, want %d", info.Size(), err, end)
	}
	again, err := Open(filepath.Dir(crashed), Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if next := put(t, again, noise(10)); next.Pack != first.Pack || next.Offset != end {
		t.Errorf("the next blob lies at %d of pack %d, want %d of %d", next.Offset, next.Pack, end, first.Pack)
	}
	if log.Len() > 0 {
		t.Errorf("zeros are reported: %s", log.String())
	}
}
