package storetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"schulhof/store"
)

// Most tests want a store that is migrated already, and migrating takes longer than most of them: each process does it once for
// a dialect and copies what came of it.

// migratedFile is a SQLite database with every migration done.
var migratedFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "migrated-*")
	if err != nil {
		return nil, fmt.Errorf("migrated store: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := migrate(store.Options{Dir: dir}); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, databaseFile))
})

// databaseFile is where a store has its SQLite database.
const databaseFile = "schulhof.db"

// migratedDatabase names a PostgreSQL database with every migration done. It goes with its cluster.
var migratedDatabase = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "migrated-*")
	if err != nil {
		return "", fmt.Errorf("migrated store: %w", err)
	}
	defer os.RemoveAll(dir)
	name := "migrated_" + strings.ToLower(rand.Text())
	url, err := create(name, emptyDatabase)
	if err != nil {
		return "", err
	}
	return name, migrate(store.Options{Dir: dir, Database: url})
})

func migrate(o store.Options) error {
	s, err := store.Open(context.Background(), o)
	if err != nil {
		return fmt.Errorf("migrated store: %w", err)
	}
	return s.Close()
}

// layMigrated puts a migrated SQLite database into the folder of a store that is to be.
func layMigrated(t testing.TB, dir string) {
	t.Helper()
	file, err := migratedFile()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, databaseFile), file, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
