package pack

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// buffer is a pooled slice; the pool holds pointers so that giving one back does not allocate.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, 0, 16<<10)} }}

func getBuffer() *buffer { return buffers.Get().(*buffer) }

func putBuffer(b *buffer) {
	if cap(b.b) <= 2*ChunkSize {
		buffers.Put(b)
	}
}

// file is a pack open for reading. It is closed when the cache and the last reader have let go of it.
type file struct {
	*os.File
	id   int64
	refs atomic.Int64
}

func (f *file) release() {
	if f.refs.Add(-1) == 0 {
		f.Close()
	}
}

// files is the cache of packs open for reading.
type files struct {
	dir  string
	mu   sync.RWMutex
	open map[int64]*file // each holds one reference; nil: closed
}

func (c *files) init(dir string) {
	c.dir = dir
	c.open = map[int64]*file{}
}

// get returns the pack; the caller releases it.
func (c *files) get(id int64) (*file, error) {
	c.mu.RLock()
	f := c.open[id]
	if f != nil {
		f.refs.Add(1)
	}
	c.mu.RUnlock()
	if f != nil {
		return f, nil
	}
	return c.add(id)
}

func (c *files) add(id int64) (*file, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.open[id]; f != nil {
		f.refs.Add(1)
		return f, nil
	}
	if c.open == nil {
		return nil, ErrClosed
	}
	osFile, err := os.Open(filepath.Join(c.dir, fileName(id)))
	if err != nil {
		return nil, fmt.Errorf("open pack: %w", err)
	}
	for old, f := range c.open { // any one: the order of a map is as good as chance
		if len(c.open) < openFiles {
			break
		}
		delete(c.open, old)
		f.release()
	}
	f := &file{File: osFile, id: id}
	f.refs.Store(2) // the cache's and the caller's
	c.open[id] = f
	return f, nil
}

// drop forgets pack id, which has been removed.
func (c *files) drop(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.open[id]; f != nil {
		delete(c.open, id)
		f.release()
	}
}

func (c *files) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.open {
		f.release()
	}
	c.open = nil
}

// AppendTo appends the blob at l, of at most ChunkSize bytes, to dst. The checksum is verified when it comes from the disk.
func (s *Set) AppendTo(dst []byte, l Location) ([]byte, error) {
	if dst, ok := s.recent.appendTo(dst, l); ok {
		return dst, nil
	}
	begun := len(dst)
	dst, err := s.read(dst, l)
	if err == nil {
		s.recent.keep(l, dst[begun:])
	}
	return dst, err
}

// read is AppendTo that goes to the disk, whatever is kept at hand.
func (s *Set) read(dst []byte, l Location) ([]byte, error) {
	if l.Size > ChunkSize || l.Length > frameHeaderLen+ChunkSize || l.Length < frameHeaderLen {
		return dst, fmt.Errorf("blob of %d bytes stored in %d: too large to read at once", l.Size, l.Length)
	}
	f, err := s.files.get(l.Pack)
	if err != nil {
		return dst, err
	}
	defer f.release()
	buf := getBuffer()
	defer putBuffer(buf)
	if int64(cap(buf.b)) < l.Length {
		buf.b = make([]byte, 0, max(l.Length, 2*int64(cap(buf.b))))
	}
	frame := buf.b[:l.Length]
	if _, err := f.ReadAt(frame, l.Offset); err != nil {
		return dst, readError(l, err)
	}
	h, err := ParseHeader(frame)
	if err == nil && (h.Size != l.Size || h.Length() != l.Length) {
		err = fmt.Errorf("another frame than expected: %w", ErrCorrupt)
	}
	if err == nil {
		dst, err = s.codec.appendPayload(dst, &h, frame[frameHeaderLen:])
	}
	if err != nil {
		return dst, readError(l, err)
	}
	return dst, nil
}

func readError(l Location, err error) error {
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("the pack ends too early: %w", ErrCorrupt)
	}
	return fmt.Errorf("blob at %d of pack %d: %w", l.Offset, l.Pack, err)
}

// ReadHeader reads the header of the frame at l and compares it with l.
func (s *Set) ReadHeader(l Location) (Header, error) {
	f, err := s.files.get(l.Pack)
	if err != nil {
		return Header{}, err
	}
	defer f.release()
	return readHeader(f, l)
}

