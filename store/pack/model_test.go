package pack

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// packModel is a set beside the plain list of what was put into it.
type packModel struct {
	dir string
	set *Set

	seed  uint64
	blobs []kept
	gone  map[int64]bool // packs that were removed
}

// bytesOf is the n-th blob of a run: half of them compress.
func (m *packModel) bytesOf(size int) []byte {
	m.seed++
	b := make([]byte, size)
	if m.seed%2 == 0 {
		for i := range b {
			b[i] = byte(m.seed) + byte(i%7)
		}
		return b
	}
	r := rand.NewPCG(m.seed, 1)
	for i := range b {
		b[i] = byte(r.Uint64())
	}
	return b
}

func (m *packModel) put(rt *rapid.T) {
	size := rapid.OneOf(rapid.IntRange(0, 3000), rapid.SampledFrom([]int{ChunkSize, ChunkSize + 1})).Draw(rt, "size")
	data := m.bytesOf(size)
	l, err := m.set.AppendReader(sha256.Sum256(data), bytes.NewReader(data), int64(size))
	if err != nil {
		rt.Fatalf("append %d bytes: %v", size, err)
	}
	for _, b := range m.blobs {
		if b.loc.Pack == l.Pack && b.loc.Offset < l.Offset+l.Length && l.Offset < b.loc.Offset+b.loc.Length {
			rt.Fatalf("%+v was stored over %+v", l, b.loc)
		}
	}
	m.blobs = append(m.blobs, kept{l, data})
}

// move copies a blob as compaction does and forgets the old place.
func (m *packModel) move(rt *rapid.T) {
	if len(m.blobs) == 0 {
		rt.Skip("nothing to move")
	}
	b := &m.blobs[rapid.IntRange(0, len(m.blobs)-1).Draw(rt, "blob")]
	l, err := m.set.AppendCopy(b.loc)
	if err != nil {
		rt.Fatalf("copy %+v: %v", b.loc, err)
	}
	if l.Size != b.loc.Size || l.Length != b.loc.Length {
		rt.Fatalf("the copy of %+v is %+v", b.loc, l)
	}
	b.loc = l
}

// forget drops a blob; removeDead then takes away packs in which nothing is left.
func (m *packModel) forget(rt *rapid.T) {
	if len(m.blobs) == 0 {
		rt.Skip("nothing to forget")
	}
	i := rapid.IntRange(0, len(m.blobs)-1).Draw(rt, "blob")
	m.blobs = append(m.blobs[:i], m.blobs[i+1:]...)
}

func (m *packModel) removeDead(rt *rapid.T) {
	live := map[int64]bool{}
	for _, b := range m.blobs {
		live[b.loc.Pack] = true
	}
	packs, err := m.set.List()
	if err != nil {
		rt.Fatal(err)
	}
	for _, p := range packs {
		if live[p.ID] {
			continue
		}
		growing := m.set.Growing(p.ID)
		if err := m.set.Remove(p.ID); (err != nil) != growing {
			rt.Fatalf("remove pack %d, growing = %t: %v", p.ID, growing, err)
		}
		m.gone[p.ID] = !growing
	}
}

// restart closes and opens; torn bytes may lie behind the last frame, as after a crash.
func (m *packModel) restart(rt *rapid.T) {
	active := m.set.activeID
	m.close(rt)
	defer clear(m.gone) // a number that no row knows may come again
	if tail := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(rt, "tail"); active > 0 && !m.gone[active] {
		path := filepath.Join(m.dir, fileName(active))
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			rt.Fatal(err)
		}
		if _, err := f.Write(tail); err != nil {
			rt.Fatal(err)
		}
		f.Close()
	}
	m.open(rt)
}

func (m *packModel) open(rt *rapid.T) {
	s, err := Open(m.dir, Options{Log: discard(), SealSize: 10_000, Known: knownEnds(m.blobs)})
	if err != nil {
		rt.Fatal(err)
	}
	m.set = s
}

func (m *packModel) close(rt *rapid.T) {
	if err := m.set.Close(); err != nil {
		rt.Fatal(err)
	}
}

