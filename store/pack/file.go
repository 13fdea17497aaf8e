package pack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Hook is asked before each file operation ("create", "write", "fsync", "rename"); its error is the operation's.
type Hook func(op, path string) error

func (h Hook) ask(op, path string) error {
	if h == nil {
		return nil
	}
	return h(op, path)
}

// ErrFsync is in the chain of an error after which nothing more may be acknowledged: what an fsync that
// failed should have kept may be lost, and trying again would not tell. https://wiki.postgresql.org/wiki/Fsync_Errors
var ErrFsync = errors.New("fsync failed")

// IsFull reports whether err says that the disk or the quota of the process is full.
func IsFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// fileName is the path of pack id below the folder of packs.
func fileName(id int64) string {
	name := fmt.Sprintf("%010x", id)
	return filepath.Join(name[len(name)-2:], name+".pack")
}

// ParseFileName tells the id of a pack from the last part of its path; ok is false for other files.
func ParseFileName(base string) (id int64, ok bool) {
	hex, found := strings.CutSuffix(base, ".pack")
	if !found || len(hex) < 10 {
		return 0, false
	}
	id, err := strconv.ParseInt(hex, 16, 64)
	return id, err == nil && id > 0
}

// list walks the folder of packs.
func list(dir string, each func(id int64, info fs.FileInfo) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("list packs: %w", err)
		}
		id, ok := ParseFileName(d.Name())
		if d.IsDir() || !ok {
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list packs: %w", err)
		}
		return each(id, info)
	})
}

// syncFile makes f's bytes and length durable.
func syncFile(hook Hook, f *os.File) error {
	err := hook.ask("fsync", f.Name())
	if err == nil {
		err = datasync(f)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %w", f.Name(), ErrFsync, err)
	}
	return nil
}

// SyncDir makes the names in dir durable.
func SyncDir(hook Hook, dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	defer d.Close()
	if err = hook.ask("fsync", dir); err == nil {
		err = d.Sync()
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %w", dir, ErrFsync, err)
	}
	return nil
}

// create makes the file of pack id with its header and makes its name durable.
func (s *Set) create(id int64, kind byte) (*os.File, error) {
	path := filepath.Join(s.dir, fileName(id))
	if err := s.hook.ask("create", path); err != nil {
		return nil, fmt.Errorf("create pack: %w", err)
	}
	folder := filepath.Dir(path)
	if err := s.makeFolder(folder); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create pack: %w", err)
	}
	if err = s.writeAt(f, fileHeader(kind), 0); err == nil {
		err = SyncDir(s.hook, folder)
	}
	if err != nil {
		f.Close()
		os.Remove(path) // nothing in it counts yet
		return nil, err
	}
	return f, nil
}

// makeFolder makes the folder of a pack and its name durable, if it is not there yet.
func (s *Set) makeFolder(folder string) error {
	err := os.Mkdir(folder, 0o700)
	if err == nil {
		err = SyncDir(s.hook, s.dir)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create pack: %w", err)
	}
	return nil
}

// fileHeader is how a pack begins.
func fileHeader(kind byte) []byte {
	header := make([]byte, fileHeaderLen, draftStart)
	copy(header, fileMagic)
	header[len(fileMagic)] = kind
	return header
}

func (s *Set) writeAt(f *os.File, b []byte, off int64) error {
	if err := s.hook.ask("write", f.Name()); err != nil {
		return fmt.Errorf("write pack: %w", err)
	}
	if _, err := f.WriteAt(b, off); err != nil {
		return fmt.Errorf("write pack: %w", err)
	}
	return nil
}