func readHeader(f *file, l Location) (Header, error) {
	b := make([]byte, frameHeaderLen)
	if _, err := f.ReadAt(b, l.Offset); err != nil {
		return Header{}, readError(l, err)
	}
	h, err := ParseHeader(b)
	if err == nil && (h.Size != l.Size || h.Length() != l.Length) {
		err = fmt.Errorf("another frame than expected: %w", ErrCorrupt)
	}
	if err != nil {
		return h, readError(l, err)
	}
	return h, nil
}

// Reader reads one blob. It is not safe for concurrent use.
type Reader struct {
	set   *Set
	loc   Location
	size  int64
	off   int64
	whole []byte // a small blob
	f     *file  // a chunked one
	table *table
	at    int    // the chunk in chunk; -1: none
	chunk []byte // its bytes
	store []byte
}

// Open opens the blob at l. Small ones are read at once, of larger ones only the table.
func (s *Set) Open(l Location) (*Reader, error) { return s.open(l, s.AppendTo) }

// open is Open with a way to read small blobs.
func (s *Set) open(l Location, read func([]byte, Location) ([]byte, error)) (*Reader, error) {
	r := &Reader{set: s, loc: l, size: l.Size, at: -1}
	if l.Size <= ChunkSize {
		var err error
		r.whole, err = read(make([]byte, 0, l.Size), l)
		if err != nil {
			return nil, err
		}
		return r, nil
	}
	f, err := s.files.get(l.Pack)
	if err != nil {
		return nil, err
	}
	h, err := readHeader(f, l)
	if err == nil && !h.inChunks() {
		err = readError(l, ErrCorrupt)
	}
	if err == nil {
		r.table, err = readTable(f, l.Offset+frameHeaderLen, &h)
	}
	if err != nil {
		f.release()
		return nil, err
	}
	r.f = f
	return r, nil
}

// Bytes returns a blob of at most ChunkSize bytes without a copy; it must not be changed. ok is false for a larger one.
func (r *Reader) Bytes() (b []byte, ok bool) { return r.whole, r.f == nil }

// Size is the number of the blob's bytes.
func (r *Reader) Size() int64 { return r.size }

// Close lets go of the pack. It is idempotent.
func (r *Reader) Close() error {
	if r.f != nil && r.table != nil {
		r.f.release()
		r.table = nil
	}
	return nil
}

// Read implements io.Reader.
func (r *Reader) Read(b []byte) (int, error) {
	n, err := r.readSome(b, r.off)
	r.off += int64(n)
	return n, err
}

// ReadAt implements io.ReaderAt, but for one goroutine at a time.
func (r *Reader) ReadAt(b []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("read blob: negative offset")
	}
	for n < len(b) && err == nil {
		var m int
		m, err = r.readSome(b[n:], off+int64(n))
		n += m
	}
	if n == len(b) {
		err = nil
	}
	return n, err
}

// Seek implements io.Seeker.
func (r *Reader) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += r.off
	case io.SeekEnd:
		off += r.size
	}
	if off < 0 {
		return 0, errors.New("seek blob: negative offset")
	}
	r.off = off
	return off, nil
}

// readSome reads from one chunk.
func (r *Reader) readSome(b []byte, off int64) (int, error) {
	if off >= r.size {
		return 0, io.EOF
	}
	if r.f == nil {
		return copy(b, r.whole[off:]), nil
	}
	if err := r.load(int(off / ChunkSize)); err != nil {
		return 0, err
	}
	return copy(b, r.chunk[off%ChunkSize:]), nil
}

// load makes chunk i the current one.
func (r *Reader) load(i int) error {
	if r.at == i {
		return nil
	}
	if r.table == nil {
		return fmt.Errorf("read blob: %w", os.ErrClosed)
	}
	if r.store == nil {
		r.store, r.chunk = make([]byte, ChunkSize), make([]byte, 0, ChunkSize)
	}
	r.at = -1
	stored, err := r.table.stored(r.f, i, r.store)
	if err == nil {
		size := min(ChunkSize, r.size-int64(i)*ChunkSize)
		r.chunk, err = r.set.codec.expand(r.chunk[:0], stored, r.table.raw[i], int(size))
	}
	if err != nil {
		return readError(r.loc, err)
	}
	r.at = i
	return nil
}
