package pack

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Location is where a blob lies.
type Location struct {
	Pack   int64
	Offset int64
	Length int64 // stored, framed bytes
	Size   int64 // the blob's bytes
}

// Options of a Set.
type Options struct {
	Log  *slog.Logger
	Hook Hook // nil: none
	// Known tells for pack id where the last blob ends that somebody relies on; 0: none. Nothing before is ever cut.
	Known    func(id int64) (end int64, err error)
	NextID   int64 // ids below are taken, whatever the folder says
	ReadOnly bool
	SealSize int64 // tests; 0: the package's SealSize
}

// Set is a folder of packs. Its methods may be called by many goroutines at once.
type Set struct {
	dir   string
	log   *slog.Logger
	hook  Hook
	seal  int64
	codec *codec
	ro    bool

	chunked chan struct{} // a token per chunked blob in memory

	mu     sync.Mutex // guards what follows
	work   sync.Cond  // the appender waits for it: next is not empty, or closing
	room   sync.Cond  // Appends wait for it when next is full
	next   *batch
	spare  [][]byte // buffers of two batches: one grows while the other is written
	nextID int64
	// rolling is the pack that was made last to become the active one. It may be on the disk before it is active.
	rolling int64
	closed  bool
	broken  error // an fsync failed: nothing is written any more
	done    chan struct{}

	// Of the appender goroutine alone.
	active   *os.File
	activeID int64
	end      int64  // where the next frame goes
	ahead    int64  // up to where the file has been written with zeros
	zeros    []byte // for writeAhead

	files  files
	recent recent
}

// Open prepares dir for reading and appending and cuts a torn tail off the last pack.
func Open(dir string, o Options) (*Set, error) {
	codec, err := newCodec()
	if err != nil {
		return nil, err
	}
	s := &Set{dir: dir, log: o.Log, hook: o.Hook, seal: o.SealSize, codec: codec, ro: o.ReadOnly, nextID: max(o.NextID, 1),
		chunked: make(chan struct{}, chunkedAtOnce), done: make(chan struct{}), zeros: make([]byte, zerosAtOnce),
		spare: make([][]byte, 0, 2)}
	if s.seal == 0 {
		s.seal = SealSize
	}
	s.work.L, s.room.L = &s.mu, &s.mu
	s.files.init(dir)
	if o.ReadOnly {
		close(s.done)
		return s, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open packs: %w", err)
	}
	if err := s.resume(o.Known); err != nil {
		return nil, err
	}
	go s.appender()
	return s, nil
}

// Close ends the appender after what waits is written, and closes every file.
func (s *Set) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.work.Signal()
	s.room.Broadcast()
	s.mu.Unlock()
	<-s.done
	var err error
	if s.active != nil {
		s.trim()
		err = s.active.Close()
	}
	s.files.close()
	s.recent.close()
	return err
}

