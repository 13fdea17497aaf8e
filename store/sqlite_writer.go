package store

import (
	"errors"

	"schulhof/store/fault"
	"schulhof/store/pack"
)

// liteWriter is the writing connection to SQLite.
type liteWriter struct {
	conn       *liteConn
	checkpoint *checkpointer
}

func (w *liteWriter) begin() error {
	_, err := w.conn.exec("BEGIN IMMEDIATE", nil)
	return err
}

// run keeps a savepoint around fn. After an error SQLite may have rolled back everything (disk full, I/O error):
// then the savepoint is gone too, and so is the work of the group.
func (w *liteWriter) run(s *Store, j *job, alone bool) (lost bool, err error) {
	if !alone {
		if _, err := w.conn.exec("SAVEPOINT closure", nil); err != nil {
			return true, err
		}
	}
	err = s.call(&Tx{store: s, lite: w.conn, job: j}, j.fn)
	w.conn.closeRows()
	if w.conn.c.AutoCommit() {
		if err == nil {
			err = unavailable(errors.New("the transaction was rolled back"))
		}
		return true, err
	}
	if errors.Is(err, pack.ErrFsync) && fault.Is(err, fault.Unavailable) {
		return true, err
	}
	if alone {
		return false, err
	}
	if err != nil {
		if _, back := w.conn.exec("ROLLBACK TO closure", nil); back != nil {
			return true, errors.Join(err, back)
		}
	}
	if _, release := w.conn.exec("RELEASE closure", nil); release != nil {
		return true, errors.Join(err, release)
	}
	return false, err
}

func (w *liteWriter) commit() error {
	_, err := w.conn.exec("COMMIT", nil)
	if err == nil {
		w.checkpoint.committed()
	}
	return err
}

func (w *liteWriter) rollback() {
	w.conn.closeRows()
	if !w.conn.c.AutoCommit() {
		w.conn.exec("ROLLBACK", nil)
	}
}

func (w *liteWriter) retryable(error) bool { return false }

func (w *liteWriter) idle() { w.checkpoint.finish(w.conn) }

func (w *liteWriter) close() error { return w.conn.close() }
