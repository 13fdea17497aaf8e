package pack

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestAWrongLocationIsNoticed: a row that speaks of other bytes than those that lie there gives an error, never other people's mail.
func TestAWrongLocationIsNoticed(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	small, other := put(t, s, text(500)), put(t, s, text(700))
	large := put(t, s, noise(2*ChunkSize))
	change := func(l Location, f func(*Location)) Location { f(&l); return l }
	tests := []struct {
		name string
		loc  Location
		want error
	}{
		{"one byte off", change(small, func(l *Location) { l.Offset++ }), ErrCorrupt},
		{"another blob's size", change(small, func(l *Location) { l.Size = 700 }), ErrCorrupt},
		{"another blob's length", change(small, func(l *Location) { l.Length = other.Length + 1 }), ErrCorrupt},
		{"behind the end", change(small, func(l *Location) { l.Offset = 1 << 40 }), ErrCorrupt},
		{"a length that no frame has", change(small, func(l *Location) { l.Length = frameHeaderLen - 1 }), nil},
		{"a pack that is not there", change(small, func(l *Location) { l.Pack = 77 }), fs.ErrNotExist},
		{"a large blob one byte off", change(large, func(l *Location) { l.Offset++ }), ErrCorrupt},
		{"a large blob of another size", change(large, func(l *Location) { l.Size++ }), ErrCorrupt},
		{"a large blob behind the end", change(large, func(l *Location) { l.Offset = 1 << 40 }), ErrCorrupt},
		{"a small frame as a large blob", change(small, func(l *Location) { l.Size = ChunkSize + 1 }), ErrCorrupt},
		{"a large blob in a pack that is not there", change(large, func(l *Location) { l.Pack = 77 }), fs.ErrNotExist},
	}
	for _, tt := range tests {
		if got, err := get(s, tt.loc); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %d bytes, %v, want %v", tt.name, len(got), err, tt.want)
		}
		if err := s.Verify(tt.loc, sha256.Sum256(text(500))); err == nil {
			t.Errorf("%s: Verify finds nothing", tt.name)
		}
	}
	if _, err := s.AppendTo(nil, large); err == nil {
		t.Error("AppendTo takes a large blob")
	}
	if got, err := s.AppendTo([]byte("kept "), change(small, func(l *Location) { l.Offset++ })); err == nil || string(got) != "kept " {
		t.Errorf("AppendTo with an error = %q, %v, want what was there", got, err)
	}
}

// TestCloseBesideReaders: who reads while the set is closed gets the blob or an error, and never waits for good.
func TestCloseBesideReaders(t *testing.T) {
	blob := text(200 << 10) // compressed, and too large to be kept at hand
	for range 30 {
		s := open(t, t.TempDir(), Options{})
		l := put(t, s, blob)
		var begun, readers sync.WaitGroup
		for range 4 {
			begun.Add(1)
			readers.Go(func() {
				hasRead := sync.OnceFunc(begun.Done)
				defer hasRead()
				for {
					got, err := get(s, l)
					if err != nil && !errors.Is(err, ErrClosed) {
						t.Errorf("read = %v, want ErrClosed", err)
					}
					if err != nil {
						return
					}
					if !bytes.Equal(got, blob) {
						t.Errorf("read %d other bytes", len(got))
						return
					}
					hasRead()
				}
			})
		}
		begun.Wait()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		readers.Wait()
	}
}

// TestReaderSeeks walks the edges of io.ReadSeeker and io.ReaderAt for a small blob, which is in memory, and a chunked one.
func TestReaderSeeks(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	for _, size := range []int{1000, 2*ChunkSize + 5} {
		data := noise(size)
		r, err := s.Open(put(t, s, data))
		if err != nil {
			t.Fatal(err)
		}
		if r.Size() != int64(size) {
			t.Errorf("Size = %d, want %d", r.Size(), size)
		}
		if _, ok := r.Bytes(); ok != (size <= ChunkSize) {
			t.Errorf("%d bytes: Bytes = %t", size, ok)
		}
		for _, step := range []struct {
			off    int64
			whence int
			want   int64 // -1: an error
		}{
			{10, io.SeekStart, 10}, {5, io.SeekCurrent, 15}, {-20, io.SeekCurrent, -1}, {-1, io.SeekStart, -1},
			{-3, io.SeekEnd, int64(size) - 3}, {7, io.SeekEnd, int64(size) + 7}, {0, io.SeekStart, 0},
		} {
			at, err := r.Seek(step.off, step.whence)
			if step.want < 0 && err == nil || step.want >= 0 && (at != step.want || err != nil) {
				t.Errorf("%d bytes: Seek(%d, %d) = %d, %v, want %d", size, step.off, step.whence, at, err, step.want)
			}
		}
		r.Seek(0, io.SeekEnd)
		if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("%d bytes: Read at the end = %d, %v, want EOF", size, n, err)
		}
		if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
			t.Errorf("%d bytes: ReadAt before the start is no error", size)
		}
		if n, err := r.ReadAt(nil, 5); n != 0 || err != nil {
			t.Errorf("%d bytes: ReadAt of nothing = %d, %v", size, n, err)
		}
		r.Seek(0, io.SeekStart)
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: ReadAll after all this: %v", size, err)
		}
		for range 2 {
			if err := r.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
		}
		if size > ChunkSize {
			r.Seek(0, io.SeekStart)
			if _, err := r.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
				t.Errorf("Read after Close = %v, want ErrClosed", err)
			}
		}
	}
}

