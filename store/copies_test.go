package store_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"schulhof/store/storetest"
)

// Copies that were made before migrations go when they are old enough, and nothing else does.
func TestRemoveCopies(t *testing.T) {
	s := storetest.Open(t)
	made := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for name, age := range map[string]time.Duration{
		"schulhof.db.before-0003": 40 * 24 * time.Hour, "schulhof.db.before-0012": 30 * 24 * time.Hour, "schulhof.db.before-0013": 29 * 24 * time.Hour,
		"schulhof.db.before-lunch": 90 * 24 * time.Hour, "other.db.before-0001": 90 * 24 * time.Hour, "schulhof.toml": 90 * 24 * time.Hour,
	} {
		path := filepath.Join(s.Dir(), name)
		if err := os.WriteFile(path, []byte("copy"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, made, made.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(s.Dir(), "schulhof.db.before-0001"), 0o700); err != nil { // somebody's folder
		t.Fatal(err)
	}
	removed, err := s.RemoveCopies(made.Add(-30 * 24 * time.Hour))
	if want := []string{"schulhof.db.before-0003", "schulhof.db.before-0012"}; err != nil || !slices.Equal(removed, want) {
		t.Errorf("RemoveCopies = %q, %v, want %q", removed, err, want)
	}
	left, err := filepath.Glob(filepath.Join(s.Dir(), "*.before-*"))
	if err != nil || len(left) != 4 {
		t.Errorf("left: %q, %v", left, err)
	}
	if removed, err := s.RemoveCopies(made.Add(-30 * 24 * time.Hour)); err != nil || removed != nil {
		t.Errorf("the second time: %q, %v", removed, err)
	}
}
