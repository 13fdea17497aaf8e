package store

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"schulhof/store/fault"
)

// pgPool is PostgreSQL's side of a store: snapshots, and the writer's connection.
type pgPool struct {
	pool Pool
	lock *pgx.Conn // holds the lock on the database as long as it lives; nil: none
}

// Pool gives out connections to a PostgreSQL database. Close waits for the transactions that run.
type Pool interface {
	BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error)
	Close()
}

// pgConn runs the statements of one transaction. Its rows are read at once, so that a closure may run other statements
// while it walks them, as with SQLite.
type pgConn struct {
	q    pgx.Tx
	args []any
}

// openPostgres migrates and opens the pool and the writer.
func (s *Store) openPostgres(ctx context.Context) error {
	if s.o.Pool != nil {
		s.pg = &pgPool{pool: s.o.Pool}
		s.sql = &pgWriter{pool: s.pg}
		return nil
	}
	cfg, err := poolConfig(s.o.Database)
	if err != nil {
		return err
	}
	s.pg = &pgPool{}
	if !s.o.ReadOnly && !s.o.shared {
		if s.pg.lock, err = lockPostgres(ctx, cfg.ConnConfig); err != nil {
			return err
		}
	}
	if !s.o.ReadOnly {
		db := stdlib.OpenDB(*cfg.ConnConfig)
		err := migrate(ctx, db, s.migrationFiles(), true, s.log, nil) // one transaction per file: nothing to copy
		if err = errors.Join(err, db.Close()); err != nil {
			return err
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	s.pg.pool = pool
	s.sql = &pgWriter{pool: s.pg}
	return nil
}

// OpenPool opens the connections that a store of this database opens for itself.
func OpenPool(ctx context.Context, database string) (*pgxpool.Pool, error) {
	cfg, err := poolConfig(database)
	if err != nil {
		return nil, err
	}
	return pgxpool.NewWithConfig(ctx, cfg)
}

func poolConfig(database string) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(database)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err)
	}
	cfg.MaxConns = readConns + 1
	cfg.ConnConfig.StatementCacheCapacity = cachedStatements
	return cfg, nil
}

// lockPostgres takes a lock on the database: its rows speak of the packs of one data directory. fault.InUse: another
// server has it.
func lockPostgres(ctx context.Context, cfg *pgx.ConnConfig) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, unavailable(fmt.Errorf("open database: %w", err))
	}
	var got bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", advisoryLock).Scan(&got); err != nil {
		return nil, errors.Join(pgError(err), conn.Close(ctx))
	}
	if !got {
		conn.Close(ctx)
		return nil, fault.New(fault.InUse, "another server uses the database")
	}
	return conn, nil
}

func (p *pgPool) close() {
	if p.pool != nil {
		p.pool.Close()
	}
	if p.lock != nil {
		// The server would let go of the lock when it notices that the connection is gone, which can be after the next Open. It still does if this fails.
		ctx, cancel := context.WithTimeout(context.Background(), unlockWait)
		defer cancel()
		p.lock.Exec(ctx, "SELECT pg_advisory_unlock($1)", advisoryLock)
		p.lock.Close(ctx)
	}
}

func (p *pgPool) read(ctx context.Context, s *Store, fn func(*Tx) error) error {
	tx, err := p.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return unavailable(fmt.Errorf("begin: %w", err))
	}
	defer tx.Rollback(context.Background())
	return s.call(&Tx{store: s, pg: &pgConn{q: tx}}, fn)
}

func (c *pgConn) convert(args []any) ([]any, error) {
	c.args = c.args[:0]
	for i, arg := range args {
		v, err := sqlValue(arg)
		if err != nil {
			return nil, fmt.Errorf("$%d: %w", i+1, err)
		}
		c.args = append(c.args, v)
	}
	return c.args, nil
}

func (c *pgConn) exec(query string, args []any) (int64, error) {
	values, err := c.convert(args)
	if err != nil {
		return 0, err
	}
	tag, err := c.q.Exec(context.Background(), query, values...)
	return tag.RowsAffected(), pgError(err)
}