// resume finds the next free id and the last shared pack, to go on with it if it has room. What is behind it are large
// blobs: one that was not written to its end, which its header would show, is removed.
func (s *Set) resume(known func(int64) (int64, error)) error {
	if known == nil {
		known = func(int64) (int64, error) { return 0, nil }
	}
	var packs []Info
	err := list(s.dir, func(id int64, info fs.FileInfo) error {
		packs = append(packs, Info{ID: id, Size: info.Size(), Path: filepath.Join(s.dir, fileName(id))})
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(packs, func(a, b Info) int { return cmp.Compare(b.ID, a.ID) })
	for i, p := range packs {
		if i == 0 {
			s.nextID = max(s.nextID, p.ID+1)
		}
		end, err := known(p.ID)
		if err != nil {
			return err
		}
		if shared, err := s.resumeFile(p, end); shared || err != nil {
			return err
		}
	}
	return nil
}

// resumeFile removes a pack that a crash left without anything in it, or appends to it from now on. shared: the search is over.
func (s *Set) resumeFile(p Info, known int64) (shared bool, err error) {
	f, err := os.OpenFile(p.Path, os.O_RDWR, 0)
	if err != nil {
		return false, fmt.Errorf("open pack: %w", err)
	}
	keep := false
	defer func() {
		if !keep {
			f.Close()
		}
	}()
	header := make([]byte, fileHeaderLen)
	_, err = f.ReadAt(header, 0)
	whole := err == nil && string(header[:len(fileMagic)]) == fileMagic
	shared = whole && header[len(fileMagic)] == kindShared
	switch {
	case known > p.Size || known > 0 && !whole:
		s.log.Error("a pack is shorter than the blobs in it, or damaged; run schulhof check", "pack", p.ID, "bytes", p.Size, "want", known)
		return shared, nil // new blobs go to a new pack
	case !whole || !shared && known == 0 && !wholeSingle(f):
		s.log.Warn("a pack was left by a crash before anything in it counted; it is removed", "pack", p.ID, "bytes", p.Size)
		return false, os.Remove(p.Path)
	case !shared || p.Size >= s.seal:
		return shared, nil
	}
	if err := s.cutTail(f, p, known); err != nil {
		return true, err
	}
	s.active, s.activeID, keep = f, p.ID, true
	return true, nil
}

// cutTail removes what a crash left behind the last whole frame. Known bytes are never cut: before known every frame was
// acknowledged, so damage there is for Check.
func (s *Set) cutTail(f *os.File, p Info, known int64) error {
	s.end = lastFrameEnd(f, max(known, fileHeaderLen), p.Size)
	if s.end == p.Size {
		return nil
	}
	if torn, err := anyByte(f, s.end, p.Size); err != nil {
		return err
	} else if torn {
		s.log.Warn("a torn tail was left by a crash; it is cut", "pack", p.ID, "bytes", p.Size-s.end)
	}
	if err := f.Truncate(s.end); err != nil {
		return fmt.Errorf("cut the torn tail: %w", err)
	}
	return syncFile(s.hook, f)
}

// anyByte reports whether there is another byte than zero between the offsets: zeros were only written ahead.
func anyByte(r io.ReaderAt, from, to int64) (bool, error) {
	b := make([]byte, 64<<10)
	for ; from < to; from += int64(len(b)) {
		b = b[:min(int64(len(b)), to-from)]
		if _, err := r.ReadAt(b, from); err != nil {
			return false, fmt.Errorf("read pack: %w", err)
		}
		if len(bytes.TrimLeft(b, "\x00")) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// wholeSingle reports whether a pack with a large blob has been written to its end: the frame's header is written last.
func wholeSingle(r io.ReaderAt) bool {
	b := make([]byte, frameHeaderLen)
	if _, err := r.ReadAt(b, fileHeaderLen); err != nil {
		return false
	}
	_, err := ParseHeader(b)
	return err == nil
}

// lastFrameEnd walks the frames from off and returns where the last valid one ends.
func lastFrameEnd(r io.ReaderAt, off, size int64) int64 {
	var header [frameHeaderLen]byte
	for off+frameHeaderLen <= size {
		if _, err := r.ReadAt(header[:], off); err != nil {
			return off
		}
		h, err := ParseHeader(header[:])
		if err != nil || h.Length() > size-off {
			return off
		}
		if h.verifyPayload(r, off+frameHeaderLen) != nil {
			return off
		}
		off += h.Length()
	}
	return off
}

// verifyPayload compares the stored bytes at off with their checksums.
func (h *Header) verifyPayload(r io.ReaderAt, off int64) error {
	if !h.inChunks() {
		b := make([]byte, h.Payload)
		if _, err := r.ReadAt(b, off); err != nil {
			return fmt.Errorf("read frame: %w", err)
		}
		if checksum(b) != h.sum {
			return fmt.Errorf("checksum of the frame: %w", ErrCorrupt)
		}
		return nil
	}
	t, err := readTable(r, off, h)
	if err != nil {
		return err
	}
	b := make([]byte, ChunkSize)
	for i := range t.ends {
		if _, err := t.stored(r, i, b); err != nil {
			return err
		}
	}
	return nil
}