// TestDamageInALargeBlobIsLocal: a chunk that rotted is an error, the chunks beside it can still be read.
func TestDamageInALargeBlobIsLocal(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	data := noise(4 * ChunkSize)
	l := put(t, s, data)
	table := l.Offset + frameHeaderLen
	second := table + 4*chunkEntryLen + ChunkSize
	rot := func(at int64) (mend func()) {
		f, err := os.OpenFile(filepath.Join(dir, fileName(l.Pack)), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		was := make([]byte, 3)
		f.ReadAt(was, at)
		f.WriteAt([]byte{^was[0], ^was[1], ^was[2]}, at)
		return func() {
			f.WriteAt(was, at)
			f.Close()
		}
	}
	mend := rot(second + 1000)
	r, err := s.Open(l)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := range 4 {
		b := make([]byte, 100)
		_, err := r.ReadAt(b, int64(i)*ChunkSize+500)
		if i == 1 && !errors.Is(err, ErrCorrupt) {
			t.Errorf("the damaged chunk: %v, want ErrCorrupt", err)
		}
		if i != 1 && (err != nil || !bytes.Equal(b, data[i*ChunkSize+500:][:100])) {
			t.Errorf("chunk %d: %v", i, err)
		}
	}
	if err := s.Verify(l, sha256.Sum256(data)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Verify = %v, want ErrCorrupt", err)
	}
	mend()
	if _, err := r.ReadAt(make([]byte, 100), ChunkSize); err != nil {
		t.Errorf("after the damage is mended: %v", err)
	}
	for name, at := range map[string]int64{"the header": l.Offset + 5, "the table": table + 9} {
		mend := rot(at)
		if _, err := s.Open(l); !errors.Is(err, ErrCorrupt) {
			t.Errorf("damage in %s: %v, want ErrCorrupt", name, err)
		}
		mend()
	}
	if err := s.Verify(l, sha256.Sum256(data)); err != nil {
		t.Errorf("Verify of the mended blob = %v", err)
	}
}

// TestAChunkTableMustAddUp: a table whose checksum is right but whose numbers no writer produces is refused before memory is taken.
func TestAChunkTableMustAddUp(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	size := int64(ChunkSize + 9)
	frame, err := c.appendChunked(nil, Hash{1}, bytes.NewReader(noise(int(size))), size)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(b []byte)
	}{
		{"a chunk longer than any", func(b []byte) { b[frameHeaderLen+2] = 0x7f }},
		{"chunks that end before the payload", func(b []byte) { b[frameHeaderLen+chunkEntryLen]-- }},
		{"chunks beyond the payload", func(b []byte) { b[frameHeaderLen+chunkEntryLen]++ }},
	}
	for _, tt := range tests {
		b := bytes.Clone(frame)
		tt.change(b)
		h, err := ParseHeader(b)
		if err != nil {
			t.Fatal(err)
		}
		h.sum = checksum(b[frameHeaderLen : frameHeaderLen+2*chunkEntryLen])
		if _, err := readTable(bytes.NewReader(b), frameHeaderLen, &h); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", tt.name, err)
		}
	}
}