func (c *pgConn) query(r *Rows, query string, args []any) error {
	values, err := c.convert(args)
	if err != nil {
		return err
	}
	rows, err := c.q.Query(context.Background(), query, values...)
	if err != nil {
		return pgError(err)
	}
	defer rows.Close()
	for rows.Next() {
		row, err := rows.Values()
		if err != nil {
			return pgError(err)
		}
		for i := range row {
			if row[i], err = pgValue(row[i]); err != nil {
				return fmt.Errorf("column %d: %w", i+1, err)
			}
		}
		r.pg = append(r.pg, row)
	}
	return pgError(rows.Err())
}

// pgValue makes one of SQLite's types of what PostgreSQL answered: sums of BIGINT come as NUMERIC, for example.
func pgValue(v any) (any, error) {
	switch v := v.(type) {
	case nil, int64, string, []byte, float64:
		return v, nil
	case int32:
		return int64(v), nil
	case int16:
		return int64(v), nil
	case float32:
		return float64(v), nil
	case bool:
		return boolValue(v), nil
	case pgtype.Numeric:
		if n, err := v.Int64Value(); err == nil {
			if !n.Valid {
				return nil, nil
			}
			return n.Int64, nil
		}
		f, err := v.Float64Value()
		if err != nil || math.IsNaN(f.Float64) {
			return nil, fmt.Errorf("number out of range: %w", err)
		}
		return f.Float64, nil
	}
	return nil, fmt.Errorf("a value of type %T", v)
}

// pgWriter is the writing transaction. A lost connection is replaced for the next group.
type pgWriter struct {
	pool *pgPool
	tx   pgx.Tx
	conn pgConn
}

func (w *pgWriter) begin() error {
	tx, err := w.pool.pool.BeginTx(context.Background(), pgx.TxOptions{IsoLevel: pgx.Serializable})
	if err != nil {
		return unavailable(err)
	}
	w.tx = tx
	return nil
}

func (w *pgWriter) run(s *Store, j *job, alone bool) (lost bool, err error) {
	w.conn.q = w.tx
	if !alone {
		savepoint, err := w.tx.Begin(context.Background())
		if err != nil {
			return true, pgError(err)
		}
		w.conn.q = savepoint
	}
	err = s.call(&Tx{store: s, pg: &w.conn, job: j}, j.fn)
	if w.retryable(err) || w.tx.Conn().IsClosed() {
		return true, err
	}
	if alone {
		return false, err
	}
	if err != nil {
		if back := w.conn.q.Rollback(context.Background()); back != nil {
			return true, errors.Join(err, pgError(back))
		}
		return false, err
	}
	if err := w.conn.q.Commit(context.Background()); err != nil {
		return true, pgError(err)
	}
	return false, nil
}

func (w *pgWriter) commit() error { return pgError(w.tx.Commit(context.Background())) }

func (w *pgWriter) rollback() {
	if w.tx != nil {
		w.tx.Rollback(context.Background())
	}
}

// retryable: serialization failure and deadlock. https://www.postgresql.org/docs/15/mvcc-serialization-failure-handling.html
func (w *pgWriter) retryable(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}

func (w *pgWriter) idle() { w.tx = nil }

func (w *pgWriter) close() error { return nil }

// pgError gives PostgreSQL's errors the kinds that rooms look for.
func pgError(err error) error {
	var e *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &e):
		if pgconn.Timeout(err) || errors.Is(err, pgx.ErrTxClosed) || pgconn.SafeToRetry(err) {
			return unavailable(err)
		}
		return err
	}
	switch {
	case e.Code == "23505":
		return fault.Wrap(fault.AlreadyExists, err, "it exists already")
	case e.Code == "23503":
		return fault.Wrap(fault.Conflict, err, "something it refers to is not there, or refers to it")
	case len(e.Code) == 5 && (e.Code[:2] == "53" || e.Code[:2] == "57" || e.Code[:2] == "58"):
		return unavailable(err)
	}
	return err
}
