package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"schulhof/store/pack"
)

// copySuffix stands between the database's name and the version that it was copied at, before it was migrated.
const copySuffix = ".before-"

// RemoveCopies removes the copies of the database that were made before migrations until t, and names the files removed. The database
// is open, so each of these migrations has succeeded: a start that migrates anew writes its copy anew.
func (s *Store) RemoveCopies(t time.Time) (removed []string, err error) {
	copies, err := filepath.Glob(s.databasePath() + copySuffix + "[0-9][0-9][0-9][0-9]*")
	if err != nil {
		return nil, fmt.Errorf("copies before migrations: %w", err)
	}
	var errs []error
	for _, path := range copies {
		info, err := os.Stat(path)
		if err == nil && (!info.Mode().IsRegular() || info.ModTime().After(t)) {
			continue
		}
		if err == nil {
			err = os.Remove(path)
		}
		switch {
		case err == nil:
			removed = append(removed, filepath.Base(path))
		case !errors.Is(err, fs.ErrNotExist):
			errs = append(errs, fmt.Errorf("copies before migrations: %w", err))
		}
	}
	if len(removed) > 0 {
		errs = append(errs, pack.SyncDir(nil, s.o.Dir))
	}
	return removed, errors.Join(errs...)
}
