package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"syscall"

	"github.com/mattn/go-sqlite3"

	"schulhof/store/fault"
	"schulhof/store/pack"
)

// liteConn is one SQLite connection with its prepared statements. One goroutine uses it at a time. It talks to the driver
// itself: package database/sql would cost more than many of our statements.
type liteConn struct {
	c     *sqlite3.SQLiteConn
	stmts map[string]*liteStmt
	args  []driver.NamedValue
	open  []*Rows // to close what a closure left open
}

// liteStmt is a prepared statement. While its rows are being read it cannot run a second time.
type liteStmt struct {
	s      *sqlite3.SQLiteStmt
	params int
	busy   bool
	cached bool
	values []driver.Value
}

// liteRows is SQLite's part of Rows.
type liteRows struct {
	stmt *liteStmt
	rows *sqlite3.SQLiteRows
}

// openLite opens the database at path. mode is SQLite's: rwc, rw or ro.
func openLite(path, mode string, cacheKiB int) (*liteConn, error) {
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: "mode=" + mode + "&_mutex=no&_busy_timeout=10000"}
	c, err := (&sqlite3.SQLiteDriver{}).Open(dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	conn := &liteConn{c: c.(*sqlite3.SQLiteConn), stmts: map[string]*liteStmt{}}
	pragmas := fmt.Sprintf(`PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;
		PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA wal_autocheckpoint=0; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-%d`, cacheKiB)
	if mode == "ro" {
		pragmas += "; PRAGMA query_only=ON"
	} else {
		pragmas += "; PRAGMA journal_mode=WAL"
	}
	if err := conn.script(pragmas); err != nil {
		c.Close()
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return conn, nil
}

// script runs statements without parameters and without rows that matter.
func (c *liteConn) script(query string) error {
	_, err := c.c.ExecContext(context.Background(), query, nil)
	return liteError(err)
}

func (c *liteConn) close() error {
	for _, st := range c.stmts {
		st.s.Close()
	}
	return c.c.Close()
}

// prepare returns an idle statement for query.
func (c *liteConn) prepare(query string) (*liteStmt, error) {
	st := c.stmts[query]
	if st != nil && !st.busy {
		return st, nil
	}
	s, err := c.c.PrepareContext(context.Background(), sqliteParams(query))
	if err != nil {
		return nil, liteError(err)
	}
	fresh := &liteStmt{s: s.(*sqlite3.SQLiteStmt), params: s.NumInput()}
	if st != nil {
		return fresh, nil // the cached one is busy; this one lives once
	}
	if len(c.stmts) >= cachedStatements {
		c.forget()
	}
	fresh.cached = true
	c.stmts[query] = fresh
	return fresh, nil
}

// forget drops every idle statement. It happens when a program makes up ever new texts.
func (c *liteConn) forget() {
	for query, st := range c.stmts {
		if !st.busy {
			st.s.Close()
			delete(c.stmts, query)
		}
	}
}

// bind checks and converts the parameters. The slice lives until the next bind.
func (c *liteConn) bind(st *liteStmt, args []any) ([]driver.NamedValue, error) {
	if len(args) != st.params {
		return nil, fmt.Errorf("%d parameters, the statement has %d", len(args), st.params)
	}
	named := c.args[:0]
	for i, arg := range args {
		v, err := sqlValue(arg)
		if err != nil {
			return nil, fmt.Errorf("$%d: %w", i+1, err)
		}
		named = append(named, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	c.args = named
	return named, nil
}

func (c *liteConn) exec(query string, args []any) (int64, error) {
	st, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	if !st.cached {
		defer st.s.Close()
	}
	named, err := c.bind(st, args)
	if err != nil {
		return 0, err
	}
	res, err := st.s.ExecContext(context.Background(), named)
	if err != nil {
		return 0, liteError(err)
	}
	return res.RowsAffected()
}

func (c *liteConn) query(r *Rows, query string, args []any) error {
	st, err := c.prepare(query)
	if err != nil {
		return err
	}
	named, err := c.bind(st, args)
	if err != nil {
		return err
	}
	rows, err := st.s.QueryContext(context.Background(), named)
	if err != nil {
		if !st.cached {
			st.s.Close()
		}
		return liteError(err)
	}
	r.lite = liteRows{stmt: st, rows: rows.(*sqlite3.SQLiteRows)}
	if n := len(r.lite.rows.Columns()); len(st.values) != n {
		st.values = make([]driver.Value, n)
	}
	st.busy = true
	c.open = append(c.open, r)
	return nil
}

func (l *liteRows) next(r *Rows) (bool, error) {
	err := l.rows.Next(l.stmt.values)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, liteError(err)
	}
	if len(r.values) == 0 && len(l.stmt.values) > 0 {
		r.values = asAny(l.stmt.values)
	}
	return true, nil
}

func (l *liteRows) close(r *Rows) {
	if l.stmt == nil {
		return // the query failed
	}
	l.rows.Close()
	l.stmt.busy = false
	if !l.stmt.cached {
		l.stmt.s.Close()
	}
	open := r.tx.lite.open
	for i := len(open) - 1; i >= 0; i-- {
		if open[i] == r {
			r.tx.lite.open = append(open[:i], open[i+1:]...)
			break
		}
	}
}

// closeRows closes what a closure left open: an open query would keep the transaction from ending.
func (c *liteConn) closeRows() {
	for len(c.open) > 0 {
		c.open[len(c.open)-1].Close()
	}
}

// liteError gives SQLite's errors the kinds that rooms look for.
func liteError(err error) error {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.ExtendedCode == sqlite3.ErrConstraintUnique, e.ExtendedCode == sqlite3.ErrConstraintPrimaryKey,
		e.ExtendedCode == sqlite3.ErrConstraintRowID:
		return fault.Wrap(fault.AlreadyExists, err, "it exists already")
	case e.ExtendedCode == sqlite3.ErrConstraintForeignKey:
		return fault.Wrap(fault.Conflict, err, "something it refers to is not there, or refers to it")
	case e.Code == sqlite3.ErrFull || e.SystemErrno == syscall.ENOSPC || e.SystemErrno == syscall.EDQUOT:
		return unavailable(fmt.Errorf("%w: %w", err, syscall.ENOSPC))
	case e.Code == sqlite3.ErrIoErr:
		return unavailable(fmt.Errorf("%w: %w", err, pack.ErrFsync))
	case e.Code == sqlite3.ErrBusy, e.Code == sqlite3.ErrLocked, e.Code == sqlite3.ErrReadonly, e.Code == sqlite3.ErrCantOpen:
		return unavailable(err)
	}
	return err
}
