package pack

import (
	"errors"
	"fmt"
	"io"
	"runtime"
)

// ErrClosed says that the set takes nothing more.
var ErrClosed = errors.New("the packs are closed")

// batch is what one write and one fsync make durable. Frames lie in buf in the order of their arrival.
type batch struct {
	buf  []byte
	pack int64
	base int64
	err  error
	done chan struct{}
}

// Append makes data, at most ChunkSize bytes, durable and returns where it lies.
func (s *Set) Append(hash Hash, data []byte) (Location, error) {
	p := s.Begin(hash, data)
	return p.Wait()
}

// AppendReader is Append for a blob of size bytes, at most SingleSize, that r reads from its start.
func (s *Set) AppendReader(hash Hash, r io.Reader, size int64) (Location, error) {
	if size > SingleSize {
		return Location{}, fmt.Errorf("append a blob of %d bytes: more than %d want a draft", size, SingleSize)
	}
	if size > ChunkSize {
		s.chunked <- struct{}{}
		defer func() { <-s.chunked }()
		frame, err := s.codec.appendChunked(nil, hash, r, size)
		if err != nil {
			return Location{}, err
		}
		return s.appendFrame(frame, size)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return Location{}, fmt.Errorf("read the blob: %w", err)
	}
	return s.Append(hash, data)
}

// AppendCopy stores the frame at from once more, byte for byte: compaction moves blobs with it.
func (s *Set) AppendCopy(from Location) (Location, error) {
	f, err := s.files.get(from.Pack)
	if err != nil {
		return Location{}, err
	}
	defer f.release()
	frame := make([]byte, from.Length)
	if _, err := f.ReadAt(frame, from.Offset); err != nil {
		return Location{}, fmt.Errorf("read frame: %w", err)
	}
	if h, err := ParseHeader(frame); err != nil || h.Length() != from.Length {
		return Location{}, fmt.Errorf("frame at %d of pack %d: %w", from.Offset, from.Pack, errors.Join(err, ErrCorrupt))
	}
	return s.appendFrame(frame, from.Size)
}

// Pending is a frame on its way to the disk.
type Pending struct {
	b      *batch
	at     int64 // in the batch
	length int64
	size   int64
	err    error

	set  *Set // where data is kept at hand; nil: nowhere
	data []byte
}

// Wait waits for the fsync.
func (p *Pending) Wait() (Location, error) {
	if p.err != nil {
		return Location{}, p.err
	}
	<-p.b.done
	if p.b.err != nil {
		return Location{}, p.b.err
	}
	l := Location{Pack: p.b.pack, Offset: p.b.base + p.at, Length: p.length, Size: p.size}
	if p.set != nil {
		p.set.recent.keep(l, p.data)
	}
	return l, nil
}

// Begin is Append that does not wait for the fsync. data must not change until Wait.
func (s *Set) Begin(hash Hash, data []byte) Pending {
	frame := getBuffer()
	defer putBuffer(frame)
	frame.b = s.codec.appendFrame(frame.b[:0], hash, data)
	p := s.begin(frame.b, int64(len(data)))
	p.set, p.data = s, data
	return p
}

// appendFrame hands the frame to the appender and waits for its fsync.
func (s *Set) appendFrame(frame []byte, size int64) (Location, error) {
	p := s.begin(frame, size)
	return p.Wait()
}

// begin hands the frame, which may be used again afterwards, to the appender.
func (s *Set) begin(frame []byte, size int64) Pending {
	s.mu.Lock()
	for s.next != nil && len(s.next.buf) > batchLimit && !s.closed {
		s.room.Wait()
	}
	switch {
	case s.broken != nil:
		defer s.mu.Unlock()
		return Pending{err: s.broken}
	case s.closed || s.ro:
		s.mu.Unlock()
		return Pending{err: ErrClosed}
	}
	b := s.next
	if b == nil {
		b = s.newBatch()
		s.next = b
		s.work.Signal()
	}
	at := int64(len(b.buf))
	b.buf = append(b.buf, frame...)
	s.mu.Unlock()
	return Pending{b: b, at: at, length: int64(len(frame)), size: size}
}

