package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"schulhof/store/fault"
)

// gooseTable remembers what has been migrated; a restored database has its own.
const gooseTable = "goose_db_version"

// postgres writes every table of one snapshot to tables/NAME in the text form of COPY.
func (b *backup) postgres(ctx context.Context) error {
	b.m.Database = "postgres"
	folder := filepath.Join(b.dir, tablesFolder)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	b.folders = append(b.folders, folder)
	tx, err := b.store.pg.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return unavailable(err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	if err := b.schema(&Tx{store: b.store, pg: &pgConn{q: tx}}); err != nil {
		return err
	}
	tables, err := pgTables(ctx, tx)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if err := b.table(ctx, tx, table); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
	}
	return nil
}

func (b *backup) table(ctx context.Context, tx pgx.Tx, table string) error {
	path := filepath.Join(b.dir, tablesFolder, table)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = tx.Conn().PgConn().CopyTo(ctx, f, "COPY "+pgx.Identifier{table}.Sanitize()+" TO STDOUT")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	sum, size, err := sumFile(path)
	b.m.Files = append(b.m.Files, manifestFile{tablesFolder + "/" + table, size, sum})
	return err
}

// pgTables lists our tables, each after those that it refers to, so that rows can be copied in this order.
func pgTables(ctx context.Context, tx pgx.Tx) ([]string, error) {
	var names []string
	if err := pgStrings(ctx, tx, &names, `SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE relkind = 'r' AND n.nspname = current_schema() AND relname <> $1 ORDER BY relname`, gooseTable); err != nil {
		return nil, err
	}
	var sorted []string
	for len(sorted) < len(names) {
		before := len(sorted)
		for _, name := range names {
			if slices.Contains(sorted, name) {
				continue
			}
			var wants []string
			if err := pgStrings(ctx, tx, &wants, `SELECT p.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
				JOIN pg_class p ON p.oid = k.confrelid WHERE k.contype = 'f' AND c.relname = $1 AND p.relname <> $1`, name); err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(wants, func(w string) bool { return !slices.Contains(sorted, w) }) {
				sorted = append(sorted, name)
			}
		}
		if len(sorted) == before {
			return nil, fmt.Errorf("tables refer to each other in a circle: %s", names)
		}
	}
	return sorted, nil
}

func pgStrings(ctx context.Context, tx pgx.Tx, dest *[]string, query string, args ...any) error {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	*dest, err = pgx.CollectRows(rows, pgx.RowTo[string])
	return err
}

// restorePostgres fills the empty database with the tables that layOut has put beside the packs, and removes them there.
func (m *manifest) restorePostgres(ctx context.Context, o Options) error {
	cfg, err := pgx.ParseConfig(o.Database)
	if err != nil {
		return fmt.Errorf("database URL: %w", err)
	}
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	if o.migrations != nil {
		files = o.migrations
	}
	db := stdlib.OpenDB(*cfg)
	err = migrateTo(ctx, db, files, true, slog.New(slog.DiscardHandler), nil, m.Schema)
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return unavailable(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return m.fill(ctx, tx, o.Dir) }); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(o.Dir, tablesFolder))
}

func (m *manifest) fill(ctx context.Context, tx pgx.Tx, dir string) error {
	tables, err := pgTables(ctx, tx)
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, "SELECT 1 FROM blob LIMIT 1")
	if err != nil {
		return err
	}
	if tag.RowsAffected() > 0 {
		return fault.New(fault.Refused, "the database is not empty")
	}
	for _, table := range slices.Backward(tables) { // what migrations have put there comes again from the backup
		if _, err := tx.Exec(ctx, "DELETE FROM "+pgx.Identifier{table}.Sanitize()); err != nil {
			return err
		}
	}
	for _, table := range tables {
		if err := copyTable(ctx, tx, filepath.Join(dir, tablesFolder, table), table); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
	}
	return nil
}

// copyTable reads the rows in and sets the counter of the key behind them.
func copyTable(ctx context.Context, tx pgx.Tx, path, table string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := tx.Conn().PgConn().CopyFrom(ctx, f, "COPY "+pgx.Identifier{table}.Sanitize()+" FROM STDIN"); err != nil {
		return err
	}
	var counters []string
	if err := pgStrings(ctx, tx, &counters, `SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attidentity <> ''`,
		pgx.Identifier{table}.Sanitize()); err != nil {
		return err
	}
	for _, column := range counters {
		name := pgx.Identifier{column}.Sanitize()
		_, err := tx.Exec(ctx, "SELECT setval(pg_get_serial_sequence($1, $2), GREATEST((SELECT COALESCE(MAX("+name+"), 0) FROM "+
			pgx.Identifier{table}.Sanitize()+"), 1))", table, column)
		if err != nil {
			return err
		}
	}
	return nil
}
