package store

import (
	"context"
	"fmt"
	"sync"
)

// liteReaders is a pool of read-only connections, opened when they are first needed. Who asks gets the one that was used last: each has
// its own page cache, and one client after another finds its pages in the same one.
type liteReaders struct {
	path  string
	slots chan struct{} // one per reader that may run
	mu    sync.Mutex
	idle  []*liteConn // guarded by mu; the last was used last
}

func newLiteReaders(path string) *liteReaders {
	return &liteReaders{path: path, slots: make(chan struct{}, readConns)}
}

func (r *liteReaders) get(ctx context.Context, closing chan struct{}) (*liteConn, error) {
	select {
	case <-closing:
		return nil, errClosed
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c := r.newest(); c != nil {
		return c, nil
	}
	c, err := openLite(r.path, "ro", readerCacheKiB)
	if err != nil {
		<-r.slots
		return nil, err
	}
	return c, nil
}

// newest takes the idle connection that was used last; nil: there is none.
func (r *liteReaders) newest() *liteConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.idle) == 0 {
		return nil
	}
	c := r.idle[len(r.idle)-1]
	r.idle = r.idle[:len(r.idle)-1]
	return c
}

// put gives c back; nil: it was closed, and the next reader may open another.
func (r *liteReaders) put(c *liteConn) {
	if c != nil {
		r.mu.Lock()
		r.idle = append(r.idle, c)
		r.mu.Unlock()
	}
	<-r.slots
}

func (r *liteReaders) read(ctx context.Context, s *Store, fn func(*Tx) error) error {
	c, err := r.get(ctx, s.closing)
	if err != nil {
		return err
	}
	defer func() { r.put(c) }()
	if _, err := c.exec("BEGIN", nil); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err = s.call(&Tx{store: s, lite: c}, fn)
	c.closeRows()
	if !c.c.AutoCommit() {
		if _, end := c.exec("ROLLBACK", nil); end != nil {
			c.close()
			c = nil
			s.log.Error("end a snapshot", "err", end)
		}
	}
	return err
}

// close waits for the readers. Nobody reads afterwards.
func (r *liteReaders) close() {
	for range readConns {
		r.slots <- struct{}{}
	}
	for c := r.newest(); c != nil; c = r.newest() {
		c.close()
	}
}

// Read runs fn on one consistent snapshot. fn reads a page and returns; it never waits for the network, nor calls Read.
func (s *Store) Read(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.ending() {
		return errClosed
	}
	if s.pg != nil {
		return s.pg.read(ctx, s, fn)
	}
	return s.readers.read(ctx, s, fn)
}
