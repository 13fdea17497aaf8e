package store

import (
	"errors"
	"fmt"

	"schulhof/store/fault"
)

// errTxDone says that a Tx was used after its closure had returned.
var errTxDone = errors.New("the transaction is over")

// Tx is one transaction (Write) or snapshot (Read). Parameters are $1, $2 …; Go values: int64, int, uint32, uint64 (must fit int64),
// named integer types, string, []byte (nil: NULL), bool (stored 0/1), Hash, nil, pointers to these for NULL. Statements are prepared
// once per connection and cached by text. A statement that fails ends the transaction on both dialects: Write returns
// its error even when the closure does not, so look before (ON CONFLICT, SELECT) instead of trying.
//
// A violated uniqueness is fault.AlreadyExists, a violated foreign key fault.Conflict.
type Tx struct {
	store *Store
	lite  *liteConn // one of the two is set
	pg    *pgConn
	job   *job // nil: a snapshot
	err   error
	done  bool
}

// Exec runs a statement and returns the number of rows it changed.
func (tx *Tx) Exec(query string, args ...any) (affected int64, err error) {
	if err = tx.usable(); err != nil {
		return 0, err
	}
	if tx.lite != nil {
		affected, err = tx.lite.exec(query, args)
	} else {
		affected, err = tx.pg.exec(query, args)
	}
	return affected, tx.failed(err)
}

// Query runs a statement that has rows. They must be closed, or read to the end, before the closure returns.
func (tx *Tx) Query(query string, args ...any) (*Rows, error) {
	rows := new(Rows)
	if err := tx.query(rows, query, args); err != nil {
		return nil, err
	}
	return rows, nil
}

// QueryRow is Query for the first row; its error waits for Scan.
func (tx *Tx) QueryRow(query string, args ...any) *Row {
	row := new(Row)
	row.err = tx.query(&row.rows, query, args)
	return row
}

func (tx *Tx) query(rows *Rows, query string, args []any) (err error) {
	if err = tx.usable(); err != nil {
		return err
	}
	rows.tx = tx
	if tx.lite != nil {
		err = tx.lite.query(rows, query, args)
	} else {
		err = tx.pg.query(rows, query, args)
	}
	return tx.failed(err)
}

// usable refuses statements after the end and after a failed one.
func (tx *Tx) usable() error {
	if tx.done {
		return errTxDone
	}
	return tx.err
}

// failed remembers the first error of a statement.
func (tx *Tx) failed(err error) error {
	if err != nil && tx.err == nil {
		tx.err = err
	}
	return err
}

// Changed marks key as changed with its new counter; Subscribe's watchers wake after the commit.
func (tx *Tx) Changed(key Key, modseq uint64) {
	if tx.job != nil {
		tx.job.keys = append(tx.job.keys, key)
	}
}

// AfterCommit runs fn on the writer goroutine after the commit is durable, in commit order, before Write returns and before watchers wake.
// It publishes in-memory views; it must be quick and not call the store. Dropped when fn's savepoint or the commit fails.
func (tx *Tx) AfterCommit(fn func()) {
	if tx.job != nil {
		tx.job.after = append(tx.job.after, fn)
	}
}

// Rows are the rows of a query: for rows.Next() { rows.Scan(&a, &b) }; then Err and Close.
type Rows struct {
	tx     *Tx
	lite   liteRows
	pg     [][]any // what is left
	values []any   // the current row
	err    error
	closed bool
}

// Next moves to the next row. At the end it closes r.
func (r *Rows) Next() bool {
	if r.closed || r.err != nil {
		return false
	}
	var more bool
	if r.tx.lite != nil {
		more, r.err = r.lite.next(r)
		r.tx.failed(r.err)
	} else if more = len(r.pg) > 0; more {
		r.values, r.pg = r.pg[0], r.pg[1:]
	}
	if !more {
		r.Close()
	}
	return more
}

// Scan copies the current row. Targets: pointers to int64, int, uint32, uint64, named integers, bool, string, []byte, Hash, and
// pointers to pointers for NULL (**int64); NULL also goes into []byte as nil.
func (r *Rows) Scan(dest ...any) error {
	if r.closed || len(dest) != len(r.values) {
		return fmt.Errorf("scan into %d targets, the row has %d columns", len(dest), len(r.values))
	}
	for i, d := range dest {
		if err := scanValue(d, r.values[i]); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

// Int64s is Scan for rows of integers only: NULL becomes 0.
func (r *Rows) Int64s(dest []int64) error {
	if r.closed || len(dest) != len(r.values) {
		return fmt.Errorf("scan into %d targets, the row has %d columns", len(dest), len(r.values))
	}
	for i := range dest {
		switch v := r.values[i].(type) {
		case int64:
			dest[i] = v
		case nil:
			dest[i] = 0
		default:
			return fmt.Errorf("column %d: scan %T into an integer", i+1, v)
		}
	}
	return nil
}

// Close ends the query. It is idempotent.
func (r *Rows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	if r.tx.lite != nil {
		r.lite.close(r)
	}
	r.pg, r.values = nil, nil
	return nil
}

// Err is what ended Next early.
func (r *Rows) Err() error { return r.err }

// Row is the first row of a query.
type Row struct {
	rows Rows
	err  error
}

// Scan copies the row as Rows.Scan does. It returns ErrNoRows when there is none.
func (r *Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return ErrNoRows
	}
	return r.rows.Scan(dest...)
}

// unavailable says that the disk or the database does not take writes now.
func unavailable(err error) error {
	return fault.Wrap(fault.Unavailable, err, "the storage cannot take this now")
}