// TestHeadersThatNoWriterProduces: a header with a right checksum and impossible numbers is refused.
func TestHeadersThatNoWriterProduces(t *testing.T) {
	tests := []struct {
		name string
		h    Header
		ok   bool
	}{
		{"raw", Header{form: formRaw, Size: 5, Payload: 5}, true},
		{"empty", Header{form: formRaw}, true},
		{"compressed", Header{form: formZstd, Size: 50, Payload: 20}, true},
		{"chunked", Header{form: formChunked, Size: ChunkSize + 1, Payload: 2*chunkEntryLen + 100}, true},
		{"raw of two lengths", Header{form: formRaw, Size: 5, Payload: 4}, false},
		{"raw and large", Header{form: formRaw, Size: ChunkSize + 1, Payload: ChunkSize + 1}, false},
		{"compressed to more", Header{form: formZstd, Size: 50, Payload: 50}, false},
		{"compressed and large", Header{form: formZstd, Size: ChunkSize + 1, Payload: 20}, false},
		{"chunked and small", Header{form: formChunked, Size: 5, Payload: 13}, false},
		{"chunked without room for its table", Header{form: formChunked, Size: ChunkSize + 1, Payload: 15}, false},
		{"chunked to more", Header{form: formChunked, Size: ChunkSize + 1, Payload: ChunkSize + 1 + 2*chunkEntryLen + 1}, false},
		{"64 TiB", Header{form: formChunked, Size: 1 << 46, Payload: 1 << 46}, false},
		{"negative", Header{form: formRaw, Size: -1, Payload: -1}, false},
		{"with its table behind", Header{form: formTailed, Size: ChunkSize + 1, Payload: ChunkSize + 1 + 2*chunkEntryLen}, true},
		{"with its table behind, and small", Header{form: formTailed, Size: 5, Payload: 13}, false},
		{"with its table behind, and compressed", Header{form: formTailed, Size: ChunkSize + 1, Payload: ChunkSize + 2*chunkEntryLen}, false},
		{"of a later version", Header{form: 4, Size: 5, Payload: 5}, false},
	}
	for _, tt := range tests {
		b := make([]byte, frameHeaderLen)
		tt.h.put(b)
		h, err := ParseHeader(b)
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want ok = %t", tt.name, err, tt.ok)
		}
		if tt.ok && (h.Size != tt.h.Size || h.Payload != tt.h.Payload || h.form != tt.h.form) {
			t.Errorf("%s: came back as %+v", tt.name, h)
		}
	}
}

// TestExpandTakesWhatIsPromised: decompressing stops at the promised size and never gives fewer bytes.
func TestExpandTakesWhatIsPromised(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	bomb := c.compress(nil, make([]byte, ChunkSize)) // much in little
	for _, size := range []int{ChunkSize - 1, 1, 0} {
		if out, err := c.expand([]byte("x"), bomb, false, size); !errors.Is(err, ErrCorrupt) || string(out) != "x" {
			t.Errorf("%d promised, more is there: %d bytes, %v", size, len(out), err)
		}
	}
	if _, err := c.expand(nil, bomb, false, ChunkSize+1); !errors.Is(err, ErrCorrupt) {
		t.Errorf("more promised than is there: %v, want ErrCorrupt", err)
	}
	if _, err := c.expand(nil, []byte("abc"), true, 4); !errors.Is(err, ErrCorrupt) {
		t.Errorf("raw bytes of another length: %v, want ErrCorrupt", err)
	}
	if _, err := c.expand(nil, []byte("no zstd"), false, 4); !errors.Is(err, ErrCorrupt) {
		t.Errorf("no zstd: %v, want ErrCorrupt", err)
	}
}

// TestManyPacksFewFiles reads from more packs than are kept open; the files stay bounded and every blob is found.
func TestManyPacksFewFiles(t *testing.T) {
	s := open(t, t.TempDir(), Options{SealSize: 1})
	var locs []Location
	for i := range openFiles + 20 {
		locs = append(locs, put(t, s, []byte{byte(i), byte(i >> 8)}))
	}
	var wg sync.WaitGroup
	for part := range slices.Chunk(locs, len(locs)/4) {
		wg.Go(func() {
			for _, l := range part {
				if got, err := get(s, l); err != nil || int(got[0])|int(got[1])<<8 != int(l.Pack)-1 {
					t.Errorf("pack %d: %v, %v", l.Pack, got, err)
				}
			}
		})
	}
	wg.Wait()
	s.files.mu.RLock()
	defer s.files.mu.RUnlock()
	if len(s.files.open) > openFiles {
		t.Errorf("%d files are open, want at most %d", len(s.files.open), openFiles)
	}
}

// TestAReaderOutlivesItsPack: compaction removes a pack while somebody reads a large blob in it.
func TestAReaderOutlivesItsPack(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	data := noise(SingleSize + 1)
	l := put(t, s, data)
	r, err := s.Open(l)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(l.Pack); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(r); err != nil || !bytes.Equal(rest, data[100:]) {
		t.Errorf("the rest of a removed pack: %d bytes, %v", len(rest), err)
	}
	if _, err := s.Open(l); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opening it once more: %v, want ErrNotExist", err)
	}
	if err := s.Remove(l.Pack); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removing it once more: %v, want ErrNotExist", err)
	}
}

