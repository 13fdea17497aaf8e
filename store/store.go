package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/prometheus/client_golang/prometheus"

	"schulhof/store/fault"
	"schulhof/store/pack"
)

// Options say where the state lives.
type Options struct {
	Dir       string                // data directory; created 0700 when missing
	Database  string                // "" : SQLite at Dir/schulhof.db; otherwise a postgres:// URL
	Log       *slog.Logger          // nil: discard
	Metrics   prometheus.Registerer // nil: none
	ReadOnly  bool                  // never takes the lock nor migrates (check on a copy)
	Now       func() time.Time      // nil: time.Now
	Grace     time.Duration         // how long an unreferenced blob stays; 0: DefaultGrace
	Compact   time.Duration         // how often Compact runs by itself; 0: DefaultCompact
	FreeFloor int64                 // free bytes on the disk below which Put refuses; 0: DefaultFreeFloor, -1: none
	Faults    FaultHook             // tests: asked before each write, fsync, rename; nil: none
	LogRoom   int64                 // SQLite: size to which the write-ahead log is filled with zeros before it is written; 0: none
	SealSize  int64                 // tests: size at which a pack is sealed; 0: pack.SealSize
	Pool      Pool                  // tests: connections to Database, which is migrated and nobody else's; nil: Open makes its own

	migrations fs.FS // tests; nil: the embedded ones
	shared     bool  // tests: another store may use the same PostgreSQL database
}

// FaultHook lets tests fail the n-th file operation. op: "write", "fsync", "rename", "create", "commit".
type FaultHook func(op, path string) error

// Store is an open data directory. Its methods may be called by many goroutines at once.
type Store struct {
	o       Options
	log     *slog.Logger
	now     func() time.Time
	lock    *os.File
	metrics metrics

	sql        sqlWriter
	readers    *liteReaders // SQLite
	pg         *pgPool      // PostgreSQL
	pool       jobPool
	jobs       chan *job
	bulk       chan *job
	closing    chan struct{}
	closeOnce  sync.Once
	closeErr   error
	writerDone chan struct{}
	commits    atomic.Uint64
	upkeep     sync.Mutex // one of Compact, Backup, Check at a time
	janitor    sync.WaitGroup
	checkpoint *checkpointer

	packs   *pack.Set
	pins    pins
	known   hashFilter
	feed    feed
	full    fullness
	health  health
	retired map[int64]time.Time // packs without live blobs, since when; guarded by upkeep
	refs    refQueries
}

// Open locks Dir (fault.InUse if a server holds it), copies the database before migrating, migrates, repairs a torn pack tail.
// fault.Refused: the schema is newer than the program.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{o: o, log: o.Log, now: o.Now, jobs: make(chan *job, queueLength), bulk: make(chan *job),
		closing: make(chan struct{}), writerDone: make(chan struct{}), retired: map[int64]time.Time{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.o.Grace == 0 {
		s.o.Grace = DefaultGrace
	}
	if s.o.Compact == 0 {
		s.o.Compact = DefaultCompact
	}
	if s.o.FreeFloor == 0 {
		s.o.FreeFloor = DefaultFreeFloor
	}
	s.metrics.init()
	if err := s.open(ctx); err != nil {
		s.closeParts()
		return nil, err
	}
	if err := s.metrics.register(o.Metrics, s); err != nil {
		s.closeParts()
		return nil, err
	}
	if o.ReadOnly {
		close(s.writerDone)
		return s, nil
	}
	go s.writer()
	s.janitor.Go(s.compactNowAndThen)
	s.janitor.Go(s.learnHashes)
	if s.checkpoint != nil {
		go s.checkpoint.run()
	}
	return s, nil
}

// open opens the parts in order; closeParts closes what there is.
func (s *Store) open(ctx context.Context) error {
	if err := s.openDir(); err != nil {
		return err
	}
	var err error
	if s.Postgres() {
		err = s.openPostgres(ctx)
	} else {
		err = s.openSQLite(ctx)
	}
	if err != nil {
		return err
	}
	var next, newest int64
	err = s.Read(ctx, func(tx *Tx) error {
		return tx.QueryRow(`SELECT COALESCE(MAX(pack), 0) + 1, (SELECT COALESCE(MAX(id), 0) FROM blob) FROM blob`).Scan(&next, &newest)
	})
	if err != nil {
		return fmt.Errorf("table of blobs: %w", err)
	}
	s.known.init(newest)
	s.packs, err = pack.Open(filepath.Join(s.o.Dir, "packs"), pack.Options{Log: s.log, Hook: pack.Hook(s.o.Faults),
		Known: func(id int64) (int64, error) { return s.packEnd(ctx, id) }, NextID: next, ReadOnly: s.o.ReadOnly, SealSize: s.o.SealSize})
	if err != nil || s.o.ReadOnly {
		return err
	}
	return pack.SyncDir(nil, s.o.Dir) // the names of what was made just now
}

