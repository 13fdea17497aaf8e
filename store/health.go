package store

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"schulhof/store/fault"
	"schulhof/store/pack"
)

// health remembers an error after which nothing is acknowledged any more.
type health struct {
	mu    sync.Mutex
	cause error
}

// breakDown stops all writes until the process starts anew: what a failed fsync should have kept may be lost, and
// trying again would not tell. https://wiki.postgresql.org/wiki/Fsync_Errors
func (s *Store) breakDown(err error) {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	if s.health.cause == nil {
		s.health.cause = err
		s.log.Error("storage failed; nothing is written any more until a restart", "err", err)
	}
}

// writable is nil, or fault.Unavailable after an I/O error.
func (s *Store) writable() error {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	if s.health.cause == nil {
		return nil
	}
	return fault.Wrap(fault.Unavailable, s.health.cause, "the storage has failed and takes nothing until it is restarted")
}

// fullness remembers when the disk was last found full, and what it was asked last.
type fullness struct {
	mu     sync.Mutex
	asked  time.Time
	free   int64
	failed time.Time // the last write that found no room; zero: none since there was room
}

func (f *fullness) report(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed, f.asked = now, time.Time{}
}

// freeBytes asks the file system, but not more often than every freeSpaceEvery.
func (s *Store) freeBytes() (int64, error) {
	s.full.mu.Lock()
	defer s.full.mu.Unlock()
	now := time.Now()
	if now.Sub(s.full.asked) < freeSpaceEvery {
		return s.full.free, nil
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(s.o.Dir, &st); err != nil {
		return 0, fmt.Errorf("free disk space: %w", err)
	}
	s.full.asked, s.full.free = now, int64(st.Bavail)*int64(st.Bsize)
	return s.full.free, nil
}

// room is nil when size more bytes leave the floor of free space. It recovers by itself.
func (s *Store) room(size int64) error {
	if s.o.FreeFloor < 0 {
		return nil
	}
	free, err := s.freeBytes()
	if err != nil {
		return unavailable(err)
	}
	if free-size < s.o.FreeFloor {
		return unavailable(fmt.Errorf("%d bytes free, the floor is %d: %w", free, s.o.FreeFloor, syscall.ENOSPC))
	}
	return nil
}

// ReadOnlyCause is nil while writes are possible; otherwise why not (disk full, fsync failed): for /readyz.
func (s *Store) ReadOnlyCause() error {
	if err := s.writable(); err != nil {
		return err
	}
	err := s.room(0)
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.ENOSPC) || pack.IsFull(err) {
		return fault.Wrap(fault.Unavailable, err, "the disk is full")
	}
	return err
}
