package store

import (
	"context"
	"fmt"
)

// liteReaders is a pool of read-only connections, opened when they are first needed.
type liteReaders struct {
	path string
	free chan *liteConn // nil: not opened yet
}

func newLiteReaders(path string) *liteReaders {
	r := &liteReaders{path: path, free: make(chan *liteConn, readConns)}
	for range readConns {
		r.free <- nil
	}
	return r
}

func (r *liteReaders) get(ctx context.Context, closing chan struct{}) (*liteConn, error) {
	select {
	case <-closing:
		return nil, errClosed
	case c := <-r.free:
		if c != nil {
			return c, nil
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c, err := openLite(r.path, "ro", readerCacheKiB)
	if err != nil {
		r.free <- nil
		return nil, err
	}
	return c, nil
}

func (r *liteReaders) read(ctx context.Context, s *Store, fn func(*Tx) error) error {
	c, err := r.get(ctx, s.closing)
	if err != nil {
		return err
	}
	defer func() { r.free <- c }()
	if _, err := c.exec("BEGIN", nil); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err = s.call(&Tx{store: s, lite: c}, fn)
	c.closeRows()
	if !c.c.AutoCommit() {
		if _, end := c.exec("ROLLBACK", nil); end != nil {
			c.close()
			c = nil // the next reader opens another
			s.log.Error("end a snapshot", "err", end)
		}
	}
	return err
}

// close waits for the readers.
func (r *liteReaders) close() {
	for range readConns {
		if c := <-r.free; c != nil {
			c.close()
		}
	}
}

// Read runs fn on one consistent snapshot. fn reads a page and returns; it never waits for the network, nor calls Read.
func (s *Store) Read(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.closing:
		return errClosed
	default:
	}
	if s.pg != nil {
		return s.pg.read(ctx, s, fn)
	}
	return s.readers.read(ctx, s, fn)
}
