package pack

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
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
	spare  *batch
	nextID int64
	closed bool
	broken error // an fsync failed: nothing is written any more
	done   chan struct{}

	// Of the appender goroutine alone.
	active   *os.File
	activeID int64
	end      int64

	files files
}

// Open prepares dir for reading and appending and cuts a torn tail off the last pack.
func Open(dir string, o Options) (*Set, error) {
	codec, err := newCodec()
	if err != nil {
		return nil, err
	}
	s := &Set{dir: dir, log: o.Log, hook: o.Hook, seal: o.SealSize, codec: codec, ro: o.ReadOnly, nextID: max(o.NextID, 1),
		chunked: make(chan struct{}, chunkedAtOnce), done: make(chan struct{})}
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
		codec.close()
		return nil, fmt.Errorf("open packs: %w", err)
	}
	if err := s.resume(o.Known); err != nil {
		codec.close()
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
		err = s.active.Close()
	}
	s.files.close()
	s.codec.close()
	return err
}

// resume finds the next free id and the pack to go on with.
func (s *Set) resume(known func(int64) (int64, error)) error {
	last, size := int64(0), int64(0)
	err := list(s.dir, func(id int64, info fs.FileInfo) error {
		if id > last {
			last, size = id, info.Size()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if last == 0 {
		return nil
	}
	s.nextID = max(s.nextID, last+1)
	path := filepath.Join(s.dir, fileName(last))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open the last pack: %w", err)
	}
	end, err := int64(0), error(nil)
	if known != nil {
		end, err = known(last)
	}
	if err != nil {
		f.Close()
		return err
	}
	return s.resumeFile(f, last, size, end)
}

// resumeFile decides whether the last pack can be appended to, and cuts what a crash left after the last
// whole frame. Known bytes are never cut: before known every frame was acknowledged, so damage there is for Check.
func (s *Set) resumeFile(f *os.File, id, size, known int64) error {
	header := make([]byte, fileHeaderLen)
	_, err := f.ReadAt(header, 0)
	whole := err == nil && string(header[:len(fileMagic)]) == fileMagic
	switch {
	case !whole && known == 0:
		s.log.Warn("a pack without a header was left by a crash; it is removed", "pack", id, "bytes", size)
		return errors.Join(f.Close(), os.Remove(f.Name()))
	case !whole || known > size:
		s.log.Error("a pack is shorter than the blobs in it; run schulhof check", "pack", id, "bytes", size, "want", known)
		return f.Close()
	case header[len(fileMagic)] == kindSingle && known == 0:
		s.log.Info("a large blob that was not acknowledged is removed", "pack", id, "bytes", size)
		return errors.Join(f.Close(), os.Remove(f.Name()))
	case header[len(fileMagic)] != kindShared || size >= s.seal:
		return f.Close()
	}
	end := lastFrameEnd(f, max(known, fileHeaderLen), size)
	if end < size {
		s.log.Warn("a torn tail was left by a crash; it is cut", "pack", id, "bytes", size-end)
		if err := f.Truncate(end); err != nil {
			f.Close()
			return fmt.Errorf("cut the torn tail: %w", err)
		}
		if err := syncFile(s.hook, f); err != nil {
			f.Close()
			return err
		}
	}
	s.active, s.activeID, s.end = f, id, end
	return nil
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
	if h.form != formChunked {
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
