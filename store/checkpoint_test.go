package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"schulhof/store"
)

const logRoom = 1 << 20

// roomy opens a store whose log has room from the start.
func roomy(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: dir, LogRoom: logRoom})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// The log is as long as asked for before the first commit, and a commit does not make it longer.
func TestTheLogHasRoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := roomy(t, dir)
	length := func() int64 {
		t.Helper()
		info, err := os.Stat(filepath.Join(dir, "schulhof.db-wal"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	if n := length(); n != logRoom {
		t.Fatalf("the log has %d bytes after opening, want %d", n, logRoom)
	}
	scratch(t, s)
	for n := range 20 {
		if err := deliver(s, n, body(n)); err != nil {
			t.Fatal(err)
		}
	}
	if n := length(); n != logRoom {
		t.Errorf("the log has %d bytes after 20 commits, want %d", n, logRoom)
	}
}

// What was committed into a log with room is there after the process was killed: SQLite reads the log up to the zeros. The copy of the files is
// what a killed process leaves.
func TestALogWithRoomIsReadAfterAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := roomy(t, dir)
	scratch(t, s)
	const messages = 5
	for n := range messages {
		if err := deliver(s, n, body(n)); err != nil {
			t.Fatal(err)
		}
		left := t.TempDir()
		if err := os.CopyFS(left, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		again := roomy(t, left)
		count := 0
		err := again.Read(t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow("SELECT COUNT(*) FROM scratch").Scan(&count)
		})
		if err != nil || count != n+1 {
			t.Fatalf("after %d deliveries the files hold %d, %v", n+1, count, err)
		}
	}
}

// An empty log that is all zeros, as a kill before the first commit leaves it, hides nothing of the database.
func TestALogOfZeros(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := roomy(t, dir)
	scratch(t, s)
	if err := deliver(s, 0, body(0)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "schulhof.db-wal"), make([]byte, logRoom), 0o600); err != nil {
		t.Fatal(err)
	}
	again := roomy(t, dir)
	if err := deliver(again, 1, body(1)); err != nil {
		t.Fatal(err)
	}
	count := 0
	err := again.Read(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow("SELECT COUNT(*) FROM scratch").Scan(&count)
	})
	if err != nil || count != 2 {
		t.Errorf("%d rows, %v, want 2", count, err)
	}
}
