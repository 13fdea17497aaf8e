package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"schulhof/store"
	"schulhof/store/fault"
	"schulhof/store/storetest"
)

// rowsOf is every row of the tables that a backup must keep, as text.
func rowsOf(t testing.TB, s *store.Store) string {
	t.Helper()
	var b strings.Builder
	err := s.Read(context.Background(), func(tx *store.Tx) error {
		for _, query := range []string{"SELECT id, n, name, data FROM scratch ORDER BY id", "SELECT id, refs, hash, hash FROM blob ORDER BY id"} {
			rows, err := tx.Query(query)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var id int64
				var n *int64
				var name, data []byte
				if err := rows.Scan(&id, &n, &name, &data); err != nil {
					return err
				}
				fmt.Fprintf(&b, "%d %v %q %x\n", id, n != nil, name, data)
				if n != nil {
					fmt.Fprintf(&b, "%d\n", *n)
				}
			}
			if err := rows.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// restore lays a backup out elsewhere, with a database of its own on PostgreSQL.
func restore(t *testing.T, saved string, o store.Options) store.Options {
	t.Helper()
	to := store.Options{Dir: filepath.Join(t.TempDir(), "elsewhere"), SealSize: o.SealSize}
	if o.Database != "" {
		to.Database = storetest.Postgres(t)
	}
	if err := store.RestoreTo(context.Background(), saved, to); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestARestoreElsewhereIsIdentical: same rows, same keys, same bytes, and the counters of keys go on behind the last.
func TestARestoreElsewhereIsIdentical(t *testing.T) {
	storetest.EachOptions(t, func(t *testing.T, o store.Options) {
		o.SealSize = 20_000
		s := storetest.OpenWith(t, o)
		scratch(t, s)
		for i := range 12 {
			if err := deliver(s, i, body(i)); err != nil {
				t.Fatal(err)
			}
		}
		write(t, s, "INSERT INTO scratch (n, name) VALUES (NULL, $1)", "a\tb\\c\nÄ \u2028 '\"")
		write(t, s, "DELETE FROM scratch WHERE id = 3")
		saved := filepath.Join(t.TempDir(), "backup")
		if err := s.Backup(context.Background(), saved); err != nil {
			t.Fatal(err)
		}
		if o.Database != "" { // its table was made by the test, not by a migration
			for _, name := range []string{"scratch", "blob"} {
				if _, err := os.Stat(filepath.Join(saved, "tables", name)); err != nil {
					t.Error(err)
				}
			}
			return
		}
		restored := storetest.OpenWith(t, restore(t, saved, o))
		if got, want := rowsOf(t, restored), rowsOf(t, s); got != want {
			t.Errorf("restored:\n%s\nwant:\n%s", got, want)
		}
		for i := range 12 {
			if i == 2 {
				continue // deleted
			}
			id := store.BlobID(number(t, restored, "SELECT n FROM scratch WHERE data = $1", fmt.Append(nil, i)))
			if !bytes.Equal(bodyOf(t, restored, id), body(i)) {
				t.Errorf("message %d came back changed", i)
			}
		}
		last := number(t, s, "SELECT MAX(id) FROM scratch")
		write(t, restored, "INSERT INTO scratch (n) VALUES (1)")
		if next := number(t, restored, "SELECT MAX(id) FROM scratch"); next != last+1 {
			t.Errorf("the next key is %d, want %d", next, last+1)
		}
		noProblems(t, restored)
	})
}

// TestABackupUnderLoadIsOneMoment: while deliveries of two rows each and deletions go on, the copy holds no half of one, and
// every row finds its bytes. The server's own files are left alone.
func TestABackupUnderLoadIsOneMoment(t *testing.T) {
	s := storetest.OpenWith(t, store.Options{SealSize: 30_000})
	scratch(t, s)
	stop := make(chan struct{})
	started := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				blob, err := s.PutBytes(context.Background(), fmt.Appendf(nil, "%d %d %s", w, i, noise(1000)))
				if err != nil {
					t.Error(err)
					return
				}
				err = s.Write(context.Background(), func(tx *store.Tx) error {
					ids, err := tx.References([]*store.Blob{blob, blob})
					for part := 0; part < 2 && err == nil; part++ {
						_, err = tx.Exec("INSERT INTO scratch (n, name) VALUES ($1, $2)", ids[part], fmt.Sprintf("%d/%d/%d", w, i, part))
					}
					return err
				})
				blob.Release()
				if err != nil {
					t.Error(err)
				}
				if i == 5 {
					started <- struct{}{}
				}
			}
		})
	}
	for range 4 {
		<-started
	}
	saved := filepath.Join(t.TempDir(), "backup")
	err := s.Backup(context.Background(), saved)
	close(stop)
	wg.Wait()
	if err != nil {
		t.Fatal(err)
	}
	restored := storetest.OpenWith(t, restore(t, saved, store.Options{}))
	restored.RegisterRefs("scratch", "SELECT n, COUNT(*) FROM scratch GROUP BY n")
	noProblems(t, restored)
	all, odd := number(t, restored, "SELECT COUNT(*) FROM scratch"), number(t, restored, "SELECT COUNT(*) FROM blob WHERE refs <> 2")
	if all < 4*2*6 || all%2 != 0 || odd != 0 {
		t.Errorf("%d rows, %d blobs without two references", all, odd)
	}
	if now := number(t, s, "SELECT COUNT(*) FROM scratch"); now < all {
		t.Errorf("the server has %d rows, its copy %d", now, all)
	}
	noProblems(t, s)
}

