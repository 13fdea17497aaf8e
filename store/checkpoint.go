package store

import (
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// checkpointer moves the write-ahead log into the database, beside the writer and never from two connections at once.
type checkpointer struct {
	conn  *liteConn
	log   *slog.Logger
	path  string        // of the log
	room  int64         // the least size of the log
	work  chan struct{} // capacity 1: a commit happened
	stop  chan struct{}
	done  chan struct{}
	busy  sync.Mutex  // one checkpoint at a time
	large atomic.Bool // the log outgrew walRestart: the writer shall wait for readers and empty it
	most  atomic.Bool // most of the log is copied: the writer shall copy the rest
}

func newCheckpointer(path string, room int64, log *slog.Logger) (*checkpointer, error) {
	conn, err := openLite(path, "rw", readerCacheKiB)
	if err != nil {
		return nil, err
	}
	return &checkpointer{conn: conn, log: log, path: path + "-wal", room: room, work: make(chan struct{}, 1),
		stop: make(chan struct{}), done: make(chan struct{})}, nil
}

// committed tells that there may be something to do. It never blocks.
func (c *checkpointer) committed() {
	select {
	case c.work <- struct{}{}:
	default:
	}
}

// run works now and then while there are commits, earlier when the log grows much, and once after the last commit.
// The file's size alone does not tell: it keeps its size when SQLite starts the log anew. It is not asked for often, because
// after each look the kernel keeps the time of the next write exactly, which costs that write's fsync a journal commit (where SQLite
// was built without fdatasync).
func (c *checkpointer) run() {
	defer close(c.done)
	idle := time.NewTimer(checkpointIdle)
	defer idle.Stop()
	dirty, last, looked, size := false, time.Now(), time.Now(), int64(0)
	for {
		select {
		case <-c.stop:
			return
		case <-c.work:
			dirty = true
			now := time.Now()
			grown := int64(0)
			if now.Sub(looked) >= checkpointLook {
				looked, grown = now, c.size()-size
			}
			if now.Sub(last) < checkpointEvery && grown < walPassive {
				idle.Reset(checkpointIdle)
				continue
			}
		case <-idle.C:
			if !dirty {
				continue
			}
		}
		c.passive()
		c.most.Store(true)
		dirty, last, size = false, time.Now(), c.size()
		if size > walRestart {
			c.large.Store(true)
		}
	}
}

func (c *checkpointer) size() int64 {
	info, err := os.Stat(c.path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// passive copies what no reader needs any more, without waiting for anyone.
func (c *checkpointer) passive() {
	c.busy.Lock()
	defer c.busy.Unlock()
	if err := checkpoint(c.conn, "PASSIVE"); err != nil {
		c.log.Warn("checkpoint", "err", err)
	}
}

// finish is called by the writer between two groups. While commits keep coming only it can copy the last of them, and only
// then does SQLite write the log from its start again, which is quicker than making a file longer.
func (c *checkpointer) finish(writer *liteConn) {
	mode := "PASSIVE"
	switch {
	case c.large.Swap(false):
		mode = "TRUNCATE"
	case !c.most.Swap(false):
		return
	}
	if !c.busy.TryLock() {
		return
	}
	defer c.busy.Unlock()
	if err := checkpoint(writer, mode); err != nil {
		c.log.Warn("checkpoint by the writer", "mode", mode, "err", err)
	}
	if mode == "TRUNCATE" {
		c.makeRoom()
	}
}

// makeRoom lengthens the log with zeros, while nobody writes to it. Frames then overwrite bytes that are there: the fsync of a commit
// has no new length of the file to write, which costs more than the frames do. SQLite ends the log where a frame has not the salt of its
// header; zeros never have. Without room on the disk the log just grows as it is written.
func (c *checkpointer) makeRoom() {
	size := c.size()
	if size >= c.room {
		return
	}
	f, err := os.OpenFile(c.path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		_, err = f.WriteAt(make([]byte, c.room-size), size)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		c.log.Warn("room for the write-ahead log", "err", err)
	}
}

// checkpoint runs SQLite's checkpoint in one of its modes.
func checkpoint(conn *liteConn, mode string) error {
	rows := Rows{tx: &Tx{lite: conn}}
	if err := conn.query(&rows, "PRAGMA wal_checkpoint("+mode+")", nil); err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

// close ends run, if it runs, and closes the connection.
func (c *checkpointer) close() error { return c.conn.close() }