// TestAfterClose: a closed set says so and never hangs.
func TestAfterClose(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	l := put(t, s, []byte("x"))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	if _, err := s.Append(Hash{}, []byte("y")); !errors.Is(err, ErrClosed) {
		t.Errorf("Append = %v, want ErrClosed", err)
	}
	if _, err := get(s, l); !errors.Is(err, ErrClosed) {
		t.Errorf("Open = %v, want ErrClosed", err)
	}
	if _, err := s.AppendCopy(l); !errors.Is(err, ErrClosed) {
		t.Errorf("AppendCopy = %v, want ErrClosed", err)
	}
	if s.Sealed(l.Pack) {
		t.Error("Sealed = true on a closed set")
	}
}

// TestReadOnlyChangesNothing: a set that is open for reading writes nothing, cuts nothing and refuses blobs of every kind.
func TestReadOnlyChangesNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	l := put(t, s, text(3000))
	s.Close()
	path := filepath.Join(dir, fileName(l.Pack))
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("a torn tail")
	f.Close()
	hook := &failing{}
	s = open(t, dir, Options{ReadOnly: true, Hook: hook.hook})
	for _, size := range []int{1, ChunkSize + 1, SingleSize + 1} {
		if _, err := store(t, s, Hash{}, make([]byte, size)); !errors.Is(err, ErrClosed) {
			t.Errorf("append %d bytes = %v, want ErrClosed", size, err)
		}
	}
	if got, err := get(s, l); err != nil || !bytes.Equal(got, text(3000)) {
		t.Errorf("reading: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != l.Offset+l.Length+int64(len("a torn tail")) {
		t.Errorf("the pack: %v, %v, want the tail as it was", info.Size(), err)
	}
	if hook.calls != 0 {
		t.Errorf("operations of a reader: %q", hook.log)
	}
}

func TestParseFileName(t *testing.T) {
	tests := []struct {
		base string
		id   int64
		ok   bool
	}{
		{"0000000001.pack", 1, true},
		{"00000000ff.pack", 255, true},
		{"123456789abcdef.pack", 0x123456789abcdef, true},
		{"0000000000.pack", 0, false},
		{"-000000001.pack", 0, false},
		{"00000001.pack", 0, false},
		{"0000000001.pack.tmp", 0, false},
		{"0000000001", 0, false},
		{"fffffffffffffffffff.pack", 0, false},
		{"notes.pack", 0, false},
		{"", 0, false},
	}
	for _, tt := range tests {
		if id, ok := ParseFileName(tt.base); ok != tt.ok || ok && id != tt.id {
			t.Errorf("ParseFileName(%q) = %d, %t, want %d, %t", tt.base, id, ok, tt.id, tt.ok)
		}
	}
	for _, id := range []int64{1, 255, 256, 1 << 40, 1<<62 + 5} {
		if got, ok := ParseFileName(filepath.Base(fileName(id))); !ok || got != id {
			t.Errorf("pack %d is called %s, which is pack %d, %t", id, fileName(id), got, ok)
		}
	}
}

// TestStrangeFilesAreLeftAlone: what an administrator puts into the folder is neither a pack nor in the way.
func TestStrangeFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	l := put(t, s, []byte("x"))
	s.Close()
	strange := filepath.Join(dir, "README.pack")
	if err := os.WriteFile(strange, []byte("not ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "0000000099.pack"), 0o700); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, Options{})
	packs, err := s.List()
	if err != nil || len(packs) != 1 || packs[0].ID != l.Pack || packs[0].Path != filepath.Join(dir, fileName(l.Pack)) {
		t.Errorf("List = %+v, %v, want pack %d alone", packs, err, l.Pack)
	}
	if _, err := os.Stat(strange); err != nil {
		t.Error(err)
	}
	if got, err := get(s, l); err != nil || string(got) != "x" {
		t.Errorf("get = %q, %v", got, err)
	}
}

// TestCopyStored: what is left of a damaged blob is copied byte for byte, for whoever can save some of it.
func TestCopyStored(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	l := put(t, s, noise(3000))
	s.Close()
	whole, err := os.ReadFile(filepath.Join(dir, fileName(l.Pack)))
	if err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, Options{ReadOnly: true})
	var all, half strings.Builder
	if err := s.CopyStored(&all, l); err != nil || all.String() != string(whole[l.Offset:l.Offset+l.Length]) {
		t.Errorf("CopyStored: %d bytes, %v", all.Len(), err)
	}
	if err := os.Truncate(filepath.Join(dir, fileName(l.Pack)), l.Offset+1000); err != nil {
		t.Fatal(err)
	}
	if err := s.CopyStored(&half, l); err != nil || half.String() != all.String()[:1000] {
		t.Errorf("CopyStored of what is left: %d bytes, %v, want 1000", half.Len(), err)
	}
	if _, err := s.AppendCopy(l); err == nil {
		t.Error("a blob that is not whole was copied to another pack")
	}
	l.Pack++
	if err := s.CopyStored(&all, l); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("CopyStored from no pack = %v", err)
	}
}
