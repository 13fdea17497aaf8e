package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"schulhof/store/pack"
)

// backupNote is the file in the data directory that tells from when the last whole backup is. It is in no backup: what is restored has
// not been saved yet.
const backupNote = "backup.time"

// noteBackup remembers a backup. The note is replaced as a whole.
func (s *Store) noteBackup(at time.Time) error {
	draft := filepath.Join(s.o.Dir, "tmp", spoolPrefix+backupNote)
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("note of the backup: %w", err)
	}
	if err := writeSynced(draft, []byte(at.UTC().Format(time.RFC3339)+"\n")); err != nil {
		return fmt.Errorf("note of the backup: %w", err)
	}
	if err := os.Rename(draft, filepath.Join(s.o.Dir, backupNote)); err != nil {
		return fmt.Errorf("note of the backup: %w", err)
	}
	return pack.SyncDir(nil, s.o.Dir)
}

// LastBackup tells from when the last whole backup of this data directory is; the zero time: none has been made.
func (s *Store) LastBackup() (time.Time, error) {
	text, err := os.ReadFile(filepath.Join(s.o.Dir, backupNote))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("last backup: %w", err)
	}
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text)))
	if err != nil {
		return time.Time{}, fmt.Errorf("last backup: %w", err)
	}
	return at, nil
}
