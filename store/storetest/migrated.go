package storetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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
