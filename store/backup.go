package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"schulhof/store/fault"
	"schulhof/store/pack"
)

const (
	manifestName   = "manifest.json" // written last: a backup without it is not whole
	manifestFormat = 1
	tablesFolder   = "tables" // PostgreSQL's rows
)

// manifest lists what a backup consists of.
type manifest struct {
	Format   int            `json:"format"`
	Created  time.Time      `json:"created"`
	Database string         `json:"database"` // sqlite or postgres
	Schema   int64          `json:"schema"`   // version of the last migration
	Files    []manifestFile `json:"files"`
}

type manifestFile struct {
	Path   string `json:"path"` // below the backup, with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Backup writes a consistent copy (database, search.db left out, packs hard-linked or copied, SHA-256 manifest) to dir while
// serving. dir is made; fault.Refused when it is there and not empty. The database is copied first: packs only grow
// meanwhile, so every row finds its bytes.
func (s *Store) Backup(ctx context.Context, dir string) error {
	s.upkeep.Lock() // no pack goes away meanwhile
	defer s.upkeep.Unlock()
	if err := emptyDir(dir); err != nil {
		return err
	}
	b := &backup{store: s, dir: dir, m: manifest{Format: manifestFormat, Created: s.now().UTC(), Database: "sqlite"}}
	if err := b.run(ctx); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if err := s.noteBackup(b.m.Created); err != nil { // the backup is good all the same
		s.log.Warn("store: the time of the backup could not be noted", "err", err)
	}
	return nil
}

// emptyDir makes dir, or checks that nothing is in it.
func emptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	if len(entries) > 0 {
		return fault.New(fault.Refused, "%s is not empty", dir)
	}
	return nil
}

type backup struct {
	store *Store
	dir   string
	m     manifest

	folders []string // that were made in dir
}

