package store

import (
	"context"
	"errors"
	"sync"
)

var errLater = errors.New("not built yet")

// CompactReport says what Compact did.
type CompactReport struct {
	Blobs, Packs int
	FreedBytes   int64
}

func (s *Store) Compact(ctx context.Context) (CompactReport, error) { return CompactReport{}, errLater }
func (s *Store) Backup(ctx context.Context, dir string) error       { return errLater }
func Restore(ctx context.Context, dir, newDir string) error         { return errLater }

// Problem is one finding of Check.
type Problem struct {
	ID     string
	Detail string
	Mended bool
}

func (s *Store) Check(ctx context.Context, repair bool, found func(Problem)) error { return errLater }

type refQueries struct {
	mu  sync.Mutex
	all map[string]string
}

func (s *Store) RegisterRefs(room, query string) {
	s.refs.mu.Lock()
	defer s.refs.mu.Unlock()
	if s.refs.all == nil {
		s.refs.all = map[string]string{}
	}
	s.refs.all[room] = query
}
