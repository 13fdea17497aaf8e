package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// up is a migration with these statements.
func up(statements string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("-- +goose Up\n" + statements)}
}

const blobTable = "CREATE TABLE blob (id {{id}}, hash {{bytes}}, pack BIGINT, offset_ BIGINT, length BIGINT, size BIGINT, refs BIGINT, unreferenced_at BIGINT);\n"

// schoolV1 is a first version with some rows.
const schoolV1 = blobTable + `CREATE TABLE pupil (id {{id}}, name {{text}} NOT NULL);
INSERT INTO pupil (name) VALUES ('Änne');
INSERT INTO pupil (name) VALUES ('Zoë');`

// TestAnInterruptedMigration fails a migration in its middle, twice: each time the database is as it was before, and a better
// program then brings it to the end.
func TestAnInterruptedMigration(t *testing.T) {
	old := fstest.MapFS{"0001_one.sql": up(schoolV1)}
	broken := func(second string) fstest.MapFS {
		return fstest.MapFS{"0001_one.sql": up(schoolV1),
			"0002_two.sql":   up("CREATE TABLE class (id {{id}}, name {{text}} NOT NULL);"),
			"0003_three.sql": up("ALTER TABLE pupil ADD COLUMN class BIGINT;\nUPDATE pupil SET class = 7;\n" + second)}
	}
	whole := broken("CREATE INDEX pupil_class ON pupil (class);")
	storetest.EachEmpty(t, func(t *testing.T, o store.Options) {
		try := func(files fstest.MapFS, then func(s *store.Store)) error {
			s, err := store.Open(context.Background(), store.WithMigrations(o, files))
			if err != nil {
				return err
			}
			then(s)
			return s.Close()
		}
		if err := try(old, func(*store.Store) {}); err != nil {
			t.Fatal(err)
		}
		for _, second := range []string{"CREATE INDEX pupil_class ON nothing (class);", "INSERT INTO pupil (id, name) VALUES (1, 'twice');"} {
			if err := try(broken(second), func(*store.Store) {}); err == nil {
				t.Fatalf("a migration with %q succeeded", second)
			}
			err := try(fstest.MapFS{"0001_one.sql": up(schoolV1), "0002_two.sql": broken("")["0002_two.sql"]}, func(s *store.Store) {
				if n := number(t, s, "SELECT COUNT(*) FROM pupil"); n != 2 {
					t.Errorf("%d pupils after %q, want 2", n, second)
				}
				if err := s.Read(context.Background(), func(tx *store.Tx) error { return tx.QueryRow("SELECT class FROM pupil").Scan(new(*int64)) }); err == nil {
					t.Errorf("half of the migration with %q is there", second)
				}
			})
			if err != nil {
				t.Errorf("the program of before, after %q: %v", second, err)
			}
		}
		for range 2 { // the second time there is nothing to do
			err := try(whole, func(s *store.Store) {
				if n := number(t, s, "SELECT SUM(class) FROM pupil"); n != 14 {
					t.Errorf("sum = %d, want 14", n)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := try(old, func(*store.Store) {}); !fault.Is(err, fault.Refused) || !strings.Contains(err.Error(), "use a newer program") {
			t.Errorf("the old program: %v, want Refused with what to do", err)
		}
	})
}

// TestTheCopyBeforeMigrating: the database as it was lies beside the new one, private, whole, and usable by the old program.
func TestTheCopyBeforeMigrating(t *testing.T) {
	dir := t.TempDir()
	old := fstest.MapFS{"0001_one.sql": up(schoolV1)}
	more := fstest.MapFS{"0001_one.sql": up(schoolV1), "0002_two.sql": up("DELETE FROM pupil;")}
	open := func(dir string, files fstest.MapFS) *store.Store {
		s, err := store.Open(context.Background(), store.WithMigrations(store.Options{Dir: dir}, files))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open(dir, old)
	if found, _ := filepath.Glob(filepath.Join(dir, "*.before-*")); len(found) > 0 {
		t.Errorf("a new database was copied: %v", found)
	}
	write(t, s, "INSERT INTO pupil (name) VALUES ('Ole')")
	s.Close()
	s = open(dir, more)
	if n := number(t, s, "SELECT COUNT(*) FROM pupil"); n != 0 {
		t.Errorf("%d pupils after the migration", n)
	}
	s.Close()
	copied := filepath.Join(dir, "schulhof.db.before-0001")
	info, err := os.Stat(copied)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the copy: %v, %v, want mode 0600", info, err)
	}
	back := t.TempDir() // the way back that docs describe
	if err := os.Rename(copied, filepath.Join(back, "schulhof.db")); err != nil {
		t.Fatal(err)
	}
	s = open(back, old)
	defer s.Close()
	if n := number(t, s, "SELECT COUNT(*) FROM pupil"); n != 3 {
		t.Errorf("%d pupils in the copy, want 3", n)
	}
}

// TestMigrationsThatCannotBe: a wrong set of files is an error of Open, and nothing is locked afterwards.
func TestMigrationsThatCannotBe(t *testing.T) {
	tests := []struct {
		name  string
		files fstest.MapFS
		want  string
	}{
		{"a number twice", fstest.MapFS{"0001_one.sql": up(schoolV1), "0001_other.sql": up("SELECT 1;")}, "0001"},
		{"no number", fstest.MapFS{"one.sql": up(schoolV1)}, "blob"},
		{"an unknown word", fstest.MapFS{"0001_one.sql": up(schoolV1), "0002_two.sql": up("CREATE TABLE x (id {{uuid}});")}, "{{uuid}}"},
		{"no SQL", fstest.MapFS{"0001_one.sql": up(schoolV1), "0002_two.sql": up("Guten Tag;")}, "Guten"},
		{"no table of blobs", fstest.MapFS{"0001_one.sql": up("CREATE TABLE x (id {{id}});")}, "blob"},
	}
	for _, tt := range tests {
		o := store.Options{Dir: t.TempDir()}
		_, err := store.Open(context.Background(), store.WithMigrations(o, tt.files))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
			continue
		}
		s, err := store.Open(context.Background(), store.WithMigrations(o, fstest.MapFS{"0001_one.sql": up(schoolV1)}))
		if fault.Is(err, fault.InUse) {
			t.Errorf("%s: the directory stayed locked: %v", tt.name, err)
		}
		if err == nil {
			s.Close()
		}
	}
}

// TestBothDialectsHaveTheSameTables opens the real schema on both and compares names of tables, columns and indexes.
func TestBothDialectsHaveTheSameTables(t *testing.T) {
	names := func(s *store.Store) (all []string) {
		query := `SELECT m.name || '.' || p.name FROM sqlite_schema m JOIN pragma_table_info(m.name) p
			WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE 'goose%'
			UNION ALL SELECT name FROM sqlite_schema WHERE type = 'index' AND name NOT LIKE 'sqlite%' ORDER BY 1`
		if s.Postgres() {
			query = `SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = current_schema()
				AND table_name NOT LIKE 'goose%'
				UNION ALL SELECT indexname::text FROM pg_indexes WHERE schemaname = current_schema() AND indexname NOT LIKE '%_key'
				AND indexname NOT LIKE '%_pkey' AND tablename NOT LIKE 'goose%' ORDER BY 1`
		}
		err := s.Read(context.Background(), func(tx *store.Tx) error {
			rows, err := tx.Query(query)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var name string
				if err := rows.Scan(&name); err != nil {
					return err
				}
				all = append(all, name)
			}
			return rows.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	lite := names(storetest.Open(t))
	if len(lite) < 20 {
		t.Fatalf("only %q", lite)
	}
	pg := names(storetest.OpenWith(t, store.Options{Database: storetest.Postgres(t)}))
	seen := map[string]int{}
	for _, name := range lite {
		seen[name]++
	}
	for _, name := range pg {
		seen[name] -= 1
	}
	for name, n := range seen {
		if n != 0 {
			t.Errorf("%s is in one dialect only (%+d)", name, n)
		}
	}
}

// TestOpenErrors: what Open cannot use it names, and it lets go of everything it took.
func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(dir, "garbage")
	if err := errors.Join(os.Mkdir(garbage, 0o700), os.WriteFile(filepath.Join(garbage, "schulhof.db"), []byte(strings.Repeat("garbage", 1000)), 0o600)); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		o    store.Options
		want string
	}{
		{"a folder below a file", store.Options{Dir: filepath.Join(file, "data")}, "data directory"},
		{"a database that is none", store.Options{Dir: garbage}, "not a database"},
		{"reading what is not there", store.Options{Dir: filepath.Join(dir, "nothing"), ReadOnly: true}, "nothing"},
		{"no URL", store.Options{Dir: filepath.Join(dir, "pg1"), Database: "postgres://%zz"}, "database URL"},
		{"no server", store.Options{Dir: filepath.Join(dir, "pg2"), Database: "postgres://127.0.0.1:1/x?connect_timeout=2"}, "open database"},
	}
	for _, tt := range tests {
		s, err := store.Open(context.Background(), tt.o)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := store.Open(context.Background(), tests[4].o); !fault.Is(err, fault.Unavailable) {
		t.Errorf("no server: %v, want Unavailable", err)
	}
	if err := os.Remove(filepath.Join(garbage, "schulhof.db")); err != nil {
		t.Fatal(err)
	}
	storetest.OpenWith(t, store.Options{Dir: garbage}) // the lock is free
}