// newBatch reuses the buffer of an earlier batch, never the batch itself: its waiters still read it.
func (s *Set) newBatch() *batch {
	b := &batch{done: make(chan struct{})}
	if n := len(s.spare); n > 0 {
		b.buf, s.spare = s.spare[n-1][:0], s.spare[:n-1]
	}
	return b
}

// appender writes one batch after the other. While it waits for an fsync the next batch grows.
func (s *Set) appender() {
	defer close(s.done)
	for {
		s.mu.Lock()
		for s.next == nil && !s.closed {
			s.work.Wait()
		}
		s.mu.Unlock()
		runtime.Gosched() // who is about to append comes along: an fsync costs the same for many
		s.mu.Lock()
		b := s.next
		s.next = nil
		s.room.Broadcast()
		s.mu.Unlock()
		if b == nil {
			return // closed
		}
		b.err = s.write(b)
		buf := b.buf
		b.buf = nil
		s.mu.Lock()
		if errors.Is(b.err, ErrFsync) && s.broken == nil {
			s.broken = b.err
		}
		if cap(buf) <= batchKeep && len(s.spare) < cap(s.spare) {
			s.spare = append(s.spare, buf)
		}
		s.mu.Unlock()
		close(b.done)
	}
}

// write puts b at the end of the active pack and syncs it. After a failed write the end stays where it was,
// so the next batch overwrites what came through.
func (s *Set) write(b *batch) error {
	if broken := s.Broken(); broken != nil {
		return broken
	}
	if s.active == nil || s.end >= s.seal {
		if err := s.roll(); err != nil {
			return err
		}
	}
	if err := s.writeAhead(b); err != nil {
		return err
	}
	if err := syncFile(s.hook, s.active); err != nil {
		return err
	}
	b.pack, b.base = s.activeID, s.end
	s.end += int64(len(b.buf))
	return nil
}

// writeAhead writes b, and zeros behind it when it leaves the bytes that have been prepared so: an fsync of bytes within the
// file takes about half the time of one that makes the file longer. Zeros are no frame, so a crash leaves nothing wrong.
func (s *Set) writeAhead(b *batch) error {
	end := s.end + int64(len(b.buf))
	if end <= s.ahead {
		return s.writeAt(s.active, b.buf, s.end)
	}
	if err := s.writeAt(s.active, b.buf, s.end); err != nil {
		return err
	}
	for s.ahead = end; s.ahead < end+writtenAhead; s.ahead += int64(len(s.zeros)) {
		if _, err := s.active.WriteAt(s.zeros, s.ahead); IsFull(err) {
			return nil // the batch itself has found room
		} else if err != nil {
			return fmt.Errorf("write pack: %w", err)
		}
	}
	return nil
}

// trim takes the prepared bytes off the end of the active pack.
func (s *Set) trim() {
	if s.ahead <= s.end {
		return
	}
	if err := s.active.Truncate(s.end); err != nil {
		s.log.Warn("trim a pack", "pack", s.activeID, "err", err)
	}
}

// roll seals the active pack and starts the next.
func (s *Set) roll() error {
	s.mu.Lock()
	id := s.nextID
	s.nextID++
	s.rolling = id
	s.mu.Unlock()
	f, err := s.create(id, kindShared)
	if err != nil {
		return err
	}
	if s.active != nil {
		s.trim()
		if err := s.active.Close(); err != nil {
			s.log.Warn("close a sealed pack", "pack", s.activeID, "err", err)
		}
	}
	s.mu.Lock()
	s.active, s.activeID, s.end, s.ahead = f, id, fileHeaderLen, 0
	s.mu.Unlock()
	return nil
}

func (s *Set) takeID() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.nextID
	s.nextID++
	return id
}

// Growing reports whether pack id takes frames now, or will in a moment.
func (s *Set) Growing(id int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return id == s.activeID || id == s.rolling
}

// Broken is nil while the set can be written to; otherwise the failed fsync.
func (s *Set) Broken() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

func (s *Set) breakIfFsync(err error) error {
	if errors.Is(err, ErrFsync) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.broken == nil {
			s.broken = err
		}
	}
	return err
}
