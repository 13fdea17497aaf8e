package mailbox

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"schulhof/mailbox/message"

	"github.com/klauspost/compress/s2"
	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"; the index is a file of its own whatever the main store is
	"golang.org/x/sync/errgroup"
)

// searchFormat is that of search.db, with that of the contents that it was filled from; a file of another one is deleted and filled
// again, and what an earlier version stored of each content is made anew on the way.
const searchFormat = 1000 + message.FormatVersion

// The tables of search.db. entry holds what most of a search needs (signatures of the text's trigrams, the main header fields), text the
// folded text (S2) by which hits are verified. Both are keyed by content, because a content is shared by all its recipients and copies:
// it is indexed once, and a search reads exactly the rows of the mailbox it is about. See docs/decisions/0007-search-index.md.
const searchSchema = `
CREATE TABLE IF NOT EXISTS entry (content_id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS text (content_id INTEGER PRIMARY KEY, head BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS progress (id INTEGER PRIMARY KEY CHECK (id = 1), content_id INTEGER NOT NULL);
INSERT OR IGNORE INTO progress VALUES (1, 0);`

// searchIndex is search.db with caches of its rows.
type searchIndex struct {
	db    *sql.DB // nil: it could not be opened; then every search reads the messages themselves
	log   *slog.Logger
	write sync.Mutex // one writer at a time

	outlines recent[*outline]
	texted   [2]recent[[]byte] // by textColumn
}

// openSearchIndex opens or makes search.db in dir. One that is damaged or of another format is replaced. newest is the newest content of the main store:
// an index that claims to be ahead of it belongs to another store.
func openSearchIndex(ctx context.Context, dir string, newest ContentID, log *slog.Logger) *searchIndex {
	x := &searchIndex{log: log}
	x.outlines.limit, x.outlines.size = outlineCacheBytes, (*outline).size
	for i := range x.texted {
		x.texted[i].limit, x.texted[i].size = textCacheBytes/2, func(b []byte) int { return cap(b) + 64 }
	}
	path := filepath.Join(dir, "search.db")
	db, err := openSearchDB(ctx, path, newest)
	if err != nil {
		log.Warn("the search index is made anew", "cause", err)
		for _, suffix := range [...]string{"", "-wal", "-shm"} {
			if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
				log.Error("search index cannot be removed", "error", err)
			}
		}
		if db, err = openSearchDB(ctx, path, newest); err != nil {
			log.Error("no search index: searches read every message", "error", err)
			return x
		}
	}
	x.db = db
	return x
}

func openSearchDB(ctx context.Context, path string, newest ContentID) (*sql.DB, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("search index: %w", err)
	}
	f.Close()
	db, err := sql.Open("sqlite3", "file:"+escapePath(path)+"?_journal_mode=WAL&_synchronous=NORMAL&_secure_delete=on&_busy_timeout=5000&_cache_size=-8000")
	if err != nil {
		return nil, fmt.Errorf("search index: %w", err)
	}
	db.SetMaxOpenConns(searchConns)
	db.SetMaxIdleConns(searchConns)
	if err := prepareSearchDB(ctx, db, newest); err != nil {
		db.Close()
		return nil, fmt.Errorf("search index: %w", err)
	}
	return db, nil
}