// check reads a range of every blob, from the disk and as everybody does, and one of them whole.
func (m *packModel) check(rt *rapid.T) {
	for _, b := range m.blobs {
		for _, read := range []func([]byte, Location) ([]byte, error){m.set.read, m.set.AppendTo} {
			r, err := m.set.open(b.loc, read)
			if err != nil {
				rt.Fatalf("open %+v: %v", b.loc, err)
			}
			off := len(b.data) / 3
			got := make([]byte, min(len(b.data)-off, 100))
			if _, err := r.ReadAt(got, int64(off)); err != nil || !bytes.Equal(got, b.data[off:off+len(got)]) {
				rt.Fatalf("%+v at %d: %v", b.loc, off, err)
			}
			r.Close()
		}
		if m.gone[b.loc.Pack] {
			rt.Fatalf("%+v lies in a pack that was removed", b.loc)
		}
	}
	if n := len(m.blobs); n > 0 {
		b := m.blobs[int(m.seed)%n]
		if err := m.set.Verify(b.loc, sha256.Sum256(b.data)); err != nil {
			rt.Fatalf("%+v: %v", b.loc, err)
		}
	}
}

// shortRun bounds the number of runs of a model test, unless there is time for more.
func shortRun(t *testing.T, checks string) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	if f == nil || f.Value.String() != f.DefValue || os.Getenv("SCHULHOF_E2E") != "" {
		return
	}
	if err := f.Value.Set(checks); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Value.Set(f.DefValue) })
}

// TestSetAgainstAModel: whatever is appended, moved, forgotten, removed and opened again after a crash, the blobs that are left
// come back as they were, none over another, and no pack that holds one is removed.
func TestSetAgainstAModel(t *testing.T) {
	shortRun(t, "8")
	root := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &packModel{dir: dir, gone: map[int64]bool{}}
		m.open(rt)
		defer func() { m.set.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"put": m.put, "put again": m.put, "move": m.move, "forget": m.forget, "remove": m.removeDead, "restart": m.restart,
			"": m.check,
		})
	})
}

// TestResumeReadsOnlyTheTail: opening again reads what lies behind the last known blob and not the whole pack, so a start does
// not take longer the more mail there is. It is seen by damage: what is read is judged.
func TestResumeReadsOnlyTheTail(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	var blobs []kept
	for range 20 {
		data := noise(3000)
		blobs = append(blobs, kept{put(t, s, data), data})
	}
	s.Close()
	path := filepath.Join(dir, fileName(blobs[0].loc.Pack))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blobs[:19] { // every frame but the last
		f.WriteAt([]byte("rot"), b.loc.Offset)
	}
	f.Close()
	s = open(t, dir, Options{Known: knownEnds(blobs)})
	if next := put(t, s, []byte("next")); next.Offset != blobs[19].loc.Offset+blobs[19].loc.Length {
		t.Errorf("the next blob lies at %d, want behind the last", next.Offset)
	}
	if got, err := get(s, blobs[19].loc); err != nil || !bytes.Equal(got, blobs[19].data) {
		t.Errorf("the last blob: %v", err)
	}
}

// TestIDsAreNeverUsedAgain: a pack's number is not given to another pack, also when the pack is gone and its row is the only
// one that remembers it. An old Location must not lead to other bytes.
func TestIDsAreNeverUsedAgain(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{NextID: 7})
	first := put(t, s, []byte("x"))
	if first.Pack != 7 {
		t.Errorf("the first pack is %d, want 7 as the caller wished", first.Pack)
	}
	s.Close()
	if err := os.Remove(filepath.Join(dir, fileName(first.Pack))); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, Options{NextID: 8})
	if next := put(t, s, []byte("y")); next.Pack != 8 {
		t.Errorf("the next pack is %d, want 8", next.Pack)
	}
	large := put(t, s, noise(SingleSize+1))
	s.Close()
	s = open(t, dir, Options{NextID: 1, SealSize: 1})
	if next := put(t, s, []byte("z")); next.Pack <= large.Pack {
		t.Errorf("the next pack is %d, the folder has %d", next.Pack, large.Pack)
	}
}

// TestOpenErrors: a folder that cannot be used is an error of Open, and a failing table of blobs too.
func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(file, "packs"), Options{Log: discard()}); err == nil {
		t.Error("a folder below a file was opened")
	}
	s := open(t, filepath.Join(dir, "packs"), Options{})
	put(t, s, []byte("x"))
	s.Close()
	want := fs.ErrPermission
	known := func(int64) (int64, error) { return 0, want }
	if _, err := Open(filepath.Join(dir, "packs"), Options{Log: discard(), Known: known}); err != want {
		t.Errorf("Open with a failing table = %v, want its error", err)
	}
}
