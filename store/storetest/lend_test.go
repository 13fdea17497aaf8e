package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"schulhof/store"
)

// Whatever a test does to its database, the next one finds what a copy of the template has.
func TestALentDatabaseIsAsNew(t *testing.T) {
	s := needServer(t)
	mess := map[string][]string{
		"nothing": nil,
		"rows": {`INSERT INTO domain (name, position, created) VALUES ('school.test', 1, 0)`,
			`UPDATE directory_counter SET seq = 77`, `INSERT INTO blob (hash, pack, offset_, length, size, refs) VALUES ('x', 1, 0, 1, 1, 1)`},
		"what migrations put there is gone": {`DELETE FROM directory_counter`, `DELETE FROM goose_db_version`},
		"statistics":                        {`INSERT INTO domain (name, position, created) VALUES ('a.test', 1, 0)`, `ANALYZE`},
		"a table":                           {`CREATE TABLE desk (id BIGINT PRIMARY KEY, blob BIGINT REFERENCES blob (id))`},
		"a column":                          {`ALTER TABLE blob ADD COLUMN colour TEXT`},
		"a column less":                     {`ALTER TABLE directory_counter DROP COLUMN seq`},
		"no index":                          {`DROP TABLE domain CASCADE`},
		"nothing may be NULL":               {`ALTER TABLE blob ALTER COLUMN size DROP NOT NULL`},
	}
	var fresh map[string]string
	t.Run("fresh", func(t *testing.T) {
		o := s.lend(t)
		if err := s.reset(t, o.Database); err != nil {
			t.Fatal(err)
		}
		fresh = contents(t, o.Database)
	})
	for name, statements := range mess {
		t.Run(name, func(t *testing.T) {
			var used string
			t.Run("one", func(t *testing.T) {
				used = s.lend(t).Database
				conn := dial(t, used)
				for _, statement := range statements {
					if _, err := conn.Exec(t.Context(), statement); err != nil {
						t.Fatalf("%s: %v", statement, err)
					}
				}
				conn.Close(t.Context())
			})
			next := s.lend(t).Database
			if next != used {
				t.Fatalf("lent %s after %s", next, used)
			}
			if got := contents(t, next); !reflect.DeepEqual(got, fresh) {
				t.Errorf("left over: %v, fresh: %v", got, fresh)
			}
		})
	}
}

// reset puts a true copy of the template in the place of a lent database.
func (s *server) reset(t *testing.T, url string) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	return errors.Join(s.drop(cfg.Database), s.create(cfg.Database, s.basis.name))
}

// contents are the rows and statistics of each table and the place of each sequence.
func contents(t *testing.T, url string) map[string]string {
	t.Helper()
	conn := dial(t, url)
	defer conn.Close(t.Context())
	all := map[string]string{}
	names, err := column(t.Context(), conn, `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		var rows, statistics string
		err := errors.Join(conn.QueryRow(t.Context(), `SELECT COALESCE(string_agg(x::text, ' '), '') FROM `+quote(name)+` x`).Scan(&rows),
			conn.QueryRow(t.Context(), `SELECT concat_ws(' ', relpages, reltuples, pg_relation_size(oid)) FROM pg_class WHERE oid = $1::text::regclass`,
				quote(name)).Scan(&statistics))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = rows + " " + statistics
	}
	places, err := column(t.Context(), conn, `SELECT concat_ws(' ', sequencename, last_value) FROM pg_sequences ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	all["sequences"] = fmt.Sprint(places)
	return all
}

func dial(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// Parallel tests have a database each.
func TestNoTwoBorrowOneDatabase(t *testing.T) {
	s := needServer(t)
	seen := map[string]bool{}
	for range 3 {
		name := s.lend(t).Database
		if seen[name] {
			t.Errorf("%s is lent twice", name)
		}
		seen[name] = true
	}
}

// A store waits at its end for what still reads, and nobody begins afterwards.
func TestClosingALoanWaits(t *testing.T) {
	o := needServer(t).lend(t)
	for _, end := range []func(pgx.Tx) error{
		func(tx pgx.Tx) error {
			return errors.Join(tx.Commit(t.Context()), ignoreDone(tx.Rollback(t.Context())))
		},
		func(tx pgx.Tx) error { return tx.Rollback(t.Context()) },
	} {
		pool := newLoan(o.Pool.(*loan).conns)
		tx, err := pool.BeginTx(t.Context(), pgx.TxOptions{})
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan struct{})
		go func() { pool.Close(); close(closed) }()
		select {
		case <-closed:
			t.Fatal("closed under a transaction")
		case <-time.After(20 * time.Millisecond): // can only miss a mistake
		}
		if err := end(tx); err != nil {
			t.Fatal(err)
		}
		<-closed
		if _, err := pool.BeginTx(t.Context(), pgx.TxOptions{}); err == nil {
			t.Error("a transaction begins in a closed pool")
		}
	}
}

func ignoreDone(err error) error {
	if errors.Is(err, pgx.ErrTxClosed) {
		return nil
	}
	return err
}

var _ store.Pool = (*loan)(nil)
