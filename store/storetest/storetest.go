// Package storetest opens real stores for the tests of other rooms.
package storetest

import (
	"context"
	"flag"
	"os"
	"strconv"
	"testing"

	"schulhof/store"
)

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
		test(t, OpenWith(t, needServer(t).lend(t)))
	})
}

// EachOptions is Each for tests that open, close and open again: o has a Dir and Database in which the migrations are done.
func EachOptions(t *testing.T, test func(t *testing.T, o store.Options)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		o := store.Options{Dir: t.TempDir()}
		layMigrated(t, o.Dir)
		test(t, o)
	})
	t.Run("postgres", func(t *testing.T) { test(t, store.Options{Dir: t.TempDir(), Database: needServer(t).copyOf(t)}) })
}

// EachEmpty is EachOptions for tests that migrate.
func EachEmpty(t *testing.T, test func(t *testing.T, o store.Options)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, store.Options{Dir: t.TempDir()}) })
	t.Run("postgres", func(t *testing.T) { test(t, store.Options{Dir: t.TempDir(), Database: Postgres(t)}) })
}

// OpenLike opens one more fresh store of the same dialect.
func OpenLike(t testing.TB, like *store.Store) *store.Store {
	t.Helper()
	if like.Postgres() {
		return OpenWith(t, needServer(t).lend(t))
	}
	return Open(t)
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
