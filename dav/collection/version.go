package collection

import (
	"context"
	"fmt"
	"time"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// Version is an earlier content of a file.
type Version struct {
	ID          int64
	ETag        string // without quotes
	Size        int64
	ContentType string
	Modified    time.Time    // when it was written
	Replaced    time.Time    // when the next content came
	ReplacedBy  directory.ID // whose that was

	blob store.BlobID
}

// Versions lists the earlier contents of a file that are kept, newest first. fault.NotFound.
func (c *Collections) Versions(ctx context.Context, who directory.ID, p Path) (list []Version, err error) {
	n, err := c.Resolve(ctx, who, p)
	if err != nil {
		return nil, err
	}
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		list = nil
		rows, err := tx.Query(`SELECT id, etag, size, content_type, modified, replaced, replaced_by, blob_id FROM dav_version
			WHERE entry_id = $1 ORDER BY replaced DESC, id DESC`, int64(n.ID))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var v Version
			var etag []byte
			var modified, replaced, blob int64
			if err := rows.Scan(&v.ID, &etag, &v.Size, &v.ContentType, &modified, &replaced, &v.ReplacedBy, &blob); err != nil {
				return err
			}
			v.ETag, v.blob = etagText(etag), store.BlobID(blob)
			v.Modified, v.Replaced = time.Unix(modified, 0), time.Unix(replaced, 0)
			list = append(list, v)
		}
		return rows.Err()
	})
	return list, err
}

// OpenVersion opens an earlier content for reading; v comes from Versions.
func (c *Collections) OpenVersion(ctx context.Context, v Version) (*store.BlobReader, error) {
	var at store.Location
	err := c.store.Read(ctx, func(tx *store.Tx) (err error) {
		at, err = tx.Locate(v.blob)
		return err
	})
	if err != nil {
		return nil, err
	}
	return c.store.OpenBlob(ctx, at)
}

// RestoreVersion makes an earlier content of a file its content again; what it had until now becomes a version. fault.NotFound,
// fault.Forbidden, fault.InUse, fault.OverQuota.
func (c *Collections) RestoreVersion(ctx context.Context, who directory.ID, p Path, version int64, g Guard) (n Node, err error) {
	r, err := c.route(ctx, who, p)
	if err != nil {
		return n, err
	}
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		s, err := c.locate(tx, r)
		if err != nil {
			return err
		}
		if r.list || !s.found || s.last().kind != Object {
			return errNotFound()
		}
		if !s.access.privileges(s.path.Space, s.parent().kind, false).Write {
			return errForbidden()
		}
		if err := c.ask(ctx, tx, who, &g); err != nil {
			return err
		}
		if err := c.unlocked(tx, &s, &g, touchSelf); err != nil {
			return err
		}
		if err := c.restoreVersion(tx, &s, version); err != nil {
			return err
		}
		n = c.node(&s)
		return nil
	})
	return n, err
}

func (c *Collections) restoreVersion(tx *store.Tx, s *spot, version int64) error {
	e := s.last()
	var from entry
	var blob int64
	err := tx.QueryRow(`DELETE FROM dav_version WHERE id = $1 AND entry_id = $2 RETURNING blob_id, etag, size, content_type`, version, int64(e.id)).
		Scan(&blob, &from.etag, &from.size, &from.contentType)
	if isNoRows(err) {
		return fault.New(fault.NotFound, "there is no such version")
	}
	if err != nil {
		return err
	}
	from.blob = store.BlobID(blob)
	if err := keep(tx, s.access.owner, -from.size); err != nil {
		return err
	}
	if err := c.charge(tx, &s.access, from.size-e.size); err != nil {
		return err
	}
	return c.setContent(tx, s, &from)
}

// setContent gives the object of s the content of from, whose reference it takes over. A file's old content becomes a version. The
// quota is charged already.
func (c *Collections) setContent(tx *store.Tx, s *spot, from *entry) (err error) {
	e, in := s.last(), s.parent()
	old := *e
	e.blob, e.etag, e.size, e.contentType, e.indexed, e.at = from.blob, from.etag, from.size, from.contentType, from.indexed, store.Location{}
	if e.modseq, err = nextModSeq(tx, in.id); err != nil {
		return err
	}
	e.modified = c.now().Unix()
	if err := updateContent(tx, e); err != nil {
		return err
	}
	if from.id != 0 { // a copy or move, with its properties
		e.properties = from.properties
		if _, err := tx.Exec(`UPDATE dav_entry SET properties = $2 WHERE id = $1`, int64(e.id), e.properties); err != nil {
			return err
		}
	}
	if in.kind != Folder || old.size == 0 || fleeting(old.name) {
		return tx.Dereference(old.blob, 1)
	}
	return keepVersion(tx, &old, e.modified, s.access.who.ID)
}

// keepVersion makes a version of what a file had.
func keepVersion(tx *store.Tx, old *entry, now int64, by directory.ID) error {
	_, err := tx.Exec(`INSERT INTO dav_version (entry_id, owner_id, blob_id, etag, size, content_type, modified, replaced, replaced_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		int64(old.id), int64(old.owner), old.blob, old.etag, old.size, old.contentType, old.modified, now, int64(by))
	if err != nil {
		return fmt.Errorf("keep a version: %w", err)
	}
	if err := keep(tx, old.owner, old.size); err != nil {
		return err
	}
	return eraseVersions(tx, old.id, MaxVersions)
}

// eraseVersions removes all versions of a file but the newest few.
func eraseVersions(tx *store.Tx, file ID, but int) error {
	return dropVersions(tx, `DELETE FROM dav_version WHERE id IN (SELECT id FROM dav_version WHERE entry_id = $1
		ORDER BY id DESC LIMIT $2 OFFSET $3) RETURNING blob_id, size, owner_id`, int64(file), sliceRows, but)
}

// dropVersions runs a DELETE that returns blob_id, size, owner_id of versions and lets go of their contents.
func dropVersions(tx *store.Tx, query string, args ...any) error {
	gone, err := triples(tx, query, args...)
	if err != nil {
		return err
	}
	for _, row := range gone {
		if err := tx.Dereference(store.BlobID(row[0]), 1); err != nil {
			return err
		}
		if err := keep(tx, directory.ID(row[2]), -row[1]); err != nil {
			return err
		}
	}
	return nil
}

// keep adds to what an owner has in versions and the trash.
func keep(tx *store.Tx, owner directory.ID, bytes int64) error {
	_, err := tx.Exec(`UPDATE dav_owner SET kept_bytes = kept_bytes + $2 WHERE owner_id = $1`, int64(owner), bytes)
	return err
}
