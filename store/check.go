package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"schulhof/store/pack"
)

// Problem is one finding of Check. Safe ones are mended by repair; the rest is set aside under Dir/aside. Nothing is deleted.
//
//	database         SQLite's own check found damage
//	foreign-key      a row refers to one that is not there
//	blob-damaged     the stored bytes are not what was written (repair copies them to aside/)
//	blob-overlap     two rows claim the same bytes of a pack
//	blob-gone        a room refers to a blob that has no row
//	blob-refs        the count of references is wrong (repair sets it right)
type Problem struct {
	ID     string // stable
	Detail string
	Mended bool
}

// refQueries are the rooms' counts of references.
type refQueries struct {
	mu  sync.Mutex
	all map[string]string
}

// RegisterRefs names a query of (blob id, count) that tells how many references a room's tables hold: "SELECT blob_id, COUNT(*)
// FROM content GROUP BY blob_id". Every room that calls Reference must register before Check runs.
func (s *Store) RegisterRefs(room, query string) {
	s.refs.mu.Lock()
	defer s.refs.mu.Unlock()
	if s.refs.all == nil {
		s.refs.all = map[string]string{}
	}
	s.refs.all[room] = query
}

// counted is a WITH clause that counts the references of every room, or "" when none is registered.
func (r *refQueries) counted() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) == 0 {
		return ""
	}
	var queries []string
	for _, q := range r.all {
		queries = append(queries, q)
	}
	slices.Sort(queries)
	return "WITH ref (id, n) AS (" + strings.Join(queries, " UNION ALL ") +
		"), counted (id, n) AS (SELECT id, SUM(n) FROM ref GROUP BY id) "
}

// Check verifies the database, every frame and hash, and with the rooms' counts (RegisterRefs) every reference. It may
// run while the server serves; it reads all bytes.
func (s *Store) Check(ctx context.Context, repair bool, found func(Problem)) error {
	s.upkeep.Lock()
	defer s.upkeep.Unlock()
	c := &check{store: s, repair: repair, found: found}
	for _, step := range []func(context.Context) error{c.database, c.blobs, c.gone, c.counts} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("check: %w", err)
		}
	}
	return nil
}

// check is one run of Check.
type check struct {
	store  *Store
	repair bool
	found  func(Problem)
}

// database lets SQLite check itself. PostgreSQL has its own tools (pg_amcheck).
func (c *check) database(ctx context.Context) error {
	if c.store.Postgres() {
		return nil
	}
	return c.store.Read(ctx, func(tx *Tx) error {
		err := eachText(tx, `PRAGMA integrity_check(100)`, func(line string) {
			if line != "ok" {
				c.found(Problem{ID: "database", Detail: line})
			}
		})
		if err != nil {
			return err
		}
		return eachText(tx, `SELECT "table" || ' row ' || COALESCE(rowid, 0) || ' wants a row of ' || parent FROM pragma_foreign_key_check()`,
			func(line string) { c.found(Problem{ID: "foreign-key", Detail: line}) })
	})
}

func eachText(tx *Tx, query string, each func(string)) error {
	rows, err := tx.Query(query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		each(line)
	}
	return rows.Err()
}

// checkedBlob is a row of table blob.
type checkedBlob struct {
	id   BlobID
	hash Hash
	loc  pack.Location
}

// blobs reads every blob, in the order in which they lie on the disk.
func (c *check) blobs(ctx context.Context) error {
	var last checkedBlob
	last.loc.Offset = -1
	for {
		var page []checkedBlob
		err := c.store.Read(ctx, func(tx *Tx) (err error) {
			page, err = blobsBehind(tx, last.loc)
			return err
		})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, b := range page {
			if err := ctx.Err(); err != nil {
				return err
			}
			if b.loc.Pack == last.loc.Pack && b.loc.Offset < last.loc.Offset+last.loc.Length {
				c.found(Problem{ID: "blob-overlap", Detail: fmt.Sprintf("blobs %d and %d in pack %d", last.id, b.id, b.loc.Pack)})
			}
			if err := c.store.packs.Verify(b.loc, b.hash); err != nil {
				if err := c.damaged(b, err); err != nil {
					return err
				}
			}
			last = b
		}
	}
}

