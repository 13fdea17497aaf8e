package collection

import (
	"context"

	"schulhof/directory"
	"schulhof/store"
	"schulhof/store/fault"
)

// GroupSettings are what an administrator sets for a group.
type GroupSettings struct {
	MembersWrite bool  // every member writes in the group's folder; else owners, teachers and staff do
	QuotaBytes   int64 // -1: the default; 0: unlimited
}

// GroupSettings reads them. fault.NotFound.
func (c *Collections) GroupSettings(ctx context.Context, group directory.ID) (g GroupSettings, err error) {
	g.QuotaBytes = -1
	var quota *int64
	err = c.store.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(`SELECT members_write, quota_bytes FROM dav_owner WHERE owner_id = $1`, int64(group)).Scan(&g.MembersWrite, &quota)
	})
	if isNoRows(err) {
		return g, errNotFound()
	}
	if quota != nil {
		g.QuotaBytes = *quota
	}
	return g, err
}

// SetGroup writes them. fault.NotFound: no such group; fault.Invalid.
func (c *Collections) SetGroup(ctx context.Context, group directory.ID, g GroupSettings) error {
	if g.QuotaBytes < -1 {
		return fault.New(fault.Invalid, "a quota is not negative")
	}
	if _, err := c.dir.Account(ctx, group); err == nil {
		return errNotFound() // an account's quota is the directory's
	}
	var quota *int64
	if g.QuotaBytes >= 0 {
		quota = &g.QuotaBytes
	}
	return c.store.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`UPDATE dav_owner SET members_write = $2, quota_bytes = $3 WHERE owner_id = $1`, int64(group), g.MembersWrite, quota)
		if err == nil && n == 0 {
			err = errNotFound()
		}
		if err != nil {
			return err
		}
		tx.AfterCommit(func() {
			if r, ok := c.owners.get(group); ok {
				r.membersWrite = g.MembersWrite
				c.owners.put(group, r)
			}
		})
		return nil
	})
}
