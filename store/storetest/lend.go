package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"schulhof/store"
)

// A connection to PostgreSQL is a process there, and a new database is a few hundred files: together they cost more than most
// tests. So the databases of Each, and the connections to them, are lent to one test after the other and emptied in between. The
// next process of the tests takes them over.

// theServer is the PostgreSQL of the tests.
var theServer = sync.OnceValues(connect)

// server knows the databases that this process has claimed. Its connection holds a lock on each.
type server struct {
	at url.URL

	mu   sync.Mutex // one statement at a time
	conn *pgx.Conn

	pool  sync.Mutex // guards what follows
	basis *template
	held  map[int]bool // numbers of the databases that are locked
	free  []*database
}

// template is a migrated database that nobody uses, to copy.
type template struct {
	name  string
	key   int32  // of its locks
	shape string // of its tables
}

// database is a copy of the template with the connections to it.
type database struct {
	name  string
	conns *pgxpool.Pool
}

// lend gives t a migrated database with nothing in it that the migrations have not put there.
func (s *server) lend(t testing.TB) store.Options {
	t.Helper()
	d, err := s.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.pool.Lock()
		s.free = append(s.free, d)
		s.pool.Unlock()
	})
	return store.Options{Database: s.url(d.name), Pool: newLoan(d.conns)}
}

// copyOf makes a migrated database for t that goes when t ends, and returns its URL.
func (s *server) copyOf(t testing.TB) string {
	t.Helper()
	s.pool.Lock()
	err := s.prepare()
	s.pool.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	return s.make(t, s.basis.name)
}

// take empties a database that is free, or claims one.
func (s *server) take(ctx context.Context) (*database, error) {
	s.pool.Lock()
	var d *database
	var err error
	fresh := false
	if last := len(s.free) - 1; last >= 0 {
		d, s.free = s.free[last], s.free[:last]
	} else {
		d, fresh, err = s.claim()
	}
	s.pool.Unlock()
	if err != nil || fresh {
		return d, err
	}
	if same, err := d.empty(ctx, s.basis.shape); err == nil && same {
		return d, nil
	}
	d.conns.Close() // a test has changed more than rows
	return d, s.fill(d)
}

// prepare makes sure of the template.
func (s *server) prepare() (err error) {
	if s.basis == nil {
		s.held = map[int]bool{}
		s.basis, err = s.makeTemplate()
	}
	return err
}

// claim locks the first database that no process uses; fresh: it had to be made.
func (s *server) claim() (d *database, fresh bool, err error) {
	if err := s.prepare(); err != nil {
		return nil, false, err
	}
	number := 0
	for got := false; !got; {
		if number++; s.held[number] {
			continue
		}
		if err := s.ask(&got, `SELECT pg_try_advisory_lock($1, $2)`, s.basis.key, number); err != nil {
			return nil, false, err
		}
	}
	s.held[number] = true
	d = &database{name: fmt.Sprintf("%s_%d", s.basis.name, number)}
	var there bool
	if err := s.ask(&there, `SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)`, d.name); err != nil {
		return nil, false, err
	}
	if !there {
		return d, true, s.fill(d)
	}
	d.conns, err = store.OpenPool(context.Background(), s.url(d.name))
	return d, false, err
}

// fill makes the database anew.
func (s *server) fill(d *database) error {
	if err := s.drop(d.name); err != nil {
		return err
	}
	err := s.create(d.name, s.basis.name)
	if err == nil {
		d.conns, err = store.OpenPool(context.Background(), s.url(d.name))
	}
	return err
}

// makeTemplate finds the template for these migrations or makes it, while no other process does.
func (s *server) makeTemplate() (*template, error) {
	sum, err := sumMigrations()
	if err != nil {
		return nil, err
	}
	b := &template{name: fmt.Sprintf("migrated_%x", sum[:8]), key: int32(binary.BigEndian.Uint32(sum[8:]))}
	if err := s.run(`SELECT pg_advisory_lock($1, 0)`, b.key); err != nil {
		return nil, err
	}
	defer s.run(`SELECT pg_advisory_unlock($1, 0)`, b.key)
	var there bool
	if err := s.ask(&there, `SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)`, b.name); err != nil {
		return nil, err
	}
	if !there {
		if err := s.migrateTemplate(b.name); err != nil {
			return nil, err
		}
	}
	return b, s.ask(&b.shape, `SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1`, b.name)
}

// migrateTemplate makes the database under another name first: one that has its name is whole.
func (s *server) migrateTemplate(name string) error {
	dir, err := os.MkdirTemp("", "migrated-*")
	if err != nil {
		return fmt.Errorf("migrated store: %w", err)
	}
	defer os.RemoveAll(dir)
	half := "half_" + name
	if err := s.drop(half); err != nil {
		return err
	}
	if err := s.create(half, emptyDatabase); err != nil {
		return err
	}
	if err := migrate(store.Options{Dir: dir, Database: s.url(half)}); err != nil {
		return err
	}
	shape, err := remember(s.url(half))
	if err != nil {
		return err
	}
	if err := s.run("COMMENT ON DATABASE " + half + " IS '" + shape + "'"); err != nil {
		return err
	}
	return s.run("ALTER DATABASE " + half + " RENAME TO " + name)
}

// sumMigrations tells the schema of this program, and what it remembers of it, from those of others that use the same PostgreSQL.
func sumMigrations() ([]byte, error) {
	sum := sha256.New()
	sum.Write([]byte(shapeQuery))
	files := store.Migrations(true)
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".sql") {
			return err
		}
		text, err := fs.ReadFile(files, path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text)
		return err
	})
	return sum.Sum(nil), err
}
