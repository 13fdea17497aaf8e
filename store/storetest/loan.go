package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// loan is a store's use of connections that outlive it. Like a pool's, its Close waits for the transactions that run.
type loan struct {
	conns *pgxpool.Pool

	mu     sync.Mutex
	none   *sync.Cond // no transaction runs
	open   int
	closed bool
}

func newLoan(conns *pgxpool.Pool) *loan {
	l := &loan{conns: conns}
	l.none = sync.NewCond(&l.mu)
	return l
}

// BeginTx implements store.Pool.
func (l *loan) BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, errors.New("closed pool")
	}
	l.open++
	l.mu.Unlock()
	tx, err := l.conns.BeginTx(ctx, o)
	if err != nil {
		l.ended()
		return nil, err
	}
	return &lentTx{Tx: tx, ended: sync.OnceFunc(l.ended)}, nil
}

func (l *loan) ended() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open--; l.open == 0 {
		l.none.Broadcast()
	}
}

// Close implements store.Pool.
func (l *loan) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for l.open > 0 {
		l.none.Wait()
	}
}

// lentTx tells when it ends.
type lentTx struct {
	pgx.Tx
	ended func()
}

// Commit implements pgx.Tx.
func (tx *lentTx) Commit(ctx context.Context) error {
	defer tx.ended()
	return tx.Tx.Commit(ctx)
}

// Rollback implements pgx.Tx.
func (tx *lentTx) Rollback(ctx context.Context) error {
	defer tx.ended()
	return tx.Tx.Rollback(ctx)
}
