package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"

	"schulhof/store/pack"
)

// Spool takes bytes in while they arrive: in memory up to SmallBlob, then in tmp/, in the form of a pack of their own, which
// Put makes of them where they are many. It hashes as it goes. Not safe for concurrent use.
type Spool struct {
	store *Store
	buf   *spoolBuffer // nil after Close
	file  *os.File     // once the memory is used up, with draft writing into it
	draft *pack.Draft
	size  int64
	sum   hash.Hash
	err   error // the first failed write
}

// spoolBuffer is pooled memory.
type spoolBuffer struct{ b []byte }

var spoolBuffers = sync.Pool{New: func() any { return &spoolBuffer{b: make([]byte, 0, 16<<10)} }}

// NewSpool makes an empty spool. The caller closes it.
func (s *Store) NewSpool() *Spool {
	return &Spool{store: s, buf: spoolBuffers.Get().(*spoolBuffer), sum: sha256.New()}
}

// Write takes b in. fault.Unavailable: there is no room in tmp/.
func (p *Spool) Write(b []byte) (int, error) {
	if p.err != nil {
		return 0, p.err
	}
	if p.buf == nil {
		return 0, os.ErrClosed
	}
	if p.file == nil && len(p.buf.b)+len(b) > SmallBlob {
		if p.err = p.spill(); p.err != nil {
			return 0, p.err
		}
	}
	if p.file == nil {
		p.buf.b = append(p.buf.b, b...)
	} else if p.err = p.writeFile(b); p.err != nil {
		return 0, p.err
	}
	p.sum.Write(b)
	p.size += int64(len(b))
	return len(b), nil
}

// spill moves the bytes so far to a file.
func (p *Spool) spill() error {
	f, err := os.CreateTemp(filepath.Join(p.store.o.Dir, "tmp"), spoolPrefix)
	if err != nil {
		return p.store.diskError(fmt.Errorf("spool: %w", err))
	}
	p.file, p.draft = f, pack.NewDraft(f)
	return p.writeFile(p.buf.b)
}

func (p *Spool) writeFile(b []byte) error {
	if err := p.store.room(int64(len(b))); err != nil {
		return err
	}
	if err := p.store.ask("write", p.file.Name()); err != nil {
		return p.store.diskError(fmt.Errorf("spool: %w", err))
	}
	if _, err := p.draft.Write(b); err != nil {
		return p.store.diskError(fmt.Errorf("spool: %w", err))
	}
	return nil
}

// Size is the number of bytes so far.
func (p *Spool) Size() int64 { return p.size }

// Hash is the SHA-256 of the bytes so far.
func (p *Spool) Hash() (h Hash) {
	p.sum.Sum(h[:0])
	return h
}

// ReadAt implements io.ReaderAt.
func (p *Spool) ReadAt(b []byte, off int64) (int, error) {
	switch {
	case p.buf == nil:
		return 0, os.ErrClosed
	case off < 0:
		return 0, errors.New("read spool: negative offset")
	case p.file != nil:
		return p.draft.ReadAt(b, off)
	case off >= p.size:
		return 0, io.EOF
	}
	n := copy(b, p.buf.b[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Reader reads the bytes so far from their start.
func (p *Spool) Reader() io.ReadSeeker { return io.NewSectionReader(p, 0, p.size) }

// Bytes returns the bytes without a copy, valid until the next Write or Close. ok is false when they are not wholly in memory.
func (p *Spool) Bytes() (b []byte, ok bool) {
	if p.buf == nil || p.file != nil {
		return nil, false
	}
	return p.buf.b, true
}

// Close lets go of memory and removes the file in tmp/. It is idempotent and safe after Put.
func (p *Spool) Close() error {
	if p.buf == nil {
		return nil
	}
	p.buf.b = p.buf.b[:0]
	spoolBuffers.Put(p.buf)
	p.buf = nil
	if p.file == nil {
		return nil
	}
	p.draft.Settle()
	err := p.file.Close()
	if !p.draft.Moved() {
		err = errors.Join(err, os.Remove(p.file.Name()))
	}
	p.file = nil
	return err
}

// diskError is for a failed write that leaves everything as it was.
func (s *Store) diskError(err error) error {
	if pack.IsFull(err) {
		s.full.report(s.now())
	}
	return unavailable(err)
}
