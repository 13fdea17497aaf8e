// Package storetest opens real stores for the tests of other rooms.
package storetest

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"schulhof/store"
)

// PostgresEnv names the variable with the URL of a throw-away PostgreSQL, for example from store/storetest/postgres.sh start.
const PostgresEnv = "SCHULHOF_TEST_POSTGRES"

// Open opens a fresh SQLite store in t.TempDir(), which is closed when t ends.
func Open(t testing.TB) *store.Store {
	t.Helper()
	return OpenWith(t, store.Options{})
}

// OpenWith is Open with options; an empty Dir becomes t.TempDir().
func OpenWith(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
		if o.Database == "" {
			layMigrated(t, o.Dir)
		}
	}
	s, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return s
}

// Each runs test on a fresh store of each dialect, as subtests sqlite and postgres.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, Open(t)) })
	t.Run("postgres", func(t *testing.T) {
		needServer(t)
		template, err := migratedDatabase()
		if err != nil {
			t.Fatal(err)
		}
		test(t, OpenWith(t, store.Options{Database: copyOf(t, template)}))
	})
}

// EachOptions is Each for tests that open, close and open again: o has a fresh Dir and Database.
func EachOptions(t *testing.T, test func(t *testing.T, o store.Options)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, store.Options{Dir: t.TempDir()}) })
	t.Run("postgres", func(t *testing.T) { test(t, store.Options{Dir: t.TempDir(), Database: Postgres(t)}) })
}

// ShortRun bounds the number of runs of a model test with rapid, unless the flag rapid.checks or SCHULHOF_E2E asks for more.
func ShortRun(t testing.TB, checks int) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	if f == nil || f.Value.String() != f.DefValue || os.Getenv("SCHULHOF_E2E") != "" {
		return
	}
	if err := f.Value.Set(strconv.Itoa(checks)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Value.Set(f.DefValue) })
}

// Postgres makes a fresh database and returns its URL; without PostgresEnv it skips the test and says so.
func Postgres(t testing.TB) string {
	t.Helper()
	needServer(t)
	return copyOf(t, emptyDatabase)
}

func needServer(t testing.TB) {
	t.Helper()
	if os.Getenv(PostgresEnv) == "" {
		t.Skipf("%s is not set: this half needs a PostgreSQL (store/storetest/postgres.sh start prints its URL)", PostgresEnv)
	}
}

// copyOf makes a copy of a database, which goes when t ends, and returns its URL.
func copyOf(t testing.TB, template string) string {
	t.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	u, err := create(name, template)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return u
}

// emptyDatabase is PostgreSQL's own template with nothing in it.
const emptyDatabase = "template0"

// create makes a database and returns its URL.
func create(name, template string) (string, error) {
	u, err := url.Parse(os.Getenv(PostgresEnv))
	if err != nil {
		return "", fmt.Errorf("%s: %w", PostgresEnv, err)
	}
	u.Path = "/" + name
	// A copy of the files takes half as long as one through the log.
	return u.String(), run("CREATE DATABASE " + name + " TEMPLATE " + template + " STRATEGY FILE_COPY ENCODING 'UTF8' LOCALE 'C'")
}

func run(statement string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, os.Getenv(PostgresEnv))
	if err != nil {
		return fmt.Errorf("PostgreSQL of %s: %w", PostgresEnv, err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}