// packEnd is where the last blob of pack id ends that a row knows of.
func (s *Store) packEnd(ctx context.Context, id int64) (end int64, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		return tx.QueryRow(`SELECT COALESCE(MAX(offset_ + length), 0) FROM blob WHERE pack = $1`, id).Scan(&end)
	})
	return end, err
}

// openDir makes and locks the data directory and empties tmp/.
func (s *Store) openDir() error {
	if s.o.ReadOnly {
		return nil
	}
	tmp := filepath.Join(s.o.Dir, "tmp")
	for _, dir := range []string{tmp, filepath.Join(s.o.Dir, "packs")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
	}
	var err error
	if s.lock, err = lockFile(filepath.Join(s.o.Dir, "lock")); err != nil {
		return err
	}
	entries, err := os.ReadDir(tmp)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), spoolPrefix) { // of a process that was killed
			if err := os.Remove(filepath.Join(tmp, e.Name())); err != nil {
				return fmt.Errorf("data directory: %w", err)
			}
		}
	}
	return nil
}

// openSQLite migrates and opens the writer, the readers and the checkpointer.
func (s *Store) openSQLite(ctx context.Context) error {
	version, number, _ := sqlite3.Version()
	if number < minSQLite {
		return fault.New(fault.Refused, "SQLite %s has a bug that can damage databases; it takes 3.51.3 or newer", version)
	}
	path := s.databasePath()
	s.readers = newLiteReaders(path)
	if s.o.ReadOnly {
		return nil
	}
	if err := s.migrateSQLite(ctx, path); err != nil {
		return err
	}
	conn, err := openLite(path, "rw", writerCacheKiB)
	if err != nil {
		return err
	}
	err = conn.script(fmt.Sprintf("PRAGMA busy_timeout=%d", restartPatience.Milliseconds())) // nobody else writes
	if err == nil {
		s.checkpoint, err = newCheckpointer(path, s.o.LogRoom, s.log)
	}
	if err == nil {
		s.checkpoint.makeRoom()
	}
	if err != nil {
		conn.close()
		return err
	}
	s.sql = &liteWriter{conn: conn, checkpoint: s.checkpoint}
	return nil
}

func (s *Store) databasePath() string { return filepath.Join(s.o.Dir, "schulhof.db") }

// migrateSQLite makes the file and brings its schema up to date.
func (s *Store) migrateSQLite(ctx context.Context, path string) error {
	conn, err := openLite(path, "rwc", writerCacheKiB)
	if err != nil {
		return err
	}
	defer conn.close()
	if err := os.Chmod(path, 0o600); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	db := sql.OpenDB(liteConnector{path})
	defer db.Close()
	db.SetMaxOpenConns(1)
	return migrate(ctx, db, s.migrationFiles(), false, s.log, func(version int64) error {
		return copyDatabase(conn, fmt.Sprintf("%s%s%04d", path, copySuffix, version))
	})
}

func (s *Store) migrationFiles() fs.FS {
	if s.o.migrations != nil {
		return s.o.migrations
	}
	return embedded()
}

// copyDatabase writes a consistent copy of conn's database to a file that may be there already.
func copyDatabase(conn *liteConn, path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("copy database: %w", err)
	}
	if _, err := conn.exec(`VACUUM INTO $1`, []any{path}); err != nil {
		return fmt.Errorf("copy database: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("copy database: %w", err)
	}
	return errors.Join(f.Chmod(0o600), f.Sync(), f.Close())
}

// Close waits for the writes that were handed in and the reads that run, and lets go of the directory. It is idempotent.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		close(s.closing)
		s.janitor.Wait()
		<-s.writerDone
		if s.checkpoint != nil && !s.o.ReadOnly {
			close(s.checkpoint.stop)
			<-s.checkpoint.done
		}
		s.closeErr = s.closeParts()
	})
	return s.closeErr
}

func (s *Store) closeParts() error {
	var errs []error
	if s.packs != nil {
		errs = append(errs, s.packs.Close())
	}
	if s.readers != nil {
		s.readers.close()
	}
	if s.checkpoint != nil {
		errs = append(errs, s.checkpoint.close())
	}
	if s.sql != nil {
		errs = append(errs, s.sql.close()) // last: SQLite then removes the log
	}
	if s.pg != nil {
		s.pg.close()
	}
	s.metrics.unregister()
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// Dir is the data directory.
func (s *Store) Dir() string { return s.o.Dir }

// Postgres reports the dialect, for the few statements that must differ.
func (s *Store) Postgres() bool { return s.o.Database != "" }

// ask asks the fault hook of tests.
func (s *Store) ask(op, path string) error {
	if s.o.Faults == nil {
		return nil
	}
	return s.o.Faults(op, path)
}