func blobsBehind(tx *Tx, after pack.Location) (page []checkedBlob, err error) {
	rows, err := tx.Query(`SELECT id, hash, pack, offset_, length, size FROM blob
		WHERE pack > $1 OR (pack = $1 AND offset_ > $2) ORDER BY pack, offset_ LIMIT $3`, after.Pack, after.Offset, compactSlice)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var b checkedBlob
		if err := rows.Scan(&b.id, &b.hash, &b.loc.Pack, &b.loc.Offset, &b.loc.Length, &b.loc.Size); err != nil {
			return nil, err
		}
		page = append(page, b)
	}
	return page, rows.Err()
}

// damaged reports a blob and, with repair, copies what is there of it to aside/ for whoever can save some of it.
func (c *check) damaged(b checkedBlob, cause error) error {
	c.found(Problem{ID: "blob-damaged", Detail: fmt.Sprintf("blob %d (%x): %s", b.id, b.hash, cause.Error())})
	if !c.repair || errors.Is(cause, os.ErrNotExist) {
		return nil
	}
	folder := filepath.Join(c.store.o.Dir, "aside")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(folder, fmt.Sprintf("blob-%x.frame", b.hash)), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	if err := errors.Join(c.store.packs.CopyStored(f, b.loc), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	return nil
}

// gone reports references to blobs that are not there.
func (c *check) gone(ctx context.Context) error {
	with := c.store.refs.counted()
	if with == "" {
		return nil
	}
	return c.store.Read(ctx, func(tx *Tx) error {
		rows, err := tx.Query(with + `SELECT c.id, c.n FROM counted c LEFT JOIN blob b ON b.id = c.id WHERE b.id IS NULL ORDER BY c.id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		var row [2]int64
		for rows.Next() {
			if err := rows.Int64s(row[:]); err != nil {
				return err
			}
			c.found(Problem{ID: "blob-gone", Detail: fmt.Sprintf("blob %d has no row, but %d references", row[0], row[1])})
		}
		return rows.Err()
	})
}

// counts compares blob.refs with what the rooms count. One snapshot sees both, so a running server does no harm.
func (c *check) counts(ctx context.Context) error {
	with := c.store.refs.counted()
	if with == "" {
		return nil
	}
	const wrong = `SELECT b.id, b.refs, COALESCE(c.n, 0) FROM blob b LEFT JOIN counted c ON c.id = b.id WHERE b.refs <> COALESCE(c.n, 0)`
	var all [][3]int64
	err := c.store.Read(ctx, func(tx *Tx) (err error) {
		all, err = triples(tx, with+wrong+" ORDER BY b.id")
		return err
	})
	if err != nil {
		return err
	}
	for _, row := range all {
		p := Problem{ID: "blob-refs", Detail: fmt.Sprintf("blob %d counts %d references, there are %d", row[0], row[1], row[2])}
		if c.repair {
			err := c.store.WriteBulk(ctx, func(tx *Tx) error {
				now, err := triples(tx, with+wrong+" AND b.id = $1", row[0])
				if err != nil || len(now) == 0 {
					return err // right by now
				}
				_, err = tx.Exec(`UPDATE blob SET refs = $2, unreferenced_at = CASE WHEN CAST($2 AS BIGINT) = 0 THEN CAST($3 AS BIGINT) END WHERE id = $1`,
					row[0], now[0][2], tx.store.now().Unix())
				return err
			})
			if err != nil {
				return err
			}
			p.Mended = true
		}
		c.found(p)
	}
	return nil
}

func triples(tx *Tx, query string, args ...any) (all [][3]int64, err error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var row [3]int64
		if err := rows.Int64s(row[:]); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}