func (b *backup) run(ctx context.Context) error {
	database := b.sqlite
	if b.store.Postgres() {
		database = b.postgres
	}
	if err := database(ctx); err != nil {
		return err
	}
	if err := b.files(ctx); err != nil {
		return err
	}
	for _, folder := range b.folders {
		if err := pack.SyncDir(nil, folder); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(b.m, "", "\t")
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if err := writeSynced(filepath.Join(b.dir, manifestName), append(text, '\n')); err != nil {
		return err
	}
	return pack.SyncDir(nil, b.dir)
}

func writeSynced(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// sqlite copies a snapshot of the database while the writer goes on. SQLite writes it into our own folder: the target may be
// a folder that somebody else has opened for us.
func (b *backup) sqlite(ctx context.Context) error {
	conn, err := openLite(b.store.databasePath(), "rw", readerCacheKiB)
	if err != nil {
		return err
	}
	defer conn.close()
	snapshot := filepath.Join(b.store.o.Dir, "tmp", spoolPrefix+"backup")
	defer os.Remove(snapshot)
	if err := copyDatabase(conn, snapshot); err != nil {
		return err
	}
	if err := b.store.Read(ctx, b.schema); err != nil {
		return err
	}
	sum, size, err := copySynced(snapshot, filepath.Join(b.dir, "schulhof.db"))
	b.m.Files = append(b.m.Files, manifestFile{"schulhof.db", size, sum})
	return err
}

// schema notes the version of the schema, which does not change while the store is open.
func (b *backup) schema(tx *Tx) error {
	return tx.QueryRow(`SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version`).Scan(&b.m.Schema)
}

func sumFile(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, fmt.Errorf("checksum: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return "", 0, fmt.Errorf("checksum: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// notSaved are the names at the top of a data directory that are made anew or belong to a running server.
func notSaved(name string) bool {
	return name == "tmp" || name == "lock" || name == backupNote || strings.HasSuffix(name, ".sock") || strings.HasPrefix(name, "search.db") ||
		strings.HasPrefix(name, "schulhof.db")
}

// files saves everything else: packs, keys, certificates, the configuration.
func (b *backup) files(ctx context.Context) error {
	root := b.store.o.Dir
	target, err := os.Stat(b.dir)
	if err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("list: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return fmt.Errorf("list: %w", err)
		}
		switch {
		case name == ".":
			return nil
		case filepath.Dir(name) == "." && notSaved(name):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			if info, err := d.Info(); err == nil && os.SameFile(info, target) {
				return fs.SkipDir // the backup itself lies in the data directory
			}
			b.folders = append(b.folders, filepath.Join(b.dir, name))
			return os.MkdirAll(filepath.Join(b.dir, name), 0o700)
		case !d.Type().IsRegular():
			return nil
		}
		return b.file(path, filepath.ToSlash(name))
	})
}

// file saves one file. A pack that is sealed never changes again, so a hard link does.
func (b *backup) file(path, name string) error {
	to := filepath.Join(b.dir, filepath.FromSlash(name))
	if id, ok := pack.ParseFileName(filepath.Base(path)); ok && !b.store.packs.Growing(id) && b.store.packs.Sealed(id) {
		if os.Link(path, to) == nil {
			sum, size, err := sumFile(to)
			b.m.Files = append(b.m.Files, manifestFile{name, size, sum})
			return err
		}
	}
	sum, size, err := copySynced(path, to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a large blob whose Put failed meanwhile
	}
	b.m.Files = append(b.m.Files, manifestFile{name, size, sum})
	return err
}

// copySynced copies a file of the length that it has now and tells the SHA-256 of the copy.
func copySynced(from, to string) (sum string, size int64, err error) {
	in, err := os.Open(from)
	if err != nil {
		return "", 0, fmt.Errorf("copy: %w", err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return "", 0, fmt.Errorf("copy: %w", err)
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm()&0o700)
	if err != nil {
		return "", 0, fmt.Errorf("copy: %w", err)
	}
	h := sha256.New()
	size, err = io.Copy(io.MultiWriter(out, h), io.LimitReader(in, info.Size()))
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return "", 0, fmt.Errorf("copy: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// Restore checks the manifest of the backup in dir and lays it out as a new data directory. It needs no open store.
// fault.Refused: newDir is not empty, or the backup is not whole. A backup of PostgreSQL wants RestoreTo.
func Restore(ctx context.Context, dir, newDir string) error {
	return RestoreTo(ctx, dir, Options{Dir: newDir})
}

// RestoreTo is Restore with the new directory and, for a backup of PostgreSQL, the empty database that o names.
func RestoreTo(ctx context.Context, dir string, o Options) error {
	m, err := readManifest(dir)
	if err != nil {
		return err
	}
	if postgres := m.Database == "postgres"; postgres != (o.Database != "") {
		return fault.New(fault.Refused, "this is a backup of a %s database; restore it into one", m.Database)
	}
	if err := emptyDir(o.Dir); err != nil {
		return err
	}
	err = m.layOut(ctx, dir, o.Dir)
	if err == nil && o.Database != "" {
		err = m.restorePostgres(ctx, o)
	}
	if err != nil {
		return fmt.Errorf("restore: %w", errors.Join(err, removeInside(o.Dir)))
	}
	return nil
}

// removeInside takes back a restore that failed: the folder was empty before.
func removeInside(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

func readManifest(dir string) (*manifest, error) {
	text, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Refused, "%s has no %s: it is no backup, or one that was interrupted", dir, manifestName)
	}
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fault.Wrap(fault.Refused, err, "the manifest of the backup is damaged")
	}
	if m.Format != manifestFormat {
		return nil, fault.New(fault.Refused, "the backup has format %d, this program knows %d", m.Format, manifestFormat)
	}
	for _, f := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) {
			return nil, fault.New(fault.Refused, "the manifest of the backup names the path %q", f.Path)
		}
	}
	return &m, nil
}

// layOut copies every file, never links: the new server appends to the last pack.
func (m *manifest) layOut(ctx context.Context, dir, newDir string) error {
	folders := []string{newDir}
	for _, f := range m.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		to := filepath.Join(newDir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return fmt.Errorf("folder: %w", err)
		}
		if folder := filepath.Dir(to); !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
		sum, size, err := copySynced(filepath.Join(dir, filepath.FromSlash(f.Path)), to)
		if errors.Is(err, fs.ErrNotExist) {
			return fault.New(fault.Refused, "%s is missing in the backup", f.Path)
		}
		if err != nil {
			return err
		}
		if sum != f.SHA256 || size != f.Size {
			return fault.New(fault.Refused, "%s in the backup is not what was saved (SHA-256)", f.Path)
		}
	}
	for _, folder := range folders {
		if err := pack.SyncDir(nil, folder); err != nil {
			return err
		}
	}
	return nil
}
