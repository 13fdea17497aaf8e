// Package storetest opens real stores for the tests of other rooms.
package storetest

import (
	"context"
	"crypto/rand"
	"flag"
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
	EachOptions(t, func(t *testing.T, o store.Options) { test(t, OpenWith(t, o)) })
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
	admin := os.Getenv(PostgresEnv)
	if admin == "" {
		t.Skipf("%s is not set: this half needs a PostgreSQL (store/storetest/postgres.sh start prints its URL)", PostgresEnv)
	}
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatalf("%s: %v", PostgresEnv, err)
	}
	name := "test_" + strings.ToLower(rand.Text())
	// A copy of the files takes half as long as one through the log.
	run(t, admin, "CREATE DATABASE "+name+" TEMPLATE template0 STRATEGY FILE_COPY ENCODING 'UTF8' LOCALE 'C'")
	t.Cleanup(func() { run(t, admin, "DROP DATABASE "+name+" WITH (FORCE)") })
	u.Path = "/" + name
	return u.String()
}

func run(t testing.TB, address, statement string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatalf("PostgreSQL of %s: %v", PostgresEnv, err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
