package store

import "io/fs"

// Waiting is how many closures are in the queue.
func (s *Store) Waiting() int { return len(s.jobs) }

// WithMigrations opens with other migrations than the embedded ones.
func WithMigrations(o Options, files fs.FS) Options {
	o.migrations = files
	return o
}

// RetireDelay is how long a pack without live blobs stays.
const RetireDelay = retireDelay

// FreeSpaceEvery is how often the file system is asked for its free space.
const FreeSpaceEvery = freeSpaceEvery

// Shared lets several stores use one PostgreSQL database.
func Shared(o Options) Options {
	o.shared = true
	return o
}
