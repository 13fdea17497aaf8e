package storetest

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// remember keeps, in a schema of its own, what the migrations have put into the tables, and returns the shape of the tables.
func remember(url string) (shape string, err error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", fmt.Errorf("migrated store: %w", err)
	}
	defer conn.Close(ctx)
	tables, err := column(ctx, conn, `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`)
	if err != nil {
		return "", err
	}
	var script strings.Builder
	script.WriteString(`CREATE SCHEMA pristine; CREATE TABLE pristine.tables (name TEXT PRIMARY KEY);
		CREATE TABLE pristine.sequences AS SELECT sequencename::text AS name, COALESCE(last_value, start_value) AS value,
			last_value IS NOT NULL AS called FROM pg_sequences WHERE schemaname = 'public';`)
	for _, name := range tables {
		fmt.Fprintf(&script, "INSERT INTO pristine.tables VALUES ('%s');", name)
		var rows bool
		if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM `+quote(name)+`)`).Scan(&rows); err != nil {
			return "", fmt.Errorf("migrated store: %w", err)
		}
		if rows {
			fmt.Fprintf(&script, "CREATE TABLE pristine.%s AS TABLE public.%[1]s;", quote(name))
		}
	}
	if err := runScript(ctx, conn, script.String()); err != nil {
		return "", err
	}
	if err := conn.QueryRow(ctx, shapeQuery).Scan(&shape); err != nil {
		return "", fmt.Errorf("shape of the tables: %w", err)
	}
	return shape, nil
}

// shapeQuery sums up all that tests may change of a schema: a copy of a database has the same object numbers.
const shapeQuery = `SELECT md5(string_agg(x, ' ' ORDER BY x)) FROM (
	SELECT concat_ws(' ', 'r', oid, relname, relkind, relnatts, relchecks, relhastriggers) AS x FROM pg_class
		WHERE relnamespace = 'public'::regnamespace
	UNION ALL SELECT concat_ws(' ', 'a', attrelid, attnum, attname, atttypid, attnotnull, attcollation) FROM pg_attribute
		WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
	UNION ALL SELECT concat_ws(' ', 'c', oid, conname) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
	UNION ALL SELECT concat_ws(' ', 't', oid, tgname, tgenabled) FROM pg_trigger
	UNION ALL SELECT concat_ws(' ', 'p', oid, proname) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
	UNION ALL SELECT concat_ws(' ', 'busy', pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle') AS part (x)`

// empty brings the database back to what the migrations made of it, as though it were a copy: no dead rows, no statistics, each
// sequence at its start. It tells whether the tables have the shape that they had.
func (d *database) empty(ctx context.Context, shape string) (same bool, err error) {
	c, err := d.conns.Acquire(ctx)
	if err != nil {
		return false, fmt.Errorf("%s: %w", d.name, err)
	}
	defer c.Release()
	conn := c.Conn()
	added, err := column(ctx, conn, `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
		AND relname NOT IN (SELECT name FROM pristine.tables)`)
	if err != nil {
		return false, err
	}
	used, err := column(ctx, conn, `SELECT name FROM pristine.tables JOIN pg_class ON relname = name
		WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0`)
	if err != nil {
		return false, err
	}
	kept, err := column(ctx, conn, `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'pristine'::regnamespace
		AND relname IN (SELECT name FROM pristine.tables)`)
	if err != nil {
		return false, err
	}
	if err := runScript(ctx, conn, removeAll(added, used)); err != nil {
		return false, err
	}
	if len(added) > 0 {
		d.conns.Reset() // another test's tables of these names need not be like them, and connections remember statements
	}
	if len(used) > 0 {
		if err := runScript(ctx, conn, "VACUUM "+quoteAll(used)); err != nil {
			return false, err
		}
	}
	if err := runScript(ctx, conn, putBack(kept)); err != nil {
		return false, err
	}
	var now string
	if err := conn.QueryRow(ctx, shapeQuery).Scan(&now); err != nil {
		return false, fmt.Errorf("shape of the tables: %w", err)
	}
	return now == shape, nil
}

// As a replica PostgreSQL asks no foreign key.
const asReplica = "BEGIN; SET LOCAL session_replication_role = replica;"

func removeAll(tables, rows []string) string {
	var script strings.Builder
	script.WriteString(asReplica)
	if len(tables) > 0 {
		script.WriteString("DROP TABLE " + quoteAll(tables) + " CASCADE;")
	}
	for _, name := range rows {
		script.WriteString("DELETE FROM " + quote(name) + ";")
	}
	script.WriteString("COMMIT")
	return script.String()
}

func putBack(tables []string) string {
	var script strings.Builder
	script.WriteString(asReplica)
	for _, name := range tables {
		fmt.Fprintf(&script, "INSERT INTO public.%s SELECT * FROM pristine.%[1]s;", quote(name))
	}
	script.WriteString(`SELECT setval(('public.' || quote_ident(name))::regclass, value, called) FROM pristine.sequences;
		UPDATE pg_class SET relpages = 0, reltuples = -1, relallvisible = 0
			WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples <> -1; COMMIT`)
	return script.String()
}

func column(ctx context.Context, conn *pgx.Conn, query string) ([]string, error) {
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	return list, nil
}

// runScript runs statements without parameters in one message.
func runScript(ctx context.Context, conn *pgx.Conn, script string) error {
	if _, err := conn.PgConn().Exec(ctx, script).ReadAll(); err != nil {
		return fmt.Errorf("%.80s: %w", script, err)
	}
	return nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quote(name)
	}
	return strings.Join(quoted, ", ")
}
