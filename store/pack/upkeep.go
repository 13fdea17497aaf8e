package pack

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Info is one pack file.
type Info struct {
	ID   int64
	Size int64
	Path string
}

// List tells of every pack in the folder, in any order.
func (s *Set) List() ([]Info, error) {
	var all []Info
	err := list(s.dir, func(id int64, info fs.FileInfo) error {
		all = append(all, Info{ID: id, Size: info.Size(), Path: filepath.Join(s.dir, fileName(id))})
		return nil
	})
	return all, err
}

// Sealed reports whether pack id takes no more frames, now or after a restart.
func (s *Set) Sealed(id int64) bool {
	f, err := s.files.get(id)
	if err != nil {
		return false
	}
	defer f.release()
	header := make([]byte, fileHeaderLen)
	if _, err := f.ReadAt(header, 0); err != nil {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	if header[len(fileMagic)] == kindSingle {
		return wholeSingle(f)
	}
	return info.Size() >= s.seal
}

// Remove deletes pack id, which must not grow any more. Whoever reads it at this moment goes on undisturbed.
func (s *Set) Remove(id int64) error {
	if s.Growing(id) {
		return fmt.Errorf("pack %d still grows", id)
	}
	path := filepath.Join(s.dir, fileName(id))
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove pack: %w", err)
	}
	s.files.drop(id) // now that nobody can open it any more
	s.recent.forget(func(l Location) bool { return l.Pack == id })
	return SyncDir(s.hook, filepath.Dir(path))
}

// Verify reads the blob at l from the disk and compares it with want, its SHA-256.
func (s *Set) Verify(l Location, want Hash) error {
	h, err := s.ReadHeader(l)
	if err != nil {
		return err
	}
	if h.Hash != want {
		return readError(l, fmt.Errorf("the frame is of another blob: %w", ErrCorrupt))
	}
	r, err := s.open(l, s.read)
	if err != nil {
		return err
	}
	defer r.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return err
	}
	if [32]byte(sum.Sum(nil)) != want {
		return readError(l, fmt.Errorf("SHA-256 of the blob: %w", ErrCorrupt))
	}
	return nil
}

// CopyStored writes the stored bytes at l to w as they are, as far as they are there.
func (s *Set) CopyStored(w io.Writer, l Location) error {
	f, err := s.files.get(l.Pack)
	if err != nil {
		return err
	}
	defer f.release()
	_, err = io.Copy(w, io.NewSectionReader(f, l.Offset, l.Length))
	return err
}