// escapePath makes path safe within a file: URI.
func escapePath(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

var errSearchFormat = errors.New("another format, or of another store")

func prepareSearchDB(ctx context.Context, db *sql.DB, newest ContentID) error {
	var format, tables int
	if err := db.QueryRowContext(ctx, `SELECT user_version, (SELECT COUNT(*) FROM sqlite_schema) FROM pragma_user_version`).Scan(&format, &tables); err != nil {
		return err
	}
	if tables > 0 && format != searchFormat {
		return errSearchFormat
	}
	if tables == 0 { // larger pages hold several texts; the size is fixed by the first table and cannot change in WAL mode
		if _, err := db.ExecContext(ctx, `PRAGMA journal_mode=DELETE; PRAGMA page_size=16384; VACUUM; PRAGMA journal_mode=WAL`); err != nil {
			return err
		}
	}
	if _, err := db.ExecContext(ctx, fmt.Sprintf("%s\nPRAGMA user_version = %d", searchSchema, searchFormat)); err != nil {
		return err
	}
	var done int64
	if err := db.QueryRowContext(ctx, `SELECT content_id FROM progress`).Scan(&done); err != nil {
		return err
	}
	if ContentID(done) > newest {
		return errSearchFormat
	}
	return nil
}

func (x *searchIndex) close() error {
	if x.db == nil {
		return nil
	}
	return x.db.Close()
}

// indexed is the watermark: every content up to it was indexed.
func (x *searchIndex) indexed(ctx context.Context) (done ContentID, err error) {
	if x.db == nil {
		return 0, errSearchFormat
	}
	if err := x.db.QueryRowContext(ctx, `SELECT content_id FROM progress`).Scan(&done); err != nil {
		return 0, fmt.Errorf("search index: %w", err)
	}
	return done, nil
}

// add writes docs and, if upTo > 0, moves the watermark there. The text is compressed before; docs may be reused afterwards.
func (x *searchIndex) add(ctx context.Context, docs []packedDoc, upTo ContentID) error {
	if x.db == nil {
		return nil
	}
	x.write.Lock()
	defer x.write.Unlock()
	tx, err := x.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("search index: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	entries, err := tx.PrepareContext(ctx, `INSERT OR REPLACE INTO entry VALUES (?, ?)`)
	if err != nil {
		return fmt.Errorf("search index: %w", err)
	}
	defer entries.Close()
	texts, err := tx.PrepareContext(ctx, `INSERT OR REPLACE INTO text VALUES (?, ?, ?)`)
	if err != nil {
		return fmt.Errorf("search index: %w", err)
	}
	defer texts.Close()
	for i := range docs {
		d := &docs[i]
		if _, err := entries.ExecContext(ctx, int64(d.content), d.entry); err != nil {
			return fmt.Errorf("search index: %w", err)
		}
		if _, err := texts.ExecContext(ctx, int64(d.content), d.head, d.body); err != nil {
			return fmt.Errorf("search index: %w", err)
		}
	}
	if upTo > 0 {
		if _, err := tx.ExecContext(ctx, `UPDATE progress SET content_id = ?1 WHERE content_id < ?1`, int64(upTo)); err != nil {
			return fmt.Errorf("search index: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("search index: %w", err)
	}
	return nil
}

// packedDoc is a textDoc as it is stored.
type packedDoc struct {
	content           ContentID
	entry, head, body []byte
}

func (d *textDoc) pack() packedDoc {
	return packedDoc{content: d.content, entry: d.entry.append(nil), head: s2.Encode(nil, d.head), body: s2.Encode(nil, d.body)}
}

// entries finds what is known of ids (ascending, no duplicates) and puts it into found.
func (x *searchIndex) entries(ctx context.Context, ids []ContentID, found map[ContentID]*outline) error {
	missing := x.outlines.get(ids, found)
	if len(missing) == 0 || x.db == nil {
		return nil
	}
	loaded := make(map[ContentID]*outline, len(missing))
	scan := func(id ContentID, data []byte) error {
		if _, wanted := slices.BinarySearch(missing, id); !wanted {
			return nil
		}
		e, err := parseOutline(data)
		if err != nil {
			x.log.Warn("search index", "content", id, "error", err)
			return nil // as if it were not indexed
		}
		found[id], loaded[id] = e, e
		return nil
	}
	if err := x.each(ctx, "SELECT content_id, data FROM entry", missing, scan); err != nil {
		return err
	}
	x.outlines.put(loaded)
	return nil
}

// textColumn is a column of table text.
type textColumn uint8

const (
	headColumn textColumn = iota
	bodyColumn
)

var textQueries = [...]string{headColumn: "SELECT content_id, head FROM text", bodyColumn: "SELECT content_id, body FROM text"} //nolint:gochecknoglobals // constant texts

// texts calls visit for each of ids (ascending) whose text is there, in any order, with what match said of the text. Several texts are read,
// decompressed and matched at once; visit is called by one goroutine. match must not change or keep the text.
func (x *searchIndex) texts(ctx context.Context, column textColumn, ids []ContentID, match func(text []byte) bool, visit func(id ContentID, found bool)) error {
	if x.db == nil || len(ids) == 0 {
		return nil
	}
	cached := make(map[ContentID][]byte, len(ids))
	missing := x.texted[column].get(ids, cached)
	for id, text := range cached {
		visit(id, match(text))
	}
	parts := make([]textPart, min(searchReaders, (len(missing)+searchPart-1)/searchPart))
	var readers errgroup.Group
	for i := range parts {
		part := missing[len(missing)*i/len(parts) : len(missing)*(i+1)/len(parts)]
		readers.Go(func() error { return x.readPart(ctx, column, part, match, &parts[i]) })
	}
	err := readers.Wait()
	for i := range parts {
		for id, found := range parts[i].found {
			visit(id, found)
		}
		x.texted[column].put(parts[i].texts)
	}
	return err
}

// textPart is what one reader has read.
type textPart struct {
	texts map[ContentID][]byte
	found map[ContentID]bool
}

func (x *searchIndex) readPart(ctx context.Context, column textColumn, ids []ContentID, match func([]byte) bool, into *textPart) error {
	into.texts, into.found = make(map[ContentID][]byte, len(ids)), make(map[ContentID]bool, len(ids))
	return x.each(ctx, textQueries[column], ids, func(id ContentID, data []byte) error {
		if _, wanted := slices.BinarySearch(ids, id); !wanted {
			return nil
		}
		text, err := s2.Decode(nil, data)
		if err != nil {
			return err
		}
		into.texts[id], into.found[id] = text, match(text)
		return nil
	})
}

// each runs query for ids (ascending): as a range where they lie close together, else as lists.
func (x *searchIndex) each(ctx context.Context, query string, ids []ContentID, row func(id ContentID, data []byte) error) error {
	for len(ids) > 0 {
		n := 1
		for n < len(ids) && int64(ids[n]-ids[0]) < 2*int64(n)+8 {
			n++
		}
		where, args := " WHERE content_id BETWEEN ? AND ?", []any{int64(ids[0]), int64(ids[max(n-1, 0)])}
		if n < searchList/2 && n < len(ids) {
			n = min(searchList, len(ids))
			args = args[:0]
			for i := range searchList {
				args = append(args, int64(ids[min(i, n-1)]))
			}
			where = searchListText
		}
		if err := x.query(ctx, query+where, args, row); err != nil {
			return fmt.Errorf("search index: %w", err)
		}
		ids = ids[n:]
	}
	return nil
}

var searchListText = " WHERE content_id IN (?" + strings.Repeat(", ?", searchList-1) + ")" //nolint:gochecknoglobals // a constant text

// query calls row for the rows of a query for a content id and a blob; data is row's to keep. It talks to the driver itself: a search may read many
// thousands of rows, of which package database/sql would cost a good part.
func (x *searchIndex) query(ctx context.Context, query string, args []any, row func(id ContentID, data []byte) error) error {
	conn, err := x.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	return conn.Raw(func(c any) error {
		rows, err := c.(driver.QueryerContext).QueryContext(ctx, query, named)
		if err != nil {
			return err
		}
		defer rows.Close()
		values := make([]driver.Value, 2)
		for {
			switch err := rows.Next(values); {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return err
			}
			id, isID := values[0].(int64)
			data, isBlob := values[1].([]byte)
			if !isID || !isBlob {
				return errOutline
			}
			if err := row(ContentID(id), data); err != nil {
				return err
			}
		}
	})
}

// clear forgets everything.
func (x *searchIndex) clear(ctx context.Context) error {
	if x.db == nil {
		return nil
	}
	x.write.Lock()
	defer x.write.Unlock()
	x.outlines.clear()
	for i := range x.texted {
		x.texted[i].clear()
	}
	if _, err := x.db.ExecContext(ctx, `BEGIN; DELETE FROM entry; DELETE FROM text; UPDATE progress SET content_id = 0; COMMIT`); err != nil {
		return fmt.Errorf("search index: %w", err)
	}
	return nil
}

// rest frees the texts that were kept for searches that follow each other, once nobody searches any more.
func (x *searchIndex) rest(now time.Time) {
	for i := range x.texted {
		x.texted[i].rest(now)
	}
}

// recent keeps values in memory in two generations: what was not asked for while one filled up goes.
type recent[V any] struct {
	limit int // bytes
	size  func(V) int

	mu         sync.Mutex
	young, old map[ContentID]V
	bytes      int // of young
	used       bool
	usedAt     time.Time
}

// get puts what it has of ids into found and returns the others.
func (c *recent[V]) get(ids []ContentID, found map[ContentID]V) (missing []ContentID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used = true
	for _, id := range ids {
		v, ok := c.young[id]
		if !ok {
			if v, ok = c.old[id]; ok {
				c.keep(id, v)
			}
		}
		if ok {
			found[id] = v
		} else {
			missing = append(missing, id)
		}
	}
	return missing
}

func (c *recent[V]) put(list map[ContentID]V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, v := range list {
		c.keep(id, v)
	}
}

func (c *recent[V]) keep(id ContentID, v V) {
	if c.young == nil || c.bytes > c.limit/2 {
		c.old, c.young, c.bytes = c.young, make(map[ContentID]V), 0
	}
	if _, have := c.young[id]; !have {
		c.bytes += c.size(v)
	}
	c.young[id] = v
}

// rest clears what was not used for a while.
func (c *recent[V]) rest(now time.Time) {
	c.mu.Lock()
	if c.used {
		c.used, c.usedAt = false, now
	}
	idle := now.Sub(c.usedAt) > textCacheIdle
	c.mu.Unlock()
	if idle {
		c.clear()
	}
}

func (c *recent[V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.old, c.young, c.bytes = nil, nil, 0
}
