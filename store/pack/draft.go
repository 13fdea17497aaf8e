package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// draftStart is where the blob's bytes begin in a draft: behind the headers, which are written last.
const draftStart = fileHeaderLen + frameHeaderLen

// Draft is a blob above ChunkSize that is written into its own file as it arrives, already in the form of a pack of its own, so
// that a large file is written to the disk once and while it is still coming in. [Set.Adopt] makes it a pack; until then it is
// nothing, and whoever made the file removes it. It is not safe for concurrent use, but for ReadAt.
type Draft struct {
	f       *os.File
	size    int64
	table   []byte // of the chunks so far; the last one may grow
	adopted *Location
	moved   bool

	sync    func(*os.File) error // datasync
	every   int64                // syncEvery
	asked   int64                // up to where a sync beside the writing was begun
	syncing chan error           // what it says when it ends; nil: there is none
	failed  error                // the first that failed
}

// NewDraft starts a draft in f, an empty file.
func NewDraft(f *os.File) *Draft { return &Draft{f: f, sync: datasync, every: syncEvery} }

// Size is the number of the blob's bytes so far.
func (d *Draft) Size() int64 { return d.size }

// Moved reports whether the file has gone to a name among the packs, and is not to be removed.
func (d *Draft) Moved() bool { return d.moved }

// Fill is how many bytes, step at most, bring the file to a multiple of step: writes that end there cost the kernel less.
func (d *Draft) Fill(step int) int { return step - int((draftStart+d.size)%int64(step)) }

// Write appends to the blob. After an error the draft is of no use.
func (d *Draft) Write(b []byte) (int, error) {
	if d.adopted != nil {
		return 0, fmt.Errorf("write draft: %w", os.ErrClosed)
	}
	n, err := d.f.WriteAt(b, draftStart+d.size)
	if err != nil {
		return n, fmt.Errorf("write draft: %w", err)
	}
	for rest := b; len(rest) > 0; {
		fill := int(d.size % ChunkSize)
		if fill == 0 {
			d.table = append(d.table, make([]byte, chunkEntryLen)...)
		}
		part := rest[:min(len(rest), ChunkSize-fill)]
		entry := d.table[len(d.table)-chunkEntryLen:]
		binary.LittleEndian.PutUint32(entry, uint32(fill+len(part))|rawChunk)
		binary.LittleEndian.PutUint32(entry[4:], crc32.Update(binary.LittleEndian.Uint32(entry[4:]), castagnoli, part))
		d.size += int64(len(part))
		rest = rest[len(part):]
	}
	if d.size-d.asked >= d.every {
		d.syncBeside()
	}
	return n, nil
}

// syncBeside begins to make the bytes so far durable while more are written, unless that is still under way for earlier ones: the disk
// works all the time, and the sync at the end has little to do.
func (d *Draft) syncBeside() {
	if d.syncing != nil {
		select {
		case err := <-d.syncing:
			d.ended(err)
		default:
			return
		}
	}
	d.asked, d.syncing = d.size, make(chan error, 1)
	go func() { d.syncing <- d.sync(d.f) }()
}

// ended notes how a sync beside the writing ended. That it failed is kept: a later one would not tell of it again.
func (d *Draft) ended(err error) {
	d.syncing = nil
	if err != nil && d.failed == nil {
		d.failed = fmt.Errorf("%s: %w: %w", d.f.Name(), ErrFsync, err)
	}
}

// Settle waits until nothing works on the file any more. The owner calls it before closing the file.
func (d *Draft) Settle() {
	if d.syncing != nil {
		d.ended(<-d.syncing)
	}
}

// ReadAt implements io.ReaderAt over the blob's bytes so far.
func (d *Draft) ReadAt(b []byte, off int64) (int, error) {
	if off >= d.size {
		return 0, io.EOF
	}
	if left := d.size - off; int64(len(b)) > left {
		n, err := d.f.ReadAt(b[:left], draftStart+off)
		if err == nil {
			err = io.EOF
		}
		return n, err
	}
	return d.f.ReadAt(b, draftStart+off)
}

// Adopt makes the draft's file a pack of its own, durably, and returns where the blob lies. hash is the blob's.
// Once adopted, it stays so: a second call returns the same.
func (s *Set) Adopt(d *Draft, hash Hash) (Location, error) {
	if d.adopted != nil {
		return *d.adopted, nil
	}
	if err := s.Broken(); err != nil {
		return Location{}, err
	}
	if s.ro {
		return Location{}, ErrClosed
	}
	h := Header{form: formTailed, Size: d.size, Payload: d.size + int64(len(d.table)), Hash: hash, sum: checksum(d.table)}
	if err := h.validate(); err != nil {
		return Location{}, err
	}
	if err := s.finish(d, &h); err != nil {
		return Location{}, s.breakIfFsync(err)
	}
	id := s.takeID()
	if err := s.place(d, id); err != nil {
		return Location{}, s.breakIfFsync(err)
	}
	d.adopted = &Location{Pack: id, Offset: fileHeaderLen, Length: h.Length(), Size: d.size}
	return *d.adopted, nil
}

// finish writes the table behind the chunks and the headers before them, and syncs it all.
func (s *Set) finish(d *Draft, h *Header) error {
	if err := s.writeAt(d.f, d.table, draftStart+d.size); err != nil {
		return err
	}
	head := append(fileHeader(kindSingle), make([]byte, frameHeaderLen)...)
	h.put(head[fileHeaderLen:])
	if err := s.writeAt(d.f, head, 0); err != nil {
		return err
	}
	if d.Settle(); d.failed != nil {
		return d.failed
	}
	return syncFile(s.hook, d.f)
}

// place moves the file to the name of pack id and makes the name durable. Where the packs lie on another disk than the drafts,
// it is copied there.
func (s *Set) place(d *Draft, id int64) error {
	path := filepath.Join(s.dir, fileName(id))
	if err := s.makeFolder(filepath.Dir(path)); err != nil {
		return err
	}
	if err := s.hook.ask("rename", path); err != nil {
		return fmt.Errorf("place pack: %w", err)
	}
	err := os.Rename(d.f.Name(), path)
	d.moved = err == nil
	if errors.Is(err, syscall.EXDEV) {
		err = s.copyTo(path, d.f)
	}
	if err != nil {
		return fmt.Errorf("place pack: %w", err)
	}
	return SyncDir(s.hook, filepath.Dir(path))
}

// copyTo writes the bytes of from to the new file path and syncs them.
func (s *Set) copyTo(path string, from *os.File) error {
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	info, err := from.Stat()
	if err == nil {
		_, err = io.Copy(to, io.NewSectionReader(from, 0, info.Size()))
	}
	if err == nil {
		err = syncFile(s.hook, to)
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