// TestSealedPacksAreLinked: a backup on the same file system takes no room for packs that never change again, and a restore
// copies them, so that the new server cannot write into the backup.
func TestSealedPacksAreLinked(t *testing.T) {
	s := storetest.OpenWith(t, store.Options{SealSize: 5000})
	for range 6 {
		refer(t, s, noise(3000))
	}
	refer(t, s, noise(9<<20))
	saved := filepath.Join(t.TempDir(), "backup")
	if err := s.Backup(context.Background(), saved); err != nil {
		t.Fatal(err)
	}
	to := restore(t, saved, store.Options{})
	packs, err := filepath.Glob(filepath.Join(s.Dir(), "packs", "*", "*.pack"))
	if err != nil || len(packs) < 4 {
		t.Fatalf("packs: %v, %v", packs, err)
	}
	linked := 0
	for _, path := range packs {
		name, err := filepath.Rel(s.Dir(), path)
		if err != nil {
			t.Fatal(err)
		}
		var infos [3]os.FileInfo
		for i, dir := range []string{s.Dir(), saved, to.Dir} {
			if infos[i], err = os.Stat(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		if os.SameFile(infos[0], infos[1]) {
			linked++
		}
		if os.SameFile(infos[1], infos[2]) {
			t.Errorf("%s is one file in the backup and in the restored directory", name)
		}
	}
	if linked < len(packs)-1 || linked == len(packs) {
		t.Errorf("%d of %d packs are links, want all but the one that grows", linked, len(packs))
	}
}

// TestWhatABackupHolds: configuration, keys and what rooms keep beside the database come along; locks, sockets, temporary
// files and the search index, which can be made anew, do not; nor does a backup inside the data directory.
func TestWhatABackupHolds(t *testing.T) {
	s := storetest.Open(t)
	files := map[string]bool{"schulhof.toml": true, "dkim/key.pem": true, "tls/a/b/cert.pem": true, "search.db": false,
		"search.db-wal": false, "tmp/spool-1": false, "dkim/search.db": true, "empty": true}
	for name := range files {
		path := filepath.Join(s.Dir(), filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(name), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(s.Dir(), "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(s.Dir(), "link")); err != nil {
		t.Fatal(err)
	}
	saved := filepath.Join(s.Dir(), "backups-of-today")
	if err := s.Backup(context.Background(), saved); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(saved, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Format   int
		Created  time.Time
		Database string
		Schema   int64
		Files    []struct {
			Path   string
			Size   int64
			SHA256 string
		}
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	if m.Format != 1 || m.Database != "sqlite" || m.Schema < 3 || time.Since(m.Created) > time.Hour {
		t.Errorf("manifest: %+v", m)
	}
	listed := map[string]bool{}
	for _, f := range m.Files {
		listed[f.Path] = true
		info, err := os.Stat(filepath.Join(saved, filepath.FromSlash(f.Path)))
		if err != nil || info.Size() != f.Size || len(f.SHA256) != 64 {
			t.Errorf("%+v: %v", f, err)
		}
	}
	for name, want := range files {
		if listed[name] != want {
			t.Errorf("%s is in the backup = %t, want %t", name, listed[name], want)
		}
	}
	for _, name := range []string{"lock", "pipe", "link", "tmp/spool-backup"} {
		if listed[name] {
			t.Errorf("%s is in the backup", name)
		}
	}
	for name := range listed {
		if strings.Contains(name, "backups-of-today") {
			t.Errorf("the backup contains itself: %s", name)
		}
	}
	if _, err := os.Stat(filepath.Join(s.Dir(), "tmp", "spool-backup")); err == nil {
		t.Error("the snapshot was left in tmp/")
	}
}

// TestBackupErrors: what goes wrong is told, and a backup that did not end has no manifest, so nobody takes it for one.
func TestBackupErrors(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		refer(t, s, noise(1000))
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.Backup(context.Background(), filepath.Join(file, "b")); err == nil {
			t.Error("a backup below a file succeeded")
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		saved := filepath.Join(t.TempDir(), "b")
		if err := s.Backup(ctx, saved); !errors.Is(err, context.Canceled) {
			t.Errorf("Backup with an ended context = %v, want Canceled", err)
		}
		if err := store.Restore(context.Background(), saved, filepath.Join(t.TempDir(), "r")); !fault.Is(err, fault.Refused) ||
			!strings.Contains(err.Error(), "interrupted") {
			t.Errorf("restoring it = %v, want Refused because it was interrupted", err)
		}
		whole := filepath.Join(t.TempDir(), "w")
		if err := s.Backup(context.Background(), whole); err != nil {
			t.Errorf("the next backup: %v", err)
		}
		if s.Postgres() {
			return
		}
		to := filepath.Join(t.TempDir(), "r")
		if err := store.Restore(ctx, whole, to); !errors.Is(err, context.Canceled) {
			t.Errorf("Restore with an ended context = %v, want Canceled", err)
		}
		if left, err := os.ReadDir(to); len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
		if err := store.Restore(context.Background(), whole, to); err != nil {
			t.Errorf("Restore into the folder that was emptied = %v", err)
		}
	})
}

// TestRestoreRefusesManifests that other programs made, or none.
func TestRestoreRefusesManifests(t *testing.T) {
	tests := []struct{ name, manifest, want string }{
		{"a later format", `{"format": 2, "database": "sqlite"}`, "format 2"},
		{"no format", `{}`, "format 0"},
		{"no JSON", `hello`, "damaged"},
		{"another database", `{"format": 1, "database": "postgres"}`, "postgres"},
		{"an absolute path", `{"format": 1, "database": "sqlite", "files": [{"path": "/etc/passwd"}]}`, "/etc/passwd"},
		{"a path upwards", `{"format": 1, "database": "sqlite", "files": [{"path": "a/../../b"}]}`, "../b"},
		{"no path", `{"format": 1, "database": "sqlite", "files": [{"path": ""}]}`, `""`},
		{"a file that is not there", `{"format": 1, "database": "sqlite", "files": [{"path": "x"}]}`, "missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, to := t.TempDir(), filepath.Join(t.TempDir(), "r")
			if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(tt.manifest), 0o600); err != nil {
				t.Fatal(err)
			}
			err := store.Restore(context.Background(), dir, to)
			if !fault.Is(err, fault.Refused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Restore = %v, want Refused with %q", err, tt.want)
			}
			if left, _ := os.ReadDir(to); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
