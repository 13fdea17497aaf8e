package store_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/storetest"
)

// A backup that is whole is remembered where it was made: not one that failed, and not in what is restored from it.
func TestLastBackup(t *testing.T) {
	now := time.Date(2026, 11, 26, 5, 0, 0, 0, time.UTC)
	dir := filepath.Join(t.TempDir(), "data")
	s := storetest.OpenWith(t, store.Options{Dir: dir, Now: func() time.Time { return now }})
	last := func(s *store.Store, want time.Time) {
		t.Helper()
		if at, err := s.LastBackup(); err != nil || !at.Equal(want) {
			t.Errorf("LastBackup = %s, %v, want %s", at, err, want)
		}
	}
	last(s, time.Time{})
	var saved string
	for range 2 {
		saved = filepath.Join(t.TempDir(), "saved")
		if err := s.Backup(t.Context(), saved); err != nil {
			t.Fatal(err)
		}
		last(s, now)
		now = now.Add(24 * time.Hour)
	}
	now = now.Add(time.Hour)
	if err := s.Backup(t.Context(), saved); err == nil {
		t.Error("a backup over another one succeeded")
	}
	last(s, now.Add(-25*time.Hour))

	restored := store.Options{Dir: filepath.Join(t.TempDir(), "restored")}
	if err := store.RestoreTo(t.Context(), saved, restored); err != nil {
		t.Fatal(err)
	}
	last(storetest.OpenWith(t, restored), time.Time{})
	if err := os.WriteFile(filepath.Join(dir, "backup.time"), []byte("yesterday"), 0o600); err != nil {
		t.Fatal(err)
	}
	if at, err := s.LastBackup(); err == nil {
		t.Errorf("LastBackup of a broken note = %s", at)
	}
}
